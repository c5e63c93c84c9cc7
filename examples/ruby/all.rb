# frozen_string_literal: true

# Loads the handlers of all examples: `tasker-worker -r examples/ruby/all.rb`.
require "tasker_core"

Dir.glob("*/handlers/*.rb", base: __dir__).sort.each { |file| require_relative file }
