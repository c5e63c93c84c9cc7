# frozen_string_literal: true

require_relative "event_bridge"
require_relative "../registry/handler_registry"

module TaskerCore
  module Worker
    # Runs the handler of a requested step, and sees to it that the step is completed whatever the
    # handler does.
    #
    #   step.execution.requested ──► [call] ──► around_step hooks ──► HandlerRegistry#invoke
    #                                   └──► EventBridge#publish_step_completion
    #
    # A failure is anything that is raised (`exit` and `throw` too) and the end of the thread. In a
    # worker's thread interrupts are masked but for the handler, so that none hits the completion.
    class StepExecutionSubscriber
      UNFINISHED = Object.new.freeze
      # An exit status for the child of a handler that forked and came back: the fault is its own.
      FORKED_STATUS = 70
      private_constant :UNFINISHED

      # A handler that was ended from outside: the thread it ran on was killed, or it jumped out.
      class HandlerStopped < Errors::RetryableError; end

      # @return [TaskerCore::Logger]
      attr_reader :logger
      # @return [Registry::HandlerRegistry]
      attr_reader :handler_registry

      # @param bridge [EventBridge] whose events it handles from now on
      def initialize(bridge = EventBridge.instance)
        @logger = TaskerCore::Logger.instance
        @handler_registry = Registry::HandlerRegistry.instance
        @bridge = bridge
        @active = true
        @lock = Mutex.new
        @stats = { processed: 0, succeeded: 0, failed: 0 }
        bridge.subscribe_to_step_execution(self)
      end

      def active? = @active

      # Handles no further events.
      def stop!
        @lock.synchronize do
          return unless @active

          @active = false
        end
        @bridge.unsubscribe_from_step_execution(self)
      end

      # @return [Hash{Symbol => Integer}] processed, succeeded, failed
      def stats = @lock.synchronize { @stats.dup }

      # @param event [#payload] event_id, task_uuid, step_uuid, task_sequence_step
      def call(event)
        return unless active?

        payload = event.payload
        attempt = Attempt.new(payload, @handler_registry)
        pid = Process.pid
        attempt.run
      ensure
        # Also on the way out of a thread that is killed, and of a throw.
        finish(attempt, payload[:task_sequence_step], pid) if attempt
      end
      alias on_step_execution_requested call

      private

      def finish(attempt, step, pid)
        leave_forked_child(attempt) unless Process.pid == pid
        recorded = @bridge.publish_step_completion(attempt.completion)
        count(recorded ? recorded[:success] : false)
        report(step, attempt.failure) if attempt.failure
      end

      def count(succeeded)
        @lock.synchronize do
          @stats[:processed] += 1
          @stats[succeeded ? :succeeded : :failed] += 1
        end
      end

      def report(step, failure)
        TaskerCore.configuration.failure_hooks.each do |hook|
          hook.call(step, failure)
        rescue StandardError => e
          logger.error("on_failure hook: #{e.class}: #{e.message}")
        end
      end

      def leave_forked_child(attempt)
        status = attempt.failure.is_a?(SystemExit) ? attempt.failure.status : FORKED_STATUS
        warn "tasker: a handler forked and its child came back; the child ends here, " \
             "as the step belongs to process #{Process.ppid}"
        Process.exit!(status)
      end

      # One run of one handler, and the completion it leads to.
      class Attempt
        @second = [nil, nil].freeze

        class << self
          # @return [Array(Integer, String)] the last second written, and its text
          attr_accessor :second
        end

        # @return [Exception, Types::StepHandlerCallResult::Error, nil]
        attr_reader :failure

        def initialize(payload, registry)
          @payload = payload
          @registry = registry
          @step = payload[:task_sequence_step]
          @started_at = Time.now
          @started = clock
          @output = UNFINISHED
        end

        # Never raises; a killed thread and a throw leave it all the same.
        def run
          @output = Thread.handle_interrupt(Object => :immediate) { invoke }
        rescue Exception => e # rubocop:disable Lint/RescueException -- no step may be lost
          @failure = e
        end

        # @return [Hash] for EventBridge#publish_step_completion
        def completion
          @finished_at = stamp(Time.now)
          @elapsed_ms = ((clock - @started) * 1000).round
          result = @failure ? nil : result_of_output
          result && @failure.nil? ? succeeded(result) : failed
        end

        private

        def invoke
          handler = @registry.resolve_handler(callable)
          if handler.nil?
            raise Errors::ConfigurationError,
                  "No handler found for #{callable || "a step without a callable"}"
          end

          around { @registry.invoke(handler, @step, event_id: @payload[:event_id]) }
        end

        def around(&run)
          hooks = TaskerCore.configuration.around_hooks
          return run.call if hooks.empty?

          output = UNFINISHED
          innermost = -> { output = run.call }
          hooks.reverse.inject(innermost) { |inner, hook| -> { hook.call(@step, &inner) } }.call
          return output unless output.equal?(UNFINISHED)

          raise Errors::ConfigurationError, "an around_step hook did not run the step"
        end

        def result_of_output
          if @output.equal?(UNFINISHED)
            @failure = HandlerStopped.new("the handler was stopped before it returned: its thread was killed or it threw")
            return nil
          end
          result = Types::StepHandlerCallResult.from_handler_output(@output)
          @failure = result unless result.success?
          result
        rescue StandardError => e
          @failure = e
          nil
        end

        def succeeded(result)
          custom = { processed_at: @finished_at, processed_by: "ruby_worker",
                     handler_class: callable }.merge!(result.metadata)
          base.merge!(success: true, result: result.result, metadata: metadata(false, custom))
        end

        def failed
          error = describe(@failure)
          custom = { failed_at: @finished_at, failed_by: "ruby_worker",
                     error_class: error[:full_class], handler_class: callable,
                     retryable: error[:retryable] }.merge!(error[:metadata])
          base.merge!(success: false, result: nil, error_message: error[:message],
                      error_class: error[:error_class], error_code: error[:code],
                      retryable: error[:retryable], retry_after: error[:retry_after],
                      backtrace: error[:backtrace],
                      metadata: metadata(error[:retryable], custom))
        end

        def describe(failure)
          return describe_exception(failure) if failure.is_a?(Exception)

          metadata = failure.metadata
          { message: failure.message, error_class: failure.error_type,
            full_class: failure.error_type, code: failure.error_code,
            retryable: failure.retryable, backtrace: nil, metadata: metadata,
            retry_after: metadata[:retry_after] || metadata["retry_after"] }
        end

        def describe_exception(error)
          ask = ->(name) { error.public_send(name) if error.respond_to?(name) }
          context = ask.call(:context)
          { message: text_of(error), full_class: error.class.name,
            error_class: error.class.name.to_s.delete_prefix("TaskerCore::Errors::"),
            code: ask.call(:error_code), retryable: Errors::ErrorClassifier.retryable?(error),
            retry_after: ask.call(:retry_after), backtrace: error.backtrace,
            metadata: context.nil? || context == {} ? {} : { context: context } }
        end

        def text_of(error)
          error.message.to_s
        rescue StandardError => e
          "#{error.class}, whose message raised #{e.class}"
        end

        def base
          { event_id: @payload[:event_id], task_uuid: @payload[:task_uuid],
            step_uuid: @payload[:step_uuid], completed_at: @finished_at }
        end

        def metadata(retryable, custom)
          { execution_time_ms: @elapsed_ms, handler_version: nil, retryable: retryable,
            completed_at: @finished_at, worker_id: "ruby_worker",
            worker_hostname: nil, started_at: stamp(@started_at), custom: custom }
        end

        def callable = @payload[:callable] || @step.step_definition.handler.callable


        # UTC. The part down to the second is the same for thousands of steps, and strftime is slow.
        def stamp(time)
          second, text = self.class.second
          unless time.to_i == second
            text = time.getutc.strftime("%Y-%m-%dT%H:%M:%S.")
            self.class.second = [time.to_i, text].freeze
          end
          "#{text}#{time.usec.to_s.rjust(6, "0")}Z"
        end

        def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
      private_constant :Attempt
    end
  end
end
