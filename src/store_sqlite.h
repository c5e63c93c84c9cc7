/*
 * store_sqlite.h - inside of the SQLite driver; no other file may include it (nor sqlite3.h).
 *
 *   store_sqlite.c         the table, transactions, how a statement is run
 *   store_sqlite_open.c    opening, checking, sharing and closing a store
 *   store_sqlite_file.c    what a file needs among threads and processes: locks, the worker, wake-ups
 *   store_sqlite_backup.c  a copy into a new file while others write
 *   store_sqlite_names.c   names, templates, identities
 *   store_sqlite_rows.c    saving tasks, states, ready, later, leases, attempts, acts, counts
 *   store_sqlite_turn.c    what a turn needs: locks, outcomes, due steps, claims, results
 *   store_sqlite_hand.c    acts by hand, workers
 *   store_sqlite_read.c    readers
 *   store_sqlite_list.c    lists of tasks by a filter
 *   store_sqlite_record.c  the record in its order
 *   store_sqlite_keep.c    taking ended work away
 *   store_sqlite_key.c     keys of the HTTP server
 *
 * How a statement is run: tk_sql_begin, then for each row the parameters in their order, tk_sql_step
 * or tk_sql_run, and tk_sql_end on every path. The first failure stays; after it the rest is a no-op.
 * Parameters are bound without a copy, so what they point to lives until the next step.
 */
#ifndef TK_STORE_SQLITE_H
#define TK_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store.h"

#define TK_SQLITE_SCHEMA_VERSION 4
#define TK_SQLITE_APPLICATION_ID 1413567307 /* "TASK"; also in schema_sqlite.sql */

/* How long a writer waits for the other processes that write into the same file. */
#define TK_SQLITE_BUSY_MS 5000

/* Of the page cache, in KiB; and pages in the log before it is copied into the file. */
#define TK_SQLITE_CACHE_KIB 65536
#define TK_SQLITE_CHECKPOINT_PAGES 4000

/* A page of progress: 256 steps of 3 bytes. */
#define TK_STATE_PAGE_BYTES 768
#define TK_STATE_BYTES_MAX (TASKER_STEPS_MAX * 3)

/* Stored states that a statement knows: a task that runs, and the highest of those that need
 * nobody's attention (1 running, 2 complete). */
#define TK_STATE_RUNNING 1
#define TK_STATE_CALM_MAX 2

/* Problems that integrity() tells of each kind; in a statement. */
#define TK_SQL_PROBLEMS_MAX "100"

/* --- statements ------------------------------------------------------------------------------- */

