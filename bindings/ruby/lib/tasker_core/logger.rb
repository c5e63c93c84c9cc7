# frozen_string_literal: true

require "forwardable"

module TaskerCore
  # What handlers and the worker write their log with: one object for the process, lines on standard
  # output, level INFO unless LOG_LEVEL says otherwise.
  #
  #   TaskerCore::Logger.instance.log_step(:info, 'charged', step_uuid: id, amount_cents: 1999)
  #   # [2025-01-31T12:00:00.000Z] INFO  ⚙️ STEP_OPERATION: charged | {"step_uuid":"…",…}
  #
  # The library under it is loaded with the first line that is written.
  class Logger
    extend Forwardable

    # What an operation's line begins with, by the method that writes it.
    LABELS = {
      log_task: "📋 TASK_OPERATION", log_step: "⚙️ STEP_OPERATION",
      log_queue_worker: "📨 QUEUE_WORKER", log_orchestrator: "🎼 ORCHESTRATOR",
      log_database: "💾 DATABASE", log_ffi: "🌉 FFI", log_config: "🔧 CONFIG",
      log_registry: "📚 REGISTRY"
    }.freeze
    LEVELS = { trace: 0, debug: 0, info: 1, warn: 2, error: 3, fatal: 4 }.freeze
    LOCK = Mutex.new
    private_constant :LABELS, :LEVELS, :LOCK

    # @return [Logger] the one object
    def self.instance = @instance || LOCK.synchronize { @instance ||= new }
    private_class_method :new

    # @return [::Logger] the standard library's logger that writes the lines; its level may be set
    def logger = @logger || LOCK.synchronize { @logger ||= build }

    # @param logger [::Logger] writes the lines from now on; the application's own, say
    attr_writer :logger

    # @!method info(message = nil, &block)
    #   @param message [String]; a block is called only if the level is on
    def_delegators :logger, :debug, :info, :warn, :error, :fatal

    # @!method log_step(level, operation, **fields)
    #   One line for an operation, `EMOJI LABEL: operation | {fields as JSON}`; so do all of LABELS
    #   @param level [Symbol] :debug, :info, :warn, :error or :fatal
    #   @param fields [Hash] what belongs to it; nil values are left out
    LABELS.each do |name, label|
      define_method(name) { |level, what, **fields| write(level, "#{label}: #{what}", fields) }
    end

    # Runs the block, and logs what it raises.
    #
    # @api private
    # @param what [String] was being done
    # @param kinds [Array<Class>] that are logged beside StandardError
    # @return [Object, nil] what the block answers
    def attempt(what, *kinds)
      yield
    rescue StandardError, *kinds => e
      error("#{what}: #{e.class}: #{e.message}")
      nil
    end

    private

    # A level word that nobody knows is read as :info: a log line is never worth an exception.
    def write(level, line, fields)
      logger.add(LEVELS.fetch(level, LEVELS[:info])) do
        fields.empty? ? line : "#{line} | #{to_json(fields.compact)}"
      end
    end

    def to_json(fields)
      JSON.generate(fields)
    rescue JSON::GeneratorError, EncodingError
      fields.inspect
    end

    def build
      require "json"
      require "logger"
      level = LEVELS.fetch(ENV.fetch("LOG_LEVEL", "info").downcase.to_sym, LEVELS[:info])
      ::Logger.new($stdout, level: level, formatter: method(:format_line))
    end

    def format_line(severity, time, _program, message)
      stamp = time.getutc.strftime("%Y-%m-%dT%H:%M:%S.%LZ")
      "[#{stamp}] #{severity.ljust(5)} #{message}\n"
    end
  end

  # For classes that write to the log; handlers written for older workers know the name.
  module Logging
    Logger = TaskerCore::Logger

    # @return [Logger]
    def logger = Logger.instance
  end
end
