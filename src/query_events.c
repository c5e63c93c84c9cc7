/*
 * query_events.c - what was recorded, in the order of the record, a page at a time.
 *
 *   cursor ─► place in the record ─► record_list ─► those of the namespace ─► events, next cursor
 *
 * A cursor is "mark-xid-n": the store's mark, so that one of another store is refused, and a place. It
 * stays good when what it names was pruned: it is a place, not a row. A page is counted before the
 * namespace is looked at, so that one with few events or none still goes on (`more`).
 */
#include "query.h"

#define EVENTS_LIMIT_DEFAULT 100
#define EVENTS_LIMIT_MAX 1000
#define EVENTS_ALL (TK_RECORD_TASK | TK_RECORD_ATTEMPT | TK_RECORD_ACT)

typedef struct follower {
    tk_record_place end;   /* of the record, as it is now */
    tk_record_place after; /* the cursor given */
    int32_t queue;
    bool known; /* the namespace */
    tk_record_filter filter;
} follower;

/* --- cursors --- */

static void write_cursor(tk_buf *buf, const char *name, int64_t mark, int64_t xid, int64_t n) {
    tk_json_write_name(buf, name);
    tk_buf_printf(buf, "\"%" PRId64 "-%" PRId64 "-%" PRId64 "\"", mark, xid, n);
}

