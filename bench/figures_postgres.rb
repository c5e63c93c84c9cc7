# frozen_string_literal: true

# The same for a PostgreSQL server at TASKER_STORE: `make bench-postgres`.
module FiguresPostgres
  native = ->(command) { "#{ENV.fetch("BUILD_DIR", "build/release")}/bench/#{command}" }
  ruby = ->(command) { "ruby bench/ruby/#{command}" }

  PROGRAMS = {
    "ruby-chain" => [ruby["latency.rb chain"]],
    "c-chain" => [native["latency chain"]],
    "commits-chain" => [native["server chain"]],
    "ruby-diamond" => [ruby["latency.rb diamond"]],
    "c-diamond" => [native["latency diamond"]],
    "pickup" => [native["pickup 100"]],
    "notify" => [native["server notify"]],
    "select" => [native["server select"]],
    "c-one" => [native["drain one 80000"]],
    "c-chains" => [native["drain chain 10000"]],
    "c-diamonds" => [native["drain diamond 10000"]],
    "c-one-2" => [native["drain one 80000 2"]],
    "c-one-4" => [native["drain one 80000 4"]],
    "rows-32" => [native["server rows 32 2000"]],
    "ruby-one" => [ruby["drain.rb one 40000"]],
    "ruby-chains" => [ruby["drain.rb chain 10000"]],
    "ruby-loop" => [ruby["loop.rb noop 40000"]],
    "submit-1" => [native["submit 1"]],
    "rows-1" => [native["server rows 1 2000"]],
    "submit-100" => [native["submit 100"]],
    "c-idle" => [native["idle 20"], 1],
    "tenths" => [native["endure tenths 200000"]],
    "snapshot" => [native["endure snapshot 60"], 1],
    "kill" => [native["recover kill 20"], 1],
    "restart" => [native["recover restart 5"], 1]
  }.freeze

  FIVE = "five commits, one after another"
  CLIENTS = "one-row commits of 32 clients"
  PLAIN = "plain loop: parse, call, generate"

  ALL = [
    { name: "chain of four, Ruby, P50", unit: "ms", most: 2.0,
      value: "ruby-chain p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "chain of four, Ruby, P99", unit: "ms", most: 6,
      value: "ruby-chain p99_ms", reference: "commits-chain p99_ms", beside: FIVE },
    { name: "chain of four, C, P50", unit: "ms",
      value: "c-chain p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "diamond 1-2-1, Ruby, P50", unit: "ms", most: 2.5,
      value: "ruby-diamond p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "diamond 1-2-1, C, P50", unit: "ms",
      value: "c-diamond p50_ms", reference: "commits-chain p50_ms", beside: FIVE },
    { name: "pick-up by an idle process, P50", unit: "ms", most: 0.8,
      value: "pickup p50_ms", reference: "notify p50_ms", beside: "NOTIFY to wake-up" },
    { name: "pick-up by an idle process, P99", unit: "ms", most: 3,
      value: "pickup p99_ms", reference: "notify p99_ms", beside: "NOTIFY to wake-up" },
    { name: "one-step tasks drained, C", unit: "steps/s", least: 45_000,
      value: "c-one steps_s", reference: "rows-32 rows_s", beside: CLIENTS },
    { name: "the same, two processes", unit: "steps/s",
      value: "c-one-2 steps_s", reference: "rows-32 rows_s", beside: CLIENTS },
    { name: "the same, four processes", unit: "steps/s",
      value: "c-one-4 steps_s", reference: "rows-32 rows_s", beside: CLIENTS },
    { name: "one-step tasks drained, Ruby", unit: "steps/s", least: 19_000,
      value: "ruby-one steps_s", reference: "ruby-loop steps_s", beside: PLAIN },
    { name: "10,000 chains of four drained, C", unit: "steps/s", least: 55_000,
      value: "c-chains steps_s", reference: "rows-32 rows_s", beside: CLIENTS },
    { name: "10,000 chains of four drained, Ruby", unit: "steps/s", least: 20_000,
      value: "ruby-chains steps_s", reference: "ruby-loop steps_s", beside: PLAIN },
    { name: "10,000 diamonds drained, C", unit: "steps/s",
      value: "c-diamonds steps_s", reference: "rows-32 rows_s", beside: CLIENTS },
    { name: "submissions, one at a time", unit: "tasks/s", least: 3500,
      value: "submit-1 tasks_s", reference: "rows-1 rows_s", beside: "one-row commits of one" },
    { name: "submissions, 100 at a time", unit: "tasks/s", least: 60_000,
      value: "submit-100 tasks_s", reference: "rows-32 rows_s", beside: CLIENTS },
    { name: "log written, one-step task", unit: "bytes", value: "c-one wal_task" },
    { name: "log written, four-step task", unit: "bytes", most: 5000, value: "c-chains wal_task" },
    { name: "statements, chains", unit: "1/step", most: 0.2,
      value: "c-chains statements_step", beside: "BEGIN and COMMIT not counted" },
    { name: "statements, diamonds", unit: "1/step", most: 0.2,
      value: "c-diamonds statements_step", beside: "BEGIN and COMMIT not counted" },
    { name: "tables and indexes, one-step task", unit: "bytes", value: "c-one bytes_task" },
    { name: "tables and indexes, four-step task", unit: "bytes", value: "c-chains bytes_task" },
    { name: "idle worker, C, processor", unit: "%", most: 0.2, value: "c-idle cpu_percent" },
    { name: "idle worker, C, statements", unit: "1/s", most: 1, value: "c-idle statements_s",
      beside: "BEGIN and COMMIT not counted" },
    { name: "SELECT 1, P50", unit: "ms", value: "select p50_ms" },
    { name: "200,000 tasks: last tenth beside first", unit: "", least: 0.95,
      value: "tenths ratio" },
    { name: "snapshot held for a minute: rate beside clean", unit: "", least: 0.75,
      value: "snapshot ratio" },
    { name: "snapshot held: last third beside first", unit: "", value: "snapshot fall" },
    { name: "worker killed to next claim of its step, P99", unit: "ms", most: 3000,
      value: "kill p99_ms" },
    { name: "server crashed and back to first claim, P99", unit: "ms", most: 1000,
      value: "restart p99_ms" }
  ].freeze
end
