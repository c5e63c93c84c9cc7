/* test_query_why.c - what steps wait for: each case, in words and in members. */
#include <stdio.h>
#include <stdlib.h>

#include "support/ledger.h"

#define SECOND INT64_C(1000000)

/* --- helpers --- */

typedef struct expectation {
    const char *step; /* NULL: of the answer itself */
    const char *member, *json;
} expectation;

static tk_json step_of(ledger *l, tk_json answer, const char *name) {
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "steps"));
    while (tk_json_next(&it)) {
        if (tk_json_string_is(tk_json_member(it.value, "name"), tk_str_of(name))) {
            return it.value;
        }
    }
    (void)l;
    return (tk_json){0};
}

static void expect_all(ledger *l, const char *text, const expectation *list, size_t count) {
    tk_json answer;
    cr_assert_eq(tk_json_parse(tk_str_of(text), SIZE_MAX, &answer, &l->error), TASKER_OK);
    for (size_t i = 0; i < count; i++) {
        tk_json from = list[i].step == NULL ? answer : step_of(l, answer, list[i].step);
        tk_str is = tk_json_member(from, list[i].member).text;
        cr_expect(tk_str_is(is, list[i].json), "%s.%s is %.*s, expected %s",
                  list[i].step == NULL ? "" : list[i].step, list[i].member, (int)is.size, is.data,
                  list[i].json);
    }
}

#define EXPECT(...)                                                                                \
    do {                                                                                           \
        const expectation list[] = {__VA_ARGS__};                                                  \
        expect_all(&l, ledger_query_task(&l, TASKER_QUERY_WHY), list, TK_COUNT_OF(list));          \
    } while (0)

static const char *quoted(ledger *l, const char *format, const char *with) {
    const char *text = tk_arena_printf(&l->arena, format, with);
    return tk_arena_printf(&l->arena, "\"%s\"", text);
}

static tasker_status refused(ledger *l, const char *filter) {
    tk_buf answer = {0};
    tasker_status status =
        tk_query(&l->engine, TASKER_QUERY_WHY, tk_str_of(filter), &answer, &l->error);
    tk_buf_release(&answer);
    return status;
}

/* --- tests --- */

Test(query_why, a_ready_step_waits_in_the_queue_behind_others) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_submit(&l, NULL);
    ledger_submit(&l, NULL);
    EXPECT({NULL, "moves", "true"}, {"a", "waits_for", "\"queue\""}, {"a", "ahead", "2"},
           {"a", "text", "\"Step a is in the queue of A behind 2 others, for less than 1 s.\""},
           {NULL, "text", "\"Step a is in the queue of A behind 2 others, for less than 1 s.\""},
           {"a", "next", "null"}, {"a", "at", "null"}, {"a", "callable", "\"A\""},
           {"a", "namespace", "\"test\""}, {"a", "current_state", "\"enqueued\""},
           {"b", "waits_for", "\"parents\""}, {"b", "parents", "[\"a\"]"},
           {"b", "text", "\"Step b waits for a.\""},
           {"b", "next", quoted(&l, "tasker why %s", ledger_step_uuid(&l, "a"))});
    ledger_close(&l);
}

Test(query_why, a_higher_priority_is_before_a_lower_one) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, "\"priority\":-1");
    ledger_submit(&l, NULL);
    ledger_submit(&l, "\"priority\":5");
    EXPECT({"a", "ahead", "0"});
    ledger_submit(&l, NULL);
    EXPECT({"a", "ahead", "2"});
    ledger_close(&l);
}

Test(query_why, a_running_step_tells_where_and_since_when) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    (void)ledger_claim(&l, "a");
    l.now_us += 7 * SECOND;
    EXPECT({NULL, "moves", "true"}, {"a", "waits_for", "\"running\""}, {"a", "at", "null"},
           {"a", "text", "\"Step a runs for 7 s at the worker tester (1), attempt 1.\""},
           {"a", "ahead", "null"});
    ledger_close(&l);
}

Test(query_why, a_failed_step_waits_for_its_time_and_then_for_a_turn) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", true);
    EXPECT({NULL, "moves", "true"}, {"a", "waits_for", "\"time\""},
           {"a", "current_state", "\"waiting_for_retry\""},
           {"a", "text",
            "\"Step a is tried again in 1 s (attempt 2 of 3) after it failed: it broke "
            "(Broken).\""});
    l.now_us += 60 * SECOND;
    EXPECT({"a", "waits_for", "\"time\""},
           {"a", "text",
            "\"Step a is due and comes into the queue with a worker's next turn (attempt 2 of 3) "
            "after it failed: it broke (Broken).\""});
    ledger_close(&l);
}

Test(query_why, a_delayed_task_waits_for_its_time) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, "\"delay\":600");
    EXPECT({NULL, "moves", "true"}, {"a", "waits_for", "\"time\""},
           {"a", "at", "\"2023-11-14T22:23:20.002000Z\""},
           {"a", "text", "\"Step a begins in 10 min.\""});
    ledger_close(&l);
}

