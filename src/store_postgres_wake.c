/*
 * store_postgres_wake.c - workers of many processes, and how one wakes another.
 *
 *   submitter ── COMMIT ── wake: NOTIFY, only where somebody sleeps ──► wake_fd ─► wake_drain ─► turn
 *
 * Notifications come in on the connection that the worker's statements use, so that some are read
 * while a statement waits for its rows. Those are kept in mind: wake_fd is readable at once then.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdio.h>
#include <sys/eventfd.h>

/* Any number of processes may run workers. *first is about this process alone. */
tasker_status tk_pg_worker_lock(tk_store *store, bool *first, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return tk_pg_fail_forked(pg, error);
    }
    *first = atomic_fetch_add(&pg->home->workers, 1) == 0;
    return TASKER_OK;
}

void tk_pg_worker_unlock(tk_store *store) {
    const tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() == pg->opener) {
        atomic_fetch_sub(&pg->home->workers, 1);
    }
}

/* The commit that made the steps ready has mostly told it. */
void tk_pg_wake(tk_store *store) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return;
    }
    pthread_mutex_lock(&pg->mutex);
    if (!pg->told && tk_pg_line_alive(pg) && tk_pg_line_open(pg)) {
        tk_pg_notify(pg);
    }
    pg->told = false;
    pthread_mutex_unlock(&pg->mutex);
}

void tk_pg_note_wakes(tk_pg *pg) {
    PGnotify *notification;
    (void)tk_pg_line_settle(pg, NULL); /* an answer that nobody waited for is no wake-up */
    (void)PQconsumeInput(pg->connection);
    while ((notification = PQnotifies(pg->connection)) != NULL) {
        pg->woken = true;
        PQfreemem(notification);
    }
}

static bool listen_once(tk_pg *pg) {
    if (!pg->listening) {
        tk_pg_line_close(pg);
        pg->listening = tk_pg_line_command(pg, "LISTEN tasker", "LISTEN", NULL) == TASKER_OK;
    }
    if (pg->woken_fd < 0) {
        pg->woken_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    return pg->listening && pg->woken_fd >= 0;
}

int tk_pg_wake_fd(tk_store *store) {
    tk_pg *pg = tk_pg_of(store);
    int fd = -1;
    if (tk_process_id() != pg->opener) {
        return fd;
    }
    pthread_mutex_lock(&pg->mutex);
    if (PQstatus(pg->connection) == CONNECTION_OK && listen_once(pg)) {
        tk_pg_note_wakes(pg);
        fd = pg->woken ? pg->woken_fd : PQsocket(pg->connection);
    }
    pthread_mutex_unlock(&pg->mutex);
    return fd;
}

void tk_pg_wake_drain(tk_store *store) {
    tk_pg *pg = tk_pg_of(store);
    if (tk_process_id() != pg->opener) {
        return;
    }
    pthread_mutex_lock(&pg->mutex);
    tk_pg_note_wakes(pg);
    pg->woken = false;
    pthread_mutex_unlock(&pg->mutex);
}

#endif
