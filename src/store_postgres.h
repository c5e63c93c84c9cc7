/*
 * store_postgres.h - inside of the PostgreSQL driver; no other file may include it.
 *
 *   store_postgres_sql.h     the statements
 *   store_postgres.c         the table, failures, transactions
 *   store_postgres_line.c    the line to the server: what is sent, what is answered
 *   store_postgres_run.c     how a statement is run
 *   store_postgres_open.c    opening, checking, sharing, connecting again, closing
 *   store_postgres_libpq.c   libpq's functions, loaded with the first store
 *   store_postgres_pooler.c  refuses a pooler that lends connections by transaction
 *   store_postgres_tables.c  making the tables, migrations
 *   store_postgres_rights.c  the role of running processes
 *   store_postgres_parts.c   portions of ended work
 *   store_postgres_prune.c   taking ended work away
 *   store_postgres_wake.c    the right to run workers, wake-ups
 *   store_postgres_names.c   names, templates, identities
 *   store_postgres_rows.c    saving tasks, states, ready, later, leases, attempts, acts, counts
 *   store_postgres_turn.c    what a turn needs: locks, outcomes, due steps, claims, results
 *   store_postgres_upkeep.c  what one elected process does for all
 *   store_postgres_hand.c    acts by hand, workers
 *   store_postgres_read.c    readers
 *   store_postgres_plan.c    statements that an application runs on its own connection
 *   store_postgres_list.c    lists of tasks by a filter
 *   store_postgres_record.c  the record in its order
 *   store_postgres_key.c     keys of the HTTP server
 *   store_postgres_minute.c  what happened in a minute
 *   store_postgres_facts.c   what the store is
 *
 * How a statement is run: tk_pg_begin, the parameters in their order (binary, copied), tk_pg_exec, the
 * rows, and tk_pg_end on every path. The first failure stays; after it the rest is a no-op. What need not
 * be known at once is queued (tk_pg_queue) and goes along with the next journey.
 */
#ifndef TK_STORE_POSTGRES_H
#define TK_STORE_POSTGRES_H

#ifdef TK_WITH_POSTGRES
#include "store_postgres_libpq.h"
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "buf.h"
#include "store.h"
#include "store_postgres_sql.h"

#define TK_PG_USUAL_MESSAGES "SET client_min_messages = error;"
#define TK_PG_USUAL_LIMIT "SET statement_timeout = '60s';"

/* The first tables: schema_postgres.sql. What came later: schema_postgres_2.sql and so on. */
extern const char tk_schema_postgres[];

#ifdef TK_WITH_POSTGRES

#define TK_PG_PARAMETERS_MAX 16

/* PostgreSQL's times count from 2000-01-01; in microseconds since 1970. */
#define TK_PG_EPOCH_US INT64_C(946684800000000)

#define TK_PG_SCHEMA_VERSION 6
#define TK_PG_SERVER_VERSION_MIN 140000 /* as PQserverVersion counts */

/* A page of progress: 256 steps of 3 bytes. */
#define TK_STATE_PAGE_BYTES 768
#define TK_STATE_BYTES_MAX (TASKER_STEPS_MAX * 3)

/* Stored states that a statement knows: a task that runs, and the highest of those that need
 * nobody's attention (1 running, 2 complete). */
#define TK_STATE_RUNNING 1
#define TK_STATE_CALM_MAX 2

/* --- the store -------------------------------------------------------------------------------- */

/* What a store and those shared from it have in common. */
typedef struct tk_pg_home {
    _Atomic(uint32_t) references;
    _Atomic(uint32_t) workers;
    char *url;
} tk_pg_home;

typedef struct tk_pg_run tk_pg_run;

/* What becomes of an answer that was not waited for: reads the rows of `answer`. */
typedef void tk_pg_take_fn(tk_pg_run *answer, const void *arguments, tasker_error *error);

#define TK_PG_PENDING_MAX 64
#define TK_PG_ARGUMENTS_MAX 64

