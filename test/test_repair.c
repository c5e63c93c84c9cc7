/* All failed steps of a task tried again, and a task run a second time; the same on each store. */
#include "state.h"
#include "support/ledger.h"
#include "support/store_fixture.h"

static const tasker_act act = {.actor = "ann", .reason = "the disk is back"};

static uint32_t count_of(const char *text, const char *part) {
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

static const char *word_of_task(ledger *l) {
    const char *task = ledger_query_task(l, TASKER_QUERY_TASK);
    const char *at = strstr(task, "\"status\":\"");
    cr_assert_not_null(at);
    at += strlen("\"status\":\"");
    return tk_arena_copy(&l->arena, at, strcspn(at, "\""));
}

STORE_TEST(repair, all_failed_steps_are_tried_again_with_an_act_each) {
    ledger l;
    ledger_open_on(&l, fx->store, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    cr_assert_eq(tk_task_retry(&l.engine, &l.task, &act, &l.error), TASKER_CONFLICT);
    ledger_fail(&l, "a", false);
    ledger_fail(&l, "b", false);
    cr_assert_str_eq(word_of_task(&l), "blocked_by_failures");
    l.now_us += 1000;
    cr_assert_eq(tk_task_retry(&l.engine, &l.task, &act, &l.error), TASKER_OK, "%s",
                 l.error.message);
    const char *history = ledger_query_task(&l, TASKER_QUERY_HISTORY);
    cr_assert_eq(count_of(history, "\"event\":\"Retry\",\"actor\":\"ann\",\"reason\":\"the disk"),
                 2, "%s: %s", fx->kind, history);
    cr_assert_eq(tk_task_retry(&l.engine, &l.task, &act, &l.error), TASKER_CONFLICT);
    cr_assert_eq(ledger_claim(&l, "a").attempt, 2);
    ledger_run(&l, "b", "1");
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l.engine, false, &check, &l.error), TASKER_OK);
    cr_assert_eq(check.count, 0, "%s", check.count == 0 ? "" : check.problems[0].detail);
    tk_check_release(&check);
    ledger_close(&l);
}

