# frozen_string_literal: true

# The server from its settings to its end: killed under load, beside a slow store, over TLS.

require "open3"
require "openssl"
require_relative "raw"
require_relative "stream"

ROUNDS = 3
LOADERS = 4
QUEUE_MAX = 1024
STOP_S = 10 # a stop waits so long
BUSY_S = 7  # and for the one that has begun: it waits for the store's lock

# Starts a server on the port that it had; what it printed goes into a log of its own.
def start_again(port)
  place.serve("--listen", "127.0.0.1:#{port}")
  place.running.last
end

# Submits until told to stop; every UUID that was answered.
def load_until(url, stop)
  Array.new(LOADERS) do |loader|
    Thread.new do
      answered = []
      until stop.call
        begin
          answered << client(url).submit("nobody", context: { loader: loader, n: answered.size })
        rescue SystemCallError, IOError, Net::ReadTimeout, Failed
          sleep 0.02 # it is down
        end
      end
      answered
    end
  end.flat_map(&:value)
end

test "a server killed under load and started again has every submission that it answered" do
  url = place.serve
  port = URI(url).port
  pid = place.running.last
  stopped = false
  killer = Thread.new do
    Thread.current.report_on_exception = false
    ROUNDS.times do
      sleep 0.7
      place.stop(pid, "KILL")
      pid = start_again(port)
    end
    sleep 0.5
  ensure
    stopped = true
  end
  answered = load_until(url, -> { stopped })
  killer.join
  expect answered.size > 50, "only #{answered.size} were answered"
  missing = answered.reject { |uuid| client(url).get("/v1/tasks/#{uuid}/summary").status == 200 }
  expect_equal [], missing, "of #{answered.size} answered, missing"
  place.tasker("store", "check")
  place.stop(pid)
end

test "a store that is slow does not hold up health" do
  url = place.serve
  http = client(url)
  uuid = http.submit("nobody")
  input, = Open3.popen2("sqlite3", place.store.delete_prefix("sqlite:"))
  input.puts("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; SELECT 1;")
  input.flush
  sleep 0.3
  blocked = Array.new(12) do
    Thread.new do
      http.delete("/v1/tasks/#{uuid}", { reason: "slow" }).status
    end
  end
  sleep 0.2
  10.times do
    %w[/health /health/live /health/ready].each do |path|
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      expect_equal 200, http.get(path).status, path
      took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
      expect took < 1, "#{path} took #{took.round(2)} s"
    end
  end
  expect blocked.any?(&:alive?), "nothing waits for the store: the test shows nothing"
  input.close
  blocked.each { |thread| expect [200, 409, 503].include?(thread.value), thread.value.to_s }
ensure
  input&.close
end

test "when the queue for the store is full, 503 says when to come again" do
  url = place.serve("--serve-threads", "1")
  raw = Raw.new(url)
  uuid = client(url).submit("nobody")
  input, = Open3.popen2("sqlite3", place.store.delete_prefix("sqlite:"))
  input.puts("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; SELECT 1;")
  input.flush
  sleep 0.3
  request = "DELETE /v1/tasks/#{uuid} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  waiting = Array.new(QUEUE_MAX + 40) { raw.open.tap { |socket| socket.write(request) } }
  refused = waiting.last(10).map { |socket| raw.read(socket, 10) }
  refused.each do |text|
    expect_equal [503, "busy"], [raw.status(text), raw.code(text)]
    expect text.include?("Retry-After: 1\r\n"), text
  end
  expect_equal 200, raw.status(raw.get("/health"))
ensure
  input&.close
  waiting&.each(&:close)
end

test "SIGTERM lets a request under way finish, ends streams, and the exit code is 0" do
  url = place.serve
  pid = place.running.last
  stream = Stream.new(url)
  raw = Raw.new(url)
  socket = raw.open
  body = '{"name":"nobody","namespace":"cli","context":{}}'
  socket.write("POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
               "Content-Length: #{body.bytesize}\r\n\r\n#{body[0, 10]}")
  sleep 0.3
  Process.kill("TERM", pid)
  eventually(5, "the end of the stream") { stream.ended? }
  refused = begin
    raw.open.close
    false
  rescue Errno::ECONNREFUSED
    true
  end
  expect refused, "it still takes connections"
  socket.write(body[10..])
  text = raw.read(socket, 5)
  expect_equal 201, raw.status(text), text
  expect text.include?("Connection: close"), text
  _, status = Process.wait2(pid)
  place.running.delete(pid)
  expect_equal 0, status.exitstatus
end

