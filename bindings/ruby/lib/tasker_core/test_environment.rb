# frozen_string_literal: true

module TaskerCore
  # In test runs, loads the example handlers of a project and points the worker at its templates.
  module TestEnvironment
    TEMPLATES = "spec/fixtures/templates"
    HANDLERS = "spec/handlers/examples/**/*_handler.rb"
    private_constant :TEMPLATES, :HANDLERS

    class << self
      # @return [Boolean] is this a test run?
      def test?
        ENV["TASKER_ENV"] == "test" || ENV["RAILS_ENV"] == "test" ||
          ENV["TASKER_FORCE_EXAMPLE_HANDLERS"] == "true"
      end

      # @return [Boolean] were handlers loaded?
      def loaded? = handler_names.any?

      # @return [Array<String>] full names of the handlers that were loaded
      def handler_names = @handler_names || []

      # Loads the handlers once, in test runs only. A file that cannot be loaded is reported.
      #
      # @param root [String] the project's folder
      # @return [Boolean] is this a test run?
      def load_if_test!(root = Dir.pwd) # rubocop:disable Naming/PredicateMethod
        return false unless test?

        templates = File.join(root, TEMPLATES)
        ENV["TASKER_TEMPLATE_PATH"] ||= templates if File.directory?(templates)
        @handler_names ||= load_handlers(root)
        true
      end

      # @return [Hash]
      def info
        { test: test?, loaded: loaded?, template_path: ENV.fetch("TASKER_TEMPLATE_PATH", nil),
          handler_names: handler_names }
      end

      private

      def load_handlers(root)
        before = step_handlers
        Dir.glob(File.join(root, HANDLERS)).each do |file|
          Logger.instance.attempt("example handler #{file}", ScriptError) { require file }
        end
        (step_handlers - before).filter_map(&:name).sort
      end

      def step_handlers = ObjectSpace.each_object(StepHandler::Base.singleton_class).to_a
    end
  end
end
