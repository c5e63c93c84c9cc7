# frozen_string_literal: true

module TreeWorkflow
  # Squares the number that the request carries.
  class Root < TaskerCore::StepHandler::Base
    def call(task, _sequence, _step)
      success(result: task.context[:even_number]**2, metadata: { operation: "square" })
    end
  end
end
