/*
 * task_list.c - GET /v1/tasks: what the query asks for, as the library's filter.
 */
#include "routes.h"

#define LIMIT_MAX 1000
#define PAGE_MAX 10000000
#define PER_PAGE_MAX 100

static bool add_number(serve_request *r, tk_buf *filter, const char *name, int64_t most) {
    int64_t number = 0;
    if (!serve_parameter_int(r, name, 1, most, &number)) {
        return false;
    }
    if (number > 0) {
        tk_json_write_member_int(filter, name, number);
    }
    return true;
}

static void add_texts(serve_request *r, tk_buf *filter) {
    static const char *const names[] = {
        "name",          "version",         "tag",           "correlation_id", "initiator",
        "source_system", "idempotency_key", "created_after", "created_before", "after"};
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        tk_str value = serve_parameter_of(r, names[i]);
        if (value.size > 0) {
            tk_json_write_member_string(filter, names[i], value);
        }
    }
    tk_str state = serve_parameter_of(r, "state");
    state = state.size > 0 ? state : serve_parameter_of(r, "status");
    if (state.size > 0) {
        tk_json_write_member_string(filter, "state", state);
    }
    tk_str namespace_name = route_namespace(r, serve_parameter_of(r, "namespace"));
    if (namespace_name.size > 0) {
        tk_json_write_member_string(filter, "namespace", namespace_name);
    }
}

/* Not taking it in silence: whoever goes on by it would read the first page for ever. */
static bool refuse_offset(serve_request *r) {
    tk_str offset = serve_parameter_of(r, "offset");
    if (offset.size > 0 && !tk_str_is(offset, "0")) {
        serve_fail(r, 400, "offset", "lists have no offset: use page and per_page, or after");
        return true;
    }
    return false;
}

void route_task_list(serve_request *r) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    if (refuse_offset(r)) {
        return;
    }
    tk_buf_char(&filter, '{');
    if (!add_number(r, &filter, "limit", LIMIT_MAX) || !add_number(r, &filter, "page", PAGE_MAX) ||
        !add_number(r, &filter, "per_page", PER_PAGE_MAX)) {
        tk_buf_release(&filter);
        return;
    }
    add_texts(r, &filter);
    if (route_query(r, TASKER_QUERY_TASKS, &filter, &answer)) {
        tk_buf_str(&r->answer, answer);
    }
}
