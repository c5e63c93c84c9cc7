# frozen_string_literal: true

module DiamondWorkflow
  # One of the two branches: squares what the start found. Needs no parent class, and may answer
  # with the bare result.
  class Branch
    def call(context)
      context.get_dependency_result("diamond_start")**2
    end
  end
end
