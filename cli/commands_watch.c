/*
 * commands_watch.c - the table of commands, continued: what goes on, and what hinders it.
 */
#include "commands_table.h"

static const cli_option filter_options[] = {NAMESPACE, NAME, {0}};

static const cli_option top_options[] = {
    {.name = "interval",
     .letter = 'i',
     .value = "SECONDS",
     .help = "between two looks (default 1)"},
    {.name = "count", .letter = 'c', .value = "N", .help = "end after so many looks"},
    {0},
};
static const cli_option watch_options[] = {
    {.name = "task", .letter = 't', .value = "TASK", .help = "only of this one"},
    NAMESPACE,
    {.name = "kind",
     .letter = 'k',
     .value = "task|attempt|act",
     .help = "submissions, attempts that ended, or deeds"},
    {.name = "after", .value = "CURSOR", .help = "from this event's id on (default: from now on)"},
    {.name = "limit", .letter = 'l', .value = "N", .help = "end after so many events"},
    {0},
};

const cli_command cli_watch_commands[] = {
    {
        .verb = "why",
        .arguments = "TASK|STEP",
        .words_min = 1,
        .words_max = 1,
        .summary = "tell what a task or a step waits for",
        .description =
            "Which step, parent, time, free thread, handler or worker it waits for, when it\n"
            "will move, and what can be done. Ends with 1 when nothing moves by itself.",
        .examples = EXAMPLES("why last", "why last/charge_card --json"),
        .exits = "1235",
        .run = command_why,
    },
    {
        .verb = "top",
        .arguments = "",
        .options = top_options,
        .summary = "watch tasks, queues and workers live",
        .description =
            "Rates are of the last interval; `minute` is how steps did in the last one. Keys:\n"
            "q quits, p pauses, s sorts the queues by ready steps, by age, by name. STATE is\n"
            "that of `worker list`, - for one that runs elsewhere and was not heard of yet.\n"
            "Elsewhere than on a terminal one look is printed; with --json a line each.",
        .examples = EXAMPLES("top", "top --json --interval 10", "top --json --count 1"),
        .exits = "258",
        .run = command_top,
    },
    {
        .verb = "watch",
        .arguments = "",
        .options = watch_options,
        .summary = "show what is recorded, as it happens",
        .description =
            "A line for each submission, each attempt that ended, each deed of an operator.\n"
            "Nothing recorded is left out; a stream that breaks is opened again behind the\n"
            "last event. With --json a document a line, whose id is for --after.",
        .examples =
            EXAMPLES("watch --namespace orders", "watch --task last --json", "watch --kind act"),
        .exits = "2358",
        .run = command_watch,
    },
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
        .verb = "health",
        .arguments = "",
        .summary = "tell whether the store answers, or a server is ready",
        .description =
            "For scripts and containers: it ends with 1 when a server is not ready, with 5\n"
            "when nobody answers. doctor looks further.",
        .examples = EXAMPLES("health --server http://127.0.0.1:8080"),
        .exits = "1257",
        .run = command_health,
    },
    {
        .verb = "doctor",
        .arguments = "",
        .summary = "tell whether store, workers and queues are well",
        .description =
            "Each look is ok, warn or fail, and what to do is told below. Over a server it\n"
            "is the server's own health, and what workers and queues tell. Ends with 1 when\n"
            "something is not ok.",
        .examples = EXAMPLES("doctor", "doctor --server http://127.0.0.1:8080 --json"),
        .exits = "1257",
        .run = command_doctor,
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
