/*
 * tasker.h - the whole public interface of libtasker, a durable workflow engine.
 *
 *   a store URL ── tasker_open ──► handle ──┬─ templates: check, put
 *                                           ├─ tasks:     submit, wait, cancel, resolve, fail
 *                                           ├─ steps:     retry, resolve, complete
 *                                           ├─ reading:   tasker_query
 *                                           └─ worker:    open, start, next ─► handler ─► complete
 *
 * Rules that hold for every function here:
 *
 * - Handles are opaque. A `tasker` may be used by any number of threads at once; so may a
 *   `tasker_worker`, except that tasker_worker_turn() is for one thread and for workers that were
 *   not started.
 * - What you pass in is borrowed for the call. What is handed out is one object with one free.
 * - Texts are UTF-8. JSON is strict (RFC 8259), numbers of any size are kept as written.
 * - Failure is told by the return value; `error` (may be NULL) is written on failure only.
 * - After fork() a handle answers TASKER_FORKED in the child, which may only drop it.
 * - "Blocks" means: on the disk or the database. Call such functions without the GVL or the GIL.
 */
#ifndef TASKER_H
#define TASKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TASKER_API __attribute__((visibility("default")))
#else
#define TASKER_API
#endif

#define TASKER_VERSION "0.1.0"

/* Limits. Sizes are in bytes of JSON text. */
#define TASKER_CONTEXT_BYTES_MAX (1024 * 1024)
#define TASKER_RESULT_BYTES_MAX (1024 * 1024)
#define TASKER_ERROR_BYTES_MAX (64 * 1024)
#define TASKER_JSON_DEPTH_MAX 128
#define TASKER_TEMPLATE_BYTES_MAX (1024 * 1024)
#define TASKER_STEPS_MAX 4096
#define TASKER_NAME_BYTES_MAX 128
#define TASKER_SUBMIT_TASKS_MAX 10000
#define TASKER_SLOTS_MAX 1024
#define TASKER_UUID_SIZE 37 /* 36 characters and a NUL */

/* --- status ----------------------------------------------------------------------------------- */

/* The one list of outcomes: the enum, the texts and every binding's exceptions come from it.
 *    C name      class        code  may the same call work later?  text */
/* clang-format off */
#define TASKER_STATUS_MAP(X)                                                                       \
    X(OK,         Ok,            0,  0, "ok")                                                      \
    X(INVALID,    Invalid,      -1,  0, "an argument or a document can never be right")            \
    X(NOTFOUND,   NotFound,     -2,  0, "no such object")                                          \
    X(CONFLICT,   Conflict,     -3,  0, "the object's state does not allow it")                    \
    X(LOST,       Lost,         -4,  0, "the claim was taken back; the step is not this worker's") \
    X(TIMEOUT,    TimedOut,     -5,  1, "the time given is over")                                  \
    X(BUSY,       Busy,         -6,  1, "another process or thread holds what is needed")          \
    X(CLOSED,     Closed,       -7,  0, "the worker is stopping or stopped")                       \
    X(STORE,      Store,        -8,  1, "the store failed")                                        \
    X(NOMEM,      NoMemory,     -9,  1, "out of memory")                                           \
    X(FORKED,     Forked,      -10,  0, "the handle was opened in another process")                \
    X(UNSUPPORTED, Unsupported, -11, 0, "this build or store cannot do it")
/* clang-format on */

typedef enum tasker_status {
#define X(name, class_name, code, retry, text) TASKER_##name = (code),
    TASKER_STATUS_MAP(X)
#undef X
} tasker_status;

#define TASKER_MESSAGE_MAX 512
#define TASKER_PATH_MAX 256

/* What went wrong, where, and what to do next. The caller's; written on failure only. */
typedef struct tasker_error {
    tasker_status status;
    char message[TASKER_MESSAGE_MAX]; /* one sentence, no line break, ends without a full stop */
    char path[TASKER_PATH_MAX];       /* place in the input, "$.context.items[2].price", or "" */
} tasker_error;

/* tasker_version returns the library's version, "1.2.3"; static. */
TASKER_API const char *tasker_version(void);

/* tasker_status_name returns "ok", "invalid", …, the lower-case name of a status; static.
 * A number that is no status gives "unknown". */
TASKER_API const char *tasker_status_name(tasker_status status);

/* tasker_status_text returns the sentence that belongs to a status; static. */
TASKER_API const char *tasker_status_text(tasker_status status);

/* --- texts ------------------------------------------------------------------------------------ */

