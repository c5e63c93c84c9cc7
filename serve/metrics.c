/*
 * metrics.c - /metrics: the document, and how its lines are written.
 *
 * Names are the original's where it has one for the thing. Figures of the store come from its counters
 * and queues, never from a walk through tasks.
 */
#include "metrics.h"

#include <stdio.h>

#include "clock.h"
#include "routes.h"

const int64_t metrics_bounds_ms[METRICS_BUCKETS_MAX] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 60000, 300000, 3600000};

uint32_t metrics_bucket(int64_t duration_us) {
    uint32_t bucket = 0;
    while (bucket < METRICS_BUCKETS_MAX && duration_us > metrics_bounds_ms[bucket] * 1000) {
        bucket++;
    }
    return bucket;
}

void metrics_head(tk_buf *buf, const char *name, const char *type, const char *help) {
    tk_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_histogram_write(tk_buf *buf, const char *name, const char *labels,
                             const metrics_histogram *histogram) {
    const char *comma = labels[0] == '\0' ? "" : ",";
    uint64_t count = 0;
    for (uint32_t i = 0; i < METRICS_BUCKETS_MAX; i++) {
        count += histogram->buckets[i];
        tk_buf_printf(buf, "%s_bucket{%s%sle=\"%" PRId64 "\"} %" PRIu64 "\n", name, labels, comma,
                      metrics_bounds_ms[i], count);
    }
    count += histogram->buckets[METRICS_BUCKETS_MAX];
    tk_buf_printf(buf, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, count);
    tk_buf_printf(buf, "%s_sum{%s} %.3f\n", name, labels, (double)histogram->sum_us / 1000);
    tk_buf_printf(buf, "%s_count{%s} %" PRIu64 "\n", name, labels, count);
}

void metrics_label(tk_buf *buf, const char *name, tk_str value) {
    tk_buf_printf(buf, "%s=\"", name);
    for (size_t i = 0; i < value.size && i < TASKER_NAME_BYTES_MAX; i++) {
        char c = value.data[i];
        if (c == '"' || c == '\\') {
            tk_buf_char(buf, '\\');
        }
        tk_buf_char(buf, c == '\n' ? ' ' : c);
    }
    tk_buf_char(buf, '"');
}

/* --- the store's figures ---------------------------------------------------------------------- */

static int64_t number_of(tk_json object, const char *name) {
    int64_t number = 0;
    (void)tk_json_int(tk_json_member(object, name), &number);
    return number;
}

static void write_gauge(tk_buf *buf, const char *name, const char *help, int64_t number) {
    metrics_head(buf, name, "gauge", help);
    tk_buf_printf(buf, "%s %" PRId64 "\n", name, number);
}

static void write_tasks(serve_request *r, tk_buf *buf, tk_json tasks) {
    metrics_head(buf, "tasker_tasks", "gauge", "Tasks by state");
    tk_json_iterator it = tk_json_each(tasks);
    while (tk_json_next(&it)) {
        tk_str state = {NULL, 0};
        if (!tk_json_string(&r->arena, it.name, &state) || tk_str_is(state, "total")) {
            continue;
        }
        tk_buf_text(buf, "tasker_tasks{");
        metrics_label(buf, "state", state);
        tk_buf_printf(buf, "} %.*s\n", (int)it.value.text.size, it.value.text.data);
    }
    write_gauge(buf, "tasker_tasks_active", "Tasks that run", number_of(tasks, "running"));
}

/* The queues of one namespace, added up; the last is of all beyond the limit. */
typedef struct depth {
    tk_str name;
    int64_t ready, later, no_worker;
    int64_t oldest_us;
} depth;

static depth *depth_of(depth *depths, uint32_t *count, tk_str name) {
    for (uint32_t i = 0; i < *count; i++) {
        if (tk_str_equal(depths[i].name, name)) {
            return &depths[i];
        }
    }
    if (*count == METRICS_NAMESPACES_MAX || tk_str_is(name, METRICS_OTHER)) {
        depths[METRICS_NAMESPACES_MAX].name = TK_STR(METRICS_OTHER);
        return &depths[METRICS_NAMESPACES_MAX];
    }
    depths[*count].name = name;
    return &depths[(*count)++];
}

static void add_queue(serve_request *r, depth *depths, uint32_t *count, tk_json queue) {
    tk_str name = {NULL, 0};
    tk_str oldest = {NULL, 0};
    int64_t oldest_us = 0;
    if (!tk_json_string(&r->arena, tk_json_member(queue, "namespace"), &name) ||
        !tk_json_string(&r->arena, tk_json_member(queue, "oldest_at"), &oldest)) {
        return;
    }
    depth *d = depth_of(depths, count, name);
    d->ready += number_of(queue, "ready");
    d->later += number_of(queue, "later");
    d->no_worker += number_of(queue, "workers") == 0 ? number_of(queue, "ready") : 0;
    if (oldest.size > 0 && tk_time_parse(oldest, &oldest_us) &&
        (d->oldest_us == 0 || oldest_us < d->oldest_us)) {
        d->oldest_us = oldest_us;
    }
}

static void write_depth(tk_buf *buf, const char *name, const char *type, const char *help,
                        const depth *depths, int64_t (*value)(const depth *d)) {
    metrics_head(buf, name, type, help);
    for (uint32_t i = 0; i <= METRICS_NAMESPACES_MAX; i++) {
        if (depths[i].name.size > 0) {
            tk_buf_printf(buf, "%s{", name);
            metrics_label(buf, "namespace", depths[i].name);
            tk_buf_printf(buf, "} %" PRId64 "\n", value(&depths[i]));
        }
    }
}

static int64_t depth_ready(const depth *d) {
    return d->ready;
}

static int64_t depth_later(const depth *d) {
    return d->later;
}

static int64_t depth_no_worker(const depth *d) {
    return d->no_worker;
}

static int64_t depth_age_s(const depth *d) {
    int64_t age_us = tk_clock_now(&tk_clock_system) - d->oldest_us;
    return d->oldest_us == 0 || age_us < 0 ? 0 : age_us / 1000000;
}

static void write_queues(serve_request *r, tk_buf *buf, tk_json queues) {
    depth depths[METRICS_NAMESPACES_MAX + 1] = {0};
    uint32_t count = 0;
    tk_json_iterator it = tk_json_each(queues);
    while (tk_json_next(&it)) {
        add_queue(r, depths, &count, it.value);
    }
    write_depth(buf, "tasker_queue_depth", "gauge", "Steps that are ready", depths, depth_ready);
    write_depth(buf, "tasker_queue_oldest_message_age_seconds", "gauge",
                "How long the oldest ready step has waited", depths, depth_age_s);
    write_depth(buf, "tasker_queue_later", "gauge", "Steps that wait for a time", depths,
                depth_later);
    write_depth(buf, "tasker_queue_no_worker", "gauge", "Ready steps that no worker can run",
                depths, depth_no_worker);
}

/* Asks without making a failure the answer: the rest of the document stands without a store. */
static bool ask(serve_request *r, tasker_query_kind kind, tk_json *answer) {
    tasker_text text = {0};
    tk_str copy = {NULL, 0};
    if (r->store == NULL || tasker_query(r->store, kind, TK_STR("{}"), &text, NULL) != TASKER_OK) {
        return false;
    }
    bool kept = tk_arena_str(&r->arena, (tk_str){text.data, text.size}, &copy);
    tasker_text_free(&text);
    return kept && tk_json_parse(copy, TK_BUF_BYTES_MAX, answer, NULL) == TASKER_OK;
}

static void write_facts(tk_buf *buf, tk_json facts) {
    static const struct {
        const char *member, *name, *help;
    } figures[] = {
        {"size_bytes", "tasker_store_size_bytes", "Bytes of the store"},
        {"log_bytes", "tasker_store_log_bytes", "Bytes of a SQLite store's log"},
        {"clock_skew_ms", "tasker_store_clock_skew_milliseconds",
         "The store's clock ahead of this machine's"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(figures); i++) {
        if (tk_json_member(facts, figures[i].member).kind == TK_JSON_NUMBER) {
            write_gauge(buf, figures[i].name, figures[i].help, number_of(facts, figures[i].member));
        }
    }
    int64_t lost = 0;
    tk_json_iterator it = tk_json_each(tk_json_member(facts, "stuck"));
    while (tk_json_next(&it)) {
        lost += tk_json_string_is(tk_json_member(it.value, "what"), TK_STR("lost_worker"));
    }
    write_gauge(buf, "tasker_workers_lost", "Workers whose steps wait to be taken over", lost);
    tk_json upkeep = tk_json_member(facts, "upkeep");
    if (upkeep.kind == TK_JSON_OBJECT) {
        write_gauge(buf, "tasker_store_upkeep_tables_skipped",
                    "Tables that the last round of VACUUM left out",
                    number_of(upkeep, "tables_skipped"));
    }
}

/* PostgreSQL's estimates; the tables are ours, so there are no more of them. */
static void write_tables(serve_request *r, tk_buf *buf, tk_json tables) {
    if (tk_json_count(tables) == 0) {
        return;
    }
    metrics_head(buf, "tasker_store_dead_rows", "gauge", "Rows that VACUUM has still to take away");
    tk_json_iterator it = tk_json_each(tables);
    while (tk_json_next(&it) && it.index < METRICS_TABLES_MAX) {
        tk_str name = {NULL, 0};
        if (tk_json_string(&r->arena, tk_json_member(it.value, "name"), &name)) {
            tk_buf_text(buf, "tasker_store_dead_rows{");
            metrics_label(buf, "table", name);
            tk_buf_printf(buf, "} %" PRId64 "\n", number_of(it.value, "dead"));
        }
    }
}

static bool write_store(serve_request *r, tk_buf *buf) {
    tk_json counts = {0};
    tk_json facts = {0};
    if (!ask(r, TASKER_QUERY_COUNTS, &counts) || !ask(r, TASKER_QUERY_STORE, &facts)) {
        return false;
    }
    tk_json steps = tk_json_member(counts, "steps");
    write_tasks(r, buf, tk_json_member(counts, "tasks"));
    write_gauge(buf, "tasker_steps_ready", "Steps that are ready", number_of(steps, "ready"));
    write_gauge(buf, "tasker_steps_active_executions", "Steps that run",
                number_of(steps, "running"));
    write_queues(r, buf, tk_json_member(counts, "queues"));
    write_gauge(buf, "tasker_workers", "Workers that are registered",
                (int64_t)tk_json_count(tk_json_member(facts, "workers")));
    write_facts(buf, facts);
    write_tables(r, buf, tk_json_member(facts, "tables"));
    metrics_steps_write(r, buf);
    return true;
}

/* --- the document ----------------------------------------------------------------------------- */

void route_metrics(serve_request *r) {
    tk_buf *buf = &r->answer;
    r->answer_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_head(buf, "tasker_orchestration_info", "gauge", "What answers");
    tk_buf_text(buf, "tasker_orchestration_info{");
    metrics_label(buf, "version", tk_str_of(tasker_version()));
    tk_buf_text(buf, "} 1\n");
    bool up = write_store(r, buf);
    write_gauge(buf, "tasker_store_up", "Whether the store could be read", up);
    metrics_http_write(buf);
}
