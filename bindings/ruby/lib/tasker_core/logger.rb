# frozen_string_literal: true

module TaskerCore
  # What handlers and the worker write their log with: one object for the process, lines on standard
  # output, level INFO unless LOG_LEVEL says otherwise.
  #
  #   TaskerCore::Logger.instance.log_step(:info, 'charged', step_uuid: id, amount_cents: 1999)
  #   # [2025-01-31T12:00:00.000Z] INFO  ⚙️ STEP_OPERATION: charged | {"step_uuid":"…",…}
  #
  # The library under it is loaded with the first line that is written.
  class Logger
    EMOJI = {
      "TASK_OPERATION" => "📋", "STEP_OPERATION" => "⚙️", "QUEUE_WORKER" => "📨",
      "ORCHESTRATOR" => "🎼", "DATABASE" => "💾", "FFI" => "🌉", "CONFIG" => "🔧", "REGISTRY" => "📚"
    }.freeze
    LOCK = Mutex.new
    private_constant :EMOJI, :LOCK

    # @return [Logger] the one object
    def self.instance = @instance || LOCK.synchronize { @instance ||= new }
    private_class_method :new

    # @return [::Logger] the standard library's logger that writes the lines; its level may be set
    def logger = @logger || LOCK.synchronize { @logger ||= build }

    # @param logger [::Logger] writes the lines from now on; the application's own, say
    attr_writer :logger

    # @!method info(message = nil, &block)
    #   @param message [String]; a block is called only if the level is on
    def debug(message = nil, &block) = logger.debug(message, &block)
    def info(message = nil, &block) = logger.info(message, &block)
    def warn(message = nil, &block) = logger.warn(message, &block)
    def error(message = nil, &block) = logger.error(message, &block)
    def fatal(message = nil, &block) = logger.fatal(message, &block)

    # @!group One line for an operation: `EMOJI LABEL: operation | {fields as JSON}`
    # @param level [Symbol] :debug, :info, :warn, :error or :fatal
    # @param fields [Hash] what belongs to it; nil values are left out
    def log_task(level, operation, **fields) = write(level, "TASK_OPERATION", operation, fields)
    def log_step(level, operation, **fields) = write(level, "STEP_OPERATION", operation, fields)
    def log_queue_worker(level, event, **fields) = write(level, "QUEUE_WORKER", event, fields)
    def log_orchestrator(level, event, **fields) = write(level, "ORCHESTRATOR", event, fields)
    def log_database(level, operation, **fields) = write(level, "DATABASE", operation, fields)
    def log_ffi(level, operation, **fields) = write(level, "FFI", operation, fields)
    def log_config(level, operation, **fields) = write(level, "CONFIG", operation, fields)
    def log_registry(level, operation, **fields) = write(level, "REGISTRY", operation, fields)
    # @!endgroup

    private

    # A level word that nobody knows is read as :info: a log line is never worth an exception.
    def write(level, label, operation, fields)
      level = :info unless %i[debug info warn error fatal].include?(level)
      logger.public_send(level) do
        line = "#{EMOJI.fetch(label)} #{label}: #{operation}"
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
      ::Logger.new($stdout, level: level_wanted, formatter: method(:format_line))
    end

    def level_wanted
      word = ENV.fetch("LOG_LEVEL", "info").downcase
      { "trace" => 0, "debug" => 0, "info" => 1, "warn" => 2, "error" => 3,
        "fatal" => 4 }[word] || 1
    end

    def format_line(severity, time, _program, message)
      stamp = time.getutc.strftime("%Y-%m-%dT%H:%M:%S.%LZ")
      "[#{stamp}] #{severity.ljust(5)} #{message}\n"
    end
  end

  # The name that handlers written for older workers use.
  module Logging
    Logger = TaskerCore::Logger
  end
end
