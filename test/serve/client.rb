# frozen_string_literal: true

require "net/http"
require "time"
require_relative "answer"

# Asks a server; every answer is held against its openapi.json.
class Client
  METHODS = { get: Net::HTTP::Get, post: Net::HTTP::Post, put: Net::HTTP::Put,
              patch: Net::HTTP::Patch, delete: Net::HTTP::Delete }.freeze

  def initialize(url, schemas, key: nil)
    @uri = URI(url)
    @schemas = schemas
    @key = key
  end

  # A body that is no text is sent as JSON.
  def ask(method, path, body = nil, headers = {})
    request = METHODS.fetch(method).new(path, headers)
    request["X-API-Key"] = @key if @key
    request["Content-Type"] ||= "application/json" if body
    request.body = body.is_a?(String) ? body : JSON.generate(body) if body
    http = Net::HTTP.new(@uri.host, @uri.port)
    http.read_timeout = 30
    answer = Answer.new(http.start { |open| open.request(request) })
    @schemas&.check(method, path, answer)
    answer
  end

  METHODS.each_key do |method|
    define_method(method) { |path, body = nil, headers = {}| ask(method, path, body, headers) }
  end

  def task(uuid)
    get("/v1/tasks/#{uuid}").json
  end

  def submit(name, context: {}, namespace: "cli", version: "1.0.0", **more)
    body = { name: name, namespace: namespace, version: version, context: context, **more }
    answer = post("/v1/tasks", body)
    expect_equal 201, answer.status, "submitting #{name}: #{answer.text}"
    answer["task_uuid"]
  end

  def rest(uuid, seconds = 15)
    eventually(seconds, "the end of #{uuid}") do
      task = self.task(uuid)
      task if %w[all_complete blocked_by_failures].include?(task["execution_status"]) ||
              %w[cancelled error resolved_manually].include?(task["state"])
    end
  end

  def step_of(uuid, name)
    get("/v1/tasks/#{uuid}/workflow_steps").json.find { |step| step["name"] == name }
  end
end
