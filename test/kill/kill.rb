# frozen_string_literal: true

# The driver of test/kill/run. It lives through all kills.
#
#   [load] tasker task submit ──► tasks.db ◄── [workers] handlers.rb ──► record
#                                    └──► [judge] compares the two, at the end
#
# After each kill the store is checked before the next worker opens it.

require "fileutils"
require "json"
require "open3"
require "tmpdir"
require_relative "judge"
require_relative "worker_process"

HERE = __dir__
TASKER = ENV.fetch("TASKER")
KILLS = Integer(ENV.fetch("KILLS", "200"))
SEED = Integer(ENV.fetch("SEED", Random.new_seed % 1_000_000))
STEPS_MIN = 100 * KILLS # finished ones
BACKLOG_STEPS = 1200    # submitted and not finished; the load waits above it
BATCH_TASKS = 60
STUBBORN_TASKS = 3
LIFE_SECONDS = 0.6      # of a worker after its first line, at most
DRAIN_SECONDS = 90
LIMIT_SECONDS = 60 + (KILLS * 2)

# Submits tasks with the command line while the workers live and die.
class Load
  TEMPLATES = { "chain" => 6, "fan" => 5 }.freeze # steps of each

  attr_reader :tasks, :errors

  def initialize(place)
    @place = place
    @record = "#{place}/record"
    @tasks = {} # uuid => [template, number]
    @errors = []
    @steps = 0
    submit(Array.new(STUBBORN_TASKS) { |n| request("stubborn", n) })
  end

  def start
    @thread = Thread.new do
      until @stop && @steps >= STEPS_MIN
        backlog < BACKLOG_STEPS ? submit(batch) : sleep(0.05)
        break if @errors.size > Report::SHOWN
      end
    end
  end

  def stop
    @stop = true
    @thread.join
  end

  def steps = @steps + (STUBBORN_TASKS * 3)

  private

  # Attempts that were recorded twice make it look smaller than it is; it grows by little.
  def backlog = @steps - (File.size?(@record).to_i / Judge::LINE_BYTES)

  def batch
    Array.new(BATCH_TASKS) do |i|
      template = TEMPLATES.keys[i % TEMPLATES.size]
      @steps += TEMPLATES.fetch(template)
      request(template, rand(1_000_000))
    end
  end

  def request(template, number)
    { name: template, namespace: "kill", context: { number: number } }
  end

  # What the command has answered, with 0, is promised.
  def submit(requests)
    file = "#{@place}/requests.json"
    File.write(file, JSON.generate(requests))
    answer, error, status = Open3.capture3(TASKER, "task", "submit", "--json", "--request",
                                           "@#{file}")
    return @errors << "#{status}: #{answer}#{error}" unless status.success?

    JSON.parse(answer).zip(requests) do |task, asked|
      @tasks[task.fetch("task_uuid")] = [asked[:name], asked[:context][:number]]
    end
  end
end

# The whole run.
class KillTest
  def initialize(place)
    @place = place
    @report = Report.new
    ENV["TASKER_STORE"] = "sqlite:#{place}/tasks.db"
    ENV["KILL_RECORD"] = "#{place}/record"
    ENV["KILL_DRAIN"] = "#{place}/drain"
    @random = Random.new(SEED)
    @give_up_at = clock + LIMIT_SECONDS
    @killed_at_boot = @kills = 0
  end

  # @return [Boolean] was all as expected?
  def run
    puts "#{KILLS} kills, seed #{SEED}, #{@place}"
    put = system(TASKER, "template", "put", "#{HERE}/templates", out: File::NULL)
    @report.expect("the templates are registered", put)
    @load = Load.new(@place)
    @load.start
    kill_one while @kills < KILLS && @report.failed < Report::SHOWN && clock < @give_up_at
    finish
    @report.failed.zero?
  ensure
    quietly { @worker&.kill(:KILL) }
    puts @report.sum
  end

  private

  # One in eight dies while it starts.
  def kill_one
    @worker = WorkerProcess.ruby("#{@place}/worker.log")
    if @random.rand(8).zero?
      sleep @random.rand * 0.4
      @killed_at_boot += 1
    elsif @worker.comes_up?
      sleep @random.rand * LIFE_SECONDS
    else
      return lost_worker
    end
    status = @worker.kill(:KILL)
    @kills += 1
    @report.expect_quietly("worker #{@kills} lived until it was killed", status.termsig == 9,
                           status.inspect, @worker.said.lines.last(Report::SHOWN))
    @worker = nil
    check_store
    progress if (@kills % 20).zero?
  end

  def lost_worker
    @report.expect("worker #{@kills + 1} starts", false, @worker.said.lines.last(Report::SHOWN))
    quietly { @worker.kill(:KILL) }
    @worker = nil
  end

  def check_store
    out, error, status = Open3.capture3(TASKER, "store", "check", "--json")
    clean = status.success? && JSON.parse(out)["ok"] == true
    @report.expect_quietly("the store is clean after kill #{@kills}", clean, out[0, 2000], error)
  end

  def progress
    lines = File.size?("#{@place}/record").to_i / Judge::LINE_BYTES
    puts format("        %<kills>4d kills, %<steps>6d steps submitted, %<lines>6d handlers " \
                "finished, %<left>d s left", kills: @kills, steps: @load.steps, lines: lines,
                                             left: @give_up_at - clock)
    $stdout.flush
  end

  def finish
    @report.expect("#{@kills} workers were killed, #{@killed_at_boot} of them while starting",
                   @kills == KILLS)
    FileUtils.touch("#{@place}/drain")
    @worker = WorkerProcess.ruby("#{@place}/worker.log")
    @load.stop
    @report.expect("every submission was taken", @load.errors.empty?, @load.errors)
    drain
    check_store
    judge
    finished = @load.steps
    @report.expect("at least #{STEPS_MIN} steps finished", finished >= STEPS_MIN, finished.to_s)
  end

  def judge
    judge = Judge.new(@report, "#{@place}/record", Ledger.sqlite("#{@place}/tasks.db"))
    judge.records
    judge.steps(@load.steps)
    judge.every_step_succeeded
    judge.results(@load.tasks)
    most = judge.attempts_max
    @report.expect("some steps had many attempts (at most #{most})", most >= [KILLS / 4, 2].max)
  end

  def drain
    give_up_at = clock + DRAIN_SECONDS
    sleep 0.1 until (counts = task_counts)["running"].zero? || clock > give_up_at
    @report.expect("all #{@load.tasks.size} tasks are complete, and no others are there",
                   counts["complete"] == @load.tasks.size && counts["total"] == counts["complete"],
                   counts.inspect)
    status = @worker.kill(:TERM)
    @report.expect("the last worker ends as asked", status.success?, status.inspect,
                   @worker.said.lines.last(Report::SHOWN))
    @worker = nil
  end

  def task_counts
    out, = Open3.capture2(TASKER, "counts", "--json")
    JSON.parse(out).fetch("tasks")
  end

  def quietly
    yield
  rescue SystemCallError
    nil
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

place = Dir.mktmpdir("tasker-kill-")
begin
  good = KillTest.new(place).run
ensure
  ENV["KEEP"] == "1" ? puts("kept #{place}") : FileUtils.rm_rf(place)
end
exit(good ? 0 : 1)
