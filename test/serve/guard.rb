# frozen_string_literal: true

# Who may ask: the name the server is called by, pages of other origins, keys, its address.

require "open3"
require_relative "raw"

def told(raw, text)
  [raw.status(text), raw.code(text)]
end

def refuses_to_start(*options, env: {})
  environment = { "TASKER_STORE" => place.store, **env }
  out, status = Open3.capture2e(environment, place.program, "serve",
                                *options)
  [status.exitstatus, out]
end

url = place.serve("--hosts", "tasker.example, ops.example",
                  "--cors-origins", "https://board.example")
raw = Raw.new(url)
port = URI(url).port
json = { "Content-Type" => "application/json" }

test "an address, localhost and a name of the setting hosts are answered; any other name is not" do
  ["127.0.0.1", "127.0.0.1:#{port}", "localhost:#{port}", "[::1]:#{port}", "10.1.2.3", "LOCALHOST",
   "tasker.example", "OPS.example:80"].each do |host|
    expect_equal 200, raw.status(raw.get("/v1/counts", "Host" => host)), host
  end
  ["evil.example", "evil.example:#{port}", "tasker.example.evil.example", "127.0.0.1.evil.example",
   "[::1", "a" * 300, "@", ""].each do |host|
    expect_equal [421, "host"], told(raw, raw.get("/v1/counts", "Host" => host)), host
  end
end

test "a page of the server's own origin may ask, of another one not, unless it was allowed" do
  own = raw.get("/v1/counts", "Host" => "localhost:#{port}", "Origin" => "http://localhost:#{port}")
  expect_equal 200, raw.status(own)
  expect !own.include?("Access-Control"), own
  ["http://evil.example", "null", "http://localhost:1", "localhost:#{port}",
   "https://"].each do |origin|
    answer = raw.get("/v1/counts", "Host" => "localhost:#{port}", "Origin" => origin)
    expect_equal [403, "forbidden"], told(raw, answer), origin
  end
  allowed = raw.get("/v1/counts", "Origin" => "https://board.example")
  expect_equal 200, raw.status(allowed)
  expect allowed.include?("Access-Control-Allow-Origin: https://board.example\r\n"), allowed
end

test "the question before a foreign page's request is answered for the origins allowed" do
  ask = { "Access-Control-Request-Method" => "POST" }
  yes = raw.get("/v1/tasks", ask.merge("Origin" => "https://board.example"), method: "OPTIONS")
  expect_equal 204, raw.status(yes)
  expect yes.include?("Access-Control-Allow-Headers: Content-Type"), yes
  no = raw.get("/v1/tasks", ask.merge("Origin" => "https://evil.example"), method: "OPTIONS")
  expect_equal 403, raw.status(no)
  expect_equal 405, raw.status(raw.get("/v1/tasks", {}, method: "OPTIONS"))
end

test "a change needs what a form of another page cannot send" do
  body = '{"name":"chain","namespace":"cli","context":{}}'
  ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
   nil].each do |type|
    answer = raw.get("/v1/tasks", { "Content-Type" => type }, method: "POST", body: body)
    expect_equal [415, "media_type"], told(raw, answer), type.inspect
  end
  good = raw.get("/v1/tasks", { "Content-Type" => "Application/JSON; charset=utf-8" },
                 method: "POST", body: body)
  expect_equal 201, raw.status(good)
  %w[cross-site same-site].each do |site|
    answer = raw.get("/v1/tasks", json.merge("Sec-Fetch-Site" => site), method: "POST", body: body)
    expect_equal [403, "forbidden"], told(raw, answer), site
  end
  own = raw.get("/v1/tasks", json.merge("Sec-Fetch-Site" => "same-origin"), method: "POST",
                                                                            body: body)
  expect_equal 201, raw.status(own)
end

test "every answer forbids frames, foreign scripts, guessed types and keeping" do
  %w[/health /v1/counts /nothing /api-docs/ui].each do |path|
    answer = raw.get(path)
    expect answer.include?("X-Content-Type-Options: nosniff\r\n"), answer
    expect answer[/^Content-Security-Policy: .*frame-ancestors 'none'/], answer
    expect !answer[/^Content-Security-Policy:.*unsafe-inline.*script/], answer
    expect answer.match?(/^X-Request-Id: [\h-]{36}\r$/), answer
  end
  expect raw.get("/v1/counts").include?("Cache-Control: no-store\r\n")
