# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require "tasker_core/template_discovery"
require "tasker_core/test_environment"

RSpec.describe TaskerCore::TemplateDiscovery do
  let(:folder) { File.realpath(Dir.mktmpdir) }
  let(:variables) { {} }

  around do |example|
    names = %w[TASKER_TEMPLATE_PATH WORKSPACE_PATH TASKER_ENV RAILS_ENV
               TASKER_FORCE_EXAMPLE_HANDLERS]
    before = names.to_h { |name| [name, ENV.fetch(name, nil)] }
    names.each { |name| ENV.delete(name) }
    Dir.chdir(folder) { example.run }
  ensure
    ENV.update(before)
    FileUtils.rm_rf(folder)
  end

  before { allow(TaskerCore::Logger.instance).to receive_messages(warn: nil, error: nil) }

  def write(path, text = "")
    FileUtils.mkdir_p(File.join(folder, File.dirname(path)))
    File.write(File.join(folder, path), text)
    File.join(folder, path)
  end

  def make(path) = FileUtils.mkdir_p(File.join(folder, path)).first

  describe TaskerCore::TemplateDiscovery::TemplatePath do
    it "takes the first folder that exists: variable, workspace, project, working folder" do
      make("elsewhere")
      make("workspace/config/tasks")
      make("project/config/tasks")
      make("project/deep/down/config/tasks")
      write("project/Gemfile")
      Dir.chdir("project/deep/down") do
        found = -> { described_class.find_template_config_directory }
        ENV["TASKER_TEMPLATE_PATH"] = File.join(folder, "elsewhere")
        ENV["WORKSPACE_PATH"] = File.join(folder, "workspace")

        expect(found.call).to eq(File.join(folder, "elsewhere"))
        ENV["TASKER_TEMPLATE_PATH"] = File.join(folder, "nowhere")
        expect(found.call).to eq(File.join(folder, "workspace/config/tasks"))
        ENV["WORKSPACE_PATH"] = ""
        expect(found.call).to eq(File.join(folder, "project/config/tasks"))
        FileUtils.rm_rf(File.join(folder, "project/config"))
        expect(found.call).to eq(File.join(folder, "project/deep/down/config/tasks"))
      end
    end

    it "finds files at any depth, in order, and only templates" do
      expected = %w[t/a.yaml t/b/c.yml t/b/d.yaml].map { |path| write(path) }
      write("t/b/e.yaml.backup")
      write("t/f.json")

      expect(described_class.discover_template_files(File.join(folder, "t"))).to eq(expected)
    end

    it "finds none where there is no folder" do
      expect(described_class.discover_template_files(nil)).to eq([])
      expect(described_class.discover_template_files("/does/not/exist")).to eq([])
    end
  end

  describe TaskerCore::TemplateDiscovery::TemplateParser do
    current = <<~YAML
      name: order
      namespace_name: shop
      version: 1.0.0
      metadata: {created_at: 2025-01-02T03:04:05Z, updated_at: 2025-01-02}
      task_handler: {callable: Shop::Order}
      steps:
        - {name: a, handler: {callable: Shop::A}, retry: {limit: 3}}
        - {name: b, handler: {callable: Shop::B}}
        - {name: c, handler: {callable: Shop::A}}
    YAML
    symbols = <<~YAML
      :name: order
      :namespace_name: shop
      :version: 1.0.0
      :task_handler:
        :callable: Shop::Order
      :steps:
        - :name: a
          :handler:
            :callable: Shop::A
        - :name: b
          :handler:
            :callable: Shop::B
    YAML

    { "String keys" => current, "Symbol keys" => symbols }.each do |form, yaml|
      it "reads handlers and names (#{form})" do
        file = write("t.yaml", yaml)

        expect(described_class.extract_handler_callables(file)).to eq(%w[Shop::Order Shop::A Shop::B])
        expect(described_class.extract_template_metadata(file))
          .to eq(name: "order", namespace_name: "shop", version: "1.0.0", description: nil,
                 file_path: file, handlers: %w[Shop::Order Shop::A Shop::B])
      end
    end

    { "nothing" => "", "no map" => "- 1\n", "broken YAML" => "a: [",
      "aliases" => "a: &x 1\nb: *x\n",
      "an object" => "--- !ruby/object:Object {}\n", "bytes" => "\xFF\xFE\x00",
      "steps: 1" => "steps: 1",
      "odd steps" => "steps: [1, {handler: 2}, {handler: {callable: [3]}}]\n",
      "a nil handler" => "task_handler:\nsteps:\n  - {name: a}\n" }.each do |what, yaml|
      it "gets nothing out of a file with #{what}" do
        file = write("t.yaml", yaml)

        expect(described_class.extract_handler_callables(file)).to eq([])
        expect(described_class.extract_template_metadata(file)).to be_nil
      end
    end

    it "skips what is too large or not there" do
      large = write("large.yaml", "name: x\n#{"#" * (1024 * 1024)}")

      expect(described_class.extract_handler_callables(large)).to eq([])
      expect(described_class.extract_handler_callables("none.yaml")).to eq([])
      expect(TaskerCore::Logger.instance).to have_received(:warn).twice
    end
  end

  describe TaskerCore::TemplateDiscovery::HandlerDiscovery do
    before do
      write("t/a.yaml", "{name: a, namespace_name: x, steps: [{handler: {callable: A}}]}")
      write("t/b.yaml", "{name: b, steps: [{handler: {callable: A}}, {handler: {callable: B}}]}")
      write("t/bad.yaml", "a: [")
      ENV["TASKER_TEMPLATE_PATH"] = File.join(folder, "t")
    end

    it "puts all templates of the folder together" do
      expect(described_class.discover_all_handlers).to eq(%w[A B])
      expect(described_class.discover_template_metadata.map { |one| one[:name] }).to eq(%w[a b])
      expect(described_class.discover_handlers_by_namespace)
        .to eq("x" => ["A"], "default" => %w[A B])
    end
  end

  describe TaskerCore::TestEnvironment do
    subject(:environment) { described_class }

    before { environment.instance_variable_set(:@handler_names, nil) }
    after { environment.instance_variable_set(:@handler_names, nil) }

    [[{}, false], [{ "TASKER_ENV" => "test" }, true], [{ "RAILS_ENV" => "test" }, true],
     [{ "TASKER_FORCE_EXAMPLE_HANDLERS" => "true" }, true],
     [{ "TASKER_ENV" => "production" }, false]]
      .each do |set, active|
      it "is #{"not " unless active}for #{set}" do
        ENV.update(set)

        expect(environment.test?).to be(active)
        expect(environment.load_if_test!(folder)).to be(active)
      end
    end

    it "loads a project's example handlers, and reports those that do not load" do
      ENV["TASKER_ENV"] = "test"
      templates = make("spec/fixtures/templates")
      write("spec/handlers/examples/a/good_handler.rb",
            "class SpecLoadedHandler < TaskerCore::StepHandler::Base; end")
      write("spec/handlers/examples/a/bad_handler.rb", "raise 'no'")

      environment.load_if_test!(folder)

      expect(environment.handler_names).to eq(["SpecLoadedHandler"])
      expect(environment.info).to eq(test: true, loaded: true, template_path: templates,
                                     handler_names: ["SpecLoadedHandler"])
      expect(TaskerCore::Logger.instance).to have_received(:error).with(/bad_handler.rb: Runtime/)
    end
  end
end
