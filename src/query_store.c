/*
 * query_store.c - what the store is and how it does: facts for whoever looks after it.
 */
#include "query.h"

/* Steps that can be claimed, and nobody who could. */
static void write_unserved(tk_buf *buf, const tk_query_scene *s) {
    for (uint32_t i = 0; i < s->depth_count; i++) {
        const tk_depth_row *row = &s->depths[i];
        tk_str space = tk_query_namespace_of(s, row->queue);
        tk_str callable = tk_query_callable_of(s, row->handler);
        if (row->ready == 0 || tk_query_workers_for(s, space, callable) > 0) {
            continue;
        }
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_string(buf, "what", TK_STR("no_worker"));
        tk_json_write_member_string(buf, "namespace", space);
        tk_json_write_member_string(buf, "callable", callable);
        tk_json_write_member_int(buf, "ready", row->ready);
        tk_json_write_member_time(buf, "oldest_at", row->oldest_us);
        tk_buf_char(buf, '}');
    }
}

/* Workers without a session: their steps wait until another worker takes them over. */
static void write_lost(tk_buf *buf, const tk_query_scene *s) {
    for (uint32_t i = 0; i < s->worker_count; i++) {
        const tk_worker_row *row = &s->workers[i];
        if (!row->connected) {
            tk_json_write_comma(buf);
            tk_buf_char(buf, '{');
            tk_json_write_member_string(buf, "what", TK_STR("lost_worker"));
            tk_json_write_member_int(buf, "worker", row->id);
            tk_json_write_member_string(buf, "name", row->name);
            tk_json_write_member_time(buf, "started_at", row->started_us);
            tk_buf_char(buf, '}');
        }
    }
}

/* Whether a worker lives is seen by its beat: it moves. */
static void write_workers(tk_buf *buf, const tk_query_scene *s) {
    tk_json_write_name(buf, "workers");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < s->worker_count; i++) {
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_int(buf, "worker", s->workers[i].id);
        tk_json_write_member_int(buf, "beat", s->workers[i].beat);
        tk_buf_char(buf, '}');
    }
    tk_buf_char(buf, ']');
}

static void write_tables(tk_buf *buf, const tk_store_facts *f) {
    tk_json_write_name(buf, "tables");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < f->table_count; i++) {
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_string(buf, "name", f->tables[i].name);
        tk_json_write_member_int(buf, "rows", f->tables[i].rows);
        tk_json_write_member_int(buf, "dead", f->tables[i].dead);
        tk_json_write_member_int(buf, "bytes", f->tables[i].bytes);
        tk_buf_char(buf, '}');
    }
    tk_buf_char(buf, ']');
}

static void write_portions(tk_buf *buf, const tk_store_facts *f) {
    tk_json_write_member_string_or_null(buf, "period", f->period);
    tk_json_write_name(buf, "portions");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < f->portion_count; i++) {
        tk_json_write_comma(buf);
        tk_json_write_string(buf, f->portions[i]);
    }
    tk_buf_char(buf, ']');
}

static void write_upkeep(tk_buf *buf, const tk_store_facts *f) {
    if (!f->has_upkeep) {
        tk_json_write_member_null(buf, "upkeep");
        return;
    }
    tk_json_write_name(buf, "upkeep");
    tk_buf_char(buf, '{');
    tk_json_write_member_time(buf, "at", f->upkeep_us);
    tk_json_write_member_string_or_null(buf, "by", f->upkeep_by);
    tk_json_write_member_int(buf, "tables_skipped", f->upkeep_skipped);
    tk_json_write_member_string_or_null(buf, "why", f->upkeep_why);
    tk_buf_char(buf, '}');
}

/* Beside the middle of asking: a slow answer is no wrong clock. */
static void write_skew(tk_buf *buf, const tk_store_facts *f, int64_t before_us, int64_t after_us) {
    if (f->now_us == 0) {
        tk_json_write_member_null(buf, "clock_skew_ms");
    } else {
        int64_t here_us = before_us + (after_us - before_us) / 2;
        tk_json_write_member_int(buf, "clock_skew_ms", (f->now_us - here_us) / 1000);
    }
}

static void write_queue(tk_buf *buf, const tk_query_scene *s) {
    int64_t oldest_us = 0;
    for (uint32_t i = 0; i < s->depth_count; i++) {
        int64_t one_us = s->depths[i].oldest_us;
        oldest_us = oldest_us == 0 || (one_us != 0 && one_us < oldest_us) ? one_us : oldest_us;
    }
    tk_json_write_member_time(buf, "oldest_ready_at", oldest_us);
    tk_json_write_name(buf, "stuck");
    tk_buf_char(buf, '[');
    write_unserved(buf, s);
    write_lost(buf, s);
    tk_buf_char(buf, ']');
}

tasker_status tk_query_store(const tk_query_call *q) {
    tk_store_facts f = {.version = {NULL, 0}};
    tk_query_scene s = {.worker_count = 0};
    tasker_status status = tk_query_scene_read(q, &s);
    int64_t before_us = tk_clock_now(q->engine->clock);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, facts, q->arena, &f, q->error);
    }
    int64_t after_us = tk_clock_now(q->engine->clock);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_buf *buf = q->answer;
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "kind", tk_str_of(q->engine->store->driver->name));
    tk_json_write_member_string(buf, "url", f.url);
    tk_json_write_member_string(buf, "version", f.version);
    tk_json_write_name(buf, "schema");
    tk_buf_char(buf, '{');
    tk_json_write_member_int(buf, "have", f.schema_have);
    tk_json_write_member_int(buf, "want", f.schema_want);
    tk_buf_char(buf, '}');
    write_skew(buf, &f, before_us, after_us);
    tk_json_write_member_int(buf, "size_bytes", f.size_bytes);
    tk_json_write_member_int(buf, "log_bytes", f.log_bytes);
    tk_json_write_member_time(buf, "recorded_since", f.recorded_since_us);
    write_tables(buf, &f);
    write_portions(buf, &f);
    write_upkeep(buf, &f);
    write_workers(buf, &s);
    write_queue(buf, &s);
    tk_buf_char(buf, '}');
    return TASKER_OK;
}