/* X(NAME, text): prepared when first used, kept until the store is closed. */
/* clang-format off */
#define TK_SQL_MAP(X)                                                                              \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(LEDGER_READ, "SELECT n, seq FROM ledger WHERE one = 1")                                      \
    X(LEDGER_WRITE, "UPDATE ledger SET n = ?, seq = ? WHERE one = 1")                              \
    /* names and templates */                                                                      \
    X(NAME_FIND, "SELECT id FROM name WHERE kind = ? AND text = ?")                                \
    X(NAME_INSERT,                                                                                 \
      "INSERT INTO name (kind, id, text)"                                                          \
      " SELECT ?1, coalesce(max(id), 0) + 1, ?2 FROM name WHERE kind = ?1 RETURNING id")           \
    X(NAME_LIST, "SELECT id, text FROM name WHERE kind = ? ORDER BY id")                           \
    X(TEMPLATE_KNOWN,                                                                              \
      "SELECT step_no, name FROM template_step WHERE template_id IN"                               \
      " (SELECT t.id FROM template t JOIN name s ON s.kind = 1 AND s.id = t.namespace"             \
      "  WHERE s.text = ? AND t.name = ?) ORDER BY step_no")                                       \
    X(TEMPLATE_INSERT,                                                                             \
      "INSERT INTO template (namespace, name, version, revision, created_at, digest, spec)"        \
      " SELECT ?1, ?2, ?3, coalesce(max(revision), 0) + 1, ?4, ?5, ?6 FROM template"               \
      " WHERE namespace = ?1 AND name = ?2 AND version = ?3 RETURNING id, revision")               \
    X(TEMPLATE_STEP_INSERT,                                                                        \
      "INSERT INTO template_step (template_id, step_no, name, ancestors) VALUES (?, ?, ?, ?)")     \
    X(TEMPLATE_USE_NEWEST, /* of its name: used again it needs no row */                           \
      "SELECT u.template_id FROM template w JOIN template t"                                       \
      " ON t.namespace = w.namespace AND t.name = w.name"                                          \
      " JOIN template_use u ON u.template_id = t.id WHERE w.id = ? ORDER BY u.n DESC LIMIT 1")     \
    X(TEMPLATE_USE_INSERT,                                                                         \
      "INSERT INTO template_use (template_id, used_at) SELECT id, ?2 FROM template WHERE id = ?1") \
    X(TEMPLATE_LOAD, TK_SQL_TEMPLATE " WHERE t.id = ?")                                            \
    X(TEMPLATE_FIND, /* an empty version: any */                                                   \
      TK_SQL_TEMPLATE " JOIN template_use u ON u.template_id = t.id"                               \
      " WHERE s.text = ?1 AND t.name = ?2 AND (?3 = '' OR t.version = ?3)"                         \
      " ORDER BY u.n DESC LIMIT 1")                                                                \
    X(TEMPLATE_FIND_DIGEST,                                                                        \
      TK_SQL_TEMPLATE " LEFT JOIN template_use u ON u.template_id = t.id"                          \
      " WHERE s.text = ?1 AND t.name = ?2 AND (?3 = '' OR t.version = ?3) AND t.digest = ?4"       \
      " ORDER BY u.n DESC, t.id DESC LIMIT 1")                                                     \
    X(TEMPLATE_LIST,                                                                               \
      TK_SQL_TEMPLATE " WHERE t.id = (SELECT u.template_id FROM template x"                        \
      "  JOIN template_use u ON u.template_id = x.id"                                              \
      "  WHERE x.namespace = t.namespace AND x.name = t.name AND x.version = t.version"            \
      "  ORDER BY u.n DESC LIMIT 1) ORDER BY s.text, t.name, t.version")                           \
    X(IDENTITY_INSERT,                                                                             \
      "INSERT INTO identity (namespace, template, key, task_id) VALUES (?, ?, ?, ?)"               \
      " ON CONFLICT DO NOTHING")                                                                   \
    X(IDENTITY_READ,                                                                               \
      "SELECT task_id FROM identity WHERE namespace = ? AND template = ? AND key = ?")             \
    /* saving */                                                                                   \
    X(TASK_INSERT,                                                                                 \
      "INSERT INTO task (id, n, created_at, run_at, template_id, priority, correlation_id,"        \
      " parent_correlation_id, tags, initiator, source_system, reason, bypass_steps, context)"     \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")            \
    X(TASK_TAG_INSERT,                                                                             \
      "INSERT OR IGNORE INTO task_tag (tag, task_id) SELECT value, ?2 FROM json_each(?1)")         \
    X(STATE_INSERT,                                                                                \
      "INSERT INTO task_state (task_id, updated_at, state, attention, open_steps, failed_steps,"   \
      " progress) VALUES (?, ?, ?, ?, ?, ?, ?)")                                                   \
    X(STATE_UPDATE,                                                                                \
      "UPDATE task_state SET updated_at = ?2, state = ?3, attention = ?4, open_steps = ?5,"        \
      " failed_steps = ?6, progress = ?7 WHERE task_id = ?1")                                      \
    X(STATE_READ,                                                                                  \
      "SELECT updated_at, state, open_steps, failed_steps, progress FROM task_state"               \
      " WHERE task_id = ?")                                                                        \
    X(PAGE_WRITE,                                                                                  \
      "INSERT INTO task_page (task_id, page, progress) VALUES (?, ?, ?)"                           \
      " ON CONFLICT (task_id, page) DO UPDATE SET progress = excluded.progress")                   \
    X(PAGE_READ, "SELECT page, progress FROM task_page WHERE task_id = ? ORDER BY page")           \
    X(READY_INSERT,                                                                                \
      "INSERT INTO ready (queue, handler, class, seq, task_id, step_no, attempts, enqueued_at,"    \
      " deps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")                                                 \
    X(LATER_INSERT,                                                                                \
      "INSERT INTO later (task_id, step_no, run_at, attempts, queue, handler, class, deps)"        \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                                                          \
    X(LEASE_INSERT,                                                                                \
      "INSERT INTO lease (task_id, step_no, attempt, token, worker, enqueued_at, claimed_at)"      \
      " VALUES (?, ?, ?, ?, ?, ?, ?)")                                                             \
    X(ATTEMPT_INSERT,                                                                              \
      "INSERT INTO attempt (task_id, step_no, attempt, n, token, worker, outcome, enqueued_at,"    \
      " claimed_at, finished_at, result, error, metadata)"                                         \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                           \
    X(ACT_INSERT,                                                                                  \
      "INSERT INTO act (task_id, n, acted_at, kind, step_no, attempt, actor, reason)"              \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                                                          \
    X(COUNTER_ADD,                                                                                 \
      "INSERT INTO counter (template_id, state, tasks) VALUES (?, ?, ?)"                           \
      " ON CONFLICT (template_id, state) DO UPDATE SET tasks = tasks + excluded.tasks")            \
    /* the turn */                                                                                 \
    X(LEASE_FENCE, /* the fence of every later write about a claim */                              \
      "DELETE FROM lease WHERE task_id = ? AND step_no = ? AND token = ?"                          \
      " RETURNING attempt, token, worker, enqueued_at, claimed_at")                                \
    X(LEASE_HELD, /* the same in two: RETURNING makes a table of its own for each run */           \
      "SELECT attempt, token, worker, enqueued_at, claimed_at FROM lease"                          \
      " WHERE task_id = ? AND step_no = ? AND token = ?")                                          \
    X(LEASE_DROP, "DELETE FROM lease WHERE task_id = ? AND step_no = ? AND token = ?")             \
    X(LEASE_TAKE,                                                                                  \
      "DELETE FROM lease WHERE task_id = ? AND step_no = ?"                                        \
      " RETURNING attempt, token, worker, enqueued_at, claimed_at")                                \
    X(ACT_BASE,                                                                                    \
      "SELECT attempt FROM act WHERE task_id = ? AND kind = 3 AND step_no = ?"                     \
      " ORDER BY n DESC LIMIT 1")                                                                  \
    X(ATTEMPT_TOKEN,                                                                               \
      "SELECT token FROM attempt WHERE task_id = ? AND step_no = ? AND attempt = ?"                \
      " AND outcome IN (1, 2)")                                                                    \
    X(LATER_FIRST,                                                                                 \
      "SELECT task_id, step_no, run_at, attempts, queue, handler, class, deps FROM later"          \
      " ORDER BY run_at, task_id, step_no LIMIT 1")                                                \
    X(READY_HEAD, /* the greatest seq: past the rows of a key, not through them */                 \
      "SELECT queue, handler, class, seq, enqueued_at FROM ready"                                  \
      " WHERE (queue, handler, class, seq) > (?, ?, ?, 9223372036854775807)"                       \
      " ORDER BY queue, handler, class, seq LIMIT 1")                                              \
    X(READY_SCAN,                                                                                  \
      "SELECT seq, task_id, step_no, attempts, enqueued_at, deps FROM ready"                       \
      " WHERE queue = ? AND handler = ? AND class = ? AND seq > ? ORDER BY seq LIMIT ?")           \
    X(READY_CUT, /* exactly what READY_SCAN returned: nobody else writes meanwhile */              \
      "DELETE FROM ready WHERE queue = ? AND handler = ? AND class = ? AND seq > ? AND seq <= ?")  \
    X(TASK_READ,                                                                                   \
      "SELECT n, created_at, run_at, template_id, priority, correlation_id, parent_correlation_id,"\
      " tags, initiator, source_system, reason, bypass_steps, context FROM task WHERE id = ?")     \
    X(RESULT_READ,                                                                                 \
      "SELECT outcome, finished_at, result, metadata FROM attempt"                                 \
      " WHERE task_id = ? AND step_no = ? AND outcome IN (1, 5, 6) ORDER BY attempt DESC LIMIT 1") \
    X(ATTEMPT_NEWEST,                                                                              \
      TK_SQL_ATTEMPT ", result, error, metadata FROM attempt"                                      \
      " WHERE task_id = ? AND step_no = ? ORDER BY attempt DESC LIMIT 1")                          \
    /* by hand */                                                                                  \
    X(ATTEMPT_GREATEST, "SELECT max(attempt) FROM attempt WHERE task_id = ? AND step_no = ?")      \
    X(READY_TAKE,                                                                                  \
      "DELETE FROM ready WHERE task_id = ? AND step_no = ?"                                        \
      " RETURNING queue, handler, class, attempts, deps, seq, enqueued_at, 0")                     \
    X(LATER_TAKE,                                                                                  \
      "DELETE FROM later WHERE task_id = ? AND step_no = ?"                                        \
      " RETURNING queue, handler, class, attempts, deps, 0, 0, run_at")                            \
    X(LATER_CLEAR, "DELETE FROM later WHERE task_id = ?")                                          \
    X(READY_CLEAR, "DELETE FROM ready WHERE task_id = ?")                                          \
    X(LEASE_FIRST, "SELECT step_no FROM lease WHERE task_id = ? ORDER BY step_no LIMIT 1")         \
    /* workers */                                                                                  \
    X(WORKER_INSERT,                                                                               \
      "INSERT INTO worker (beat, started_at, process, asleep, name, host, namespaces, handlers)"   \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id")                                             \
    X(WORKER_BEAT, "UPDATE worker SET beat = beat + 1, asleep = ?2 WHERE id = ?1")                 \
    X(WORKER_DELETE, "DELETE FROM worker WHERE id = ?")                                            \
    X(WORKER_LIST,                                                                                 \
      "SELECT id, beat, started_at, process, asleep, name, host, namespaces, handlers FROM worker" \
      " ORDER BY id")                                                                              \
    X(WORKER_READ, "SELECT beat FROM worker WHERE id = ?")                                         \
    X(WORKER_LEASES,                                                                               \
      "SELECT task_id, step_no, attempt, token, worker, enqueued_at, claimed_at FROM lease"        \
      " WHERE worker = ? ORDER BY task_id, step_no LIMIT ?")                                       \
    /* reading */                                                                                  \
    X(PLACE_LIST, /* 1 ready, 2 lease, 3 later */                                                  \
      "SELECT step_no, 1, attempts, 0, enqueued_at, 0, 0 FROM ready WHERE task_id = ?1"            \
      " UNION ALL SELECT step_no, 2, attempt, worker, enqueued_at, claimed_at, 0 FROM lease"       \
      " WHERE task_id = ?1"                                                                        \
      " UNION ALL SELECT step_no, 3, attempts, 0, 0, 0, run_at FROM later WHERE task_id = ?1"      \
      " ORDER BY 1, 2")                                                                            \
    X(ATTEMPT_LIST,                                                                                \
      TK_SQL_ATTEMPT ", result, error, metadata FROM attempt WHERE task_id = ? ORDER BY n")        \
    X(ATTEMPT_LIST_BARE, TK_SQL_ATTEMPT " FROM attempt WHERE task_id = ? ORDER BY n")              \
    X(ACT_LIST,                                                                                    \
      "SELECT n, acted_at, kind, step_no, attempt, actor, reason FROM act WHERE task_id = ?"       \
      " ORDER BY n")                                                                               \
    X(COUNT_LIST,                                                                                  \
      "SELECT template_id, state, tasks FROM counter WHERE tasks <> 0 ORDER BY template_id, state")\
    X(DEPTH_LIST,                                                                                  \
      "SELECT queue, handler, sum(ready), sum(later), sum(oldest) FROM"                            \
      " (SELECT queue, handler, count(*) AS ready, 0 AS later, min(enqueued_at) AS oldest"         \
      "  FROM ready GROUP BY queue, handler"                                                       \
      "  UNION ALL SELECT queue, handler, 0, count(*), 0 FROM later GROUP BY queue, handler)"      \
      " GROUP BY queue, handler ORDER BY queue, handler")                                          \
    X(READY_AHEAD,                                                                                 \
      "SELECT count(*) FROM (SELECT 1 FROM ready m JOIN ready r ON r.queue = m.queue"              \
      " AND r.handler = m.handler AND r.class >= m.class AND (r.class > m.class OR r.seq < m.seq)" \
      " WHERE m.task_id = ? AND m.step_no = ? LIMIT ?)")                                           \
    X(RECORD_END, "SELECT mark, n FROM ledger")                                                     \
    X(RECORD_LIST, TK_SQL_RECORDS("n > ?1", "n > ?1"))                                               \
    X(RECORD_LIST_TASK, TK_SQL_RECORDS("id = ?4 AND +n > ?1", "task_id = ?4 AND +n > ?1"))           \
    /* upkeep */                                                                                   \
    X(PRUNE_SCAN, /* 1 running, 3 blocked */                                                       \
      "SELECT s.task_id, t.template_id, s.state, s.state IN (1, 3) OR s.updated_at >= ?3,"         \
      " (SELECT count(*) FROM identity i WHERE i.task_id = s.task_id)"                             \
      " FROM task_state s LEFT JOIN task t ON t.id = s.task_id"                                    \
      " WHERE s.task_id > ?1 AND s.task_id < ?2 ORDER BY s.task_id LIMIT ?4")                      \
    X(PRUNE_IDENTITY, "DELETE FROM identity WHERE task_id = ?")                                    \
    X(PRUNE_TAG,                                                                                   \
      "DELETE FROM task_tag WHERE task_id = ?1 AND tag IN"                                         \
      " (SELECT j.value FROM task t, json_each(t.tags) j WHERE t.id = ?1)")                        \
    X(PRUNE_ATTEMPT, "DELETE FROM attempt WHERE task_id = ?")                                      \
    X(PRUNE_ACT, "DELETE FROM act WHERE task_id = ?")                                              \
    X(PRUNE_PAGE, "DELETE FROM task_page WHERE task_id = ?")                                       \
    X(PRUNE_STATE, "DELETE FROM task_state WHERE task_id = ?")                                     \
    X(PRUNE_TASK, "DELETE FROM task WHERE id = ?")                                                 \
    /* keys */                                                                                     \
    X(KEY_INSERT,                                                                                  \
      "INSERT INTO api_key (hash, name, permissions, namespace, created_at, created_by,"           \
      " created_reason) VALUES (?, ?, ?, ?, ?, ?, ?)"                                              \
      " ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING id")                      \
    X(KEY_REVOKE,                                                                                  \
      "UPDATE api_key SET revoked_at = ?2, revoked_by = ?3, revoked_reason = ?4"                   \
      " WHERE id = ?1 AND revoked_at IS NULL")                                                     \
    X(KEY_LIST, TK_SQL_KEY " ORDER BY id")                                                         \
    X(KEY_FIND, TK_SQL_KEY " WHERE hash = ?")                                                      \
    X(INTEGRITY, "PRAGMA integrity_check(" TK_SQL_PROBLEMS_MAX ")")                                \
    X(ORPHANS,                                                                                     \
      TK_SQL_ORPHANS("ready") " UNION ALL " TK_SQL_ORPHANS("lease") " UNION ALL "                  \
      TK_SQL_ORPHANS("later") " UNION ALL " TK_SQL_ORPHANS("task_state") " UNION ALL "             \
      TK_SQL_ORPHANS("task_page") " UNION ALL " TK_SQL_ORPHANS("attempt") " UNION ALL "            \
      TK_SQL_ORPHANS("act") " UNION ALL " TK_SQL_ORPHANS("identity") " UNION ALL "                 \
      TK_SQL_ORPHANS("task_tag"))                                                                       \
    X(STATELESS,                                                                                   \
      "SELECT 'task_state', id FROM task"                                                          \
      " WHERE NOT EXISTS (SELECT 1 FROM task_state WHERE task_id = id) ORDER BY id"                \
      " LIMIT " TK_SQL_PROBLEMS_MAX)

#define TK_SQL_TEMPLATE                                                                            \
    "SELECT t.id, t.revision, t.created_at, s.text, t.name, t.version, t.digest, t.spec"           \
    " FROM template t JOIN name s ON s.kind = 1 AND s.id = t.namespace"
#define TK_SQL_KEY                                                                                 \
    "SELECT id, hash, name, permissions, namespace, created_at, created_by, created_reason,"       \
    " revoked_at, revoked_by, revoked_reason FROM api_key"
#define TK_SQL_ATTEMPT                                                                             \
    "SELECT step_no, attempt, n, token, worker, outcome, enqueued_at, claimed_at, finished_at"
/* Records of the kinds ?2, at most ?3. */
#define TK_SQL_RECORDS(of_task, of_other)                                                           \
    "SELECT 1, n, id, template_id, priority, created_at, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL"       \
    " FROM task WHERE ?2 & 1 AND " of_task                                                         \
    " UNION ALL SELECT 2, n, task_id, (SELECT template_id FROM task WHERE id = task_id), 0,"       \
    " finished_at, step_no, attempt, outcome, worker, enqueued_at, claimed_at, error, NULL, NULL"  \
    " FROM attempt WHERE ?2 & 2 AND " of_other                                                     \
    " UNION ALL SELECT 4, n, task_id, (SELECT template_id FROM task WHERE id = task_id), 0,"       \
    " acted_at, step_no, attempt, kind, 0, 0, 0, NULL, actor, reason"                              \
    " FROM act WHERE ?2 & 4 AND " of_other " ORDER BY 2 LIMIT ?3"
#define TK_SQL_ORPHANS(table)                                                                      \
    "SELECT * FROM (SELECT DISTINCT '" table "', task_id FROM " table                              \
    " WHERE NOT EXISTS (SELECT 1 FROM task WHERE id = task_id) LIMIT " TK_SQL_PROBLEMS_MAX ")"
/* clang-format on */

typedef enum tk_sql_name {
#define X(name, text) TK_SQL_##name,
    TK_SQL_MAP(X)
#undef X
        TK_SQL_COUNT
} tk_sql_name;

/* --- the store -------------------------------------------------------------------------------- */

/* A database file as this process knows it; see store_sqlite_file.c. */
typedef struct tk_sqlite_file tk_sqlite_file;

typedef struct tk_sqlite {
    tk_store store;
    sqlite3 *db;
    sqlite3_stmt *statements[TK_SQL_COUNT];
    tk_sqlite_file *file; /* NULL in memory */
    char *url;            /* for share */
    const char *name;     /* for messages: the file, or ":memory:"; part of url */
    const tk_clock *clock;
    const tk_log *log;
    bool read_only;
    pid_t opener;
    uint32_t references;       /* of a store in memory; guarded by `mutex` */
    uint32_t workers;          /* of a store in memory; guarded as the table of files is */
    pthread_mutex_t mutex;     /* held between begin and commit or rollback */
    _Atomic(uintptr_t) holder; /* the thread that holds it, or 0 */
    tk_store_mode mode;
    bool numbers_known; /* n and seq are read */
    int64_t n, seq;     /* the last ones given */
    int64_t n_stored, seq_stored;
} tk_sqlite;

static inline tk_sqlite *tk_sqlite_of(tk_store *store) {
    return (tk_sqlite *)(void *)store;
}

extern const tk_driver tk_sqlite_driver;

/* tk_sqlite_fail writes what SQLite's `code` means for whoever has to act. `doing` is a statement's
 * name or what was tried. */
tasker_status tk_sqlite_fail(const tk_sqlite *sqlite, int code, const char *doing,
                             tasker_error *error);

/* tk_sqlite_usable: OK inside of this thread's transaction, else FORKED or STORE. */
tasker_status tk_sqlite_usable(const tk_sqlite *sqlite, tasker_error *error);

/* tk_sqlite_numbers makes sqlite->n and ->seq known; a saving call that draws from them calls it
 * first. */
tasker_status tk_sqlite_numbers(tk_sqlite *sqlite, tasker_error *error);

/* --- running a statement ---------------------------------------------------------------------- */

typedef struct tk_sql {
    tk_sqlite *sqlite;
    sqlite3_stmt *stmt;
    tk_sql_name name;
    int code;  /* SQLITE_OK so far, or the first failure */
    int bound; /* parameters of the coming run */
} tk_sql;

/* tk_sql_begin readies a statement of the open transaction; tk_sql_end must follow, also when it
 * fails (it is a no-op then). Returns OK, FORKED, STORE (no transaction of this thread; a write in a
 * READ transaction), or what preparing met. */
tasker_status tk_sql_begin(tk_sql *sql, tk_sqlite *sqlite, tk_sql_name name, tasker_error *error);

/* tk_sql_fail ends a statement and tells its failure. */
tasker_status tk_sql_fail(tk_sql *sql, tasker_error *error);

static inline void tk_sql_note(tk_sql *sql, int code) {
    if (code != SQLITE_OK && sql->code == SQLITE_OK) {
        sql->code = code;
    }
}

static inline void tk_sql_int(tk_sql *sql, int64_t value) {
    tk_sql_note(sql, sqlite3_bind_int64(sql->stmt, ++sql->bound, value));
}

static inline void tk_sql_uuid(tk_sql *sql, const tk_uuid *id) {
    tk_sql_note(sql, sqlite3_bind_blob(sql->stmt, ++sql->bound, id->bytes, sizeof(id->bytes),
                                       SQLITE_STATIC));
}

static inline void tk_sql_blob(tk_sql *sql, const void *data, size_t size) {
    tk_sql_note(sql, sqlite3_bind_blob64(sql->stmt, ++sql->bound, size == 0 ? "" : data, size,
                                         SQLITE_STATIC));
}

/* Data NULL is SQL's NULL. */
static inline void tk_sql_text(tk_sql *sql, tk_str text) {
    tk_sql_note(sql, sqlite3_bind_text64(sql->stmt, ++sql->bound, text.data, text.size,
                                         SQLITE_STATIC, SQLITE_UTF8));
}

/* Data NULL is an empty text. */
static inline void tk_sql_text_always(tk_sql *sql, tk_str text) {
    tk_sql_text(sql, text.data == NULL ? TK_STR("") : text);
}

static inline void tk_sql_null(tk_sql *sql) {
    tk_sql_note(sql, sqlite3_bind_null(sql->stmt, ++sql->bound));
}

/* tk_sql_step runs to the next row: true when there is one. */
static inline bool tk_sql_step(tk_sql *sql) {
    if (sql->code != SQLITE_OK) {
        return false;
    }
    int code = sqlite3_step(sql->stmt);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        sql->code = code;
    }
    return false;
}

