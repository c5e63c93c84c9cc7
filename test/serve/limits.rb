# frozen_string_literal: true

# What is too long, too deep, too slow or no HTTP at all.

require_relative "raw"

LINE_MAX = 8 * 1024
HEADERS_MAX = 16 * 1024
BODY_MAX = 2 * 1024 * 1024
BODIES_MAX = 256 * 1024 * 1024
ANSWERS_MAX = 256 * 1024 * 1024
SLOW = Integer(ENV.fetch("SLOW_CLIENTS", "1000"))

url = place.serve
raw = Raw.new(url)
http = client(url)
json = { "Content-Type" => "application/json" }

def alive(raw)
  expect_equal 200, raw.status(raw.get("/health")), "health afterwards"
end

test "a target of #{LINE_MAX} bytes is read, one more is 431" do
  [-1, 0].each do |more|
    target = "/v1/counts?namespace=".ljust(LINE_MAX + more, "x")
    expect [200, 400].include?(raw.status(raw.get(target))), "#{LINE_MAX + more} bytes"
  end
  long = raw.get("/v1/counts?namespace=".ljust(LINE_MAX + 1, "x"))
  expect_equal [431, "header_too_large"], [raw.status(long), raw.code(long)]
  expect [400, 414, 431].include?(raw.status(raw.get("/#{"x" * 200_000}"))), "200 kB"
  alive(raw)
end

test "headers of #{HEADERS_MAX} bytes are read, one more is 431" do
  own = "Host: 127.0.0.1\r\nConnection: close\r\nX-Fill: \r\n".bytesize
  fill = HEADERS_MAX - own
  [-1, 0].each do |more|
    expect_equal 200, raw.status(raw.get("/health", "X-Fill" => "x" * (fill + more)))
  end
  long = raw.get("/health", "X-Fill" => "x" * (fill + 1))
  expect_equal [431, "header_too_large"], [raw.status(long), raw.code(long)]
  many = (1..20_000).to_h { |n| ["X-#{n}", "1"] }
  expect [400, 431].include?(raw.status(raw.get("/health", many))), "many headers"
  alive(raw)
end

test "a body of #{BODY_MAX} bytes is read, one more is 413, whether it says its size or not" do
  filler = ->(size) { "{\"x\":\"#{"x" * (size - 8)}\"}" }
  [-1, 0].each do |more|
    answer = raw.get("/v1/tasks", json, method: "POST", body: filler.call(BODY_MAX + more))
    expect_equal 400, raw.status(answer), "#{more}: #{answer[0, 400]}"
  end
  long = raw.get("/v1/tasks", json, method: "POST", body: filler.call(BODY_MAX + 1))
  expect_equal 413, raw.status(long)
  chunk = "10000\r\n#{"x" * 0x10000}\r\n"
  head = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
         "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
  pieces = raw.ask("#{head}#{chunk * 40}0\r\n\r\n")
  expect_equal [413, "too_large"], [raw.status(pieces), raw.code(pieces)]
  alive(raw)
end

test "JSON nested too deep, cut or of broken UTF-8 is 400 with its place" do
  ["[" * 200, "{\"name\":", "{\"a\":\"\xff\"}", "nonsense", "[]", "\"text\"", "{\"a\":1}}",
   "\0"].each do |body|
    answer = raw.get("/v1/tasks", json, method: "POST", body: body)
    expect_equal [400, "invalid"], [raw.status(answer), raw.code(answer)], body.inspect
  end
  alive(raw)
end

