# frozen_string_literal: true

# Compiles the library's own sources into the extension: the gem needs no libtasker beside it.
#
# They are in ../../../../src, or in core/ inside a built gem. Nothing but Init_tasker_core is
# visible, so that an application may also load libtasker itself.
#
# TASKER_ASAN=1 compiles with AddressSanitizer; see `rake spec:asan`.

require "mkmf"

HERE = __dir__
CORE = [File.join(HERE, "core"), File.expand_path("../../../..", HERE)].find do |folder|
  File.exist?(File.join(folder, "include", "tasker.h"))
end
abort "extconf.rb: the sources of libtasker are missing" if CORE.nil?

have_library("sqlite3", "sqlite3_prepare_v3", "sqlite3.h") ||
  abort("extconf.rb: SQLite's headers are missing (Debian: libsqlite3-dev)")
have_library("yaml", "yaml_parser_initialize", "yaml.h") ||
  abort("extconf.rb: libyaml's headers are missing (Debian: libyaml-dev)")

# Only its header: libpq is loaded when the first PostgreSQL store is opened. Without the header the
# gem is built all the same, and says what it lacks when a postgres:// store is opened.
with_postgres = find_header("libpq-fe.h", "/usr/include/postgresql")

# Its library, too, is loaded when a server is opened. Without the header the gem has none.
with_http = have_header("microhttpd.h")

# A C source that holds a text file as a constant, as tools/embed-text makes it.
def embed(file, name)
  lines = File.readlines(file, chomp: true).map do |line|
    %(    "#{line.gsub(/[\\"?]/) { |special| "\\#{special}" }}\\n")
  end
  source = "#{name}.c"
  File.write(source, "extern const char #{name}[];\nconst char #{name}[] =\n#{lines.join("\n")};\n")
  source
end

schemas = Dir[File.join(CORE, "src", "schema_*.sql")].map do |file|
  embed(file, "tk_#{File.basename(file, ".sql")}")
end
core_sources = Dir[File.join(CORE, "src", "*.c")].map { |file| File.basename(file) }

# The dashboard's files where it was built; a gem comes without them.
def embed_dashboard
  tool = File.join(CORE, "tools", "embed-dashboard")
  made = File.executable?(tool) && system(tool, File.join(CORE, "build", "dashboard"),
                                          out: "serve_dashboard.c")
  return "serve_dashboard.c" if made

  File.write("serve_dashboard.c", "#include \"assets.h\"\n" \
                                  "const serve_asset serve_dashboard[] = {{0}};\n")
  "serve_dashboard.c"
end

if with_http
  core_sources += Dir[File.join(CORE, "serve", "*.c")].map { |file| File.basename(file) }
  schemas << embed(File.join(CORE, "serve", "openapi.json"), "serve_openapi_schemas")
  schemas << embed_dashboard
  $VPATH << File.join(CORE, "serve")
  $INCFLAGS << " -I#{File.join(CORE, "serve")}"
  $CPPFLAGS << " -DTK_WITH_HTTP"
end

$srcs = Dir[File.join(HERE, "rb_*.c")].map { |file| File.basename(file) } + core_sources + schemas
$VPATH << "$(srcdir)" << File.join(CORE, "src")
$INCFLAGS << " -I#{File.join(CORE, "include")} -I#{File.join(CORE, "src")}"
$CFLAGS << " -std=gnu11 -O2 -fvisibility=hidden -pthread"
$CPPFLAGS << " -D_GNU_SOURCE"
$CPPFLAGS << " -DTK_WITH_POSTGRES" if with_postgres
$LDFLAGS << " -pthread"
exports = File.join(HERE, "exports.map")
$LDFLAGS << " -Wl,--version-script=#{exports}" if try_link("int main(void) { return 0; }",
                                                           "-Wl,--version-script=#{exports}")

if ENV["TASKER_ASAN"] == "1"
  $CFLAGS << " -O1 -g -fno-omit-frame-pointer -fsanitize=address"
  $LDFLAGS << " -fsanitize=address"
end

create_makefile("tasker_core/tasker_core")

# Every object depends on the headers and on what this file decides; mkmf knows neither.
headers = Dir[File.join(HERE, "*.h"), File.join(CORE, "{src,serve,include}", "*.h")]
File.write("Makefile", "\n$(OBJS): Makefile #{headers.join(" ")}\n", mode: "a")
