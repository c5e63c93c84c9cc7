/*
 * engine.h - the verbs: each loads rows, decides with the model, saves rows, in one transaction.
 *
 *   submit ─► claim ─► (handler) ─► complete ─► … ─► complete        sweep: what died, what is due
 *                 cancel · resolve (retry, resolve, complete by hand)      query · history · check
 *
 * Verbs see the store only through store.h and decide only with the model. Given the same store,
 * clock and random source they do the same: the simulation runs this code.
 */
#ifndef TK_ENGINE_H
#define TK_ENGINE_H

#include <pthread.h>

#include "log.h"
#include "progress.h"
#include "random.h"
#include "store.h"

/* --- catalog.c: templates and names, cached --------------------------------------------------- */

/* A template with its numbers in this store. Lives as long as the catalog. */
typedef struct tk_known {
    int32_t id;
    int32_t revision;
    int32_t queue;           /* name id of its namespace */
    const int32_t *handlers; /* name ids of the callables, by step number */
    bool chain;              /* all steps stand in one row, and their progress on one page */
    const tk_template *template;
    struct tk_known *next;
} tk_known;

#define TK_CATALOG_TOLD_MAX                                                                        \
    64 /* templates that could not be read, each told once; then each time */

/* Shared by all threads of a handle; its mutex covers the lists. */
typedef struct tk_catalog {
    pthread_mutex_t mutex;
    tk_known *known;
    int32_t told[TK_CATALOG_TOLD_MAX];
    uint32_t told_count;
} tk_catalog;

/* Wakes who waits for tasks to rest, in this process. */
typedef struct tk_signal {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t changes;
} tk_signal;

typedef struct tk_submission tk_submission; /* submit.h */

/* The workers of this process, as a submission sees them. */
typedef struct tk_nearby {
    /* Has a worker's turn store it. False: it did not, or nobody knows. *left: of what can begin, not
     * all was claimed. Blocks for a turn. */
    bool (*store)(void *user, tk_submission *submission, bool *left);
    void (*wake)(void *user); /* lets them look at the queue */
    void *user;
} tk_nearby;

/* What a verb needs. Handles and workers have one each; store, clock, random are borrowed. */
typedef struct tk_minutes tk_minutes; /* minute.h */

typedef struct tk_engine {
    tk_store *store;
    const tk_clock *clock;
    const tk_random *random;
    const tk_log *log;
    const char *environment;
    tk_catalog *catalog;
    tk_signal *signal;       /* may be NULL */
    const tk_nearby *nearby; /* may be NULL: nobody */
    tk_minutes *minutes;     /* of who runs this engine's turns; may be NULL */
} tk_engine;

tasker_status tk_catalog_open(tk_catalog *catalog, tasker_error *error);
void tk_catalog_close(tk_catalog *catalog);

/* tk_catalog_get finds a template by id, loading it within the open transaction when it is new.
 * NOTFOUND when the store has no such template, INVALID when this build cannot read it: told in the log,
 * once. *known is NULL then. */
tasker_status tk_catalog_get(tk_engine *engine, int32_t template_id, const tk_known **known,
                             tasker_error *error);

/* tk_catalog_find finds the current revision within the open transaction; an empty version is the one
 * registered last. NOTFOUND names what is missing and what to do. */
tasker_status tk_catalog_find(tk_engine *engine, tk_str namespace_name, tk_str name, tk_str version,
                              const tk_known **known, tasker_error *error);

tasker_status tk_signal_open(tk_signal *signal, tasker_error *error);
void tk_signal_close(tk_signal *signal);
void tk_signal_raise(tk_signal *signal); /* NULL is fine */

/* tk_signal_wait waits until `changes` is not `seen` or timeout_ms is over (real time); returns the
 * number then. */
uint64_t tk_signal_wait(tk_signal *signal, uint64_t seen, int64_t timeout_ms);

/* --- again.c ---------------------------------------------------------------------------------- */

/* One try of a verb, in transactions of its own. */
typedef tasker_status tk_try_fn(tk_engine *engine, void *verb, tasker_error *error);

/* tk_again tries once, and again for some seconds while the session breaks under it. `once` has to be
 * right also when the try before it did all and only its answer was lost. */
tasker_status tk_again(tk_engine *engine, tk_try_fn *once, void *verb, tasker_error *error);

/* --- register.c ------------------------------------------------------------------------------- */

/* tk_register puts one template; as tasker_template_put. Own transaction. */
tasker_status tk_register(tk_engine *engine, tk_str yaml, const char *name, tk_buf *report,
                          bool *valid, tasker_error *error);

