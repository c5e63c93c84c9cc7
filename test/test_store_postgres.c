/* The PostgreSQL driver by itself: URLs that lead nowhere, and its tables and statements are sound. The
 * latter needs a server: TASKER_TEST_POSTGRES is a connection string for libpq; nothing stays there.
 * What the operations mean is tested by the contract's tests with TASKER_STORE. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_postgres.h"
#include "support/store_fixture.h"

#ifdef TK_WITH_POSTGRES
Test(store_postgres, a_url_that_leads_nowhere_is_told_without_its_password) {
    const struct {
        const char *url;
        tasker_status status;
    } cases[] = {
        {"postgres://me:secret@127.0.0.1:1/base", TASKER_STORE},
        {"postgresql:///base?host=/no/such/folder&password=secret", TASKER_STORE},
        {"postgres://me:secret@host/base?unknown=1", TASKER_INVALID},
        {"postgres://me:secret@[host/base", TASKER_INVALID},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const tk_store_config config = {.url = cases[i].url, .clock = &tk_clock_system};
        tk_store *store = NULL;
        tasker_error error = {0};
        cr_assert_eq(tk_store_open(&config, &store, &error), cases[i].status, "%s: %s",
                     cases[i].url, error.message);
        cr_assert_null(store);
        cr_assert_null(strstr(error.message, "secret"), "%s", error.message);
    }
}
#else
Test(store_postgres, a_build_without_libpq_says_so) {
    const tk_store_config config = {.url = "postgres://host/base", .clock = &tk_clock_system};
    tk_store *store = NULL;
    tasker_error error = {0};
    cr_assert_eq(tk_store_open(&config, &store, &error), TASKER_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "libpq"));
}
#endif

Test(store_postgres, its_statements_have_names_and_texts) {
    for (int i = 0; i < TK_PG_STATEMENT_COUNT; i++) {
        cr_assert_gt(strlen(tk_pg_names[i]), 0);
        cr_assert_gt(strlen(tk_pg_texts[i]), 5, "%s", tk_pg_names[i]);
    }
    cr_assert_not_null(strstr(tk_schema_postgres, "CREATE SCHEMA tasker"));
}

#ifdef TK_WITH_POSTGRES
static void expect(PGconn *connection, PGresult *result, const char *what) {
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", what,
              PQerrorMessage(connection));
    PQclear(result);
}

Test(store_postgres, its_tables_load_and_its_statements_can_be_prepared, .timeout = 60) {
    const char *where = getenv("TASKER_TEST_POSTGRES");
    if (where == NULL) {
        cr_skip_test("TASKER_TEST_POSTGRES names no server");
    }
    cr_assert_eq(tk_libpq_load(NULL), TASKER_OK);
    PGconn *connection = PQconnectdb(where);
    cr_assert_eq(PQstatus(connection), CONNECTION_OK, "%s", PQerrorMessage(connection));
    expect(connection,
           PQexec(connection,
                  "SET client_min_messages = error; BEGIN; DROP SCHEMA IF EXISTS tasker CASCADE"),
           "begin");
    for (int i = 0; i < TK_PG_SCHEMA_VERSION; i++) {
        expect(connection, PQexec(connection, tk_pg_migrations[i].sql), tk_pg_migrations[i].what);
    }
    for (int i = 0; i < TK_PG_STATEMENT_COUNT; i++) {
        expect(connection, PQprepare(connection, tk_pg_names[i], tk_pg_texts[i], 0, NULL),
               tk_pg_names[i]);
    }
    expect(connection, PQexec(connection, "ROLLBACK"), "rollback");
    PQfinish(connection);
}

/* --- on a server ------------------------------------------------------------------------------ */

static bool elsewhere(const store_fixture *fx) {
    return strcmp(fx->store->driver->name, "postgres") != 0;
}

/* Runs a statement beside the store. */
static void beside(const store_fixture *fx, const char *sql) {
    PGconn *connection = PQconnectdb(fx->owner_url);
    expect(connection, PQexec(connection, sql), sql);
    PQfinish(connection);
}

