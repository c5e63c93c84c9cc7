# frozen_string_literal: true

# The driver of test/kill/run. It lives through all kills.
#
#   [load] tasker task submit ──► tasks.db ◄── [workers] handlers.rb ──► record
#                                    └──► [judge] compares the two, at the end
#
# After each kill the store is checked before the next worker opens it.

require "digest"
require "English"
require "fileutils"
require "json"
require "open3"
require "tmpdir"

HERE = __dir__
GEM = File.expand_path("../../bindings/ruby", HERE)
TASKER = ENV.fetch("TASKER")
KILLS = Integer(ENV.fetch("KILLS", "200"))
SEED = Integer(ENV.fetch("SEED", Random.new_seed % 1_000_000))
STEPS_MIN = 100 * KILLS # finished ones
BACKLOG_STEPS = 1200    # submitted and not finished; the load waits above it
BATCH_TASKS = 60
STUBBORN_TASKS = 3
THREADS = 8
LIFE_SECONDS = 0.6      # of a worker after its first line, at most
BOOT_SECONDS = 20
DRAIN_SECONDS = 90
LIMIT_SECONDS = 60 + (KILLS * 2)
LINE_BYTES = 64         # of the record, see handlers.rb
SHOWN = 5               # examples of what is wrong

# Counts what was looked at.
class Report
  attr_reader :failed

  def initialize
    @passed = @failed = 0
  end

  def expect(sentence, good, *why)
    good ? @passed += 1 : @failed += 1
    puts "#{good ? "ok    " : "not ok"}  #{sentence}"
    why.flatten.first(SHOWN).each { |line| puts "        #{line}" } unless good
  end

  # Said only when it is wrong: there are hundreds of them.
  def expect_quietly(sentence, good, *why)
    good ? @passed += 1 : expect(sentence, false, *why)
  end

  def sum = "#{@passed} passed, #{@failed} failed"
end

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
        break if @errors.size > SHOWN
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
  def backlog = @steps - (File.size?(@record).to_i / LINE_BYTES)

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

# One worker process: the program that users start.
class WorkerProcess
  attr_reader :pid

  def initialize(place)
    @log = "#{place}/worker.log"
    @from = File.size?(@log).to_i
    @pid = Process.spawn("ruby", "-I#{GEM}/lib", "#{GEM}/exe/tasker-worker", "--threads",
                         THREADS.to_s, "--templates", "#{HERE}/templates", "-r",
                         "#{HERE}/handlers.rb", %i[out err] => [@log, "a"], in: File::NULL)
  end

  # @return [Boolean] does it run handlers? false when it has ended or takes too long
  def comes_up?
    give_up_at = clock + BOOT_SECONDS
    until said.include?("runs; SIGINT or SIGTERM")
      return false if clock > give_up_at || Process.waitpid(@pid, Process::WNOHANG)

      sleep 0.005
    end
    true
  end

  # @return [Process::Status]
  def kill(signal)
    Process.kill(signal, @pid)
    Process.wait(@pid)
    $CHILD_STATUS
  end

  def said = File.exist?(@log) ? File.binread(@log, nil, @from).to_s : ""

  private

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

