# frozen_string_literal: true

# What the gem may cost; `make budget` fails when one of the limits is exceeded.
#
#   ruby tools/budget.rb
#
# Time and memory are those of `require "tasker_core"` over an interpreter that requires nothing:
# the medians of RUNS fresh processes of each kind, turn about. A line of code is one that is
# neither blank nor a comment.

require "open3"
require "rbconfig"

GEM = File.expand_path("../bindings/ruby", __dir__)
RUNS = Integer(ENV.fetch("BUDGET_RUNS", 11))
DELIVERY = /rb_(funcall\w*|protect|block_call|proc_call|yield\w*)\b/ # how C would call a method

# Loads in a process of its own; prints the milliseconds it took and the KiB it is resident with.
PROBE = <<~RUBY
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  require "tasker_core" if ARGV[0] == "gem"
  took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  GC.start
  puts took * 1000, File.read("/proc/self/smaps_rollup")[/^Rss:\\s+(\\d+)/, 1]
RUBY

def probe(kind)
  out, status = Open3.capture2(RbConfig.ruby, "-I", File.join(GEM, "lib"), "-e", PROBE, kind)
  abort "budget: the gem cannot be loaded; build it with `make ruby`" unless status.success?
  out.split.map(&:to_f)
end

def median(values) = values.sort[values.size / 2]

# Milliseconds and MiB that the gem adds.
def cost_of_loading
  pairs = Array.new(RUNS) { [probe("gem"), probe("bare")] }
  with, without = pairs.transpose.map { |runs| runs.transpose.map { |column| median(column) } }
  [with[0] - without[0], (with[1] - without[1]) / 1024]
end

def ruby_lines(file)
  File.foreach(file).count { |line| !line.match?(/\A\s*(#|$)/) }
end

# A comment takes the place of what it says, so that code beside one still counts.
def c_code(file) = File.read(file).gsub(%r{/\*.*?\*/}m) { |comment| "\n" * comment.count("\n") }

def c_lines(file) = c_code(file).each_line.count { |line| !line.strip.empty? }

# Files that a feature of its own brought, and the lines of code that each may have.
LATER = { "worker/supervisor.rb" => 190, "connection_submission.rb" => 50,
          "worker/web_server.rb" => 35 }.freeze
LATER_C = { "rb_server.c" => 105 }.freeze

later_files = LATER.transform_keys { |name| "#{GEM}/lib/tasker_core/#{name}" }
ruby_files = Dir["#{GEM}/lib/**/*.rb"] - later_files.keys
later_c_files = LATER_C.transform_keys { |name| "#{GEM}/ext/tasker_core/#{name}" }
c_files = Dir["#{GEM}/ext/*/rb_*.c"] - later_c_files.keys
runtime_gems = File.foreach("#{GEM}/tasker_core.gemspec").count do |line|
  line.match?(/\.add_(runtime_)?dependency\b/)
end
time_ms, memory_mib = cost_of_loading

#  what, its unit, measured, limit
budgets = [
  ["time of require", "ms", time_ms, 60],
  ["memory of require", "MiB", memory_mib, 4.4],
  ["Ruby files in lib/", "", ruby_files.size, 18],
  ["lines of Ruby code in lib/", "", ruby_files.sum { |file| ruby_lines(file) }, 1731],
  ["lines of C code in ext/", "", c_files.sum { |file| c_lines(file) }, 700],
  ["direct runtime gems", "", runtime_gems, 3],
  ["calls of Ruby methods from C", "", (c_files + later_c_files.keys).sum do |file|
    c_code(file).scan(DELIVERY).size
  end, 0]
]

budgets += later_files.map do |file, limit|
  ["lines of #{File.basename(file)}", "", ruby_lines(file), limit]
end

budgets += later_c_files.map do |file, limit|
  ["lines of #{File.basename(file)}", "", c_lines(file), limit]
end

exceeded = budgets.count do |what, unit, measured, limit|
  shown = measured.is_a?(Float) ? measured.round(2) : measured
  word = measured > limit ? "EXCEEDED" : "ok"
  puts format("%-30<what>s %8<shown>s of %5<limit>s %-4<unit>s %<word>s",
              what: what, shown: shown, limit: limit, unit: unit, word: word)
  measured > limit
end
exit 1 if exceeded.positive?
