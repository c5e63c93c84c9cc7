/*
 * log.c - one line per event, to the host's function or to standard error.
 */
#include "log.h"

#include <stdio.h>
#include <unistd.h>

#include "utf8.h"

enum { LINE_BYTES_MAX = 1024 };

static const char *level_name(tasker_log_level level) {
    switch (level) {
    case TASKER_LOG_ERROR:
        return "error";
    case TASKER_LOG_WARN:
        return "warning";
    case TASKER_LOG_INFO:
        return "info";
    case TASKER_LOG_DEBUG:
        return "debug";
    }
    return "log";
}

/* One write, so that lines of several threads do not mix. */
static void line_to_stderr(tasker_log_level level, const char *line) {
    char text[LINE_BYTES_MAX + 32];
    int size = snprintf(text, sizeof(text), "tasker: %s: %s\n", level_name(level), line);
    assert(size > 0 && (size_t)size < sizeof(text));
    ssize_t written = write(STDERR_FILENO, text, (size_t)size);
    (void)written; /* nobody is left to be told */
}

void tk_log_line(const tk_log *log, tasker_log_level level, const char *format, ...) {
    bool to_host = log != NULL && log->write != NULL;
    if (!to_host && level > TASKER_LOG_WARN) {
        return;
    }
    char raw[LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    if (wanted < 0) {
        raw[0] = '\0';
    }
    char line[LINE_BYTES_MAX];
    tk_utf8_line(line, sizeof(line), raw, strlen(raw), wanted >= (int)sizeof(raw));

    if (to_host) {
        log->write(log->user, level, line);
    } else {
        line_to_stderr(level, line);
    }
}
