# frozen_string_literal: true

# The description for programs, the one for people, the table they are made from, and docs/http.md.

url = place.serve
http = client(url)
document = schemas.document

# "GET /v1/tasks" => its permission, as serve/routes.c has it.
def table_of_routes
  File.read("serve/routes.c").scan(/\{SERVE_([A-Z]+),\s*"([^"]+)",\s*(NULL|"[^"]+")/)
      .to_h do |method, path, word|
    ["#{method} #{path.delete("*")}",
     word == "NULL" ? nil : word.delete('"')]
  end
end

def routes_told(document)
  document["paths"].flat_map do |path, operations|
    operations.map { |method, told| ["#{method.upcase} #{path}", told["x-permission"]] }
  end.to_h
end

# Rows of the first table of docs/http.md.
def routes_written
  rows = File.read("docs/http.md")[/^\| route .*?\n\n/m].lines.grep(/^\| `/)
  rows.each_with_object({}) do |row, routes|
    cells = row.split("|").map(&:strip)
    word = cells[2][/`(.+)`/, 1]
    method = nil
    cells[1].scan(/`([^`]+)`/).flatten.each do |text|
      method = text[/\A[A-Z]+/] || method
      path = text[%r{[/…].*}].sub("…", "/v1/tasks/{task_uuid}")
      routes["#{method} #{path}"] = word
    end
  end
end

def references(value, &block)
  case value
  when Hash
    yield value["$ref"] if value["$ref"].is_a?(String)
    value.each_value { |inner| references(inner, &block) }
  when Array then value.each { |inner| references(inner, &block) }
  end
end

test "openapi.json tells every route of the table with its permission, and no other" do
  table = table_of_routes
  expect table.size > 30, "the table was not read"
  expect_equal table.sort_by(&:to_s), routes_told(document).sort_by(&:to_s), "routes"
end

test "docs/http.md tells the same routes" do
  written = routes_written
  told = routes_told(document)
  # The dashboard is answered before the table is asked.
  written.delete_if { |route, _| route == "GET /" || route.start_with?("GET /assets/") }
  expect_equal [], (told.to_a - written.to_a), "not written, or otherwise"
  expect_equal [], (written.to_a - told.to_a), "written, but not there"
end

test "every reference in openapi.json leads somewhere" do
  references(document) do |reference|
    found = document.dig(*reference.delete_prefix("#/").split("/"))
    expect found.is_a?(Hash), "#{reference} leads nowhere"
  end
end

test "operations have names of their own, and every capture of a path is a parameter" do
  names = document["paths"].values.flat_map(&:values).map { |told| told["operationId"] }
  expect_equal names.uniq, names, "operation ids"
  document["paths"].each do |path, operations|
    operations.each_value do |told|
      captured = told["parameters"].select { |one| one["in"] == "path" }.map { |one| one["name"] }
      expect_equal path.scan(/\{(\w+)\}/).flatten, captured, path
    end
  end
end

test "a schema refuses what is not as it says" do
  expect !schemas.valid?("Error", { "error" => "invalid" }), "the original's error"
  expect !schemas.valid?("Counts", {}), "an empty object for counts"
  expect schemas.valid?("Reason", { "reason" => nil }), "a reason that is null"
end

test "the page for people names every route and has no script and no style" do
  page = http.get("/api-docs/ui")
  expect_equal 200, page.status
  table_of_routes.each_key { |route| expect page.text.include?(route.split.last), route }
  expect !page.text.match?(/<script|<style|\sstyle=|\son\w+=/), "a script or a style"
end
