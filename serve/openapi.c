/*
 * openapi.c - /api-docs/openapi.json: OpenAPI 3.1 made from the table of routes and the schemas of
 * openapi.json, which stands beside this file and is embedded.
 */
#include <stdio.h>
#include <stdlib.h>

#include "routes.h"

extern const char serve_openapi_schemas[];

#define REF(name) "{\"$ref\":\"#/components/" name "\"}"

/* "get" */
static void write_method(tk_buf *buf, serve_method method) {
    for (const char *at = route_method(method); *at != '\0'; at++) {
        tk_buf_char(buf, (char)(*at | 0x20));
    }
}

static void write_parameter(tk_buf *buf, const char *in, tk_str name, const char *schema,
                            const char *text) {
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "name", name);
    tk_json_write_member_string(buf, "in", tk_str_of(in));
    tk_json_write_member_bool(buf, "required", strcmp(in, "path") == 0);
    if (text != NULL) {
        tk_json_write_member_string(buf, "description", tk_str_of(text));
    }
    tk_json_write_member_raw(buf, "schema", tk_str_of(schema));
    tk_buf_char(buf, '}');
}

static bool ends_with(tk_str text, const char *end) {
    size_t size = strlen(end);
    return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

static void write_parameters(tk_buf *buf, const serve_route *route) {
    tk_json_write_name(buf, "parameters");
    tk_buf_char(buf, '[');
    for (const char *at = strchr(route->path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        tk_str name = {at + 1, strcspn(at + 1, "*}")};
        bool uuid = ends_with(name, "_uuid");
        write_parameter(
            buf, "path", name,
            uuid ? "{\"type\":\"string\",\"format\":\"uuid\"}" : "{\"type\":\"string\"}", NULL);
    }
    for (const serve_parameter *p = route->parameters; p != NULL && p->name != NULL; p++) {
        write_parameter(buf, "query", tk_str_of(p->name), p->schema, p->text);
    }
    tk_buf_char(buf, ']');
}

/* A name in the table is a media type when it has a '/', else that of a schema. */
static void write_content(tk_buf *buf, const char *name) {
    tk_json_write_name(buf, "content");
    if (strchr(name, '/') != NULL) {
        tk_buf_printf(buf, "{\"%s\":{}}", name);
    } else if (strcmp(name, "yaml") == 0) {
        tk_buf_text(buf, "{\"application/yaml\":{\"schema\":{\"type\":\"string\"}}}");
    } else {
        tk_buf_printf(buf, "{\"application/json\":{\"schema\":" REF("schemas/%s") "}", name);
        if (strcmp(name, "TaskRequest") == 0) {
            tk_buf_text(buf, ",\"application/x-ndjson\":{\"schema\":{\"type\":\"string\"}}");
        }
        tk_buf_char(buf, '}');
    }
}

static const char *status_text(long status) {
    switch (status) {
    case 200:
        return "done";
    case 201:
        return "created";
    case 400:
        return "the request can never be right; path says where";
    case 404:
        return "there is no such object";
    case 409:
        return "the object's state does not allow it";
    case 413:
        return "the body is too large";
    case 415:
        return "the body's media type is not taken";
    default:
        return "not now: try again later";
    }
}

/* What a route answers with a status: its document, or an error. */
static void write_response(tk_buf *buf, const serve_route *route, long status) {
    bool document = status < 300 || (route->flags & SERVE_PUBLIC) != 0;
    tk_json_write_comma(buf);
    tk_buf_printf(buf, "\"%ld\":{", status);
    tk_json_write_member_string(buf, "description", tk_str_of(status_text(status)));
    write_content(buf, document ? route->returns : "Error");
    tk_buf_char(buf, '}');
}

/* What the core answers for any route, whatever it does. */
static const struct {
    int status;
    const char *name, *text;
} common[] = {
    {400, "Invalid", "the path, a parameter or the body can never be right"},
    {401, "Unauthorized", "a key is missing, or it is not one of ours"},
    {403, "Forbidden", "the key lacks the permission"},
    {413, "TooLarge", "the body is too large"},
    {415, "MediaType", "the body is of a type that any page can send"},
    {503, "Unavailable", "the store cannot be reached, or too much waits for it"},
};

static bool may_answer(const serve_route *route, int status) {
    switch (status) {
    case 401:
    case 403:
        return (route->flags & SERVE_PUBLIC) == 0;
    case 413:
        return route->body != NULL;
    case 415:
        return route->method == SERVE_POST;
    case 503:
        return (route->flags & SERVE_AT_ONCE) == 0;
    default:
        return true;
    }
}

static void write_common(tk_buf *buf, const serve_route *route) {
    for (size_t i = 0; i < TK_COUNT_OF(common); i++) {
        char status[16];
        (void)snprintf(status, sizeof(status), "%d", common[i].status);
        if (may_answer(route, common[i].status) && strstr(route->statuses, status) == NULL) {
            tk_json_write_comma(buf);
            tk_buf_printf(buf, "\"%s\":" REF("responses/%s"), status, common[i].name);
        }
    }
}

static void write_responses(tk_buf *buf, const serve_route *route) {
    tk_json_write_name(buf, "responses");
    tk_buf_char(buf, '{');
    for (const char *at = route->statuses; *at != '\0';) {
        char *end = NULL;
        write_response(buf, route, strtol(at, &end, 10));
        at = end + strspn(end, " ");
    }
    write_common(buf, route);
    tk_buf_char(buf, '}');
}

/* "GET /v1/tasks/{task_uuid}" is get_v1_tasks_task_uuid. */
static void write_operation_id(tk_buf *buf, const serve_route *route) {
    tk_json_write_name(buf, "operationId");
    tk_buf_char(buf, '"');
    write_method(buf, route->method);
    for (const char *at = route->path; *at != '\0'; at++) {
        if (*at == '/' || *at == '-' || *at == '.') {
            tk_buf_char(buf, '_');
        } else if (*at != '{' && *at != '}' && *at != '*') {
            tk_buf_char(buf, *at);
        }
    }
    tk_buf_char(buf, '"');
}

static void write_operation(tk_buf *buf, const serve_route *route) {
    tk_json_write_comma(buf);
    tk_buf_char(buf, '"');
    write_method(buf, route->method);
    tk_buf_text(buf, "\":{");
    write_operation_id(buf, route);
    tk_json_write_member_string(buf, "summary", tk_str_of(route->summary));
    if (route->permission == NULL) {
        tk_json_write_member_raw(buf, "security", TK_STR("[]"));
    } else {
        tk_json_write_member_string(buf, "x-permission", tk_str_of(route->permission));
    }
    write_parameters(buf, route);
    if (route->body != NULL) {
        tk_json_write_name(buf, "requestBody");
        tk_buf_char(buf, '{');
        write_content(buf, route->body);
        tk_buf_char(buf, '}');
    }
    write_responses(buf, route);
    tk_buf_char(buf, '}');
}

static bool told_before(const serve_route *route) {
    for (const serve_route *other = serve_routes; other < route; other++) {
        if (strcmp(other->path, route->path) == 0) {
            return true;
        }
    }
    return false;
}

/* "{file*}" is "{file}" here: OpenAPI knows no captures of several segments. */
static void write_path_name(tk_buf *buf, const char *path) {
    tk_json_write_comma(buf);
    tk_buf_char(buf, '"');
    for (; *path != '\0'; path++) {
        if (*path != '*') {
            tk_buf_char(buf, *path);
        }
    }
    tk_buf_text(buf, "\":");
}

static void write_paths(tk_buf *buf) {
    tk_json_write_name(buf, "paths");
    tk_buf_char(buf, '{');
    for (const serve_route *route = serve_routes; route->path != NULL; route++) {
        if (told_before(route)) {
            continue;
        }
        write_path_name(buf, route->path);
        tk_buf_char(buf, '{');
        for (const serve_route *same = route; same->path != NULL; same++) {
            if (strcmp(same->path, route->path) == 0) {
                write_operation(buf, same);
            }
        }
        tk_buf_char(buf, '}');
    }
    tk_buf_char(buf, '}');
}

static void write_components(tk_buf *buf) {
    tk_json_write_name(buf, "components");
    tk_buf_char(buf, '{');
    tk_json_write_member_raw(buf, "schemas", tk_str_of(serve_openapi_schemas));
    tk_json_write_name(buf, "responses");
    tk_buf_char(buf, '{');
    for (size_t i = 0; i < TK_COUNT_OF(common); i++) {
        tk_json_write_name(buf, common[i].name);
        tk_buf_char(buf, '{');
        tk_json_write_member_string(buf, "description", tk_str_of(common[i].text));
        write_content(buf, "Error");
        tk_buf_char(buf, '}');
    }
    tk_buf_char(buf, '}');
    tk_json_write_member_raw(
        buf, "securitySchemes",
        TK_STR("{\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"},"
               "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"));
    tk_buf_char(buf, '}');
}

void route_openapi(serve_request *r) {
    tk_buf *buf = &r->answer;
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "openapi", TK_STR("3.1.0"));
    tk_json_write_name(buf, "info");
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "title", TK_STR("Tasker"));
    tk_json_write_member_string(buf, "version", tk_str_of(tasker_version()));
    tk_buf_char(buf, '}');
    tk_json_write_member_raw(buf, "security", TK_STR("[{\"key\":[]},{\"bearer\":[]},{}]"));
    write_paths(buf);
    write_components(buf);
    tk_buf_char(buf, '}');
}
