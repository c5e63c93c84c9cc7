/* One SQLite file among real processes: writers one at a time, one that runs workers, wake-ups,
 * forked children. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_sqlite.h"
#include "support/store_file.h"

/* Runs `body` in a child, which leaves with what it returns. */
static pid_t spawn(int (*body)(const store_file *file, int argument), const store_file *file,
                   int argument) {
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        _exit(body(file, argument));
    }
    return pid;
}

static int wait_for(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) != pid) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Pipes: from the children ("it is so"), and to them. */
static int gate[2];
static int orders[2];

static void gate_make(void) {
    cr_assert_eq(pipe(gate), 0);
}

static void gate_wait(void) {
    char byte;
    cr_assert_eq(read(gate[0], &byte, 1), 1);
}

static void gate_open(void) {
    cr_assert_eq(write(gate[1], "x", 1), 1);
}

/* --- writers ---------------------------------------------------------------------------------- */

#define WRITERS 8
#define TRANSACTIONS 60
#define CONTEXT_BYTES 8000 /* so that the log is copied into the file now and then */

static int write_many(const store_file *file, int number) {
    tasker_error error = {0};
    tk_store *store = store_file_try(file->url, false, false, &error);
    for (int i = 0; store != NULL && i < TRANSACTIONS; i++) {
        uint32_t seed = (uint32_t)(number * 1000 + i);
        if (store_file_write(store, 100 + number, seed, 5, CONTEXT_BYTES, &error) != TASKER_OK) {
            break;
        }
        if (i % 20 == 19) { /* closing and opening beside the others */
            tk_store_close(store);
            store = store_file_try(file->url, false, false, &error);
        }
    }
    if (error.message[0] != '\0') {
        fprintf(stderr, "writer %d: %s\n", number, error.message);
        return 1;
    }
    tk_store_close(store);
    return 0;
}

/* Writes until it is killed; whatever it had committed counts. */
static int write_for_ever(const store_file *file, int number) {
    tasker_error error = {0};
    tk_store *store = store_file_try(file->url, false, false, &error);
    for (uint32_t i = 0; store != NULL; i++) {
        if (store_file_write(store, 99, (uint32_t)number * 1000000 + i, 5, CONTEXT_BYTES, &error) !=
            TASKER_OK) {
            return 1;
        }
        if (i == 3) {
            gate_open();
        }
    }
    return 2;
}

Test(store_processes, eight_writers_and_two_that_are_killed_leave_a_whole_file, .timeout = 240) {
    store_file file;
    pid_t pids[WRITERS];
    pid_t victims[2];
    store_file_make(&file);
    gate_make();
    for (int i = 0; i < WRITERS; i++) {
        pids[i] = spawn(write_many, &file, i);
    }
    for (int i = 0; i < 2; i++) {
        victims[i] = spawn(write_for_ever, &file, i + 1);
        gate_wait();
        kill(victims[i], SIGKILL);
        cr_assert_eq(wait_for(victims[i]), 128 + SIGKILL);
    }
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(wait_for(pids[i]), 0);
    }
    tasker_error error = {0};
    tk_store *store = store_file_open(file.url);
    cr_assert_eq(store_file_problems(store, &error), 0, "%s", error.message);
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(store_file_count(store, 100 + i, &error), TRANSACTIONS * 5);
    }
    int64_t killed = store_file_count(store, 99, &error);
    cr_assert(killed >= 2 * 4 * 5 && killed % 5 == 0, "%" PRId64, killed);
    tk_store_close(store);
    store_file_remove(&file);
}

static int hold_the_lock(const store_file *file, int argument) {
    tasker_error error;
    tk_store *store = store_file_try(file->url, false, false, &error);
    (void)argument;
    if (store == NULL || store->driver->begin(store, TK_STORE_WRITE, &error) != TASKER_OK) {
        return 1;
    }
    gate_open();
    pause();
    return 2;
}

