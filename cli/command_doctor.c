/*
 * command_doctor.c - doctor: is the store well, is work being done, and what to do if not.
 *
 * Each look adds findings. On a store they come from TASKER_QUERY_STORE, over a server from its own
 * health; workers and queues are looked at in the same way on both.
 */
#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "format.h"
#include "http.h"
#include "json_view.h"
#include "table.h"
#include "workers.h"

enum {
    FINDINGS_MAX = 200,
    SKEW_MS_MAX = 1000,
    READY_S_MAX = 60,            /* a step that waits longer although somebody could take it */
    UPKEEP_S_MAX = 24 * 60 * 60, /* since the tables were last seen to */
    DEAD_PERCENT_MAX = 50        /* rows of a table that are dead */
};
#define DISK_BYTES_WARN ((uint64_t)1 << 30)
#define DISK_BYTES_FAIL ((uint64_t)100 << 20)
#define DEAD_ROWS_MIN 10000

typedef enum verdict { WELL, WARN, FAIL } verdict;

static const char *const verdict_words[] = {"ok", "warn", "fail"};
static const out_color verdict_colors[] = {OUT_GREEN, OUT_YELLOW, OUT_RED};

typedef struct finding {
    verdict verdict;
    const char *what, *text, *next; /* next NULL: nothing to do */
} finding;

typedef struct doctor {
    cli *c;
    finding findings[FINDINGS_MAX];
    size_t count, count_bad;
    int64_t now_us;
} doctor;

static void find(doctor *d, verdict v, const char *what, const char *next, const char *format, ...)
    TK_PRINTF(5, 6);

static void find(doctor *d, verdict v, const char *what, const char *next, const char *format,
                 ...) {
    tk_buf text = {0};
    va_list args;
    va_start(args, format);
    tk_buf_vprintf(&text, format, args);
    va_end(args);
    char *copy = text.failed ? NULL : tk_arena_copy(&d->c->arena, text.data, text.size);
    tk_buf_release(&text);
    d->count_bad += v == WELL ? 0 : 1;
    if (d->count < FINDINGS_MAX) {
        d->findings[d->count++] =
            (finding){v, what, copy == NULL ? "out of memory" : copy, v == WELL ? NULL : next};
    }
}

static tk_str text_of(doctor *d, tk_json object, const char *name) {
    return json_text(&d->c->arena, tk_json_member(object, name));
}

static int64_t age_us(const doctor *d, tk_json object, const char *name) {
    int64_t at_us = format_time_of(tk_json_member(object, name));
    return at_us == 0 ? 0 : d->now_us - at_us;
}

/* --- the store -------------------------------------------------------------------------------- */

static void look_at_clock(doctor *d, tk_json store) {
    tk_json skew = tk_json_member(store, "clock_skew_ms");
    int64_t ms = 0;
    if (skew.kind != TK_JSON_NUMBER || !tk_json_int(skew, &ms)) {
        return; /* a file has no clock of its own */
    }
    int64_t distance = ms < 0 ? -ms : ms;
    find(d, distance > SKEW_MS_MAX ? WARN : WELL, "clock", "set both by NTP: timedatectl status",
         "the database's clock is %" PRId64 " ms %s this one", distance,
         ms < 0 ? "behind" : "ahead of");
}

/* Who may write a SQLite file, and the room on its disk; that of a database's host is not seen from here. */
static void look_at_file(doctor *d, tk_json store) {
    const char *url = d->c->url;
    struct statvfs facts;
    if (strncmp(url, "sqlite:", 7) != 0) {
        return;
    }
    if (access(url + 7, W_OK) != 0) {
        find(d, FAIL, "rights", "the user that workers and server run as must own the file",
             "this user cannot write the store: %s", strerror(errno));
    }
    if (statvfs(url + 7, &facts) != 0) {
        find(d, WARN, "disk", NULL, "the room on the disk is not known: %s", strerror(errno));
        return;
    }
    uint64_t bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    int64_t size = json_count(store, "size_bytes") + json_count(store, "log_bytes");
    verdict v = bytes < DISK_BYTES_FAIL ? FAIL : bytes < DISK_BYTES_WARN ? WARN : WELL;
    find(d, v, "disk", "tasker store prune --older-than 30d, or a larger disk",
         "%" PRIu64 " MiB are free, the store has %" PRId64 " MiB", bytes >> 20, size >> 20);
}

