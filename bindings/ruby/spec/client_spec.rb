# frozen_string_literal: true

require "spec_helper"

RSpec.describe TaskerCore::Client do
  template = <<~YAML
    name: order
    namespace_name: shop
    version: "1.0.0"
    steps:
      - name: check
        handler: {callable: ClientSpecHandler}
        retry: {max_attempts: 1}
      - name: pay
        handler: {callable: ClientSpecHandler}
        dependencies: [check]
  YAML

  handler = Class.new do
    def call(context)
      raise TaskerCore::Errors::PermanentError, "told to" if context.get_input("fail")

      sleep(context.get_input("sleep") || 0)
      { step: context.step_name, n: context.get_input("n") }
    end
  end

  around do |example|
    TaskerCore::Registry::HandlerRegistry.instance.register_handler("ClientSpecHandler", handler)
    with_worker(template) { |url| (@url = url) && example.run }
  end

  def ffi_error(text) = raise_error(TaskerCore::Errors::FFIError, text)

  def submit(client = TaskerCore, **context)
    client.submit(namespace: "shop", name: "order", context: context)
  end

  describe "TaskerCore.submit" do
    it "makes a task whose results can be waited for" do
      task = submit(n: 2**80)

      expect(task.uuid).to match(/\A\h{8}-\h{4}-7\h{3}-/)
      expect(task.wait(timeout: 10)).to equal(task)
      expect([task.state, task.status]).to eq(%w[complete all_complete])
      expect(task.result("pay")).to eq("step" => "pay", "n" => 2**80)
      expect(task.result(:check)[:step]).to eq("check")
    end

    it "takes a Hash with keys of both kinds, and a TaskRequest" do
      [{ "namespace" => "shop", "name" => "order", "context" => {} },
       { namespace: "shop", name: "order", context: {} },
       TaskerCore::Types::TaskTypes::TaskRequest.new(namespace: "shop", name: "order")]
        .each do |request|
          expect(TaskerCore.submit(request).wait(timeout: 10).state).to eq("complete")
        end
    end

    it "answers the task it knows by its key" do
      request = { namespace: "shop", name: "order", idempotency_key: "k-1", context: { n: 1 } }
      first, again = Array.new(2) { TaskerCore.submit(request) }

      expect(again.uuid).to eq(first.uuid)
      expect(described_class.default.submit_request(request)).to include("known" => true)
    end

    { { name: "order", context: {} } => /namespace/, { namespace: "shop", context: {} } => /name/,
      { namespace: "shop", name: "nothing", context: {} } => /nothing/,
      { namespace: "shop", name: "order", context: [] } => /context/,
      { namespace: "shop", name: "order", version: "9.9.9", context: {} } => /9\.9\.9|version/,
      { namespace: "shop", name: "order", priority: "high", context: {} } => /priority/ }
      .each do |request, text|
      it "refuses #{request}" do
        expect { TaskerCore.submit(request) }.to ffi_error(text)
      end
    end

    it "refuses what JSON cannot express, with the place" do
      expect { submit(n: Float::NAN) }.to ffi_error(/\$\.context\.n/)
    end
  end

  it "submits many in one transaction, or none" do
    client = described_class.default
    request = { namespace: "shop", name: "order", context: {} }
    tasks = client.submit_many([request] * 20)
    expect(tasks.map(&:uuid).uniq.size).to eq(20)
    expect(tasks.map { |task| task.wait(timeout: 10).state }).to all(eq("complete"))

    expect { client.submit_many([request, { **request, name: "nothing" }]) }.to ffi_error(/nothing/)
    expect(client.tasks(namespace: "shop")["tasks"].size).to eq(20)
  end

  describe "a handle of a task" do
    it "says that it does not rest yet" do
      task = submit(sleep: 0.3)

      expect { task.wait(timeout: 0.05) }
        .to raise_error(TaskerCore::Errors::TimeoutError, /#{task.uuid}.*0\.05 s/)
      expect(task.wait.state).to eq("complete")
    end

    it "can be waited for by many threads, of which one may be killed" do
      task = submit(sleep: 0.2)
      waiting = Array.new(4) { Thread.new { task.wait(timeout: 10).state } }
      Thread.new { task.wait }.tap { |thread| thread.kill.join(2) }

      expect(waiting.map(&:value)).to all(eq("complete"))
    end

    it "shows steps and history of a task that failed" do
      task = submit(fail: true).wait(timeout: 10)
      words = task.history.map { |event| event["to"] }

      expect(task.status).to eq("blocked_by_failures")
      expect(task.steps.map { |step| step["current_state"] }).to eq(%w[error pending])
      expect(words).to include("error", "blocked_by_failures")
      expect(task.result("check")).to be_nil
    end

    it "has no result of a step that the template does not have" do
      expect { submit.result("nothing") }.to raise_error(KeyError, /nothing/)
    end

    it "cancels, and tells who did" do
      task = submit(sleep: 0.1)
      expect(task.cancel(actor: "ops", reason: "a mistake")).to equal(task)

      expect(task.wait(timeout: 10).state).to eq("cancelled")
      expect(JSON.generate(task.history)).to include("ops", "a mistake")
    end

    it "of a task that does not exist raises when it is read" do
      task = described_class.default.task("0192f0c1-7000-7000-8000-000000000001")

      expect { task.state }.to ffi_error(/task/)
      expect { described_class.default.task("no uuid").state }.to ffi_error(/uuid/i)
    end

    it "shows itself by its uuid" do
      task = submit

      expect(task.inspect).to include(task.uuid)
    end
  end

  describe "TaskerCore.connect" do
    it "works beside the worker, and after it was closed" do
      client = TaskerCore.connect(@url)
      uuid = submit(client).uuid
      client.close

      expect(client.task(uuid).wait(timeout: 10).state).to eq("complete")
      expect(client.counts).to be_a(Hash)
    ensure
      client&.close
    end

    it "tells a forked child to close the file before the fork, and does its parent no harm" do
      client = TaskerCore.connect(@url)
      out, writer = IO.pipe
      pid = fork do
        submit(client)
      rescue TaskerCore::Errors::FFIError => e
        writer.write(e.message)
        writer.flush
      ensure
        exit!(0)
      end
      writer.close
      Process.wait(pid)

      expect(out.read).to include("fork")
      expect(submit(client).wait(timeout: 10).state).to eq("complete")
    ensure
      client&.close
    end

    it "works in a forked child on a file that was closed before the fork" do
      Dir.mktmpdir do |folder|
        client = TaskerCore.connect("sqlite:#{folder}/other.db")
        client.close
        pid = fork { exit!(client.counts.is_a?(Hash) ? 7 : 1) }

        expect(Process.wait2(pid)[1].exitstatus).to eq(7)
        client.close
      end
    end

    it "reads only when it is told so" do
      client = TaskerCore.connect(@url, read_only: true)

      expect { submit(client) }.to ffi_error(/read/)
    ensure
      client&.close
    end

    it "brings older tables up to date when it is told so" do
      skip "sqlite3 is not installed" unless system("which sqlite3", out: File::NULL)
      url = "sqlite:#{File.join(Dir.mktmpdir, "older.db")}"
      schema = File.expand_path("../../../src/schema_sqlite.sql", __dir__)
      system("sqlite3", url.delete_prefix("sqlite:"), in: schema, exception: true)

      expect { TaskerCore.connect(url) }.to ffi_error(/migrate/)
      TaskerCore.connect(url, migrate: true).close
      TaskerCore.connect(url).close
    end

    it "says that a store must exist" do
      expect { TaskerCore.connect("sqlite:/nowhere/x.db", must_exist: true) }
        .to ffi_error(/nowhere/)
    end
  end

  describe "TaskerCore.initialize_task_embedded" do
    it "answers success and the uuid, with keys of both kinds" do
      answer = TaskerCore.initialize_task_embedded({ "namespace" => "shop", "name" => "order",
                                                     "context" => {} })

      expect([answer["success"], answer[:task_uuid]]).to match([true, /\A[\h-]{36}\z/])
    end

    it "answers the error instead of raising it" do
      expect(TaskerCore.initialize_task_embedded({ name: "order" }))
        .to match("success" => false, "error" => /namespace/)
    end
  end
end
