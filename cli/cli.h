/*
 * cli.h - what the files of the program `tasker` share: a command, what it was given, how it ends.
 *
 *   main.c ─► commands.c which one ─► options.c what was given ─► command_*.c ─► output.c
 *                                                                     │
 *                                      open.c ─► source.h: a store (tasker.h), or a server (HTTP)
 *
 * A command writes to `out` only; main.c puts it on standard output when the command has ended (live
 * views earlier). Errors go to standard error at once, by cli_fail() and its sibling.
 */
#ifndef CLI_H
#define CLI_H

#include "arena.h"
#include "json.h"
#include "output.h"

/* How the program ends: the one list behind the codes, the help and the tests. */
/* clang-format off */
#define CLI_EXIT_MAP(X)                                                                            \
    X(OK,          0, "done, and what was asked about is well")                                    \
    X(PROBLEM,     1, "problems were found, or the task did not end well")                         \
    X(USAGE,       2, "the command line, or a document given with it, is wrong")                   \
    X(NOTFOUND,    3, "no such task, step, template or file")                                      \
    X(CONFLICT,    4, "the state of the task or step does not allow it")                           \
    X(STORE,       5, "the store or the server cannot be reached, read or written")                               \
    X(TIMEOUT,     6, "the time given is over")                                                    \
    X(UNSUPPORTED, 7, "this build or this store cannot do it")                                     \
    X(SYSTEM,      8, "out of memory, or the output could not be written")
/* clang-format on */

typedef enum cli_exit {
#define X(name, code, text) CLI_EXIT_##name = (code),
    CLI_EXIT_MAP(X)
#undef X
} cli_exit;

typedef struct cli cli;

/* An option: `value` is the word for its value in the help, NULL for a flag. */
typedef struct cli_option {
    const char *name;
    char letter; /* 0: none */
    const char *value;
    bool value_optional; /* taken from the next word only when that begins with a digit */
    bool repeatable;
    const char *known_as; /* what people write instead, between blanks */
    const char *help;
} cli_option;

typedef struct cli_given {
    const cli_option *option;
    const char *value; /* NULL for a flag, or when an optional value was left out */
} cli_given;

/* One line of the table in commands.c. Lists end with a NULL (an option without a name). */
typedef struct cli_command {
    const char *group; /* NULL: the verb stands alone */
    const char *verb;
    const char *short_form; /* stands alone for "group verb"; NULL: none */
    const char *arguments;  /* "TASK...", "" */
    size_t words_min, words_max;
    const cli_option *options;
    const char *summary;         /* one line */
    const char *description;     /* paragraphs; NULL: the summary says it all */
    const char *const *examples; /* what follows "tasker " */
    const char *exits;           /* digits of the codes besides 0, "1356" */
    cli_exit (*run)(cli *c);
} cli_command;

/* At most this many words and options are taken from one command line. */
#define CLI_ARGUMENTS_MAX 4096

struct cli {
    tk_arena arena; /* everything of this run; released by main.c */
    out out;
    const cli_command *command;
    const char **words; /* what is no option */
    size_t word_count;
    cli_given *given;
    size_t given_count;
    bool json;
    const char *url;
    const struct source *source; /* what cli_open() has opened */
    tasker *store;               /* NULL with a server */
    struct http *http;           /* NULL with a store */
    const char *remedy;          /* what to try, known where an error came from; NULL: not */
};

/* --- what was given: options.c ---------------------------------------------------------------- */

extern const cli_option cli_global_options[];

/* A variable of the environment that the program reads; the list ends with a NULL. */
typedef struct cli_variable {
    const char *name, *help;
} cli_variable;

extern const cli_variable cli_variables[];

/* cli_options_parse takes the arguments of a command (`command` may be NULL: global options only);
 * on anything wrong it tells and answers USAGE. */
cli_exit cli_options_parse(cli *c, const cli_command *command, char **args, size_t count);

