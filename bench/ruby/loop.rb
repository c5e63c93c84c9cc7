# frozen_string_literal: true

# The reference of the Ruby rates: a plain loop that parses the input, calls the handler and
# generates its result, with nothing around it.
#
#   loop.rb noop|busy [STEPS]  ──►  {"steps_s","seconds"}

require_relative "common"

handler = { "noop" => Bench::Noop, "busy" => Bench::Busy }.fetch(ARGV.fetch(0))
steps = Integer(ARGV.fetch(1, 40_000))
context = JSON.generate(n: 1)
took = Bench.seconds do
  steps.times do
    task = JSON.parse(context)
    JSON.generate(handler.new.call(task, nil, nil).result)
  end
end
Bench.answer(steps_s: (steps / took).round, seconds: took.round(4))
