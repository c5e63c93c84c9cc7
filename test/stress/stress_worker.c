/*
 * stress_worker.c - one process as applications run it, with many threads at once: the pump, hosts
 * that take and end steps, submitters, operators who cancel, retry and resolve, readers, wake-ups, and
 * somebody who takes the worker for dead while it works; on a store in memory and on a file. For ThreadSanitizer, and for what only real threads show.
 *
 * In the end everything must rest, and the store's own check must find nothing.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handle.h"

#define HOSTS 4
#define SUBMITTERS 2
#define TASKS_MAX 4096
#define CLIENTS (SUBMITTERS + 2) /* and an operator, and one who takes the worker for dead */
#define DEATH_MS 400
#define RUN_MS 3000
#define REST_MS 60000

static const char yaml[] =
    "name: stress\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
    "  - {name: a, handler: {callable: quick}}\n"
    "  - {name: b, handler: {callable: quick}, dependencies: [a]}\n"
    "  - {name: c, handler: {callable: flaky}, dependencies: [a], timeout_seconds: 1,\n"
    "     retry: {limit: 4, backoff: linear, backoff_base_ms: 5}}\n"
    "  - {name: d, handler: {callable: quick}, dependencies: [b, c]}\n";

typedef struct stress {
    tasker *handle;
    tasker_worker *worker;
    char tasks[TASKS_MAX][TASKER_UUID_SIZE];
    atomic_uint task_count;
    atomic_uint slots; /* of `tasks`, taken; a task is there once it is counted in its slot */
    atomic_bool over;  /* no more submissions and deeds */
    atomic_ulong handled, refused;
} stress;

static void fail(const char *what, const tasker_error *error) {
    (void)fprintf(stderr, "stress_worker: %s: %s\n", what, error == NULL ? "" : error->message);
    exit(1);
}

/* Refused outcomes are warned of, and meant. */
static void log_errors(void *user, tasker_log_level level, const char *line) {
    (void)user;
    if (level == TASKER_LOG_ERROR) {
        (void)fprintf(stderr, "stress_worker: %s\n", line);
    }
}

/* --- hosts --- */

static void finish(stress *s, tasker_step *step, uint64_t chance) {
    tasker_error error = {0};
    tasker_outcome outcome = {.ok = true, .result = {"{\"done\":true}", 13}, .retry_after_ms = -1};
    if (strcmp(step->callable, "flaky") == 0 && chance % 3 == 0) {
        outcome = (tasker_outcome){.retryable = true,
                                   .retry_after_ms = chance % 2 == 0 ? -1 : 3,
                                   .error_message = {"not now", 7}};
    }
    tasker_status status = TASKER_OK;
    if (chance % 37 == 0) {
        status = tasker_worker_release(s->worker, step->event_id, chance % 2 == 0, &error);
    } else {
        if (chance % 41 == 0) {
            (void)tasker_worker_extend(s->worker, step->event_id, 500, &error);
        }
        status = tasker_worker_complete(s->worker, step->event_id, &outcome, &error);
    }
    if (status != TASKER_OK && status != TASKER_LOST && status != TASKER_NOTFOUND) {
        fail("a step cannot be ended", &error);
    }
    atomic_fetch_add(status == TASKER_OK ? &s->handled : &s->refused, 1);
    tasker_step_free(step);
}

static void *host(void *argument) {
    stress *s = argument;
    for (;;) {
        tasker_step *step = NULL;
        uint64_t chance = tk_random_next(&tk_random_system);
        tasker_status status = tasker_worker_next(s->worker, chance % 5 == 0 ? 0 : -1, &step, NULL);
        if (status == TASKER_CLOSED) {
            return NULL;
        }
        if (status == TASKER_OK) {
            if (chance % 64 == 0) {
                (void)usleep((useconds_t)(chance % 5000));
            }
            finish(s, step, chance);
        }
    }
}

/* --- clients --- */

