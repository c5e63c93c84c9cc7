# frozen_string_literal: true

require "json"
require "zlib"

# Handlers that leave a trace of their own: before one returns it appends a line with the step, the
# attempt and the result's digest to KILL_RECORD. Lines have one size that divides a page's, so a
# kill leaves a whole line or none.
module Kill
  LINE_BYTES = 64
  RECORD = File.open(ENV.fetch("KILL_RECORD"), File::WRONLY | File::APPEND | File::CREAT)
  DRAIN = ENV.fetch("KILL_DRAIN") # this file is there once no more kills come

  # @return [String] of the result's JSON
  def self.digest(result) = format("%020x", Zlib.crc32(JSON.generate(result)))

  def self.record(step, result)
    line = format("%<step>s %<attempt>5d %<digest>s\n",
                  step: step.workflow_step_uuid, attempt: step.attempt, digest: digest(result))
    raise "the line has #{line.bytesize} bytes" unless line.bytesize == LINE_BYTES

    RECORD.syswrite(line)
    result
  end

  # Adds one to what the parents returned; the first of a task to its number. Many take no time,
  # the others up to 20 ms.
  class Add < TaskerCore::StepHandler::Base
    def call(task, sequence, step)
      parents = sequence.results_by_name.keys & parents_of(step.name)
      values = parents.map { |name| sequence.get_results(name).fetch("value") }
      pause = rand(3).zero? ? 0 : rand * 0.02
      sleep(pause) if pause.positive?
      Kill.record(step, { "value" => (values.empty? ? task.context["number"] : values.sum) + 1,
                          "padding" => "x" * rand(200) })
    end

    private

    PARENTS = { "two" => %w[one], "three" => %w[two], "four" => %w[three], "five" => %w[four],
                "six" => %w[five], "left" => %w[split], "middle" => %w[split],
                "right" => %w[split], "join" => %w[left middle right] }.freeze
    private_constant :PARENTS

    def parents_of(name) = PARENTS.fetch(name, [])
  end

  # Succeeds with every seventh attempt.
  class FailsOften < TaskerCore::StepHandler::Base
    def call(_task, _sequence, step)
      raise "attempt #{step.attempt} fails" unless (step.attempt % 7).zero?

      Kill.record(step, { "value" => step.attempt })
    end
  end

  # Takes longer than most workers live.
  class Slow < TaskerCore::StepHandler::Base
    def call(_task, _sequence, step)
      sleep(0.4)
      Kill.record(step, { "value" => 1 })
    end
  end

  # Ends when no more kills come.
  class Endless < TaskerCore::StepHandler::Base
    def call(_task, _sequence, step)
      sleep(0.05) until File.exist?(DRAIN)
      Kill.record(step, { "value" => 1 })
    end
  end
end