STORE_TEST(repair, a_task_that_has_ended_is_not_tried_again) {
    ledger l;
    ledger_open_on(&l, fx->store, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    cr_assert_eq(tk_task_fail(&l.engine, &l.task, &act, &l.error), TASKER_OK);
    cr_assert_eq(tk_task_retry(&l.engine, &l.task, &act, &l.error), TASKER_CONFLICT);
    cr_assert_not_null(strstr(l.error.message, "ended"), "%s", l.error.message);
    l.task.bytes[0] ^= 1;
    cr_assert_eq(tk_task_retry(&l.engine, &l.task, &act, &l.error), TASKER_NOTFOUND);
    ledger_close(&l);
}

#define SECRETIVE(more)                                                                            \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nredact: [card]\n" more                       \
    "steps:\n  - {name: a, handler: {callable: A}}\n  - {name: b, handler: {callable: B}}\n"

static tk_str text_of(ledger *l, tk_str json, const char *member) {
    tk_json object = {0};
    tk_str text = {NULL, 0};
    cr_assert_eq(tk_json_parse(json, SIZE_MAX, &object, NULL), TASKER_OK);
    cr_assert(tk_json_string(&l->arena, tk_json_member(object, member), &text));
    return text;
}

/* Makes a task with all that a rerun takes over. */
static void submit(ledger *l, const char *members) {
    tk_buf answer = {0};
    const char *request = tk_arena_printf(
        &l->arena,
        "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"card\":[4711],\"n\":1.10},"
        "\"priority\":7,\"tags\":[\"x\"],\"bypass_steps\":[\"b\"],\"source_system\":\"shop\","
        "\"initiator\":\"bob\",\"reason\":\"first\"%s}",
        members);
    cr_assert_eq(tk_submit(&l->engine, tk_str_of(request), &answer, &l->error), TASKER_OK, "%s",
                 l->error.message);
    cr_assert(tk_uuid_parse(text_of(l, tk_buf_view(&answer), "task_uuid"), &l->task));
    tk_buf_release(&answer);
}

/* Reruns and goes on with the new task; the old one's id is returned. */
static const char *rerun(ledger *l, const char *context) {
    const char *old = ledger_uuid(l);
    tk_buf answer = {0};
    l->now_us += 1000;
    tasker_status status =
        tk_task_rerun(&l->engine, &l->task, tk_str_of(context), &act, &answer, &l->error);
    cr_assert_eq(status, TASKER_OK, "%s", l->error.message);
    cr_assert(tk_uuid_parse(text_of(l, tk_buf_view(&answer), "task_uuid"), &l->task));
    tk_buf_release(&answer);
    cr_assert_str_neq(old, ledger_uuid(l));
    return old;
}

/* The context as a handler would get it. */
static const char *stored_context(ledger *l) {
    tk_task_row row = {0};
    bool found = false;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, task_load, &l->arena, &l->task, 1, &row, &found, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert(found);
    return tk_arena_copy(&l->arena, row.context.data, row.context.size);
}

STORE_TEST(repair, a_rerun_takes_over_what_the_task_was_and_names_it) {
    ledger l;
    ledger_open_on(&l, fx->store, SECRETIVE(""));
    submit(&l, ",\"correlation_id\":\"018bcfe5-6800-7000-8000-00000000abcd\"");
    const char *old = rerun(&l, NULL);
    const char *task = ledger_query_task(&l, TASKER_QUERY_TASK);
    const char *expected[] = {
        "\"priority\":7,\"tags\":[\"x\"]",
        "\"bypass_steps\":[\"b\"]",
        "\"source_system\":\"shop\"",
        "\"initiator\":\"ann\"",
        "\"reason\":\"the disk is back\"",
        "\"correlation_id\":\"018bcfe5-6800-7000-8000-00000000abcd\"",
        tk_arena_printf(&l.arena, "\"parent_correlation_id\":\"%s\"", old),
    };
    for (size_t i = 0; i < TK_COUNT_OF(expected); i++) {
        cr_assert_not_null(strstr(task, expected[i]), "%s: no %s in %s", fx->kind, expected[i],
                           task);
    }
    cr_assert_str_eq(stored_context(&l), "{\"card\":[4711],\"n\":1.10}");
    ledger_close(&l);
}

STORE_TEST(repair, hidden_members_of_an_edited_context_keep_their_value) {
    ledger l;
    ledger_open_on(&l, fx->store, SECRETIVE(""));
    submit(&l, "");
    (void)rerun(&l, "{\"n\": 2, \"card\": \"[redacted]\", \"m\":\"[redacted]\"}");
    cr_assert_str_eq(stored_context(&l), "{\"n\": 2, \"card\": [4711], \"m\":\"[redacted]\"}");
    (void)rerun(&l, "{\"card\":1}");
    cr_assert_str_eq(stored_context(&l), "{\"card\":1}");
    ledger_close(&l);
}

STORE_TEST(repair, a_template_that_wants_keys_gets_one_that_is_new) {
    static const char *const templates[] = {SECRETIVE("identity_strategy: strict\n"),
                                            SECRETIVE("identity_strategy: caller_provided\n")};
    for (size_t i = 0; i < TK_COUNT_OF(templates); i++) {
        ledger l;
        ledger_open_on(&l, fx->store, templates[i]);
        submit(&l, tk_arena_printf(&l.arena, ",\"idempotency_key\":\"k%zu\"", i));
        (void)rerun(&l, NULL);
        (void)rerun(&l, NULL);
        ledger_close(&l);
    }
}

STORE_TEST(repair, a_rerun_of_nothing_or_with_no_context_is_refused) {
    ledger l;
    tk_buf answer = {0};
    ledger_open_on(&l, fx->store, SECRETIVE(""));
    submit(&l, "");
    const tk_str wrong[] = {TK_STR("[]"), TK_STR("{"), TK_STR("7")};
    for (size_t i = 0; i < TK_COUNT_OF(wrong); i++) {
        cr_assert_eq(tk_task_rerun(&l.engine, &l.task, wrong[i], &act, &answer, &l.error),
                     TASKER_INVALID);
    }
    l.task.bytes[0] ^= 1;
    cr_assert_eq(tk_task_rerun(&l.engine, &l.task, TK_STR(""), &act, &answer, &l.error),
                 TASKER_NOTFOUND);
    cr_assert_eq(answer.size, 0);
    ledger_close(&l);
}
