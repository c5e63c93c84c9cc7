# frozen_string_literal: true

# What a Ruby worker with the default number of threads costs that has nothing to do.
#
#   idle.rb [SECONDS]  ──►  {"cpu_percent","rss_mib","pss_mib"}

require_relative "common"

span = Integer(ARGV.fetch(0, 20))
Bench.store(Bench::Noop) do |url, templates|
  Bench.worker(url, templates) do
    sleep 6
    before = Bench.cpu
    sleep span
    used = Bench.cpu - before
    memory = Bench.memory
    Bench.answer(cpu_percent: (used * 100 / span).round(3), rss_mib: memory["Rss"].round(2),
                 pss_mib: memory["Pss"].round(2))
  end
end
