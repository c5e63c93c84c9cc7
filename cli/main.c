/*
 * main.c - one command from its words to its exit code.
 *
 *   tasker [OPTIONS] GROUP VERB [OPTIONS and words]     tasker task list --state complete
 *   tasker [OPTIONS] WORD [OPTIONS and words]           tasker list, tasker counts
 */
#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "http.h"

/* Whether `arg` is among the arguments before "--". */
static bool is_among(char **args, size_t count, const char *arg) {
    for (size_t i = 0; i < count && strcmp(args[i], "--") != 0; i++) {
        if (strcmp(args[i], arg) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the argument at `index` out. */
static char *take(char **args, size_t *count, size_t index) {
    char *taken = args[index];
    memmove(&args[index], &args[index + 1], (*count - index - 1) * sizeof(*args));
    (*count)--;
    return taken;
}

/* Where the first word is: behind options and the values of those that take one; or `count`. */
static size_t first_word(char **args, size_t count) {
    size_t i = 0;
    while (i < count && args[i][0] == '-' && args[i][1] != '\0') {
        bool has_value = false;
        for (const cli_option *option = cli_global_options; option->name != NULL; option++) {
            bool is_long = strncmp(args[i], "--", 2) == 0 && strcmp(args[i] + 2, option->name) == 0;
            bool is_letter = args[i][1] == option->letter && args[i][2] == '\0';
            has_value = has_value || (option->value != NULL && (is_long || is_letter));
        }
        i += has_value ? 2 : 1;
    }
    return i < count ? i : count;
}

/* Takes the words of the command out of the arguments. *group is set, and *command not, when only the
 * group was named. */
static cli_exit find_command(cli *c, char **args, size_t *count, const char **group,
                             const cli_command **command) {
    size_t at = first_word(args, *count);
    if (at == *count) {
        return CLI_EXIT_OK;
    }
    const char *word = take(args, count, at);
    *command = cli_command_alone(word);
    if (*command != NULL) {
        return CLI_EXIT_OK;
    }
    if (!cli_group_known(word)) {
        return cli_command_unknown(c, NULL, word);
    }
    *group = word;
    if (at == *count || args[at][0] == '-') {
        return CLI_EXIT_OK;
    }
    const char *verb = take(args, count, at);
    *command = cli_command_find(word, verb);
    return *command != NULL ? CLI_EXIT_OK : cli_command_unknown(c, word, verb);
}

/* The number of words fits the command. */
static cli_exit check_words(cli *c) {
    const cli_command *command = c->command;
    const char *space = command->group == NULL ? "" : " ";
    const char *group = command->group == NULL ? "" : command->group;
    if (c->word_count < command->words_min) {
        const char *next = tk_arena_printf(&c->arena, "tasker %s", command->examples[0]);
        return cli_fail(c, CLI_EXIT_USAGE, next, "%s%s%s needs %s", group, space, command->verb,
                        command->arguments);
    }
    if (c->word_count > command->words_max) {
        const char *next =
            tk_arena_printf(&c->arena, "tasker %s%s%s --help", group, space, command->verb);
        return cli_fail(c, CLI_EXIT_USAGE, next, "%s%s%s: one word too many: %s", group, space,
                        command->verb, c->words[command->words_max]);
    }
    return CLI_EXIT_OK;
}

static cli_exit check_color(cli *c, char **args, size_t count) {
    const char *color = "auto";
    for (size_t i = 0; i < count; i++) { /* before the options are parsed: errors may come there */
        if (strncmp(args[i], "--color=", 8) == 0) {
            color = args[i] + 8;
        } else if (strcmp(args[i], "--color") == 0 && i + 1 < count) {
            color = args[i + 1];
        }
    }
    bool known =
        strcmp(color, "auto") == 0 || strcmp(color, "always") == 0 || strcmp(color, "never") == 0;
    out_open(&c->out, known ? color : "never");
    return known ? CLI_EXIT_OK
                 : cli_fail(c, CLI_EXIT_USAGE, NULL, "--color %s: expected auto, always or never",
                            color);
}

static cli_exit run(cli *c, char **args, size_t count) {
    const char *group = NULL;
    c->json = is_among(args, count, "--json") || is_among(args, count, "-j");
    cli_exit code = check_color(c, args, count);
    if (code == CLI_EXIT_OK) {
        code = find_command(c, args, &count, &group, &c->command);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    bool help = is_among(args, count, "--help");
    if (!help) {
        code = cli_options_parse(c, c->command, args, count);
        help = cli_has(c, "help");
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->command != NULL && help) {
        cli_help_command(c, c->command);
        return CLI_EXIT_OK;
    }
    if (c->command == NULL && group != NULL) {
        if (!help) {
            return cli_fail(c, CLI_EXIT_USAGE,
                            tk_arena_printf(&c->arena, "tasker %s --help", group),
                            "%s needs a verb", group);
        }
        cli_help_group(c, group);
        return CLI_EXIT_OK;
    }
    if (c->command == NULL && cli_has(c, "version")) {
        return cli_command_alone("version")->run(c);
    }
    if (c->command == NULL) {
        cli_help_program(c);
        return CLI_EXIT_OK;
    }
    code = check_words(c);
    return code == CLI_EXIT_OK ? c->command->run(c) : code;
}

int main(int argc, char **argv) {
    cli c = {0};
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    cli_exit code = CLI_EXIT_OK;

    if (count > CLI_ARGUMENTS_MAX) {
        out_open(&c.out, "never");
        code = cli_fail(&c, CLI_EXIT_USAGE, NULL, "more than %d arguments", CLI_ARGUMENTS_MAX);
    } else {
        char **args = tk_arena_array(&c.arena, count + 1, sizeof(*args));
        c.words = tk_arena_array(&c.arena, count + 1, sizeof(*c.words));
        c.given = tk_arena_array(&c.arena, count + 1, sizeof(*c.given));
        if (args == NULL || c.words == NULL || c.given == NULL) {
            code = cli_nomem(&c);
        } else {
            if (count > 0) {
                memcpy(args, argv + 1, count * sizeof(*args));
            }
            code = run(&c, args, count);
        }
    }
    if (!out_flush(&c.out)) {
        code = CLI_EXIT_SYSTEM;
        fputs("tasker: the output could not be written\n", stderr);
    }
    http_close(&c);
    tasker_close(c.store);
    tk_arena_release(&c.arena);
    return (int)code;
}
