# frozen_string_literal: true

# Every route: what it answers, and each error that it can have.

url = place.serve
http = client(url)

def error?(answer, status, code, path = nil)
  expect_equal status, answer.status, answer.text
  expect_equal code, answer.code, "code"
  expect_equal path, answer["error"]["path"], "path" if path
  expect !answer["error"]["request_id"].empty?, "no request id"
  expect_equal answer.headers["X-Request-Id"], answer["error"]["request_id"], "request id"
end

# --- before a worker is there ---

test "a task is created with 201 and can be read at once" do
  answer = http.post("/v1/tasks", { name: "nobody", namespace: "cli", version: "1.0.0",
                                    context: { "n" => 18_446_744_073_709_551_616 }, tags: ["a"],
                                    initiator: "me", source_system: "test", reason: "why" })
  expect_equal 201, answer.status
  expect_equal %w[one three two], answer["step_mapping"].keys.sort
  task = http.task(answer["task_uuid"])
  expect_equal 18_446_744_073_709_551_616, task["context"]["n"], "a large number"
  expect_equal %w[me test why], task.values_at("initiator", "source_system", "reason")
end

test "the same idempotency key answers 200 and the same task" do
  body = { name: "nobody", namespace: "cli", context: {}, idempotency_key: "one" }
  first = http.post("/v1/tasks", body)
  again = http.post("/v1/tasks", body)
  expect_equal [201, 200], [first.status, again.status]
  expect_equal first["task_uuid"], again["task_uuid"]
  expect_equal [false, true], [first["known"], again["known"]]
end

test "a request that can never be right is told with its place" do
  error? http.post("/v1/tasks", { name: "nobody", context: {} }), 400, "invalid", "$.namespace"
  error? http.post("/v1/tasks", { name: "slow", namespace: "cli", context: { n: "x" } }),
         400, "invalid", "$.context.n"
  error? http.post("/v1/tasks", "{\"name\":"), 400, "invalid"
  error? http.post("/v1/tasks", "[]"), 400, "invalid"
end

test "an unknown template is 404, an unknown media type 415, too large a body 413" do
  error? http.post("/v1/tasks", { name: "none", namespace: "cli", context: {} }), 404, "notfound"
  error? http.post("/v1/tasks", "a: b", YAML_TYPE), 415, "media_type"
  error? http.post("/v1/tasks", { x: "x" * (2 * 1024 * 1024) }), 413, "too_large"
end

test "a duplicate under the strict strategy is 409" do
  yaml = "name: strict\nnamespace_name: cli\nversion: \"1.0.0\"\nidentity_strategy: strict\n" \
         "steps:\n  - name: one\n    handler: {callable: cli.nobody}\n"
  expect_equal 200, http.put("/v1/templates", yaml, YAML_TYPE).status
  http.submit("strict", context: { "a" => 1 })
  error? http.post("/v1/tasks", { name: "strict", namespace: "cli", version: "1.0.0",
                                  context: { a: 1 } }), 409, "conflict"
end

test "many tasks are created at once, from lines" do
  line = JSON.generate({ name: "nobody", namespace: "cli", context: {} })
  answer = http.post("/v1/tasks", "#{line}\n\n#{line}\r\n#{line}", NDJSON)
  expect_equal 201, answer.status, answer.text
  expect_equal 3, answer["tasks"].uniq { |task| task["task_uuid"] }.size
end

test "many known tasks answer 200" do
  line = JSON.generate({ name: "nobody", namespace: "cli", context: {}, idempotency_key: "one" })
  expect_equal 200, http.post("/v1/tasks", line, NDJSON).status
end

test "one wrong line creates none, and is told by its number and its place" do
  before = http.get("/v1/counts").json["tasks"]["total"]
  good = JSON.generate({ name: "nobody", namespace: "cli", context: {} })
  answer = http.post("/v1/tasks", "#{good}\n#{good}\n{\"a\":}\n", NDJSON)
  error? answer, 400, "invalid"
  expect answer["error"]["path"].start_with?("$[2]"), answer.text
  expect answer["error"]["message"].include?("line 3"), answer.text
  wrong = JSON.generate({ name: "nobody", namespace: "cli", context: 1 })
  error? http.post("/v1/tasks", "#{good}\n#{wrong}\n",
                   NDJSON), 400, "invalid", "$[1].context"
  error? http.post("/v1/tasks", "#{good},#{good}\n", NDJSON), 400, "invalid"
  error? http.post("/v1/tasks", "#{good}]\n[#{good}", NDJSON), 400, "invalid"
  error? http.post("/v1/tasks", "\n \n", NDJSON), 400, "invalid", "$"
  expect_equal before, http.get("/v1/counts").json["tasks"]["total"], "tasks"
