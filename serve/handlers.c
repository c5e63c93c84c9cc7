/*
 * handlers.c - GET /v1/handlers…: the registered templates, in the words of the original's clients.
 *
 * There a "handler" is a template: the first route lists namespaces, the second the templates of one,
 * the third tells of the one that was registered last under a name.
 */
#include "routes.h"

static bool query_templates(serve_request *r, tk_str namespace_name, tk_json *templates) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_buf_char(&filter, '{');
    if (namespace_name.size > 0) {
        tk_json_write_member_string(&filter, "namespace", namespace_name);
    }
    return route_query(r, TASKER_QUERY_TEMPLATES, &filter, &answer) &&
           route_parse(r, answer, templates);
}

/* --- namespaces ------------------------------------------------------------------------------- */

static void write_namespace(tk_buf *buf, tk_json name, int64_t count) {
    if (count > 0) {
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_raw(buf, "name", name.text);
        tk_json_write_member_null(buf, "description");
        tk_json_write_member_int(buf, "handler_count", count);
        tk_buf_char(buf, '}');
    }
}

/* Templates come in the order of their namespaces. */
void route_handler_namespaces(serve_request *r) {
    tk_json templates = {0};
    tk_json name = {0};
    int64_t count = 0;
    if (!query_templates(r, route_namespace(r, (tk_str){NULL, 0}), &templates)) {
        return;
    }
    tk_json_iterator it = tk_json_each(templates);
    tk_buf_char(&r->answer, '[');
    while (tk_json_next(&it)) {
        tk_json other = tk_json_member(it.value, "namespace");
        if (!tk_str_equal(other.text, name.text)) {
            write_namespace(&r->answer, name, count);
            name = other;
            count = 0;
        }
        count++;
    }
    write_namespace(&r->answer, name, count);
    tk_buf_char(&r->answer, ']');
}

/* --- templates -------------------------------------------------------------------------------- */

/* Adds one with the names of its steps. */
static bool write_handler(serve_request *r, tk_json head) {
    static const char *const names[] = {"name", "namespace", "version"};
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_json template = {0};
    tk_buf_char(&filter, '{');
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        tk_json_write_member_raw(&filter, names[i], tk_json_member(head, names[i]).text);
    }
    if (!route_query(r, TASKER_QUERY_TEMPLATE, &filter, &answer) ||
        !route_parse(r, answer, &template)) {
        return false;
    }
    tk_json_write_comma(&r->answer);
    tk_buf_char(&r->answer, '{');
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        tk_json_write_member_raw(&r->answer, names[i], tk_json_member(head, names[i]).text);
    }
    tk_json_write_member_raw(&r->answer, "description", tk_json_member(head, "description").text);
    tk_json_write_name(&r->answer, "step_templates");
    tk_buf_char(&r->answer, '[');
    tk_json_iterator it = tk_json_each(tk_json_member(template, "steps"));
    while (tk_json_next(&it)) {
        tk_json_write_comma(&r->answer);
        tk_buf_str(&r->answer, tk_json_member(it.value, "name").text);
    }
    tk_buf_text(&r->answer, "]}");
    return true;
}

void route_handler_list(serve_request *r) {
    tk_json templates = {0};
    if (!query_templates(r, route_namespace(r, r->captures[0]), &templates)) {
        return;
    }
    tk_json_iterator it = tk_json_each(templates);
    tk_buf_char(&r->answer, '[');
    while (tk_json_next(&it)) {
        if (!write_handler(r, it.value)) {
            return;
        }
    }
    tk_buf_char(&r->answer, ']');
}

void route_handler_show(serve_request *r) {
    tk_json templates = {0};
    tk_json newest = {0};
    int64_t newest_id = 0;
    if (!query_templates(r, route_namespace(r, r->captures[0]), &templates)) {
        return;
    }
    tk_json_iterator it = tk_json_each(templates);
    while (tk_json_next(&it)) {
        int64_t id = 0;
        if (tk_json_string_is(tk_json_member(it.value, "name"), r->captures[1]) &&
            tk_json_int(tk_json_member(it.value, "template_id"), &id) && id > newest_id) {
            newest_id = id;
            newest = it.value;
        }
    }
    if (newest_id == 0) {
        serve_fail(r, 404, NULL, "no handler of this name is registered");
        return;
    }
    (void)write_handler(r, newest);
}
