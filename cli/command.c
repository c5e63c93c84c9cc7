/*
 * command.c - what several commands take from their command line.
 */
#include <stdlib.h>

#include "commands.h"

static cli_exit set_once(cli *c, const char *option, tk_str *value) {
    const char *given = cli_value(c, option);
    if (given == NULL) {
        return CLI_EXIT_OK;
    }
    if (value->size > 0) {
        return cli_fail(c, CLI_EXIT_USAGE, NULL, "--%s %s, but %.*s was named before", option,
                        given, (int)value->size, value->data);
    }
    *value = tk_str_of(given);
    return CLI_EXIT_OK;
}

cli_exit command_template_name(cli *c, template_name *named) {
    *named = (template_name){0};
    if (c->word_count > 0) {
        const char *name = c->words[0];
        const char *slash = strchr(name, '/');
        if (slash != NULL) {
            named->namespace_name = (tk_str){name, (size_t)(slash - name)};
            name = slash + 1;
        }
        const char *colon = strrchr(name, ':');
        size_t size = colon == NULL ? strlen(name) : (size_t)(colon - name);
        named->name = (tk_str){name, size};
        named->version = tk_str_of(colon == NULL ? NULL : colon + 1);
    }
    cli_exit code = set_once(c, "namespace", &named->namespace_name);
    if (code == CLI_EXIT_OK) {
        code = set_once(c, "name", &named->name);
    }
    return code == CLI_EXIT_OK ? set_once(c, "version", &named->version) : code;
}

tasker_act command_act(const cli *c) {
    const char *actor = cli_value(c, "by");
    actor = actor != NULL ? actor : getenv("USER");
    return (tasker_act){.actor = actor, .reason = cli_value(c, "reason")};
}

cli_exit command_result(cli *c, tk_str *result) {
    const char *word = cli_value(c, "result");
    *result = (tk_str){NULL, 0};
    if (word == NULL) {
        return CLI_EXIT_OK;
    }
    cli_exit code = cli_document(c, "--result", word, result);
    tk_json value = {0};
    tasker_error error = {0};
    if (code == CLI_EXIT_OK &&
        tk_json_parse(*result, TASKER_RESULT_BYTES_MAX, &value, &error) != TASKER_OK) {
        return cli_fail(c, CLI_EXIT_USAGE, "--result '\"a text\"' for a text, --result @FILE",
                        "--result: %s", error.message);
    }
    return code;
}
