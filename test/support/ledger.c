/* ledger.c - see ledger.h. */
#include "support/ledger.h"

#include "store_sqlite.h"

#define FROM_US INT64_C(1700000000000000)
#define ACT_US 1000

static void good(ledger *l, tasker_status status, const char *what) {
    cr_assert_eq(status, TASKER_OK, "%s: %s: %s", what, tasker_status_name(status),
                 status == TASKER_OK ? "" : l->error.message);
}

static int64_t now_us(void *user) {
    return ((ledger *)user)->now_us;
}

static void begin(ledger *l) {
    l->now_us += ACT_US;
    good(l, tk_store_call(l->engine.store, begin, TK_STORE_WRITE, &l->error), "begin");
}

static void commit(ledger *l) {
    good(l, tk_store_call(l->engine.store, commit, &l->error), "commit");
}

void ledger_open(ledger *l, const char *yaml) {
    tk_store *store = NULL;
    *l = (ledger){.now_us = FROM_US};
    l->clock = (tk_clock){.now_us = now_us, .monotonic_us = now_us, .user = l};
    const tk_store_config config = {.url = "sqlite::memory:", .clock = &l->clock};
    good(l, tk_store_open(&config, &store, &l->error), "open");
    ledger_open_on(l, store, yaml);
    l->borrowed = false;
}

void ledger_open_on(ledger *l, tk_store *store, const char *yaml) {
    *l = (ledger){.now_us = FROM_US, .token = 1000, .borrowed = true};
    l->clock = (tk_clock){.now_us = now_us, .monotonic_us = now_us, .user = l};
    l->random = tk_random_seeded(&l->stream, 7);
    l->engine.store = store;
    good(l, tk_catalog_open(&l->catalog, &l->error), "catalog");
    l->engine.clock = &l->clock;
    l->engine.random = &l->random;
    l->engine.environment = "test";
    l->engine.catalog = &l->catalog;
    tk_buf report = {0};
    bool valid = false;
    good(l, tk_register(&l->engine, tk_str_of(yaml), "job.yaml", &report, &valid, &l->error),
         "register");
    cr_assert(valid, "%s", report.data);
    tk_buf_release(&report);
    begin(l);
    good(l,
         tk_catalog_find(&l->engine, TK_STR("test"), TK_STR("job"), TK_STR(""), &l->known,
                         &l->error),
         "find");
    tk_worker_row worker = {.started_us = l->now_us,
                            .process = 4711,
                            .name = TK_STR("tester"),
                            .host = TK_STR("here"),
                            .namespaces = TK_STR("[]"),
                            .handlers = TK_STR("[\"A\",\"B\",\"C\"]")};
    good(l, tk_store_call(l->engine.store, worker_insert, &worker, &l->error), "worker");
    l->worker = worker.id;
    commit(l);
}

void ledger_close(ledger *l) {
    tk_catalog_close(&l->catalog);
    if (!l->borrowed) {
        tk_store_close(l->engine.store);
    }
    tk_arena_release(&l->arena);
}

void ledger_submit(ledger *l, const char *members) {
    tk_buf answer = {0};
    char *request = tk_arena_printf(
        &l->arena, "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"n\":6}%s%s}",
        members == NULL ? "" : ",", members == NULL ? "" : members);
    l->now_us += ACT_US;
    good(l, tk_submit(&l->engine, tk_str_of(request), &answer, &l->error), "submit");
    tk_json json;
    good(l, tk_json_parse(tk_buf_view(&answer), SIZE_MAX, &json, &l->error), "answer");
    tk_str text = {NULL, 0};
    cr_assert(tk_json_string(&l->arena, tk_json_member(json, "task_uuid"), &text));
    cr_assert(tk_uuid_parse(text, &l->task));
    tk_buf_release(&answer);
}

static uint16_t number_of(const ledger *l, const char *step) {
    const tk_template_step *found = tk_template_find_step(l->known->template, tk_str_of(step));
    cr_assert_not_null(found, "no step %s", step);
    return found->number;
}

const char *ledger_uuid(ledger *l) {
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(&l->task, text);
    return tk_arena_copy(&l->arena, text, strlen(text));
}

tk_uuid ledger_step(const ledger *l, const char *step) {
    return tk_uuid_step(&l->task, number_of(l, step));
}

const char *ledger_step_uuid(ledger *l, const char *step) {
    char text[TASKER_UUID_SIZE];
    tk_uuid id = ledger_step(l, step);
    tk_uuid_format(&id, text);
    return tk_arena_copy(&l->arena, text, strlen(text));
}

tk_lease_row ledger_claim(ledger *l, const char *step) {
    uint16_t number = number_of(l, step);
    tk_claim_row *rows = NULL;
    uint32_t count = 0;
    begin(l);
    tk_want want = {.queue = l->known->queue, .handler = l->known->handlers[number], .limit = 1};
    good(l,
         tk_store_call(l->engine.store, claim, &l->arena, &want, 1, 1, l->worker, l->token,
                       l->now_us, &rows, &count, &l->error),
         "claim");
    commit(l);
    cr_assert_eq(count, 1, "step %s is not ready", step);
    l->token += 100;
    return rows[0].lease;
}

