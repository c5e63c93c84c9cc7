/*
 * world.c - what a simulated run stands on: chance, clocks, a store with its faults, templates.
 */
#include "sim/sim.h"

#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EPOCH_US INT64_C(1790000000000000) /* some day in 2026 */
#define WIDE_EVERY 32 /* of so many seeds one has a template with very many steps */
#define FILE_EVERY 16 /* of so many seeds one runs on a file with a connection for each party */

/* --- chance --- */

uint32_t sim_below(sim *s, uint32_t limit) {
    return (uint32_t)tk_random_below(&s->chance, limit);
}

bool sim_percent(sim *s, uint32_t percent) {
    return sim_below(s, 100) < percent;
}

int64_t sim_between(sim *s, int64_t low, int64_t high) {
    return low + (int64_t)tk_random_below(&s->chance, (uint64_t)(high - low) + 1);
}

/* --- clocks --- */

static int64_t simulated_now(void *user) {
    const sim_clock *clock = user;
    return EPOCH_US + clock->sim->now_us + clock->sim->step_us + clock->skew_us;
}

static int64_t simulated_monotonic(void *user) {
    return ((const sim_clock *)user)->sim->now_us;
}

/* --- telling --- */

static void print_time(const sim *s) {
    printf("%6" PRId64 ".%06" PRId64 "  ", s->now_us / SIM_S, s->now_us % SIM_S);
}

void sim_say(sim *s, const char *format, ...) {
    if (!s->trace) {
        return;
    }
    print_time(s);
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

static void write_log(void *user, tasker_log_level level, const char *line) {
    (void)level;
    sim_say(user, "    log: %s", line);
}

/* The history as readers would see it. */
static void print_history(sim *s, const tk_uuid *task) {
    tk_arena arena = {0};
    tk_buf buf = {0};
    tasker_error error = {0};
    if (!s->trace) {
        printf("  history: with --trace\n");
        return;
    }
    tk_store *store = s->eye.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_history(&s->eye.engine, &arena, task, &buf, &error);
    }
    store->driver->rollback(store);
    printf("  history: %.*s\n", (int)buf.size, status == TASKER_OK ? buf.data : error.message);
    tk_buf_release(&buf);
    tk_arena_release(&arena);
}

void sim_broken(sim *s, const char *rule, const tk_uuid *task, const char *format, ...) {
    printf("seed %" PRIu64 ": invariant %s is broken: ", s->seed, rule);
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    printf("\n  while: %s, event %" PRIu64 ", ", s->context, s->events);
    print_time(s);
    (void)putchar('\n');
    s->eye.store->driver->rollback(s->eye.store);
    if (task != NULL) {
        char text[TASKER_UUID_SIZE];
        tk_uuid_format(task, text);
        printf("  task: %s\n", text);
        sim_view view = {0};
        sim_view_open(s, task, &view);
        sim_view_print(&view);
        sim_view_close(&view);
        print_history(s, task);
    }
    printf("  again: make sim SEED=%" PRIu64 "\n", s->seed);
    (void)fflush(stdout);
    _exit(1);
}

/* --- faults --- */

/* Asked before every operation of a party. Between two of its transactions others may act, as other
 * processes do: a verb that needs two must not rely on what it read in the first. */
static tk_fault_kind decide(void *user, tk_store_operation operation, uint64_t number) {
    sim_party *party = user;
    sim *s = party->ticks.sim;
    if (operation == TK_STORE_OP_begin && number > 1 && party->interrupted && !s->nested) {
        sim_workers_interrupt(s, party);
    }
    bool meant = party->operation == TK_FAULT_ANY || party->operation == (int)operation;
    if (party->fault == TK_FAULT_NONE || !meant || --party->at > 0) {
        return TK_FAULT_NONE;
    }
    tk_fault_kind kind = party->fault;
    party->fault = TK_FAULT_NONE;
    return kind;
}

void sim_fault(sim *s, sim_party *party) {
    party->plan.decide = decide;
    party->plan.user = party;
    party->interrupted = !s->calm && sim_percent(s, 20);
    party->fault = TK_FAULT_NONE;
    if (s->calm || !sim_percent(s, s->fault_percent)) {
        return;
    }
    static const tk_fault_kind kinds[] = {TK_FAULT_BEFORE, TK_FAULT_AFTER};
    static const int favourites[] = {TK_STORE_OP_commit, TK_STORE_OP_commit, TK_STORE_OP_claim,
                                     TK_STORE_OP_finish};
    bool favourite = sim_percent(s, 60);
    party->fault = kinds[sim_below(s, TK_COUNT_OF(kinds))];
    party->operation = favourite ? favourites[sim_below(s, TK_COUNT_OF(favourites))] : TK_FAULT_ANY;
    party->at = 1 + sim_below(s, favourite ? 2 : 16);
    sim_say(s, "    fault planned: %s %s, call %" PRIu32,
            party->operation < 0 ? "any operation"
                                 : tk_store_operation_name((tk_store_operation)party->operation),
            party->fault == TK_FAULT_BEFORE ? "not done" : "done, answer lost", party->at);
}

