/*
 * log.h - one line of text per event, handed to the host's function or to standard error.
 * Never a context, a result, a token or a URL's password.
 */
#ifndef TK_LOG_H
#define TK_LOG_H

#include "base.h"

typedef struct tk_log {
    tasker_log_fn write; /* NULL: warnings and errors to standard error */
    void *user;
} tk_log;

void tk_log_line(const tk_log *log, tasker_log_level level, const char *format, ...)
    TK_PRINTF(3, 4);

#endif