end

test "at most 10000 lines at once" do
  line = JSON.generate({ name: "nobody", namespace: "none", context: {} })
  error? http.post("/v1/tasks", "#{line}\n" * 10_001, NDJSON), 400, "invalid", "$"
  error? http.post("/v1/tasks", "#{line}\n" * 10_000, NDJSON), 404, "notfound"
end

test "every route of a task says 400 for what is no UUID and 404 for what is not there" do
  ["", "/summary", "/history", "/why", "/workflow_steps"].each do |end_of_path|
    error? http.get("/v1/tasks/no-uuid#{end_of_path}"), 400, "invalid", "task_uuid"
    error? http.get("/v1/tasks/#{NOWHERE}#{end_of_path}"), 404, "notfound"
  end
  error? http.delete("/v1/tasks/no-uuid"), 400, "invalid", "task_uuid"
  error? http.delete("/v1/tasks/#{NOWHERE}"), 404, "notfound"
  change = { action_type: "cancel" }
  error? http.patch("/v1/tasks/no-uuid", change), 400, "invalid", "task_uuid"
  error? http.patch("/v1/tasks/#{NOWHERE}", change), 404, "notfound"
end

test "every route of a step says 400 for what is no UUID and 404 for what is not there" do
  uuid = http.submit("nobody")
  other = http.step_of(http.submit("nobody"), "one")["step_uuid"]
  steps = "/v1/tasks/#{uuid}/workflow_steps"
  ["", "/why", "/audit"].each do |end_of_path|
    error? http.get("#{steps}/no-uuid#{end_of_path}"), 400, "invalid", "step_uuid"
    error? http.get("#{steps}/#{uuid}#{end_of_path}"), 404, "notfound"
    error? http.get("#{steps}/#{other}#{end_of_path}"), 404, "notfound"
  end
  change = { action_type: "reset_for_retry" }
  error? http.patch("#{steps}/no-uuid", change), 400, "invalid", "step_uuid"
  error? http.patch("#{steps}/#{other}", change), 404, "notfound"
end

test "a summary is the task without context and results" do
  uuid = http.submit("nobody", context: { "secret" => 1 })
  task = http.task(uuid)
  summary = http.get("/v1/tasks/#{uuid}/summary").json
  expect_equal nil, summary["context"]
  expect_equal task.keys, summary.keys
  expect_equal [nil], summary["steps"].map { |step| step["results"] }.uniq
end

test "a task is cancelled, which its history tells with who and why; an ended one is 409" do
  uuid = http.submit("nobody")
  task = http.delete("/v1/tasks/#{uuid}", { reason: "ordered twice" },
                     { "X-Tasker-Actor" => "eva" })
  expect_equal "cancelled", task["state"]
  expect_equal ["cancelled", "eva", "ordered twice"],
               task["ended"].values_at("act", "actor", "reason")
  last = http.get("/v1/tasks/#{uuid}/history").json.reverse.find { |entry| entry["actor"] }
  expect_equal ["eva", "ordered twice"], last.values_at("actor", "reason")
  expect_equal 200, http.delete("/v1/tasks/#{uuid}").status, "again"
  error? http.patch("/v1/tasks/#{uuid}", { action_type: "fail" }), 409, "conflict"
  other = http.submit("nobody")
  expect_equal 200, http.patch("/v1/tasks/#{other}", { action_type: "fail" }).status
  error? http.delete("/v1/tasks/#{other}"), 409, "conflict"
end

test "a task is changed by PATCH, by the words that are known" do
  expect_equal "error",
               http.patch("/v1/tasks/#{http.submit("nobody")}", { action_type: "fail" })["state"]
  expect_equal "cancelled",
               http.patch("/v1/tasks/#{http.submit("nobody")}", { action_type: "cancel" })["state"]
  uuid = http.submit("nobody")
  error? http.patch("/v1/tasks/#{uuid}", { action_type: "explode" }), 400, "invalid",
         "$.action_type"
  error? http.patch("/v1/tasks/#{uuid}", {}), 400, "invalid", "$.action_type"
  error? http.patch("/v1/tasks/#{uuid}", { action_type: "fail", reason: 1 }), 400, "invalid",
         "$.reason"
  error? http.delete("/v1/tasks/#{uuid}", "[1"), 400, "invalid"
