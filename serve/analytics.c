/*
 * analytics.c - GET /v1/analytics/…: one answer of the library, of which each route shows its part.
 */
#include "routes.h"

#define HOURS_MAX 168
#define MINUTES_MAX 10080
#define PORTIONS_MAX 240
#define LIMIT_MAX 100
#define EXECUTIONS_MAX 1000000000

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

/* `hours` is the original's; minutes go before it. */
static bool add_span(serve_request *r, tk_buf *filter) {
    int64_t hours = 0;
    if (serve_parameter_of(r, "minutes").size > 0) {
        return add_number(r, filter, "minutes", MINUTES_MAX);
    }
    if (!serve_parameter_int(r, "hours", 1, HOURS_MAX, &hours)) {
        return false;
    }
    if (hours > 0) {
        tk_json_write_member_int(filter, "minutes", hours * 60);
    }
    return true;
}

static bool ask(serve_request *r, tk_json *answer) {
    tk_buf filter = {0};
    tk_str text = {NULL, 0};
    tk_str namespace_name = route_namespace(r, serve_parameter_of(r, "namespace"));
    tk_str name = serve_parameter_of(r, "name");
    tk_buf_char(&filter, '{');
    if (!add_span(r, &filter) || !add_number(r, &filter, "portions", PORTIONS_MAX) ||
        !add_number(r, &filter, "limit", LIMIT_MAX) ||
        !add_number(r, &filter, "min_executions", EXECUTIONS_MAX)) {
        tk_buf_release(&filter);
        return false;
    }
    if (namespace_name.size > 0) {
        tk_json_write_member_string(&filter, "namespace", namespace_name);
    }
    if (name.size > 0) {
        tk_json_write_member_string(&filter, "name", name);
    }
    return route_query(r, TASKER_QUERY_ANALYTICS, &filter, &text) && route_parse(r, text, answer);
}

static void answer_members(serve_request *r, const char *const *names, size_t count) {
    tk_json answer = {0};
    if (!ask(r, &answer)) {
        return;
    }
    tk_buf_char(&r->answer, '{');
    for (size_t i = 0; i < count; i++) {
        tk_json_write_member_raw(&r->answer, names[i], tk_json_member(answer, names[i]).text);
    }
    tk_buf_char(&r->answer, '}');
}

void route_performance(serve_request *r) {
    static const char *const names[] = {"from",  "to",       "portion_seconds",
                                        "since", "portions", "total"};
    answer_members(r, names, TK_COUNT_OF(names));
}

void route_bottlenecks(serve_request *r) {
    static const char *const names[] = {"from", "to", "since", "slow_steps", "failing_steps"};
    answer_members(r, names, TK_COUNT_OF(names));
}