Test(store_processes, a_writer_that_waits_too_long_is_told_whom_it_waited_for, .timeout = 60) {
    store_file file;
    tasker_error error = {0};
    char pid_text[16];
    store_file_make(&file);
    gate_make();
    tk_store *store = store_file_open(file.url);
    tk_store_close(store);
    pid_t holder = spawn(hold_the_lock, &file, 0);
    gate_wait();
    cr_assert_null(store_file_try(file.url, false, false, &error));
    cr_assert_eq(error.status, TASKER_STORE);
    (void)snprintf(pid_text, sizeof(pid_text), "%d", (int)holder);
    cr_assert_not_null(strstr(error.message, pid_text), "%s", error.message);
    kill(holder, SIGKILL);
    (void)wait_for(holder);
    store = store_file_open(file.url); /* a lock ends with its process */
    cr_assert_eq(store_file_write(store, 1, 1, 1, 10, &error), TASKER_OK);
    tk_store_close(store);
    store_file_remove(&file);
}

static int read_while_locked(const store_file *file, int argument) {
    tasker_error error;
    tk_store *store = store_file_try(file->url, false, false, &error);
    (void)argument;
    gate_open();
    sleep(1); /* by then the parent writes */
    return store != NULL && store_file_count(store, 1, &error) == 3 ? 0 : 1;
}

Test(store_processes, readers_do_not_wait_for_a_writer, .timeout = 60) {
    store_file file;
    tasker_error error = {0};
    store_file_make(&file);
    gate_make();
    tk_store *store = store_file_open(file.url);
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK);
    tk_store_close(store);
    pid_t reader = spawn(read_while_locked, &file, 0);
    gate_wait();
    store = store_file_open(file.url);
    const tk_count_row row = {.template_id = 1, .to = 1, .tasks = 1};
    cr_assert_eq(store->driver->begin(store, TK_STORE_WRITE, &error), TASKER_OK);
    cr_assert_eq(store->driver->count_add(store, &row, 1, &error), TASKER_OK);
    cr_assert_eq(wait_for(reader), 0);
    cr_assert_eq(store->driver->commit(store, &error), TASKER_OK);
    tk_store_close(store);
    store_file_remove(&file);
}

/* --- the one that runs workers ---------------------------------------------------------------- */

static int be_the_worker(const store_file *file, int argument) {
    tasker_error error;
    bool first = false;
    tk_store *store = store_file_try(file->url, false, false, &error);
    (void)argument;
    if (store == NULL || store->driver->worker_lock(store, &first, &error) != TASKER_OK || !first) {
        return 1;
    }
    gate_open();
    pause();
    return 2;
}

/* Forked early, as a child may not open what its parent has open; it tries when told to. */
static int be_a_late_worker(const store_file *file, int argument) {
    char byte;
    return read(orders[0], &byte, 1) == 1 ? be_the_worker(file, argument) : 3;
}

static pid_t late_start(const store_file *file) {
    cr_assert_eq(pipe(orders), 0);
    return spawn(be_a_late_worker, file, 0);
}

static void late_go(void) {
    cr_assert_eq(write(orders[1], "x", 1), 1);
}

Test(store_processes, a_second_worker_process_is_told_which_is_the_first, .timeout = 60) {
    store_file file;
    tasker_error error = {0};
    bool first = false;
    char pid_text[16];
    store_file_make(&file);
    gate_make();
    pid_t worker = spawn(be_the_worker, &file, 0);
    gate_wait();
    pid_t late = late_start(&file);
    tk_store *store = store_file_open(file.url);
    cr_assert_eq(store->driver->worker_lock(store, &first, &error), TASKER_BUSY);
    (void)snprintf(pid_text, sizeof(pid_text), "process %d ", (int)worker);
    cr_assert_not_null(strstr(error.message, pid_text), "%s", error.message);
    cr_assert_eq(store->driver->wake_fd(store), -1);
    cr_assert_eq(store_file_write(store, 1, 1, 1, 10, &error), TASKER_OK, "others may submit");
    kill(worker, SIGKILL);
    (void)wait_for(worker);
    cr_assert_eq(store->driver->worker_lock(store, &first, &error), TASKER_OK);
    cr_assert(first);
    tk_store *other = NULL;
    cr_assert_eq(store->driver->share(store, &other, &error), TASKER_OK);
    tk_store_close(other); /* must not drop this process's locks */
    late_go();
    cr_assert_eq(wait_for(late), 1);
    store->driver->worker_unlock(store);
    tk_store_close(store);
    store_file_remove(&file);
}