bool cli_has(const cli *c, const char *name);

/* cli_value returns an option's last value, or NULL. */
const char *cli_value(const cli *c, const char *name);

/* cli_value_int reads a whole number in [least, most]; absent leaves *number. USAGE when wrong. */
cli_exit cli_value_int(cli *c, const char *name, int64_t least, int64_t most, int64_t *number);

/* cli_value_seconds reads "2.5" into milliseconds; absent or without value leaves *ms. */
cli_exit cli_value_seconds(cli *c, const char *name, int64_t *ms);

/* --- how it ends: report.c -------------------------------------------------------------------- */

/* cli_fail writes "tasker: MESSAGE" and, if `next` is not NULL, what to try; returns `code`. With
 * --json the error is the document on standard output, too. */
cli_exit cli_fail(cli *c, cli_exit code, const char *next, const char *format, ...) TK_PRINTF(4, 5);

/* cli_note writes a line to standard error that is no error; nothing with --json. */
void cli_note(const cli *c, const char *format, ...) TK_PRINTF(2, 3);

/* cli_fail_error tells an error of the library. `next` NULL: by the status and the command. */
cli_exit cli_fail_error(cli *c, const tasker_error *error, const char *next);

cli_exit cli_nomem(cli *c);

const char *cli_exit_text(cli_exit code);

/* --- where tasks are: open.c, query.c ---------------------------------------------------------- */

typedef enum cli_access { CLI_READ, CLI_CHANGE, CLI_CREATE } cli_access;

/* cli_open opens what was named: a server (--server), a store (--store), or by the environment
 * TASKER_SERVER, TASKER_STORE, DATABASE_URL, else the default store. READ makes no change and, as
 * CHANGE, wants an existing store. */
cli_exit cli_open(cli *c, cli_access access);

/* cli_server_named: cli_open() would take a server. */
bool cli_server_named(const cli *c);

/* cli_store_open opens a store only; --server is USAGE, TASKER_SERVER is not looked at. */
cli_exit cli_store_open(cli *c, cli_access access);

/* cli_store_migrate makes the tables of the store that was named, or brings them up to date. */
cli_exit cli_store_migrate(cli *c, const tasker_migrate_options *options, tk_json *report);

/* cli_query reads into an arena text and parses it. */
cli_exit cli_query(cli *c, tasker_query_kind kind, tk_str filter, tk_json *answer);

/* cli_query_one does so with the filter {member: value}. */
cli_exit cli_query_one(cli *c, tasker_query_kind kind, const char *member, const char *value,
                       tk_json *answer);

/* cli_parse keeps a document of the library in the arena, parsed; the text is released. */
cli_exit cli_parse(cli *c, tasker_text *text, tk_json *value);

/* cli_task_uuid checks a task's name on the command line: a UUID, or "last", the newest task. */
cli_exit cli_task_uuid(cli *c, const char *word, char uuid[TASKER_UUID_SIZE]);

/* cli_step_uuid does so for a step: a UUID, or TASK/NAME. */
cli_exit cli_step_uuid(cli *c, const char *word, char uuid[TASKER_UUID_SIZE]);

/* --- documents on the command line: document.c ------------------------------------------------ */

/* A document given by a file or by standard input is at most this large. */
#define CLI_DOCUMENT_BYTES_MAX ((size_t)256 << 20)

/* cli_document reads JSON | @FILE | - into the arena; `what` names it in errors ("--context"). */
cli_exit cli_document(cli *c, const char *what, const char *word, tk_str *text);

/* cli_file reads a whole file ("-": standard input) into the arena; at most bytes_max. */
cli_exit cli_file(cli *c, const char *path, size_t bytes_max, tk_str *text);

/* --- help.c ----------------------------------------------------------------------------------- */

void cli_help_program(cli *c);
void cli_help_group(cli *c, const char *group);
void cli_help_command(cli *c, const cli_command *command);

#endif