test "targets that are badly written are 400; what they say is not repeated as it came" do
  ["/v1/tasks?a=%", "/v1/tasks?a=%4", "/v1/tasks?a=%zz", "/v1/tasks?a=%00", "/v1/tasks?a=%ff",
   "/v1/tasks?a=1&a=2", "/v1/tasks?limit=0", "/v1/tasks?limit=1001", "/v1/tasks?limit=x",
   "/v1/tasks?limit=99999999999999999999", "/v1/templates/%ff/x/1", "/v1/templates/%0a/x/1",
   "/v1/tasks?#{(1..33).map { |n| "p#{n}=1" }.join("&")}"].each do |target|
    answer = raw.get(target)
    expect_equal [400, "invalid"], [raw.status(answer), raw.code(answer)], target
  end
  ["/v1/tasks/", "//", "/v1//tasks", "/../etc/passwd", "/assets/../../etc/passwd", "/%2e%2e/x",
   "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/templates/a%2fb/x"].each do |target|
    expect_equal 404, raw.status(raw.get(target)), target
  end
end

test "a target with blanks is 400, and no line of the log says what it likes" do
  [" 200 1.0 ms route=/x key=admin", "\tx", "\rx", "\x7f"].each do |end_of|
    told = raw.get("/v1/forged#{end_of}")
    expect_equal [400, "invalid"], [raw.status(told), raw.code(told)], end_of.inspect
  end
  lines = File.readlines(Dir["#{place.folder}/server*.log"].last).grep(/forged/)
  expect_equal 4, lines.size
  fine = %r{GET /v1/forged 400 [\d.]+ ms route=- id=\S+ key=}
  lines.each { |line| expect line.match?(fine), line }
end

test "what is no HTTP is closed or told, and nobody else notices" do
  ["\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "\x00\x01\x02\x03" * 100, "GET / HTTP/9.9\r\n\r\n",
   "G=T / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n",
   "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
   "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
   "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
   "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
   "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n" \
   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"].each do |bytes|
    socket = raw.open
    socket.write(bytes)
    sleep 0.02
    socket.close_write
    begin
      status = raw.status(raw.read(socket, 3))
    rescue Failed
      raise Failed, "#{bytes.inspect}: neither answered nor closed"
    end
    expect status.zero? || (status >= 400 && status < 500) || status == 505,
           "#{bytes.inspect}: #{status}"
    socket.close
    alive(raw)
  end
end

test "a client that leaves at any byte of its request does no harm" do
  body = '{"name":"chain","namespace":"cli","context":{}}'
  whole = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
          "Content-Length: #{body.bytesize}\r\n\r\n#{body}"
  (0..whole.bytesize).each do |size|
    socket = raw.open
    socket.write(whole.byteslice(0, size))
    socket.close
  end
  alive(raw)
end

test "a thousand slow clients do not slow others" do
  time = lambda do
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    http.get("/v1/counts")
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  end
  slow = Array.new(SLOW) { raw.open }
  times = []
  "GET ".each_char do |letter|
    slow.each { |socket| socket.write(letter) }
    20.times { times << time.call }
  end
  median = times.sort[times.size / 2]
  expect median < 0.1, "half of the others took #{(median * 1000).round} ms"
  expect times.max < 2, "the worst took #{(times.max * 1000).round} ms"
ensure
  slow&.each(&:close)
end

test "one connection is used for many requests, also behind an error" do
  uri = URI(url)
  Net::HTTP.start(uri.host, uri.port) do |open|
    statuses = %w[/health /nothing /v1/counts /v1/tasks/x /health].map do |path|
      open.request(Net::HTTP::Get.new(path)).code.to_i
    end
    expect_equal [200, 404, 200, 400, 200], statuses
    expect open.started?
  end
end

test "requests that follow each other without waiting are answered in their order" do
  text = raw.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" \
                 "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" \
                 "GET /v1/counts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
  expect_equal %w[200 404 200], text.scan(%r{HTTP/1\.1 (\d+)}).flatten
end

test "HEAD tells what GET would, without the body" do
  answer = raw.get("/v1/counts", {}, method: "HEAD")
  expect_equal 200, raw.status(answer)
  expect answer.match?(/^Content-Length: [1-9]\d*\r$/), answer
  expect answer.end_with?("\r\n\r\n"), answer
  expect_equal 405, raw.status(raw.get("/v1/tasks", {}, method: "PUT"))
  expect raw.get("/v1/tasks", {}, method: "PUT").include?("Allow: POST, GET, HEAD\r\n")
  expect_equal 404, raw.status(raw.get("/nothing", {}, method: "BREW"))
end

test "bodies that mean nothing are not held: without a key nobody fills the room for them" do
  head = "GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: #{BODY_MAX}\r\n\r\n"
  open = Array.new((BODIES_MAX / BODY_MAX) + 1) { raw.open }
  open.each { |socket| socket.write(head, "x" * (BODY_MAX - 1)) }
  sleep 1 # it reads them
  http.submit("nobody", context: { "x" => "x" * 500_000 })
ensure
  open&.each(&:close)
end

# A task of 40 steps with a result of 1 MiB each: more than the kernel keeps for who reads nothing.
def large_task(http)
  steps = (1..40).map { |n| "  - name: s#{n}\n    handler: {callable: cli.nobody}\n" }
  yaml = "name: large\nnamespace_name: cli\nversion: \"1.0.0\"\nsteps:\n#{steps.join}"
  expect_equal 200, http.put("/v1/templates", yaml, YAML_TYPE).status
  at = "/v1/tasks/#{http.submit("large")}/workflow_steps"
  http.get(at).json.each do |step|
    result = { action_type: "complete_manually", result: "x" * ((1 << 20) - 100) }
    expect_equal 200, http.patch("#{at}/#{step["step_uuid"]}", result).status
  end
  at
end

# Asks, and reads the first byte only.
def ask_and_stop(raw, path)
  socket = raw.open(receive_bytes: 4096)
  socket.write("GET #{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
  socket.tap { expect_equal "H", socket.readpartial(1) }
end

test "answers that nobody takes fill their room, then 503; who leaves makes room" do
  large = large_task(http)
  size = http.get(large).text.bytesize
  expect size > 40_000_000, "#{size} bytes"
  slow = Array.new((ANSWERS_MAX / size) + 1) { ask_and_stop(raw, large) }
  refused = http.get("/v1/counts")
  expect_equal [503, "busy"], [refused.status, refused.code]
  expect refused.headers["Retry-After"], "Retry-After"
  alive(raw)
  slow.each(&:close)
  eventually(10, "room") { http.get("/v1/counts").status == 200 }
ensure
  slow&.each(&:close)
end
