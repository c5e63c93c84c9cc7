/*
 * store_postgres_tables.c - makes the tables, and brings those of an older version up to date.
 *
 *   which version? ── ours ──► done
 *         │ none, or older and wanted
 *         └─► the lock of migrations ─► for each step: BEGIN ─ its statements ─ the number ─ COMMIT
 *
 * Whoever waited for the lock looks again. A step takes strong locks only for moments: it waits a
 * little for them, and begins anew when it could not have them, so that nobody queues behind it for
 * long. A newer version, and a schema of somebody else, are refused and left alone.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <poll.h>
#include <stdlib.h>

/* A change that could not have its locks is tried again after a pause, at most so often. */
#define CHANGE_LOCK_MS 500
#define CHANGE_PAUSE_MS 250
#define CHANGE_TRIES_MAX 40

extern const char tk_schema_postgres_2[];
extern const char tk_schema_postgres_3[];
extern const char tk_schema_postgres_4[];
extern const char tk_schema_postgres_5[];
extern const char tk_schema_postgres_6[];

const tk_pg_migration tk_pg_migrations[TK_PG_SCHEMA_VERSION] = {
    {"the ledger", tk_schema_postgres},
    {"partitions", tk_schema_postgres_2},
    {"views", tk_schema_postgres_3},
    {"keys and minutes", tk_schema_postgres_4},
    {"the record's order", tk_schema_postgres_5},
    {"the record's epoch", tk_schema_postgres_6},
};

/* --- looking ---------------------------------------------------------------------------------- */

tasker_status tk_pg_ask(const tk_pg *pg, const char *sql, int64_t *answers, int count,
                        tasker_error *error) {
    PGresult *result = PQexec(pg->connection, sql);
    tasker_status status = TASKER_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = tk_pg_fail(pg, result, "looking at the tables", error);
    } else if (PQntuples(result) == 1 && PQnfields(result) == count) {
        for (int i = 0; i < count; i++) {
            answers[i] = strtoll(PQgetvalue(result, 0, i), NULL, 10);
        }
    }
    PQclear(result);
    return status;
}

/* Which version is there; 0: none. Asks the catalogue's tables: to_regclass() would answer from what
 * the session remembers. */
static tasker_status version_find(const tk_pg *pg, int64_t *version, tasker_error *error) {
    int64_t found[2] = {0, 0};
    *version = 0;
    tasker_status status = tk_pg_ask(pg,
                                     "SELECT (SELECT count(*) FROM pg_catalog.pg_class"
                                     "  WHERE relname = 'ledger' AND relnamespace IN (SELECT oid"
                                     "  FROM pg_catalog.pg_namespace WHERE nspname = 'tasker')),"
                                     " (SELECT count(*) FROM pg_catalog.pg_namespace"
                                     "  WHERE nspname = 'tasker')",
                                     found, 2, error);
    if (status != TASKER_OK || (found[0] == 0 && found[1] == 0)) {
        return status;
    }
    if (found[0] == 0) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s has a schema tasker of another program; use another database, or "
                       "rename that schema",
                       pg->name);
    }
    *version = -1;
    status = tk_pg_ask(pg, "SELECT version FROM tasker.ledger", version, 1, error);
    if (status == TASKER_OK && *version < 1) {
        return tk_fail(error, TASKER_STORE, "%s is damaged: it has no version; restore a copy",
                       pg->name);
    }
    if (status == TASKER_OK && *version > TK_PG_SCHEMA_VERSION) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s was written by a newer version (tables of version %" PRId64
                       ", known are up to %d); use that version",
                       pg->name, *version, TK_PG_SCHEMA_VERSION);
    }
    return status;
}

/* --- changing tables -------------------------------------------------------------------------- */

static tasker_status change_once(const tk_pg *pg, const char *sql, const char *doing, bool *busy,
                                 tasker_error *error) {
    PGresult *result = PQexec(pg->connection, sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    tasker_status status = TASKER_OK;
    *busy = state != NULL && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = tk_pg_fail(pg, result, doing, error);
        (void)tk_pg_command(pg, "ROLLBACK", "ROLLBACK", NULL);
    }
    PQclear(result);
    return status;
}

