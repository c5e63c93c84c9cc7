# frozen_string_literal: true

require "English"
require "fileutils"
require "open3"
require "timeout"
require "tmpdir"

# One run of an area on a store: its place, its server, its workers.
class Place
  attr_reader :store, :folder, :program, :running

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
          *(options.include?("--listen") ? [] : %w[--listen 127.0.0.1:0]), *options, log: log)
    eventually(10, "the server's address") { File.read(log)[%r{https?://[\w.:\[\]]+}] }
  rescue Failed => e
    raise Failed, "#{e.message}: #{File.read(log)[0, 500]}"
  end

  def worker
    binary = File.join(@folder, "worker")
    build_worker(binary) unless File.exist?(binary)
    start({}, binary, @store, log: File.join(@folder, "worker.log"))
  end

  def start(env, *command, log:)
    pid = Process.spawn(env, *command, out: log, err: %i[child out])
    @running << pid
    pid
  end

  def stop(pid, signal = "TERM")
    Process.kill(signal, pid)
    Timeout.timeout(20) { Process.wait(pid) }
    @running.delete(pid)
    $CHILD_STATUS.exitstatus
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

  # Ends everything; what a sanitizer told meanwhile, or nil.
  def leave
    @running.dup.reverse_each do |pid|
      stop(pid)
    rescue Timeout::Error
      stop(pid, "KILL")
    end
    logs = Dir["#{@folder}/*.log"].map { |log| File.read(log) }
    logs.filter_map { |log| log[/^.*(Sanitizer|runtime error).*/m] }.first
  ensure
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
