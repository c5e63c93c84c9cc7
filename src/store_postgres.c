/*
 * store_postgres.c - the PostgreSQL driver: its table, its failures, its transactions.
 *
 *   begin WRITE ── store's mutex ── BEGIN (read committed): every statement sees what is committed
 *   begin READ ─── store's mutex ── BEGIN (repeatable read, read only): one snapshot
 *   commit ─────── COMMIT ── NOTIFY behind it, where steps became ready
 *
 * Rules: one thread at a time is between begin and the end, and only that thread's calls are taken.
 * A commit that fails leaves no transaction behind; whether it happened may be unknown then. A broken
 * connection is made anew by the next begin. In a forked child nothing touches the connection.
 */
#include "store_postgres.h"

const char *const tk_pg_names[TK_PG_STATEMENT_COUNT] = {
#define X(name, text) [TK_PG_##name] = #name,
    TK_PG_STATEMENT_MAP(X)
#undef X
};

const char *TK_PG_FIXED tk_pg_texts[TK_PG_STATEMENT_COUNT] = {
#define X(name, text) [TK_PG_##name] = text,
    TK_PG_STATEMENT_MAP(X)
#undef X
};

#ifndef TK_WITH_POSTGRES

tasker_status tk_store_postgres_open(const tk_store_config *config, tk_store **store,
                                     tasker_error *error) {
    (void)config;
    (void)store;
    return tk_fail(error, TASKER_UNSUPPORTED,
                   "this build has no PostgreSQL store; build it with libpq, or use sqlite:FILE");
}

#else

const tk_driver tk_pg_driver = {
    .name = "postgres",
    .many_workers = true,
    .advances = true,
#define X(operation, arguments) .operation = tk_pg_op_##operation,
    TK_STORE_OPERATION_MAP(X)
#undef X
        .rollback = tk_pg_rollback,
    .worker_lock = tk_pg_worker_lock,
    .worker_unlock = tk_pg_worker_unlock,
    .wake = tk_pg_wake,
    .wake_fd = tk_pg_wake_fd,
    .wake_drain = tk_pg_wake_drain,
    .reconnect = tk_pg_reconnect,
    .session = tk_pg_session,
    .upkeep = tk_pg_upkeep,
    .set_up = tk_pg_set_up,
    .prune = tk_pg_prune,
    .backup = tk_pg_backup,
    .plan_open = tk_pg_plan_open,
    .share = tk_pg_share,
    .close = tk_pg_close,
};

/* --- failures --------------------------------------------------------------------------------- */

/* What an SQLSTATE means, and what to do about it. The first that fits. */
static const struct advice {
    const char *state; /* its beginning */
    tasker_status status;
    const char *text;
} advices[] = {
    {"23505", TASKER_CONFLICT, "such a row exists already"},
    {"22012", TASKER_CONFLICT, "a row that must be there is gone; nothing was changed"},
    {"22021", TASKER_UNSUPPORTED, "a text has bytes that are no UTF-8, or a NUL"},
    {"22P05", TASKER_UNSUPPORTED, "a text has \\u0000, which PostgreSQL cannot keep"},
    {"22P02", TASKER_UNSUPPORTED, "a text is not in the form that its column needs"},
    {"22003", TASKER_UNSUPPORTED, "a number is larger than its column can hold"},
    {"25006", TASKER_STORE, "this server or user only reads; connect to the primary server"},
    {"25P02", TASKER_STORE, "an earlier statement of this transaction failed"},
    {"25P03", TASKER_STORE, "the transaction stood still for too long; try again"},
    {"28", TASKER_STORE,
     "the server does not let this user in; check user and password of the URL, and pg_hba.conf"},
    {"3D000", TASKER_NOTFOUND, "there is no such database; make it with `createdb`"},
    {"3F000", TASKER_STORE, "the schema tasker is gone; open the store again"},
    {"42P01", TASKER_STORE, "a table is gone; open the store again"},
    {"42501", TASKER_STORE,
     "the user lacks a right; let the owner of the schema tasker grant it, or connect as the "
     "owner"},
    {"40", TASKER_STORE, "another transaction was in the way; try again"},
    {"55P03", TASKER_STORE, "another transaction holds a row for too long; try again"},
    {"57014", TASKER_STORE, "the statement took too long and was ended; try again"},
    {"57P", TASKER_STORE, "the server ends or starts; try again"},
    {"53100", TASKER_STORE, "the server's disk is full; make room and try again"},
    {"53300", TASKER_STORE,
     "the server has no free connection; raise max_connections or try again"},
    {"53", TASKER_STORE, "the server lacks resources; try again"},
    {"08", TASKER_STORE, "the connection broke; try again"},
};

