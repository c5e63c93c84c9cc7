/*
 * commands.c - the table: every command with its options, help and exit codes. A new command is a new
 * entry here, or in one of the commands_*.c, and a function in a command_*.c.
 */
#include "commands_table.h"

#define NOTES                                                                                      \
    { .name = "notes", .help = "show the lines of standard input above the list of steps" }

static const cli_option act_options[] = {BY, REASON, {0}};
static const cli_option filter_options[] = {NAMESPACE, NAME, {0}};
static const cli_option template_options[] = {NAMESPACE, NAME, VERSION, {0}};
static const cli_option graph_options[] = {
    {.name = "mermaid", .letter = 'm', .help = "as a Mermaid flowchart"},
    NAMESPACE,
    NAME,
    VERSION,
    ENVIRONMENT,
    {0},
};
static const cli_option environment_options[] = {ENVIRONMENT, {0}};

static const cli_option submit_options[] = {
    NAME,
    NAMESPACE,
    VERSION,
    {.name = "context", .letter = 'c', .value = "JSON", .help = "JSON, @FILE or - (default: {})"},
    {.name = "priority",
     .letter = 'p',
     .value = "N",
     .help = "-100..100, higher first (default 0)"},
    {.name = "tag", .letter = 't', .value = "TAG", .repeatable = true, .help = "may be repeated"},
    {.name = "key",
     .letter = 'k',
     .value = "TEXT",
     .help = "idempotency key: the same key again answers the same task"},
    {.name = "bypass",
     .value = "STEP",
     .repeatable = true,
     .help = "take this step as done, with the result null; may be repeated"},
    {.name = "delay", .value = "SECONDS", .help = "start no earlier than in so many seconds"},
    {.name = "at", .value = "TIME", .help = "start no earlier than this (RFC 3339)"},
    {.name = "initiator", .value = "TEXT", .help = "on whose behalf"},
    {.name = "source", .value = "TEXT", .help = "which system asks"},
    REASON,
    {.name = "correlation", .value = "TEXT", .help = "correlation id"},
    {.name = "request",
     .letter = 'r',
     .value = "JSON",
     .help = "a whole request, or an array of them: JSON, @FILE or -"},
    {.name = "wait",
     .letter = 'w',
     .value = "SECONDS",
     .value_optional = true,
     .known_as = " timeout watch follow ",
     .help = "wait until it rests, at most so long"},
    {0},
};
static const cli_option rerun_options[] = {
    {.name = "context",
     .letter = 'c',
     .value = "JSON",
     .help = "JSON, @FILE or -, instead of the old"},
    {.name = "wait",
     .letter = 'w',
     .value = "SECONDS",
     .value_optional = true,
     .help = "wait until it rests, at most so long"},
    BY,
    REASON,
    {0},
};
static const cli_option show_options[] = {
    {.name = "watch",
     .letter = 'w',
     .known_as = " follow wait ",
     .help = "follow the steps until the task rests"},
    NOTES,
    {0},
};
static const cli_option wait_options[] = {
    {.name = "timeout",
     .letter = 't',
     .value = "SECONDS",
     .known_as = " wait ",
     .help = "wait at most so long"},
    NOTES,
    {0},
};
static const cli_option history_options[] = {
    {.name = "step", .value = "NAME", .help = "only of this step"},
    {0},
};
static const cli_option list_options[] = {
    NAMESPACE,
    NAME,
    {.name = "version", .value = "TEXT", .help = "of the template (default: all)"},
    {.name = "state", .value = "STATE", .help = "running, blocked_by_failures, complete, ..."},
    {.name = "tag", .letter = 't', .value = "TAG", .help = "tasks that carry it"},
    {.name = "correlation", .value = "TEXT", .help = "correlation id"},
    {.name = "initiator", .value = "TEXT", .help = "on whose behalf"},
    {.name = "source", .value = "TEXT", .help = "which system asked"},
    {.name = "key", .letter = 'k', .value = "TEXT", .help = "idempotency key"},
    {.name = "created-after",
     .value = "TIME",
     .known_as = " since ",
     .help = "submitted then or later (RFC 3339)"},
    {.name = "created-before",
     .value = "TIME",
     .known_as = " until before ",
     .help = "submitted before"},
    {.name = "limit", .letter = 'l', .value = "N", .help = "1..1000 (default 50)"},
    {.name = "after", .value = "CURSOR", .help = "the next page: as the last one ended with"},
    {0},
};
static const cli_option step_show_options[] = {
    {.name = "attempt", .letter = 'a', .value = "N", .help = "tell the failure of this attempt"},
    {0},
};
static const cli_option result_options[] = {
    {.name = "result", .letter = 'r', .value = "JSON", .help = "JSON, @FILE or -"},
    BY,
    REASON,
    {0},
};

