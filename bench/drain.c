/*
 * drain.c - many tasks are there when the worker starts: how fast does it work them off?
 *
 *   drain one|chain [TASKS]  ──►  {"steps_s","cpu_us_step","bytes_task"}
 *
 * bytes_task is the size of the file, its log copied back into it, by task: submission, results and
 * history.
 */
#include <sys/stat.h>

#include "common.h"

#define TASKS_MAX 10000000

static double file_bytes(const char *path) {
    struct stat file;
    return stat(path, &file) == 0 ? (double)file.st_size : 0;
}

int main(int argc, char **argv) {
    unsigned steps = argc > 1 && strcmp(argv[1], "one") == 0 ? 1 : 4;
    unsigned long tasks = argc > 2 ? strtoul(argv[2], NULL, 10) : 40000 / steps;
    if (argc < 2 || tasks < BENCH_BATCH_MAX || tasks > TASKS_MAX || tasks % BENCH_BATCH_MAX != 0) {
        fprintf(stderr, "usage: drain one|chain [TASKS, a multiple of %d]\n", BENCH_BATCH_MAX);
        return 2;
    }
    char path[BENCH_FILE_MAX];
    bench_file(path);
    tasker *handle = bench_open(path);
    char *request = bench_request(argv[1], BENCH_BATCH_MAX);
    for (unsigned long i = 0; i < tasks; i += BENCH_BATCH_MAX) {
        bench_submit(handle, request, NULL);
    }
    free(request);
    bench_worker worker;
    bench_worker_open(&worker, handle);
    int64_t cpu_us = bench_cpu_us();
    int64_t began_us = bench_now_us();
    bench_worker_start(&worker);
    bench_worker_wait(&worker, (uint64_t)tasks * steps);
    int64_t took_us = bench_now_us() - began_us;
    cpu_us = bench_cpu_us() - cpu_us;
    bench_worker_close(&worker);
    tasker_close(handle);
    double total = (double)tasks * steps;
    printf("{\"steps_s\":%.0f,\"cpu_us_step\":%.2f,\"bytes_task\":%.0f}\n",
           total * 1e6 / (double)took_us, (double)cpu_us / total, file_bytes(path) / (double)tasks);
    bench_file_remove(path);
    return 0;
}
