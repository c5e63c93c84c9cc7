/* Work that waits for its time starts when that has come, although its worker has gone to sleep: for
 * five seconds, were it not for what it knows. The bound is generous, the figure is in the benches. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/store_file.h"
#include "support/store_fixture.h"
#include "tasker.h"

#define DELAY_MS 400
#define LATE_MS_MAX 1000 /* far below the sleep of an idle worker */
#define IDLE_MS 300      /* until a worker without work sleeps */

static const char yaml[] = "name: due\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                           "  - {name: a, handler: {callable: Due}}\n";

static tasker *handle_open(const char *url) {
    const tasker_options options = {.size = sizeof(options)};
    tasker_error error = {0};
    tasker *handle = NULL;
    cr_assert_eq(tasker_open(url, &options, &handle, &error), TASKER_OK, "%s", error.message);
    return handle;
}

static void submit(tasker *handle) {
    char request[128];
    tasker_error error = {0};
    int size = snprintf(request, sizeof(request),
                        "{\"name\":\"due\",\"namespace\":\"test\",\"context\":{},\"delay\":0.%d}",
                        DELAY_MS / 100);
    cr_assert_eq(tasker_submit(handle, (tasker_bytes){request, (size_t)size}, NULL, &error),
                 TASKER_OK, "%s", error.message);
}

static tasker_worker *worker_start(tasker *handle) {
    const tasker_handler handler = {.callable = "Due"};
    const tasker_worker_options options = {
        .size = sizeof(options), .handlers = &handler, .handler_count = 1, .threads = 1};
    tasker_error error = {0};
    tasker_worker *worker = NULL;
    cr_assert_eq(tasker_template_put(handle, (tasker_bytes){yaml, sizeof(yaml) - 1}, "due.yaml",
                                     NULL, &error),
                 TASKER_OK, "%s", error.message);
    cr_assert_eq(tasker_worker_open(handle, &options, &worker, &error), TASKER_OK, "%s",
                 error.message);
    cr_assert_eq(tasker_worker_start(worker, &error), TASKER_OK, "%s", error.message);
    (void)usleep(IDLE_MS * 1000);
    return worker;
}

/* The next step begins neither before its time nor long after it. */
static void expect_on_time(tasker_worker *worker) {
    tasker_step *step = NULL;
    const tasker_outcome outcome = {.ok = true, .retry_after_ms = -1};
    tasker_status status = tasker_worker_next(worker, DELAY_MS + LATE_MS_MAX, &step, NULL);
    cr_assert_eq(status, TASKER_OK, "%s", tasker_status_name(status));
    int64_t due_us = step->task_created_at_us + INT64_C(1000) * DELAY_MS;
    int64_t late_us = tk_clock_now(&tk_clock_system) - due_us;
    cr_assert(step->claimed_at_us >= due_us, "%" PRId64 " us early", due_us - step->claimed_at_us);
    cr_assert(late_us < INT64_C(1000) * LATE_MS_MAX, "%" PRId64 " us late", late_us);
    cr_assert_eq(tasker_worker_complete(worker, step->event_id, &outcome, NULL), TASKER_OK);
    tasker_step_free(step);
    (void)usleep(IDLE_MS * 1000);
}

STORE_TEST(store_due, delayed_work_of_the_own_process_starts_on_time) {
    if (strstr(fx->kind, "fault") != NULL) {
        return; /* it is opened by its URL */
    }
    tasker *handle = handle_open(fx->url);
    tasker_worker *worker = worker_start(handle);
    for (int i = 0; i < 2; i++) {
        submit(handle);
        expect_on_time(worker);
    }
    tasker_worker_close(worker);
    tasker_close(handle);
}

/* --- another process -------------------------------------------------------------------------- */

/* Submits a task whenever it is told to. */
static void submitter(const char *url, int orders) {
    char order;
    tasker *handle = NULL;
    while (read(orders, &order, 1) == 1) {
        handle = handle == NULL ? handle_open(url) : handle;
        submit(handle);
    }
    tasker_close(handle);
}

static void run_beside_submitter(const char *url) {
    int orders[2];
    int status = 0;
    cr_assert_eq(pipe(orders), 0);
    pid_t child = fork(); /* before this process opens the store */
    if (child == 0) {
        close(orders[1]);
        submitter(url, orders[0]);
        _exit(0);
    }
    close(orders[0]);
    tasker *handle = handle_open(url);
    tasker_worker *worker = worker_start(handle);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(write(orders[1], "s", 1), 1);
        expect_on_time(worker);
    }
    close(orders[1]);
    cr_assert(waitpid(child, &status, 0) == child && status == 0);
    tasker_worker_close(worker);
    tasker_close(handle);
}

Test(store_due, delayed_work_of_another_process_starts_on_time_on_a_file, .timeout = 60) {
    store_file file;
    store_file_make(&file);
    run_beside_submitter(file.url);
    store_file_remove(&file);
}

STORE_TEST(store_due, delayed_work_of_another_process_starts_on_time_on_a_server) {
    if (strcmp(fx->store->driver->name, "postgres") == 0) {
        run_beside_submitter(fx->url);
    }
}
