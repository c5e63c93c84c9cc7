# frozen_string_literal: true

require "fileutils"
require "json"
require "net/http"
require "open3"
require "timeout"
require "tmpdir"
require_relative "schemas"

# What the tests of the server share: programs under test, a client that holds every answer against
# openapi.json, and a place to say what was expected.

class Failed < StandardError; end

def expect(yes, text)
  raise Failed, text unless yes
end

def expect_equal(expected, actual, what = "value")
  expect(expected == actual, "#{what}: expected #{expected.inspect}, is #{actual.inspect}")
end

# Asks until the block says something true; its answer.
def eventually(seconds = 10, what = "it")
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
  loop do
    found = yield
    return found if found
    raise Failed, "#{what} did not come within #{seconds} s" if
      Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

    sleep 0.02
  end
end

class Answer
  attr_reader :status, :text, :headers

  def initialize(response)
    @status = response.code.to_i
    @text = response.body.to_s.dup.force_encoding("UTF-8")
    @headers = response
  end

  def json
    @json ||= JSON.parse(@text)
  end

  def [](name)
    json[name]
  end

  def code
    json.dig("error", "code")
  end
end

class Client
  METHODS = { get: Net::HTTP::Get, post: Net::HTTP::Post, put: Net::HTTP::Put,
              patch: Net::HTTP::Patch, delete: Net::HTTP::Delete }.freeze

  def initialize(url, schemas, key: nil)
    @uri = URI(url)
    @schemas = schemas
    @key = key
  end

  # A body that is no text is sent as JSON.
  def ask(method, path, body = nil, headers = {})
    request = METHODS.fetch(method).new(path, headers)
    request["X-API-Key"] = @key if @key
    request["Content-Type"] ||= "application/json" if body
    request.body = body.is_a?(String) ? body : JSON.generate(body) if body
    http = Net::HTTP.new(@uri.host, @uri.port)
    http.read_timeout = 30
    answer = Answer.new(http.start { |open| open.request(request) })
    @schemas&.check(method, path, answer)
    answer
  end

  METHODS.each_key do |method|
    define_method(method) { |path, body = nil, headers = {}| ask(method, path, body, headers) }
  end

  def task(uuid)
    get("/v1/tasks/#{uuid}").json
  end

  def submit(name, context: {}, namespace: "cli", version: "1.0.0", **more)
    body = { name: name, namespace: namespace, version: version, context: context, **more }
    answer = post("/v1/tasks", body)
    expect_equal 201, answer.status, "submitting #{name}: #{answer.text}"
    answer["task_uuid"]
  end

  def rest(uuid, seconds = 15)
    eventually(seconds, "the end of #{uuid}") do
      task = self.task(uuid)
      task if %w[all_complete blocked_by_failures].include?(task["execution_status"]) ||
              %w[cancelled error resolved_manually].include?(task["state"])
    end
  end

  def step_of(uuid, name)
    get("/v1/tasks/#{uuid}/workflow_steps").json.find { |step| step["name"] == name }
  end
end

# One run of an area on a store: its place, its server, its workers.
class Place
  attr_reader :store, :folder, :program

  def initialize(build, postgres)
    @build = build
    @program = File.join(build, "tasker")
    @folder = Dir.mktmpdir("serve")
    @store = postgres ? ENV.fetch("TASKER_TEST_POSTGRES") : "sqlite:#{@folder}/tasker.db"
    @running = []
    wipe if postgres
  end

  # Starts a server; its address.
  def serve(*options, templates: "test/cli/templates", env: {})
    log = File.join(@folder, "server#{@running.size}.log")
    start(env, @program, "serve", "--store", @store, "--templates", templates,
          "--listen", "127.0.0.1:0", *options, log: log)
    eventually(10, "the server's address") { File.read(log)[%r{https?://[\w.:\[\]]+}] }
  rescue Failed => e
    raise Failed, "#{e.message}: #{File.read(log)}"
  end

  def worker
    binary = File.join(@folder, "worker")
    build_worker(binary) unless File.exist?(binary)
    start({}, binary, @store, log: File.join(@folder, "worker.log"))
  end

  def start(env, *command, log:)
    pid = Process.spawn(env, *command, out: log, err: log)
    @running << pid
    pid
  end

  def stop(pid, signal = "TERM")
    Process.kill(signal, pid)
    Timeout.timeout(20) { Process.wait(pid) }
    @running.delete(pid)
    $?.exitstatus
  rescue Errno::ESRCH, Errno::ECHILD
    @running.delete(pid)
    nil
  end

  def tasker(*arguments)
    out, err, status = Open3.capture3({ "TASKER_STORE" => @store }, @program, *arguments)
    expect status.success?, "tasker #{arguments.join(" ")}: #{err}"
    out
  end

  # A key's secret.
  def key(name, *permissions, namespace: nil)
    options = namespace ? ["--namespace", namespace] : []
    text = tasker("key", "create", "--name", name, "--permissions", permissions.join(","), *options)
    text[/tsk_\h{64}/] or raise Failed, "no secret in: #{text}"
  end

  def leave
    @running.dup.reverse_each do |pid|
      stop(pid)
    rescue Timeout::Error
      stop(pid, "KILL")
    end
    FileUtils.rm_rf(@folder)
  end

  private

  def wipe
    system("psql", "-q", @store, "-c",
           "SET client_min_messages = error; DROP SCHEMA IF EXISTS tasker CASCADE", exception: true)
  end

  def build_worker(binary)
    postgres = `pkg-config --libs libpq`.split
    sanitizers = @build.include?("asan") ? ["-fsanitize=address,undefined"] : []
    system("gcc", "-std=c11", "-D_GNU_SOURCE", "-Iinclude", "-pthread", *sanitizers, "-o", binary,
           "test/cli/worker.c", File.join(@build, "libtasker.a"), "-lsqlite3", "-lyaml", *postgres,
           exception: true)
  end
end

class Suite
  attr_reader :passed, :failed, :place, :schemas

  def initialize(build)
    @build = build
    @schemas = Schemas.new
    @passed = @failed = 0
  end

  def area(name, postgres:)
    puts "--- #{name}#{", PostgreSQL" if postgres}"
    @place = Place.new(@build, postgres)
    instance_eval(File.read(File.join(__dir__, "#{name}.rb")), File.join(__dir__, "#{name}.rb"))
  rescue Failed => e
    bad("#{name} could begin", e)
  ensure
    @place&.leave
  end

  def test(sentence)
    yield
    @passed += 1
    puts "ok      #{sentence}"
  rescue StandardError => e
    bad(sentence, e)
  end

  def client(url, key: nil)
    @schemas.load(url) if @schemas.empty?
    Client.new(url, @schemas, key: key)
  end

  private

  def bad(sentence, error)
    @failed += 1
    puts "not ok  #{sentence}", "        #{error.message.lines.first(20).join("        ")}"
    return if error.is_a?(Failed)

    puts "        #{error.class} #{error.backtrace.first(3).join(" ")}"
  end
end