/* tk_sql_again makes the statement ready for the next run. */
static inline void tk_sql_again(tk_sql *sql) {
    sqlite3_reset(sql->stmt);
    sql->bound = 0;
}

/* tk_sql_run runs a statement without rows to its end, ready for the next run; false when it failed. */
static inline bool tk_sql_run(tk_sql *sql) {
    while (tk_sql_step(sql)) {
    }
    tk_sql_again(sql);
    return sql->code == SQLITE_OK;
}

/* tk_sql_end gives the statement back. Returns OK or the first failure. */
static inline tasker_status tk_sql_end(tk_sql *sql, tasker_error *error) {
    if (sql->code != SQLITE_OK) {
        return tk_sql_fail(sql, error);
    }
    tk_sql_again(sql);
    return TASKER_OK;
}

/* Rows that the statement's last run changed. */
static inline int64_t tk_sql_changes(const tk_sql *sql) {
    return sqlite3_changes64(sql->sqlite->db);
}

/* --- reading a row. A value out of its range or size is a damaged file: SQLITE_CORRUPT. --- */

static inline int64_t tk_sql_get(const tk_sql *sql, int column) {
    return sqlite3_column_int64(sql->stmt, column);
}

static inline int32_t tk_sql_get_i32(tk_sql *sql, int column) {
    int64_t value = sqlite3_column_int64(sql->stmt, column);
    if (value < INT32_MIN || value > INT32_MAX) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        return 0;
    }
    return (int32_t)value;
}

