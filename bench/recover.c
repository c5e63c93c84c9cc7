/*
 * recover.c - how soon does work go on?
 *
 *   recover kill [TIMES]     ──►  {"p50_ms","p99_ms"}  from a worker's SIGKILL to the next begin of the step
 *                                                      that it held, in another process
 *   recover restart [TIMES]  ──►  {"p50_ms","p99_ms"}  from the moment in which a server that crashed lets
 *                                                      clients in, to the next claim; the program that
 *                                                      $TASKER_TEST_POSTGRES_CRASH names lets it crash
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define TIMES_MAX 1000
#define WAIT_US INT64_C(60000000)
#define BACKLOG 100000 /* steps of a millisecond each */

/* What the worker processes tell. */
typedef struct shared {
    uint64_t held;        /* atomic: first attempts that the victim began, and never ends */
    int64_t recovered_us; /* atomic: when the other began such a step; 0: not yet */
    uint64_t claimed;     /* atomic: steps, by the other */
} shared;

typedef struct role {
    shared *shared;
    bool victim, slow;
} role;

static void handle_step(void *user, const tasker_step *step, tasker_outcome *outcome) {
    const role *mine = user;
    int64_t now_us = bench_now_us();
    outcome->result = (tasker_bytes){"{\"ok\":true}", 11};
    if (mine->victim) {
        __atomic_add_fetch(&mine->shared->held, 1, __ATOMIC_RELEASE);
        for (;;) {
            (void)pause();
        }
    }
    if (mine->slow) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (step->attempt > 1 && __atomic_load_n(&mine->shared->recovered_us, __ATOMIC_ACQUIRE) == 0) {
        __atomic_store_n(&mine->shared->recovered_us, now_us, __ATOMIC_RELEASE);
    }
}

static void *run(void *worker) {
    tasker_worker_run(worker, NULL);
    return NULL;
}

static void worker_process(const char *url, role mine) {
    const tasker_handler handler = {BENCH_CALLABLE, handle_step, &mine};
    const tasker_worker_options options = {
        .size = sizeof(options), .handlers = &handler, .handler_count = 1, .threads = 1};
    tasker_worker_stats stats = {.size = sizeof(stats)};
    tasker_error error = {0};
    tasker *handle = NULL;
    tasker_worker *worker = NULL;
    pthread_t thread;
    if (tasker_open(url, NULL, &handle, &error) != TASKER_OK ||
        tasker_worker_open(handle, &options, &worker, &error) != TASKER_OK ||
        tasker_worker_start(worker, &error) != TASKER_OK ||
        pthread_create(&thread, NULL, run, worker) != 0) {
        bench_fail("worker", &error);
    }
    for (;;) { /* until it is ended */
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        tasker_worker_stats_read(worker, &stats);
        if (!mine.victim) {
            __atomic_store_n(&mine.shared->claimed, stats.claimed, __ATOMIC_RELEASE);
        }
    }
}

static pid_t worker_start(const char *url, role mine) {
    pid_t child = fork();
    if (child == 0) {
        worker_process(url, mine);
    }
    return child;
}

static bool reached(const uint64_t *counter, uint64_t past, int64_t wait_us) {
    int64_t until_us = bench_now_us() + wait_us;
    while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) <= past) {
        if (bench_now_us() > until_us) {
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return true;
}

static int64_t measure_kill(tasker *handle, const char *request, const char *url, shared *all) {
    pid_t victim = worker_start(url, (role){.shared = all, .victim = true});
    uint64_t held = all->held;
    do { /* whoever is quicker gets it */
        bench_submit(handle, request, NULL);
    } while (!reached(&all->held, held, 20000));
    __atomic_store_n(&all->recovered_us, 0, __ATOMIC_RELEASE);
    (void)nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* its claim is seen by all */
    int64_t killed_us = bench_now_us();
    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
    while (__atomic_load_n(&all->recovered_us, __ATOMIC_ACQUIRE) == 0) {
        if (bench_now_us() > killed_us + WAIT_US) {
            bench_fail("the step was not tried again", NULL);
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return all->recovered_us - killed_us;
}

static int64_t measure_restart(const char *crash, const shared *all) {
    if (system(crash) != 0) { /* NOLINT(cert-env33-c): the harness's own */
        bench_fail("the server does not start again", NULL);
    }
    int64_t back_us = bench_now_us();
    if (!reached(&all->claimed, __atomic_load_n(&all->claimed, __ATOMIC_ACQUIRE), WAIT_US)) {
        bench_fail("no claim behind the restart", NULL);
    }
    return bench_now_us() - back_us;
}

int main(int argc, char **argv) {
    bool kills = argc > 1 && strcmp(argv[1], "kill") == 0;
    bool restarts = argc > 1 && strcmp(argv[1], "restart") == 0;
    size_t times = argc > 2 ? strtoul(argv[2], NULL, 10) : 10;
    char crash[600];
    const char *program = getenv("TASKER_TEST_POSTGRES_CRASH");
    if ((!kills && !restarts) || times == 0 || times > TIMES_MAX || (restarts && program == NULL)) {
        fprintf(stderr, "usage: recover kill|restart [TIMES], within script/with-postgres\n");
        return 2;
    }
    (void)snprintf(crash, sizeof(crash), "%s >/dev/null 2>&1", restarts ? program : "");
    char url[BENCH_URL_MAX];
    bench_store(url);
    tasker *handle = bench_open(url);
    int64_t *samples_us = calloc(times, sizeof(*samples_us));
    shared *all =
        mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (samples_us == NULL || all == MAP_FAILED) {
        bench_fail("memory", NULL);
    }
    char *request = bench_request("one", kills ? 1 : BENCH_BATCH_MAX);
    for (size_t i = 0; restarts && i < BACKLOG / BENCH_BATCH_MAX; i++) {
        bench_submit(handle, request, NULL);
    }
    pid_t other = worker_start(url, (role){.shared = all, .slow = restarts});
    (void)sleep(1);
    for (size_t i = 0; i < times; i++) {
        samples_us[i] =
            kills ? measure_kill(handle, request, url, all) : measure_restart(crash, all);
    }
    bench_print_latencies(samples_us, times);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    free(request);
    free(samples_us);
    tasker_close(handle);
    bench_store_remove(url);
    return 0;
}
