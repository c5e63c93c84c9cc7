/* test_query_events.c - what a follower of the record is told: members, cursors, filters. */
#include <stdio.h>
#include <stdlib.h>

#include "support/ledger.h"

/* --- helpers --- */

static tk_json member_of(ledger *l, const char *answer, const char *name) {
    tk_json value;
    cr_assert_eq(tk_json_parse(tk_str_of(answer), SIZE_MAX, &value, &l->error), TASKER_OK);
    return tk_json_member(value, name);
}

static const char *text_of(ledger *l, const char *answer, const char *name) {
    tk_str text = {NULL, 0};
    cr_assert(tk_json_string(&l->arena, member_of(l, answer, name), &text), "%s", name);
    return tk_arena_copy(&l->arena, text.data, text.size);
}

/* The members of the event at `index`. */
static tk_json event_at(ledger *l, const char *answer, size_t index) {
    tk_json_iterator it = tk_json_each(member_of(l, answer, "events"));
    while (tk_json_next(&it)) {
        if (it.index == index) {
            return it.value;
        }
    }
    return (tk_json){0};
}

static void expect_event(ledger *l, const char *answer, size_t index, const char *name,
                         const char *json) {
    tk_str is = tk_json_member(event_at(l, answer, index), name).text;
    cr_expect(tk_str_is(is, json), "%s of %zu is %.*s, expected %s", name, index, (int)is.size,
              is.data, json);
}

static size_t events_in(ledger *l, const char *answer) {
    return tk_json_count(member_of(l, answer, "events"));
}

static const char *events_after(ledger *l, const char *cursor, const char *more) {
    return ledger_query(l, TASKER_QUERY_EVENTS,
                        tk_arena_printf(&l->arena, "{\"after\":\"%s\"%s}", cursor, more));
}

static tasker_status refused(ledger *l, const char *filter) {
    tk_buf answer = {0};
    tasker_status status =
        tk_query(&l->engine, TASKER_QUERY_EVENTS, tk_str_of(filter), &answer, &l->error);
    tk_buf_release(&answer);
    return status;
}

/* --- tests --- */

Test(query_events, tell_submissions_ended_attempts_and_acts) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_fail(&l, "b", false);
    ledger_retry(&l, "b");
    const char *all = ledger_query(&l, TASKER_QUERY_EVENTS, "{}");
    const char *task = tk_arena_printf(&l.arena, "\"%s\"", ledger_uuid(&l));
    const char *step = tk_arena_printf(&l.arena, "\"%s\"", ledger_step_uuid(&l, "b"));
    const struct {
        size_t index;
        const char *name, *json;
    } expected[] = {
        {0, "kind", "\"task\""},
        {0, "task_uuid", task},
        {0, "namespace", "\"test\""},
        {0, "name", "\"job\""},
        {0, "version", "\"1.0.0\""},
        {0, "priority", "0"},
        {0, "at", "\"2023-11-14T22:13:20.002000Z\""},
        {1, "kind", "\"attempt\""},
        {1, "step", "\"a\""},
        {1, "outcome", "\"ok\""},
        {1, "error_class", "null"},
        {2, "step_uuid", step},
        {2, "attempt", "1"},
        {2, "outcome", "\"error\""},
        {2, "worker", "1"},
        {2, "error_class", "\"Broken\""},
        {2, "claimed_at", "\"2023-11-14T22:13:20.005000Z\""},
        {3, "kind", "\"act\""},
        {3, "act", "\"blocked\""},
        {3, "step_uuid", "null"},
        {4, "act", "\"retried\""},
        {4, "step_uuid", step},
        {4, "actor", "\"ann\""},
        {4, "reason", "\"because\""},
    };
    cr_assert_eq(events_in(&l, all), 5);
    for (size_t i = 0; i < TK_COUNT_OF(expected); i++) {
        expect_event(&l, all, expected[i].index, expected[i].name, expected[i].json);
    }
    cr_assert_eq(member_of(&l, all, "more").kind, TK_JSON_FALSE);
    ledger_close(&l);
}

