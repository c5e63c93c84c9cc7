# frozen_string_literal: true

require "tasker_core/models"
require "tasker_core/step_handler/base"
require "tasker_core/task_handler/base"

RSpec.describe TaskerCore::StepHandler::Base do
  subject(:handler) { described_class.new }

  let(:result) { TaskerCore::Types::StepHandlerCallResult }

  it "is made without arguments, or with a configuration and a logger" do
    logger = Object.new

    expect([handler.config, handler.logger]).to eq([{}, TaskerCore::Logger.instance])
    made = described_class.new(config: { a: 1 }, logger: logger)
    expect([made.config, made.logger]).to eq([{ a: 1 }, logger])
    expect(described_class.new(config: nil).config).to eq({})
  end

  it "has objects that answer nil where older handlers expect an engine" do
    expect(handler.rust_integration.anything(1)).to be_nil
    expect(handler.orchestration_system).to respond_to(:whatever)
  end

  it "wants call to be defined" do
    expect { handler.call(nil, nil, nil) }.to raise_error(NotImplementedError, /call/)
  end

  it "takes only a Hash for a configuration" do
    expect([{}, nil, [], "x"].map { |value| handler.validate_config(value) })
      .to eq([true, false, false, false])
  end

  { "ProcessPaymentHandler" => "process_payment_handler", "Step1Handler" => "step1_handler",
    "HTTPFetch" => "http_fetch", "Pay" => "pay" }.each do |class_name, name|
    it "calls #{class_name} #{name}" do
      stub_const("SpecHandlers::#{class_name}", Class.new(described_class))

      expect(SpecHandlers.const_get(class_name).new.handler_name).to eq(name)
    end
  end

  it "has no name in a class without one" do
    expect(Class.new(described_class).new.handler_name).to eq("")
  end

  it "describes itself" do
    versioned = stub_const("SpecHandlers::Versioned", Class.new(described_class) do
      def process_results = nil
      def process_async = nil
    end)
    versioned.const_set(:VERSION, "2.0.0")
    about = versioned.new.metadata

    expect(about.keys).to eq(%i[handler_name handler_class version capabilities config_schema
                                ruby_version created_at])
    expect(about.slice(:handler_name, :handler_class, :version))
      .to eq(handler_name: "versioned", handler_class: "SpecHandlers::Versioned", version: "2.0.0")
    expect(about[:capabilities]).to eq(%w[process process_results async])
    expect(handler.capabilities).to eq(%w[process])
    expect(handler.config_schema[:type]).to eq("object")
  end

  describe "#success" do
    [
      ["({a: 1})", ->(h) { h.success({ a: 1 }) }, { a: 1 }, nil],
      ["({a: 1}, {m: 1})", ->(h) { h.success({ a: 1 }, { m: 1 }) }, { a: 1 }, { m: 1 }],
      ["({a: 1}, metadata: {m: 1})", ->(h) { h.success({ a: 1 }, metadata: { m: 1 }) },
       { a: 1 }, { m: 1 }],
      ["(a: 1)", ->(h) { h.success(a: 1) }, { a: 1 }, nil],
      ["(a: 1, result: 2)", ->(h) { h.success(a: 1, result: 2) }, { a: 1, result: 2 }, nil],
      ["(result: 5, metadata: {m: 1})", ->(h) { h.success(result: 5, metadata: { m: 1 }) },
       5, { m: 1 }],
      ["(result: nil)", ->(h) { h.success(result: nil) }, nil, nil],
      ["(data: {a: 1})", ->(h) { h.success(data: { a: 1 }) }, { a: 1 }, nil],
      ["(nil)", ->(h) { h.success(nil) }, nil, nil],
      ["([1])", ->(h) { h.success([1]) }, [1], nil],
      ["()", lambda(&:success), {}, nil]
    ].each do |form, call, data, metadata|
      it "takes #{form}" do
        answer = call.call(handler)

        expect(answer).to be_success
        expect(answer.result).to eq(data)
        if metadata
          expect(answer.metadata).to eq(metadata)
        else
          expect(answer.metadata.keys).to eq(%i[executed_at executed_by ruby_version])
        end
      end
    end
  end

  it "has helpers for failures" do
    retryable = handler.retryable_error("busy", { id: 1 })
    permanent = handler.permanent_error("no", { id: 2 }, { mine: 3 })
    failure = handler.failure(message: "odd", error_code: "E", retryable: true)

    expect([retryable.error_type, retryable.retryable, retryable.metadata[:context]])
      .to eq(["RetryableError", true, { id: 1 }])
    expect([permanent.error_type, permanent.retryable, permanent.metadata])
      .to eq(["PermanentError", false, { context: { id: 2 }, mine: 3 }])
    expect([failure.error_type, failure.error_code, failure.retryable])
      .to eq(["UnexpectedError", "E", true])
  end

  it "has helpers to read" do
    task = TaskerCore::Models::TaskWrapper.new("context" => { "n" => 1 })
    sequence = TaskerCore::Types::Sequence.new("a" => { "result" => 2 })

    expect(handler.task_context(task, :n)).to eq(1)
    expect(handler.sequence_results(sequence, :a)[:result]).to eq(2)
  end

  it "has older names" do
    steps = TaskerCore::Handlers::Steps

    expect(steps::Base).to equal(described_class)
    expect(steps::API).to equal(TaskerCore::StepHandler::Api)
    expect(steps.create(described_class, config: { a: 1 }).config).to eq(a: 1)
    expect([steps.validate(described_class), steps.validate(Class), steps.validate(1)])
      .to eq([true, false, false])
  end

  describe TaskerCore::TaskHandler::Base do
    it "can be a parent" do
      handler = Class.new(described_class).new(task_config_path: "x.yaml",
                                               task_config: { "a" => 1 })

      expect([handler.task_config_path, handler.task_config]).to eq(["x.yaml", { "a" => 1 }])
      expect(handler.status).to include(task_config_path: "x.yaml")
      expect(TaskerCore::Handlers::Tasks::Base).to equal(described_class)
      expect(TaskerCore::Handlers::Tasks.create("x.yaml").task_config_path).to eq("x.yaml")
    end

    it "submits what it is asked to handle" do
      allow(TaskerCore).to receive(:submit).and_return(:task)
      request = TaskerCore::Types::TaskTypes::TaskRequest.build_test(name: "order")

      expect(described_class.new.handle(request)).to eq(:task)
      expect(described_class.new.handle({ "name" => "order" }, nil, nil)).to eq(:task)
      expect(TaskerCore).to have_received(:submit).with(request)
      expect(TaskerCore).to have_received(:submit).with({ "name" => "order" })
    end
  end
end
