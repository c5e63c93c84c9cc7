/*
 * commands_table.h - words that several entries of the tables in commands*.c share.
 */
#ifndef CLI_COMMANDS_TABLE_H
#define CLI_COMMANDS_TABLE_H

#include "commands.h"

#define WORDS_MANY CLI_ARGUMENTS_MAX

#define BY                                                                                         \
    { .name = "by", .value = "NAME", .help = "who acts, for the history (default: $USER)" }
#define REASON                                                                                     \
    { .name = "reason", .value = "TEXT", .help = "why, for the history" }
#define NAMESPACE                                                                                  \
    { .name = "namespace", .letter = 'N', .value = "NAME", .help = "of the template" }
#define NAME                                                                                       \
    { .name = "name", .letter = 'n', .value = "NAME", .help = "of the template" }
#define VERSION                                                                                    \
    { .name = "version", .value = "TEXT", .help = "of the template (default: registered last)" }
#define ENVIRONMENT                                                                                \
    {                                                                                              \
        .name = "environment", .letter = 'e', .value = "NAME",                                     \
        .help = "whose overrides apply (default: $TASKER_ENV, development)"                        \
    }
#define EXAMPLES(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