static void *submitter(void *argument) {
    stress *s = argument;
    while (!atomic_load(&s->over)) {
        static const char request[] = "{\"name\":\"stress\",\"namespace\":\"test\",\"context\":{}}";
        tasker_error error = {0};
        tasker_text answer = {NULL, 0};
        uint32_t slot = atomic_fetch_add(&s->slots, 1);
        if (slot >= TASKS_MAX) {
            return NULL;
        }
        if (tasker_submit(s->handle, (tasker_bytes){request, sizeof(request) - 1}, &answer,
                          &error) != TASKER_OK) {
            fail("a submission fails", &error);
        }
        const char *id = strstr(answer.data, "\"task_uuid\":\"");
        if (id == NULL) {
            fail("a submission has no answer", NULL);
        }
        memcpy(s->tasks[slot], id + 13, TASKER_UUID_SIZE - 1);
        tasker_text_free(&answer);
        /* only submitters that came before are waited for: the count grows in order of the slots */
        while (atomic_load(&s->task_count) != slot) {
            (void)usleep(10);
        }
        atomic_store(&s->task_count, slot + 1);
        (void)usleep((useconds_t)(tk_random_next(&tk_random_system) % 2000));
    }
    return NULL;
}

static void expect(tasker_status status, const char *what, const tasker_error *error) {
    if (status != TASKER_OK && status != TASKER_CONFLICT && status != TASKER_NOTFOUND) {
        fail(what, error);
    }
}

static void *operator(void *argument) {
    stress *s = argument;
    while (!atomic_load(&s->over)) {
        tasker_error error = {0};
        uint64_t chance = tk_random_next(&tk_random_system);
        uint32_t count = atomic_load(&s->task_count);
        (void)usleep((useconds_t)(chance % 3000));
        if (count == 0) {
            continue;
        }
        uint32_t near = count < 20 ? count : 20;
        char id[TASKER_UUID_SIZE];
        memcpy(id, s->tasks[count - 1 - (uint32_t)(chance >> 8) % near], sizeof(id));
        char step[TASKER_UUID_SIZE];
        memcpy(step, id, sizeof(step));
        step[TASKER_UUID_SIZE - 2] = (char)('1' + chance % 5); /* the steps, and one that is none */
        switch ((chance >> 40) % 6) {
        case 0:
            expect(tasker_task_cancel(s->handle, id, NULL, &error), "cancel", &error);
            break;
        case 1:
            expect(tasker_step_retry(s->handle, step, NULL, &error), "retry", &error);
            break;
        case 2:
            expect(tasker_step_resolve(s->handle, step, (tasker_bytes){"1", 1}, NULL, &error),
                   "resolve", &error);
            break;
        case 3:
            expect(tasker_step_complete(s->handle, step, (tasker_bytes){"2", 1}, NULL, &error),
                   "complete", &error);
            break;
        case 4: {
            tasker_text task = {NULL, 0};
            tasker_status status = tasker_task_wait(s->handle, id, 5, &task, &error);
            expect(status == TASKER_TIMEOUT ? TASKER_OK : status, "wait", &error);
            tasker_text_free(&task);
            break;
        }
        default: {
            tasker_text answer = {NULL, 0};
            tasker_worker_stats stats = {.size = sizeof(stats)};
            tasker_worker_stats_read(s->worker, &stats);
            tasker_worker_wake(s->worker);
            expect(tasker_query(s->handle, TASKER_QUERY_COUNTS, (tasker_bytes){"{}", 2}, &answer,
                                &error),
                   "query", &error);
            tasker_text_free(&answer);
            break;
        }
        }
    }
    return NULL;
}

/* Ends what the worker holds, as who saw it stand still would: it goes on under another number. */
static void take_for_dead(stress *s) {
    tk_engine *engine = &s->handle->engine;
    tk_arena arena = {0};
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    tasker_error error = {0};
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, worker_list, &arena, &rows, &count, &error);
    }
    status = tk_verb_finish(engine, status, &error);
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        bool done = false;
        status = tk_recover(engine, rows[i].id, rows[i].beat, &done, &error);
    }
    if (status != TASKER_OK) {
        fail("a worker cannot be taken for dead", &error);
    }
    tk_arena_release(&arena);
}

static void *reaper(void *argument) {
    stress *s = argument;
    while (!atomic_load(&s->over)) {
        take_for_dead(s);
        for (int ms = 0; ms < DEATH_MS && !atomic_load(&s->over); ms++) {
            tasker_worker_stats stats = {.size = sizeof(stats)};
            tasker_worker_stats_read(s->worker, &stats);
            if (tasker_worker_turn(s->worker, NULL) != TASKER_INVALID ||
                tasker_worker_start(s->worker, NULL) != TASKER_INVALID) {
                fail("a worker that was started turns, or starts again", NULL);
            }
            (void)usleep(1000);
        }
    }
    return NULL;
}

/* --- one run --- */