end

test "a step is completed by hand, and the next becomes ready" do
  uuid = http.submit("nobody")
  step = http.step_of(uuid, "one")["step_uuid"]
  path = "/v1/tasks/#{uuid}/workflow_steps/#{step}"
  done = http.patch(path, { action_type: "complete_manually", reason: "by phone",
                            completion_data: { result: { "n" => 1 }, metadata: {} } })
  expect_equal "complete", done["current_state"]
  expect_equal({ "n" => 1 }, done["result"])
  expect_equal "enqueued", http.step_of(uuid, "two")["current_state"]
  error? http.patch(path, { action_type: "complete_manually" }), 409, "conflict"
  error? http.patch(path, { action_type: "jump" }), 400, "invalid", "$.action_type"
  attempts = http.get("#{path}/audit").json
  expect_equal(["completed_by_hand"], attempts.map { |attempt| attempt["outcome"] })
end

test "a task is run again, with its context or another" do
  uuid = http.submit("nobody", context: { "a" => 1 }, priority: 7)
  again = http.post("/v1/tasks/#{uuid}/rerun", { reason: "once more" })
  expect_equal 201, again.status, again.text
  task = http.task(again["task_uuid"])
  expect_equal [{ "a" => 1 }, 7, uuid, "once more"],
               task.values_at("context", "priority", "parent_correlation_id", "reason")
  edited = http.post("/v1/tasks/#{uuid}/rerun", { context: { "a" => 2 } })["task_uuid"]
  expect_equal({ "a" => 2 }, http.task(edited)["context"])
  error? http.post("/v1/tasks/#{uuid}/rerun", { context: 1 }), 400, "invalid"
  error? http.post("/v1/tasks/#{NOWHERE}/rerun", {}), 404, "notfound"
end

test "a POST that a form could send is refused" do
  uuid = http.submit("nobody")
  form = { "Content-Type" => "application/x-www-form-urlencoded" }
  ["/v1/tasks/#{uuid}/rerun", "/v1/templates/validate",
   "/v1/templates/cli/nobody/1.0.0/validate"].each do |path|
    error? http.post(path, "a=1", form), 415, "media_type"
  end
end

test "why tells what a task and a step wait for" do
  uuid = http.submit("nobody")
  why = http.get("/v1/tasks/#{uuid}/why").json
  expect_equal uuid, why["task_uuid"]
  expect !why["moves"], why.to_s
  waits = why["steps"].to_h { |step| [step["name"], step["waits_for"]] }
  expect_equal %w[parents parents], waits.values_at("two", "three")
  expect %w[worker handler].include?(waits["one"]), waits.to_s
  step = why["steps"].find { |one| one["name"] == "two" }
  one = http.get("/v1/tasks/#{uuid}/workflow_steps/#{step["step_uuid"]}/why").json
  expect_equal([%w[one]], one["steps"].map { |told| told["parents"] })
end

test "the settings are told, each with where it comes from" do
  settings = http.get("/config")["settings"].to_h { |one| [one["name"], one["source"]] }
  expect_equal %w[flag default], settings.values_at("listen", "cors_origins")
end

test "lists narrow, and go on behind a cursor" do
  3.times { http.submit("nobody", tags: ["listed"], initiator: "lister", source_system: "lists") }
  page = http.get("/v1/tasks?tag=listed&limit=2&namespace=cli&name=nobody")
  expect_equal 2, page["tasks"].size
  rest = http.get("/v1/tasks?tag=listed&limit=2&after=#{page["next"]}")
  expect_equal [1, nil], [rest["tasks"].size, rest["next"]]
  expect_equal 0, http.get("/v1/tasks?namespace=none")["tasks"].size
  ["initiator=lister", "tag=listed&source_system=lists",
   "created_after=#{page["tasks"].last["created_at"].sub("+", "%2B")}"].each do |query|
    found = http.get("/v1/tasks?#{query}")["tasks"]
    expect found.any? && found.all? { |task| task["tags"] == ["listed"] }, query
  end
  expect_equal 1, http.get("/v1/tasks?idempotency_key=one")["tasks"].size
  before = http.get("/v1/tasks?limit=1&created_before=#{page["tasks"].last["created_at"]}")["tasks"]
  expect before.first["created_at"] < page["tasks"].last["created_at"], before.to_s
  %w[state status].each do |name|
    states = http.get("/v1/tasks?#{name}=cancelled")["tasks"].map { |task| task["state"] }
    expect_equal ["cancelled"], states.uniq, name
  end