/* Bytes that somebody else owns; not NUL-terminated. An empty one is {NULL, 0}. */
typedef struct tasker_bytes {
    const char *data;
    size_t size;
} tasker_bytes;

/* A text that the library hands out, NUL-terminated (size does not count it).
 * Release it with tasker_text_free(). */
typedef struct tasker_text {
    char *data;
    size_t size;
} tasker_text;

/* tasker_text_free releases a text and empties it; an empty text is fine. */
TASKER_API void tasker_text_free(tasker_text *text);

/* --- handle ----------------------------------------------------------------------------------- */

typedef struct tasker tasker;
typedef struct tasker_worker tasker_worker;

typedef enum tasker_log_level {
    TASKER_LOG_ERROR = 0,
    TASKER_LOG_WARN = 1,
    TASKER_LOG_INFO = 2,
    TASKER_LOG_DEBUG = 3
} tasker_log_level;

/* Receives the library's log lines; called by any thread, must not call the library. */
typedef void (*tasker_log_fn)(void *user, tasker_log_level level, const char *line);

typedef struct tasker_options {
    size_t size;             /* sizeof(tasker_options) */
    const char *environment; /* whose template overrides apply; NULL: $TASKER_ENV, "development" */
    bool read_only;          /* no change is made, a missing store is an error */
    bool must_exist;         /* do not create a missing store */
    bool migrate;            /* bring older tables up to date; without it they are refused */
    tasker_log_fn log;       /* NULL: warnings and errors go to standard error */
    void *log_user;
} tasker_options;

/* tasker_open opens a store, creating its tables where they are missing.
 *
 *   url      "sqlite:FILE", "sqlite::memory:" (lives as long as the handle) or "postgres://…"
 *   options  NULL for the defaults
 *   *handle  the caller's; release with tasker_close()
 *
 * Returns OK, INVALID (url), NOTFOUND (must_exist), UNSUPPORTED (no such store in this build; the
 * store was written by a newer version, or by an older one and `migrate` is not set; it belongs to another
 * program), STORE, NOMEM. Blocks. */
TASKER_API tasker_status tasker_open(const char *url, const tasker_options *options,
                                     tasker **handle, tasker_error *error);

/* tasker_close releases a handle; its workers must be closed before. NULL is fine. */
TASKER_API void tasker_close(tasker *handle);

/* --- templates -------------------------------------------------------------------------------- */

/* tasker_template_check reads one template (YAML) without a store.
 *
 *   name     for messages: the file's name
 *   *report  JSON: {"valid":bool,"name":…,"namespace":…,"version":…,"steps":n,
 *            "errors":[{"file","line","column","path","message"}],"warnings":[the same]}
 *
 * Returns OK (a template with errors too: see "valid"), NOMEM. */
TASKER_API tasker_status tasker_template_check(tasker_bytes yaml, const char *name,
                                               const char *environment, tasker_text *report,
                                               tasker_error *error);

/* tasker_template_put registers one template; a text already known makes no new revision but
 * becomes the current one.
 *
 *   *report  as of tasker_template_check, with "template_id" and "revision"; may be NULL
 *
 * Returns OK, INVALID (error->message is the first error, with its line and column), STORE,
 * NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_template_put(tasker *handle, tasker_bytes yaml, const char *name,
                                             tasker_text *report, tasker_error *error);

/* tasker_template_put_directory registers every *.yml and *.yaml below a directory. One bad file
 * does not stop the others.
 *
 *   path     NULL: found by the rules of contract 1.7 (TASKER_TEMPLATE_PATH, WORKSPACE_PATH, …)
 *   *report  JSON: {"directory":…,"files":n,"registered":n,"failed":n,"templates":[reports]}
 *
 * Returns OK (look at "failed"), NOTFOUND (no such directory), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_template_put_directory(tasker *handle, const char *path,
                                                       tasker_text *report, tasker_error *error);

/* tasker_template_outline says which handlers templates name, so that a host can load them. It needs
 * no store, and also tells what a template names that has errors.
 *
 *   path      a file, or a directory (every *.yml and *.yaml below it); NULL: found as above
 *   *outline  JSON: {"path":…,"templates":[{"file","name","namespace","version","description",
 *             "callables":[…],"error"}]}; what a template lacks is null, error says why a file
 *             could not be read; callables are in the template's order, as often as it names them
 *
 * Returns OK (look at "error"), NOTFOUND (no directory was found, or it cannot be read), INVALID
 * (more files than can be), NOMEM. Blocks. */
TASKER_API tasker_status tasker_template_outline(const char *path, tasker_text *outline,
                                                 tasker_error *error);

