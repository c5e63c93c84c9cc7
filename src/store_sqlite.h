/*
 * store_sqlite.h - inside of the SQLite driver; no other file may include it (nor sqlite3.h).
 *
 *   store_sqlite_sql.h     the statements
 *   store_sqlite.c         the table, transactions, how a statement is run
 *   store_sqlite_open.c    opening, checking, sharing and closing a store
 *   store_sqlite_file.c    what a file needs among threads and processes: locks, the worker, wake-ups
 *   store_sqlite_backup.c  a copy into a new file while others write
 *   store_sqlite_names.c   names, templates, identities
 *   store_sqlite_rows.c    saving tasks, states, ready, later, leases, attempts, acts, counts
 *   store_sqlite_turn.c    what a turn needs: locks, outcomes, due steps, claims, results
 *   store_sqlite_hand.c    acts by hand, workers
 *   store_sqlite_read.c    readers
 *   store_sqlite_list.c    lists of tasks by a filter
 *   store_sqlite_record.c  the record in its order
 *   store_sqlite_depth.c   how much waits
 *   store_sqlite_keep.c    taking ended work away
 *   store_sqlite_key.c     keys of the HTTP server
 *   store_sqlite_minute.c  what happened in a minute
 *   store_sqlite_facts.c   what the store is
 *
 * How a statement is run: tk_sql_begin, then for each row the parameters in their order, tk_sql_step
 * or tk_sql_run, and tk_sql_end on every path. The first failure stays; after it the rest is a no-op.
 * Parameters are bound without a copy, so what they point to lives until the next step.
 */
#ifndef TK_STORE_SQLITE_H
#define TK_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store.h"
#include "store_sqlite_sql.h"

#define TK_SQLITE_SCHEMA_VERSION 4
#define TK_SQLITE_APPLICATION_ID 1413567307 /* "TASK"; also in schema_sqlite.sql */

/* How long a writer waits for the other processes that write into the same file. */
#define TK_SQLITE_BUSY_MS 5000

/* Of the page cache, in KiB; and pages in the log before it is copied into the file. */
#define TK_SQLITE_CACHE_KIB 65536
#define TK_SQLITE_CHECKPOINT_PAGES 4000

/* A page of progress: 256 steps of 3 bytes. */
#define TK_STATE_PAGE_BYTES 768
#define TK_STATE_BYTES_MAX (TASKER_STEPS_MAX * 3)

/* Stored states that a statement knows: a task that runs, and the highest of those that need
 * nobody's attention (1 running, 2 complete). */
#define TK_STATE_RUNNING 1
#define TK_STATE_COMPLETE 2
#define TK_SQLITE_MINUTE_US INT64_C(60000000)
#define TK_STATE_CALM_MAX 2

/* --- the store -------------------------------------------------------------------------------- */

/* A database file as this process knows it; see store_sqlite_file.c. */
typedef struct tk_sqlite_file tk_sqlite_file;

typedef struct tk_sqlite {
    tk_store store;
    sqlite3 *db;
    sqlite3_stmt *statements[TK_SQL_COUNT];
    tk_sqlite_file *file; /* NULL in memory */
    char *url;            /* for share */
    const char *name;     /* for messages: the file, or ":memory:"; part of url */
    const tk_clock *clock;
    const tk_log *log;
    bool read_only;
    pid_t opener;
    uint32_t references;       /* of a store in memory; guarded by `mutex` */
    uint32_t workers;          /* of a store in memory; guarded as the table of files is */
    pthread_mutex_t mutex;     /* held between begin and commit or rollback */
    _Atomic(uintptr_t) holder; /* the thread that holds it, or 0 */
    tk_store_mode mode;
    bool numbers_known; /* n and seq are read */
    int64_t n, seq;     /* the last ones given */
    int64_t n_stored, seq_stored;
} tk_sqlite;

static inline tk_sqlite *tk_sqlite_of(tk_store *store) {
    return (tk_sqlite *)(void *)store;
}

extern const tk_driver tk_sqlite_driver;

/* tk_sqlite_fail writes what SQLite's `code` means for whoever has to act. `doing` is a statement's
 * name or what was tried. */
tasker_status tk_sqlite_fail(const tk_sqlite *sqlite, int code, const char *doing,
                             tasker_error *error);

/* tk_sqlite_usable: OK inside of this thread's transaction, else FORKED or STORE. */
tasker_status tk_sqlite_usable(const tk_sqlite *sqlite, tasker_error *error);

/* tk_sqlite_numbers makes sqlite->n and ->seq known; a saving call that draws from them calls it
 * first. */
tasker_status tk_sqlite_numbers(tk_sqlite *sqlite, tasker_error *error);

/* --- running a statement ---------------------------------------------------------------------- */

typedef struct tk_sql {
    tk_sqlite *sqlite;
    sqlite3_stmt *stmt;
    tk_sql_name name;
    int code;  /* SQLITE_OK so far, or the first failure */
    int bound; /* parameters of the coming run */
} tk_sql;

