# frozen_string_literal: true

# The programs and the figures read from their answers.
module Figures
  native = ->(command) { "#{ENV.fetch("BUILD_DIR", "build/release")}/bench/#{command}" }
  ruby = ->(command) { "ruby bench/ruby/#{command}" }

  # In the order of a round: what is compared stands side by side. The number: rounds at most.
  PROGRAMS = {
    "ruby-chain" => [ruby["latency.rb chain"]],
    "c-chain" => [native["latency chain"]],
    "commits-chain" => [native["commits chain"]],
    "ruby-diamond" => [ruby["latency.rb diamond"]],
    "c-diamond" => [native["latency diamond"]],
    "c-one" => [native["drain one 80000"]],
    "c-chains" => [native["drain chain 10000"]],
    "commits-256" => [native["commits 256"]],
    "ruby-one" => [ruby["drain.rb one 40000"]],
    "ruby-chains" => [ruby["drain.rb chain 10000"]],
    "ruby-loop" => [ruby["loop.rb noop 40000"]],
    "submit-1" => [native["submit 1"]],
    "commits-1" => [native["commits 1 5000"]],
    "submit-100" => [native["submit 100"]],
    "commits-100" => [native["commits 100"]],
    "require" => [ruby["require.rb"]],
    "overhead" => [ruby["overhead.rb"], 3],
    "due" => [native["due 12"]],
    "c-idle" => [native["idle 20"], 3],
    "ruby-idle" => [ruby["idle.rb 20"], 3],
    "sync" => [native["commits sync"]]
  }.freeze

  FIVE = "five commits, one after another"
  BATCHED = "one-row inserts, 256 a commit"
  PLAIN = "plain loop: parse, call, generate"

  ALL = [
    { name: "chain of four, Ruby, P50", unit: "ms", most: 1.2,
      value: "ruby-chain p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "chain of four, Ruby, P99", unit: "ms", most: 3,
      value: "ruby-chain p99_ms", reference: "commits-chain p99_ms", beside: FIVE },
    { name: "chain of four, C, P50", unit: "ms",
      value: "c-chain p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "chain of four, C, P99", unit: "ms",
      value: "c-chain p99_ms", reference: "commits-chain p99_ms", beside: FIVE },
    { name: "diamond 1-2-1, Ruby, P50", unit: "ms", most: 1.5,
      value: "ruby-diamond p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "diamond 1-2-1, C, P50", unit: "ms",
      value: "c-diamond p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "one-step tasks drained, C", unit: "steps/s", least: 80_000,
      value: "c-one steps_s", reference: "commits-256 rows_s", beside: BATCHED },
    { name: "one-step tasks drained, Ruby", unit: "steps/s", least: 40_000,
      value: "ruby-one steps_s", reference: "ruby-loop steps_s", beside: PLAIN },
    { name: "10,000 chains of four drained, C", unit: "steps/s", least: 90_000,
      value: "c-chains steps_s", reference: "commits-256 rows_s", beside: BATCHED },
    { name: "10,000 chains of four drained, Ruby", unit: "steps/s", least: 40_000,
      value: "ruby-chains steps_s", reference: "ruby-loop steps_s", beside: PLAIN },
    { name: "submissions, one at a time", unit: "tasks/s", least: 4500,
      value: "submit-1 tasks_s", reference: "commits-1 rows_s",
      beside: "one-row inserts, one a commit" },
    { name: "submissions, 100 at a time", unit: "tasks/s", least: 100_000,
      value: "submit-100 tasks_s", reference: "commits-100 rows_s",
      beside: "one-row inserts, 100 a commit" },
    { name: "wall time with 1 ms Ruby handlers", unit: "ratio", most: 1.05,
      value: "overhead ratio", reference: nil, beside: "divided by that of a plain loop" },
    { name: "require 'tasker_core', memory added", unit: "MiB", most: 4.4,
      value: "require rss_mib", reference: "require bare_rss_mib", beside: "bare interpreter" },
    { name: "require 'tasker_core', time added", unit: "ms", most: 60,
      value: "require ms", reference: "require bare_ms", beside: "bare interpreter" },
    { name: "start of a delayed task after its time, P50", unit: "ms", value: "due p50_ms" },
    { name: "start of a delayed task after its time, P99", unit: "ms", most: 200,
      value: "due p99_ms" },
    { name: "idle worker, C, processor", unit: "%", most: 0.2, value: "c-idle cpu_percent" },
    { name: "idle worker, C, statements", unit: "1/s", most: 1, value: "c-idle statements_s",
      beside: "BEGIN and COMMIT not counted" },
    { name: "idle worker, Ruby, processor", unit: "%", most: 0.2, value: "ruby-idle cpu_percent" },
    { name: "idle worker, Ruby, resident memory", unit: "MiB", most: 24,
      value: "ruby-idle rss_mib", reference: "require bare_rss_mib", beside: "bare interpreter" },
    { name: "file, one-step task with its history", unit: "bytes", value: "c-one bytes_task" },
    { name: "file, four-step task with its history", unit: "bytes", value: "c-chains bytes_task" },
    { name: "processor time, one-step task, C", unit: "µs/step", value: "c-one cpu_us_step" },
    { name: "processor time, chain, C", unit: "µs/step", value: "c-chains cpu_us_step" },
    { name: "processor time, one-step task, Ruby", unit: "µs/step", value: "ruby-one cpu_us_step" },
    { name: "processor time, chain, Ruby", unit: "µs/step", value: "ruby-chains cpu_us_step" },
    { name: "4 KiB written and synced, P50", unit: "ms", value: "sync p50_ms" }
  ].freeze
end
