# frozen_string_literal: true

# Handlers of the end-to-end tests. Their tasks name a folder in the context; files in it say when a
# step may go on and what is broken.

require "tasker_core"

module E2e
  # Goes on when the folder has a file of the step's name.
  class Gate < TaskerCore::StepHandler::Base
    def call(task, _sequence, step)
      path = File.join(task.context.fetch("folder"), step.name)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 30
      until File.exist?(path)
        late = Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
        raise "nobody opened #{step.name}" if late

        sleep 0.02
      end
      success(result: { gate: step.name, big: 2**64 })
    end
  end

  # Fails for good while the folder has the file "broken".
  class Mend < TaskerCore::StepHandler::Base
    def call(task, _sequence, _step)
      if File.exist?(File.join(task.context.fetch("folder"), "broken"))
        raise TaskerCore::Errors::PermanentError.new(
          task.context["says"] || "the machine is broken", error_code: "BROKEN"
        )
      end
      success(result: { mended: true })
    end
  end

  # Returns what the context has as "echo".
  class Echo < TaskerCore::StepHandler::Base
    def call(task, _sequence, _step)
      success(result: { echo: task.context["echo"] })
    end
  end
end