static void look_at_upkeep(doctor *d, tk_json store) {
    tk_json upkeep = tk_json_member(store, "upkeep");
    bool postgres = tk_json_string_is(tk_json_member(store, "kind"), TK_STR("postgres"));
    if (!postgres) {
        return;
    }
    if (format_time_of(tk_json_member(upkeep, "at")) == 0) {
        find(d, WELL, "upkeep", NULL, "no worker has seen to the tables yet");
        return;
    }
    int64_t skipped = json_count(upkeep, "tables_skipped");
    tk_str why = text_of(d, upkeep, "why");
    char age[FORMAT_DURATION_SIZE];
    int64_t gone_us = age_us(d, upkeep, "at");
    if (skipped > 0) {
        find(d, WARN, "upkeep",
             "tasker store migrate --runtime-role ROLE gives the right to VACUUM",
             "%" PRId64 " tables were left out when they were last vacuumed%s%.*s", skipped,
             why.size > 0 ? ": " : "", (int)why.size, why.data == NULL ? "" : why.data);
        return;
    }
    find(d, gone_us > (int64_t)UPKEEP_S_MAX * 1000000 ? WARN : WELL, "upkeep",
         "start a worker: it sees to the tables", "the tables were seen to %s ago",
         format_duration(age, gone_us));
}

static void look_at_tables(doctor *d, tk_json store) {
    tk_json_iterator it = tk_json_each(tk_json_member(store, "tables"));
    while (tk_json_next(&it)) {
        int64_t rows = json_count(it.value, "rows");
        int64_t dead = json_count(it.value, "dead");
        tk_str name = text_of(d, it.value, "name");
        if (dead > DEAD_ROWS_MIN && dead * 100 > (rows + dead) * DEAD_PERCENT_MAX) {
            find(d, WARN, "tables", "end transactions that are long open; VACUUM the table",
                 "%" PRId64 " of %" PRId64 " rows of %.*s are dead", dead, rows + dead,
                 (int)name.size, name.data);
        }
    }
}

static void look_at_lost(doctor *d, tk_json store) {
    tk_json_iterator it = tk_json_each(tk_json_member(store, "stuck"));
    while (tk_json_next(&it)) {
        if (tk_json_string_is(tk_json_member(it.value, "what"), TK_STR("lost_worker"))) {
            tk_str name = text_of(d, it.value, "name");
            find(d, WARN, "workers", "start a worker: it takes the steps over",
                 "worker %" PRId64 " (%.*s) has gone without a word",
                 json_count(it.value, "worker"), (int)name.size, name.data);
        }
    }
}

static cli_exit look_at_store(doctor *d) {
    tk_json store = {0};
    cli_exit code = cli_query(d->c, TASKER_QUERY_STORE, TK_STR("{}"), &store);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_json schema = tk_json_member(store, "schema");
    int64_t have = json_count(schema, "have");
    int64_t want = json_count(schema, "want");
    tk_str kind = text_of(d, store, "kind");
    tk_str version = text_of(d, store, "version");
    tk_str url = text_of(d, store, "url");
    find(d, WELL, "store", NULL, "%.*s answers, %.*s %.*s", (int)url.size, url.data, (int)kind.size,
         kind.data, (int)version.size, version.data);
    find(d, have == want ? WELL : FAIL, "tables", "tasker store migrate",
         "of version %" PRId64 ", this program has %" PRId64, have, want);
    look_at_clock(d, store);
    look_at_file(d, store);
    look_at_upkeep(d, store);
    look_at_tables(d, store);
    look_at_lost(d, store);
    return CLI_EXIT_OK;
}

/* A store that cannot be opened is a finding, told by cli_open() before. */
static void look_at_versions(doctor *d) {
    bool same = strcmp(TASKER_VERSION, tasker_version()) == 0;
    find(d, same ? WELL : WARN, "version", "install program and library of one version",
         same ? "tasker %s" : "tasker %s, its library %s", TASKER_VERSION, tasker_version());
}

/* --- a server --------------------------------------------------------------------------------- */

