# frozen_string_literal: true

require_relative "../kill/worker_process"

# The worker processes. Who dies is replaced at once.
class Crew
  KINDS = %i[ruby c ruby c].freeze
  KILL = "#{__dir__}/../kill".freeze

  def initialize(place, report)
    @place = place
    @report = report
    @places = []
    @deaths = 0
    FileUtils.mkdir("#{place}/templates")
    FileUtils.cp(["#{KILL}/templates/chain.yaml", "#{KILL}/templates/fan.yaml",
                  "#{__dir__}/templates/moody.yaml"], "#{place}/templates")
  end

  def start
    @places = KINDS.map { |kind| spawn(kind) }
    up = @places.map(&:comes_up?)
    @report.expect("#{KINDS.size} workers start", up.all?, @places.flat_map { |w| said(w) })
  end

  # Who has ended by itself is a fault of the worker's, unless it had no server to begin with.
  def step
    @places.each_with_index do |worker, i|
      next unless worker.ended?

      if worker.said.include?("runs; SIGINT")
        @report.expect("a #{worker.kind} worker lives until it is killed", false, said(worker))
      end
      @deaths += 1
      @places[i] = spawn(worker.kind)
    end
  end

  # @return [WorkerProcess, nil] one that runs handlers
  def pick(random)
    @places.select { |w| !w.stopped && w.said.include?("runs; SIGINT") }.sample(random: random)
  end

  def kill_and_replace(worker)
    worker.kill(:KILL)
    @places[@places.index(worker)] = spawn(worker.kind)
  end

  def stopped = @places.select(&:stopped)

  def finish
    statuses = @places.map { |worker| worker.kill(:TERM) }
    @report.expect("the last workers end as asked", statuses.all?(&:success?),
                   statuses.map(&:inspect), @places.flat_map { |w| said(w) })
    @places = []
  end

  def kill
    @places.each do |worker|
      worker.kill(:KILL)
    rescue SystemCallError
      nil
    end
  end

  private

  def spawn(kind)
    log = "#{@place}/#{kind}-#{@spawned = @spawned.to_i + 1}.log"
    if kind == :ruby
      return WorkerProcess.ruby(log, templates: "#{@place}/templates",
                                     handlers: "#{__dir__}/handlers.rb")
    end

    WorkerProcess.new(log, kind, %w[CHAOS_WORKER TASKER_STORE KILL_RECORD].map { |n| ENV.fetch(n) })
  end

  def said(worker) = worker.said.lines.last(Report::SHOWN)
end
