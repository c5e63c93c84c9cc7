# frozen_string_literal: true

require "singleton"

module TaskerCore
  module Worker
    # The threads on which handlers run.
    #
    #   Native::Worker#next ──► [one of `count` threads] ──► EventBridge ──► handler
    #
    # Interrupts are masked around "take, then hand on": a claimed step always reaches the bridge,
    # and its completion the library. A thread that a handler ended is replaced.
    class HandlerThreads
      WAIT_MS = 2000       # an idle thread looks around this often, should a wake-up be lost
      WATCH_SECONDS = 0.25 # between looks for handlers that are over their time
      KILL_SECONDS = 1     # what a handler has left after its thread was killed

      # @param worker [Native::Worker]
      # @param count [Integer]
      def initialize(worker, count)
        @worker = worker
        @lock = Mutex.new
        @running = {} # thread => event id, nil once it was interrupted
        @stopping = false
        @lock.synchronize { @threads = Array.new(count) { spawn(:work) } << spawn(:watch) }
      end

      # @return [Integer] handlers that run now
      def busy = @lock.synchronize { @running.size }

      # Gives every running step back: another attempt will follow at once, here or elsewhere.
      def give_back
        @lock.synchronize { @running.values.compact }.each { |id| @worker.release(id, true) }
      end

      # The native worker is about to stop: threads that end are not replaced.
      def stopping!
        @stopping = true
        @threads.last.kill # the watcher's sleep
      end

      # Call it once the native worker has stopped. Kills what is still running.
      def join
        @lock.synchronize { @threads - @running.keys }.each { |thread| thread.join(KILL_SECONDS) }
        @threads.each(&:kill).each { |thread| thread.join(KILL_SECONDS) }
      end

      private

      def spawn(job)
        Thread.handle_interrupt(Object => :never) do
          Thread.new do
            Thread.current.name = "tasker #{job}"
            over = Logger.instance.attempt("tasker #{job}", Exception) { send(job) || true }
          ensure
            replace(Thread.current, job) unless over || @stopping || !FFI.running?
          end
        end
      end

      def replace(thread, job)
        @lock.synchronize { @threads.map! { |one| one.equal?(thread) ? spawn(job) : one } }
      end

      # A thread that is done takes its next step without letting the GVL go.
      def work
        until @stopping
          event = @worker.next(0) || @worker.next(WAIT_MS)
          return if event == false

          hand_on(event) if event
          interruptible
        end
      end

      def hand_on(event)
        id = event["event_id"]
        @lock.synchronize { @running[Thread.current] = id }
        handled = Logger.instance.attempt("step #{event["step_uuid"]}", Exception) do
          EventBridge.instance.publish_step_execution(event)
        end
      ensure
        overdue = @lock.synchronize { @running.delete(Thread.current) }.nil?
        drain_timeout if overdue
        let_go(id) if overdue || !handled
      end

      # A step that nobody completed is tried again; to one that is complete this does nothing.
      def let_go(id)
        Logger.instance.attempt("giving back #{id}") do
          @worker.release(id, true)
          @worker.finished(id)
        end
      end

      def interruptible
        Thread.handle_interrupt(Object => :immediate) { nil } if Thread.pending_interrupt?
      end

      # The interrupt may have come after the handler had returned.
      def drain_timeout
        Thread.handle_interrupt(Errors::TimeoutError => :immediate) { nil }
      rescue Errors::TimeoutError
        nil
      end

      def watch
        until @stopping
          Thread.handle_interrupt(Object => :immediate) { sleep WATCH_SECONDS }
          while (id = @worker.overdue)
            interrupt(id)
          end
        end
      end

      def interrupt(id)
        @lock.synchronize do
          thread = @running.key(id)
          next if thread.nil? || ending?(thread)

          @running[thread] = nil
          thread.raise(Errors::TimeoutError, "the step's time is over")
        end
      end

      # Is it in an ensure block, on its way out? Ruby's own names of frames say so.
      def ending?(thread)
        thread.backtrace_locations.to_a.any? { |frame| frame.label.start_with?("ensure in") }
      end
    end

    # Starts and stops the worker of this process.
    #
    #   start! ──► FFI.bootstrap_worker ──► HandlerThreads      shutdown! ──► drain ──► stop
    class Bootstrap
      include Singleton
      include Logging

      DRAIN_SECONDS = FFI::DRAIN_MS / 1000
      # What each signal writes into the pipe that run! reads: "!" ends, and gives back when that is
      # under way; "-" only ends; "?" asks for the status.
      SIGNALS = { "INT" => "!", "TERM" => "!", "USR1" => "?" }.freeze

      # @!attribute [r] state
      #   @return [Symbol] :initialized, :running, :shutting_down or :stopped
      # @!attribute [r] config
      #   @return [Hash] what it was started with
      # @!attribute [r] web
      #   @return [WebServer, nil] the HTTP server in this process
      attr_reader :state, :config, :web

      # Starts the worker and returns.
      #
      # @param config [Hash] store:, templates:, threads:, namespaces:, worker_id:; enable_web_api:,
      #   listen: (address and port) for an HTTP server in this process; deployment_mode:
      #   "Hybrid", "EventDrivenOnly" or "PollingOnly"; migrate: true brings older tables up to
      #   date; what is missing is taken from the configuration and the environment
      # @return [Bootstrap] the one instance, also when it runs already
      # @raise [Errors::FFIError, Errors::ConfigurationError]
      def self.start!(config = {}, **more) = instance.start!(config.to_h.merge(more))

      # Starts the worker and blocks until SIGINT or SIGTERM; a second one gives running steps back
      # at once. SIGUSR1 prints the status. A block is called once the worker runs.
      #
      # @return [Boolean] were all handlers done?
      def self.run!(config = {}, **more, &on) = instance.run!(config.to_h.merge(more), &on)

      def initialize
        @lock = Mutex.new
        @state = :initialized
        @config = {}
        @on_shutdown = []
      end

      # (see .start!)
      def start!(config = {})
        @lock.synchronize do
          next if running?

          @config = config.to_h.transform_keys(&:to_sym)
          start
        end
        self
      end

      # (see .run!)
      def run!(config = {})
        signals, writer = IO.pipe
        previous = trap_signals(writer, config.fetch(:signals, SIGNALS))
        start!(config)
        yield if block_given?
        logger.info("#{FFI.runtime} runs; SIGINT or SIGTERM ends it")
        $stdout.puts(JSON.generate(status)).then { $stdout.flush } while signals.getc == "?"
        logger.info("waits for #{@threads&.busy || 0} handlers; a second signal gives them back")
        drain = Thread.new do
          shutdown!
        ensure
          writer.putc "."
        end
        (byte = signals.getc) == "!" && @threads&.give_back until byte == "."
        drain.value.tap { |done| logger.info(done ? "stopped" : "stopped; steps were given back") }
      ensure
        previous&.each { |name, handler| Signal.trap(name, handler || "DEFAULT") }
        [signals, writer].each { |io| io&.close }
      end

      # Lets handlers finish, gives the rest back, and stops. Again: no effect.
      #
      # @param timeout [Numeric] seconds
      # @return [Boolean] were all handlers done?
      def shutdown!(timeout: DRAIN_SECONDS)
        @lock.synchronize do
          return true unless @state == :running

          @state = :shutting_down
          drained = @pid == Process.pid ? stop(timeout) : true
          @state = :stopped
          drained
        end
      end

      # @return [Boolean]
      def running? = @state == :running && rust_handle_running?

      # @return [Boolean] does the native worker run?
      def rust_handle_running? = !@handle.nil? && FFI.running?

      # @return [Hash]
      def status
        id, name = @handle&.values_at("handle_id", "worker_id")
        { rust: FFI.worker_status,
          ruby: { status: @state, handle_stored: !@handle.nil?, handle_id: id, worker_id: name,
                  event_bridge_active: EventBridge.instance.active?,
                  handler_registry_size: Registry::HandlerRegistry.instance.handlers.size,
                  handlers_busy: @threads&.busy || 0, subscriber_stats: @subscriber&.stats,
                  subscriber_active: @subscriber&.active? || false } }
      rescue StandardError => e
        { error: e.message, ruby: { status: @state } }
      end

      # @return [Hash] healthy, status, and what was looked at
      def health_check
        return { healthy: false, status: @state, error: "not_running" } unless running?

        rust, ruby = status.fetch_values(:rust, :ruby)
        { healthy: rust["worker_core_status"] == "Running", status: @state, ruby: ruby,
          rust: rust.slice("running", "worker_core_status").transform_keys(&:to_sym) }
      rescue StandardError => e
        { healthy: false, status: @state, error: e.message }
      end

      # Runs the block with the native worker's handle, which is started if need be.
      def with_rust_handle
        start!(@config) unless running?
        yield @handle
      end

      # Adds a block that runs when the worker stops.
      def on_shutdown(&block) = @on_shutdown << block

      private

      def start
        @handle = FFI.bootstrap_worker(@config)
        @web = WebServer.start(@config, FFI.runtime)
        EventBridge.instance.start!
        @subscriber = StepExecutionSubscriber.current
        @threads = HandlerThreads.new(FFI.runtime.worker, FFI.runtime.threads)
        @pid = Process.pid
        @state = :running
        @at_exit ||= at_exit { shutdown! if @pid == Process.pid }
      rescue StandardError
        FFI.stop_worker
        raise
      end

      def stop(timeout) # rubocop:disable Naming/PredicateMethod
        @web = quietly { @web&.stop } && nil
        @threads.stopping!
        drained = quietly { FFI.transition_to_graceful_shutdown((timeout * 1000).ceil) }
        busy = @threads.busy
        @threads.join
        @subscriber.stop!
        EventBridge.instance.stop!
        quietly { FFI.stop_worker }
        @on_shutdown.each { |block| quietly(&block) }
        @handle = nil
        !drained.nil? && busy.zero?
      end

      def quietly(&block) = logger.attempt("shutting down", &block)

      # A handler of a signal may take no lock: it writes a byte.
      def trap_signals(writer, meanings)
        meanings.to_h do |name, byte|
          [name, Signal.trap(name) { writer.write_nonblock(byte, exception: false) }]
        end
      end
    end
  end
end
