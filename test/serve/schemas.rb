# frozen_string_literal: true

require "json"
require "net/http"
require "set"
require "json_schemer"

# The server's description of itself: every answer of every test is held against it, and at the end
# each one that it promises has to have been seen.
class Schemas
  attr_reader :document

  def initialize
    @seen = Set.new
    @validators = {}
  end

  def load(url)
    @document = JSON.parse(Net::HTTP.get(URI("#{url}/api-docs/openapi.json")))
  end

  def empty?
    @document.nil?
  end

  # The path as the document has it and its operation; a literal segment goes before a capture.
  def operation(method, target)
    path = target.sub(/\?.*/, "")
    template = @document["paths"].keys.select { |key| match?(key, path) }
                                 .min_by { |key| key.scan("{").size }
    operation = template && @document["paths"][template][method.to_s]
    [template, operation] if operation
  end

  def check(method, target, answer)
    template, operation = operation(method, target)
    return check_error(answer) unless operation

    content = content_of(operation, answer.status)
    expect content, "#{method} #{template} answers #{answer.status}, which it does not say: " \
                    "#{answer.text[0, 200]}"
    saw(method, template, answer.status)
    check_content(content, answer)
  end

  # Notes an answer that a test reads by itself.
  def saw(method, template, status)
    @seen << [method.to_s, template, status.to_s]
  end

  # Operations and statuses that no test has met.
  def unseen
    @document["paths"].flat_map do |path, operations|
      operations.flat_map do |method, operation|
        own = operation["responses"].reject { |_, told| told.key?("$ref") } # the core's are shared
        own.keys.map { |status| [method, path, status] }
      end
    end - @seen.to_a
  end

  def valid?(name, value)
    validator("#/components/schemas/#{name}").valid?(value)
  end

  private

  def match?(template, path)
    pattern = template.split("/", -1).map do |segment|
      segment.start_with?("{") ? "[^/]+" : Regexp.escape(segment)
    end
    path.match?(/\A#{pattern.join("/")}\z/)
  end

  def content_of(operation, status)
    response = operation["responses"][status.to_s]
    if response&.key?("$ref")
      response &&= @document.dig("components", "responses",
                                 File.basename(response["$ref"]))
    end
    response && response["content"]
  end

  def check_content(content, answer)
    type = answer.headers["Content-Type"].to_s[/\A[^;]+/]
    expect content.key?(type), "the answer is #{type.inspect}, described are #{content.keys}"
    reference = content.dig(type, "schema", "$ref")
    check_value(reference, answer.json) if reference
  end

  def check_error(answer)
    check_value("#/components/schemas/Error", answer.json) if answer.status >= 400
  end

  def check_value(reference, value)
    error = validator(reference).validate(value).first
    return unless error

    raise Failed, "not as #{reference} says: at #{error["data_pointer"]}: #{error["type"]} " \
                  "#{error["details"]} #{error["schema"].to_s[0, 200]} is " \
                  "#{error["data"].inspect[0, 200]}"
  end

  def validator(reference)
    @validators[reference] ||=
      JSONSchemer.schema({ "$ref" => reference, "components" => @document["components"] })
  end
end
