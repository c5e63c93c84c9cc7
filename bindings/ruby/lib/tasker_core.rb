# frozen_string_literal: true

require "json"
require_relative "tasker_core/errors"
require_relative "tasker_core/logger"
require_relative "tasker_core/models"
require_relative "tasker_core/types/step_handler_call_result"
require_relative "tasker_core/step_handler/base"
require "tasker_core/tasker_core"
require_relative "tasker_core/ffi"
require_relative "tasker_core/worker/event_bridge"

# Workflows whose steps are Ruby classes, on a durable engine.
#
#   TaskerCore::Worker::Bootstrap.start!(store: "sqlite:orders.db", templates: "config/tasks")
#   task = TaskerCore.submit(name: "process_order", namespace: "shop", context: { order_id: 7 })
#   task.wait(timeout: 30).result("ship_order")
#
# What is rare is loaded when it is first named.
module TaskerCore
  VERSION = Native::VERSION
  Version = VERSION
  RUST_CORE_VERSION = VERSION # a name that programs for the original read

  autoload :Client, "tasker_core/client"
  autoload :ConnectionSubmission, "tasker_core/connection_submission"
  autoload :TaskHandle, "tasker_core/client"
  autoload :TaskHandler, "tasker_core/task_handler/base"
  autoload :TemplateDiscovery, "tasker_core/template_discovery"
  autoload :TestEnvironment, "tasker_core/test_environment"

  # Which class does which step.
  module Registry
    autoload :HandlerRegistry, "tasker_core/registry/handler_registry"
  end

  # What runs steps in this process, and names of it that other versions have.
  module Worker
    include Models
    include Registry

    autoload :Bootstrap, "tasker_core/worker/bootstrap"
    autoload :StepExecutionSubscriber, "tasker_core/worker/step_execution_subscriber"
    autoload :Supervisor, "tasker_core/worker/supervisor"
    autoload :WebServer, "tasker_core/worker/web_server"
  end
  Types::Sequence = Models::DependencyResultsWrapper
  Types::StepContext = Models::StepContext

  # What the process uses unless a call says otherwise, and what runs around every handler.
  class Configuration
    # @return [Array<String>, nil] whose tasks the worker takes; nil takes all
    attr_accessor :namespaces
    # @return [Array<Proc>]
    attr_reader :around_hooks, :failure_hooks
    attr_writer :store, :templates, :threads

    def initialize
      @around_hooks = []
      @failure_hooks = []
    end

    POSTGRES_URL = %r{\Apostgres(ql)?://.*}m
    private_constant :POSTGRES_URL

    # @return [String] a store's URL: as set, or TASKER_STORE, or DATABASE_URL if it names a
    #   PostgreSQL, or a file in the working folder
    def store
      @store || env("TASKER_STORE") || env("DATABASE_URL")&.slice(POSTGRES_URL) ||
        "sqlite:tasker.db"
    end

    # @return [String, nil] the folder of the templates: as set, or found by the engine's rules
    def templates = @templates || env("TASKER_TEMPLATE_PATH")

    # @return [Integer] handlers that may run at once: as set, or TASKER_THREADS, or 5
    def threads = Integer(@threads || env("TASKER_THREADS") || 5)

    # @return [String]
    def environment = env("TASKER_ENV") || "development"

    # Runs around every handler; the first one registered is the outermost.
    #
    # @yieldparam step [Models::TaskSequenceStepWrapper]
    # @yieldparam run [Proc] given as the block's block; it has to be called
    # @example
    #   config.around_step { |step, &run| Rails.application.executor.wrap(&run) }
    def around_step(&hook) = @around_hooks << hook

    # Called for every attempt that failed; what it raises is logged.
    #
    # @yieldparam step [Models::TaskSequenceStepWrapper]
    # @yieldparam error [Exception, Types::StepHandlerCallResult::Error]
    def on_failure(&hook) = @failure_hooks << hook

    private

    def env(name) = ENV.fetch(name, "").then { |value| value unless value.empty? }
  end

  class << self
    # @return [Configuration]
    def configuration = @configuration ||= Configuration.new

    # @yieldparam configuration [Configuration]
    def configure(&block) = configuration.tap(&block)

    # @return [Hash] versions of what matters
    def version_info = { version: VERSION, core_version: VERSION, ruby_version: RUBY_VERSION }

    # Opens a store for a process that is no worker.
    #
    # @param url [String, nil] nil: as configured
    # @param options [Hash] environment:, read_only:, must_exist:, migrate:
    # @return [Client]
    # @raise [Errors::FFIError]
    def connect(url = nil, **options) = Client.open(url || configuration.store, **options)

    # Submits a task to the worker's store, or to the one that is configured.
    #
    # @param request [Hash, Types::TaskTypes::TaskRequest, nil]
    # @param members [Hash] the request's members: name:, namespace:, context:, …
    # @return [TaskHandle]
    # @raise [Errors::FFIError]
    def submit(request = nil, **members) = Client.default.submit(request, **members)

    # The older form of {submit}.
    #
    # @param request [Hash]
    # @return [Hash] success, and task_uuid or error
    def initialize_task_embedded(request)
      IndifferentHash.copy(Client.default.submit_request(request).merge("success" => true))
    rescue Errors::FFIError => e
      IndifferentHash.copy("success" => false, "error" => e.message)
    end
  end

  TestEnvironment.load_if_test!
end
