# frozen_string_literal: true

require "json"

# Payloads as handlers see them: JSON text that is parsed when it is looked at, and hashes that
# answer to string and to symbol keys.
#
#   native event ──► models.rb ──► [indifferent.rb] ──► handler
#
# ActiveSupport is no dependency: what handlers call on such values (`with_indifferent_access`,
# `deep_symbolize_keys`, `blank?`, `present?`) is here, with the same meaning. Where the application
# has ActiveSupport, its own `blank?` and `present?` hold, whichever is loaded first.
module TaskerCore
  module Models
    # JSON text that nobody has looked into yet. Numbers of any size keep their value.
    class JsonText
      # One level more than the engine accepts, for the event around it.
      DEPTH_MAX = 130

      # @return [String]
      attr_reader :text

      # @param text [String] valid JSON
      def initialize(text)
        @text = text
        freeze
      end

      # @param type [Class, nil] what objects become; nil: Hash
      # @return [Object] a new document at each call
      # @raise [JSON::ParserError]
      def value(type = nil) = JSON.parse(text, max_nesting: DEPTH_MAX, object_class: type)

      # @return [Object] the same with indifferent hashes
      # @raise [JSON::ParserError]
      def indifferent = value(IndifferentHash)
    end
  end

  # A Hash whose keys are Strings and which takes Symbols for them, also in the hashes and arrays
  # inside it. Keys that are neither are left alone.
  class IndifferentHash < Hash
    # Copies a value, so that a handler may write into it.
    #
    # @param value [Object] Hashes and Arrays are copied deeply, JSON text is parsed
    # @return [Object]
    def self.copy(value)
      case value
      when Hash then value.each_with_object(new) { |(key, item), to| to[key] = copy(item) }
      when Array then value.map { |item| copy(item) }
      when Models::JsonText then value.indifferent
      else value
      end
    end

    # Makes what is stored in an indifferent hash indifferent; hashes that are so are not copied.
    #
    # @param value [Object]
    # @return [Object]
    def self.wrap(value)
      case value
      when IndifferentHash then value
      when Array then value.map { |item| wrap(item) }
      else copy(value)
      end
    end

    # @param value [Object]
    # @yieldparam key [String]
    # @yieldreturn [Object] the key to use instead
    # @return [Object] a copy with plain Hashes
    def self.plain(value, &block)
      case value
      when Hash
        value.to_h { |key, item| [key.is_a?(String) ? yield(key) : key, plain(item, &block)] }
      when Array then value.map { |item| plain(item, &block) }
      else value
      end
    end

    def [](key) = super(key.is_a?(Symbol) ? key.name : key)

    def []=(key, value)
      super(to_key(key), IndifferentHash.wrap(value))
    end
    alias store []=

    # Those of Hash that begin with one key,
    %i[key? has_key? include? member? fetch dig delete].each do |name|
      define_method(name) { |key, *more, &block| super(to_key(key), *more, &block) }
    end

    # that take any number of keys,
    %i[values_at fetch_values slice except].each do |name|
      define_method(name) { |*keys, &block| renew(super(*keys.map { |key| to_key(key) }, &block)) }
    end

    # and that answer a Hash made of this one.
    %i[compact select filter reject transform_values].each do |name|
      define_method(name) { |*arguments, &block| renew(super(*arguments, &block)) }
    end

    def update(*others)
      hashes = others.map { |other| IndifferentHash.wrap(other) }
      return super(*hashes) unless block_given?

      super(*hashes) { |*collision| IndifferentHash.wrap(yield(*collision)) }
    end
    alias merge! update

    def merge(*others, &block) = dup.update(*others, &block)
    def replace(other) = clear.update(other)

    def with_indifferent_access = dup
    def deep_stringify_keys = IndifferentHash.plain(self, &:itself)
    alias to_hash deep_stringify_keys
    def deep_symbolize_keys = IndifferentHash.plain(self, &:to_sym)
    def stringify_keys = to_h
    def symbolize_keys = to_h { |key, value| [key.is_a?(String) ? key.to_sym : key, value] }

    private

    def to_key(key) = key.is_a?(Symbol) ? key.name : key
    def renew(made) = made.is_a?(Hash) ? IndifferentHash[made] : made
  end
end

# Handlers ask texts, numbers and nil out of a context whether they are blank, so these have to be
# methods of every object.
unless Object.method_defined?(:blank?)
  class Object # rubocop:disable Style/Documentation
    # @return [Boolean] is it nil, false, empty, or text of white space alone?
    def blank?
      return !match?(/[^[:space:]]/) if is_a?(String)

      respond_to?(:empty?) ? empty? : !self
    end

    # @return [Boolean]
    def present? = !blank?

    # @return [Object, nil] itself, or nil when blank
    def presence = blank? ? nil : self
  end
end
