/* test_query.c - what readers get: tasks, steps, lists, counts, templates, workers. */
#include <stdio.h>
#include <stdlib.h>

#include "support/fail_alloc.h"
#include "support/ledger.h"

/* --- helpers: a member of an answer by its path, "steps.0.name" --- */

static tk_json parse(ledger *l, const char *text) {
    tk_json value;
    cr_assert_eq(tk_json_parse(tk_str_of(text), SIZE_MAX, &value, &l->error), TASKER_OK, "%s",
                 text);
    return value;
}

static tk_json element(tk_json array, size_t index) {
    tk_json_iterator it = tk_json_each(array);
    while (tk_json_next(&it)) {
        if (it.index == index) {
            return it.value;
        }
    }
    return (tk_json){0};
}

static tk_json at(ledger *l, const char *text, const char *path) {
    tk_json value = parse(l, text);
    char part[64];
    for (int used = 0; sscanf(path, "%63[^.]%n", part, &used) == 1;) {
        value = value.kind == TK_JSON_ARRAY ? element(value, strtoul(part, NULL, 10))
                                            : tk_json_member(value, part);
        path += used;
        path += *path == '.';
    }
    return value;
}

typedef struct expectation {
    const char *path, *json;
} expectation;

static void expect_all(ledger *l, const char *answer, const expectation *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tk_str is = at(l, answer, list[i].path).text;
        cr_expect(tk_str_is(is, list[i].json), "%s is %.*s, expected %s", list[i].path,
                  (int)is.size, is.data, list[i].json);
    }
}

#define EXPECT(answer, ...)                                                                        \
    do {                                                                                           \
        const expectation list[] = {__VA_ARGS__};                                                  \
        expect_all(&l, (answer), list, TK_COUNT_OF(list));                                         \
    } while (0)

static tasker_status refused(ledger *l, tasker_query_kind kind, const char *filter) {
    tk_buf answer = {0};
    tk_buf_text(&answer, "before");
    l->error = (tasker_error){0};
    tasker_status status = tk_query(&l->engine, kind, tk_str_of(filter), &answer, &l->error);
    cr_assert_str_eq(answer.data, "before", "an error leaves the answer as it was");
    tk_buf_release(&answer);
    return status;
}

/* --- a task --- */

Test(query, a_new_task_shows_its_request_and_where_it_stands) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, "\"priority\":5,\"tags\":[\"x\",\"y\"],\"initiator\":\"ann\","
                      "\"parent_correlation_id\":\"018bcfe5-6802-7f2f-a1e4-59320dd70000\"");
    const char *task = ledger_query_task(&l, TASKER_QUERY_TASK);
    EXPECT(task, {"name", "\"job\""}, {"namespace", "\"test\""}, {"version", "\"1.0.0\""},
           {"status", "\"processing\""}, {"state", "\"steps_in_process\""},
           {"created_at", "\"2023-11-14T22:13:20.002000Z\""}, {"completed_at", "null"},
           {"context", "{\"n\":6}"}, {"initiator", "\"ann\""}, {"reason", "null"},
           {"priority", "5"}, {"parent_correlation_id", "\"018bcfe5-6802-7f2f-a1e4-59320dd70000\""},
           {"total_steps", "4"}, {"pending_steps", "3"}, {"enqueued_steps", "1"},
           {"ready_steps", "0"}, {"in_progress_steps", "0"}, {"completed_steps", "0"},
           {"failed_steps", "0"}, {"execution_status", "\"processing\""},
           {"recommended_action", "\"wait_for_completion\""}, {"completion_percentage", "0.00"},
           {"health_status", "\"healthy\""});
    cr_assert(tk_json_equal(at(&l, task, "tags"), parse(&l, "[\"x\",\"y\"]")));
    cr_assert(tk_json_equal(at(&l, task, "correlation_id"), at(&l, task, "task_uuid")),
              "without one it is the task's own");
    ledger_close(&l);
}

