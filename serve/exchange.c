/*
 * exchange.c - a request from its headers to its answer, without a word of libmicrohttpd.
 *
 *   headers ─► limits ─► route ─► guard ─┬─► body ─► run at once ──────────────► ANSWERED
 *                                        └─► a job asks for the key ─► body ─► a job runs it ─► ANSWERED
 *
 * Who may not ask is told before the body is taken in.
 */
#include <stdatomic.h>

#include "assets.h"
#include "clock.h"
#include "id.h"
#include "inner.h"
#include "random.h"

/* --- its number ------------------------------------------------------------------------------- */

static bool is_id(tk_str text) {
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '-' || c == '_' || c == '.';
        if (!fine) {
            return false;
        }
    }
    return text.size > 0 && text.size < TASKER_UUID_SIZE;
}

/* The client's, when it is a plain word; else a random UUID. */
static void set_id(serve_exchange *e) {
    tk_str given = e->headers.request_id;
    if (is_id(given)) {
        memcpy(e->request.id, given.data, given.size);
        return;
    }
    uint64_t noise[2] = {tk_random_next(&tk_random_system), tk_random_next(&tk_random_system)};
    tk_uuid id;
    memcpy(id.bytes, noise, sizeof(id.bytes));
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    tk_uuid_format(&id, e->request.id);
}

/* --- headers ---------------------------------------------------------------------------------- */

static bool set_content_type(serve_exchange *e) {
    tk_str given = e->headers.content_type;
    size_t size = 0;
    while (size < given.size && given.data[size] != ';' && given.data[size] != ' ') {
        size++;
    }
    char *lower = tk_arena_copy(&e->request.arena, given.data == NULL ? "" : given.data, size);
    if (lower == NULL) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        lower[i] = lower[i] >= 'A' && lower[i] <= 'Z' ? (char)(lower[i] | 0x20) : lower[i];
    }
    e->request.content_type = (tk_str){lower, size};
    return true;
}

static bool check_limits(serve_exchange *e) {
    serve_request *r = &e->request;
    if (e->line_too_long) {
        serve_fail(r, 431, NULL, "the request's line has more than %d bytes", SERVE_LINE_BYTES_MAX);
        return false;
    }
    if (e->headers.bytes > SERVE_HEADER_BYTES_MAX) {
        serve_fail(r, 431, NULL, "the headers have more than %d bytes", SERVE_HEADER_BYTES_MAX);
        return false;
    }
    if (!set_content_type(e)) {
        tasker_error error = {0};
        tk_nomem(&error);
        serve_fail_error(r, &error);
        return false;
    }
    return true;
}

static void fail_too_large(serve_exchange *e) {
    serve_fail(&e->request, 413, NULL, "the body has more than %zu bytes", e->body_max);
    e->state = EXCHANGE_ANSWERED;
}

static void fail_busy(serve_exchange *e, const char *text) {
    serve_fail(&e->request, 503, NULL, "%s", text);
    e->request.retry_after_s = SERVE_RETRY_AFTER_S;
    e->state = EXCHANGE_ANSWERED;
}

/* A body that says its size is refused before it comes. */
static bool check_content_length(serve_exchange *e) {
    const serve_route *route = e->request.route;
    bool batch = (route->flags & SERVE_BATCH) != 0 &&
                 tk_str_is(e->request.content_type, "application/x-ndjson");
    e->body_max = batch ? SERVE_BATCH_BYTES_MAX : SERVE_BODY_BYTES_MAX;
    uint64_t size = 0;
    for (size_t i = 0; i < e->headers.content_length.size && size <= e->body_max; i++) {
        char c = e->headers.content_length.data[i];
        size = c >= '0' && c <= '9' ? size * 10 + (uint64_t)(c - '0') : size;
    }
    if (size > e->body_max) {
        fail_too_large(e);
        return false;
    }
    return true;
}

/* --- what needs no route ---------------------------------------------------------------------- */

/* A browser asks before a page of another origin may ask. */
static bool answer_preflight(serve_exchange *e) {
    serve_request *r = &e->request;
    if (!tk_str_is(e->method, "OPTIONS")) {
        return false;
    }
    r->method = SERVE_GET;
    if (guard_headers(e)) {
        if (e->cors) {
            r->status = 204;
        } else {
            serve_fail(r, 405, NULL, "OPTIONS is answered to pages of the setting cors_origins");
        }
    }
    return true;
}

static bool is_asset(tk_str path) {
    static const char folder[] = "/assets/";
    return tk_str_is(path, "/") ||
           (path.size >= sizeof(folder) - 1 && memcmp(path.data, folder, sizeof(folder) - 1) == 0);
}

/* The dashboard: bytes of the program, for everybody. */
static bool answer_asset(serve_exchange *e) {
    serve_request *r = &e->request;
    bool get = tk_str_is(e->method, "GET") || tk_str_is(e->method, "HEAD");
    if (!get || !is_asset(r->path)) {
        return false;
    }
    r->method = SERVE_GET;
    if (!guard_headers(e)) {
        return true;
    }
    char *path = tk_arena_copy(&r->arena, r->path.data, r->path.size);
    if (path != NULL) {
        e->asset =
            serve_asset_find(path, e->headers.accept_encoding.data, e->headers.if_none_match.data);
    }
    if (path == NULL || e->asset.status == 404) {
        e->asset.status = 0;
        serve_fail(r, 404, NULL, "there is nothing here: see /api-docs/openapi.json");
    } else {
        r->status = e->asset.status;
    }
    return true;
}

/* --- its course ------------------------------------------------------------------------------- */

