# frozen_string_literal: true

require "json"
require "open3"
require "set"

# One call of the program `tasker`.
class Command
  attr_reader :out, :code

  def initialize(*arguments)
    @out, @error, status = Open3.capture3(ENV.fetch("TASKER"), *arguments)
    @code = status.exitstatus
  end

  def to_s = "#{@code}: #{@out[0, 500]}#{@error[0, 500]}"

  # @return [Array] of a `store check`: is it clean, and what it said
  def verdict = [@code.zero? && JSON.parse(@out)["ok"] == true, @out[0, 2000], @error]
end

# Submitters and operators.
class Load
  TEMPLATES = [*%w[chain fan] * 6, "moody"].freeze
  BATCH_TASKS = 40
  SUBMITTERS = 2
  OPEN_MAX = 400 # tasks; the load waits above it
  SINGLE = 8     # one call in so many submits one task
  TRIES_MAX = 200
  UNREACHABLE = 5 # exit codes
  CONFLICT = 4

  attr_reader :tasks, :cancelled, :cancel_asked

  def initialize(place, random)
    @place = place
    @random = random
    @lock = Mutex.new
    @tasks = {} # uuid => [template, number]
    @cancelled = []
    @cancel_asked = Set.new
    @retried = @repeated = 0
    @open = 0
  end

  def register = again("template", "put", "#{@place}/templates")

  def start
    @submitters = Array.new(SUBMITTERS) do |n|
      Thread.new { @open < OPEN_MAX ? submit(n) : sleep(0.05) until @stop }
    end
    @operators = [Thread.new { operate until @end }, Thread.new { cancel until @stop }]
    @counter = Thread.new { count until @end }
    (@submitters + @operators + [@counter]).each { |thread| thread.report_on_exception = true }
  end

  # No new work; what is blocked is still retried.
  def stop
    @stop = true
    @submitters.each(&:join)
    @operators.last.join
  end

  def end
    @end = true
    @operators.first.join
    @counter.join
  end

  def summary
    "#{@tasks.size} tasks, #{@repeated} calls repeated, #{@cancelled.size} cancelled, " \
      "#{@retried} retried"
  end

  # @return [Integer] those that neither are complete nor cancelled
  def open_tasks(sql)
    count = sql.rows("SELECT count(*) FROM tasker.task_state WHERE state NOT IN (2, 4)").flatten
    count.empty? ? 1 : count.first.to_i
  end

  def examples(sql)
    sql.rows("SELECT s.task_id, s.state, s.open_steps, s.failed_steps, (SELECT count(*) FROM " \
             "tasker.ready r WHERE r.task_id = s.task_id), (SELECT count(*) FROM tasker.lease l " \
             "WHERE l.task_id = s.task_id) FROM tasker.task_state s WHERE state NOT IN (2, 4) " \
             "LIMIT 5").map { |row| row.join(" ") }
  end

  private

  # Asks until there is an answer; one that says no is an answer.
  # @return [Command]
  def again(*arguments)
    TRIES_MAX.times do
      command = Command.new(*arguments)
      return command unless command.code == UNREACHABLE

      @repeated += 1
      sleep 0.1
    end
    raise "no answer: tasker #{arguments.first(2).join(" ")}"
  end

  def submit(number)
    requests = @lock.synchronize { batch }
    file = "#{@place}/requests-#{number}.json"
    File.write(file, JSON.generate(requests))
    command = again("task", "submit", "--json", "--request", "@#{file}")
    raise "a submission was refused: #{command}" unless command.code.zero?

    @lock.synchronize do
      answers = JSON.parse(command.out)
      answers.zip(requests) do |task, asked|
        @tasks[task.fetch("task_uuid")] = [asked[:name], asked[:context][:number]]
      end
    end
  end

  def batch
    Array.new(@random.rand(SINGLE).zero? ? 1 : BATCH_TASKS) do
      @number = @number.to_i + 1
      { name: TEMPLATES.sample(random: @random), namespace: "kill", idempotency_key: "k#{@number}",
        context: { number: @random.rand(1_000_000) } }
    end
  end

  def cancel
    sleep 0.3
    id = @lock.synchronize do
      young = @tasks.keys.last(200)
      young.sample(random: @random)
    end
    return if id.nil? || @cancel_asked.include?(id)

    @cancel_asked << id
    command = again("task", "cancel", id, "--reason", "chaos")
    @cancelled << id if command.code.zero?
    raise "a cancel was refused: #{command}" unless [0, CONFLICT].include?(command.code)
  end

  def operate
    sleep 0.3
    command = again("task", "list", "--state", "blocked_by_failures", "--limit", "200", "--json")
    tasks = JSON.parse(command.out)
    tasks = tasks.fetch("tasks") if tasks.is_a?(Hash)
    steps = tasks.map { |task| "#{task.fetch("task_uuid")}/moody" }
    return if steps.empty?

    again("step", "retry", *steps, "--by", "chaos")
    @retried += steps.size
  end

  # How much is open, for the submitters.
  def count
    answer = Command.new("counts", "--json")
    @open = JSON.parse(answer.out).fetch("tasks").fetch("running") if answer.code.zero?
    sleep 0.1
  end
end
