/*
 * task_list.c - GET /v1/tasks: what the query asks for, as the library's filter.
 */
#include "routes.h"

#define LIMIT_MAX 1000
#define PAGE_MAX 10000000
#define PER_PAGE_MAX 100
#define LIMIT_USUAL 50   /* as the library has it */
#define OFFSET_MAX 10000 /* pages end there */

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

/* Existing clients go on by limit and offset: whole pages, told by where they begin. */
static bool add_offset(serve_request *r, tk_buf *filter) {
    int64_t offset = 0;
    int64_t limit = LIMIT_USUAL;
    if (serve_parameter_of(r, "offset").data == NULL) {
        return true;
    }
    if (!serve_parameter_int(r, "offset", 0, OFFSET_MAX, &offset) ||
        !serve_parameter_int(r, "per_page", 1, PER_PAGE_MAX, &limit) ||
        !serve_parameter_int(r, "limit", 1, LIMIT_MAX, &limit)) {
        return false;
    }
    bool other = serve_parameter_of(r, "page").size > 0 || serve_parameter_of(r, "after").size > 0;
    if (other || offset % limit != 0) {
        serve_fail(r, 400, "offset", "expected a multiple of limit, without page and after");
        return false;
    }
    tk_json_write_member_int(filter, "page", offset / limit + 1);
    return true;
}

void route_task_list(serve_request *r) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_buf_char(&filter, '{');
    if (!add_number(r, &filter, "limit", LIMIT_MAX) || !add_number(r, &filter, "page", PAGE_MAX) ||
        !add_number(r, &filter, "per_page", PER_PAGE_MAX) || !add_offset(r, &filter)) {
        tk_buf_release(&filter);
        return;
    }
    add_texts(r, &filter);
    if (route_query(r, TASKER_QUERY_TASKS, &filter, &answer)) {
        tk_buf_str(&r->answer, answer);
    }
}
