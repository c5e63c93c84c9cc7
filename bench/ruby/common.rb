# frozen_string_literal: true

# What the Ruby benches share: a store to measure in, templates, handlers, a worker, answers.
#
# A bench runs one round of one figure and prints it as one line of JSON; see script/bench.

$LOAD_PATH.unshift(File.expand_path("../../bindings/ruby/lib", __dir__))
require "tasker_core"
require "fileutils"
require "tmpdir"
require "tasker_core/worker/bootstrap" # so that no time is taken with loading it

# The set-up of a bench.
module Bench
  # A handler that does nothing.
  class Noop < TaskerCore::StepHandler::Base
    def call(_task, _sequence, _step)
      success({ ok: true })
    end
  end

  # A handler that costs a millisecond of processor time.
  class Busy < TaskerCore::StepHandler::Base
    MILLISECOND = 0.001

    def call(_task, _sequence, _step)
      clock = Process::CLOCK_THREAD_CPUTIME_ID
      done = Process.clock_gettime(clock) + MILLISECOND
      nil while Process.clock_gettime(clock) < done
      success({ ok: true })
    end
  end

  BATCH = 1000
  GRAPHS = { "one" => { "a" => [] },
             "chain" => { "a" => [], "b" => %w[a], "c" => %w[b], "d" => %w[c] },
             "diamond" => { "a" => [], "b" => %w[a], "c" => %w[a], "d" => %w[b c] } }.freeze

  class << self
    # Yields the URL of a new store (the server's at TASKER_STORE, emptied), and the folder of
    # templates whose steps are all `handler`'s.
    def store(handler)
      parent = ENV.fetch("TASKER_BENCH_DIR") { File.expand_path("../../build/bench-data", __dir__) }
      FileUtils.mkdir_p(parent)
      Dir.mktmpdir("ruby-", parent) do |folder|
        templates = File.join(folder, "templates")
        Dir.mkdir(templates)
        GRAPHS.each { |name, graph| write_template(templates, name, graph, handler) }
        yield server || "sqlite:#{folder}/bench.db", templates
      end
    end

    # Yields a running worker's Bootstrap.
    def worker(url, templates, threads: nil)
      TaskerCore::Logger.instance.logger.level = "warn" # lines on standard output are no answers
      options = { store: url, templates: templates, threads: threads }.compact
      yield TaskerCore::Worker::Bootstrap.start!(**options)
    ensure
      TaskerCore::Worker::Bootstrap.instance.shutdown!
    end

    # Submits `count` tasks to a store that no worker has opened yet.
    def fill(url, templates, name, count)
      client = TaskerCore::Native::Store.open(url, "development", false, false)
      client.put_templates(templates)
      request = JSON.generate(Array.new(BATCH) do |i|
        { name: name, namespace: "bench", context: { n: i } }
      end)
      (count / BATCH).times { client.submit(request, nil) }
    ensure
      client&.close
    end

    # Looks seldom: each look takes the interpreter's lock from the handlers.
    def wait_for(succeeded)
      sleep 0.005 until succeeded <= TaskerCore::FFI.runtime.worker.stats["succeeded"]
    end

    def seconds
      began = now
      yield
      now - began
    end

    def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def percentile(samples, percent) = samples.sort[samples.size * percent / 100]

    def answer(figures) = puts(JSON.generate(figures))

    # Bytes that belong to this process alone, and its part of what is shared.
    def memory
      sizes = File.read("/proc/self/smaps_rollup").scan(/^(Rss|Pss):\s+(\d+) kB/).to_h
      sizes.transform_values { |kib| Integer(kib) / 1024.0 }
    end

    private

    # The PostgreSQL server at TASKER_STORE without the tables of an earlier bench, or nil.
    def server
      url = ENV.fetch("TASKER_STORE", "")
      return unless url.start_with?("postgres")

      clear = "SET client_min_messages = error; DROP SCHEMA IF EXISTS tasker CASCADE; CHECKPOINT"
      system("psql", "-qX", "-d", url, "-c", clear, exception: true)
      url
    end

    def write_template(folder, name, graph, handler)
      steps = graph.map do |step, parents|
        parents = parents.join(", ")
        "  - {name: #{step}, handler: {callable: #{handler}}, dependencies: [#{parents}]}\n"
      end
      File.write(File.join(folder, "#{name}.yaml"),
                 "name: #{name}\nnamespace_name: bench\nversion: 1.0.0\nsteps:\n#{steps.join}")
    end
  end
end
