/*
 * fill.c - a store with many tasks, as lists and overviews meet it; written with SQL, past the engine.
 *
 *   fill URL TASKS     a SQLite file, or a PostgreSQL database (its schema tasker goes away)
 *
 * Twenty templates in four namespaces. Of the tasks the newest 30 % run: a few at a worker, some wait for
 * a time, the others are in the queue. The older ones have ended, 2 % of them badly. Tags: "all" (each
 * second), "old" (each second of the older half), "common" (one of 10), "rare" (one of 1,000), "seldom"
 * (one of 100,000); initiators: "ann" (one of 50), "bob" (one of 200,000).
 */
#include <sqlite3.h>
#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#include "common.h"

#define TASKS_MAX 20000000
#define TEMPLATES 20
#define CHUNK 10000
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FROM_MS INT64_C(1790000000000) /* task i was made i ms later */

/* What both dialects have in common; `id` and `ms` stand for a task's id and its time. */
#define STATE                                                                                      \
    "CASE WHEN i > n * 0.7 THEN 1 WHEN i % 50 <> 0 THEN 2"                                         \
    " ELSE 3 + i / 50 % 4 END"
#define TAGS                                                                                       \
    "CASE WHEN i % 100000 = 0 THEN '[\"seldom\"]' WHEN i % 1000 = 1 THEN '[\"rare\",\"all\"]'"     \
    " WHEN i % 10 = 3 THEN '[\"common\",\"all\"]' WHEN i < n / 2 AND i % 2 = 0 THEN '[\"old\"]'"   \
    " WHEN i % 2 = 1 THEN '[\"all\"]' END"
#define INITIATOR "CASE WHEN i % 200000 = 7 THEN 'bob' WHEN i % 50 = 0 THEN 'ann' END"
#define CONTEXT "'{\"order_id\":' || i || ',\"customer\":\"someone\",\"total\":\"12.50\"}'"

static void templates_put(const char *url) {
    tasker *handle = bench_open(url);
    tasker_error error = {0};
    for (int i = 0; i < TEMPLATES; i++) {
        char yaml[256];
        int size = snprintf(yaml, sizeof(yaml),
                            "name: list_%d\nnamespace_name: space_%d\nversion: 1.0.0\nsteps:\n"
                            "  - name: a\n    handler: {callable: Handler%d}\n",
                            i, i % 4, i % 7);
        if (tasker_template_put(handle, (tasker_bytes){yaml, (size_t)size}, "list.yaml", NULL,
                                &error) != TASKER_OK) {
            bench_fail("template", &error);
        }
    }
    tasker_close(handle);
}

/* --- SQLite ----------------------------------------------------------------------------------- */

#define SQLITE_NUMBERS                                                                             \
    "WITH RECURSIVE s (i, n) AS (SELECT 1, ?1 UNION ALL SELECT i + 1, n FROM s WHERE i < n) "

