/*
 * store.h - the store as the verbs see it: rows in, rows out, set at a time, inside a transaction.
 *
 *   verbs (submit, claim, complete, …) ── tk_store_* ──► driver table ──► SQLite | PostgreSQL
 *
 * A verb loads the rows that it needs, decides in C, and saves the changes, in one transaction:
 *
 *     begin ─ load … sync ─ decide ─ save … commit        any error: rollback, nothing happened
 *
 * Rules of the seam:
 *
 * - Drivers know rows, not rules. They never look into a payload, a template or a progress.
 * - Every call stands between begin and commit or rollback; one thread at a time is between them
 *   (begin takes the store's mutex, the other two give it back).
 * - A driver may pipeline: what a loading call hands out is filled in at the latest when
 *   tk_store_sync() or commit returns; a saving call may report its error only there. SQLite does
 *   everything at once.
 * - A saving call that changes fewer rows than it was given is an error (CONFLICT): nothing happens.
 *   Where fewer is normal the call says so and returns the rows.
 * - Rows handed out live in the arena given. Rows given are borrowed until sync or commit.
 * - No call reads a clock: times are parameters, microseconds since 1970 UTC.
 * - Order of locks, for stores with several writers: identity (sorted), tasks by id, later, ready,
 *   lease, own worker, due, claim.
 * - Errors are STORE (try again later), CONFLICT, UNSUPPORTED, NOMEM; the message is for people and
 *   names the statement. After an error only rollback is allowed.
 */
#ifndef TK_STORE_H
#define TK_STORE_H

#include "arena.h"
#include "clock.h"
#include "id.h"
#include "json.h"
#include "log.h"
#include "store_rows.h"

/* --- the table -------------------------------------------------------------------------------- */

typedef struct tk_store tk_store;

typedef enum tk_store_mode { TK_STORE_READ = 0, TK_STORE_WRITE = 1 } tk_store_mode;

/* In what portions ended tasks are kept, by the time of their ids. */
typedef enum tk_period {
    TK_PERIOD_KEEP = 0, /* as it is */
    TK_PERIOD_NONE,
    TK_PERIOD_WEEK,
    TK_PERIOD_MONTH
} tk_period;

typedef struct tk_store_config {
    const char *url;
    bool read_only;
    bool must_exist;
    bool migrate;           /* bring older tables up to date; else they are refused */
    tk_period period;       /* of tables made new; only where there are portions */
    const char *role;       /* that is to get rights, or NULL; only where there are roles */
    int32_t *version_found; /* NULL, or out: of the tables before that, 0 without tables */
    const tk_clock *clock;
    const tk_log *log;
} tk_store_config;

/* --- upkeep ----------------------------------------------------------------------------------- */

typedef struct tk_setup {
    tk_period period;
    bool rights;      /* are set, too */
    const char *role; /* whose; NULL: of the role that has them already, if any */
    bool print;       /* the statements of the rights are told, nothing is done */
    int64_t now_us;
    tk_str *statements; /* out: of the rights, in their order */
    uint32_t statement_count;
    uint32_t made;   /* out: portions made for the time to come */
    int32_t version; /* out: of the tables */
} tk_setup;

/* What prune() works on: first the portions that are kept apart, then single tasks. */
typedef struct tk_prune {
    int64_t before_us; /* goes: what was submitted, and last changed, before */
    uint32_t limit;    /* single tasks looked at in one call */
    bool dry_run;      /* nothing goes, all is told */
    bool singles;      /* in and out: single tasks are under way */
    tk_uuid past;      /* in and out: what is up to here has been looked at */
    tk_str portion;    /* out: its name; empty when these were single tasks */
    int64_t tasks;     /* out: that go */
    int64_t kept; /* out: that stay, being open or changed since. A portion goes or stays whole */
    int64_t identities; /* out: idempotency keys that go along */
    int64_t held_us;    /* out: how long it took, without waiting for its turn */
    bool more;          /* out: there is more to look at */
} tk_prune;

/* The list of operations: the table, the statement numbers of the fault wrapper and the trace all
 * come from it. X(name, arguments behind `tk_store *store`). Each also takes `tasker_error *error`
 * last and returns a tasker_status. `rows`/`count` in, `**rows`/`*count` out (arena-owned). */
