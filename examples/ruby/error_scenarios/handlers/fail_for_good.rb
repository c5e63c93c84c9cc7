# frozen_string_literal: true

module ErrorScenarios
  # Fails in a way that no further attempt can mend.
  class FailForGood < TaskerCore::StepHandler::Base
    def call(_task, _sequence, _step)
      context = { scenario: "permanent" }
      raise TaskerCore::Errors::PermanentError.new("this can never work", error_code: "HOPELESS",
                                                                          context: context)
    end
  end
end