static inline uint16_t tk_sql_get_step(tk_sql *sql, int column) {
    int64_t value = sqlite3_column_int64(sql->stmt, column);
    if (value < 0 || value >= TASKER_STEPS_MAX) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        return 0;
    }
    return (uint16_t)value;
}

/* The bytes as they lie in SQLite's memory, valid until the next step; {NULL, 0} for NULL. Reading a
 * text as a blob spares SQLite the copy that adds a NUL. */
static inline tk_str tk_sql_peek(tk_sql *sql, int column) {
    if (sqlite3_column_type(sql->stmt, column) == SQLITE_NULL) {
        return (tk_str){NULL, 0};
    }
    const void *data = sqlite3_column_blob(sql->stmt, column);
    size_t size = (size_t)sqlite3_column_bytes(sql->stmt, column);
    if (data == NULL && size > 0) {
        tk_sql_note(sql, SQLITE_NOMEM);
        return (tk_str){NULL, 0};
    }
    return size == 0 ? TK_STR("") : (tk_str){data, size};
}

/* The same, copied into the arena. */
static inline tk_str tk_sql_get_text(tk_sql *sql, int column, tk_arena *arena) {
    tk_str seen = tk_sql_peek(sql, column);
    if (seen.data == NULL) {
        return seen;
    }
    tk_str copy = {NULL, 0};
    if (!tk_arena_str(arena, seen, &copy)) {
        tk_sql_note(sql, SQLITE_NOMEM);
    }
    return copy;
}

