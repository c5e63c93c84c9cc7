# frozen_string_literal: true

# Checks the repository's own rules, those that no compiler knows; part of `make lint`.
#
#   ruby tools/rules.rb
#
# - includes go only where tools/include-edges.txt lets them, and each C file has a layer there
# - memory, time and chance come from base.c, clock.c and random.c alone
# - a file has at most 600 lines (the public header, which has to be one, 800), a function 70
# - nothing is left to be done later, and no path of the machine it was written on is in a file

FILE_LINES_MAX = 600
PUBLIC_HEADER = "include/tasker.h"
PUBLIC_HEADER_LINES_MAX = 800
FUNCTION_LINES_MAX = 70

GENERATED = %r{\Abindings/ruby/(tmp|pkg)/|/ext/[^/]+/core/|\.(so|o|gem|bundle|png)\z|
               \Aweb/(node_modules/|package-lock\.json\z)}x
C_FILES = Dir.glob("{include,src,serve,cli,test,bench,fuzz,examples/c,bindings/*/ext}/**/*.[ch]")
             .grep_v(GENERATED).sort.freeze
TEXT_FOLDERS = ".ci,bindings,docs,examples,script,serve,src,test,tools,web"
TEXT_FILES = Dir.glob(["{*,.*}", "{#{TEXT_FOLDERS}}/**/*"])
                .select { |path| File.file?(path) }
                .grep_v(GENERATED).union(C_FILES).sort.freeze

# What may be called where. The patterns do not match members (`store->free(…)`).
CALLS = [
  [/(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup|v?asprintf)\s*\(/, "src/base.c",
   "memory comes from tk_alloc and its siblings (base.h)"],
  [/(?<![\w.>])(clock_gettime|gettimeofday|time)\s*\(/, "src/clock.c",
   "time comes from the tk_clock table (clock.h)"],
  [/(?<![\w.>])(s?rand|s?random|rand_r|[dlm]rand48|arc4random\w*|getrandom|getentropy)\s*\(/,
   "src/random.c", "chance comes from the tk_random table (random.h)"]
].freeze

# The table of layers: which file is in which, and who may include whom.
class Layers
  attr_reader :errors

  def initialize(path)
    @path = path
    @allowed = {}
    @patterns = Hash.new { |hash, layer| hash[layer] = [] }
    @systems = {}
    @errors = []
    File.foreach(path) { |line| read(line.sub(/#.*/, "").strip) }
  end

  def check(files)
    files.each do |file|
      layers = layers_of(file)
      if layers.one?
        check_file(file, layers.first, files)
      else
        @errors << "#{file}: add it to exactly one layer in #{@path} (now: #{layers.join(" ")})"
      end
    end
  end

  private

  def read(line)
    return if line.empty?

    word, name, values = line.match(/\A(layer|files|system)\s+(\S+)\s*:\s*(.*)\z/)&.captures
    case word
    when "layer" then @allowed[name] = values.split
    when "files" then @patterns[name].concat(values.split)
    when "system" then @systems[name] = values.split
    else @errors << "#{@path}: not understood: #{line}"
    end
  end

  def layers_of(file)
    @patterns.select { |_, patterns| match?(patterns, file) }.keys
  end

  def match?(patterns, file)
    patterns.any? { |pattern| File.fnmatch(pattern, file, File::FNM_PATHNAME) }
  end

  def check_file(file, layer, files)
    File.foreach(file).with_index(1) do |line, number|
      mark, header = line.match(/\A\s*#\s*include\s*(["<])([^">]+)[">]/)&.captures
      next unless header

      target = resolve(file, header, files) if mark == '"' || header == "tasker.h"
      error = target ? check_edge(layer, target) : check_system(header, file)
      @errors << "#{file}:#{number}: #{error}" if error
    end
  end

  def check_system(header, file)
    homes = @systems[header]
    "only #{homes.join(" ")} may include #{header}" if homes && !match?(homes, file)
  end

  def check_edge(layer, target)
    to = layers_of(target).first
    return if to.nil? || to == layer || @allowed.fetch(layer).include?(to)

    "#{layer} must not include #{target} (#{to})"
  end

  # The repository's file that an include means, nil for a system's header.
  def resolve(file, header, files)
    folders = [File.dirname(file), "include", "src", "serve", "test"]
    folders.map { |folder| File.join(folder, header) }.find { |path| files.include?(path) }
  end
end

LITERAL_OR_COMMENT = %r{
  /\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
}mx

# Blanks comments and literals, keeping the lines.
def code_of(text)
  text.gsub(LITERAL_OR_COMMENT) { |match| match.gsub(/[^\n]/, " ") }
end

def check_calls(file, code)
  return [] unless file.start_with?("src/", "serve/", "cli/")

  code.lines.each_with_index.flat_map do |line, index|
    broken = CALLS.select { |pattern, home, _| file != home && line.match?(pattern) }
    broken.map { |_, _, rule| "#{file}:#{index + 1}: #{rule}" }
  end
end

# The lines [first, last] of each function, counted from 0.
def functions_of(lines)
  functions = []
  start = nil # where the declaration at column 0 began
  inside = false
  lines.each_with_index do |line, index|
    start = index if !inside && line.match?(/\A[A-Za-z_]/)
    inside ||= !start.nil? && line.match?(/\)\s*\{\s*\z/)
    next unless inside && line.start_with?("}")

    functions << [start, index]
    start = nil
    inside = false
  end
  functions
end

def check_sizes(file, lines)
  errors = functions_of(lines).filter_map do |first, last|
    size = last - first + 1
    next if size <= FUNCTION_LINES_MAX

    "#{file}:#{first + 1}: a function of #{size} lines, at most #{FUNCTION_LINES_MAX}"
  end
  limit = file == PUBLIC_HEADER ? PUBLIC_HEADER_LINES_MAX : FILE_LINES_MAX
  return errors if lines.size <= limit

  errors << "#{file}: #{lines.size} lines, at most #{limit}"
end

def check_text(file)
  return [] if file == "tools/rules.rb"

  later = /\b(TODO|FIXME|XXX)\b/
  place = %r{#{Regexp.escape(Dir.pwd)}/|(?<!\w)/home/\w}
  File.read(file, encoding: "UTF-8").scrub("?").lines.each_with_index.flat_map do |line, index|
    errors = []
    errors << "do it, or leave it out" if line.match?(later)
    errors << "a path of the machine it was written on" if line.match?(place)
    errors.map { |error| "#{file}:#{index + 1}: #{error}: #{line.strip}" }
  end
end

layers = Layers.new("tools/include-edges.txt")
layers.check(C_FILES)
errors = layers.errors
C_FILES.each do |file|
  code = code_of(File.read(file, encoding: "UTF-8"))
  errors.concat(check_calls(file, code), check_sizes(file, code.lines))
end
TEXT_FILES.each { |file| errors.concat(check_text(file)) }

abort errors.join("\n") unless errors.empty?
puts "#{C_FILES.size} C files and #{TEXT_FILES.size} texts keep the rules"
