/* Versions of the tables: older ones are refused or brought up to date, newer ones refused. On
 * PostgreSQL (TASKER_TEST_POSTGRES) also portions, and the rights of the role that runs. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif
#include <sqlite3.h>

#include "support/store_file.h"
#include "support/store_fixture.h"

#define DAY_US (INT64_C(86400) * 1000000)

extern const char tk_schema_sqlite[];
extern const char tk_schema_postgres[];

static tasker_status open_at(const char *url, bool migrate, int32_t *found, tk_store **store,
                             tasker_error *error) {
    const tk_store_config config = {
        .url = url,
        .must_exist = true,
        .migrate = migrate,
        .version_found = found,
        .clock = &tk_clock_system,
    };
    *store = NULL;
    return tk_store_open(&config, store, error);
}

/* --- SQLite ----------------------------------------------------------------------------------- */

static void file_run(const store_file *file, const char *sql) {
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(file->path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(store_migrate, a_file_of_version_1_is_refused_until_it_is_migrated) {
    store_file file;
    tk_store *store = NULL;
    tasker_error error = {0};
    int32_t found = -1;
    store_file_make(&file);
    file_run(&file, tk_schema_sqlite);
    cr_assert_eq(open_at(file.url, false, NULL, &store, &error), TASKER_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "tasker store migrate"), "%s", error.message);
    cr_assert_eq(open_at(file.url, true, &found, &store, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(found, 1);
    cr_assert_eq(store_file_problems(store, &error), 0);
    tk_store_close(store);
    cr_assert_eq(open_at(file.url, false, &found, &store, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(found, 4);
    tk_store_close(store);
    store_file_remove(&file);
}

Test(store_migrate, a_file_is_not_migrated_when_roles_or_portions_are_asked_for) {
    const tasker_migrate_options wishes[] = {
        {.size = sizeof(wishes[0]), .period = "week"},
        {.size = sizeof(wishes[0]), .period = "none"},
        {.size = sizeof(wishes[0]), .runtime_role = "runner"},
    };
    store_file file;
    tk_store *store = NULL;
    tasker_error error = {0};
    int32_t found = -1;
    store_file_make(&file);
    file_run(&file, tk_schema_sqlite);
    for (size_t i = 0; i < TK_COUNT_OF(wishes); i++) {
        tasker_text report;
        cr_assert_eq(tasker_store_migrate(file.url, &wishes[i], &report, &error),
                     TASKER_UNSUPPORTED);
        cr_assert_not_null(strstr(error.message, "roles and portions"), "%s", error.message);
    }
    cr_assert_eq(open_at(file.url, true, &found, &store, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(found, 1, "it was migrated to %d", found);
    tk_store_close(store);
    store_file_remove(&file);
}

Test(store_migrate, a_step_that_fails_leaves_the_version_before_it) {
    store_file file;
    tk_store *store = NULL;
    tasker_error error = {0};
    int32_t found = -1;
    store_file_make(&file);
    file_run(&file, tk_schema_sqlite);
    file_run(&file, "CREATE TABLE identity_task (of_somebody INT)");
    cr_assert_eq(open_at(file.url, true, NULL, &store, &error), TASKER_STORE);
    cr_assert_null(store);
    file_run(&file, "DROP TABLE identity_task");
    cr_assert_eq(open_at(file.url, true, &found, &store, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(found, 1);
    tk_store_close(store);
    store_file_remove(&file);
}

#ifdef TK_WITH_POSTGRES
/* --- PostgreSQL ------------------------------------------------------------------------------- */

typedef struct server {
    char database[48];
    char url[256];
    const char *where;
} server;

static PGresult *ask(const char *url, const char *sql) {
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql,
              PQerrorMessage(connection));
    PQfinish(connection);
    return result;
}

static void run(const char *url, const char *sql) {
    PQclear(ask(url, sql));
}

static int64_t number(const char *url, const char *sql) {
    PGresult *result = ask(url, sql);
    cr_assert_eq(PQntuples(result), 1, "%s", sql);
    int64_t answer = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return answer;
}

static void server_open(server *s) {
    char sql[160];
    s->where = getenv("TASKER_TEST_POSTGRES");
    if (s->where == NULL) {
        cr_skip_test("TASKER_TEST_POSTGRES names no server");
    }
    (void)snprintf(s->database, sizeof(s->database), "tasker_migrate_%d", (int)getpid());
    (void)snprintf(s->url, sizeof(s->url), "%s%cdbname=%s", s->where,
                   strchr(s->where, '?') == NULL ? '?' : '&', s->database);
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0",
                   s->database);
    run(s->where, sql);
}

static void server_close(const server *s) {
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", s->database);
    run(s->where, sql);
}

static void url_of(const server *s, const char *role, char url[400]) {
    (void)snprintf(url, 400, "%s&user=%.60s", s->url, role);
}

Test(store_migrate, a_server_of_version_1_keeps_its_rows_when_it_is_migrated, .timeout = 60) {
    server s;
    tk_store *store = NULL;
    tasker_error error = {0};
    int32_t found = -1;
    server_open(&s);
    run(s.url, tk_schema_postgres);
    run(s.url, "INSERT INTO tasker.task (id, created_at, template_id, priority, context) VALUES"
               " ('018bcfe5-6800-7000-8000-000000000000', now(), 1, 0, '{}');"
               "INSERT INTO tasker.task_state VALUES"
               " ('018bcfe5-6800-7000-8000-000000000000', now(), 1, 0, 1, 0, '\\x010000')");
    cr_assert_eq(open_at(s.url, false, NULL, &store, &error), TASKER_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "tasker store migrate"), "%s", error.message);
    cr_assert_eq(open_at(s.url, true, &found, &store, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(found, 1);
    cr_assert_eq(store_file_problems(store, &error), 0, "%s", error.message);
    tk_store_close(store);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM tasker.task_state_default"), 1);
    cr_assert_geq(number(s.url, "SELECT count(*) FROM pg_inherits"
                                " WHERE inhparent = 'tasker.attempt'::regclass"),
                  3, "portions of the time to come are there");
    server_close(&s);
}

Test(store_migrate, tables_that_are_missing_or_newer_are_refused, .timeout = 60) {
    server s;
    tk_store *store = NULL;
    tasker_error error = {0};
    server_open(&s);
    cr_assert_eq(open_at(s.url, true, NULL, &store, &error), TASKER_NOTFOUND);
    tk_store_close(store_file_open(s.url));
    run(s.url, "UPDATE tasker.ledger SET version = 1000");
    cr_assert_eq(open_at(s.url, true, NULL, &store, &error), TASKER_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "newer"), "%s", error.message);
    server_close(&s);
}

/* --- portions --------------------------------------------------------------------------------- */

static void set_up(tk_store *store, tk_setup setup) {
    tk_arena arena = {0};
    tasker_error error = {0};
    cr_assert_eq(store->driver->set_up(store, &arena, &setup, &error), TASKER_OK, "%s",
                 error.message);
    tk_arena_release(&arena);
}

Test(store_migrate, portions_are_made_ahead_and_never_more_than_twelve, .timeout = 60) {
    static const char count[] = "SELECT count(*) FROM pg_inherits"
                                " WHERE inhparent = 'tasker.task_state'::regclass";
    server s;
    server_open(&s);
    tk_store *store = store_file_open(s.url);
    int64_t now_us = tk_clock_now(&tk_clock_system);
    int64_t months = number(s.url, count);
    cr_assert(months == 3 || months == 4, "this month and what begins within 35 days, not %d",
              (int)months);
    set_up(store, (tk_setup){.now_us = now_us});
    cr_assert_eq(number(s.url, count), months, "again: no change");
    set_up(store, (tk_setup){.now_us = now_us + 35 * DAY_US, .period = TK_PERIOD_WEEK});
    cr_assert_gt(number(s.url, count), months);
    for (int i = 2; i < 12; i++) {
        set_up(store, (tk_setup){.now_us = now_us + i * 35 * DAY_US});
    }
    cr_assert_eq(number(s.url, count), 12);
    tk_store_close(store);
    server_close(&s);
}

Test(store_migrate, a_large_default_portion_is_looked_through_before_it_is_locked, .timeout = 60) {
    server s;
    server_open(&s);
    tk_store *store = store_file_open(s.url);
    set_up(store, (tk_setup){.now_us = 1, .period = TK_PERIOD_NONE});
    run(s.url, "INSERT INTO tasker.attempt_default (task_id, token, enqueued_at, claimed_at,"
               " finished_at, worker, attempt, step_no, outcome, error)"
               " SELECT ('018bcfe5-6800-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 0, now(),"
               " now(), now(), 1, 1, 0, 2, repeat(md5(i::text), 60)"
               " FROM generate_series(1, 40000) i");
    int64_t now_us = tk_clock_now(&tk_clock_system);
    set_up(store, (tk_setup){.now_us = now_us + 70 * DAY_US, .period = TK_PERIOD_MONTH});
    cr_assert_gt(number(s.url, "SELECT count(*) FROM pg_inherits"
                               " WHERE inhparent = 'tasker.act'::regclass"),
                 4);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM pg_constraint WHERE conname ~ '_bound$'"), 0);
    tk_store_close(store);
    server_close(&s);
}

static void put_task(const char *url, int64_t at_us, int number_of, int state, int64_t updated_us) {
    char sql[640];
    char id[TASKER_UUID_SIZE];
    tk_uuid uuid = tk_uuid_task(at_us, (uint64_t)number_of);
    tk_uuid_format(&uuid, id);
    (void)snprintf(sql, sizeof(sql),
                   "SET search_path = tasker;"
                   "INSERT INTO task (id, created_at, template_id, priority, context)"
                   " VALUES ('%s', to_timestamp(%f), 7, 0, '{}');"
                   "INSERT INTO task_state VALUES"
                   " ('%s', to_timestamp(%f), %d, 0, 0, 0, '\\x020000');"
                   "INSERT INTO identity VALUES (1, 'job', 'key %d', '%s');"
                   "INSERT INTO counter VALUES (7, 0, %d, 1)",
                   id, (double)at_us / 1e6, id, (double)updated_us / 1e6, state, number_of, id,
                   state);
    run(url, sql);
}

/* The answers of one pruning, by portion. */
static int prune_all(tk_store *store, int64_t before_us, tk_arena *arena, tk_prune *out, int room) {
    tasker_error error = {0};
    tk_prune prune = {.before_us = before_us, .limit = 100, .more = true};
    int count = 0;
    while (prune.more) {
        cr_assert_lt(count, room);
        cr_assert_eq(store->driver->prune(store, arena, &prune, &error), TASKER_OK, "%s",
                     error.message);
        out[count++] = prune;
    }
    return count;
}

/* A store whose only portions are those that a test makes. */
static tk_store *store_bare(const char *url) {
    tk_store *store = store_file_open(url);
    run(url, "DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT inhrelid FROM pg_inherits i"
             " JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'r'"
             " AND c.relname ~ '[0-9]{8}$' LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; END $$");
    return store;
}

Test(store_migrate, a_portion_goes_whole_when_all_in_it_is_over, .timeout = 60) {
    server s;
    tk_arena arena = {0};
    tk_prune seen[16];
    int64_t from_us = INT64_C(1767571200) * 1000000; /* Monday, 5 January 2026 */
    server_open(&s);
    tk_store *store = store_bare(s.url);
    set_up(store, (tk_setup){.now_us = from_us, .period = TK_PERIOD_WEEK});
    put_task(s.url, from_us - DAY_US, 1, 2, from_us);     /* before the first: default */
    put_task(s.url, from_us + 1 * DAY_US, 2, 2, from_us); /* first week, all over */
    put_task(s.url, from_us + 2 * DAY_US, 3, 4, from_us);
    put_task(s.url, from_us + 8 * DAY_US, 4, 2, from_us); /* second: one is blocked */
    put_task(s.url, from_us + 9 * DAY_US, 5, 3, from_us);
    put_task(s.url, from_us + 15 * DAY_US, 6, 2, from_us + 60 * DAY_US); /* third: ended lately */
    put_task(s.url, from_us + 22 * DAY_US, 7, 2, from_us);               /* fourth: not over yet */
    int count = prune_all(store, from_us + 24 * DAY_US, &arena, seen, 16);
    cr_assert_eq(count, 4, "three portions and the default one, not %d", count);
    cr_assert_str_eq(seen[0].portion.data, "20260105");
    cr_assert_eq(seen[0].tasks, 2);
    cr_assert_eq(seen[0].identities, 2);
    cr_assert_str_eq(seen[1].portion.data, "20260112");
    cr_assert_eq(seen[1].tasks, 0);
    cr_assert_eq(seen[1].kept, 1, "the open one keeps its portion");
    cr_assert_eq(seen[2].kept, 1);
    cr_assert_eq(seen[3].tasks, 1);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM tasker.task"), 4);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM tasker.identity"), 4);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM pg_class WHERE relname LIKE '%_20260105'"), 0);
    cr_assert_eq(number(s.url, "SELECT sum(CASE WHEN to_state = 2 THEN tasks"
                               " WHEN from_state = 2 THEN -tasks END)::int8 FROM tasker.counter"),
                 3, "the counts went along");
    tk_arena_release(&arena);
    tk_store_close(store);
    server_close(&s);
}

typedef struct pruner {
    tk_store *store;
    int64_t before_us;
    int count;
    tk_prune seen[4];
} pruner;

static void *prune_aside(void *arg) {
    pruner *p = arg;
    tk_arena arena = {0};
    p->count = prune_all(p->store, p->before_us, &arena, p->seen, 4);
    tk_arena_release(&arena);
    return NULL;
}

Test(store_migrate, a_portion_waits_for_readers_and_lets_writers_pass, .timeout = 60) {
    server s;
    pthread_t thread;
    int64_t from_us = INT64_C(1767571200) * 1000000; /* Monday, 5 January 2026 */
    server_open(&s);
    tk_store *store = store_bare(s.url);
    set_up(store, (tk_setup){.now_us = from_us, .period = TK_PERIOD_WEEK});
    put_task(s.url, from_us + 1 * DAY_US, 1, 2, from_us);
    PGconn *reader = PQconnectdb(s.url);
    PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM tasker.task"));
    pruner p = {.store = store, .before_us = from_us + 8 * DAY_US};
    cr_assert_eq(pthread_create(&thread, NULL, prune_aside, &p), 0);
    for (int i = 0; i < 4; i++) { /* for longer than one try takes */
        usleep(300000);
        put_task(s.url, from_us + 9 * DAY_US, 10 + i, 1, from_us);
        cr_assert_eq(number(s.url, "SELECT count(*) FROM pg_class WHERE relname = 'task_20260105'"),
                     1);
    }
    PQfinish(reader);
    pthread_join(thread, NULL);
    cr_assert_eq(p.count, 2);
    cr_assert_eq(p.seen[0].tasks, 1);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM pg_class WHERE relname = 'task_20260105'"), 0);
    cr_assert_eq(number(s.url, "SELECT count(*) FROM tasker.task"), 4);
    tk_store_close(store);
    server_close(&s);
}

#define LONG_ROWS "200000"
#define LONG_COUNTS 10

typedef struct counter {
    tk_store *store;
    int64_t before_us, kept;
    _Atomic(bool) over;
} counter;

static void *count_often(void *argument) {
    counter *c = argument;
    tk_arena arena = {0};
    for (int i = 0; i < LONG_COUNTS; i++) {
        tk_prune prune = {.before_us = c->before_us, .limit = 1, .dry_run = true};
        cr_assert_eq(c->store->driver->prune(c->store, &arena, &prune, NULL), TASKER_OK);
        c->kept = prune.kept;
    }
    tk_arena_release(&arena);
    atomic_store(&c->over, true);
    return NULL;
}

/* Who counts locks nothing: updates go on at once, also in the portion that is counted. */
Test(store_migrate, a_portion_that_is_counted_for_long_lets_updates_pass, .timeout = 60) {
    server s;
    pthread_t thread;
    int64_t from_us = INT64_C(1767571200) * 1000000; /* Monday, 5 January 2026 */
    int updates = 0;
    server_open(&s);
    tk_store *store = store_bare(s.url);
    set_up(store, (tk_setup){.now_us = from_us, .period = TK_PERIOD_WEEK});
    put_task(s.url, from_us + 1 * DAY_US, 1, 3, from_us);
    run(s.url, "INSERT INTO tasker.task_state SELECT"
               " overlay(task_id::text placing to_char(i, 'FM00000000') from 29)::uuid,"
               " updated_at, 2, 0, 0, 0, progress FROM tasker.task_state,"
               " generate_series(100000, 99999 + " LONG_ROWS ") i");
    counter c = {.store = store, .before_us = from_us + 8 * DAY_US};
    PGconn *writer = PQconnectdb(s.url);
    PQclear(PQexec(writer, "SET lock_timeout = '50ms'"));
    cr_assert_eq(pthread_create(&thread, NULL, count_often, &c), 0);
    while (!atomic_load(&c.over)) {
        PGresult *result = PQexec(writer, "UPDATE tasker.task_state SET open_steps = open_steps + 1"
                                          " WHERE attention <> 0");
        cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(writer));
        PQclear(result);
        updates++;
    }
    pthread_join(thread, NULL);
    cr_assert_geq(updates, LONG_COUNTS, "%d updates beside %d counts", updates, LONG_COUNTS);
    cr_assert_eq(c.kept, 1);
    PQfinish(writer);
    tk_store_close(store);
    server_close(&s);
}

static tk_record_place record_end(tk_store *store) {
    tk_record_place end;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, record_end, &end, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    return end;
}

/* As if the tables came out of a dump of a cluster that is far ahead. */
Test(store_migrate, a_record_that_was_restored_elsewhere_goes_on_behind_its_end, .timeout = 60) {
    server s;
    tk_arena arena = {0};
    tk_record_row *rows = NULL;
    uint32_t count = 0;
    int64_t now_us = INT64_C(1767571200) * 1000000;
    server_open(&s);
    tk_store *store = store_bare(s.url);
    put_task(s.url, now_us, 1, 2, now_us);
    tk_record_place before = record_end(store);
    set_up(store, (tk_setup){.now_us = now_us, .rights = true});
    cr_assert_eq(record_end(store).mark, before.mark, "nothing has changed");
    run(s.url, "UPDATE tasker.task SET xid = '9000000000';"
               "UPDATE tasker.ledger SET cluster = 'elsewhere'");
    set_up(store, (tk_setup){.now_us = now_us, .rights = true});
    put_task(s.url, now_us, 2, 2, now_us);
    tk_record_place end = record_end(store);
    cr_assert_neq(end.mark, before.mark);
    cr_assert_gt(end.xid, INT64_C(9000000000));
    const tk_record_filter all = {.kinds = 7, .limit = 10, .end_xid = end.xid};
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, record_list, &arena, &all, &rows, &count, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert_eq(count, 2);
    cr_assert(rows[0].xid == INT64_C(9000000000) && rows[1].xid > rows[0].xid);
    cr_assert_lt(rows[1].xid, end.xid);
    set_up(store, (tk_setup){.now_us = now_us, .rights = true});
    cr_assert_eq(record_end(store).mark, end.mark, "an epoch begins once");
    tk_arena_release(&arena);
    tk_store_close(store);
    server_close(&s);
}

/* --- roles ------------------------------------------------------------------------------------ */

Test(store_migrate, the_role_that_runs_owns_what_it_vacuums_and_changes_no_record, .timeout = 60) {
    static const char *const refused[] = {
        "DELETE FROM tasker.attempt",
        "UPDATE tasker.task SET context = '{}'",
        "UPDATE tasker.ledger SET version = 0",
        "DELETE FROM tasker.task_state",
        "DROP TABLE tasker.task",
        "CREATE TABLE tasker.mine (a int)",
    };
    server s;
    char owner[400], runtime[400], sql[256];
    tasker_error error = {0};
    server_open(&s);
    (void)snprintf(sql, sizeof(sql),
                   "CREATE ROLE owner_%d LOGIN; CREATE ROLE runtime_%d LOGIN;"
                   "GRANT runtime_%d TO owner_%d; ALTER DATABASE %s OWNER TO owner_%d",
                   getpid(), getpid(), getpid(), getpid(), s.database, getpid());
    run(s.url, sql);
    (void)snprintf(sql, sizeof(sql), "owner_%d", getpid());
    url_of(&s, sql, owner);
    (void)snprintf(sql, sizeof(sql), "runtime_%d", getpid());
    url_of(&s, sql, runtime);

    cr_assert_null(store_file_try(runtime, false, false, &error), "it cannot make the tables");
    tk_store *store = store_file_open(owner);
    set_up(store, (tk_setup){.rights = true, .role = sql, .now_us = 1});
    tk_store_close(store);
    store = store_file_open(runtime);
    cr_assert_eq(store_file_write(store, 1, 1, 3, 10, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(store_file_problems(store, &error), 0, "%s", error.message);
    tk_store_close(store);
    cr_assert_eq(number(runtime, "SELECT count(*) FROM pg_class WHERE relkind = 'r'"
                                 " AND relowner = (SELECT oid FROM pg_roles"
                                 " WHERE rolname = current_user)"),
                 5);
    for (size_t i = 0; i < TK_COUNT_OF(refused); i++) {
        PGconn *connection = PQconnectdb(runtime);
        PGresult *result = PQexec(connection, refused[i]);
        cr_assert_eq(PQresultStatus(result), PGRES_FATAL_ERROR, "%s", refused[i]);
        cr_assert_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42501", "%s", refused[i]);
        PQclear(result);
        PQfinish(connection);
    }
    server_close(&s);
    (void)snprintf(sql, sizeof(sql), "DROP ROLE owner_%d; DROP ROLE runtime_%d", getpid(),
                   getpid());
    run(s.where, sql);
}

Test(store_migrate, a_role_that_is_not_there_is_told, .timeout = 60) {
    server s;
    tk_arena arena = {0};
    tasker_error error = {0};
    server_open(&s);
    tk_store *store = store_file_open(s.url);
    tk_setup setup = {.rights = true, .role = "no \"such\" role", .now_us = 1};
    cr_assert_eq(store->driver->set_up(store, &arena, &setup, &error), TASKER_NOTFOUND, "%s",
                 error.message);
    cr_assert_not_null(strstr(error.message, "CREATE ROLE"), "%s", error.message);
    setup.print = true;
    cr_assert_eq(store->driver->set_up(store, &arena, &setup, &error), TASKER_OK);
    cr_assert_gt(setup.statement_count, 5);
    cr_assert_not_null(strstr(setup.statements[0].data, "TO \"no \"\"such\"\" role\""));
    tk_arena_release(&arena);
    tk_store_close(store);
    server_close(&s);
}
#endif
