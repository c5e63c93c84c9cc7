/*
 * access.c - the server's lines: one for each request, and what went wrong.
 *
 * A line has the path without its query; never a key, a body or a header.
 */
#include "inner.h"

#include "clock.h"

void serve_log(serve *server, tasker_log_level level, const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    tk_log_line(&server->log, level, "%s", line);
}

void log_access(serve_exchange *e) {
    enum { PATH_SHOWN = 200 };
    const serve_request *r = &e->request;
    int64_t took_us = tk_clock_monotonic(&tk_clock_system) - e->began_us;
    serve_metrics_count(r->route, r->status, took_us);
    if (!settings_on(&r->server->settings, SETTING_ACCESS_LOG)) {
        return;
    }
    int size = (int)(r->path.size < PATH_SHOWN ? r->path.size : PATH_SHOWN);
    serve_log(r->server, TASKER_LOG_INFO, "%.*s %.*s %d %.1f ms route=%s id=%s key=%.*s",
              (int)e->method.size, e->method.data == NULL ? "-" : e->method.data, size,
              r->path.data == NULL ? "-" : r->path.data, r->status, (double)took_us / 1000,
              r->route == NULL ? "-" : r->route->path, r->id, (int)r->caller.name.size,
              r->caller.name.data == NULL ? "" : r->caller.name.data);
}
