# frozen_string_literal: true

module TreeWorkflow
  # A branch or a leaf: squares what its parent found.
  class Node < TaskerCore::StepHandler::Base
    def call(context)
      parent = context.get_config("parent")

      success(result: context.get_dependency_result(parent)**2,
              metadata: { operation: "square", input_refs: [parent] })
    end
  end
end