static void go_on(serve_exchange *e, guard_answer answer) {
    switch (answer) {
    case GUARD_KNOWN:
        e->state = EXCHANGE_BODY;
        return;
    case GUARD_ASK:
        e->state = EXCHANGE_ASKING;
        e->resumed = true;
        return;
    case GUARD_REFUSED:
        e->state = EXCHANGE_ANSWERED;
        return;
    }
}

void exchange_begin(serve_exchange *e) {
    serve_request *r = &e->request;
    e->state = EXCHANGE_ANSWERED;
    r->caller.name = TK_STR(SERVE_ANONYMOUS);
    set_id(e);
    if (!check_limits(e) || !serve_target_read(r, e->target) || answer_preflight(e) ||
        answer_asset(e) || !serve_route_find(r, e->method, e->allow, sizeof(e->allow)) ||
        !guard_headers(e) || !check_content_length(e)) {
        return;
    }
    go_on(e, guard_caller(e, NULL));
}

/* Room for the body, which all bodies together must not exceed. */
static bool hold(serve_exchange *e, size_t more) {
    serve *server = e->request.server;
    pthread_mutex_lock(&server->mutex);
    bool room = more <= SERVE_BODIES_BYTES_MAX - server->bodies_bytes;
    if (room) {
        server->bodies_bytes += more;
        e->body_held += more;
    }
    pthread_mutex_unlock(&server->mutex);
    return room;
}

static void let_go_body(serve_exchange *e) {
    serve *server = e->request.server;
    e->request.body = (tk_str){NULL, 0};
    tk_buf_release(&e->body);
    pthread_mutex_lock(&server->mutex);
    server->bodies_bytes -= e->body_held;
    e->body_held = 0;
    pthread_mutex_unlock(&server->mutex);
}

void exchange_take(serve_exchange *e, const char *data, size_t size) {
    serve_request *r = &e->request;
    if (e->state != EXCHANGE_BODY || r->method == SERVE_GET) {
        return; /* it is answered, or a body means nothing: nobody without a key fills the room */
    }
    if (size > e->body_max - e->body.size) {
        fail_too_large(e);
        return;
    }
    bool held = hold(e, size);
    if (held) {
        tk_buf_add(&e->body, data, size);
    }
    if (!held || e->body.failed) {
        fail_busy(e, "the server holds too many bodies: try again later");
    }
}

/* Runs the route. What it made beside the answer is let go, as a client may be slow to take that. */
static void run_route(serve_exchange *e) {
    serve_request *r = &e->request;
    tk_arena of_headers = r->arena;
    r->arena = (tk_arena){0};
    r->body = tk_buf_view(&e->body);
    r->route->run(r);
    tk_arena_release(&r->arena);
    r->arena = of_headers;
    let_go_body(e);
}

/* What a route left as it was: the first of its statuses, or 200. */
static void run(serve_exchange *e) {
    serve_request *r = &e->request;
    run_route(e);
    if (r->answer.failed) {
        tasker_error error = {0};
        tk_nomem(&error);
        serve_fail_error(r, &error);
    }
    if (r->status == 0) {
        const char *first = r->route->statuses;
        r->status = first == NULL || first[0] == '4' || first[0] == '5' ? 200 : 0;
        for (size_t i = 0; r->status < 100 && first != NULL && first[i] >= '0'; i++) {
            r->status = r->status * 10 + (first[i] - '0');
        }
        r->status = r->status == 0 ? 200 : r->status;
    }
    e->answer_held = r->answer.size;
    atomic_fetch_add(&r->server->answers_bytes, e->answer_held);
    e->state = EXCHANGE_ANSWERED;
}

void exchange_whole(serve_exchange *e) {
    if ((e->request.route->flags & SERVE_AT_ONCE) != 0) {
        run(e);
    } else {
        e->state = EXCHANGE_RUNNING;
    }
}

/* Whatever keeps the store from being opened, a wrong URL too, is nothing the caller can set right. */
static void fail_without_store(serve_request *r, const tasker_error *error) {
    tasker_error told = *error;
    if (told.status != TASKER_NOMEM && told.status != TASKER_BUSY) {
        told.status = TASKER_STORE;
    }
    serve_fail_error(r, &told);
}

void exchange_work(serve_exchange *e, tasker *store, const tasker_error *error) {
    serve_request *r = &e->request;
    bool anyhow = (r->route->flags & SERVE_ANYHOW) != 0;
    if (store == NULL && !anyhow) {
        fail_without_store(r, error);
        e->state = EXCHANGE_ANSWERED;
        return;
    }
    if (e->state == EXCHANGE_ASKING) {
        go_on(e, guard_caller(e, store));
        return;
    }
    if (!anyhow && guard_caller(e, store) != GUARD_KNOWN) {
        e->state = EXCHANGE_ANSWERED; /* the key was revoked while the body came, or it waited */
        return;
    }
    if (!anyhow && atomic_load(&r->server->answers_bytes) >= SERVE_ANSWERS_BYTES_MAX) {
        fail_busy(e, "the server holds too many answers that nobody reads: try again later");
        return;
    }
    if (store == NULL) {
        serve_log(r->server, TASKER_LOG_ERROR, "%s: the store: %s", r->id, error->message);
    }
    r->store = store;
    r->store_status = error->status;
    run(e);
    r->store = NULL;
}

void exchange_release(serve_exchange *e) {
    serve *server = e->request.server;
    let_go_body(e);
    atomic_fetch_sub(&server->answers_bytes, e->answer_held);
    pthread_mutex_lock(&server->mutex);
    if (e->counted && --server->under_way == 0) {
        pthread_cond_broadcast(&server->calm);
    }
    pthread_mutex_unlock(&server->mutex);
    if (e->stream != NULL) {
        stream_free(server, e->stream);
    }
    tk_buf_release(&e->request.answer);
    tk_arena_release(&e->request.arena);
    tk_free(e);
}