static tk_ending ending_of(ledger *l, tk_lease_row lease, tk_outcome_kind kind, const char *result,
                           bool retryable) {
    tk_ending ending = {.lease = lease, .known = l->known, .kind = (int32_t)kind};
    if (kind == TK_OUTCOME_OK) {
        ending.result = tk_str_of(result);
        ending.metadata = TK_STR("{\"execution_time_ms\":12,\"custom\":{\"by\":\"test\"}}");
        return ending;
    }
    tk_buf text = {0};
    tk_error_json(&text, TK_STR("it broke"), TK_STR("Broken"), TK_STR("E1"), TK_STR("line 1"),
                  retryable);
    cr_assert(tk_arena_str(&l->arena, tk_buf_view(&text), &ending.error));
    tk_buf_release(&text);
    ending.failure =
        (tk_failure){.retryable = retryable, .lost = kind == TK_OUTCOME_LOST, .retry_after_ms = -1};
    return ending;
}

bool ledger_end(ledger *l, tk_lease_row lease, tk_outcome_kind kind, const char *result,
                bool retryable) {
    tk_ending ending = ending_of(l, lease, kind, result, retryable);
    tk_moved moved = {0};
    begin(l);
    good(l, tk_complete(&l->engine, &l->arena, &ending, 1, l->now_us, &moved, &l->error),
         "complete");
    if (moved.ready_count > 0) {
        good(
            l,
            tk_store_call(l->engine.store, ready_insert, moved.ready, moved.ready_count, &l->error),
            "ready");
    }
    commit(l);
    return ending.accepted;
}

void ledger_run(ledger *l, const char *step, const char *result) {
    cr_assert(ledger_end(l, ledger_claim(l, step), TK_OUTCOME_OK, result, false));
}

void ledger_fail(ledger *l, const char *step, bool retryable) {
    cr_assert(ledger_end(l, ledger_claim(l, step), TK_OUTCOME_ERROR, NULL, retryable));
}

void ledger_lose(ledger *l, const char *step) {
    cr_assert(ledger_end(l, ledger_claim(l, step), TK_OUTCOME_LOST, NULL, true));
}

void ledger_later(ledger *l, int64_t us) {
    uint32_t moved = 0;
    int64_t next_us = 0;
    l->now_us += us;
    begin(l);
    good(l, tk_store_call(l->engine.store, due_move, l->now_us, 1000, &moved, &next_us, &l->error),
         "due");
    commit(l);
}

static const tasker_act why = {.actor = "ann", .reason = "because"};

void ledger_retry(ledger *l, const char *step) {
    tk_uuid id = ledger_step(l, step);
    l->now_us += ACT_US;
    good(l, tk_step_retry(&l->engine, &id, &why, &l->error), "retry");
}

void ledger_by_hand(ledger *l, const char *step, tk_outcome_kind kind, const char *result) {
    tk_uuid id = ledger_step(l, step);
    l->now_us += ACT_US;
    good(l, tk_step_by_hand(&l->engine, &id, (int32_t)kind, tk_str_of(result), &why, &l->error),
         "by hand");
}

void ledger_break(ledger *l, const char *sql) {
    sqlite3 *db = tk_sqlite_of(l->engine.store)->db;
    for (const char *rest = sql; *rest != '\0';) {
        sqlite3_stmt *stmt = NULL;
        cr_assert_eq(sqlite3_prepare_v2(db, rest, -1, &stmt, &rest), SQLITE_OK, "%s: %s", sql,
                     sqlite3_errmsg(db));
        if (stmt == NULL) {
            break; /* only white space was left */
        }
        if (sqlite3_bind_parameter_count(stmt) > 0) {
            (void)sqlite3_bind_blob(stmt, 1, l->task.bytes, sizeof(l->task.bytes), SQLITE_STATIC);
        }
        cr_assert_eq(sqlite3_step(stmt), SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
        (void)sqlite3_finalize(stmt);
    }
}

const char *ledger_query(ledger *l, tasker_query_kind kind, const char *filter) {
    tk_buf answer = {0};
    good(l, tk_query(&l->engine, kind, tk_str_of(filter), &answer, &l->error), filter);
    char *text = tk_arena_copy(&l->arena, answer.data, answer.size);
    tk_json json;
    good(l, tk_json_parse(tk_str_of(text), SIZE_MAX, &json, &l->error), text);
    tk_buf_release(&answer);
    return text;
}

const char *ledger_query_task(ledger *l, tasker_query_kind kind) {
    return ledger_query(l, kind,
                        tk_arena_printf(&l->arena, "{\"task_uuid\":\"%s\"}", ledger_uuid(l)));
}
