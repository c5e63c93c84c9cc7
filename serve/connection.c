/*
 * connection.c - libmicrohttpd's callbacks: bytes of a connection become an exchange, and its answer
 * becomes bytes.
 *
 *   line_read ─► request_step (headers) ─► request_step (body)… ─► request_step (end) ─► request_over
 *                     │ suspended while a job asks or works; called again when it is resumed
 *
 * All but connection_resume() run on libmicrohttpd's one thread. A connection whose request is not
 * whole within SERVE_REQUEST_S, or its answer not taken within SERVE_ANSWER_S, is cut off.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include "clock.h"
#include "inner.h"
#include "mhd.h"

/* Of one connection: its line, its headers, and what libmicrohttpd makes of them. */
#define POOL_BYTES (64 * 1024)

static int64_t monotonic(void) {
    return tk_clock_monotonic(&tk_clock_system);
}

/* --- the deadline of a request ---------------------------------------------------------------- */

static serve_connection *of_connection(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void set_deadline(serve *server, struct MHD_Connection *connection, int64_t in_s) {
    serve_connection *c = of_connection(connection);
    if (c != NULL) {
        pthread_mutex_lock(&server->mutex);
        c->deadline_us = in_s == 0 ? 0 : monotonic() + in_s * 1000000;
        pthread_mutex_unlock(&server->mutex);
    }
}

static void connection_begun(serve *server, struct MHD_Connection *connection, void **context) {
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    serve_connection *c = info == NULL ? NULL : tk_alloc(sizeof(*c));
    if (c == NULL) {
        return; /* it goes on without a deadline */
    }
    c->fd = info->connect_fd;
    c->deadline_us = monotonic() + (int64_t)SERVE_REQUEST_S * 1000000;
    pthread_mutex_lock(&server->mutex);
    c->next = server->connections;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    server->connections = c;
    pthread_mutex_unlock(&server->mutex);
    *context = c;
}

static void connection_over(serve *server, void **context) {
    serve_connection *c = *context;
    if (c == NULL) {
        return;
    }
    pthread_mutex_lock(&server->mutex);
    *(c->previous == NULL ? &server->connections : &c->previous->next) = c->next;
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    pthread_mutex_unlock(&server->mutex);
    tk_free(c);
    *context = NULL;
}

static void connection_changed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_begun(user, connection, context);
    } else {
        connection_over(user, context);
    }
}

void connection_refuse_late(serve *server) {
    int64_t now_us = monotonic();
    pthread_mutex_lock(&server->mutex); /* libmicrohttpd closes the socket after connection_over */
    for (serve_connection *c = server->connections; c != NULL; c = c->next) {
        if (c->deadline_us != 0 && c->deadline_us < now_us) {
            shutdown(c->fd, SHUT_RDWR);
            c->deadline_us = 0;
        }
    }
    pthread_mutex_unlock(&server->mutex);
}

/* --- what came -------------------------------------------------------------------------------- */

