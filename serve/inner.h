/*
 * inner.h - what the core of the server shares and routes do not see: the server itself, and an exchange,
 * which is a request with its connection.
 *
 *   NEW ─► (ASKING: a job looks the key up) ─► BODY ─► RUNNING: at once, or by a job ─► ANSWERED ─► SENT
 */
#ifndef SERVE_INNER_H
#define SERVE_INNER_H

#include <pthread.h>
#include <stdio.h>

#include "assets.h"
#include "log.h"
#include "request.h"
#include "settings.h"

#define SERVE_RETRY_AFTER_S 1
#define SERVE_HEALTH_WAIT_S 5
#define SERVE_KEY_BYTES_MAX 256
#define SERVE_HOST_BYTES_MAX 256
#define SERVE_JOB_THREADS_MAX 64

typedef struct serve_exchange serve_exchange;
typedef struct serve_stream serve_stream;
typedef struct serve_keys serve_keys;

typedef enum exchange_state {
    EXCHANGE_NEW = 0,
    EXCHANGE_ASKING,
    EXCHANGE_BODY,
    EXCHANGE_RUNNING,
    EXCHANGE_ANSWERED,
    EXCHANGE_SENT
} exchange_state;

/* The headers that decide something; data NULL when absent. They live as long as the exchange. */
typedef struct serve_headers {
    tk_str host, origin, fetch_site, api_key, authorization, content_type, request_id,
        tasker_request, last_event_id, content_length, actor, accept_encoding, if_none_match;
    bool body;    /* one follows: who is answered before it came is disconnected */
    size_t bytes; /* all of them, also those not named here */
} serve_headers;

struct serve_exchange {
    serve_request request; /* first: a route sees nothing else */
    void *connection;      /* libmicrohttpd's */
    exchange_state state;
    tk_str target, method;
    bool line_too_long;
    serve_headers headers;
    char allow[64];
    bool cors;    /* the origin is one of those allowed */
    bool counted; /* among the requests under way */
    bool resumed; /* it was suspended for its key */
    tk_buf body;
    size_t body_max;
    size_t body_held;   /* counted in the server's bodies_bytes */
    size_t answer_held; /* and in its answers_bytes */
    int64_t began_us, queued_us;
    serve_asset_answer asset; /* status 0: none */
    serve_stream *stream;
    serve_exchange *next; /* in the queue of jobs */
};

/* Requests that wait for a store. */
typedef struct serve_queue {
    serve *server;
    tasker *store; /* for its first thread; NULL: it opens one */
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    serve_exchange *first, *last;
    uint32_t count;
    bool closing;
    pthread_t threads[SERVE_JOB_THREADS_MAX];
    uint32_t thread_count;
} serve_queue;

/* Open event streams, and the thread that feeds them. */
typedef struct serve_streams {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    serve_stream *first;
    uint32_t count;
    uint64_t last_number;
    bool closing;
    pthread_t thread;
    bool started;
} serve_streams;

/* Connections whose request is not whole yet have a deadline. */
typedef struct serve_connection {
    int fd;
    int64_t deadline_us; /* monotonic; 0: none now */
    struct serve_connection *next, *previous;
} serve_connection;

struct tasker_server {
    tk_log log;
    serve_settings settings;
    bool loopback; /* it listens on loopback only */
    bool tls;
    _Atomic bool stopping;        /* answers tell it */
    _Atomic size_t answers_bytes; /* made, and not sent to the end */
    char url[SERVE_HOST_BYTES_MAX + 32];
    void *daemon; /* libmicrohttpd's */
    serve_queue queue;
    serve_queue health_queue; /* SERVE_ANYHOW */
    serve_streams streams;
    serve_keys *keys;

    pthread_mutex_t mutex; /* covers what follows */
    pthread_cond_t calm;   /* no request is under way */
    uint32_t under_way;
    size_t bodies_bytes;
    serve_connection *connections;
    pthread_t warden;
    bool warden_started;
    bool warden_closing;
};

