/*
 * latency.c - one task at a time, from submit to complete, with C handlers.
 *
 *   latency chain|diamond [TASKS]  ──►  {"p50_ms","p99_ms"}
 */
#include "common.h"

#define TASKS_MAX 100000
#define WARM_UP 50
#define WAIT_MS 10000

static int64_t measure(tasker *handle, const char *request) {
    char task_uuid[TASKER_UUID_SIZE];
    tasker_error error = {0};
    tasker_text task = {0};
    int64_t began_us = bench_now_us();
    bench_submit(handle, request, task_uuid);
    if (tasker_task_wait(handle, task_uuid, WAIT_MS, &task, &error) != TASKER_OK) {
        bench_fail("wait", &error);
    }
    int64_t took_us = bench_now_us() - began_us;
    tasker_text_free(&task);
    return took_us;
}

int main(int argc, char **argv) {
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    if (argc < 2 || count == 0 || count > TASKS_MAX) {
        fprintf(stderr, "usage: latency chain|diamond [TASKS]\n");
        return 2;
    }
    char url[BENCH_URL_MAX];
    bench_store(url);
    tasker *handle = bench_open(url);
    bench_worker worker;
    bench_worker_open(&worker, handle);
    bench_worker_start(&worker);
    char *request = bench_request(argv[1], 1);
    int64_t *samples_us = calloc(count, sizeof(*samples_us));
    if (samples_us == NULL) {
        bench_fail("samples", NULL);
    }
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)measure(handle, request);
    }
    for (size_t i = 0; i < count; i++) {
        samples_us[i] = measure(handle, request);
    }
    bench_print_latencies(samples_us, count);
    free(samples_us);
    free(request);
    bench_worker_close(&worker);
    tasker_close(handle);
    bench_store_remove(url);
    return 0;
}
