/*
 * store_postgres_sql.h - every statement that the PostgreSQL driver runs.
 *
 * All statements take arrays, a set at a time, and name their parameters' types, so that they are
 * prepared once per connection with the session's search_path = tasker. Two rules shape them:
 *
 * - A reading that locks stands in a statement of its own and what hangs on it in a later one: a join
 *   with a lock returns new rows of one table beside old rows of the other (STATE_LOCK, then PAGE_READ).
 * - Nothing here waits where waiting could deadlock: due steps, claims and beats skip locked rows.
 */
#ifndef TK_STORE_POSTGRES_SQL_H
#define TK_STORE_POSTGRES_SQL_H

/* X(NAME, text) */
/* clang-format off */
#define TK_PG_STATEMENT_MAP(X)                                                                     \
    /* transactions */                                                                             \
    X(BEGIN_READ, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")                              \
    X(BEGIN_WRITE, "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")                             \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(NOTIFY, /* a hint: its transaction waits for no disk */                                      \
      "SELECT set_config('synchronous_commit', 'off', true), pg_notify('tasker', '')"              \
      " WHERE EXISTS (SELECT 1 FROM worker WHERE asleep AND id <> $1::int4)")                      \
    /* names and templates */                                                                      \
    X(NAME_FIND,                                                                                   \
      "SELECT u.place, n.id FROM unnest($2::text[]) WITH ORDINALITY AS u(text, place)"             \
      " JOIN name n ON n.kind = $1::int2 AND n.text = u.text")                                     \
    X(NAME_LOCK, "SELECT pg_advisory_xact_lock(" TK_PG_LOCK_CLASS ", -2)")                         \
    X(NAME_INSERT, /* with the table locked against other writers */                               \
      "INSERT INTO name (kind, id, text) SELECT $1::int2, coalesce(max(id), 0) + 1, $2::text"      \
      " FROM name WHERE kind = $1::int2 RETURNING id")                                             \
    X(NAME_LIST, "SELECT id, text FROM name WHERE kind = $1::int2 ORDER BY id")                    \
    X(TEMPLATE_LOCK, "SELECT pg_advisory_xact_lock(" TK_PG_LOCK_CLASS ", -3)")                     \
    X(TEMPLATE_KNOWN,                                                                              \
      "SELECT p.step_no, p.name FROM template t JOIN name s ON s.kind = 1 AND s.id = t.namespace"  \
      " JOIN template_step p ON p.template_id = t.id"                                              \
      " WHERE s.text = $1::text AND t.name = $2::text ORDER BY p.step_no")                         \
    X(TEMPLATE_INSERT,                                                                             \
      "INSERT INTO template (namespace, name, version, revision, created_at, digest, spec)"        \
      " SELECT $1::int2, $2::text, $3::text, coalesce(max(revision), 0) + 1, $4::timestamptz,"     \
      " $5::bytea, $6::text FROM template"                                                         \
      " WHERE namespace = $1::int2 AND name = $2::text AND version = $3::text"                     \
      " RETURNING id, revision")                                                                   \
    X(TEMPLATE_STEP_INSERT, /* ancestors as \"{1,2}\" */                                           \
      "INSERT INTO template_step (template_id, step_no, name, ancestors)"                          \
      " SELECT $1::int4, s, m, a::int2[] FROM unnest($2::int2[], $3::text[], $4::text[])"          \
      " AS u(s, m, a)")                                                                            \
    X(TEMPLATE_USE, /* what is current of its name already needs no row; the count of templates */ \
      "WITH t AS (SELECT * FROM template WHERE id = $1::int4),"                                    \
      " i AS (INSERT INTO template_use (template_id, used_at) SELECT t.id, $2::timestamptz FROM t" \
      "  WHERE t.id IS DISTINCT FROM (SELECT u.template_id FROM template x"                        \
      "   JOIN template_use u ON u.template_id = x.id"                                             \
      "   WHERE x.namespace = t.namespace AND x.name = t.name ORDER BY u.n DESC LIMIT 1))"         \
      " SELECT count(*) FROM t")                                                                   \
    X(TEMPLATE_LOAD, TK_PG_TEMPLATE " WHERE t.id = $1::int4")                                      \
    X(TEMPLATE_FIND,                                                                               \
      TK_PG_TEMPLATE " JOIN template_use u ON u.template_id = t.id"                                \
      " WHERE s.text = $1::text AND t.name = $2::text AND ($3::text = '' OR t.version = $3::text)" \
      " ORDER BY u.n DESC LIMIT 1")                                                                \
    X(TEMPLATE_FIND_DIGEST,                                                                        \
      TK_PG_TEMPLATE " LEFT JOIN template_use u ON u.template_id = t.id"                           \
      " WHERE s.text = $1::text AND t.name = $2::text AND ($3::text = '' OR t.version = $3::text)" \
      " AND t.digest = $4::bytea ORDER BY u.n DESC NULLS LAST, t.id DESC LIMIT 1")                 \
    X(TEMPLATE_LIST,                                                                               \
      TK_PG_TEMPLATE " WHERE t.id = (SELECT u.template_id FROM template x"                         \
      "  JOIN template_use u ON u.template_id = x.id"                                              \
      "  WHERE x.namespace = t.namespace AND x.name = t.name AND x.version = t.version"            \
      "  ORDER BY u.n DESC LIMIT 1)"                                                               \
      " ORDER BY s.text COLLATE \"C\", t.name COLLATE \"C\", t.version COLLATE \"C\"")             \
    /* submission; tables of the schema by name, as store_postgres_plan.c gives these away */       \
    X(IDENTITY_INSERT, /* what it does not return exists: IDENTITY_READ */                         \
      "INSERT INTO tasker.identity (namespace, template, key, task_id)"                                   \
      " SELECT * FROM unnest($1::int2[], $2::text[], $3::text[], $4::uuid[])"                      \
      " ON CONFLICT DO NOTHING RETURNING namespace, template, key")                                \
    X(IDENTITY_READ,                                                                               \
      "SELECT u.place, i.task_id FROM unnest($1::int2[], $2::text[], $3::text[])"                  \
      " WITH ORDINALITY AS u(q, t, k, place)"                                                      \
      " JOIN identity i ON i.namespace = u.q AND i.template = u.t AND i.key = u.k")                \
    X(TASK_INSERT, TK_PG_TASK_INSERT_TEXT)                                                         \
    X(TASK_INSERT_NEW, /* only the ids that come back are new */                                   \
      TK_PG_TASK_INSERT_TEXT " ON CONFLICT (id) DO NOTHING RETURNING id")                          \
    X(STATE_INSERT,                                                                                \
      "INSERT INTO tasker.task_state (task_id, updated_at, state, attention, open_steps, failed_steps,"   \
      " progress) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::int2[], $4::int2[],"     \
      " $5::int4[], $6::int4[], $7::bytea[])")                                                     \
    X(PAGE_WRITE,                                                                                  \
      "INSERT INTO tasker.task_page (task_id, page, progress)"                                            \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::bytea[])"                                 \
      " ON CONFLICT (task_id, page) DO UPDATE SET progress = excluded.progress")                   \
    X(READY_INSERT,                                                                                \
      "INSERT INTO tasker.ready (task_id, step_no, queue, handler, class, attempts, enqueued_at, deps)"   \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::int2[], $5::int2[],"          \
      " $6::int4[], $7::timestamptz[], $8::bool[])")                                               \
    X(LATER_INSERT,                                                                                \
      "INSERT INTO tasker.later (task_id, step_no, queue, handler, class, attempts, run_at, deps)"        \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::int2[], $5::int2[],"          \
      " $6::int4[], $7::timestamptz[], $8::bool[])")                                               \
    X(LEASE_INSERT,                                                                                \
      "INSERT INTO lease (task_id, step_no, attempt, token, worker, enqueued_at, claimed_at)"      \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int4[], $4::int8[], $5::int4[],"          \
      " $6::timestamptz[], $7::timestamptz[])")                                                    \
    X(ATTEMPT_INSERT,                                                                              \
      "INSERT INTO tasker.attempt (task_id, step_no, attempt, token, worker, outcome, enqueued_at,"       \
      " claimed_at, finished_at, result, error, metadata)"                                         \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int4[], $4::int8[], $5::int4[],"          \
      " $6::int2[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[],"         \
      " $11::text[], $12::text[])")                                                                 \
    X(ACT_INSERT,                                                                                  \
      "INSERT INTO act (task_id, acted_at, kind, step_no, attempt, actor, reason)"                 \
      " SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::int2[], $4::int2[], $5::int4[],"   \
      " $6::text[], $7::text[])")                                                                   \
    X(COUNT_ADD,                                                                                   \
      "INSERT INTO tasker.counter (template_id, from_state, to_state, tasks, at)"                  \
      " SELECT * FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int8[], $5::timestamptz[])")                     \
    /* the turn */                                                                                 \
    X(STATE_LOCK, /* ids sorted: the nested loop locks in their order */                           \
      TK_PG_STATE " FOR UPDATE OF s")                                                              \
    X(STATE_TRY,                                                                                   \
      "SELECT u.place FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, place)"                     \
      " JOIN task_state s ON s.task_id = u.id FOR UPDATE OF s SKIP LOCKED")                        \
    X(PAGE_READ,                                                                                   \
      "SELECT u.place, p.page, p.progress FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, place)" \
      " JOIN task_page p ON p.task_id = u.id ORDER BY 1, 2")                                       \
    X(STATE_UPDATE, /* as many rows as tasks, or 1 / 0: a conflict */                              \
      "WITH w AS (UPDATE task_state s SET state = p.state, attention = p.attention, open_steps = p.open,"     \
      " failed_steps = p.failed, progress = p.progress, updated_at = p.updated"                    \
      " FROM unnest($1::uuid[], $2::timestamptz[], $3::int2[], $4::int2[], $5::int4[], $6::int4[],"\
      " $7::bytea[]) AS p(task_id, updated, state, attention, open, failed, progress)"             \
      " WHERE s.task_id = p.task_id RETURNING 1) SELECT 1 / (count(*) = $8::int8)::int FROM w")    \
    X(FINISH, /* the fence: only leases with this token become attempts; of equals the first */    \
      "WITH u AS MATERIALIZED (SELECT DISTINCT ON (task_id, step_no, token) * FROM"                \
      " unnest($1::uuid[], $2::int2[], $3::int8[],"                                                \
      " $4::int2[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bool[])"            \
      " WITH ORDINALITY"                                                                           \
      " AS u(task_id, step_no, token, outcome, finished, result, error, metadata, dated, place)"   \
      " ORDER BY task_id, step_no, token, place),"                                                 \
      " f AS MATERIALIZED (SELECT u.*, x.place_in FROM u, LATERAL (SELECT k.ctid AS place_in"      \
      "  FROM lease k WHERE k.task_id = u.task_id AND k.step_no = u.step_no AND k.token = u.token" \
      "  OFFSET 0) x),"                                                                            \
      " d AS (DELETE FROM lease l USING f AS u WHERE l.ctid = u.place_in"                          \
      "  RETURNING l.*, u.outcome, u.finished, u.result, u.error, u.metadata, u.dated, u.place)"   \
      " INSERT INTO attempt (task_id, token, enqueued_at, claimed_at, finished_at, worker,"        \
      " step_no, attempt, outcome, result, error, metadata)"                                       \
      " SELECT task_id, token, enqueued_at, claimed_at, greatest(claimed_at, finished,"            \
      "  CASE WHEN dated THEN (SELECT s.updated_at FROM task_state s WHERE s.task_id = d.task_id)" \
      "  END), worker, step_no, attempt, outcome, result, error, metadata FROM d ORDER BY place"   \
      " RETURNING task_id, step_no, token, attempt, worker, enqueued_at, claimed_at, finished_at,"  \
      " n")                                                                                        \
    X(ADVANCE, /* ids sorted, as for STATE_LOCK; all rows as expected, or 1 / 0 */                 \
      "WITH w AS (UPDATE task_state s SET progress = CASE WHEN p.next < 0"                         \
      "   THEN overlay(s.progress PLACING $7::bytea FROM p.step_no * 3 + 1)"                       \
      "   ELSE overlay(overlay(s.progress PLACING $7::bytea FROM p.step_no * 3 + 1)"               \
      "    PLACING $9::bytea FROM p.next * 3 + 1) END,"                                            \
      "  open_steps = p.open - 1, state = CASE WHEN p.open = 1 THEN 2 ELSE 1 END,"                 \
      "  updated_at = p.finished"                                                                  \
      " FROM unnest($1::uuid[], $2::int2[], $3::timestamptz[], $4::int4[], $5::int2[])"            \
      "  AS p(task_id, step_no, finished, open, next)"                                             \
      " WHERE s.task_id = p.task_id AND s.state = 1 AND s.failed_steps = 0"                        \
      "  AND s.updated_at <= p.finished AND s.open_steps = p.open"                                 \
      "  AND substr(s.progress, p.step_no * 3 + 1, 3) = $6::bytea"                                 \
      "  AND (p.next < 0 OR substr(s.progress, p.next * 3 + 1, 3) = $8::bytea)"                    \
      " RETURNING 1) SELECT 1 / (count(*) = $10::int8)::int FROM w")                               \
    X(FINISH_ALL, /* each lease with its token becomes an attempt, or 1 / 0 */                     \
      "WITH f AS MATERIALIZED (SELECT u.*, x.place_in FROM unnest($1::uuid[], $2::int2[],"         \
      "  $3::int8[], $4::timestamptz[], $5::text[], $6::text[])"                                   \
      "  AS u(task_id, step_no, token, finished, result, metadata),"                               \
      " LATERAL (SELECT k.ctid AS place_in FROM lease k WHERE k.task_id = u.task_id"               \
      "  AND k.step_no = u.step_no AND k.token = u.token OFFSET 0) x),"                            \
      " d AS (DELETE FROM lease l USING f AS u WHERE l.ctid = u.place_in"                          \
      "  RETURNING l.*, u.finished, u.result, u.metadata),"                                        \
      " i AS (INSERT INTO attempt (task_id, token, enqueued_at, claimed_at, finished_at, worker,"  \
      "   step_no, attempt, outcome, result, metadata) SELECT task_id, token, enqueued_at,"        \
      "   claimed_at, finished, worker, step_no, attempt, 1, result, metadata FROM d RETURNING 1)" \
      " SELECT 1 / (count(*) = $7::int8)::int FROM i")                                             \
    X(LEASE_RETURN, /* by key and then by place, as FINISH does */                                 \
      "WITH f AS MATERIALIZED (SELECT u.*, x.place_in FROM unnest($1::uuid[], $2::int2[],"         \
      " $3::int8[], $4::int2[], $5::int2[], $6::int2[], $7::bool[]) AS u(t, s, k, q, h, c, p),"    \
      " LATERAL (SELECT l.ctid AS place_in FROM lease l"                                           \
      "  WHERE l.task_id = u.t AND l.step_no = u.s AND l.token = u.k OFFSET 0) x),"                \
      " d AS (DELETE FROM lease l USING f AS u WHERE l.ctid = u.place_in"                          \
      "  RETURNING l.*, u.q, u.h, u.c, u.p)"                                                       \
      " INSERT INTO ready (task_id, step_no, queue, handler, class, attempts, enqueued_at, deps)"  \
      " SELECT task_id, step_no, q, h, c, attempt - 1, enqueued_at, p FROM d"                      \
      " RETURNING task_id, step_no, seq, attempts, enqueued_at")                                   \
    X(ATTEMPT_BASES,                                                                               \
      "SELECT (SELECT a.attempt FROM act a WHERE a.task_id = u.t AND a.kind = 3"                   \
      "  AND a.step_no = u.s ORDER BY a.n DESC LIMIT 1)"                                           \
      " FROM unnest($1::uuid[], $2::int2[]) WITH ORDINALITY AS u(t, s, place) ORDER BY u.place")   \
    X(ATTEMPT_TOKENS, /* what the worker itself recorded */                                        \
      "SELECT EXISTS (SELECT 1 FROM attempt a WHERE a.task_id = u.t AND a.step_no = u.s"           \
      "  AND a.attempt = u.a AND a.token = u.k AND a.outcome IN (1, 2))"                           \
      " FROM unnest($1::uuid[], $2::int2[], $3::int4[], $4::int8[])"                               \
      " WITH ORDINALITY AS u(t, s, a, k, place) ORDER BY u.place")                                 \
    X(DUE_MOVE, /* and the earliest left: the snapshot still has what was moved */                 \
      "WITH d AS (DELETE FROM later WHERE ctid = ANY(ARRAY(SELECT ctid FROM later"                 \
      "   WHERE run_at <= $1::timestamptz ORDER BY run_at LIMIT $2::int8 FOR UPDATE SKIP LOCKED))" \
      "  RETURNING *),"                                                                            \
      " i AS (INSERT INTO ready (task_id, step_no, queue, handler, class, attempts, deps,"         \
      "   enqueued_at) SELECT task_id, step_no, queue, handler, class, attempts, deps,"            \
      "   greatest(run_at, $1::timestamptz) FROM d ORDER BY run_at, task_id, step_no RETURNING 1)" \
      " SELECT (SELECT count(*) FROM i), (SELECT run_at FROM later ORDER BY run_at"                \
      "  OFFSET (SELECT count(*) FROM d) LIMIT 1)")                                                \
    X(HEADS, /* from key to key, never through the rows between */                                 \
      "WITH RECURSIVE h AS ((SELECT queue, handler, class, seq, enqueued_at FROM ready"            \
      "  ORDER BY queue, handler, class, seq LIMIT 1)"                                             \
      " UNION ALL SELECT n.* FROM h, LATERAL (SELECT r.queue, r.handler, r.class, r.seq,"          \
      "  r.enqueued_at FROM ready r"                                                               \
      "  WHERE (r.queue, r.handler, r.class, r.seq) > (h.queue, h.handler, h.class,"               \
      "   9223372036854775807) ORDER BY r.queue, r.handler, r.class, r.seq LIMIT 1) n)"            \
      " SELECT * FROM h LIMIT $1::int8")                                                           \
    X(CLAIM, /* wants of one queue in a row, up to $5 together; tokens go round */                 \
      "WITH p AS MATERIALIZED (SELECT * FROM unnest($1::int2[], $2::int2[], $3::int2[],"           \
      "  $4::int8[]) WITH ORDINALITY AS p(queue, handler, class, past, place)),"                   \
      " d AS (DELETE FROM ready WHERE ctid = ANY(ARRAY("                                           \
      "  SELECT r.ctid FROM p,"                                                                    \
      "  LATERAL (SELECT ctid FROM ready WHERE queue = p.queue AND handler = p.handler"            \
      "   AND class = p.class AND seq > p.past ORDER BY queue, handler, class, seq"                \
      "   FOR UPDATE SKIP LOCKED) r LIMIT $5::int8)) RETURNING *),"                                \
      " o AS (SELECT d.*, row_number() OVER (ORDER BY (SELECT min(p.place) FROM p"                 \
      "   WHERE p.queue = d.queue AND p.handler = d.handler AND p.class = d.class), d.seq) - 1"    \
      "   AS at FROM d),"                                                                          \
      " k AS (SELECT o.*, CASE WHEN $6::int8 <= 0 THEN $6::int8 + at"                              \
      "   WHEN at <= 9223372036854775807 - $6::int8 THEN $6::int8 + at"                            \
      "   ELSE -9223372036854775807 + (at - (9223372036854775807 - $6::int8) - 2) END AS token,"  \
      "  greatest(enqueued_at, $8::timestamptz) AS claimed_at FROM o),"                            \
      " l AS (INSERT INTO lease (task_id, step_no, attempt, token, worker, enqueued_at,"           \
      "   claimed_at) SELECT task_id, step_no, attempts + 1, token, $7::int4, enqueued_at,"        \
      "   claimed_at FROM k)"                                                                      \
      " SELECT k.task_id, k.step_no, k.attempts + 1, k.token, k.enqueued_at, k.claimed_at,"        \
      " k.queue, k.handler, k.class, k.deps, " TK_PG_TASK_COLUMNS                                  \
      " FROM k LEFT JOIN task t ON t.id = k.task_id ORDER BY k.at")                                \
    X(RESULTS,                                                                                     \
      "SELECT u.place, r.outcome, r.finished_at, r.result, r.metadata"                             \
      " FROM unnest($1::uuid[], $2::int2[]) WITH ORDINALITY AS u(t, s, place),"                    \
      " LATERAL (SELECT * FROM attempt a WHERE a.task_id = u.t AND a.step_no = u.s"                \
      "  AND a.outcome IN (1, 5, 6) ORDER BY a.task_id DESC, a.step_no DESC, a.attempt DESC"       \
      "  LIMIT 1) r")                                                                              \
    X(LAST_FAILURES,                                                                               \
      "SELECT u.place, " TK_PG_ATTEMPT_COLUMNS ", r.result, r.error, r.metadata"                   \
      " FROM unnest($1::uuid[], $2::int2[]) WITH ORDINALITY AS u(t, s, place),"                    \
      " LATERAL (SELECT * FROM attempt a WHERE a.task_id = u.t AND a.step_no = u.s"                \
      "  ORDER BY a.task_id DESC, a.step_no DESC, a.attempt DESC LIMIT 1) r"                       \
      " WHERE r.outcome IN (2, 3)")                                                                \
    /* by hand */                                                                                  \
    X(ATTEMPT_LAST,                                                                                \
      "SELECT coalesce((SELECT max(a.attempt) FROM attempt a WHERE a.task_id = u.t"                \
      "  AND a.step_no = u.s), 0)"                                                                 \
      " FROM unnest($1::uuid[], $2::int2[]) WITH ORDINALITY AS u(t, s, place) ORDER BY u.place")   \
    X(READY_DELETE,                                                                                \
      "DELETE FROM ready r USING unnest($1::uuid[], $2::int2[]) AS u(t, s)"                        \
      " WHERE r.task_id = u.t AND r.step_no = u.s RETURNING r.task_id, r.step_no, r.queue,"        \
      " r.handler, r.class, r.attempts, r.deps, r.seq, r.enqueued_at")                             \
    X(LATER_DELETE,                                                                                \
      "DELETE FROM later r USING unnest($1::uuid[], $2::int2[]) AS u(t, s)"                        \
      " WHERE r.task_id = u.t AND r.step_no = u.s RETURNING r.task_id, r.step_no, r.queue,"        \
      " r.handler, r.class, r.attempts, r.deps, r.run_at")                                         \
    X(TASK_CLEAR_LATER, "DELETE FROM later WHERE task_id = $1::uuid")                              \
    X(TASK_CLEAR_READY, "DELETE FROM ready WHERE task_id = $1::uuid")                              \
    X(TASK_CLEAR_LEASE,                                                                            \
      "WITH d AS (DELETE FROM lease WHERE task_id = $1::uuid RETURNING *)" TK_PG_CANCELLED)        \
    X(LEASE_REVOKE,                                                                                \
      "WITH d AS (DELETE FROM lease l USING unnest($1::uuid[], $3::int2[]) AS u(t, s)"             \
      "  WHERE l.task_id = u.t AND l.step_no = u.s RETURNING l.*)" TK_PG_CANCELLED)                \
    /* workers */                                                                                  \
    X(WORKER_INSERT,                                                                               \
      "INSERT INTO worker (beat, started_at, backend_start, backend, process, asleep, name, host," \
      " namespaces, handlers) SELECT $1::int8, $2::timestamptz, a.backend_start, a.pid, $3::int4," \
      " $4::bool, $5::text, $6::text, $7::text, $8::text"                                          \
      " FROM pg_stat_get_activity(pg_backend_pid()) a RETURNING id")                               \
    X(WORKER_BEAT, /* never waits: no row, and somebody takes its leases */                        \
      "WITH b AS (UPDATE worker SET beat = beat + 1, asleep = $2::bool, holding = $3::bool"        \
      " WHERE id = (SELECT id FROM worker WHERE id = $1::int4 FOR UPDATE SKIP LOCKED)"             \
      " RETURNING 1) SELECT 1 / count(*)::int FROM b")                                                                           \
    X(WORKER_HOLD, /* the session lock that says: connected */                                     \
      "SELECT pg_try_advisory_lock(" TK_PG_LOCK_CLASS ", $1::int4)")                               \
    X(WORKER_LET_GO, "SELECT pg_advisory_unlock(" TK_PG_LOCK_CLASS ", $1::int4)")                  \
    X(WORKER_DELETE, "DELETE FROM worker WHERE id = $1::int4")                                     \
    X(WORKER_LIST,                                                                                 \
      "SELECT id, beat, started_at, process, asleep, name, host, namespaces, handlers,"            \
      " EXISTS (SELECT 1 FROM pg_catalog.pg_locks k WHERE k.locktype = 'advisory'"                 \
      "  AND k.database = (SELECT oid FROM pg_catalog.pg_database"                                 \
      "   WHERE datname = current_database()) AND k.granted AND k.objsubid = 2"                    \
      "  AND k.classid = " TK_PG_LOCK_CLASS " AND k.objid = worker.id::oid), holding"              \
      " FROM worker ORDER BY id")                                                                  \
    X(WORKER_CUT, /* not a session that goes on under another number */                            \
      "SELECT coalesce(bool_and(pg_terminate_backend(a.pid, 500)), true)"                          \
      " FROM worker w, pg_stat_get_activity(w.backend) a WHERE w.id = $1::int4"                    \
      " AND w.beat = $2::int8 AND a.backend_start = w.backend_start"                               \
      " AND NOT EXISTS (SELECT 1 FROM worker o WHERE o.id > w.id AND o.backend = w.backend"        \
      "  AND o.backend_start = w.backend_start)")                                                  \
    X(WORKER_TAKE,                                                                                 \
      "SELECT id FROM worker WHERE id = $1::int4 AND beat = $2::int8 FOR UPDATE SKIP LOCKED")      \
    X(WORKER_LEASES,                                                                               \
      "SELECT task_id, step_no, attempt, token, worker, enqueued_at, claimed_at FROM lease"        \
      " WHERE worker = $1::int4 ORDER BY task_id, step_no LIMIT $2::int8")                         \
    /* reading */                                                                                  \
    X(TASK_LOAD,                                                                                   \
      "SELECT u.place, " TK_PG_TASK_COLUMNS                                                        \
      " FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, place) JOIN task t ON t.id = u.id")       \
    X(STATE_LOAD, TK_PG_STATE)                                                                     \
    X(HOLD_LATER, "SELECT 1 FROM later WHERE task_id = $1::uuid FOR UPDATE")                       \
    X(HOLD_READY, "SELECT 1 FROM ready WHERE task_id = $1::uuid FOR UPDATE")                       \
    X(PLACE_LIST, /* 1 ready, 2 lease, 3 later */                                                  \
      "SELECT step_no, 1, attempts, 0, enqueued_at, NULL::timestamptz, NULL::timestamptz"          \
      " FROM ready WHERE task_id = $1::uuid"                                                       \
      " UNION ALL SELECT step_no, 2, attempt, worker, enqueued_at, claimed_at, NULL"               \
      " FROM lease WHERE task_id = $1::uuid"                                                       \
      " UNION ALL SELECT step_no, 3, attempts, 0, NULL, NULL, run_at"                              \
      " FROM later WHERE task_id = $1::uuid ORDER BY 1, 2")                                        \
    X(ATTEMPT_LIST,                                                                                \
      "SELECT " TK_PG_ATTEMPT_COLUMNS ", CASE WHEN $2::bool THEN r.result END,"                    \
      " CASE WHEN $2::bool THEN r.error END, CASE WHEN $2::bool THEN r.metadata END"               \
      " FROM attempt r WHERE r.task_id = $1::uuid ORDER BY r.n")                                   \
    X(ACT_LIST,                                                                                    \
      "SELECT n, acted_at, kind, step_no, attempt, actor, reason FROM act"                         \
      " WHERE task_id = $1::uuid ORDER BY n")                                                      \
    X(COUNT_LIST,                                                                                  \
      "SELECT c.template_id, v.state, sum(v.tasks)::int8 FROM counter c,"                                \
      " LATERAL (VALUES (c.from_state, -c.tasks), (c.to_state, c.tasks)) AS v(state, tasks)"       \
      " WHERE v.state <> 0 GROUP BY 1, 2 HAVING sum(v.tasks) <> 0 ORDER BY 1, 2")                  \
    X(COUNT_FOLD, /* by one elected process, in a transaction of its own */                        \
      "WITH d AS (DELETE FROM counter RETURNING *),"                                               \
      " m AS (INSERT INTO minute (" TK_PG_MINUTE ") " TK_PG_MOMENTS("d") ")"                       \
      " INSERT INTO counter (template_id, from_state, to_state, tasks)"                            \
      " SELECT template_id, from_state, to_state, sum(tasks) FROM d GROUP BY 1, 2, 3")             \
    X(DEPTH_LIST, /* keys as HEADS finds them; of each its share of $1 is counted */               \
      "WITH RECURSIVE h AS ((SELECT queue, handler, class, enqueued_at FROM ready"                 \
      "  ORDER BY queue, handler, class, seq LIMIT 1)"                                             \
      " UNION ALL SELECT n.* FROM h, LATERAL (SELECT r.queue, r.handler, r.class, r.enqueued_at"   \
      "  FROM ready r WHERE (r.queue, r.handler, r.class, r.seq) > (h.queue, h.handler, h.class,"  \
      "   9223372036854775807) ORDER BY r.queue, r.handler, r.class, r.seq LIMIT 1) n),"           \
      " k AS (SELECT queue, handler, min(enqueued_at) AS oldest FROM (SELECT * FROM h"             \
      "  LIMIT $2::int8) b GROUP BY 1, 2),"                                                        \
      " m AS MATERIALIZED (SELECT greatest(100, $1::int8 / greatest(1, (SELECT count(*) FROM k)))" \
      "  AS most)"                                                                                 \
      " SELECT queue, handler, sum(ready)::int8, sum(later)::int8, min(oldest),"                   \
      " sum(ready) < (SELECT most FROM m) AND sum(sum(later)) OVER () < $1::int8,"                 \
      " (SELECT reltuples::int8 FROM pg_class WHERE oid = 'ready'::regclass),"                     \
      " (SELECT reltuples::int8 FROM pg_class WHERE oid = 'later'::regclass) FROM"                 \
      " (SELECT k.queue, k.handler, (SELECT count(*) FROM (SELECT 1 FROM ready r"                  \
      "   WHERE r.queue = k.queue AND r.handler = k.handler LIMIT (SELECT most FROM m)) n)"        \
      "   AS ready, 0 AS later, k.oldest FROM k"                                                   \
      "  UNION ALL SELECT queue, handler, 0, count(*), NULL"                                       \
      "   FROM (SELECT queue, handler FROM later LIMIT $1::int8) l GROUP BY queue, handler) w"     \
      " GROUP BY queue, handler ORDER BY queue, handler")                                          \
    X(FACTS,                                                                                       \
      "SELECT l.version, l.period, current_setting('server_version'), clock_timestamp(),"          \
      " pg_database_size(current_database()), u.recorded_since, u.at, u.by, u.skipped,"            \
      " u.skipped_why, current_user::text FROM ledger l, upkeep u")                                \
    X(FACTS_TABLES, /* portions under the name of their table; rows and dead ones are estimates */ \
      "SELECT coalesce(p.relname, c.relname)::text,"                                               \
      " sum(greatest(coalesce(nullif(s.n_live_tup, 0), c.reltuples::int8), 0))::int8,"             \
      " sum(coalesce(s.n_dead_tup, 0))::int8, sum(pg_total_relation_size(c.oid))::int8"            \
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"       \
      " LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid"                                  \
      " LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent"                                    \
      " LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid"                              \
      " WHERE n.nspname = 'tasker' AND c.relkind = 'r' GROUP BY 1 ORDER BY 1")                     \
    X(FACTS_PORTIONS,                                                                              \
      "SELECT substr(c.relname, 6)::text FROM pg_catalog.pg_inherits i"                            \
      " JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"                                          \
      " WHERE i.inhparent = 'tasker.task'::regclass ORDER BY 1")                                   \
    /* minutes */                                                                                  \
    X(MINUTE_ADD,                                                                                  \
      "INSERT INTO minute (at, template_id, step_no, span, started, done, failed, times)"          \
      " SELECT * FROM unnest($1::timestamptz[], $2::int4[], $3::int2[], $4::int2[], $5::int8[],"   \
      " $6::int8[], $7::int8[], $8::bytea[])")                                                     \
    X(MINUTE_TAKE,                                                                                 \
      "DELETE FROM minute WHERE ctid = ANY (ARRAY(SELECT ctid FROM minute WHERE span = $1::int2"   \
      "  AND at < $2::timestamptz ORDER BY at LIMIT $3::int8)) RETURNING " TK_PG_MINUTE)           \
    X(MINUTE_LIST, /* and what COUNT_FOLD has not brought here yet */                              \
      "SELECT " TK_PG_MINUTE " FROM minute WHERE span IN (0, 1, 60) AND at >= $1::timestamptz"     \
      " UNION ALL SELECT * FROM (" TK_PG_MOMENTS("counter") ") m WHERE at >= $1::timestamptz")     \
    X(MINUTE_SINCE, "SELECT recorded_since FROM upkeep")                                           \
    /* keys */                                                                                     \
    X(KEY_INSERT,                                                                                  \
      "INSERT INTO api_key (hash, name, permissions, namespace, created_at, created_by,"           \
      " created_reason) VALUES ($1::bytea, $2::text, $3::text, nullif($4::text, ''),"              \
      " $5::timestamptz, nullif($6::text, ''), nullif($7::text, ''))"                              \
      " ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING id")                      \
    X(KEY_REVOKE,                                                                                  \
      "UPDATE api_key SET revoked_at = $2::timestamptz, revoked_by = nullif($3::text, ''),"        \
      " revoked_reason = nullif($4::text, '') WHERE id = $1::int4 AND revoked_at IS NULL"          \
      " RETURNING id")                                                                             \
    X(KEY_LIST, TK_PG_KEY " ORDER BY id")                                                          \
    X(KEY_FIND, TK_PG_KEY " WHERE hash = $1::bytea")                                               \
    X(READY_AHEAD,                                                                                 \
      "SELECT count(*) FROM (SELECT 1 FROM ready m JOIN ready r ON r.queue = m.queue"              \
      " AND r.handler = m.handler AND r.class >= m.class AND (r.class > m.class OR r.seq < m.seq)" \
      " WHERE m.task_id = $1::uuid AND m.step_no = $2::int2 LIMIT $3::int8) a")                    \
    X(RECORD_END, /* where the oldest open transaction begins that may write here */               \
      "SELECT mark, coalesce((SELECT min(x.xid) FROM pg_snapshot_xip(s.seen) AS x(xid)"            \
      "  WHERE x.xid::xid <> ALL (ARRAY(SELECT l.transactionid FROM pg_locks l,"                   \
      "   pg_stat_get_activity(l.pid) a WHERE l.locktype = 'transactionid' AND l.granted"          \
      "   AND l.mode = 'ExclusiveLock' AND a.pid = l.pid AND a.datid <> (SELECT oid FROM pg_database"\
      "    WHERE datname = current_database())))), pg_snapshot_xmax(s.seen))::text::int8 + xid_base" \
      " FROM ledger, pg_current_snapshot() AS s(seen)")                                            \
    X(RECORD_LIST, TK_PG_RECORDS("true", "true"))                                                    \
    X(RECORD_LIST_TASK, TK_PG_RECORDS("id = $6::uuid", "task_id = $6::uuid"))                        \
    X(LONG_READ, "SET LOCAL statement_timeout = 0")                                                \
    X(TAG_PLAN, "SET LOCAL enable_bitmapscan = on")                                                \
    X(ORPHANS,                                                                                     \
      TK_PG_ORPHANS("ready") " UNION ALL " TK_PG_ORPHANS("lease") " UNION ALL "                    \
      TK_PG_ORPHANS("later") " UNION ALL " TK_PG_ORPHANS("task_state") " UNION ALL "               \
      TK_PG_ORPHANS("task_page") " UNION ALL " TK_PG_ORPHANS("attempt") " UNION ALL "              \
      TK_PG_ORPHANS("act") " UNION ALL " TK_PG_ORPHANS("identity"))                          \
    X(STATELESS,                                                                                   \
      "SELECT t.id FROM task t WHERE NOT EXISTS"                                                   \
      " (SELECT 1 FROM task_state s WHERE s.task_id = t.id) ORDER BY t.id LIMIT 100")

