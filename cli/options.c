/*
 * options.c - words and options of one command line.
 *
 *   --name VALUE · --name=VALUE · -n VALUE · -nVALUE · --flag · -- (all that follows is words) · -
 *
 * Options may stand anywhere after the command. A value that is missing, one too many, or an option
 * that the command does not have is an error that names the nearest one.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "suggest.h"

const cli_option cli_global_options[] = {
    {.name = "store", .letter = 's', .value = "URL", .help = "sqlite:FILE or postgres://..."},
    {.name = "server", .value = "URL", .help = "work over a server, http://... or https://..."},
    {.name = "key-file",
     .value = "FILE",
     .help = "the server's API key (default: $TASKER_API_KEY)"},
    {.name = "json", .letter = 'j', .help = "one JSON document instead of text"},
    {.name = "color", .value = "WHEN", .help = "auto, always or never"},
    {.name = "help", .letter = 'h', .help = "explain the program or the command"},
    {.name = "version", .help = "print the version"},
    {0},
};

const cli_variable cli_variables[] = {
    {"TASKER_SERVER", "the server's URL, when neither --server nor --store is given"},
    {"TASKER_API_KEY", "the server's API key, when --key-file is not given"},
    {"TASKER_CA_FILE", "certificates that are trusted instead of the system's"},
    {"TASKER_STORE", "the store's URL, when --store is not given"},
    {"DATABASE_URL", "the same, when TASKER_STORE is not set and it is postgres://..."},
    {"TASKER_ENV", "whose overrides in templates apply (development)"},
    {"TASKER_TEMPLATE_PATH", "where `template put` looks for templates"},
    {"NO_COLOR", "no colours, if set and not empty"},
    {0},
};

static const cli_option no_options[] = {{0}};

/* Reads along the arguments. */
typedef struct reader {
    char **args;
    size_t count, at;
    const cli_option *own; /* the command's */
} reader;

static const cli_option *find_in(const cli_option *options, const char *name, size_t size) {
    for (; options->name != NULL; options++) {
        if (strlen(options->name) == size && memcmp(options->name, name, size) == 0) {
            return options;
        }
    }
    return NULL;
}

static const cli_option *find_long(const reader *r, const char *name, size_t size) {
    const cli_option *option = find_in(r->own, name, size);
    return option != NULL ? option : find_in(cli_global_options, name, size);
}

static const cli_option *find_letter(const reader *r, char letter) {
    const cli_option *const lists[] = {r->own, cli_global_options};
    for (size_t i = 0; i < TK_COUNT_OF(lists); i++) {
        for (const cli_option *option = lists[i]; option->name != NULL; option++) {
            if (option->letter == letter) {
                return option;
            }
        }
    }
    return NULL;
}

static const char *see_help(cli *c) {
    if (c->command == NULL) {
        return "tasker --help";
    }
    const char *help = c->command->group == NULL
                           ? tk_arena_printf(&c->arena, "tasker %s --help", c->command->verb)
                           : tk_arena_printf(&c->arena, "tasker %s %s --help", c->command->group,
                                             c->command->verb);
    return help == NULL ? "tasker --help" : help;
}

static cli_exit unknown(cli *c, const reader *r, const char *arg, size_t size) {
    char *wrong = tk_arena_copy(&c->arena, arg, size);
    if (wrong == NULL) {
        return cli_nomem(c);
    }
    suggestion best = {0};
    const cli_option *const lists[] = {r->own, cli_global_options};
    for (size_t i = 0; size > 2 && i < TK_COUNT_OF(lists); i++) {
        for (const cli_option *option = lists[i]; option->name != NULL; option++) {
            suggest(&best, wrong + 2, option->name);
            if (suggest_known_as(option->known_as, wrong + 2)) {
                best = (suggestion){.word = option->name};
            }
        }
    }
    if (best.word != NULL) {
        return cli_fail(c, CLI_EXIT_USAGE, see_help(c), "no option %s; did you mean --%s?", wrong,
                        best.word);
    }
    return cli_fail(c, CLI_EXIT_USAGE, see_help(c), "no option %s", wrong);
}