/* The line is there: an exchange begins. */
static void *line_read(void *user, const char *target, struct MHD_Connection *connection) {
    serve *server = user;
    serve_exchange *e = tk_alloc(sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    e->request.server = server;
    e->connection = connection;
    e->began_us = monotonic();
    size_t size = strlen(target);
    e->line_too_long = size > SERVE_LINE_BYTES_MAX;
    e->target.size = e->line_too_long ? SERVE_LINE_BYTES_MAX : size;
    e->target.data = tk_arena_copy(&e->request.arena, target, e->target.size);
    if (e->target.data == NULL) {
        e->target.size = 0;
    }
    set_deadline(server, connection, SERVE_REQUEST_S);
    pthread_mutex_lock(&server->mutex);
    server->under_way++;
    pthread_mutex_unlock(&server->mutex);
    e->counted = true;
    return e;
}

static tk_str header_of(struct MHD_Connection *connection, const char *name) {
    return tk_str_of(mhd.MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static enum MHD_Result count_header(void *user, enum MHD_ValueKind kind, const char *name,
                                    size_t name_size, const char *value, size_t value_size) {
    (void)kind;
    (void)name;
    (void)value;
    *(size_t *)user += name_size + value_size + 4; /* ": " and the line's end */
    return MHD_YES;
}

static void read_headers(serve_exchange *e, const char *method) {
    struct MHD_Connection *c = e->connection;
    e->method = tk_str_of(method);
    e->headers = (serve_headers){
        .host = header_of(c, "Host"),
        .origin = header_of(c, "Origin"),
        .fetch_site = header_of(c, "Sec-Fetch-Site"),
        .api_key = header_of(c, "X-API-Key"),
        .authorization = header_of(c, "Authorization"),
        .content_type = header_of(c, "Content-Type"),
        .content_length = header_of(c, "Content-Length"),
        .request_id = header_of(c, "X-Request-Id"),
        .tasker_request = header_of(c, "X-Tasker-Request"),
        .actor = header_of(c, "X-Tasker-Actor"),
        .last_event_id = header_of(c, "Last-Event-ID"),
        .accept_encoding = header_of(c, "Accept-Encoding"),
        .if_none_match = header_of(c, "If-None-Match"),
        .body =
            header_of(c, "Content-Length").size > 0 || header_of(c, "Transfer-Encoding").size > 0,
    };
    mhd.MHD_get_connection_values_n(c, MHD_HEADER_KIND, count_header, &e->headers.bytes);
}

/* --- what goes -------------------------------------------------------------------------------- */

static void free_answer(void *data) {
    tk_free(data);
}

static ssize_t read_stream(void *user, uint64_t position, char *to, size_t size) {
    (void)position;
    serve_exchange *e = user;
    long got = stream_read(e->request.server, e->stream, to, size);
    return got == STREAM_END ? MHD_CONTENT_READER_END_OF_STREAM : got;
}

static struct MHD_Response *body_of(serve_exchange *e) {
    enum { STREAM_PIECE = 16 * 1024 };
    serve_request *r = &e->request;
    if (e->asset.status != 0) {
        return mhd.MHD_create_response_from_buffer(e->asset.size, (void *)e->asset.bytes,
                                                   MHD_RESPMEM_PERSISTENT);
    }
    if (e->stream != NULL && r->status == 200) {
        return mhd.MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_PIECE, read_stream, e,
                                                     NULL);
    }
    tk_buf answer = r->answer;
    r->answer = (tk_buf){0};
    if (answer.data == NULL) {
        return mhd.MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *response = mhd.MHD_create_response_from_buffer_with_free_callback(
        answer.size, answer.data, free_answer);
    if (response == NULL) {
        tk_free(answer.data);
    }
    return response;
}

static void add(struct MHD_Response *response, const char *name, const char *value) {
    mhd.MHD_add_response_header(response, name, value);
}

/* Scripts and styles come from this server only, none stands in a page: text that came with a task can
 * never run. */
static void add_security(struct MHD_Response *response) {
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

/* The page's origin is one of those allowed. */
static void add_cors(const serve_exchange *e, struct MHD_Response *response) {
    add(response, "Vary", "Origin");
    if (!e->cors) {
        return;
    }
    add(response, "Access-Control-Allow-Origin", e->headers.origin.data);
    add(response, "Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
    if (tk_str_is(e->method, "OPTIONS")) {
        add(response, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
        add(response, "Access-Control-Allow-Headers",
            "Content-Type, Authorization, X-API-Key, X-Tasker-Request, X-Tasker-Actor, "
            "X-Request-Id, Last-Event-ID");
        add(response, "Access-Control-Max-Age", "600");
    }
}

static void add_headers(const serve_exchange *e, struct MHD_Response *response) {
    const serve_request *r = &e->request;
    add(response, "X-Request-Id", r->id);
    for (uint32_t i = 0; i < e->asset.header_count; i++) {
        add(response, e->asset.headers[i].name, e->asset.headers[i].value);
    }
    if (e->asset.status == 0) {
        const char *type = e->stream != NULL && r->status == 200 ? "text/event-stream"
                           : r->answer_type == NULL              ? "application/json"
                                                                 : r->answer_type;
        add(response, "Content-Type", type);
        add(response, "Cache-Control", r->answer_cache == NULL ? "no-store" : r->answer_cache);
        add_cors(e, response);
    }
    add_security(response);
    if (r->status == 405 && e->allow[0] != '\0') {
        add(response, "Allow", e->allow);
    }
    if (r->status == 401) {
        add(response, "WWW-Authenticate", "Bearer");
    }
    if (r->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%d", r->retry_after_s);
        add(response, "Retry-After", seconds);
    }
    if (r->server->stopping) {
        add(response, "Connection", "close");
    }
}

static enum MHD_Result send_answer(serve_exchange *e) {
    serve_request *r = &e->request;
    struct MHD_Response *response = body_of(e);
    if (response == NULL) {
        return MHD_NO; /* out of memory: the connection is closed */
    }
    add_headers(e, response);
    bool streams = e->stream != NULL && r->status == 200;
    if (streams) {
        stream_begin(r->server, e->stream, e->connection);
    }
    set_deadline(r->server, e->connection, streams ? 0 : SERVE_ANSWER_S);
    enum MHD_Result sent = mhd.MHD_queue_response(e->connection, (unsigned)r->status, response);
    mhd.MHD_destroy_response(response);
    e->state = EXCHANGE_SENT;
    return sent;
}

/* Hands it to the job threads; when there is no room it is answered. Suspended before, as they may be
 * done with it at once. */
static enum MHD_Result queue(serve_exchange *e) {
    serve_request *r = &e->request;
    mhd.MHD_suspend_connection(e->connection);
    if (!jobs_push(r->server, e)) {
        serve_fail(r, 503, NULL, "%d requests wait already: try again later", SERVE_QUEUE_MAX);
        r->retry_after_s = SERVE_RETRY_AFTER_S;
        e->state = EXCHANGE_ANSWERED;
        mhd.MHD_resume_connection(e->connection);
    }
    return MHD_YES;
}

static enum MHD_Result request_step(void *user, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *size, void **context) {
    (void)url;
    (void)version;
    serve *server = user;
    serve_exchange *e = *context;
    if (e == NULL) {
        return MHD_NO; /* there was no memory for it */
    }
    if (e->state == EXCHANGE_NEW) {
        read_headers(e, method);
        exchange_begin(e);
        if (e->state == EXCHANGE_ASKING) {
            return queue(e);
        }
        return e->state == EXCHANGE_ANSWERED && e->headers.body ? send_answer(e) : MHD_YES;
    }
    if (*size > 0) { /* libmicrohttpd takes no answer before the body's end */
        exchange_take(e, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (e->state == EXCHANGE_ANSWERED) {
        return send_answer(e);
    }
    if (e->state != EXCHANGE_BODY) {
        return MHD_YES;
    }
    if (e->resumed) { /* the key was looked up: the body, if any, is still to come */
        e->resumed = false;
        return MHD_YES;
    }
    set_deadline(server, connection, 0);
    exchange_whole(e);
    return e->state == EXCHANGE_ANSWERED ? send_answer(e) : queue(e);
}

static void request_over(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how) {
    (void)how;
    serve_exchange *e = *context;
    if (e == NULL) {
        return;
    }
    if (e->state == EXCHANGE_SENT) {
        log_access(e);
    }
    set_deadline(user, connection, SERVE_IDLE_S);
    exchange_release(e);
    *context = NULL;
}

/* --- the daemon ------------------------------------------------------------------------------- */

void connection_suspend(void *connection) {
    mhd.MHD_suspend_connection(connection);
}

void connection_resume(void *connection) {
    mhd.MHD_resume_connection(connection);
}

static void log_line(void *user, const char *format, va_list args) {
    char line[512];
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    serve_log(user, TASKER_LOG_DEBUG, "http: %s", line);
}

/* As many as there are file descriptors for, beside those of the stores: who comes then waits in the
 * system's queue. */
static unsigned connections_max(void) {
    enum { DESCRIPTORS_KEPT = 256, LEAST = 16 };
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur >= SERVE_CONNECTIONS_MAX + DESCRIPTORS_KEPT) {
        return SERVE_CONNECTIONS_MAX;
    }
    return limit.rlim_cur < DESCRIPTORS_KEPT + LEAST ? LEAST
                                                     : (unsigned)limit.rlim_cur - DESCRIPTORS_KEPT;
}

tasker_status connection_daemon(serve *server, int listener, const char *tls_cert,
                                const char *tls_key, tasker_error *error) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (server->tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)tls_key},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    server->daemon = mhd.MHD_start_daemon(
        flags, 0, NULL, NULL, request_step, server, MHD_OPTION_EXTERNAL_LOGGER, log_line, server,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_URI_LOG_CALLBACK, line_read, server,
        MHD_OPTION_NOTIFY_COMPLETED, request_over, server, MHD_OPTION_NOTIFY_CONNECTION,
        connection_changed, server, MHD_OPTION_CONNECTION_LIMIT, connections_max(),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVE_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)POOL_BYTES, MHD_OPTION_ARRAY, server->tls ? tls : none, MHD_OPTION_END);
    if (server->daemon == NULL && server->tls) {
        return tk_fail_at(error, TASKER_INVALID, "tls_cert",
                          "the server does not start: are certificate and key PEM, and a pair?");
    }
    return server->daemon == NULL ? tk_fail(error, TASKER_STORE, "the HTTP server does not start")
                                  : TASKER_OK;
}

tasker_status connection_load(tasker_error *error) {
    return mhd_load(error);
}

bool connection_has_tls(void) {
    return mhd.MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES;
}

int connection_quiesce(serve *server) {
    return mhd.MHD_quiesce_daemon(server->daemon);
}

void connection_daemon_stop(serve *server) {
    mhd.MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}
