# frozen_string_literal: true

module MixedDagWorkflow
  # Multiplies the results of all parents and squares the product.
  class MultiplyAndSquare < TaskerCore::StepHandler::Base
    def call(context)
      parents = context.step_definition.dependencies
      product = parents.map { |parent| context.get_dependency_result(parent) }.reduce(:*)

      success(result: product**2, metadata: { operation: "multiply", input_refs: parents })
    end
  end
end