static const cli_option migrate_options[] = {
    {.name = "runtime-role",
     .value = "NAME",
     .help = "PostgreSQL: the role of running processes, whose rights are set"},
    {.name = "period",
     .value = "week|month|none",
     .help = "PostgreSQL: in what portions ended work is kept"},
    {.name = "print", .help = "only print the SQL that sets the rights of --runtime-role"},
    {0},
};
static const cli_option prune_options[] = {
    {.name = "older-than",
     .value = "AGE",
     .help = "30d, 12h, 2w: submitted, and last changed, before that"},
    {.name = "dry-run", .help = "only tell what would go"},
    {0},
};

static const cli_command commands[] = {
    {
        .group = "template",
        .verb = "check",
        .arguments = "FILE|DIRECTORY...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = environment_options,
        .summary = "tell every error and warning in template files",
        .description =
            "Needs no store. Each finding is a line FILE:LINE:COLUMN: MESSAGE that says\n"
            "what is expected. - reads standard input. Of a directory all *.yml and *.yaml\n"
            "below it are checked. With --json an array of reports.",
        .examples =
            EXAMPLES("template check config/tasks", "template check -e production order.yaml"),
        .exits = "123",
        .run = command_template_check,
    },
    {
        .group = "template",
        .verb = "put",
        .arguments = "[FILE|DIRECTORY...]",
        .words_max = WORDS_MANY,
        .options = environment_options,
        .summary = "register templates, creating the store if need be",
        .description =
            "A changed template is a new revision; running tasks keep theirs. One bad file\n"
            "does not stop the others. Without a file: TASKER_TEMPLATE_PATH, else\n"
            "config/tasks of WORKSPACE_PATH, of the project, or of the working folder.",
        .examples = EXAMPLES("template put order.yaml", "template put config/tasks"),
        .exits = "1235",
        .run = command_template_put,
    },
    {
        .group = "template",
        .verb = "list",
        .arguments = "",
        .options = filter_options,
        .summary = "show the registered templates",
        .examples = EXAMPLES("template list", "template list --namespace orders --json"),
        .exits = "25",
        .run = command_template_list,
    },
    {
        .group = "template",
        .verb = "show",
        .arguments = "[[NAMESPACE/]NAME[:VERSION]]",
        .words_max = 1,
        .options = template_options,
        .summary = "show one template with its steps",
        .examples = EXAMPLES("template show orders/fulfil", "template show -N orders -n fulfil"),
        .exits = "235",
        .run = command_template_show,
    },
    {
        .group = "template",
        .verb = "graph",
        .short_form = "graph",
        .arguments = "[NAMESPACE/]NAME[:VERSION]|FILE",
        .words_max = 1,
        .options = graph_options,
        .summary = "draw which step waits for which",
        .description =
            "Of a file, or of a registered template. The drawing is as wide as the terminal;\n"
            "what has no room in it is listed, layer by layer. --mermaid prints a flowchart\n"
            "for Markdown. A line that is crossed does not join.",
        .examples = EXAMPLES("template graph orders/fulfil", "template graph order.yaml --mermaid"),
        .exits = "1235",
        .run = command_template_graph,
    },
    {
        .group = "task",
        .verb = "submit",
        .short_form = "submit",
        .arguments = "[[NAMESPACE/]NAME[:VERSION]]",
        .words_max = 1,
        .options = submit_options,
        .summary = "create a task, or many at once",
        .description =
            "Prints the task's UUID. When it has ended with 0 the task survives any crash.\n"
            "With --wait it ends with 1 when the task did not end well.",
        .examples = EXAMPLES("task submit orders/fulfil --context @order.json --wait 30",
                             "task submit orders/fulfil -c '{\"id\": 7}' --key order-7",
                             "task submit --request @tasks.json"),
        .exits = "1234568",
        .run = command_task_submit,
    },
    {
        .group = "task",
        .verb = "show",
        .short_form = "show",
        .arguments = "TASK",
        .words_min = 1,
        .words_max = 1,
        .options = show_options,
        .summary = "show a task, its steps, its errors and its results",
        .description = "TASK is a UUID, or \"last\" for the newest task.",
        .examples = EXAMPLES("task show last", "task show last --watch"),
        .exits = "235",
        .run = command_task_show,
    },
    {
        .group = "task",
        .verb = "wait",
        .short_form = "wait",
        .arguments = "TASK...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = wait_options,
        .summary = "wait until tasks rest, showing their steps",
        .description =
            "A task rests when it is complete, cancelled, in error, resolved by hand, or\n"
            "blocked by failures. On a terminal the list of steps is live; elsewhere each\n"
            "change is a line. With --json the task, or an array of several, at the end.",
        .examples = EXAMPLES("task wait last --timeout 60",
                             "tail -f worker.log | tasker wait last --notes"),
        .exits = "12356",
        .run = command_task_wait,
    },
    {
        .group = "task",
        .verb = "list",
        .short_form = "list",
        .arguments = "",
        .options = list_options,
        .summary = "list tasks, the newest first",
        .examples = EXAMPLES("task list --state blocked_by_failures",
                             "task list --namespace orders --limit 1000 --json"),
        .exits = "25",
        .run = command_task_list,
    },
    {
        .group = "task",
        .verb = "history",
        .short_form = "history",
        .arguments = "TASK",
        .words_min = 1,
        .words_max = 1,
        .options = history_options,
        .summary = "show every change of a task's and its steps' states",
        .examples = EXAMPLES("task history last", "task history last --step charge_card"),
        .exits = "235",
        .run = command_task_history,
    },
    {
        .group = "task",
        .verb = "cancel",
        .short_form = "cancel",
        .arguments = "TASK...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = act_options,
        .summary = "end tasks; no step of them is started any more",
        .examples = EXAMPLES("task cancel last --reason 'ordered twice'"),
        .exits = "2345",
        .run = command_task_cancel,
    },
    {
        .group = "task",
        .verb = "resolve",
        .arguments = "TASK...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = act_options,
        .summary = "declare blocked tasks done by hand",
        .examples = EXAMPLES("task resolve last --reason 'shipped by hand'"),
        .exits = "2345",
        .run = command_task_resolve,
    },
    {
        .group = "task",
        .verb = "fail",
        .arguments = "TASK...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = act_options,
        .summary = "give tasks up; their state becomes error",
        .examples = EXAMPLES("task fail last --reason 'customer is gone'"),
        .exits = "2345",
        .run = command_task_fail,
    },
    {
        .group = "task",
        .verb = "retry",
        .arguments = "TASK...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = act_options,
        .summary = "run all failed steps of blocked tasks again",
        .examples = EXAMPLES("task retry last --reason 'gateway is back'"),
        .exits = "2345",
        .run = command_task_retry,
    },
    {
        .group = "task",
        .verb = "rerun",
        .short_form = "rerun",
        .arguments = "TASK",
        .words_min = 1,
        .words_max = 1,
        .options = rerun_options,
        .summary = "create a new task like an old one",
        .description =
            "Of the same template and version, with the same context, or with --context.\n"
            "The new task names the old one as its parent_correlation_id.",
        .examples = EXAMPLES("task rerun last", "task rerun last --context @edited.json --wait"),
        .exits = "1234568",
        .run = command_task_rerun,
    },
    {
        .group = "step",
        .verb = "show",
        .arguments = "STEP",
        .words_min = 1,
        .words_max = 1,
        .options = step_show_options,
        .summary = "show a step and each of its attempts",
        .description = "STEP is a UUID, or TASK/NAME. The newest failure is told whole, with its\n"
                       "backtrace. WORKER is the ID of `worker list`.",
        .examples = EXAMPLES("step show last/charge_card"),
        .exits = "235",
        .run = command_step_show,
    },
    {
        .group = "step",
        .verb = "retry",
        .short_form = "retry",
        .arguments = "STEP...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = act_options,
        .summary = "run failed or waiting steps again, with all attempts",
        .description = "STEP is a UUID, or TASK/NAME.",
        .examples = EXAMPLES("step retry last/charge_card --reason 'gateway is back'"),
        .exits = "2345",
        .run = command_step_retry,
    },
    {
        .group = "step",
        .verb = "resolve",
        .arguments = "STEP",
        .words_min = 1,
        .words_max = 1,
        .options = result_options,
        .summary = "declare a step done by hand; its task goes on",
        .description =
            "Steps that depend on it see --result, or null. STEP is a UUID, or TASK/NAME.",
        .examples = EXAMPLES("step resolve last/charge_card --result '{\"paid\": 12.50}'"),
        .exits = "2345",
        .run = command_step_resolve,
    },
    {
        .group = "step",
        .verb = "complete",
        .arguments = "STEP --result JSON",
        .words_min = 1,
        .words_max = 1,
        .options = result_options,
        .summary = "record a result as if the handler had returned it",
        .description = "STEP is a UUID, or TASK/NAME.",
        .examples = EXAMPLES("step complete last/charge_card --result @receipt.json"),
        .exits = "2345",
        .run = command_step_complete,
    },
    {
        .group = "store",
        .verb = "check",
        .arguments = "",
        .summary = "check the store and every rule of the ledger",
        .description = "Reads everything; may run beside a worker.",
        .examples = EXAMPLES("store check --store sqlite:tasker.db"),
        .exits = "125",
        .run = command_store_check,
    },
    {
        .group = "store",
        .verb = "backup",
        .arguments = "FILE",
        .words_min = 1,
        .words_max = 1,
        .summary = "copy a SQLite store while work goes on",
        .description =
            "FILE must not exist; it appears when the copy is whole and on the disk. It is\n"
            "a store as any other: `tasker store check --store sqlite:FILE`. To restore it,\n"
            "end the worker, put it in the place of the store and remove the store's -wal\n"
            "and -shm. A store on PostgreSQL is saved by pg_dump.",
        .examples = EXAMPLES("store backup tasker-monday.db", "store backup copy.db --json"),
        .exits = "23578",
        .run = command_store_backup,
    },
    {
        .group = "store",
        .verb = "migrate",
        .arguments = "",
        .options = migrate_options,
        .summary = "make a store's tables, or bring them up to date",
        .description =
            "Older tables are refused by every other command. Each step is one transaction;\n"
            "again, it changes nothing. On PostgreSQL the owner of the tables runs it, and\n"
            "the portions of the time to come are made as well.",
        .examples = EXAMPLES("store migrate --store sqlite:tasker.db",
                             "store migrate --runtime-role tasker_runtime --period week"),
        .exits = "2357",
        .run = command_store_migrate,
    },
    {
        .group = "store",
        .verb = "prune",
        .arguments = "--older-than AGE",
        .options = prune_options,
        .summary = "take ended tasks away, with all that is theirs",
        .description =
            "Open tasks (running, or blocked by failures) always stay. Works beside workers,\n"
            "in short transactions. PostgreSQL drops whole portions in which all is over and\n"
            "names those that stay; the owner of the tables runs it, once a day perhaps.",
        .examples = EXAMPLES("store prune --older-than 30d --dry-run",
                             "store prune --older-than 12w --json"),
        .exits = "257",
        .run = command_store_prune,
    },
    {0},
};

const cli_command *cli_command_next(const cli_command *before) {
    static const cli_command *const lists[] = {commands, cli_watch_commands, cli_tool_commands};
    if (before == NULL) {
        return lists[0];
    }
    if (before[1].verb != NULL) {
        return &before[1];
    }
    for (size_t i = 0; i + 1 < TK_COUNT_OF(lists); i++) {
        const cli_command *last = lists[i];
        while (last[1].verb != NULL) {
            last++;
        }
        if (last == before) {
            return lists[i + 1];
        }
    }
    return NULL;
}