static const char *const sqlite_steps[] = {
    "CREATE TEMP TABLE pick AS SELECT t.id AS template, t.namespace AS queue, h.id AS handler,"
    " CAST(substr(t.name, 6) AS INT) AS k FROM template t JOIN name h ON h.kind = 2"
    " AND h.text = 'Handler' || (CAST(substr(t.name, 6) AS INT) % 7) WHERE t.name LIKE 'list_%'",
    "CREATE UNIQUE INDEX temp.pick_k ON pick (k)",
    SQLITE_NUMBERS "INSERT INTO task SELECT uuid(i), i, (1790000000000 + i) * 1000, 0, p.template,"
                   " 0, CASE WHEN i % 500 = 9 THEN uuid(i - 9) END, NULL, " TAGS ", " INITIATOR
                   ", CASE WHEN i % 3 = 0 THEN 'shop' END, NULL, NULL, " CONTEXT
                   " FROM s JOIN pick p ON p.k = i % 20",
    SQLITE_NUMBERS
    "INSERT INTO task_state SELECT uuid(i), (1790000000000 + i) * 1000 + 900, x.state,"
    " CASE WHEN x.state > 2 THEN x.state ELSE 0 END, x.state = 1, x.state = 3,"
    " CASE x.state WHEN 1 THEN x'010000' WHEN 3 THEN x'030000' ELSE x'020000' END"
    " FROM (SELECT i, " STATE " AS state FROM s) x",
    SQLITE_NUMBERS
    "INSERT INTO attempt SELECT uuid(i), 0, 1, n + i, i, 1, 1,"
    " (1790000000000 + i) * 1000, (1790000000000 + i) * 1000 + 500,"
    " (1790000000000 + i) * 1000 + 900, '{\"ok\":true}', NULL, NULL FROM s WHERE i <= n * 0.7",
    SQLITE_NUMBERS "INSERT INTO ready SELECT p.queue, p.handler, 0, i, uuid(i), 0, 0,"
                   " (1790000000000 + i) * 1000, 0 FROM s JOIN pick p ON p.k = i % 20"
                   " WHERE i > n * 0.7 AND i % 20 <> 1 AND i % 1000 <> 2",
    SQLITE_NUMBERS
    "INSERT INTO later SELECT uuid(i), 0, (1890000000000 + i) * 1000, 1, p.queue,"
    " p.handler, 0, 0 FROM s JOIN pick p ON p.k = i % 20 WHERE i > n * 0.7 AND i % 20 = 1",
    SQLITE_NUMBERS "INSERT INTO lease SELECT uuid(i), 0, 1, i, 1, (1790000000000 + i) * 1000,"
                   " (1790000000000 + i) * 1000 FROM s WHERE i > n * 0.7 AND i % 1000 = 2",
    SQLITE_NUMBERS "INSERT OR IGNORE INTO task_tag SELECT value, uuid(i) FROM"
                   " (SELECT i, " TAGS
                   " AS tags FROM s) x, json_each(x.tags) WHERE x.tags IS NOT NULL"
                   " ORDER BY 1, 2",
    SQLITE_NUMBERS
    "INSERT INTO identity SELECT p.queue, 'list_' || (i % 20), 'k:key-' || i, uuid(i)"
    " FROM s JOIN pick p ON p.k = i % 20 WHERE i % 10 = 0",
    SQLITE_NUMBERS "INSERT INTO counter SELECT p.template, x.state, count(*)"
                   " FROM (SELECT i, " STATE
                   " AS state FROM s) x JOIN pick p ON p.k = x.i % 20 GROUP BY 1, 2",
    "UPDATE ledger SET n = 2 * ?1, seq = ?1",
    "INSERT INTO worker VALUES (1, 1, 1790000000000000, 1, 0, 'bench', 'here', '[]',"
    " '[\"Handler0\",\"Handler1\"]')",
};

/* A task's id is its time, its number, and 16 bits of nothing. */
static void uuid_make(int64_t i, uint8_t id[16]) {
    uint64_t ms = (uint64_t)(FROM_MS + i);
    memset(id, 0, 16);
    for (int k = 0; k < 6; k++) {
        id[k] = (uint8_t)(ms >> (40 - 8 * k));
    }
    id[6] = (uint8_t)(0x70 | (i & 15));
    id[8] = (uint8_t)(0x80 | (i & 15));
    for (int k = 0; k < 4; k++) {
        id[10 + k] = (uint8_t)((uint64_t)i >> (24 - 8 * k));
    }
}

static void uuid_function(sqlite3_context *context, int count, sqlite3_value **values) {
    uint8_t id[16];
    (void)count;
    uuid_make(sqlite3_value_int64(values[0]), id);
    sqlite3_result_blob(context, id, sizeof(id), SQLITE_TRANSIENT);
}

