# frozen_string_literal: true

require "timeout"

# Handlers that do what handlers should not. Whatever they do: the attempt is recorded, the step is
# tried again or fails for good, and the worker goes on.
RSpec.describe "Handlers that misbehave" do
  # rubocop:disable Lint/InheritException -- that is the point
  bare = Object.const_set(:HostileBareError, Class.new(Exception))
  nameless = Class.new(Exception)
  # rubocop:enable Lint/InheritException

  retryable = TaskerCore::Errors::RetryableError

  # An exception that answers a question with whatever the block does.
  answering = lambda do |question, &answer|
    Class.new(StandardError) { define_method(question, &answer) }.new("it")
  end
  deep = ->(depth) { deep.call(depth + 1) + 1 }

  ending_badly = lambda do |&ending|
    raise "no"
  ensure
    ending.call
  end

  # What it does => [what it does at its first attempt, class of the recorded error]
  deeds = {
    "raises a StandardError" => [-> { raise "no" }, "RuntimeError"],
    "raises a ScriptError" => [-> { raise ScriptError, "no" }, "ScriptError"],
    "raises a NotImplementedError" => [-> { raise NotImplementedError }, "NotImplementedError"],
    "raises a SyntaxError" => [-> { eval("def") }, "SyntaxError"], # rubocop:disable Style/EvalWithLocation
    "requires a file that is not there" => [-> { require "no/such/file" }, "LoadError"],
    "has no memory left" => [-> { raise NoMemoryError }, "NoMemoryError"],
    "calls itself without end" => [-> { deep.call(0) }, "SystemStackError"],
    "raises an Interrupt" => [-> { raise Interrupt }, "Interrupt"],
    "raises a SignalException" => [-> { raise SignalException, "TERM" }, "SignalException"],
    "raises what is no StandardError" => [-> { raise bare, "no" }, "HostileBareError"],
    "raises an error of a class without a name" => [-> { raise nameless, "no" }, nil],
    "raises an error whose message raises" =>
      [-> { raise answering.call(:message) { raise "again" } }, nil],
    "raises an error whose message raises no StandardError" =>
      [-> { raise answering.call(:message) { raise NoMemoryError } }, nil],
    "raises an error whose message calls itself" =>
      [-> { raise answering.call(:message) { deep.call(0) } }, nil],
    "raises an error whose message exits" => [-> { raise answering.call(:message) { exit } }, nil],
    "raises an error whose message is no String" =>
      [-> { raise answering.call(:message) { 7 } }, nil],
    "raises an error whose message is broken UTF-8" =>
      [-> { raise "a\xff\u0000b" }, "RuntimeError"],
    "raises an error whose message is UTF-16" =>
      [-> { raise "no".encode("UTF-16LE") }, "RuntimeError"],
    "raises an error whose message has 3 MiB" => [-> { raise "n" * (3 << 20) }, "RuntimeError"],
    "raises an error whose backtrace raises" =>
      [-> { raise answering.call(:backtrace) { raise "again" } }, nil],
    "raises an error whose backtrace is no list" =>
      [-> { raise answering.call(:backtrace) { Object.new } }, nil],
    "raises an error whose context is broken" =>
      [-> { raise retryable.new("no", context: { x: Float::NAN }) }, "RetryableError"],
    "raises an error whose context raises" =>
      [-> { raise answering.call(:context) { raise "again" } }, nil],
    "asks for a delay that is no number" =>
      [-> { raise retryable.new("no", retry_after: "soon") }, "RetryableError"],
    "asks for a delay that is NaN" =>
      [-> { raise retryable.new("no", retry_after: Float::NAN) }, "RetryableError"],
    "calls exit" => [-> { exit }, "SystemExit"],
    "calls exit with a status" => [-> { exit(3) }, "SystemExit"],
    "calls abort" => [-> { abort }, "SystemExit"],
    "throws what nobody catches" => [-> { throw :nowhere }, "UncaughtThrowError"],
    "breaks out of a block that is over" => [-> { proc { break }.call }, "LocalJumpError"],
    "kills its thread" => [-> { Thread.current.kill }, /HandlerStopped/],
    "ends its thread" => [-> { Thread.exit }, /HandlerStopped/],
    "kills its thread in an ensure block" =>
      [-> { ending_badly.call { Thread.current.kill } }, /HandlerStopped|RuntimeError/],
    "raises in its own thread" => [-> { Thread.current.raise(Interrupt, "no") }, "Interrupt"],
    "has a thread that ends it" =>
      [-> { Thread.current.then { |one| Thread.new { one.kill } } && sleep }, /HandlerStopped/],
    "has a thread that raises in it" =>
      [-> { Thread.current.then { |one| Thread.new { one.raise(IOError) } } && sleep }, "IOError"],
    "stops the bridge's listeners" => [-> { raise StopIteration }, "StopIteration"]
  }.freeze

  # What it returns => [the value, the path that is named]
  cyclic = { "a" => [1] }
  cyclic["a"] << cyclic
  returned = {
    "NaN" => [{ a: [1, { b: Float::NAN }] }, "$.a[1].b"],
    "Infinity" => [{ a: Float::INFINITY }, "$.a"],
    "-Infinity" => [[-Float::INFINITY], "$[0]"],
    "a Hash that contains itself" => [cyclic, "$.a[1]"],
    "broken UTF-8" => [{ a: { b: "x\xff" } }, "$.a.b"],
    "bytes" => [{ a: ["\xff\xfe".b] }, "$.a[0]"],
    "a broken key" => [{ a: { "x\xff" => 1 } }, "$.a"],
    "200 levels" => [200.times.inject(1) { |inner, _| { a: inner } }, "$.a.a"],
    "an object whose to_s raises" => [{ a: Class.new { def to_s = raise("no") }.new }, "$.a"],
    "an object whose to_json raises" =>
      [{ a: Class.new { def to_json(*) = raise("no") }.new }, "$.a"],
    "an object whose to_json exits" => [{ a: Class.new { def to_json(*) = exit }.new }, "$.a"],
    "more than 1 MiB" => [{ a: "x" * (1 << 20) }, "at $"]
  }.freeze

  template = lambda do |name, callable, more = ""|
    <<~YAML
      name: #{name}
      namespace_name: hostile
      version: "1.0.0"
      steps:
        - name: bad
          handler: {callable: #{callable}}
          retry: {max_attempts: 3, backoff: none}
          #{more}
        - name: good
          handler: {callable: hostile.good}
        - name: after
          handler: {callable: hostile.good}
          dependencies: [bad]
    YAML
  end

  before(:all) do
    @folder = Dir.mktmpdir
    @registry = TaskerCore::Registry::HandlerRegistry.instance
    @before = @registry.handlers
    @registry.register_handler("hostile.good", ->(_context) { { "fine" => true } })
    deeds.each_with_index { |(_, (deed, _)), i| put("deed#{i}", template) { deed.call } }
    returned.each_with_index do |(_, (value, _)), i|
      put("returned#{i}", template, always: true) { value }
    end
    put("forever", template, more: "timeout_seconds: 1") { sleep }
    put("spins", template, more: "timeout_seconds: 1") { loop { nil } }
    put("cleans", template, more: "timeout_seconds: 1") { clean_slowly("cleans") { sleep } }
    put("ends", template, more: "timeout_seconds: 1") { clean_slowly("ends") { raise "no" } }
    put_children(template)
    File.write("#{@folder}/normal.yaml", template.call("normal", "hostile.good"))
    TaskerCore::Worker::Bootstrap.start!(store: "sqlite:#{@folder}/store.db", templates: @folder,
                                         threads: 2)
  end

  after(:all) do
    TaskerCore::Worker::Bootstrap.instance.shutdown!(timeout: 5)
    @registry.instance_variable_set(:@handlers, @before)
    FileUtils.rm_rf(@folder)
  end

  # The misdeed is done at the first attempt, or at each.
  def put(name, template, always: false, more: "", &deed)
    File.write("#{@folder}/#{name}.yaml", template.call(name, "hostile.#{name}", more))
    handler = lambda do |context|
      always || context.workflow_step.attempt == 1 ? instance_exec(&deed) : { "again" => true }
    end
    @registry.register_handler("hostile.#{name}", handler)
  end

  def put_children(template)
    children = {
      "returns" => -> {}, "raises" => -> { raise "no" }, "exits" => -> { exit 5 },
      "aborts" => -> { abort }, "leaves" => -> { exit! 6 },
      "dies" => -> { Process.kill(:KILL, Process.pid) },
      "asks" => -> { exit!(TaskerCore::FFI.running? ? 3 : 4) }
    }
    children.each do |name, deed|
      put("child_#{name}", template, always: true) do
        child = Process.fork
        next deed.call if child.nil?

        { "status" => Process.wait2(child).last.exitstatus }
      end
    end
  end

  def clean_slowly(name)
    yield
  ensure
    File.write("#{@folder}/#{name}", "begun, ")
    sleep 1.5
    File.write("#{@folder}/#{name}", "done\n", mode: "a")
  end

  def run(name, timeout: 10)
    TaskerCore.submit(name: name, namespace: "hostile", context: {}).wait(timeout: timeout)
  end

  def attempts(task)
    step = task.steps.find { |one| one["name"] == "bad" }
    TaskerCore::Client.default.query(TaskerCore::Native::Store::QUERY_STEP,
                                     step_uuid: step["step_uuid"])
  end

  def bad_one(task)
    step = task.steps.find { |one| one["name"] == "bad" }
    TaskerCore::Client.default.query(TaskerCore::Native::Store::QUERY_STEP,
                                     step_uuid: step["step_uuid"])
  end

  def first_attempt(task) = bad_one(task)["attempts_list"].first

  # Two at once: as many as there are threads.
  def expect_to_go_on
    tasks = Array.new(2) { TaskerCore.submit(name: "normal", namespace: "hostile", context: {}) }
    expect(tasks.map { |task| task.wait(timeout: 10).state }).to eq(%w[complete complete])
    expect(TaskerCore::Worker::Bootstrap.instance.health_check[:healthy]).to be(true)
  end

  deeds.each_with_index do |(name, (_, error)), i|
    it "one that #{name} fails, and is tried again" do
      task = run("deed#{i}")

      expect([task.state, bad_one(task)["attempts"]]).to eq(["complete", 2])
      attempt = first_attempt(task)
      expect(attempt["outcome"]).to eq("error")
      expect(attempt["error"]).to include("retryable" => true)
      expect(attempt["error"]["error_type"]).to match(error) unless error.nil?
      expect_to_go_on
    end
  end

  returned.each_with_index do |(name, (_, path)), i|
    it "one that returns #{name} fails for good, and the place is named" do
      task = run("returned#{i}")

      expect([task.state, bad_one(task)["attempts"]]).to eq(["blocked_by_failures", 1])
      attempt = first_attempt(task)
      expect(attempt["error"]).to include("retryable" => false)
      expect(attempt["error"]["message"]).to include(path)
      expect_to_go_on
    end
  end

  %w[forever spins].each do |name|
    it "one that #{name == "spins" ? "counts" : "sleeps"} for ever is over its time" do
      task = run(name)

      expect([task.state, bad_one(task)["attempts"]]).to eq(["complete", 2])
      expect(first_attempt(task)["error"]).to include("error_type" => "TimeoutError",
                                                      "retryable" => true)
      expect_to_go_on
    end
  end

  { "cleans" => "of one that is over its time", "ends" => "that takes too long" }
    .each do |name, which|
    it "the ensure block #{which} is not interrupted" do
      task = run(name)

      expect(task.state).to eq("complete")
      expect(first_attempt(task)["error"]).to include("error_type" => "TimeoutError")
      expect_to_go_on
      Timeout.timeout(5) { sleep 0.05 until File.size?("#{@folder}/#{name}").to_i > "begun, ".size }
      expect(File.read("#{@folder}/#{name}")).to eq("begun, done\n")
    end
  end

  it "the child of one that forks and comes back ends, with what it would have recorded" do
    expect(run("child_returns").result("bad")).to eq("status" => 70)
    expect(run("child_raises").result("bad")).to eq("status" => 70)
    expect_to_go_on
  end

  it "the child of one that forks may end itself" do
    expect(run("child_exits").result("bad")).to eq("status" => 5)
    expect(run("child_aborts").result("bad")).to eq("status" => 1)
    expect(run("child_leaves").result("bad")).to eq("status" => 6)
    expect(run("child_dies").result("bad")).to eq("status" => nil)
    expect_to_go_on
  end

  it "the child of one that forks cannot use the worker" do
    expect(run("child_asks").result("bad")).to eq("status" => 4)
    expect_to_go_on
  end
end