static void look_at_check(doctor *d, const char *name, tk_json check) {
    tk_str status = text_of(d, check, "status");
    tk_str message = text_of(d, check, "message");
    bool well = tk_str_is(status, "healthy");
    find(d,
         well                            ? WELL
         : tk_str_is(status, "degraded") ? WARN
                                         : FAIL,
         name, "tasker doctor --store URL, on the server", "%.*s%s%.*s", (int)status.size,
         status.data, message.size > 0 ? ": " : "", (int)message.size,
         message.data == NULL ? "" : message.data);
}

static cli_exit look_at_server(doctor *d) {
    const http_request request = {.method = "GET", .path = "/health/detailed"};
    long http_status = 0;
    tasker_text text = {0};
    tasker_error error = {0};
    tk_json health = {0};
    if (http_call_status(d->c, &request, &http_status, &text, &error) != TASKER_OK) {
        return cli_fail_error(d->c, &error, NULL);
    }
    cli_exit code = cli_parse(d->c, &text, &health);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_str version = text_of(d, health, "version");
    find(d, tk_str_is(version, tasker_version()) ? WELL : WARN, "server",
         "install program and server of one version", "%s answers, version %.*s", d->c->url,
         (int)version.size, version.data == NULL ? "" : version.data);
    tk_json_iterator it = tk_json_each(tk_json_member(health, "checks"));
    while (tk_json_next(&it)) {
        look_at_check(d, json_text(&d->c->arena, it.name).data, it.value);
    }
    return CLI_EXIT_OK;
}

/* --- work ------------------------------------------------------------------------------------- */

