/*
 * command_store_backup.c - store backup. A signal ends the copy, so that no part of it stays.
 */
#include <signal.h>

#include "busy.h"
#include "commands.h"
#include "json_view.h"

static volatile sig_atomic_t caught;

static void catch_signal(int number) {
    caught = number;
}

static bool copied(void *user, int64_t done, int64_t total) {
    busy *telling = user;
    telling->percent = total > 0 ? (int)(done * 100 / total) : 100;
    return caught == 0;
}

/* What would end the program; caught ones are forgotten with it. */
static void signals_catch(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = catch_signal, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < TK_COUNT_OF(numbers); i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            (void)sigaction(numbers[i], &action, NULL);
        }
    }
}

cli_exit command_store_backup(cli *c) {
    const char *path = c->words[0];
    cli_exit code = cli_store_open(c, CLI_READ);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    busy telling;
    tasker_text text = {0};
    tasker_error error = {0};
    signals_catch();
    busy_begin(&telling, "copying the store");
    tasker_status status = tasker_store_backup(c->store, path, copied, &telling, &text, &error);
    busy_end(&telling);
    if (status == TASKER_CLOSED) {
        (void)raise(caught); /* its handler is gone: what the signal means happens now */
    }
    if (status != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    tk_json report = {0};
    code = cli_parse(c, &text, &report);
    if (code == CLI_EXIT_OK && c->json) {
        json_print(&c->out, report);
    } else if (code == CLI_EXIT_OK) {
        out_text(&c->out, OUT_PLAIN, tk_str_of(path), 0);
        out_printf(&c->out, ", %" PRId64 " bytes\n", json_count(report, "bytes"));
    }
    return code;
}
