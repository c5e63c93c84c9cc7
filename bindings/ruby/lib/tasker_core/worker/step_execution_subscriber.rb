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
      UNFINISHED = Object.new.freeze
      # An exit status for the child of a handler that forked and came back: the fault is its own.
      FORKED_STATUS = 70
      private_constant :UNFINISHED

      # A handler that was ended from outside: the thread it ran on was killed, or it jumped out.
      class HandlerStopped < Errors::RetryableError; end

      class << self
        # @return [StepExecutionSubscriber] the one that was made last and is active, or a new one
        def current = @current&.active? ? @current : (@current = new)
        attr_writer :current
      end

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
        @@last_second = [nil, nil] # rubocop:disable Style/ClassVars -- and its text

        # @return [Exception, Types::StepHandlerCallResult::Error, nil]
        attr_reader :failure

        def initialize(payload, registry)
          @payload = payload
          @registry = registry
          @step = payload[:task_sequence_step]
          @started_at = Time.now
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
          @finished_at = stamp(Time.now)
          @elapsed_ms = ((clock - @started) * 1000).round
          @failure ||= stopped if @result.nil?
          outcome = @failure ? failed : succeeded
          outcome.merge!(event_id: @payload[:event_id], task_uuid: @payload[:task_uuid],
                         step_uuid: @payload[:step_uuid], completed_at: @finished_at)
        end

        private

        def invoke
          handler = @registry.resolve_handler(callable)
          return around(handler) unless handler.nil?

          raise Errors::ConfigurationError,
                "No handler found for #{callable || "a step without a callable"}"
        end

        def around(handler)
          output = UNFINISHED
          innermost = lambda {
            output = @registry.invoke(handler, @step, event_id: @payload[:event_id])
          }
          TaskerCore.configuration.around_hooks.reverse.inject(innermost) do |inner, hook|
            -> { hook.call(@step, &inner) }
          end.call
          return output unless output.equal?(UNFINISHED)

          raise Errors::ConfigurationError, "an around_step hook did not run the step"
        end

        def stopped
          HandlerStopped.new("the handler was stopped before it returned: its thread was killed, " \
                             "or it threw")
        end

        def succeeded
          custom = { processed_at: @finished_at, processed_by: "ruby_worker",
                     handler_class: callable }.merge!(@result.metadata)
          { success: true, result: @result.result, metadata: metadata(false, custom) }
        end

        def failed
          error = failure.is_a?(Exception) ? of_exception(failure) : of_result(failure)
          more = error.delete(:more)
          custom = { failed_at: @finished_at, failed_by: "ruby_worker",
                     error_class: error[:error_class], handler_class: callable,
                     retryable: error[:retryable] }.merge!(more)
          error[:error_class] = error[:error_class].to_s.delete_prefix("TaskerCore::Errors::")
          error.merge!(success: false, result: nil, metadata: metadata(error[:retryable], custom))
        end

        def of_result(result)
          more = result.metadata
          { error_message: result.message, error_class: result.error_type, more: more,
            error_code: result.error_code, retryable: result.retryable,
            retry_after: more[:retry_after] || more["retry_after"] }
        end

        def of_exception(error)
          context = ask(error, :context)
          { error_message: ask(error, :message), error_class: error.class.name,
            error_code: ask(error, :error_code), retry_after: ask(error, :retry_after),
            retryable: Errors::ErrorClassifier.retryable?(error),
            backtrace: ask(error, :backtrace),
            more: context.nil? || context == {} ? {} : { context: context } }
        end

        # What an error says of itself, in code of its own.
        def ask(error, name)
          error.public_send(name) if error.respond_to?(name)
        rescue Exception => e # rubocop:disable Lint/RescueException -- no step may be lost
          "#{error.class}, whose #{name} raised #{e.class}" if name == :message
        end

        def metadata(retryable, custom)
          { execution_time_ms: @elapsed_ms, handler_version: nil, retryable: retryable,
            completed_at: @finished_at, worker_id: "ruby_worker", worker_hostname: nil,
            started_at: stamp(@started_at), custom: custom }
        end

        def callable = @payload[:callable] || @step.step_definition.handler.callable
        def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)

        # UTC. The part down to the second is the same for thousands of steps, and strftime is slow.
        def stamp(time)
          last = @@last_second
          unless last[0] == time.to_i
            last = [time.to_i, time.getutc.strftime("%Y-%m-%dT%H:%M:%S.")]
            @@last_second = last # rubocop:disable Style/ClassVars
          end
          "#{last[1]}#{time.usec.to_s.rjust(6, "0")}Z"
        end
      end
      private_constant :Attempt
    end
  end
end
