/*
 * workers.h - the workers that the store knows, and which of them live.
 *
 * The store keeps the row of a worker that was killed until another one takes its steps over. Whether
 * a worker lives is seen by its process when that is of this host, else by its beat, which must move
 * while we listen. Times of other machines decide nothing.
 */
#ifndef CLI_WORKERS_H
#define CLI_WORKERS_H

#include "cli.h"

#define WORKERS_LISTEN_MS 7000 /* an idle worker beats every 5 s */

typedef enum worker_life {
    WORKER_UNKNOWN = 0,
    WORKER_RUNS,
    WORKER_GONE,
    WORKER_SILENT
} worker_life;

typedef struct worker_seen {
    int64_t id, beat; /* as the first look found it */
    worker_life life;
} worker_seen;

typedef struct workers {
    tk_json answer; /* of the last look: an array */
    worker_seen *seen;
    size_t count;
} workers;

/* workers_look reads the workers and looks for their processes. */
cli_exit workers_look(cli *c, workers *w);

/* workers_listen waits for the beat of those whose process tells nothing; afterwards none is UNKNOWN.
 * Blocks up to WORKERS_LISTEN_MS. */
cli_exit workers_listen(cli *c, workers *w);

/* workers_life says so of one in the answer; one that came after the first look runs. */
worker_life workers_life(const workers *w, tk_json worker);

/* workers_lacking tells why a step of the task that is ready finds no worker, or NULL: one may take
 * it. */
const char *workers_lacking(cli *c, tk_json task);

#endif
