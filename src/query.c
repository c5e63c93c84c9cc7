/*
 * query.c - reads: one call, one READ transaction, one JSON text.
 *
 *   filter ─► [query.c] ─► query_task.c query_list.c query_counts.c query_templates.c history.c
 *
 * An error leaves the answer as it was.
 */
#include "query.h"

#include <stdio.h>

/* --- the filter --- */

static tasker_status wrong(const tk_query_call *q, const char *name, const char *expected) {
    char path[TASKER_PATH_MAX] = "$.";
    strncat(path, name, sizeof(path) - 3);
    return tk_fail_at(q->error, TASKER_INVALID, path, "expected %s", expected);
}

tasker_status tk_query_text(const tk_query_call *q, const char *name, tk_str *text) {
    tk_json value = tk_json_member(q->filter, name);
    *text = (tk_str){NULL, 0};
    if (value.kind == TK_JSON_NONE || value.kind == TK_JSON_NULL) {
        return TASKER_OK;
    }
    if (value.kind != TK_JSON_STRING) {
        return wrong(q, name, "a text");
    }
    return tk_json_string(q->arena, value, text) ? TASKER_OK : tk_nomem(q->error);
}

tasker_status tk_query_uuid(const tk_query_call *q, const char *name, bool *given, tk_uuid *id) {
    tk_str text;
    tasker_status status = tk_query_text(q, name, &text);
    *given = status == TASKER_OK && text.data != NULL;
    if (*given && !tk_uuid_parse(text, id)) {
        return wrong(q, name, "a UUID (36 characters)");
    }
    return status;
}

tasker_status tk_query_int(const tk_query_call *q, const char *name, int64_t least, int64_t most,
                           int64_t *number) {
    tk_json value = tk_json_member(q->filter, name);
    if (value.kind == TK_JSON_NONE || value.kind == TK_JSON_NULL) {
        return TASKER_OK;
    }
    int64_t given = 0;
    if (value.kind != TK_JSON_NUMBER || !tk_json_int(value, &given) || given < least ||
        given > most) {
        char expected[80];
        (void)snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64,
                       least, most);
        return wrong(q, name, expected);
    }
    *number = given;
    return TASKER_OK;
}

static tasker_status required_uuid(const tk_query_call *q, const char *name, tk_uuid *id) {
    bool given = false;
    tasker_status status = tk_query_uuid(q, name, &given, id);
    return status == TASKER_OK && !given ? wrong(q, name, "a UUID (36 characters)") : status;
}

/* --- kinds of one task --- */

static tasker_status query_task(const tk_query_call *q) {
    tk_uuid id;
    bool resting = false;
    tasker_status status = required_uuid(q, "task_uuid", &id);
    return status == TASKER_OK
               ? tk_query_task(q->engine, q->arena, &id, q->answer, &resting, q->error)
               : status;
}

static tasker_status query_history(const tk_query_call *q) {
    tk_uuid id;
    tasker_status status = required_uuid(q, "task_uuid", &id);
    return status == TASKER_OK ? tk_history(q->engine, q->arena, &id, q->answer, q->error) : status;
}

static tasker_status query_steps(const tk_query_call *q) {
    tk_uuid id;
    tk_view view;
    tasker_status status = required_uuid(q, "task_uuid", &id);
    if (status == TASKER_OK) {
        status = tk_view_load(q->engine, q->arena, &id, TK_VIEW_ALL, &view, q->error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    const uint16_t *order = NULL;
    uint32_t count = 0;
    if (!tk_view_order(q->arena, &view, &order, &count)) {
        return tk_nomem(q->error);
    }
    int64_t now_us = tk_clock_now(q->engine->clock);
    tk_buf_char(q->answer, '[');
    for (uint32_t i = 0; i < count; i++) {
        tk_json_write_comma(q->answer);
        tk_query_step_write(q->answer, &view, order[i], now_us);
        tk_buf_char(q->answer, '}');
    }
    tk_buf_char(q->answer, ']');
    return TASKER_OK;
}

static tasker_status query_step(const tk_query_call *q) {
    tk_uuid id;
    tk_uuid task;
    uint32_t step = 0;
    tk_view view;
    tasker_status status = required_uuid(q, "step_uuid", &id);
    if (status == TASKER_OK && !tk_uuid_step_split(&id, &task, &step)) {
        status = wrong(q, "step_uuid", "the id of a step: this is a task's");
    }
    if (status == TASKER_OK) {
        status = tk_view_load(q->engine, q->arena, &task, TK_VIEW_ALL, &view, q->error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (step >= view.step_count || !view.steps[step].step->present) {
        return tk_fail_at(q->error, TASKER_NOTFOUND, "$.step_uuid", "the task has no such step");
    }
    tk_query_step_write(q->answer, &view, step, tk_clock_now(q->engine->clock));
    tk_query_attempts_write(q->answer, &view.steps[step]);
    tk_buf_char(q->answer, '}');
    return TASKER_OK;
}

/* --- dispatch --- */

static tasker_status answer_kind(const tk_query_call *q, tasker_query_kind kind) {
    switch (kind) {
    case TASKER_QUERY_TASK:
        return query_task(q);
    case TASKER_QUERY_TASKS:
        return tk_query_list(q);
    case TASKER_QUERY_STEPS:
        return query_steps(q);
    case TASKER_QUERY_STEP:
        return query_step(q);
    case TASKER_QUERY_HISTORY:
        return query_history(q);
    case TASKER_QUERY_COUNTS:
        return tk_query_counts(q);
    case TASKER_QUERY_TEMPLATES:
        return tk_query_templates(q);
    case TASKER_QUERY_TEMPLATE:
        return tk_query_template(q);
    case TASKER_QUERY_WORKERS:
        return tk_query_workers(q);
    case TASKER_QUERY_EVENTS:
        return tk_query_events(q);
    case TASKER_QUERY_WHY:
        return tk_query_why(q);
    case TASKER_QUERY_STORE:
        return tk_query_store(q);
    case TASKER_QUERY_ANALYTICS:
        return tk_query_analytics(q);
    }
    return tk_fail(q->error, TASKER_INVALID, "there is no query of kind %d", (int)kind);
}

static tasker_status parse_filter(tk_str text, tk_json *filter, tasker_error *error) {
    *filter = (tk_json){0};
    if (text.size == 0) {
        return TASKER_OK;
    }
    tasker_status status = tk_json_parse(text, TK_QUERY_FILTER_BYTES_MAX, filter, error);
    if (status == TASKER_OK && filter->kind != TK_JSON_OBJECT) {
        status = tk_fail_at(error, TASKER_INVALID, "$", "expected a JSON object as filter");
    }
    return status;
}

tasker_status tk_query(tk_engine *engine, tasker_query_kind kind, tk_str filter, tk_buf *answer,
                       tasker_error *error) {
    tk_arena arena = {0};
    size_t before = answer->size;
    tk_query_call q = {.engine = engine, .arena = &arena, .answer = answer, .error = error};
    tasker_status status = parse_filter(filter, &q.filter, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_store_call(engine->store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = answer_kind(&q, kind);
        if (status == TASKER_OK && answer->failed) {
            status = tk_nomem(error);
        }
        if (status == TASKER_OK) {
            status = tk_store_call(engine->store, commit, error);
        }
        if (status != TASKER_OK) {
            engine->store->driver->rollback(engine->store);
        }
    }
    if (status != TASKER_OK) {
        tk_buf_truncate(answer, before);
    }
    tk_arena_release(&arena);
    return status;
}
