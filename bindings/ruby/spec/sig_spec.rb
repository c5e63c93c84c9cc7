# frozen_string_literal: true

require "spec_helper"
require "tasker_core/worker/bootstrap"

# The signatures name what there is, and nothing else. Needs the gem rbs.
RSpec.describe "sig/" do
  def self.rbs?
    require "rbs"
    true
  rescue LoadError
    false
  end

  if rbs?
    loader = RBS::EnvironmentLoader.new
    loader.add(path: Pathname(File.expand_path("../sig", __dir__)))
    environment = RBS::Environment.from_loader(loader).resolve_type_names
    builder = RBS::DefinitionBuilder.new(env: environment)
    names = environment.class_decls.keys.select { |name| name.to_s.start_with?("::TaskerCore") }

    # What Ruby makes by itself.
    def self.made(holder)
      made = %i[method_missing respond_to_missing?]
      return made unless holder.is_a?(Class) && holder < Struct

      made + holder.members.map { |member| :"#{member}=" } + %i[keyword_init? members []]
    end

    def self.missing(holder, instances, singletons)
      (holder.public_instance_methods(false) - instances.methods.keys) +
        (holder.singleton_methods(false) - singletons.methods.keys) - made(holder)
    end

    def self.absent(holder, name, instances)
      own = instances.methods.select { |_, method| method.implemented_in == name }.keys
      own.reject { |one| holder.method_defined?(one) || holder.private_method_defined?(one) }
    end

    names.each do |name|
      it "describes #{name}" do
        holder = Object.const_get(name.to_s.delete_prefix("::"))
        instances = builder.build_instance(name)

        expect(self.class.missing(holder, instances, builder.build_singleton(name))).to eq([])
        expect(self.class.absent(holder, name, instances)).to eq([])
      end
    end
  else
    it "is checked where the gem rbs is installed"
  end
end