/* tk_sql_begin readies a statement of the open transaction; tk_sql_end must follow, also when it
 * fails (it is a no-op then). Returns OK, FORKED, STORE (no transaction of this thread; a write in a
 * READ transaction), or what preparing met. */
tasker_status tk_sql_begin(tk_sql *sql, tk_sqlite *sqlite, tk_sql_name name, tasker_error *error);

/* tk_sql_fail ends a statement and tells its failure. */
tasker_status tk_sql_fail(tk_sql *sql, tasker_error *error);

static inline void tk_sql_note(tk_sql *sql, int code) {
    if (code != SQLITE_OK && sql->code == SQLITE_OK) {
        sql->code = code;
    }
}

static inline void tk_sql_int(tk_sql *sql, int64_t value) {
    tk_sql_note(sql, sqlite3_bind_int64(sql->stmt, ++sql->bound, value));
}

static inline void tk_sql_uuid(tk_sql *sql, const tk_uuid *id) {
    tk_sql_note(sql, sqlite3_bind_blob(sql->stmt, ++sql->bound, id->bytes, sizeof(id->bytes),
                                       SQLITE_STATIC));
}

static inline void tk_sql_blob(tk_sql *sql, const void *data, size_t size) {
    tk_sql_note(sql, sqlite3_bind_blob64(sql->stmt, ++sql->bound, size == 0 ? "" : data, size,
                                         SQLITE_STATIC));
}

/* Data NULL is SQL's NULL. */
static inline void tk_sql_text(tk_sql *sql, tk_str text) {
    tk_sql_note(sql, sqlite3_bind_text64(sql->stmt, ++sql->bound, text.data, text.size,
                                         SQLITE_STATIC, SQLITE_UTF8));
}

/* Data NULL is an empty text. */
static inline void tk_sql_text_always(tk_sql *sql, tk_str text) {
    tk_sql_text(sql, text.data == NULL ? TK_STR("") : text);
}

static inline void tk_sql_null(tk_sql *sql) {
    tk_sql_note(sql, sqlite3_bind_null(sql->stmt, ++sql->bound));
}

/* tk_sql_step runs to the next row: true when there is one. */
static inline bool tk_sql_step(tk_sql *sql) {
    if (sql->code != SQLITE_OK) {
        return false;
    }
    int code = sqlite3_step(sql->stmt);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        sql->code = code;
    }
    return false;
}

/* tk_sql_again makes the statement ready for the next run. */
static inline void tk_sql_again(tk_sql *sql) {
    sqlite3_reset(sql->stmt);
    sql->bound = 0;
}

/* tk_sql_run runs a statement without rows to its end, ready for the next run; false when it failed. */
static inline bool tk_sql_run(tk_sql *sql) {
    while (tk_sql_step(sql)) {
    }
    tk_sql_again(sql);
    return sql->code == SQLITE_OK;
}

/* tk_sql_end gives the statement back. Returns OK or the first failure. */
static inline tasker_status tk_sql_end(tk_sql *sql, tasker_error *error) {
    if (sql->code != SQLITE_OK) {
        return tk_sql_fail(sql, error);
    }
    tk_sql_again(sql);
    return TASKER_OK;
}

/* Rows that the statement's last run changed. */
static inline int64_t tk_sql_changes(const tk_sql *sql) {
    return sqlite3_changes64(sql->sqlite->db);
}

/* --- reading a row. A value out of its range or size is a damaged file: SQLITE_CORRUPT. --- */

static inline int64_t tk_sql_get(const tk_sql *sql, int column) {
    return sqlite3_column_int64(sql->stmt, column);
}

static inline int32_t tk_sql_get_i32(tk_sql *sql, int column) {
    int64_t value = sqlite3_column_int64(sql->stmt, column);
    if (value < INT32_MIN || value > INT32_MAX) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        return 0;
    }
    return (int32_t)value;
}

static inline uint16_t tk_sql_get_step(tk_sql *sql, int column) {
    int64_t value = sqlite3_column_int64(sql->stmt, column);
    if (value < 0 || value >= TASKER_STEPS_MAX) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        return 0;
    }
    return (uint16_t)value;
}

/* The bytes as they lie in SQLite's memory, valid until the next step; {NULL, 0} for NULL. Reading a
 * text as a blob spares SQLite the copy that adds a NUL. */
static inline tk_str tk_sql_peek(tk_sql *sql, int column) {
    if (sqlite3_column_type(sql->stmt, column) == SQLITE_NULL) {
        return (tk_str){NULL, 0};
    }
    const void *data = sqlite3_column_blob(sql->stmt, column);
    size_t size = (size_t)sqlite3_column_bytes(sql->stmt, column);
    if (data == NULL && size > 0) {
        tk_sql_note(sql, SQLITE_NOMEM);
        return (tk_str){NULL, 0};
    }
    return size == 0 ? TK_STR("") : (tk_str){data, size};
}

/* The same, copied into the arena. */
static inline tk_str tk_sql_get_text(tk_sql *sql, int column, tk_arena *arena) {
    tk_str seen = tk_sql_peek(sql, column);
    if (seen.data == NULL) {
        return seen;
    }
    tk_str copy = {NULL, 0};
    if (!tk_arena_str(arena, seen, &copy)) {
        tk_sql_note(sql, SQLITE_NOMEM);
    }
    return copy;
}