/* clang-format off */
#define TK_STORE_OPERATION_MAP(X)                                                                  \
    /* transactions */                                                                             \
    X(begin,            (tk_store *store, tk_store_mode mode, tasker_error *error))                \
    X(sync,             (tk_store *store, tasker_error *error))                                    \
    X(commit,           (tk_store *store, tasker_error *error))                                    \
    /* names and templates */                                                                      \
    X(name_intern,      (tk_store *store, tk_name_kind kind, const tk_str *texts, uint32_t count,  \
                         int32_t *ids, tasker_error *error))                                       \
    X(name_list,        (tk_store *store, tk_arena *arena, tk_name_kind kind, int32_t **ids,       \
                         tk_str **texts, uint32_t *count, tasker_error *error))                    \
    X(template_known,   (tk_store *store, tk_arena *arena, tk_str namespace_name, tk_str name,     \
                         tk_str **names, uint32_t *count, tasker_error *error))                    \
    X(template_insert,  (tk_store *store, tk_template_row *row, const tk_str *step_names,          \
                         const tk_str *step_ancestors, uint32_t step_count, tasker_error *error))  \
    X(template_use,     (tk_store *store, int32_t template_id, int64_t now_us,                     \
                         tasker_error *error))                                                     \
    X(template_load,    (tk_store *store, tk_arena *arena, int32_t id, tk_template_row **row,      \
                         tasker_error *error))                                                     \
    X(template_find,    (tk_store *store, tk_arena *arena, tk_str namespace_name, tk_str name,     \
                         tk_str version, const tk_digest *digest, tk_template_row **row,           \
                         tasker_error *error))                                                     \
    X(template_list,    (tk_store *store, tk_arena *arena, tk_template_row **rows,                 \
                         uint32_t *count, tasker_error *error))                                    \
    /* submission */                                                                               \
    X(identity_insert,  (tk_store *store, tk_arena *arena, const tk_identity_row *rows,            \
                         uint32_t count, tk_uuid *winners, tasker_error *error))                   \
    X(task_insert,      (tk_store *store, const tk_task_row *rows, uint32_t count,                 \
                         bool *inserted, tasker_error *error))                                     \
    X(state_insert,     (tk_store *store, const tk_state_row *rows, uint32_t count,                \
                         tasker_error *error))                                                     \
    X(ready_insert,     (tk_store *store, const tk_ready_row *rows, uint32_t count,                \
                         tasker_error *error))                                                     \
    X(later_insert,     (tk_store *store, const tk_ready_row *rows, uint32_t count,                \
                         tasker_error *error))                                                     \
    X(lease_insert,     (tk_store *store, const tk_lease_row *rows, uint32_t count,                \
                         tasker_error *error))                                                     \
    X(attempt_insert,   (tk_store *store, const tk_attempt_row *rows, uint32_t count,              \
                         tasker_error *error))                                                     \
    X(act_insert,       (tk_store *store, const tk_act_row *rows, uint32_t count,                  \
                         tasker_error *error))                                                     \
    X(count_add,        (tk_store *store, const tk_count_row *rows, uint32_t count,                \
                         tasker_error *error))                                                     \
    /* the turn */                                                                                 \
    X(state_lock,       (tk_store *store, tk_arena *arena, const tk_uuid *ids, uint32_t count,     \
                         tk_state_row *rows, bool *found, tasker_error *error))                    \
    X(state_try,        (tk_store *store, const tk_uuid *ids, uint32_t count, bool *taken,         \
                         tasker_error *error))                                                     \
    X(state_update,     (tk_store *store, const tk_state_row *rows, uint32_t count,                \
                         tasker_error *error))                                                     \
    X(finish,           (tk_store *store, tk_attempt_row *rows, uint32_t count, bool *accepted,    \
                         tasker_error *error))                                                     \
    X(advance,          (tk_store *store, const tk_advance_row *rows, uint32_t count,              \
                         const tk_advance_bytes *bytes, tasker_error *error))                      \
    X(lease_return,     (tk_store *store, const tk_lease_row *leases, tk_ready_row *readies,       \
                         uint32_t count, bool *returned, tasker_error *error))                     \
    X(attempt_bases,    (tk_store *store, const tk_step_key *keys, uint32_t count,                 \
                         int32_t *bases, tasker_error *error))                                     \
    X(attempt_tokens,   (tk_store *store, const tk_lease_row *leases, uint32_t count,              \
                         bool *recorded, tasker_error *error))                                     \
    X(due_move,         (tk_store *store, int64_t now_us, uint32_t limit, uint32_t *moved,         \
                         int64_t *next_us, tasker_error *error))                                   \
    X(heads,            (tk_store *store, tk_arena *arena, tk_head **rows, uint32_t *count,        \
                         tasker_error *error))                                                     \
    X(claim,            (tk_store *store, tk_arena *arena, const tk_want *wants,                   \
                         uint32_t want_count, uint32_t limit, int32_t worker, int64_t token,       \
                         int64_t now_us, tk_claim_row **rows, uint32_t *count,                     \
                         tasker_error *error))                                                     \
    X(results,          (tk_store *store, tk_arena *arena, tk_result_row *rows, uint32_t count,    \
                         tasker_error *error))                                                     \
    X(last_failures,    (tk_store *store, tk_arena *arena, const tk_step_key *keys,                \
                         uint32_t count, tk_attempt_row *rows, bool *found, tasker_error *error))  \
    /* by hand */                                                                                  \
    X(attempt_last,     (tk_store *store, const tk_step_key *keys, uint32_t count,                 \
                         int32_t *attempts, tasker_error *error))                                  \
    X(ready_delete,     (tk_store *store, const tk_step_key *keys, uint32_t count,                 \
                         tk_ready_row *rows, bool *deleted, tasker_error *error))                  \
    X(later_delete,     (tk_store *store, const tk_step_key *keys, uint32_t count,                 \
                         tk_ready_row *rows, bool *deleted, tasker_error *error))                  \
    X(task_clear,       (tk_store *store, const tk_uuid *task_id, int64_t now_us,                  \
                         tasker_error *error))                                                     \
    X(lease_revoke,     (tk_store *store, const tk_step_key *keys, uint32_t count, int64_t now_us, \
                         bool *revoked, tasker_error *error))                                      \
    /* workers */                                                                                  \
    X(worker_insert,    (tk_store *store, tk_worker_row *row, tasker_error *error))                \
    X(worker_beat,      (tk_store *store, int32_t id, bool asleep, bool holding,                   \
                         tasker_error *error))                                                     \
    X(worker_delete,    (tk_store *store, int32_t id, tasker_error *error))                        \
    X(worker_list,      (tk_store *store, tk_arena *arena, tk_worker_row **rows, uint32_t *count,  \
                         tasker_error *error))                                                     \
    X(worker_cut,       (tk_store *store, int32_t id, int64_t beat, bool *gone,                    \
                         tasker_error *error))                                                     \
    X(worker_take,      (tk_store *store, int32_t id, int64_t beat, bool *taken,                   \
                         tasker_error *error))                                                     \
    X(worker_leases,    (tk_store *store, tk_arena *arena, int32_t id, uint32_t limit,             \
                         tk_lease_row **rows, uint32_t *count, tasker_error *error))               \
    /* reading */                                                                                  \
    X(task_load,        (tk_store *store, tk_arena *arena, const tk_uuid *ids, uint32_t count,     \
                         tk_task_row *rows, bool *found, tasker_error *error))                     \
    X(state_load,       (tk_store *store, tk_arena *arena, const tk_uuid *ids, uint32_t count,     \
                         tk_state_row *rows, bool *found, tasker_error *error))                    \
    X(task_list,        (tk_store *store, tk_arena *arena, const tk_task_filter *filter,           \
                         tk_task_page *page, tasker_error *error))                                 \
    X(task_count,       (tk_store *store, const tk_task_filter *filter, uint32_t *count,           \
                         bool *all, tasker_error *error))                                          \
    X(place_list,       (tk_store *store, tk_arena *arena, const tk_uuid *task_id,                 \
                         tk_place_row **rows, uint32_t *count, tasker_error *error))               \
    X(attempt_list,     (tk_store *store, tk_arena *arena, const tk_uuid *task_id, bool payloads,  \
                         tk_attempt_row **rows, uint32_t *count, tasker_error *error))             \
    X(act_list,         (tk_store *store, tk_arena *arena, const tk_uuid *task_id,                 \
                         tk_act_row **rows, uint32_t *count, tasker_error *error))                 \
    X(count_list,       (tk_store *store, tk_arena *arena, tk_count_row **rows, uint32_t *count,   \
                         tasker_error *error))                                                     \
    X(depth_list,       (tk_store *store, tk_arena *arena, int64_t most, tk_depth_row **rows,      \
                         uint32_t *count, tk_depth_sum *sum, tasker_error *error))                 \
    X(facts,            (tk_store *store, tk_arena *arena, tk_store_facts *facts,                  \
                         tasker_error *error))                                                     \
    /* minutes */                                                                                  \
    X(minute_add,       (tk_store *store, const tk_minute_row *rows, uint32_t count,               \
                         tasker_error *error))                                                     \
    X(minute_take,      (tk_store *store, tk_arena *arena, int32_t span, int64_t before_us,        \
                         uint32_t limit, tk_minute_row **rows, uint32_t *count,                    \
                         tasker_error *error))                                                     \
    X(minute_list,      (tk_store *store, tk_arena *arena, int64_t from_us, tk_minute_row **rows,  \
                         uint32_t *count, int64_t *since_us, tasker_error *error))                 \
    /* keys */                                                                                     \
    X(key_insert,       (tk_store *store, tk_key_row *row, bool *inserted, tasker_error *error))   \
    X(key_revoke,       (tk_store *store, const tk_key_row *row, bool *revoked,                    \
                         tasker_error *error))                                                     \
    X(key_list,         (tk_store *store, tk_arena *arena, tk_str hash, tk_key_row **rows,         \
                         uint32_t *count, tasker_error *error))                                    \
    X(ready_ahead,      (tk_store *store, const tk_step_key *key, int64_t limit, int64_t *ahead,   \
                         tasker_error *error))                                                     \
    X(record_end,       (tk_store *store, tk_record_place *end, tasker_error *error))              \
    X(record_list,      (tk_store *store, tk_arena *arena, const tk_record_filter *filter,         \
                         tk_record_row **rows, uint32_t *count, tasker_error *error))              \
    X(integrity,        (tk_store *store, tk_arena *arena, tk_str **problems, uint32_t *count,     \
                         tasker_error *error))
