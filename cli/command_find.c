/*
 * command_find.c - which command of the table in commands.c is meant by the words that were given.
 */
#include "commands.h"
#include "suggest.h"

static bool same(const char *a, const char *b) {
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

const cli_command *cli_command_find(const char *group, const char *verb) {
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        if (same(command->group, group) && same(command->verb, verb)) {
            return command;
        }
    }
    return NULL;
}

const cli_command *cli_command_alone(const char *word) {
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        if ((command->group == NULL && same(command->verb, word)) ||
            same(command->short_form, word)) {
            return command;
        }
    }
    return NULL;
}

bool cli_group_known(const char *group) {
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        if (same(command->group, group)) {
            return true;
        }
    }
    return false;
}

/* What people try, by what it is here. */
static const struct {
    const char *known_as, *command;
} other_words[] = {
    {" status stats stat ", "counts"},
    {" ps workers ", "worker list"},
    {" tasks jobs ls ", "task list"},
    {" follow tail events ", "watch"},
    {" log logs ", "task history last"},
    {" health diagnose ", "doctor"},
    {" settings configuration ", "config show"},
    {" delete remove rm stop abort kill ", "task cancel"},
    {" create new add enqueue push ", "task submit"},
    {" get info describe ", "task show"},
    {" register load import ", "template put"},
    {" validate lint verify ", "template check"},
    {" restart ", "step retry"},
    {" replay again ", "task rerun"},
};

/* Which command is meant by a word of another program, within the group if one is given. */
static const char *other_command(const char *group, const char *word) {
    for (size_t i = 0; i < TK_COUNT_OF(other_words); i++) {
        bool within = group == NULL || strncmp(other_words[i].command, group, strlen(group)) == 0;
        if (within && suggest_known_as(other_words[i].known_as, word)) {
            return other_words[i].command;
        }
    }
    return NULL;
}

cli_exit cli_command_unknown(cli *c, const char *group, const char *word) {
    suggestion best = {0};
    const char *other = other_command(group, word);
    bool worker = group == NULL || strcmp(group, "worker") == 0;
    if (other != NULL) {
        return cli_fail(c, CLI_EXIT_USAGE, "tasker --help", "no command %s%s%s; did you mean %s?",
                        group == NULL ? "" : group, group == NULL ? "" : " ", word, other);
    }
    if (worker && suggest_known_as(" run start work ", word)) {
        return cli_fail(c, CLI_EXIT_USAGE, "tasker-worker --help",
                        "no command %s%s%s: a worker is a program of yours, in C, or the gem's "
                        "tasker-worker with your handlers",
                        group == NULL ? "" : group, group == NULL ? "" : " ", word);
    }
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        if (group != NULL && (command->group == NULL || strcmp(command->group, group) != 0)) {
            continue;
        }
        suggest(&best, word,
                group == NULL && command->group != NULL ? command->group : command->verb);
        if (group == NULL && command->short_form != NULL) {
            suggest(&best, word, command->short_form);
        }
    }
    const char *before = group == NULL ? "" : group;
    const char *space = group == NULL ? "" : " ";
    const char *next = tk_arena_printf(&c->arena, "tasker %s%s--help", before, space);
    if (best.word != NULL) {
        return cli_fail(c, CLI_EXIT_USAGE, next, "no command %s%s%s; did you mean %s%s%s?", before,
                        space, word, before, space, best.word);
    }
    return cli_fail(c, CLI_EXIT_USAGE, next, "no command %s%s%s", before, space, word);
}