static inline void tk_sql_get_uuid(tk_sql *sql, int column, tk_uuid *id) {
    tk_str bytes = tk_sql_peek(sql, column);
    if (bytes.size != sizeof(id->bytes)) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        memset(id, 0, sizeof(*id));
        return;
    }
    memcpy(id->bytes, bytes.data, sizeof(id->bytes));
}

/* A growing array in an arena. */
typedef struct tk_sql_list {
    tk_arena *arena;
    size_t size; /* of an element */
    void *rows;
    uint32_t count, room;
} tk_sql_list;

/* tk_sql_add makes room for one more element at the end (doubling): the element, not set, or NULL when
 * out of memory, which is noted. Places handed out before are invalid then. */
void *tk_sql_add(tk_sql *sql, tk_sql_list *list);

/* tk_sql_next runs to the next row and adds an element for it; NULL after the last. */
static inline void *tk_sql_next(tk_sql *sql, tk_sql_list *list) {
    return tk_sql_step(sql) ? tk_sql_add(sql, list) : NULL;
}

/* tk_sql_attempt reads a row that begins with TK_SQL_ATTEMPT's columns; with payloads when an arena
 * is given. */
void tk_sql_attempt(tk_sql *sql, const tk_uuid *task_id, tk_attempt_row *row, tk_arena *arena);

