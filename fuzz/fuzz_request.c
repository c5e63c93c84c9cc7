/*
 * fuzz_request.c - any request: its target, headers and body go the way of a real one, up to the store.
 *
 *   METHOD target\n header: value\n … \n\n body
 *
 * Whatever comes is answered, or waits for a store; an error is JSON with a code and the request's id.
 */
#include <stdlib.h>

#include "inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 64 * 1024 };

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static serve *server_make(void) {
    static serve server = {.loopback = true};
    static bool made;
    const tasker_setting given[] = {
        {"hosts", "tasker.example,ops.example"},
        {"cors_origins", "https://board.example"},
        {"access_log", "off"},
    };
    if (!made) {
        made = true;
        must(settings_read(&server.settings, given, TK_COUNT_OF(given), NULL) == TASKER_OK);
        must(keys_open(&server.keys, NULL) == TASKER_OK);
        must(pthread_mutex_init(&server.mutex, NULL) == 0);
    }
    return &server;
}

/* Takes a line off, without its end. */
static tk_str take_line(tk_str *text) {
    const char *end = text->size == 0 ? NULL : memchr(text->data, '\n', text->size);
    size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    tk_str line = {text->data, size};
    size_t taken = end == NULL ? size : size + 1;
    *text = (tk_str){text->data + taken, text->size - taken};
    return line;
}

static void take_header(serve_exchange *e, tk_str line) {
    const struct {
        const char *name;
        tk_str *value;
    } known[] = {
        {"Host", &e->headers.host},
        {"Origin", &e->headers.origin},
        {"Sec-Fetch-Site", &e->headers.fetch_site},
        {"X-API-Key", &e->headers.api_key},
        {"Authorization", &e->headers.authorization},
        {"Content-Type", &e->headers.content_type},
        {"Content-Length", &e->headers.content_length},
        {"X-Request-Id", &e->headers.request_id},
        {"X-Tasker-Request", &e->headers.tasker_request},
        {"X-Tasker-Actor", &e->headers.actor},
        {"Last-Event-ID", &e->headers.last_event_id},
        {"Accept-Encoding", &e->headers.accept_encoding},
        {"If-None-Match", &e->headers.if_none_match},
    };
    e->headers.bytes += line.size + 2;
    for (size_t i = 0; i < TK_COUNT_OF(known); i++) {
        size_t size = strlen(known[i].name);
        if (line.size > size + 1 && memcmp(line.data, known[i].name, size) == 0) {
            tk_str value = {line.data + size + 2, line.size - size - 2};
            must(tk_arena_str(&e->request.arena, value, known[i].value));
        }
    }
}

static void read_head(serve_exchange *e, tk_str *text) {
    tk_str line = take_line(text);
    const char *blank = line.size == 0 ? NULL : memchr(line.data, ' ', line.size);
    size_t method = blank == NULL ? line.size : (size_t)(blank - line.data);
    e->method = (tk_str){line.data, method};
    tk_str target = {line.data + method, line.size - method};
    if (target.size > 0) {
        target = (tk_str){target.data + 1, target.size - 1};
    }
    must(tk_arena_str(&e->request.arena, target, &e->target));
    while ((line = take_line(text)).size > 0) {
        take_header(e, line);
    }
}

/* The store's part is tested elsewhere; what is asked of it here is only what stands before. */
static void run(serve_exchange *e, tk_str body) {
    exchange_begin(e);
    if (e->state == EXCHANGE_ASKING) {
        e->state = EXCHANGE_BODY;
    }
    if (e->state == EXCHANGE_BODY) {
        exchange_take(e, body.data, body.size);
    }
    if (e->state == EXCHANGE_BODY && (e->request.route->flags & SERVE_AT_ONCE) != 0) {
        exchange_whole(e);
    }
}

static void judge(const serve_exchange *e) {
    const serve_request *r = &e->request;
    must(e->state == EXCHANGE_ANSWERED || e->state == EXCHANGE_BODY);
    if (e->state != EXCHANGE_ANSWERED) {
        must(r->route != NULL);
        return;
    }
    must(r->status >= 200 && r->status < 600);
    if (r->status >= 400) {
        tk_json answer = {0};
        must(tk_json_parse(tk_buf_view(&r->answer), SIZE_MAX, &answer, NULL) == TASKER_OK);
        tk_json error = tk_json_member(answer, "error");
        must(tk_json_member(error, "code").kind == TK_JSON_STRING);
        must(tk_json_string_is(tk_json_member(error, "request_id"), tk_str_of(r->id)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > BYTES_MAX) {
        return 0;
    }
    tk_str text = {(const char *)data, size};
    serve_exchange *e = tk_alloc(sizeof(*e));
    must(e != NULL);
    e->request.server = server_make();
    read_head(e, &text);
    run(e, text);
    judge(e);
    exchange_release(e);
    return 0;
}
