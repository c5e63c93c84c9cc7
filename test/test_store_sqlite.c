/* SQLite files that are missing, foreign, newer, damaged, deleted, read-only or on a full disk; and
 * memory that runs out at every place. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "progress.h"
#include "store_sqlite.h"
#include "support/fail_alloc.h"
#include "support/store_file.h"

_Static_assert(TK_STATE_PAGE_BYTES == TK_PROGRESS_PAGE_STEPS * TK_PROGRESS_STEP_BYTES,
               "a page of the store is a page of the model");
_Static_assert(TK_STATE_CALM_MAX == TK_TASK_COMPLETE && TK_TASK_RUNNING < TK_TASK_COMPLETE,
               "running and complete need nobody's attention");

static tk_store *store_file_open_again(const store_file *file, tk_store *store) {
    tk_store_close(store);
    return store_file_open(file->url);
}

static void execute(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void bytes_write(const char *path, const char *text, long at) {
    FILE *out = fopen(path, at < 0 ? "w" : "r+");
    cr_assert_not_null(out);
    cr_assert_eq(fseek(out, at < 0 ? 0 : at, SEEK_SET), 0);
    cr_assert_eq(fputs(text, out) >= 0 && fclose(out) == 0, true);
}

/* A file's size and a sum of its bytes. */
static uint64_t fingerprint(const char *path) {
    uint64_t sum = 0;
    int c;
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in);
    while ((c = getc(in)) != EOF) {
        sum = sum * 1099511628211u + (uint64_t)c + 1;
    }
    fclose(in);
    return sum;
}

/* --- whose file ------------------------------------------------------------------------------- */

static void make_text(const char *path) {
    bytes_write(path,
                "Dear diary, this is a long text and no database at all, however you read "
                "it; it has more than a hundred bytes.\n",
                -1);
}

static void make_foreign(const char *path) {
    execute(path, "CREATE TABLE customer (id INTEGER PRIMARY KEY); INSERT INTO customer DEFAULT "
                  "VALUES");
}

static void make_marked(const char *path) {
    execute(path, "PRAGMA application_id = 1196444487; CREATE TABLE a (b)");
}

static void make_newer(const char *path) {
    execute(path,
            "PRAGMA application_id = 1413567307; PRAGMA user_version = 1000; CREATE TABLE a (b)");
}

static void make_versionless(const char *path) {
    execute(path, "PRAGMA application_id = 1413567307; CREATE TABLE a (b)");
}

Test(store_sqlite, a_file_that_is_not_ours_is_refused_and_left_alone) {
    const struct {
        void (*make)(const char *path);
        tasker_status status;
        const char *words;
    } cases[] = {
        {make_text, TASKER_UNSUPPORTED, "no SQLite database"},
        {make_foreign, TASKER_UNSUPPORTED, "another program"},
        {make_marked, TASKER_UNSUPPORTED, "another program"},
        {make_newer, TASKER_UNSUPPORTED, "newer version"},
        {make_versionless, TASKER_STORE, "damaged"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        for (int read_only = 0; read_only < 2; read_only++) {
            store_file file;
            tasker_error error = {0};
            store_file_make(&file);
            cases[i].make(file.path);
            uint64_t before = fingerprint(file.path);
            cr_assert_null(store_file_try(file.url, read_only == 1, false, &error));
            cr_assert_eq(error.status, cases[i].status, "case %zu: %s", i, error.message);
            cr_assert_not_null(strstr(error.message, cases[i].words), "%s", error.message);
            cr_assert_not_null(strstr(error.message, file.path), "%s", error.message);
            cr_assert_eq(fingerprint(file.path), before, "case %zu was changed", i);
            store_file_remove(&file);
        }
    }
}

Test(store_sqlite, a_missing_file_is_made_only_when_wanted) {
    store_file file;
    tasker_error error = {0};
    store_file_make(&file);
    cr_assert_null(store_file_try(file.url, false, true, &error));
    cr_assert_eq(error.status, TASKER_NOTFOUND);
    cr_assert_null(store_file_try(file.url, true, false, &error));
    cr_assert_eq(error.status, TASKER_NOTFOUND);
    cr_assert_neq(access(file.path, F_OK), 0, "nothing was left behind");
    bytes_write(file.path, "", -1);
    cr_assert_null(store_file_try(file.url, true, false, &error), "empty, and nothing to read");
    cr_assert_eq(error.status, TASKER_NOTFOUND);
    tk_store *store = store_file_open(file.url); /* empty is as good as missing */
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK);
    tk_store_close(store);
    store = store_file_try(file.url, true, true, &error);
    cr_assert_not_null(store, "%s", error.message);
    cr_assert_eq(store_file_count(store, 1, &error), 3);
    tk_store_close(store);
    store_file_remove(&file);
}

