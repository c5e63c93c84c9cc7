/*
 * store_sqlite_backup.c - copies a store into a new file while others write.
 *
 *   second connection ── READ: one snapshot ── some pages at a time ──► PATH.part-PID ── fsync ──► PATH
 *
 * The snapshot is what keeps the copy apart from the writers: it waits for nobody, nobody waits for
 * it, and it never begins anew. The log can only grow until it ends. The name PATH appears with the
 * whole, synced copy or not at all.
 */
#include "store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES 256 /* a MiB: between two looks at whether the copy is still wanted */

typedef struct backup {
    tk_sqlite *source;
    tk_sqlite copy; /* the new file, as far as messages and a connection go */
    const char *path;
    char part[PATH_MAX];   /* where it grows */
    char folder[PATH_MAX]; /* of both */
    tasker_progress_fn copied;
    void *user;
} backup;

static tasker_status fail_system(const char *path, const char *doing, tasker_error *error) {
    bool missing = errno == ENOENT || errno == ENOTDIR;
    return tk_fail(error, missing ? TASKER_NOTFOUND : TASKER_STORE,
                   "%s: %s failed: %s; choose a folder that exists and can be written", path, doing,
                   strerror(errno));
}

/* --- names ------------------------------------------------------------------------------------ */

static tasker_status fail_taken(const char *path, tasker_error *error) {
    return tk_fail(error, TASKER_INVALID, "%s exists already; choose a new name", path);
}

/* Nor may a log lie there that another file left behind: SQLite would take it for the copy's. */
static tasker_status names_check(const char *path, tasker_error *error) {
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_MAX];
    struct stat at;
    for (size_t i = 0; i < TK_COUNT_OF(tails); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, tails[i]);
        if (lstat(name, &at) == 0) {
            return fail_taken(name, error);
        }
    }
    return TASKER_OK;
}

static tasker_status names_make(backup *b, tasker_error *error) {
    size_t size = strlen(b->path);
    if (size == 0 || size >= PATH_MAX - 32 || b->path[size - 1] == '/') {
        return tk_fail(error, TASKER_INVALID, "\"%s\" is no name for a file; expected FILE",
                       size < 64 ? b->path : "the path");
    }
    const char *slash = strrchr(b->path, '/');
    (void)snprintf(b->folder, sizeof(b->folder), "%.*s",
                   slash == NULL ? 1 : (int)(slash - b->path) + 1, slash == NULL ? "." : b->path);
    (void)snprintf(b->part, sizeof(b->part), "%s%s.part-%d", b->path[0] == '/' ? "" : "./", b->path,
                   tk_process_id()); /* without the "./" SQLite would read file:NAME as a URI */
    return names_check(b->path, error);
}

/* The copy may be read by whom the store may be read by. */
static tasker_status part_create(const backup *b, tasker_error *error) {
    struct stat at = {.st_mode = 0600};
    if (b->source->file != NULL && stat(tk_sqlite_file_path(b->source->file), &at) != 0) {
        return fail_system(b->source->name, "looking at the file", error);
    }
    int fd = open(b->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, at.st_mode & 0666);
    if (fd < 0) {
        return fail_system(b->part, "making the copy", error);
    }
    close(fd); /* of a new file that SQLite does not know yet */
    return TASKER_OK;
}

/* --- copying ---------------------------------------------------------------------------------- */

