/*
 * drain.c - many tasks are there when the workers start: how fast do they work them off?
 *
 *   drain one|chain|diamond [TASKS [PROCESSES]]  ──►  {"steps_s","cpu_us_step","bytes_task",
 *                                                      "wal_task","statements_step"}
 *
 * bytes_task is the size of the store by task: submission, results and history; wal_task what a server
 * wrote to its log, submission included; statements_step what it ran while draining. With PROCESSES,
 * which only PostgreSQL takes, so many workers run, each in a process of its own.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define TASKS_MAX 10000000
#define PROCESSES_MAX 16

/* What a worker process tells: how many steps are saved, and what they cost. */
typedef struct progress {
    uint64_t steps; /* atomic */
    int64_t cpu_us; /* atomic */
    bool began;     /* atomic */
} progress;

static void worker_process(const char *url, progress *mine) {
    tasker_error error = {0};
    tasker *handle = NULL;
    tasker_worker_stats stats = {.size = sizeof(stats)};
    bench_worker worker;
    if (tasker_open(url, NULL, &handle, &error) != TASKER_OK) {
        bench_fail("open", &error);
    }
    bench_worker_open(&worker, handle);
    while (!__atomic_load_n(&mine->began, __ATOMIC_ACQUIRE)) {
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    bench_worker_start(&worker);
    for (;;) { /* until it is ended */
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        tasker_worker_stats_read(worker.worker, &stats);
        __atomic_store_n(&mine->cpu_us, bench_cpu_us(), __ATOMIC_RELAXED);
        __atomic_store_n(&mine->steps, stats.succeeded, __ATOMIC_RELAXED);
        if (stats.failed > 0 || stats.refused > 0 || stats.turns_failed > 0) {
            bench_fail("worker: a step or a turn failed", NULL);
        }
    }
}

static uint64_t steps_of(progress *all, unsigned long processes) {
    uint64_t steps = 0;
    for (unsigned long i = 0; i < processes; i++) {
        steps += __atomic_load_n(&all[i].steps, __ATOMIC_RELAXED);
    }
    return steps;
}

/* Runs the workers until all steps are saved; returns how long that took. */
static int64_t run_processes(const char *url, unsigned long processes, uint64_t steps,
                             int64_t *cpu_us) {
    pid_t children[PROCESSES_MAX];
    progress *all = mmap(NULL, PROCESSES_MAX * sizeof(*all), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        bench_fail("mmap", NULL);
    }
    for (unsigned long i = 0; i < processes; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            worker_process(url, &all[i]);
        }
    }
    sleep(1); /* they have opened the store */
    int64_t began_us = bench_now_us();
    for (unsigned long i = 0; i < processes; i++) {
        __atomic_store_n(&all[i].began, true, __ATOMIC_RELEASE);
    }
    while (steps_of(all, processes) < steps && waitpid(-1, NULL, WNOHANG) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    int64_t took_us = bench_now_us() - began_us;
    for (unsigned long i = 0; i < processes; i++) {
        *cpu_us += __atomic_load_n(&all[i].cpu_us, __ATOMIC_RELAXED);
        kill(children[i], SIGKILL);
    }
    while (waitpid(-1, NULL, 0) > 0) {
    }
    if (steps_of(all, processes) < steps) {
        bench_fail("a worker process ended", NULL);
    }
    return took_us;
}

/* The same in this process. */
static int64_t run_here(tasker *handle, uint64_t steps, int64_t *cpu_us) {
    bench_worker worker;
    bench_worker_open(&worker, handle);
    *cpu_us = -bench_cpu_us();
    int64_t began_us = bench_now_us();
    bench_worker_start(&worker);
    bench_worker_wait(&worker, steps);
    int64_t took_us = bench_now_us() - began_us;
    *cpu_us += bench_cpu_us();
    bench_worker_close(&worker);
    return took_us;
}

int main(int argc, char **argv) {
    unsigned steps = argc > 1 && strcmp(argv[1], "one") == 0 ? 1 : 4;
    unsigned long tasks = argc > 2 ? strtoul(argv[2], NULL, 10) : 40000 / steps;
    unsigned long processes = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    if (argc < 2 || tasks < BENCH_BATCH_MAX || tasks > TASKS_MAX || tasks % BENCH_BATCH_MAX != 0 ||
        processes > PROCESSES_MAX) {
        fprintf(stderr,
                "usage: drain one|chain|diamond [TASKS, a multiple of %d [PROCESSES, up to %d]]\n",
                BENCH_BATCH_MAX, PROCESSES_MAX);
        return 2;
    }
    char url[BENCH_URL_MAX];
    bench_store(url);
    tasker *handle = bench_open(url);
    char *request = bench_request(argv[1], BENCH_BATCH_MAX);
    bench_usage empty = bench_store_usage(url);
    for (unsigned long i = 0; i < tasks; i += BENCH_BATCH_MAX) {
        bench_submit(handle, request, NULL);
    }
    free(request);
    bench_usage before = bench_store_usage(url);
    double total = (double)tasks * steps;
    int64_t cpu_us = 0;
    int64_t took_us = processes > 0 ? run_processes(url, processes, tasks * steps, &cpu_us)
                                    : run_here(handle, tasks * steps, &cpu_us);
    bench_usage after = bench_store_usage(url);
    tasker_close(handle);
    after.bytes = strncmp(url, "sqlite:", 7) == 0 ? bench_store_usage(url).bytes : after.bytes;
    printf("{\"steps_s\":%.0f,\"cpu_us_step\":%.2f,\"bytes_task\":%.0f,\"wal_task\":%.0f,"
           "\"statements_step\":%.3f}\n",
           total * 1e6 / (double)took_us, (double)cpu_us / total, after.bytes / (double)tasks,
           (after.wal_bytes - empty.wal_bytes) / (double)tasks,
           (after.statements - before.statements) / total);
    bench_store_remove(url);
    return 0;
}