/* --- tasks ------------------------------------------------------------------------------------ */

/* tasker_submit creates tasks. When it has returned OK they survive any crash.
 *
 *   request  JSON: one request {"name","namespace","version"?,"context", …} or an array of up to
 *            TASKER_SUBMIT_TASKS_MAX of them, created all or none. Further members: "priority"
 *            (-100..100), "tags", "initiator", "source_system", "reason", "correlation_id",
 *            "parent_correlation_id", "idempotency_key", "bypass_steps" (names), "run_at"
 *            (RFC 3339) or "delay" (seconds). The whole request has at most 64 MiB.
 *   *answer  JSON, an object for an object and an array for an array: {"task_uuid","status":
 *            "created","created_at","step_count","step_mapping":{name:uuid},
 *            "handler_config_name","known":bool,"context_differs":bool}
 *
 * Returns OK, INVALID (error->path names the member), NOTFOUND (no such template), CONFLICT (a
 * duplicate under the `strict` identity strategy), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_submit(tasker *handle, tasker_bytes request, tasker_text *answer,
                                       tasker_error *error);

/* tasker_submit_plan plans a submission that an application runs on a connection of its own, within its
 * own transaction: the tasks exist exactly if that transaction commits. PostgreSQL only, and the
 * connection is to the store's database. It takes two calls:
 *
 *   1. found is empty. Run the statements in their order, each with its parameters as texts, and keep
 *      the rows of each. One plan without "begun" (it has "answer") is the whole of it.
 *   2. found is {"begun": as the first plan has it, "rows": [the rows of each statement]}, a row being
 *      an array of texts and nulls. Run the statements; "answer" is what tasker_submit() answers.
 *
 * The caller sets a savepoint before the first statement and rolls back to it when a statement or the
 * second call fails: then nothing has happened. Templates have to be registered before. Workers are
 * told when the transaction commits.
 *
 *   *plan  JSON: {"statements":[{"sql":"… $1 …","params":[text, …]}], "begun":{…} or "answer":…}
 *
 * Returns as tasker_submit(), and UNSUPPORTED (the store is no PostgreSQL), INVALID also when the rows
 * are not those of the plan, or are of another database. Blocks, but not on the application's
 * connection. */
TASKER_API tasker_status tasker_submit_plan(tasker *handle, tasker_bytes request,
                                            tasker_bytes found, tasker_text *plan,
                                            tasker_error *error);

/* tasker_task_wait waits until a task rests (complete, cancelled, error, resolved_manually or
 * blocked_by_failures) and answers what tasker_query(TASKER_QUERY_TASK) would.
 *
 *   timeout_ms  0 looks once, -1 waits for ever
 *
 * Returns OK, TIMEOUT (*task is what it is now), NOTFOUND, INVALID (uuid), STORE, NOMEM, FORKED.
 * Blocks. */
TASKER_API tasker_status tasker_task_wait(tasker *handle, const char *task_uuid, int64_t timeout_ms,
                                          tasker_text *task, tasker_error *error);

/* Who acts, and why; kept in the task's history. Either may be NULL. */
typedef struct tasker_act {
    const char *actor;
    const char *reason;
} tasker_act;

/* tasker_task_cancel ends a task; once it has returned OK no step of it is claimed, and what a
 * running handler returns is refused. A cancelled task is OK again.
 * Returns OK, NOTFOUND, INVALID, CONFLICT (it has ended otherwise), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_task_cancel(tasker *handle, const char *task_uuid,
                                            const tasker_act *act, tasker_error *error);

/* tasker_task_resolve declares a blocked task done by hand: every open step becomes
 * resolved_manually, the task too. Returns as tasker_task_cancel. Blocks. */
TASKER_API tasker_status tasker_task_resolve(tasker *handle, const char *task_uuid,
                                             const tasker_act *act, tasker_error *error);

/* tasker_task_fail gives a task up: its open steps are cancelled, its state is error.
 * Returns as tasker_task_cancel. Blocks. */
TASKER_API tasker_status tasker_task_fail(tasker *handle, const char *task_uuid,
                                          const tasker_act *act, tasker_error *error);

/* tasker_task_retry makes all failed steps of a task ready again, as tasker_step_retry does with one:
 * together, with an act for each.
 * Returns as tasker_task_cancel; CONFLICT: no step has failed, or the task has ended. Blocks. */
TASKER_API tasker_status tasker_task_retry(tasker *handle, const char *task_uuid,
                                           const tasker_act *act, tasker_error *error);

