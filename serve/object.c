/*
 * object.c - which task or step a route means, whether the caller may see it, who acts, and what of the
 * answer is shown.
 */
#include "id.h"
#include "routes.h"

bool route_parse(serve_request *r, tk_str text, tk_json *value) {
    tasker_error error = {0};
    if (tk_json_parse(text, TK_BUF_BYTES_MAX, value, &error) != TASKER_OK) {
        serve_fail_error(r, &error);
        return false;
    }
    return true;
}

bool route_take(serve_request *r, tasker_status status, tasker_text *text,
                const tasker_error *error, tk_json *value) {
    tk_str copy = {NULL, 0};
    if (status != TASKER_OK) {
        serve_fail_error(r, error);
        return false;
    }
    bool kept = tk_arena_str(&r->arena, (tk_str){text->data, text->size}, &copy);
    tasker_text_free(text);
    if (!kept) {
        tasker_error nomem = {0};
        (void)tk_nomem(&nomem);
        serve_fail_error(r, &nomem);
        return false;
    }
    return route_parse(r, copy, value);
}

bool route_query(serve_request *r, tasker_query_kind kind, tk_buf *filter, tk_str *answer) {
    tk_buf_char(filter, '}');
    tasker_error error = {0};
    bool done = false;
    if (filter->failed) {
        (void)tk_nomem(&error);
        serve_fail_error(r, &error);
    } else {
        done = serve_query(r, kind, tk_buf_view(filter), answer);
    }
    tk_buf_release(filter);
    return done;
}

/* Asks about one object. */
static bool query_one(serve_request *r, tasker_query_kind kind, const char *name, const char *uuid,
                      tk_json *json) {
    tk_buf filter = {0};
    tk_str text = {NULL, 0};
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, name, tk_str_of(uuid));
    return route_query(r, kind, &filter, &text) && route_parse(r, text, json);
}

tk_str route_namespace(const serve_request *r, tk_str asked) {
    if (r->caller.namespace_name.size == 0) {
        return asked;
    }
    if (asked.size == 0) {
        return r->caller.namespace_name;
    }
    return serve_namespace_visible(r, asked) ? asked : TK_STR(ROUTE_NOWHERE);
}

bool route_uuid(serve_request *r, uint32_t capture, const char *name, char uuid[TASKER_UUID_SIZE]) {
    tk_uuid id = {{0}};
    if (!tk_uuid_parse(r->captures[capture], &id)) {
        serve_fail(r, 400, name, "expected a UUID (36 characters)");
        return false;
    }
    tk_uuid_format(&id, uuid);
    return true;
}

/* The same words for a task that is not there and for one that must not be seen. */
static bool check_visible(serve_request *r, const char *uuid, tk_json task) {
    tk_str namespace_name = {NULL, 0};
    if (r->caller.namespace_name.size == 0) {
        return true;
    }
    bool read = tk_json_string(&r->arena, tk_json_member(task, "namespace"), &namespace_name);
    if (!read || !serve_namespace_visible(r, namespace_name)) {
        serve_fail(r, 404, NULL, "there is no task %s", uuid);
        return false;
    }
    return true;
}

bool route_task(serve_request *r, char uuid[TASKER_UUID_SIZE], tk_json *task) {
    tk_json json = {0};
    if (!route_uuid(r, 0, "task_uuid", uuid)) {
        return false;
    }
    if (task == NULL && r->caller.namespace_name.size == 0) {
        return true; /* whether it exists is told by what follows */
    }
    if (!query_one(r, TASKER_QUERY_TASK, "task_uuid", uuid, &json) ||
        !check_visible(r, uuid, json)) {
        return false;
    }
    if (task != NULL) {
        *task = json;
    }
    return true;
}

bool route_step(serve_request *r, char uuid[TASKER_UUID_SIZE]) {
    char task[TASKER_UUID_SIZE];
    char owner[TASKER_UUID_SIZE];
    tk_uuid id = {{0}};
    tk_uuid of = {{0}};
    uint32_t number = 0;
    if (!route_task(r, task, NULL) || !route_uuid(r, 1, "step_uuid", uuid)) {
        return false;
    }
    bool split = tk_uuid_parse(tk_str_of(uuid), &id) && tk_uuid_step_split(&id, &of, &number);
    tk_uuid_format(&of, owner);
    if (!split || strcmp(owner, task) != 0) {
        serve_fail(r, 404, NULL, "the task has no such step");
        return false;
    }
    return true;
}

