/*
 * submit.c - how many tasks a second can be submitted, each call one durable transaction.
 *
 *   submit 1|100 [CALLS]  ──►  {"tasks_s","wal_task"}
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
    char url[BENCH_URL_MAX];
    bench_store(url);
    tasker *handle = bench_open(url);
    char *request = bench_request("one", (unsigned)batch);
    bench_usage before = bench_store_usage(url);
    int64_t began_us = bench_now_us();
    for (unsigned long i = 0; i < calls; i++) {
        bench_submit(handle, request, NULL);
    }
    int64_t took_us = bench_now_us() - began_us;
    double tasks = (double)(batch * calls);
    bench_usage after = bench_store_usage(url);
    printf("{\"tasks_s\":%.0f,\"wal_task\":%.0f}\n", tasks * 1e6 / (double)took_us,
           (after.wal_bytes - before.wal_bytes) / tasks);
    free(request);
    tasker_close(handle);
    bench_store_remove(url);
    return 0;
}