/* tasker_task_rerun makes a new task of the same template and version as an old one, whatever became of
 * that: with its priority, tags, bypassed steps and correlation id, and its own id as
 * parent_correlation_id. Who acts is the new task's initiator, why its reason.
 *
 *   context  JSON object, or empty: as it was. Members that the template hides and that still are
 *            "[redacted]" keep their old value
 *   *answer  as of tasker_submit; may be NULL
 *
 * Returns as tasker_submit, and NOTFOUND (no such task). Blocks. */
TASKER_API tasker_status tasker_task_rerun(tasker *handle, const char *task_uuid,
                                           tasker_bytes context, const tasker_act *act,
                                           tasker_text *answer, tasker_error *error);

/* tasker_step_retry makes a failed (or waiting) step ready again, with all its attempts.
 * Returns OK, NOTFOUND, INVALID, CONFLICT (the step is neither), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_step_retry(tasker *handle, const char *step_uuid,
                                           const tasker_act *act, tasker_error *error);

/* tasker_step_resolve declares a step done by hand (resolved_manually); the task goes on.
 *
 *   result  JSON that children will see, or empty for null. On a complete step a new result is
 *           taken only while no child of it was claimed; a running step loses its claim.
 *
 * Returns as tasker_step_retry. Blocks. */
TASKER_API tasker_status tasker_step_resolve(tasker *handle, const char *step_uuid,
                                             tasker_bytes result, const tasker_act *act,
                                             tasker_error *error);

/* tasker_step_complete records a result for an open step as if its handler had returned it.
 * Returns as tasker_step_retry. Blocks. */
TASKER_API tasker_status tasker_step_complete(tasker *handle, const char *step_uuid,
                                              tasker_bytes result, const tasker_act *act,
                                              tasker_error *error);

/* --- reading ---------------------------------------------------------------------------------- */

typedef enum tasker_query_kind {
    TASKER_QUERY_TASK = 1, /* {"task_uuid"}: the task, its execution context, its steps */
    TASKER_QUERY_TASKS, /* {"namespace","name","version","state","tag","correlation_id","initiator",
                               "source_system","idempotency_key","created_after","created_before"
                               (RFC 3339), "limit" or "per_page" (1..1000, 50), "after" (a cursor) or
                               "page" (from 1; up to 10,000 tasks)}: newest first:
                               {"tasks":[…],"next":cursor or null,"pagination":{"page" (null behind a
                               cursor),"per_page","total_count","total_exact","total_pages",
                               "has_next","has_previous"}}. A state is one of the 12 or an execution
                               status; those computed from the steps (waiting_for_retry, processing, …)
                               all mean "running". A list looks at so many tasks and no more: it may
                               have fewer than asked for, or none, and go on at "next". The total is
                               exact by namespace, template and state, else counted up to 10,000 within
                               the same bounds: total_exact says whether that was all */
    TASKER_QUERY_STEPS, /* {"task_uuid"}: [step with readiness] */
    TASKER_QUERY_STEP,  /* {"step_uuid"}: one of them, with its attempts */
    TASKER_QUERY_HISTORY,   /* {"task_uuid"}: [{"at","entity" ("task" or "step"),"step","from","to",
                               "event","attempt","worker","actor","reason","error"}] */
    TASKER_QUERY_COUNTS,    /* {"namespace","name"}: tasks by state, steps ready, running, later */
    TASKER_QUERY_TEMPLATES, /* {"namespace","name"}: current revisions */
    TASKER_QUERY_TEMPLATE,  /* {"namespace","name","version"}: one, with its steps */
    TASKER_QUERY_WORKERS,   /* {}: what each worker is and runs */
    TASKER_QUERY_EVENTS, /* {"after" (a cursor, "now"; none: the beginning), "task_uuid","namespace",
                               "kind" ("task", "attempt", "act"), "limit" (1..1000, 100)}: what was
                               recorded behind the cursor, in the order of the record, none left out:
                               {"events":[{"id": its cursor,"kind", the members of docs/http.md}],
                               "next": the cursor to go on with,"more": ask again at once} */
    TASKER_QUERY_WHY,    /* {"task_uuid"} or {"step_uuid"}: what open steps wait for, when they will
                               move, and what to do; members as in docs/http.md */
    TASKER_QUERY_STORE, /* {}: what the store is and how it does: {"kind","url" (no password),"version",
                               "schema":{"have","want"},"clock_skew_ms" (the server's clock ahead of this
                               one; null: it has none),"size_bytes","log_bytes" (SQLite's),
                               "recorded_since","tables":[{"name","rows","dead","bytes"}] (estimates; of
                               PostgreSQL),"period","portions":[names],"upkeep":{"at","by",
                               "tables_skipped","why"} or null,"workers":[{"worker","beat"}],
                               "oldest_ready_at","stuck":[{"what":"no_worker","namespace","callable",
                               "ready","oldest_at"} | {"what":"lost_worker","worker","name",
                               "started_at"}]} */
    TASKER_QUERY_ANALYTICS /* {"minutes" (1..10080, 60),"portions" (1..240, 60),"namespace","name","limit"
                               (1..100, 10),"min_executions" (1.., 10)}: rates and latencies of that time,
                               older than 6 hours by the hour: {"from","to","portion_seconds","since" (when
                               recording began),"portions":[{"at","submitted","completed" (tasks),"steps",
                               "failed_steps" (attempts that ended, and of them badly),"task_ms":{"p50",
                               "p95","p99"} or null,"step_ms" (they ran),"wait_ms" (they waited)}],"total":
                               {the same},"slow_steps":[{"namespace","name","version","step","steps",
                               "failed_steps","error_rate","step_ms","wait_ms"}] (by p95),"failing_steps":
                               [the same] (by their number)}. A quantile is within 10 % of the truth; what
                               workers did is there after a second */
} tasker_query_kind;