Test(query, steps_come_in_the_order_of_the_graph) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND); /* d is written first */
    ledger_submit(&l, NULL);
    const char *task = ledger_query_task(&l, TASKER_QUERY_TASK);
    EXPECT(task, {"steps.0.name", "\"a\""}, {"steps.1.name", "\"b\""}, {"steps.2.name", "\"c\""},
           {"steps.3.name", "\"d\""}, {"steps.3.parents", "[\"b\",\"c\"]"},
           {"steps.3.total_parents", "2"});
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"3.name", "\"d\""}, {"4", ""});
    ledger_close(&l);
}

Test(query, a_step_shows_its_readiness_at_every_stage) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.current_state", "\"enqueued\""},
           {"0.dependencies_satisfied", "true"}, {"0.retry_eligible", "true"}, {"0.attempts", "0"},
           {"0.max_attempts", "2"}, {"0.last_attempted_at", "null"}, {"0.results", "null"},
           {"0.worker", "null"}, {"0.callable", "\"A\""}, {"2.current_state", "\"pending\""},
           {"2.dependencies_satisfied", "false"});
    tk_lease_row lease = ledger_claim(&l, "a");
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.current_state", "\"in_progress\""},
           {"0.attempts", "1"}, {"0.worker", "1"}, {"0.retry_eligible", "true"});
    ledger_end(&l, lease, TK_OUTCOME_ERROR, NULL, true);
    const char *steps = ledger_query_task(&l, TASKER_QUERY_STEPS);
    EXPECT(steps, {"0.current_state", "\"waiting_for_retry\""}, {"0.attempts", "1"},
           {"0.ready_for_execution", "false"}, {"0.error.message", "\"it broke\""},
           {"0.backoff_request_seconds", "1"}, {"0.result", "null"});
    cr_assert_eq(at(&l, steps, "0.next_retry_at").kind, TK_JSON_STRING);
    cr_assert(tk_json_equal(at(&l, steps, "0.last_failure_at"), at(&l, steps, "0.updated_at")));
    l.now_us += 60000000; /* due, but nobody has moved it yet */
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.ready_for_execution", "true"});
    EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"ready_steps", "1"},
           {"execution_status", "\"has_ready_steps\""}, {"waiting_for_retry_steps", "1"},
           {"pending_steps", "1"});
    ledger_later(&l, 1);
    ledger_fail(&l, "a", true);
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.current_state", "\"error\""},
           {"0.attempts", "2"}, {"0.retry_eligible", "false"});
    EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"state", "\"steps_in_process\""},
           {"status", "\"blocked_by_failures\""}, {"health_status", "\"blocked\""},
           {"failed_steps", "1"});
    ledger_retry(&l, "a");
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.attempts", "0"},
           {"0.retry_eligible", "true"});
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "2");
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.current_state", "\"complete\""},
           {"0.attempts", "1"}, {"0.error", "null"}, {"0.result", "1"},
           {"2.completed_parents", "2"}, {"2.dependencies_satisfied", "true"});
    ledger_close(&l);
}

Test(query, results_keep_their_digits_in_the_shape_that_clients_know) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "{\"big\":18446744073709551616,\"tenth\":0.10}");
    ledger_fail(&l, "b", true);
    EXPECT(ledger_query_task(&l, TASKER_QUERY_STEPS), {"0.results.success", "true"},
           {"0.results.status", "\"completed\""},
           {"0.results.result", "{\"big\":18446744073709551616,\"tenth\":0.10}"},
           {"0.results.metadata.execution_time_ms", "12"},
           {"0.results.metadata.custom.custom.by", "\"test\""},
           {"0.results.metadata.worker_id", "\"1\""}, {"0.results.metadata.context", "{}"},
           {"0.results.metadata.retryable", "false"}, {"0.results.error", "null"},
           {"0.results.orchestration_metadata.backoff_hint", "null"},
           {"1.results.success", "false"}, {"1.results.status", "\"failed\""},
           {"1.results.result", "{}"}, {"1.results.error.message", "\"it broke\""},
           {"1.results.error.backtrace", "\"line 1\""}, {"1.results.error.retryable", "true"},
           {"1.results.metadata.error_type", "\"Broken\""},
           {"1.results.metadata.error_code", "\"E1\""}, {"1.results.metadata.retryable", "true"},
           {"1.results.metadata.custom", "{}"}, {"1.results.metadata.execution_time_ms", "1"});
    ledger_close(&l);
}