static void cut(const store_fixture *fx) {
    beside(fx, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
               " WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

static void reconnect(store_fixture *fx) {
    cr_assert_eq(fx->store->driver->reconnect(fx->store, &fx->error), TASKER_OK, "%s",
                 fx->error.message);
}

STORE_TEST(store_postgres, a_connection_that_broke_is_made_anew) {
    if (elsewhere(fx)) {
        return;
    }
    tk_worker_row row = {.name = TK_STR("w")};
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    COMMIT();
    cut(fx);
    OK(begin, TK_STORE_WRITE);
    OK(worker_insert, &row);
    COMMIT();
    cut(fx);
    FAILS(TASKER_STORE, begin, TK_STORE_READ); /* a worker has to know */
    reconnect(fx);
    OK(begin, TK_STORE_WRITE);
    OK(worker_delete, row.id);
    cut(fx);
    FAILS(TASKER_STORE, worker_list, &fx->arena, &rows, &count);
    ROLLBACK();
    reconnect(fx);
    OK(begin, TK_STORE_WRITE);
    OK(worker_list, &fx->arena, &rows, &count);
    cr_assert_eq(count, 1, "what was not committed is not there");
    cut(fx);
    cr_assert_eq(fx->store->driver->commit(fx->store, &fx->error), TASKER_STORE);
    reconnect(fx);
    OK(begin, TK_STORE_READ);
    COMMIT();
}

static tk_worker_row *worker_seen(store_fixture *fx) {
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    OK(worker_list, &fx->arena, &rows, &count);
    COMMIT();
    cr_assert_eq(count, 1);
    return &rows[0];
}

static bool cut_worker(store_fixture *fx, int32_t id, int64_t beat) {
    bool gone = false;
    OK(begin, TK_STORE_READ);
    OK(worker_cut, id, beat, &gone);
    COMMIT();
    return gone;
}

/* In one journey a failure skips all behind it, the ROLLBACK as well. */
STORE_TEST(store_postgres, what_fails_on_the_way_to_a_rollback_leaves_nothing_open) {
    tk_uuid id;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    COMMIT();
    const tk_task_row again = {.id = id, .template_id = fx->template_id, .context = TK_STR("{}")};
    OK(begin, TK_STORE_WRITE);
    (void)fx->store->driver->task_insert(fx->store, &again, 1, NULL, &fx->error);
    ROLLBACK();
    OK(begin, TK_STORE_WRITE);
    cr_assert_eq(fx->store->driver->sync(fx->store, &fx->error), TASKER_OK, "%s",
                 fx->error.message);
    COMMIT();
}

STORE_TEST(store_postgres, a_workers_session_is_seen_and_can_be_ended) {
    if (elsewhere(fx)) {
        return;
    }
    tk_store *mine = fx->store;
    tk_store *other = NULL;
    tk_worker_row row = {.name = TK_STR("w"), .beat = 3};
    tk_uuid id;
    tk_state_row state = {.progress = NULL};
    bool found = false;
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    COMMIT();
    fx->store = other;
    OK(begin, TK_STORE_WRITE);
    OK(worker_insert, &row);
    COMMIT();
    OK(begin, TK_STORE_WRITE);
    OK(state_lock, &fx->arena, &id, 1, &state, &found); /* and stands still there */
    cr_assert_eq(fx->store->driver->sync(fx->store, &fx->error), TASKER_OK);
    fx->store = mine;
    cr_assert(worker_seen(fx)->connected);
    cr_assert(cut_worker(fx, row.id, 2), "there is no such worker at beat 2");
    cr_assert(worker_seen(fx)->connected);
    cr_assert(cut_worker(fx, row.id, 3));
    cr_assert_not(worker_seen(fx)->connected);
    OK(begin, TK_STORE_WRITE);
    OK(state_lock, &fx->arena, &id, 1, &state, &found); /* its rows are free */
    COMMIT();
    fx->store = other;
    ROLLBACK();
    reconnect(fx);
    fx->store = mine;
    cr_assert(worker_seen(fx)->connected, "it takes its lock again");
    cr_assert(cut_worker(fx, row.id, 3), "its row names the new session");
    cr_assert_not(worker_seen(fx)->connected);
    tk_store_close(other);
}

STORE_TEST(store_postgres, tasks_that_another_holds_are_not_waited_for) {
    if (elsewhere(fx)) {
        return;
    }
    tk_store *mine = fx->store;
    tk_store *other = NULL;
    tk_uuid ids[3];
    tk_state_row state = {.progress = NULL};
    bool found = false;
    bool taken[3] = {false, true, false};
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    COMMIT();
    ids[2] = store_fixture_id(fx);
    OK(begin, TK_STORE_WRITE);
    OK(state_lock, &fx->arena, &ids[1], 1, &state, &found);
    cr_assert_eq(fx->store->driver->sync(fx->store, &fx->error), TASKER_OK);
    fx->store = other;
    OK(begin, TK_STORE_WRITE);
    OK(state_try, ids, 3, taken);
    COMMIT();
    cr_assert(taken[0] && !taken[1] && !taken[2]);
    fx->store = mine;
    COMMIT();
    tk_store_close(other);
}

STORE_TEST(store_postgres, one_of_all_processes_vacuums_and_tells_what_it_skips) {
    if (elsewhere(fx)) {
        return;
    }
    const tk_driver *driver = fx->store->driver;
    tk_store *other = NULL;
    tk_count_row counts[2] = {{fx->template_id, 0, 1, 2, 0}, {fx->template_id, 0, 1, 3, 0}};
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    uint32_t skipped = 9;
    bool elected = false;
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    OK(count_add, counts, 2);
    COMMIT();
    cr_assert_eq(driver->upkeep(fx->store, &elected, &skipped, &fx->error), TASKER_OK);
    cr_assert(elected && skipped == 0, "%s", fx->error.message);
    cr_assert_eq(driver->upkeep(other, &elected, &skipped, &fx->error), TASKER_OK);
    cr_assert(!elected && skipped == 0, "another does it");
    OK(begin, TK_STORE_READ);
    OK(count_list, &fx->arena, &rows, &count);
    COMMIT();
    cr_assert(count == 1 && rows[0].tasks == 5, "a fold changes no count");
    PGconn *holder = PQconnectdb(fx->owner_url);
    expect(holder, PQexec(holder, "BEGIN; LOCK TABLE tasker.ready IN SHARE UPDATE EXCLUSIVE MODE"),
           "lock");
    cr_assert_eq(driver->upkeep(fx->store, &elected, &skipped, &fx->error), TASKER_OK);
    cr_assert(elected && skipped == 1);
    cr_assert_not_null(strstr(fx->error.message, "ready"), "%s", fx->error.message);
    PQfinish(holder);
    tk_store_facts facts;
    OK(begin, TK_STORE_READ);
    OK(facts, &fx->arena, &facts);
    COMMIT();
    cr_assert(facts.upkeep_us > 0 && facts.upkeep_skipped == 1);
    cr_assert_not_null(strstr(facts.upkeep_why.data, "ready"), "%s", facts.upkeep_why.data);
    cut(fx);
    OK(begin, TK_STORE_READ);
    COMMIT();
    cr_assert_eq(driver->upkeep(fx->store, &elected, &skipped, &fx->error), TASKER_OK);
    cr_assert(elected, "the election ends with the session");
    tk_store_close(other);
}

/* The client is gone, its server process waits for it inside of a transaction. */
STORE_TEST(store_postgres, a_worker_that_comes_back_ends_its_older_session) {
    if (elsewhere(fx)) {
        return;
    }
    tk_store *other = NULL;
    tk_worker_row row = {.name = TK_STR("w")};
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    OK(worker_insert, &row);
    COMMIT();
    int fd = PQsocket(tk_pg_of(fx->store)->connection);
    int kept = dup(fd); /* the server sees no end of it */
    int nowhere[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), 0);
    (void)close(nowhere[1]);
    cr_assert_eq(dup2(nowhere[0], fd), fd);
    FAILS(TASKER_STORE, begin, TK_STORE_READ);
    reconnect(fx);
    cr_assert(worker_seen(fx)->connected);
    tk_store *mine = fx->store;
    fx->store = other;
    cr_assert(cut_worker(fx, row.id, 0), "the row names the new one");
    cr_assert_not(worker_seen(fx)->connected);
    fx->store = mine;
    (void)close(kept);
    (void)close(nowhere[0]);
    tk_store_close(other);
}

static bool readable(int fd, int timeout_ms) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1;
}