/* Of advisory locks in the two-number form: (class, worker), and (class, 0) for making the tables. */
#define TK_PG_LOCK_CLASS "4266"
#define TK_PG_TASK_INSERT_TEXT                                                                     \
    "INSERT INTO tasker.task (id, created_at, run_at, template_id, priority, correlation_id,"             \
    " parent_correlation_id, tags, initiator, source_system, reason, bypass_steps, context)"       \
    " SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int4[],"          \
    " $5::int2[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[],"       \
    " $12::text[], $13::text[])"
#define TK_PG_TEMPLATE                                                                             \
    "SELECT t.id, t.revision, t.created_at, s.text, t.name, t.version, t.digest, t.spec"           \
    " FROM template t JOIN name s ON s.kind = 1 AND s.id = t.namespace"
#define TK_PG_MINUTE "at, template_id, step_no, span, started, done, failed, times"
/* Tasks submitted and completed (state 2) by minute. */
#define TK_PG_MOMENTS(moves)                                                                       \
    "SELECT date_bin('1 minute', at, 'epoch'::timestamptz) AS at, template_id, -1::int2 AS step_no," \
    " 0::int2 AS span, coalesce(sum(tasks) FILTER (WHERE from_state = 0), 0)::int8 AS started,"    \
    " coalesce(sum(tasks) FILTER (WHERE to_state = 2), 0)::int8 AS done, 0::int8 AS failed,"       \
    " ''::bytea AS times FROM " moves " WHERE at IS NOT NULL AND (from_state = 0 OR to_state = 2)" \
    " GROUP BY 1, 2"
