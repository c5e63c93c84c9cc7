# frozen_string_literal: true

# Many tasks are there when the worker starts: how fast does it work them off?
#
#   drain.rb one|chain [TASKS]  ──►  {"steps_s","cpu_us_step"}

require_relative "common"

name = ARGV.fetch(0)
steps = Bench::GRAPHS.fetch(name).size
tasks = Integer(ARGV.fetch(1, 40_000 / steps))
Bench.store(Bench::Noop) do |url, templates|
  Bench.fill(url, templates, name, tasks)
  took = cpu = nil
  began = Bench.now
  cpu_before = Bench.cpu
  Bench.worker(url, templates) do
    Bench.wait_for(tasks * steps)
    took = Bench.now - began
    cpu = Bench.cpu - cpu_before
  end
  Bench.answer(steps_s: (tasks * steps / took).round,
               cpu_us_step: (cpu * 1e6 / (tasks * steps)).round(2))
end