STORE_TEST(store_postgres, a_sleeping_worker_is_woken_by_another_connection) {
    if (elsewhere(fx)) {
        return;
    }
    const tk_driver *driver = fx->store->driver;
    tk_worker_row row = {.name = TK_STR("w"), .asleep = true};
    tk_store *other = NULL;
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    OK(worker_insert, &row);
    COMMIT();
    int fd = driver->wake_fd(fx->store);
    cr_assert_geq(fd, 0);
    cr_assert_not(readable(fd, 0));
    driver->wake(other);
    cr_assert(readable(fd, 5000));
    driver->wake_drain(fx->store);
    cr_assert_not(readable(driver->wake_fd(fx->store), 50));
    driver->wake(other);
    cr_assert(readable(fd, 5000));
    OK(begin, TK_STORE_WRITE); /* reads the notification by the way */
    OK(worker_beat, row.id, false, false);
    COMMIT();
    cr_assert(readable(driver->wake_fd(fx->store), 0), "it is kept in mind");
    driver->wake_drain(fx->store);
    driver->wake(other);
    cr_assert_not(readable(driver->wake_fd(fx->store), 50), "nobody sleeps");
    tk_store_close(other);
}

STORE_TEST(store_postgres, two_claims_at_once_take_different_steps) {
    if (elsewhere(fx)) {
        return;
    }
    tk_uuid ids[2];
    uint32_t count = 0;
    tk_store *mine = fx->store;
    tk_store *other = NULL;
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    store_fixture_ready(fx, ids, 2, 1000);
    COMMIT();
    OK(begin, TK_STORE_WRITE);
    tk_claim_row *first = store_fixture_claim(fx, 1, 1, 1000, &count);
    cr_assert_eq(count, 1);
    fx->store = other;
    OK(begin, TK_STORE_WRITE);
    tk_claim_row *second = store_fixture_claim(fx, 2, 9, 1000, &count);
    cr_assert_eq(count, 1, "what the other one takes is skipped");
    COMMIT();
    fx->store = mine;
    COMMIT();
    cr_assert_not(tk_uuid_equal(&first->lease.task_id, &second->lease.task_id));
    tk_store_close(other);
}

