/*
 * pickup.c - from a submission to the begin of its step by an idle worker in another process.
 *
 *   pickup [TASKS]  ──►  {"p50_ms","p99_ms"}
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define TASKS_MAX 100000
#define WARM_UP 10
#define PAUSE_NS 20000000 /* between tasks: the worker has gone to sleep */

static void tell(void *user, const tasker_step *step, tasker_outcome *outcome) {
    int64_t now_us = bench_now_us();
    (void)step;
    if (write(*(int *)user, &now_us, sizeof(now_us)) != sizeof(now_us)) {
        bench_fail("pipe", NULL);
    }
    outcome->result = (tasker_bytes){"{\"ok\":true}", 11};
}

static void worker_process(const char *url, int pipe_in) {
    const tasker_handler handler = {BENCH_CALLABLE, tell, &pipe_in};
    const tasker_worker_options options = {
        .size = sizeof(options), .handlers = &handler, .handler_count = 1, .threads = 1};
    tasker_error error = {0};
    tasker *handle = NULL;
    tasker_worker *worker = NULL;
    if (tasker_open(url, NULL, &handle, &error) != TASKER_OK ||
        tasker_worker_open(handle, &options, &worker, &error) != TASKER_OK ||
        tasker_worker_start(worker, &error) != TASKER_OK) {
        bench_fail("worker", &error);
    }
    tasker_worker_run(worker, NULL); /* until it is ended */
}

static int64_t measure(tasker *handle, const char *request, int pipe_out) {
    int64_t began_us = bench_now_us();
    int64_t started_us = 0;
    bench_submit(handle, request, NULL);
    if (read(pipe_out, &started_us, sizeof(started_us)) != sizeof(started_us)) {
        bench_fail("pipe", NULL);
    }
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    return started_us - began_us;
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    int ends[2];
    char url[BENCH_URL_MAX];
    if (count == 0 || count > TASKS_MAX) {
        fprintf(stderr, "usage: pickup [TASKS]\n");
        return 2;
    }
    bench_store(url);
    tasker *handle = bench_open(url);
    int64_t *samples_us = calloc(count, sizeof(*samples_us));
    if (samples_us == NULL || pipe(ends) != 0) {
        bench_fail("pipe", NULL);
    }
    pid_t child = fork();
    if (child == 0) {
        worker_process(url, ends[1]);
        return 0;
    }
    close(ends[1]);
    char *request = bench_request("one", 1);
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)measure(handle, request, ends[0]);
    }
    for (size_t i = 0; i < count; i++) {
        samples_us[i] = measure(handle, request, ends[0]);
    }
    bench_print_latencies(samples_us, count);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    free(samples_us);
    free(request);
    tasker_close(handle);
    bench_store_remove(url);
    return 0;
}
