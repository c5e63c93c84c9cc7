# frozen_string_literal: true

module TaskerCore
  # Submits tasks to a store and looks at them; any process may, a worker or not. Thread-safe, and
  # after a fork the child opens the store anew; a SQLite file has to be closed before the fork.
  class Client
    QUERY_NESTING_MAX = 200 # a context of 128 levels, within an answer
    @lock = Mutex.new # of the default client

    class << self
      # @param url [String] a store's URL
      # @param environment [String, nil] whose template overrides apply
      # @param migrate [Boolean] bring older tables up to date; without it they are refused
      # @return [Client]
      # @raise [Errors::FFIError]
      def open(url, environment: nil, read_only: false, must_exist: false, migrate: false)
        new { Native::Store.open(url, environment, migrate, read_only, must_exist) }
      end

      # @return [Client] of the worker's store while one runs here, else of the configured store
      def default
        return new { FFI.runtime.store } if FFI.running?

        @lock.synchronize { @default ||= self.open(TaskerCore.configuration.store) }
      end

      # Closes the configured store; the next call opens it again.
      def reset! = @lock.synchronize { @default = @default&.close }
    end

    # @api private
    # @yieldreturn [Native::Store]
    def initialize(&opening)
      @opening = opening
      @lock = Mutex.new
      native
    end

    # @param request [Hash, Types::TaskTypes::TaskRequest, nil]
    # @param more [Hash] its members: name:, namespace:, context:, version:, priority:, tags:,
    #   idempotency_key:, bypass_steps:, …; and connection: (see ConnectionSubmission)
    # @return [TaskHandle]
    # @raise [Errors::FFIError] the message says which member is wrong; context[:path] too
    def submit(request = nil, **more) = task(submit_request(request, **more).fetch("task_uuid"))

    # Submits all or none, in one transaction.
    #
    # @param requests [Array<Hash>]
    # @param options [Hash] connection:
    # @return [Array<TaskHandle>]
    # @raise [Errors::FFIError]
    def submit_many(requests, **options)
      submit_request(requests.to_a, **options).map { |answer| task(answer.fetch("task_uuid")) }
    end

    # @param request [Hash, Array<Hash>] (see #submit)
    # @return [Hash, Array<Hash>] the engine's answer: task_uuid, step_mapping, known, …
    # @raise [Errors::FFIError]
    def submit_request(request, connection: nil, **members)
      request = request.is_a?(Array) ? request.map { |one| members_of(one) } : members_of(request)
      text = FFI.dump(members.empty? ? request : request.merge(members), "request")
      return parse(native.submit(text, nil)) if connection.nil?

      ConnectionSubmission.run(connection) { |found| native.submit(text, found) }
    end

    # @param uuid [String]
    # @return [TaskHandle] also of a task that does not exist: reading it raises
    def task(uuid) = TaskHandle.new(self, uuid)

    # @param filter [Hash] namespace:, name:, version:, state:, tag:, correlation_id:, limit:,
    #   after:
    # @return [Hash] tasks, and next: a cursor for after:, or nil
    def tasks(**filter) = query(Native::Store::QUERY_TASKS, filter)

    # @return [Hash] tasks by state, and what is ready, running and waiting
    def counts(**filter) = query(Native::Store::QUERY_COUNTS, filter)

    # @return [Object] what the store answers
    # @raise [Errors::FFIError]
    def query(kind, filter) = parse(native.query(kind, FFI.dump(filter, "filter")))

    # @return [true]
    # @raise [Errors::FFIError] its state does not allow it
    def act(name, uuid, result: nil, actor: nil, reason: nil)
      native.act(name, uuid, result.nil? ? nil : FFI.dump(result, "result"), actor, reason)
    end

    # @param timeout_ms [Integer]
    # @return [Boolean] does the task rest?
    def rests?(uuid, timeout_ms) = !native.wait(uuid, timeout_ms).nil?

    # Closes the store. A later call opens it again.
    #
    # @return [nil]
    def close = @lock.synchronize { @native = @native&.close }

    private

    def native
      @lock.synchronize do
        @native = nil unless @pid == Process.pid
        @pid = Process.pid
        @native ||= @opening.call
      end
    end

    def members_of(request)
      request = request.to_ffi_hash if request.respond_to?(:to_ffi_hash)
      request.to_h.transform_keys(&:to_sym)
    end

    def parse(text) = JSON.parse(text, max_nesting: QUERY_NESTING_MAX)
  end

  # A submitted task.
  class TaskHandle
    LOOK_MS = 200 # the longest stretch in which a wait cannot be interrupted

    # @return [String]
    attr_reader :uuid

    # @param client [Client]
    # @param uuid [String]
    def initialize(client, uuid)
      @client = client
      @uuid = uuid
    end

    # Waits until the task rests: complete, blocked, cancelled, error or resolved.
    #
    # @param timeout [Numeric, nil] seconds; nil waits for ever
    # @return [TaskHandle] itself
    # @raise [Errors::TimeoutError]
    def wait(timeout: nil)
      give_up_at = clock + (timeout || Float::INFINITY)
      until @client.rests?(uuid, ((give_up_at - clock) * 1000).clamp(0, LOOK_MS).ceil)
        next if clock < give_up_at

        raise Errors::TimeoutError.new("task #{uuid} does not rest after #{timeout} s",
                                       timeout_duration: timeout)
      end
      self
    end

    # @return [Hash] the task with its execution context and its steps
    def to_h = @client.query(Native::Store::QUERY_TASK, task_uuid: uuid)

    # @return [String] all_complete, blocked_by_failures, processing, …
    def status = to_h.fetch("execution_status")

    # @return [String] complete, blocked_by_failures, steps_in_process, …
    def state = to_h.fetch("state")

    # @param step [String, Symbol] a step's name
    # @return [Object, nil] what its handler returned; nil when it has not
    # @raise [KeyError] the template has no such step
    def result(step)
      found = steps.find { |one| one["name"] == step.to_s }
      raise KeyError, "task #{uuid} has no step #{step}" if found.nil?

      IndifferentHash.copy(found["result"])
    end

    # @return [Array<Hash>] steps with their readiness
    def steps = @client.query(Native::Store::QUERY_STEPS, task_uuid: uuid)

    # @return [Array<Hash>] every state that task and steps went through
    def history = @client.query(Native::Store::QUERY_HISTORY, task_uuid: uuid)

    # Ends the task: no further step of it starts.
    #
    # @return [TaskHandle] itself
    # @raise [Errors::FFIError] it has ended otherwise
    def cancel(actor: nil, reason: nil)
      @client.act("cancel_task", uuid, actor: actor, reason: reason)
      self
    end

    def to_s = "#<TaskerCore::TaskHandle #{uuid}>"
    alias inspect to_s

    private

    def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
