# frozen_string_literal: true

require "json"
require "open3"
require "zlib"

# Counts what was looked at.
class Report
  SHOWN = 5 # examples of what is wrong

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

# The attempts that a store has recorded, read by the database's own program.
class Ledger
  COLUMNS = "step_no, attempt, outcome, CASE outcome WHEN 1 THEN %s ELSE '' END FROM %s"

  def self.sqlite(file)
    columns = format(COLUMNS, "hex(result)", "attempt")
    new(["sqlite3", "-readonly", "-separator", "|", file, "SELECT lower(hex(task_id)), #{columns}"])
  end

  def self.postgres(url)
    columns = format(COLUMNS, "encode(convert_to(result, 'UTF8'), 'hex')", "tasker.attempt")
    new(["psql", "-XAtq", "-F|", "-d", url, "-c",
         "SELECT replace(task_id::text, '-', ''), #{columns}"])
  end

  def initialize(command)
    @command = command
  end

  # @return [Array<Array<String>>] task, number of the step, attempt, outcome, a success's result
  def attempts
    out, error, status = Open3.capture3(*@command)
    raise "#{@command.first}: #{error}" unless status.success?

    out.each_line(chomp: true).map { |line| line.split("|", -1) }
  end
end

# Compares the ledger with the record. Rows of both are named "step's uuid, attempt".
class Judge
  OK = 1
  LOST = 3
  CANCELLED = 4
  LINE_BYTES = 64 # of the record, see handlers.rb

  attr_reader :outcomes

  def initialize(report, record, ledger)
    @report = report
    @record = record
    @ledger = ledger
    read_ledger
    read_record
  end

  # A step's uuid is its task's with the number of the step, from 1, at the end.
  def self.step_uuid(task, number)
    (task[0, 28] + format("%04x", Integer(number) + 1)).unpack("a8a4a4a4a12").join("-")
  end

  # What handlers wrote down, against the ledger.
  # @param others [Array<Integer>] outcomes of an attempt whose handler had come to its end
  def records(others = [LOST])
    twice = @recorded.select { |_, lines| lines.size > 1 }
    @report.expect("no attempt was recorded twice", twice.empty?, twice.keys.map(&:inspect))
    without = @results.keys.reject { |key| @recorded.key?(key) }
    @report.expect("each of #{@results.size} successes has its record", without.empty?,
                   without.map(&:inspect))
    other = @results.reject { |key, result| recorded_as?(key, result) }
    @report.expect("and the result that was recorded", other.empty?, other.map(&:inspect))
    unfinished(others)
  end

  # @param count [Integer] how many steps have to have attempts
  def steps(count)
    @report.expect("every submitted step has attempts (#{count})", by_step.size == count,
                   "the ledger has #{by_step.size}")
    holes_and_repeats
  end

  def holes_and_repeats
    holes = by_step.reject do |_, attempts|
      attempts.map { |(_, attempt), _| attempt }.sort == (1..attempts.size).to_a
    end
    @report.expect("attempts are numbered without holes", holes.empty?, holes.keys)
    twice = by_step.select { |_, attempts| attempts.count { |_, outcome| outcome == OK } > 1 }
    @report.expect("no step succeeded twice", twice.empty?, twice.keys)
  end

  # @yield [String] a step's uuid: must it have succeeded?
  def every_step_succeeded(&block)
    steps = block ? by_step.select { |step, _| block.call(step) } : by_step
    ends = steps.reject { |_, attempts| attempts.max_by { |(_, n), _| n }.last == OK }
    @report.expect("each of #{steps.size} steps succeeded, with its last attempt", ends.empty?,
                   ends.keys)
  end

  # What a step returned is its parents' results, added, and one.
  # @param tasks [Hash] uuid => [template, number]
  def results(tasks)
    values = @results.to_h { |(step, _), result| [step, result["value"]] }
    wrong = tasks.reject do |task, (template, number)|
      id = task.delete("-")
      case template
      when "chain" then values[Judge.step_uuid(id, 5)] == number + 6
      when "fan" then values[Judge.step_uuid(id, 4)] == (3 * (number + 2)) + 1
      else true
      end
    end
    @report.expect("results of #{tasks.size} tasks are exact", wrong.empty?, wrong.keys)
  end

  def successes = @results.size

  def attempts_max = by_step.values.map(&:size).max.to_i

  private

  def by_step = @by_step ||= @outcomes.group_by { |(step, _), _| step }

  def read_ledger
    @outcomes = {} # [step, attempt] => outcome
    @results = {}  # [step, attempt] => result, of those that succeeded
    @ledger.attempts.each do |task, number, attempt, outcome, result|
      key = [Judge.step_uuid(task, number), attempt.to_i]
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

  def recorded_as?(key, result)
    digest = format("%020x", Zlib.crc32(JSON.generate(result)))
    @recorded.fetch(key, [[nil, nil, digest]]).first.last == digest
  end

  def unfinished(others)
    unfinished = @recorded.keys - @results.keys
    wrong = unfinished.reject { |key| others.include?(@outcomes[key]) }
    ended = others.include?(CANCELLED) ? "lost or cancelled" : "lost"
    @report.expect("each of #{unfinished.size} other records is of an attempt that was #{ended}",
                   wrong.empty?, wrong.map { |key| "#{key.inspect}: #{@outcomes[key].inspect}" })
  end
end
