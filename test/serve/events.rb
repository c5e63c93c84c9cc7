# frozen_string_literal: true

# /v1/events: what is recorded comes in its order and none is left out, whoever reads how slowly.

require_relative "stream"

BATCH = 200

# Many tasks in one request.
def submit_many(http, count, **more)
  lines = Array.new(count) do |n|
    JSON.generate(name: "nobody", namespace: "cli", context: { n: n }, **more)
  end
  answer = http.post("/v1/tasks", lines.join("\n"), "Content-Type" => "application/x-ndjson")
  expect_equal 201, answer.status, answer.text[0, 300]
  answer["tasks"].map { |task| task["task_uuid"] }
end

def tasks_of(stream)
  stream.of("task").map { |event| event[:data]["task_uuid"] }
end

url = place.serve
http = client(url)

test "a stream tells what is submitted, in its order, and how many there are" do
  stream = Stream.new(url)
  expect stream.head.include?("text/event-stream"), stream.head
  expect stream.head.include?("no-store"), stream.head
  uuids = submit_many(http, BATCH)
  stream.until { tasks_of(stream).size >= BATCH }
  expect_equal uuids, tasks_of(stream)
  stream.until do |events|
    events.any? do |one|
      one[:kind] == "counts" && one[:data]["tasks"]["running"] >= BATCH
    end
  end
  stream.close
end

test "who comes again with the last id misses nothing and gets nothing twice" do
  first = Stream.new(url, "?kind=task")
  uuids = submit_many(http, 20)
  first.until { tasks_of(first).size >= 10 }
  at = first.of("task")[9][:id]
  first.close
  uuids += submit_many(http, 20)
  second = Stream.new(url, "?kind=task", last_id: at)
  second.until { tasks_of(second).size >= 30 }
  expect_equal uuids.drop(10), tasks_of(second)
  third = Stream.new(url, "?kind=task&after=#{at}")
  third.until { tasks_of(third).size >= 30 }
  expect_equal uuids.drop(10), tasks_of(third)
  [second, third].each(&:close)
end

test "who is cut off before the first event misses nothing" do
  first = Stream.new(url, "?kind=task")
  first.until { first.last_id }
  first.close
  uuids = submit_many(http, 5)
  second = Stream.new(url, "?kind=task", last_id: first.last_id)
  second.until { tasks_of(second).size >= 5 }
  expect_equal uuids, tasks_of(second)
  second.close
end

test "a stream is narrowed by task, namespace and kind" do
  uuid = http.submit("nobody")
  of_task = Stream.new(url, "?task_uuid=#{uuid}&after=now")
  nowhere = Stream.new(url, "?namespace=nowhere")
  acts = Stream.new(url, "?kind=act&namespace=cli")
  submit_many(http, 5)
  http.delete("/v1/tasks/#{uuid}", { reason: "narrow" })
  of_task.until { of_task.of("act").size == 1 && of_task.of("running").any? }
  acts.until { acts.of("act").size == 1 }
  expect_equal %w[act running], of_task.events.map { |one| one[:kind] }.uniq.sort
  expect_equal uuid, acts.events.first[:data]["task_uuid"]
  expect_equal %w[act], acts.events.map { |one| one[:kind] }.uniq
  expect_equal [], nowhere.events.map { |one| one[:kind] } - ["counts"]
  [of_task, nowhere, acts].each(&:close)
end

test "the running state of one task is a snapshot that changes with it" do
  uuid = http.submit("nobody")
  stream = Stream.new(url, "?task_uuid=#{uuid}&kind=running")
  stream.until { stream.events.any? }
  expect_equal "enqueued", stream.events.last[:data]["steps"].first["current_state"]
  step = http.step_of(uuid, "one")["step_uuid"]
  http.patch("/v1/tasks/#{uuid}/workflow_steps/#{step}",
             { action_type: "complete_manually", completion_data: { result: {} }, reason: "x" })
  stream.until { |events| events.last[:data]["steps"].first["current_state"] == "complete" }
  expect stream.events.all? { |one| one[:id].nil? }, "a snapshot has no id"
  stream.close
end

test "what cannot be asked for is told before the stream begins" do
  { "?kind=x" => 400, "?kind=running" => 400, "?task_uuid=x" => 400, "?after=x" => 400,
    "?namespace=#{"x" * 200}" => 400 }.each do |query, status|
    expect_equal status, http.get("/v1/events#{query}").status, query
  end
end

test "many streams at once each get every event once, also those who come in the middle" do
  streams = Array.new(20) { Stream.new(url, "?kind=task") }
  uuids = submit_many(http, 50)
  streams += Array.new(20) { Stream.new(url, "?kind=task", last_id: nil) }
  at = nil
  streams.first.until { at = streams.first.of("task")[4]&.dig(:id) }
  late = Array.new(10) { Stream.new(url, "?kind=task&after=#{at}") }
  20.times { uuids += submit_many(http, 50) }
  streams.first(20).each do |stream|
    stream.until(20) { tasks_of(stream).size >= uuids.size }
    expect_equal uuids, tasks_of(stream)
  end
  late.each do |stream|
    stream.until(20) { tasks_of(stream).size >= uuids.size - 5 }
    expect_equal uuids.drop(5), tasks_of(stream)
  end
  streams[20..].each do |stream|
    stream.until(20) { tasks_of(stream).last == uuids.last }
    expect_equal uuids.last(tasks_of(stream).size), tasks_of(stream)
  end
  (streams + late).each(&:close)
end

test "a slow reader misses nothing, and holds no more than its buffer" do
  slow = [Stream.new(url, "?kind=task")] + Array.new(6) { Stream.new(url, "?kind=task") }
  uuids = Array.new(8) { submit_many(http, 1000, reason: "x" * 100) }.flatten
  sleep 1 # nobody reads: the buffers are full
  slow.each do |stream|
    stream.until(60) { tasks_of(stream).size >= uuids.size }
    expect_equal uuids.size, tasks_of(stream).uniq.size
    expect_equal uuids, tasks_of(stream)
    stream.close
  end
end

test "there are at most 256 streams; one that ends makes room" do
  streams = Array.new(256) { Stream.new(url, "?kind=act") }
  answer = http.get("/v1/events")
  expect_equal [503, "busy"], [answer.status, answer.code]
  expect answer.headers["Retry-After"], "Retry-After"
  expect_equal 200, http.get("/v1/counts").status
  streams.each(&:close)
  # The server learns of it with the next bytes that it sends.
  http.delete("/v1/tasks/#{http.submit("nobody")}", { reason: "wake" })
  eventually(20, "room for a stream") do
    Stream.new(url, "?kind=act").tap(&:close).head.include?(" 200 ")
  end
end
