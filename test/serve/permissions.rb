# frozen_string_literal: true

# Keys: each route asks for its permission; a key sees its namespace and nothing else.

SECOND = "name: chain\nnamespace_name: other\nversion: \"1.0.0\"\nsteps:\n  " \
         "- name: first\n    handler: {callable: cli.nobody}\n"

# A path of an operation with its captures filled.
def filled(path, uuid, step)
  values = { "task_uuid" => uuid, "step_uuid" => step, "namespace" => "cli", "name" => "nobody",
             "version" => "1.0.0" }
  path.gsub(/\{(\w+)\}/) { values.fetch(Regexp.last_match(1)) }
end

def refused(answer, status, code)
  expect_equal [status, code], [answer.status, answer.code], answer.text
end

url = place.serve
open_client = client(url)
place.tasker("template", "put", "test/cli/templates")
File.write("#{place.folder}/second.yaml", SECOND)
place.tasker("template", "put", "#{place.folder}/second.yaml")
uuid = open_client.submit("nobody", context: { "secret" => "s3cret" })
step = open_client.step_of(uuid, "one")["step_uuid"]
foreign = open_client.submit("chain", namespace: "other")
foreign_step = open_client.step_of(foreign, "first")["step_uuid"]

ALL = %w[tasks:* steps:* templates:* system:*].freeze
operations = schemas.document["paths"].flat_map do |path, told|
  told.filter_map { |method, one| [method.to_sym, path, one["x-permission"]] }
end
guarded = operations.select(&:last)
words = guarded.map(&:last).uniq

admin = client(url, key: place.key("admin", *ALL))
sleep 1 # what the server knows of keys may be some moments old
eventually(30, "the server asks for a key") { open_client.get("/v1/counts").status == 401 }

test "every route that has a permission answers 401 without a key and with a wrong one" do
  wrong = client(url, key: "tsk_#{"0" * 64}")
  guarded.each do |method, path, _|
    body = method == :get ? nil : {}
    refused open_client.ask(method, filled(path, uuid, step), body), 401, "unauthorized"
    refused wrong.ask(method, filled(path, uuid, step), body), 401, "unauthorized"
  end
end

test "routes without a permission answer without a key" do
  (operations - guarded).each do |method, path, _|
    expect_equal 200, open_client.ask(method, path).status, path
  end
end

test "every route refuses a key with all other permissions, and takes one with only its own" do
  words.each do |word|
    others = client(url, key: place.key("not #{word}", *(words - [word])))
    only = client(url, key: place.key("only #{word}", word))
    guarded.select { |_, _, one| one == word }.each do |method, path, _|
      next if path == "/v1/events" && method == :get # it does not end: stream tests have it

      body = method == :get ? nil : { action_type: "none" }
      refused others.ask(method, filled(path, uuid, step), body), 403, "forbidden"
      answer = only.ask(method, filled(path, NOWHERE, NO_STEP), body)
      expect ![401, 403].include?(answer.status), "#{method} #{path} with #{word}: #{answer.text}"
    end
  end
end

