# frozen_string_literal: true

module TreeWorkflow
  # Multiplies what the leaves found and squares the product.
  class Gather < TaskerCore::StepHandler::Base
    LEAVES = %w[tree_leaf_d tree_leaf_e tree_leaf_f tree_leaf_g].freeze

    def call(_task, sequence, _step)
      product = LEAVES.map { |leaf| sequence.get_results(leaf) }.reduce(:*)

      success(result: product**2, metadata: { operation: "gather", input_refs: LEAVES })
    end
  end
end