static const struct advice *advice_for(const char *state) {
    for (size_t i = 0; i < TK_COUNT_OF(advices); i++) {
        if (strncmp(state, advices[i].state, strlen(advices[i].state)) == 0) {
            return &advices[i];
        }
    }
    return NULL;
}

tasker_status tk_pg_fail(const tk_pg *pg, const PGresult *result, const char *doing,
                         tasker_error *error) {
    /* The message's detail may hold keys and payloads: only its first line is told. */
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL) {
        if (pg->silent) {
            return tk_fail(error, TASKER_STORE,
                           "%s: the server stands still: it gave no answer in time; try again (%s)",
                           pg->name, doing);
        }
        const char *said = PQerrorMessage(pg->connection);
        int length = (int)strcspn(said, "\n");
        return tk_fail(error, TASKER_STORE, "%s: the connection broke; try again (%s: %.*s)",
                       pg->name, doing, length, said);
    }
    const struct advice *advice = advice_for(state);
    return tk_fail(error, advice == NULL ? TASKER_STORE : advice->status,
                   "%s: %s (%s: %s, SQLSTATE %s)", pg->name,
                   advice == NULL ? "PostgreSQL failed" : advice->text, doing,
                   text == NULL ? "" : text, state);
}

tasker_status tk_pg_fail_forked(const tk_pg *pg, tasker_error *error) {
    return tk_fail(error, TASKER_FORKED,
                   "%s was opened by process %d, before a fork; open it anew in this process",
                   pg->name, (int)pg->opener);
}

static bool is_holder(const tk_pg *pg) {
    return atomic_load(&pg->holder) == (uintptr_t)pthread_self();
}

tasker_status tk_pg_usable(const tk_pg *pg, tasker_error *error) {
    if (tk_process_id() != pg->opener) {
        return tk_pg_fail_forked(pg, error);
    }
    if (!is_holder(pg)) {
        return tk_fail(error, TASKER_STORE, "%s: a statement outside of this thread's transaction",
                       pg->name);
    }
    return TASKER_OK;
}

tasker_status tk_pg_command(const tk_pg *pg, const char *sql, const char *doing,
                            tasker_error *error) {
    PGresult *result = PQexec(pg->connection, sql);
    ExecStatusType code = PQresultStatus(result);
    tasker_status status = code == PGRES_COMMAND_OK || code == PGRES_TUPLES_OK
                               ? TASKER_OK
                               : tk_pg_fail(pg, result, doing, error);
    PQclear(result);
    return status;
}

/* --- transactions ----------------------------------------------------------------------------- */

static void give_back(tk_pg *pg) {
    atomic_store(&pg->holder, 0);
    pthread_mutex_unlock(&pg->mutex);
}

/* Sends a statement without parameters. */
static tk_pg_pending *command_send(tk_pg *pg, tk_pg_statement statement, tasker_error *error) {
    tk_pg_run run = {.pg = pg, .name = tk_pg_names[statement]};
    static const tk_pg_sending nothing;
    return tk_pg_line_send(&run, statement, NULL, &nothing, error);
}

/* Told before anything is tried: the server's own word for it differs by statement. */
static tasker_status standby_check(const tk_pg *pg, tasker_error *error) {
    const char *standby = PQparameterStatus(pg->connection, "in_hot_standby");
    return standby == NULL || strcmp(standby, "on") != 0
               ? TASKER_OK
               : tk_fail(
                     error, TASKER_STORE,
                     "%s is a standby, which only reads; connect to the primary server, or name "
                     "all servers and target_session_attrs=read-write in the URL",
                     pg->name);
}

/* A connection that broke while nothing was under way is made anew: nothing is unknown then. Not a
 * worker's: it has to know, as others may have judged by its session (driver->reconnect). BEGIN goes along
 * with the first statement. */
static tasker_status transaction_open(tk_pg *pg, tk_store_mode mode, tasker_error *error) {
    if (!tk_pg_line_alive(pg)) {
        tasker_status status =
            pg->worker == 0 ? tk_pg_renew(pg, error) : tk_pg_fail(pg, NULL, "BEGIN", error);
        if (status != TASKER_OK) {
            return status;
        }
    }
    tasker_status writable = mode == TK_STORE_WRITE ? standby_check(pg, error) : TASKER_OK;
    if (writable != TASKER_OK) {
        return writable;
    }
    tk_pg_statement begin = mode == TK_STORE_WRITE ? TK_PG_BEGIN_WRITE : TK_PG_BEGIN_READ;
    if (!tk_pg_line_open(pg)) {
        return tk_pg_fail(pg, NULL, "BEGIN", error);
    }
    return command_send(pg, begin, error) != NULL ? TASKER_OK : TASKER_STORE;
}

