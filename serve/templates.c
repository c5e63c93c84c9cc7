/*
 * templates.c - templates: list, show, check, register.
 */
#include "routes.h"

#define BODY_NAME "body" /* what messages call the YAML that was sent */

/* A template by the path: {namespace}/{name}/{version}. */
static bool query_named(serve_request *r, tk_json *template) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, "namespace", route_namespace(r, r->captures[0]));
    tk_json_write_member_string(&filter, "name", r->captures[1]);
    tk_json_write_member_string(&filter, "version", r->captures[2]);
    return route_query(r, TASKER_QUERY_TEMPLATE, &filter, &answer) &&
           route_parse(r, answer, template);
}

/* The path's template; one that the caller must not see is answered as if there were none. */
static bool find_named(serve_request *r, tk_json *template) {
    if (!serve_namespace_visible(r, r->captures[0])) {
        serve_fail(r, 404, NULL, "this key sees the templates of namespace %.*s only",
                   (int)r->caller.namespace_name.size, r->caller.namespace_name.data);
        return false;
    }
    return query_named(r, template);
}

void route_template_list(serve_request *r) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_str name = serve_parameter_of(r, "name");
    tk_str namespace_name = route_namespace(r, serve_parameter_of(r, "namespace"));
    tk_buf_char(&filter, '{');
    if (namespace_name.size > 0) {
        tk_json_write_member_string(&filter, "namespace", namespace_name);
    }
    if (name.size > 0) {
        tk_json_write_member_string(&filter, "name", name);
    }
    if (route_query(r, TASKER_QUERY_TEMPLATES, &filter, &answer)) {
        tk_buf_str(&r->answer, answer);
    }
}

void route_template_show(serve_request *r) {
    tk_json template = {0};
    if (find_named(r, &template)) {
        tk_buf_str(&r->answer, template.text);
    }
}

/* --- YAML in the body ------------------------------------------------------------------------- */

static bool check_body(serve_request *r, tk_json *report) {
    tasker_text text = {0};
    tasker_error error = {0};
    if (r->body.size > TASKER_TEMPLATE_BYTES_MAX) {
        serve_fail(r, 413, NULL, "a template has at most %d bytes", TASKER_TEMPLATE_BYTES_MAX);
        return false;
    }
    tasker_status status = tasker_template_check(r->body, BODY_NAME, NULL, &text, &error);
    return route_take(r, status, &text, &error, report);
}

void route_template_validate(serve_request *r) {
    tk_json report = {0};
    if (check_body(r, &report)) {
        tk_buf_str(&r->answer, report.text);
    }
}

/* A key with a namespace registers templates of that namespace. */
static bool check_namespace(serve_request *r) {
    tk_json report = {0};
    tk_str namespace_name = {NULL, 0};
    if (r->caller.namespace_name.size == 0) {
        return true;
    }
    if (!check_body(r, &report)) {
        return false;
    }
    bool read = tk_json_string(&r->arena, tk_json_member(report, "namespace"), &namespace_name);
    bool valid = tk_json_member(report, "valid").kind == TK_JSON_TRUE;
    if (valid && (!read || !serve_namespace_visible(r, namespace_name))) {
        serve_fail(r, 403, NULL, "this key registers templates of namespace %.*s only",
                   (int)r->caller.namespace_name.size, r->caller.namespace_name.data);
        return false;
    }
    return true; /* one with errors is refused by what follows, with its place */
}

void route_template_put(serve_request *r) {
    tasker_text text = {0};
    tasker_error error = {0};
    tk_json report = {0};
    if (r->body.size > TASKER_TEMPLATE_BYTES_MAX) {
        serve_fail(r, 413, NULL, "a template has at most %d bytes", TASKER_TEMPLATE_BYTES_MAX);
        return;
    }
    if (!check_namespace(r)) {
        return;
    }
    tasker_status status = tasker_template_put(r->store, r->body, BODY_NAME, &text, &error);
    if (route_take(r, status, &text, &error, &report)) {
        tk_buf_str(&r->answer, report.text);
    }
}

/* --- a registered one ------------------------------------------------------------------------- */

static bool has_worker(tk_json workers, tk_str callable) {
    tk_json_iterator it = tk_json_each(workers);
    while (tk_json_next(&it)) {
        tk_json_iterator handler = tk_json_each(tk_json_member(it.value, "handlers"));
        while (tk_json_next(&handler)) {
            if (handler.value.kind == TK_JSON_STRING &&
                tk_json_string_is(handler.value, callable)) {
                return true;
            }
        }
    }
    return false;
}

/* A step that no worker runs is no error: its worker may come later. */
static void warn_step(serve_request *r, tk_json step, size_t index) {
    tk_str name = {NULL, 0};
    tk_buf text = {0};
    (void)tk_json_string(&r->arena, tk_json_member(step, "name"), &name);
    tk_json_write_comma(&r->answer);
    tk_buf_char(&r->answer, '{');
    tk_json_write_member_null(&r->answer, "file");
    tk_json_write_member_null(&r->answer, "line");
    tk_json_write_member_null(&r->answer, "column");
    tk_json_write_name(&r->answer, "path");
    tk_buf_printf(&r->answer, "\"$.steps[%zu].handler.callable\"", index);
    tk_buf_printf(&text, "no worker runs the handler of step %.*s", (int)name.size, name.data);
    tk_json_write_member_string(&r->answer, "message", tk_buf_view(&text));
    tk_buf_char(&r->answer, '}');
    r->answer.failed = r->answer.failed || text.failed;
    tk_buf_release(&text);
}

static void write_warnings(serve_request *r, tk_json steps, tk_json workers) {
    tk_json_iterator it = tk_json_each(steps);
    tk_json_write_name(&r->answer, "warnings");
    tk_buf_char(&r->answer, '[');
    while (tk_json_next(&it)) {
        tk_str callable = {NULL, 0};
        tk_json handler = tk_json_member(it.value, "handler");
        (void)tk_json_string(&r->arena, tk_json_member(handler, "callable"), &callable);
        if (!has_worker(workers, callable)) {
            warn_step(r, it.value, it.index);
        }
    }
    tk_buf_char(&r->answer, ']');
}

/* What is registered has no errors; what may be missing are workers. */
void route_template_validate_known(serve_request *r) {
    tk_json template = {0};
    tk_json workers = {0};
    tk_str answer = {NULL, 0};
    if (!find_named(r, &template) || !serve_query(r, TASKER_QUERY_WORKERS, TK_STR("{}"), &answer) ||
        !route_parse(r, answer, &workers)) {
        return;
    }
    tk_json steps = tk_json_member(template, "steps");
    tk_buf_char(&r->answer, '{');
    tk_json_write_member_bool(&r->answer, "valid", true);
    tk_json_write_member_raw(&r->answer, "name", tk_json_member(template, "name").text);
    tk_json_write_member_raw(&r->answer, "namespace", tk_json_member(template, "namespace").text);
    tk_json_write_member_raw(&r->answer, "version", tk_json_member(template, "version").text);
    tk_json_write_member_int(&r->answer, "steps", (int64_t)tk_json_count(steps));
    tk_json_write_member_raw(&r->answer, "errors", TK_STR("[]"));
    write_warnings(r, steps, workers);
    tk_buf_char(&r->answer, '}');
}