/* tk_sql_finish records a lease that LEASE_FENCE or LEASE_TAKE returned as an attempt. `row` has
 * task, step, outcome, payloads and finished_us; the rest is filled in. False when it failed. */
bool tk_sql_finish(tk_sql *taken, tk_sql *insert, tk_attempt_row *row);

/* tk_sql_lease runs LEASE_INSERT for a row; false when it failed. */
bool tk_sql_lease(tk_sql *sql, const tk_lease_row *row);

/* tk_sql_task reads TASK_READ's row. */
void tk_sql_task(tk_sql *sql, tk_arena *arena, tk_task_row *row);

/* --- operations, by file ---------------------------------------------------------------------- */

#define X(name, arguments) tasker_status tk_sqlite_##name arguments;
TK_STORE_OPERATION_MAP(X)
#undef X

/* --- files: store_sqlite_file.c --------------------------------------------------------------- */

/* tk_sqlite_file_open finds or makes what this process knows of a database file and counts one more
 * reference. The file is created when it is missing and `create` says so. read_only: goes without
 * the lock file where the folder does not let it be made.
 * Returns OK, NOTFOUND, FORKED (it was open when this process forked off), STORE, NOMEM. */
tasker_status tk_sqlite_file_open(const char *path, bool create, bool read_only,
                                  tk_sqlite_file **file, tasker_error *error);
