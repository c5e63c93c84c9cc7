/*
 * store_postgres_line.c - the line to the server: statements go out together, answers come in order.
 *
 *   send ─ send ─ send ─ settle:  Sync ──► server ──► answers: each is taken, the last one is handed out
 *
 * In the server a failure skips everything up to the Sync, so that a COMMIT that follows a statement in
 * one journey happens only when that statement went well: counts that must be exact are checked by the
 * statement itself. What nobody waits for (the COMMIT of a reader, a NOTIFY) is sent with a Sync of its
 * own, and its answer is read on the next journey.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* The server ends a statement after 60 s: an answer that takes longer will not come. Only readers have
 * statements that may take so long. For the others a server that is silent for ANSWER_MS stands still: who
 * waits says so, and goes on with another session. */
#define READ_ANSWER_MS 75000
#define ANSWER_MS 15000

/* --- sending ---------------------------------------------------------------------------------- */

static tk_pg_pending *push(tk_pg *pg, const char *name) {
    assert(pg->pending_count < TK_PG_PENDING_MAX);
    tk_pg_pending *pending = &pg->pending[pg->pending_count++];
    *pending = (tk_pg_pending){.name = name, .statement = TK_PG_STATEMENT_COUNT};
    return pending;
}

/* Room for a statement, its preparation and a Sync. */
static bool room_for_one(tk_pg *pg, tk_pg_run *run, tasker_error *error) {
    if (pg->pending_count + 3 > TK_PG_PENDING_MAX && !pg->taking) {
        tk_pg_note(run, tk_pg_line_settle(pg, error));
        run->told = run->told || run->status != TASKER_OK;
    }
    if (pg->pending_count + 3 > TK_PG_PENDING_MAX) {
        tk_pg_note(run, TASKER_STORE);
    }
    return run->status == TASKER_OK;
}

static bool sent(tk_pg_run *run, int done, tasker_error *error) {
    if (done == 0) {
        tk_pg_note(run, tk_pg_fail(run->pg, NULL, run->name, error));
        run->told = true;
    }
    return done != 0;
}

static bool prepare(tk_pg_run *run, tk_pg_statement statement, tasker_error *error) {
    tk_pg *pg = run->pg;
    if (pg->prepared[statement]) {
        return true;
    }
    if (!sent(
            run,
            PQsendPrepare(pg->connection, tk_pg_names[statement], tk_pg_texts[statement], 0, NULL),
            error)) {
        return false;
    }
    pg->prepared[statement] = true;
    tk_pg_pending *pending = push(pg, tk_pg_names[statement]);
    pending->statement = statement;
    pending->prepares = true;
    return true;
}

tk_pg_pending *tk_pg_line_send(tk_pg_run *run, tk_pg_statement statement, const char *sql,
                               const tk_pg_sending *out, tasker_error *error) {
    tk_pg *pg = run->pg;
    bool known = statement != TK_PG_STATEMENT_COUNT;
    if (!room_for_one(pg, run, error) || (known && !prepare(run, statement, error))) {
        return NULL;
    }
    int done = known ? PQsendQueryPrepared(pg->connection, run->name, run->parameters, out->values,
                                           out->lengths, out->formats, 1)
                     : PQsendQueryParams(pg->connection, sql, run->parameters, run->types,
                                         out->values, out->lengths, out->formats, 1);
    if (!sent(run, done, error)) {
        return NULL;
    }
    tk_pg_pending *pending = push(pg, run->name);
    pending->statement = statement;
    return pending;
}

bool tk_pg_line_open(tk_pg *pg) {
    return PQpipelineStatus(pg->connection) == PQ_PIPELINE_ON ||
           PQenterPipelineMode(pg->connection) == 1;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Ends a connection on which no answer comes any more. */
static void hang_up(tk_pg *pg) {
    int fd = PQsocket(pg->connection);
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR);
        (void)PQconsumeInput(pg->connection);
    }
}

/* Waits for the socket; false when the time is over. */
static bool socket_wait(tk_pg *pg, bool writes, int64_t until_us) {
    int64_t left_us = until_us - tk_clock_monotonic(&tk_clock_system);
    struct pollfd wait = {
        .fd = PQsocket(pg->connection),
        .events = (short)(POLLIN | (writes ? POLLOUT : 0)),
    };
    if (pg->patient) {
        left_us = INT64_C(1000000);
    }
    int ready = left_us > 0 ? poll(&wait, 1, (int)(left_us / 1000 + 1)) : 0;
    return ready > 0 || pg->patient || (ready < 0 && errno == EINTR);
}