Test(query, a_done_task_keeps_the_time_at_which_it_was_done) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "1");
    ledger_run(&l, "c", "1");
    const char *done = ledger_query_task(&l, TASKER_QUERY_TASK);
    EXPECT(done, {"state", "\"complete\""}, {"status", "\"all_complete\""},
           {"completion_percentage", "100.00"}, {"completed_steps", "3"});
    tk_json moment = at(&l, done, "completed_at");
    cr_assert(tk_json_equal(moment, at(&l, done, "updated_at")));
    ledger_by_hand(&l, "c", TK_OUTCOME_RESOLVED, "2");
    const char *again = ledger_query_task(&l, TASKER_QUERY_TASK);
    cr_assert(tk_json_equal(moment, at(&l, again, "completed_at")));
    EXPECT(again, {"completed_steps", "3"}, {"resolved_steps", "1"}, {"steps.2.result", "2"});
    const char *list = ledger_query(&l, TASKER_QUERY_TASKS, "{}");
    cr_assert(tk_json_equal(moment, at(&l, list, "tasks.0.completed_at")));
    ledger_close(&l);
}

Test(query, one_step_comes_with_its_attempts) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_lose(&l, "a");
    ledger_fail(&l, "a", false);
    ledger_by_hand(&l, "a", TK_OUTCOME_COMPLETED, "[1]");
    const char *step = ledger_query(
        &l, TASKER_QUERY_STEP,
        tk_arena_printf(&l.arena, "{\"step_uuid\":\"%s\"}", ledger_step_uuid(&l, "a")));
    EXPECT(step, {"name", "\"a\""}, {"attempts", "2"}, {"attempts_list.0.outcome", "\"lost\""},
           {"attempts_list.1.outcome", "\"error\""}, {"attempts_list.1.attempt", "2"},
           {"attempts_list.1.error.message", "\"it broke\""},
           {"attempts_list.2.outcome", "\"completed_by_hand\""}, {"attempts_list.2.worker", "null"},
           {"attempts_list.2.result", "[1]"}, {"attempts_list.3", ""});
    ledger_close(&l);
}

Test(query, ended_tasks_show_what_became_of_their_steps) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, "\"bypass_steps\":[\"a\"]");
    EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"bypass_steps", "[\"a\"]"},
           {"steps.0.current_state", "\"resolved_manually\""}, {"steps.0.attempts", "0"},
           {"steps.0.results.metadata.custom.bypassed", "true"},
           {"steps.0.results.metadata.worker_id", "null"});
    (void)ledger_claim(&l, "b");
    l.now_us += 1000;
    const tasker_act act = {.actor = "ann", .reason = "sold out"};
    EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"ended", "null"});
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, &act, &l.error), TASKER_OK);
    const char *task = ledger_query_task(&l, TASKER_QUERY_TASK);
    EXPECT(task, {"state", "\"cancelled\""}, {"status", "\"waiting_for_dependencies\""},
           {"cancelled_steps", "2"}, {"completed_at", "null"},
           {"steps.1.current_state", "\"cancelled\""}, {"steps.1.results.status", "\"cancelled\""},
           {"steps.1.results.success", "false"}, {"ended.act", "\"cancelled\""},
           {"ended.actor", "\"ann\""}, {"ended.reason", "\"sold out\""});
    cr_assert(tk_json_equal(at(&l, task, "ended.at"), at(&l, task, "updated_at")));
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{}"), {"tasks.0.ended.actor", "\"ann\""});
    ledger_close(&l);
}

