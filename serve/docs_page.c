/*
 * docs_page.c - /api-docs/ui: the table of routes as a plain page, without scripts and styles.
 */
#include "routes.h"

static void write_escaped(tk_buf *buf, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            tk_buf_text(buf, "&amp;");
            break;
        case '<':
            tk_buf_text(buf, "&lt;");
            break;
        case '>':
            tk_buf_text(buf, "&gt;");
            break;
        default:
            tk_buf_char(buf, *text);
        }
    }
}

static void write_route(tk_buf *buf, const serve_route *route) {
    tk_buf_printf(buf, "<tr><td>%s</td><td><code>", route_method(route->method));
    write_escaped(buf, route->path);
    tk_buf_text(buf, "</code></td><td>");
    write_escaped(buf, route->permission == NULL ? "none" : route->permission);
    tk_buf_text(buf, "</td><td>");
    write_escaped(buf, route->summary);
    for (const serve_parameter *p = route->parameters; p != NULL && p->name != NULL; p++) {
        tk_buf_text(buf, "<br><code>?");
        write_escaped(buf, p->name);
        tk_buf_text(buf, "=</code> ");
        write_escaped(buf, p->text);
    }
    tk_buf_text(buf, "</td></tr>\n");
}

void route_docs_page(serve_request *r) {
    tk_buf *buf = &r->answer;
    r->answer_type = "text/html; charset=utf-8";
    tk_buf_text(buf, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
                     "<title>Tasker: HTTP</title></head>\n<body>\n<h1>Tasker: HTTP</h1>\n"
                     "<p>For programs: <a href=\"/api-docs/openapi.json\">openapi.json</a>, "
                     "version ");
    write_escaped(buf, tasker_version());
    tk_buf_text(buf, ".</p>\n<table>\n<tr><th>Method</th><th>Path</th><th>Permission</th>"
                     "<th>Does</th></tr>\n");
    for (const serve_route *route = serve_routes; route->path != NULL; route++) {
        write_route(buf, route);
    }
    tk_buf_text(buf, "</table>\n</body>\n</html>\n");
}
