/* What tasker.h promises of every function, through that header alone. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tasker.h"

#define TEXT(literal) ((tasker_bytes){(literal), sizeof(literal) - 1})

static const char yaml[] = "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                           "  - {name: a, handler: {callable: A}}\n";

static void say_nothing(void *user, tasker_log_level level, const char *line) {
    (void)user;
    (void)level;
    (void)line;
}

static tasker *open_store(void) {
    const tasker_options options = {.size = sizeof(options), .log = say_nothing};
    tasker *handle = NULL;
    cr_assert_eq(tasker_open("sqlite::memory:", &options, &handle, NULL), TASKER_OK);
    return handle;
}

/* An error as a caller may have left it: what a success must not touch. */
static tasker_error untouched(void) {
    tasker_error error;
    memset(&error, 0x5a, sizeof(error));
    return error;
}

static bool is_untouched(const tasker_error *error) {
    tasker_error before = untouched();
    return memcmp(error, &before, sizeof(before)) == 0;
}

/* --- errors --- */

static void write_file(const char *folder, const char *name, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

Test(public, a_directory_with_a_bad_file_writes_no_error) {
    char folder[] = "/tmp/tasker-public-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    write_file(folder, "good.yaml", yaml);
    write_file(folder, "bad.yaml", "name: [\n");
    tasker *handle = open_store();
    tasker_text report = {NULL, 0};
    tasker_error error = untouched();
    cr_assert_eq(tasker_template_put_directory(handle, folder, &report, &error), TASKER_OK);
    cr_assert(is_untouched(&error), "%s", error.message);
    cr_assert_not_null(strstr(report.data, "\"registered\":1,\"failed\":1"), "%s", report.data);
    tasker_text_free(&report);
    tasker_close(handle);
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

static void call_nothing(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    (void)step;
    outcome->ok = true;
}

static void *stop(void *worker) {
    (void)usleep(20000);
    return tasker_worker_stop(worker, 1000, NULL) == TASKER_OK ? worker : NULL;
}

Test(public, a_worker_that_runs_until_it_is_stopped_writes_no_error) {
    static const tasker_handler handler = {.callable = "A", .call = call_nothing};
    const tasker_worker_options options = {
        .size = sizeof(options), .handlers = &handler, .handler_count = 1, .threads = 1};
    tasker *handle = open_store();
    tasker_worker *worker = NULL;
    pthread_t stopper;
    void *stopped = NULL;
    cr_assert_eq(tasker_template_put(handle, TEXT(yaml), "job.yaml", NULL, NULL), TASKER_OK);
    cr_assert_eq(tasker_worker_open(handle, &options, &worker, NULL), TASKER_OK);
    cr_assert_eq(tasker_worker_start(worker, NULL), TASKER_OK);
    cr_assert_eq(pthread_create(&stopper, NULL, stop, worker), 0);
    tasker_error error = untouched();
    cr_assert_eq(tasker_worker_run(worker, &error), TASKER_OK);
    cr_assert(is_untouched(&error), "%s", error.message);
    cr_assert_eq(pthread_join(stopper, &stopped), 0);
    cr_assert_not_null(stopped);
    tasker_worker_close(worker);
    tasker_close(handle);
}
