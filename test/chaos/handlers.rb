# frozen_string_literal: true

require_relative "../kill/handlers"

module Kill
  # Ends well with every fifth attempt.
  class Moody < TaskerCore::StepHandler::Base
    def call(_task, _sequence, step)
      raise "attempt #{step.attempt} fails" unless (step.attempt % 5).zero?

      Kill.record(step, { "value" => step.attempt })
    end
  end

  # What waits for somebody's retry.
  class After < TaskerCore::StepHandler::Base
    def call(_task, _sequence, step)
      Kill.record(step, { "value" => 1 })
    end
  end
end
