/*
 * endure.c - does the rate last? Tasks of one step are submitted and worked off at once, in one process.
 *
 *   endure tenths [TASKS]      ──►  {"first_s","last_s","ratio"}        rates of the first and last tenth
 *   endure snapshot [SECONDS]  ──►  {"clean_s","held_s","ratio","fall"}
 *
 * `snapshot` runs so long without and then so long beside a transaction that holds a snapshot, which
 * keeps the server from taking any room back. "ratio" is its rate beside the clean one, "fall" that of its
 * last third beside its first.
 */
#include <time.h>

#include "common.h"

#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#define TASKS_MAX 100000000
#define SECONDS_MAX 86400
#define BACKLOG_MAX 5000 /* submitted and not done */
#define BATCH 100
#define WARM_UP_TASKS 20000

typedef struct load {
    tasker *handle;
    pthread_t thread;
    uint64_t submitted, done; /* atomic */
    bool over;                /* atomic */
} load;

static void pause_shortly(void) {
    (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

static void *submit_always(void *argument) {
    load *l = argument;
    char *request = bench_request("one", BATCH);
    while (!__atomic_load_n(&l->over, __ATOMIC_ACQUIRE)) {
        uint64_t open = l->submitted - __atomic_load_n(&l->done, __ATOMIC_ACQUIRE);
        if (open + BATCH > BACKLOG_MAX) {
            pause_shortly();
        } else {
            bench_submit(l->handle, request, NULL);
            __atomic_add_fetch(&l->submitted, BATCH, __ATOMIC_RELEASE);
        }
    }
    free(request);
    return NULL;
}

static uint64_t look(load *l, bench_worker *worker) {
    tasker_worker_stats stats = {.size = sizeof(stats)};
    tasker_worker_stats_read(worker->worker, &stats);
    if (stats.failed > 0 || stats.refused > 0 || stats.turns_failed > 0) {
        bench_fail("worker: a step or a turn failed", NULL);
    }
    __atomic_store_n(&l->done, stats.succeeded, __ATOMIC_RELEASE);
    return stats.succeeded;
}

/* Steps a second until so many are done in all. */
static double rate_until(load *l, bench_worker *worker, uint64_t done) {
    int64_t began_us = bench_now_us();
    uint64_t before = look(l, worker);
    while (look(l, worker) < done) {
        pause_shortly();
    }
    return (double)(l->done - before) * 1e6 / (double)(bench_now_us() - began_us);
}

static double rate_for(load *l, bench_worker *worker, double seconds) {
    int64_t began_us = bench_now_us();
    int64_t took_us = 0;
    uint64_t before = look(l, worker);
    while ((took_us = bench_now_us() - began_us) < (int64_t)(seconds * 1e6)) {
        (void)look(l, worker);
        pause_shortly();
    }
    return (double)(look(l, worker) - before) * 1e6 / (double)took_us;
}

static void tenths(load *l, bench_worker *worker, uint64_t tasks) {
    double rates[10];
    (void)rate_until(l, worker, WARM_UP_TASKS);
    for (unsigned i = 0; i < 10; i++) {
        rates[i] = rate_until(l, worker, WARM_UP_TASKS + tasks / 10 * (i + 1));
        fprintf(stderr, "tenth %u: %.0f/s\n", i + 1, rates[i]);
    }
    printf("{\"first_s\":%.0f,\"last_s\":%.0f,\"ratio\":%.3f}\n", rates[0], rates[9],
           rates[9] / rates[0]);
}

#ifdef TK_WITH_POSTGRES
static PGconn *snapshot_take(const char *url) {
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ;"
                                          "SELECT count(*) FROM pg_catalog.pg_class");
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        bench_fail(PQerrorMessage(connection), NULL);
    }
    PQclear(result);
    return connection;
}

static void snapshot(load *l, bench_worker *worker, const char *url, double seconds) {
    double thirds[3];
    (void)rate_until(l, worker, WARM_UP_TASKS);
    double clean = rate_for(l, worker, seconds);
    PGconn *holder = snapshot_take(url);
    for (int i = 0; i < 3; i++) {
        thirds[i] = rate_for(l, worker, seconds / 3);
    }
    PQfinish(holder);
    double held = (thirds[0] + thirds[1] + thirds[2]) / 3;
    printf("{\"clean_s\":%.0f,\"held_s\":%.0f,\"ratio\":%.3f,\"fall\":%.3f}\n", clean, held,
           held / clean, thirds[2] / thirds[0]);
}
#else
static void snapshot(load *l, bench_worker *worker, const char *url, double seconds) {
    (void)l, (void)worker, (void)url, (void)seconds;
    bench_fail("this build has no PostgreSQL", NULL);
}
#endif

int main(int argc, char **argv) {
    bool by_tasks = argc > 1 && strcmp(argv[1], "tenths") == 0;
    bool by_time = argc > 1 && strcmp(argv[1], "snapshot") == 0;
    unsigned long size = argc > 2 ? strtoul(argv[2], NULL, 10) : by_tasks ? 200000 : 60;
    if ((!by_tasks && !by_time) || size == 0 || size > (by_tasks ? TASKS_MAX : SECONDS_MAX) ||
        (by_tasks && size % (10UL * BATCH) != 0)) {
        fprintf(stderr, "usage: endure tenths [TASKS, a multiple of %d] | snapshot [SECONDS]\n",
                10 * BATCH);
        return 2;
    }
    char url[BENCH_URL_MAX];
    bench_worker worker;
    bench_store(url);
    if (by_time && strncmp(url, "postgres", 8) != 0) {
        bench_fail("only a server has snapshots that hold it up: set TASKER_STORE", NULL);
    }
    load l = {.handle = bench_open(url)};
    bench_worker_open(&worker, l.handle);
    bench_worker_start(&worker);
    if (pthread_create(&l.thread, NULL, submit_always, &l) != 0) {
        bench_fail("thread", NULL);
    }
    if (by_tasks) {
        tenths(&l, &worker, size);
    } else {
        snapshot(&l, &worker, url, (double)size);
    }
    __atomic_store_n(&l.over, true, __ATOMIC_RELEASE);
    pthread_join(l.thread, NULL);
    bench_worker_close(&worker);
    tasker_close(l.handle);
    bench_store_remove(url);
    return 0;
}