static void sqlite_run(sqlite3 *db, const char *sql, int64_t tasks) {
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        if (sqlite3_bind_parameter_count(stmt) > 0) {
            sqlite3_bind_int64(stmt, 1, tasks);
        }
        while (sqlite3_step(stmt) == SQLITE_ROW) {
        }
    }
    if (sqlite3_finalize(stmt) != SQLITE_OK || stmt == NULL) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
}

static void sqlite_fill(const char *path, int64_t tasks) {
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        bench_fail(path, NULL);
    }
    sqlite3_create_function(db, "uuid", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, uuid_function,
                            NULL, NULL);
    sqlite_run(db, "PRAGMA synchronous = OFF", 0);
    sqlite_run(db, "BEGIN", 0);
    for (size_t i = 0; i < COUNT_OF(sqlite_steps); i++) {
        sqlite_run(db, sqlite_steps[i], tasks);
    }
    sqlite_run(db, "COMMIT", 0);
    sqlite_run(db, "PRAGMA wal_checkpoint(TRUNCATE)", 0);
    sqlite3_close(db);
}

/* --- PostgreSQL ------------------------------------------------------------------------------- */

#ifdef TK_WITH_POSTGRES
#define NUMBERS "FROM (SELECT i, TASKS::int8 AS n FROM generate_series(LOW::int8, HIGH::int8) i) s"
#define AT "timestamptz 'epoch' + (1790000000000 + i) * interval '1 millisecond'"
#define PICKED " JOIN pick p ON p.k = i % 20"

static const char *const server_first[] = {
    "SET search_path = tasker; SET synchronous_commit = off; SET work_mem = '64MB';"
    "CREATE FUNCTION pg_temp.uuid(i int8) RETURNS uuid LANGUAGE sql IMMUTABLE AS"
    " $$ SELECT (lpad(to_hex(1790000000000 + i), 12, '0') || '7' || to_hex(i % 16) || '008'"
    " || to_hex(i % 16) || '00' || lpad(to_hex(i), 8, '0') || '0000')::uuid $$;"
    "CREATE TEMP TABLE pick AS SELECT t.id AS template, t.namespace AS queue, h.id AS handler,"
    " substr(t.name, 6)::int AS k FROM template t JOIN name h ON h.kind = 2"
    " AND h.text = 'Handler' || (substr(t.name, 6)::int % 7) WHERE t.name LIKE 'list_%';",
};

/* Run for each CHUNK tasks, as submissions are no single transaction. */
static const char *const server_chunk[] = {
    "INSERT INTO task (id, created_at, template_id, priority, correlation_id, tags, initiator,"
    " source_system, context) SELECT pg_temp.uuid(i), " AT ", p.template, 0,"
    " CASE WHEN i % 500 = 9 THEN pg_temp.uuid(i - 9) END, " TAGS ", " INITIATOR ","
    " CASE WHEN i % 3 = 0 THEN 'shop' END, " CONTEXT " " NUMBERS PICKED " ORDER BY i",
    "INSERT INTO task_state SELECT pg_temp.uuid(i), " AT ", x.state,"
    " CASE WHEN x.state > 2 THEN x.state ELSE 0 END, (x.state = 1)::int, (x.state = 3)::int,"
    " CASE x.state WHEN 1 THEN '\\x010000'::bytea WHEN 3 THEN '\\x030000' ELSE '\\x020000' END"
    " FROM (SELECT i, " STATE " AS state " NUMBERS ") x ORDER BY i",
    "INSERT INTO attempt (task_id, step_no, attempt, token, worker, outcome, enqueued_at,"
    " claimed_at, finished_at, result) SELECT pg_temp.uuid(i), 0, 1, i, 1, 1, " AT ", " AT ", " AT
    ", '{\"ok\":true}' " NUMBERS " WHERE i <= n * 0.7 ORDER BY i",
    "INSERT INTO ready (task_id, enqueued_at, attempts, step_no, queue, handler, class, deps)"
    " SELECT pg_temp.uuid(i), " AT ", 0, 0, p.queue, p.handler, 0, false " NUMBERS PICKED
    " WHERE i > n * 0.7 AND i % 20 <> 1 AND i % 1000 <> 2 ORDER BY i",
    "INSERT INTO later (task_id, run_at, attempts, step_no, queue, handler, class, deps)"
    " SELECT pg_temp.uuid(i), " AT
    " + interval '3 years', 1, 0, p.queue, p.handler, 0, false " NUMBERS PICKED
    " WHERE i > n * 0.7 AND i % 20 = 1",
    "INSERT INTO lease (task_id, token, enqueued_at, claimed_at, worker, attempt, step_no)"
    " SELECT pg_temp.uuid(i), i, " AT ", " AT ", 1, 1, 0 " NUMBERS
    " WHERE i > n * 0.7 AND i % 1000 = 2",
    "INSERT INTO identity SELECT p.queue, 'list_' || (i % 20), 'k:key-' || i, "
    "pg_temp.uuid(i) " NUMBERS PICKED " WHERE i % 10 = 0",
};

