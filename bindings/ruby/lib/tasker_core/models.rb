# frozen_string_literal: true

require "forwardable"
require_relative "indifferent"

module TaskerCore
  # What a handler is given: read-only views of one claimed step.
  #
  #   native event ──► TaskSequenceStepWrapper ──► handler.call(task, sequence, step)
  #                                          └───► handler.call(StepContext)
  #
  # An event is a Hash with String (or Symbol) keys; any value in it may be {JsonText}, which is
  # parsed when a handler first asks for it. Parts that are missing read as nil, {} or [], so that
  # an event made by hand needs only what its handler looks at. Hashes that are handed out are
  # copies, and may be written into.
  module Models
    # Reads members of an event, whatever form it has.
    class Record
      extend Forwardable

      class << self
        private

        # @param names [Array<Symbol>] members that are handed out
        # @param default [Object] what stands for one that is missing
        def reads(*names, default: nil)
          names.each { |name| define_method(name) { copy(name, default) } }
        end

        # @param parts [Hash{Symbol => Class}] members that are records
        def wraps(**parts)
          parts.each { |name, type| define_method(name) { @copies[name] ||= type.new(raw(name)) } }
        end
      end

      # @param data [Hash, JsonText, nil]
      def initialize(data)
        @data = data
        @copies = {}
      end

      def inspect = "#<#{self.class.name} #{data.inspect}>"

      protected

      # @return [Object, nil] a member as it is in the event
      def raw(name)
        data.fetch(name.name) { data[name] }
      end

      private

      def data
        @data = @data.value if @data.is_a?(JsonText)
        @data.is_a?(Hash) ? @data : {}
      end

      # A member for a handler to look into: hashes as an indifferent copy, the same one each time.
      def copy(name, default = nil)
        @copies.fetch(name) do
          value = IndifferentHash.copy(raw(name))
          @copies[name] = value.nil? ? IndifferentHash.copy(default) : value
        end
      end
    end

    # A task: what was asked for, and by whom.
    class TaskWrapper < Record
      reads :task_uuid, :named_task_uuid, :namespace_name, :status, :complete, :requested_at,
            :completed_at, :created_at, :updated_at, :initiator, :source_system, :reason,
            :identity_hash, :priority, :correlation_id, :parent_correlation_id

      # @!attribute [r] context
      #   @return [IndifferentHash] what was submitted; {} when nothing was
      reads :context, default: {}
      # @!attribute [r] tags
      #   @return [Array] of String; so are `bypass_steps`, the names of the steps that are left out
      reads :tags, :bypass_steps, default: []

      # @return [String, nil]
      def task_name = copy(:task_name) || copy(:name)
      alias name task_name
      # @return [String, nil]
      def task_version = copy(:task_version) || copy(:version)
      alias version task_version

      protected

      # The engine nests most members in a `task` of their own, and the rarer ones in its `fields`.
      def raw(name)
        value = super
        return value unless value.nil? && name != :task && name != :fields

        @inner ||= TaskWrapper.new(super(:task) || super(:fields))
        @inner.raw(name) if @inner.any?
      end

      def any? = data.any?
    end

    # A step as it was when it was claimed.
    class WorkflowStepWrapper < Record
      reads :workflow_step_uuid, :task_uuid, :named_step_uuid, :name, :retryable, :max_attempts,
            :in_process, :processed, :processed_at, :attempt, :attempts, :last_attempted_at,
            :backoff_request_seconds, :skippable, :created_at, :updated_at

      alias step_uuid workflow_step_uuid
      alias step_name name
      alias retry_limit max_attempts

      # @!attribute [r] inputs
      #   @return [IndifferentHash] the handler's `initialization` in the template
      # @!attribute [r] results
      #   @return [IndifferentHash] on a retry, the record of the attempt that failed; else {}
      reads :inputs, :results, default: {}

      # @return [String] the state's word; told from the flags where the event does not name it
      def status
        word = copy(:status) || copy(:current_state)
        return word if word
        return "complete" if processed

        in_process ? "in_progress" : "pending"
      end

      %w[pending enqueued in_progress waiting_for_retry cancelled resolved_manually].each do |word|
        define_method(:"#{word}?") { status == word }
      end
      def complete? = %w[complete resolved_manually].include?(status)
      def in_error? = status == "error"
      def retryable? = retryable ? true : false
      def processed? = processed ? true : false
      def in_process? = in_process ? true : false
    end

    # The results of a step's ancestors, parents and their parents, by step name. Enumerable over
    # the steps themselves.
    class DependencyResultsWrapper < Record
      include Enumerable

      # @param key [String, Symbol, nil] a member of what the step returned
      # @return [IndifferentHash, nil] the whole record of an ancestor (`result`, `success`,
      #   `metadata`, …), or one member of its result; nil when there is no such ancestor
      def get_result(name, key = nil)
        return record(name) if key.nil?

        value = get_results(name)
        value[key] if value.is_a?(Hash)
      end

      # @return [Object, nil] what an ancestor's handler returned
      def get_results(name)
        name = name.to_sym
        @values ||= {}
        @values.fetch(name) { @values[name] = IndifferentHash.copy(result_of(raw(name))) }
      end

      def [](name) = get_result(name)

      # @return [Array<String>] names of the ancestors
      def keys = data.keys.map(&:to_s)
      alias names keys

      def key?(name) = data.key?(name.to_s) || data.key?(name.to_s.to_sym)
      alias has? key?
      alias include? key?

      # @return [WorkflowStepWrapper, nil] an ancestor as a step
      def get(name)
        found = record(name)
        return nil if found.nil?

        failed = found.is_a?(Hash) && found["success"] == false
        WorkflowStepWrapper.new("name" => name.to_s, "results" => found, "processed" => !failed,
                                "status" => failed ? "error" : "complete",
                                "workflow_step_uuid" => (found["step_uuid"] if found.is_a?(Hash)))
      end

      # @yieldparam step [WorkflowStepWrapper]
      def each
        return enum_for(:each) { size } unless block_given?

        keys.each { |name| yield get(name) }
        self
      end

      alias all to_a
      def size = data.size
      alias length size
      def empty? = data.empty?
      def results_by_name = keys.to_h { |name| [name, record(name)] }
      alias to_h results_by_name
      def completed = select(&:complete?)
      def failed = select(&:in_error?)
      def pending = select(&:pending?)
      def all_complete? = all?(&:complete?)

      private

      def record(name) = copy(name.to_sym)

      def result_of(record)
        record = record.value if record.is_a?(JsonText)
        record.is_a?(Hash) ? record.fetch("result") { record.fetch(:result, record) } : record
      end
    end

    # The handler of a step, as the template has it.
    class HandlerWrapper < Record
      # @!attribute [r] callable
      #   @return [String, nil] the class's full name
      reads :callable
      # @!attribute [r] initialization
      #   @return [IndifferentHash]
      reads :initialization, default: {}
    end

    # A step, as the template has it.
    class StepDefinitionWrapper < Record
      reads :name, :description, :system_dependency, :timeout_seconds
      wraps handler: HandlerWrapper
      # @!attribute [r] retry
      #   @return [IndifferentHash]
      reads :retry, default: {}
      # @!attribute [r] dependencies
      #   @return [Array<String>] names of the parents
      reads :dependencies, :publishes_events, default: []
    end

    # One claimed step, with all that belongs to it.
    class TaskSequenceStepWrapper < Record
      wraps task: TaskWrapper, workflow_step: WorkflowStepWrapper,
            step_definition: StepDefinitionWrapper, dependency_results: DependencyResultsWrapper

      # @!method get_dependency_result(name)
      #   @return [IndifferentHash, nil] (see DependencyResultsWrapper#get_result)
      def_delegator :dependency_results, :get_result, :get_dependency_result
      # @!method get_results(name)
      #   @return [Object, nil] (see DependencyResultsWrapper#get_results)
      def_delegator :dependency_results, :get_results

      # @return [Object, nil] a member of the task's context
      def get_task_field(name)
        context = task.context
        context[name.to_s] if context.is_a?(Hash)
      end
    end

    # All that a handler of the form `call(context)` is given, in one object.
    class StepContext
      extend Forwardable

      # @!attribute [r] task_sequence_step
      #   @return [TaskSequenceStepWrapper]
      # @!attribute [r] event_id
      #   @return [String, nil] names this attempt
      attr_reader :task_sequence_step, :event_id

      # @param step [TaskSequenceStepWrapper, Hash]
      def initialize(step, event_id: nil)
        @task_sequence_step = step.respond_to?(:task) ? step : TaskSequenceStepWrapper.new(step)
        @event_id = event_id
      end

      def_delegators :task_sequence_step, :task, :workflow_step, :dependency_results,
                     :step_definition, :get_task_field
      # `context` and `input_data` are the task's context; `step_inputs` is the handler's
      # `initialization` as it was when the task was made.
      def_delegators :task, :namespace_name, :context
      def_delegator :workflow_step, :workflow_step_uuid, :step_uuid
      def_delegator :workflow_step, :inputs, :step_inputs
      # @!method get_dependency_result(name)
      #   @return [Object, nil] what an ancestor's handler returned
      def_delegator :dependency_results, :get_results, :get_dependency_result
      alias input_data context
      alias get_input get_task_field

      def task_uuid = task.task_uuid || workflow_step.task_uuid
      def step_name = workflow_step.name || step_definition.name
      # @return [IndifferentHash] the handler's `initialization` in the template
      def step_config = step_definition.handler.initialization

      # @return [Object] a member of the task's context, or the default where it has none
      def get_input_or(name, default = nil) = [get_task_field(name), default].compact.first

      # @return [Object, nil] a member of the handler's `initialization`
      def get_config(name) = step_config[name.to_s]

      # @return [Object, nil] a member deep in what an ancestor's handler returned
      def get_dependency_field(name, *path)
        path.reduce(get_dependency_result(name)) do |value, key|
          value[key] if value.is_a?(Hash) || (value.is_a?(Array) && key.is_a?(Integer))
        end
      end

      # @return [Integer] attempts that were made before this one
      def retry_count = workflow_step.attempts.to_i
      # @return [Integer] attempts in all
      def max_retries = workflow_step.max_attempts || 3
      def retryable? = workflow_step.retryable != false
      def retry? = retry_count.positive?
      alias is_retry? retry?
      def last_retry? = retry_count + 1 >= max_retries
      alias is_last_retry? last_retry?

      # Progress inside a step is not kept yet: there never is a checkpoint.
      def checkpoint = nil
      def checkpoint_cursor = nil
      def checkpoint_items_processed = 0
      def checkpoint? = false
      alias has_checkpoint? checkpoint?
    end
  end
end
