# frozen_string_literal: true

module LinearWorkflow
  # Squares the number that the request carries.
  class SquareInput < TaskerCore::StepHandler::Base
    def call(task, _sequence, _step)
      number = task.context["even_number"]
      unless number.is_a?(Integer) && number.even?
        raise TaskerCore::Errors::ValidationError.new("even_number must be an even Integer",
                                                      field: "even_number")
      end

      success(result: number**2, metadata: { operation: "square", input_refs: ["even_number"] })
    end
  end
end