/* --- connection.c: libmicrohttpd's callbacks -------------------------------------------------- */

/* connection_load finds libmicrohttpd. */
tasker_status connection_load(tasker_error *error);

/* connection_daemon begins to answer on a socket that listens. */
tasker_status connection_daemon(serve *server, int listener, const char *tls_cert,
                                const char *tls_key, tasker_error *error);
bool connection_has_tls(void);

/* connection_quiesce takes no more connections; the socket that it hands back is to be closed. */
int connection_quiesce(serve *server);
void connection_daemon_stop(serve *server);
void connection_suspend(void *connection);
void connection_resume(void *connection);

/* connection_refuse_late ends connections whose request takes too long. */
void connection_refuse_late(serve *server);

/* --- exchange.c: a request from its headers to its answer ------------------------------------- */

/* exchange_begin checks what the headers tell; afterwards the state is ASKING, BODY or ANSWERED. */
void exchange_begin(serve_exchange *e);

/* exchange_take adds bytes of the body; the state becomes ANSWERED when they are too many. */
void exchange_take(serve_exchange *e, const char *data, size_t size);

/* exchange_whole runs a route that is answered at once (ANSWERED), or says RUNNING: to be queued. */
void exchange_whole(serve_exchange *e);

/* exchange_work is what a job thread does. `error` says why there is no store (NULL). */
void exchange_work(serve_exchange *e, tasker *store, const tasker_error *error);

void exchange_release(serve_exchange *e);

/* --- guard.c: who may ------------------------------------------------------------------------- */

/* guard_headers checks host, origin and what changes need; false: the answer is the error. */
bool guard_headers(serve_exchange *e);

typedef enum guard_answer {
    GUARD_KNOWN = 0, /* the caller is set and may */
    GUARD_ASK,       /* the store has to be asked */
    GUARD_REFUSED    /* the answer is the error */
} guard_answer;

/* guard_caller finds who asks, in the cache, or in the store when it is not NULL. */
guard_answer guard_caller(serve_exchange *e, tasker *store);

/* --- keys.c: API keys, remembered for some seconds -------------------------------------------- */

tasker_status keys_open(serve_keys **keys, tasker_error *error);
void keys_close(serve_keys *keys);

/* keys_required tells whether the store has, or had, a key. */
tasker_status keys_required(serve_keys *keys, tasker *store, bool *required, tasker_error *error);

/* --- jobs.c ----------------------------------------------------------------------------------- */

bool jobs_init(serve *server);
void jobs_release(serve *server);
tasker_status jobs_open(serve *server, tasker_error *error);

/* jobs_push: false when the queue is full, or closed. */
bool jobs_push(serve *server, serve_exchange *e);

/* jobs_refuse_late answers what waits longer than SERVE_WAIT_S, or SERVE_HEALTH_WAIT_S. */
void jobs_refuse_late(serve *server);

/* jobs_refuse answers all that waits. */
void jobs_refuse(serve *server);

/* jobs_close takes no more; returns when all that waits is done. */
void jobs_close(serve *server);

/* jobs_store opens a handle on the server's store. */
tasker_status jobs_store(serve *server, tasker **store, tasker_error *error);

/* --- stream.c --------------------------------------------------------------------------------- */

tasker_status streams_open(serve *server, tasker_error *error);
void streams_beat(serve *server);
void streams_end(serve *server); /* each ends once its buffer is read */
void streams_close(serve *server);

enum { STREAM_WAIT = 0, STREAM_END = -1 };

/* stream_begin: the connection is there. */
void stream_begin(serve *server, serve_stream *stream, void *connection);

/* stream_read copies what is to be sent; STREAM_WAIT: nothing now, the connection was suspended. */
long stream_read(serve *server, serve_stream *stream, char *to, size_t size);
void stream_free(serve *server, serve_stream *stream);

/* --- access.c ------------------------------------------------------------------------------------ */

void serve_log(serve *server, tasker_log_level level, const char *format, ...) TK_PRINTF(3, 4);
void log_access(serve_exchange *e);

#endif
