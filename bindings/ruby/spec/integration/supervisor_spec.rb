# frozen_string_literal: true

require "spec_helper"
require "open3"
require "timeout"

# `tasker-worker --processes N`, with real processes that die.
RSpec.describe "tasker-worker --processes", :integration do
  root = File.expand_path("../..", __dir__)
  command = [RbConfig.ruby, "-I", "#{root}/lib", "#{root}/exe/tasker-worker"]
  template = <<~YAML
    name: nap
    namespace_name: SPACE
    version: 1.0.0
    steps:
      - name: nap
        handler: { callable: Napper }
        retry: { max_attempts: 5, backoff: linear, backoff_base_ms: 50 }
  YAML
  # Says where and when it runs; the application is loaded by the supervisor.
  application = <<~RUBY
    LOADED_BY = Process.pid
    class Napper < TaskerCore::StepHandler::Base
      def call(task, _sequence, step)
        File.write(task.context["log"], "\#{Process.pid} \#{LOADED_BY} \#{step.attempts}\\n", mode: "a")
        sleep task.context["seconds"].to_f
        success(result: { pid: Process.pid })
      end
    end
  RUBY

  before { @space = "space#{Random.rand(1 << 40)}" }

  around do |example|
    Dir.mktmpdir do |folder|
      @folder = folder
      File.write("#{folder}/app.rb", application)
      example.run
    end
  end

  define_method(:settings) do
    FileUtils.mkdir_p("#{@folder}/tasks")
    File.write("#{@folder}/tasks/nap.yaml", template.sub("SPACE", @space))
    ["--templates", "#{@folder}/tasks", "--namespace", @space, "-r", "#{@folder}/app.rb"]
  end

  # Starts it and yields its id, once `ready` workers run; answers how it ended. @output grows.
  define_method(:run) do |*more, ready:, env: {}, &block|
    Open3.popen2e(env, *command, *settings, *more, chdir: @folder) do |_in, out, thread|
      @output = +""
      reader = Thread.new { out.each_line { |line| @output << line } }
      Timeout.timeout(60) do
        wait_until { @output.scan("runs; SIGINT").size >= ready }
        block.call(thread.pid)
        thread.value
      end
    ensure
      Process.kill(:KILL, thread.pid) if thread.alive?
      reader&.join(5)
    end
  end

  def wait_until(seconds = 20)
    Timeout.timeout(seconds) { sleep 0.02 until yield }
  end

  def children_of(pid) = File.read("/proc/#{pid}/task/#{pid}/children").split.map(&:to_i)

  # What the handlers wrote: [pid, who loaded the application, attempts before].
  def runs
    lines = File.exist?("#{@folder}/log") ? File.readlines("#{@folder}/log") : []
    lines.map { |line| line.split.map(&:to_i) }
  end

  def submit(client, seconds: 0)
    client.submit(name: "nap", namespace: @space,
                  context: { log: "#{@folder}/log", seconds: seconds })
  end

  it "refuses more than one process on SQLite, and says why" do
    output, status = Open3.capture2e(*command, "--processes", "2", "--store", "sqlite:x.db")

    expect([status.exitstatus, output]).to match([2, /a SQLite file has one worker process/])
    expect(File.exist?("x.db")).to be(false)
  end

  ["0", "65", "-1"].each do |count|
    it "refuses #{count} processes" do
      output, status = Open3.capture2e(*command, "--processes", count, "--store", "postgres://h/d")

      expect([status.exitstatus, output]).to match([2, /--processes: 1 to 64/])
    end
  end

  it "supervises one process on SQLite" do
    store = "sqlite:#{@folder}/one.db"
    ended = run("--processes", "1", "--store", store, ready: 1) do |pid|
      child = children_of(pid).first
      Process.kill(:KILL, child)
      wait_until { @output.scan("runs; SIGINT").size >= 2 }
      expect(children_of(pid)).not_to include(child)
      Process.kill(:TERM, pid)
    end

    expect(ended.exitstatus).to eq(0)
  end

  it "replaces a child that was told to end, and waits longer for one that ends at once" do
    store = "sqlite:#{@folder}/one.db"
    times = []
    ended = run("--processes", "1", "--store", store, ready: 1) do |pid|
      3.times do |round|
        Process.kill(:TERM, children_of(pid).first)
        began = Time.now
        wait_until { @output.scan("runs; SIGINT").size >= round + 2 }
        times << (Time.now - began)
      end
      Process.kill(:TERM, pid)
    end

    expect(ended.exitstatus).to eq(0)
    expect(times).to match([be >= 0.25, be >= 0.5, be >= 1])
    expect(@output.scan("ended: code 0").size).to eq(3)
  end

  it "ends with the child's code and a message when a child cannot start" do
    arguments = [*settings, "--processes", "1", "--store", "sqlite:#{@folder}/a.db"]
    File.write("#{@folder}/app.rb", "") # nothing to run: wrong settings are not tried again
    output, status = Open3.capture2e(*command, *arguments)

    expect([status.exitstatus, output])
      .to match([2, /nothing to run.*process 1 could not start \(code 2, try 1 of 8\)/m])
  end

  it "says that an application must not start a worker itself" do
    File.write("#{@folder}/app.rb", "#{application}\nTaskerCore::Worker::Bootstrap.start!")
    output, status = Open3.capture2e({ "TASKER_STORE" => "sqlite:#{@folder}/b.db" },
                                     *command, *settings, "--processes", "1")

    expect([status.exitstatus, output]).to match([2, /has started a worker.*after the fork/m])
  end

  context "with PostgreSQL", :postgres do
    let(:client) { TaskerCore.connect(ENV.fetch("TASKER_TEST_POSTGRES")) }

    after { client.close }

    define_method(:supervised) do |*more, ready: 2, &block|
      run("--processes", ready.to_s, "--threads", "2", "--store",
          ENV.fetch("TASKER_TEST_POSTGRES"), *more, ready: ready, &block)
    end

    it "starts a killed child again, and its step runs again" do
      ended = supervised do |pid|
        task = submit(client, seconds: 0.5)
        wait_until { runs.any? }
        killed = runs.last.first
        Process.kill(:KILL, killed)
        wait_until { children_of(pid).size == 2 && !children_of(pid).include?(killed) }

        expect(task.wait(timeout: 30).state).to eq("complete")
        expect(runs.map { |run| run[1] }.uniq).to eq([pid]) # loaded once, before the fork
        expect(runs.map(&:last)).to eq([0, 1])
        expect(@output).to match(/process \d \(pid #{killed}\) ended: signal KILL/)
        Process.kill(:TERM, pid)
      end

      expect(ended.exitstatus).to eq(0)
    end

    it "lets handlers finish on the first signal" do
      task = nil
      ended = supervised do |pid|
        task = submit(client, seconds: 1.5)
        wait_until { runs.any? }
        children = children_of(pid)
        Process.kill(:TERM, pid)
        children.each { |child| Process.kill(:TERM, child) } # a process manager tells all of them
      end

      expect(ended.exitstatus).to eq(0)
      expect([task.state, runs.size]).to eq(["complete", 1])
    end

    it "gives running steps back at once on the second" do
      task = began = nil
      ended = supervised do |pid|
        task = submit(client, seconds: 30)
        wait_until { runs.any? }
        began = Time.now
        Process.kill(:INT, pid)
        wait_until { @output.include?("waits for") }
        Process.kill(:INT, pid)
      end

      expect([ended.exitstatus, Time.now - began]).to match([1, be < 15])
      expect(client.counts["steps"]).to include("running" => 0)
      task.cancel
    end

    it "shows who is alive after SIGUSR1" do
      ended = supervised("--worker-id", "w") do |pid|
        Process.kill(:USR1, pid)
        wait_until { @output.scan('"worker_core_status"').size == 2 }
        alive = JSON.parse(@output[/^{"supervisor".*$/])
        expect(alive["processes"].map { |one| one["pid"] }).to match_array(children_of(pid))
        titles = children_of(pid).map { |child| File.read("/proc/#{child}/cmdline").delete("\0") }
        expect(titles).to contain_exactly("tasker-worker: process 1 of 2",
                                          "tasker-worker: process 2 of 2")
        expect(@output).to include('"worker_id":"w-1"', '"worker_id":"w-2"')
        Process.kill(:TERM, pid)
      end

      expect(ended.exitstatus).to eq(0)
    end

    it "leaves no worker behind when the supervisor itself is killed" do
      children = []
      supervised do |pid|
        children = children_of(pid)
        Process.kill(:KILL, pid)
      end

      wait_until { children.none? { |child| File.exist?("/proc/#{child}") } }
    end
  end

  it "tries a store that is not there again, each time later, and gives up" do
    small = <<~RUBY
      require "tasker_core"
      TaskerCore::Worker::Supervisor.send(:remove_const, :PAUSE_SECONDS_MAX)
      TaskerCore::Worker::Supervisor::PAUSE_SECONDS_MAX = 0.05
    RUBY
    File.write("#{@folder}/small.rb", small)
    store = "postgres://tasker@/postgres?host=#{@folder}/nowhere"
    output, status = Open3.capture2e(*command, *settings, "-r", "#{@folder}/small.rb",
                                     "--processes", "2", "--store", store)

    expect([status.exitstatus, output])
      .to match([3, /could not start \(code 3, try 8 of 8\): ends/])
  end
end