static inline void tk_sql_get_uuid(tk_sql *sql, int column, tk_uuid *id) {
    tk_str bytes = tk_sql_peek(sql, column);
    if (bytes.size != sizeof(id->bytes)) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        memset(id, 0, sizeof(*id));
        return;
    }
    memcpy(id->bytes, bytes.data, sizeof(id->bytes));
}

/* A growing array in an arena. */
typedef struct tk_sql_list {
    tk_arena *arena;
    size_t size; /* of an element */
    void *rows;
    uint32_t count, room;
} tk_sql_list;

/* tk_sql_add makes room for one more element at the end (doubling): the element, not set, or NULL when
 * out of memory, which is noted. Places handed out before are invalid then. */
void *tk_sql_add(tk_sql *sql, tk_sql_list *list);

/* tk_sql_next runs to the next row and adds an element for it; NULL after the last. */
static inline void *tk_sql_next(tk_sql *sql, tk_sql_list *list) {
    return tk_sql_step(sql) ? tk_sql_add(sql, list) : NULL;
}

/* tk_sql_attempt reads a row that begins with TK_SQL_ATTEMPT's columns; with payloads when an arena
 * is given. */
void tk_sql_attempt(tk_sql *sql, const tk_uuid *task_id, tk_attempt_row *row, tk_arena *arena);

/* tk_sql_finish records a lease that LEASE_FENCE or LEASE_TAKE returned as an attempt. `row` has
 * task, step, outcome, payloads and finished_us; the rest is filled in. False when it failed. */
bool tk_sql_finish(tk_sql *taken, tk_sql *insert, tk_attempt_row *row);

/* tk_sql_lease runs LEASE_INSERT for a row; false when it failed. */
bool tk_sql_lease(tk_sql *sql, const tk_lease_row *row);

/* tk_sql_task reads TASK_READ's row. */
void tk_sql_task(tk_sql *sql, tk_arena *arena, tk_task_row *row);

/* --- operations, by file ---------------------------------------------------------------------- */

#define X(name, arguments) tasker_status tk_sqlite_##name arguments;
TK_STORE_OPERATION_MAP(X)
#undef X

/* --- files: store_sqlite_file.c --------------------------------------------------------------- */

/* tk_sqlite_file_open finds or makes what this process knows of a database file and counts one more
 * reference. The file is created when it is missing and `create` says so. read_only: goes without
 * the lock file where the folder does not let it be made.
 * Returns OK, NOTFOUND, FORKED (it was open when this process forked off), STORE, NOMEM. */
tasker_status tk_sqlite_file_open(const char *path, bool create, bool read_only,
                                  tk_sqlite_file **file, tasker_error *error);
void tk_sqlite_file_close(tk_sqlite_file *file);

/* The file's path without links, for SQLite. */
const char *tk_sqlite_file_path(const tk_sqlite_file *file);

/* tk_sqlite_file_lock takes the right to write, among threads and processes; STORE after
 * TK_SQLITE_BUSY_MS, or when the file was deleted or replaced. */
tasker_status tk_sqlite_file_lock(tk_sqlite_file *file, tasker_error *error);
void tk_sqlite_file_unlock(tk_sqlite_file *file);

tasker_status tk_sqlite_worker_lock(tk_store *store, bool *first, tasker_error *error);
void tk_sqlite_worker_unlock(tk_store *store);
void tk_sqlite_wake(tk_store *store);
int tk_sqlite_wake_fd(tk_store *store);
void tk_sqlite_wake_drain(tk_store *store);

/* --- upkeep: store_sqlite_keep.c -------------------------------------------------------------- */

/* tk_sqlite_wishes_check: UNSUPPORTED where a role or portions are asked for. */
tasker_status tk_sqlite_wishes_check(const char *name, const char *role, tk_period period,
                                     tasker_error *error);

tasker_status tk_sqlite_set_up(tk_store *store, tk_arena *arena, tk_setup *setup,
                               tasker_error *error);
tasker_status tk_sqlite_prune(tk_store *store, tk_arena *arena, tk_prune *prune,
                              tasker_error *error);

/* --- opening: store_sqlite_open.c ------------------------------------------------------------- */

/* tk_sqlite_ask reads one number. */
tasker_status tk_sqlite_ask(const tk_sqlite *sqlite, const char *sql, int64_t *answer,
                            tasker_error *error);

tasker_status tk_sqlite_reconnect(tk_store *store, tasker_error *error);
tasker_status tk_sqlite_upkeep(tk_store *store, bool *elected, uint32_t *skipped,
                               tasker_error *error);
tasker_status tk_sqlite_backup(tk_store *store, const char *path, tasker_progress_fn copied,
                               void *user, int64_t *bytes, tasker_error *error);
tasker_status tk_sqlite_share(tk_store *store, tk_store **other, tasker_error *error);
void tk_sqlite_close(tk_store *store);
void tk_sqlite_rollback(tk_store *store);

#endif
