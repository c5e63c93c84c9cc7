/*
 * due.c - from a delayed task's time to the begin of its step, by an idle worker in another process.
 *
 *   due [TASKS]  ──►  {"p50_ms","p99_ms"}
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define TASKS_MAX 1000
#define REQUEST "{\"name\":\"one\",\"namespace\":\"bench\",\"context\":{\"n\":1},\"delay\":0.25}"
#define DELAY_US 250000

static int64_t wall_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void tell(void *user, const tasker_step *step, tasker_outcome *outcome) {
    int64_t late_us = wall_us() - (step->task_created_at_us + DELAY_US);
    if (write(*(int *)user, &late_us, sizeof(late_us)) != sizeof(late_us)) {
        bench_fail("pipe", NULL);
    }
    outcome->result = (tasker_bytes){"{\"ok\":true}", 11};
}

static void worker_process(const char *url, int *results) {
    const tasker_handler handler = {BENCH_CALLABLE, tell, results};
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

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
    int results[2];
    char url[BENCH_URL_MAX];
    if (count == 0 || count > TASKS_MAX) {
        fprintf(stderr, "usage: due [TASKS]\n");
        return 2;
    }
    bench_store(url);
    int64_t *samples_us = calloc(count, sizeof(*samples_us));
    if (samples_us == NULL || pipe(results) != 0) {
        bench_fail("pipe", NULL);
    }
    pid_t child = fork(); /* before this process opens the store */
    if (child == 0) {
        close(results[0]);
        worker_process(url, &results[1]);
        return 0;
    }
    close(results[1]);
    tasker *handle = bench_open(url);
    for (size_t i = 0; i < count; i++) {
        bench_submit(handle, REQUEST, NULL);
        if (read(results[0], &samples_us[i], sizeof(*samples_us)) != sizeof(*samples_us)) {
            bench_fail("pipe", NULL);
        }
    }
    bench_print_latencies(samples_us, count);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    free(samples_us);
    tasker_close(handle);
    bench_store_remove(url);
    return 0;
}
