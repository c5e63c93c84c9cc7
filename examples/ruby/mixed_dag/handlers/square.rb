# frozen_string_literal: true

module MixedDagWorkflow
  # Squares the result of its only parent, whichever that is.
  class Square < TaskerCore::StepHandler::Base
    def call(context)
      parent = context.step_definition.dependencies.first

      success(result: context.get_dependency_result(parent)**2,
              metadata: { operation: "square", input_refs: [parent] })
    end
  end
end
