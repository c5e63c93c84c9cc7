/*
 * command_rerun.c - task rerun: a new task like an old one.
 */
#include "commands.h"
#include "json_view.h"
#include "source.h"

/* --context as checked JSON; empty: as it was. */
static cli_exit read_context(cli *c, tk_str *context) {
    const char *word = cli_value(c, "context");
    tk_json value = {0};
    tasker_error error = {0};
    if (word == NULL) {
        return CLI_EXIT_OK;
    }
    cli_exit code = cli_document(c, "--context", word, context);
    if (code == CLI_EXIT_OK &&
        tk_json_parse(*context, TASKER_CONTEXT_BYTES_MAX, &value, &error) != TASKER_OK) {
        return cli_fail(c, CLI_EXIT_USAGE, "--context '{\"id\": 7}', --context @FILE",
                        "--context: %s", error.message);
    }
    return code;
}

cli_exit command_task_rerun(cli *c) {
    char uuid[TASKER_UUID_SIZE];
    tk_str context = {NULL, 0};
    tasker_text text = {0};
    tasker_error error = {0};
    const tasker_act who = command_act(c);
    tk_json answer = {0};
    cli_exit code = read_context(c, &context);
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_CHANGE);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_task_uuid(c, c->words[0], uuid);
    }
    if (code == CLI_EXIT_OK &&
        c->source->rerun(c, uuid, context, &who, &text, &error) != TASKER_OK) {
        code =
            cli_fail_error(c, &error, error.status == TASKER_NOTFOUND ? "tasker task list" : NULL);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_parse(c, &text, &answer);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    return command_submit_end(c, answer);
}
