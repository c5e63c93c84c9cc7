# frozen_string_literal: true

require "json"

class Answer
  attr_reader :status, :text, :headers

  def initialize(response)
    @status = response.code.to_i
    @text = response.body.to_s.dup.force_encoding("UTF-8")
    @headers = response
  end

  def json
    @json ||= JSON.parse(@text)
  end

  def [](name)
    json[name]
  end

  def code
    json.dig("error", "code")
  end
end