static cli_exit keep(cli *c, const cli_option *option, const char *value) {
    if (!option->repeatable && option->value != NULL && cli_has(c, option->name)) {
        return cli_fail(c, CLI_EXIT_USAGE, see_help(c), "--%s is given twice", option->name);
    }
    c->given[c->given_count++] = (cli_given){option, value};
    return CLI_EXIT_OK;
}

/* The value is in the same argument (`inside`), in the next one, or there is none. */
static cli_exit take_value(cli *c, reader *r, const cli_option *option, const char *inside) {
    if (option->value == NULL) {
        if (inside != NULL) {
            return cli_fail(c, CLI_EXIT_USAGE, see_help(c), "--%s takes no value", option->name);
        }
        return keep(c, option, NULL);
    }
    if (inside != NULL) {
        return keep(c, option, inside);
    }
    const char *next = r->at < r->count ? r->args[r->at] : NULL;
    if (option->value_optional) {
        bool number = next != NULL && next[0] >= '0' && next[0] <= '9' && strlen(next) < 16;
        r->at += number ? 1 : 0;
        return keep(c, option, number ? next : NULL);
    }
    if (next == NULL || strncmp(next, "--", 2) == 0) {
        return cli_fail(c, CLI_EXIT_USAGE, see_help(c), "--%s needs a value: --%s=%s", option->name,
                        option->name, option->value);
    }
    r->at++;
    return keep(c, option, next);
}

static cli_exit take_option(cli *c, reader *r, const char *arg) {
    const cli_option *option = NULL;
    const char *inside = NULL;
    size_t size = strcspn(arg, "=");
    if (arg[1] == '-') {
        option = find_long(r, arg + 2, size - 2);
        inside = arg[size] == '=' ? arg + size + 1 : NULL;
    } else {
        option = find_letter(r, arg[1]);
        inside = arg[2] == '\0' ? NULL : arg[2] == '=' ? arg + 3 : arg + 2;
    }
    if (option == NULL) {
        return unknown(c, r, arg, size);
    }
    return take_value(c, r, option, inside);
}

cli_exit cli_options_parse(cli *c, const cli_command *command, char **args, size_t count) {
    reader r = {.args = args, .count = count};
    r.own = command == NULL || command->options == NULL ? no_options : command->options;
    bool only_words = false;

    while (r.at < r.count) {
        const char *arg = r.args[r.at++];
        if (!only_words && strcmp(arg, "--") == 0) {
            only_words = true;
        } else if (only_words || arg[0] != '-' || arg[1] == '\0') {
            c->words[c->word_count++] = arg;
        } else {
            cli_exit code = take_option(c, &r, arg);
            if (code != CLI_EXIT_OK) {
                return code;
            }
        }
    }
    return CLI_EXIT_OK;
}

static const cli_given *given_last(const cli *c, const char *name) {
    for (size_t i = c->given_count; i > 0; i--) {
        if (strcmp(c->given[i - 1].option->name, name) == 0) {
            return &c->given[i - 1];
        }
    }
    return NULL;
}

bool cli_has(const cli *c, const char *name) {
    return given_last(c, name) != NULL;
}

const char *cli_value(const cli *c, const char *name) {
    const cli_given *given = given_last(c, name);
    return given == NULL ? NULL : given->value;
}

cli_exit cli_value_int(cli *c, const char *name, int64_t least, int64_t most, int64_t *number) {
    const char *value = cli_value(c, name);
    if (value == NULL) {
        return CLI_EXIT_OK;
    }
    char *end = NULL;
    errno = 0;
    long long read = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || read < least || read > most) {
        return cli_fail(c, CLI_EXIT_USAGE, see_help(c),
                        "--%s %s: expected a whole number from %" PRId64 " to %" PRId64, name,
                        value, least, most);
    }
    *number = read;
    return CLI_EXIT_OK;
}

cli_exit cli_value_seconds(cli *c, const char *name, int64_t *ms) {
    const char *value = cli_value(c, name);
    if (value == NULL) {
        return CLI_EXIT_OK;
    }
    const double seconds_max = 1e9; /* about 30 years */
    char *end = NULL;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !(seconds >= 0 && seconds <= seconds_max)) {
        return cli_fail(c, CLI_EXIT_USAGE, see_help(c),
                        "--%s %s: expected seconds from 0 to 1000000000, like 2.5", name, value);
    }
    *ms = (int64_t)(seconds * 1000);
    return CLI_EXIT_OK;
}
