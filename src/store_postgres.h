/*
 * store_postgres.h - inside of the PostgreSQL driver; no other file may include it.
 *
 *   store_postgres.c         the table, failures, transactions
 *   store_postgres_line.c    the line to the server: what is sent, what is answered
 *   store_postgres_run.c     how a statement is run
 *   store_postgres_open.c    opening, checking, sharing, connecting again, closing
 *   store_postgres_libpq.c   libpq's functions, loaded with the first store
 *   store_postgres_wake.c    the right to run workers, wake-ups
 *   store_postgres_names.c   names, templates, identities
 *   store_postgres_rows.c    saving tasks, states, ready, later, leases, attempts, acts, counts
 *   store_postgres_turn.c    what a turn needs: locks, outcomes, due steps, claims, results
 *   store_postgres_upkeep.c  what one elected process does for all
 *   store_postgres_hand.c    acts by hand, workers
 *   store_postgres_read.c    readers
 *   store_postgres_list.c    lists of tasks by a filter
 *
 * All statements take arrays, a set at a time, and name their parameters' types, so that they are
 * prepared once per connection with the session's search_path = tasker. Two rules shape them:
 *
 * - A reading that locks stands in a statement of its own and what hangs on it in a later one: a join
 *   with a lock returns new rows of one table beside old rows of the other (STATE_LOCK, then PAGE_READ).
 * - Nothing here waits where waiting could deadlock: due steps, claims and beats skip locked rows.
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
    X(NAME_LOCK, "LOCK TABLE name IN SHARE ROW EXCLUSIVE MODE")                                    \
    X(NAME_INSERT, /* with the table locked against other writers */                               \
      "INSERT INTO name (kind, id, text) SELECT $1::int2, coalesce(max(id), 0) + 1, $2::text"      \
      " FROM name WHERE kind = $1::int2 RETURNING id")                                             \
    X(NAME_LIST, "SELECT id, text FROM name WHERE kind = $1::int2 ORDER BY id")                    \
    X(TEMPLATE_LOCK, "LOCK TABLE template IN SHARE ROW EXCLUSIVE MODE")                            \
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
    /* submission */                                                                               \
    X(IDENTITY_INSERT, /* what it does not return exists: IDENTITY_READ */                         \
      "INSERT INTO identity (namespace, template, key, task_id)"                                   \
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
      "INSERT INTO task_state (task_id, updated_at, state, attention, open_steps, failed_steps,"   \
      " progress) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::int2[], $4::int2[],"     \
      " $5::int4[], $6::int4[], $7::bytea[])")                                                     \
    X(PAGE_WRITE,                                                                                  \
      "INSERT INTO task_page (task_id, page, progress)"                                            \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::bytea[])"                                 \
      " ON CONFLICT (task_id, page) DO UPDATE SET progress = excluded.progress")                   \
    X(READY_INSERT,                                                                                \
      "INSERT INTO ready (task_id, step_no, queue, handler, class, attempts, enqueued_at, deps)"   \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::int2[], $5::int2[],"          \
      " $6::int4[], $7::timestamptz[], $8::bool[])")                                               \
    X(LATER_INSERT,                                                                                \
      "INSERT INTO later (task_id, step_no, queue, handler, class, attempts, run_at, deps)"        \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::int2[], $5::int2[],"          \
      " $6::int4[], $7::timestamptz[], $8::bool[])")                                               \
    X(LEASE_INSERT,                                                                                \
      "INSERT INTO lease (task_id, step_no, attempt, token, worker, enqueued_at, claimed_at)"      \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int4[], $4::int8[], $5::int4[],"          \
      " $6::timestamptz[], $7::timestamptz[])")                                                    \
    X(ATTEMPT_INSERT,                                                                              \
      "INSERT INTO attempt (task_id, step_no, attempt, token, worker, outcome, enqueued_at,"       \
      " claimed_at, finished_at, result, error, metadata)"                                         \
      " SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int4[], $4::int8[], $5::int4[],"          \
      " $6::int2[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[],"         \
      " $11::text[], $12::text[])")                                                                 \
    X(ACT_INSERT,                                                                                  \
      "INSERT INTO act (task_id, acted_at, kind, step_no, attempt, actor, reason)"                 \
      " SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::int2[], $4::int2[], $5::int4[],"   \
      " $6::text[], $7::text[])")                                                                   \
    X(COUNT_ADD,                                                                                   \
      "INSERT INTO counter (template_id, from_state, to_state, tasks)"                             \
      " SELECT * FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int8[])")                     \
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
      " $4::int2[], $5::timestamptz[], $6::text[], $7::text[], $8::text[]) WITH ORDINALITY"        \
      " AS u(task_id, step_no, token, outcome, finished, result, error, metadata, place)"          \
      " ORDER BY task_id, step_no, token, place),"                                                 \
      " d AS (DELETE FROM lease l USING u"                                                         \
      "  WHERE l.task_id = u.task_id AND l.step_no = u.step_no AND l.token = u.token"              \
      "  RETURNING l.*, u.outcome, u.finished, u.result, u.error, u.metadata, u.place)"            \
      " INSERT INTO attempt (task_id, token, enqueued_at, claimed_at, finished_at, worker,"        \
      " step_no, attempt, outcome, result, error, metadata)"                                       \
      " SELECT task_id, token, enqueued_at, claimed_at, greatest(claimed_at, finished), worker,"   \
      " step_no, attempt, outcome, result, error, metadata FROM d ORDER BY place"                  \
      " RETURNING task_id, step_no, token, attempt, worker, enqueued_at, claimed_at, finished_at,"  \
      " n")                                                                                        \
    X(LEASE_RETURN,                                                                                \
      "WITH d AS (DELETE FROM lease l USING unnest($1::uuid[], $2::int2[], $3::int8[], $4::int2[],"\
      " $5::int2[], $6::int2[], $7::bool[]) AS u(t, s, k, q, h, c, p)"                             \
      "  WHERE l.task_id = u.t AND l.step_no = u.s AND l.token = u.k"                              \
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
    X(DUE_MOVE,                                                                                    \
      "WITH d AS (DELETE FROM later WHERE ctid = ANY(ARRAY(SELECT ctid FROM later"                 \
      "   WHERE run_at <= $1::timestamptz ORDER BY run_at LIMIT $2::int8 FOR UPDATE SKIP LOCKED))" \
      "  RETURNING *),"                                                                            \
      " i AS (INSERT INTO ready (task_id, step_no, queue, handler, class, attempts, deps,"         \
      "   enqueued_at) SELECT task_id, step_no, queue, handler, class, attempts, deps,"            \
      "   greatest(run_at, $1::timestamptz) FROM d ORDER BY run_at, task_id, step_no RETURNING 1)" \
      " SELECT count(*) FROM i")                                                                   \
    X(LATER_NEXT, "SELECT run_at FROM later ORDER BY run_at LIMIT 1")                              \
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
      "UPDATE worker SET beat = beat + 1, asleep = $2::bool, holding = $3::bool"                   \
      " WHERE id = (SELECT id FROM worker WHERE id = $1::int4 FOR UPDATE SKIP LOCKED)"             \
      " RETURNING beat")                                                                           \
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
      "WITH d AS (DELETE FROM counter RETURNING *)"                                                \
      " INSERT INTO counter (template_id, from_state, to_state, tasks)"                            \
      " SELECT template_id, from_state, to_state, sum(tasks) FROM d GROUP BY 1, 2, 3")             \
    X(DEPTH_LIST,                                                                                  \
      "SELECT queue, handler, sum(ready)::int8, sum(later)::int8, min(oldest) FROM"                \
      " (SELECT queue, handler, count(*) AS ready, 0 AS later, min(enqueued_at) AS oldest"         \
      "  FROM ready GROUP BY queue, handler"                                                       \
      "  UNION ALL SELECT queue, handler, 0, count(*), NULL FROM later GROUP BY queue, handler) w" \
      " GROUP BY queue, handler ORDER BY queue, handler")                                          \
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
    "INSERT INTO task (id, created_at, run_at, template_id, priority, correlation_id,"             \
    " parent_correlation_id, tags, initiator, source_system, reason, bypass_steps, context)"       \
    " SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int4[],"          \
    " $5::int2[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[],"       \
    " $12::text[], $13::text[])"