/* Reading fails in the store, all else in the copy. */
static tasker_status fail_step(const backup *b, int code, tasker_error *error) {
    bool reading = code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ ||
                   (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
    return tk_sqlite_fail(reading ? b->source : &b->copy, code, "copying", error);
}

static tasker_status pages_copy(backup *b, sqlite3_backup *pages, tasker_error *error) {
    tasker_status status = TASKER_OK;
    int code = SQLITE_OK;
    while (status == TASKER_OK && code == SQLITE_OK) {
        code = sqlite3_backup_step(pages, STEP_PAGES);
        int64_t total = sqlite3_backup_pagecount(pages);
        int64_t done = total - sqlite3_backup_remaining(pages);
        if (code != SQLITE_OK && code != SQLITE_DONE) {
            status = fail_step(b, code, error);
        } else if (b->copied != NULL && !b->copied(b->user, done, total)) {
            status = tk_fail(error, TASKER_CLOSED, "%s: the copy was given up", b->path);
        }
    }
    return status;
}

/* The copy needs no journal: it is of no use before it is whole, and synced once at its end. */
static tasker_status copy_open(backup *b, tasker_error *error) {
    int code = sqlite3_open_v2(
        b->part, &b->copy.db,
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(b->copy.db, 1);
        code = sqlite3_exec(b->copy.db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
                            NULL, NULL);
    }
    return code == SQLITE_OK ? TASKER_OK : tk_sqlite_fail(&b->copy, code, "opening", error);
}

static tasker_status copy_fill(backup *b, tasker_error *error) {
    tasker_status status = copy_open(b, error);
    if (status == TASKER_OK) {
        sqlite3_backup *pages = sqlite3_backup_init(b->copy.db, "main", b->source->db, "main");
        status = pages == NULL ? fail_step(b, sqlite3_extended_errcode(b->copy.db), error)
                               : pages_copy(b, pages, error);
        int code = sqlite3_backup_finish(pages);
        if (status == TASKER_OK && code != SQLITE_OK) {
            status = fail_step(b, code, error);
        }
    }
    (void)sqlite3_close(b->copy.db);
    b->copy.db = NULL;
    return status;
}

/* Copies within one READ transaction, whose first statement fixes the snapshot. */
static tasker_status snapshot_copy(backup *b, tasker_error *error) {
    tk_store *store = &b->source->store;
    tasker_status status = tk_sqlite_begin(store, TK_STORE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_sqlite_numbers(b->source, error);
    if (status == TASKER_OK) {
        status = copy_fill(b, error);
    }
    tk_sqlite_rollback(store);
    return status;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Brings a file or folder to the disk; *bytes (may be NULL) is its size. */
static tasker_status path_sync(const char *path, int flags, int64_t *bytes, tasker_error *error) {
    struct stat at = {.st_size = 0};
    int fd = open(path, flags | O_CLOEXEC);
    tasker_status status = TASKER_OK;
    if (fd < 0 || fstat(fd, &at) != 0 || fsync(fd) != 0) {
        status = fail_system(path, "saving the copy to the disk", error);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (bytes != NULL) {
        *bytes = at.st_size;
    }
    return status;
}

/* Gives the copy its name, unless somebody took that meanwhile. Not every file system can do it in
 * one call. */
static tasker_status part_rename(const backup *b, tasker_error *error) {
    int failed = renameat2(AT_FDCWD, b->part, AT_FDCWD, b->path, RENAME_NOREPLACE);
    if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
        failed = link(b->part, b->path);
        if (failed == 0) {
            (void)unlink(b->part);
        }
    }
    if (failed != 0) {
        return errno == EEXIST ? fail_taken(b->path, error)
                               : fail_system(b->path, "naming the copy", error);
    }
    tasker_status status = path_sync(b->folder, O_RDONLY | O_DIRECTORY, NULL, error);
    if (status != TASKER_OK) {
        (void)unlink(b->path);
    }
    return status;
}

tasker_status tk_sqlite_backup(tk_store *store, const char *path, tasker_progress_fn copied,
                               void *user, int64_t *bytes, tasker_error *error) {
    backup b = {.path = path, .copied = copied, .user = user, .copy = {.name = path}};
    tk_store *source = NULL;
    tasker_status status = names_make(&b, error);
    if (status == TASKER_OK) {
        status = tk_sqlite_share(store, &source, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    b.source = tk_sqlite_of(source);
    status = part_create(&b, error);
    if (status == TASKER_OK) {
        status = snapshot_copy(&b, error);
        if (status == TASKER_OK) {
            status = path_sync(b.part, O_RDWR, bytes, error);
        }
        if (status == TASKER_OK) {
            status = part_rename(&b, error);
        }
        if (status != TASKER_OK) {
            (void)unlink(b.part);
        }
    }
    tk_store_close(source);
    return status;
}