end

test "what a list cannot be narrowed by is 400" do
  %w[limit=0 limit=1001 limit=x state=nothing correlation_id=x after=x page=0
     per_page=101 offset=49 offset=-1 offset=x offset=10001 offset=10000 limit=7&offset=13
     limit=5&offset=5&page=2 limit=5&offset=5&after=01a20bf0-9ddf-7cef-a011-d50dddaa0000
     offset=].each do |query|
    error? http.get("/v1/tasks?#{query}"), 400, "invalid"
  end
end

test "a page is told by where it begins, as existing clients do" do
  all = http.get("/v1/tasks?namespace=cli&limit=4")["tasks"].map { |task| task["task_uuid"] }
  pages = [0, 2].map { |offset| http.get("/v1/tasks?namespace=cli&limit=2&offset=#{offset}") }
  expect_equal(all, pages.flat_map { |one| one["tasks"].map { |task| task["task_uuid"] } })
  expect_equal([1, 2], pages.map { |one| one["pagination"]["page"] })
  expect_equal [], http.get("/v1/tasks?namespace=cli&offset=9950")["tasks"]
end

test "pages by number have the original's members" do
  page = http.get("/v1/tasks?page=1&per_page=2&namespace=cli")
  told = page["pagination"]
  expect_equal [1, 2, true, false], told.values_at("page", "per_page", "has_next", "has_previous")
  expect_equal (told["total_count"] / 2.0).ceil, told["total_pages"]
  counts = http.get("/v1/counts?namespace=cli").json["tasks"]
  expect_equal [counts["total"], true], told.values_at("total_count", "total_exact")
  ended = http.get("/v1/tasks?namespace=cli&state=cancelled&limit=1")["pagination"]
  expect_equal [counts["cancelled"], true], ended.values_at("total_count", "total_exact")
  error? http.get("/v1/tasks?page=1000000&per_page=100"), 400, "invalid", "$.page"
  second = http.get("/v1/tasks?page=2&per_page=2&namespace=cli")
  expect_equal [], page["tasks"] & second["tasks"]
  expect second["pagination"]["has_previous"], "there is a page before"
end

# --- templates ---

GOOD = "name: put\nnamespace_name: other\nversion: \"2.0\"\nsteps:\n  " \
       "- name: one\n    handler: {callable: cli.echo}\n"

test "a template is checked, registered, listed and shown" do
  expect_equal true, http.post("/v1/templates/validate", GOOD, YAML_TYPE)["valid"]
  report = http.put("/v1/templates", GOOD, YAML_TYPE)
  expect_equal [200, 1], [report.status, report["revision"]]
  expect_equal(["put"], http.get("/v1/templates?namespace=other").json.map { |one| one["name"] })
  expect_equal 1, http.get("/v1/templates?name=put").json.size
  expect_equal(["one"], http.get("/v1/templates/other/put/2.0")["steps"].map { |one| one["name"] })
  error? http.get("/v1/templates/other/put/2.1"), 404, "notfound"
end

test "a template with errors is told with their places, and not registered" do
  bad = GOOD.sub("callable", "colour")
  report = http.post("/v1/templates/validate", bad, YAML_TYPE)
  expect_equal [200, false], [report.status, report["valid"]]
  expect !report["errors"].first["line"].nil?, "no line"
  error? http.put("/v1/templates", bad, YAML_TYPE), 400, "invalid"
  error? http.put("/v1/templates", "", YAML_TYPE), 400, "invalid"
  large = "# #{"x" * (1024 * 1024)}\n#{GOOD}"
  error? http.put("/v1/templates", large, YAML_TYPE), 413, "too_large"
  error? http.post("/v1/templates/validate", large, YAML_TYPE), 413, "too_large"
end

test "a registered template is checked for its workers" do
  report = http.post("/v1/templates/other/put/2.0/validate", {})
  expect_equal true, report["valid"]
  expect_equal(["$.steps[0].handler.callable"], report["warnings"].map { |one| one["path"] })
  error? http.post("/v1/templates/other/none/2.0/validate", {}), 404, "notfound"
