# Tasker's build. `make help` lists the targets.
#
# Nothing is registered by hand: a file in the right folder is built.
#
#   src/*.c            libtasker, static and shared        src/schema_*.sql  embedded as text
#   serve/*.c          libtasker_serve, the HTTP server, when libmicrohttpd is there
#   cli/*.c            the program `tasker`
#   examples/c/*.c     a program each (common.c is shared), by the public header and library only
#   test/test_*.c      a Criterion program each            test/support/*.c  helpers for all of them
#   test/sim/*.c       the simulation, `sim`; once more with deliberate faults, `sim-mutants`
#   test/stress/*.c    a program each with its own main (run under ThreadSanitizer)
#   bench/*.c          a program each (common.c is shared)
#   fuzz/fuzz_*.c      a libFuzzer target each
#
# Every build has a folder of its own, build/$(BUILD), so they can stand side by side.

BUILD      ?= release
BUILD_DIR  ?= build/$(BUILD)
PREFIX     ?= /usr/local
WERROR     ?= -Werror
PKG_CONFIG ?= pkg-config
POSTGRES   ?= $(shell $(PKG_CONFIG) --exists libpq 2>/dev/null && echo yes || echo no)
HTTP       ?= $(shell $(PKG_CONFIG) --exists libmicrohttpd 2>/dev/null && echo yes || echo no)

VERSION := $(shell sed -n 's/^\#define TASKER_VERSION "\(.*\)"/\1/p' include/tasker.h)
SOMAJOR := $(firstword $(subst ., ,$(VERSION)))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# --- flags ----------------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy

# Asserts stay on in every build: there is no NDEBUG here.
flags_release := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
flags_debug   := -O0 -g3
flags_asan    := -O1 -g -fno-omit-frame-pointer \
                 -fsanitize=address,undefined -fno-sanitize-recover=all
flags_tsan    := -O1 -g -fsanitize=thread
flags_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
                 -fno-sanitize-recover=all
ifndef flags_$(BUILD)
$(error BUILD=$(BUILD) is unknown: release, debug, asan or tsan (fuzz: see `make fuzz`))
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wwrite-strings $(WERROR)
LANGUAGE := -std=c11 -D_GNU_SOURCE -pthread -fPIC -fvisibility=hidden
LIBS     := -lsqlite3 -lyaml -pthread
ifeq ($(POSTGRES),yes)
LANGUAGE += -DTK_WITH_POSTGRES $(shell $(PKG_CONFIG) --cflags libpq)
# The library loads libpq when it opens its first PostgreSQL store; tests and benches link it.
TEST_LIBS = $(LIBS) $(shell $(PKG_CONFIG) --libs libpq)
else
TEST_LIBS = $(LIBS)
endif

ifeq ($(HTTP),yes)
# Its library is loaded when the first server is opened.
LANGUAGE += -DTK_WITH_HTTP $(shell $(PKG_CONFIG) --cflags libmicrohttpd)
endif

# -iquote: "yaml.h" is ours, <yaml.h> the system's.
INSIDE  := -Iinclude -iquote src -iquote serve -iquote test
OUTSIDE := -Iinclude
# The last makes the result the same whatever folder it was built in.
TK_CFLAGS  = $(LANGUAGE) $(WARNINGS) $(flags_$(BUILD)) -MMD -MP \
             -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
TK_LDFLAGS = $(filter -f% -O% -pthread,$(flags_$(BUILD))) -Wl,--as-needed $(LDFLAGS)

# V=1 shows whole commands.
quiet   = $(if $(V),,@printf '  %-7s %s\n' $(1) $@;)
COMPILE = $(call quiet,compile)$(CC) $(INSIDE) $(TK_CFLAGS) -c -o $@ $<
LINK    = $(call quiet,link)$(CC) $(TK_LDFLAGS) -o $@ $(filter %.o %.a,$^)

# Objects depend on this file; it changes only when the command line does.
FLAGS_FILE := $(BUILD_DIR)/flags
flags_now  := $(CC) $(TK_CFLAGS)
ifneq ($(flags_now),$(file <$(FLAGS_FILE)))
$(shell mkdir -p $(BUILD_DIR))
$(file >$(FLAGS_FILE),$(flags_now))
endif

# --- files ----------------------------------------------------------------------------------------