/* Sends what is left to send and waits until the next answer is there. False: the line is dead. */
static bool answer_wait(tk_pg *pg) {
    bool reads = atomic_load(&pg->holder) != 0 && pg->mode == TK_STORE_READ;
    int64_t limit_ms = reads ? READ_ANSWER_MS : ANSWER_MS;
    int64_t until_us = tk_clock_monotonic(&tk_clock_system) + limit_ms * 1000;
    for (;;) {
        int left = PQflush(pg->connection);
        if (left < 0 || PQstatus(pg->connection) != CONNECTION_OK) {
            return false;
        }
        if (left == 0 && PQisBusy(pg->connection) == 0) {
            return true;
        }
        if (!socket_wait(pg, left > 0, until_us)) {
            hang_up(pg);
            pg->silent = true;
            return false;
        }
        if (PQconsumeInput(pg->connection) == 0) {
            return false;
        }
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The first failure of a journey, and the result that was asked for. */
typedef struct settling {
    tk_pg *pg;
    tasker_error *error;
    tasker_status status;
    PGresult *kept;
} settling;

static void failed(settling *s, tasker_status status) {
    s->status = status;
}

static void answer_take(settling *s, const tk_pg_pending *pending, PGresult *result) {
    tk_pg_run answer = {
        .pg = s->pg,
        .name = pending->name,
        .result = result,
        .rows = (uint32_t)PQntuples(result),
    };
    s->pg->taking = true;
    pending->take(&answer, pending->arguments, s->error);
    s->pg->taking = false;
    if (tk_pg_end(&answer, s->error) != TASKER_OK) { /* clears the result */
        failed(s, answer.status);
    }
}

static void answer_good(settling *s, const tk_pg_pending *pending, PGresult *result) {
    if (pending->commits) {
        s->pg->committed = strcmp(PQcmdStatus(result), "COMMIT") == 0; /* or "ROLLBACK" */
    }
    if (pending->take != NULL && s->status == TASKER_OK) {
        answer_take(s, pending, result);
    } else if (pending->keeps) {
        s->kept = result;
    } else {
        PQclear(result);
    }
}

static void answer_bad(settling *s, const tk_pg_pending *pending, PGresult *result) {
    if (pending->prepares) {
        s->pg->prepared[pending->statement] = false;
    }
    bool skipped = PQresultStatus(result) == PGRES_PIPELINE_ABORTED;
    if (!skipped && !pending->hint && s->status == TASKER_OK) {
        failed(s, tk_pg_fail(s->pg, result, pending->name, s->error));
        if (pending->statement == TK_PG_WORKER_BEAT && s->status == TASKER_CONFLICT) {
            failed(s, tk_fail(s->error, TASKER_LOST, "this worker was taken for dead"));
        }
    }
    PQclear(result);
}

/* Reads the answer of one; false: the line is dead. */
static bool answer_read(settling *s, uint32_t at) {
    tk_pg *pg = s->pg;
    const tk_pg_pending *pending = &pg->pending[at];
    if (!answer_wait(pg)) {
        return false;
    }
    PGresult *result = PQgetResult(pg->connection);
    ExecStatusType status = PQresultStatus(result);
    if (PQstatus(pg->connection) != CONNECTION_OK || result == NULL) {
        if (result != NULL && s->status == TASKER_OK && !pending->hint) {
            failed(s, tk_pg_fail(pg, result, pending->name, s->error));
        }
        PQclear(result);
        return false;
    }
    if (pending->syncs) {
        PQclear(result);
        return status == PGRES_PIPELINE_SYNC;
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        answer_good(s, pending, result);
    } else {
        answer_bad(s, pending, result);
    }
    while (answer_wait(pg) && (result = PQgetResult(pg->connection)) != NULL) {
        PQclear(result);
    }
    return PQstatus(pg->connection) == CONNECTION_OK;
}

/* Nothing that was sent gets an answer any more. */
static void line_dead(settling *s) {
    tk_pg *pg = s->pg;
    memset(pg->prepared, 0, sizeof(pg->prepared));
    if (s->status == TASKER_OK) {
        failed(s, tk_pg_fail(pg, NULL, "waiting for an answer", s->error));
    }
    hang_up(pg);
    pg->pending_count = pg->synced = 0;
}

static bool sync_send(tk_pg *pg) {
    if (PQpipelineSync(pg->connection) == 0) {
        return false;
    }
    push(pg, "Sync")->syncs = true;
    pg->synced = pg->pending_count;
    return true;
}

/* Reads all answers but those of the last `left`; those that are taken may send more. */
static void settle(settling *s, uint32_t left) {
    tk_pg *pg = s->pg;
    for (uint32_t at = 0; at + left < pg->pending_count; at++) {
        bool unsent = at >= pg->synced || (at == 0 && pg->synced < pg->pending_count);
        if ((unsent && !sync_send(pg)) || !answer_read(s, at)) {
            line_dead(s);
            return;
        }
    }
    memmove(pg->pending, pg->pending + pg->pending_count - left, left * sizeof(*pg->pending));
    pg->pending_count = pg->synced = left;
}

tasker_status tk_pg_line_settle(tk_pg *pg, tasker_error *error) {
    settling s = {.pg = pg, .error = error};
    settle(&s, 0);
    assert(s.kept == NULL);
    return s.status;
}

tasker_status tk_pg_line_settle_to(tk_pg *pg, uint32_t mark, tasker_error *error) {
    settling s = {.pg = pg, .error = error};
    settle(&s, pg->pending_count - mark);
    assert(s.kept == NULL);
    return s.status;
}

bool tk_pg_line_mark(tk_pg *pg, uint32_t *mark) {
    bool done = sync_send(pg);
    *mark = pg->pending_count;
    return done;
}

PGresult *tk_pg_line_answer(tk_pg *pg, tk_pg_pending *last, tasker_status *status,
                            tasker_error *error) {
    settling s = {.pg = pg, .error = error};
    last->keeps = true;
    settle(&s, 0);
    *status = s.status;
    return s.kept;
}

bool tk_pg_line_leave(tk_pg *pg) {
    bool done = sync_send(pg);
    return done && PQflush(pg->connection) >= 0;
}

void tk_pg_line_forget(tk_pg *pg) {
    for (uint32_t i = 0; i < pg->pending_count; i++) {
        pg->pending[i].take = NULL;
        pg->pending[i].hint = true;
    }
}

void tk_pg_line_hint(tk_pg *pg) {
    pg->pending[pg->pending_count - 1].hint = true;
}

void tk_pg_line_close(tk_pg *pg) {
    tk_pg_line_forget(pg);
    (void)tk_pg_line_settle(pg, NULL);
    if (PQpipelineStatus(pg->connection) != PQ_PIPELINE_OFF) {
        (void)PQexitPipelineMode(pg->connection);
    }
}

PGresult *tk_pg_line_run(tk_pg *pg, const char *sql) {
    PGresult *last = NULL;
    PGresult *next;
    if (PQsendQuery(pg->connection, sql) == 0) {
        return NULL;
    }
    while (answer_wait(pg) && (next = PQgetResult(pg->connection)) != NULL) {
        PQclear(last);
        last = next;
    }
    if (PQstatus(pg->connection) != CONNECTION_OK && !pg->silent) {
        while ((next = PQgetResult(pg->connection)) != NULL) { /* why the session was ended */
            PQclear(last);
            last = next;
        }
    }
    return last;
}

tasker_status tk_pg_line_command(tk_pg *pg, const char *sql, const char *doing,
                                 tasker_error *error) {
    PGresult *result = tk_pg_line_run(pg, sql);
    ExecStatusType code = PQresultStatus(result);
    tasker_status status = code == PGRES_COMMAND_OK || code == PGRES_TUPLES_OK
                               ? TASKER_OK
                               : tk_pg_fail(pg, result, doing, error);
    PQclear(result);
    return status;
}

/* What the server said meanwhile is read: that it ended this session, above all. */
bool tk_pg_line_alive(tk_pg *pg) {
    struct pollfd look = {.fd = PQsocket(pg->connection), .events = POLLIN};
    for (int i = 0; i < 4 && PQstatus(pg->connection) == CONNECTION_OK && poll(&look, 1, 0) > 0;
         i++) {
        (void)PQconsumeInput(pg->connection);
    }
    return PQstatus(pg->connection) == CONNECTION_OK;
}

#endif
