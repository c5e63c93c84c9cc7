# frozen_string_literal: true

module MixedDagWorkflow
  # Squares the number that the request carries. A class may do the work itself.
  class Init
    def self.call(task, _sequence, _step)
      { success: true, result: task.context["even_number"]**2, metadata: { operation: "square" } }
    end
  end
end