tasker_status tk_pg_change(const tk_pg *pg, const char *sql, const char *doing,
                           tasker_error *error) {
    tk_buf text = {0};
    tk_buf_printf(&text,
                  "BEGIN; SET LOCAL lock_timeout = '%dms'; SET LOCAL statement_timeout = 0;"
                  "SET LOCAL search_path = tasker; %s; COMMIT",
                  CHANGE_LOCK_MS, sql);
    if (text.failed) {
        return tk_nomem(error);
    }
    bool busy = true;
    tasker_status status = TASKER_OK;
    for (int tries = 0; busy && tries < CHANGE_TRIES_MAX; tries++) {
        (void)poll(NULL, 0, tries == 0 ? 0 : CHANGE_PAUSE_MS);
        status = change_once(pg, text.data, doing, &busy, error);
    }
    tk_buf_release(&text);
    return status;
}

/* --- migrating -------------------------------------------------------------------------------- */

static tasker_status step_run(const tk_pg *pg, int64_t version, tasker_error *error) {
    const tk_pg_migration *step = &tk_pg_migrations[version - 1];
    tk_buf sql = {0};
    tk_buf_printf(&sql, "%s; UPDATE tasker.ledger SET version = %" PRId64, step->sql, version);
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, step->what, error);
    tk_buf_release(&sql);
    return status;
}

/* With the lock of migrations; *version becomes ours. */
static tasker_status steps_run(const tk_pg *pg, int64_t *version, tasker_error *error) {
    tasker_status status = version_find(pg, version, error);
    while (status == TASKER_OK && *version < TK_PG_SCHEMA_VERSION) {
        status = step_run(pg, *version + 1, error);
        *version += status == TASKER_OK;
    }
    return status;
}

/* The lock is the session's: it covers several transactions and goes with the connection. */
static tasker_status lock_migrations(const tk_pg *pg, tasker_error *error) {
    return tk_pg_command(pg,
                         "SET statement_timeout = '600s'; SET lock_timeout = '60s';"
                         "SELECT pg_advisory_lock(" TK_PG_LOCK_CLASS ", 0);"
                         "SET lock_timeout = '2s'",
                         "waiting for another process that makes the tables", error);
}

static tasker_status unlock_migrations(const tk_pg *pg, tasker_status status, tasker_error *error) {
    tasker_error ignored;
    tasker_status unlocked =
        tk_pg_command(pg, "SELECT pg_advisory_unlock(" TK_PG_LOCK_CLASS ", 0);" TK_PG_USUAL_LIMIT,
                      "unlocking", status == TASKER_OK ? error : &ignored);
    return status == TASKER_OK ? unlocked : status;
}

static tasker_status fail_older(const tk_pg *pg, int64_t version, tasker_error *error) {
    return tk_fail(error, TASKER_UNSUPPORTED,
                   "%s has tables of version %" PRId64 ", expected %d; bring them up to date with "
                   "`tasker store migrate`",
                   pg->name, version, TK_PG_SCHEMA_VERSION);
}

/* Under the lock: somebody else may be half-way, or have done it. */
static tasker_status migrate(const tk_pg *pg, const tk_store_config *config, int64_t *found,
                             tasker_error *error) {
    int64_t version = 0;
    tasker_status status = lock_migrations(pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = version_find(pg, found, error);
    if (status == TASKER_OK && *found > 0 && *found < TK_PG_SCHEMA_VERSION && !config->migrate) {
        status = fail_older(pg, *found, error);
    }
    if (status == TASKER_OK) {
        status = steps_run(pg, &version, error);
    }
    if (status == TASKER_OK && *found < TK_PG_SCHEMA_VERSION) {
        uint32_t made = 0;
        status = tk_pg_period_set(pg, config->period, error);
        if (status == TASKER_OK) {
            status = tk_pg_portions_make(pg, tk_clock_now(pg->clock), &made, error);
        }
    }
    return unlock_migrations(pg, status, error);
}

tasker_status tk_pg_tables_open(const tk_pg *pg, const tk_store_config *config,
                                tasker_error *error) {
    int64_t found = 0;
    tasker_status status = version_find(pg, &found, error);
    bool may_make = !config->read_only && !config->must_exist;
    if (status == TASKER_OK && found == 0 && !may_make) {
        return tk_fail(error, TASKER_NOTFOUND,
                       "%s has no tables of Tasker; open it once for writing, or use `tasker store "
                       "migrate`, which makes them",
                       pg->name);
    }
    if (status == TASKER_OK && found < TK_PG_SCHEMA_VERSION) {
        status =
            config->read_only ? fail_older(pg, found, error) : migrate(pg, config, &found, error);
    }
    if (config->version_found != NULL) {
        *config->version_found = (int32_t)found;
    }
    return status;
}

#endif
