# frozen_string_literal: true

module DiamondWorkflow
  # Multiplies what the branches found and squares the product.
  class Join < TaskerCore::StepHandler::Base
    def call(context)
      branches = %w[diamond_branch_b diamond_branch_c]
      product = branches.map { |name| context.get_dependency_result(name) }.reduce(:*)

      success(result: product**2, metadata: { operation: "join", input_refs: branches })
    end
  end
end
