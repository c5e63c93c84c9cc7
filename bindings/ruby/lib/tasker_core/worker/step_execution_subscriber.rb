# frozen_string_literal: true

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
      include Logging

      UNFINISHED = Object.new.freeze
      # An exit status for the child of a handler that forked and came back: the fault is its own.
      FORKED_STATUS = 70

      # A handler that was ended from outside: the thread it ran on was killed, or it jumped out.
      class HandlerStopped < Errors::RetryableError; end
      STOPPED = "the handler was stopped before it returned: its thread was killed, or it threw"
      private_constant :UNFINISHED, :STOPPED

      class << self
        # @return [StepExecutionSubscriber] the one that was made last and is active, or a new one
        def current = @current&.active? ? @current : (@current = new)
        attr_writer :current
      end

      # @return [Registry::HandlerRegistry]
      attr_reader :handler_registry

      # @param bridge [EventBridge] whose events it handles from now on
      def initialize(bridge = EventBridge.instance)
        @handler_registry = Registry::HandlerRegistry.instance
        @bridge = bridge
        @active = true
        @lock = Mutex.new
        @stats = { processed: 0, succeeded: 0, failed: 0 }
        bridge.subscribe_to_step_execution(self)
        self.class.current = self if bridge.equal?(EventBridge.instance)
      end

      def active? = @active

      # Handles no further events.
      def stop!
        was_active = @lock.synchronize { @active.tap { @active = false } }
        @bridge.unsubscribe_from_step_execution(self) if was_active
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
        leave_forked_child(attempt.failure) unless Process.pid == pid
        recorded = @bridge.publish_step_completion(attempt.completion)
        @lock.synchronize do
          @stats[:processed] += 1
          @stats[recorded && recorded[:success] ? :succeeded : :failed] += 1
        end
        report(step, attempt.failure) if attempt.failure
      end

      def report(step, failure)
        logger.warn("step #{step.workflow_step.name} of task #{step.task.task_uuid} failed: " \
                    "#{failure.is_a?(Exception) ? failure.class : failure.error_type}")
        TaskerCore.configuration.failure_hooks.each do |hook|
          logger.attempt("on_failure hook") { hook.call(step, failure) }
        end
      end

      def leave_forked_child(failure)
        warn "tasker: a handler forked and its child came back; the child ends here, " \
             "as the step belongs to process #{Process.ppid}"
        Process.exit!(failure.is_a?(SystemExit) ? failure.status : FORKED_STATUS)
      end

      # One run of one handler, and the completion it leads to.
      class Attempt
        # @return [Exception, Types::StepHandlerCallResult::Error, nil]
        attr_reader :failure

        def initialize(payload, registry)
          @payload = payload
          @registry = registry
          @step = payload[:task_sequence_step]
          @started_at = FFI.now_text
          @started = clock
        end

        # Never raises; a killed thread and a throw leave it all the same.
        def run
          output = Thread.handle_interrupt(Object => :immediate) { invoke }
          @result = Types::StepHandlerCallResult.from_handler_output(output)
          @failure = @result.success? ? nil : @result
        rescue Exception => e # rubocop:disable Lint/RescueException -- no step may be lost
          @failure = e
        end

        # @return [Hash] for EventBridge#publish_step_completion
        def completion
          @finished_at = FFI.now_text
          @elapsed_ms = ((clock - @started) * 1000).round
          @failure ||= HandlerStopped.new(STOPPED) if @result.nil?
          outcome = @failure ? failed : succeeded
          outcome.merge!(event_id: @payload[:event_id], task_uuid: @payload[:task_uuid],
                         step_uuid: @payload[:step_uuid], completed_at: @finished_at)
        end

        private

        def invoke
          handler = @registry.resolve_handler(callable)
          raise Errors::ConfigurationError, unknown if handler.nil?

          hooks = TaskerCore.configuration.around_hooks
          hooks.empty? ? run_handler(handler) : around(handler, hooks)
        end

        def unknown = "No handler found for #{callable || "a step without a callable"}"

        def run_handler(handler)
          @registry.invoke(handler, @step, event_id: @payload[:event_id])
        end

        def around(handler, hooks)
          output = UNFINISHED
          innermost = -> { output = run_handler(handler) }
          hooks.reverse.inject(innermost) { |run, hook| -> { hook.call(@step, &run) } }.call
          return output unless output.equal?(UNFINISHED)

          raise Errors::ConfigurationError, "an around_step hook did not run the step"
        end

        def succeeded
          custom = { processed_at: @finished_at, processed_by: "ruby_worker",
                     handler_class: callable }.merge!(@result.metadata)
          { success: true, result: @result.result, metadata: metadata(false, custom) }
        end

        def failed
          raised = failure.is_a?(Exception)
          kind = raised ? failure.class.name : failure.error_type
          retryable = raised ? Errors::ErrorClassifier.retryable?(failure) : failure.retryable
          more = raised ? context : failure.metadata
          custom = { failed_at: @finished_at, failed_by: "ruby_worker", error_class: kind,
                     handler_class: callable, retryable: retryable }.merge!(more)
          { success: false, result: nil, error_message: ask(:message), backtrace: ask(:backtrace),
            error_class: kind.to_s.delete_prefix("TaskerCore::Errors::"), retryable: retryable,
            error_code: ask(:error_code), metadata: metadata(retryable, custom),
            retry_after: ask(:retry_after) || more[:retry_after] || more["retry_after"] }
        end

        def context
          given = ask(:context)
          given.nil? || given == {} ? {} : { context: given }
        end

        # What a failure says of itself, in code of its own.
        def ask(name)
          failure.public_send(name) if failure.respond_to?(name)
        rescue Exception => e # rubocop:disable Lint/RescueException -- no step may be lost
          "#{failure.class}, whose #{name} raised #{e.class}" if name == :message
        end

        def metadata(retryable, custom)
          { execution_time_ms: @elapsed_ms, handler_version: nil, retryable: retryable,
            completed_at: @finished_at, worker_id: "ruby_worker", worker_hostname: nil,
            started_at: @started_at, custom: custom }
        end

        def callable = @payload[:callable] || @step.step_definition.handler.callable
        def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
      private_constant :Attempt
    end
  end
end
