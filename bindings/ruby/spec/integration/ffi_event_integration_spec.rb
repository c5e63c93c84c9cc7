# frozen_string_literal: true

require "spec_helper"
require "securerandom"

# Events made by hand, as incomplete as older programs make them, through the bridge to a handler
# and back to where the library would take the completion.
RSpec.describe "Events over the FFI", :integration do
  let(:bridge) { TaskerCore::Worker::EventBridge.instance }
  let(:completions) { [] }

  before do
    bridge.start!
    TaskerCore::Worker::StepExecutionSubscriber.current
    stub_const("EventSpecSquare", Class.new(TaskerCore::StepHandler::Base) do
      def call(task, _sequence, _step)
        number = task.context["even_number"]
        success(result: number * number, metadata: { operation: "square" })
      end
    end)
    TaskerCore::Registry::HandlerRegistry.instance.register_handler("EventSpecSquare",
                                                                    EventSpecSquare)
    allow(TaskerCore::FFI).to receive(:send_step_completion_event) { |one| completions << one }
  end

  def event(sequence_step)
    { "event_id" => SecureRandom.uuid, "task_uuid" => SecureRandom.uuid,
      "step_uuid" => SecureRandom.uuid, "task_sequence_step" => sequence_step }
  end

  def handler(callable)
    { "step_definition" => { "handler" => { "callable" => callable } } }
  end

  let(:whole) do
    event("task" => { "task_uuid" => SecureRandom.uuid, "context" => { "even_number" => 10 },
                      "namespace_name" => "linear_workflow" },
          "workflow_step" => { "workflow_step_uuid" => SecureRandom.uuid, "name" => "step_1" },
          "dependency_results" => {},
          "step_definition" => {
            "name" => "step_1",
            "handler" => { "callable" => "EventSpecSquare", "initialization" => {} }
          })
  end

  it "go to their handler, and its result comes back under the same ids" do
    expect(bridge.publish_step_execution(whole)).to be(true)

    expect(completions).to include(
      hash_including(event_id: whole["event_id"], task_uuid: whole["task_uuid"],
                     step_uuid: whole["step_uuid"], success: true, result: 100)
    )
    expect(completions[0][:metadata][:custom])
      .to include(operation: "square", processed_by: "ruby_worker",
                  handler_class: "EventSpecSquare")
  end

  it "may have Symbol keys all the way down" do
    bridge.publish_step_execution(JSON.parse(JSON.generate(whole), symbolize_names: true))

    expect(completions).to include(hash_including(event_id: whole["event_id"],
                                                  success: true, result: 100))
  end

  it "fail for good when nobody knows the handler" do
    made = event(handler("NonExistentHandler"))
    expect { bridge.publish_step_execution(made) }.not_to raise_error

    expect(completions).to include(
      hash_including(event_id: made["event_id"], success: false, retryable: false,
                     error_message: a_string_including("No handler found for NonExistentHandler"))
    )
  end

  [nil, {}, { "step_definition" => nil }, { "step_definition" => { "handler" => nil } },
   { "step_definition" => { "handler" => { "callable" => nil } } },
   { "step_definition" => { "handler" => { "callable" => "" } } },
   { "step_definition" => { "handler" => { "callable" => "not a constant" } } },
   { "step_definition" => 7 }].each do |sequence_step|
    it "fail, and are completed, with #{sequence_step.inspect} in place of the parts" do
      bridge.publish_step_execution(event(sequence_step))

      expect(completions).to include(
        hash_including(success: false, error_message: a_string_including("No handler found"))
      )
    end
  end

  it "reach a handler that finds no context as an empty one" do
    bridge.publish_step_execution(event(handler("EventSpecSquare")))

    expect(completions).to include(hash_including(success: false, retryable: true,
                                                  error_class: "NoMethodError"))
  end

  it "are no other thing than a Hash" do
    [nil, [], "event", 7].each do |other|
      expect { bridge.publish_step_execution(other) }.to raise_error(ArgumentError, /Hash/)
    end
    expect(completions).to be_empty
  end
end