Test(store_sqlite, memory_is_always_new) {
    tasker_error error = {0};
    cr_assert_null(store_file_try("sqlite::memory:", false, true, &error));
    cr_assert_eq(error.status, TASKER_NOTFOUND);
    tk_store *one = store_file_open("sqlite::memory:");
    cr_assert_eq(store_file_write(one, 1, 1, 3, 10, &error), TASKER_OK);
    tk_store *two = store_file_open("sqlite::memory:");
    cr_assert_eq(store_file_count(two, 1, &error), 0);
    tk_store_close(one);
    tk_store_close(two);
}

Test(store_sqlite, a_link_leads_to_the_same_store_and_the_same_lock) {
    store_file file;
    tasker_error error = {0};
    char link_path[224];
    char url[256];
    bool first = false;
    store_file_make(&file);
    tk_store *store = store_file_open(file.url);
    (void)snprintf(link_path, sizeof(link_path), "%s-link", file.path);
    (void)snprintf(url, sizeof(url), "sqlite:%s", link_path);
    cr_assert_eq(symlink(file.path, link_path), 0);
    tk_store *other = store_file_open(url);
    cr_assert_eq(store_file_write(other, 1, 1, 3, 10, &error), TASKER_OK);
    cr_assert_eq(store_file_count(store, 1, &error), 3);
    cr_assert_eq(store->driver->worker_lock(store, &first, &error), TASKER_OK);
    cr_assert_eq(other->driver->worker_lock(other, &first, &error), TASKER_OK);
    cr_assert(!first, "the same process, the same file");
    store->driver->worker_unlock(store);
    other->driver->worker_unlock(other);
    tk_store_close(other);
    tk_store_close(store);
    store_file_remove(&file);
}

/* --- read-only -------------------------------------------------------------------------------- */

Test(store_sqlite, a_reading_store_reads_beside_a_writer_and_changes_nothing) {
    store_file file;
    tasker_error error = {0};
    bool first = false;
    store_file_make(&file);
    tk_store *writer = store_file_open(file.url);
    tk_store *reader = store_file_try(file.url, true, false, &error);
    cr_assert_not_null(reader, "%s", error.message);
    cr_assert_eq(store_file_write(writer, 1, 1, 3, 10, &error), TASKER_OK);
    cr_assert_eq(store_file_count(reader, 1, &error), 3);
    cr_assert_eq(reader->driver->begin(reader, TK_STORE_WRITE, &error), TASKER_UNSUPPORTED);
    cr_assert_eq(reader->driver->worker_lock(reader, &first, &error), TASKER_UNSUPPORTED);
    cr_assert_eq(reader->driver->begin(reader, TK_STORE_READ, &error), TASKER_OK);
    reader->driver->rollback(reader);
    tk_store_close(writer);
    cr_assert_eq(store_file_count(reader, 1, &error), 3);
    tk_store_close(reader);
    store_file_remove(&file);
}

Test(store_sqlite, a_reader_sees_one_snapshot) {
    store_file file;
    tasker_error error = {0};
    tk_arena arena = {0};
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    store_file_make(&file);
    tk_store *writer = store_file_open(file.url);
    tk_store *reader = store_file_open(file.url);
    cr_assert_eq(store_file_write(writer, 1, 1, 3, 10, &error), TASKER_OK);
    cr_assert_eq(reader->driver->begin(reader, TK_STORE_READ, &error), TASKER_OK);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(reader->driver->count_list(reader, &arena, &rows, &count, &error), TASKER_OK);
        cr_assert_eq(rows[0].tasks, 3);
        cr_assert_eq(store_file_write(writer, 1, 2 + i, 1, 10, &error), TASKER_OK);
    }
    cr_assert_eq(reader->driver->commit(reader, &error), TASKER_OK);
    cr_assert_eq(store_file_count(reader, 1, &error), 6);
    tk_arena_release(&arena);
    tk_store_close(reader);
    tk_store_close(writer);
    store_file_remove(&file);
}

