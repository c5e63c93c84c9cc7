# frozen_string_literal: true

# In the repository the library is two folders up; in a built gem, below the extension.
header = %w[ext/tasker_core/core/include/tasker.h ../../include/tasker.h]
         .map { |path| File.expand_path(path, __dir__) }.find { |path| File.exist?(path) }

Gem::Specification.new do |spec|
  spec.name = "tasker_core"
  spec.version = File.read(header)[/^#define TASKER_VERSION "(.+)"/, 1]
  spec.summary = "Durable workflows whose steps are Ruby classes"
  spec.description = "A worker for the Tasker workflow engine: native code claims steps and " \
                     "keeps their results, dry-events hands each to its handler."
  spec.authors = ["The Tasker authors"]
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  spec.metadata = { "rubygems_mfa_required" => "true" }

  spec.files = Dir.chdir(__dir__) do
    Dir["lib/**/*.rb", "exe/*", "sig/**/*.rbs", "ext/**/*.{rb,c,h,map,sql,json}", "LICENSE*"]
  end
  spec.bindir = "exe"
  spec.executables = ["tasker-worker"]
  spec.extensions = ["ext/tasker_core/extconf.rb"]
  spec.require_paths = ["lib"]

  spec.add_dependency "dry-events", "~> 1.0"
  spec.add_dependency "dry-struct", "~> 1.6"
  spec.add_dependency "dry-types", "~> 1.7"
end
