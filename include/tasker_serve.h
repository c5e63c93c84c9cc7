/*
 * tasker_serve.h - the HTTP server, in a library of its own (libtasker_serve, beside libtasker).
 *
 *   settings ── tasker_server_open ──► server: answers until ── tasker_server_stop ──► close
 *
 * docs/http.md is what it answers. It has threads of its own, and handles of its own on the store; the
 * process may have others. The rules of tasker.h hold here too.
 */
#ifndef TASKER_SERVE_H
#define TASKER_SERVE_H

#include "tasker.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tasker_server tasker_server;

/* A setting that the caller gives; it goes before the environment and the file. */
typedef struct tasker_setting {
    const char *name;  /* "listen"; tasker_server_settings() lists them */
    const char *value; /* NULL: not given */
} tasker_setting;

typedef struct tasker_server_options {
    size_t size;                    /* sizeof(tasker_server_options) */
    const tasker_setting *settings; /* NULL: none */
    size_t setting_count;
    tasker_log_fn
        log; /* INFO: a line for each request; NULL: warnings and errors to standard error */
    void *log_user;
} tasker_server_options;

/* tasker_server_open opens the store, registers the templates of a directory if one is set, and begins
 * to answer.
 *
 *   options  NULL: the environment and the file that it names say everything
 *   *server  the caller's; release with tasker_server_close()
 *
 * Returns OK, INVALID (a setting; `path` is its name), NOTFOUND (no such file), CONFLICT (listening
 * elsewhere than on loopback while the store has no API key), BUSY (the address is taken), UNSUPPORTED
 * (built without the server; a store in memory), and what tasker_open() answers. Blocks. */
TASKER_API tasker_status tasker_server_open(const tasker_server_options *options,
                                            tasker_server **server, tasker_error *error);

/* tasker_server_url returns where it answers, "http://127.0.0.1:8080"; lives as long as the server. */
TASKER_API const char *tasker_server_url(const tasker_server *server);

/* tasker_server_stop takes no more connections, lets requests under way finish, ends event streams.
 * Returns OK, TIMEOUT (some were cut off after timeout_ms). Blocks. */
TASKER_API tasker_status tasker_server_stop(tasker_server *server, int64_t timeout_ms,
                                            tasker_error *error);

/* tasker_server_close stops (with time-out 0) if need be and releases the server. NULL is fine. */
TASKER_API void tasker_server_close(tasker_server *server);

/* tasker_server_settings tells every setting and where its value comes from; what is secret (a URL's
 * password) is masked.
 *
 *   *answer  JSON: {"settings":[{"name","value" (text or null),"source": "flag", "environment", "file"
 *            or "default","variable": of the environment,"text": what it is for}],"file": path or null}
 *
 * Returns OK, INVALID, NOTFOUND (the file), NOMEM. Reads the file. */
TASKER_API tasker_status tasker_server_settings(const tasker_setting *settings,
                                                size_t setting_count, tasker_text *answer,
                                                tasker_error *error);

#ifdef __cplusplus
}
#endif

#endif
