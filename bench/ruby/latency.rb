# frozen_string_literal: true

# One task at a time, from submit to complete, with Ruby handlers.
#
#   latency.rb chain|diamond [TASKS]  ──►  {"p50_ms","p99_ms"}

require_relative "common"

name = ARGV.fetch(0)
count = Integer(ARGV.fetch(1, 1000))
Bench.store(Bench::Noop) do |url, templates|
  Bench.worker(url, templates) do
    store = TaskerCore::FFI.runtime.store
    request = JSON.generate(name: name, namespace: "bench", context: { n: 1 })
    run = lambda do |*|
      id = JSON.parse(store.submit(request, nil)).fetch("task_uuid")
      store.wait(id, 10_000)
    end
    50.times(&run)
    samples = Array.new(count) { Bench.seconds(&run) * 1000 }
    Bench.answer(p50_ms: Bench.percentile(samples, 50).round(3),
                 p99_ms: Bench.percentile(samples, 99).round(3))
  end
end
