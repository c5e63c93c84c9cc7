/*
 * commits.c - the reference of the durable figures: SQLite itself, one narrow row per insert, on the
 * same disk and with the same settings as a store.
 *
 *   commits chain [TIMES]       ──►  {"p50_ms","p99_ms"}  five commits one after another
 *   commits ROWS [TRANSACTIONS] ──►  {"rows_s"}           so many one-row inserts in each commit
 *   commits sync [TIMES]        ──►  {"p50_ms","p99_ms"}  the disk alone: 4 KiB written and synced
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "common.h"

#define TRANSACTIONS_MAX 1000000
#define CHAIN_COMMITS 5 /* a submission and four steps */

static sqlite3 *db;
static sqlite3_stmt *begin, *insert, *commit;

static void check(int code, const char *doing) {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fprintf(stderr, "%s: %s\n", doing, sqlite3_errmsg(db));
        exit(1);
    }
}

static void step(sqlite3_stmt *statement, const char *doing) {
    check(sqlite3_step(statement), doing);
    check(sqlite3_reset(statement), doing);
}

static void open_file(const char *path) {
    check(sqlite3_open_v2(path, &db,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL),
          "open");
    check(sqlite3_exec(db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "CREATE TABLE row (id INT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
                       NULL, NULL, NULL),
          "table");
    check(sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL), "prepare");
    check(sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL), "prepare");
    check(sqlite3_prepare_v2(db, "INSERT INTO row VALUES (?, ?)", -1, &insert, NULL), "prepare");
    check(sqlite3_bind_text(insert, 2, "{\"ok\":true,\"note\":\"about as long as a small result\"}",
                            -1, SQLITE_STATIC),
          "bind");
}

static void transact(unsigned long rows) {
    static sqlite3_int64 id;
    step(begin, "begin");
    for (unsigned long i = 0; i < rows; i++) {
        check(sqlite3_bind_int64(insert, 1, ++id), "bind");
        step(insert, "insert");
    }
    step(commit, "commit");
}

static void measure_chain(size_t times) {
    int64_t *samples_us = calloc(times, sizeof(*samples_us));
    if (samples_us == NULL) {
        bench_fail("samples", NULL);
    }
    for (size_t i = 0; i < times; i++) {
        int64_t began_us = bench_now_us();
        for (int k = 0; k < CHAIN_COMMITS; k++) {
            transact(1);
        }
        samples_us[i] = bench_now_us() - began_us;
    }
    bench_print_latencies(samples_us, times);
    free(samples_us);
}

static void measure_sync(const char *path, size_t times) {
    static const char page[4096];
    int64_t *samples_us = calloc(times, sizeof(*samples_us));
    int fd = open(path, O_CREAT | O_WRONLY, 0666);
    if (samples_us == NULL || fd < 0) {
        bench_fail("samples", NULL);
    }
    for (size_t i = 0; i < times; i++) {
        int64_t began_us = bench_now_us();
        if (write(fd, page, sizeof(page)) != sizeof(page) || fdatasync(fd) != 0) {
            bench_fail("sync", NULL);
        }
        samples_us[i] = bench_now_us() - began_us;
    }
    close(fd);
    bench_print_latencies(samples_us, times);
    free(samples_us);
}

static void measure_rows(unsigned long rows, size_t transactions) {
    int64_t began_us = bench_now_us();
    for (size_t i = 0; i < transactions; i++) {
        transact(rows);
    }
    int64_t took_us = bench_now_us() - began_us;
    printf("{\"rows_s\":%.0f}\n", (double)(rows * transactions) * 1e6 / (double)took_us);
}

int main(int argc, char **argv) {
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    unsigned long rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    bool chain = argc > 1 && strcmp(argv[1], "chain") == 0;
    bool sync_only = argc > 1 && strcmp(argv[1], "sync") == 0;
    if ((!chain && !sync_only && rows == 0) || count == 0 || count > TRANSACTIONS_MAX) {
        fprintf(stderr, "usage: commits chain|sync|ROWS [COUNT]\n");
        return 2;
    }
    char path[BENCH_URL_MAX];
    bench_file(path);
    if (sync_only) {
        measure_sync(path, count);
        bench_file_remove(path);
        return 0;
    }
    open_file(path);
    if (chain) {
        measure_chain(count);
    } else {
        measure_rows(rows, count);
    }
    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(commit);
    sqlite3_close(db);
    bench_file_remove(path);
    return 0;
}
