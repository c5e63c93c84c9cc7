# frozen_string_literal: true

# What health and metrics say when something is wrong: of the store, its tables, its workers.

def parts(answer)
  answer["checks"].transform_values { |part| part["status"] }
end

SAID = /sqlite|SQLITE|malformed|not a database|disk image/

# The store's file of a server that has begun, and has not been asked for its health yet.
def spoil(place)
  url = place.serve
  yield place.store.delete_prefix("sqlite:")
  client(url)
end

worker = place.worker
still = client(place.serve)
eventually { still.get("/v1/workers").json.any? }

test "while workers beat, all is healthy" do
  ready = still.get("/ready")
  expect_equal [200, "healthy"], [ready.status, ready["status"]], ready.text
  expect_equal 1, ready["info"]["workers"]
end

test "once no worker beats any more the server is not ready, and says that it is the sweep" do
  Process.kill("STOP", worker)
  ready = eventually(30, "503") { still.get("/ready").then { |now| now if now.status == 503 } }
  expect_equal({ "store" => "healthy", "tables" => "healthy", "sweep" => "unhealthy" },
               parts(ready))
  expect_equal 200, still.get("/health/detailed").status, "detailed tells, it does not judge"
  expect_equal(["silent"], still.get("/v1/workers").json.map { |one| one["state"] })
  Process.kill("CONT", worker)
  eventually(20, "ready again") { still.get("/ready").status == 200 }
  expect_equal(["runs"], still.get("/v1/workers").json.map { |one| one["state"] })
end

test "a worker whose process was killed is gone at once" do
  place.stop(worker, "KILL")
  expect_equal(["gone"], still.get("/v1/workers").json.map { |one| one["state"] })
end

test "tables of another version are told as such" do
  told = spoil(place) do |file|
    system("sqlite3", file, "PRAGMA user_version = 999", exception: true)
  end
  ready = told.get("/health/ready")
  expect_equal [503, "unhealthy"], [ready.status, parts(ready)["tables"]], ready.text
  system("sqlite3", place.store.delete_prefix("sqlite:"), "PRAGMA user_version = 0")
end

test "a store that cannot be read is told without its words, live and metrics go on" do
  File.delete(*Dir.glob("#{place.store.delete_prefix("sqlite:")}*"))
  told = spoil(place) do |file|
    Dir.glob("#{file}*").each { |one| File.write(one, "x" * File.size(one), mode: "r+") }
  end
  ready = told.get("/ready")
  expect_equal [503, "unhealthy"], [ready.status, parts(ready)["store"]], ready.text
  counts = told.get("/v1/counts")
  expect_equal 503, counts.status, counts.text
  expect_equal 200, told.get("/live").status
  metrics = told.get("/metrics")
  expect_equal "0", metrics.text[/^tasker_store_up (\d)/, 1]
  expect metrics.text.include?('route="/v1/counts",status="503"'), metrics.text
  [ready, counts, metrics].each { |answer| expect !answer.text.match?(SAID), answer.text }
end
