# frozen_string_literal: true

module ErrorScenarios
  # Fails in a way that a further attempt may mend: the one that the context names, if any.
  class FailForNow < TaskerCore::StepHandler::Base
    def call(task, _sequence, step)
      attempt = step.attempts + 1
      return success(result: { attempt: attempt }) if attempt == task.context["succeeds_at"]

      retryable_error("attempt #{attempt} did not work", { attempt: attempt })
    end
  end
end