static const char *const server_last[] = {
    "INSERT INTO counter SELECT p.template, 0, x.state, count(*) FROM (SELECT i, " STATE " AS "
    "state " NUMBERS ") x JOIN pick p ON p.k = x.i % 20 GROUP BY 1, 3",
    "INSERT INTO worker VALUES (1, 1, now(), now(), 1, 1, false, false, 'bench', 'here', '[]',"
    " '[\"Handler0\",\"Handler1\"]')",
    "VACUUM ANALYZE",
};

/* Puts a number in the place of a word. */
static bool put_number(const char **at, const char *word, long long number, char *sql,
                       size_t *size) {
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0) {
        return false;
    }
    *size += (size_t)snprintf(sql + *size, 24, "%lld", number);
    *at += length;
    return true;
}

static void server_run(PGconn *connection, const char *form, long long tasks, long long low,
                       long long high) {
    char sql[8192];
    size_t size = 0;
    for (const char *at = form; *at != '\0';) {
        if (size + 32 > sizeof(sql)) {
            bench_fail("a statement is too long", NULL);
        }
        if (!put_number(&at, "TASKS", tasks, sql, &size) &&
            !put_number(&at, "LOW", low, sql, &size) &&
            !put_number(&at, "HIGH", high, sql, &size)) {
            sql[size++] = *at++;
        }
    }
    sql[size] = '\0';
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(connection));
        exit(1);
    }
    PQclear(result);
}

static void server_fill(const char *url, long long tasks) {
    PGconn *connection = PQconnectdb(url);
    for (size_t i = 0; i < COUNT_OF(server_first); i++) {
        server_run(connection, server_first[i], tasks, 1, tasks);
    }
    for (long long low = 1; low <= tasks; low += CHUNK) {
        long long high = low + CHUNK - 1 < tasks ? low + CHUNK - 1 : tasks;
        for (size_t i = 0; i < COUNT_OF(server_chunk); i++) {
            server_run(connection, server_chunk[i], tasks, low, high);
        }
    }
    for (size_t i = 0; i < COUNT_OF(server_last); i++) {
        server_run(connection, server_last[i], tasks, 1, tasks);
    }
    PQfinish(connection);
}
#endif

int main(int argc, char **argv) {
    long long tasks = argc == 3 ? atoll(argv[2]) : 0;
    if (tasks < 1 || tasks > TASKS_MAX) {
        fprintf(stderr, "usage: fill URL TASKS (1 to %d)\n", TASKS_MAX);
        return 2;
    }
    int64_t began_us = bench_now_us();
    bench_store_remove(argv[1]);
    templates_put(argv[1]);
    if (strncmp(argv[1], "sqlite:", 7) == 0) {
        sqlite_fill(argv[1] + 7, tasks);
    } else {
#ifdef TK_WITH_POSTGRES
        server_fill(argv[1], tasks);
#endif
    }
    printf("%lld tasks in %.1f s\n", tasks, (double)(bench_now_us() - began_us) / 1e6);
    return 0;
}
