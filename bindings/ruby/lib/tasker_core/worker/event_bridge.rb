# frozen_string_literal: true

require "dry/events/publisher"
require "singleton"

module TaskerCore
  module Worker
    # The bus between the native library and the handlers.
    #
    #   FFI.poll_step_events ──► publish_step_execution ──► step.execution.requested ──► subscribers
    #   FFI.send_step_completion_event ◄── publish_step_completion ──► step.execution.completed
    #
    # Listeners run on the thread that publishes. What a listener of a completion raises is logged.
    class EventBridge
      include Singleton
      include Logging
      include Dry::Events::Publisher[:tasker_core]

      REQUESTED = "step.execution.requested"
      COMPLETED = "step.execution.completed"
      FAILED = "step.execution.failed"
      # What older programs listen to; published when someone does.
      OLDER_REQUESTED = "step.execution.received"
      OLDER_COMPLETED = "step.completion.sent"
      ERROR = "bridge.error"

      [REQUESTED, COMPLETED, FAILED, OLDER_REQUESTED, OLDER_COMPLETED, ERROR].each do |name|
        register_event(name)
      end

      # @return [Integer] how many were given to {subscribe_to_step_execution}
      attr_reader :subscriber_count

      def initialize
        @subscriber_count = 0
        @active = true
        @lock = Mutex.new
      end

      def active? = @active
      def start! = @active = true
      # From now on nothing is published, nor sent to the library.
      def stop! = @active = false

      # Hands a claimed step to its handler. Without a subscriber the usual one is made.
      #
      # @param event [Hash] event_id, task_uuid, step_uuid, task_sequence_step; its keys may be
      #   Strings or Symbols
      # @return [Boolean] false when the bridge is stopped
      # @raise [ArgumentError] it is no Hash
      def publish_step_execution(event) # rubocop:disable Naming/PredicateMethod
        return false unless active?
        raise ArgumentError, "an event is a Hash, not #{event.class}" unless event.is_a?(Hash)

        StepExecutionSubscriber.current if @subscriber_count.zero?
        payload = { event_id: member(event, :event_id), task_uuid: member(event, :task_uuid),
                    step_uuid: member(event, :step_uuid), callable: member(event, :callable),
                    task_sequence_step:
                      Models::TaskSequenceStepWrapper.new(member(event, :task_sequence_step)) }
        publish(REQUESTED, payload)
        publish(OLDER_REQUESTED, payload) if heard?(OLDER_REQUESTED)
        true
      end

      # @param subscriber [#call, nil] called with each dry-events event; a block does as well
      # @return [Object] the subscriber
      def subscribe_to_step_execution(subscriber = nil, &block)
        listener = subscriber || block
        raise ArgumentError, "a subscriber or a block is needed" if listener.nil?

        listed = listener.respond_to?(:on_step_execution_requested) # can be unsubscribed
        @lock.synchronize do
          listed ? subscribe(listener) : subscribe(REQUESTED) { |event| listener.call(event) }
          @subscriber_count += 1
        end
        listener
      end

      # @param subscriber [#on_step_execution_requested]
      def unsubscribe_from_step_execution(subscriber)
        @lock.synchronize do
          unsubscribe(subscriber)
          @subscriber_count -= 1
        end
      end

      # Sends how a step ended to the library, then tells whoever listens.
      #
      # @param completion [Hash] event_id, task_uuid, step_uuid, success; result, metadata,
      #   error_message and more (see FFI.send_step_completion_event)
      # @return [Hash, nil] the completion as it was recorded: with a result that JSON cannot
      #   express it is a failure; nil when the bridge is stopped
      # @raise [ArgumentError] a member is missing
      # @raise [Errors::FFIError]
      def publish_step_completion(completion)
        return nil unless active?

        completion = completion.to_h.transform_keys(&:to_sym)
        missing = %i[event_id task_uuid step_uuid success].reject { |name| completion.key?(name) }
        raise ArgumentError, "a completion needs #{missing.join(", ")}" if missing.any?

        completion[:metadata] ||= {}
        completion[:completed_at] ||= FFI.now_text
        completion = deliver(completion)
        announce(completion[:success] == true ? COMPLETED : FAILED, completion)
        announce(OLDER_COMPLETED, completion)
        completion
      end

      private

      def deliver(completion)
        FFI.send_step_completion_event(completion)
        completion
      rescue FFI::PayloadError => e
        refused = { success: false, result: nil, error_message: e.message, retryable: false,
                    error_class: "PermanentError", error_code: "result_not_json" }
        FFI.send_step_completion_event(completion.merge(refused)
          .merge(metadata: completion[:metadata].merge(retryable: false)))
        completion.merge(refused)
      rescue Errors::FFIError => e
        announce(ERROR, { error: e, completion: completion })
        raise
      end

      def announce(name, payload)
        logger.attempt("listener of #{name}") { publish(name, payload) } if heard?(name)
      end

      def heard?(name) = __bus__.listeners.key?(name)

      def member(hash, name) = hash.fetch(name.name) { hash[name] }
    end
  end
end
