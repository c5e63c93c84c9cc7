# frozen_string_literal: true

require "open3"
require "yaml"
require "tasker_core/types/step_handler_call_result"

RSpec.describe TaskerCore::Types do
  uuid = "0192f0c1-7000-7000-8000-000000000001"

  it "loads dry-struct only when a type is named" do
    code = "require 'tasker_core/types/step_handler_call_result'; p defined?(Dry::Struct); " \
           "TaskerCore::Types::TaskTemplate; p defined?(Dry::Struct)"
    out, = Open3.capture2(RbConfig.ruby, "-I", File.expand_path("../../lib", __dir__), "-e", code)

    expect(out).to eq("nil\n\"constant\"\n")
  end

  describe TaskerCore::Types::TaskTypes::TaskRequest do
    subject(:request) { described_class.new(namespace: "shop", name: "order") }

    defaults = { version: "1.0.0", status: "pending", complete: false, tags: [], context: {},
                 priority: 0, claim_timeout_seconds: 60, max_retries: 3, timeout_seconds: 300,
                 parent_task_uuid: nil, correlation_id: nil, bypass_steps: [], initiator: nil }

    defaults.each do |member, value|
      it "has #{value.inspect} for #{member}" do
        expect(request.public_send(member)).to eq(value)
      end
    end

    it "is requested now" do
      expect(request.requested_at).to be_within(5).of(Time.now)
    end

    it "is made of a Hash with String keys as well" do
      made = described_class.from_hash("namespace" => "shop", "name" => "order",
                                       "context" => { "n" => 2**64 }, "unknown" => 1)

      expect(made.context).to eq("n" => 2**64)
    end

    [{ name: "order" }, { namespace: "shop" }, { namespace: "", name: "order" },
     { namespace: "shop", name: "order", priority: "high" },
     { namespace: "shop", name: "order", status: "strange" },
     { namespace: "shop", name: "order", parent_task_uuid: "x" },
     { namespace: "shop", name: "order", context: [] }].each do |members|
      it "refuses #{members}" do
        expect { described_class.new(members) }.to raise_error(Dry::Struct::Error)
      end
    end

    it "becomes what the engine takes" do
      made = described_class.new(namespace: "shop", name: "order", context: { a: { b: 1 } },
                                 correlation_id: "c-1", tags: ["x"], parent_task_uuid: uuid,
                                 requested_at: Time.utc(2025, 1, 2, 3, 4, 5))

      expect(made.to_ffi_hash).to eq(
        namespace: "shop", name: "order", version: "1.0.0", context: { a: { b: 1 } },
        status: "pending", complete: false, tags: ["x"], bypass_steps: [], priority: 0,
        claim_timeout_seconds: 60, correlation_id: "c-1", requested_at: "2025-01-02T03:04:05",
        options: { max_retries: 3, timeout_seconds: 300, parent_task_uuid: uuid,
                   correlation_id: "c-1" }
      )
    end

    it "leaves out what nobody said" do
      expect(request.to_ffi_hash.keys).not_to include(:initiator, :reason, :idempotency_key)
    end

    it "builds one for tests" do
      made = described_class.build_test(name: "order", priority: 3)

      expect([made.name, made.priority, made.valid_for_creation?]).to eq(["order", 3, true])
      expect(made.to_s).to include("test/order:1.0.0")
    end
  end

  describe "messages" do
    [TaskerCore::Types::SimpleStepMessage, TaskerCore::Types::StepMessage,
     TaskerCore::Types::SimpleQueueMessageData].each do |type|
      it "checks the UUIDs of #{type}" do
        expect(type.new(task_uuid: uuid, step_uuid: uuid).step_uuid).to eq(uuid)
        expect { type.new(task_uuid: uuid, step_uuid: "x\n#{uuid}") }
          .to raise_error(Dry::Struct::Error)
      end
    end

    it "holds results" do
      result = TaskerCore::Types::StepTypes::StepResult.new(
        "task_uuid" => uuid, "step_uuid" => uuid, "status" => "failed",
        "error" => { "error_type" => "X", "message" => "why" }
      )

      expect([result.success?, result.failed?, result.error.retryable]).to eq([false, true, true])
    end

    it "holds answers" do
      answer = TaskerCore::Types::TaskTypes::TaskResponse.new("task_uuid" => uuid,
                                                              "step_count" => 4)

      expect([answer.step_count, answer.known, answer.step_mapping]).to eq([4, false, {}])
    end
  end

  describe TaskerCore::Types::TaskTemplate do
    subject(:template) { described_class.new(YAML.safe_load(yaml)) }

    let(:yaml) { <<~YAML }
      name: order
      namespace_name: shop
      version: "2.1.0"
      task_handler: {callable: Shop::Order, initialization: {mode: a}}
      steps:
        - name: check
          handler: {callable: Shop::Check, initialization: {limit: 1, url: "x"}}
          retry: {retryable: false, limit: 5}
        - name: pay
          handler: {callable: Shop::Pay}
          dependencies: [check]
          timeout_seconds: 30
      environments:
        test:
          task_handler: {initialization: {mode: b}}
          steps:
            - name: ALL
              timeout_seconds: 5
            - name: check
              handler: {initialization: {limit: 2}}
              retry: {max_attempts: 2}
              timeout_seconds:
    YAML

    it "has a key, callables and steps" do
      expect(template.template_key).to eq("shop/order:2.1.0")
      expect(template.all_callables).to eq(%w[Shop::Order Shop::Check Shop::Pay])
      expect(template.steps[1].dependencies).to eq(["check"])
      expect(template).to be_valid_for_registration
    end

    it "is changed field by field for an environment" do
      check, pay = template.resolve_for_environment(:test).steps

      expect(check.handler.initialization).to eq("limit" => 2, "url" => "x")
      expect([check.retry.retryable, check.retry.max_attempts, check.retry.limit])
        .to eq([false, 2, 5])
      expect([check.timeout_seconds, pay.timeout_seconds]).to eq([5, 5])
      expect(template.resolve_for_environment("test").task_handler.initialization)
        .to eq("mode" => "b")
    end

    it "is the same for an environment that it does not name" do
      expect(template.resolve_for_environment("production")).to equal(template)
      expect(template.steps[1].timeout_seconds).to eq(30)
    end

    it "is not valid with an unknown parent, a name twice, or no steps" do
      step = { name: "a", handler: { callable: "A" } }

      [[{ **step, dependencies: ["b"] }], [step, step], []].each do |steps|
        made = described_class.new(name: "x", namespace_name: "y", steps: steps)
        expect(made).not_to be_valid_for_registration
      end
    end
  end
end
