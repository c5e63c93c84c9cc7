# frozen_string_literal: true

require "rubygems/source" # Bundler's parts, which some gems load alone, forget to
require "fileutils"
require "json"
require "tmpdir"
require "tasker_core"

# Runs a worker on a store of its own for the length of a block.
module WorkerHelper
  # @param templates [String] YAML, or a folder
  # @yieldparam url [String] the store's
  def with_worker(templates, threads: 2, **settings)
    Dir.mktmpdir do |folder|
      url = "sqlite:#{folder}/store.db"
      unless File.directory?(templates)
        FileUtils.mkdir_p("#{folder}/tasks")
        File.write("#{folder}/tasks/template.yaml", templates)
        templates = "#{folder}/tasks"
      end
      TaskerCore::Worker::Bootstrap.start!(store: url, templates: templates, threads: threads,
                                           **settings)
      yield url
    ensure
      TaskerCore::Worker::Bootstrap.instance.shutdown!(timeout: 5)
    end
  end
end

RSpec.configure do |config|
  config.include WorkerHelper
  config.disable_monkey_patching!
  config.order = :random
  config.expect_with(:rspec) { |expectations| expectations.syntax = :expect }
  # Those that need a server: script/with-postgres rspec
  config.before(:each, :postgres) do
    skip "no PostgreSQL: script/with-postgres has one" unless ENV["TASKER_TEST_POSTGRES"]
  end
  config.before(:suite) { TaskerCore::Logger.instance.logger.level = Logger::FATAL }
  config.after(:suite) { TaskerCore::Worker::Bootstrap.instance.shutdown!(timeout: 5) }
end
