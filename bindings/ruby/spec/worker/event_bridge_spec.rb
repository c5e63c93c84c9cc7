# frozen_string_literal: true

require "spec_helper"

RSpec.describe TaskerCore::Worker::EventBridge do
  subject(:bridge) { described_class.instance }

  let(:ids) { { event_id: "e", task_uuid: "t", step_uuid: "s" } }
  let(:done) { { **ids, success: true, result: 1 } }
  let(:failed) { { **ids, success: false, error_message: "why" } }

  before do
    bridge.start!
    allow(TaskerCore::FFI).to receive(:send_step_completion_event)
  end

  # Listens to an event for the length of an example.
  def listen(name, &heard)
    heard ||= ->(event) { (@heard ||= []) << [event.id, event.payload] }
    bridge.subscribe(name, &heard)
    (@listening ||= []) << [name, heard]
  end

  after do
    @listening&.each do |name, heard|
      bridge.__bus__.listeners[name].reject! { |listener, _| listener.equal?(heard) }
      bridge.__bus__.listeners.delete(name) if bridge.__bus__.listeners[name].empty?
    end
    bridge.start!
  end

  describe "#publish_step_completion" do
    it "sends the completion, with what is missing filled in" do
      bridge.publish_step_completion(done)

      expect(TaskerCore::FFI).to have_received(:send_step_completion_event)
        .with(hash_including(**done, metadata: {}, completed_at: a_string_matching(/Z\z/)))
    end

    it "takes String keys" do
      sent = bridge.publish_step_completion(done.transform_keys(&:to_s))

      expect(sent).to include(done)
    end

    %i[event_id task_uuid step_uuid success].each do |name|
      it "refuses a completion without #{name}" do
        expect { bridge.publish_step_completion(done.except(name)) }
          .to raise_error(ArgumentError, /#{name}/)
        expect(TaskerCore::FFI).not_to have_received(:send_step_completion_event)
      end
    end

    it "sends and tells nothing while it is stopped" do
      bridge.stop!

      expect([bridge.active?, bridge.publish_step_completion(done)]).to eq([false, nil])
      expect(TaskerCore::FFI).not_to have_received(:send_step_completion_event)
    end

    it "tells who listens, by the name for how it ended and by the older one" do
      %w[step.execution.completed step.execution.failed step.completion.sent]
        .each { |name| listen(name) }
      bridge.publish_step_completion(done)
      bridge.publish_step_completion(failed)

      expect(@heard.map(&:first)).to eq(%w[step.execution.completed step.completion.sent
                                           step.execution.failed step.completion.sent])
      expect(@heard.map { |_, payload| payload[:success] }).to eq([true, true, false, false])
    end

    it "sends it before it is told" do
      order = []
      allow(TaskerCore::FFI).to receive(:send_step_completion_event) { order << :sent }
      listen("step.execution.completed") { order << :told }
      bridge.publish_step_completion(done)

      expect(order).to eq(%i[sent told])
    end

    it "survives a listener that raises" do
      listen("step.execution.completed") { raise "listener" }

      expect(bridge.publish_step_completion(done)).to include(success: true)
    end

    it "turns a result that JSON cannot express into a failure that says where" do
      refusal = TaskerCore::FFI::PayloadError.new("the result cannot be kept: $.a", operation: "c")
      sent = []
      allow(TaskerCore::FFI).to receive(:send_step_completion_event) do |completion|
        sent << completion
        raise refusal if completion[:success]
      end
      recorded = bridge.publish_step_completion({ **done, result: Float::NAN })

      expect(sent.map { |one| one[:success] }).to eq([true, false])
      expect(recorded).to include(success: false, retryable: false,
                                  error_code: "result_not_json",
                                  error_message: a_string_including("$.a"))
    end

    it "tells of the library's refusal, and raises it" do
      allow(TaskerCore::FFI).to receive(:send_step_completion_event)
        .and_raise(TaskerCore::Errors::FFIError.new("not running"))
      listen("bridge.error")

      expect { bridge.publish_step_completion(done) }
        .to raise_error(TaskerCore::Errors::FFIError, "not running")
      expect(@heard[0][1]).to include(completion: hash_including(done))
    end
  end

  describe "#publish_step_execution" do
    let(:event) { { **ids, task_sequence_step: { workflow_step: { name: "one" } } } }

    # The usual subscriber is there, and finds no handler.
    before { TaskerCore::Worker::StepExecutionSubscriber.current }

    it "publishes the ids and the wrapped step" do
      listen("step.execution.requested")
      expect(bridge.publish_step_execution(event)).to be(true)

      id, payload = @heard.first
      expect(id).to eq("step.execution.requested")
      expect(payload).to include(ids)
      expect(payload[:task_sequence_step]).to be_a(TaskerCore::Worker::TaskSequenceStepWrapper)
      expect(payload[:task_sequence_step].workflow_step.step_name).to eq("one")
    end

    it "publishes it under the older name too" do
      listen("step.execution.received")
      bridge.publish_step_execution(event)

      expect(@heard.map(&:first)).to eq(["step.execution.received"])
    end

    it "answers false while it is stopped" do
      bridge.stop!
      listen("step.execution.requested")

      expect(bridge.publish_step_execution(event)).to be(false)
      expect(@heard).to be_nil
    end

    it "lets a listener's error through" do
      listen("step.execution.requested") { raise IOError, "mine" }

      expect { bridge.publish_step_execution(event) }.to raise_error(IOError, "mine")
    end
  end

  describe "#subscribe_to_step_execution" do
    it "takes an object that can be taken off again, and counts it" do
      subscriber = Class.new do
        attr_reader :seen

        def on_step_execution_requested(event) = (@seen ||= []) << event[:event_id]
      end.new
      TaskerCore::Worker::StepExecutionSubscriber.current
      before = bridge.subscriber_count
      bridge.subscribe_to_step_execution(subscriber)
      expect(bridge.subscriber_count).to eq(before + 1)
      bridge.publish_step_execution({ **ids, task_sequence_step: {} })
      bridge.unsubscribe_from_step_execution(subscriber)
      bridge.publish_step_execution({ **ids, task_sequence_step: {} })

      expect(bridge.subscriber_count).to eq(before)
      expect(subscriber.seen).to eq(["e"])
    end

    it "needs an object or a block" do
      expect { bridge.subscribe_to_step_execution }.to raise_error(ArgumentError)
    end
  end

  it "is one object, also for threads that ask at once" do
    expect(Array.new(8) { Thread.new { described_class.instance } }.map(&:value).uniq.size).to eq(1)
  end
end