static void wait_for_rest(stress *s) {
    uint32_t count = atomic_load(&s->task_count);
    int64_t until_us = tk_clock_monotonic(&tk_clock_system) + REST_MS * INT64_C(1000);
    for (uint32_t i = 0; i < count; i++) {
        tasker_error error = {0};
        tasker_text task = {NULL, 0};
        int64_t left_us = until_us - tk_clock_monotonic(&tk_clock_system);
        if (tasker_task_wait(s->handle, s->tasks[i], left_us > 0 ? left_us / 1000 : 0, &task,
                             &error) != TASKER_OK) {
            (void)fprintf(stderr, "%s\n", task.data == NULL ? "" : task.data);
            fail("a task does not come to rest", &error);
        }
        tasker_text_free(&task);
    }
}

static void check(stress *s) {
    tasker_error error = {0};
    tasker_text report = {NULL, 0};
    if (tasker_store_check(s->handle, &report, &error) != TASKER_OK) {
        fail("the store cannot be checked", &error);
    }
    if (strstr(report.data, "\"ok\":true") == NULL) {
        (void)fprintf(stderr, "%s\n", report.data);
        fail("an invariant is broken", NULL);
    }
    tasker_text_free(&report);
}

static void begin(stress *s, const char *url) {
    static const tasker_handler handlers[] = {{.callable = "quick"}, {.callable = "flaky"}};
    const tasker_options options = {.size = sizeof(options), .log = log_errors};
    const tasker_worker_options worker = {
        .size = sizeof(worker), .handlers = handlers, .handler_count = 2, .threads = HOSTS};
    tasker_error error = {0};
    if (tasker_open(url, &options, &s->handle, &error) != TASKER_OK ||
        tasker_template_put(s->handle, (tasker_bytes){yaml, sizeof(yaml) - 1}, "stress.yaml", NULL,
                            &error) != TASKER_OK ||
        tasker_worker_open(s->handle, &worker, &s->worker, &error) != TASKER_OK ||
        tasker_worker_start(s->worker, &error) != TASKER_OK) {
        fail(url, &error);
    }
}

static void run(const char *url) {
    static stress zero;
    stress *s = calloc(1, sizeof(zero));
    pthread_t hosts[HOSTS];
    pthread_t clients[CLIENTS];
    void *(*const others[])(void *) = {operator, reaper };
    tasker_error error = {0};
    if (s == NULL) {
        fail("out of memory", NULL);
    }
    begin(s, url);
    int made = 0;
    for (int i = 0; i < HOSTS; i++) {
        made += pthread_create(&hosts[i], NULL, host, s);
    }
    for (int i = 0; i < CLIENTS; i++) {
        made += pthread_create(&clients[i], NULL,
                               i < SUBMITTERS ? submitter : others[i - SUBMITTERS], s);
    }
    if (made != 0) {
        fail("a thread cannot be made", NULL);
    }
    (void)usleep(RUN_MS * 1000);
    atomic_store(&s->over, true);
    for (int i = 0; i < CLIENTS; i++) {
        (void)pthread_join(clients[i], NULL);
    }
    wait_for_rest(s);
    if (tasker_worker_stop(s->worker, 5000, &error) != TASKER_OK) {
        fail("the worker does not stop", &error);
    }
    for (int i = 0; i < HOSTS; i++) {
        (void)pthread_join(hosts[i], NULL);
    }
    check(s);
    tasker_worker_stats stats = {.size = sizeof(stats)};
    tasker_worker_stats_read(s->worker, &stats);
    tasker_worker_close(s->worker);
    tasker_close(s->handle);
    printf("%s: %u tasks, %lu steps ended, %lu refused at once and %" PRIu64 " later\n", url,
           atomic_load(&s->task_count), atomic_load(&s->handled), atomic_load(&s->refused),
           stats.refused);
    free(s);
}

int main(void) {
    char path[128];
    char url[160];
    const char *other = getenv("TASKER_STORE"); /* an empty one, alone: script/with-postgres */
    if (other != NULL && other[0] != '\0') {
        run(other);
        return 0;
    }
    run("sqlite::memory:");
    (void)snprintf(path, sizeof(path), "/tmp/tasker-stress-%d", (int)getpid());
    (void)snprintf(url, sizeof(url), "sqlite:%s.db", path);
    run(url);
    static const char *const files[] = {".db", ".db-wal", ".db-shm", ".db-lock", ".db-wake"};
    for (size_t i = 0; i < TK_COUNT_OF(files); i++) {
        char file[160];
        (void)snprintf(file, sizeof(file), "%s%s", path, files[i]);
        (void)unlink(file);
    }
    return 0;
}
