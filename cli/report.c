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
    if (path.size > 0 && path.data[0] != '$') { /* that of a document is in the message */
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

void cli_note(const cli *c, const char *format, ...) {
    tk_buf message = {0};
    tk_buf line = {0};
    va_list args;
    va_start(args, format);
    tk_buf_vprintf(&message, format, args);
    va_end(args);
    tk_buf_text(&line, "tasker: ");
    out_escape(&line, tk_buf_view(&message), 0, false);
    tk_buf_char(&line, '\n');
    if (!c->json && !line.failed && !message.failed) {
        stderr_write(tk_buf_view(&line));
    }
    tk_buf_release(&message);
    tk_buf_release(&line);
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

/* Members of the JSON that is made of options, by what people wrote instead. */
static const struct {
    const char *member, *option;
} written_as[] = {
    {"name", "NAMESPACE/NAME"},
    {"namespace", "NAMESPACE/NAME"},
    {"version", "VERSION"},
    {"context", "--context"},
    {"idempotency_key", "--key"},
    {"run_at", "--at"},
    {"delay", "--delay"},
    {"initiator", "--initiator"},
    {"source_system", "--source"},
    {"reason", "--reason"},
    {"tags", "--tag"},
    {"bypass_steps", "--bypass"},
    {"priority", "--priority"},
    {"state", "--state"},
    {"tag", "--tag"},
    {"after", "--after"},
    {"correlation_id", "--correlation"},
    {"created_after", "--created-after"},
    {"created_before", "--created-before"},
    {"limit", "--limit"},
};

/* "--at soon": with its value, when that is short and there is only one. */
static void write_option(const cli *c, tk_buf *buf, const char *option) {
    enum { VALUE_BYTES_MAX = 60 };
    const char *value = NULL;
    size_t count = 0;
    for (size_t i = 0; i < c->given_count; i++) {
        bool same =
            strncmp(option, "--", 2) == 0 && strcmp(c->given[i].option->name, option + 2) == 0;
        value = same ? c->given[i].value : value;
        count += same ? 1 : 0;
    }
    tk_buf_text(buf, option);
    if (count == 1 && strlen(value) <= VALUE_BYTES_MAX && strcmp(option, "--context") != 0) {
        tk_buf_printf(buf, " %s", value);
    }
}

/* "$.run_at" is --at for who gave options, run_at in a request; what is inside a context stays. */
static void write_place(cli *c, tk_buf *buf, const char *path) {
    const char *member = path[1] == '.' ? path + 2 : path + 1;
    size_t size = strcspn(member, ".[");
    char *own = tk_arena_printf(&c->arena, "--%.*s", (int)size, member); /* of the same name */
    if (own != NULL && cli_has(c, own + 2) && member[size] != '.') {
        write_option(c, buf, own);
        return;
    }
    for (size_t i = 0; i < TK_COUNT_OF(written_as) && !cli_has(c, "request"); i++) {
        bool inside = member[size] == '.' && strcmp(written_as[i].member, "context") == 0;
        if (strlen(written_as[i].member) == size && !inside &&
            memcmp(written_as[i].member, member, size) == 0) {
            write_option(c, buf, written_as[i].option);
            return;
        }
    }
    tk_buf_text(buf, member);
}

/* "--at: a time is expected": where it is stands before what is wrong, once. */
static cli_exit tell_place(cli *c, const tasker_error *error, const char *next) {
    tk_buf text = {0};
    const char *message = error->message;
    const char *dot = strrchr(error->path, '.');
    size_t size = dot == NULL ? 0 : strlen(dot + 1);
    if (size > 0 && strlen(message) > size + 1 && memcmp(message, dot + 1, size) == 0 &&
        message[size] == ':') {
        message += size + sizeof(": ") - 1;
    }
    write_place(c, &text, error->path);
    tk_buf_text(&text, text.size > 0 ? ": " : "");
    tk_buf_text(&text, message);
    cli_exit code = tell(c, exit_of(error->status), tasker_status_name(error->status),
                         tk_buf_view(&text), tk_str_of(error->path), next);
    tk_buf_release(&text);
    return code;
}

cli_exit cli_fail_error(cli *c, const tasker_error *error, const char *next) {
    next = c->remedy != NULL ? c->remedy : next;
    if (error->path[0] == '$' && error->status != TASKER_NOTFOUND) {
        return tell_place(c, error, next);
    }
    return tell(c, exit_of(error->status), tasker_status_name(error->status),
                tk_str_of(error->message), tk_str_of(error->path), next);
}
