# frozen_string_literal: true

# Every handler of the end-to-end tests and of the examples.

require_relative "handlers"
require_relative "../../examples/ruby/all"
