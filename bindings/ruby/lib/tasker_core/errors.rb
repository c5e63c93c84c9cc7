# frozen_string_literal: true

# The errors of the worker, and which of them are worth another attempt.
#
# A handler raises one of these to say how its attempt failed; whatever else it raises is tried
# again. This file needs nothing else, so that handler files can require it by path.
module TaskerCore
  module Errors
    # The root of everything this library raises.
    class Error < StandardError
      # @return [Hash] what helps to understand the failure; kept with the attempt
      attr_reader :context

      # @param message [String, nil] nil is the class's name
      def initialize(message = nil, context: {})
        super(message)
        @context = context
      end

      # @return [String] the short name of the class, "RetryableError"
      def error_class = self.class.name.to_s.split("::").last
    end

    # The worker or a template is set up wrongly; trying again cannot help.
    class ConfigurationError < Error; end

    # A step went wrong while it ran; the parent of the errors handlers raise.
    class ProceduralError < Error; end

    # The engine refused or could not do what was asked.
    class OrchestrationError < Error; end

    # The store failed in a way that trying again cannot mend.
    class DatabaseError < Error; end

    # The attempt failed, the next one may succeed.
    class RetryableError < ProceduralError
      # @return [Numeric, nil] seconds to wait; nil leaves it to the template's backoff
      attr_reader :retry_after

      def initialize(message = nil, retry_after: nil, context: {})
        super(message, context: context)
        @retry_after = retry_after
      end
    end

    # The step can never succeed as it is; it is not tried again.
    class PermanentError < ProceduralError
      # @return [String, nil] a code for programs
      attr_reader :error_code

      def initialize(message = nil, error_code: nil, context: {})
        super(message, context: context)
        @error_code = error_code
      end
    end

    # Something took too long; tried again.
    class TimeoutError < ProceduralError
      # @return [Numeric, nil] seconds that were allowed
      attr_reader :timeout_duration

      def initialize(message = nil, timeout_duration: nil, context: {})
        super(message, context: context)
        @timeout_duration = timeout_duration
      end
    end

    # Another system could not be reached, or failed; tried again.
    class NetworkError < ProceduralError
      # @return [Integer, nil] HTTP status
      attr_reader :status_code

      def initialize(message = nil, status_code: nil, context: {})
        super(message, context: context)
        @status_code = status_code
      end
    end

    # The input is wrong.
    class ValidationError < PermanentError
      # @return [String, Symbol, nil] the member that is wrong
      attr_reader :field

      def initialize(message = nil, field: nil, error_code: nil, context: {})
        super(message, error_code: error_code, context: context)
        @field = field
      end
    end

    # What the step needs does not exist.
    class NotFoundError < PermanentError
      # @return [String, nil] the kind of thing that was looked for
      attr_reader :resource_type

      def initialize(message = nil, resource_type: nil, error_code: nil, context: {})
        super(message, error_code: error_code, context: context)
        @resource_type = resource_type
      end
    end

    # The native library refused a call; the message has its reason.
    class FFIError < Error
      # @return [String, nil] the call that failed
      attr_reader :operation

      def initialize(message = nil, operation: nil, context: {})
        super(message, context: context)
        @operation = operation
      end
    end

    # A server of ours failed.
    class ServerError < Error
      # @return [String, nil] the call that failed
      attr_reader :operation

      def initialize(message = nil, operation: nil, context: {})
        super(message, context: context)
        @operation = operation
      end
    end

    # Decides whether a failed attempt is worth another one.
    module ErrorClassifier
      PERMANENT = [ConfigurationError, PermanentError, DatabaseError, FFIError].freeze

      # @param error [Exception]
      # @return [Boolean] false for the permanent ones and their kind, true for all others
      def self.retryable?(error) = PERMANENT.none? { |permanent| error.is_a?(permanent) }
    end
  end

  Error = Errors::Error
end
