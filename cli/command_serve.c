/*
 * command_serve.c - serve: answers HTTP until SIGINT or SIGTERM; a second one ends it at once.
 */
#include "commands.h"

#ifdef TK_WITH_HTTP

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "tasker_serve.h"

enum { STOP_MS = 10000, LINE_BYTES_MAX = 1200 };

/* One write for a line, so that those of several threads do not mix. */
static void write_line(void *user, tasker_log_level level, const char *text) {
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    (void)user;
    if (level > TASKER_LOG_INFO) {
        return;
    }
    char line[LINE_BYTES_MAX];
    tk_buf time = {0};
    tk_time_write(&time, tk_clock_now(&tk_clock_system));
    int size = snprintf(line, sizeof(line), "%s %s%s\n", time.failed ? "-" : time.data,
                        words[level], text);
    tk_buf_release(&time);
    size = size < (int)sizeof(line) ? size : (int)sizeof(line) - 1;
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written; /* nobody is left to be told */
}

/* Every option is a setting of the same name, with underscores. */
static size_t take_settings(cli *c, tasker_setting *settings) {
    size_t count = 0;
    for (const cli_option *option = c->command->options; option->name != NULL; option++) {
        char *name = tk_arena_copy(&c->arena, option->name, strlen(option->name));
        for (char *at = name; at != NULL && *at != '\0'; at++) {
            *at = *at == '-' ? '_' : *at;
        }
        settings[count++] = (tasker_setting){name, cli_value(c, option->name)};
        if (name == NULL) {
            return 0;
        }
    }
    settings[count++] = (tasker_setting){"store", cli_value(c, "store")};
    return count;
}

/* Where it is, at once: a script waits for this line. */
static void tell_url(cli *c, const char *url) {
    if (c->json) {
        out_printf(&c->out, "{\"url\":\"%s\"}\n", url);
    } else {
        out_printf(&c->out, "tasker serves %s\n", url);
    }
    out_flush(&c->out);
}

static cli_exit fail_serve(cli *c, tasker_error *error) {
    bool key = error->status == TASKER_CONFLICT && strcmp(error->path, "listen") == 0;
    error->path[0] = '\0'; /* the message names the setting */
    return cli_fail_error(c, error,
                          key ? "tasker key create --help"
                              : (error->status == TASKER_INVALID ? "tasker serve --help" : NULL));
}

static cli_exit serve_until(cli *c, const sigset_t *signals) {
    tasker_setting settings[32];
    tasker_server_options options = {
        .size = sizeof(options),
        .settings = settings,
        .setting_count = take_settings(c, settings),
        .log = write_line,
    };
    tasker_server *server = NULL;
    tasker_error error = {0};
    int came = 0;
    if (options.setting_count == 0) {
        return cli_nomem(c);
    }
    if (tasker_server_open(&options, &server, &error) != TASKER_OK) {
        return fail_serve(c, &error);
    }
    tell_url(c, tasker_server_url(server));
    sigwait(signals, &came);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    cli_note(c, "%s: requests under way may finish, a second signal does not wait",
             came == SIGINT ? "SIGINT" : "SIGTERM");
    tasker_status status = tasker_server_stop(server, STOP_MS, &error);
    tasker_server_close(server);
    return status == TASKER_OK ? CLI_EXIT_OK : cli_fail_error(c, &error, NULL);
}

/* A connection is a file descriptor, and the usual limit is for programs that have few. */
static void raise_descriptors(void) {
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else the server takes fewer connections */
    }
}

cli_exit command_serve(cli *c) {
    sigset_t signals;
    raise_descriptors();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* its threads inherit it */
    signal(SIGPIPE, SIG_IGN);
    return serve_until(c, &signals);
}

#else

cli_exit command_serve(cli *c) {
    return cli_fail(c, CLI_EXIT_UNSUPPORTED, "apt-get install libmicrohttpd-dev libssl-dev && make",
                    "this build has no HTTP server: libmicrohttpd was missing when it was made");
}

#endif
