# frozen_string_literal: true

require "monitor"
require "singleton"
require_relative "../logger"

module TaskerCore
  # Who does which step.
  module Registry
    # Knows the handlers by the names that templates call them by.
    #
    #   template's `callable` ──► [HandlerRegistry] ──► object with `call` ──► invoke
    #
    # A handler is a class that answers to `call` itself (or any such object), or a class whose
    # objects do; it needs no particular parent. A name that was not registered is looked for among
    # the loaded constants, then by the end of the name among the descendants of StepHandler::Base,
    # then in the application's folders.
    class HandlerRegistry
      include Singleton
      include Logging

      FOLDERS = %w[app/handlers lib/handlers handlers app/tasker/handlers
                   lib/tasker/handlers].freeze
      TEST_FOLDERS = %w[spec/handlers/examples/**].freeze
      CONSTANT_NAME = /\A(::)?[A-Z]\w*(::[A-Z]\w*)*\z/
      private_constant :FOLDERS, :TEST_FOLDERS, :CONSTANT_NAME

      # @return [Hash{String => Class, #call}] what is registered; a frozen snapshot
      attr_reader :handlers

      def initialize
        @handlers = {}.freeze
        @lock = Monitor.new
        discover!
      end

      # Registers the handlers that the templates of a folder name, and those of a test run.
      # Names without a class are left out: another worker may have them.
      #
      # @param directory [String, nil]
      # @return [Array<String>] (see #registered_handlers)
      def discover!(directory = nil)
        names = TemplateDiscovery::HandlerDiscovery.discover_all_handlers(directory)
        (names + TestEnvironment.handler_names).each do |name|
          # One class that cannot be loaded does not stop the others; whoever calls it is told why.
          logger.attempt("handler #{name} cannot be loaded", ScriptError) { find(name) }
        end
        registered_handlers
      end

      # @param name [String] what templates call it by
      # @param handler [Class, #call]
      # @return [Class, #call] the handler
      # @raise [Errors::ConfigurationError] it has no `call`
      def register_handler(name, handler)
        reason = "handler #{name} (#{handler.inspect}) has no call method"
        raise Errors::ConfigurationError, reason unless callable?(handler)

        @lock.synchronize { @handlers = @handlers.merge(name.to_s => handler).freeze }
        handler
      end

      # @param name [String] a template's callable
      # @param config [Hash] given to handlers whose constructor demands one
      # @return [#call, nil] a new handler, or nil when nobody knows the name
      def resolve_handler(name, config: {})
        handler = find(name.to_s)
        return handler if handler.nil? || handler.respond_to?(:call)

        bare = [0, -1].include?(handler.instance_method(:initialize).arity)
        bare ? handler.new : handler.new(config: config)
      end

      # Runs a handler by the form of its `call`: one argument is a context, three are task,
      # sequence and step.
      #
      # @param handler [#call]
      # @param step [Models::TaskSequenceStepWrapper]
      # @param event_id [String, nil]
      # @return [Object] what the handler returned
      def invoke(handler, step, event_id: nil)
        context = Models::StepContext.new(step, event_id: event_id) if context_form?(handler)
        return handler.call(context) if context

        handler.call(step.task, step.dependency_results, step.workflow_step)
      end

      # @return [Boolean]
      def handler_available?(name) = !find(name.to_s).nil?

      # @return [Array<String>] names in order
      def registered_handlers = handlers.keys.sort

      # @return [Hash]
      def template_discovery_info
        discovery = TemplateDiscovery::HandlerDiscovery
        { template_path: TemplateDiscovery::TemplatePath.find_template_config_directory,
          template_files: TemplateDiscovery::TemplatePath.discover_template_files,
          discovered_handlers: discovery.discover_all_handlers,
          handlers_by_namespace: discovery.discover_handlers_by_namespace,
          environment: TaskerCore.configuration.environment }
      end

      private

      def find(name)
        @handlers[name] || @lock.synchronize do
          handler = @handlers[name] || look_up(name)
          register_handler(name, handler) if handler
        end
      end

      def look_up(name)
        return nil unless CONSTANT_NAME.match?(name)

        loaded(name) || (load_file(name) && loaded(name))
      end

      def loaded(name) = constant(name) || descendant(name)

      def constant(name)
        found = Object.const_get(name)
        found if callable?(found)
      rescue TypeError
        nil # part of the name is no module
      rescue NameError => e
        # The name's own absence is what we ask about; an error inside its file is not.
        raise unless e.instance_of?(NameError) && name.split("::").include?(e.name.to_s)
      end

      def descendant(name)
        found = ObjectSpace.each_object(StepHandler::Base.singleton_class)
                           .select { |handler| handler.name&.end_with?("::#{name}") }
        return found.first if found.size < 2

        names = found.map(&:name).sort.join(", ")
        logger.warn("handler #{name} may be any of #{names}: the template has to name one in full")
        nil
      end

      def load_file(name)
        file = name.split("::").last.gsub(/([a-z\d])([A-Z])/, '\1_\2').downcase
        folders = TestEnvironment.test? ? FOLDERS + TEST_FOLDERS : FOLDERS
        path = Dir.glob(folders.map { |folder| File.expand_path("#{folder}/#{file}.rb") }).first
        path && (require(path) || true)
      end

      def callable?(handler)
        handler.respond_to?(:call) || (handler.is_a?(Class) && handler.method_defined?(:call))
      end

      def context_form?(handler)
        method = handler.is_a?(Proc) ? handler : handler.method(:call)
        return method.arity == 1 if [1, 3].include?(method.arity)

        kinds = method.parameters.map(&:first)
        kinds.none?(:rest) && kinds.count { |kind| %i[req opt].include?(kind) } < 3
      end
    end
  end
end
