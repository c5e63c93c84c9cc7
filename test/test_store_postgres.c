/* The PostgreSQL driver by itself: URLs that lead nowhere, and its tables and statements are sound. The
 * latter needs a server: TASKER_TEST_POSTGRES is a connection string for libpq; nothing stays there.
 * What the operations mean is tested by the contract's tests with TASKER_STORE. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#include "store_postgres.h"

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
        cr_assert_gt(strlen(tk_pg_texts[i]), 20, "%s", tk_pg_names[i]);
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
    PGconn *connection = PQconnectdb(where);
    cr_assert_eq(PQstatus(connection), CONNECTION_OK, "%s", PQerrorMessage(connection));
    expect(connection, PQexec(connection, "BEGIN; DROP SCHEMA IF EXISTS tasker CASCADE"), "begin");
    expect(connection, PQexec(connection, tk_schema_postgres), "schema_postgres.sql");
    for (int i = 0; i < TK_PG_STATEMENT_COUNT; i++) {
        expect(connection, PQprepare(connection, tk_pg_names[i], tk_pg_texts[i], 0, NULL),
               tk_pg_names[i]);
    }
    expect(connection, PQexec(connection, "ROLLBACK"), "rollback");
    PQfinish(connection);
}
#endif
