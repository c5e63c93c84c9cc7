# frozen_string_literal: true

module TaskerCore
  # Finds template files and the handlers they name, as the engine does. What a template lacks is
  # told; the engine is who explains what is wrong with it when the worker registers it.
  module TemplateDiscovery
    # @api private
    # @param path [String, nil] a file or a folder; nil: the folder, as found
    # @return [Hash] path, templates: what the engine says; no templates where there is no folder
    def self.outline(path)
      found = JSON.parse(Native::Store.template_outline(path&.to_s))
      found["templates"].each do |one|
        Logger.instance.warn("template #{one["file"]} is skipped: #{one["error"]}") if one["error"]
      end
      found
    rescue Errors::FFIError # says where it has looked
      { "path" => nil, "templates" => [] }
    end

    # Where templates are: the first of these folders that exists.
    #
    # 1. TASKER_TEMPLATE_PATH
    # 2. WORKSPACE_PATH/config/tasks
    # 3. config/tasks in the projects around the working folder
    # 4. config/tasks in the working folder
    module TemplatePath
      # @return [String, nil] a folder
      def self.find_template_config_directory
        TemplateDiscovery.outline(nil)["path"]&.then { |path| File.expand_path(path) }
      end

      # @param directory [String, nil] nil: as found
      # @return [Array<String>] its `*.yml` and `*.yaml` files, at any depth, in order
      def self.discover_template_files(directory = nil)
        return [] unless directory.nil? || File.directory?(directory)

        TemplateDiscovery.outline(directory)["templates"].map { |one| one["file"] }
      end
    end

    # What the templates of a folder name together; nil is the folder as found.
    module HandlerDiscovery
      # @param directory [String, nil] or one file
      # @return [Array<String>] callables, of tasks and of steps, each once
      def self.discover_all_handlers(directory = nil)
        TemplateDiscovery.outline(directory)["templates"].flat_map { |one| one["callables"] }.uniq
      end

      # @param directory [String, nil] or one file
      # @return [Array<Hash>] name, namespace_name, version, description, file_path, handlers
      def self.discover_template_metadata(directory = nil)
        named = TemplateDiscovery.outline(directory)["templates"].select { |one| one["name"] }
        named.map do |one|
          { name: one["name"], namespace_name: one["namespace"] || "default",
            version: one["version"] || "1.0.0", description: one["description"],
            file_path: one["file"], handlers: one["callables"].uniq }
        end
      end

      # @return [Hash{String => Array<String>}] callables by namespace
      def self.discover_handlers_by_namespace(directory = nil)
        discover_template_metadata(directory)
          .group_by { |one| one[:namespace_name] }
          .transform_values { |templates| templates.flat_map { |one| one[:handlers] }.uniq }
      end
    end

    # The same of one template file.
    module TemplateParser
      # @return [Array<String>] the handlers of the task and of its steps, each once
      def self.extract_handler_callables(file) = HandlerDiscovery.discover_all_handlers(file)

      # @return [Hash, nil] (see HandlerDiscovery.discover_template_metadata)
      def self.extract_template_metadata(file)
        HandlerDiscovery.discover_template_metadata(file).first
      end
    end
  end
end
