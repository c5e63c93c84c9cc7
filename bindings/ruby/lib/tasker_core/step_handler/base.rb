# frozen_string_literal: true

require "time" # handlers write Time.now.utc.iso8601
require_relative "../errors"
require_relative "../logger"
require_relative "../types/step_handler_call_result"

module TaskerCore
  # What step handlers inherit from.
  module StepHandler
    autoload :Api, "#{__dir__}/api.rb"

    # Stands where handlers written for older workers expect an object of the engine.
    class NullIntegration
      def method_missing(_name, *) = nil
      def respond_to_missing?(_name, _include_private = false) = true
    end

    # The parent of step handlers. One object is made for each attempt, without arguments.
    #
    #   class AddTax < TaskerCore::StepHandler::Base
    #     def call(task, sequence, step)            # or: def call(context)
    #       net = sequence.get_results('sum_up')['net_cents']
    #       success({ gross_cents: net * 119 / 100 })
    #     end
    #   end
    #
    # To fail, raise one of {TaskerCore::Errors} or return {#retryable_error} or {#permanent_error}.
    # Any other exception is tried again.
    class Base
      # @return [Hash] what the constructor was given; `initialization` of a template is in
      #   `step.inputs`
      attr_reader :config
      # @return [TaskerCore::Logger]
      attr_reader :logger
      # @return [NullIntegration] answers nil to everything
      attr_reader :rust_integration, :orchestration_system

      def initialize(config: {}, logger: nil)
        @config = config || {}
        @logger = logger || TaskerCore::Logger.instance
        @rust_integration = @orchestration_system = NullIntegration.new
      end

      # Does the step.
      #
      # @param task [Models::TaskWrapper]
      # @param sequence [Models::DependencyResultsWrapper] results of all ancestors
      # @param step [Models::WorkflowStepWrapper]
      # @return [Types::StepHandlerCallResult::Success, Types::StepHandlerCallResult::Error, Object]
      #   anything else than the two is the result itself
      def call(task, sequence, step)
        raise NotImplementedError, "#{self.class.name} does not define call"
      end

      # @return [Boolean] is it a Hash?
      def validate_config(config) = config.is_a?(Hash) # rubocop:disable Naming/PredicateMethod

      # @return [String] the class's own name in snake case, "add_tax"
      def handler_name
        self.class.name.to_s.split("::").last.to_s
            .gsub(/([A-Z\d]+)([A-Z][a-z])/, '\1_\2').gsub(/([a-z\d])([A-Z])/, '\1_\2').downcase
      end

      # @return [Hash] what the handler is, for people and tools
      def metadata
        version = self.class.const_defined?(:VERSION) ? self.class::VERSION : "1.0.0"
        { handler_name: handler_name, handler_class: self.class.name, version: version,
          capabilities: capabilities, config_schema: config_schema, ruby_version: RUBY_VERSION,
          created_at: Time.now.utc.iso8601 }
      end

      # @return [Array<String>]
      def capabilities
        %w[process] + { process_results: "process_results", process_async: "async",
                        process_stream: "streaming" }.select { |name, _| respond_to?(name) }.values
      end

      # @return [Hash] a JSON schema of the configuration
      def config_schema = { type: "object", properties: {}, additionalProperties: true }

      # A result, in one of three forms: `success({ a: 1 }, { note: 2 })`, `success(a: 1)`,
      # `success(result: { a: 1 }, metadata: { note: 2 })`.
      #
      # @return [Types::StepHandlerCallResult::Success]
      def success(*given, **named)
        members = (named.keys - %i[result data metadata]).empty? ? named : { result: named }
        members = { result: given[0], metadata: given[1] || named[:metadata] } unless given.empty?
        result = members.fetch(:result) { members.fetch(:data, {}) }
        call_result.success(result: result, metadata: members[:metadata] || default_metadata)
      end

      # @param fields [Hash] message, error_type, error_code, retryable, metadata
      # @return [Types::StepHandlerCallResult::Error] of any kind
      def failure(**fields) = call_result.error(error_type: "UnexpectedError", **fields)

      # @param details [Hash] kept as the failure's context
      # @return [Types::StepHandlerCallResult::Error] one that is tried again
      def retryable_error(message, details = {}, metadata = default_metadata)
        call_result.retryable_error(message: message, details: details, metadata: metadata)
      end

      # @param details [Hash] (see #retryable_error)
      # @return [Types::StepHandlerCallResult::Error] one that is not tried again
      def permanent_error(message, details = {}, metadata = default_metadata)
        call_result.permanent_error(message: message, details: details, metadata: metadata)
      end

      # @return [IndifferentHash, nil] the whole record of an ancestor
      def sequence_results(sequence, step_name) = sequence.get_result(step_name)

      # @return [Object, nil] a member of the task's context
      def task_context(task, key) = task.context[key.to_s]

      # @return [Hash]
      def default_metadata
        { executed_at: Time.now.utc.iso8601, executed_by: self.class.name,
          ruby_version: RUBY_VERSION }
      end

      private

      def call_result = Types::StepHandlerCallResult
    end
  end

  # Older names of the same classes.
  module Handlers
    # See {StepHandler}.
    module Steps
      Base = StepHandler::Base
      autoload :API, "#{__dir__}/api.rb"

      # @param handler_class [Class]
      # @return [StepHandler::Base] a new handler
      def self.create(handler_class, config: {}) = handler_class.new(config: config)

      # @return [Boolean] can the class be a step's handler?
      def self.validate(handler_class) # rubocop:disable Naming/PredicateMethod
        handler_class.is_a?(Class) && handler_class.method_defined?(:call)
      end
    end
  end
end