Test(query, a_task_that_was_given_up_or_resolved_says_by_whom) {
    const struct {
        tasker_status (*end)(tk_engine *, const tk_uuid *, const tasker_act *, tasker_error *);
        const char *act;
    } cases[] = {{tk_task_fail, "\"failed\""}, {tk_task_resolve, "\"resolved\""}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const tasker_act act = {.actor = "bob"};
        ledger l;
        ledger_open(&l, LEDGER_CHAIN);
        ledger_submit(&l, NULL);
        ledger_fail(&l, "a", false); /* the engine's own act ends nothing */
        EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"ended", "null"});
        cr_assert_eq(cases[i].end(&l.engine, &l.task, &act, &l.error), TASKER_OK);
        EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"ended.act", cases[i].act},
               {"ended.actor", "\"bob\""}, {"ended.reason", "null"});
        ledger_close(&l);
    }
}

Test(query, what_waits_for_a_time_says_for_which) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, "\"run_at\":\"2033-05-18T03:33:20Z\"");
    const char *then = "\"2033-05-18T03:33:20.000000Z\"";
    EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"run_at", then}, {"next_at", then},
           {"steps.0.run_at", then}, {"steps.0.next_retry_at", "null"}, {"steps.2.run_at", "null"});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{}"), {"tasks.0.next_at", then});
    ledger_submit(&l, NULL);
    EXPECT(ledger_query_task(&l, TASKER_QUERY_TASK), {"next_at", "null"},
           {"steps.0.run_at", "null"});
    ledger_fail(&l, "a", true);
    const char *task = ledger_query_task(&l, TASKER_QUERY_TASK);
    cr_assert_eq(at(&l, task, "next_at").kind, TK_JSON_STRING);
    cr_assert(tk_json_equal(at(&l, task, "next_at"), at(&l, task, "steps.0.next_retry_at")));
    cr_assert(tk_json_equal(at(&l, task, "next_at"), at(&l, task, "steps.0.run_at")));
    ledger_close(&l);
}

/* --- lists --- */

Test(query, lists_go_page_by_page_newest_first) {
    ledger l;
    tk_uuid ids[5];
    ledger_open(&l, LEDGER_CHAIN);
    for (size_t i = 0; i < TK_COUNT_OF(ids); i++) {
        ledger_submit(&l, NULL);
        ids[i] = l.task;
    }
    char uuid[TASKER_UUID_SIZE];
    const char *after = "";
    size_t left = TK_COUNT_OF(ids);
    for (int page = 0; page < 3; page++) {
        const char *answer = ledger_query(&l, TASKER_QUERY_TASKS,
                                          tk_arena_printf(&l.arena, "{\"limit\":2%s}", after));
        size_t count = tk_json_count(at(&l, answer, "tasks"));
        cr_assert_eq(count, page < 2 ? 2 : 1);
        for (size_t i = 0; i < count; i++) {
            tk_uuid_format(&ids[--left], uuid);
            char path[48];
            (void)snprintf(path, sizeof(path), "tasks.%zu.task_uuid", i);
            cr_assert(tk_json_string_is(at(&l, answer, path), tk_str_of(uuid)));
        }
        tk_json next = at(&l, answer, "next");
        cr_assert_eq(next.kind, page < 2 ? TK_JSON_STRING : TK_JSON_NULL);
        after = tk_arena_printf(&l.arena, ",\"after\":%.*s", (int)next.text.size, next.text.data);
    }
    const char *all = ledger_query(&l, TASKER_QUERY_TASKS, "{\"limit\":5}");
    EXPECT(all, {"next", "null"}, {"tasks.0.context", ""}, {"tasks.0.steps", ""},
           {"tasks.0.total_steps", "3"}, {"tasks.0.state", "\"steps_in_process\""});
    ledger_close(&l);
}

