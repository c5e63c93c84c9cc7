# frozen_string_literal: true

require "socket"
require "tempfile"
require "tasker_core/step_handler/api"

RSpec.describe TaskerCore::StepHandler::Api do
  subject(:api) do
    described_class.new(config: { url: "http://127.0.0.1:#{server.addr[1]}", timeout: 5 })
  end

  let(:server) { TCPServer.new("127.0.0.1", 0) }
  let(:requests) { [] }
  let(:answers) { [] }
  let!(:thread) { Thread.new { serve } }

  after do
    thread.kill
    server.close
  end

  # Answers each request with the next answer: [status, headers, body].
  def serve
    loop do
      socket = server.accept
      head = socket.gets("\r\n\r\n")
      length = head[/content-length: (\d+)/i, 1].to_i
      requests << { head: head, body: length.zero? ? "" : socket.read(length) }
      status, headers, body = answers.shift || [200, {}, "ok"]
      socket.write("HTTP/1.1 #{status} X\r\nConnection: close\r\n",
                   "Content-Length: #{body.bytesize}\r\n",
                   *headers.map { |name, value| "#{name}: #{value}\r\n" }, "\r\n", body)
      socket.close
    end
  end

  def answer(status, headers = {}, body = "") = answers << [status, headers, body]

  it "gets, with a query and headers" do
    answer(200, {}, '{"a":1}')
    response = api.get("/rates", params: { base: "EUR", q: "a b" }, headers: { "X-Key" => "k" })

    expect([response.status, response.body]).to eq([200, '{"a":1}'])
    expect(requests.first[:head]).to start_with("GET /rates?base=EUR&q=a+b HTTP/1.1")
    expect(requests.first[:head]).to match(/x-key: k/i)
  end

  { post: "POST", put: "PUT" }.each do |method, verb|
    it "sends JSON with #{method}" do
      api.public_send(method, "/orders", data: { id: 2**64 })

      expect(requests.first[:head]).to start_with("#{verb} /orders")
      expect(requests.first[:head]).to match(%r{content-type: application/json}i)
      expect(requests.first[:body]).to eq('{"id":18446744073709551616}')
    end
  end

  it "deletes" do
    api.delete("/orders/1")

    expect(requests.first[:head]).to start_with("DELETE /orders/1")
  end

  [400, 401, 403, 404, 422].each do |status|
    it "gives up on #{status}" do
      answer(status, {}, "why")

      expect { api.get("/") }.to raise_error(TaskerCore::Errors::PermanentError) { |error|
        expect([error.error_code,
                error.context]).to eq(["HTTP_#{status}", { status: status, body: "why" }])
      }
    end
  end

  [429, 500, 502, 503, 418, 302].each do |status|
    it "tries #{status} again" do
      answer(status)

      expect { api.get("/") }.to raise_error(TaskerCore::Errors::RetryableError) { |error|
        expect(error.retry_after).to be_nil
      }
    end
  end

  later = (Time.now + 3600).httpdate # the examples before it may take their time
  [[429, "30", 30], [503, "7", 7], [503, later, 2000..3600],
   [503, "Thu, 01 Jan 1970 00:00:00 GMT", 0],
   [503, "soon", nil], [500, "30", nil]].each do |status, value, seconds|
    it "reads Retry-After #{value.inspect} of a #{status} as #{seconds.inspect}" do
      answer(status, "Retry-After" => value)

      expect { api.get("/") }.to raise_error(TaskerCore::Errors::RetryableError) { |error|
        expect(seconds === error.retry_after).to be(true) # rubocop:disable Style/CaseEquality
      }
    end
  end

  it "tells of a server that is not there" do
    port = TCPServer.open("127.0.0.1", 0) { |closed| closed.addr[1] }
    handler = described_class.new(config: { "url" => "http://127.0.0.1:#{port}" })

    expect { handler.get("/x") }.to raise_error(TaskerCore::Errors::NetworkError, %r{get /x})
  end

  it "uploads a file" do
    Tempfile.create("upload.txt") do |file|
      file.write("content")
      file.flush
      api.api_upload_file("/files", file.path, field: "doc")
    end

    expect(requests.first[:body]).to include("content", 'name="doc"', "filename=\"upload.txt")
    boundary = requests.first[:head][/boundary=(\S+)/, 1]
    expect(requests.first[:body]).to end_with("--#{boundary}--\r\n")
  end

  it "reads page after page" do
    answer(200, {}, '{"items":[1,2]}')
    answer(200, {}, '{"items":[3]}')
    answer(200, {}, '{"items":[]}')

    items = api.api_paginated_request("/list", params: { size: 2 }) { |page| page["items"] }
    expect(items).to eq([1, 2, 3])
    expect(requests.map { |request| request[:head][/page=(\d)/, 1] }).to eq(%w[1 2 3])
  end

  it "stops at its limit of pages" do
    3.times { answer(200, {}, "[1]") }

    expect(api.api_paginated_request("/list", pages_max: 2)).to eq([1, 1])
  end

  it "uses Faraday where the application has it" do
    connection = double("Faraday::Connection")
    stub_const("Faraday", Module.new)
    stub_const("Faraday::Error", Class.new(StandardError))
    made = described_class.new(config: { url: "https://api.example" })
    allow(Faraday).to receive(:new).and_return(connection)
    allow(connection).to receive(:run_request).and_return(described_class::Response.new(204, {},
                                                                                        ""))

    expect(made.post("/x", data: { a: 1 }).status).to eq(204)
    expect(connection).to have_received(:run_request)
      .with(:post, "/x", '{"a":1}', { "Content-Type" => "application/json" })

    allow(connection).to receive(:run_request).and_raise(Faraday::Error, "refused")
    expect { made.get("/x") }.to raise_error(TaskerCore::Errors::NetworkError, /refused/)
  end
end