end

test "handlers are the registered templates, as the original lists them" do
  spaces = http.get("/v1/handlers").json
  expect_equal(%w[cli other], spaces.map { |one| one["name"] })
  expect_equal 1, spaces.last["handler_count"]
  expect_equal(["put"], http.get("/v1/handlers/other").json.map { |one| one["name"] })
  expect_equal [], http.get("/v1/handlers/none").json
  expect_equal %w[one two three], http.get("/v1/handlers/cli/nobody")["step_templates"]
  error? http.get("/v1/handlers/cli/none"), 404, "notfound"
end

# --- what is known without a worker, and with one ---

test "steps that no worker runs are counted, and health says that nobody works" do
  counts = http.get("/v1/counts?namespace=cli").json
  expect counts["steps"]["no_worker"].positive?, counts.to_s
  expect_equal [], http.get("/v1/workers").json
  ready = http.get("/health/ready")
  expect_equal [200, "healthy"], [ready.status, ready["status"]]
  expect ready["checks"]["sweep"]["message"].include?("no worker"), ready.text
  metrics = http.get("/metrics").text
  expect metrics.match?(/^tasker_queue_no_worker\{namespace="cli"\} [1-9]/), metrics
end

test "health answers under all its names" do
  %w[/health /health/live /live /health/ready /ready /health/detailed].each do |path|
    expect_equal 200, http.get(path).status, path
  end
  expect_equal "alive", http.get("/live")["status"]
end

# Without a worker the figures begin; with one they move.
http.get("/metrics")
place.worker

test "a failed step is retried, and resolved in the original's words" do
  uuid = http.submit("bad_end")
  expect_equal "blocked_by_failures", http.rest(uuid)["execution_status"]
  bad = http.step_of(uuid, "bad")
  path = "/v1/tasks/#{uuid}/workflow_steps/#{bad["step_uuid"]}"
  expect_equal "TestError", http.get(path)["attempts_list"].first["error"]["error_type"]
  retried = http.patch(path, { action_type: "reset_for_retry", reset_by: "eva", reason: "again" })
  expect %w[enqueued in_progress error].include?(retried["current_state"]), retried.text
  http.rest(uuid)
  body = { resolution_data: { "a" => 1 }, resolved_by: "eva", reason: "by hand" }
  expect_equal "resolved_manually", http.patch(path, body)["current_state"]
  expect_equal "all_complete", http.rest(uuid)["execution_status"]
  actors = http.get("/v1/tasks/#{uuid}/history").json.filter_map { |entry| entry["actor"] }
  expect_equal ["eva"], actors.uniq
end

test "all failed steps of a task are retried together" do
  uuid = http.submit("bad_end")
  http.rest(uuid)
  task = http.patch("/v1/tasks/#{uuid}", { action_type: "retry_failed_steps" })
  expect_equal 200, task.status, task.text
  http.rest(uuid)
  attempts = http.step_of(uuid, "bad")["attempt"]
  expect_equal(2, eventually do
    attempts = http.step_of(uuid, "bad")["attempt"]
    attempts if attempts == 2
  end)
  healthy = http.submit("chain")
  http.rest(healthy)
  error? http.patch("/v1/tasks/#{healthy}", { action_type: "retry_failed_steps" }), 409, "conflict"
end

test "events are told as they happen" do
  error? http.get("/v1/events?kind=none"), 400, "invalid", "kind"
  error? http.get("/v1/events?task_uuid=#{NOWHERE}"), 404, "notfound"
  kinds = []
  uri = URI("#{url}/v1/events")
  catch(:enough) do
    Net::HTTP.start(uri.host, uri.port, read_timeout: 10) do |open|
      open.request(Net::HTTP::Get.new(uri)) do |response|
        schemas.saw(:get, "/v1/events", response.code)
        expect_equal "text/event-stream", response["Content-Type"][/[^;]+/]
        uuid = nil
        response.read_body do |chunk|
          uuid ||= http.submit("chain")
          kinds.concat(chunk.scan(/^event: (\w+)$/).flatten)
          throw :enough if kinds.count("attempt") == 2
        end
      end
    end
  end
  expect kinds.include?("task"), kinds.to_s
rescue Net::ReadTimeout
  raise Failed, "after #{kinds} nothing came"
