/* A store copied into a new file: the copy is whole, is what was committed when it began, and is there
 * under its name or not at all. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fail_alloc.h"
#include "support/store_file.h"
#include "support/store_fixture.h"
#include "tasker.h"

typedef struct copying {
    store_file file;
    char path[224];
    char url[240];
    tasker *handle;
    tasker_error error;
} copying;

static tasker *handle_open(const char *url) {
    const tasker_options options = {.size = sizeof(options)};
    tasker_error error = {0};
    tasker *handle = NULL;
    cr_assert_eq(tasker_open(url, &options, &handle, &error), TASKER_OK, "%s", error.message);
    return handle;
}

static void setup(copying *c) {
    *c = (copying){.handle = NULL};
    store_file_make(&c->file);
    (void)snprintf(c->path, sizeof(c->path), "%s/copy.db", c->file.folder);
    (void)snprintf(c->url, sizeof(c->url), "sqlite:%s", c->path);
    c->handle = handle_open(c->file.url);
}

static void release(copying *c) {
    tasker_close(c->handle);
    store_file_remove(&c->file);
}

static tasker_status copy(copying *c, tasker_progress_fn copied, void *user) {
    return tasker_store_backup(c->handle, c->path, copied, user, NULL, &c->error);
}

/* Files of the copy, of whatever name. */
static size_t files_of_copy(const copying *c) {
    char pattern[256];
    glob_t found;
    (void)snprintf(pattern, sizeof(pattern), "%s*", c->path);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    if (count > 0) {
        globfree(&found);
    }
    return count;
}

