/*
 * submit_plan.c - a submission as statements for somebody else's connection.
 *
 *   request ──► submit.c over a driver's plan ─┬─► asks:  statements, and what was begun with
 *                                              └─► saves: statements, and the answer
 *
 * Nothing is kept between the two: ids and time, chosen by the first, go out and come back with the rows.
 */
#include "submit.h"

/* Rows bring contexts of tasks that were there before. */
#define FOUND_BYTES_MAX ((size_t)1 << 30)
#define BEGUN_US_MAX INT64_C(253402300799999999) /* the last of the year 9999 */

/* What the first plan chose. */
typedef struct beginning {
    bool there;
    int64_t now_us;
    tk_json ids;
} beginning;

static tasker_status fail_found(tasker_error *error) {
    return tk_fail(error, TASKER_INVALID,
                   "what was found: expected {\"begun\": as the plan had it, \"rows\": [a list of "
                   "rows for each statement]}");
}

static tasker_status found_read(tk_str text, beginning *begun, tk_json *rows, tasker_error *error) {
    tk_json found;
    if (text.size == 0) {
        return TASKER_OK;
    }
    tasker_status status = tk_json_parse(text, FOUND_BYTES_MAX, &found, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_json chosen = tk_json_member(found, "begun");
    *rows = tk_json_member(found, "rows");
    begun->there = true;
    begun->ids = tk_json_member(chosen, "ids");
    bool right = tk_json_int(tk_json_member(chosen, "at"), &begun->now_us) && begun->now_us >= 0 &&
                 begun->now_us <= BEGUN_US_MAX && begun->ids.kind == TK_JSON_ARRAY &&
                 rows->kind == TK_JSON_ARRAY;
    return right ? TASKER_OK : fail_found(error);
}

static tasker_status ids_take(tk_submission *s, tk_json ids, tasker_error *error) {
    tk_json_iterator it = tk_json_each(ids);
    for (uint32_t i = 0; i < s->count; i++) {
        tk_str text = {NULL, 0};
        if (!tk_json_next(&it) || it.value.kind != TK_JSON_STRING) {
            return fail_found(error);
        }
        if (!tk_json_string(&s->arena, it.value, &text)) {
            return tk_nomem(error);
        }
        if (!tk_uuid_parse(text, &s->items[i].row.id)) {
            return fail_found(error);
        }
    }
    return TASKER_OK;
}

static void begun_write(tk_buf *out, const tk_submission *s, int64_t now_us) {
    tk_json_write_name(out, "begun");
    tk_buf_char(out, '{');
    tk_json_write_member_int(out, "at", now_us);
    tk_json_write_name(out, "ids");
    tk_buf_char(out, '[');
    for (uint32_t i = 0; i < s->count; i++) {
        char id[TASKER_UUID_SIZE];
        tk_uuid_format(&s->items[i].row.id, id);
        tk_json_write_comma(out);
        tk_json_write_string(out, tk_str_of(id));
    }
    tk_buf_text(out, "]}");
}

static tasker_status plan_fill(tk_engine *engine, tk_submission *s, tk_plan *plan,
                               tasker_error *error) {
    const tk_driver *driver = engine->store->driver;
    if (driver->plan_open == NULL) {
        return tk_fail(
            error, TASKER_UNSUPPORTED,
            "a task within a transaction of the application needs a PostgreSQL store, in "
            "the same database");
    }
    tk_engine planning = *engine;
    tasker_status status = driver->plan_open(plan, &planning.store, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_store_call(planning.store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_submission_store(&planning, s, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(planning.store, commit, error);
    }
    planning.store->driver->close(planning.store);
    return plan->asks ? TASKER_OK : status;
}

static void plan_write(tk_buf *out, const tk_plan *plan, const tk_submission *s, int64_t now_us) {
    tk_buf_text(out, "{\"statements\":[");
    tk_buf_str(out, tk_buf_view(&plan->statements));
    tk_buf_char(out, ']');
    if (plan->asks) {
        begun_write(out, s, now_us);
    } else {
        tk_json_write_name(out, "answer");
        tk_submission_answer(s, out);
    }
    tk_buf_char(out, '}');
}

tasker_status tk_submit_plan(tk_engine *engine, tk_str request, tk_str found, tk_buf *out,
                             tasker_error *error) {
    tk_submission s = {.count = 0};
    tk_plan plan = {.home = engine->store};
    beginning begun = {.now_us = tk_clock_now(engine->clock)};
    tasker_status status = found_read(found, &begun, &plan.rows, error);
    if (status == TASKER_OK) {
        status = tk_submission_open(engine, request, begun.now_us, &s, error);
    }
    if (status == TASKER_OK && begun.there) {
        status = ids_take(&s, begun.ids, error);
    }
    if (status == TASKER_OK && s.count > 0) {
        status = plan_fill(engine, &s, &plan, error);
    }
    if (status == TASKER_OK) {
        plan_write(out, &plan, &s, begun.now_us);
    }
    tk_buf_release(&plan.statements);
    tk_arena_release(&s.arena);
    return status;
}
