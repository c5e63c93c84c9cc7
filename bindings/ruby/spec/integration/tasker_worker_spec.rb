# frozen_string_literal: true

require "spec_helper"
require "open3"
require "timeout"

# The executable, from its start to its exit code.
RSpec.describe "tasker-worker", :integration do
  root = File.expand_path("../..", __dir__)
  examples = File.expand_path("../../examples/ruby", root)
  command = [RbConfig.ruby, "-I", "#{root}/lib", "#{root}/exe/tasker-worker"]

  around { |example| Dir.mktmpdir { |folder| (@folder = folder) && example.run } }

  define_method(:settings) do
    ["--store", "sqlite:#{@folder}/worker.db", "--templates", examples, "-r", "#{examples}/all.rb"]
  end

  # Starts it, waits until it runs, and yields its id and output; answers how it ended.
  define_method(:run) do |*more, &block|
    Open3.popen2e(*command, *settings, *more, chdir: @folder) do |_in, out, thread|
      Timeout.timeout(20) do
        expect(out.gets).to include("runs")
        block.call(thread.pid, out)
        thread.value
      end
    ensure
      Process.kill(:KILL, thread.pid) if thread.alive?
    end
  end

  define_method(:fail_with) do |*arguments|
    output, status = Open3.capture2e(*command, *arguments, chdir: @folder)
    [status.exitstatus, output]
  end

  %i[TERM INT].each do |signal|
    it "ends with 0 after SIG#{signal}" do
      expect(run { |pid| Process.kill(signal, pid) }.exitstatus).to eq(0)
    end
  end

  it "prints its status as JSON after SIGUSR1, and goes on" do
    status = nil
    ended = run("--worker-id", "w-3") do |pid, out|
      Process.kill(:USR1, pid)
      status = JSON.parse(out.gets)
      Process.kill(:TERM, pid)
    end

    expect(status["rust"]).to include("running" => true, "worker_id" => "w-3")
    expect(status["ruby"]).to include("status" => "running", "subscriber_active" => true)
    expect(ended.exitstatus).to eq(0)
  end

  it "ends with 2 when its settings are wrong, and says which" do
    { ["--threads", "0"] => "threads", ["--nothing"] => "--nothing", ["left over"] => "left over",
      ["--processes", "3"] => "processes" }.each do |arguments, word|
      expect(fail_with(*arguments)).to match([2, a_string_including(word)])
    end
  end

  it "ends with 3 when the store cannot be had" do
    expect(fail_with(*settings, "--store", "mysql://h/d")).to match([3, /expected sqlite:FILE/])
    code = output = nil
    run do |pid|
      code, output = fail_with(*settings)
      Process.kill(:TERM, pid)
    end
    expect([code, output]).to match([3, /worker\.db/])
  end

  it "ends with 4 when the application cannot be loaded" do
    File.write("#{@folder}/broken.rb", "raise 'no configuration'")

    expect(fail_with("-r", "./broken.rb")).to match([4, /no configuration/])
    expect(fail_with("-r", "no/such/file")).to match([4, %r{no/such/file}])
  end

  ["./nofile.rb", "/no/file", "nofile.rb", "no_library"].each do |name|
    it "says in one line that #{name} is not there" do
      expect(fail_with("-r", name))
        .to match([4, /\Atasker-worker: -r #{Regexp.escape(name)}: [^\n]+\n\z/])
    end
  end

  it "shows where a file that is missing one of its own was loaded from" do
    File.write("#{@folder}/needy.rb", "require 'not_there'")
    File.write("#{@folder}/odd.rb", "def (")

    expect(fail_with("-r", "./needy.rb")).to match([4, /not_there.*needy\.rb:1/m])
    expect(fail_with("-r", "./odd.rb")).to match([4, /SyntaxError.*odd\.rb:1/m])
  end

  it "says when it starts who runs, on which store and templates" do
    line = nil
    named = [*command, *settings, "--worker-id", "w-5"]
    ended = Open3.popen2e(*named, chdir: @folder) do |_, out, thread|
      line = out.gets
      Process.kill(:TERM, thread.pid)
      thread.value
    end

    expect(line).to include("worker w-5", "store sqlite:#{@folder}/worker.db", examples, "runs")
    expect(ended.exitstatus).to eq(0)
  end

  it "says its version and its options" do
    expect(fail_with("--version")).to eq([0, "tasker-worker #{TaskerCore::VERSION}\n"])
    expect(fail_with("--help"))
      .to match([0, /--store.*--threads.*Signals:.*USR1.*Exit codes:.*Environment:.*TASKER_STORE/m])
  end
end
