/*
 * worker.c - the handlers of test/kill/handlers.rb and test/chaos/handlers.rb in C, for workers that
 * live and die beside Ruby's; runs until SIGTERM.
 *
 *   chaos-worker STORE-URL RECORD
 *
 * Before a handler returns it appends a line to the record: step, attempt, checksum of the result.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tasker.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, LINE_BYTES = 64, STOP_MS = 5000 };

#define LITERAL(text) ((tasker_bytes){(text), sizeof(text) - 1})

static int record_fd = -1;
static _Thread_local char result_text[512];

/* --- the record --- */

/* As zlib's. */
static uint32_t checksum(const char *text) {
    uint32_t sum = UINT32_MAX;
    for (; *text != '\0'; text++) {
        sum ^= (unsigned char)*text;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
        }
    }
    return ~sum;
}

static void succeed(const tasker_step *step, int64_t value, int padding, tasker_outcome *outcome) {
    char line[LINE_BYTES + 1];
    if (padding < 0) {
        snprintf(result_text, sizeof(result_text), "{\"value\":%" PRId64 "}", value);
    } else {
        snprintf(result_text, sizeof(result_text), "{\"value\":%" PRId64 ",\"padding\":\"%0*d\"}",
                 value, padding + 1, 0);
    }
    int size = snprintf(line, sizeof(line), "%s %5" PRIu32 " %020" PRIx32 "\n", step->step_id,
                        step->attempt, checksum(result_text));
    if (size != LINE_BYTES || write(record_fd, line, LINE_BYTES) != LINE_BYTES) {
        abort();
    }
    outcome->ok = true;
    outcome->result = (tasker_bytes){result_text, strlen(result_text)};
}

/* --- handlers --- */

/* A member that is a whole number; the texts here have it once, and end with a bracket. */
static int64_t number(tasker_bytes json, const char *name) {
    char text[2048] = "";
    memcpy(text, json.data, json.size < sizeof(text) - 1 ? json.size : sizeof(text) - 1);
    const char *at = strstr(text, name);
    if (at == NULL) {
        abort();
    }
    at += strlen(name);
    return strtoll(at + strspn(at, "\": "), NULL, 10);
}

static bool is_parent(const char *step, const char *other) {
    static const struct {
        const char *step, *parents;
    } all[] = {{"two", "one"},      {"three", "two"},   {"four", "three"},
               {"five", "four"},    {"six", "five"},    {"left", "split"},
               {"middle", "split"}, {"right", "split"}, {"join", "left middle right"}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].step, step) == 0) {
            return strstr(all[i].parents, other) != NULL;
        }
    }
    return false;
}

static void add(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    int64_t sum = 0;
    int parents = 0;
    for (size_t i = 0; i < step->dependency_count; i++) {
        if (is_parent(step->step_name, step->dependencies[i].name)) {
            sum += number(step->dependencies[i].result, "\"value\"");
            parents++;
        }
    }
    if (parents == 0) {
        sum = number(step->context, "\"number\"");
    }
    unsigned chance = (unsigned)sum * 2654435761U ^ step->attempt;
    if (chance % 3 != 0) {
        nanosleep(&(struct timespec){.tv_nsec = chance % 20 * 1000000L}, NULL);
    }
    succeed(step, sum + 1, (int)(chance % 200), outcome);
}

static void moody(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    if (step->attempt % 5 == 0) {
        succeed(step, step->attempt, -1, outcome);
        return;
    }
    outcome->ok = false;
    outcome->retryable = true;
    outcome->retry_after_ms = -1;
    outcome->error_message = LITERAL("this attempt fails");
    outcome->error_class = LITERAL("Moody");
}

static void after(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    succeed(step, 1, -1, outcome);
}

static const tasker_handler handlers[] = {
    {"Kill::Add", add, NULL},
    {"Kill::Moody", moody, NULL},
    {"Kill::After", after, NULL},
};

/* --- the program --- */

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
    const tasker_worker_options options = {
        .size = sizeof(options),
        .handlers = handlers,
        .handler_count = sizeof(handlers) / sizeof(handlers[0]),
        .threads = THREADS,
    };
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    record_fd = argc == 3 ? open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (record_fd < 0 || tasker_open(argv[1], NULL, &store, &error) != TASKER_OK ||
        tasker_worker_open(store, &options, &worker, &error) != TASKER_OK ||
        tasker_worker_start(worker, &error) != TASKER_OK) {
        fprintf(stderr, "chaos-worker: %s\n", error.message);
        return 1;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, run, worker);
    }
    fprintf(stderr, "chaos-worker runs; SIGINT or SIGTERM ends it\n");
    sigwait(&signals, &signal_number);
    tasker_status status = tasker_worker_stop(worker, STOP_MS, &error);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    tasker_worker_close(worker);
    tasker_close(store);
    return status == TASKER_OK ? 0 : 1;
}
