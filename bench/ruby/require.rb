# frozen_string_literal: true

# What `require "tasker_core"` adds to a bare interpreter, each figure of a process of its own.
#
#   require.rb  ──►  {"rss_mib","pss_mib","ms","bare_rss_mib","bare_ms"}

require "json"

LIBRARY = File.expand_path("../../bindings/ruby/lib", __dir__)
REPORT = 'print File.read("/proc/self/smaps_rollup").scan(/^(?:Rss|Pss):\s+(\d+)/).join(" ")'

def run(code)
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  sizes = IO.popen(["ruby", "-I", LIBRARY, "-e", "#{code}; #{REPORT}"], &:read).split.map(&:to_f)
  took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  { rss: sizes[0] / 1024, pss: sizes[1] / 1024, ms: took * 1000 }
end

bare = run("")
full = run('require "tasker_core"')
puts JSON.generate(rss_mib: (full[:rss] - bare[:rss]).round(2),
                   pss_mib: (full[:pss] - bare[:pss]).round(2),
                   ms: (full[:ms] - bare[:ms]).round(1),
                   bare_rss_mib: bare[:rss].round(2), bare_ms: bare[:ms].round(1))
