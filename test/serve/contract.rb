# frozen_string_literal: true

# What existing clients of the original rely on, with a worker in Ruby: its request, words and
# counters, polling by execution_status, and how soon failures are told.

examples = File.expand_path("examples/ruby")
place.start({ "TASKER_ENV" => "test", "LOG_LEVEL" => "warn" }, "ruby", "-Ibindings/ruby/lib",
            "bindings/ruby/exe/tasker-worker", "-r", "#{examples}/all.rb", "--store", place.store,
            "--templates", examples, log: "#{place.folder}/ruby.log")
url = place.serve(templates: examples, env: { "TASKER_ENV" => "test" })
http = client(url)
begin
  eventually(20, "the worker") { http.get("/v1/workers").json.any? }
rescue Failed => e
  raise Failed, "#{e.message}: #{File.read("#{place.folder}/ruby.log")}"
end

# The body that the original's client sends, with all that it requires.
def request(name, namespace, context)
  { name: name, namespace: namespace, version: "1.0.0", context: context, status: "PENDING",
    initiator: "e2e", source_system: "client", reason: "contract", complete: false, tags: ["e2e"],
    bypass_steps: [], requested_at: "2026-01-31T12:00:00", options: nil, priority: 5 }
end

# Polls as the client does; [the task, seconds since it was created].
def poll(http, uuid, words, seconds = 10)
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  task = eventually(seconds, "one of #{words}") do
    told = http.task(uuid)
    told if words.include?(told["execution_status"])
  end
  [task, Process.clock_gettime(Process::CLOCK_MONOTONIC) - began]
end

def counters(task)
  task.values_at("total_steps", "pending_steps", "in_progress_steps", "completed_steps",
                 "failed_steps", "ready_steps")
end

test "a request with all of the original's members is taken, and answered in its words" do
  answer = http.post("/v1/tasks", request("mathematical_sequence", "linear_workflow",
                                          { even_number: 6 }))
  expect_equal 201, answer.status, answer.text
  expect_equal ["created", 4, nil], answer.json.values_at("status", "step_count",
                                                          "estimated_completion")
  expect_equal %w[linear_step_1 linear_step_2 linear_step_3 linear_step_4],
               answer["step_mapping"].keys.sort
  expect answer["handler_config_name"].include?("mathematical_sequence"), answer.text
  http.rest(answer["task_uuid"])
end

test "a task that was polled to its end tells its result, its counters and its steps" do
  uuid = http.post("/v1/tasks", request("parallel_computation", "diamond_workflow",
                                        { even_number: 6 }))["task_uuid"]
  task, = poll(http, uuid, ["all_complete"])
  expect_equal %w[all_complete complete finalize_task healthy],
               task.values_at("status", "state", "recommended_action", "health_status")
  expect_equal [4, 0, 0, 4, 0, 0], counters(task)
  expect_equal 100.0, task["completion_percentage"]
  expect_equal %w[e2e client contract], task.values_at("initiator", "source_system", "reason")
  expect_equal [5, ["e2e"]], task.values_at("priority", "tags")
  ended = http.step_of(uuid, "diamond_end")
  expect_equal 6**16, ended["results"]["result"], "the result"
  expect_equal ["complete", 1, 2, 2, true],
               ended.values_at("current_state", "attempts", "total_parents", "completed_parents",
                               "dependencies_satisfied")
end

test "success is told within 3 seconds" do
  uuid = http.post("/v1/tasks", request("success_only", "test_errors", {}))["task_uuid"]
  _, took = poll(http, uuid, ["all_complete"])
  expect took < 3, "took #{took} s"
end

test "a permanent failure blocks within 2 seconds, after one attempt" do
  uuid = http.post("/v1/tasks", request("permanent_error_only", "test_errors", {}))["task_uuid"]
  task, took = poll(http, uuid, ["blocked_by_failures"])
  expect took < 2, "took #{took} s"
  expect_equal %w[blocked_by_failures blocked_by_failures handle_failures blocked],
               task.values_at("status", "state", "recommended_action", "health_status")
  step = http.step_of(uuid, "permanent_error_step")
  expect_equal ["error", 1], step.values_at("current_state", "attempts")
  expect_equal [false, "failed"], step["results"].values_at("success", "status")
  expect !step["last_failure_at"].nil?, "no time of the failure"
