/*
 * store_postgres_open.c - opens, checks, shares and closes a PostgreSQL store, and connects again.
 *
 *   connect ── whose server, which encoding? ── settings ── store_postgres_tables.c: tables, version
 *
 * Nothing of a schema that is not ours is changed. No message repeats the URL: it may hold a password.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdio.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S "10"

/* One key at a time is what every statement looks for, whatever the tables' sizes seem to be: plans
 * are made once, and locks are taken in the order of the keys. No wait is without an end. */
static const char settings[] =
    "SET search_path = tasker;" TK_PG_USUAL_MESSAGES "SET plan_cache_mode = force_generic_plan;"
    "SET jit = off;"
    "SET enable_seqscan = off;"
    "SET enable_bitmapscan = off;"
    "SET enable_hashjoin = off;"
    "SET enable_mergejoin = off;"
    "SET lock_timeout = '2s';" TK_PG_USUAL_LIMIT "SET idle_in_transaction_session_timeout = '60s';"
    "SET tcp_keepalives_idle = 10;"
    "SET tcp_keepalives_interval = 5;"
    "SET tcp_keepalives_count = 3;";

/* --- connecting ------------------------------------------------------------------------------- */

static void notice_ignore(void *user, const PGresult *result) {
    (void)user;
    (void)result;
}

static tasker_status server_check(const tk_pg *pg, tasker_error *error) {
    int version = PQserverVersion(pg->connection);
    const char *encoding = PQparameterStatus(pg->connection, "server_encoding");
    if (version < TK_PG_SERVER_VERSION_MIN) {
        return tk_fail(error, TASKER_UNSUPPORTED, "%s runs PostgreSQL %d; expected %d or newer",
                       pg->name, version / 10000, TK_PG_SERVER_VERSION_MIN / 10000);
    }
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s has the encoding %s; make a database with `createdb -E UTF8 -T "
                       "template0 NAME`",
                       pg->name, encoding == NULL ? "unknown" : encoding);
    }
    return TASKER_OK;
}

/* A refusal at the door has no result with an SQLSTATE: libpq's text says why. */
static tasker_status fail_connect(const tk_pg *pg, tasker_error *error) {
    const char *said = PQerrorMessage(pg->connection);
    int length = (int)strcspn(said, "\n");
    bool missing = strstr(said, "does not exist") != NULL && strstr(said, "database") != NULL;
    return tk_fail(error, missing ? TASKER_NOTFOUND : TASKER_STORE,
                   "no connection to PostgreSQL: %.*s; check that it runs and that host, user, "
                   "password and database of the URL are right",
                   length, said);
}

/* Whoever finishes an older connection closes its socket; this one replaces it. */
static tasker_status connect_anew(tk_pg *pg, tasker_error *error) {
    /* What stands before the URL is for what the URL does not say. A silent network ends a connection
     * after five seconds. */
    const char *const keys[] = {"fallback_application_name",
                                "connect_timeout",
                                "client_encoding",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                "tcp_user_timeout",
                                "dbname",
                                NULL};
    const char *const values[] = {"tasker", CONNECT_TIMEOUT_S, "UTF8", "2", "1", "3",
                                  "5000",   pg->home->url,     NULL};
    PQfinish(pg->connection);
    memset(pg->prepared, 0, sizeof(pg->prepared));
    pg->elected = pg->silent = false;
    pg->sessions++;
    pg->pending_count = pg->synced = 0;
    pg->connection = PQconnectdbParams(keys, values, 1);
    if (pg->connection == NULL) {
        return tk_nomem(error);
    }
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        return fail_connect(pg, error);
    }
    (void)PQsetnonblocking(pg->connection, 1); /* store_postgres_line.c waits, with a limit */
    (void)PQsetNoticeReceiver(pg->connection, notice_ignore, NULL);
    (void)snprintf(pg->name, sizeof(pg->name), "database %s at %s", PQdb(pg->connection),
                   PQhost(pg->connection));
    tasker_status status = server_check(pg, error);
    if (status == TASKER_OK) {
        status = tk_pg_pooler_check(pg, error);
    }
    if (status == TASKER_OK) {
        status = tk_pg_line_command(pg, settings, "settings", error);
    }
    if (status == TASKER_OK && pg->read_only) {
        status =
            tk_pg_line_command(pg, "SET default_transaction_read_only = on", "settings", error);
    }
    return status;
}

