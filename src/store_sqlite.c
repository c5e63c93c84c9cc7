/*
 * store_sqlite.c - the SQLite driver: its table, its transactions, and how a statement is run.
 *
 *   begin WRITE ── store's mutex ── file's lock ── BEGIN IMMEDIATE ─ … ─ n, seq ─ COMMIT ── unlock
 *   begin READ ─── store's mutex ── BEGIN: the first statement fixes the snapshot; waits for nobody
 *
 * Rules: one thread at a time is between begin and the end, and only that thread's calls are taken.
 * A commit that fails has been rolled back when it returns. In a forked child nothing touches SQLite.
 */
#include "store_sqlite.h"

#include <unistd.h>

static const char *const texts[TK_SQL_COUNT] = {
#define X(name, text) [TK_SQL_##name] = text,
    TK_SQL_MAP(X)
#undef X
};

static const char *const names[TK_SQL_COUNT] = {
#define X(name, text) [TK_SQL_##name] = #name,
    TK_SQL_MAP(X)
#undef X
};

const tk_driver tk_sqlite_driver = {
    .name = "sqlite",
    .many_workers = false,
#define X(operation, arguments) .operation = tk_sqlite_##operation,
    TK_STORE_OPERATION_MAP(X)
#undef X
        .rollback = tk_sqlite_rollback,
    .worker_lock = tk_sqlite_worker_lock,
    .worker_unlock = tk_sqlite_worker_unlock,
    .wake = tk_sqlite_wake,
    .wake_fd = tk_sqlite_wake_fd,
    .wake_drain = tk_sqlite_wake_drain,
    .reconnect = tk_sqlite_reconnect,
    .upkeep = tk_sqlite_upkeep,
    .set_up = tk_sqlite_set_up,
    .prune = tk_sqlite_prune,
    .backup = tk_sqlite_backup,
    .share = tk_sqlite_share,
    .close = tk_sqlite_close,
};

/* --- failures --------------------------------------------------------------------------------- */

/* What a result code means, and what to do about it. */
static const struct advice {
    int code; /* a primary or an extended result code */
    tasker_status status;
    const char *text;
} advices[] = {
    {SQLITE_BUSY, TASKER_STORE, "another program holds the file; end it, or try again"},
    {SQLITE_LOCKED, TASKER_STORE, "another program holds the file; end it, or try again"},
    {SQLITE_FULL, TASKER_STORE, "the disk is full; make room and try again"},
    {SQLITE_READONLY_DBMOVED, TASKER_STORE, "the file was moved or deleted; open the store again"},
    {SQLITE_READONLY, TASKER_STORE,
     "the file or its folder cannot be written; change its permissions, or open it read-only"},
    {SQLITE_CANTOPEN, TASKER_STORE,
     "the file cannot be opened; look at the permissions of the file and its folder"},
    {SQLITE_NOTADB, TASKER_UNSUPPORTED, "the file is no SQLite database; choose another file"},
    {SQLITE_CORRUPT, TASKER_STORE,
     "the file is damaged; restore a copy, or save what is readable with `sqlite3 FILE .recover`"},
    {SQLITE_IOERR, TASKER_STORE,
     "reading or writing failed; look at the disk and the system's log"},
    {SQLITE_TOOBIG, TASKER_STORE, "a value is larger than SQLite takes"},
    {SQLITE_CONSTRAINT, TASKER_CONFLICT, "such a row exists already"},
    {SQLITE_SCHEMA, TASKER_STORE, "the tables were changed meanwhile; open the store again"},
};

static const struct advice *advice_for(int code) {
    for (size_t i = 0; i < TK_COUNT_OF(advices); i++) {
        if (advices[i].code == code || advices[i].code == (code & 0xff)) {
            return &advices[i];
        }
    }
    return NULL;
}