/* Sends as many wake-ups as each number from the parent says, until the pipe ends. It is forked
 * before the parent opens the file. */
static int wake_on_order(const store_file *file, int argument) {
    tasker_error error;
    int count = 0;
    (void)argument;
    close(orders[1]);
    while (read(orders[0], &count, sizeof(count)) == (ssize_t)sizeof(count)) {
        tk_store *store = store_file_try(file->url, false, false, &error);
        for (int i = 0; store != NULL && i < count; i++) {
            store->driver->wake(store);
        }
        tk_store_close(store);
        gate_open();
    }
    return 0;
}

static pid_t waker_start(const store_file *file) {
    gate_make();
    cr_assert_eq(pipe(orders), 0);
    pid_t pid = spawn(wake_on_order, file, 0);
    close(orders[0]);
    return pid;
}

static void waker_order(int count) {
    cr_assert_eq(write(orders[1], &count, sizeof(count)), (ssize_t)sizeof(count));
    gate_wait();
}

static void waker_end(pid_t pid) {
    close(orders[1]);
    cr_assert_eq(wait_for(pid), 0);
}

static bool readable(int fd, int timeout_ms) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, timeout_ms) == 1;
}

static void check_wake_ups(const store_file *file) {
    tasker_error error = {0};
    bool first = false;
    pid_t waker = waker_start(file);
    tk_store *store = store_file_open(file->url);
    store->driver->wake(store); /* nobody listens */
    cr_assert_eq(store->driver->worker_lock(store, &first, &error), TASKER_OK);
    int fd = store->driver->wake_fd(store);
    cr_assert_geq(fd, 0, "%s", file->path);
    cr_assert(!readable(fd, 0));
    waker_order(1);
    cr_assert(readable(fd, 5000));
    store->driver->wake_drain(store);
    cr_assert(!readable(fd, 0));
    waker_order(1000); /* never blocks, however many are unread */
    for (int i = 0; i < 1000 && readable(fd, 0); i++) {
        store->driver->wake_drain(store);
    }
    cr_assert(!readable(fd, 0));
    store->driver->worker_unlock(store);
    cr_assert_eq(store->driver->wake_fd(store), -1);
    cr_assert_eq(store->driver->worker_lock(store, &first, &error), TASKER_OK);
    cr_assert_geq(store->driver->wake_fd(store), 0);
    store->driver->worker_unlock(store);
    tk_store_close(store);
    waker_end(waker);
}

Test(store_processes, others_wake_the_worker, .timeout = 60) {
    store_file file;
    store_file_make(&file);
    check_wake_ups(&file);
    store_file_remove(&file);
}

Test(store_processes, others_wake_the_worker_of_a_file_with_a_long_path, .timeout = 60) {
    store_file file;
    store_file_make(&file);
    store_file deep = file;
    (void)snprintf(deep.path, sizeof(deep.path), "%s/%080d", file.folder, 7);
    cr_assert_eq(mkdir(deep.path, 0755), 0);
    (void)snprintf(deep.path, sizeof(deep.path), "%s/%080d/store.db", file.folder, 7);
    (void)snprintf(deep.url, sizeof(deep.url), "sqlite:%s", deep.path);
    cr_assert_gt(strlen(deep.path), 100);
    check_wake_ups(&deep);
    store_file_remove(&file);
}