/* Takes the session lock that says: connected. An older session of this worker holds it until its
 * transaction is over, so that afterwards nothing of it is under way. */
static tasker_status worker_lock(tk_pg *pg, tasker_error *error) {
    char sql[160];
    (void)snprintf(sql, sizeof(sql),
                   "BEGIN; SET LOCAL lock_timeout = '1s';"
                   "SELECT pg_advisory_lock(" TK_PG_LOCK_CLASS ", %d); COMMIT",
                   (int)pg->worker);
    tasker_status status = tk_pg_line_command(pg, sql, "taking up the worker", error);
    if (status != TASKER_OK) {
        (void)tk_pg_line_command(pg, "ROLLBACK", "ROLLBACK", NULL);
    }
    return status;
}

/* The session that the worker's row names may wait for a client that is not there any more. */
static tasker_status worker_cut_older(tk_pg *pg, tasker_error *error) {
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT pg_terminate_backend(a.pid, 1000)"
                   " FROM worker w, pg_stat_get_activity(w.backend) a WHERE w.id = %d"
                   " AND a.backend_start = w.backend_start AND a.pid <> pg_backend_pid()",
                   (int)pg->worker);
    return tk_pg_line_command(pg, sql, "ending the older session", error);
}

static tasker_status worker_take_up(tk_pg *pg, tasker_error *error) {
    char sql[256];
    if (worker_lock(pg, NULL) != TASKER_OK) {
        tasker_status status = worker_cut_older(pg, error);
        if (status == TASKER_OK) {
            status = worker_lock(pg, error);
        }
        if (status != TASKER_OK) {
            return status;
        }
    }
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE worker SET backend = a.pid, backend_start = a.backend_start"
                   " FROM pg_stat_get_activity(pg_backend_pid()) a WHERE worker.id = %d",
                   (int)pg->worker);
    return tk_pg_line_command(pg, sql, "taking up the worker", error);
}

static tasker_status connect_wholly(tk_pg *pg, tasker_error *error) {
    tasker_status status = connect_anew(pg, error);
    if (status == TASKER_OK && pg->worker != 0) {
        status = worker_take_up(pg, error);
    }
    if (status == TASKER_OK && pg->listening) {
        pg->woken = true; /* what came meanwhile is lost */
        status = tk_pg_line_command(pg, "LISTEN tasker", "LISTEN", error);
    }
    return status;
}