/* Permissions do not hold root back, so a child becomes somebody else. */
static int as_nobody(const store_file *file, bool read_only, const char *words) {
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        tasker_error error = {0};
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(77);
        }
        tk_store *store = store_file_try(file->url, read_only, false, &error);
        bool right = words == NULL ? store != NULL && store_file_count(store, 1, &error) == 3
                                   : store == NULL && strstr(error.message, words) != NULL &&
                                         strstr(error.message, file->folder) != NULL;
        if (!right) {
            fprintf(stderr, "%s\n", error.message);
        }
        tk_store_close(store);
        _exit(right ? 0 : 1);
    }
    int status = 0;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(store_sqlite, what_cannot_be_written_is_told_with_the_way_out) {
    store_file file;
    tasker_error error = {0};
    char lock[224];
    store_file_make(&file);
    (void)snprintf(lock, sizeof(lock), "%s-lock", file.path);
    tk_store *store = store_file_open(file.url);
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK);
    tk_store_close(store);
    cr_assert_eq(chmod(file.folder, 0777) | chmod(file.path, 0444) | chmod(lock, 0666), 0);
    cr_assert_eq(as_nobody(&file, false, "read-only"), 0, "a file that is read-only");
    cr_assert_eq(chmod(file.folder, 0555) | chmod(file.path, 0666) | chmod(lock, 0444), 0);
    cr_assert_eq(as_nobody(&file, false, "folder"), 0, "a folder that is read-only");
    cr_assert_eq(chmod(file.folder, 0555) | chmod(file.path, 0000), 0);
    cr_assert_eq(as_nobody(&file, true, "permissions"), 0, "a file that cannot be read");
    cr_assert_eq(chmod(file.folder, 0777) | chmod(file.path, 0444), 0);
    cr_assert_eq(as_nobody(&file, true, NULL), 0, "reading a read-only file");
    store_file_remove(&file);
}

/* --- full disk -------------------------------------------------------------------------------- */

Test(store_sqlite, a_full_disk_undoes_the_transaction_and_room_makes_it_go_on) {
    store_file file;
    tasker_error error = {0};
    store_file_make(&file);
    tk_store *store = store_file_open(file.url);
    sqlite3 *db = tk_sqlite_of(store)->db;
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA max_page_count = 60", NULL, NULL, NULL), SQLITE_OK);
    int64_t written = 3;
    tasker_status status = TASKER_OK;
    for (uint32_t i = 2; i < 200 && status == TASKER_OK; i++) {
        status = store_file_write(store, 1, i, 3, 5000, &error);
        written += status == TASKER_OK ? 3 : 0;
    }
    cr_assert_eq(status, TASKER_STORE);
    cr_assert_not_null(strstr(error.message, "disk is full"), "%s", error.message);
    cr_assert_not_null(strstr(error.message, file.path), "%s", error.message);
    cr_assert_eq(store_file_count(store, 1, &error), written);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(store_file_write(store, 1, 999, 3, 5000, &error), TASKER_OK);
    cr_assert_eq(store_file_count(store, 1, &error), written + 3);
    cr_assert_eq(store_file_problems(store, &error), 0);
    tk_store_close(store);
    store_file_remove(&file);
}

/* On a file system of 1 MiB of its own; 77 when that may not be made here. */
static int on_a_small_disk(const store_file *file) {
    tasker_error error = {0};
    char ballast[224];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", file->folder, "tmpfs", 0, "size=1m") != 0) {
        return 77;
    }
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", file->folder);
    bytes_write(ballast, "x", -1);
    if (truncate(ballast, 0) != 0) {
        return 1;
    }
    tk_store *store = store_file_try(file->url, false, false, &error);
    int64_t written = 0;
    for (uint32_t i = 1; i < 100; i++) {
        if (store_file_write(store, 1, i, 3, 5000, &error) != TASKER_OK) {
            break;
        }
        written += 3;
    }
    if (error.status != TASKER_STORE || strstr(error.message, "disk is full") == NULL ||
        store_file_count(store, 1, &error) != written) {
        fprintf(stderr, "%s\n", error.message);
        return 2;
    }
    tk_store_close(store); /* there may be no room to copy the log into the file */
    store = store_file_try(file->url, true, false, &error);
    if (store == NULL || store_file_count(store, 1, &error) != written ||
        store_file_problems(store, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 3;
    }
    tk_store_close(store);
    return 0;
}