Test(query_events, go_on_behind_the_cursor_page_by_page) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    for (int i = 0; i < 3; i++) {
        ledger_submit(&l, NULL);
        ledger_run(&l, "a", "1");
    }
    const char *page = ledger_query(&l, TASKER_QUERY_EVENTS, "{\"limit\":4}");
    cr_assert_eq(events_in(&l, page), 4);
    cr_assert_eq(member_of(&l, page, "more").kind, TK_JSON_TRUE);
    page = events_after(&l, text_of(&l, page, "next"), ",\"limit\":4");
    cr_assert_eq(events_in(&l, page), 2);
    cr_assert_eq(member_of(&l, page, "more").kind, TK_JSON_FALSE);
    const char *end = text_of(&l, page, "next");
    page = events_after(&l, end, "");
    cr_assert_eq(events_in(&l, page), 0);
    cr_assert_str_eq(text_of(&l, page, "next"), end);
    ledger_run(&l, "b", "1");
    cr_assert_eq(events_in(&l, events_after(&l, end, "")), 1);
    ledger_close(&l);
}

Test(query_events, an_event_s_own_id_is_a_cursor) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "1");
    const char *all = ledger_query(&l, TASKER_QUERY_EVENTS, "{}");
    tk_str id = {NULL, 0};
    cr_assert(tk_json_string(&l.arena, tk_json_member(event_at(&l, all, 0), "id"), &id));
    const char *rest = events_after(&l, tk_arena_copy(&l.arena, id.data, id.size), "");
    cr_assert_eq(events_in(&l, rest), 2);
    expect_event(&l, rest, 0, "step", "\"a\"");
    ledger_close(&l);
}

Test(query_events, now_is_behind_all_that_is_there) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    const char *now = events_after(&l, "now", "");
    cr_assert_eq(events_in(&l, now), 0);
    ledger_run(&l, "a", "1");
    const char *later = events_after(&l, text_of(&l, now, "next"), "");
    cr_assert_eq(events_in(&l, later), 1);
    expect_event(&l, later, 0, "step", "\"a\"");
    ledger_close(&l);
}

Test(query_events, are_those_of_a_task_a_kind_and_a_namespace) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    const char *first = ledger_uuid(&l);
    ledger_submit(&l, NULL);
    const struct {
        const char *filter;
        size_t expected;
    } cases[] = {
        {"{\"kind\":\"task\"}", 2},
        {"{\"kind\":\"attempt\"}", 1},
        {"{\"kind\":\"act\"}", 0},
        {"{\"namespace\":\"test\"}", 3},
        {"{\"namespace\":\"other\"}", 0},
        {tk_arena_printf(&l.arena, "{\"task_uuid\":\"%s\"}", first), 2},
        {tk_arena_printf(&l.arena, "{\"task_uuid\":\"%s\",\"kind\":\"task\"}", first), 1},
        {tk_arena_printf(&l.arena, "{\"task_uuid\":\"%s\"}", ledger_uuid(&l)), 1},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const char *answer = ledger_query(&l, TASKER_QUERY_EVENTS, cases[i].filter);
        cr_expect_eq(events_in(&l, answer), cases[i].expected, "%s: %s", cases[i].filter, answer);
    }
    ledger_close(&l);
}

Test(query_events, a_cursor_that_is_none_or_another_store_s_is_refused) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    const char *end = text_of(&l, events_after(&l, "now", ""), "next");
    int64_t mark = strtoll(end, NULL, 10);
    const char *const cases[] = {
        "",
        "-",
        "--",
        "1-2",
        "1-2-3-4",
        "a-b-c",
        "99999999999999999999-0-0",
        "later",
        tk_arena_printf(&l.arena, "%" PRId64 "-0-", mark),
        tk_arena_printf(&l.arena, "%" PRId64 "-0-0", mark + 1),
        tk_arena_printf(&l.arena, "%" PRId64 "-0-2", mark),
        tk_arena_printf(&l.arena, "%" PRId64 "-1-0", mark),
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const char *filter = tk_arena_printf(&l.arena, "{\"after\":\"%s\"}", cases[i]);
        cr_expect_eq(refused(&l, filter), TASKER_INVALID, "%s", cases[i]);
        cr_expect_str_eq(l.error.path, "$.after");
    }
    cr_assert_eq(refused(&l, tk_arena_printf(&l.arena, "{\"after\":\"%" PRId64 "-0-1\"}", mark)),
                 TASKER_OK);
    cr_assert_eq(refused(&l, "{\"kind\":\"step\"}"), TASKER_INVALID);
    cr_assert_eq(refused(&l, "{\"limit\":0}"), TASKER_INVALID);
    cr_assert_eq(refused(&l, "{\"limit\":1001}"), TASKER_INVALID);
    cr_assert_eq(refused(&l, "{\"limit\":1000}"), TASKER_OK);
    ledger_close(&l);
}