/* tk_register_directory as tasker_template_put_directory. */
tasker_status tk_register_directory(tk_engine *engine, const char *path, tk_buf *report,
                                    tasker_error *error);

/* --- submit.c --------------------------------------------------------------------------------- */

/* tk_submit as tasker_submit. Own transactions. */
tasker_status tk_submit(tk_engine *engine, tk_str request, tk_buf *answer, tasker_error *error);

/* --- submit_plan.c ---------------------------------------------------------------------------- */

/* tk_submit_plan as tasker_submit_plan. */
tasker_status tk_submit_plan(tk_engine *engine, tk_str request, tk_str found, tk_buf *plan,
                             tasker_error *error);

/* --- complete.c: outcomes of claimed steps, whoever reports them ------------------------------ */

/* How one attempt ended. */
typedef struct tk_ending {
    tk_lease_row lease;
    const tk_known *known;
    int32_t class;                  /* the task's priority */
    int32_t kind;                   /* TK_OUTCOME_OK, _ERROR or _LOST */
    tk_failure failure;             /* of ERROR and LOST */
    tk_str result, error, metadata; /* JSON, or data NULL */
    bool accepted;                  /* out: the lease was current, the ending is recorded */
    int64_t finished_us;            /* out, when accepted: as recorded */
    void *owner;                    /* the caller's */
} tk_ending;

/* A task that became complete. */
typedef struct tk_completed {
    tk_uuid task;
    int32_t template_id;
    int64_t at_us;
} tk_completed;

/* What endings moved, to be placed by the caller within the same transaction. */
typedef struct tk_moved {
    tk_ready_row *ready; /* freed children and steps tried again at once; enqueued_us is set */
    const tk_known **ready_known; /* of the same index */
    tk_ending **ready_by;         /* the ending that freed it */
    uint32_t ready_count;
    int64_t next_due_us;   /* the earliest `later` row written, or 0 */
    uint32_t tasks_rested; /* tasks that reached a resting state */
    tk_completed *completed;
    uint32_t completed_count;
} tk_moved;

/* tk_complete records endings and moves their tasks on: steps 1 to 6 of complete.c, all but the
 * insertion of moved->ready. Within the caller's WRITE transaction; memory from `arena`. */
tasker_status tk_complete(tk_engine *engine, tk_arena *arena, tk_ending *endings, uint32_t count,
                          int64_t now_us, tk_moved *moved, tasker_error *error);

/* tk_complete in two halves, with the store's sync between them, so that the caller may ask for more in the
 * same journey. What the first is given has to live until the end of the second. */
typedef struct tk_completion tk_completion;
tasker_status tk_complete_ask(tk_engine *engine, tk_arena *arena, tk_ending *endings,
                              uint32_t count, int64_t now_us, tk_moved *moved,
                              tk_completion **asked, tasker_error *error);
tasker_status tk_complete_answer(tk_completion *asked, tasker_error *error); /* NULL: nothing */

/* Gives unstarted steps back, within the caller's transaction: no attempt is recorded, and the step keeps
 * its place in time. First it locks their tasks and those of the `ending_count` endings which follow in the
 * transaction: two rounds of locks, each sorted, could deadlock with another's. returned[i]=false: the
 * lease was gone. */
tasker_status tk_leases_return(tk_engine *engine, tk_arena *arena, const tk_lease_row *leases,
                               tk_ready_row *readies, uint32_t count, const tk_ending *endings,
                               uint32_t ending_count, bool *returned, tasker_error *error);

/* --- advance.c -------------------------------------------------------------------------------- */

/* tk_advance does what tk_complete does, without an answer, when it can: *sent. Then the transaction has
 * a CONFLICT, at its commit at the latest, unless all was as expected; nothing happened, and tk_complete
 * is to do it. */
tasker_status tk_advance(tk_engine *engine, tk_arena *arena, tk_ending *endings, uint32_t count,
                         int64_t now_us, tk_moved *moved, bool *sent, tasker_error *error);

/* --- abandon.c: claims that cannot end as they should ----------------------------------------- */

/* tk_status_refused: what is stored does not allow it, and will not the next time. */
static inline bool tk_status_refused(tasker_status status) {
    return status == TASKER_CONFLICT || status == TASKER_NOTFOUND || status == TASKER_INVALID ||
           status == TASKER_UNSUPPORTED;
}

/* tk_lease_abandon ends a claim as `lost` under a number above all others; with `only_gone` it takes
 * the lease away and nothing else. Drops whatever other place the step has. Within the caller's WRITE
 * transaction; a claim that is over already is OK. */
tasker_status tk_lease_abandon(tk_engine *engine, tk_arena *arena, const tk_lease_row *lease,
                               bool only_gone, tasker_error *error);

