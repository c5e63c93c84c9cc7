# frozen_string_literal: true

# What the engine costs beside a handler that costs a millisecond of processor time: the wall time
# of a worker with one thread, all its tasks submitted before, divided by that of a plain loop which
# parses the same input, calls the same handler and generates the same JSON. The loop runs half
# before and half after the worker, so that both see the same machine.
#
#   overhead.rb [STEPS]  ──►  {"ratio","worker_s","loop_s"}

require_relative "common"

steps = Integer(ARGV.fetch(0, 10_000))
context = JSON.generate(n: 1)
plain = lambda do
  Bench.seconds do
    (steps / 2).times { JSON.generate(Bench::Busy.new.call(JSON.parse(context), nil, nil).result) }
  end
end
loop_s = plain.call
worker_s = nil
Bench.store(Bench::Busy) do |url, templates|
  Bench.fill(url, templates, "one", steps)
  began = Bench.now
  Bench.worker(url, templates, threads: 1) do
    Bench.wait_for(steps)
    worker_s = Bench.now - began
  end
end
loop_s += plain.call
Bench.answer(ratio: (worker_s / loop_s).round(4), worker_s: worker_s.round(3),
             loop_s: loop_s.round(3))