static size_t listed(ledger *l, const char *filter) {
    return tk_json_count(at(l, ledger_query(l, TASKER_QUERY_TASKS, filter), "tasks"));
}

Test(query, lists_are_filtered_by_state_in_every_word) {
    static const struct {
        const char *word;
        size_t tasks;
    } cases[] = {
        {"running", 2},
        {"steps_in_process", 2},
        {"waiting_for_retry", 2},
        {"in_progress", 2},
        {"pending", 2},
        {"processing", 2},
        {"has_ready_steps", 2},
        {"complete", 1},
        {"all_complete", 1},
        {"cancelled", 1},
        {"blocked", 1},
        {"blocked_by_failures", 1},
        {"error", 0},
        {"resolved_manually", 0},
        {"resolved", 0},
        {"waiting_for_dependencies", 2},
    };
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, "\"bypass_steps\":[\"a\",\"b\",\"c\"]");
    ledger_submit(&l, NULL);
    l.now_us += 1000;
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    ledger_submit(&l, "\"tags\":[\"vip\"]");
    ledger_fail(&l, "a", true);
    ledger_submit(&l, NULL);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        char filter[80];
        (void)snprintf(filter, sizeof(filter), "{\"state\":\"%s\"}", cases[i].word);
        cr_expect_eq(listed(&l, filter), cases[i].tasks, "%s: %zu", cases[i].word,
                     listed(&l, filter));
    }
    cr_expect_eq(listed(&l, ""), 5);
    cr_expect_eq(listed(&l, "{\"namespace\":\"test\",\"name\":\"job\"}"), 5);
    cr_expect_eq(listed(&l, "{\"namespace\":\"nowhere\"}"), 0);
    cr_expect_eq(listed(&l, "{\"name\":\"other\"}"), 0);
    cr_expect_eq(listed(&l, "{\"version\":\"1.0.0\"}"), 5);
    cr_expect_eq(listed(&l, "{\"version\":\"2.0.0\"}"), 0);
    cr_expect_eq(listed(&l, "{\"tag\":\"vip\",\"state\":\"running\"}"), 1);
    cr_expect_eq(listed(&l, "{\"tag\":\"vip\",\"state\":\"complete\"}"), 0);
    cr_expect_eq(listed(&l, "{\"unknown\":1,\"state\":null}"), 5, "what it does not name");
    ledger_close(&l);
}

/* --- counts, templates, workers --- */

Test(query, counts_tell_what_waits_runs_and_finds_no_worker) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND); /* the tester cannot do D */
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_fail(&l, "b", true);
    ledger_run(&l, "c", "1");
    ledger_by_hand(&l, "b", TK_OUTCOME_COMPLETED, "1");
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", true);
    ledger_submit(&l, NULL);
    (void)ledger_claim(&l, "a");
    ledger_submit(&l, NULL);
    l.now_us += 1000;
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    static const char *const filters[] = {"{}", "{\"namespace\":\"test\"}",
                                          "{\"namespace\":\"test\",\"name\":\"job\"}"};
    for (size_t i = 0; i < TK_COUNT_OF(filters); i++) {
        const char *counts = ledger_query(&l, TASKER_QUERY_COUNTS, filters[i]);
        EXPECT(counts, {"tasks.running", "3"}, {"tasks.cancelled", "1"}, {"tasks.complete", "0"},
               {"tasks.total", "4"}, {"steps.ready", "1"}, {"steps.running", "1"},
               {"steps.later", "1"}, {"steps.no_worker", "1"});
    }
    EXPECT(ledger_query(&l, TASKER_QUERY_COUNTS, "{\"namespace\":\"nowhere\"}"),
           {"tasks.total", "0"}, {"steps.running", "0"}, {"queues", "[]"});
    EXPECT(ledger_query(&l, TASKER_QUERY_COUNTS, "{\"name\":\"other\"}"), {"tasks.total", "0"},
           {"steps.running", "1"});
    ledger_close(&l);
}

