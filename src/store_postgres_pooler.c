/*
 * store_postgres_pooler.c - is there a pooler before the server that lends connections by transaction?
 *
 *   another process than libpq was told of? ── a second connection ── the same process? ── refused
 *
 * The driver needs a session of its own: prepared statements, settings, the lock of a worker, LISTEN. A
 * pooler that lends a server's connection for a session (pool_mode=session) is fine.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdlib.h>

#define LOOKS 3 /* others may borrow a connection between two looks */

/* The server's process that answers just now, or 0. */
static long process_of(PGconn *connection) {
    PGresult *result = PQexec(connection, "SELECT pg_backend_pid()");
    bool one = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    long process = one ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return process;
}

/* A session keeps its process, and nobody else has it. */
static bool shared(PGconn *mine, PGconn *other) {
    long process = process_of(mine);
    for (int i = 0; i < LOOKS && process != 0; i++) {
        if (process_of(other) == process || process_of(mine) != process) {
            return true;
        }
    }
    return false;
}

tasker_status tk_pg_pooler_check(const tk_pg *pg, tasker_error *error) {
    if (process_of(pg->connection) == PQbackendPID(pg->connection)) {
        return TASKER_OK;
    }
    /* Behind a pooler with no more connections to lend the second one waits: not for long. */
    const char *const keys[] = {"connect_timeout", "dbname", NULL};
    const char *const values[] = {"3", pg->home->url, NULL};
    PGconn *other = PQconnectdbParams(keys, values, 1);
    bool refuse = PQstatus(other) == CONNECTION_OK && shared(pg->connection, other);
    PQfinish(other);
    return refuse ? tk_fail(error, TASKER_UNSUPPORTED,
                            "%s is behind a pooler that lends connections by transaction; set "
                            "pool_mode=session for it, or connect to the server itself",
                            pg->name)
                  : TASKER_OK;
}

#endif
