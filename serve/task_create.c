/*
 * task_create.c - POST /v1/tasks: one request, or one in each line, all or none; and a task run again.
 */
#include "routes.h"

/* Answers 404 for a request of a namespace that the caller must not see, whatever is there. */
static bool check_request(serve_request *r, tk_json request, const char *path) {
    tk_str namespace_name = {NULL, 0};
    if (r->caller.namespace_name.size == 0) {
        return true;
    }
    bool read = tk_json_string(&r->arena, tk_json_member(request, "namespace"), &namespace_name);
    if (!read || !serve_namespace_visible(r, namespace_name)) {
        serve_fail(r, 404, path, "this key sees the templates of namespace %.*s only",
                   (int)r->caller.namespace_name.size, r->caller.namespace_name.data);
        return false;
    }
    return true;
}

static bool submit(serve_request *r, tk_str request, tk_json *answer) {
    tasker_text text = {0};
    tasker_error error = {0};
    tasker_status status = tasker_submit(r->store, request, &text, &error);
    return route_take(r, status, &text, &error, answer);
}

static bool is_new(tk_json answer) {
    return tk_json_member(answer, "known").kind != TK_JSON_TRUE;
}

static void create_one(serve_request *r) {
    tk_json request = {0};
    tk_json answer = {0};
    if (serve_body_object(r, &request) && check_request(r, request, "$.namespace") &&
        submit(r, request.text, &answer)) {
        r->status = is_new(answer) ? 201 : 200;
        tk_buf_str(&r->answer, answer.text);
    }
}

/* --- many ------------------------------------------------------------------------------------- */

/* Says of an error in one line which request it is in: "$.a" of the fourth is "$[3].a". */
static void fail_line(serve_request *r, uint32_t index, uint32_t line, tasker_error *error) {
    if (error->status != TASKER_INVALID) {
        serve_fail_error(r, error);
        return;
    }
    tasker_error told = {.status = error->status};
    const char *rest = error->path[0] == '$' ? error->path + 1 : "";
    (void)tk_fail_at(&told, error->status, "$", "line %" PRIu32 ": %s", line, error->message);
    char *path = tk_arena_printf(&r->arena, "$[%" PRIu32 "]%s", index, rest);
    if (path != NULL && strlen(path) < sizeof(told.path)) {
        memcpy(told.path, path, strlen(path) + 1);
    }
    serve_fail_error(r, &told);
}

/* Each line is read by itself, so that none can say more than one request. */
static bool add_line(serve_request *r, tk_buf *array, tk_str text, uint32_t index, uint32_t line) {
    tk_json request = {0};
    tasker_error error = {0};
    char *path = tk_arena_printf(&r->arena, "$[%" PRIu32 "].namespace", index);
    if (tk_json_parse(text, SERVE_BODY_BYTES_MAX, &request, &error) != TASKER_OK) {
        fail_line(r, index, line, &error);
        return false;
    }
    if (!check_request(r, request, path)) {
        return false;
    }
    tk_json_write_comma(array);
    tk_buf_str(array, request.text);
    return true;
}

static bool is_blank(tk_str line) {
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r') {
            return false;
        }
    }
    return true;
}

static bool read_lines(serve_request *r, tk_buf *array) {
    tk_str rest = r->body;
    uint32_t index = 0;
    for (uint32_t line = 1; rest.size > 0; line++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        tk_str text = {rest.data, end == NULL ? rest.size : (size_t)(end - rest.data)};
        size_t taken = text.size + (end == NULL ? 0 : 1);
        rest = (tk_str){rest.data + taken, rest.size - taken};
        if (is_blank(text)) {
            continue;
        }
        if (index == TASKER_SUBMIT_TASKS_MAX) {
            serve_fail(r, 400, "$", "at most %d requests at once", TASKER_SUBMIT_TASKS_MAX);
            return false;
        }
        if (!add_line(r, array, text, index++, line)) {
            return false;
        }
    }
    if (index == 0) {
        serve_fail(r, 400, "$", "expected a request in each line");
    }
    return index > 0;
}

static void create_many(serve_request *r) {
    tk_buf array = {0};
    tk_json answer = {0};
    tk_buf_char(&array, '[');
    bool done = read_lines(r, &array);
    tk_buf_char(&array, ']');
    if (done && array.failed) {
        tasker_error error = {0};
        (void)tk_nomem(&error);
        serve_fail_error(r, &error);
        done = false;
    }
    done = done && submit(r, tk_buf_view(&array), &answer);
    tk_buf_release(&array);
    if (!done) {
        return;
    }
    tk_json_iterator it = tk_json_each(answer);
    r->status = 200;
    while (tk_json_next(&it)) {
        r->status = is_new(it.value) ? 201 : r->status;
    }
    tk_buf_text(&r->answer, "{\"tasks\":");
    tk_buf_str(&r->answer, answer.text);
    tk_buf_char(&r->answer, '}');
}

void route_task_create(serve_request *r) {
    if (tk_str_is(r->content_type, "application/x-ndjson")) {
        create_many(r);
    } else if (r->content_type.size == 0 || tk_str_is(r->content_type, "application/json")) {
        create_one(r);
    } else {
        serve_fail(r, 415, NULL, "expected application/json, or application/x-ndjson for many");
    }
}

/* --- again ------------------------------------------------------------------------------------ */

void route_task_rerun(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tasker_act act = {0};
    tasker_text text = {0};
    tasker_error error = {0};
    tk_json body = {0};
    tk_json answer = {0};
    if (!serve_body_object(r, &body) || !route_act(r, body, &act) || !route_task(r, uuid, NULL)) {
        return;
    }
    tk_json context = tk_json_member(body, "context");
    tk_str given = context.kind == TK_JSON_NULL ? (tk_str){NULL, 0} : context.text;
    tasker_status status = tasker_task_rerun(r->store, uuid, given, &act, &text, &error);
    if (route_take(r, status, &text, &error, &answer)) {
        tk_buf_str(&r->answer, answer.text);
    }
}
