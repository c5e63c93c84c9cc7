/*
 * store_postgres_upkeep.c - what one elected process does every few seconds: takes back the room of
 * deleted rows, and folds the counts.
 *
 *   who gets the advisory lock is elected, until its session ends
 *
 * A VACUUM that the server skips (no right, or the table is locked) or that takes too long is told: where
 * none succeeds, ready and lease grow with every step.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* Under a snapshot that is held for long the same dead rows are met again and again. */
#define UPKEEP_LIMIT "1s"

static const char *const vacuums[] = {
    "VACUUM (SKIP_LOCKED, TRUNCATE off) ready",
    "VACUUM (SKIP_LOCKED, TRUNCATE off) lease",
    "VACUUM (SKIP_LOCKED, TRUNCATE off) later",
    "VACUUM (SKIP_LOCKED, TRUNCATE off) counter",
};

/* The server skips with a warning. */
static void notice_take(void *user, const PGresult *result) {
    tasker_error *warning = user;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    (void)tk_fail(warning, TASKER_STORE, "%s", text == NULL ? "a warning" : text);
}

static tasker_status elect(tk_pg *pg, tasker_error *error) {
    if (pg->elected) {
        return TASKER_OK;
    }
    PGresult *result = tk_pg_line_run(pg, "SELECT pg_try_advisory_lock(" TK_PG_LOCK_CLASS ", -1)");
    tasker_status status = TASKER_OK;
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        pg->elected = PQgetvalue(result, 0, 0)[0] == 't';
    } else {
        status = tk_pg_fail(pg, result, "electing", error);
    }
    PQclear(result);
    return status;
}

/* The first thing that was skipped is told, the others are tried all the same. */
static void vacuum_all(tk_pg *pg, uint32_t *skipped, tasker_error *error) {
    tasker_error warning = {0};
    PQnoticeReceiver before = PQsetNoticeReceiver(pg->connection, notice_take, &warning);
    for (size_t i = 0; i < TK_COUNT_OF(vacuums); i++) {
        tasker_status status = tk_pg_line_command(pg, vacuums[i], vacuums[i], &warning);
        if (status != TASKER_OK || warning.message[0] != '\0') {
            if (++*skipped == 1 && error != NULL) {
                *error = warning;
            }
            warning = (tasker_error){0};
        }
    }
    (void)PQsetNoticeReceiver(pg->connection, before, NULL);
}

static tasker_status keep_up(tk_pg *pg, uint32_t *skipped, tasker_error *error) {
    tasker_status status = tk_pg_line_command(
        pg, "SET client_min_messages = warning; SET statement_timeout = '" UPKEEP_LIMIT "'",
        "settings", error);
    if (status != TASKER_OK) {
        return status;
    }
    vacuum_all(pg, skipped, error);
    status = tk_pg_line_command(pg, tk_pg_texts[TK_PG_COUNT_FOLD], "COUNT_FOLD", error);
    tasker_status reset =
        tk_pg_line_command(pg, TK_PG_USUAL_MESSAGES TK_PG_USUAL_LIMIT, "settings", error);
    return status == TASKER_OK ? reset : status;
}

/* What was done, for whoever looks from elsewhere. It need not survive a crash. */
static tasker_status note(const tk_pg *pg, uint32_t skipped, const tasker_error *why,
                          tasker_error *error) {
    tk_buf sql = {0};
    bool told = skipped > 0 && strstr(why->message, "$w$") == NULL;
    tk_buf_printf(&sql,
                  "UPDATE upkeep SET at = clock_timestamp(), skipped = %" PRIu32 ","
                  " by = (SELECT name FROM worker WHERE id = %" PRId32 "),"
                  " skipped_why = nullif($w$%s$w$, '')"
                  " FROM (SELECT set_config('synchronous_commit', 'off', true)) hint",
                  skipped, pg->worker, told ? why->message : "");
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_command(pg, sql.data, "NOTE", error);
    tk_buf_release(&sql);
    return status;
}

tasker_status tk_pg_upkeep(tk_store *store, bool *elected, uint32_t *skipped, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    *elected = false;
    *skipped = 0;
    if (tk_process_id() != pg->opener || pg->read_only) {
        return TASKER_OK;
    }
    pthread_mutex_lock(&pg->mutex);
    tasker_status status = TASKER_OK;
    if (tk_pg_line_alive(pg)) {
        tk_pg_line_close(pg);
        status = elect(pg, error);
        *elected = pg->elected;
        if (status == TASKER_OK && pg->elected) {
            tasker_error why = {0};
            status = keep_up(pg, skipped, &why);
            if (error != NULL && (status != TASKER_OK || *skipped > 0)) {
                *error = why;
            }
            if (status == TASKER_OK) {
                status = note(pg, *skipped, &why, error);
            }
        }
    }
    pthread_mutex_unlock(&pg->mutex);
    return status;
}

#endif
