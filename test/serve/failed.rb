# frozen_string_literal: true

# What was expected is not so.
class Failed < StandardError; end
