/* The PostgreSQL driver as far as it goes: it says so, and its tables and statements are sound. The
 * latter needs a server: TASKER_TEST_POSTGRES is a connection string for libpq; nothing stays there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#include "store_postgres.h"

Test(store_postgres, says_that_it_is_not_there_yet) {
    const char *const urls[] = {"postgres://me:secret@host/base", "postgresql://host/base"};
    for (size_t i = 0; i < TK_COUNT_OF(urls); i++) {
        const tk_store_config config = {.url = urls[i], .clock = &tk_clock_system};
        tk_store *store = NULL;
        tasker_error error = {0};
        cr_assert_eq(tk_store_open(&config, &store, &error), TASKER_UNSUPPORTED);
        cr_assert_null(store);
        cr_assert_not_null(strstr(error.message, "not part of this version"));
        cr_assert_null(strstr(error.message, "secret"));
    }
}

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