/* One message on the line whose answer was not read yet. */
typedef struct tk_pg_pending {
    const char *name;
    tk_pg_statement statement; /* or TK_PG_STATEMENT_COUNT */
    bool prepares, syncs, commits;
    bool keeps; /* its rows are handed out */
    bool hint;  /* its failure is nobody's */
    tk_pg_take_fn *take;
    _Alignas(max_align_t) uint8_t arguments[TK_PG_ARGUMENTS_MAX];
} tk_pg_pending;

typedef struct tk_pg {
    tk_store store;
    tk_plan *plan; /* where statements go instead of to a server; else NULL */
    PGconn *connection;
    uint64_t sessions;                    /* made so far */
    bool prepared[TK_PG_STATEMENT_COUNT]; /* or on its way */
    tk_pg_pending pending[TK_PG_PENDING_MAX];
    uint32_t pending_count, synced; /* `synced` of them are before a Sync */
    bool taking;                    /* an answer is being read */
    bool committed;                 /* this transaction's COMMIT was answered well */
    bool readied;                   /* this transaction made steps ready */
    bool told;                      /* sleeping workers were told of the last ones */
    bool patient;                   /* this transaction's statements may take long */
    bool silent;                    /* no answer came for too long: it was hung up */
    tk_pg_home *home;
    char name[160]; /* for messages: database and host, no password */
    const tk_clock *clock;
    const tk_log *log;
    bool read_only;
    pid_t opener;
    pthread_mutex_t mutex;     /* held between begin and commit or rollback */
    _Atomic(uintptr_t) holder; /* the thread that holds it, or 0 */
    tk_store_mode mode;
    int32_t worker; /* whose session lock this connection holds, or 0 */
    bool elected;   /* this session does the upkeep */
    bool listening; /* wake_fd was asked for */
    bool woken;     /* a notification came that wake_drain has not seen */
    int woken_fd;   /* always readable: what wake_fd says while `woken`; -1: not made yet */
} tk_pg;

static inline tk_pg *tk_pg_of(tk_store *store) {
    return (tk_pg *)(void *)store;
}

extern const tk_driver tk_pg_driver;

/* tk_pg_fail writes what a result (NULL: the connection) says for whoever has to act. `doing` is a
 * statement's name or what was tried. */
tasker_status tk_pg_fail(const tk_pg *pg, const PGresult *result, const char *doing,
                         tasker_error *error);

/* tk_pg_fail_forked tells that this process may not use the connection. */
tasker_status tk_pg_fail_forked(const tk_pg *pg, tasker_error *error);

/* tk_pg_usable: OK inside of this thread's transaction, else FORKED or STORE. */
tasker_status tk_pg_usable(const tk_pg *pg, tasker_error *error);

/* tk_pg_command runs a text without parameters (several statements are fine). Only while the line is
 * closed, and without a limit. */
tasker_status tk_pg_command(const tk_pg *pg, const char *sql, const char *doing,
                            tasker_error *error);

/* tk_pg_ask reads one row of `count` whole numbers; what is NULL, or no row, reads as 0 or stays. */
tasker_status tk_pg_ask(const tk_pg *pg, const char *sql, int64_t *answers, int count,
                        tasker_error *error);

/* tk_pg_change runs statements that need strong locks in a transaction of their own, waiting for the
 * locks a little at a time. Outside of transactions. */
tasker_status tk_pg_change(const tk_pg *pg, const char *sql, const char *doing,
                           tasker_error *error);

/* A step from one version of the tables to the next; the first makes version 1. */
typedef struct tk_pg_migration {
    const char *what;
    const char *sql;
} tk_pg_migration;
extern const tk_pg_migration tk_pg_migrations[TK_PG_SCHEMA_VERSION];

/* tk_pg_tables_open makes what is missing and may be made; refuses what is newer or not ours. */
tasker_status tk_pg_tables_open(const tk_pg *pg, const tk_store_config *config,
                                tasker_error *error);

/* The partitioned tables, and what a portion of each is made with. */
#define TK_PG_PARTS 4
typedef struct tk_pg_part {
    const char *table, *key, *settings;
} tk_pg_part;
extern const tk_pg_part tk_pg_parts[TK_PG_PARTS];

/* tk_pg_period_set writes the ledger's period down; KEEP leaves it. */
tasker_status tk_pg_period_set(const tk_pg *pg, tk_period period, tasker_error *error);