/* --- who acts --------------------------------------------------------------------------------- */

#define ACTOR_BYTES_MAX 200
#define REASON_BYTES_MAX 4096

/* A member of the body as a text; absent and null leave *text. */
static bool member_text(serve_request *r, tk_json body, const char *name, size_t bytes_max,
                        const char **text) {
    tk_json value = tk_json_member(body, name);
    tk_str read = {NULL, 0};
    char path[TASKER_NAME_BYTES_MAX] = "$.";
    strncat(path, name, sizeof(path) - 3);
    if (value.kind == TK_JSON_NONE || value.kind == TK_JSON_NULL) {
        return true;
    }
    if (value.kind != TK_JSON_STRING || value.text.size > bytes_max) {
        serve_fail(r, 400, path, "expected a text of at most %zu bytes", bytes_max);
        return false;
    }
    if (!tk_json_string(&r->arena, value, &read)) {
        serve_fail(r, 503, NULL, "out of memory");
        return false;
    }
    *text = read.data;
    return true;
}

bool route_act(serve_request *r, tk_json body, tasker_act *act) {
    static const char *const names[] = {"resolved_by", "reset_by", "completed_by"};
    *act = (tasker_act){0};
    if (!member_text(r, body, "reason", REASON_BYTES_MAX, &act->reason)) {
        return false;
    }
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        if (!member_text(r, body, names[i], ACTOR_BYTES_MAX, &act->actor)) {
            return false;
        }
    }
    if (r->caller.keyed) {
        act->actor = tk_arena_copy(&r->arena, r->caller.name.data, r->caller.name.size);
    } else if (r->caller.actor.size > 0) {
        act->actor = tk_arena_copy(&r->arena, r->caller.actor.data, r->caller.actor.size);
    } else if (act->actor == NULL) {
        act->actor = SERVE_ANONYMOUS;
    }
    if (act->actor == NULL) {
        serve_fail(r, 503, NULL, "out of memory");
        return false;
    }
    return true;
}

/* --- what is shown ---------------------------------------------------------------------------- */

static bool is_one_of(tk_json name, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (tk_json_string_is(name, tk_str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static void write_bare(tk_buf *buf, tk_json json);

static void write_bare_object(tk_buf *buf, tk_json object) {
    static const char *const hidden[] = {"context", "results", "result", "metadata"};
    static const char *const inner[] = {"steps", "attempts_list"};
    tk_json_iterator it = tk_json_each(object);
    tk_buf_char(buf, '{');
    while (tk_json_next(&it)) {
        tk_json_write_comma(buf);
        tk_buf_str(buf, it.name.text);
        tk_buf_char(buf, ':');
        if (is_one_of(it.name, hidden, TK_COUNT_OF(hidden))) {
            tk_buf_text(buf, "null");
        } else if (is_one_of(it.name, inner, TK_COUNT_OF(inner))) {
            write_bare(buf, it.value);
        } else {
            tk_buf_str(buf, it.value.text);
        }
    }
    tk_buf_char(buf, '}');
}

/* Tasks hold steps, steps hold attempts: three levels, whatever the payloads look like. */
static void write_bare(tk_buf *buf, tk_json json) {
    if (json.kind == TK_JSON_OBJECT) {
        write_bare_object(buf, json);
    } else if (json.kind == TK_JSON_ARRAY) {
        tk_json_iterator it = tk_json_each(json);
        tk_buf_char(buf, '[');
        while (tk_json_next(&it)) {
            tk_json_write_comma(buf);
            write_bare(buf, it.value);
        }
        tk_buf_char(buf, ']');
    } else {
        tk_buf_str(buf, json.text);
    }
}

void route_answer_bare(serve_request *r, tk_json json) {
    write_bare(&r->answer, json);
}

void route_answer(serve_request *r, tk_json json) {
    if (serve_may(r, "tasks:context_read")) {
        tk_buf_str(&r->answer, json.text);
    } else {
        write_bare(&r->answer, json);
    }
}