Test(query, templates_are_listed_and_shown) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    EXPECT(ledger_query(&l, TASKER_QUERY_TEMPLATES, "{}"), {"0.name", "\"job\""},
           {"0.namespace", "\"test\""}, {"0.revision", "1"}, {"0.steps", "3"}, {"1", ""});
    cr_assert_str_eq(ledger_query(&l, TASKER_QUERY_TEMPLATES, "{\"name\":\"other\"}"), "[]");
    const char *one =
        ledger_query(&l, TASKER_QUERY_TEMPLATE, "{\"namespace\":\"test\",\"name\":\"job\"}");
    EXPECT(one, {"version", "\"1.0.0\""}, {"steps.1.name", "\"b\""},
           {"steps.1.handler.callable", "\"B\""}, {"steps.1.dependencies", "[\"a\"]"},
           {"input_schema", "null"}, {"steps.3", ""});
    cr_assert_eq(refused(&l, TASKER_QUERY_TEMPLATE, "{\"namespace\":\"test\",\"name\":\"no\"}"),
                 TASKER_NOTFOUND);
    ledger_close(&l);
}

Test(query, workers_show_what_they_run) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    (void)ledger_claim(&l, "a");
    EXPECT(ledger_query(&l, TASKER_QUERY_WORKERS, "{}"), {"0.name", "\"tester\""},
           {"0.pid", "4711"}, {"0.running", "1"}, {"0.steps.0.step", "\"a\""},
           {"0.steps.0.attempt", "1"}, {"0.handlers", "[\"A\",\"B\",\"C\"]"}, {"1", ""});
    ledger_close(&l);
}

/* --- what is wrong --- */

Test(query, wrong_filters_are_told_with_their_place) {
    static const struct {
        tasker_query_kind kind;
        const char *filter, *path;
        tasker_status status;
    } cases[] = {
        {TASKER_QUERY_TASK, "{}", "$.task_uuid", TASKER_INVALID},
        {TASKER_QUERY_TASK, "", "$.task_uuid", TASKER_INVALID},
        {TASKER_QUERY_TASK, "[]", "$", TASKER_INVALID},
        {TASKER_QUERY_TASK, "{", "$", TASKER_INVALID},
        {TASKER_QUERY_TASK, "{\"task_uuid\":1}", "$.task_uuid", TASKER_INVALID},
        {TASKER_QUERY_TASK, "{\"task_uuid\":\"x\"}", "$.task_uuid", TASKER_INVALID},
        {TASKER_QUERY_TASK, "{\"task_uuid\":\"018bcfe5-6802-7f2f-a1e4-59320dd70000\"}", "",
         TASKER_NOTFOUND},
        {TASKER_QUERY_STEPS, "{\"task_uuid\":\"018bcfe5-6802-7f2f-a1e4-59320dd70000\"}", "",
         TASKER_NOTFOUND},
        {TASKER_QUERY_HISTORY, "{\"task_uuid\":\"018bcfe5-6802-7f2f-a1e4-59320dd70000\"}", "",
         TASKER_NOTFOUND},
        {TASKER_QUERY_STEP, "{\"step_uuid\":\"018bcfe5-6802-7f2f-a1e4-59320dd70000\"}",
         "$.step_uuid", TASKER_INVALID},
        {TASKER_QUERY_STEP, "{\"step_uuid\":\"018bcfe5-6802-7f2f-a1e4-59320dd70001\"}", "",
         TASKER_NOTFOUND},
        {TASKER_QUERY_TASKS, "{\"limit\":0}", "$.limit", TASKER_INVALID},
        {TASKER_QUERY_TASKS, "{\"limit\":1001}", "$.limit", TASKER_INVALID},
        {TASKER_QUERY_TASKS, "{\"limit\":\"1\"}", "$.limit", TASKER_INVALID},
        {TASKER_QUERY_TASKS, "{\"state\":\"gone\"}", "$.state", TASKER_INVALID},
        {TASKER_QUERY_TASKS, "{\"after\":\"gone\"}", "$.after", TASKER_INVALID},
        {TASKER_QUERY_TASKS, "{\"correlation_id\":\"gone\"}", "$.correlation_id", TASKER_INVALID},
        {TASKER_QUERY_TASKS, "{\"tag\":7}", "$.tag", TASKER_INVALID},
        {TASKER_QUERY_TEMPLATE, "{\"namespace\":\"test\"}", "$.name", TASKER_INVALID},
        {(tasker_query_kind)99, "{}", "", TASKER_INVALID},
    };
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tasker_status status = refused(&l, cases[i].kind, cases[i].filter);
        cr_expect_eq(status, cases[i].status, "%s: %s", cases[i].filter,
                     tasker_status_name(status));
        cr_expect_str_eq(l.error.path, cases[i].path, "%s: %s", cases[i].filter, l.error.path);
    }
    ledger_submit(&l, NULL);
    tk_uuid none = tk_uuid_step(&l.task, 3);
    char uuid[TASKER_UUID_SIZE];
    tk_uuid_format(&none, uuid);
    cr_assert_eq(
        refused(&l, TASKER_QUERY_STEP, tk_arena_printf(&l.arena, "{\"step_uuid\":\"%s\"}", uuid)),
        TASKER_NOTFOUND, "the template has three steps");
    ledger_close(&l);
}