/* tasker_query reads. Members of `filter` that a kind does not name are ignored; an empty filter
 * is {}. Returns OK, INVALID (error->path), NOTFOUND, STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_query(tasker *handle, tasker_query_kind kind, tasker_bytes filter,
                                      tasker_text *answer, tasker_error *error);

/* tasker_store_check checks the store's integrity and every invariant of the ledger.
 *   *report  JSON: {"ok":bool,"tasks":n,"attempts":n,"problems":[{"rule","task_uuid","detail"}]}
 * Returns OK (look at "ok"), STORE, NOMEM, FORKED. Blocks, and reads everything. */
TASKER_API tasker_status tasker_store_check(tasker *handle, tasker_text *report,
                                            tasker_error *error);

/* --- upkeep ----------------------------------------------------------------------------------- */

/* Told how far a long work is, some times a second or more often, by the thread that waits for it:
 * `done` of `total` (0: unknown). False gives it up. */
typedef bool (*tasker_progress_fn)(void *user, int64_t done, int64_t total);

typedef struct tasker_migrate_options {
    size_t size;              /* sizeof(tasker_migrate_options) */
    const char *runtime_role; /* PostgreSQL: whose rights are set; NULL: as they were */
    const char *period;       /* PostgreSQL: "week", "month" or "none"; NULL: as it was */
    bool print;               /* only tell the statements that set the rights */
} tasker_migrate_options;

/* tasker_store_migrate makes a store's tables, or brings older ones up to date, step by step, each in
 * one transaction; on PostgreSQL it makes the portions of the time to come as well. Again: no change.
 *
 *   options  NULL for none
 *   *report  JSON: {"from":n (0: there were none),"to":n,"portions_made":n,"statements":[SQL]}
 *
 * Returns OK, INVALID (url, period, role), NOTFOUND (no such role or database), UNSUPPORTED (newer
 * tables, another program's, no UTF-8; roles or periods on SQLite), STORE, NOMEM. Blocks. */
TASKER_API tasker_status tasker_store_migrate(const char *url,
                                              const tasker_migrate_options *options,
                                              tasker_text *report, tasker_error *error);

typedef struct tasker_prune_options {
    size_t size;           /* sizeof(tasker_prune_options) */
    int64_t older_than_ms; /* goes: what was submitted, and last changed, so long ago; at least 0 */
    bool dry_run;          /* nothing goes, all is told */
    tasker_progress_fn tell; /* `done` is the tasks that went; may be NULL */
    void *user;
} tasker_prune_options;

