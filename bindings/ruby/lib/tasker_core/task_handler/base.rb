# frozen_string_literal: true

require_relative "../errors"
require_relative "../logger"

module TaskerCore
  # Task handlers: a template may name one, no step needs it.
  module TaskHandler
    # The parent of task handlers that existing code brings. The engine decides what runs when; a
    # task handler only submits.
    class Base
      include Logging

      # @!attribute [r] task_config_path
      #   @return [String, nil]
      # @!attribute [r] task_config
      #   @return [Hash]
      attr_reader :task_config_path, :task_config

      def initialize(task_config_path: nil, task_config: nil)
        @task_config_path = task_config_path
        @task_config = task_config || {}
      end

      # Submits a task.
      #
      # @param request [Types::TaskTypes::TaskRequest, Hash]
      # @return [TaskerCore::TaskHandle]
      def handle(request, _sequence = nil, _step = nil) = initialize_task(request)

      # @param request (see #handle)
      # @return (see #handle)
      def initialize_task(request) = TaskerCore.submit(request)

      # @return [Boolean] is a worker running in this process?
      def orchestration_ready? = TaskerCore.const_defined?(:FFI) && TaskerCore::FFI.running?

      # @return [Hash]
      def status
        { handler_class: self.class.name, task_config_path: task_config_path,
          orchestration_ready: orchestration_ready? }
      end
    end
  end

  module Handlers
    # See {TaskHandler}.
    module Tasks
      Base = TaskHandler::Base

      # @return (see TaskHandler::Base#handle)
      def self.handle(request) = Base.new.handle(request)

      # @return [TaskHandler::Base]
      def self.create(path = nil, **more) = Base.new(task_config_path: path, **more)
    end
  end
end