/* tk_pg_epoch_begin begins a new epoch where the record comes from another cluster or database. */
tasker_status tk_pg_epoch_begin(const tk_pg *pg, tasker_error *error);

/* tk_pg_rights writes and, unless they are only to be told, sets the rights of a role. */
tasker_status tk_pg_rights(const tk_pg *pg, tk_arena *arena, tk_setup *setup, tasker_error *error);

/* tk_pg_portions_make makes the portions of the time to come, as the ledger's period says. */
tasker_status tk_pg_portions_make(const tk_pg *pg, int64_t now_us, uint32_t *made,
                                  tasker_error *error);

/* tk_pg_renew connects again when the connection is broken: settings, the worker's session lock,
 * LISTEN. With the mutex held, outside of transactions. */
tasker_status tk_pg_renew(tk_pg *pg, tasker_error *error);

/* tk_pg_pooler_check refuses (UNSUPPORTED) a pooler that gives this connection no session of its own. */
tasker_status tk_pg_pooler_check(const tk_pg *pg, tasker_error *error);

/* tk_pg_notify tells sleeping workers that steps became ready; with the mutex held, the line open. */
void tk_pg_notify(tk_pg *pg);

/* tk_pg_note_wakes takes the notifications that have arrived; with the mutex held. */
void tk_pg_note_wakes(tk_pg *pg);

/* --- the line: store_postgres_line.c ----------------------------------------------------------- */

/* What libpq wants to know of the parameters. */
typedef struct tk_pg_sending {
    const char *values[TK_PG_PARAMETERS_MAX];
    int lengths[TK_PG_PARAMETERS_MAX];
    int formats[TK_PG_PARAMETERS_MAX];
} tk_pg_sending;

/* tk_pg_line_open lets statements be sent without waiting; tk_pg_line_close waits for what is under way
 * and ends that. */
bool tk_pg_line_open(tk_pg *pg);
void tk_pg_line_close(tk_pg *pg);

/* tk_pg_line_send sends a statement (prepared on first use), or `sql` when it is
 * TK_PG_STATEMENT_COUNT. NULL: noted in the run. */
tk_pg_pending *tk_pg_line_send(tk_pg_run *run, tk_pg_statement statement, const char *sql,
                               const tk_pg_sending *out, tasker_error *error);

/* tk_pg_line_settle reads the answers of all that was sent. Returns the first failure. */
tasker_status tk_pg_line_settle(tk_pg *pg, tasker_error *error);

/* tk_pg_line_mark ends a journey and lets more be sent behind it; tk_pg_line_settle_to reads the answers of
 * what stands before the mark. All is sent (tk_pg_line_leave), and nothing before the mark sends more. */
bool tk_pg_line_mark(tk_pg *pg, uint32_t *mark);
tasker_status tk_pg_line_settle_to(tk_pg *pg, uint32_t mark, tasker_error *error);

/* tk_pg_line_answer does so and hands out the rows of the last; NULL with a failure in *status. */
PGresult *tk_pg_line_answer(tk_pg *pg, tk_pg_pending *last, tasker_status *status,
                            tasker_error *error);

/* tk_pg_line_run runs a text as PQexec does, and tk_pg_line_command as tk_pg_command does, but no longer
 * than an answer is waited for. Only while the line is closed. NULL: the connection failed. */
PGresult *tk_pg_line_run(tk_pg *pg, const char *sql);
tasker_status tk_pg_line_command(tk_pg *pg, const char *sql, const char *doing,
                                 tasker_error *error);

/* tk_pg_line_leave sends what is there; its answers are read on the next journey. */
bool tk_pg_line_leave(tk_pg *pg);

/* tk_pg_line_forget: nobody waits for any of the answers, nor do failures matter; tk_pg_line_hint says so
 * of the last one. */
void tk_pg_line_forget(tk_pg *pg);
void tk_pg_line_hint(tk_pg *pg);

/* tk_pg_line_alive: nothing that has arrived says that the session is over. */
bool tk_pg_line_alive(tk_pg *pg);

/* --- running a statement ---------------------------------------------------------------------- */