#define TK_PG_KEY                                                                                  \
    "SELECT id, hash, name, permissions, namespace, created_at, created_by, created_reason,"       \
    " revoked_at, revoked_by, revoked_reason FROM api_key"
#define TK_PG_TASK_COLUMNS                                                                         \
    "t.id, t.n, t.created_at, t.run_at, t.template_id, t.priority, t.correlation_id,"              \
    " t.parent_correlation_id, t.tags, t.initiator, t.source_system, t.reason, t.bypass_steps,"    \
    " t.context"
#define TK_PG_ATTEMPT_COLUMNS                                                                      \
    "r.step_no, r.attempt, r.n, r.token, r.worker, r.outcome, r.enqueued_at, r.claimed_at,"        \
    " r.finished_at"
#define TK_PG_STATE                                                                                \
    "SELECT u.place, s.updated_at, s.state, s.open_steps, s.failed_steps, s.progress"              \
    " FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, place)"                                     \
    " JOIN task_state s ON s.task_id = u.id"
#define TK_PG_CANCELLED                                                                            \
    " INSERT INTO attempt (task_id, token, enqueued_at, claimed_at, finished_at, worker, step_no," \
    " attempt, outcome) SELECT task_id, token, enqueued_at, claimed_at,"                           \
    " greatest(claimed_at, $2::timestamptz), worker, step_no, attempt, 4 FROM d"                   \
    " RETURNING task_id, step_no"