tasker_status tk_pg_op_begin(tk_store *store, tk_store_mode mode, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return tk_pg_fail_forked(pg, error);
    }
    if (mode == TK_STORE_WRITE && pg->read_only) {
        return tk_fail(error, TASKER_UNSUPPORTED, "%s was opened read-only; open it for writing",
                       pg->name);
    }
    assert(!is_holder(pg));
    pthread_mutex_lock(&pg->mutex);
    atomic_store(&pg->holder, (uintptr_t)pthread_self());
    pg->mode = mode;
    pg->committed = pg->readied = pg->patient = false;
    tasker_status status = transaction_open(pg, mode, error);
    if (status != TASKER_OK) {
        give_back(pg);
    }
    return status;
}

tasker_status tk_pg_op_sync(tk_store *store, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tasker_status status = tk_pg_usable(pg, error);
    return status == TASKER_OK ? tk_pg_line_settle(pg, error) : status;
}

/* A reader that has all it wanted waits for nothing more. */
static tasker_status read_commit(tk_pg *pg, tasker_error *error) {
    bool wants = pg->pending_count > 0;
    tk_pg_pending *commit = command_send(pg, TK_PG_COMMIT, error);
    if (commit == NULL) {
        return TASKER_STORE;
    }
    commit->hint = true;
    if (wants) {
        return tk_pg_line_settle(pg, error);
    }
    return tk_pg_line_leave(pg) ? TASKER_OK : tk_pg_fail(pg, NULL, "COMMIT", error);
}

/* Waits for the COMMIT. Where steps became ready, who sleeps is told in the same sending; a transaction that
 * failed has told nobody. */
static tasker_status commit_settle(tk_pg *pg, tasker_error *error) {
    uint32_t mark = 0;
    if (!pg->readied || pg->pending_count + 4 > TK_PG_PENDING_MAX) {
        return tk_pg_line_settle(pg, error);
    }
    if (!tk_pg_line_mark(pg, &mark)) {
        return tk_pg_fail(pg, NULL, "COMMIT", error);
    }
    tk_pg_notify(pg);
    pg->readied = false;
    return tk_pg_line_settle_to(pg, mark, error);
}

static tasker_status write_commit(tk_pg *pg, tasker_error *error) {
    tk_pg_pending *commit = command_send(pg, TK_PG_COMMIT, error);
    if (commit == NULL) {
        return TASKER_STORE;
    }
    commit->commits = true;
    tasker_status status = commit_settle(pg, error);
    if (status == TASKER_OK && !pg->committed) {
        return tk_fail(error, TASKER_STORE,
                       "%s: nothing was saved: an earlier statement of the transaction failed",
                       pg->name);
    }
    if (status != TASKER_OK && pg->committed) {
        return tk_fail(error, TASKER_STORE,
                       "%s: the transaction was saved, but what it answered could not be kept",
                       pg->name);
    }
    return status;
}

tasker_status tk_pg_op_commit(tk_store *store, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tasker_status status = tk_pg_usable(pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = pg->mode == TK_STORE_READ ? read_commit(pg, error) : write_commit(pg, error);
    if (status != TASKER_OK) {
        pg->told = false;
        tk_pg_rollback(store);
        return status;
    }
    if (pg->readied) { /* as an answer behind the commit has told */
        tk_pg_notify(pg);
    }
    give_back(pg);
    return TASKER_OK;
}

/* In a transaction of its own behind the COMMIT: who fell asleep before it is told, who falls asleep
 * after it looks once more. Nobody waits for it. */
void tk_pg_notify(tk_pg *pg) {
    tk_pg_run run = {.pg = pg};
    tk_pg_int(&run, TK_PG_INT4, pg->worker);
    tk_pg_queue(&run, TK_PG_NOTIFY, NULL, NULL, 0, NULL);
    if (tk_pg_end(&run, NULL) == TASKER_OK) {
        tk_pg_line_hint(pg);
        pg->told = tk_pg_line_leave(pg);
    }
}

static void transaction_end(tk_pg *pg) {
    tk_pg_line_forget(pg);
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        pg->pending_count = pg->synced = 0;
    } else if (pg->pending_count > 0 || PQtransactionStatus(pg->connection) != PQTRANS_IDLE) {
        uint32_t mark = 0; /* behind what may fail: else it were skipped too */
        tk_pg_pending *rollback =
            tk_pg_line_mark(pg, &mark) ? command_send(pg, TK_PG_ROLLBACK, NULL) : NULL;
        if (rollback != NULL) {
            rollback->hint = true;
        }
        (void)tk_pg_line_settle(pg, NULL);
    }
}

void tk_pg_rollback(tk_store *store) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() == pg->opener && is_holder(pg)) {
        transaction_end(pg);
        give_back(pg);
    }
}

#endif