struct tk_pg_run {
    tk_pg *pg;
    const char *name;
    tasker_status status; /* OK so far, or the first failure */
    bool told;            /* the error says how it failed */
    tk_buf bytes;         /* of all parameters */
    size_t starts[TK_PG_PARAMETERS_MAX];
    bool nulls[TK_PG_PARAMETERS_MAX];
    Oid types[TK_PG_PARAMETERS_MAX]; /* of the parameters; used when nothing is prepared */
    int parameters;
    PGresult *result;
    uint32_t rows;
};

/* Types by their fixed numbers in PostgreSQL's catalogue. */
typedef enum tk_pg_type {
    TK_PG_BOOL = 16,
    TK_PG_BYTEA = 17,
    TK_PG_INT8 = 20,
    TK_PG_INT2 = 21,
    TK_PG_INT4 = 23,
    TK_PG_TEXT = 25,
    TK_PG_TIME = 1184,
    TK_PG_UUID = 2950
} tk_pg_type;

/* tk_pg_begin readies a run in the open transaction. Returns OK, FORKED, STORE. */
tasker_status tk_pg_begin(tk_pg_run *run, tk_pg *pg, tasker_error *error);

/* Parameters. tk_pg_array begins an array of `count` elements, each given by tk_pg_put_*. */
void tk_pg_array(tk_pg_run *run, tk_pg_type type, uint32_t count);
void tk_pg_put_int(tk_pg_run *run, tk_pg_type type, int64_t value); /* BOOL, INT2, INT4, INT8 */
void tk_pg_put_time(tk_pg_run *run, int64_t time_us);
void tk_pg_put_uuid(tk_pg_run *run, const tk_uuid *id);
void tk_pg_put_bytes(tk_pg_run *run, const void *data, size_t size);
void tk_pg_put_text(tk_pg_run *run, tk_str text); /* data NULL is SQL's NULL */
void tk_pg_put_null(tk_pg_run *run);

void tk_pg_int(tk_pg_run *run, tk_pg_type type, int64_t value);
void tk_pg_time(tk_pg_run *run, int64_t time_us);
void tk_pg_uuid(tk_pg_run *run, const tk_uuid *id);
void tk_pg_bytes(tk_pg_run *run, const void *data, size_t size);
void tk_pg_text(tk_pg_run *run, tk_str text); /* data NULL is an empty text */

/* Data NULL is an empty text. */
static inline tk_str tk_pg_always(tk_str text) {
    return text.data == NULL ? TK_STR("") : text;
}

/* TK_PG_COLUMN gives an array of numbers, TK_PG_COLUMN_OF one by tk_pg_put_<kind>: a value for each
 * `i` below `count`. */
#define TK_PG_COLUMN(run, type, count, value)                                                      \
    do {                                                                                           \
        tk_pg_array(run, type, count);                                                             \
        for (uint32_t i = 0; i < (count); i++) {                                                   \
            tk_pg_put_int(run, type, value);                                                       \
        }                                                                                          \
    } while (0)
#define TK_PG_COLUMN_OF(run, kind, type, count, value)                                             \
    do {                                                                                           \
        tk_pg_array(run, type, count);                                                             \
        for (uint32_t i = 0; i < (count); i++) {                                                   \
            tk_pg_put_##kind(run, value);                                                          \
        }                                                                                          \
    } while (0)

/* tk_pg_exec runs the statement and keeps its rows; the parameters are gone, the next ones may be
 * given. False when it, or anything before, failed: tk_pg_end tells how. */
bool tk_pg_exec(tk_pg_run *run, tk_pg_statement statement, tasker_error *error);

/* The same for a text that was made for this call. */
bool tk_pg_exec_text(tk_pg_run *run, const char *sql, const char *name, tasker_error *error);

/* tk_pg_queue leaves the statement on the line: it runs by the next sync, commit or tk_pg_exec at the
 * latest, and `take` (NULL: its rows do not matter) gets a copy of the arguments and its rows then. A
 * failure may only be told there. */
void tk_pg_queue(tk_pg_run *run, tk_pg_statement statement, tk_pg_take_fn *take,
                 const void *arguments, size_t size, tasker_error *error);