tasker_status tk_sqlite_fail(const tk_sqlite *sqlite, int code, const char *doing,
                             tasker_error *error) {
    if ((code & 0xff) == SQLITE_NOMEM) {
        return tk_nomem(error);
    }
    const struct advice *advice = advice_for(code);
    const char *detail = sqlite->db != NULL && sqlite3_extended_errcode(sqlite->db) == code
                             ? sqlite3_errmsg(sqlite->db)
                             : sqlite3_errstr(code);
    return tk_fail(error, advice == NULL ? TASKER_STORE : advice->status,
                   "%s: %s (%s: %s, code %d)", sqlite->name,
                   advice == NULL ? "SQLite failed" : advice->text, doing, detail, code);
}

/* --- statements ------------------------------------------------------------------------------- */

static bool is_holder(const tk_sqlite *sqlite) {
    return atomic_load(&sqlite->holder) == (uintptr_t)pthread_self();
}

static tasker_status fail_forked(const tk_sqlite *sqlite, tasker_error *error) {
    return tk_fail(error, TASKER_FORKED,
                   "%s was opened by process %d, before a fork; open it anew in this process",
                   sqlite->name, (int)sqlite->opener);
}

static tasker_status statement_prepare(tk_sqlite *sqlite, tk_sql_name name, tasker_error *error) {
    int code = sqlite3_prepare_v3(sqlite->db, texts[name], -1, SQLITE_PREPARE_PERSISTENT,
                                  &sqlite->statements[name], NULL);
    return code == SQLITE_OK ? TASKER_OK : tk_sqlite_fail(sqlite, code, names[name], error);
}

tasker_status tk_sqlite_usable(const tk_sqlite *sqlite, tasker_error *error) {
    if (tk_process_id() != sqlite->opener) {
        return fail_forked(sqlite, error);
    }
    if (!is_holder(sqlite)) {
        return tk_fail(error, TASKER_STORE, "%s: a statement outside of this thread's transaction",
                       sqlite->name);
    }
    return TASKER_OK;
}

tasker_status tk_sql_begin(tk_sql *sql, tk_sqlite *sqlite, tk_sql_name name, tasker_error *error) {
    *sql = (tk_sql){.sqlite = sqlite, .name = name, .code = SQLITE_MISUSE};
    tasker_status status = tk_sqlite_usable(sqlite, error);
    if (status == TASKER_OK && sqlite->statements[name] == NULL) {
        status = statement_prepare(sqlite, name, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    sql->stmt = sqlite->statements[name];
    (void)sqlite3_reset(sql->stmt); /* an operation that failed half-way may have left it */
    if (sqlite->mode == TK_STORE_READ && !sqlite3_stmt_readonly(sql->stmt)) {
        return tk_fail(error, TASKER_STORE, "%s: statement %s writes in a READ transaction",
                       sqlite->name, names[name]);
    }
    sql->code = SQLITE_OK;
    return TASKER_OK;
}

tasker_status tk_sql_fail(tk_sql *sql, tasker_error *error) {
    tasker_status status = tk_sqlite_fail(sql->sqlite, sql->code, names[sql->name], error);
    sqlite3_reset(sql->stmt);
    return status;
}

/* Runs a statement that takes and returns nothing. */
static tasker_status statement_run(tk_sqlite *sqlite, tk_sql_name name, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, name, error);
    if (status != TASKER_OK) {
        return status;
    }
    (void)tk_sql_step(&sql);
    return tk_sql_end(&sql, error);
}

void *tk_sql_add(tk_sql *sql, tk_sql_list *list) {
    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? 16 : list->room * 2;
        void *rows = tk_arena_array(list->arena, room, list->size);
        if (rows == NULL) {
            tk_sql_note(sql, SQLITE_NOMEM);
            return NULL;
        }
        if (list->count > 0) {
            memcpy(rows, list->rows, list->count * list->size);
        }
        list->rows = rows;
        list->room = room;
    }
    return (char *)list->rows + list->count++ * list->size;
}

/* --- transactions ----------------------------------------------------------------------------- */