/* What `store check` says of the copy, and how many tasks it has. */
static int64_t check_copy(const copying *c) {
    tasker *handle = handle_open(c->url);
    tasker_text report = {0};
    tasker_error error = {0};
    long long tasks = -1;
    cr_assert_eq(tasker_store_check(handle, &report, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(sscanf(report.data, "{\"ok\":true,\"tasks\":%lld", &tasks), 1, "%s", report.data);
    tasker_text_free(&report);
    tasker_close(handle);
    return tasks;
}

static const char yaml[] = "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                           "  - {name: a, handler: {callable: A}}\n";

static void put(const copying *c) {
    cr_assert_eq(tasker_template_put(c->handle, (tasker_bytes){yaml, sizeof(yaml) - 1}, "job.yaml",
                                     NULL, NULL),
                 TASKER_OK);
}

static void submit(tasker *handle, int count) {
    static char request[1 << 20];
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += (size_t)snprintf(request + size, sizeof(request) - size,
                                 "%s{\"name\":\"job\",\"namespace\":\"test\",\"context\":"
                                 "{\"text\":\"%0600d\"}}",
                                 i == 0 ? "[" : ",", i);
    }
    size += (size_t)snprintf(request + size, sizeof(request) - size, "]");
    tasker_error error = {0};
    cr_assert_eq(tasker_submit(handle, (tasker_bytes){request, size}, NULL, &error), TASKER_OK,
                 "%s", error.message);
}

Test(store_backup, a_copy_is_a_store_that_passes_the_check) {
    copying c;
    setup(&c);
    put(&c);
    submit(c.handle, 100);
    tasker_text report = {0};
    struct stat at;
    cr_assert_eq(chmod(c.file.path, 0640), 0);
    cr_assert_eq(tasker_store_backup(c.handle, c.path, NULL, NULL, &report, &c.error), TASKER_OK,
                 "%s", c.error.message);
    long long bytes = 0;
    const char *member = strstr(report.data, "\"bytes\":");
    cr_assert(member != NULL && sscanf(member, "\"bytes\":%lld}", &bytes) == 1, "%s", report.data);
    cr_assert(stat(c.path, &at) == 0 && at.st_size == bytes);
    cr_assert_eq(at.st_mode & 0137, 0, "whoever may not read the store may not read the copy");
    cr_assert_eq(files_of_copy(&c), 1);
    cr_assert_eq(check_copy(&c), 100);
    tasker_text_free(&report);
    release(&c);
}

typedef struct writing {
    tasker *handle;
    int64_t calls, last, total;
    bool whole;
} writing;

/* Between two steps of the copy somebody commits: the copy goes on from the snapshot. */
static bool write_meanwhile(void *user, int64_t done, int64_t total) {
    writing *w = user;
    cr_assert(done >= w->last && done <= total && (w->total == 0 || total == w->total));
    w->last = done;
    w->total = total;
    w->whole = done == total;
    w->calls++;
    submit(w->handle, 1);
    return true;
}

Test(store_backup, what_is_committed_meanwhile_neither_waits_nor_delays_nor_comes_along) {
    copying c;
    setup(&c);
    put(&c);
    for (int i = 0; i < 3; i++) {
        submit(c.handle, 1000);
    }
    writing w = {.handle = c.handle};
    cr_assert_eq(copy(&c, write_meanwhile, &w), TASKER_OK, "%s", c.error.message);
    cr_assert(w.calls > 2 && w.whole, "%d calls", (int)w.calls);
    cr_assert_eq(check_copy(&c), 3000);
    release(&c);
}

typedef struct busy_writer {
    tasker *handle;
    _Atomic(bool) stop;
    _Atomic(int) written;
} busy_writer;

static void *write_on(void *user) {
    busy_writer *w = user;
    while (!w->stop) {
        submit(w->handle, 10);
        w->written += 10;
    }
    return NULL;
}

Test(store_backup, copies_beside_a_thread_that_writes_all_the_time_are_all_whole) {
    copying c;
    pthread_t thread;
    setup(&c);
    put(&c);
    submit(c.handle, 1000);
    busy_writer w = {.handle = c.handle};
    cr_assert_eq(pthread_create(&thread, NULL, write_on, &w), 0);
    int64_t before = 0;
    for (int i = 0; i < 5; i++) {
        int least = 1000 + w.written;
        cr_assert_eq(copy(&c, NULL, NULL), TASKER_OK, "%s", c.error.message);
        int64_t tasks = check_copy(&c);
        cr_assert(tasks >= least && tasks >= before, "what was committed before is in the copy");
        before = tasks;
        cr_assert_eq(unlink(c.path), 0);
        char lock[256];
        (void)snprintf(lock, sizeof(lock), "%s-lock", c.path);
        (void)unlink(lock);
    }
    w.stop = true;
    pthread_join(thread, NULL);
    release(&c);
}

Test(store_backup, a_store_in_memory_can_be_kept) {
    copying c;
    setup(&c);
    tasker_close(c.handle);
    c.handle = handle_open("sqlite::memory:");
    put(&c);
    submit(c.handle, 7);
    cr_assert_eq(copy(&c, NULL, NULL), TASKER_OK, "%s", c.error.message);
    cr_assert_eq(check_copy(&c), 7);
    release(&c);
}

/* --- nothing half done ------------------------------------------------------------------------ */

static void touch(const char *path, const char *tail) {
    char name[256];
    (void)snprintf(name, sizeof(name), "%s%s", path, tail);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
}

Test(store_backup, a_name_that_is_taken_is_refused_also_by_a_log_that_was_left_there) {
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < TK_COUNT_OF(tails); i++) {
        copying c;
        struct stat at;
        setup(&c);
        touch(c.path, tails[i]);
        cr_assert_eq(copy(&c, NULL, NULL), TASKER_INVALID);
        cr_assert_not_null(strstr(c.error.message, "exists already"), "%s", c.error.message);
        cr_assert_eq(files_of_copy(&c), 1);
        cr_assert(i > 0 || (stat(c.path, &at) == 0 && at.st_size == 0));
        release(&c);
    }
}

static bool take_the_name(void *user, int64_t done, int64_t total) {
    if (done == total) {
        touch(user, "");
    }
    return true;
}

static bool give_up(void *user, int64_t done, int64_t total) {
    (void)user;
    (void)done;
    (void)total;
    return false;
}

Test(store_backup, a_name_that_is_taken_meanwhile_is_left_alone) {
    copying c;
    struct stat at;
    setup(&c);
    cr_assert_eq(copy(&c, take_the_name, c.path), TASKER_INVALID);
    cr_assert(stat(c.path, &at) == 0 && at.st_size == 0);
    cr_assert_eq(files_of_copy(&c), 1);
    release(&c);
}

Test(store_backup, a_copy_that_is_given_up_leaves_nothing) {
    copying c;
    setup(&c);
    cr_assert_eq(copy(&c, give_up, NULL), TASKER_CLOSED);
    cr_assert_eq(files_of_copy(&c), 0);
    cr_assert_eq(copy(&c, NULL, NULL), TASKER_OK);
    release(&c);
}

