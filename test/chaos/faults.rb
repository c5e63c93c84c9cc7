# frozen_string_literal: true

require "open3"

# Statements beside the store.
class Sql
  def initialize(url)
    @url = url
  end

  # @return [Array<Array<String>>] nothing when the server does not answer
  def rows(sql)
    out, = Open3.capture2("psql", "-XAtq", "-F|", "-d", @url, "-c", sql, err: File::NULL)
    out.each_line(chomp: true).map { |line| line.split("|", -1) }
  end
end

# Chooses what goes wrong next, and counts it.
class Faults
  # How often each kind comes, in seconds between two.
  EVERY = { "kill" => 1.6, "stop" => 7.0, "end" => 0.7, "crash" => 13.0 }.freeze
  STOP_SECONDS = 10.5..14.0
  STOPPED_MAX = 2
  RECOVERY_SECONDS = 3.0 # of 99 in 100 steps, when nothing else happens
  END_SESSION = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity " \
                "WHERE application_name = 'tasker' ORDER BY random() LIMIT 1) one"

  attr_reader :counts

  def initialize(kinds, crew, sql, random)
    @crew = crew
    @sql = sql
    @random = random
    @counts = kinds.to_h { |kind| [kind, 0] }
    @next_at = kinds.to_h { |kind| [kind, clock + (EVERY.fetch(kind) * random.rand)] }
    @wake_at = {}
    @kills = []
  end

  def step
    wake
    kind, at = @next_at.min_by(&:last)
    return if at > clock

    @next_at[kind] = clock + (EVERY.fetch(kind) * (0.5 + @random.rand))
    send("#{kind}_one")
  end

  # No more of them.
  def finish
    @wake_at.each_key { |worker| continue(worker) }
    @wake_at.clear
  end

  def summary = @counts.map { |kind, count| "#{count} × #{kind}" }.join(", ")

  def judge(report, seconds)
    @counts.each do |kind, count|
      least = [(seconds / EVERY.fetch(kind) / 4).floor, 1].max
      report.expect("#{kind} happened at least #{least} times", count >= least, count.to_s)
    end
  end

  # How long steps of killed workers waited for their next claim, in seconds, sorted.
  def recoveries(sql)
    @kills.flat_map do |pid, at|
      rows = sql.rows(<<~SQL)
        SELECT extract(epoch FROM n.claimed_at) - #{at}
        FROM tasker.attempt l JOIN tasker.attempt n
        ON n.task_id = l.task_id AND n.step_no = l.step_no AND n.attempt = l.attempt + 1
        WHERE l.outcome = 3 AND l.finished_at >= to_timestamp(#{at})
        AND l.claimed_at <= to_timestamp(#{at}) AND l.worker IN (#{ids(pid)})
      SQL
      rows.map { |row| row.first.to_f }
    end.sort
  end

  # Other faults keep the judges from judging: then it is only told.
  def judge_recoveries(report, waits)
    return if waits.empty?

    p99 = waits[(waits.size * 0.99).floor]
    text = format("%<n>d steps of killed workers were claimed again after %<a>.2f s (p50), " \
                  "%<b>.2f s (p99)", n: waits.size, a: waits[waits.size / 2], b: p99)
    return puts("        #{text}") unless @counts.keys == ["kill"]

    report.expect("#{text}, at most #{RECOVERY_SECONDS} s", p99 <= RECOVERY_SECONDS)
  end

  private

  def ids(pid) = pid.empty? ? "NULL" : pid.join(", ")

  def kill_one
    worker = @crew.pick(@random)
    return if worker.nil?

    ids = @sql.rows("SELECT id FROM tasker.worker WHERE process = #{worker.pid}").flatten
    at = Process.clock_gettime(Process::CLOCK_REALTIME)
    @crew.kill_and_replace(worker)
    @kills << [ids, at]
    @counts["kill"] += 1
  end

  def stop_one
    worker = @crew.pick(@random)
    return if worker.nil? || @wake_at.size >= STOPPED_MAX

    Process.kill(:STOP, worker.pid)
    worker.stopped = true
    @wake_at[worker] = clock + @random.rand(STOP_SECONDS)
    @counts["stop"] += 1
  end

  def end_one
    @counts["end"] += @sql.rows(END_SESSION).flatten.first.to_i
  end

  def crash_one
    system(ENV.fetch("TASKER_TEST_POSTGRES_CRASH"), out: File::NULL, err: File::NULL)
    @counts["crash"] += 1
  end

  def wake
    late = @wake_at.select { |_, at| at <= clock }.keys
    late.each do |worker|
      continue(worker)
      @wake_at.delete(worker)
    end
  end

  def continue(worker)
    Process.kill(:CONT, worker.pid)
    worker.stopped = false
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
