/*
 * idle.c - what a worker costs that has nothing to do.
 *
 *   idle [SECONDS]  ──►  {"cpu_percent","statements_s"}
 *
 * Statements are counted by SQLite itself, on every connection of the process, or by the server, without
 * those that only begin and end a transaction.
 */
#include <sqlite3.h>
#include <unistd.h>

#include "common.h"

#define SECONDS_MAX 3600

static uint64_t statements; /* atomic */

static int count_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind;
    (void)context;
    (void)text;
    const char *sql = sqlite3_sql(statement);
    if (strncmp(sql, "BEGIN", 5) != 0 && strncmp(sql, "COMMIT", 6) != 0) {
        __atomic_add_fetch(&statements, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

static int watch(sqlite3 *db, char **error, const struct sqlite3_api_routines *api) {
    (void)error;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_statement, NULL);
}

static double count(const char *url) {
    return (double)__atomic_load_n(&statements, __ATOMIC_RELAXED) +
           bench_store_usage(url).statements;
}

int main(int argc, char **argv) {
    unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
    if (seconds == 0 || seconds > SECONDS_MAX) {
        fprintf(stderr, "usage: idle [SECONDS]\n");
        return 2;
    }
    char url[BENCH_URL_MAX];
    bench_store(url);
    sqlite3_auto_extension((void (*)(void))watch);
    tasker *handle = bench_open(url);
    bench_worker worker;
    bench_worker_open(&worker, handle);
    bench_worker_start(&worker);
    sleep(6); /* its first beats, until it knows that it is idle */
    double before = count(url);
    int64_t cpu_us = bench_cpu_us();
    sleep((unsigned)seconds);
    double after = count(url);
    cpu_us = bench_cpu_us() - cpu_us;
    printf("{\"cpu_percent\":%.4f,\"statements_s\":%.2f}\n", (double)cpu_us / 1e4 / (double)seconds,
           (after - before) / (double)seconds);
    bench_worker_close(&worker);
    tasker_close(handle);
    bench_store_remove(url);
    return 0;
}