/* tk_lease_give_up does the first, and where it is refused the second, and logs it with the reason.
 * Own transactions. */
tasker_status tk_lease_give_up(tk_engine *engine, const tk_lease_row *lease, const char *why,
                               tasker_error *error);

/* tk_lease_log tells that a claim was abandoned. */
void tk_lease_log(const tk_engine *engine, const tk_lease_row *lease, bool only_gone,
                  const char *why);

/* --- claim.c ---------------------------------------------------------------------------------- */

/* What a worker can run. */
typedef struct tk_skill {
    const int32_t *queues; /* name ids of the namespaces; count 0: every one */
    uint32_t queue_count;
    const int32_t *handlers; /* name ids of the callables */
    uint32_t handler_count;
    uint32_t rotation; /* whose turn it is among the namespaces */
} tk_skill;

/* tk_skill_has: it can run steps of this namespace and callable. */
bool tk_skill_has(const tk_skill *skill, int32_t queue, int32_t handler);

/* tk_claim_plan turns the heads of the queue into wants: namespaces take turns, within one the
 * priority (plus 0.1 per hour waited) decides, within that the age. Pure. *wants from the arena;
 * *top_class: the highest class that has work for us, INT32_MIN when none.
 * false: out of memory. */
bool tk_claim_plan(tk_arena *arena, const tk_head *heads, uint32_t head_count,
                   const tk_skill *skill, uint32_t slots, int64_t now_us, tk_want **wants,
                   uint32_t *want_count, int32_t *top_class);

/* --- cancel.c, resolve.c: what people do. Own transactions ------------------------------------ */

tasker_status tk_task_cancel(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                             tasker_error *error);
tasker_status tk_task_fail(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                           tasker_error *error);
tasker_status tk_task_resolve(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                              tasker_error *error);
tasker_status tk_task_retry(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                            tasker_error *error);
tasker_status tk_step_retry(tk_engine *engine, const tk_uuid *step, const tasker_act *act,
                            tasker_error *error);

/* tk_step_by_hand resolves (kind TK_OUTCOME_RESOLVED) or completes (TK_OUTCOME_COMPLETED) a step;
 * `result` is checked JSON, or data NULL when none was given. */
tasker_status tk_step_by_hand(tk_engine *engine, const tk_uuid *step, int32_t kind, tk_str result,
                              const tasker_act *act, tasker_error *error);

/* --- rerun.c ---------------------------------------------------------------------------------- */

/* tk_task_rerun as tasker_task_rerun. Own transactions. */
tasker_status tk_task_rerun(tk_engine *engine, const tk_uuid *task, tk_str given,
                            const tasker_act *act, tk_buf *answer, tasker_error *error);

/* --- sweep.c ---------------------------------------------------------------------------------- */

#define TK_RECOVER_LEASES 64 /* per transaction */

/* tk_recover ends the leases of a dead worker (`lost`, tried again without backoff) and removes its
 * row; a transaction per TK_RECOVER_LEASES. `beat` is the number at which it was judged dead: if it
 * has moved on, nothing happens and *done is false. Leases that cannot be ended are abandoned; those of
 * templates that this build cannot read stay, with the row, and *done is false. */
tasker_status tk_recover(tk_engine *engine, int32_t worker, int64_t beat, bool *done,
                         tasker_error *error);

/* tk_recover_own ends the leases that a worker claimed while its row was taken away by who took it for
 * dead: nobody else looks for them. */
tasker_status tk_recover_own(tk_engine *engine, int32_t worker, tasker_error *error);

/* tk_recover_all does so for every worker row; for a store that nobody else works on. */
tasker_status tk_recover_all(tk_engine *engine, tasker_error *error);

/* --- reading: query.c query_task.c history.c check.c. Own READ transactions ------------------- */

tasker_status tk_query(tk_engine *engine, tasker_query_kind kind, tk_str filter, tk_buf *answer,
                       tasker_error *error);

/* tk_query_task writes the JSON of one task (contract 7.4's TaskResponse, 5.3, 5.4) within the open
 * transaction. *resting: complete, cancelled, error, resolved or blocked. */
tasker_status tk_query_task(tk_engine *engine, tk_arena *arena, const tk_uuid *id, tk_buf *answer,
                            bool *resting, tasker_error *error);

/* tk_history writes the JSON array of TASKER_QUERY_HISTORY within the open transaction. */
tasker_status tk_history(tk_engine *engine, tk_arena *arena, const tk_uuid *id, tk_buf *answer,
                         tasker_error *error);

/* One broken rule. */
typedef struct tk_problem {
    const char *rule; /* a short name, "results-once" */
    bool has_task;
    tk_uuid task;
    const char *detail;
} tk_problem;

