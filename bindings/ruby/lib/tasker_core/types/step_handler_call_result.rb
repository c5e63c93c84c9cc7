# frozen_string_literal: true

require_relative '../errors'

module TaskerCore
  # The values that handlers return, and (loaded only when one is named) the typed records.
  module Types
    # What a handler returns: a Success or an Error.
    #
    #   StepHandlerCallResult.success(result: { total: 12 }, metadata: { operation: 'sum' })
    #   StepHandlerCallResult.error(error_type: 'RetryableError', message: 'busy', retryable: true)
    #
    # Handlers may also return any other value ({from_handler_output}) or raise ({from_exception}).
    module StepHandlerCallResult
      ERROR_TYPES = %w[
        PermanentError RetryableError ValidationError UnexpectedError StepCompletionError
      ].freeze
      BACKTRACE_LINES_MAX = 10
      NONE = Object.new.freeze
      private_constant :NONE

      # The step is done.
      class Success
        # @return [Object] what dependent steps will see
        attr_reader :result
        # @return [Hash] free-form, kept beside the result
        attr_reader :metadata

        def initialize(result:, metadata: {}, success: true)
          StepHandlerCallResult.check(success == true, 'success must be true')
          @result = result
          @metadata = StepHandlerCallResult.metadata(metadata)
          freeze
        end

        alias data result
        def success = true
        def success? = true
        def [](name) = to_h[name.to_sym]
        def to_h = { success: true, result: result, metadata: metadata }
        def ==(other) = other.is_a?(Success) && other.to_h == to_h
      end

      # The attempt failed.
      class Error
        # @return [String] one of ERROR_TYPES
        attr_reader :error_type
        # @return [String] for people
        attr_reader :message
        # @return [String, nil] for programs
        attr_reader :error_code
        # @return [Boolean] is another attempt worth it?
        attr_reader :retryable
        # @return [Hash] free-form; `retry_after` (seconds) in it steers the next attempt
        attr_reader :metadata

        def initialize(error_type:, message:, error_code: nil, retryable: false, metadata: {},
                       success: false)
          StepHandlerCallResult.check(success == false, 'success must be false')
          StepHandlerCallResult.check(ERROR_TYPES.include?(error_type), "error_type #{error_type.inspect} " \
                                      "is not one of #{ERROR_TYPES.join(', ')}")
          @error_type = error_type
          @message = message.to_s
          @error_code = error_code&.to_s
          @retryable = retryable ? true : false
          @metadata = StepHandlerCallResult.metadata(metadata)
          freeze
        end

        alias retryable? retryable
        def success = false
        def success? = false
        def result = nil
        alias data result
        def [](name) = to_h[name.to_sym]
        def ==(other) = other.is_a?(Error) && other.to_h == to_h

        def to_h
          { success: false, error_type: error_type, message: message, error_code: error_code,
            retryable: retryable, metadata: metadata }
        end
      end

      class << self
        # @param result [Object] anything that JSON can express; `data` is another word for it
        # @param metadata [Hash, nil]
        # @return [Success]
        def success(result: NONE, data: NONE, metadata: {})
          result = data if result.equal?(NONE)
          raise ArgumentError, 'missing keyword: :result' if result.equal?(NONE)

          Success.new(result: result, metadata: metadata)
        end

        # @param error_type [String] one of ERROR_TYPES
        # @return [Error]
        # @raise [Dry::Struct::Error] on an unknown error_type
        def error(error_type:, message:, error_code: nil, retryable: false, metadata: {})
          Error.new(error_type: error_type, message: message, error_code: error_code,
                    retryable: retryable, metadata: metadata)
        end

        # @param details [Hash] becomes the metadata's `context`
        # @return [Error] one that is tried again
        def retryable_error(message:, details: {}, error_code: nil, metadata: {})
          detailed('RetryableError', true, message, details, error_code, metadata)
        end

        # @param details [Hash] (see #retryable_error)
        # @return [Error] one that is not tried again
        def permanent_error(message:, details: {}, error_code: nil, metadata: {})
          detailed('PermanentError', false, message, details, error_code, metadata)
        end

        # Reads what a handler returned.
        #
        # @param output [Object] a Success or an Error, a Hash with `success` true or false, or the
        #   bare result
        # @return [Success, Error]
        def from_handler_output(output)
          return output if output.is_a?(Success) || output.is_a?(Error)
          return wrapped(output) unless output.is_a?(Hash)

          case member(output, :success)
          when true
            Success.new(result: member(output, :result) { output }, metadata: hash_member(output))
          when false then error_from_hash(output)
          else wrapped(output)
          end
        end

        # Describes what a handler raised.
        #
        # @param exception [Exception]
        # @return [Error]
        def from_exception(exception)
          case exception
          when Errors::ValidationError
            from_raised(exception, 'ValidationError', false, field: exception.field)
          when Errors::PermanentError then from_raised(exception, 'PermanentError', false)
          when Errors::RetryableError
            from_raised(exception, 'RetryableError', true, retry_after: exception.retry_after)
          else
            from_raised(exception, 'UnexpectedError', Errors::ErrorClassifier.retryable?(exception),
                        exception_class: exception.class.name,
                        stack_trace: Array(exception.backtrace).first(BACKTRACE_LINES_MAX))
          end
        end

        # @api private
        def metadata(value)
          check(value.nil? || value.is_a?(Hash), "metadata must be a Hash, not #{value.class}")
          value || {}
        end

        # @api private
        def check(valid, message)
          return if valid

          require 'dry-struct'
          raise Dry::Struct::Error, message
        end

        private

        def detailed(error_type, retryable, message, details, error_code, metadata)
          metadata = { context: details }.merge(metadata(metadata)) unless details.nil? || details.empty?
          Error.new(error_type: error_type, message: message, error_code: error_code,
                    retryable: retryable, metadata: metadata)
        end

        def wrapped(output)
          Success.new(result: output, metadata: { wrapped: true, original_type: output.class.name })
        end

        def from_raised(exception, error_type, retryable, **metadata)
          metadata[:context] = exception.context if exception.respond_to?(:context)
          code = exception.error_code if exception.respond_to?(:error_code)
          Error.new(error_type: error_type, message: exception.message, error_code: code,
                    retryable: retryable, metadata: metadata)
        end

        # A word we do not know must not turn a described failure into another one.
        def error_from_hash(output)
          type = member(output, :error_type).to_s
          message = member(output, :message) || member(output, :error) || 'Unknown error'
          Error.new(error_type: ERROR_TYPES.include?(type) ? type : 'UnexpectedError',
                    message: message, error_code: member(output, :error_code),
                    retryable: member(output, :retryable) { type == 'RetryableError' },
                    metadata: hash_member(output))
        end

        def hash_member(output)
          value = member(output, :metadata)
          value.is_a?(Hash) ? value : {}
        end

        def member(hash, name)
          hash.fetch(name) { hash.fetch(name.name) { block_given? ? yield : nil } }
        end
      end
    end
  end
end
