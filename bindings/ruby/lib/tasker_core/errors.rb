# frozen_string_literal: true

# The errors of the worker, and which of them are worth another attempt.
#
# A handler raises one of these to say how its attempt failed; whatever else it raises is tried
# again. This file needs nothing else, so that handler files can require it by path.
#
#   raise TaskerCore::Errors::RetryableError.new("the gateway is busy", retry_after: 30)
module TaskerCore
  module Errors
    # The root of everything this library raises. All take `context:`, a Hash that helps to
    # understand the failure and is kept with the attempt; some take more, with a reader for each.
    class Error < StandardError
      # @return [Hash]
      attr_reader :context

      # Makes a class of errors below this one that takes more keywords.
      #
      # @api private
      # @param names [Array<Symbol>] the keywords; each has a reader
      # @return [Class]
      def self.carrying(*names)
        members = names + carried
        Class.new(self) do
          attr_reader(*names)

          define_singleton_method(:carried) { members }
        end
      end

      # @api private
      # @return [Array<Symbol>]
      def self.carried = []

      # @param message [String, nil] nil is the class's name
      # @raise [ArgumentError] the class does not carry such a member
      def initialize(message = nil, context: {}, **members)
        super(message)
        unknown = members.keys - self.class.carried
        raise ArgumentError, "unknown keyword: #{unknown.join(", ")}" if unknown.any?

        @context = context
        members.each { |name, value| instance_variable_set(:"@#{name}", value) }
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

    # The attempt failed, the next one may succeed; `retry_after` is in seconds, nil leaves it to
    # the template's backoff.
    RetryableError = ProceduralError.carrying(:retry_after)

    # The step can never succeed as it is; it is not tried again. `error_code` is for programs.
    PermanentError = ProceduralError.carrying(:error_code)

    # Something took too long; tried again. `timeout_duration`: the seconds that were allowed.
    TimeoutError = ProceduralError.carrying(:timeout_duration)

    # Another system could not be reached, or failed; tried again. `status_code` is HTTP's.
    NetworkError = ProceduralError.carrying(:status_code)

    # The input is wrong; `field` names the member.
    ValidationError = PermanentError.carrying(:field)

    # What the step needs does not exist; `resource_type` is the kind of it.
    NotFoundError = PermanentError.carrying(:resource_type)

    # The native library refused a call; the message has its reason.
    FFIError = Error.carrying(:operation)

    # A server of ours failed.
    ServerError = Error.carrying(:operation)

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