static void give_back(tk_sqlite *sqlite) {
    if (sqlite->mode == TK_STORE_WRITE && sqlite->file != NULL) {
        tk_sqlite_file_unlock(sqlite->file);
    }
    atomic_store(&sqlite->holder, 0);
    pthread_mutex_unlock(&sqlite->mutex);
}

tasker_status tk_sqlite_begin(tk_store *store, tk_store_mode mode, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    if (tk_process_id() != sqlite->opener) {
        return fail_forked(sqlite, error);
    }
    if (mode == TK_STORE_WRITE && sqlite->read_only) {
        return tk_fail(error, TASKER_UNSUPPORTED, "%s was opened read-only; open it for writing",
                       sqlite->name);
    }
    assert(!is_holder(sqlite));
    pthread_mutex_lock(&sqlite->mutex);
    if (mode == TK_STORE_WRITE && sqlite->file != NULL) {
        tasker_status status = tk_sqlite_file_lock(sqlite->file, error);
        if (status != TASKER_OK) {
            pthread_mutex_unlock(&sqlite->mutex);
            return status;
        }
    }
    atomic_store(&sqlite->holder, (uintptr_t)pthread_self());
    sqlite->numbers_known = false;
    sqlite->mode = mode;
    tasker_status status = TASKER_OK;
    if (sqlite->statements[TK_SQL_ROLLBACK] == NULL) { /* so that a rollback never fails */
        status = statement_prepare(sqlite, TK_SQL_ROLLBACK, error);
    }
    if (status == TASKER_OK) {
        status = statement_run(
            sqlite, mode == TK_STORE_WRITE ? TK_SQL_BEGIN_WRITE : TK_SQL_BEGIN_READ, error);
    }
    if (status != TASKER_OK) {
        give_back(sqlite);
    }
    return status;
}

tasker_status tk_sqlite_sync(tk_store *store, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    return tk_process_id() == sqlite->opener ? TASKER_OK : fail_forked(sqlite, error);
}

tasker_status tk_sqlite_numbers(tk_sqlite *sqlite, tasker_error *error) {
    if (sqlite->numbers_known) {
        return TASKER_OK;
    }
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_LEDGER_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (tk_sql_step(&sql)) {
        sqlite->n = sqlite->n_stored = tk_sql_get(&sql, 0);
        sqlite->seq = sqlite->seq_stored = tk_sql_get(&sql, 1);
        sqlite->numbers_known = true;
    } else {
        tk_sql_note(&sql, SQLITE_CORRUPT);
    }
    return tk_sql_end(&sql, error);
}

static tasker_status numbers_save(tk_sqlite *sqlite, tasker_error *error) {
    if (!sqlite->numbers_known ||
        (sqlite->n == sqlite->n_stored && sqlite->seq == sqlite->seq_stored)) {
        return TASKER_OK;
    }
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_LEDGER_WRITE, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, sqlite->n);
    tk_sql_int(&sql, sqlite->seq);
    (void)tk_sql_run(&sql);
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_commit(tk_store *store, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tasker_status status = numbers_save(sqlite, error);
    if (status == TASKER_OK) {
        status = statement_run(sqlite, TK_SQL_COMMIT, error);
    }
    if (status != TASKER_OK) {
        tk_sqlite_rollback(store);
        return status;
    }
    give_back(sqlite);
    return TASKER_OK;
}

void tk_sqlite_rollback(tk_store *store) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    if (tk_process_id() != sqlite->opener || !is_holder(sqlite)) {
        return;
    }
    /* A statement that an operation left half-way would keep its snapshot. */
    sqlite3_stmt *stmt = NULL;
    while ((stmt = sqlite3_next_stmt(sqlite->db, stmt)) != NULL) {
        (void)sqlite3_reset(stmt);
    }
    /* SQLite may have rolled back by itself. The statement was prepared by the first begin. */
    if (sqlite3_get_autocommit(sqlite->db) == 0) {
        (void)sqlite3_step(sqlite->statements[TK_SQL_ROLLBACK]);
        (void)sqlite3_reset(sqlite->statements[TK_SQL_ROLLBACK]);
    }
    give_back(sqlite);
}
