/*
 * report.c - errors for people: what is wrong, where, and what to try next.
 *
 *   tasker: no such task (019a…)
 *     try: tasker task list
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

const char *cli_exit_text(cli_exit code) {
    switch (code) {
#define X(name, number, text)                                                                      \
    case CLI_EXIT_##name:                                                                          \
        return text;
        CLI_EXIT_MAP(X)
#undef X
    }
    return "";
}

static void stderr_write(tk_str text) {
    while (text.size > 0) {
        ssize_t written = write(STDERR_FILENO, text.data, text.size);
        if (written < 0 && errno != EINTR) {
            return; /* nobody is left to be told */
        }
        if (written > 0) {
            text.data += written;
            text.size -= (size_t)written;
        }
    }
}

/* With --json the document that was promised is the error itself. */
static void write_json(cli *c, cli_exit code, const char *status, tk_str message, tk_str path) {
    tk_buf_truncate(&c->out.text, 0);
    tk_buf json = {0};
    tk_buf_char(&json, '{');
    tk_json_write_name(&json, "error");
    tk_buf_char(&json, '{');
    tk_json_write_member_string(&json, "status", tk_str_of(status));
    tk_json_write_member_string(&json, "message", message);
    tk_json_write_member_string(&json, "path", path);
    tk_json_write_member_int(&json, "exit_code", code);
    tk_buf_text(&json, "}}\n");
    out_json_safe(&c->out.text, tk_buf_view(&json));
    tk_buf_release(&json);
}

static cli_exit tell(cli *c, cli_exit code, const char *status, tk_str message, tk_str path,
                     const char *next) {
    tk_buf text = {0};
    tk_buf_text(&text, "tasker: ");
    out_escape(&text, message, 0, false);
    if (path.size > 0) {
        tk_buf_text(&text, " (");
        out_escape(&text, path, 0, false);
        tk_buf_char(&text, ')');
    }
    tk_buf_char(&text, '\n');
    if (next != NULL) {
        tk_buf_text(&text, "  try: ");
        out_escape(&text, tk_str_of(next), 0, false);
        tk_buf_char(&text, '\n');
    }
    stderr_write(text.failed ? TK_STR("tasker: out of memory\n") : tk_buf_view(&text));
    tk_buf_release(&text);
    if (c->json) {
        write_json(c, code, status, message, path);
    }
    return code;
}

/* The words of the library where there is one. */
static const char *status_of(cli_exit code) {
    switch (code) {
    case CLI_EXIT_NOTFOUND:
        return tasker_status_name(TASKER_NOTFOUND);
    case CLI_EXIT_CONFLICT:
        return tasker_status_name(TASKER_CONFLICT);
    case CLI_EXIT_STORE:
        return tasker_status_name(TASKER_STORE);
    case CLI_EXIT_TIMEOUT:
        return tasker_status_name(TASKER_TIMEOUT);
    case CLI_EXIT_UNSUPPORTED:
        return tasker_status_name(TASKER_UNSUPPORTED);
    case CLI_EXIT_SYSTEM:
        return "system";
    case CLI_EXIT_OK:
    case CLI_EXIT_PROBLEM:
    case CLI_EXIT_USAGE:
        break;
    }
    return tasker_status_name(TASKER_INVALID);
}

cli_exit cli_fail(cli *c, cli_exit code, const char *next, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tk_buf message = {0};
    tk_buf_vprintf(&message, format, args);
    va_end(args);
    tell(c, code, status_of(code), tk_buf_view(&message), (tk_str){0}, next);
    tk_buf_release(&message);
    return code;
}

cli_exit cli_nomem(cli *c) {
    return cli_fail(c, CLI_EXIT_SYSTEM, NULL, "out of memory");
}

static cli_exit exit_of(tasker_status status) {
    switch (status) {
    case TASKER_OK:
        return CLI_EXIT_OK;
    case TASKER_INVALID:
        return CLI_EXIT_USAGE;
    case TASKER_NOTFOUND:
        return CLI_EXIT_NOTFOUND;
    case TASKER_CONFLICT:
    case TASKER_LOST:
        return CLI_EXIT_CONFLICT;
    case TASKER_TIMEOUT:
        return CLI_EXIT_TIMEOUT;
    case TASKER_UNSUPPORTED:
        return CLI_EXIT_UNSUPPORTED;
    case TASKER_NOMEM:
        return CLI_EXIT_SYSTEM;
    case TASKER_BUSY:
    case TASKER_CLOSED:
    case TASKER_STORE:
    case TASKER_FORKED:
        break;
    }
    return CLI_EXIT_STORE;
}

cli_exit cli_fail_error(cli *c, const tasker_error *error, const char *next) {
    return tell(c, exit_of(error->status), tasker_status_name(error->status),
                tk_str_of(error->message), tk_str_of(error->path), next);
}
