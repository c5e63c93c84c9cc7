# frozen_string_literal: true

require "json"
require "net/http"
require "tmpdir"

# The HTTP server in a worker's process, over the library's own functions.
RSpec.describe TaskerCore::Worker::WebServer do
  around do |example|
    Dir.mktmpdir { |folder| (@store = "sqlite:#{folder}/tasker.db") && example.run }
  end

  def get(server, path) = Net::HTTP.get_response(URI("#{server.url}#{path}"))

  it "answers on its store until it is stopped" do
    server = described_class.new(store: @store, listen: "127.0.0.1:0")
    answer = get(server, "/v1/counts")
    expect(answer.code).to eq("200")
    expect(JSON.parse(answer.body)).to include("tasks", "steps")
    expect(server.stop).to be(true)
    expect { get(server, "/health") }.to raise_error(Errno::ECONNREFUSED)
    expect { server.stop }.to raise_error(TaskerCore::Errors::FFIError, /closed/)
  end

  it "answers what is taken at the same time by the worker's own handle" do
    store = TaskerCore::Native::Store.open(@store, nil, nil, false, false)
    store.put_template(<<~YAML, "web.yaml")
      name: web
      namespace_name: web
      version: "1.0.0"
      steps: [{name: only, handler: {callable: Web::Only}}]
    YAML
    server = described_class.new(store: @store, listen: "127.0.0.1:0")
    JSON.parse(store.submit('{"name":"web","namespace":"web","version":"1.0.0","context":{}}', nil))
    expect(JSON.parse(get(server, "/v1/counts").body)["tasks"]["running"]).to eq(1)
    server.stop
    store.close
  end

  it "tells why it cannot start" do
    expect { described_class.new(store: @store, listen: "nonsense") }
      .to raise_error(TaskerCore::Errors::FFIError, /expected an address and a port/)
    expect { described_class.new(store: "sqlite::memory:", listen: "127.0.0.1:0") }
      .to raise_error(TaskerCore::Errors::FFIError, /store in memory/)
  end

  it "is not started unless it was asked for" do
    expect(described_class.start({}, nil)).to be_nil
  end
end
