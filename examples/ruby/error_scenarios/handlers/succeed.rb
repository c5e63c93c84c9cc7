# frozen_string_literal: true

module ErrorScenarios
  # Always succeeds.
  class Succeed < TaskerCore::StepHandler::Base
    def call(_context) = success(result: { message: "done" })
  end
end