schemas     := $(wildcard src/schema_*.sql)
lib_objects := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard src/*.c)) \
               $(patsubst src/%.sql,$(BUILD_DIR)/src/%.o,$(schemas))
cli_objects := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard cli/*.c))
ifeq ($(HTTP),yes)
serve_objects := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard serve/*.c)) \
                 $(BUILD_DIR)/serve/dashboard.o $(BUILD_DIR)/serve/openapi_schemas.o
endif
# What of the library the server uses beside its public interface; it carries these of its own.
serve_foundations := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard src/json*.c) \
                       $(patsubst %,src/%.c,arena base buf clock id log random secret utf8))
sim_objects := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard test/sim/*.c))
interleave_objects := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard test/interleave/*.c))
mutant_objects := $(patsubst $(BUILD_DIR)/%,$(BUILD_DIR)/mutants/%,$(lib_objects) $(sim_objects) $(interleave_objects))
support_objects := $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard test/support/*.c))

programs_of = $(patsubst %.c,$(BUILD_DIR)/%,$(filter-out %/common.c,$(wildcard $(1))))
common_of   = $(patsubst %.c,$(BUILD_DIR)/%.o,$(wildcard $(1)/common.c))

tests    := $(patsubst $(BUILD_DIR)/test/%,$(BUILD_DIR)/tests/%,$(call programs_of,test/test_*.c))
stresses := $(call programs_of,test/stress/*.c)
examples := $(call programs_of,examples/c/*.c)
benches  := $(call programs_of,bench/*.c)
fuzzers  := $(call programs_of,fuzz/fuzz_*.c)
ifneq ($(HTTP),yes)
fuzzers  := $(filter-out %/fuzz_request,$(fuzzers))
tests    := $(filter-out %/test_serve_stream,$(tests))
endif

static  := $(BUILD_DIR)/libtasker.a
shared  := $(BUILD_DIR)/libtasker.so.$(VERSION)
serve   := $(if $(serve_objects),$(BUILD_DIR)/libtasker_serve.a)
inside  := $(BUILD_DIR)/libinside.a
serve_inside := $(if $(serve_objects),$(BUILD_DIR)/libserve_inside.a)
support := $(BUILD_DIR)/libsupport.a
program := $(if $(cli_objects),$(BUILD_DIR)/tasker)
sim     := $(BUILD_DIR)/sim
mutants := $(BUILD_DIR)/sim-mutants
interleave := $(BUILD_DIR)/interleave

# --- build ----------------------------------------------------------------------------------------

.PHONY: all lib tests stress
all: lib $(program) $(examples)
lib: $(static) $(shared) $(serve)
tests: $(tests)
stress: $(stresses)

$(BUILD_DIR)/src/schema_%.o: $(BUILD_DIR)/src/schema_%.c $(FLAGS_FILE)
	$(COMPILE) -Wno-overlength-strings

$(BUILD_DIR)/src/schema_%.c: src/schema_%.sql tools/embed-text
	@mkdir -p $(@D)
	$(call quiet,embed)tools/embed-text $< tk_schema_$* > $@

# The dashboard is embedded as it was built last (`make web`); without one the server says how to.
DASHBOARD := build/dashboard
dashboard_object := $(BUILD_DIR)/serve/dashboard.o
$(BUILD_DIR)/serve/dashboard.c: tools/embed-dashboard $(wildcard $(DASHBOARD)/index.html $(DASHBOARD)/assets/*)
	@mkdir -p $(@D)
	$(call quiet,embed)tools/embed-dashboard $(DASHBOARD) > $@

$(dashboard_object): $(BUILD_DIR)/serve/dashboard.c serve/assets.h $(FLAGS_FILE)
	$(COMPILE) -iquote serve

$(BUILD_DIR)/serve/openapi_schemas.o: $(BUILD_DIR)/serve/openapi_schemas.c $(FLAGS_FILE)
	$(COMPILE) -Wno-overlength-strings

$(BUILD_DIR)/serve/openapi_schemas.c: serve/openapi.json tools/embed-text
	@mkdir -p $(@D)
	$(call quiet,embed)tools/embed-text $< serve_openapi_schemas > $@

$(BUILD_DIR)/examples/c/%.o: examples/c/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call quiet,compile)$(CC) $(OUTSIDE) $(TK_CFLAGS) -c -o $@ $<

$(BUILD_DIR)/mutants/src/schema_%.o: $(BUILD_DIR)/src/schema_%.o
	@mkdir -p $(@D)
	@cp $< $@

$(BUILD_DIR)/mutants/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(COMPILE) -DTK_MUTANTS

$(BUILD_DIR)/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(COMPILE)

# The archive holds one object whose inner names were made local, so that it shows what the shared
# library shows.
$(static): $(lib_objects)
	@rm -f $@
	@$(CC) -r -nostdlib -o $(BUILD_DIR)/libtasker.o $^
	@$(OBJCOPY) --localize-hidden $(BUILD_DIR)/libtasker.o
	$(call quiet,archive)$(AR) rcs $@ $(BUILD_DIR)/libtasker.o

$(shared): $(lib_objects)
	$(call quiet,link)$(CC) -shared -Wl,-soname,libtasker.so.$(SOMAJOR) $(TK_LDFLAGS) -o $@ $^ $(LIBS)
	@ln -sf $(@F) $(BUILD_DIR)/libtasker.so.$(SOMAJOR)
	@ln -sf $(@F) $(BUILD_DIR)/libtasker.so

$(BUILD_DIR)/libtasker_serve.a: $(serve_objects) $(serve_foundations)
	@rm -f $@
	@$(CC) -r -nostdlib -o $(BUILD_DIR)/libtasker_serve.o $^
	@$(OBJCOPY) --localize-hidden $(BUILD_DIR)/libtasker_serve.o
	$(call quiet,archive)$(AR) rcs $@ $(BUILD_DIR)/libtasker_serve.o

# What tests link: they see inside, and an archive gives each only the objects that it names (some
# helpers need Criterion, some do not; a test of the foundations needs no store).
$(inside): $(lib_objects)
$(BUILD_DIR)/libserve_inside.a: $(serve_objects)
$(support): $(support_objects)
$(inside) $(serve_inside) $(support):
	@rm -f $@
	$(call quiet,archive)$(AR) rcs $@ $^

$(BUILD_DIR)/tasker: $(cli_objects) $(serve_objects) $(lib_objects)
	$(LINK) $(LIBS)

$(examples): %: %.o $(call common_of,examples/c) $(static)
	$(LINK) $(LIBS)

$(BUILD_DIR)/tests/%: $(BUILD_DIR)/test/%.o $(support) $(inside)
	@mkdir -p $(@D)
	$(LINK) -lcriterion $(TEST_LIBS)

$(BUILD_DIR)/tests/test_serve_%: $(BUILD_DIR)/test/test_serve_%.o $(support) $(serve_inside) $(inside)
	@mkdir -p $(@D)
	$(LINK) -lcriterion $(TEST_LIBS)

$(BUILD_DIR)/sim: $(sim_objects) $(support) $(inside)
	$(LINK) $(TEST_LIBS)

$(BUILD_DIR)/sim-mutants: $(filter-out $(BUILD_DIR)/mutants/test/interleave/%,$(mutant_objects)) $(support)
	$(LINK) $(TEST_LIBS)

$(interleave): $(interleave_objects) $(support) $(inside)
	$(LINK) $(TEST_LIBS)

$(interleave)-mutants: $(filter-out $(BUILD_DIR)/mutants/test/sim/%,$(mutant_objects)) $(support)
	$(LINK) $(TEST_LIBS)

$(BUILD_DIR)/chaos-worker: $(BUILD_DIR)/test/chaos/worker.o $(static)
	$(LINK) $(LIBS)

$(stresses): %: %.o $(support) $(inside)
	$(LINK) $(TEST_LIBS)

$(benches): %: %.o $(call common_of,bench) $(support) $(inside)
	$(LINK) $(TEST_LIBS)

$(fuzzers): %: %.o $(serve_inside) $(support) $(inside)
	$(LINK) -fsanitize=fuzzer $(TEST_LIBS)

# --- test -----------------------------------------------------------------------------------------

.PHONY: check check-postgres exports sim mutants test campaign demo fuzz fuzzers faults

# C tests of one build; `make check TEST=retry` runs the programs whose names contain it. Criterion
# does not start under ThreadSanitizer, which gets the stress programs instead.
ifeq ($(BUILD),tsan)
check_programs := $(stresses)
else
check_programs := $(tests)
endif
ifdef TEST
check_programs := $(foreach path,$(check_programs),$(if $(findstring $(TEST),$(notdir $(path))),$(path)))
endif

check: $(check_programs) $(if $(filter release,$(BUILD)),exports)
	@tools/run-tests $(check_programs)

# The store's contract and some seeds of the simulation on a PostgreSQL of their own.
store_tests := $(foreach path,$(tests),$(if $(filter test_store%,$(notdir $(path))),$(path)))
check-postgres: $(store_tests) $(sim) $(program) $(BUILD_DIR)/chaos-worker
	script/with-postgres tools/run-tests $(store_tests)
	script/with-postgres $(sim) --seeds $(or $(SEEDS),30)
	script/with-postgres test/postgres/refusals $(program)
	script/with-postgres test/postgres/roles $(program)
	script/with-postgres test/postgres/full $(program)
	PGPORT=54731 PG_OPTIONS='-c listen_addresses=127.0.0.1' script/with-postgres test/postgres/tls $(program)
	script/with-postgres test/postgres/network $(program) $(BUILD_DIR)/chaos-worker
	script/with-postgres test/postgres/frozen $(program) $(BUILD_DIR)/chaos-worker

# Sessions beside each other, step by step; then with deliberate faults, each of which has to show.
.PHONY: interleave interleave-mutants
interleave: $(interleave)
	script/with-postgres $(interleave)
interleave-mutants: $(interleave)-mutants
	script/with-postgres tools/run-interleave $(interleave)-mutants

# Processes that die and stand still on a PostgreSQL that crashes; SECONDS of it.
.PHONY: chaos
chaos: all ruby
	SECONDS_MAX=$(or $(SECONDS),60) $(if $(SEED),SEED=$(SEED)) BUILD_DIR=$(BUILD_DIR) test/chaos/run

exports: $(static) $(shared)
	@tools/check-exports $^

# `make sim SEED=n` replays one seed, `make sim SEEDS=n` runs the seeds 1 to n.
sim: $(sim)
	$(sim) $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))

# The simulation must find each deliberate fault: started with TK_MUTANT=n in the environment it
# prints which invariant broke and exits with 1.
mutants: $(mutants)
	@tools/run-mutants $(mutants)

test:
	script/setup
	script/test

campaign:
	script/setup
	script/campaign

demo:
	script/setup --minimal $(if $(filter postgres,$(STORE)),postgresql)
	$(MAKE) all ruby
	STORE=$(STORE) script/demo

fuzzers: $(fuzzers)

# Each target for FUZZ_SECONDS; seeds in fuzz/corpus/NAME, finds in build/fuzz.
fuzz:
	$(MAKE) BUILD=fuzz CC=clang fuzzers
	tools/run-fuzzers build/fuzz/fuzz $(or $(FUZZ_SECONDS),10)

faults:
	@sed -nE 's/^ *X\(([a-z_]+), .*/\1/p' src/store.h