void tk_sqlite_file_close(tk_sqlite_file *file);

/* The file's path without links, for SQLite. */
const char *tk_sqlite_file_path(const tk_sqlite_file *file);

/* tk_sqlite_file_lock takes the right to write, among threads and processes; STORE after
 * TK_SQLITE_BUSY_MS, or when the file was deleted or replaced. */
tasker_status tk_sqlite_file_lock(tk_sqlite_file *file, tasker_error *error);
void tk_sqlite_file_unlock(tk_sqlite_file *file);

tasker_status tk_sqlite_worker_lock(tk_store *store, bool *first, tasker_error *error);
void tk_sqlite_worker_unlock(tk_store *store);
void tk_sqlite_wake(tk_store *store);
int tk_sqlite_wake_fd(tk_store *store);
void tk_sqlite_wake_drain(tk_store *store);

/* --- upkeep: store_sqlite_keep.c -------------------------------------------------------------- */

tasker_status tk_sqlite_set_up(tk_store *store, tk_arena *arena, tk_setup *setup,
                               tasker_error *error);
tasker_status tk_sqlite_prune(tk_store *store, tk_arena *arena, tk_prune *prune,
                              tasker_error *error);

/* --- opening: store_sqlite_open.c ------------------------------------------------------------- */

/* tk_sqlite_ask reads one number. */
tasker_status tk_sqlite_ask(const tk_sqlite *sqlite, const char *sql, int64_t *answer,
                            tasker_error *error);

tasker_status tk_sqlite_reconnect(tk_store *store, tasker_error *error);
tasker_status tk_sqlite_upkeep(tk_store *store, bool *elected, uint32_t *skipped,
                               tasker_error *error);
tasker_status tk_sqlite_backup(tk_store *store, const char *path, tasker_progress_fn copied,
                               void *user, int64_t *bytes, tasker_error *error);
tasker_status tk_sqlite_share(tk_store *store, tk_store **other, tasker_error *error);
void tk_sqlite_close(tk_store *store);
void tk_sqlite_rollback(tk_store *store);

#endif