Test(store_processes, a_socket_left_by_a_dead_worker_is_replaced, .timeout = 60) {
    store_file file;
    tasker_error error = {0};
    bool first = false;
    store_file_make(&file);
    gate_make();
    pid_t worker = spawn(be_the_worker, &file, 0);
    gate_wait();
    kill(worker, SIGKILL);
    (void)wait_for(worker);
    pid_t waker = waker_start(&file);
    tk_store *store = store_file_open(file.url);
    cr_assert_eq(store->driver->worker_lock(store, &first, &error), TASKER_OK);
    waker_order(1);
    cr_assert(readable(store->driver->wake_fd(store), 5000));
    store->driver->worker_unlock(store);
    tk_store_close(store);
    waker_end(waker);
    store_file_remove(&file);
}

/* --- forked children -------------------------------------------------------------------------- */

static tk_store *inherited;

static int use_what_was_inherited(const store_file *file, int argument) {
    tasker_error error = {0};
    bool first = false;
    tk_store *other = NULL;
    tk_arena arena = {0};
    tk_head *heads = NULL;
    uint32_t count = 0;
    const tk_driver *driver = inherited->driver;
    (void)argument;
    const tasker_status answers[] = {
        driver->begin(inherited, TK_STORE_WRITE, &error),
        driver->begin(inherited, TK_STORE_READ, &error),
        driver->heads(inherited, &arena, &heads, &count, &error),
        driver->sync(inherited, &error),
        driver->worker_lock(inherited, &first, &error),
        driver->share(inherited, &other, &error),
        driver->reconnect(inherited, &error),
        driver->commit(inherited, &error),
    };
    for (size_t i = 0; i < TK_COUNT_OF(answers); i++) {
        if (answers[i] != TASKER_FORKED) {
            fprintf(stderr, "call %zu: %s\n", i, tasker_status_name(answers[i]));
            return 1;
        }
    }
    driver->rollback(inherited);
    driver->wake(inherited);
    driver->worker_unlock(inherited);
    if (driver->wake_fd(inherited) != -1) {
        return 2;
    }
    tk_store_close(inherited);
    if (store_file_try(file->url, false, false, &error) != NULL || error.status != TASKER_FORKED) {
        return 3; /* SQLite's memory of this file is the parent's */
    }
    store_file fresh;
    store_file_make(&fresh);
    other = store_file_try(fresh.url, false, false, &error);
    if (other == NULL || store_file_write(other, 1, 1, 1, 10, &error) != TASKER_OK) {
        return 4;
    }
    tk_store_close(other);
    store_file_remove(&fresh);
    return 0;
}

Test(store_processes, a_forked_child_is_refused_and_harms_nobody, .timeout = 60) {
    store_file file;
    tasker_error error = {0};
    bool first = false;
    store_file_make(&file);
    gate_make();
    inherited = store_file_open(file.url);
    cr_assert_eq(inherited->driver->worker_lock(inherited, &first, &error), TASKER_OK);
    cr_assert_eq(inherited->driver->begin(inherited, TK_STORE_WRITE, &error), TASKER_OK);
    const tk_count_row row = {.template_id = 5, .to = 1, .tasks = 1};
    cr_assert_eq(inherited->driver->count_add(inherited, &row, 1, &error), TASKER_OK);
    cr_assert_eq(wait_for(spawn(use_what_was_inherited, &file, 0)), 0);
    cr_assert_eq(inherited->driver->commit(inherited, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(store_file_count(inherited, 5, &error), 1);
    cr_assert_eq(store_file_problems(inherited, &error), 0);
    tk_store_close(inherited);
    store_file_remove(&file);
}

static int be_in_memory(const store_file *file, int argument) {
    tasker_error error;
    (void)file;
    (void)argument;
    if (inherited->driver->begin(inherited, TK_STORE_WRITE, &error) != TASKER_FORKED) {
        return 1;
    }
    tk_store_close(inherited);
    tk_store *mine = store_file_try("sqlite::memory:", false, false, &error);
    return mine != NULL && store_file_write(mine, 1, 1, 1, 10, &error) == TASKER_OK ? 0 : 2;
}

Test(store_processes, a_forked_child_may_open_its_own_store_in_memory, .timeout = 60) {
    inherited = store_file_open("sqlite::memory:");
    cr_assert_eq(wait_for(spawn(be_in_memory, NULL, 0)), 0);
    tk_store_close(inherited);
}