/* --- pages --- */

Test(query, a_list_tells_its_page_and_the_total) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    for (int i = 0; i < 5; i++) {
        ledger_submit(&l, i == 2
                              ? "\"tags\":[\"x\"],\"initiator\":\"ann\",\"idempotency_key\":\"one\""
                              : "\"tags\":[\"x\"]");
    }
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"page\":1,\"per_page\":2}"),
           {"pagination.page", "1"}, {"pagination.per_page", "2"}, {"pagination.total_count", "5"},
           {"pagination.total_exact", "true"}, {"pagination.total_pages", "3"},
           {"pagination.has_next", "true"}, {"pagination.has_previous", "false"}, {"tasks.2", ""});
    const char *last = ledger_query(&l, TASKER_QUERY_TASKS, "{\"page\":3,\"per_page\":2}");
    EXPECT(last, {"pagination.page", "3"}, {"pagination.has_next", "false"},
           {"pagination.has_previous", "true"}, {"next", "null"}, {"tasks.1", ""});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"page\":4,\"per_page\":2}"), {"tasks", "[]"},
           {"pagination.total_count", "5"}, {"pagination.has_next", "false"});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"tag\":\"x\",\"limit\":2}"),
           {"pagination.total_count", "5"}, {"pagination.total_exact", "true"},
           {"pagination.has_next", "true"});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"initiator\":\"ann\"}"),
           {"pagination.total_count", "1"}, {"tasks.0.initiator", "\"ann\""}, {"tasks.1", ""});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"idempotency_key\":\"one\"}"),
           {"pagination.total_count", "1"}, {"tasks.0.initiator", "\"ann\""}, {"tasks.1", ""});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"namespace\":\"none\"}"),
           {"pagination.total_count", "0"}, {"pagination.total_exact", "true"});
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"state\":\"complete\"}"),
           {"pagination.total_count", "0"}, {"pagination.total_pages", "0"});
    ledger_close(&l);
}

Test(query, a_list_by_a_cursor_has_no_page_number_but_the_same_total) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    for (int i = 0; i < 3; i++) {
        ledger_submit(&l, "\"tags\":[\"x\"]");
    }
    const char *first = ledger_query(&l, TASKER_QUERY_TASKS, "{\"tag\":\"x\",\"limit\":1}");
    tk_str next = at(&l, first, "next").text;
    const char *second =
        ledger_query(&l, TASKER_QUERY_TASKS,
                     tk_arena_printf(&l.arena, "{\"tag\":\"x\",\"limit\":1,\"after\":%.*s}",
                                     (int)next.size, next.data));
    EXPECT(second, {"pagination.page", "null"}, {"pagination.total_count", "3"},
           {"pagination.has_previous", "true"}, {"pagination.has_next", "true"});
    ledger_close(&l);
}

