/*
 * workers.c - who works, and how many of everything there are.
 */
#include "routes.h"

static bool list_names(tk_json list, tk_str name) {
    tk_json_iterator it = tk_json_each(list);
    while (tk_json_next(&it)) {
        if (it.value.kind == TK_JSON_STRING && tk_json_string_is(it.value, name)) {
            return true;
        }
    }
    return tk_json_count(list) == 0; /* a worker without namespaces takes all */
}

/* The steps of a worker that are of the caller's namespace; returns how many. */
static uint32_t write_steps(serve_request *r, tk_json steps) {
    uint32_t count = 0;
    tk_json_iterator it = tk_json_each(steps);
    tk_json_write_name(&r->answer, "steps");
    tk_buf_char(&r->answer, '[');
    while (tk_json_next(&it)) {
        if (tk_json_string_is(tk_json_member(it.value, "namespace"), r->caller.namespace_name)) {
            tk_json_write_comma(&r->answer);
            tk_buf_str(&r->answer, it.value.text);
            count++;
        }
    }
    tk_buf_char(&r->answer, ']');
    return count;
}

/* For a key with a namespace: nothing of what the worker does for others. */
static void write_confined(serve_request *r, tk_json worker) {
    static const char *const names[] = {"worker_id", "name",   "host",      "pid",
                                        "beat",      "asleep", "started_at"};
    tk_json_write_comma(&r->answer);
    tk_buf_char(&r->answer, '{');
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        tk_json_write_member_raw(&r->answer, names[i], tk_json_member(worker, names[i]).text);
    }
    tk_json_write_name(&r->answer, "namespaces");
    tk_buf_char(&r->answer, '[');
    tk_json_write_string(&r->answer, r->caller.namespace_name);
    tk_buf_text(&r->answer, "],\"handlers\":[]");
    uint32_t running = write_steps(r, tk_json_member(worker, "steps"));
    tk_json_write_member_int(&r->answer, "running", running);
}

static void write_worker(serve_request *r, tk_json worker) {
    tk_str text = worker.text; /* an object that has members: one more goes before its end */
    if (r->caller.namespace_name.size > 0) {
        write_confined(r, worker);
    } else {
        tk_json_write_comma(&r->answer);
        tk_buf_add(&r->answer, text.data, text.size - 1);
    }
    tk_json_write_member_string(&r->answer, "state", tk_str_of(route_worker_state(worker)));
    tk_buf_char(&r->answer, '}');
}

void route_worker_list(serve_request *r) {
    tk_str answer = {NULL, 0};
    tk_json workers = {0};
    if (!serve_query(r, TASKER_QUERY_WORKERS, TK_STR("{}"), &answer) ||
        !route_parse(r, answer, &workers)) {
        return;
    }
    tk_str namespace_name = r->caller.namespace_name;
    tk_json_iterator it = tk_json_each(workers);
    tk_buf_char(&r->answer, '[');
    while (tk_json_next(&it)) {
        if (namespace_name.size == 0 ||
            list_names(tk_json_member(it.value, "namespaces"), namespace_name)) {
            write_worker(r, it.value);
        }
    }
    tk_buf_char(&r->answer, ']');
}

void route_counts(serve_request *r) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_str namespace_name = route_namespace(r, serve_parameter_of(r, "namespace"));
    tk_str name = serve_parameter_of(r, "name");
    tk_buf_char(&filter, '{');
    if (namespace_name.size > 0) {
        tk_json_write_member_string(&filter, "namespace", namespace_name);
    }
    if (name.size > 0) {
        tk_json_write_member_string(&filter, "name", name);
    }
    if (route_query(r, TASKER_QUERY_COUNTS, &filter, &answer)) {
        tk_buf_str(&r->answer, answer);
    }
}