bool sim_fault_end(sim *s, sim_party *party) {
    bool fired = party->plan.fired > 0;
    if (party->plan.misuse > 0) {
        sim_broken(s, "store-contract", NULL, "a call behind an error that was no rollback");
    }
    tk_fault_plan_clear(&party->plan);
    party->fault = TK_FAULT_NONE;
    party->interrupted = false;
    return fired;
}

/* --- parties --- */

static void must(sim *s, tasker_status status, const tasker_error *error, const char *what) {
    if (status != TASKER_OK) {
        sim_broken(s, "world", NULL, "%s: %s", what, error->message);
    }
}

void sim_party_open(sim *s, sim_party *party) {
    tasker_error error = {0};
    tk_store *shared = NULL;
    party->ticks = (sim_clock){.sim = s};
    party->clock = (tk_clock){simulated_now, simulated_monotonic, &party->ticks};
    must(s, s->base->driver->share(s->base, &shared, &error), &error, "share");
    tk_fault_plan_init(&party->plan);
    party->plan.keep_sessions =
        true; /* in one thread nobody stands still inside of a transaction */
    must(s, tk_fault_store_wrap(shared, &party->plan, &party->store, &error), &error, "wrap");
    party->engine = (tk_engine){
        .store = party->store,
        .clock = &party->clock,
        .random = &s->engine_chance,
        .log = &s->log,
        .environment = "test",
        .catalog = &s->catalog,
    };
}

void sim_party_close(sim_party *party) {
    tk_store_close(party->store);
    tk_fault_plan_release(&party->plan);
}

/* --- templates --- */

static void write_retry(sim *s, tk_buf *yaml) {
    static const char *const backoffs[] = {"none", "linear", "exponential", "fibonacci"};
    static const int base_ms[] = {0, 10, 100, 700};
    static const int cap_ms[] = {50, 500, 3000};
    if (sim_percent(s, 15)) {
        return; /* the defaults */
    }
    tk_buf_printf(yaml,
                  "    retry: {retryable: %s, limit: %u, backoff: %s, backoff_base_ms: %d, "
                  "max_backoff_ms: %d}\n",
                  sim_percent(s, 85) ? "true" : "false", sim_below(s, 5),
                  backoffs[sim_below(s, TK_COUNT_OF(backoffs))],
                  base_ms[sim_below(s, TK_COUNT_OF(base_ms))],
                  cap_ms[sim_below(s, TK_COUNT_OF(cap_ms))]);
}

/* Steps have names from one pool, so that revisions keep some, drop some and add some; edges go
 * from lower to higher places, in one of four shapes. */
static void write_steps(sim *s, tk_buf *yaml) {
    bool used[SIM_STEPS_MAX] = {false};
    uint32_t names[SIM_STEPS_MAX];
    uint32_t count = 1 + sim_below(s, SIM_STEPS_MAX - 1);
    uint32_t shape = sim_below(s, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t name = sim_below(s, SIM_STEPS_MAX);
        while (used[name]) {
            name = (name + 1) % SIM_STEPS_MAX;
        }
        used[name] = true;
        names[i] = name;
        tk_buf_printf(yaml, "  - name: s%u\n    handler: {callable: h%u}\n", name,
                      sim_below(s, SIM_HANDLERS));
        tk_buf_text(yaml, "    dependencies: [");
        bool any = false;
        for (uint32_t k = 0; k < i; k++) {
            bool edge = shape == 0   ? k + 1 == i
                        : shape == 1 ? k == 0 || i + 1 == count
                        : shape == 2 ? sim_percent(s, 30)
                                     : sim_percent(s, 60);
            if (edge) {
                tk_buf_printf(yaml, "%ss%u", any ? ", " : "", names[k]);
                any = true;
            }
        }
        tk_buf_text(yaml, "]\n");
        write_retry(s, yaml);
        if (sim_percent(s, 50)) {
            tk_buf_printf(yaml, "    timeout_seconds: %u\n", 1 + sim_below(s, 2));
        }
    }
}

/* One step, then many beside each other, then one: more steps than a page of progress holds. */
static void write_wide(sim *s, tk_buf *yaml) {
    for (uint32_t i = 0; i < SIM_WIDE_STEPS; i++) {
        tk_buf_printf(yaml, "  - name: s%u\n    handler: {callable: h%u}\n", i,
                      sim_below(s, SIM_HANDLERS));
        if (i > 0 && i < SIM_WIDE_STEPS - 1) {
            tk_buf_text(yaml, "    dependencies: [s0]\n");
        }
    }
    tk_buf_text(yaml, "    dependencies: [s1");
    for (uint32_t i = 2; i < SIM_WIDE_STEPS - 1; i++) {
        tk_buf_printf(yaml, ", s%u", i);
    }
    tk_buf_text(yaml, "]\n");
}