Test(query, a_list_is_of_the_tasks_created_between_two_times) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN); /* tasks at …20.002, …20.003, …20.004 */
    for (int i = 0; i < 3; i++) {
        ledger_submit(&l, NULL);
    }
    const struct {
        const char *filter, *count;
    } cases[] = {
        {"{\"created_after\":\"2023-11-14T22:13:20.003Z\"}", "2"},
        {"{\"created_before\":\"2023-11-14T22:13:20.003Z\"}", "1"},
        {"{\"created_after\":\"2023-11-14T22:13:20.003Z\","
         "\"created_before\":\"2023-11-14T22:13:20.004Z\"}",
         "1"},
        {"{\"created_after\":\"2023-11-14T22:13:21Z\"}", "0"},
        {"{\"created_before\":\"2023-11-14T23:13:21+01:00\"}", "3"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, cases[i].filter),
               {"pagination.total_count", cases[i].count}, {"pagination.total_exact", "true"});
    }
    cr_assert_eq(refused(&l, TASKER_QUERY_TASKS, "{\"created_after\":\"yesterday\"}"),
                 TASKER_INVALID);
    cr_assert_str_eq(l.error.path, "$.created_after");
    ledger_close(&l);
}

Test(query, pages_by_number_end_at_ten_thousand_tasks) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    cr_assert_eq(refused(&l, TASKER_QUERY_TASKS, "{\"page\":101,\"per_page\":100}"),
                 TASKER_INVALID);
    cr_assert_str_eq(l.error.path, "$.page");
    EXPECT(ledger_query(&l, TASKER_QUERY_TASKS, "{\"page\":100,\"per_page\":100}"),
           {"tasks", "[]"});
    cr_assert_eq(refused(&l, TASKER_QUERY_TASKS, "{\"page\":0}"), TASKER_INVALID);
    cr_assert_eq(refused(&l, TASKER_QUERY_TASKS, "{\"per_page\":1001}"), TASKER_INVALID);
    ledger_close(&l);
}

/* --- memory --- */

static void query_with_little_memory(void *user) {
    ledger *l = user;
    char filters[TASKER_QUERY_WHY + 1][160];
    char task[TASKER_UUID_SIZE];
    char step[TASKER_UUID_SIZE];
    tk_uuid id = tk_uuid_step(&l->task, 0);
    tk_uuid_format(&l->task, task);
    tk_uuid_format(&id, step);
    for (int kind = TASKER_QUERY_TASK; kind <= TASKER_QUERY_WHY; kind++) {
        tk_buf answer = {0};
        (void)snprintf(filters[kind], sizeof(filters[kind]),
                       kind == TASKER_QUERY_TASKS || kind == TASKER_QUERY_COUNTS
                           ? "{\"namespace\":\"test\"}"
                           : "{\"name\":\"job\",\"namespace\":\"test\",\"task_uuid\":\"%s\","
                             "\"step_uuid\":\"%s\"}",
                       task, step);
        tasker_status status = tk_query(&l->engine, (tasker_query_kind)kind,
                                        tk_str_of(filters[kind]), &answer, &l->error);
        cr_assert(status == TASKER_OK || status == TASKER_NOMEM || status == TASKER_STORE,
                  "kind %d: %s", kind, l->error.message);
        tk_buf_release(&answer);
    }
}

Test(query, survives_every_failed_allocation, .timeout = 120) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, "\"tags\":[\"x\"]");
    ledger_run(&l, "a", "1");
    ledger_fail(&l, "b", true);
    ledger_later(&l, 60000000);
    (void)ledger_claim(&l, "b");
    fail_alloc_report report = fail_alloc_sweep(query_with_little_memory, &l);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_not(report.endless);
    ledger_close(&l);
}