Test(store_sqlite, a_small_disk_runs_full_without_a_loss) {
    store_file file;
    store_file_make(&file);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        _exit(on_a_small_disk(&file));
    }
    int status = 0;
    (void)waitpid(pid, &status, 0);
    store_file_remove(&file);
    cr_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        cr_skip_test("no file system may be mounted here");
    }
    cr_assert_eq(WEXITSTATUS(status), 0);
}

/* --- deleted and damaged ---------------------------------------------------------------------- */

Test(store_sqlite, a_file_that_was_deleted_or_replaced_takes_no_more_writes) {
    store_file file;
    tasker_error error = {0};
    char log[224];
    store_file_make(&file);
    tk_store *store = store_file_open(file.url);
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK);
    (void)snprintf(log, sizeof(log), "%s-wal", file.path);
    cr_assert_eq(unlink(file.path) | unlink(log), 0);
    cr_assert_eq(store_file_write(store, 1, 2, 3, 10, &error), TASKER_STORE);
    cr_assert_not_null(strstr(error.message, "deleted"), "%s", error.message);
    tk_store *fresh = store_file_open(file.url);
    cr_assert_eq(store_file_write(store, 1, 2, 3, 10, &error), TASKER_STORE, "nor when replaced");
    cr_assert_eq(store_file_write(fresh, 1, 2, 1, 10, &error), TASKER_OK);
    tk_store_close(store);
    cr_assert_eq(store_file_write(fresh, 1, 3, 1, 10, &error), TASKER_OK);
    cr_assert_eq(store_file_count(fresh, 1, &error), 2);
    tk_store_close(fresh);
    store_file_remove(&file);
}

Test(store_sqlite, without_its_lock_file_nobody_writes) {
    store_file file;
    tasker_error error = {0};
    char lock[224];
    store_file_make(&file);
    tk_store *store = store_file_open(file.url);
    (void)snprintf(lock, sizeof(lock), "%s-lock", file.path);
    cr_assert_eq(unlink(lock), 0);
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_STORE);
    cr_assert_not_null(strstr(error.message, lock), "%s", error.message);
    store = store_file_open_again(&file, store);
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK);
    tk_store_close(store);
    store_file_remove(&file);
}

/* Garbage in each page in turn: an answer, a clear error or a finding, never a crash. */
Test(store_sqlite, a_damaged_file_is_told_and_never_crashes, .timeout = 120) {
    store_file file;
    tasker_error error = {0};
    char copy[224];
    char command[512];
    struct stat at;
    int told = 0;
    store_file_make(&file);
    tk_store *store = store_file_open(file.url);
    for (uint32_t i = 1; i <= 30; i++) {
        cr_assert_eq(store_file_write(store, 1, i, 10, 300, &error), TASKER_OK);
    }
    tk_store_close(store);
    (void)snprintf(copy, sizeof(copy), "%s.whole", file.path);
    cr_assert_eq(rename(file.path, copy), 0);
    cr_assert_eq(stat(copy, &at), 0);
    for (long page = 0; page < at.st_size / 4096; page++) {
        (void)snprintf(command, sizeof(command), "cp '%s' '%s'", copy, file.path);
        cr_assert_eq(system(command), 0);
        bytes_write(file.path, "\x0d\xff\x7f\xffgarbage, garbage, garbage, garbage, garbage\xff",
                    page * 4096 + (page == 0 ? 100 : 0));
        store = store_file_try(file.url, false, false, &error);
        if (store == NULL) {
            cr_assert_not_null(strstr(error.message, file.path), "%s", error.message);
            told++;
            continue;
        }
        tasker_status status = store_file_write(store, 1, 77, 10, 300, &error);
        cr_assert(status == TASKER_OK || status == TASKER_STORE || status == TASKER_CONFLICT,
                  "page %ld: %s", page, error.message);
        told += store_file_problems(store, &error) != 0;
        tk_store_close(store);
        (void)unlink(file.path);
    }
    cr_assert_geq(told, at.st_size / 4096 * 9 / 10, "%d of %ld", told, (long)at.st_size / 4096);
    store_file_remove(&file);
}