tasker_status tk_pg_renew(tk_pg *pg, tasker_error *error) {
    if (PQstatus(pg->connection) == CONNECTION_OK) {
        return TASKER_OK;
    }
    tasker_status status = connect_wholly(pg, error);
    if (status != TASKER_OK) { /* half a connection is none */
        PQfinish(pg->connection);
        pg->connection = NULL;
    }
    return status;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* libpq's own words about a bad URL may repeat a part of it. */
static tasker_status url_check(const char *url, tasker_error *error) {
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (options == NULL) {
        return tk_fail(error, TASKER_INVALID,
                       "the store's URL cannot be read; expected "
                       "postgres://USER:PASSWORD@HOST:PORT/DATABASE with special characters as "
                       "%%XX");
    }
    PQconninfoFree(options);
    return TASKER_OK;
}

static tk_pg_home *home_make(const char *url) {
    tk_pg_home *home = tk_alloc(sizeof(*home));
    if (home == NULL) {
        return NULL;
    }
    home->url = tk_strdup(url);
    if (home->url == NULL) {
        tk_free(home);
        return NULL;
    }
    return home;
}

static void home_leave(tk_pg_home *home) {
    if (atomic_fetch_sub(&home->references, 1) == 1) {
        tk_free(home->url);
        tk_free(home);
    }
}

/* Opens a store in a home; takes one reference, also when it fails. */
static tasker_status open_in(tk_pg_home *home, const tk_store_config *config, tk_store **store,
                             tasker_error *error) {
    tk_pg *pg = tk_alloc(sizeof(*pg));
    atomic_fetch_add(&home->references, 1);
    if (pg == NULL) {
        home_leave(home);
        return tk_nomem(error);
    }
    pg->store.driver = &tk_pg_driver;
    pg->home = home;
    pg->clock = config->clock;
    pg->log = config->log;
    pg->read_only = config->read_only;
    pg->opener = tk_process_id();
    pg->woken_fd = -1;
    (void)snprintf(pg->name, sizeof(pg->name), "PostgreSQL");
    pthread_mutex_init(&pg->mutex, NULL);
    tasker_status status = connect_anew(pg, error);
    if (status == TASKER_OK) {
        status = tk_pg_tables_open(pg, config, error);
    }
    if (status != TASKER_OK) {
        tk_pg_close(&pg->store);
        return status;
    }
    *store = &pg->store;
    return TASKER_OK;
}

tasker_status tk_store_postgres_open(const tk_store_config *config, tk_store **store,
                                     tasker_error *error) {
    tasker_status status = tk_libpq_load(error);
    if (status == TASKER_OK) {
        status = url_check(config->url, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_home *home = home_make(config->url);
    return home == NULL ? tk_nomem(error) : open_in(home, config, store, error);
}

tasker_status tk_pg_share(tk_store *store, tk_store **other, tasker_error *error) {
    const tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return tk_pg_fail_forked(pg, error);
    }
    const tk_store_config config = {
        .read_only = pg->read_only,
        .must_exist = true,
        .clock = pg->clock,
        .log = pg->log,
    };
    return open_in(pg->home, &config, other, error);
}

/* Its own tools do that, and more than a copy could. */
tasker_status tk_pg_backup(tk_store *store, const char *path, tasker_progress_fn copied, void *user,
                           int64_t *bytes, tasker_error *error) {
    (void)store;
    (void)copied;
    (void)user;
    *bytes = 0;
    return tk_fail(error, TASKER_UNSUPPORTED,
                   "a store on PostgreSQL is saved by PostgreSQL: pg_dump --format=custom "
                   "--schema=tasker --file=%s URL",
                   path);
}

tasker_status tk_pg_reconnect(tk_store *store, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return tk_pg_fail_forked(pg, error);
    }
    pthread_mutex_lock(&pg->mutex);
    tasker_status status = tk_pg_renew(pg, error);
    pthread_mutex_unlock(&pg->mutex);
    return status;
}

uint64_t tk_pg_session(tk_store *store) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return pg->sessions;
    }
    pthread_mutex_lock(&pg->mutex);
    uint64_t session = PQstatus(pg->connection) == CONNECTION_OK ? pg->sessions : 0;
    pthread_mutex_unlock(&pg->mutex);
    return session;
}

/* --- closing ---------------------------------------------------------------------------------- */

/* In a forked child saying farewell would end the parent's session: only the descriptor is closed,
 * and the rest of the connection is left. */
void tk_pg_close(tk_store *store) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() == pg->opener) {
        tk_pg_rollback(store);
        PQfinish(pg->connection);
        pthread_mutex_destroy(&pg->mutex);
    } else if (PQsocket(pg->connection) >= 0) {
        (void)close(PQsocket(pg->connection));
    }
    if (pg->woken_fd >= 0) {
        (void)close(pg->woken_fd);
    }
    home_leave(pg->home);
    tk_free(pg);
}

#endif