static cli_exit look_at_workers(doctor *d) {
    workers w = {0};
    size_t counts[4] = {0};
    cli_exit code = workers_look(d->c, &w);
    if (code == CLI_EXIT_OK) {
        code = workers_listen(d->c, &w);
    }
    tk_json_iterator it = tk_json_each(w.answer);
    while (code == CLI_EXIT_OK && tk_json_next(&it)) {
        counts[workers_life(&w, it.value)]++;
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (counts[WORKER_GONE] + counts[WORKER_SILENT] > 0) {
        find(d, WARN, "workers", "tasker worker list; another worker takes their steps over",
             "%zu run, %zu are gone, %zu silent", counts[WORKER_RUNS], counts[WORKER_GONE],
             counts[WORKER_SILENT]);
    } else {
        find(d, counts[WORKER_RUNS] > 0 ? WELL : WARN, "workers",
             "start one: tasker-worker, or a program of yours",
             counts[WORKER_RUNS] > 0 ? "%zu run" : "none runs", counts[WORKER_RUNS]);
    }
    return CLI_EXIT_OK;
}

static void look_at_queue(doctor *d, tk_json queue, size_t *stuck) {
    char age[FORMAT_DURATION_SIZE];
    int64_t ready = json_count(queue, "ready");
    int64_t waited_us = age_us(d, queue, "oldest_at");
    tk_str callable = text_of(d, queue, "callable");
    tk_str space = text_of(d, queue, "namespace");
    format_duration(age, waited_us);
    if (ready == 0) {
        return;
    }
    if (json_count(queue, "workers") == 0) {
        find(d, FAIL, "queues", "start a worker that has the handler",
             "no worker has %.*s of namespace %.*s; %" PRId64 " step%s, for %s", (int)callable.size,
             callable.data, (int)space.size, space.data, ready, ready == 1 ? " waits" : "s wait",
             age);
        (*stuck)++;
    } else if (waited_us > (int64_t)READY_S_MAX * 1000000) {
        find(d, WARN, "queues", "more workers or threads; `tasker top` shows what they do",
             "%" PRId64 " steps wait for a free thread with %.*s, the first for %s", ready,
             (int)callable.size, callable.data, age);
        (*stuck)++;
    }
}

static cli_exit look_at_work(doctor *d) {
    tk_json counts = {0};
    size_t stuck = 0;
    cli_exit code = cli_query(d->c, TASKER_QUERY_COUNTS, TK_STR("{}"), &counts);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_json_iterator it = tk_json_each(tk_json_member(counts, "queues"));
    while (tk_json_next(&it)) {
        look_at_queue(d, it.value, &stuck);
    }
    tk_json steps = tk_json_member(counts, "steps");
    if (stuck == 0) {
        find(d, WELL, "queues", NULL, "%" PRId64 " steps ready, %" PRId64 " running, none stuck",
             json_count(steps, "ready"), json_count(steps, "running"));
    }
    int64_t blocked = json_count(tk_json_member(counts, "tasks"), "blocked_by_failures");
    find(d, blocked > 0 ? WARN : WELL, "tasks", "tasker task list --state blocked_by_failures",
         blocked == 0   ? "none is blocked by failures"
         : blocked == 1 ? "%" PRId64 " is blocked and needs a person"
                        : "%" PRId64 " are blocked and need a person",
         blocked);
    return CLI_EXIT_OK;
}

/* --- telling ---------------------------------------------------------------------------------- */

static const table_column columns[] = {
    {.title = " "},
    {.title = "WHAT"},
    {.title = "FOUND", .flexible = true},
    {0},
};

static cli_exit show(doctor *d) {
    table t = {.columns = columns};
    out *o = &d->c->out;
    for (size_t i = 0; i < d->count; i++) {
        const finding *f = &d->findings[i];
        table_add_text(&t, verdict_colors[f->verdict], verdict_words[f->verdict]);
        table_add_text(&t, OUT_BOLD, f->what);
        table_add_text(&t, OUT_PLAIN, f->text);
    }
    if (!table_end(&t, o, 0, false)) {
        return cli_nomem(d->c);
    }
    for (size_t i = 0; i < d->count; i++) {
        const finding *f = &d->findings[i];
        bool told = f->next == NULL;
        for (size_t j = 0; j < i && !told; j++) {
            told = d->findings[j].next != NULL && strcmp(d->findings[j].next, f->next) == 0;
        }
        if (!told) {
            out_printf(o, "try: ");
            out_text(o, OUT_PLAIN, tk_str_of(f->next), 0);
            out_printf(o, "\n");
        }
    }
    return CLI_EXIT_OK;
}

static cli_exit show_json(doctor *d) {
    tk_buf json = {0};
    tk_buf_char(&json, '{');
    tk_json_write_member_bool(&json, "ok", d->count_bad == 0);
    tk_json_write_name(&json, "checks");
    tk_buf_char(&json, '[');
    for (size_t i = 0; i < d->count; i++) {
        const finding *f = &d->findings[i];
        tk_json_write_comma(&json);
        tk_buf_char(&json, '{');
        tk_json_write_member_string(&json, "verdict", tk_str_of(verdict_words[f->verdict]));
        tk_json_write_member_string(&json, "what", tk_str_of(f->what));
        tk_json_write_member_string(&json, "text", tk_str_of(f->text));
        tk_json_write_member_string_or_null(&json, "next", tk_str_of(f->next));
        tk_buf_char(&json, '}');
    }
    tk_buf_text(&json, "]}");
    cli_exit code = json.failed ? cli_nomem(d->c) : CLI_EXIT_OK;
    tk_json document = {0};
    if (code == CLI_EXIT_OK &&
        tk_json_parse(tk_buf_view(&json), TK_BUF_BYTES_MAX, &document, NULL) == TASKER_OK) {
        json_print(&d->c->out, document);
    }
    tk_buf_release(&json);
    return code;
}

cli_exit command_doctor(cli *c) {
    doctor *d = tk_arena_alloc(&c->arena, sizeof(*d));
    if (d == NULL) {
        return cli_nomem(c);
    }
    d->c = c;
    cli_exit code = cli_open(c, CLI_READ);
    d->now_us = tk_clock_now(&tk_clock_system);
    if (code == CLI_EXIT_OK) {
        look_at_versions(d);
        code = c->http != NULL ? look_at_server(d) : look_at_store(d);
    }
    if (code == CLI_EXIT_OK) {
        code = look_at_workers(d);
    }
    if (code == CLI_EXIT_OK) {
        code = look_at_work(d);
    }
    if (code == CLI_EXIT_OK) {
        code = c->json ? show_json(d) : show(d);
    }
    return code == CLI_EXIT_OK && d->count_bad > 0 ? CLI_EXIT_PROBLEM : code;
}