Test(store_sqlite, a_value_out_of_its_range_is_damage) {
    const char *const changes[] = {
        "UPDATE ready SET step_no = 70000",
        "UPDATE ready SET task_id = x'00'",
        "UPDATE ready SET attempts = 9999999999",
        "UPDATE ready SET task_id = zeroblob(16) WHERE seq = 1",
        "UPDATE task SET correlation_id = 'text'",
        "UPDATE task SET template_id = 9999999999",
    };
    for (size_t i = 0; i < TK_COUNT_OF(changes); i++) {
        store_file file;
        tasker_error error = {0};
        tk_arena arena = {0};
        tk_claim_row *rows = NULL;
        uint32_t count = 0;
        const tk_want want = {.queue = 1, .handler = 1, .limit = 5};
        store_file_make(&file);
        tk_store *store = store_file_open(file.url);
        cr_assert_eq(store_file_write(store, 1, 1, 1, 10, &error), TASKER_OK);
        tk_store_close(store);
        execute(file.path, changes[i]);
        store = store_file_open(file.url);
        cr_assert_eq(store->driver->begin(store, TK_STORE_WRITE, &error), TASKER_OK);
        cr_assert_eq(
            store->driver->claim(store, &arena, &want, 1, 5, 1, 1, 1, &rows, &count, &error),
            TASKER_STORE, "%s", changes[i]);
        cr_assert_not_null(strstr(error.message, "damaged"), "%s", error.message);
        store->driver->rollback(store);
        tk_arena_release(&arena);
        tk_store_close(store);
        store_file_remove(&file);
    }
}

/* --- no memory -------------------------------------------------------------------------------- */

/* Opens a store, writes and reads: every answer is OK or NOMEM, and a failed write is no write. */
static bool flow(const char *url) {
    tasker_error error = {0};
    tk_store *store = store_file_try(url, false, false, &error);
    if (store == NULL) {
        cr_assert_eq(error.status, TASKER_NOMEM, "%s", error.message);
        return false;
    }
    bool done = store_file_write(store, 1, 1, 3, 3000, &error) == TASKER_OK;
    cr_assert(done || error.status == TASKER_NOMEM, "%s", error.message);
    int64_t count = store_file_count(store, 1, &error);
    cr_assert(count == (done ? 3 : 0) || (count < 0 && error.status == TASKER_NOMEM), "%s",
              error.message);
    tk_store_close(store);
    return done && count == 3;
}

static void flow_in_memory(void *user) {
    (void)user;
    (void)flow("sqlite::memory:");
}

static void flow_in_file(void *user) {
    (void)user;
    store_file file;
    store_file_make(&file);
    (void)flow(file.url);
    store_file_remove(&file);
}

Test(store_sqlite, each_allocation_of_ours_may_fail, .timeout = 120) {
    fail_alloc_report report = fail_alloc_sweep(flow_in_memory, NULL);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
    cr_assert_gt(report.allocations, 3);
    report = fail_alloc_sweep(flow_in_file, NULL);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
}

/* SQLite's own allocations: the n-th since armed fails, once or from then on. */
static sqlite3_mem_methods real;
static long countdown;
static bool onward;

static bool refuse(void) {
    if (countdown == 0) {
        return false;
    }
    if (countdown > 1) {
        countdown--;
        return false;
    }
    countdown = onward ? 1 : 0;
    return true;
}

static void *failing_malloc(int size) {
    return refuse() ? NULL : real.xMalloc(size);
}

static void *failing_realloc(void *old, int size) {
    return refuse() ? NULL : real.xRealloc(old, size);
}

Test(store_sqlite, each_allocation_of_sqlites_may_fail, .timeout = 240) {
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
    sqlite3_mem_methods failing = real;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    cr_assert(flow("sqlite::memory:"));
    for (int mode = 0; mode < 2; mode++) {
        long at = 1;
        for (bool done = false; !done; at++) {
            cr_assert_lt(at, 20000);
            onward = mode == 1;
            countdown = at;
            (void)flow("sqlite::memory:");
            done = countdown > 1 || (!onward && countdown != 0);
            countdown = 0;
        }
        cr_assert_gt(at, 100);
    }
    store_file file;
    store_file_make(&file);
    for (long at = 1; at < 4000; at += 7) { /* a sample, as a file takes longer */
        tasker_error error = {0};
        tk_store *store = store_file_try(file.url, false, false, &error);
        cr_assert_not_null(store, "%s", error.message);
        int64_t before = store_file_count(store, 1, &error);
        onward = false;
        countdown = at;
        bool done = store_file_write(store, 1, (uint32_t)at, 3, 3000, &error) == TASKER_OK;
        bool over = countdown > 1;
        countdown = 0;
        cr_assert(done || error.status == TASKER_NOMEM, "%s", error.message);
        cr_assert_eq(store_file_count(store, 1, &error), before + (done ? 3 : 0));
        tk_store_close(store);
        if (over) {
            break;
        }
    }
    store_file_remove(&file);
}