end

test "a failure that is tried again blocks after two attempts, between 0.1 and 3 seconds" do
  uuid = http.post("/v1/tasks", request("retryable_error_only", "test_errors", {}))["task_uuid"]
  _, took = poll(http, uuid, ["blocked_by_failures"])
  expect took > 0.1 && took < 3, "took #{took} s"
  step = http.step_of(uuid, "retryable_error_step")
  expect_equal ["error", 2, 2, false],
               step.values_at("current_state", "attempts", "max_attempts", "retry_eligible")
end

test "while a step waits for its next attempt, that is told with its time" do
  uuid = http.post("/v1/tasks", request("retryable_error_only", "test_errors", {}))["task_uuid"]
  step = eventually(3, "the wait") do
    told = http.step_of(uuid, "retryable_error_step")
    told if %w[waiting_for_retry error].include?(told["current_state"])
  end
  if step["current_state"] == "waiting_for_retry" # else the poll came too late to see it
    expect step["next_retry_at"] > step["last_failure_at"], step.to_s
    expect_equal [1, true, 1], step.values_at("attempts", "retry_eligible",
                                              "backoff_request_seconds")
  end
  poll(http, uuid, ["blocked_by_failures"])
end

test "a blocked task goes on after its steps were resolved in the original's words" do
  uuid = http.post("/v1/tasks", request("error_testing", "test_errors", {}))["task_uuid"]
  task, = poll(http, uuid, ["blocked_by_failures"])
  http.rest(uuid)
  eventually(5, "both failures") { http.task(uuid)["failed_steps"] == 2 }
  expect_equal 3, task["total_steps"]
  %w[permanent_error_step retryable_error_step].each do |name|
    step = http.step_of(uuid, name)["step_uuid"]
    answer = http.patch("/v1/tasks/#{uuid}/workflow_steps/#{step}",
                        { resolution_data: { "fixed" => true }, resolved_by: "ops",
                          reason: "known" })
    expect_equal [200, "resolved_manually"], [answer.status, answer["current_state"]]
  end
  poll(http, uuid, ["all_complete"])
  events = http.get("/v1/tasks/#{uuid}/history").json
  states = events.filter_map { |entry| entry["to"] if entry["entity"] == "task" }
  expect_equal %w[pending initializing enqueuing_steps steps_in_process], states.first(4)
  expect_equal "complete", states.last
end

test "a task is cancelled by DELETE; a step of it can no longer be changed" do
  uuid = http.post("/v1/tasks", request("permanent_error_only", "test_errors", {}))["task_uuid"]
  poll(http, uuid, ["blocked_by_failures"])
  step = http.step_of(uuid, "permanent_error_step")["step_uuid"]
  answer = http.delete("/v1/tasks/#{uuid}")
  expect_equal [200, "cancelled"], [answer.status, answer["state"]]
  again = http.patch("/v1/tasks/#{uuid}/workflow_steps/#{step}", { action_type: "reset_for_retry" })
  expect_equal [409, "conflict"], [again.status, again.code]
end

test "pages have the original's members, and narrow by its words" do
  answer = http.get("/v1/tasks?page=1&per_page=3&namespace=test_errors&initiator=e2e" \
                    "&source_system=client")
  told = answer["pagination"]
  expect_equal [1, 3, false, true], told.values_at("page", "per_page", "has_previous", "has_next")
  expect_equal 3, answer["tasks"].size
  blocked = http.get("/v1/tasks?status=blocked_by_failures&namespace=test_errors")["tasks"]
  expect_equal ["blocked_by_failures"], blocked.map { |task| task["status"] }.uniq
end

test "an error has a word, a sentence and the request's number" do
  answer = http.post("/v1/tasks", request("none", "none", {}), { "X-Request-Id" => "mine-1" })
  expect_equal [404, "notfound", "mine-1"],
               [answer.status, answer.code, answer["error"]["request_id"]]
  missing = http.post("/v1/tasks", request("", "test_errors", {}))
  expect_equal [400, "$.name"], [missing.status, missing["error"]["path"]]
end
