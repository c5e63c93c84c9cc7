# frozen_string_literal: true

# Checks the Dockerfile as far as that goes without Docker: the rules that reviewers of images
# check, that Debian has its packages, that what the program loads is installed beside it, and that
# the sources it copies are enough to build.
#
#   ruby test/container/container.rb [PROGRAM]

ROOT = File.expand_path("../..", __dir__)
PROGRAM = ARGV.fetch(0, "build/release/tasker")
Dir.chdir(ROOT)

Line = Struct.new(:word, :text)

# The instructions, lines that go on joined.
def instructions
  File.read("Dockerfile").gsub(/^\s*#.*\n/, "").gsub("\\\n",
                                                     " ").lines.map(&:strip).reject(&:empty?)
      .map do |line|
    Line.new(*line.split(/\s+/, 2))
  end
end

def stages
  instructions.slice_before { |line| line.word == "FROM" }.to_a
end

def packages(stage)
  stage.select { |line| line.word == "RUN" }.flat_map do |line|
    line.text[/install -y --no-install-recommends (.*?)&&/, 1].to_s.split
  end
end

LIBRARIES = "/usr/lib/#{RbConfig::CONFIG["host_cpu"]}-linux-gnu".freeze

# The packages of the shared libraries that the program is linked with or loads later.
def libraries_needed
  linked = `ldd #{PROGRAM}`.scan(/=> (\S+)/).flatten
  loaded = File.binread(PROGRAM).scan(/lib[a-z]+\.so\.\d+/).uniq
  paths = linked + loaded.map { |name| "#{LIBRARIES}/#{name}" }
  paths.select! { |path| File.exist?(path) }
  paths.filter_map { |path| `dpkg-query -S #{File.realpath(path)} 2>/dev/null`[/\A[^:]+/] }.uniq
end

# The packages of the headers that the sources include, also those that a build can do without.
def headers_needed
  sources = Dir["{src,serve,cli}/*.[ch]"].map { |file| File.read(file) }
  names = sources.join.scan(/include[ (]<(\S+)>/)
  folders = ["/usr/include", "/usr/include/#{File.basename(LIBRARIES)}", "/usr/include/postgresql"]
  paths = names.flatten.uniq.product(folders).map { |name, folder| "#{folder}/#{name}" }
  paths.select! { |path| File.exist?(path) }
  `dpkg-query -S #{paths.join(" ")} 2>/dev/null`.scan(/^[^:\s]+/).uniq
end

# What a package brings along, itself included.
def closure(names)
  only = %w[recommends suggests conflicts breaks replaces enhances].map { |kind| "--no-#{kind}" }
  `apt-cache depends --recurse #{only.join(" ")} #{names.join(" ")}`.scan(/^\w\S+/)
end

@passed = @failed = 0

def expect(sentence)
  problem = yield
  return @passed += 1 if [true, nil, []].include?(problem)

  @failed += 1
  puts "FAILED: #{sentence}#{": #{Array(problem).join(", ")}" if problem}"
end

build, run = stages
runs = instructions.select { |line| line.word == "RUN" }
last = run.group_by(&:word)

expect("there are two stages") { stages.size == 2 }
expect("a base names its version") { stages.all? { |s| s[0].text.match?(/\A\S+:(?!latest)\S+/) } }
expect("no ADD") { instructions.none? { |line| line.word == "ADD" } }
FETCH = /\Aapt-get update .*-y --no-install-recommends .*rm -rf .var.lib.apt.lists/
expect("lists are fetched where packages are installed, and removed there") do
  runs.map(&:text).grep(/apt-get install/).grep_v(FETCH)
end
expect("no sudo, no cd") { runs.none? { |line| line.text.match?(/\b(sudo|cd)\b/) } }
expect("no secret is built in") do
  instructions.none? do |line|
    line.text.match?(/password|secret|api_key/i)
  end
end
expect("it runs as an unprivileged user") { last["USER"].map(&:text) == ["tasker"] }
expect("only the program comes from the first stage") do
  last["COPY"].map(&:text) == ["--from=build /out/usr/bin/tasker /usr/bin/tasker"]
end
expect("commands are lists, so that signals arrive") do
  %w[ENTRYPOINT CMD].all? { |word| last[word].one? && last[word][0].text.start_with?("[") }
end
expect("a health check asks the server") { last["HEALTHCHECK"][0].text.include?('"--server"') }
expect("Debian 12 has every package") do
  (packages(build) + packages(run)).reject { |name| `apt-cache madison #{name}`.include?(name) }
end
expect("what the program loads is installed beside it") do
  libraries_needed - closure(packages(run))
end
expect("what the sources include is installed where they are built") do
  headers_needed - closure(packages(build))
end
expect("the sources that are copied are enough to build") do
  kept = File.readlines(".dockerignore", chomp: true).grep(/\A!/).map do |line|
    line.delete_prefix("!")
  end
  missing = kept.reject { |pattern| Dir.glob(pattern).any? }
  next missing unless missing.empty?

  system("tar c --exclude node_modules #{kept.join(" ")} | (rm -rf build/container && " \
         "mkdir -p build/container && tar x -C build/container) && " \
         "make -C build/container -n all >/dev/null") || "make -n all fails"
end

puts "container: #{@passed} passed, #{@failed} failed"
exit(@failed.zero? ? 0 : 1)
