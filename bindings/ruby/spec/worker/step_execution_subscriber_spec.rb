# frozen_string_literal: true

require "spec_helper"

RSpec.describe TaskerCore::Worker::StepExecutionSubscriber do
  # Takes completions in place of the library.
  let(:bridge) do
    Class.new do
      attr_reader :completions, :subscribers
      attr_accessor :refuses

      def initialize
        @completions = []
        @subscribers = []
      end

      def subscribe_to_step_execution(subscriber) = @subscribers << subscriber
      def unsubscribe_from_step_execution(subscriber) = @subscribers.delete(subscriber)

      def publish_step_completion(completion)
        @completions << completion
        refuses ? completion.merge(success: false) : completion
      end
    end.new
  end
  let(:subscriber) { described_class.new(bridge) }
  let(:registry) { TaskerCore::Registry::HandlerRegistry.instance }

  after { subscriber.stop! }

  def event(callable = "SubscriberSpecHandler", context: { "n" => 3 })
    parts = { "task" => { "context" => context },
              "step_definition" => { "handler" => { "callable" => callable } } }
    Struct.new(:payload).new(
      { event_id: "e", task_uuid: "t", step_uuid: "s",
        task_sequence_step: TaskerCore::Models::TaskSequenceStepWrapper.new(parts) }
    )
  end

  # Runs a handler whose `call` is the block.
  def run(context: { "n" => 3 }, &body)
    handler = Class.new do
      define_method(:call) { |task, sequence, step| body.call(task, sequence, step) }
    end
    registry.register_handler("SubscriberSpecHandler", handler)
    subscriber.call(event(context: context))
    bridge.completions.last
  end

  def errors = TaskerCore::Errors
  def results = TaskerCore::Types::StepHandlerCallResult

  it "subscribes itself, and stops once" do
    expect(subscriber).to be_active
    expect(bridge.subscribers).to eq([subscriber])
    2.times { subscriber.stop! }

    expect([subscriber.active?, bridge.subscribers]).to eq([false, []])
    subscriber.call(event)
    expect(bridge.completions).to be_empty
  end

  describe "a success" do
    it "has the ids, the result and when it ran" do
      completion = run { |task, _, _| results.success(result: task.context["n"] + 1) }

      expect(completion).to include(event_id: "e", task_uuid: "t", step_uuid: "s", success: true,
                                    result: 4)
      expect(completion[:completed_at]).to match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\z/)
      expect(completion[:metadata]).to include(worker_id: "ruby_worker", retryable: false,
                                               completed_at: completion[:completed_at])
    end

    it "tells how long it took" do
      completion = run { sleep 0.03 }

      expect(completion[:metadata][:execution_time_ms]).to be_between(25, 1000)
      expect(completion[:metadata][:started_at]).to be < completion[:completed_at]
    end

    it "keeps the handler's metadata beside the worker's" do
      completion = run { results.success(result: 1, metadata: { operation: "add" }) }

      expect(completion[:metadata][:custom])
        .to include(operation: "add", processed_by: "ruby_worker",
                    handler_class: "SubscriberSpecHandler")
    end

    { "a Hash" => { "a" => 1 }, "text" => "x", "nil" => nil, "a list" => [1] }.each do |what, value|
      it "may be #{what}" do
        expect(run { value }).to include(success: true, result: value)
      end
    end
  end

  describe "a failure" do
    # what is raised => retryable, error_class
    {
      "RetryableError" => true, "PermanentError" => false, "ValidationError" => false,
      "NotFoundError" => false, "ConfigurationError" => false, "DatabaseError" => false,
      "NetworkError" => true, "TimeoutError" => true
    }.each do |name, retryable|
      it "of the kind #{name} is #{"not " unless retryable}tried again" do
        completion = run { raise errors.const_get(name), "why" }

        expect(completion).to include(success: false, result: nil, error_message: "why",
                                      error_class: name, retryable: retryable)
        expect(completion[:metadata]).to include(retryable: retryable)
        expect(completion[:metadata][:custom]).to include(failed_by: "ruby_worker",
                                                          retryable: retryable)
      end
    end

    it "carries retry_after, the code, the context and the backtrace" do
      late = run { raise errors::RetryableError.new("busy", retry_after: 7, context: { a: 1 }) }
      coded = run { raise errors::PermanentError.new("no", error_code: "E1") }

      expect(late[:retry_after]).to eq(7)
      expect(late[:metadata][:custom][:context]).to eq(a: 1)
      expect(late[:backtrace].first).to include(__FILE__)
      expect(coded[:error_code]).to eq("E1")
    end

    it "that is returned counts as one that is raised" do
      error = results.error(error_type: "RetryableError", message: "busy", retryable: true,
                            error_code: "B", metadata: { retry_after: 3 })
      expect(run { error }).to include(success: false, error_message: "busy", error_code: "B",
                                       retryable: true, retry_after: 3,
                                       error_class: "RetryableError")
    end

    it "that is returned as permanent is not tried again" do
      expect(run { results.permanent_error(message: "no") })
        .to include(success: false, retryable: false, error_class: "PermanentError")
    end

    it "that nobody foresaw is tried again" do
      expect(run { nil.upcase }).to include(retryable: true, error_class: "NoMethodError")
    end

    it "whose message raises is recorded all the same" do
      strange = Class.new(StandardError) { def message = raise("again") }

      expect(run { raise strange }).to include(success: false,
                                               error_message: a_string_including("RuntimeError"))
    end

    { "exit" => -> { exit }, "NotImplementedError" => -> { raise NotImplementedError, "x" },
      "NoMemoryError" => -> { raise NoMemoryError, "x" }, "Interrupt" => -> { raise Interrupt },
      "endless recursion" => -> { (f = -> { f.call }).call } }.each do |what, body|
      it "by #{what} is completed, and goes no further" do
        expect(run { body.call }).to include(success: false)
      end
    end

    it "by throw is completed, and the throw goes on" do
      answer = catch(:out) { run { throw :out, :thrown } }

      expect(answer).to eq(:thrown)
      expect(bridge.completions.last).to include(success: false, retryable: true)
    end

    it "by the end of its thread is completed" do
      thread = Thread.new { run { Thread.current.kill } }
      thread.join(5)

      expect(bridge.completions.last)
        .to include(success: false, retryable: true,
                    error_message: a_string_including("stopped before it returned"))
    end

    it "is told when nobody has the handler" do
      subscriber.call(event("Nobody::Knows"))

      expect(bridge.completions)
        .to contain_exactly(hash_including(success: false, retryable: false,
                                           error_message: "No handler found for Nobody::Knows"))
    end
  end

  it "counts what it did, and what the library refused as failed" do
    run { 1 }
    run { raise "x" }
    bridge.refuses = true
    run { 1 }

    expect(subscriber.stats).to eq(processed: 3, succeeded: 1, failed: 2)
  end

  it "counts right when threads share it" do
    registry.register_handler("SubscriberSpecHandler", Class.new { def call(*) = 1 })
    subscriber
    8.times.map { Thread.new { 50.times { subscriber.call(event) } } }.each(&:join)

    expect(subscriber.stats).to eq(processed: 400, succeeded: 400, failed: 0)
    expect(bridge.completions.size).to eq(400)
  end

  it "gives each handler a copy of its own to write into" do
    context = { "list" => [1], "n" => 3 }
    run(context: context) { |task, _, _| task.context["list"] << 2 }

    expect(context["list"]).to eq([1])
  end
end
