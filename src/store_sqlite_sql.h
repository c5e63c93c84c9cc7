/*
 * store_sqlite_sql.h - every statement that the SQLite driver keeps prepared.
 */
#ifndef TK_STORE_SQLITE_SQL_H
#define TK_STORE_SQLITE_SQL_H

/* Problems that integrity() tells of each kind; in a statement. */
#define TK_SQL_PROBLEMS_MAX "100"

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
    X(DEPTH_READY,                                                                                 \
      "SELECT count(*) FROM (SELECT 1 FROM ready WHERE queue = ? AND handler = ? LIMIT ?)")        \
    X(DEPTH_LATER,                                                                                 \
      "SELECT queue, handler, count(*) FROM (SELECT queue, handler FROM later LIMIT ?)"            \
      " GROUP BY queue, handler ORDER BY queue, handler")                                          \
    X(DEPTH_SUM, "SELECT (SELECT count(*) FROM ready), (SELECT count(*) FROM later)")              \
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
    X(FACTS,                                                                                       \
      "SELECT (SELECT user_version FROM pragma_user_version),"                                     \
      " (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size),"    \
      " recorded_since FROM upkeep")                                                               \
    /* minutes */                                                                                  \
    X(MINUTE_ADD,                                                                                  \
      "INSERT INTO minute (at, template_id, step_no, span, started, done, failed, times)"          \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                                                          \
    X(MINUTE_TAKE,                                                                                 \
      "DELETE FROM minute WHERE id IN (SELECT id FROM minute WHERE span = ? AND at < ?"            \
      "  ORDER BY at LIMIT ?) RETURNING " TK_SQL_MINUTE)                                           \
    X(MINUTE_LIST,                                                                                 \
      "SELECT " TK_SQL_MINUTE " FROM minute WHERE span IN (0, 1, 60) AND at >= ?")                 \
    X(MINUTE_SINCE, "SELECT recorded_since FROM upkeep")                                           \
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
#define TK_SQL_MINUTE "at, template_id, step_no, span, started, done, failed, times"
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

#endif
