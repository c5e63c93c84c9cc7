/*
 * common.h - what the benches share: a store to measure in, templates, requests, time, answers.
 *
 * A bench runs one round of one figure and prints it as one line of JSON; script/bench repeats the
 * rounds, alternates them with their references, and prints the medians.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasker.h"

#define BENCH_CALLABLE "Noop"
#define BENCH_URL_MAX 512
#define BENCH_BATCH_MAX 1000 /* tasks of one submission */

/* bench_now_us is the monotonic clock. */
int64_t bench_now_us(void);

/* bench_cpu_us is the processor time of this process so far, of all its threads. */
int64_t bench_cpu_us(void);

/* bench_fail says what went wrong and ends the program. */
void bench_fail(const char *doing, const tasker_error *error);

/* bench_file names a new SQLite file in $TASKER_BENCH_DIR (build/bench-data) and removes what an earlier
 * run left there. */
void bench_file(char path[BENCH_URL_MAX]);
void bench_file_remove(const char *path);

/* bench_store names a new, empty store: a SQLite file, or, where TASKER_STORE is the URL of a PostgreSQL
 * database, that one without its schema tasker. bench_store_remove takes it away again. */
void bench_store(char url[BENCH_URL_MAX]);
void bench_store_remove(const char *url);

/* What a store took so far. Of a file only its size is known. */
typedef struct bench_usage {
    double bytes;      /* of the file, or of all tables and indexes */
    double wal_bytes;  /* written to the server's log */
    double statements; /* run by the server, without BEGIN, COMMIT and these looks */
} bench_usage;

bench_usage bench_store_usage(const char *url);

/* bench_open opens a store with the three templates of the benches: "one", "chain" (four steps in a row)
 * and "diamond" (1-2-1). */
tasker *bench_open(const char *url);

/* bench_request writes the request of `count` tasks of a template: an object for one, else an array.
 * The text is the caller's to free. */
char *bench_request(const char *template_name, unsigned count);

/* bench_submit submits a request and, `task_uuid` not NULL, reads the id of its one task. */
void bench_submit(tasker *handle, const char *request, char *task_uuid);

/* A running worker whose handler does nothing: one host thread beside the pump. */
typedef struct bench_worker {
    tasker_worker *worker;
    pthread_t thread;
} bench_worker;

void bench_worker_open(bench_worker *w, tasker *handle);
void bench_worker_start(bench_worker *w);
void bench_worker_wait(bench_worker *w, uint64_t succeeded); /* until so many outcomes are saved */
void bench_worker_close(bench_worker *w);

/* bench_print_latencies sorts and prints {"p50_ms","p99_ms"}. */
void bench_print_latencies(int64_t *samples_us, size_t count);

#endif
