# frozen_string_literal: true

require "timeout"

# Handlers that harm the process they run in, in worker processes of their own. The process goes on
# or ends, soon and clearly; the next one finishes what was begun.
RSpec.describe "Handlers that harm their process" do
  gem = File.expand_path("../..", __dir__)
  # The extension that these specs run with, also when it is another build.
  extension = $LOADED_FEATURES.grep(%r{tasker_core/tasker_core\.so\z}).first
  folders = [File.expand_path("../..", extension), "#{gem}/lib"].flat_map { |path| ["-I", path] }

  # What it does => [Ruby code, what becomes of the process: :lives, :lives_or_ends, or a status]
  deeds = {
    "leaves with exit!" => ["exit!(3)", /exit 3/],
    "kills its process" => ["Process.kill(:KILL, $$); sleep 5", /SIGKILL/],
    "asks its process to end" => ["Process.kill(:TERM, $$)", /exit 0/],
    "raises in the main thread" => ["Thread.main.raise('no')", /exit 4/],
    "kills the main thread" => ["Thread.main.kill", :lives],
    "kills all other threads" =>
      ["(Thread.list - [Thread.main, Thread.current]).each(&:kill)", :lives],
    "raises in all other threads" =>
      ["(Thread.list - [Thread.main, Thread.current]).each { |one| one.raise('no') }", :lives],
    "closes standard input, output and errors" =>
      ["[$stdin, $stdout, $stderr].each(&:close)", :lives],
    "closes the descriptors of these" =>
      ["3.times { |fd| IO.for_fd(fd, autoclose: false).close }", :lives],
    "closes every descriptor" => [<<~RUBY, :lives_or_ends]
      (3..255).each do |fd|
        IO.for_fd(fd, autoclose: false).close
      rescue SystemCallError, ArgumentError
        nil
      end
    RUBY
  }.freeze

  around do |example|
    Dir.mktmpdir do |folder|
      @folder = folder
      @client = TaskerCore.connect("sqlite:#{folder}/store.db")
      example.run
    ensure
      stop
      @client.close
    end
  end

  def write_program(deed)
    Dir.mkdir("#{@folder}/tasks")
    File.write("#{@folder}/tasks/harm.yaml", <<~YAML)
      name: harm
      namespace_name: hostile
      version: "1.0.0"
      steps:
        - name: bad
          handler: {callable: Harm}
          retry: {max_attempts: 3, backoff: none}
        - name: after
          handler: {callable: Fine}
          dependencies: [bad]
    YAML
    File.write("#{@folder}/handlers.rb", <<~RUBY)
      class Fine
        def call(_context) = { "fine" => true }
      end

      class Harm
        def call(context)
          again = context.workflow_step.attempt > 1 || context.context["tame"]
          return { "again" => true } if again

          #{deed}
          { "done" => true }
        end
      end
    RUBY
  end

  define_method(:start) do
    @pid = Process.spawn(RbConfig.ruby, *folders, "#{gem}/exe/tasker-worker", "--store",
                         "sqlite:#{@folder}/store.db", "--templates", "#{@folder}/tasks", "-r",
                         "#{@folder}/handlers.rb", "--threads", "2",
                         in: File::NULL, %i[out err] => ["#{@folder}/log", "a"])
  end

  # @return [Process::Status] of a process that is asked, or made, to end
  def stop(signal = :KILL)
    return if @pid.nil?

    Process.kill(signal, @pid)
    wait_for_end
  end

  def wait_for_end
    Timeout.timeout(25) { Process.wait2(@pid).last }.tap { @pid = nil }
  end

  def submit(**context) = @client.submit(name: "harm", namespace: "hostile", context: context)

  def put_templates
    @client.send(:native).put_templates("#{@folder}/tasks")
  end

  def expect_to_live(task)
    expect(task.wait(timeout: 10).state).to eq("complete")
    expect(submit(tame: true).wait(timeout: 10).state).to eq("complete")
    expect(stop(:TERM)).to be_success
  end

  # It must not stay without working.
  def expect_to_live_or_end(task)
    Timeout.timeout(10) do
      sleep 0.02 until task.state == "complete" || Process.wait2(@pid, Process::WNOHANG)
    end
    stop
  rescue SystemCallError # it has ended
    @pid = nil
  end

  deeds.each do |name, (deed, fate)|
    it "one that #{name} loses no step" do
      write_program(deed)
      put_templates
      task = submit
      start

      case fate
      when :lives then expect_to_live(task)
      when :lives_or_ends then expect_to_live_or_end(task)
      else expect(wait_for_end.to_s).to match(fate)
      end
      start
      expect(task.wait(timeout: 10).state).to eq("complete")
      expect(task.result("after")).to eq("fine" => true)
      expect(task.steps.first["attempts"]).to be <= 2
    end
  end
end
