# frozen_string_literal: true

require "tasker_core/models"

RSpec.describe TaskerCore::Models do
  def json(value) = described_class::JsonText.new(JSON.generate(value))

  # The same step in the forms that events have.
  plain = {
    "task" => {
      "task" => { "task_uuid" => "t-1",
                  "context" => { "even_number" => 10, "items" => [{ "id" => 1 }] },
                  "priority" => 5, "tags" => ["a"], "initiator" => "rspec" },
      "task_name" => "math", "task_version" => "1.2.0", "namespace_name" => "linear"
    },
    "workflow_step" => {
      "workflow_step_uuid" => "s-1", "task_uuid" => "t-1", "name" => "second", "retryable" => true,
      "max_attempts" => 3, "attempts" => 1, "in_process" => false, "processed" => false,
      "inputs" => { "factor" => 2 }, "results" => { "error" => { "message" => "no" } }
    },
    "dependency_results" => {
      "first" => { "step_uuid" => "s-0", "success" => true,
                   "result" => { "n" => 2**64, "l" => [{ "x" => 1 }] },
                   "metadata" => {} },
      "number" => { "step_uuid" => "s-9", "success" => true, "result" => 7 }
    },
    "step_definition" => {
      "name" => "second", "dependencies" => ["first"], "timeout_seconds" => 30,
      "handler" => { "callable" => "Demo::Second", "initialization" => { "factor" => 2 } },
      "retry" => { "max_attempts" => 3, "backoff" => "linear" }
    }
  }
  text = ->(value) { TaskerCore::Models::JsonText.new(JSON.generate(value)) }
  symbols = ->(value) { JSON.parse(JSON.generate(value), symbolize_names: true) }
  inner = plain["task"]["task"]
  native = {
    "task" => { **plain["task"].except("task"),
      "task" => { "task_uuid" => "t-1", "context" => text.call(inner["context"]),
                  "priority" => 5, "fields" => text.call(inner.slice("tags", "initiator")) } },
    "workflow_step" => { **plain["workflow_step"],
      "inputs" => text.call(plain["workflow_step"]["inputs"]),
      "results" => text.call(plain["workflow_step"]["results"]) },
    "dependency_results" => plain["dependency_results"].transform_values do |record|
      { **record, "result" => text.call(record["result"]) }
    end,
    "step_definition" => text.call(plain["step_definition"])
  }
  flat = { **plain, "task" => { **inner, **plain["task"].except("task") } }

  { "String keys" => plain, "Symbol keys" => symbols.call(plain), "a flat task" => flat,
    "JSON text inside, as the library makes it" => native,
    "JSON text throughout" => text.call(plain) }
    .each do |form, event|
    describe "an event with #{form}" do
      subject(:step) { described_class::TaskSequenceStepWrapper.new(event) }

      it "has the task" do
        expect([step.task.task_uuid, step.task.namespace_name, step.task.task_name, step.task.name,
                step.task.task_version, step.task.version, step.task.priority, step.task.initiator])
          .to eq(["t-1", "linear", "math", "math", "1.2.0", "1.2.0", 5, "rspec"])
        expect(step.task.tags).to eq(["a"])
        expect(step.task.context[:even_number]).to eq(10)
        expect(step.task.context["items"][0][:id]).to eq(1)
        expect(step.get_task_field(:even_number)).to eq(10)
      end

      it "has the step" do
        inner = step.workflow_step

        expect([inner.workflow_step_uuid, inner.step_uuid, inner.name, inner.step_name,
                inner.attempts, inner.max_attempts, inner.retry_limit, inner.retryable])
          .to eq(["s-1", "s-1", "second", "second", 1, 3, 3, true])
        expect(inner.inputs[:factor]).to eq(2)
        expect(inner.results.dig(:error, :message)).to eq("no")
        expect([inner.pending?, inner.complete?, inner.in_progress?]).to eq([true, false, false])
      end

      it "has the results of the ancestors" do
        expect(step.get_dependency_result(:first)[:step_uuid]).to eq("s-0")
        expect(step.get_results("first")[:n]).to eq(2**64)
        expect(step.get_results(:first)["l"][0][:x]).to eq(1)
        expect(step.get_results(:number)).to eq(7)
        expect(step.dependency_results[:none]).to be_nil
      end

      it "has the definition" do
        definition = step.step_definition

        expect([definition.name, definition.handler.callable, definition.timeout_seconds])
          .to eq(["second", "Demo::Second", 30])
        expect(definition.dependencies).to eq(["first"])
        expect(definition.retry[:backoff]).to eq("linear")
        expect(definition.handler.initialization[:factor]).to eq(2)
      end

      it "gives the same copy each time, which may be written into" do
        step.workflow_step.results[:mine] = 1
        step.task.context[:items] << 2

        expect(step.workflow_step.results["mine"]).to eq(1)
        expect(step.task.context["items"].size).to eq(2)
        other = described_class::TaskSequenceStepWrapper.new(event)
        expect(other.task.context[:items].size).to eq(1)
      end
    end
  end

  describe "an event with parts missing" do
    { "nothing" => nil, "an empty Hash" => {}, "no Hash" => "x", "null JSON" => text.call(nil),
      "empty parts" => { "task" => {}, "workflow_step" => nil, "step_definition" => {} },
      "the handler alone" => { "step_definition" => { "handler" => { "callable" => nil } } } }
      .each do |form, event|
      it "reads as nil, {} and [] (#{form})" do
        step = described_class::TaskSequenceStepWrapper.new(event)

        expect([step.task.task_uuid, step.task.name, step.workflow_step.name,
                step.step_definition.handler.callable, step.get_task_field("a"),
                step.get_dependency_result("a"), step.get_results("a")]).to all(be_nil)
        expect([step.task.context, step.workflow_step.inputs, step.workflow_step.results,
                step.step_definition.handler.initialization, step.step_definition.retry])
          .to all(eq({}))
        expect([step.task.tags, step.step_definition.dependencies, step.dependency_results.keys])
          .to all(eq([]))
      end
    end
  end

  describe "payloads that are no objects" do
    [[1, 2], "text", 5, true].each do |value|
      it "are handed out as they are: #{value.inspect}" do
        step = described_class::TaskSequenceStepWrapper.new(
          "task" => { "context" => json(value) }, "workflow_step" => { "results" => json(value) },
          "dependency_results" => { "a" => { "result" => json(value) }, "b" => json(value) }
        )

        expect([step.task.context, step.workflow_step.results, step.get_results(:a),
                step.get_results(:b)]).to all(eq(value))
        expect(step.get_task_field("a")).to be_nil
      end
    end
  end

  describe TaskerCore::Models::WorkflowStepWrapper do
    states = { "complete" => :complete?, "pending" => :pending?, "enqueued" => :enqueued?,
               "in_progress" => :in_progress?, "waiting_for_retry" => :waiting_for_retry?,
               "error" => :in_error?, "cancelled" => :cancelled?,
               "resolved_manually" => :resolved_manually? }

    states.each do |word, question|
      it "answers #{question} in the state #{word} and in no other" do
        step = described_class.new("status" => word)
        others = states.values - [question, (:complete? if word == "resolved_manually")]

        expect(step.public_send(question)).to be(true)
        expect(others.map { |other| step.public_send(other) }).to all(be(false))
      end
    end

    [[{ "processed" => true }, "complete"], [{ "in_process" => true }, "in_progress"],
     [{}, "pending"], [{ "current_state" => "error" }, "error"]].each do |flags, word|
      it "tells #{word} from #{flags}" do
        expect(described_class.new(flags).status).to eq(word)
      end
    end
  end

  describe TaskerCore::Models::DependencyResultsWrapper do
    subject(:sequence) do
      described_class.new("a" => { "step_uuid" => "s-1", "success" => true,
                                   "result" => { "n" => 1 } },
                          "b" => { "success" => false, "result" => {} },
                          "c" => { "plain" => true }, "d" => { "success" => true, "result" => nil })
    end

    it "unwraps results, and gives records without one as they are" do
      expect(sequence.get_results(:a)).to eq("n" => 1)
      expect(sequence.get_results(:c)).to eq("plain" => true)
      expect(sequence.get_results(:d)).to be_nil
      expect(sequence.get_results(:z)).to be_nil
      expect(sequence.get_result("a")).to eq(sequence[:a])
      expect(sequence.get_result("a", :n)).to eq(1)
      expect(sequence.get_result("z", :n)).to be_nil
    end

    it "knows its names" do
      expect(sequence.keys).to eq(%w[a b c d])
      expect(sequence.names).to eq(sequence.keys)
      expect([sequence.key?(:a), sequence.has?("a"),
              sequence.include?(:z)]).to eq([true, true, false])
      expect([sequence.size, sequence.length, sequence.count,
              sequence.empty?]).to eq([4, 4, 4, false])
    end

    it "enumerates the ancestors as steps" do
      expect(sequence.map(&:name)).to eq(%w[a b c d])
      expect(sequence.get(:a).step_uuid).to eq("s-1")
      expect(sequence.get(:a).results[:result][:n]).to eq(1)
      expect(sequence.get(:z)).to be_nil
      expect(sequence.completed.map(&:name)).to eq(%w[a c d])
      expect(sequence.failed.map(&:name)).to eq(["b"])
      expect(sequence.pending).to eq([])
      expect(sequence.all_complete?).to be(false)
      expect(sequence.find(&:in_error?).name).to eq("b")
      expect(sequence.results_by_name["a"]).to eq(sequence["a"])
      expect(sequence.to_h.keys).to eq(sequence.names)
      expect(sequence.all.size).to eq(4)
      expect(sequence.any?).to be(true)
    end

    it "is TaskerCore::Types::Sequence, empty when made of nothing" do
      expect(TaskerCore::Types::Sequence.new(nil)).to be_empty
    end
  end

  describe TaskerCore::Models::StepContext do
    subject(:context) { described_class.new(plain, event_id: "e-1") }

    it "brings everything together" do
      expect([context.task_uuid, context.step_uuid, context.namespace_name, context.step_name,
              context.event_id]).to eq(%w[t-1 s-1 linear second e-1])
      expect(context.input_data).to equal(context.context)
      expect([context.get_input(:even_number), context.get_task_field("none")]).to eq([10, nil])
      expect([context.get_input_or("even_number", 1),
              context.get_input_or("none", 1)]).to eq([10, 1])
      expect([context.get_config(:factor), context.step_inputs[:factor]]).to eq([2, 2])
    end

    it "reads ancestors' results" do
      expect(context.get_dependency_result("first")[:n]).to eq(2**64)
      expect(context.get_dependency_field("first", "l", 0, :x)).to eq(1)
      expect(context.get_dependency_field("first", "l", "no", :x)).to be_nil
      expect(context.get_dependency_field("number", "n")).to be_nil
      expect(context.get_dependency_field("none", "n")).to be_nil
    end

    [[0, 3, false, false], [1, 3, true, false], [2, 3, true, true], [nil, nil, false, false],
     [0, 1, false, true], [0, 0, false, true]].each do |attempts, max, again, last|
      it "after #{attempts.inspect} of #{max.inspect} attempts: retry #{again}, last #{last}" do
        step = described_class.new({ workflow_step: { attempts: attempts, max_attempts: max } })

        expect([step.is_retry?, step.is_last_retry?]).to eq([again, last])
      end
    end

    it "has no checkpoint" do
      expect([context.checkpoint, context.has_checkpoint?, context.checkpoint_items_processed])
        .to eq([nil, false, 0])
    end
  end

  it "has the same classes under Worker and Types" do
    %i[TaskSequenceStepWrapper TaskWrapper WorkflowStepWrapper DependencyResultsWrapper
       StepDefinitionWrapper HandlerWrapper].each do |name|
      expect(TaskerCore::Worker.const_get(name)).to equal(described_class.const_get(name))
    end
    expect(TaskerCore::Types::StepContext).to equal(described_class::StepContext)
  end
end
