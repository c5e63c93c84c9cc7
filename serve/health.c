/*
 * health.c - whether the process answers, and whether it can do its work.
 *
 *   live    the process answers
 *   ready   store: a read succeeds; tables: they are those of this build; sweep: somebody recovers what
 *           dead workers held, as long as there are workers
 *
 * Live never touches the store. Whoever is not ready answers 503 with the same document as
 * /health/detailed, which says what is wrong in words of ours: the store's own go to the log.
 */
#include "clock.h"
#include "routes.h"

#define TABLES_WRONG                                                                               \
    "they are not those of this build: see the server's log, `tasker store migrate`"

static void write_head(serve_request *r, const char *status) {
    tk_buf_char(&r->answer, '{');
    tk_json_write_member_string(&r->answer, "status", tk_str_of(status));
    tk_json_write_member_time(&r->answer, "timestamp", tk_clock_now(&tk_clock_system));
    tk_json_write_member_string(&r->answer, "version", tk_str_of(tasker_version()));
}

void route_health(serve_request *r) {
    write_head(r, "healthy");
    tk_buf_char(&r->answer, '}');
}

void route_live(serve_request *r) {
    write_head(r, "alive");
    tk_buf_char(&r->answer, '}');
}

/* --- the sweep -------------------------------------------------------------------------------- */

/* Each is asked about, so that each is known to move or not. */
static bool any_moves(tk_json workers) {
    bool any = false;
    tk_json_iterator it = tk_json_each(workers);
    while (tk_json_next(&it)) {
        int64_t id = 0;
        int64_t beat = 0;
        (void)tk_json_int(tk_json_member(it.value, "worker"), &id);
        (void)tk_json_int(tk_json_member(it.value, "beat"), &beat);
        any = route_beat_moves(id, beat) || any;
    }
    return any;
}

/* --- the document ----------------------------------------------------------------------------- */

typedef struct parts {
    const char *store, *tables, *sweep; /* what is wrong with each; NULL: nothing */
    const char *sweep_note;
    int64_t workers;
    int64_t store_us; /* how long the read took */
} parts;

static void look_at_sweep(tk_json workers, parts *p) {
    p->workers = (int64_t)tk_json_count(workers);
    if (p->workers == 0) {
        p->sweep_note = "no worker is connected: what is submitted waits";
    } else if (!any_moves(workers)) {
        p->sweep = "workers are registered, but none of them has beaten for some time";
    }
}

static void look_at_nothing(serve_request *r, parts *p) {
    p->sweep = "unknown while there is no store";
    if (r->store_status == TASKER_UNSUPPORTED) {
        p->tables =
            "they are not those of this build: see the server's log, `tasker store migrate`";
    } else {
        p->store = "the store cannot be opened: see the server's log";
        p->tables = p->sweep;
    }
}

/* What the store says of itself. A failure is told to the log by serve_query; its answer is replaced. */
static void look_at_store(serve_request *r, parts *p) {
    tk_str answer = {NULL, 0};
    tk_json facts = {0};
    int64_t began_us = tk_clock_monotonic(&tk_clock_system);
    if (!serve_query(r, TASKER_QUERY_STORE, TK_STR("{}"), &answer) ||
        !route_parse(r, answer, &facts)) {
        p->store = "the store cannot be read: see the server's log";
        p->tables = p->sweep = "unknown while the store cannot be read";
        return;
    }
    p->store_us = tk_clock_monotonic(&tk_clock_system) - began_us;
    tk_json schema = tk_json_member(facts, "schema");
    if (!tk_json_equal(tk_json_member(schema, "have"), tk_json_member(schema, "want"))) {
        p->tables = TABLES_WRONG;
    }
    look_at_sweep(tk_json_member(facts, "workers"), p);
}

static void look(serve_request *r, parts *p) {
    *p = (parts){0};
    if (r->store == NULL) {
        look_at_nothing(r, p);
    } else {
        look_at_store(r, p);
    }
    tk_buf_release(&r->answer);
    r->retry_after_s = 0;
}

static void write_part(tk_buf *buf, const char *name, const char *wrong, const char *note) {
    const char *text = wrong != NULL ? wrong : note;
    tk_json_write_name(buf, name);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "status", tk_str_of(wrong == NULL ? "healthy" : "unhealthy"));
    tk_json_write_member_string_or_null(buf, "message", tk_str_of(text));
    tk_buf_char(buf, '}');
}

static bool answer_parts(serve_request *r) {
    parts p;
    look(r, &p);
    bool good = p.store == NULL && p.tables == NULL && p.sweep == NULL;
    write_head(r, good ? "healthy" : "unhealthy");
    tk_json_write_name(&r->answer, "checks");
    tk_buf_char(&r->answer, '{');
    write_part(&r->answer, "store", p.store, NULL);
    write_part(&r->answer, "tables", p.tables, NULL);
    write_part(&r->answer, "sweep", p.sweep, p.sweep_note);
    tk_buf_char(&r->answer, '}');
    tk_json_write_name(&r->answer, "info");
    tk_buf_char(&r->answer, '{');
    tk_json_write_member_int(&r->answer, "workers", p.workers);
    tk_json_write_member_int(&r->answer, "store_read_us", p.store_us);
    tk_buf_text(&r->answer, "}}");
    return good;
}

void route_ready(serve_request *r) {
    r->status = answer_parts(r) ? 200 : 503;
}

void route_health_detailed(serve_request *r) {
    (void)answer_parts(r);
    r->status = 200;
}