/* Records behind ($1, $2) of the kinds $3, at most $4, of transactions before $5. */
#define TK_PG_RECORDED                                                                             \
    "(xid, n) > ($1::text::xid8, $2::int8) AND xid < $5::text::xid8"
#define TK_PG_RECORDS(of_task, of_other)                                                            \
    "SELECT e.kind, e.xid::text::int8, e.n, e.task_id, t.template_id, e.priority, e.at, e.step_no,"\
    " e.attempt, e.what, e.worker, e.enqueued_at, e.claimed_at, e.error, e.actor, e.reason FROM"   \
    " ((SELECT 1::int2 AS kind, xid, n, id AS task_id, priority, created_at AS at,"                \
    "  0::int2 AS step_no, 0::int4 AS attempt, 0::int2 AS what, 0::int4 AS worker,"                \
    "  NULL::timestamptz AS enqueued_at, NULL::timestamptz AS claimed_at, NULL::text AS error,"    \
    "  NULL::text AS actor, NULL::text AS reason FROM task"                                        \
    "  WHERE $3::int4 & 1 <> 0 AND " of_task " AND " TK_PG_RECORDED                                \
    "  ORDER BY xid, n LIMIT $4::int8)"                                                            \
    " UNION ALL (SELECT 2, xid, n, task_id, 0, finished_at, step_no, attempt, outcome, worker,"    \
    "  enqueued_at, claimed_at, error, NULL, NULL FROM attempt"                                    \
    "  WHERE $3::int4 & 2 <> 0 AND " of_other " AND " TK_PG_RECORDED                               \
    "  ORDER BY xid, n LIMIT $4::int8)"                                                            \
    " UNION ALL (SELECT 4, xid, n, task_id, 0, acted_at, step_no, attempt, kind, 0, NULL, NULL,"   \
    "  NULL, actor, reason FROM act"                                                               \
    "  WHERE $3::int4 & 4 <> 0 AND " of_other " AND " TK_PG_RECORDED                               \
    "  ORDER BY xid, n LIMIT $4::int8)"                                                            \
    " ORDER BY xid, n LIMIT $4::int8) e LEFT JOIN task t ON t.id = e.task_id ORDER BY e.xid, e.n"
#define TK_PG_ORPHANS(table)                                                                       \
    "(SELECT DISTINCT '" table "', o.task_id FROM " table " o"                                     \
    " WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = o.task_id) LIMIT 100)"
/* clang-format on */

typedef enum tk_pg_statement {
#define X(name, text) TK_PG_##name,
    TK_PG_STATEMENT_MAP(X)
#undef X
        TK_PG_STATEMENT_COUNT
} tk_pg_statement;

/* The statements' names and texts, by number. Where deliberate faults are built in, a text may change. */
#ifdef TK_MUTANTS
#define TK_PG_FIXED
#else
#define TK_PG_FIXED const
#endif
extern const char *const tk_pg_names[TK_PG_STATEMENT_COUNT];
extern const char *TK_PG_FIXED tk_pg_texts[TK_PG_STATEMENT_COUNT];

#endif