/* Digits up to the end or a '-', which is passed. */
static bool read_part(tk_str *text, int64_t *number) {
    size_t at = 0;
    *number = 0;
    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        int digit = text->data[at] - '0';
        if (*number > (INT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    bool ends = at == text->size;
    if (at == 0 || (!ends && text->data[at] != '-')) {
        return false;
    }
    at += !ends;
    *text = (tk_str){text->data + at, text->size - at};
    return true;
}

static bool read_cursor(tk_str text, tk_record_place *place) {
    size_t dashes = 0;
    for (size_t i = 0; i < text.size; i++) {
        dashes += text.data[i] == '-';
    }
    return dashes == 2 && read_part(&text, &place->mark) && read_part(&text, &place->xid) &&
           text.size > 0 && read_part(&text, &place->n) && text.size == 0;
}

static bool is_behind(const tk_record_place *a, const tk_record_place *b) {
    return a->xid != b->xid ? a->xid > b->xid : a->n > b->n;
}

/* --- the filter --- */

static tasker_status read_kind(const tk_query_call *q, unsigned *kinds) {
    static const struct {
        const char *word;
        unsigned kind;
    } words[] = {{"task", TK_RECORD_TASK}, {"attempt", TK_RECORD_ATTEMPT}, {"act", TK_RECORD_ACT}};
    tk_str word;
    tasker_status status = tk_query_text(q, "kind", &word);
    *kinds = EVENTS_ALL;
    if (status != TASKER_OK || word.data == NULL) {
        return status;
    }
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        if (tk_str_is(word, words[i].word)) {
            *kinds = words[i].kind;
            return TASKER_OK;
        }
    }
    return tk_fail_at(q->error, TASKER_INVALID, "$.kind", "expected task, attempt or act");
}

static tasker_status fail_after(const tk_query_call *q, const char *why) {
    return tk_fail_at(q->error, TASKER_INVALID, "$.after",
                      "%s; expected the cursor of an answer of this store, or now", why);
}

/* Absent: the beginning. */
static tasker_status read_after(const tk_query_call *q, follower *f) {
    tk_str text;
    tasker_status status = tk_query_text(q, "after", &text);
    if (status != TASKER_OK || text.data == NULL) {
        f->after.mark = f->end.mark;
        return status;
    }
    if (tk_str_is(text, "now")) {
        f->after = f->end;
        return TASKER_OK;
    }
    if (!read_cursor(text, &f->after)) {
        return fail_after(q, "this is no cursor");
    }
    if (f->after.mark != f->end.mark) {
        return fail_after(q, "this is a cursor of another store");
    }
    return is_behind(&f->after, &f->end)
               ? fail_after(q, "this cursor is ahead of the record, as if the store was restored")
               : TASKER_OK;
}

static tasker_status read_filter(const tk_query_call *q, follower *f) {
    int64_t limit = EVENTS_LIMIT_DEFAULT;
    tasker_status status = tk_store_call(q->engine->store, record_end, &f->end, q->error);
    if (status == TASKER_OK) {
        status = tk_query_queue(q, &f->queue, &f->known); /* waits for the end, too */
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    if (status == TASKER_OK) {
        status = read_after(q, f);
    }
    if (status == TASKER_OK) {
        status = tk_query_uuid(q, "task_uuid", &f->filter.has_task, &f->filter.task);
    }
    if (status == TASKER_OK) {
        status = read_kind(q, &f->filter.kinds);
    }
    if (status == TASKER_OK) {
        status = tk_query_int(q, "limit", 1, EVENTS_LIMIT_MAX, &limit);
    }
    f->filter.xid = f->after.xid;
    f->filter.n = f->after.n;
    f->filter.end_xid = f->end.xid;
    f->filter.limit = (uint32_t)limit;
    return status;
}

/* --- events --- */

static void write_task(tk_buf *buf, const tk_record_row *row, const tk_template *template) {
    tk_query_member_uuid(buf, "task_uuid", &row->task_id);
    tk_json_write_member_string(buf, "namespace", tk_str_of(template->namespace_name));
    tk_json_write_member_string(buf, "name", tk_str_of(template->name));
}

static void write_attempt(tk_buf *buf, const tk_record_row *row, const tk_template *template) {
    tk_json error = {0};
    uint32_t step = (uint32_t)row->step;
    bool named = step < template->step_count && template->steps[step].present;
    tk_json_write_member_string_or_null(
        buf, "step", named ? tk_str_of(template->steps[step].name) : (tk_str){NULL, 0});
    tk_json_write_member_int(buf, "attempt", row->attempt);
    tk_json_write_member_string(buf, "outcome", tk_str_of(tk_query_outcome_word(row->what)));
    if (row->worker == 0) {
        tk_json_write_member_null(buf, "worker");
    } else {
        tk_json_write_member_int(buf, "worker", row->worker);
    }
    tk_json_write_member_time(buf, "enqueued_at", row->enqueued_us);
    tk_json_write_member_time(buf, "claimed_at", row->claimed_us);
    if (row->error.size > 0) {
        (void)tk_json_parse(row->error, SIZE_MAX, &error, NULL);
    }
    tk_json_write_member_raw(buf, "error_class", tk_json_member(error, "error_type").text);
}

static void write_act(tk_buf *buf, const tk_record_row *row) {
    static const char *const words[] = {
        [TK_ACT_CANCELLED] = "cancelled", [TK_ACT_RETRIED] = "retried",
        [TK_ACT_BLOCKED] = "blocked",     [TK_ACT_RESOLVED] = "resolved",
        [TK_ACT_FAILED] = "failed",       [TK_ACT_COMPLETED] = "completed",
    };
    bool worded =
        row->what > 0 && row->what < (int32_t)TK_COUNT_OF(words) && words[row->what] != NULL;
    tk_json_write_member_string(buf, "act", tk_str_of(worded ? words[row->what] : "unknown"));
    tk_json_write_member_string_or_null(buf, "actor", row->actor);
    tk_json_write_member_string_or_null(buf, "reason", row->reason);
}

static void write_step_id(tk_buf *buf, const tk_record_row *row) {
    if (row->step < 0 || row->step >= TASKER_STEPS_MAX) {
        tk_json_write_member_null(buf, "step_uuid");
        return;
    }
    tk_uuid id = tk_uuid_step(&row->task_id, (uint32_t)row->step);
    tk_query_member_uuid(buf, "step_uuid", &id);
}

static void write_event(tk_buf *buf, int64_t mark, const tk_record_row *row,
                        const tk_template *template) {
    static const char *const words[] = {
        [TK_RECORD_TASK] = "task", [TK_RECORD_ATTEMPT] = "attempt", [TK_RECORD_ACT] = "act"};
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    write_cursor(buf, "id", mark, row->xid, row->n);
    tk_json_write_member_string(buf, "kind", tk_str_of(words[row->kind]));
    write_task(buf, row, template);
    if (row->kind == TK_RECORD_TASK) {
        tk_json_write_member_string(buf, "version", tk_str_of(template->version));
        tk_json_write_member_int(buf, "priority", row->priority);
    } else {
        write_step_id(buf, row);
    }
    if (row->kind == TK_RECORD_ATTEMPT) {
        write_attempt(buf, row, template);
    } else if (row->kind == TK_RECORD_ACT) {
        write_act(buf, row);
    }
    tk_json_write_member_time(buf, "at", row->at_us);
    tk_buf_char(buf, '}');
}

static tasker_status write_events(const tk_query_call *q, const follower *f,
                                  const tk_record_row *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const tk_known *known = NULL;
        if (rows[i].template_id == 0) {
            continue; /* taken away, but for this row */
        }
        tasker_status status = tk_catalog_get(q->engine, rows[i].template_id, &known, q->error);
        if (status == TASKER_INVALID || status == TASKER_NOTFOUND) {
            continue; /* told in the log; the others are worth reading */
        }
        if (status != TASKER_OK) {
            return status;
        }
        if (f->queue == 0 || known->queue == f->queue) {
            write_event(q->answer, f->end.mark, &rows[i], known->template);
        }
    }
    return TASKER_OK;
}

tasker_status tk_query_events(const tk_query_call *q) {
    follower f = {.known = true};
    tk_record_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status = read_filter(q, &f);
    if (status == TASKER_OK && f.known && is_behind(&f.end, &f.after)) {
        status = tk_store_call(q->engine->store, record_list, q->arena, &f.filter, &rows, &count,
                               q->error);
        if (status == TASKER_OK) {
            status = tk_store_call(q->engine->store, sync, q->error);
        }
    }
    if (status != TASKER_OK) {
        return status;
    }
    assert(rows != NULL || count == 0);
    bool more = count > 0 && count == f.filter.limit;
    tk_buf_text(q->answer, "{\"events\":[");
    status = write_events(q, &f, rows, count);
    tk_buf_char(q->answer, ']');
    if (more) {
        write_cursor(q->answer, "next", f.end.mark, rows[count - 1].xid, rows[count - 1].n);
    } else { /* of all that is there for good, nothing is left */
        write_cursor(q->answer, "next", f.end.mark, f.end.xid, f.end.n);
    }
    tk_json_write_member_bool(q->answer, "more", more);
    tk_buf_char(q->answer, '}');
    return status;
}
