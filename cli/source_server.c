/*
 * source_server.c - the operations of source.h over HTTP, by the routes of docs/http.md.
 */
#include <time.h>

#include "clock.h"
#include "http.h"
#include "id.h"
#include "json_view.h"
#include "source.h"
#include "view.h"

enum { LOOK_MS = 100 }; /* between two looks at a task that is waited for */

cli_exit source_server_open(cli *c, const char *url) {
    c->source = &source_server;
    return http_open(c, url);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Until the next request is sent. */
static tk_str text_of(cli *c, tk_json object, const char *name) {
    return json_text(http_scratch(c), tk_json_member(object, name));
}

/* Every member of the filter as a parameter. */
static void add_parameters(cli *c, tk_buf *path, tk_json filter) {
    tk_json_iterator it = tk_json_each(filter);
    while (tk_json_next(&it)) {
        tk_str name = json_text(http_scratch(c), it.name);
        if (name.data != NULL) {
            http_query(path, name.data, json_text(http_scratch(c), it.value));
        }
    }
}

/* "/v1/tasks/…/workflow_steps/…": a step's UUID has its task's in it. */
static bool add_step(tk_buf *path, tk_str step) {
    tk_uuid id;
    tk_uuid task;
    uint32_t number = 0;
    char text[TASKER_UUID_SIZE];
    if (!tk_uuid_parse(step, &id) || !tk_uuid_step_split(&id, &task, &number)) {
        return false;
    }
    tk_uuid_format(&task, text);
    tk_buf_text(path, "/v1/tasks");
    http_segment(path, tk_str_of(text));
    tk_buf_text(path, "/workflow_steps");
    http_segment(path, step);
    return true;
}

static tasker_status fail_step(tk_str step, tasker_error *error) {
    return tk_fail_at(error, TASKER_NOTFOUND, step.data == NULL ? "" : step.data, "no such step");
}

static void add_task(cli *c, tk_buf *path, tk_json filter, const char *below) {
    tk_buf_text(path, "/v1/tasks");
    http_segment(path, text_of(c, filter, "task_uuid"));
    tk_buf_text(path, below);
}

static tasker_status get(cli *c, tk_buf *path, tasker_text *answer, tasker_error *error) {
    const http_request request = {.method = "GET", .path = path->data};
    tasker_status status = path->failed ? tk_nomem(error) : http_call(c, &request, answer, error);
    tk_buf_release(path);
    return status;
}

/* The version that was registered last, when none was named. */
static tasker_status find_version(cli *c, tk_json filter, tk_str *version, tasker_error *error) {
    tasker_text text = {0};
    tk_buf path = {0};
    tk_buf_text(&path, "/v1/templates");
    http_query(&path, "namespace", text_of(c, filter, "namespace"));
    http_query(&path, "name", text_of(c, filter, "name"));
    tasker_status status = get(c, &path, &text, error);
    tk_json list = {0};
    if (status == TASKER_OK) {
        status = tk_json_parse((tk_str){text.data, text.size}, TK_BUF_BYTES_MAX, &list, error);
    }
    list = list.kind == TK_JSON_OBJECT ? tk_json_member(list, "templates") : list;
    int64_t newest = -1;
    tk_json_iterator it = tk_json_each(list);
    while (status == TASKER_OK && tk_json_next(&it)) {
        int64_t id = json_count(it.value, "template_id");
        if (id > newest) {
            newest = id;
            *version = json_text(&c->arena, tk_json_member(it.value, "version"));
        }
    }
    tasker_text_free(&text);
    if (status == TASKER_OK && newest < 0) {
        status = tk_fail(error, TASKER_NOTFOUND, "no such template is registered");
    }
    return status;
}

static tasker_status query_template(cli *c, tk_json filter, tasker_text *answer,
                                    tasker_error *error) {
    tk_buf path = {0};
    tk_str version = text_of(c, filter, "version");
    tasker_status status = version.size > 0 ? TASKER_OK : find_version(c, filter, &version, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_buf_text(&path, "/v1/templates");
    http_segment(&path, text_of(c, filter, "namespace"));
    http_segment(&path, text_of(c, filter, "name"));
    http_segment(&path, version);
    return get(c, &path, answer, error);
}

static tasker_status query(cli *c, tasker_query_kind kind, tk_str text, tasker_text *answer,
                           tasker_error *error) {
    tk_json filter = {0};
    tk_buf path = {0};
    tasker_status status = tk_json_parse(text, TK_BUF_BYTES_MAX, &filter, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_str step = text_of(c, filter, "step_uuid");
    switch (kind) {
    case TASKER_QUERY_TASK:
        add_task(c, &path, filter, "");
        break;
    case TASKER_QUERY_STEPS:
        add_task(c, &path, filter, "/workflow_steps");
        break;
    case TASKER_QUERY_HISTORY:
        add_task(c, &path, filter, "/history");
        break;
    case TASKER_QUERY_STEP:
        if (!add_step(&path, step)) {
            return fail_step(step, error);
        }
        break;
    case TASKER_QUERY_TEMPLATE:
        return query_template(c, filter, answer, error);
    case TASKER_QUERY_TASKS:
        tk_buf_text(&path, "/v1/tasks");
        add_parameters(c, &path, filter);
        break;
    case TASKER_QUERY_COUNTS:
        tk_buf_text(&path, "/v1/counts");
        add_parameters(c, &path, filter);
        break;
    case TASKER_QUERY_ANALYTICS:
        tk_buf_text(&path, "/v1/analytics/performance");
        add_parameters(c, &path, filter);
        break;
    case TASKER_QUERY_TEMPLATES:
        tk_buf_text(&path, "/v1/templates");
        add_parameters(c, &path, filter);
        break;
    case TASKER_QUERY_WORKERS:
        tk_buf_text(&path, "/v1/workers");
        break;
    case TASKER_QUERY_WHY:
        if (step.size == 0) {
            add_task(c, &path, filter, "/why");
        } else if (add_step(&path, step)) {
            tk_buf_text(&path, "/why");
        } else {
            return fail_step(step, error);
        }
        break;
    default:
        return tk_fail(error, TASKER_UNSUPPORTED, "a server does not tell this");
    }
    return get(c, &path, answer, error);
}

static tasker_status wait_for(cli *c, const char *task_uuid, int64_t timeout_ms, tasker_text *task,
                              tasker_error *error) {
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t began_us = tk_clock_monotonic(&tk_clock_system);
    for (;;) {
        tk_buf path = {0};
        tk_arena arena = {0};
        tk_json json = {0};
        tk_buf_text(&path, "/v1/tasks");
        http_segment(&path, tk_str_of(task_uuid));
        tasker_status status = get(c, &path, task, error);
        if (status == TASKER_OK) {
            status =
                tk_json_parse((tk_str){task->data, task->size}, TK_BUF_BYTES_MAX, &json, error);
        }
        bool rests = status == TASKER_OK && view_task_facts(&arena, json).rests;
        int64_t gone_ms = (tk_clock_monotonic(&tk_clock_system) - began_us) / 1000;
        tk_arena_release(&arena);
        if (status != TASKER_OK || rests) {
            return status;
        }
        if (timeout_ms >= 0 && gone_ms >= timeout_ms) {
            return tk_fail(error, TASKER_TIMEOUT, "the time given is over");
        }
        tasker_text_free(task);
        nanosleep(&pause, NULL);
    }
}

/* --- changing --------------------------------------------------------------------------------- */

/* The members of an answer {"tasks":[…]} that is, here, the array alone. */
static tasker_status unwrap(tasker_text *answer, const char *member, tasker_error *error) {
    tk_json document = {0};
    tk_buf list = {0};
    tasker_status status =
        tk_json_parse((tk_str){answer->data, answer->size}, TK_BUF_BYTES_MAX, &document, error);
    if (status == TASKER_OK) {
        tk_buf_str(&list, tk_json_member(document, member).text);
        tasker_text_free(answer);
        status = tk_buf_finish(&list, answer, error);
    }
    return status;
}

/* A request a line; white space between values may be line breaks, which become blanks. */
static void write_lines(tk_buf *body, tk_json requests) {
    tk_json_iterator it = tk_json_each(requests);
    while (tk_json_next(&it)) {
        size_t begin = body->size;
        tk_buf_str(body, it.value.text);
        for (size_t i = begin; i < body->size; i++) {
            bool line = body->data[i] == '\n' || body->data[i] == '\r';
            body->data[i] = line ? ' ' : body->data[i];
        }
        tk_buf_char(body, '\n');
    }
}

static tasker_status submit(cli *c, tk_str text, tasker_text *answer, tasker_error *error) {
    tk_json request = {0};
    tk_buf lines = {0};
    http_request sent = {.method = "POST", .path = "/v1/tasks", .type = "application/json"};
    tasker_status status = tk_json_parse(text, CLI_DOCUMENT_BYTES_MAX, &request, error);
    if (status != TASKER_OK) {
        return status;
    }
    bool many = request.kind == TK_JSON_ARRAY;
    sent.body = text;
    if (many) {
        write_lines(&lines, request);
        sent.type = "application/x-ndjson";
        sent.body = tk_buf_view(&lines);
    }
    status = lines.failed ? tk_nomem(error) : http_call(c, &sent, answer, error);
    tk_buf_release(&lines);
    return status == TASKER_OK && many ? unwrap(answer, "tasks", error) : status;
}

static const char *const deed_words[] = {
#define X(name, word) word,
    DEED_MAP(X)
#undef X
};

static void write_who(tk_buf *body, const tasker_act *who) {
    if (who->actor != NULL) {
        tk_json_write_member_string(body, "resolved_by", tk_str_of(who->actor));
    }
    if (who->reason != NULL) {
        tk_json_write_member_string(body, "reason", tk_str_of(who->reason));
    }
}

static void write_deed(tk_buf *body, const deed *d) {
    tk_buf_char(body, '{');
    tk_json_write_member_string(body, "action_type", tk_str_of(deed_words[d->kind]));
    write_who(body, &d->who);
    if (d->result.size > 0) {
        tk_json_write_member_raw(body, "result", d->result);
    }
    tk_buf_char(body, '}');
}

static tasker_status act(cli *c, const deed *d, tasker_error *error) {
    tk_buf path = {0};
    tk_buf body = {0};
    tasker_text answer = {0};
    tasker_status status = TASKER_OK;
    if (d->kind < DEED_STEP_RETRY) {
        tk_buf_text(&path, "/v1/tasks");
        http_segment(&path, tk_str_of(d->uuid));
    } else if (!add_step(&path, tk_str_of(d->uuid))) {
        status = fail_step(tk_str_of(d->uuid), error);
    }
    write_deed(&body, d);
    if (status == TASKER_OK && (path.failed || body.failed)) {
        status = tk_nomem(error);
    }
    if (status == TASKER_OK) {
        const http_request request = {"PATCH", path.data, "application/json", tk_buf_view(&body)};
        status = http_call(c, &request, &answer, error);
    }
    tasker_text_free(&answer);
    tk_buf_release(&path);
    tk_buf_release(&body);
    return status;
}

static tasker_status rerun(cli *c, const char *task_uuid, tk_str context, const tasker_act *who,
                           tasker_text *answer, tasker_error *error) {
    tk_buf path = {0};
    tk_buf body = {0};
    tk_buf_text(&path, "/v1/tasks");
    http_segment(&path, tk_str_of(task_uuid));
    tk_buf_text(&path, "/rerun");
    tk_buf_char(&body, '{');
    write_who(&body, who);
    if (context.size > 0) {
        tk_json_write_member_raw(&body, "context", context);
    }
    tk_buf_char(&body, '}');
    const http_request request = {"POST", path.data, "application/json", tk_buf_view(&body)};
    tasker_status status =
        path.failed || body.failed ? tk_nomem(error) : http_call(c, &request, answer, error);
    tk_buf_release(&path);
    tk_buf_release(&body);
    return status;
}

static tasker_status template_put(cli *c, tk_str yaml, const char *name, tasker_text *report,
                                  tasker_error *error) {
    (void)name; /* the text was checked here, under its name */
    const http_request request = {"PUT", "/v1/templates", "application/yaml", yaml};
    return http_call(c, &request, report, error);
}

const source source_server = {
    query, submit, wait_for, act, rerun, template_put, source_server_follow};