/* clang-format on */

typedef enum tk_store_operation {
#define X(name, arguments) TK_STORE_OP_##name,
    TK_STORE_OPERATION_MAP(X)
#undef X
        TK_STORE_OPERATION_COUNT
} tk_store_operation;

/* tk_store_operation_name returns "begin", "sync", …; static. */
const char *tk_store_operation_name(tk_store_operation operation);

/* What becomes statements for somebody else's connection (see tk_driver.plan_open). */
typedef struct tk_plan {
    tk_store *home; /* the store that it is planned for */
    tk_json rows;   /* what the plan before asked: for each statement its rows; NONE: nothing yet */
    tk_buf statements; /* out: {"sql","params":[text]}, with commas between them */
    bool asks;         /* out: their rows are wanted; the call that wanted them has failed */
} tk_plan;

typedef struct tk_driver {
    const char *name;  /* "sqlite", "postgres" */
    bool many_workers; /* several worker processes may share a store */
    bool advances;     /* has the operation `advance`, which spares a journey */
#define X(name, arguments) tasker_status(*name) arguments;
    TK_STORE_OPERATION_MAP(X)
#undef X
    /* Never fails; also after an error, and when no transaction is open (then a no-op). */
    void (*rollback)(tk_store *store);
    /* Takes the right to run workers in this process. *first: no other worker of this process holds
     * the store, so every worker row is a dead one's. BUSY names the process that has it. Outside of
     * transactions. */
    tasker_status (*worker_lock)(tk_store *store, bool *first, tasker_error *error);
    void (*worker_unlock)(tk_store *store);
    /* Tells sleeping workers of other processes that something became ready. A hint: it may be lost.
     * Outside of transactions. Never blocks, never fails. */
    void (*wake)(tk_store *store);
    /* A descriptor that becomes readable on wake(), or -1; drained by wake_drain(). Only after
     * worker_lock. */
    int (*wake_fd)(tk_store *store);
    void (*wake_drain)(tk_store *store);
    /* After an error that broke the connection; a no-op where there is none. Outside of
     * transactions. */
    tasker_status (*reconnect)(tk_store *store, tasker_error *error);
    /* The number of the session in use, another one after each that broke; 0: it is broken. Outside of
     * transactions. NULL: there are none. */
    uint64_t (*session)(tk_store *store);
    /* Does what one process does for all, every now and then: takes back the room of deleted rows, folds
     * counts. *elected: this store does it. *skipped: what could not be done; *error says why. Outside
     * of transactions. OK unless the store failed. */
    tasker_status (*upkeep)(tk_store *store, bool *elected, uint32_t *skipped, tasker_error *error);
    /* Copies what is committed now into a new file at `path` while others write; as tasker_store_backup
     * says. *bytes: its size. Outside of transactions. UNSUPPORTED where the database has tools of its
     * own for it. */
    tasker_status (*backup)(tk_store *store, const char *path, tasker_progress_fn copied,
                            void *user, int64_t *bytes, tasker_error *error);
    /* Opens a store that runs nothing: what a submission saves through it becomes plan->statements.
     * NULL: this driver has none. */
    tasker_status (*plan_open)(tk_plan *plan, tk_store **store, tasker_error *error);
    /* Sets rights and portions; UNSUPPORTED where the store has neither and one is
     * asked for. Transactions of its own. */
    tasker_status (*set_up)(tk_store *store, tk_arena *arena, tk_setup *setup, tasker_error *error);
    /* Looks at the next portion or at up to `limit` single tasks, and takes away what is over: task,
     * state, pages, attempts, acts, identities, counts. Never an open task's (running, blocked). One
     * transaction of its own. */
    tasker_status (*prune)(tk_store *store, tk_arena *arena, tk_prune *prune, tasker_error *error);
    /* A second connection to the same store, or the same one counted twice. */
    tasker_status (*share)(tk_store *store, tk_store **other, tasker_error *error);
    void (*close)(tk_store *store);
} tk_driver;