/* tasker_store_prune takes ended tasks away with all that belongs to them: states, attempts, acts,
 * idempotency keys, counts. Open tasks (running, or blocked by failures) are never touched. Works
 * beside workers, in short transactions. On PostgreSQL whole portions are dropped when all in them
 * is over, and the portions of the time to come are made: the tables' owner has to call it.
 *
 *   *report  JSON: {"dry_run":bool,"before":time,"tasks":n,"identities":n,"kept":n,
 *            "portions":[{"portion":"20261102","dropped":bool,"tasks":n,"kept":n}],
 *            "portions_made":n}; "kept" counts tasks that stay although they are old
 *
 * Returns OK, INVALID (older_than_ms), CLOSED (`tell` ended it; what went is gone), UNSUPPORTED (a
 * handle that only reads), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_store_prune(tasker *handle, const tasker_prune_options *options,
                                            tasker_text *report, tasker_error *error);

/* tasker_store_backup copies the store as it is now into a new file, while workers and submitters go
 * on. The copy is a store as any other: open it to look, or put it in the place of a lost one.
 *
 *   path     a name that is free; it appears when the copy is whole and on the disk, and not before
 *   copied   `done` and `total` are pages; may be NULL
 *   *report  JSON: {"path","bytes":n}
 *
 * Returns OK, INVALID (the name is taken), NOTFOUND (no such folder), CLOSED (copied said false),
 * UNSUPPORTED (a store on PostgreSQL: use pg_dump), STORE (nothing is left at path), NOMEM, FORKED.
 * Blocks, and reads everything; a SQLite store's log grows until it ends. */
TASKER_API tasker_status tasker_store_backup(tasker *handle, const char *path,
                                             tasker_progress_fn copied, void *user,
                                             tasker_text *report, tasker_error *error);

/* --- keys of the HTTP server ------------------------------------------------------------------- */

/* What a key may be allowed to do; "tasks:*" and the like stand for all of one resource. */
/* clang-format off */
#define TASKER_PERMISSION_MAP(X)                                                                   \
    X("tasks:create") X("tasks:list") X("tasks:read") X("tasks:cancel") X("tasks:context_read")    \
    X("steps:read") X("steps:resolve")                                                             \
    X("templates:read") X("templates:validate") X("templates:write")                               \
    X("system:handlers_read") X("system:workers_read") X("system:config_read")                     \
    X("system:analytics_read")
/* clang-format on */

/* tasker_key_create makes a key. Its secret is "tsk_" and 64 hexadecimal digits (256 random bits); the
 * store keeps only its SHA-256, so this answer is the one place where it can be read. On PostgreSQL the
 * tables' owner has to call it: the role that runs may read keys and cannot make them.
 *
 *   request  JSON: {"name","permissions":[words],"namespace"?}; no two keys in force share a name
 *   act      who and why, kept with the key; may be NULL
 *   *key     JSON: {"id":n,"name","permissions":[…],"namespace" or null,"created_at","secret"}
 *
 * Returns OK, INVALID (error->path; of a permission that is none the message lists all), CONFLICT (the
 * name), UNSUPPORTED (no libcrypto on this machine; a handle that only reads), STORE, NOMEM, FORKED.
 * Blocks. */
TASKER_API tasker_status tasker_key_create(tasker *handle, tasker_bytes request,
                                           const tasker_act *act, tasker_text *key,
                                           tasker_error *error);

/* tasker_key_list tells all keys, also the revoked ones, by number.
 *   *keys  JSON: [{"id","name","permissions","namespace","created_at","created_by","created_reason",
 *          "revoked_at" (null: in force),"revoked_by","revoked_reason"}]
 * Returns OK, STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_key_list(tasker *handle, tasker_text *keys, tasker_error *error);

/* tasker_key_revoke ends a key for good; its row stays.
 *   name  of a key in force, or its number
 * Returns OK, INVALID, NOTFOUND, CONFLICT (revoked before), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_key_revoke(tasker *handle, const char *name, const tasker_act *act,
                                           tasker_error *error);

/* tasker_key_find finds the key that a secret belongs to, also a revoked one.
 *   *key  JSON: {"id","name","permissions":[…],"namespace" or null,"revoked":bool}
 * Returns OK, NOTFOUND, UNSUPPORTED (no libcrypto), STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_key_find(tasker *handle, tasker_bytes secret, tasker_text *key,
                                         tasker_error *error);

/* --- worker ----------------------------------------------------------------------------------- */

/* What an ancestor of a step left behind. Lives as long as the step. */
typedef struct tasker_dependency {
    const char *name; /* the step's name in the template */
    char step_id[TASKER_UUID_SIZE];
    tasker_bytes result;   /* JSON */
    tasker_bytes metadata; /* JSON object, or empty */
    int64_t finished_at_us;
    bool by_hand;
} tasker_dependency;

/* One claimed step. Every pointer in it lives until tasker_step_free(). Times are microseconds
 * since 1970 UTC. */
