# frozen_string_literal: true

# Every route with names, parameters and bodies that nobody sends in good faith: an answer of its
# description, never a 5xx, nothing of the machine in it, and a server that goes on.

url = place.serve
http = client(url)
uuid = http.submit("nobody")
step = http.step_of(uuid, "one")["step_uuid"]
operations = schemas.document["paths"].flat_map do |path, told|
  told.keys.map { |method| [method.to_sym, path] }
end
operations.reject! { |_, path| path == "/v1/events" } # does not end when it is content

CAPTURES = ["%20", "%2F..%2F..%2Fetc%2Fpasswd", "%F0%9F%92%A9", "%E2%80%AE",
            "'%20OR%201=1--", "x" * 1000, "%22%7D%5D",
            "%3Cscript%3E", "%25%25", "-1", "0193a5a0-0000-7000-8000-00000000000g",
            "0193A5A0-0000-7000-8000-000000000000"].freeze
UNREADABLE = ["%00", "%FF%FE", "%", "%0A"].freeze
VALUES = [nil, true, 0, -1, 1e300, 18_446_744_073_709_551_616, "", "x" * 100_000, "\u0000",
          "\u202e💩", "'; DROP TABLE task; --", [], {}, [[]], { "a" => { "b" => nil } }].freeze
MEMBERS = %w[name namespace version context priority tags initiator source_system reason
             correlation_id parent_correlation_id idempotency_key bypass_steps run_at delay
             action_type result completion_data resolution_data resolved_by].freeze
TEXTS = ["", " ", "null", "[]", "{", "\"", "{\"a\":1,}", "{\"a\":1}{\"a\":2}", "\xFF\xFE".b,
         "{\"a\":\"\\u0000\"}", "{\"a\":\"\\ud800\"}", "[" * 200, "{\"a\":" * 200, "\0" * 100,
         "{\"name\":\"a\",\"name\":\"b\"}", "1e999999", "--- &a [*a, *a]\n", "a: &x [1]\nb: *x\n",
         "name: {{{{\n", "\u{feff}{}", "name: !!binary x\n"].freeze
INSIDE = %r{/tmp/|#{Regexp.escape(Dir.pwd)}|sqlite|\.c:\d|0x\h{6}|SELECT |backtrace}i

def fine?(answer, what)
  expect answer.status < 500, "#{what}: #{answer.status} #{answer.text[0, 300]}"
  said = answer.status >= 400 ? answer["error"]["message"] : ""
  expect !said.match?(INSIDE), "#{what} tells of the inside: #{said}"
end

def path_with(path, value)
  path.gsub(/\{\w+\}/, value)
end

test "captures of any content are answered" do
  operations.select { |_, path| path.include?("{") }.each do |method, path|
    CAPTURES.each do |value|
      fine? http.ask(method, path_with(path, value), method == :get ? nil : {}),
            "#{method} #{path} #{value[0, 50]}"
    end
  end
end

test "captures that are no text are refused" do
  operations.select { |_, path| path.include?("{") }.each do |method, path|
    UNREADABLE.each do |value|
      answer = http.ask(method, path_with(path, value), method == :get ? nil : {})
      expect [400, 404].include?(answer.status), "#{method} #{path} #{value}: #{answer.status}"
    end
  end
end

test "parameters of any content are answered" do
  schemas.document["paths"].each do |path, told|
    next if path == "/v1/events"

    named = told.fetch("get", {}).fetch("parameters", [])
    named.select { |one| one["in"] == "query" }.each do |one|
      (CAPTURES + ["", "1e9", "99999999999999999999", "2026-13-45T99:99:99Z"]).each do |value|
        fine? http.get("#{path_with(path, uuid)}?#{one["name"]}=#{value}"),
              "#{path} #{one["name"]}=#{value[0, 50]}"
      end
    end
  end
end

changes = operations.reject { |one| one.first == :get }

test "bodies that are no document are answered" do
  changes.each do |method, path|
    target = path.sub("{task_uuid}", uuid).sub("{step_uuid}", step)
    target = target.sub("{namespace}/{name}/{version}", "cli/nobody/1.0.0")
    next if method == :delete # an empty body cancels

    TEXTS.each do |text|
      ["application/json", "application/x-ndjson", "application/yaml"].each do |type|
        answer = http.ask(method, target, text, { "Content-Type" => type })
        fine? answer, "#{method} #{path} #{type} #{text[0, 50].inspect}"
      end
    end
  end
end

test "members of any kind are answered" do
  good = { name: "nobody", namespace: "cli", version: "1.0.0", context: {} }
  MEMBERS.product(VALUES).each do |member, value|
    fine? http.post("/v1/tasks", good.merge(member.to_sym => value)),
          "create #{member}=#{value.inspect[0, 50]}"
    body = { action_type: "resolve_manually" }.merge(member.to_sym => value)
    at = "/v1/tasks/#{NOWHERE}/workflow_steps/#{NO_STEP}"
    fine? http.patch(at, body), "step #{member}=#{value.inspect[0, 50]}"
    fine? http.patch("/v1/tasks/#{NOWHERE}", body), "task #{member}=#{value.inspect[0, 50]}"
  end
end

test "the server goes on, and the store is sound" do
  expect_equal 200, http.get("/ready").status
  expect JSON.parse(place.tasker("store", "check", "--json"))["ok"], "the store's check"
end
