/*
 * submit.c - how many tasks a second can be submitted, each call one durable transaction.
 *
 *   submit 1|100 [CALLS]  ──►  {"tasks_s"}
 */
#include "common.h"

#define CALLS_MAX 1000000

int main(int argc, char **argv) {
    unsigned long batch = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long calls = argc > 2 ? strtoul(argv[2], NULL, 10) : batch > 1 ? 400 : 5000;
    if (batch == 0 || batch > BENCH_BATCH_MAX || calls == 0 || calls > CALLS_MAX) {
        fprintf(stderr, "usage: submit TASKS_PER_CALL [CALLS]\n");
        return 2;
    }
    char path[BENCH_FILE_MAX];
    bench_file(path);
    tasker *handle = bench_open(path);
    char *request = bench_request("one", (unsigned)batch);
    int64_t began_us = bench_now_us();
    for (unsigned long i = 0; i < calls; i++) {
        bench_submit(handle, request, NULL);
    }
    int64_t took_us = bench_now_us() - began_us;
    printf("{\"tasks_s\":%.0f}\n", (double)(batch * calls) * 1e6 / (double)took_us);
    free(request);
    tasker_close(handle);
    bench_file_remove(path);
    return 0;
}
