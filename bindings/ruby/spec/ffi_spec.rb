# frozen_string_literal: true

require "spec_helper"

RSpec.describe TaskerCore::FFI do
  let(:folder) { Dir.mktmpdir }
  let(:config) { { store: "sqlite:#{folder}/store.db", templates: "#{folder}/tasks", threads: 2 } }

  template = <<~YAML
    name: one
    namespace_name: ffi
    version: "1.0.0"
    steps:
      - name: only
        handler: {callable: FfiSpecHandler}
        retry: {max_attempts: 3, backoff: linear, backoff_base_ms: 20}
  YAML

  before do
    FileUtils.mkdir_p("#{folder}/tasks")
    File.write("#{folder}/tasks/one.yaml", template)
  end

  after do
    described_class.stop_worker
    FileUtils.rm_rf(folder)
  end

  def start(**more)
    described_class.bootstrap_worker({ **config, callables: ["FfiSpecHandler"], **more })
  end

  def ffi_error(text) = raise_error(TaskerCore::Errors::FFIError, text)

  # A claimed step, and its task.
  def claim
    task = TaskerCore.submit(namespace: "ffi", name: "one", context: {})
    [task, poll]
  end

  def poll
    20.times { described_class.poll_step_events(500)&.then { |event| return event } }
    raise "no step came"
  end

  def completion(event, **more)
    { event_id: event["event_id"], task_uuid: event["task_uuid"], step_uuid: event["step_uuid"],
      metadata: {}, **more }
  end

  it "tells what runs without the store's password, wherever it stands" do
    places = ["u:secret@h/db", "u:secret@h/db?password=secret", "h/db?user=u&password=secret"]
    told = places.map do |place|
      described_class::Runtime.new(url: "postgres://#{place}", worker_id: "w", threads: 1).to_s
    end

    expect(told).to all(include("(store postgres://h/db,"))
  end

  describe ".bootstrap_worker" do
    it "starts, and says who it is with String keys" do
      answer = start(worker_id: "w-1")

      expect(answer).to include("status" => "started", "worker_id" => "w-1",
                                "message" => a_kind_of(String))
      expect(answer["handle_id"]).to match(/\A\h{8}-\h{4}-\h{4}-\h{4}-\h{12}\z/)
    end

    it "makes up a worker id" do
      expect(start["worker_id"]).to match(/\Aruby-worker-[\h-]{36}\z/)
    end

    it "takes String keys" do
      answer = described_class.bootstrap_worker(config.transform_keys(&:to_s)
                                                      .merge("callables" => ["FfiSpecHandler"]))

      expect(answer["status"]).to eq("started")
    end

    it "starts once when many call at once" do
      answers = Array.new(10) { Thread.new { start } }.map(&:value)

      expect(answers.map { |one| one["status"] }.tally)
        .to eq("started" => 1, "already_running" => 9)
      expect(answers.map { |one| one["handle_id"] }.uniq.size).to eq(1)
    end

    { "no such engine" => { store: "mysql://localhost/x" }, "threads" => { threads: 0 },
      "many threads" => { threads: 100_000 },
      "no folder of templates" => { templates: "/nowhere/at/all" } }.each do |what, wrong|
      it "refuses #{what}, and can start afterwards" do
        answer = begin
          start(**wrong)["status"]
        rescue TaskerCore::Errors::FFIError => e
          e.message
        end
        described_class.stop_worker if answer == "started"

        expect(start["status"]).to eq("started")
      end
    end
  end

  describe ".worker_status" do
    it "says what runs" do
      start

      expect(described_class.worker_status)
        .to include("running" => true, "worker_core_status" => "Running",
                    "web_api_enabled" => false, "supported_namespaces" => ["ffi"],
                    "environment" => TaskerCore.configuration.environment,
                    "database_pool_size" => a_kind_of(Integer),
                    "database_pool_idle" => a_kind_of(Integer))
    end

    it "says that nothing runs" do
      expect(described_class.worker_status)
        .to include("running" => false, "error" => a_string_including("not running"))
    end
  end

  it "answers texts when it is stopped, also twice" do
    start

    expect(described_class.transition_to_graceful_shutdown).to eq("Worker system drained")
    expect(described_class.stop_worker).to eq("Worker system stopped")
    expect(described_class.stop_worker).to eq("Worker system not running")
  end

  it "refuses what needs a worker when there is none" do
    uuid = "0192f0c1-7000-7000-8000-000000000001"

    expect { described_class.poll_step_events }.to ffi_error(/Worker system not running/)
    expect { described_class.transition_to_graceful_shutdown }.to ffi_error(/not running/)
    expect { described_class.complete_step_event(uuid, { success: true }) }
      .to ffi_error(/not running/)
    expect { described_class.extend_step_event(uuid, 1) }.to ffi_error(/not running/)
  end

  it "polls without waiting" do
    start
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    expect(described_class.poll_step_events).to be_nil
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 0.5
  end

  describe "completions" do
    before { start }

    it "are recorded, with Symbol keys and with String keys" do
      %i[itself to_s].each do |form|
        task, event = claim
        done = completion(event, success: true, result: { "a" => 2**70 })
        expect(described_class.send_step_completion_event(done.transform_keys(&form))).to be_nil
        expect(task.wait(timeout: 10).result("only")).to eq("a" => 2**70)
      end
    end

    it "answer whether the claim was current" do
      _, event = claim
      done = completion(event, success: true, result: 1)

      expect(described_class.complete_step_event(event["event_id"], done)).to be(true)
      expect(described_class.complete_step_event(event["event_id"], done)).to be(false)
      expect(described_class.send_step_completion_event(done)).to be_nil
    end

    [nil, 7, [], {}, { success: true }].each do |wrong|
      it "that are #{wrong.inspect} are refused" do
        expect { described_class.send_step_completion_event(wrong) }.to ffi_error(/event_id/)
      end
    end

    it "with metadata that is no Hash are recorded" do
      [nil, 1, "text", [1]].each do |metadata|
        task, event = claim
        described_class.send_step_completion_event(
          completion(event, success: true, result: 1, metadata: metadata)
        )
        expect(task.wait(timeout: 10).state).to eq("complete")
      end
    end

    it "with metadata that JSON cannot express keep their result" do
      task, event = claim
      described_class.send_step_completion_event(
        completion(event, success: true, result: 1, metadata: { a: Float::NAN })
      )

      expect(task.wait(timeout: 10).result("only")).to eq(1)
    end

    cyclic = []
    cyclic << cyclic
    { "NaN" => [{ a: [1, Float::NAN] }, "$.a[1]"], "a list in itself" => [cyclic, "itself"],
      "broken text" => [{ "t" => "\xFF" }, "$.t"],
      "200 levels" => [(1..200).reduce(0) { |inner, _| [inner] }, "levels"] }
      .each do |what, (result, place)|
      it "whose result is #{what} are refused with the place; the step is still open" do
        task, event = claim
        wrong = completion(event, success: true, result: result)
        expect { described_class.send_step_completion_event(wrong) }
          .to raise_error(described_class::PayloadError, a_string_including(place))
        described_class.send_step_completion_event(completion(event, success: true, result: 1))

        expect(task.wait(timeout: 10).result("only")).to eq(1)
      end
    end

    it "that failed are tried again after retry_after, wherever that is said" do
      [{ retry_after: 0.2 }, { metadata: { retry_after: 0.2 } },
       { metadata: { custom: { "retry_after" => 0.2 } } }].each do |said|
        _, event = claim
        began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        described_class.send_step_completion_event(
          completion(event, success: false, error_message: "busy", **said)
        )
        again = poll
        took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
        described_class.send_step_completion_event(completion(again, success: true))

        expect(again["step_uuid"]).to eq(event["step_uuid"])
        expect(took).to be > 0.15
      end
    end

    it "that are not retryable block the task, wherever that is said" do
      [{ retryable: false }, { metadata: { retryable: false } },
       { metadata: { custom: { retryable: false } } }].each do |said|
        task, event = claim
        described_class.send_step_completion_event(
          completion(event, success: false, error_message: "no", **said)
        )
        expect(task.wait(timeout: 10).status).to eq("blocked_by_failures")
      end
    end

    it "with a strange retry_after are taken all the same" do
      [Float::NAN, Float::INFINITY, "soon", -5, [], 10**30].each do |strange|
        _, event = claim
        expect(described_class.complete_step_event(
                 event["event_id"], completion(event, success: false, error_message: "x",
                                                      retryable: false, retry_after: strange)
               )).to be(true)
      end
    end
  end

  it "gives a running step more time" do
    start
    _, event = claim

    expect(described_class.extend_step_event(event["event_id"], 60_000)).to be(true)
    described_class.send_step_completion_event(completion(event, success: true))
    expect(described_class.extend_step_event(event["event_id"], 60_000)).to be(false)
  end

  it "refuses to work in a forked child, whose end does its parent no harm" do
    start
    out, writer = IO.pipe
    pid = fork do
      [-> { described_class.poll_step_events }, -> { described_class.stop_worker }].each do |call|
        writer.puts(begin
          call.call
        rescue TaskerCore::Errors::FFIError => e
          e.message
        end)
      end
      writer.flush
      exit!(0)
    end
    writer.close
    Process.wait(pid)

    expect(out.read.lines).to match([/not running.*forked/, /not running/])
    task, event = claim
    described_class.send_step_completion_event(completion(event, success: true, result: 1))
    expect(task.wait(timeout: 10).state).to eq("complete")
  end
end