end

test "a blocked task is resolved by hand" do
  uuid = http.submit("bad_end")
  http.rest(uuid)
  task = http.patch("/v1/tasks/#{uuid}", { action_type: "resolve_manually", reason: "done" })
  expect_equal "resolved_manually", task["state"]
end

test "workers tell what they run" do
  uuid = http.submit("slow", version: "2.1", context: { n: 1 })
  worker = eventually { http.get("/v1/workers").json.find { |one| one["running"].positive? } }
  expect worker["handlers"].include?("cli.echo"), worker.to_s
  expect_equal [uuid, "runs"], [worker["steps"].first["task_uuid"], worker["state"]]
  expect Time.now - Time.iso8601(worker["steps"].first["claimed_at"]) < 60, "since when"
  http.rest(uuid)
  expect_equal 18_446_744_073_709_551_616, http.step_of(uuid, "slow")["result"]
end

test "a registered template whose handlers have a worker has no warning" do
  expect_equal [], http.post("/v1/templates/cli/chain/1.0.0/validate", {})["warnings"]
end

test "analytics tell rates, latencies, and which steps are slow or fail" do
  told = eventually(10, "the minute") do
    now = http.get("/v1/analytics/performance?minutes=5&namespace=cli").json
    now if now["total"]["failed_steps"].positive? && now["total"]["completed"].positive?
  end
  expect told["total"]["steps"] > told["total"]["failed_steps"], told["total"].to_s
  expect told["total"]["step_ms"]["p99"] >= told["total"]["step_ms"]["p50"], told["total"].to_s
  expect_equal told["total"]["steps"], told["portions"].sum { |one| one["steps"] }, "all portions"
  steps = http.get("/v1/analytics/bottlenecks?min_executions=1&limit=1")
  expect_equal(["bad"], steps["failing_steps"].map { |one| one["step"] })
  eventually(10, "the slow step") do
    slow = http.get("/v1/analytics/bottlenecks?min_executions=1&limit=1")["slow_steps"]
    slow.map { |one| one["step"] } == ["slow"]
  end
  none = http.get("/v1/analytics/performance?namespace=none&hours=2&portions=4")
  expect_equal [0, 4], [none["total"]["steps"], none["portions"].size]
  %w[performance?minutes=0 performance?hours=169 performance?portions=241 bottlenecks?limit=101
     bottlenecks?min_executions=x].each do |path|
    error? http.get("/v1/analytics/#{path}"), 400, "invalid"
  end
end

test "metrics count attempts, durations, tasks and requests" do
  text = eventually(5, "the counts") do
    http.get("/metrics").text.then { |now| now if now.include?('outcome="ok"} ') }
  end
  attempts = text[/^tasker_steps_executions_total\{namespace="cli",outcome="error"\} (\d+)/, 1].to_i
  expect attempts >= 3, text
  ended = /^tasker_step_execution_duration_milliseconds_count\{namespace="cli"\} [1-9]/
  expect text.match?(ended),
         text
  created = %r{^tasker_http_requests_total\{method="POST",route="/v1/tasks",status="201"\} [1-9]}
  expect text.match?(created),
         text
  expect text.match?(/^tasker_tasks\{state="complete"\} [1-9]/), text
  expect_equal "1", text[/^tasker_store_up (\d)/, 1]
  families = text.scan(/^# TYPE (\S+)/).flatten
  expect_equal families.uniq, families, "families"
  lines = text.lines.grep_v(/^#/)
  expect_equal [], lines.grep_v(/\A[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [0-9.+-]+\n\z/), "odd lines"
end

test "fifty namespaces have a label of their own, the others share one" do
  52.times do |n|
    yaml = "name: many\nnamespace_name: space_#{n}\nversion: \"1.0\"\nsteps:\n  " \
           "- name: one\n    handler: {callable: cli.nobody}\n"
    http.put("/v1/templates", yaml, YAML_TYPE)
    http.submit("many", namespace: "space_#{n}", version: "1.0")
  end
  text = http.get("/metrics").text
  %w[tasker_queue_depth tasker_tasks_requests_total].each do |family|
    labels = text.scan(/^#{family}\{namespace="(\w+)"\}/).flatten
    expect_equal [51, true], [labels.uniq.size, labels.include?("other")], family
    expect_equal labels.uniq, labels, "labels"
  end
end