#define TK_PROBLEMS_MAX 1000

typedef struct tk_check {
    tk_arena arena;
    tk_problem *problems;
    uint32_t count;
    uint64_t tasks, attempts;
} tk_check;

/* tk_check_store checks the database's integrity and, from the ledger alone, what the README promises:
 * see check.c for the list. `at_rest`: nothing may be open any more (every task ended or blocked, no
 * lease, no ready, no later). OK also with problems. */
tasker_status tk_check_store(tk_engine *engine, bool at_rest, tk_check *check, tasker_error *error);
void tk_check_release(tk_check *check);

/* --- small things the verbs share: verb.c ----------------------------------------------------- */

/* tk_state_mark_row views a state row as a progress (same bytes) and back. */
tk_progress tk_state_progress(const tk_state_row *row);
void tk_state_apply(tk_state_row *row, const tk_progress *progress, int64_t now_us);

/* tk_ready_of makes the ready row of a step. */
tk_ready_row tk_ready_of(const tk_known *known, const tk_uuid *task, uint32_t step, int32_t class,
                         int32_t attempts, int64_t enqueued_us);

/* What an idempotency key that a caller gave begins with in the store; others are made of contexts. */
#define TK_IDENTITY_GIVEN "k:"

/* tk_ids_sort puts ids into the order of locks, each once; returns how many are left. tk_ids_find is the
 * place of one that is there. */
uint32_t tk_ids_sort(tk_uuid *ids, uint32_t count);
uint32_t tk_ids_find(const tk_uuid *ids, uint32_t count, const tk_uuid *id);

/* tk_task_mark_resting: anything but running. */
bool tk_task_mark_resting(int32_t mark);

/* tk_verb_missing is NOTFOUND, with the id. */
tasker_status tk_verb_missing(const tk_uuid *task, tasker_error *error);

/* tk_verb_lock reads and locks one task; NOTFOUND when there is none. */
tasker_status tk_verb_lock(tk_engine *engine, tk_arena *arena, const tk_uuid *task,
                           tk_state_row *state, tasker_error *error);

/* tk_verb_date is the moment for what is written of a locked task: now, but not before what was written
 * of it, nor before a claim of it, by whatever clock. */
tasker_status tk_verb_date(tk_engine *engine, tk_arena *arena, const tk_state_row *state,
                           int64_t *date_us, tasker_error *error);

/* tk_verb_sound holds a task's state against its template before a verb works on it: CONFLICT when they
 * cannot belong together, or when an event of `step` (TK_ACT_NO_STEP: of none) cannot be applied. */
tasker_status tk_verb_sound(const tk_uuid *task, const tk_progress *progress,
                            const tk_template *template, int32_t step, tasker_error *error);

/* tk_verb_known finds the template and the priority of a task. */
tasker_status tk_verb_known(tk_engine *engine, tk_arena *arena, const tk_uuid *task,
                            const tk_known **known, int32_t *class, tasker_error *error);

/* tk_verb_act makes the record of a deed, dated now. */
tk_act_row tk_verb_act(tk_engine *engine, const tk_uuid *task, tk_act_kind kind, int32_t step,
                       const tasker_act *act);

/* tk_verb_save writes a task's new state, the act that made it (and that it is blocked by it), and the
 * change of its count. */
tasker_status tk_verb_save(tk_engine *engine, const tk_known *known, tk_state_row *state,
                           const tk_progress *progress, tk_act_row *row, tasker_error *error);

/* tk_verb_finish ends the open transaction: commits and tells who waits when `status` is OK, else
 * rolls back. Returns the status that stands. */
tasker_status tk_verb_finish(tk_engine *engine, tasker_status status, tasker_error *error);

/* tk_error_json writes what attempt.error keeps: {"message","error_type","error_code","backtrace",
 * "retryable"}; bounded by TASKER_ERROR_BYTES_MAX, any bytes are fine. */
void tk_error_json(tk_buf *buf, tk_str message, tk_str type, tk_str code, tk_str backtrace,
                   bool retryable);

/* TK_ERROR_TEXT is the same of two literals, for endings that must not need memory. */
#define TK_ERROR_TEXT(message, type)                                                               \
    TK_STR("{\"message\":\"" message "\",\"error_type\":\"" type                                   \
           "\",\"error_code\":null,\"backtrace\":null,\"retryable\":true}")

/* --- prune.c ---------------------------------------------------------------------------------- */

/* tk_prune_store as tasker_store_prune. Own transactions. */
tasker_status tk_prune_store(tk_engine *engine, const tasker_prune_options *options, tk_buf *report,
                             tasker_error *error);

#endif
