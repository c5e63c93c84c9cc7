# frozen_string_literal: true

require "spec_helper"

# Values over the boundary and back: submitted as JSON, stored, claimed, handed to Ruby, completed,
# stored again, and seen by the next step. Also run under AddressSanitizer (`rake spec:asan`).
RSpec.describe "The boundary of the extension", :native do
  template = <<~YAML
    name: carry
    namespace_name: boundary
    version: "1.0.0"
    steps:
      - name: first
        handler: {callable: First, initialization: {note: "é", limit: 340282366920938463463374607431768211456}}
        retry: {max_attempts: 2, backoff: none}
      - name: second
        handler: {callable: Second}
        dependencies: [first]
  YAML

  before do
    @folder = Dir.mktmpdir
    @store = TaskerCore::Native::Store.open("sqlite:#{@folder}/store.db", "test", *[false] * 3)
    @store.put_template(template, "carry.yaml")
    @worker = TaskerCore::Native::Worker.open(@store, %w[First Second].freeze, [].freeze, "spec",
                                              2, false)
  end

  it "writes a time down to the microsecond, and none before 1970" do
    native = TaskerCore::Native

    expect(native.timestamp(1_700_000_000_000_042)).to eq("2023-11-14T22:13:20.000042Z")
    expect([native.timestamp(0), native.timestamp(-1), native.timestamp(2**62)]).to eq([nil] * 3)
  end

  after do
    begin
      @worker.stop(1000)
    rescue TaskerCore::Errors::FFIError
      nil # an example has closed it
    end
    @worker.close
    @store.close
    FileUtils.rm_rf(@folder)
  end

  def submit(context)
    request = { name: "carry", namespace: "boundary", context: context }
    JSON.parse(@store.submit(JSON.generate(request, max_nesting: 0), nil)).fetch("task_uuid")
  end

  # next() may answer nil because of an interrupt.
  def take
    event = 10.times.lazy.filter_map { @worker.next(1000) }.first or raise "no step came"
    [event, TaskerCore::Models::TaskSequenceStepWrapper.new(event["task_sequence_step"])]
  end

  def complete(event, result, metadata = {})
    @worker.complete(event["event_id"], true, JSON.generate(result, max_nesting: 0),
                     JSON.generate(metadata), false, nil, nil, nil, nil, nil)
  end

  def fail_step(event, message, backtrace: nil)
    @worker.complete(event["event_id"], false, nil, nil, true, 0, message, "Boom", "code-7",
                     backtrace)
  end

  # Through both steps; the value as each of them saw it.
  def carry(value)
    submit("value" => value)
    event, step = take
    arrived = step.task.context["value"]
    expect(complete(event, arrived)).to be(true)
    event, step = take
    carried = step.dependency_results.get_results("first")
    complete(event, nil)
    [arrived, carried]
  end

  def nested(levels) = (1...levels).reduce([]) { |inner, _| [inner] }

  values = {
    "nil" => nil, "true" => true, "false" => false, "zero" => 0, "a negative" => -1,
    "the largest of 64 bits" => (2**63) - 1, "one more than 64 bits" => 2**64,
    "a number of 400 digits" => -(10**400) + 7, "a float" => 0.1, "a large float" => 1.7e308,
    "a small float" => 5e-324, "no text" => "", "text" => "grüße \u{1f680}",
    "quotes and breaks" => %("\\/\b\f\n\r\t\u2028),
    "no list" => [], "a list" => [1, "two", nil, [3.5]], "no object" => {},
    "an object" => { "a" => { "b" => [{ "c" => 1 }] }, "" => 0, "é" => "ü", "a.b" => 2 },
    "a list of a thousand" => (1..1000).to_a
  }

  values.each do |what, value|
    it "carries #{what} there and back" do
      expect(carry(value)).to eq([value, value])
    end
  end

  it "carries big integers as integers" do
    expect(carry([2**64, 4**64, 6**64])[1]).to all(be_an(Integer))
  end

  it "carries a value nested as deep as the engine accepts" do
    expect(carry(nested(126))).to eq([nested(126)] * 2)
  end

  it "refuses what is deeper, with the place" do
    expect { submit("value" => nested(1000)) }
      .to raise_error(TaskerCore::Errors::FFIError, /\$\.context.*deep|deep.*context|128/)
  end

  it "carries a value of nearly a mebibyte" do
    value = "é" * ((1024 * 1024 / 2) - 100)

    expect(carry(value)).to eq([value, value])
  end

  it "refuses a context of more than a mebibyte" do
    expect { submit("value" => "x" * (1024 * 1024)) }
      .to raise_error(TaskerCore::Errors::FFIError, /1048576/)
  end

  it "refuses a NUL in text, with its place" do
    expect { submit("value" => "a\u0000b") }
      .to raise_error(TaskerCore::Errors::FFIError, /without NUL.*\$\.context\.value/)
  end

  it "hands out every member of the event" do
    uuid = submit("value" => 1)
    event, step = take

    expect(event.keys).to contain_exactly("event_id", "task_uuid", "step_uuid", "callable",
                                          "task_sequence_step")
    expect([event["task_uuid"], event["callable"]]).to eq([uuid, "First"])
    expect(event.values_at("event_id", "task_uuid", "step_uuid")).to all(match(/\A[\h-]{36}\z/))
    expect([step.task.task_name, step.task.namespace_name, step.task.task_version])
      .to eq(%w[carry boundary 1.0.0])
    expect(step.workflow_step.name).to eq("first")
    expect([step.workflow_step.attempts, step.workflow_step.max_attempts]).to eq([0, 2])
    expect(step.workflow_step.inputs).to eq("note" => "é", "limit" => 2**128)
    expect(step.step_definition.handler.callable).to eq("First")
    expect(event["task_sequence_step"]["task"]["task"]["created_at"])
      .to match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\z/)
  end

  it "shows the next attempt why the one before it failed" do
    submit("value" => 1)
    event, = take
    fail_step(event, "broken \xFF bytes \u0000 and é", backtrace: "a.rb:1\nb.rb:2")
    event, step = take

    failure = step.workflow_step.results
    expect(failure["success"]).to be(false)
    expect(failure["error"]["message"]).to start_with("broken ").and include("é")
    expect(failure["error"]["message"]).to be_valid_encoding
    expect(step.workflow_step.attempts).to eq(1)
    complete(event, 1)
  end

  it "takes an outcome once" do
    submit("value" => 1)
    event, = take

    expect(complete(event, 1)).to be(true)
    expect(complete(event, 2)).to be(false)
    expect(fail_step(event, "late")).to be(false)
  end

  ["0192f0c1-7000-7000-8000-000000000001", nil, 7, "not a UUID", "x" * 100_000, "a\0b",
   ""].each do |event_id|
    it "refuses the event id #{event_id.inspect[0, 20]}" do
      expect do
        @worker.complete(event_id, true, "1", "{}", false, nil, nil, nil, nil, nil)
      end.to raise_error(StandardError, /event id|String|null byte/)
    end
  end

  { "a broken document" => "{", "a broken word" => "nul", "a comma too many" => "[1,]",
    "two documents" => "1 2", "a NUL" => "\u0000",
    "more than a mebibyte" => JSON.generate("x" * (1024 * 1024)) }.each do |what, text|
    it "fails a step for good whose result is #{what}" do
      uuid = submit("value" => 1)
      event, = take
      @worker.complete(event["event_id"], true, text, "{}", false, nil, nil, nil, nil, nil)
      expect(JSON.parse(@store.wait(uuid, 5000))["state"]).to eq("blocked_by_failures")
    end
  end

  it "keeps a result with broken UTF-8, mended" do
    submit("value" => 1)
    event, = take
    @worker.complete(event["event_id"], true, %("a\xFFb"), "{}", false, nil, nil, nil, nil, nil)
    _, step = take

    expect(step.dependency_results.get_results("first")).to be_valid_encoding.and match(/\Aa.+b\z/)
  end

  it "refuses arguments of other kinds with a TypeError" do
    expect { @store.submit(7, nil) }.to raise_error(TypeError)
    expect { @store.query("tasks", "{}") }.to raise_error(TypeError)
    expect { @store.act(:cancel_task, "x", nil, nil, nil) }.to raise_error(TypeError)
    expect { @store.act("explode", "x", nil, nil, nil) }.to raise_error(ArgumentError)
    expect { @worker.next("soon") }.to raise_error(TypeError)
    expect { TaskerCore::Native::Worker.allocate }.to raise_error(TypeError)
  end

  it "says that a handle is closed instead of using it" do
    @worker.stop(1000)
    2.times { expect([@worker.close, @store.close]).to eq([nil, nil]) }

    expect { @worker.next(0) }.to raise_error(TaskerCore::Errors::FFIError, /closed/)
    expect { @store.submit("{}", nil) }.to raise_error(TaskerCore::Errors::FFIError, /closed/)
  end

  it "lets other threads run while one waits" do
    waiting = Thread.new { @worker.next(10_000) }
    count = 0
    until_at = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.1
    count += 1 while Process.clock_gettime(Process::CLOCK_MONOTONIC) < until_at

    expect(count).to be > 1000
    waiting.kill
    expect(waiting.join(2)).to eq(waiting)
  end

  it "tells a forked child that its handles belong to the parent" do
    out, writer = IO.pipe
    pid = fork do
      @worker.next(0)
    rescue TaskerCore::Errors::FFIError => e
      writer.write(e.message)
      exit!(0)
    end
    writer.close
    Process.wait(pid)

    expect(out.read).to include("forked")
  end

  # Each allocation costs a whole collection: few values, and only what the extension does.
  ["nil", "a number of 400 digits", "text", "an object", "a list of a thousand"].each do |what|
    it "carries #{what} while the collector runs at every allocation" do
      submit("value" => values.fetch(what))
      sleep 0.01 until @worker.stats["waiting"].positive?
      event = stressed { @worker.next(0) }
      step = TaskerCore::Models::TaskSequenceStepWrapper.new(event["task_sequence_step"])

      expect(step.task.context["value"]).to eq(values.fetch(what))
      outcome = ["{}", false, nil, "stress", "S", nil, "x:1"]
      expect(stressed { @worker.complete(event["event_id"], false, nil, *outcome) }).to be(true)
    end
  end

  def stressed
    GC.stress = true
    yield
  ensure
    GC.stress = false
  end

  it "keeps errors whole while the collector runs at every allocation" do
    error = begin
      stressed { @store.submit('{"name":"nothing","namespace":"boundary","context":{}}', nil) }
    rescue TaskerCore::Errors::FFIError => e
      e
    end

    expect([error.operation, error.context[:retryable]]).to eq(["submit", false])
    expect(error.message).to include("nothing")
  end
end