# Compares the ledger with the record. Rows of both are named "step's uuid, attempt".
class Judge
  OK = 1
  LOST = 3
  # A step's uuid is its task's with the number of the step, from 1, at the end.
  ATTEMPTS = "SELECT lower(hex(task_id)), step_no, attempt, outcome, " \
             "CASE outcome WHEN 1 THEN hex(result) ELSE '' END FROM attempt"

  def initialize(place, report, load)
    @database = "#{place}/tasks.db"
    @record = "#{place}/record"
    @report = report
    @load = load
  end

  def judge
    read_ledger
    read_record
    judge_record
    judge_steps
    judge_results
  end

  private

  def read_ledger
    @outcomes = {} # [step, attempt] => outcome
    @results = {}  # [step, attempt] => result, of those that succeeded
    rows(ATTEMPTS).each do |task, number, attempt, outcome, result|
      key = [step_uuid(task, number), attempt.to_i]
      @outcomes[key] = outcome.to_i
      @results[key] = JSON.parse([result].pack("H*").force_encoding("UTF-8")) if outcome.to_i == OK
    end
  end

  def read_record
    lines = File.readlines(@record)
    torn = lines.grep_v(/\A[0-9a-f-]{36} [ 0-9]{5} [0-9a-f]{20}\n\z/)
    @report.expect("every line of the record is whole (#{lines.size} lines)", torn.empty?, torn)
    @recorded = lines.map(&:split).group_by { |step, attempt, _| [step, attempt.to_i] }
  end

  def judge_record
    twice = @recorded.select { |_, lines| lines.size > 1 }
    @report.expect("no attempt was recorded twice", twice.empty?, twice.keys.map(&:inspect))
    without = @results.keys.reject { |key| @recorded.key?(key) }
    @report.expect("each of #{@results.size} successes has its record", without.empty?,
                   without.map(&:inspect))
    other = @results.reject do |key, result|
      digest = Digest::SHA256.hexdigest(JSON.generate(result))[0, 20]
      @recorded.fetch(key, [[nil, nil, digest]]).first.last == digest
    end
    @report.expect("and the result that was recorded", other.empty?, other.map(&:inspect))
    judge_unfinished
  end

  def judge_unfinished
    unfinished = @recorded.keys - @results.keys
    wrong = unfinished.reject { |key| @outcomes[key] == LOST }
    @report.expect("each of #{unfinished.size} other records is of an attempt that was lost",
                   wrong.empty?, wrong.map { |key| "#{key.inspect}: #{@outcomes[key].inspect}" })
  end

  def judge_steps
    by_step = @outcomes.group_by { |(step, _), _| step }
    @report.expect("every submitted step has attempts (#{@load.steps})",
                   by_step.size == @load.steps, "the ledger has #{by_step.size}")
    holes = by_step.reject do |_, attempts|
      attempts.map { |(_, attempt), _| attempt }.sort == (1..attempts.size).to_a
    end
    @report.expect("attempts are numbered without holes", holes.empty?, holes.keys)
    ends = by_step.reject do |_, attempts|
      attempts.one? { |_, outcome| outcome == OK } && attempts.max_by { |(_, n), _| n }.last == OK
    end
    @report.expect("each step succeeded once, with its last attempt", ends.empty?, ends.keys)
    most = by_step.values.map(&:size).max
    @report.expect("some steps had many attempts (at most #{most})", most >= [KILLS / 4, 2].max)
  end

  # What a step returned is its parents' results, added, and one.
  def judge_results
    values = @results.to_h { |(step, _), result| [step, result["value"]] }
    wrong = @load.tasks.reject do |task, (template, number)|
      case template
      when "chain" then values[step_uuid(task.delete("-"), 5)] == number + 6
      when "fan" then values[step_uuid(task.delete("-"), 4)] == (3 * (number + 2)) + 1
      else true
      end
    end
    @report.expect("results of #{@load.tasks.size} tasks are exact", wrong.empty?, wrong.keys)
  end

  def rows(sql)
    out, error, status = Open3.capture3("sqlite3", "-readonly", "-separator", "|", @database, sql)
    raise "sqlite3: #{error}" unless status.success?

    out.each_line(chomp: true).map { |line| line.split("|", -1) }
  end

  def step_uuid(task, number)
    (task[0, 28] + format("%04x", Integer(number) + 1)).unpack("a8a4a4a4a12").join("-")
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
    kill_one while @kills < KILLS && @report.failed < SHOWN && clock < @give_up_at
    finish
    @report.failed.zero?
  ensure
    quietly { @worker&.kill(:KILL) }
    puts @report.sum
  end

  private

  # One in eight dies while it starts.
  def kill_one
    @worker = WorkerProcess.new(@place)
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
                           status.inspect, @worker.said.lines.last(SHOWN))
    @worker = nil
    check_store
    progress if (@kills % 20).zero?
  end

  def lost_worker
    @report.expect("worker #{@kills + 1} starts", false, @worker.said.lines.last(SHOWN))
    quietly { @worker.kill(:KILL) }
    @worker = nil
  end

  def check_store
    out, error, status = Open3.capture3(TASKER, "store", "check", "--json")
    clean = status.success? && JSON.parse(out)["ok"] == true
    @report.expect_quietly("the store is clean after kill #{@kills}", clean, out[0, 2000], error)
  end

  def progress
    lines = File.size?("#{@place}/record").to_i / LINE_BYTES
    puts format("        %<kills>4d kills, %<steps>6d steps submitted, %<lines>6d handlers " \
                "finished, %<left>d s left", kills: @kills, steps: @load.steps, lines: lines,
                                             left: @give_up_at - clock)
    $stdout.flush
  end

  def finish
    @report.expect("#{@kills} workers were killed, #{@killed_at_boot} of them while starting",
                   @kills == KILLS)
    FileUtils.touch("#{@place}/drain")
    @worker = WorkerProcess.new(@place)
    @load.stop
    @report.expect("every submission was taken", @load.errors.empty?, @load.errors)
    drain
    check_store
    Judge.new(@place, @report, @load).judge
    finished = @load.steps
    @report.expect("at least #{STEPS_MIN} steps finished", finished >= STEPS_MIN, finished.to_s)
  end

  def drain
    give_up_at = clock + DRAIN_SECONDS
    sleep 0.1 until (counts = task_counts)["running"].zero? || clock > give_up_at
    @report.expect("all #{@load.tasks.size} tasks are complete, and no others are there",
                   counts["complete"] == @load.tasks.size && counts["total"] == counts["complete"],
                   counts.inspect)
    status = @worker.kill(:TERM)
    @report.expect("the last worker ends as asked", status.success?, status.inspect,
                   @worker.said.lines.last(SHOWN))
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