/* tk_pg_end gives everything back. Returns OK or the first failure. */
tasker_status tk_pg_end(tk_pg_run *run, tasker_error *error);

/* tk_pg_note keeps a first failure: NOMEM, or STORE for a row that cannot be. */
static inline void tk_pg_note(tk_pg_run *run, tasker_status status) {
    if (run->status == TASKER_OK) {
        run->status = status;
    }
}

/* Values of the last statement's rows. Out of range or of another size: noted as STORE. */
bool tk_pg_is_null(const tk_pg_run *run, uint32_t row, int column);
int64_t tk_pg_get(tk_pg_run *run, uint32_t row, int column); /* any whole number or bool; NULL: 0 */
int32_t tk_pg_get_i32(tk_pg_run *run, uint32_t row, int column);
uint16_t tk_pg_get_step(tk_pg_run *run, uint32_t row, int column);
int64_t tk_pg_get_time(tk_pg_run *run, uint32_t row, int column); /* NULL: 0 */
void tk_pg_get_uuid(tk_pg_run *run, uint32_t row, int column, tk_uuid *id);
tk_str tk_pg_peek(const tk_pg_run *run, uint32_t row, int column); /* lives until the next exec */
tk_str tk_pg_get_text(tk_pg_run *run, uint32_t row, int column, tk_arena *arena);

/* tk_pg_get_place reads WITH ORDINALITY's number as an index below `count`. */
uint32_t tk_pg_get_place(tk_pg_run *run, uint32_t row, uint32_t count);

/* tk_pg_rows_make hands out room for the rows of the last statement; NULL when there are none, or
 * with NOMEM noted. */
void *tk_pg_rows_make(tk_pg_run *run, tk_arena *arena, size_t size);

/* --- plans: store_postgres_plan.c --------------------------------------------------------------- */

/* tk_pg_plan_add writes the statement and its parameters down; the parameters stay. */
void tk_pg_plan_add(tk_pg_run *run, const char *sql);

tasker_status tk_pg_plan_open(tk_plan *plan, tk_store **store, tasker_error *error);

/* --- rows that several operations share ------------------------------------------------------- */

/* Gives the three arrays of identities. */
void tk_pg_identity_keys(tk_pg_run *run, const tk_identity_row *rows, uint32_t count);

/* Gives the two arrays of keys. */
void tk_pg_keys(tk_pg_run *run, const tk_step_key *keys, uint32_t count);

/* Reads TK_PG_TASK_COLUMNS from `column` on. */
void tk_pg_task(tk_pg_run *run, uint32_t row, int column, tk_arena *arena, tk_task_row *task);

/* Reads TK_PG_ATTEMPT_COLUMNS and the three payloads from `column` on. */
void tk_pg_attempt(tk_pg_run *run, uint32_t row, int column, const tk_uuid *task_id,
                   tk_arena *arena, tk_attempt_row *attempt);

/* --- operations, by file ---------------------------------------------------------------------- */

#define X(name, arguments) tasker_status tk_pg_op_##name arguments;
TK_STORE_OPERATION_MAP(X)
#undef X

void tk_pg_rollback(tk_store *store);
tasker_status tk_pg_worker_lock(tk_store *store, bool *first, tasker_error *error);
void tk_pg_worker_unlock(tk_store *store);
void tk_pg_wake(tk_store *store);
int tk_pg_wake_fd(tk_store *store);
void tk_pg_wake_drain(tk_store *store);
tasker_status tk_pg_reconnect(tk_store *store, tasker_error *error);
uint64_t tk_pg_session(tk_store *store);
tasker_status tk_pg_upkeep(tk_store *store, bool *elected, uint32_t *skipped, tasker_error *error);
tasker_status tk_pg_backup(tk_store *store, const char *path, tasker_progress_fn copied, void *user,
                           int64_t *bytes, tasker_error *error);
tasker_status tk_pg_set_up(tk_store *store, tk_arena *arena, tk_setup *setup, tasker_error *error);
tasker_status tk_pg_prune(tk_store *store, tk_arena *arena, tk_prune *prune, tasker_error *error);
tasker_status tk_pg_share(tk_store *store, tk_store **other, tasker_error *error);
void tk_pg_close(tk_store *store);

#endif
#endif
