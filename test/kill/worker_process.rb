# frozen_string_literal: true

require "English"

# One worker process.
class WorkerProcess
  GEM = File.expand_path("../../bindings/ruby", __dir__)
  BOOT_SECONDS = 20
  THREADS = 8

  attr_reader :pid, :kind
  attr_accessor :stopped

  # The program that users start.
  def self.ruby(log, templates: "#{__dir__}/templates", handlers: "#{__dir__}/handlers.rb")
    new(log, :ruby, ["ruby", "-I#{GEM}/lib", "#{GEM}/exe/tasker-worker", "--threads", THREADS.to_s,
                     "--templates", templates, "-r", handlers])
  end

  # @param command [Array<String>] it says "runs; SIGINT or SIGTERM" once it is up
  def initialize(log, kind, command)
    @log = log
    @kind = kind
    @from = File.size?(@log).to_i
    @pid = Process.spawn(*command, %i[out err] => [@log, "a"], in: File::NULL)
  end

  # @return [Boolean] does it run handlers? false when it has ended or takes too long
  def comes_up?
    give_up_at = clock + BOOT_SECONDS
    until said.include?("runs; SIGINT or SIGTERM")
      return false if clock > give_up_at || ended?

      sleep 0.005
    end
    true
  end

  def ended? = @ended ||= !Process.waitpid(@pid, Process::WNOHANG).nil?

  # @return [Process::Status]
  def kill(signal)
    Process.kill(signal, @pid)
    Process.wait(@pid)
    $CHILD_STATUS
  end

  def said = File.exist?(@log) ? File.binread(@log, nil, @from).to_s : ""

  private

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