test "without tasks:context_read contexts and results are null, with it they are there" do
  blind = client(url, key: place.key("blind", "tasks:read", "steps:read"))
  seeing = client(url, key: place.key("seeing", "tasks:read", "steps:read", "tasks:context_read"))
  done = admin.submit("nobody", context: { "secret" => "s3cret" })
  id = admin.step_of(done, "one")["step_uuid"]
  at = "/v1/tasks/#{done}/workflow_steps"
  admin.patch("#{at}/#{id}", { action_type: "complete_manually", result: { "secret" => "s3cret" } })
  ["/v1/tasks/#{done}", at, "#{at}/#{id}", "#{at}/#{id}/audit"].each do |path|
    expect !blind.get(path).text.include?("s3cret"), "#{path}: #{blind.get(path).text}"
    expect seeing.get(path).text.include?("s3cret"), path
  end
  acting = client(url, key: place.key("acting", "tasks:cancel", "steps:resolve"))
  two = admin.step_of(done, "two")["step_uuid"]
  answers = [acting.patch("#{at}/#{two}", { action_type: "resolve_manually" }),
             acting.delete("/v1/tasks/#{done}")]
  answers.each { |one| expect one.status == 200 && !one.text.include?("s3cret"), one.text }
  %W[/v1/tasks/#{done}/history /v1/tasks/#{done}/why /v1/tasks/#{done}/summary].each do |path|
    expect !admin.get(path).text.include?("s3cret"), path
  end
end

test "what an operator does is done by the key's name, whatever it says of itself" do
  id = admin.submit("nobody")
  task = admin.delete("/v1/tasks/#{id}", { reason: "why", resolved_by: "somebody" },
                      { "X-Tasker-Actor" => "somebody" })
  expect_equal %w[admin why], task["ended"].values_at("actor", "reason")
end

test "a key that is called anonymous is a key: what it does is done by its name" do
  named = client(url, key: place.key("anonymous", "tasks:cancel", "tasks:create"))
  task = named.delete("/v1/tasks/#{named.submit("nobody")}", { resolved_by: "somebody" })
  expect_equal "anonymous", task["ended"]["actor"]
end

test "a key that is revoked while its request comes does nothing any more" do
  secret = place.key("leaver", "tasks:create")
  body = '{"name":"nobody","namespace":"cli","context":{},"tags":["left"]}'
  socket = TCPSocket.new(URI(url).host, URI(url).port)
  socket.write("POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
               "X-API-Key: #{secret}\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body[0, 10]}")
  sleep 0.3
  place.tasker("key", "revoke", "leaver")
  sleep 3.1 # so long it may be remembered
  socket.write(body[10..])
  expect socket.readpartial(100).start_with?("HTTP/1.1 401"), "it was let in"
  expect_equal [], admin.get("/v1/tasks?tag=left")["tasks"]
ensure
  socket&.close
end

# --- a namespace ---

confined = client(url, key: place.key("confined", *ALL, "tasks:context_read", namespace: "cli"))

test "a key sees tasks of its namespace, and foreign ones are as if there were none" do
  expect_equal 200, confined.get("/v1/tasks/#{uuid}").status
  tasks = guarded.select { |_, path, _| path.start_with?("/v1/tasks/{task_uuid}") }
  tasks.each do |method, path, _|
    body = { action_type: path.include?("step_uuid") ? "resolve_manually" : "cancel" }
    body = nil if method == :get
    answers = [[foreign, foreign_step], [NOWHERE, NO_STEP]].map do |task, one|
      answer = confined.ask(method, filled(path, task, one), body)
      refused answer, 404, "notfound"
      answer["error"]["message"].sub(task, "it")
    end
    expect_equal answers.first, answers.last, "#{method} #{path}: what a foreign one answers"
  end
  expect_equal "processing has_ready_steps".split.include?(admin.task(foreign)["execution_status"]),
               true, "the foreign task is as it was"
end

test "lists, counts, templates, handlers and workers are of the key's namespace" do
  expect_equal ["cli"], confined.get("/v1/tasks")["tasks"].map { |task| task["namespace"] }.uniq
  expect_equal [], confined.get("/v1/tasks?namespace=other")["tasks"]
  queues = confined.get("/v1/counts")["queues"].map { |queue| queue["namespace"] }
  expect_equal ["cli"], queues.uniq
  expect_equal 0, confined.get("/v1/counts?namespace=other")["tasks"]["total"]
  expect_equal ["cli"], confined.get("/v1/templates").json.map { |one| one["namespace"] }.uniq
  expect_equal [], confined.get("/v1/templates?namespace=other").json
  expect_equal(["cli"], confined.get("/v1/handlers").json.map { |one| one["name"] })
  expect_equal [], confined.get("/v1/handlers/other").json
  told = confined.get("/v1/analytics/performance?namespace=other")["total"]["submitted"]
  expect_equal 0, told, "what was submitted elsewhere"
  expect confined.get("/v1/analytics/performance")["total"]["submitted"] <
         admin.get("/v1/analytics/performance")["total"]["submitted"], "a part of all"
  refused confined.get("/v1/handlers/other/chain"), 404, "notfound"
  refused confined.get("/v1/templates/other/chain/1.0.0"), 404, "notfound"
  refused confined.post("/v1/templates/other/chain/1.0.0/validate", {}), 404, "notfound"
end

test "a key creates tasks and registers templates in its namespace only" do
  body = { name: "chain", namespace: "other", version: "1.0.0", context: {} }
  refused confined.post("/v1/tasks", body), 404, "notfound"
  known = { name: "none", namespace: "other", version: "1.0.0", context: {} }
  expect_equal confined.post("/v1/tasks", body)["error"]["message"],
               confined.post("/v1/tasks", known)["error"]["message"], "one that is not there"
  lines = [{ name: "nobody", namespace: "cli", context: {} }, body]
  answer = confined.post("/v1/tasks", lines.map { |one| JSON.generate(one) }.join("\n"),
                         NDJSON)
  refused answer, 404, "notfound"
  expect_equal "$[1].namespace", answer["error"]["path"]
  refused confined.put("/v1/templates", SECOND, YAML_TYPE), 403, "forbidden"
  expect_equal 200, confined.put("/v1/templates", SECOND.sub("other", "cli"), YAML_TYPE).status
end

test "workers are shown with what they do for the key's namespace" do
  place.worker
  eventually { admin.get("/v1/workers").json.any? }
  told = confined.get("/v1/workers").json
  expect_equal([[["cli"], []]], told.map { |one| one.values_at("namespaces", "handlers") })
  expect admin.get("/v1/workers").json.first["handlers"].any?, "an unconfined key sees handlers"
end
