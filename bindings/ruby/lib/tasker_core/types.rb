# frozen_string_literal: true

require "time"
require "dry-struct"
require_relative "types/step_handler_call_result"

module TaskerCore
  # Typed records, for applications that build requests or read templates in Ruby. This file is
  # loaded only when one of them is named: dry-struct is larger than the worker itself.
  module Types
    include Dry.Types()

    # Non-empty text.
    Text = String.constrained(min_size: 1)
    # Text or nil; missing is nil.
    TextOrNil = String.optional.default(nil)
    IntegerOrNil = Integer.optional.default(nil)
    # The 36 characters of a UUID.
    UUID = String.constrained(format: /\A\h{8}-\h{4}-\h{4}-\h{4}-\h{12}\z/)
    Map = Hash.default { {} }
    MapOrNil = Hash.optional.default(nil)
    Texts = Array.of(String).default { [] }

    # A record made from a Hash with String or Symbol keys; members it does not know are ignored.
    class Record < Dry::Struct
      transform_keys(&:to_sym)

      # @param members [Hash] their types by name
      # @return [Class]
      def self.of(**members) = Class.new(self) { attributes(members) }
    end

    # What is asked of the engine, and what it answers.
    module TaskTypes
      STATUSES = %w[pending in_progress complete error cancelled resolved_manually].freeze

      # A task to be made.
      class TaskRequest < Record
        attributes(
          namespace: Text, name: Text, version: Text.default("1.0.0"), context: Map,
          status: Types::String.default("pending").enum(*STATUSES),
          initiator: TextOrNil, source_system: TextOrNil, reason: TextOrNil,
          complete: Types::Bool.default(false), tags: Texts, bypass_steps: Texts,
          priority: Types::Integer.default(0), claim_timeout_seconds: Types::Integer.default(60),
          max_retries: Types::Integer.default(3), timeout_seconds: Types::Integer.default(300),
          parent_task_uuid: UUID.optional.default(nil), correlation_id: TextOrNil,
          idempotency_key: TextOrNil, requested_at: Types::JSON::Time.default { Time.now.utc }
        )

        # @param hash [Hash]
        # @return [TaskRequest]
        def self.from_hash(hash) = new(hash)

        # @return [TaskRequest] one for tests
        def self.build_test(namespace: "test", name: "test_task", context: {}, **members)
          new({ namespace: namespace, name: name, context: context, initiator: "test",
                source_system: "test", reason: "test" }.merge(members))
        end

        # @return [Boolean]
        def valid_for_creation? = status == "pending" && !complete

        # @return [Hash] as the engine takes it
        def to_ffi_hash
          older = %i[max_retries timeout_seconds parent_task_uuid]
          options = to_h.slice(*older, :correlation_id)
          to_h.compact.except(*older).merge(
            requested_at: requested_at.strftime("%Y-%m-%dT%H:%M:%S"), options: options
          )
        end

        def to_s = "#<TaskRequest #{namespace}/#{name}:#{version} #{status}>"
        alias inspect to_s
      end

      # The answer to a submission.
      TaskResponse = Record.of(
        task_uuid: UUID, status: TextOrNil, created_at: TextOrNil, step_mapping: Map,
        step_count: Types::Integer.default(0), handler_config_name: TextOrNil,
        known: Types::Bool.default(false)
      )
    end

    # How a step ended.
    module StepTypes
      StepExecutionStatus = Types::String.enum("success", "failed", "cancelled", "timed_out")

      # Why an attempt failed.
      StepExecutionError = Record.of(
        error_type: Text, message: Types::String, error_code: TextOrNil,
        retryable: Types::Bool.default(true), stack_trace: TextOrNil
      )

      # One attempt.
      class StepResult < Record
        attributes(
          task_uuid: UUID, step_uuid: UUID, status: StepExecutionStatus, metadata: Map,
          execution_time_ms: Types::Integer.default(0), result_data: Types::Any.default(nil),
          error: StepExecutionError.optional.default(nil)
        )

        def success? = status == "success"
        def failed? = !success?
      end

      # One attempt, as the bridge hands it to the engine.
      StepCompletion = Record.of(
        event_id: UUID, task_uuid: UUID, step_uuid: UUID, success: Types::Bool,
        result: Types::Any.default(nil), metadata: Map, error_message: TextOrNil
      )
    end

    # Names a step of a task.
    SimpleStepMessage = Record.of(task_uuid: UUID, step_uuid: UUID)

    StepMessage = SimpleQueueMessageData = SimpleStepMessage

    # What an environment changes in a handler.
    HandlerOverride = Record.of(initialization: Map)

    # A handler in a template.
    class HandlerDefinition < Record
      attributes(callable: Text, initialization: Map)

      # @param override [HandlerOverride, nil]
      # @return [HandlerDefinition] as the environment wants it
      def with(override)
        override ? new(initialization: initialization.merge(override.initialization)) : self
      end
    end

    # When a step is tried again; `limit` is the older word for `max_attempts`.
    RetryConfiguration = Record.of(
      retryable: Types::Bool.default(true), limit: Types::Integer.default(3),
      max_attempts: IntegerOrNil,
      backoff: Types::String.default("exponential").enum(*%w[none linear exponential fibonacci]),
      backoff_base_ms: Types::Integer.optional.default(1000),
      max_backoff_ms: Types::Integer.optional.default(30_000)
    )

    # A step in a template.
    StepDefinition = Record.of(
      name: Text, description: TextOrNil, handler: HandlerDefinition, dependencies: Texts,
      retry: RetryConfiguration.default { RetryConfiguration.new }, timeout_seconds: IntegerOrNil,
      system_dependency: TextOrNil, publishes_events: Types::Array.default { [] }
    )

    # Which systems a template depends on; for people.
    SystemDependencies = Record.of(primary: Types::String.default("default"), secondary: Texts)

    # An event that a template declares.
    DomainEventDefinition = Record.of(name: Text, description: TextOrNil, schema: MapOrNil)

    # About a template; for people.
    TemplateMetadata = Record.of(
      author: TextOrNil, tags: Texts, documentation_url: TextOrNil, created_at: TextOrNil,
      updated_at: TextOrNil
    )

    # What an environment changes in a step; `ALL` names every step, nil changes nothing.
    class StepOverride < Record
      attributes(name: Text, handler: HandlerOverride.optional.default(nil),
                 timeout_seconds: IntegerOrNil, retry: MapOrNil)

      # @param step [StepDefinition]
      # @return [StepDefinition] the step as this environment wants it
      def apply(step)
        return step unless [step.name, "ALL"].include?(name)

        retries = self.retry&.transform_keys(&:to_sym)&.compact
        step.new({ timeout_seconds: timeout_seconds, handler: step.handler.with(handler),
                   retry: retries && step.retry.new(retries) }.compact)
      end
    end

    # What an environment changes in a template.
    EnvironmentOverride = Record.of(
      task_handler: HandlerOverride.optional.default(nil),
      steps: Types::Array.of(StepOverride).default { [] }
    )

    # A task template.
    class TaskTemplate < Record
      ENVIRONMENTS = Types::Hash.map(Types::Coercible::String, EnvironmentOverride)

      attributes(
        name: Text, namespace_name: Text, version: Text.default("1.0.0"), description: TextOrNil,
        metadata: TemplateMetadata.optional.default(nil),
        task_handler: HandlerDefinition.optional.default(nil),
        system_dependencies: SystemDependencies.default { SystemDependencies.new },
        domain_events: Types::Array.of(DomainEventDefinition).default { [] },
        input_schema: MapOrNil, steps: Types::Array.of(StepDefinition).default { [] },
        environments: ENVIRONMENTS.default { {} }, loaded_from: TextOrNil
      )

      # @return [String] "namespace/name:version"
      def template_key = "#{namespace_name}/#{name}:#{version}"

      # @return [Array<String>] the handlers of the task and of its steps, each once
      def all_callables = [task_handler, *steps.map(&:handler)].compact.map(&:callable).uniq

      # @return [Boolean] has it steps, and does every parent exist?
      def valid_for_registration?
        names = steps.map(&:name)
        names.any? && names.uniq == names && (steps.flat_map(&:dependencies) - names).empty?
      end

      # @param environment [String, Symbol]
      # @return [TaskTemplate] with the environment's changes made, in the order they are written
      def resolve_for_environment(environment)
        override = environments[environment.to_s]
        return self if override.nil?

        made = steps.map { |step| override.steps.reduce(step) { |one, change| change.apply(one) } }
        new(steps: made, task_handler: task_handler&.with(override.task_handler))
      end
    end
  end
end
