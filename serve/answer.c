/*
 * answer.c - answers: errors in their one form, and what routes ask of the library.
 */
#include <stdio.h>

#include "inner.h"

/* The one list of errors: a status, its word. Codes of the library are words of their own. */
static const struct {
    int status;
    const char *code;
} codes[] = {
    {400, "invalid"}, {401, "unauthorized"}, {403, "forbidden"},        {404, "notfound"},
    {405, "method"},  {409, "conflict"},     {413, "too_large"},        {415, "media_type"},
    {421, "host"},    {429, "rate"},         {431, "header_too_large"}, {501, "unsupported"},
    {503, "busy"},    {504, "timeout"},
};

static const char *code_of(int status) {
    for (size_t i = 0; i < TK_COUNT_OF(codes); i++) {
        if (codes[i].status == status) {
            return codes[i].code;
        }
    }
    return "internal";
}

static void write_error(serve_request *r, int status, const char *code, const char *path,
                        const char *message) {
    tk_buf *out = &r->answer;
    tk_buf_release(out);
    r->status = status;
    r->answer_type = NULL;
    r->answer_cache = NULL;
    tk_buf_text(out, "{\"error\":{");
    tk_json_write_member_string(out, "code", tk_str_of(code));
    tk_json_write_member_string(out, "message", tk_str_of(message));
    if (path != NULL && path[0] != '\0') {
        tk_json_write_member_string(out, "path", tk_str_of(path));
    }
    tk_json_write_member_string(out, "request_id", tk_str_of(r->id));
    tk_buf_text(out, "}}\n");
}

void serve_fail(serve_request *r, int status, const char *path, const char *format, ...) {
    tasker_error told = {0};
    char message[TASKER_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    tk_fail(&told, TASKER_INVALID, "%s", message); /* one printable line */
    write_error(r, status, code_of(status), path, told.message);
}

void serve_fail_error(serve_request *r, const tasker_error *error) {
    const char *name = tasker_status_name(error->status);
    switch (error->status) {
    case TASKER_INVALID:
        write_error(r, 400, name, error->path, error->message);
        return;
    case TASKER_NOTFOUND:
        write_error(r, 404, name, error->path, error->message);
        return;
    case TASKER_CONFLICT:
    case TASKER_LOST:
        write_error(r, 409, "conflict", error->path, error->message);
        return;
    case TASKER_UNSUPPORTED:
        write_error(r, 501, name, error->path, error->message);
        return;
    case TASKER_TIMEOUT:
        write_error(r, 504, name, NULL, error->message);
        return;
    case TASKER_BUSY:
        write_error(r, 503, name, NULL, "the store is held by another process: try again");
        r->retry_after_s = SERVE_RETRY_AFTER_S;
        return;
    case TASKER_NOMEM:
        write_error(r, 503, name, NULL, "the server is out of memory: try again later");
        r->retry_after_s = SERVE_RETRY_AFTER_S;
        return;
    default:
        serve_log(r->server, TASKER_LOG_ERROR, "%s: the store: %s", r->id, error->message);
        write_error(r, 503, "store", NULL,
                    "the store cannot be reached or failed: see the server's log, try again later");
        r->retry_after_s = SERVE_RETRY_AFTER_S;
    }
}

bool serve_query(serve_request *r, tasker_query_kind kind, tk_str filter, tk_str *answer) {
    tasker_text text = {0};
    tasker_error error = {0};
    *answer = (tk_str){NULL, 0};
    if (tasker_query(r->store, kind, filter, &text, &error) != TASKER_OK) {
        serve_fail_error(r, &error);
        return false;
    }
    bool kept = tk_arena_str(&r->arena, (tk_str){text.data, text.size}, answer);
    tasker_text_free(&text);
    if (!kept) {
        tk_nomem(&error);
        serve_fail_error(r, &error);
    }
    return kept;
}