end

test "a request's own id is kept when it is a plain word" do
  expect raw.get("/health", "X-Request-Id" => "job-7.a_B").include?("X-Request-Id: job-7.a_B\r\n")
  ["a b", "x" * 37, "\u00e9", "<b>"].each do |id|
    answer = raw.get("/health", "X-Request-Id" => id)
    expect answer.match?(/^X-Request-Id: [\h-]{36}\r$/), "#{id}: #{answer}"
  end
end

test "elsewhere than on loopback it does not listen while the store has no key" do
  status, text = refuses_to_start("--listen", "0.0.0.0:0")
  expect_equal 4, status, text
  expect text.include?("tasker key create"), text
end

test "an address that is none, or is taken, is told" do
  status, text = refuses_to_start("--listen", "nonsense")
  expect_equal 2, status, text
  status, text = refuses_to_start("--listen", "127.0.0.1:#{port}")
  expect_equal 5, status, text
  expect text.include?("another process listens"), text
  status, text = refuses_to_start("--listen", "127.0.0.1:99999")
  expect_equal 2, status, text
end

secret = place.key("reader", "tasks:list")
closed = place.serve("--listen", "127.0.0.1:0")
keyed = Raw.new(closed)

test "as soon as the store has a key, a request needs one; health needs none" do
  expect_equal [401, "unauthorized"], told(keyed, keyed.get("/v1/counts"))
  expect keyed.get("/v1/counts").include?("WWW-Authenticate: Bearer\r\n")
  expect_equal 200, keyed.status(keyed.get("/health"))
  expect_equal 200, keyed.status(keyed.get("/health/ready"))
  eventually(10, "the other server asks, too") { raw.status(raw.get("/v1/counts")) == 401 }
end

test "a key is taken as X-API-Key and as Bearer; a wrong one is refused" do
  expect_equal 200, keyed.status(keyed.get("/v1/counts", "X-API-Key" => secret))
  expect_equal 200, keyed.status(keyed.get("/v1/counts", "Authorization" => "Bearer #{secret}"))
  ["tsk_#{"0" * 64}", "x", "x" * 5000, "#{secret}0", secret.chop, "é"].each do |wrong|
    answer = keyed.get("/v1/counts", "X-API-Key" => wrong)
    expect_equal [401, "unauthorized"], told(keyed, answer), wrong
    expect !answer.include?(secret), answer
  end
  expect_equal 401, keyed.status(keyed.get("/v1/counts", "Authorization" => "Basic #{secret}"))
end

test "a body is not taken in from who may not send it" do
  head = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
         "Content-Length: 1000000\r\nExpect: 100-continue\r\nX-API-Key: #{secret}\r\n\r\n"
  answer = keyed.ask(head)
  expect_equal [403, "forbidden"], told(keyed, answer)
  expect !answer.include?("100 Continue"), answer
end

test "a key that was revoked is refused within seconds" do
  other = place.key("leaver", "tasks:list")
  expect_equal 200, keyed.status(keyed.get("/v1/counts", "X-API-Key" => other))
  place.tasker("key", "revoke", "leaver")
  eventually(6, "refusing") { keyed.status(keyed.get("/v1/counts", "X-API-Key" => other)) == 401 }
end

test "elsewhere than on loopback it listens with a key" do
  Raw.new(place.serve("--listen", "0.0.0.0:0").sub("0.0.0.0", "127.0.0.1")).tap do |open|
    expect_equal 401, open.status(open.get("/v1/counts"))
    expect_equal 200, open.status(open.get("/v1/counts", "X-API-Key" => secret))
  end
end

test "the log has no key, no query, no body" do
  keyed.get("/v1/tasks?idempotency_key=hush-hush", "X-API-Key" => secret)
  logs = Dir["#{place.folder}/server*.log"].map { |file| File.read(file) }.join
  expect logs.include?("GET /v1/tasks 200"), logs[-500..]
  expect logs.include?("key=reader"), logs[-500..]
  expect !logs.include?("hush-hush"), "the query is in the log"
  expect !logs.include?(secret), "the key is in the log"
end
