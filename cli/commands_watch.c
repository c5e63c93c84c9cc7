/*
 * commands_watch.c - the table of commands, continued: what goes on, and what hinders it.
 */
#include "commands_table.h"

static const cli_option filter_options[] = {NAMESPACE, NAME, {0}};

const cli_command cli_watch_commands[] = {
    {
        .group = "worker",
        .verb = "list",
        .arguments = "",
        .summary = "show the workers: which live, and what they run",
        .description =
            "A worker is a program of yours: the gem's tasker-worker, or one in C.\n"
            "ID is the number by which history, `step show` and the log name a worker.\n"
            "STATE is `runs`; `gone` when its process has ended without a word, so that\n"
            "another worker will take its steps over; `silent` when it runs elsewhere and\n"
            "gave no sign of life for 7 seconds: this command then waits that long.",
        .examples = EXAMPLES("worker list"),
        .exits = "25",
        .run = command_worker_list,
    },
    {
        .verb = "counts",
        .arguments = "",
        .options = filter_options,
        .summary = "count tasks by state and steps by readiness",
        .description =
            "Of the steps of open tasks, `ready` may be claimed, `running` are claimed,\n"
            "`later` wait for their time, and for `no_worker` of the ready ones no worker\n"
            "has the handler. --name counts the tasks of a template only, not the steps.",
        .examples = EXAMPLES("counts", "counts --namespace orders"),
        .exits = "25",
        .run = command_counts,
    },
    {0},
};