/* What every driver's store begins with. */
struct tk_store {
    const tk_driver *driver;
};

/* What the operations mean, where the name and the arguments do not say it all:
 *
 * begin           WRITE takes the store's write lock at once. READ sees one snapshot.
 * name_intern     ids of texts, made where missing (needs WRITE then); ids start at 1.
 * template_known  the names of the steps by number, of all templates of (namespace, name); a number
 *                 never used has an empty text.
 * template_insert fills row->id and row->revision. step_names[i] and step_ancestors[i] (two bytes
 *                 big-endian each) by step number; a hole has an empty name. `spec` is the numbered
 *                 one; digest is unique within (namespace, name, version).
 * template_use    makes a template the current revision of its (namespace, name, version), and its
 *                 version the one registered last.
 * template_load   by id; *row NULL when there is none.
 * template_find   the current revision; version empty: of the version registered last. With a
 *                 digest: the one with that digest (any revision). *row NULL when there is none.
 * template_list   the current revision of every version.
 * identity_insert rows sorted by (queue, template_name, key). winners[i] is the task that the key
 *                 belongs to: rows[i].task_id when it is new.
 * task_insert     plain: an id that exists is a CONFLICT; with `inserted`: inserted[i]=false for an id
 *                 that exists, and nothing of it is written.
 * count_add       rows may repeat. Tasks that were submitted (from 0) or became complete also count for
 *                 their minute, as minute_add's rows with TK_ACT_NO_STEP.
 * state_lock      ids sorted, each once; locks them until the end. found[i]=false: no such task.
 * state_try       locks those of the tasks (sorted, each once) that nobody else holds, without waiting;
 *                 taken[i]=false: held by another, or no such task.
 * state_update    writes state, open_steps, failed_steps, progress (changed pages), updated_us.
 * finish          the fence: for each row deletes the lease (task, step, token) and, where it was
 *                 there, inserts the attempt with the lease's attempt, worker, enqueued_us and
 *                 claimed_us and finished_us = max(claimed_us, rows[i].finished_us, updated_us of
 *                 rows[i].state); fills those members; accepted[i]=false where there was no such lease (nothing is written).
 * advance         what state_lock, finish (OK) and state_update do, without asking: rows sorted by task, each
 *                 once. A CONFLICT unless each task runs, has failed nothing, has these open steps, was
 *                 not changed after finished_us, reads as `bytes` say, and each lease is there with its
 *                 token. Only progress within the first page. UNSUPPORTED where the driver has none.
 * lease_return    gives unstarted steps back: deletes the lease (task, step, token), inserts
 *                 readies[i] with attempts = lease.attempt - 1 and the lease's enqueued_us.
 *                 returned[i]=false where there was no such lease.
 * attempt_bases   for each step the attempt number of its newest RETRIED act, 0 without.
 * attempt_tokens  recorded[i]: is there an attempt (task, step, attempt) with that token that its own
 *                 worker recorded (OK or ERROR)? A claim that was lost or cancelled has the token too.
 * due_move        moves at most `limit` rows of `later` with run_at ≤ now to `ready`, enqueued_us =
 *                 max(run_at, now); *next_us: the earliest run_at left, or 0.
 * heads           one row for each (queue, handler, class) that has work, its oldest; bounded by
 *                 TK_HEADS_MAX.
 * claim           deletes from `ready` by the wants in their order until `limit`, inserts leases with
 *                 attempt = attempts + 1, token = token + place in the answer, claimed_us =
 *                 max(enqueued_us, now).
 * results         fills rows[i] for rows[i].key: the newest attempt whose outcome is OK, COMPLETED or
 *                 RESOLVED.
 * last_failures   the newest attempt of each step if its outcome is ERROR or LOST.
 * attempt_last    the greatest attempt number of each step, 0 without.
 * ready_delete, later_delete: deleted[i]=false where there was none; rows[i] is what it was.
 * task_clear      deletes the task's rows of later, ready and lease, in this order; each lease
 *                 becomes an attempt CANCELLED.
 * lease_revoke    deletes the lease of a step (any token) and records the attempt as CANCELLED;
 *                 revoked[i]=false where there was none.
 * worker_insert   fills row->id, which is never used again.
 * worker_beat     beat + 1; tells whether it wants to be woken and whether it holds steps (a store of one
 *                 process need not keep the latter: it is true then). LOST: the row is gone, or somebody is
 *                 taking its leases.
 * worker_delete   a row that is gone already is fine.
 * worker_cut      ends the session of a worker that stands at this beat, as it may hold rows without an
 *                 end; waits for it a little. *gone=false: not yet. No session is fine.
 * worker_take     begins a recovery: *taken=false when the beat is another one or the row is held.
 * worker_leases   leases that carry this worker's id.
 * task_list       newest first, along what is nearest to the filter, never along all tasks: what the walk
 *                 meets and the filter does not mean is bounded. Running are those that have a row in
 *                 ready, lease or later.
 * task_count      how many the filter means, up to its limit and within the same bounds; *all=false:
 *                 there are, or may be, more.
 * attempt_list    in order of n; payloads=false leaves result, metadata and error out.
 * facts           of a store whose tables have this version; sizes and rows may be estimates.
 * minute_take     deletes rows of a span that began before a time, the oldest first, and hands them out.
 * minute_list     all rows that began at a time or later, of every span and not yet added up;
 *                 *since_us: since when there are any.
 * key_insert      fills row->id; *inserted=false: a key in force has the name.
 * key_revoke      writes the three members about it where the key of that id is in force; *revoked=false:
 *                 there is none.
 * key_list        by id; with a hash only the key that has it.
 * depth_list      counts up to `most` rows of ready, divided among the keys, and of later; `sum` is only
 *                 told when that was not all.
 * ready_ahead     how many steps of the same queue and handler are before a ready one: of a higher
 *                 class, or earlier in its own; counted up to `limit`.
 * record_end      where the record ends for this transaction: all that is before it is there for
 *                 good, and nothing will come before it any more.
 * record_list     what stands behind a place and before that end, in the order of (xid, n).
 * integrity       the database's own check, rows of ready, lease, later, task_state, attempt, act and
 *                 identity without a task, tasks without a state; texts for people.
 */
#define TK_HEADS_MAX 4096

/* tk_store_open opens a store by URL. Returns OK, INVALID (url), NOTFOUND, UNSUPPORTED, STORE, NOMEM.
 * Blocks. */
tasker_status tk_store_open(const tk_store_config *config, tk_store **store, tasker_error *error);
void tk_store_close(tk_store *store); /* NULL is fine */

/* The drivers (config->url is theirs). */
tasker_status tk_store_sqlite_open(const tk_store_config *config, tk_store **store,
                                   tasker_error *error);
tasker_status tk_store_postgres_open(const tk_store_config *config, tk_store **store,
                                     tasker_error *error);

/* tk_store_begin(store, …) and so on call the driver. */
#define tk_store_call(store, operation, ...) ((store)->driver->operation((store), __VA_ARGS__))

#endif
