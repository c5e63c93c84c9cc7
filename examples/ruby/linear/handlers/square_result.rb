# frozen_string_literal: true

module LinearWorkflow
  # Squares what an earlier step found; the template's `initialization` names the step.
  class SquareResult < TaskerCore::StepHandler::Base
    def call(_task, sequence, step)
      source = step.inputs[:of]
      number = sequence.get_results(source)

      success(result: number**2, metadata: { operation: "square", input_refs: [source] })
    end
  end
end
