# frozen_string_literal: true

require_relative "../errors"

module TaskerCore
  # What handlers return; and typed records, which are loaded when one is named.
  module Types
    typed = File.expand_path("../types.rb", __dir__)
    %i[TaskTypes StepTypes StepMessage SimpleStepMessage SimpleQueueMessageData TaskTemplate
       TemplateMetadata HandlerDefinition SystemDependencies DomainEventDefinition
       RetryConfiguration StepDefinition HandlerOverride StepOverride EnvironmentOverride]
      .each { |name| autoload name, typed }

    # What a handler returns: a Success or an Error.
    #
    #   StepHandlerCallResult.success(result: { total: 12 }, metadata: { operation: 'sum' })
    #   StepHandlerCallResult.error(error_type: 'RetryableError', message: 'busy', retryable: true)
    #
    # Handlers may also return any other value ({from_handler_output}) or raise ({from_exception}).
    module StepHandlerCallResult
      ERROR_TYPES = %w[PermanentError RetryableError ValidationError UnexpectedError
                       StepCompletionError].freeze
      BACKTRACE_LINES_MAX = 10

      # The step is done: `result` is what dependent steps will see, `metadata` (a Hash) is kept
      # beside it.
      Success = Struct.new(:success, :result, :metadata, keyword_init: true) do
        def initialize(result:, metadata: {}, success: true)
          super(result: result, metadata: metadata || {}, success: success)
          StepHandlerCallResult.check(self, success == true)
        end

        def success? = true
        alias_method :data, :result
      end

      # The attempt failed: `error_type` is one of ERROR_TYPES, `message` for people, `error_code`
      # for programs, `retryable` says whether another attempt is worth it, and `retry_after`
      # (seconds) in `metadata` when.
      Error = Struct.new(:success, :error_type, :message, :error_code, :retryable, :metadata,
                         keyword_init: true) do
        def initialize(error_type:, message:, error_code: nil, retryable: false, metadata: {},
                       success: false)
          super(success: success, error_type: error_type, message: message.to_s,
                error_code: error_code&.to_s, retryable: retryable == true,
                metadata: metadata || {})
          StepHandlerCallResult.check(self, success == false && ERROR_TYPES.include?(error_type))
        end

        def success? = false
        def result = nil
        alias_method :data, :result
        alias_method :retryable?, :retryable
      end

      class << self
        # @param result [Object] anything that JSON can express; `data` is another word for it
        # @param metadata [Hash, nil]
        # @return [Success]
        def success(**fields)
          fields = { result: fields.delete(:data), **fields } if fields.key?(:data)
          Success.new(**fields)
        end

        # @param fields [Hash] error_type (one of ERROR_TYPES), message, error_code, retryable,
        #   metadata
        # @return [Error]
        # @raise [Dry::Struct::Error] on an unknown error_type
        def error(**fields) = Error.new(**fields)

        # @!method retryable_error(message:, details: {}, metadata: {}, error_code: nil)
        #   @param details [Hash] becomes the metadata's `context`
        #   @return [Error] one that is tried again
        def retryable_error(**fields) = detailed("RetryableError", retryable: true, **fields)

        # @!method permanent_error(message:, details: {}, metadata: {}, error_code: nil)
        #   @param details [Hash] (see #retryable_error)
        #   @return [Error] one that is not tried again
        def permanent_error(**fields) = detailed("PermanentError", **fields)

        # Reads what a handler returned.
        #
        # @param output [Object] a Success or an Error, a Hash with `success` true or false, or the
        #   bare result
        # @return [Success, Error]
        def from_handler_output(output)
          return output if output.is_a?(Success) || output.is_a?(Error)

          case output.is_a?(Hash) ? member(output, :success) : nil
          when true
            Success.new(result: member(output, :result, output), metadata: metadata_of(output))
          when false then error_from_hash(output)
          else
            how = { wrapped: true, original_type: output.class.name }
            Success.new(result: output, metadata: how)
          end
        end

        # Describes what a handler raised.
        #
        # @param error [Exception]
        # @return [Error]
        def from_exception(error)
          type, metadata = type_and_metadata(error)
          metadata[:context] = error.context if error.is_a?(Errors::Error)
          Error.new(error_type: type, message: error.message, metadata: metadata,
                    error_code: (error.error_code if error.is_a?(Errors::PermanentError)),
                    retryable: Errors::ErrorClassifier.retryable?(error))
        end

        # @api private
        def check(struct, valid)
          return struct.freeze if valid && struct.metadata.is_a?(Hash)

          require "dry-struct"
          raise Dry::Struct::Error, "#{struct.inspect} is no valid result: metadata is a Hash, " \
                                    "error_type one of #{ERROR_TYPES.join(", ")}"
        end

        private

        def type_and_metadata(error)
          case error
          when Errors::ValidationError then ["ValidationError", { field: error.field }]
          when Errors::PermanentError then ["PermanentError", {}]
          when Errors::RetryableError then ["RetryableError", { retry_after: error.retry_after }]
          else
            trace = error.backtrace.to_a.first(BACKTRACE_LINES_MAX)
            ["UnexpectedError", { exception_class: error.class.name, stack_trace: trace }]
          end
        end

        def detailed(type, details: {}, metadata: {}, **fields)
          metadata = { context: details, **metadata.to_h } unless details.nil? || details.empty?
          Error.new(error_type: type, metadata: metadata, **fields)
        end

        # A word we do not know must not turn a described failure into another one.
        def error_from_hash(output)
          type = member(output, :error_type).to_s
          message = member(output, :message) || member(output, :error) || "Unknown error"
          Error.new(error_type: ERROR_TYPES.include?(type) ? type : "UnexpectedError",
                    message: message, error_code: member(output, :error_code),
                    retryable: member(output, :retryable, type == "RetryableError"),
                    metadata: metadata_of(output))
        end

        def metadata_of(hash) = member(hash, :metadata).then { |one| one.is_a?(Hash) ? one : {} }
        def member(hash, name, default = nil) = hash.fetch(name) { hash.fetch(name.name, default) }
      end
    end
  end
end
