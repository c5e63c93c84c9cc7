# frozen_string_literal: true

# Checks the Dockerfile as far as that goes without Docker: the rules that reviewers of images check,
# that Debian has its packages, that what the program loads is installed beside it, and that the sources
# it copies are enough to build.
#
#   ruby test/container/container.rb [PROGRAM]

ROOT = File.expand_path("../..", __dir__)
PROGRAM = ARGV.fetch(0, "build/release/tasker")
Dir.chdir(ROOT)

Line = Struct.new(:word, :text)

# The instructions, lines that go on joined.
def instructions
  File.read("Dockerfile").gsub(/^\s*#.*\n/, "").gsub(/\\\n/, " ").lines.map(&:strip).reject(&:empty?)
      .map { |line| Line.new(*line.split(/\s+/, 2)) }
end

def stages
  instructions.slice_before { |line| line.word == "FROM" }.to_a
end

def packages(stage)
  stage.select { |line| line.word == "RUN" }.flat_map do |line|
    line.text[/install -y --no-install-recommends (.*?)&&/, 1].to_s.split
  end
end

# The packages of the shared libraries that the program is linked with or loads later.
def libraries_needed
  linked = `ldd #{PROGRAM}`.scan(/=> (\S+)/).flatten
  loaded = File.binread(PROGRAM).scan(/lib[a-z]+\.so\.\d+/).uniq
  paths = linked + loaded.map { |name| "/usr/lib/x86_64-linux-gnu/#{name}" }
  paths.map { |path| `dpkg-query -S #{File.realpath(path)} 2>/dev/null`[/\A[^:]+/] }.compact.uniq
end

# What a package brings along, itself included.
def closure(names)
  `apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
   --no-enhances #{names.join(" ")}`.scan(/^\w\S+/)
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
expect("lists are fetched where packages are installed, and removed there") do
  runs.select { |line| line.text.include?("apt-get install") }
      .reject { |line| line.text.match?(%r{\Aapt-get update .*-y --no-install-recommends .*rm -rf /var/lib/apt/lists/\*}) }
      .map(&:text)
end
expect("no sudo, no cd") { runs.none? { |line| line.text.match?(/\b(sudo|cd)\b/) } }
expect("no secret is built in") { instructions.none? { |line| line.text.match?(/password|secret|api_key/i) } }
expect("it runs as an unprivileged user") { last["USER"].map(&:text) == ["tasker"] }
expect("only the program comes from the first stage") do
  last["COPY"].map(&:text) == ["--from=build /out/usr/bin/tasker /usr/bin/tasker"]
end
expect("commands are lists, so that signals arrive") do
  %w[ENTRYPOINT CMD].all? { |word| last[word].one? && last[word][0].text.start_with?("[") }
end
expect("a health check asks the server") { last["HEALTHCHECK"][0].text.include?(%q("--server")) }
expect("Debian 12 has every package") do
  (packages(build) + packages(run)).reject { |name| `apt-cache madison #{name}`.include?(name) }
end
expect("what the program loads is installed beside it") { libraries_needed - closure(packages(run)) }
expect("the sources that are copied are enough to build") do
  kept = File.readlines(".dockerignore", chomp: true).grep(/\A!/).map { |line| line.delete_prefix("!") }
  missing = kept.reject { |path| File.exist?(path) }
  next missing unless missing.empty?

  system("tar c #{kept.join(" ")} --exclude node_modules | (rm -rf build/container && mkdir -p build/container " \
         "&& tar x -C build/container) && make -C build/container -n all >/dev/null") || "make -n all fails"
end

puts "container: #{@passed} passed, #{@failed} failed"
exit(@failed.zero? ? 0 : 1)