#define TK_PG_TEMPLATE                                                                             \
    "SELECT t.id, t.revision, t.created_at, s.text, t.name, t.version, t.digest, t.spec"           \
    " FROM template t JOIN name s ON s.kind = 1 AND s.id = t.namespace"
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

#define TK_PG_USUAL_MESSAGES "SET client_min_messages = error;"
#define TK_PG_USUAL_LIMIT "SET statement_timeout = '60s';"

/* The tables: schema_postgres.sql. */
extern const char tk_schema_postgres[];

#ifdef TK_WITH_POSTGRES

#define TK_PG_PARAMETERS_MAX 16

#define TK_PG_SCHEMA_VERSION 1
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
    PGconn *connection;
    bool prepared[TK_PG_STATEMENT_COUNT]; /* or on its way */
    tk_pg_pending pending[TK_PG_PENDING_MAX];
    uint32_t pending_count, synced; /* `synced` of them are before a Sync */
    bool taking;                    /* an answer is being read */
    bool committed;                 /* this transaction's COMMIT was answered well */
    bool readied;                   /* this transaction made steps ready */
    bool told;                      /* sleeping workers were told of the last ones */
    bool reads;                     /* within a READ transaction */
    bool patient;                   /* this transaction's statements may take long */
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
 * closed. */
tasker_status tk_pg_command(const tk_pg *pg, const char *sql, const char *doing,
                            tasker_error *error);

/* tk_pg_renew connects again when the connection is broken: settings, the worker's session lock,
 * LISTEN. With the mutex held, outside of transactions. */
tasker_status tk_pg_renew(tk_pg *pg, tasker_error *error);

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

/* tk_pg_line_answer does so and hands out the rows of the last; NULL with a failure in *status. */
PGresult *tk_pg_line_answer(tk_pg *pg, tk_pg_pending *last, tasker_status *status,
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

/* --- rows that several operations share ------------------------------------------------------- */

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
tasker_status tk_pg_upkeep(tk_store *store, bool *elected, uint32_t *skipped, tasker_error *error);
tasker_status tk_pg_backup(tk_store *store, const char *path, tasker_copied_fn copied, void *user,
                           int64_t *bytes, tasker_error *error);
tasker_status tk_pg_share(tk_store *store, tk_store **other, tasker_error *error);
void tk_pg_close(tk_store *store);

#endif
#endif
