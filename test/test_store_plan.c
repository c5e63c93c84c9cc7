/* A submission within an application's own transaction: here the application is this file, with libpq.
 * What needs a server is skipped without one: TASKER_TEST_POSTGRES is a connection string. */
#include <stdio.h>
#include <stdlib.h>

#include "store_postgres.h"
#include "support/fail_alloc.h"
#include "support/store_fixture.h"
#include "tasker.h"

#define REQUEST "{\"name\":\"order\",\"namespace\":\"plan\",\"context\":{\"n\":1}%s}"

static const char template[] =
    "name: order\nnamespace_name: plan\nversion: 1.0.0\nsteps:\n"
    "  - { name: take, handler: { callable: Take } }\n"
    "  - { name: send, depends_on: [take], handler: { callable: Take } }\n";

static tasker_bytes bytes_of(const char *text) {
    return (tasker_bytes){text, strlen(text)};
}

static tasker *open_at(const char *url) {
    tasker *handle = NULL;
    tasker_error error = {0};
    cr_assert_eq(tasker_open(url, NULL, &handle, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(tasker_template_put(handle, bytes_of(template), "order.yaml", NULL, &error),
                 TASKER_OK, "%s", error.message);
    return handle;
}

Test(store_plan, a_store_that_is_no_postgresql_says_so) {
    tasker *handle = open_at("sqlite::memory:");
    tasker_text plan = {NULL, 0};
    tasker_error error = {0};
    char request[128];
    (void)snprintf(request, sizeof(request), REQUEST, "");
    cr_assert_eq(
        tasker_submit_plan(handle, bytes_of(request), (tasker_bytes){NULL, 0}, &plan, &error),
        TASKER_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "PostgreSQL"));
    cr_assert_null(plan.data);
    tasker_close(handle);
}

#ifdef TK_WITH_POSTGRES

/* The store, and the application's connection. */
typedef struct shop {
    tasker *handle;
    PGconn *connection;
    tk_arena arena;
    char request[256];
} shop;

static void shop_open(shop *s, const char *members) {
    const char *where = getenv("TASKER_TEST_POSTGRES");
    if (where == NULL) {
        cr_skip_test("TASKER_TEST_POSTGRES names no server");
    }
    *s = (shop){.handle = open_at(where)};
    s->connection = PQconnectdb(where);
    cr_assert_eq(PQstatus(s->connection), CONNECTION_OK, "%s", PQerrorMessage(s->connection));
    (void)snprintf(s->request, sizeof(s->request), REQUEST, members);
}

static void shop_close(shop *s) {
    PQfinish(s->connection);
    tasker_close(s->handle);
    tk_arena_release(&s->arena);
}

static void command(const shop *s, const char *sql) {
    PGresult *result = PQexec(s->connection, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql,
                 PQerrorMessage(s->connection));
    PQclear(result);
}

static tasker_status plan_of(shop *s, const char *found, tk_json *plan, tasker_error *error) {
    tasker_text text = {NULL, 0};
    tasker_status status =
        tasker_submit_plan(s->handle, bytes_of(s->request), bytes_of(found), &text, error);
    if (status == TASKER_OK) {
        const char *copy = tk_arena_copy(&s->arena, text.data, text.size);
        cr_assert_eq(tk_json_parse(tk_str_of(copy), SIZE_MAX, plan, NULL), TASKER_OK);
    }
    tasker_text_free(&text);
    return status;
}

static void rows_write(tk_buf *rows, const PGresult *result) {
    tk_buf_char(rows, '[');
    for (int row = 0; row < PQntuples(result); row++) {
        tk_json_write_comma(rows);
        tk_buf_char(rows, '[');
        for (int column = 0; column < PQnfields(result); column++) {
            tk_json_write_comma(rows);
            if (PQgetisnull(result, row, column)) {
                tk_buf_text(rows, "null");
            } else {
                tk_json_write_string(rows, tk_str_of(PQgetvalue(result, row, column)));
            }
        }
        tk_buf_char(rows, ']');
    }
    tk_buf_char(rows, ']');
}

static void statement_run(shop *s, tk_json statement, tk_buf *rows) {
    const char *values[TK_PG_PARAMETERS_MAX] = {0};
    tk_str sql;
    int count = 0;
    cr_assert(tk_json_string(&s->arena, tk_json_member(statement, "sql"), &sql));
    tk_json_iterator it = tk_json_each(tk_json_member(statement, "params"));
    for (; tk_json_next(&it); count++) {
        tk_str value;
        cr_assert(tk_json_string(&s->arena, it.value, &value));
        values[count] = value.data;
    }
    PGresult *result = PQexecParams(s->connection, sql.data, count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql.data,
              PQerrorMessage(s->connection));
    tk_json_write_comma(rows);
    rows_write(rows, result);
    PQclear(result);
}

/* Runs the statements; what was found, for the second plan. */
static char *plan_run(shop *s, tk_json plan) {
    tk_buf found = {0};
    tk_json begun = tk_json_member(plan, "begun");
    tk_buf_text(&found, "{\"begun\":");
    tk_buf_str(&found, begun.kind == TK_JSON_NONE ? TK_STR("null") : begun.text);
    tk_buf_text(&found, ",\"rows\":[");
    tk_json_iterator it = tk_json_each(tk_json_member(plan, "statements"));
    while (tk_json_next(&it)) {
        statement_run(s, it.value, &found);
    }
    tk_buf_text(&found, "]}");
    char *copy = tk_arena_copy(&s->arena, found.data, found.size);
    tk_buf_release(&found);
    return copy;
}

static tk_json submit(shop *s) {
    tk_json plan = {.kind = TK_JSON_NONE};
    tasker_error error = {0};
    cr_assert_eq(plan_of(s, "", &plan, &error), TASKER_OK, "%s", error.message);
    cr_assert_eq(plan_of(s, plan_run(s, plan), &plan, &error), TASKER_OK, "%s", error.message);
    (void)plan_run(s, plan);
    return tk_json_member(plan, "answer");
}

static tasker_status wait_for(shop *s, tk_json answer) {
    tk_str id;
    tasker_error error = {0};
    cr_assert(tk_json_string(&s->arena, tk_json_member(answer, "task_uuid"), &id));
    return tasker_task_wait(s->handle, id.data, 0, NULL, &error);
}

Test(store_plan, a_task_exists_exactly_if_the_transaction_commits, .timeout = 60) {
    shop s;
    shop_open(&s, "");
    command(&s, "BEGIN");
    tk_json gone = submit(&s);
    command(&s, "ROLLBACK");
    command(&s, "BEGIN");
    tk_json kept = submit(&s);
    cr_assert_eq(wait_for(&s, kept), TASKER_NOTFOUND);
    command(&s, "COMMIT");

    cr_assert_eq(wait_for(&s, gone), TASKER_NOTFOUND);
    cr_assert_eq(wait_for(&s, kept), TASKER_TIMEOUT);
    tasker_text report = {NULL, 0};
    cr_assert_eq(tasker_store_check(s.handle, &report, NULL), TASKER_OK);
    cr_assert_not_null(strstr(report.data, "\"ok\":true"), "%s", report.data);
    tasker_text_free(&report);
    shop_close(&s);
}

Test(store_plan, a_key_that_is_taken_answers_its_task, .timeout = 60) {
    shop s;
    shop_open(&s, ",\"idempotency_key\":\"one\"");
    command(&s, "BEGIN");
    tk_json first = submit(&s);
    tk_json again = submit(&s);
    command(&s, "COMMIT");

    cr_assert_eq(tk_json_member(first, "known").kind, TK_JSON_FALSE);
    cr_assert_eq(tk_json_member(again, "known").kind, TK_JSON_TRUE);
    cr_assert(
        tk_json_equal(tk_json_member(first, "task_uuid"), tk_json_member(again, "task_uuid")));
    shop_close(&s);
}

Test(store_plan, what_was_not_found_so_is_refused, .timeout = 60) {
    static const char id[] = "0192f0c1-7000-7000-8000-000000010000";
    static const char *const bad[] = {
        "{",
        "null",
        "[]",
        "{}",
        "{\"begun\":{},\"rows\":[]}",
        "{\"begun\":{\"at\":1,\"ids\":[]},\"rows\":[]}",
        "{\"begun\":{\"at\":\"1\",\"ids\":[\"%s\"]},\"rows\":[]}",
        "{\"begun\":{\"at\":1,\"ids\":[7]},\"rows\":[]}",
        "{\"begun\":{\"at\":-1,\"ids\":[\"%s\"]},\"rows\":[]}",
        "{\"begun\":{\"at\":253402300800000000,\"ids\":[\"%s\"]},\"rows\":[]}",
        "{\"begun\":{\"at\":1,\"ids\":[\"%s\"]},\"rows\":{}}",
        "{\"begun\":{\"at\":1,\"ids\":[\"%s\"]},\"rows\":[]}",
        "{\"begun\":{\"at\":1,\"ids\":[\"%s\"]},\"rows\":[[]]}",
        "{\"begun\":{\"at\":1,\"ids\":[\"%s\"]},\"rows\":[[[null]]]}",
        "{\"begun\":{\"at\":1,\"ids\":[\"%s\"]},\"rows\":[[[\"1/2/3\"]],[],[]]}",
    };
    shop s;
    shop_open(&s, ",\"idempotency_key\":\"two\"");
    for (size_t i = 0; i < TK_COUNT_OF(bad); i++) {
        tk_json plan;
        tasker_error error = {0};
        const char *at = strstr(bad[i], "%s");
        char *found = at == NULL ? tk_arena_copy(&s.arena, bad[i], strlen(bad[i]))
                                 : tk_arena_printf(&s.arena, "%.*s%s%s", (int)(at - bad[i]), bad[i],
                                                   id, at + 2);
        cr_assert_eq(plan_of(&s, found, &plan, &error), TASKER_INVALID, "%s", found);
        cr_assert_gt(strlen(error.message), 10, "%s", found);
    }
    shop_close(&s);
}

/* Each row of the answer about keys is damaged in its turn. */
Test(store_plan, rows_about_keys_that_cannot_be_are_refused, .timeout = 60) {
    static const char *const bad[] = {
        "[]",
        "[[]]",
        "[[\"1\"]]",
        "[[1,\"%s\",null,null,null]]",
        "[[\"x\",\"%s\",null,null,null]]",
        "[[\"\",\"%s\",null,null,null]]",
        "[[\"2\",\"%s\",null,null,null]]",
        "[[\"1\",\"no id\",null,null,null]]",
        "[[\"1\",\"%s\",null,\"1\",\"{}\"]]",
        "[[\"1\",\"%s\",\"1\",\"1e99\",\"{}\"]]",
        "[[\"1\",\"%s\",\"1\",\"1\",\"{\"]]",
        "[[\"1\",\"%s\",null,null,null],[\"2\",\"%s\",null,null,null]]",
    };
    static const char id[] = "0192f0c1-7000-7000-8000-000000030000";
    shop s;
    shop_open(&s, ",\"idempotency_key\":\"three\"");
    tk_json plan;
    tasker_error error = {0};
    cr_assert_eq(plan_of(&s, "", &plan, &error), TASKER_OK, "%s", error.message);
    command(&s, "BEGIN");
    const char *found = plan_run(&s, plan);
    command(&s, "ROLLBACK");
    const char *rows = strstr(found, ",[[\"1\","); /* the last statement's */
    cr_assert_not_null(rows, "%s", found);
    for (size_t i = 0; i < TK_COUNT_OF(bad); i++) {
        tk_buf text = {0};
        tk_buf_add(&text, found, (size_t)(rows + 1 - found));
        for (const char *at = bad[i]; *at != '\0'; at++) {
            if (strncmp(at, "%s", 2) == 0) {
                tk_buf_text(&text, id);
                at++;
            } else {
                tk_buf_char(&text, *at);
            }
        }
        tk_buf_text(&text, "]}");
        error = (tasker_error){0};
        tasker_status status = plan_of(&s, text.data, &plan, &error);
        cr_assert(status == TASKER_INVALID || status == TASKER_NOTFOUND, "%s: %d", text.data,
                  (int)status);
        tk_buf_release(&text);
    }
    shop_close(&s);
}

/* Plans with each allocation failing once; answers how many there are. */
static size_t plan_without_memory(const shop *s, const char *found) {
    for (size_t at = 1;; at++) {
        tasker_text text = {NULL, 0};
        tasker_error error = {0};
        fail_alloc_begin(at, FAIL_ALLOC_ONCE);
        tasker_status status =
            tasker_submit_plan(s->handle, bytes_of(s->request), bytes_of(found), &text, &error);
        bool happened = fail_alloc_happened();
        tasker_text_free(&text);
        cr_assert_eq(fail_alloc_end(), 0, "allocation %zu leaks when it fails", at);
        cr_assert_eq(status, happened ? TASKER_NOMEM : TASKER_OK, "allocation %zu: %s", at,
                     error.message);
        if (!happened) {
            return at - 1;
        }
    }
}

Test(store_plan, no_memory_at_any_place_is_told_and_leaks_nothing, .timeout = 60) {
    shop s;
    tk_json plan;
    tasker_error error = {0};
    shop_open(&s, ",\"idempotency_key\":\"four\",\"bypass_steps\":[\"take\"]");
    cr_assert_eq(plan_of(&s, "", &plan, &error), TASKER_OK, "%s", error.message);
    command(&s, "BEGIN");
    const char *found = plan_run(&s, plan);
    cr_assert_gt(plan_without_memory(&s, ""), 10);
    cr_assert_gt(plan_without_memory(&s, found), 10);
    shop_close(&s);
}

#endif
