# frozen_string_literal: true

# Steps of every ending, through claim, handler and completion in one process, and what it is
# resident with meanwhile.
#
# The first tenth of the events warms up: caches, Ruby's heap and SQLite's pages reach their size.
# After it the process may grow by less than GROWTH_KIB. A reading is the median of READINGS after
# the collector has compacted the heap.

require "json"
require "tmpdir"
require "tasker_core"

EVENTS = Integer(ARGV.fetch(0))
STEPS = 100      # of a task
TASKS_AT_ONCE = 10
GROWTH_KIB = 1024
READINGS = 10
SHOWN = 10       # readings on the way

# Every kind of result and of failure.
class Payload
  KINDS = [
    ->(_) {},
    ->(n) { n },
    ->(_) { 2**200 },
    ->(n) { { "n" => n, "list" => [1, 2.5, "grüße", nil, true], "deep" => { "er" => [[]] } } },
    ->(n) { "x" * (n % 2000) },
    ->(_) { raise TaskerCore::Errors::PermanentError.new("no", error_code: "E1") },
    ->(_) { { "not" => Float::NAN } }
  ].freeze
  @count = 0
  @lock = Mutex.new

  class << self
    attr_reader :count

    def next_count = @lock.synchronize { @count += 1 }
  end

  def call(context)
    n = Payload.next_count
    context.get_input("text").size
    KINDS[n % KINDS.size].call(n)
  end
end

def resident_kib
  GC.start
  GC.compact
  Array.new(READINGS) do
    sleep 0.01
    Integer(File.read("/proc/self/smaps_rollup")[/^Rss:\s+(\d+)/, 1])
  end.sort[READINGS / 2]
end

def template
  steps = Array.new(STEPS) do |i|
    { "name" => "s#{i}", "handler" => { "callable" => "Payload" },
      "retry" => { "max_attempts" => 1 } }
  end
  JSON.generate("name" => "many", "namespace_name" => "many", "version" => "1.0.0",
                "steps" => steps)
end

# Submits until so many handlers have run; there is always something to do.
def run_until(count)
  client = TaskerCore::Client.default
  context = { "text" => "é" * 500, "n" => 2**70 }
  request = { name: "many", namespace: "many", context: context }
  while Payload.count < count
    missing = ((count - Payload.count) / STEPS.to_f).ceil.clamp(1, TASKS_AT_ONCE)
    client.submit_many([request] * missing).each { |task| task.wait(timeout: 120) }
  end
end

checks = []
Dir.mktmpdir do |folder|
  Dir.mkdir("#{folder}/tasks")
  File.write("#{folder}/tasks/many.yaml", template)
  TaskerCore::Logger.instance.logger.level = Logger::FATAL
  worker = TaskerCore::Worker::Bootstrap.start!(store: "sqlite:#{folder}/many.db", threads: 2,
                                                templates: "#{folder}/tasks")
  run_until(EVENTS / 10)
  warm = resident_kib
  puts "after #{Payload.count} events #{warm} KiB"
  (1..SHOWN).each do |i|
    run_until((EVENTS / 10) + (EVENTS * 9 / 10 * i / SHOWN))
    puts "after #{Payload.count} events #{resident_kib} KiB"
  end
  grown = resident_kib - warm
  stats = worker.status.dig(:ruby, :subscriber_stats)
  checks << ["grew by less than #{GROWTH_KIB} KiB: #{grown}", grown < GROWTH_KIB]
  checks << ["every event was completed: #{stats}",
             stats[:processed] == Payload.count && stats[:failed].positive?]
  checks << ["drained", worker.shutdown!]
end

checks.each { |what, good| puts "#{good ? "ok" : "FAILED"}: #{what}" }
failed = checks.count { |_, good| !good }
puts "#{checks.size - failed} passed, #{failed} failed"
exit failed.zero?
