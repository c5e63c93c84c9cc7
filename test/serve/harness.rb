# frozen_string_literal: true

require_relative "client"
require_relative "failed"
require_relative "place"
require_relative "schemas"

NOWHERE = "0193a5a0-0000-7000-8000-000000000000" # a task that is not there
NO_STEP = "0193a5a0-0000-7000-8000-000000000001"
NDJSON = { "Content-Type" => "application/x-ndjson" }.freeze
YAML_TYPE = { "Content-Type" => "application/yaml" }.freeze

def expect(yes, text = "it is not so")
  raise Failed, text unless yes
end

def expect_equal(expected, actual, what = "value")
  expect(expected == actual, "#{what}: expected #{expected.inspect}, is #{actual.inspect}")
end

# Asks until the block says something true; its answer.
def eventually(seconds = 10, what = "it")
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
  loop do
    found = yield
    return found if found
    raise Failed, "#{what} did not come within #{seconds} s" if
      Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

    sleep 0.02
  end
end

# Runs areas: each is a file beside this one, on a store and a server of its own.
class Suite
  attr_reader :passed, :failed, :place, :schemas

  def initialize(build)
    @build = build
    @schemas = Schemas.new
    @passed = @failed = 0
  end

  def area(name, postgres:)
    puts "--- #{name}#{", PostgreSQL" if postgres}"
    @place = Place.new(@build, postgres)
    instance_eval(File.read(File.join(__dir__, "#{name}.rb")), File.join(__dir__, "#{name}.rb"))
  rescue Failed => e
    bad("#{name} could begin", e)
  ensure
    found = @place&.leave
    bad("no sanitizer found anything", Failed.new(found)) if found
  end

  def test(sentence)
    yield
    @passed += 1
    puts "ok      #{sentence}"
  rescue StandardError => e
    bad(sentence, e)
  end

  def client(url, key: nil)
    @schemas.load(url) if @schemas.empty?
    Client.new(url, @schemas, key: key)
  end

  private

  def bad(sentence, error)
    @failed += 1
    puts "not ok  #{sentence}", "        #{error.message.lines.first(20).join("        ")}"
    return if error.is_a?(Failed)

    puts "        #{error.class} #{error.backtrace.first(3).join(" ")}"
  end
end