# --- judge ----------------------------------------------------------------------------------------

.PHONY: format lint tidy budget bench bench-postgres
format:
	clang-format -i $(foreach folder,include src serve cli examples/c test test/* bench fuzz bindings/ruby/ext/*,$(wildcard $(folder)/*.[ch]))

lint:
	tools/lint

tidy:
	tools/tidy

budget: ruby
	ruby tools/budget.rb

bench: all $(benches) ruby
	script/bench --rounds $(or $(ROUNDS),5) $(FIGURES)

# The same on a PostgreSQL of its own that counts statements.
bench-postgres: export PG_OPTIONS := -c shared_buffers=1GB -c max_wal_size=4GB \
                                     -c shared_preload_libraries=pg_stat_statements
bench-postgres: all $(benches) ruby
	script/with-postgres script/bench --rounds $(or $(ROUNDS),3)

# Lists, overviews and events of a store of TASKS tasks, through the library and through a server; with
# STORE=postgres on a PostgreSQL of its own.
.PHONY: bench-server
bench-server: export PG_OPTIONS := -c shared_buffers=512MB -c max_wal_size=4GB \
                                   -c shared_preload_libraries=pg_stat_statements
bench-server: all $(benches)
	BUILD_DIR=$(BUILD_DIR) $(if $(filter postgres,$(STORE)),script/with-postgres) script/bench-server \
		$(or $(TASKS),1000000) $(or $(ROUNDS),100)

# What lasts: two million tasks, three times; a snapshot held for half an hour. Each prints a line.
.PHONY: endure
endure: export PG_OPTIONS := -c shared_buffers=1GB -c max_wal_size=4GB
endure: $(BUILD_DIR)/bench/endure
	for i in 1 2 3; do script/with-postgres $< tenths $(or $(TASKS),2000000) || exit 1; done
	script/with-postgres $< snapshot $(or $(SECONDS),1800)

# --- ruby, install --------------------------------------------------------------------------------

# Where each shell looks for completions, below share.
completions := bash-completion/completions/tasker zsh/site-functions/_tasker \
               fish/vendor_completions.d/tasker.fish

.PHONY: ruby install uninstall clean help
ruby:
	cd bindings/ruby && rake compile

# --- web ------------------------------------------------------------------------------------------

# Built by Node.js into build/dashboard; the next `make` embeds it. No rule makes the files there, so
# that `make` itself never needs Node.js.
.PHONY: web screenshots
web_packages := build/web-packages
web_built := build/web-built
web: $(web_built)
$(web_built): $(web_packages) web/index.html web/vite.config.ts $(shell find web/src -type f 2>/dev/null)
	cd web && npm run --silent build
	@touch $@

$(web_packages): web/package-lock.json
	cd web && npm ci --silent
	@mkdir -p $(@D) && touch $@

# Every page at three widths, light and dark, into build/screenshots.
screenshots: web
	$(MAKE) all ruby
	cd web && BUILD_DIR=$(abspath $(BUILD_DIR)) npm run --silent screenshots

install: all
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/bin
	install -m 644 include/tasker.h $(if $(serve),include/tasker_serve.h) $(DESTDIR)$(PREFIX)/include
	install -m 644 $(static) $(serve) $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(shared) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(notdir $(shared)) $(DESTDIR)$(PREFIX)/lib/libtasker.so.$(SOMAJOR)
	ln -sf $(notdir $(shared)) $(DESTDIR)$(PREFIX)/lib/libtasker.so
	install -m 755 $(program) $(DESTDIR)$(PREFIX)/bin
	install -d $(foreach folder,man/man1 $(dir $(completions)),$(DESTDIR)$(PREFIX)/share/$(folder))
	$(program) man > $(DESTDIR)$(PREFIX)/share/man/man1/tasker.1
	$(foreach file,$(completions),$(program) completion $(firstword $(subst -, ,$(subst /, ,$(file)))) \
		> $(DESTDIR)$(PREFIX)/share/$(file) &&) true
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LIBS)|' tools/tasker.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/tasker.pc

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/include/tasker.h $(DESTDIR)$(PREFIX)/include/tasker_serve.h \
		$(DESTDIR)$(PREFIX)/lib/libtasker_serve.a $(DESTDIR)$(PREFIX)/bin/tasker \
		$(DESTDIR)$(PREFIX)/share/man/man1/tasker.1 \
		$(addprefix $(DESTDIR)$(PREFIX)/share/,$(completions)) \
		$(DESTDIR)$(PREFIX)/lib/libtasker.a $(DESTDIR)$(PREFIX)/lib/libtasker.so* \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig/tasker.pc

clean:
	rm -rf build bindings/ruby/tmp bindings/ruby/pkg
	rm -f bindings/ruby/lib/tasker_core/*.so

help:
	@echo 'make             libtasker, the program tasker and the C examples, in build/release'
	@echo 'make demo        sets up, builds and shows an order going through its workflow;'
	@echo '                 STORE=postgres: with two workers on a PostgreSQL of its own'
	@echo 'make test        sets up and runs every test (about 12 minutes)'
	@echo 'make check       C tests of one build; TEST=name selects; BUILD=release|debug|asan|tsan'
	@echo 'make check-postgres  the store contract on a PostgreSQL of its own'
	@echo 'make interleave  sessions beside each other on PostgreSQL, step by step'
	@echo 'make chaos       workers killed, stopped and cut off on PostgreSQL; SECONDS=60 SEED=n'
	@echo 'make sim         simulation; SEED=n replays one, SEEDS=n runs 1 to n'
	@echo 'make mutants     the simulation finds each deliberate fault'
	@echo 'make fuzz        each fuzz target for FUZZ_SECONDS=10'
	@echo 'make campaign    what takes hours: long simulation, fuzzing, a fresh machine'
	@echo 'make lint        formats, static checks, budgets of the gem (make budget)'
	@echo 'make format      lets clang-format have its way'
	@echo 'make tidy        clang-tidy, -fanalyzer, rules of the layers'
	@echo 'make bench       figures, each beside its reference'
	@echo 'make bench-postgres  the same on a PostgreSQL of its own'
	@echo 'make bench-server  lists and overviews of a million tasks; TASKS=n STORE=postgres'
	@echo 'make ruby        compiles the extension of the gem in place'
	@echo 'make web         builds the dashboard by Node.js; the next make embeds it'
	@echo 'make screenshots  its pages as pictures, in build/screenshots'
	@echo 'make faults      lists the store operations that the tests make fail'
	@echo 'make install     to PREFIX=/usr/local (DESTDIR is honoured); make uninstall'
	@echo 'make clean       removes build/'

-include $(shell find $(BUILD_DIR) -name '*.d' 2>/dev/null)