Test(query_why, a_step_that_failed_for_good_needs_an_operator) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    EXPECT(
        {NULL, "moves", "false"}, {"a", "waits_for", "\"operator\""},
        {"a", "text",
         "\"Step a failed for good after 1 attempt: it broke (Broken); an operator has to "
         "retry, resolve or complete it.\""},
        {"a", "next", quoted(&l, "tasker step retry %s --reason TEXT", ledger_step_uuid(&l, "a"))},
        {"b", "waits_for", "\"parents\""}, {"b", "text", "\"Step b waits for a (failed).\""});
    ledger_close(&l);
}

Test(query_why, without_a_worker_a_ready_step_says_what_to_start) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_break(&l, "DELETE FROM worker");
    EXPECT({NULL, "moves", "false"}, {"a", "waits_for", "\"worker\""},
           {"a", "text", "\"Step a can run, but no worker is there; start one that has A.\""},
           {"a", "next", "\"tasker worker list\""}, {"a", "ahead", "null"});
    ledger_close(&l);
}

Test(query_why, a_handler_that_no_worker_has_is_named) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_break(&l, "UPDATE worker SET handlers = '[\"B\",\"C\"]'");
    EXPECT({NULL, "moves", "false"}, {"a", "waits_for", "\"handler\""},
           {"a", "text", "\"Step a can run, but no worker has its handler A.\""});
    ledger_close(&l);
}

Test(query_why, a_namespace_that_no_worker_takes_is_named) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_break(&l, "UPDATE worker SET namespaces = '[\"other\"]'");
    EXPECT({NULL, "moves", "false"}, {"a", "waits_for", "\"worker\""},
           {"a", "text",
            "\"Step a can run, but no worker with its handler A takes steps of the namespace "
            "test.\""});
    ledger_close(&l);
}

Test(query_why, a_step_of_a_worker_that_is_gone_is_taken_over) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    (void)ledger_claim(&l, "a");
    ledger_break(&l, "UPDATE worker SET id = 2");
    EXPECT({"a", "waits_for", "\"running\""},
           {"a", "text",
            "\"Step a runs for less than 1 s at a worker that is gone: another one will take it "
            "over, attempt 1.\""});
    ledger_break(&l, "DELETE FROM worker");
    EXPECT({NULL, "moves", "false"}, {"a", "waits_for", "\"worker\""},
           {"a", "text", "\"Step a was at a worker that is gone, and no other one is there.\""});
    ledger_close(&l);
}

Test(query_why, several_open_parents_are_all_named) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    EXPECT({"d", "parents", "[\"b\",\"c\"]"}, {"d", "text", "\"Step d waits for b and c.\""},
           {"a", "name", ""});
    ledger_run(&l, "b", "1");
    EXPECT({"d", "parents", "[\"c\"]"}, {"d", "text", "\"Step d waits for c.\""});
    ledger_close(&l);
}

Test(query_why, an_ended_task_waits_for_nothing) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "1");
    ledger_run(&l, "c", "1");
    EXPECT({NULL, "moves", "false"}, {NULL, "steps", "[]"},
           {NULL, "text", "\"The task is complete and waits for nothing.\""});
    ledger_close(&l);
}

Test(query_why, one_step_is_asked_for_by_its_id) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    const expectation list[] = {{"a", "waits_for", "\"nothing\""},
                                {"a", "text", "\"Step a is done and waits for nothing.\""},
                                {"b", "name", ""}};
    const char *answer = ledger_query(
        &l, TASKER_QUERY_WHY,
        tk_arena_printf(&l.arena, "{\"step_uuid\":\"%s\"}", ledger_step_uuid(&l, "a")));
    expect_all(&l, answer, list, TK_COUNT_OF(list));
    ledger_close(&l);
}

Test(query_why, what_is_not_there_is_refused) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    cr_assert_eq(refused(&l, "{}"), TASKER_INVALID);
    cr_assert_eq(refused(&l, "{\"task_uuid\":\"x\"}"), TASKER_INVALID);
    cr_assert_eq(refused(&l, tk_arena_printf(&l.arena, "{\"step_uuid\":\"%s\"}", ledger_uuid(&l))),
                 TASKER_INVALID, "a task's id");
    cr_assert_eq(refused(&l, "{\"task_uuid\":\"018bcfe5-6802-7f2f-a1e4-000000000000\"}"),
                 TASKER_NOTFOUND);
    tk_uuid none = tk_uuid_step(&l.task, 3);
    char uuid[TASKER_UUID_SIZE];
    tk_uuid_format(&none, uuid);
    cr_assert_eq(refused(&l, tk_arena_printf(&l.arena, "{\"step_uuid\":\"%s\"}", uuid)),
                 TASKER_NOTFOUND);
    ledger_close(&l);
}
