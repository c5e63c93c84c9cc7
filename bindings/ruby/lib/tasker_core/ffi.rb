# frozen_string_literal: true

module TaskerCore
  # The worker of this process, as functions: what the native library is asked for.
  #
  #   Bootstrap ──► bootstrap_worker, stop_worker    ┌──► Native::Store, Native::Worker
  #   EventBridge ──► send_step_completion_event ──► [ffi.rb]
  #
  # Returned Hashes have String keys; Hashes that are taken may have String or Symbol keys. Errors
  # are {Errors::FFIError}. All functions may be called by any thread.
  module FFI
    DRAIN_MS = 30_000
    BACKTRACE_LINES_MAX = 50
    DELAY_MS_MAX = 1000 * 60 * 60 * 24 * 365
    NO_FAILURE = [false, nil, nil, nil, nil, nil].freeze

    # A result or metadata that JSON cannot express; the message says where.
    class PayloadError < Errors::FFIError; end

    # What a running worker consists of; templates is the folder they came from, if any.
    Runtime = Struct.new(:store, :worker, :handle_id, :worker_id, :namespaces, :environment, :url,
                         :templates, :threads, :pid, keyword_init: true) do
      # @return [String] who runs with what; without the password of the store
      def to_s
        "worker #{worker_id} (store #{url.sub(%r{//[^/]*@}, "//").sub(/\A(p.*?)\?.*/, '\1')}, " \
          "templates #{templates || "of the store"}, #{threads} threads)"
      end
    end

    @lock = Mutex.new
    @runtime = nil

    class << self
      # Opens the store, registers the templates and starts claiming steps.
      #
      # @param config [Hash, nil] store, templates, threads, namespaces, worker_id, callables,
      #   deployment_mode ("PollingOnly" uses no wake-ups); each falls back to the configuration
      # @return [Hash] handle_id, status ("started" or "already_running"), message, worker_id
      # @raise [Errors::FFIError]
      def bootstrap_worker(config = nil)
        @lock.synchronize do
          return describe("already_running", "Worker system is already running") if running?

          @runtime = open_runtime(settings(config.to_h.transform_keys(&:to_sym).compact))
          describe("started", "Worker system started")
        end
      end

      # Lets running handlers finish, and gives back what did not begin.
      #
      # @param timeout_ms [Integer] gives back what still runs after this time
      # @return [String]
      # @raise [Errors::FFIError] it is not running
      def transition_to_graceful_shutdown(timeout_ms = DRAIN_MS)
        drained = runtime.worker.stop(timeout_ms)
        drained ? "Worker system drained" : "Worker system gave back handlers that still run"
      end

      # Stops at once: what still runs is given back.
      #
      # @return [String]
      def stop_worker
        stopped = @lock.synchronize { @runtime.tap { @runtime = nil } }
        return "Worker system not running" if stopped.nil? || stopped.pid != Process.pid

        # What could not be saved another worker recovers.
        Logger.instance.attempt("stopping") { stopped.worker.stop(0) }
        stopped.worker.close
        stopped.store.close
        "Worker system stopped"
      end

      # @return [Hash] running, and what it runs, or error
      def worker_status
        current = @runtime
        return { "running" => false, "error" => "Worker system not running" } unless running?

        stats = current.worker.stats
        { "running" => true, "environment" => current.environment, "worker_id" => current.worker_id,
          "worker_core_status" => stats["pump_running"] ? "Running" : "Stopped",
          "web_api_enabled" => !Worker::Bootstrap.instance.web.nil?,
          "supported_namespaces" => current.namespaces, "database_pool_size" => 1,
          "database_pool_idle" => 1, "handle_id" => current.handle_id, "stats" => stats }
      rescue Errors::FFIError => e
        { "running" => false, "error" => e.message }
      end

      # Takes the next claimed step. Whoever takes one has to complete it.
      #
      # @param timeout_ms [Integer] waits at most this long; -1 waits until there is one
      # @return [Hash, nil] an event for {receive_step_execution_event}
      # @raise [Errors::FFIError]
      def poll_step_events(timeout_ms = 0) = runtime.worker.next(timeout_ms) || nil

      # Hands an event to its handler, on this thread.
      #
      # @param event [Hash]
      # @return [true]
      def receive_step_execution_event(event)
        Worker::EventBridge.instance.publish_step_execution(event)
      end

      # Records how a step ended.
      #
      # @param completion [Hash] event_id, success, result, metadata, error_message and (else they
      #   are looked for in the metadata) retryable, retry_after (seconds), error_class, error_code,
      #   backtrace
      # @return [nil] also when the step was taken back meanwhile
      # @raise [PayloadError] JSON cannot express it; the step is still open
      # @raise [Errors::FFIError]
      def send_step_completion_event(completion)
        event_id = member(completion, :event_id) if completion.is_a?(Hash)
        raise Errors::FFIError, "a completion is a Hash with an event_id" if event_id.nil?
        return if complete_step_event(event_id, completion)

        Logger.instance.info("step #{member(completion, :step_uuid)}: this result came too late " \
                             "and is not recorded; the step was given back, cancelled or timed out")
        nil
      end

      # @param event_id [String]
      # @param completion [Hash] (see #send_step_completion_event)
      # @return [Boolean] false when the claim is no longer current
      def complete_step_event(event_id, completion)
        metadata = member(completion, :metadata) || {}
        metadata = { value: metadata } unless metadata.is_a?(Hash)
        ok = member(completion, :success) == true
        result = dump(member(completion, :result), "result") if ok
        failure = ok ? NO_FAILURE : failure_fields(completion, metadata)
        runtime.worker.complete(event_id, ok, result, dump_or_tell(metadata), *failure)
      end

      # Gives a running step more time.
      #
      # @param timeout_ms [Integer] from now on
      # @return [Boolean] false when the claim is no longer current
      def extend_step_event(event_id, timeout_ms) = runtime.worker.extend_step(event_id, timeout_ms)

      # @return [Boolean]
      def running? = !@runtime.nil? && @runtime.pid == Process.pid

      # @api private
      # @return [Runtime]
      # @raise [Errors::FFIError]
      def runtime
        current = @runtime
        return current if !current.nil? && current.pid == Process.pid

        reason = current ? "it runs in the process this one was forked from" : "start it first"
        raise Errors::FFIError.new("Worker system not running: #{reason}", operation: "worker")
      end

      # @api private
      # @return [String] JSON
      # @raise [PayloadError]
      def dump(value, name)
        # A generator for each thread: making one takes as long as writing a small result.
        generator = Thread.current[:tasker_generator] ||= JSON::State.new(max_nesting: 128)
        generator.generate(value)
      rescue Exception => e # rubocop:disable Lint/RescueException -- a value's own to_json
        Thread.current[:tasker_generator] = nil # it was left in the middle
        at = flaw(value, "$", []) || "$ (#{e.class})"
        raise PayloadError.new("the #{name} cannot be kept as JSON: #{at}", operation: "complete")
      end

      # @api private
      # @return [String] the time, UTC: "2024-05-06T07:08:09.123456Z"
      def now_text
        Native.timestamp(Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond))
      end

      private

      # What was asked for, over what is configured.
      def settings(config)
        defaults = TaskerCore.configuration
        { store: defaults.store, templates: defaults.templates, threads: defaults.threads,
          namespaces: defaults.namespaces, worker_id: "ruby-worker-#{uuid}", **config,
          environment: defaults.environment }
      end

      def open_runtime(config)
        store = Native::Store.open(*config.values_at(:store, :environment, :migrate), false, false)
        found = put_templates(store, config[:templates])
        namespaces = config[:namespaces] || found["templates"].filter_map { |one| one["namespace"] }
        Runtime.new(store: store, worker: open_worker(store, config), handle_id: uuid,
                    worker_id: config[:worker_id], namespaces: namespaces.map(&:to_s).uniq,
                    url: config[:store], templates: found["directory"],
                    threads: Integer(config[:threads]), environment: config[:environment],
                    pid: Process.pid)
      rescue StandardError
        store&.close
        raise
      end

      def open_worker(store, config)
        registry = Registry::HandlerRegistry.instance
        callables = config[:callables] || registry.discover!(config[:templates])
        folder = config[:templates] || "config/tasks"
        reason = "nothing to run: no template in #{folder} names a handler that is loaded"
        raise Errors::ConfigurationError, reason if callables.empty?

        polls = config[:event_driven_enabled] == false ||
                (config[:deployment_mode] || config[:deployment_mode_hint]) == "PollingOnly"
        Native::Worker.open(store, texts(callables), texts(Array(config[:namespaces])),
                            config[:worker_id].to_s, Integer(config[:threads]), polls)
      end

      # @return [Hash] directory, templates
      def put_templates(store, directory)
        directory ||= TemplateDiscovery::TemplatePath.find_template_config_directory
        return { "templates" => [] } if directory.nil?

        report = JSON.parse(store.put_templates(directory.to_s))
        report["templates"].flat_map { |one| one["errors"] }.each do |error|
          place = error.values_at("file", "line", "message").join(":")
          Logger.instance.error("template refused: #{place}")
        end
        report
      end

      def texts(list) = list.map { |text| text.to_s.dup.freeze }.freeze

      def describe(status, message)
        { "handle_id" => @runtime.handle_id, "worker_id" => @runtime.worker_id,
          "status" => status, "message" => message }
      end

      def uuid = Random.urandom(16).unpack("H8H4H4H4H12").join("-")

      # retryable, retry_after_ms, message, class, code, backtrace
      def failure_fields(completion, metadata)
        sources = [completion, metadata, member(metadata, :custom)].grep(Hash)
        field = ->(name) { sources.map { |source| member(source, name) }.compact.first }
        backtrace = Array(field.call(:backtrace)).first(BACKTRACE_LINES_MAX).join("\n")
        [field.call(:retryable) != false, milliseconds(field.call(:retry_after)),
         field.call(:error_message).to_s, field.call(:error_class)&.to_s,
         field.call(:error_code)&.to_s, backtrace]
      end

      def milliseconds(seconds)
        seconds = Float(seconds, exception: false)
        (seconds * 1000).clamp(0, DELAY_MS_MAX).ceil unless seconds.nil? || seconds.nan?
      end

      # A flaw in the metadata must not cost the step its result.
      def dump_or_tell(metadata)
        dump(metadata, "metadata")
      rescue PayloadError => e
        JSON.generate("metadata_error" => e.message)
      end

      def member(hash, name) = hash.fetch(name) { hash[name.name] }

      # @return [String, nil] the first thing below a value that JSON cannot express, and its path
      def flaw(value, path, above)
        return "#{path} contains itself" if above.any? { |one| one.equal?(value) }
        return "#{path[0, 100]}… is more than 128 levels deep" if above.size > 128

        case value
        when Hash, Array
          inner = items(value, path)
          inner.lazy.filter_map { |place, item| flaw(item, place, [*above, value]) }.first
        else JSON.generate(value) && nil
        end
      rescue Exception => e # rubocop:disable Lint/RescueException -- a value's own to_json or to_s
        what = value.is_a?(String) ? "broken #{value.encoding} text" : e.class
        "#{value.is_a?(Float) ? value : what} at #{path}"
      end

      def items(value, path)
        return value.each_with_index.map { |item, i| ["#{path}[#{i}]", item] } if value.is_a?(Array)

        value.flat_map { |key, one| [["a key of #{path}", key.to_s], ["#{path}.#{key}", one]] }
      end
    end
  end
end