test "a queue that the store is too slow for does not keep the server from its end" do
  url = place.serve("--serve-threads", "1")
  pid = place.running.last
  raw = Raw.new(url)
  uuid = client(url).submit("nobody")
  input, = Open3.popen2("sqlite3", place.store.delete_prefix("sqlite:"))
  input.puts("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; SELECT 1;")
  input.flush
  sleep 0.3
  request = "DELETE /v1/tasks/#{uuid} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  waiting = Array.new(50) { raw.open.tap { |socket| socket.write(request) } }
  sleep 0.3
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  place.stop(pid)
  took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  expect took < STOP_S + BUSY_S, "it ended after #{took.round} s"
ensure
  input&.close
  waiting&.each(&:close)
end

test "settings come from a flag, else the environment, else the file, else they are usual" do
  file = "#{place.folder}/tasker.yaml"
  File.write(file, "listen: 127.0.0.1:1\nhosts: [one.example, two.example]\nserve_threads: 3\n" \
                   "access_log: off\n")
  url = place.serve("--config", file, "--access-log", "on", env: { "TASKER_SERVE_THREADS" => "2" })
  told = client(url).get("/config").json
  by_name = told["settings"].to_h { |one| [one["name"], one.values_at("value", "source")] }
  expect_equal file, told["file"]
  expect_equal ["127.0.0.1:0", "flag"], by_name["listen"]
  expect_equal %w[on flag], by_name["access_log"]
  expect_equal %w[2 environment], by_name["serve_threads"]
  expect_equal ["one.example,two.example", "file"], by_name["hosts"]
  expect_equal %w[development default], by_name["environment"]
end

test "settings that are wrong are told, with where, and it does not start" do
  refuse = lambda do |text, expected|
    File.write("#{place.folder}/wrong.yaml", text)
    out, status = Open3.capture2e(place.program, "serve", "--store", place.store, "--config",
                                  "#{place.folder}/wrong.yaml")
    expect_equal 2, status.exitstatus, out
    expect out.include?(expected), "#{text.inspect}: #{out}"
  end
  refuse.call("lissten: 1\n", "wrong.yaml:1: there is no setting lissten")
  refuse.call("serve_threads: 0\n", "from 1 to 64")
  refuse.call("serve_threads: many\n", "from 1 to 64")
  refuse.call("access_log: perhaps\n", "on or off")
  refuse.call("- listen\n", "wrong.yaml:1")
  refuse.call("listen: {a: b}\n", "a text or a list of texts")
  refuse.call("listen: [a\n", "wrong.yaml:")
  refuse.call("a: &x 1\nlisten: *x\n", "wrong.yaml:")
  refuse.call("cors_origins: '*'\n", "origins by their names")
  refuse.call("tls_cert: /nothing\n", "tls_key is missing")
  refuse.call("\"\\0\": 1\n", "NUL")
  _, status = Open3.capture2e(place.program, "serve", "--config", "#{place.folder}/nothing.yaml")
  expect_equal 3, status.exitstatus
end

# A key pair and a certificate for localhost, as PEM files.
def certificate(folder)
  key = OpenSSL::PKey::RSA.new(2048)
  cert = OpenSSL::X509::Certificate.new
  cert.version = 2
  cert.serial = 1
  cert.subject = cert.issuer = OpenSSL::X509::Name.parse("/CN=localhost")
  cert.public_key = key.public_key
  cert.not_before = Time.now - 60
  cert.not_after = Time.now + 3600
  cert.sign(key, OpenSSL::Digest.new("SHA256"))
  File.write("#{folder}/cert.pem", cert.to_pem)
  File.write("#{folder}/key.pem", key.to_pem)
  cert
end

test "TLS is spoken with a certificate; files that are none, or no pair, are told" do
  certificate(place.folder)
  files = ["--tls-cert", "#{place.folder}/cert.pem", "--tls-key", "#{place.folder}/key.pem"]
  url = place.serve(*files)
  expect url.start_with?("https://"), url
  uri = URI("#{url}/v1/counts")
  answer = Net::HTTP.start(uri.host, uri.port, use_ssl: true,
                                               verify_mode: OpenSSL::SSL::VERIFY_NONE) do |open|
    open.request(Net::HTTP::Get.new(uri))
  end
  expect_equal "200", answer.code
  plain = Raw.new(url)
  text = plain.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
  expect !text.include?("200"), "it speaks without TLS: #{text}"
  File.write("#{place.folder}/none.pem", "nothing")
  [["--tls-cert", "#{place.folder}/none.pem", *files.last(2)],
   [*files.first(2), "--tls-key", "#{place.folder}/none.pem"],
   [*files.first(2), "--tls-key", "#{place.folder}/cert.pem"]].each do |wrong|
    out, status = Open3.capture2e(place.program, "serve", "--store", place.store,
                                  "--listen", "127.0.0.1:0", *wrong)
    expect_equal 2, status.exitstatus, out
  end
end
