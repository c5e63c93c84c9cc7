# frozen_string_literal: true

# How long a client waits for lists and overviews of a server (`tasker serve`) on a store that
# fill.c made, on one connection that stays open.
#
#   ruby bench/http_lists.rb http://127.0.0.1:8080 [ROUNDS]

require "net/http"
require "uri"

READINGS = {
  "health (the smallest request)" => "/health",
  "newest 50" => "/v1/tasks",
  "newest 1,000" => "/v1/tasks?limit=1000",
  "page 100 of 100" => "/v1/tasks?page=100&per_page=100",
  "a namespace" => "/v1/tasks?namespace=space_1",
  "running of a template" => "/v1/tasks?state=running&name=list_7",
  "complete, behind the backlog" => "/v1/tasks?state=complete",
  "blocked" => "/v1/tasks?state=blocked_by_failures",
  "rare tag, complete" => "/v1/tasks?tag=rare&state=complete",
  "initiator that few have" => "/v1/tasks?initiator=bob",
  "overview" => "/v1/counts",
  "metrics" => "/metrics"
}.freeze

def now_ms = Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_millisecond)

def print_row(*cells)
  what, *times = cells
  puts "| #{what.ljust(36)} | #{times.map { |time| time.rjust(8) }.join(" | ")} |"
end

def sample(http, path)
  began = now_ms
  answer = http.get(path)
  abort "#{path}: #{answer.code} #{answer.body}" unless answer.code == "200"
  now_ms - began
end

address = URI(ARGV.fetch(0))
rounds = Integer(ARGV.fetch(1, "100"))
worst = 0
print_row("request", "P50 ms", "P99 ms")
puts "|#{"-" * 38}|#{"-" * 10}|#{"-" * 10}|"
Net::HTTP.start(address.host, address.port) do |http|
  READINGS.each do |what, path|
    samples = Array.new(rounds) { sample(http, path) }.sort
    p99 = samples[(((rounds * 99) - 1) / 100)]
    worst = [worst, p99].max
    print_row(what, samples[rounds / 2].round(2).to_s, p99.round(2).to_s)
  end
end
puts "\nworst P99: #{worst.round(1)} ms"