STORE_TEST(store_postgres, a_forked_child_leaves_the_connection_alone) {
    if (elsewhere(fx)) {
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        bool refused = CALL(begin, TK_STORE_READ) == TASKER_FORKED;
        tk_store_close(fx->store);
        _exit(refused ? 0 : 1);
    }
    int code = 1;
    cr_assert_eq(waitpid(child, &code, 0), child);
    cr_assert_eq(code, 0);
    OK(begin, TK_STORE_READ);
    COMMIT();
}

static void refused(store_fixture *fx, const char *url, bool must_exist, tasker_status status,
                    const char *says) {
    const tk_store_config config = {
        .url = url, .must_exist = must_exist, .clock = &tk_clock_system};
    tk_store *store = NULL;
    cr_assert_eq(tk_store_open(&config, &store, &fx->error), status, "%s", fx->error.message);
    cr_assert_not_null(strstr(fx->error.message, says), "%s", fx->error.message);
}

STORE_TEST(store_postgres, a_database_that_does_not_fit_is_refused) {
    if (elsewhere(fx)) {
        return;
    }
    char sql[160];
    char url[240];
    beside(fx, "UPDATE tasker.ledger SET version = 1000");
    refused(fx, fx->url, false, TASKER_UNSUPPORTED, "newer version");
    beside(fx, "DROP TABLE tasker.ledger");
    refused(fx, fx->url, false, TASKER_UNSUPPORTED, "another program");
    beside(fx, "SET client_min_messages = error; DROP SCHEMA tasker CASCADE");
    refused(fx, fx->url, true, TASKER_NOTFOUND, "no tables");
    (void)snprintf(
        sql, sizeof(sql),
        "CREATE DATABASE tasker_latin_%d ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
        (int)getpid());
    beside(fx, sql);
    (void)snprintf(url, sizeof(url), "%s&dbname=tasker_latin_%d", fx->url, (int)getpid());
    refused(fx, url, false, TASKER_UNSUPPORTED, "UTF8");
    (void)snprintf(sql, sizeof(sql), "DROP DATABASE tasker_latin_%d WITH (FORCE)", (int)getpid());
    beside(fx, sql);
    (void)snprintf(url, sizeof(url), "%s&dbname=no_such_base", fx->url);
    refused(fx, url, false, TASKER_NOTFOUND, "does not exist");
}
#endif