Test(store_backup, a_file_that_cannot_grow_leaves_nothing) {
    copying c;
    setup(&c);
    put(&c);
    submit(c.handle, 1000);
    const struct rlimit small = {65536, RLIM_INFINITY};
    const struct rlimit large = {RLIM_INFINITY, RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert_eq(copy(&c, NULL, NULL), TASKER_STORE);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
    cr_assert_not_null(strstr(c.error.message, "copy.db"), "%s", c.error.message);
    cr_assert_eq(files_of_copy(&c), 0);
    release(&c);
}

Test(store_backup, a_path_that_is_no_name_is_refused) {
    static const struct {
        const char *path;
        tasker_status status;
    } cases[] = {
        {"", TASKER_INVALID},
        {"/", TASKER_INVALID},
        {"/tmp/", TASKER_INVALID},
        {"/no/such/folder/copy.db", TASKER_NOTFOUND},
        {"/proc/copy.db", TASKER_NOTFOUND},
        {NULL, TASKER_INVALID},
    };
    copying c;
    setup(&c);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tasker_status status =
            tasker_store_backup(c.handle, cases[i].path, NULL, NULL, NULL, &c.error);
        cr_assert_eq(status, cases[i].status, "%s: %s", cases[i].path, c.error.message);
    }
    release(&c);
}

/* --- no memory -------------------------------------------------------------------------------- */

/* Copies a store that was opened here; whatever failed, no file of a copy stays. */
static void copy_once(void *user) {
    const copying *c = user;
    tasker_error error = {0};
    int64_t bytes = 0;
    tk_store *store = store_file_try(c->file.url, false, true, &error);
    tasker_status status = store == NULL
                               ? error.status
                               : store->driver->backup(store, c->path, NULL, NULL, &bytes, &error);
    tk_store_close(store);
    cr_assert(status == TASKER_OK || status == TASKER_NOMEM, "%s", error.message);
    cr_assert_eq(files_of_copy(c), status == TASKER_OK ? 1 : 0);
    (void)unlink(c->path);
}

Test(store_backup, each_allocation_of_ours_may_fail, .timeout = 60) {
    copying c;
    setup(&c);
    put(&c);
    tasker_close(c.handle);
    c.handle = NULL;
    fail_alloc_report report = fail_alloc_sweep(copy_once, &c);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
    cr_assert_gt(report.allocations, 3);
    release(&c);
}

static sqlite3_mem_methods real;
static long countdown; /* allocations of SQLite until one fails; 0: none does */

static bool fails_now(void) {
    return countdown > 0 && --countdown == 0;
}

static void *failing_malloc(int size) {
    return fails_now() ? NULL : real.xMalloc(size);
}

static void *failing_realloc(void *memory, int size) {
    return fails_now() ? NULL : real.xRealloc(memory, size);
}

Test(store_backup, each_allocation_of_sqlites_may_fail, .timeout = 120) {
    copying c;
    setup(&c);
    put(&c);
    submit(c.handle, 100);
    tasker_close(c.handle);
    cr_assert_eq(sqlite3_shutdown(), SQLITE_OK);
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
    sqlite3_mem_methods failing = real;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    long at = 1;
    for (bool over = false; !over; at++) {
        cr_assert_lt(at, 20000);
        countdown = at;
        copy_once(&c);
        over = countdown > 0;
        countdown = 0;
    }
    cr_assert_gt(at, 100);
    c.handle = handle_open(c.file.url);
    release(&c);
}

STORE_TEST(store_backup, a_database_with_tools_of_its_own_names_them) {
    char folder[64];
    char path[96];
    int64_t bytes = 0;
    store_fixture_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/copy.db", folder);
    tasker_status status =
        fx->store->driver->backup(fx->store, path, NULL, NULL, &bytes, &fx->error);
    if (strcmp(fx->store->driver->name, "postgres") == 0) {
        cr_assert_eq(status, TASKER_UNSUPPORTED);
        cr_assert_not_null(strstr(fx->error.message, "pg_dump"), "%s", fx->error.message);
        cr_assert_neq(access(path, F_OK), 0);
    } else {
        cr_assert(status == TASKER_OK && bytes > 0, "%s", fx->error.message);
    }
    store_fixture_remove(folder);
}
