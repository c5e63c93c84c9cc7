# frozen_string_literal: true

require_relative "logger"

module TaskerCore
  # Finds template files and the handlers they name. The engine reads templates by itself; this is
  # how the worker learns which classes it needs.
  module TemplateDiscovery
    # Where templates are: the first of these folders that exists.
    #
    # 1. TASKER_TEMPLATE_PATH
    # 2. WORKSPACE_PATH/config/tasks
    # 3. config/tasks in the project around the working folder
    # 4. config/tasks in the working folder
    module TemplatePath
      PROJECT_FILES = %w[.git Gemfile Cargo.toml package.json pyproject.toml go.mod].freeze

      # @return [String, nil] a folder
      def self.find_template_config_directory
        roots = [ENV.fetch("WORKSPACE_PATH", ""), project_root, Dir.pwd].reject(&:empty?)
        [ENV.fetch("TASKER_TEMPLATE_PATH", ""), *roots.map { |root| "#{root}/config/tasks" }]
          .find { |folder| File.directory?(folder) }
      end

      # @param directory [String, nil] nil: as found
      # @return [Array<String>] its `*.yml` and `*.yaml` files, at any depth, in order
      def self.discover_template_files(directory = nil)
        directory ||= find_template_config_directory
        return [] if directory.nil?

        Dir.glob("**/*.{yml,yaml}", base: directory).sort.map { |file| File.join(directory, file) }
      end

      def self.project_root
        folder = Dir.pwd
        folder = File.dirname(folder) until folder == "/" || project?(folder)
        folder
      end

      def self.project?(folder) = PROJECT_FILES.any? { |file| File.exist?("#{folder}/#{file}") }
      private_class_method :project_root, :project?
    end

    # Reads what the worker needs to know out of one template file. A file that is no template gives
    # nothing; the engine is who explains what is wrong with it.
    module TemplateParser
      FILE_BYTES_MAX = 1024 * 1024

      # @param file [String] a path
      # @return [Array<String>] the handlers of the task and of its steps, each once
      def self.extract_handler_callables(file) = callables(load(file))

      # @param file [String] a path
      # @return [Hash, nil] name, namespace_name, version, description, file_path, handlers
      def self.extract_template_metadata(file)
        template = load(file)
        return nil if template["name"].nil?

        { name: template["name"], namespace_name: template["namespace_name"] || "default",
          version: template["version"] || "1.0.0", description: template["description"],
          file_path: file, handlers: callables(template) }
      end

      def self.callables(template)
        steps = template["steps"]
        handlers = (steps.is_a?(Array) ? steps : []).map do |step|
          step["handler"] if step.is_a?(Hash)
        end
        [template["task_handler"], *handlers]
          .filter_map { |handler| handler["callable"] if handler.is_a?(Hash) }
          .grep(String).uniq
      end

      def self.load(file)
        raise IOError, "larger than #{FILE_BYTES_MAX} bytes" if File.size(file) > FILE_BYTES_MAX

        require "yaml"
        template = YAML.safe_load(File.read(file, encoding: "UTF-8"),
                                  permitted_classes: [Symbol, Time, "Date"])
        template.is_a?(Hash) ? plain_keys(template) : {}
      rescue IOError, SystemCallError, ArgumentError, Psych::Exception => e
        Logger.instance.warn("template #{file} is skipped: #{e.message}")
        {}
      end

      # Templates written by an older tool have keys like `:name:`.
      def self.plain_keys(value)
        case value
        when Hash then value.to_h { |key, item| [key.to_s.delete_prefix(":"), plain_keys(item)] }
        when Array then value.map { |item| plain_keys(item) }
        else value
        end
      end
      private_class_method :callables, :load, :plain_keys
    end

    # What all templates of a folder name together.
    module HandlerDiscovery
      # @param directory [String, nil] nil: as found
      # @return [Array<String>] callables, each once
      def self.discover_all_handlers(directory = nil)
        TemplatePath.discover_template_files(directory)
                    .flat_map { |file| TemplateParser.extract_handler_callables(file) }.uniq
      end

      # @return [Array<Hash>] (see TemplateParser.extract_template_metadata)
      def self.discover_template_metadata(directory = nil)
        TemplatePath.discover_template_files(directory)
                    .filter_map { |file| TemplateParser.extract_template_metadata(file) }
      end

      # @return [Hash{String => Array<String>}] callables by namespace
      def self.discover_handlers_by_namespace(directory = nil)
        discover_template_metadata(directory)
          .group_by { |template| template[:namespace_name] }
          .transform_values { |templates| templates.flat_map { |one| one[:handlers] }.uniq }
      end
    end
  end
end
