# frozen_string_literal: true

require "spec_helper"

RSpec.describe TaskerCore::Configuration do
  subject(:configuration) { described_class.new }

  names = %w[TASKER_STORE DATABASE_URL TASKER_TEMPLATE_PATH TASKER_THREADS TASKER_ENV]

  around do |example|
    before = ENV.to_h.slice(*names)
    names.each { |name| ENV.delete(name) }
    example.run
  ensure
    names.each { |name| ENV[name] = before[name] }
  end

  it "has defaults that need nothing" do
    expect([configuration.store, configuration.templates, configuration.threads,
            configuration.namespaces, configuration.environment])
      .to eq(["sqlite:tasker.db", nil, 5, nil, "development"])
  end

  it "reads the environment" do
    ENV.update("TASKER_STORE" => "sqlite:a.db", "TASKER_TEMPLATE_PATH" => "t",
               "TASKER_THREADS" => "7", "TASKER_ENV" => "test")

    expect([configuration.store, configuration.templates, configuration.threads,
            configuration.environment]).to eq(["sqlite:a.db", "t", 7, "test"])
  end

  it "takes what is set before what the environment says" do
    ENV.update("TASKER_STORE" => "sqlite:a.db", "TASKER_THREADS" => "7")
    configuration.store = "sqlite:b.db"
    configuration.threads = 2

    expect([configuration.store, configuration.threads]).to eq(["sqlite:b.db", 2])
  end

  { "postgres://h/d" => "postgres://h/d", "postgresql://h/d" => "postgresql://h/d",
    "mysql2://h/d" => "sqlite:tasker.db", "sqlite3:x" => "sqlite:tasker.db",
    "" => "sqlite:tasker.db" }.each do |url, store|
    it "with DATABASE_URL=#{url} uses #{store}" do
      ENV["DATABASE_URL"] = url

      expect(configuration.store).to eq(store)
    end
  end

  it "reads empty variables as missing, and refuses threads that are no number" do
    ENV["TASKER_THREADS"] = ""
    expect(configuration.threads).to eq(5)
    ENV["TASKER_THREADS"] = "many"
    expect { configuration.threads }.to raise_error(ArgumentError)
  end

  describe "hooks" do
    let(:order) { [] }
    let(:hooks) { TaskerCore.configuration }

    before do
      seen = order
      handler = Class.new { define_method(:call) { |*| seen << :handler } }
      TaskerCore::Registry::HandlerRegistry.instance.register_handler("HookSpecHandler", handler)
    end

    after { [hooks.around_hooks, hooks.failure_hooks].each(&:clear) }

    # Runs a handler's step; answers its completion.
    def run(callable = "HookSpecHandler")
      quiet = { subscribe_to_step_execution: nil, unsubscribe_from_step_execution: nil }
      bridge = instance_double(TaskerCore::Worker::EventBridge, quiet)
      allow(bridge).to receive(:publish_step_completion) { |completion| @completion = completion }
      step = TaskerCore::Models::TaskSequenceStepWrapper.new(
        { step_definition: { handler: { callable: callable } } }
      )
      subscriber = TaskerCore::Worker::StepExecutionSubscriber.new(bridge)
      subscriber.call(Struct.new(:payload).new({ event_id: "e", task_sequence_step: step }))
      subscriber.stop!
      @completion
    end

    def around(name)
      hooks.around_step do |_, &handler|
        order << :"#{name}_in"
        handler.call
        order << :"#{name}_out"
      end
    end

    it "run around the handler, the first one outermost" do
      around(:a)
      around(:b)

      expect(run).to include(success: true)
      expect(order).to eq(%i[a_in b_in handler b_out a_out])
    end

    it "see the step" do
      TaskerCore.configure do |c|
        c.around_step do |step, &handler|
          order << step.step_definition.handler.callable
          handler.call
        end
      end
      run

      expect(order).to eq(["HookSpecHandler", :handler])
    end

    it "fail the step when they raise, or do not run it" do
      hooks.around_step { raise errors::PermanentError, "closed" }
      expect(run).to include(success: false, error_message: "closed", retryable: false)

      hooks.around_hooks.clear
      hooks.around_step { nil }
      expect(run).to include(success: false, error_message: a_string_including("did not run"))
    end

    it "of failures are told why, and do no harm when they raise" do
      hooks.on_failure { raise "hook" }
      hooks.on_failure { |_, error| order << error.class }
      run
      run("No::Such")

      expect(order).to eq([:handler, errors::ConfigurationError])
    end

    def errors = TaskerCore::Errors
  end
end