typedef struct tasker_step {
    char event_id[TASKER_UUID_SIZE]; /* names this claim; every later call about it takes it */
    char task_id[TASKER_UUID_SIZE];
    char step_id[TASKER_UUID_SIZE]; /* the same in every attempt: an idempotency key */
    const char *namespace_name;
    const char *task_name;
    const char *task_version;
    const char *step_name;
    const char *callable;
    const char *named_task_id; /* of the template, the same in every store */
    const char *named_step_id; /* of its step, the same in every version */
    uint32_t step_index;       /* the step's number within its template */
    uint32_t attempt;          /* 1 on the first run; never restarts */
    uint32_t attempts_before;  /* claims since the last operator's retry, without this one */
    uint32_t attempts_max;
    bool retryable;
    int32_t priority;
    int64_t timeout_ms;                    /* 0: none */
    tasker_bytes context;                  /* JSON object */
    tasker_bytes inputs;                   /* JSON object, the handler's `initialization` */
    tasker_bytes definition;               /* JSON object of contract 3.5 */
    tasker_bytes task_fields;              /* JSON object: the other members of contract 3.3 */
    tasker_bytes last_failure;             /* JSON object of contract 3.7, or empty */
    const tasker_dependency *dependencies; /* all transitive ancestors, in step order */
    size_t dependency_count;
    int64_t task_created_at_us, enqueued_at_us, claimed_at_us;
    int64_t last_attempted_at_us; /* of the attempt before, or 0 */
} tasker_step;

/* How a step ended. Empty members are fine. What cannot be stored as given (broken UTF-8, NUL, too
 * long) is stored escaped or cut, with a note; a result that is no JSON or too large fails the
 * attempt for good. Metadata that is no JSON object, or too large, is left out with a note in its
 * place; the outcome stands. */
typedef struct tasker_outcome {
    bool ok;
    tasker_bytes result;    /* JSON; empty is null */
    tasker_bytes metadata;  /* JSON object */
    bool retryable;         /* when not ok */
    int64_t retry_after_ms; /* -1: the template's backoff */
    tasker_bytes error_message, error_class, error_code;
    tasker_bytes backtrace; /* lines of text */
} tasker_outcome;

/* A native handler: fills the outcome, whose members must live until the next call on this thread
 * or until it returns a static text. Called without locks; may take as long as it likes. */
typedef void (*tasker_handler_fn)(void *user, const tasker_step *step, tasker_outcome *outcome);

typedef struct tasker_handler {
    const char *callable;
    tasker_handler_fn call; /* NULL: the host takes the step by tasker_worker_next() */
    void *user;
} tasker_handler;

typedef struct tasker_worker_options {
    size_t size;                    /* sizeof(tasker_worker_options) */
    const tasker_handler *handlers; /* what this worker can run */
    size_t handler_count;
    const char *const *namespaces; /* whose steps it takes; none: all */
    size_t namespace_count;
    const char *name; /* for people; NULL: "host:pid" */
    uint32_t threads; /* host threads that will call next; 1..TASKER_SLOTS_MAX; 0 is 5 */
    bool poll_only;   /* no wake-ups, only the bounded waits (deployment mode PollingOnly) */
} tasker_worker_options;

/* tasker_worker_open registers a worker. On SQLite a file has one worker process: a second one is
 * told which (BUSY), and the leases of earlier processes end here (`lost`).
 * Returns OK, INVALID, BUSY, STORE, NOMEM, FORKED. Blocks. */
TASKER_API tasker_status tasker_worker_open(tasker *handle, const tasker_worker_options *options,
                                            tasker_worker **worker, tasker_error *error);

/* tasker_worker_start starts the pump, the worker's one native thread. It never calls the host.
 * Returns OK, INVALID (started before), STORE (no thread), FORKED. */
TASKER_API tasker_status tasker_worker_start(tasker_worker *worker, tasker_error *error);

/* tasker_worker_next takes the next claimed step; its time-out counts from here.
 *
 *   timeout_ms  0 does not wait, -1 waits until there is one or the worker stops
 *   *step       the caller's: after complete or release, tasker_step_free() it
 *
 * Returns OK, TIMEOUT (nothing came; interrupted by tasker_worker_wake), CLOSED (stopping; no more
 * will come), FORKED. With timeout_ms 0 it is a memory operation; else it blocks. */
TASKER_API tasker_status tasker_worker_next(tasker_worker *worker, int64_t timeout_ms,
                                            tasker_step **step, tasker_error *error);

/* tasker_worker_complete hands in how a claimed step ended; the pump saves it with its next turn.
 * A memory operation. Returns OK (taken in; whether it was still wanted is told by the statistics
 * and the log), LOST (already known to be taken back), NOTFOUND (no such claim here), INVALID
 * (event_id), NOMEM, FORKED. */
