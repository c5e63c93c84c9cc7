/*
 * serve.h - what the files of the HTTP server share: a request, its route, its answer.
 *
 *   libmicrohttpd ─► server.c ─► request.c ─► route.c + guard.c ─┬─ at once ─────────► run() ─┐
 *   (one thread, epoll)          what came    which, who may     └─ jobs.c: a thread ─► run() ─┤
 *                                                                   with a store handle        ▼
 *                                                             connection resumed ◄─ answer.c
 *
 * The thread of libmicrohttpd never waits for a store: a route that needs one runs on a job thread,
 * which has a handle of its own, while its connection is suspended. Event streams are fed by stream.c.
 * The server sees tasker.h and the library's foundations, nothing behind them.
 */
#ifndef SERVE_H
#define SERVE_H

#include "arena.h"
#include "buf.h"
#include "json.h"
#include "tasker.h"
#include "tasker_serve.h"

/* Limits, as docs/http.md tells them. */
#define SERVE_LINE_BYTES_MAX (8 * 1024)
#define SERVE_HEADER_BYTES_MAX (16 * 1024)
#define SERVE_BODY_BYTES_MAX (2 * 1024 * 1024)
#define SERVE_BATCH_BYTES_MAX (64 * 1024 * 1024)
#define SERVE_DEPTH_MAX TASKER_JSON_DEPTH_MAX
#define SERVE_IDLE_S 60
#define SERVE_CONNECTIONS_MAX 4096
#define SERVE_STREAMS_MAX 256
#define SERVE_QUEUE_MAX 1024
#define SERVE_REQUEST_S 60                          /* from a request's first byte to its last */
#define SERVE_WAIT_S 30                             /* in the queue for a store */
#define SERVE_BODIES_BYTES_MAX (256 * 1024 * 1024)  /* all bodies that are held at once */
#define SERVE_ANSWERS_BYTES_MAX (256 * 1024 * 1024) /* all answers that are made and not sent */
#define SERVE_ANSWER_S 300                          /* from an answer's first byte to its last */
#define SERVE_CAPTURES_MAX 4                        /* {…} in a route's path */
#define SERVE_QUERY_MAX 32                          /* parameters behind the ? */

typedef enum serve_method {
    SERVE_GET = 1, /* answers HEAD as well */
    SERVE_POST,
    SERVE_PUT,
    SERVE_PATCH,
    SERVE_DELETE
} serve_method;

typedef struct tasker_server serve;
typedef struct serve_route serve_route;
typedef struct serve_settings serve_settings;

typedef struct serve_pair {
    const char *name;
    tk_str value; /* decoded UTF-8 */
} serve_pair;

#define SERVE_ANONYMOUS "anonymous"

/* Who asks. Without keys configured everybody on loopback may do everything. */
typedef struct serve_caller {
    bool keyed;            /* by a key of the store, whatever that is called */
    tk_str name;           /* the key's name; "anonymous" without one */
    tk_str permissions;    /* words, blank between; empty: all */
    tk_str namespace_name; /* what the key is confined to; empty: all */
    tk_str actor;          /* X-Tasker-Actor, taken from an anonymous caller only; empty: none */
} serve_caller;

/* A request under way and its answer. All that a route keeps goes into `arena`. */
typedef struct serve_request {
    serve *server;
    const serve_route *route;
    serve_method method;
    tk_str path;                         /* without the query; for logs */
    tk_str captures[SERVE_CAPTURES_MAX]; /* in the order of the route's {…} */
    serve_pair query[SERVE_QUERY_MAX];
    uint32_t query_count;
    tk_str content_type; /* without parameters, lower case; empty: none */
    tk_str body;
    char id[TASKER_UUID_SIZE]; /* X-Request-Id */
    serve_caller caller;
    tasker *store;              /* of the job thread; NULL for routes that are answered at once */
    tasker_status store_status; /* why it could not be opened (SERVE_ANYHOW) */
    tk_arena arena;

    /* the answer */
    int status;               /* 0: the route's first, usually 200 */
    const char *answer_type;  /* NULL: application/json */
    const char *answer_cache; /* Cache-Control; NULL: no-store */
    int retry_after_s;        /* Retry-After; 0: none */
    tk_buf answer;
} serve_request;

/* --- routes: routes.c is one table ------------------------------------------------------------ */

enum {
    SERVE_AT_ONCE = 1, /* needs no store and never waits: runs on libmicrohttpd's thread */
    SERVE_STREAM = 2,  /* text/event-stream, by stream.c */
    SERVE_PUBLIC = 4,  /* asks for no key */
    SERVE_BATCH = 8,   /* the body may have SERVE_BATCH_BYTES_MAX */
    SERVE_ANYHOW = 16  /* runs also while no store can be opened: r->store is NULL then */
};

/* A parameter of the query, for reading and for OpenAPI. */
typedef struct serve_parameter {
    const char *name;
    const char *schema; /* JSON: {"type":"integer","minimum":1} */
    const char *text;
} serve_parameter;

struct serve_route {
    serve_method method;
    const char *path; /* "/v1/tasks/{task_uuid}"; a last {…*} takes all that is left: {file*} */
    const char *permission; /* "tasks:read"; NULL with SERVE_PUBLIC */
    unsigned flags;
    void (*run)(serve_request *r); /* fills the answer, or calls a serve_fail… */
    const char *summary;
    const serve_parameter *parameters; /* ends with a NULL name; NULL: none */
    const char *body;                  /* name of a schema in openapi.c; NULL: none */
    const char *returns;  /* name of a schema in openapi.c, or a media type with a "/" */
    const char *statuses; /* "201 200 400 404 409" besides those of every route */
};

extern const serve_route serve_routes[]; /* ends with a NULL path */

/* --- what routes call ------------------------------------------------------------------------- */

/* serve_parameter_of returns a parameter of the query; data NULL when it was not given. */
tk_str serve_parameter_of(const serve_request *r, const char *name);

/* serve_parameter_int reads a whole number in [least, most]; absent leaves *number. false: the answer
 * is a 400 that names the parameter. */
bool serve_parameter_int(serve_request *r, const char *name, int64_t least, int64_t most,
                         int64_t *number);

/* serve_body_object parses the body as a JSON object; an empty body gives {}. false: the answer is 400
 * with the place. */
bool serve_body_object(serve_request *r, tk_json *object);

/* serve_query asks the library and keeps the text in the arena. false: the answer is the error. */
bool serve_query(serve_request *r, tasker_query_kind kind, tk_str filter, tk_str *answer);

/* serve_fail makes the answer an error: {"error":{code, message, path, request_id}}. `path` may be
 * NULL. The code's word and its status stand in answer.c. */
void serve_fail(serve_request *r, int status, const char *path, const char *format, ...)
    TK_PRINTF(4, 5);

/* serve_fail_error does so for an error of the library: NOTFOUND 404, CONFLICT 409, … What the store
 * said of itself (STORE, NOMEM) goes to the log, not to the caller. */
void serve_fail_error(serve_request *r, const tasker_error *error);

/* serve_metrics_count counts an answer for /metrics; by any thread, when its status is known. A request
 * that matched no route has none. */
void serve_metrics_count(const serve_route *route, int status, int64_t duration_us);

/* serve_may tells whether the caller holds a permission word. */
bool serve_may(const serve_request *r, const char *permission);

/* serve_namespace_visible tells whether the caller may see a namespace's objects. */
bool serve_namespace_visible(const serve_request *r, tk_str namespace_name);

#endif
