# frozen_string_literal: true

module DiamondWorkflow
  # Squares the number that the request carries.
  class Start < TaskerCore::StepHandler::Base
    def call(context)
      number = context.get_input("even_number")

      success(result: number**2, metadata: { operation: "square", input_refs: ["even_number"] })
    end
  end
end
