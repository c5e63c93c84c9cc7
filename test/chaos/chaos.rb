# frozen_string_literal: true

# The driver of test/chaos/run.
#
#   [load] tasker task submit, cancel, retry ──► PostgreSQL ◄── [crew] Ruby and C ──► record
#   [faults] SIGKILL, SIGSTOP, sessions ended, crashes ──┘                               │
#                                  [judge] compares the two, at the end ◄────────────────┘
#
# Whatever the command line could not do is asked for again until it is answered; a submission has a
# key. At the end the faults stop, and all has to finish within a bound.

require "fileutils"
require "tmpdir"
require_relative "../kill/judge"
require_relative "crew"
require_relative "faults"
require_relative "load"

# The whole run.
class Chaos
  SECONDS = Integer(ENV.fetch("SECONDS_MAX", "60"))
  SEED = Integer(ENV.fetch("SEED", Random.new_seed % 1_000_000))
  KINDS = ENV.fetch("FAULTS", "kill stop end crash").split
  STEPS_MIN = 40 * SECONDS # finished ones
  CALM_SECONDS = 45        # from the last fault to the end of all work
  COMPLETE = 2
  CANCELLED = 4

  def initialize(place)
    @place = place
    @report = Report.new
    @sql = Sql.new(ENV.fetch("TASKER_TEST_POSTGRES"))
    ENV["KILL_RECORD"] = "#{place}/record"
    ENV["KILL_DRAIN"] = "#{place}/drain"
    random = Random.new(SEED)
    @crew = Crew.new(place, @report)
    @load = Load.new(place, Random.new(random.rand(1 << 30)))
    @faults = Faults.new(KINDS, @crew, @sql, random)
  end

  # @return [Boolean] was all as expected?
  def run
    puts "#{SECONDS} s of #{KINDS.join(", ")}, seed #{SEED}, #{@place}"
    @load.register
    @crew.start
    @load.start
    disturb
    calm
    judge
    @report.failed.zero?
  ensure
    @crew.kill
    puts @report.sum
  end

  private

  def disturb
    give_up_at = clock + SECONDS
    next_line_at = clock + 10
    while clock < give_up_at && @report.failed < Report::SHOWN
      @faults.step
      @crew.step
      sleep 0.02
      next if clock < next_line_at

      next_line_at += 10
      puts "        #{@faults.summary}; #{@load.summary}"
      $stdout.flush
    end
    @faults.finish
  end

  # @return [void] once everything has ended, or the bound is over
  def calm
    began = clock
    @load.stop
    sleep 0.1 until (@open = @load.open_tasks(@sql)).zero? || clock - began > CALM_SECONDS
    @report.expect("all ends within #{CALM_SECONDS} s after the faults " \
                   "(#{(clock - began).round(1)} s)", @open.zero?, "#{@open} tasks do not end",
                   @load.examples(@sql))
    @load.end
    @crew.finish
    @faults.judge(@report, SECONDS)
  end

  def judge
    @states = @sql.rows("SELECT task_id, state FROM tasker.task_state").to_h
    judge_tasks
    @report.expect("the store is clean", *Command.new("store", "check", "--json").verdict)
    judge = Judge.new(@report, "#{@place}/record",
                      Ledger.postgres(ENV.fetch("TASKER_TEST_POSTGRES")))
    judge.records([Judge::LOST, Judge::CANCELLED])
    judge.holes_and_repeats
    complete = @states.select { |_, state| state.to_i == COMPLETE }
    prefixes = complete.keys.to_h { |id| [id[0, 32], true] }
    judge.every_step_succeeded { |step| prefixes.key?(step[0, 32]) }
    judge.results(@load.tasks.slice(*complete.keys))
    finished = judge.successes
    @report.expect("at least #{STEPS_MIN} steps finished", finished >= STEPS_MIN, finished.to_s)
    puts "        #{@faults.summary}; #{@load.summary}; #{finished} steps finished"
    @faults.judge_recoveries(@report, @faults.recoveries(@sql))
  end

  def judge_tasks
    asked = @load.tasks.keys
    @report.expect("each of #{asked.size} submitted tasks is there, and no others",
                   asked.sort == @states.keys.sort, "missing: #{(asked - @states.keys).first(3)}",
                   "unasked: #{(@states.keys - asked).first(3)}")
    gone = @load.cancelled.reject { |id| @states[id].to_i == CANCELLED }
    @report.expect("each of #{@load.cancelled.size} cancelled tasks stayed so", gone.empty?, gone)
    other = @states.reject do |id, state|
      state.to_i == COMPLETE || (state.to_i == CANCELLED && @load.cancel_asked.include?(id))
    end
    @report.expect("all others are complete", other.empty?, other.map(&:inspect))
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

place = Dir.mktmpdir("tasker-chaos-")
begin
  good = Chaos.new(place).run
ensure
  ENV["KEEP"] == "1" ? puts("kept #{place}") : FileUtils.rm_rf(place)
end
exit(good ? 0 : 1)
