# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require "tasker_core/registry/handler_registry"

# Handlers of every form that a template may name.
module RegistrySpec
  class Classic < TaskerCore::StepHandler::Base
    def call(task, sequence, step) = [task.class, sequence.class, step.class]
  end

  class Context < TaskerCore::StepHandler::Base
    def call(context) = [context.class, context.event_id]
  end

  class Plain
    def call(_task, _sequence, _step) = :plain
  end

  class Itself
    def self.call(context) = context.step_name
  end

  class Configured
    def initialize(config:) = @config = config
    def call(_context) = @config
  end

  class Positional
    def initialize(config) = @config = config
    def call(_context) = @config
  end

  class Broken
    def initialize = raise("cannot be made")
    def call(_context) = nil
  end

  class NoCall; def other = nil; end

  module One
    class SameName < TaskerCore::StepHandler::Base; end
  end

  module Two
    class SameName < TaskerCore::StepHandler::Base; end
  end
end

RSpec.describe TaskerCore::Registry::HandlerRegistry do
  subject(:registry) { described_class.send(:new) }

  let(:step) do
    TaskerCore::Models::TaskSequenceStepWrapper.new({ workflow_step: { name: "pay" } })
  end

  around do |example|
    path = ENV.fetch("TASKER_TEMPLATE_PATH", nil)
    Dir.mktmpdir do |folder|
      ENV["TASKER_TEMPLATE_PATH"] = folder
      Dir.chdir(folder) { example.run }
    end
  ensure
    ENV["TASKER_TEMPLATE_PATH"] = path
  end

  before { %i[warn error].each { |level| allow(TaskerCore::Logger.instance).to receive(level) } }

  it "is one object, also as Worker::HandlerRegistry" do
    expect(described_class.instance).to equal(described_class.instance)
    expect(TaskerCore::Worker::HandlerRegistry).to equal(described_class)
  end

  describe "#resolve_handler" do
    %w[Classic Context Plain].each do |name|
      it "makes a new #{name} each time" do
        first = registry.resolve_handler("RegistrySpec::#{name}")

        expect(first).to be_an_instance_of(RegistrySpec.const_get(name))
        expect(registry.resolve_handler("RegistrySpec::#{name}")).not_to equal(first)
      end
    end

    it "takes a class that does the work itself" do
      expect(registry.resolve_handler("RegistrySpec::Itself")).to equal(RegistrySpec::Itself)
    end

    it "gives the configuration to a constructor that demands it" do
      handler = registry.resolve_handler("RegistrySpec::Configured", config: { a: 1 })

      expect(handler.call(nil)).to eq(a: 1)
    end

    it "finds a descendant of Base by the end of its name" do
      expect(registry.resolve_handler("Classic")).to be_a(RegistrySpec::Classic)
    end

    it "does not guess between two" do
      expect(registry.resolve_handler("SameName")).to be_nil
      expect(TaskerCore::Logger.instance)
        .to have_received(:warn).with(/One::SameName, RegistrySpec::Two::SameName/)
    end

    ["Nobody::Knows", "RegistrySpec::NoCall", "RegistrySpec::Nobody", "", "no constant",
     "RUBY_VERSION::X", "lower::Case", "RegistrySpec::", "A" * 500, nil, "String", "Kernel"]
      .each do |name|
      it "answers nil for #{name.inspect}" do
        expect(registry.resolve_handler(name)).to be_nil
        expect(registry.handler_available?(name)).to be(false)
      end
    end

    it "says what a constructor says" do
      expect { registry.resolve_handler("RegistrySpec::Broken") }.to raise_error("cannot be made")
    end

    it "knows classes that are defined later" do
      expect(registry.resolve_handler("RegistrySpec::Later")).to be_nil
      stub_const("RegistrySpec::Later", Class.new { def call(_context) = :later })
      expect(registry.resolve_handler("RegistrySpec::Later").call(nil)).to eq(:later)
    end

    %w[app/handlers lib/handlers handlers app/tasker/handlers lib/tasker/handlers].each do |folder|
      it "loads a file of #{folder}" do
        name = "FromFile#{folder.hash.abs}Handler"
        FileUtils.mkdir_p(folder)
        File.write("#{folder}/from_file#{folder.hash.abs}_handler.rb",
                   "class #{name}; def call(_context) = :file; end")

        expect(registry.resolve_handler(name).call(nil)).to eq(:file)
      end
    end

    it "tells of an error inside a file that it loads" do
      FileUtils.mkdir_p("handlers")
      File.write("handlers/breaks_when_loaded.rb", "class BreaksWhenLoaded; Undefined::Thing; end")

      expect { registry.resolve_handler("BreaksWhenLoaded") }.to raise_error(NameError, /Undefined/)
    end
  end

  describe "#register_handler" do
    it "takes classes, lambdas and objects with call" do
      registry.register_handler("a", RegistrySpec::Plain)
      registry.register_handler("b", lambda(&:step_name))
      registry.register_handler(:c, RegistrySpec::Plain.new)

      expect(registry.registered_handlers).to eq(%w[a b c])
      expect(registry.handlers).to be_frozen
      expect(registry.handler_available?("c")).to be(true)
    end

    [nil, "x", RegistrySpec::NoCall, RegistrySpec, 1].each do |handler|
      it "refuses #{handler.inspect}" do
        expect { registry.register_handler("a", handler) }
          .to raise_error(TaskerCore::Errors::ConfigurationError, /no call method/)
      end
    end

    it "loses nothing when many threads register" do
      names = Array.new(50) { |i| "h#{i}" }
      threads = names.map do |name|
        Thread.new { registry.register_handler(name, RegistrySpec::Plain) }
      end
      threads.each(&:join)

      expect(registry.registered_handlers).to eq(names.sort)
    end
  end

  describe "#invoke" do
    classic = [TaskerCore::Models::TaskWrapper, TaskerCore::Models::DependencyResultsWrapper,
               TaskerCore::Models::WorkflowStepWrapper]
    context = [TaskerCore::Models::StepContext]
    classes = ->(*arguments) { arguments.map(&:class) }

    {
      "call(task, sequence, step)" =>
        [Class.new { define_method(:call) { |a, b, c| classes.call(a, b, c) } }.new, classic],
      "call(context)" => [Class.new { define_method(:call) { |a| classes.call(a) } }.new, context],
      "call(context = nil)" =>
        [Class.new { define_method(:call) { |a = nil| classes.call(a) } }.new, context],
      "call(context, option: 1)" =>
        [Class.new { define_method(:call) { |a, option: []| classes.call(a) + option } }.new,
         context],
      "call(task, sequence = nil, step = nil)" =>
        [Class.new { define_method(:call) { |a, b = nil, c = nil| classes.call(a, b, c) } }.new,
         classic],
      "call(*arguments)" =>
        [Class.new { define_method(:call) { |*all| classes.call(*all) } }.new, classic],
      "call(task, *others)" =>
        [Class.new { define_method(:call) { |a, *all| classes.call(a, *all) } }.new, classic],
      "->(context)" => [->(a) { classes.call(a) }, context],
      "->(task, sequence, step)" => [->(a, b, c) { classes.call(a, b, c) }, classic],
      "proc { |task, sequence, step| }" => [proc { |a, b, c| classes.call(a, b, c) }, classic]
    }.each do |form, (handler, arguments)|
      it "calls #{form} with #{arguments.size} arguments" do
        expect(registry.invoke(handler, step)).to eq(arguments)
      end
    end

    it "gives the event's id to contexts" do
      handler = registry.resolve_handler("RegistrySpec::Context")

      expect(registry.invoke(handler, step, event_id: "e-1"))
        .to eq([TaskerCore::Models::StepContext, "e-1"])
    end

    it "calls a class that does the work itself" do
      expect(registry.invoke(RegistrySpec::Itself, step)).to eq("pay")
    end
  end

  describe "discovery" do
    before do
      File.write("a.yaml", <<~YAML)
        name: a
        namespace_name: spec
        task_handler: {callable: Missing::TaskHandler}
        steps:
          - {name: x, handler: {callable: RegistrySpec::Classic}}
          - {name: y, handler: {callable: Missing::Step}}
          - {name: z, handler: {callable: ExplodesWhenLoaded}}
      YAML
      FileUtils.mkdir_p("handlers")
      File.write("handlers/explodes_when_loaded.rb", "raise LoadError, 'no such library'")
    end

    it "registers what the templates name and this process has" do
      expect(registry.registered_handlers).to eq(["RegistrySpec::Classic"])
      expect(TaskerCore::Logger.instance)
        .to have_received(:error).with(/ExplodesWhenLoaded.*no such library/)
    end

    it "reports what it looked at" do
      expect(registry.template_discovery_info).to eq(
        template_path: Dir.pwd, template_files: [File.join(Dir.pwd, "a.yaml")],
        discovered_handlers: %w[Missing::TaskHandler RegistrySpec::Classic Missing::Step
                                ExplodesWhenLoaded],
        handlers_by_namespace: { "spec" => %w[Missing::TaskHandler RegistrySpec::Classic
                                              Missing::Step ExplodesWhenLoaded] },
        environment: ENV.fetch("TASKER_ENV", "development")
      )
    end
  end
end