void sim_register(sim *s, uint32_t index) {
    sim_template *t = &s->templates[index];
    tk_buf yaml = {0};
    tk_buf report = {0};
    tasker_error error = {0};
    bool valid = false;
    (void)snprintf(t->name, sizeof(t->name), "t%u", index);
    (void)snprintf(t->namespace_name, sizeof(t->namespace_name), "ns%u", index % SIM_NAMESPACES);
    tk_buf_printf(&yaml, "name: %s\nnamespace_name: %s\nversion: 1.0.0\nsteps:\n", t->name,
                  t->namespace_name);
    if (t->wide) {
        write_wide(s, &yaml);
    } else {
        write_steps(s, &yaml);
    }
    tasker_status status =
        tk_register(&s->eye.engine, tk_buf_view(&yaml), "simulated", &report, &valid, &error);
    must(s, status, &error, "register");
    sim_say(s, "template:\n%s", yaml.data);
    if (!valid) {
        sim_broken(s, "world", NULL, "a template is refused: %s", report.data);
    }
    tk_buf_release(&yaml);
    tk_buf_release(&report);
}

/* --- all of it --- */

#ifdef TK_WITH_POSTGRES
/* Each seed begins without tables. */
static void server_clear(const char *url) {
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, "SET client_min_messages = error;"
                                          "DROP SCHEMA IF EXISTS tasker CASCADE");
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        printf("the server cannot be used: %s\n", PQerrorMessage(connection));
        exit(2);
    }
    PQclear(result);
    PQfinish(connection);
}
#else
static void server_clear(const char *url) {
    printf("this build has no PostgreSQL store: %s\n", url);
    exit(2);
}
#endif

/* TASKER_STORE=postgres://… (script/with-postgres): every seed runs there. */
static bool on_server(void) {
    const char *url = getenv("TASKER_STORE");
    return url != NULL && strncmp(url, "postgres", 8) == 0;
}

static void open_store(sim *s) {
    bool file = !on_server() && s->seed % FILE_EVERY == FILE_EVERY - 1;
    (void)snprintf(s->url, sizeof(s->url), "sqlite::memory:");
    if (on_server()) {
        (void)snprintf(s->url, sizeof(s->url), "%s", getenv("TASKER_STORE"));
        server_clear(s->url);
    } else if (file) {
        (void)snprintf(s->url, sizeof(s->url), "sqlite:/dev/shm/tasker-sim-%d-%" PRIu64 ".db",
                       (int)getpid(), s->seed);
    }
    static const char *const none[] = {"", "-wal", "-shm", "-lock", "-wake"};
    for (size_t i = 0; file && i < TK_COUNT_OF(none); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s%s", s->url + strlen("sqlite:"), none[i]);
        (void)unlink(path);
    }
    tasker_error error = {0};
    const tk_store_config config = {.url = s->url, .clock = &s->eye.clock, .log = &s->log};
    if (tk_store_open(&config, &s->base, &error) != TASKER_OK) {
        printf("the store cannot be opened: %s\n", error.message);
        exit(2);
    }
}

static void close_store(sim *s) {
    tk_store_close(s->base);
    static const char *const files[] = {"", "-wal", "-shm", "-lock", "-wake"};
    for (size_t i = 0; strncmp(s->url, "sqlite:/", 8) == 0 && i < TK_COUNT_OF(files); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s%s", s->url + strlen("sqlite:"), files[i]);
        (void)unlink(path);
    }
}

void sim_open(sim *s, uint64_t seed, bool trace) {
    *s = (sim){.seed = seed, .trace = trace, .context = "opening"};
    s->chance = tk_random_seeded(&s->chance_stream, seed * UINT64_C(0x9e3779b97f4a7c15) + 1);
    s->engine_chance = tk_random_seeded(&s->engine_stream, seed ^ UINT64_C(0x5bd1e995cafe));
    s->log = (tk_log){write_log, s};
    s->eye.ticks = (sim_clock){.sim = s};
    s->eye.clock = (tk_clock){simulated_now, simulated_monotonic, &s->eye.ticks};
    open_store(s);
    tasker_error error = {0};
    if (tk_catalog_open(&s->catalog, &error) != TASKER_OK) {
        exit(2);
    }
    sim_party_open(s, &s->eye);
    sim_party_open(s, &s->client);
    static const uint32_t percents[] = {0, 2, 5, 15};
    s->fault_percent = percents[sim_below(s, TK_COUNT_OF(percents))];
    s->skewed = sim_percent(s, 30);
    s->template_count = 1 + sim_below(s, SIM_TEMPLATES_MAX);
    s->templates[s->template_count - 1].wide =
        s->template_count > 1 && s->seed % WIDE_EVERY == WIDE_EVERY / 2;
    for (uint32_t i = 0; i < s->template_count; i++) {
        sim_register(s, i);
    }
}

void sim_close(sim *s) {
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sim_worker *w = &s->workers[i];
        sim_handlers_drop(s, w);
        if (w->worker != NULL) {
            tk_worker_close(w->worker);
        }
        sim_party_close(&w->party);
    }
    sim_party_close(&s->client);
    sim_party_close(&s->eye);
    tk_catalog_close(&s->catalog);
    close_store(s);
    sim_record_release(s);
}
