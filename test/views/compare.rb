# frozen_string_literal: true

# Compares what the views of a PostgreSQL store say with what the program answers, task by task.
#
#   ruby test/views/compare.rb PROGRAM CONNECTION

require "json"
require "open3"
require "time"

PROGRAM, CONNECTION = ARGV
PROBLEMS_SHOWN = 20

# What history_view says is in the library's history as well; of these states that says no more.
EXACT = %w[complete enqueued_as_error_for_orchestration blocked_by_failures error].freeze

@problems = 0

def problem(text)
  @problems += 1
  puts "  #{text}" if @problems <= PROBLEMS_SHOWN
end

def ask(*arguments)
  out, err, status = Open3.capture3(PROGRAM, *arguments, "--json")
  abort "#{arguments.join(" ")}: #{err}" unless status.success?
  JSON.parse(out)
end

def view(name)
  sql = "SET TimeZone = 'UTC'; SELECT coalesce(json_agg(v), '[]') FROM tasker.#{name} v"
  out, err, status = Open3.capture3("psql", "-q", "-A", "-t", CONNECTION, "-c", sql)
  abort "#{name}: #{err}" unless status.success?
  JSON.parse(out).group_by { |row| row["task_uuid"] }
end

def tasks
  all = []
  after = []
  loop do
    page = ask("task", "list", "--limit", "1000", *after)
    all.concat(page["tasks"].map { |task| task["task_uuid"] })
    return all if page["next"].nil?

    after = ["--after", page["next"]]
  end
end

def time(text)
  text && Time.iso8601(text).to_r
end

def json(text)
  text && JSON.parse(text)
end

def same(what, seen, expected)
  return if seen == expected

  problem("#{what}: the view says #{seen.inspect}, the library #{expected.inspect}")
end

def compare_task(row, task)
  id = task["task_uuid"]
  %w[state namespace name version priority reason initiator source_system correlation_id
     parent_correlation_id].each { |key| same("#{id} #{key}", row[key], task[key]) }
  same("#{id} revision", row["revision"], task["template_revision"])
  %w[created_at updated_at run_at].each do |key|
    same("#{id} #{key}", time(row[key]), time(task[key]))
  end
  same("#{id} context", json(row["context"]), task["context"])
  same("#{id} tags", json(row["tags"]) || [], task["tags"])
end

def compare_step(row, step)
  what = "#{step["step_uuid"]} (#{step["name"]})"
  return problem("#{what} is not in step_view") if row.nil?

  same("#{what} uuid", row["step_uuid"], step["step_uuid"])
  same("#{what} state", row["state"], step["current_state"])
  same("#{what} attempts", row["attempts"], step["attempts"])
  same("#{what} worker", row["worker"], step["worker"])
  same("#{what} result", json(row["result"]), step["result"])
  same("#{what} error", json(row["error"]), step["error"])
  %w[completed_at run_at].each { |key| same("#{what} #{key}", time(row[key]), time(step[key])) }
end

def compare_steps(rows, steps)
  by_name = rows.to_h { |row| [row["name"], row] }
  steps.each { |step| compare_step(by_name.delete(step["name"]), step) }
  by_name.each_key { |name| problem("step_view has a step #{name} that the task does not have") }
end

def tally(entries, state)
  entries.select { |entry| entry[state] }
         .map { |entry| [entry["entity"], entry["step"], entry[state]] }.tally
end

def compare_history(id, rows, history)
  seen = tally(rows, "in_state")
  known = tally(history, "to")
  seen.each do |key, count|
    least = known.fetch(key, 0)
    next if key[2] == "resolved_manually" && least.positive? # again, with another result

    next if count <= least

    problem("#{id}: #{key.compact.join(" ")} #{count} times, #{least} in the history")
  end
  known.each do |key, count|
    next if key[0] == "step" && key[2] == "error" # follows from the template's retries
    next unless EXACT.include?(key[2])

    same("#{id}: #{key.compact.join(" ")}", seen.fetch(key, 0), count)
  end
  compare_claims(id, rows, history)
end

# Each claim, by step, attempt and worker.
def compare_claims(id, rows, history)
  seen = rows.select { |row| row["event"] == "claimed" }
             .map { |row| [row["step"], row["attempt"], row["worker"]] }
  known = history.select { |entry| entry["event"] == "Start" && entry["step"] && entry["worker"] }
                 .map { |entry| [entry["step"], entry["attempt"], entry["worker"]] }
  same("#{id}: claims", seen.sort, known.sort)
end

task_rows = view("task_view")
step_rows = view("step_view")
history_rows = view("history_view")
ids = tasks
ids.each do |id|
  task = ask("task", "show", id)
  row = task_rows.fetch(id, [])
  next problem("#{id} is #{row.size} times in task_view") unless row.one?

  compare_task(row.first, task)
  compare_steps(step_rows.fetch(id, []), task["steps"])
  compare_history(id, history_rows.fetch(id, []), ask("task", "history", id))
end
same("tasks", task_rows.size, ids.size)
steps = step_rows.sum { |_, rows| rows.size }
puts "#{ids.size} tasks, #{steps} steps compared, #{@problems} differ"
exit(@problems.zero? && !ids.empty?)