TASKER_API tasker_status tasker_worker_complete(tasker_worker *worker, const char *event_id,
                                                const tasker_outcome *outcome, tasker_error *error);

/* tasker_worker_extend gives a running step `timeout_ms` more from now before its attempt fails.
 * Returns OK, LOST, NOTFOUND, INVALID, FORKED. */
TASKER_API tasker_status tasker_worker_extend(tasker_worker *worker, const char *event_id,
                                              int64_t timeout_ms, tasker_error *error);

/* tasker_worker_release gives a step back. One that did not begin (started=false) costs no attempt;
 * one that began is recorded as `lost` and counts. A memory operation that needs no memory: what to call
 * when complete answered NOMEM.
 * Returns OK, LOST, NOTFOUND, INVALID, FORKED. */
TASKER_API tasker_status tasker_worker_release(tasker_worker *worker, const char *event_id,
                                               bool started, tasker_error *error);

/* tasker_worker_overdue answers the event id of a step whose time-out has passed while its handler
 * still runs here, once for each: the host may interrupt the handler.
 * Returns OK, NOTFOUND (none now), FORKED. A memory operation. */
TASKER_API tasker_status tasker_worker_overdue(tasker_worker *worker,
                                               char event_id[TASKER_UUID_SIZE],
                                               tasker_error *error);

/* tasker_worker_finished says that the handler of a step that was overdue, cancelled or released
 * has returned, so that its slot is free. complete() does this by itself. Unknown ids are fine. */
TASKER_API void tasker_worker_finished(tasker_worker *worker, const char *event_id);

/* tasker_worker_wake makes one blocked tasker_worker_next() return (TIMEOUT). Any thread; may be
 * called from a Ruby unblock function, not from a signal handler. */
TASKER_API void tasker_worker_wake(tasker_worker *worker);

/* tasker_worker_run hands claimed steps to their native handlers on the calling thread until the
 * worker stops. Returns OK (stopped), FORKED. Blocks. */
TASKER_API tasker_status tasker_worker_run(tasker_worker *worker, tasker_error *error);

/* tasker_worker_turn runs one turn on a worker that was not started: saves what was handed in,
 * beats, recovers a little, claims, so that tasker_worker_next(0) finds it. Call it at least once
 * a second. Returns OK, INVALID (started), CLOSED (stopped), STORE (the next turn tries again),
 * NOMEM, FORKED. Blocks for one transaction. */
TASKER_API tasker_status tasker_worker_turn(tasker_worker *worker, tasker_error *error);

typedef struct tasker_worker_stats {
    size_t size;        /* sizeof(tasker_worker_stats), set by the caller */
    uint64_t claimed;   /* steps */
    uint64_t succeeded; /* outcomes recorded */
    uint64_t failed;
    uint64_t refused; /* outcomes whose claim was no longer current */
    uint64_t turns, turns_failed;
    uint64_t timed_out;
    uint32_t waiting; /* claimed, not yet taken by next() */
    uint32_t running; /* taken by next(), not yet ended */
    uint32_t unsaved; /* ended, not yet in the store */
    bool pump_running;
    char worker_id[TASKER_UUID_SIZE]; /* the number the store knows it by, as text */
    uint64_t upkeeps;         /* rounds of VACUUM that this worker did for all, on PostgreSQL */
    uint64_t upkeeps_skipped; /* tables left out: their right is missing, or they were locked */
} tasker_worker_stats;

/* tasker_worker_stats_read copies the counters. */
TASKER_API void tasker_worker_stats_read(tasker_worker *worker, tasker_worker_stats *stats);

/* tasker_worker_stop stops claiming, gives unstarted steps back, waits up to timeout_ms for running
 * handlers, saves their outcomes, gives the rest back (`lost`) and ends the pump. Again: no effect.
 * Returns OK, TIMEOUT (handlers were still running; all is given back), STORE (what could not be
 * saved is recovered by another worker), FORKED. Blocks up to timeout_ms and one transaction. */
TASKER_API tasker_status tasker_worker_stop(tasker_worker *worker, int64_t timeout_ms,
                                            tasker_error *error);

/* tasker_worker_close stops (with time-out 0) if need be and releases the worker. No other call may
 * be running. NULL is fine. In a forked child it only forgets. */
TASKER_API void tasker_worker_close(tasker_worker *worker);

/* tasker_step_free releases a step. NULL is fine. */
TASKER_API void tasker_step_free(tasker_step *step);

#ifdef __cplusplus
}
#endif

#endif
