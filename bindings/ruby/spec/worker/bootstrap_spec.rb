# frozen_string_literal: true

# A worker on a store of its own, with everything in it.
RSpec.describe TaskerCore::Worker::Bootstrap do
  let(:worker) { described_class.instance }

  # Those that other examples left would handle each event too.
  before do
    ObjectSpace.each_object(TaskerCore::Worker::StepExecutionSubscriber).each(&:stop!)
  end

  def template(*steps, namespace: "boot")
    JSON.generate("name" => "work", "namespace_name" => namespace, "version" => "1.0.0",
                  "steps" => steps)
  end

  def step(callable = "Boot::Work", name: "only", dependencies: [], attempts: 1, **more)
    { "name" => name, "handler" => { "callable" => callable }, "dependencies" => dependencies,
      "retry" => { "max_attempts" => attempts, "backoff_base_ms" => 1, "max_backoff_ms" => 5 },
      **more.transform_keys(&:to_s) }
  end

  def register(name = "Boot::Work", &handler)
    TaskerCore::Registry::HandlerRegistry.instance.register_handler(name, handler)
  end

  def submit(**context)
    TaskerCore.submit(name: "work", namespace: "boot", context: context)
  end

  def run(**context) = submit(**context).wait(timeout: 20)

  def attempts(task)
    client = TaskerCore::Client.default
    client.query(TaskerCore::Native::Store::QUERY_STEP,
                 step_uuid: task.steps.first["step_uuid"])
  end

  describe "its life" do
    it "starts once, whoever calls" do
      register { 1 }
      with_worker(template(step)) do
        answers = Array.new(8) { Thread.new { TaskerCore::FFI.bootstrap_worker } }.map(&:value)

        expect(answers.map { |one| one["status"] }).to all(eq("already_running"))
        expect(described_class.start!).to be(worker)
      end
    end

    it "is started by exactly one of many callers" do
      Dir.mktmpdir do |folder|
        config = { store: "sqlite:#{folder}/store.db", callables: ["Boot::Work"] }
        answers = Array.new(8) { Thread.new { TaskerCore::FFI.bootstrap_worker(config) } }
                       .map(&:value)

        expect(answers.map { |one| one["status"] }.tally)
          .to eq("started" => 1, "already_running" => 7)
        expect(answers.map { |one| one["handle_id"] }.uniq.size).to eq(1)
        expect(TaskerCore::FFI.stop_worker).to eq("Worker system stopped")
        expect(TaskerCore::FFI.stop_worker).to eq("Worker system not running")
      end
    end

    it "tells its state, and stops once" do
      register { 1 }
      stopped = []
      worker.on_shutdown { stopped << worker.state }
      with_worker(template(step), worker_id: "w-7") do
        expect(worker).to be_running
        expect(worker.status.fetch(:rust)).to include("running" => true, "worker_id" => "w-7",
                                                      "supported_namespaces" => ["boot"])
        expect(worker.health_check).to include(healthy: true, status: :running)
        expect(worker.with_rust_handle { |handle| handle["handle_id"] }).to match(/\A\h{8}-/)
      end

      expect([worker.state, worker.running?]).to eq([:stopped, false])
      expect(worker.shutdown!).to be(true)
      expect(stopped).to eq([:shutting_down])
      expect(worker.health_check).to eq(healthy: false, status: :stopped, error: "not_running")
      expect(TaskerCore::FFI.worker_status).to include("running" => false)
    end

    it "refuses what needs a worker while there is none" do
      expect { TaskerCore::FFI.poll_step_events }
        .to raise_error(TaskerCore::Errors::FFIError, /not running/)
      expect { TaskerCore::FFI.transition_to_graceful_shutdown }
        .to raise_error(TaskerCore::Errors::FFIError, /not running/)
      expect { TaskerCore::FFI.send_step_completion_event(event_id: "e", success: true) }
        .to raise_error(TaskerCore::Errors::FFIError, /not running/)
    end

    it "tells a store that cannot be opened, and can be started afterwards" do
      expect { described_class.start!(store: "mysql:x") }
        .to raise_error(TaskerCore::Errors::FFIError)
      expect(worker).not_to be_running

      register { 1 }
      with_worker(template(step)) { expect(run.state).to eq("complete") }
    end

    it "lets running handlers finish before it stops" do
      register { sleep 0.3 and "done" }
      Dir.mktmpdir do |folder|
        described_class.start!(store: "sqlite:#{folder}/s.db", threads: 1,
                               templates: File.dirname(File.join(folder, "none", "x")))
      rescue TaskerCore::Errors::FFIError => e
        expect(e.message).to include("none")
      end
      with_worker(template(step)) do |url|
        task = submit
        sleep 0.1
        expect(worker.shutdown!(timeout: 5)).to be(true)

        client = TaskerCore.connect(url)
        expect(client.task(task.uuid).result("only")).to eq("done")
        client.close
      end
    end

    it "gives back what does not finish in time" do
      register { sleep }
      with_worker(template(step(attempts: 3))) do |url|
        task = submit
        sleep 0.1
        expect(worker.shutdown!(timeout: 0.1)).to be(false)

        client = TaskerCore.connect(url)
        expect(client.task(task.uuid).state).not_to eq("complete")
        client.close
      end
    end
  end

  describe "a handler" do
    it "is tried again, and sees which attempt it is" do
      register do |_task, _sequence, step|
        raise "not yet" if step.attempts < 2

        { attempts: step.attempts, before: step.results.dig("error", "message") }
      end
      with_worker(template(step(attempts: 3))) do
        expect(run.result("only")).to eq("attempts" => 2, "before" => "not yet")
      end
    end

    it "may end its thread, exit, throw and raise what it likes: the worker goes on" do
      register do |task, _sequence, _step|
        case task.context["how"]
        when "kill" then Thread.current.kill
        when "exit" then exit(1)
        when "throw" then throw(:nobody)
        when "memory" then raise NoMemoryError
        when "exit thread" then Thread.exit
        else "fine"
        end
      end
      with_worker(template(step), threads: 2) do
        ways = ["kill", "exit", "throw", "memory", "exit thread"] * 2
        tasks = ways.map { |how| submit(how: how) }

        expect(tasks.map { |task| task.wait(timeout: 20).state })
          .to all(eq("blocked_by_failures"))
        expect(Array.new(4) { run(how: "well").result("only") }).to all(eq("fine"))
      end
    end

    it "that returns what JSON cannot express fails for good, with the place" do
      cyclic = []
      cyclic << cyclic
      values = { "NaN at $.a[1]" => { a: [1, Float::NAN] }, "-Infinity at $" => -Float::INFINITY,
                 "contains itself" => cyclic, "text at $.t" => { t: "\xff" },
                 "text at $[0]" => ["\xe9".b],
                 "levels deep" => (1..200).reduce(1) { |inner, _| [inner] } }
      register { |task, _sequence, _step| values.fetch(task.context["which"]) }
      with_worker(template(step(attempts: 5))) do
        values.each_key do |place|
          task = run(which: place)

          expect(task.state).to eq("blocked_by_failures")
          expect(JSON.generate(attempts(task))).to include(place, "result_not_json")
        end
      end
    end

    it "that has metadata JSON cannot express keeps its result" do
      register do
        TaskerCore::Types::StepHandlerCallResult.success(result: 1, metadata: { x: Float::NAN })
      end
      with_worker(template(step)) { expect(run.result("only")).to eq(1) }
    end

    it "past its time is interrupted; the step is tried again, and the thread serves on" do
      count = 0
      register { (count += 1) == 1 ? sleep : "in time" }
      with_worker(template(step(attempts: 2, timeout_seconds: 1)), threads: 1) do
        expect(run.result("only")).to eq("in time")
        expect(run.result("only")).to eq("in time")
      end
    end

    it "that forks is run once; its child neither completes the step nor uses the store" do
      register do
        reader, writer = IO.pipe
        pid = fork do
          TaskerCore::FFI.poll_step_events
        rescue TaskerCore::Errors::FFIError => e
          writer.write e.message
        end
        writer.close
        Process.wait(pid)
        reader.read
      end
      with_worker(template(step)) { expect(run.result("only")).to include("forked") }
    end

    it "whose child comes back leaves the step to its parent" do
      register do
        pid = fork
        $stderr.reopen(File::NULL) if pid.nil?
        pid ? Process.wait2(pid)[1].exitstatus : "child"
      end
      with_worker(template(step)) { expect(run.result("only")).to eq(70) }
    end
  end

  describe "many steps" do
    it "run each once, on as many threads as there are" do
      lock = Mutex.new
      seen = Hash.new(0)
      now = most = 0
      register do |_task, _sequence, step|
        lock.synchronize do
          seen[step.workflow_step_uuid] += 1
          most = [most, now += 1].max
        end
        Thread.pass
        lock.synchronize { now -= 1 }
      end
      with_worker(template(step, step(name: "second", dependencies: ["only"])), threads: 4) do
        tasks = TaskerCore::Client.default.submit_many(
          Array.new(200) { { name: "work", namespace: "boot", context: {} } }
        )
        tasks.each { |task| task.wait(timeout: 30) }

        expect(seen.size).to eq(400)
        expect(seen.values).to all(eq(1))
        expect(most).to be_between(1, 4)
      end
    end

    it "see the results of all their ancestors" do
      register("Boot::First") { 2**64 }
      register("Boot::Second") { |_task, sequence, _step| sequence.get_results("first") }
      register("Boot::Third") { |context| context.get_dependency_result(:first) * 2 }
      steps = [step("Boot::First", name: "first"),
               step("Boot::Second", name: "second", dependencies: ["first"]),
               step("Boot::Third", name: "third", dependencies: ["second"])]
      with_worker(template(*steps)) { expect(run.result("third")).to eq(2**65) }
    end
  end
end
