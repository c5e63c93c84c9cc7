/*
 * live.h - follows tasks until they rest: a list that is drawn again on a terminal, a line for each
 * change elsewhere.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli.h"

typedef struct live_request {
    const char **uuids; /* 1..CLI_ARGUMENTS_MAX tasks or more */
    size_t count;
    int64_t timeout_ms; /* -1: for ever */
    bool notes;         /* lines of standard input appear above the list */
    bool title;         /* plain lines begin with which task it is */
} live_request;

/* live_run follows the tasks; with --json it only waits and prints them at the end (one as an object,
 * several as an array). OK when all ended well, PROBLEM when one did not, TIMEOUT. */
cli_exit live_run(cli *c, const live_request *request);

#endif
