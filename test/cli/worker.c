/*
 * worker.c - a native worker for the tests of the command line; runs until SIGTERM.
 *
 *   worker STORE-URL
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <tasker.h>
#include <time.h>

enum { THREADS = 4 };

#define LITERAL(text) ((tasker_bytes){(text), sizeof(text) - 1})

/* Returns the context. */
static void echo(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    outcome->ok = true;
    outcome->result = step->context;
}

static void fail(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    (void)step;
    outcome->ok = false;
    outcome->retryable = false;
    outcome->retry_after_ms = -1;
    outcome->error_message = LITERAL("no \x1b[31mgood\x1b[0m at all\nand a second line");
    outcome->backtrace = LITERAL("somewhere.c:12\nelsewhere.c:34");
    outcome->error_class = LITERAL("TestError");
}

/* Fails once, then succeeds. */
static void flaky(void *user, const tasker_step *step, tasker_outcome *outcome) {
    if (step->attempts_before == 0) {
        fail(user, step, outcome);
        outcome->retryable = true;
        return;
    }
    outcome->ok = true;
    outcome->result = LITERAL("\"at last\"");
}

static void slow(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    (void)step;
    nanosleep(&(struct timespec){.tv_nsec = 600 * 1000 * 1000}, NULL);
    outcome->ok = true;
    outcome->result = LITERAL("18446744073709551616");
}

static const tasker_handler handlers[] = {
    {"cli.echo", echo, NULL},
    {"cli.fail", fail, NULL},
    {"cli.flaky", flaky, NULL},
    {"cli.slow", slow, NULL},
};

static void *run(void *worker) {
    tasker_worker_run(worker, NULL);
    return NULL;
}

int main(int argc, char **argv) {
    sigset_t signals;
    int signal_number = 0;
    tasker *store = NULL;
    tasker_worker *worker = NULL;
    tasker_error error = {0};
    pthread_t threads[THREADS];
    tasker_worker_options options = {
        .size = sizeof(options),
        .handlers = handlers,
        .handler_count = sizeof(handlers) / sizeof(handlers[0]),
        .name = "test\x1b[2Jworker",
        .threads = THREADS,
    };
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (argc != 2 || tasker_open(argv[1], NULL, &store, &error) != TASKER_OK ||
        tasker_worker_open(store, &options, &worker, &error) != TASKER_OK ||
        tasker_worker_start(worker, &error) != TASKER_OK) {
        fprintf(stderr, "worker: %s\n", error.message);
        return 1;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, run, worker);
    }
    sigwait(&signals, &signal_number);
    tasker_worker_stop(worker, 2000, NULL);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    tasker_worker_close(worker);
    tasker_close(store);
    return 0;
}
