# frozen_string_literal: true

# The dashboard's files as the server sends them, or the page that says how to build it.

require "stringio"
require "zlib"

web = client(place.serve)
page = web.get("/", nil, "Accept-Encoding" => "identity")

test "the page is asked for each time, and nothing but this server's scripts may run in it" do
  expect_equal [200, "no-cache"], [page.status, page.headers["Cache-Control"]]
  policy = page.headers["Content-Security-Policy"]
  expect policy.include?("default-src 'none'") && !policy.include?("unsafe"), policy
  expect_equal "nosniff", page.headers["X-Content-Type-Options"]
  expect page.text.include?("Tasker"), page.text[0, 200]
end

test "whoever has it already is told so" do
  tag = page.headers["ETag"]
  [tag, "W/#{tag}", "\"other\", #{tag}", "*"].each do |known|
    again = web.get("/", nil, "If-None-Match" => known)
    expect_equal [304, ""], [again.status, again.text.to_s], known
  end
  expect_equal 200, web.get("/", nil, "If-None-Match" => '"other"').status
end

test "what is not there is told as everywhere" do
  ["/assets/", "/assets/none.js", "/assets/../index.html", "/favicon.ico"].each do |path|
    expect_equal 404, web.get(path).status, path
  end
end

# Without a built dashboard there are no further files.
page.text.scan(%r{(?:src|href)="(/assets/[^"]+)"}).flatten.each do |path|
  test "#{File.extname(path)} is kept for ever, and gzipped for whom takes it" do
    plain = web.get(path, nil, "Accept-Encoding" => "identity")
    expect_equal 200, plain.status
    expect plain.headers["Cache-Control"].include?("immutable"), plain.headers["Cache-Control"]
    {
      "gzip" => true, "br, gzip;q=0.5" => true, "*" => true, "GZIP" => true,
      "gzip;q=0" => false, "gzip; q=0.0, br" => false, "x-gzip" => false, "" => false
    }.each do |accepted, zipped|
      answer = web.get(path, nil, "Accept-Encoding" => accepted)
      next if zipped && answer.headers["Content-Encoding"].nil? # too small to be worth it

      expect_equal zipped, answer.headers["Content-Encoding"] == "gzip", accepted
      text = zipped ? Zlib::GzipReader.new(StringIO.new(answer.text)).read : answer.text
      expect_equal plain.text.b, text.b, accepted
    end
  end
end
