/* Rates and latencies, from what workers do to the answer; the same on each store. */
#include "minute.h"
#include "support/store_fixture.h"
#include "support/turner.h"

#define MS TURNER_MS
#define S TURNER_S
#define AT_US (INT64_C(1700000040) * S) /* a whole minute, not before the ledger's clock begins */

static tk_json answer_of(ledger *l, const char *filter, const char **text) {
    tk_json json = {0};
    *text = ledger_query(l, TASKER_QUERY_ANALYTICS, filter);
    cr_assert_eq(tk_json_parse(tk_str_of(*text), SIZE_MAX, &json, &l->error), TASKER_OK, "%s: %s",
                 l->error.message, *text);
    return json;
}

static int64_t number(tk_json object, const char *name) {
    int64_t value = -1;
    cr_assert(tk_json_int(tk_json_member(object, name), &value), "no %s", name);
    return value;
}

static double quantile(tk_json object, const char *name, const char *which) {
    tk_json value = tk_json_member(tk_json_member(object, name), which);
    cr_assert_eq(value.kind, TK_JSON_NUMBER, "no %s.%s", name, which);
    return tk_json_double(value);
}

static void expect_ms(tk_json object, const char *name, double p50, double p99) {
    double middle = quantile(object, name, "p50");
    double end = quantile(object, name, "p99");
    cr_assert(middle > p50 * 0.9 && middle < p50 * 1.1, "%s: p50 %f", name, middle);
    cr_assert(end > p99 * 0.9 && end < p99 * 1.1, "%s: p99 %f", name, end);
}

/* Claims by a turn, lets the handler take a time, and ends the step. */
static void work(ledger *l, tk_worker *w, int64_t takes_us, bool ok) {
    turner_turn(l, w);
    tasker_step *step = turner_take(w);
    const tasker_outcome outcome = {.ok = ok, .result = TK_STR("1"), .retry_after_ms = -1};
    l->now_us += takes_us;
    cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_OK);
    tasker_step_free(step);
    turner_turn(l, w);
}

#define ONE_STEP                                                                                   \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: A}}\n"

STORE_TEST(analytics, what_workers_did_is_there_after_a_second) {
    ledger l;
    const char *text;
    ledger_open_on(&l, fx->store, ONE_STEP);
    tk_worker *w = turner_open(&l, "A", 1);
    l.now_us = AT_US;
    for (int i = 0; i < 10; i++) {
        ledger_submit(&l, NULL);
        l.now_us += 40 * MS; /* waits */
        work(&l, w, i < 9 ? 20 * MS : 400 * MS, i < 9);
    }
    tk_json total = tk_json_member(answer_of(&l, "{\"minutes\":2}", &text), "total");
    cr_assert_eq(number(total, "submitted"), 10, "%s: %s", fx->kind, text);
    cr_assert_eq(number(total, "completed"), 9, "%s: %s", fx->kind, text);
    l.now_us += 2 * S;
    turner_turn(&l, w);
    total = tk_json_member(answer_of(&l, "{\"minutes\":2}", &text), "total");
    cr_assert_eq(number(total, "steps"), 10, "%s: %s", fx->kind, text);
    cr_assert_eq(number(total, "failed_steps"), 1, "%s", text);
    expect_ms(total, "step_ms", 20, 400);
    expect_ms(total, "wait_ms", 40, 40);
    expect_ms(total, "task_ms", 61, 61);
    tk_worker_close(w);
    ledger_close(&l);
}

STORE_TEST(analytics, portions_are_whole_and_the_last_is_under_way) {
    static const struct {
        const char *filter, *from, *portion;
        size_t count;
    } cases[] = {
        {"{\"minutes\":5}", "\"from\":\"2023-11-14T22:10:00.000000Z\"", "\"portion_seconds\":60,",
         5},
        {"{\"minutes\":5,\"portions\":2}", "\"from\":\"2023-11-14T22:09:00.000000Z\"",
         "\"portion_seconds\":180,", 2},
        {"{\"minutes\":360,\"portions\":240}", "\"from\":\"2023-11-14T16:16:00.000000Z\"",
         "\"portion_seconds\":120,", 180},
        {"{\"minutes\":361,\"portions\":240}", "\"from\":\"2023-11-14T16:00:00.000000Z\"",
         "\"portion_seconds\":3600,", 7},
        {"{\"minutes\":10080,\"portions\":240}", "\"from\":\"2023-11-07T23:00:00.000000Z\"",
         "\"portion_seconds\":3600,", 168},
        {"{}", "", "\"portion_seconds\":60,", 60},
    };
    ledger l;
    ledger_open_on(&l, fx->store, ONE_STEP);
    l.now_us = AT_US + 10 * S;
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const char *text;
        tk_json answer = answer_of(&l, cases[i].filter, &text);
        cr_assert_not_null(strstr(text, cases[i].from), "%s: %s", cases[i].filter, text);
        cr_assert_not_null(strstr(text, cases[i].portion), "%s: %s", cases[i].filter, text);
        cr_assert_eq(tk_json_count(tk_json_member(answer, "portions")), cases[i].count, "%s",
                     cases[i].filter);
        cr_assert_not_null(strstr(text, "\"task_ms\":null"));
    }
    ledger_close(&l);
}

static void add(store_fixture *fx, const ledger *l, int64_t at_us, int32_t step, int64_t done,
                int64_t failed, int64_t ran_us) {
    tk_buf times = {0};
    tk_histogram h = {{0}};
    for (int64_t i = 0; i < done + failed; i++) {
        tk_histogram_add(&h, ran_us);
    }
    tk_histogram_write(&h, &times);
    const tk_minute_row row = {.at_us = at_us,
                               .template_id = l->known->id,
                               .step = step,
                               .started = step < 0 ? done : 0,
                               .done = done,
                               .failed = failed,
                               .times = tk_buf_view(&times)};
    OK(begin, TK_STORE_WRITE);
    OK(minute_add, &row, 1);
    COMMIT();
    tk_buf_release(&times);
}

/* Rows by span: 0, 1 and 60. */
static void count_spans(store_fixture *fx, uint32_t spans[3]) {
    tk_minute_row *rows = NULL;
    uint32_t count = 0;
    int64_t since_us = 0;
    memset(spans, 0, 3 * sizeof(*spans));
    OK(begin, TK_STORE_READ);
    OK(minute_list, &fx->arena, 0, &rows, &count, &since_us);
    COMMIT();
    cr_assert_gt(since_us, 0);
    for (uint32_t i = 0; i < count; i++) {
        spans[rows[i].span == 0 ? 0 : rows[i].span == 1 ? 1 : 2]++;
    }
}

STORE_TEST(analytics, folding_changes_no_figure_and_ends) {
    ledger l;
    uint32_t spans[3];
    const char *text;
    ledger_open_on(&l, fx->store, LEDGER_CHAIN);
    int64_t hour_us = AT_US - AT_US % TK_HOUR_US;
    for (int i = 0; i < 30; i++) { /* ten seconds of each of three minutes */
        add(fx, &l, hour_us + i / 10 * TK_MINUTE_US, i % 2, 3, 1, 5 * MS);
    }
    add(fx, &l, hour_us, TK_ACT_NO_STEP, 7, 0, 900 * MS);
    count_spans(fx, spans);
    cr_assert_eq(spans[0], 31);
    l.now_us = hour_us + 2 * TK_MINUTE_US;
    cr_assert_eq(tk_minutes_fold(&l.engine, &l.error), TASKER_OK, "%s", l.error.message);
    count_spans(fx, spans);
    cr_assert(spans[0] == 20 && spans[1] == 3, "a minute is over when the next one is: %u %u",
              spans[0], spans[1]);
    l.now_us += 2 * TK_MINUTE_US;
    cr_assert_eq(tk_minutes_fold(&l.engine, &l.error), TASKER_OK);
    count_spans(fx, spans);
    cr_assert(spans[0] == 0 && spans[1] == 7, "%u %u", spans[0], spans[1]);
    tk_json total = tk_json_member(answer_of(&l, "{\"minutes\":60}", &text), "total");
    cr_assert_eq(number(total, "steps"), 120, "%s", text);
    l.now_us = hour_us + TK_MINUTES_KEPT_US + TK_HOUR_US - 1;
    cr_assert_eq(tk_minutes_fold(&l.engine, &l.error), TASKER_OK);
    count_spans(fx, spans);
    cr_assert_eq(spans[1], 7);
    l.now_us++;
    cr_assert_eq(tk_minutes_fold(&l.engine, &l.error), TASKER_OK);
    count_spans(fx, spans);
    cr_assert(spans[1] == 0 && spans[2] == 3, "%u %u", spans[1], spans[2]);
    total = tk_json_member(answer_of(&l, "{\"minutes\":1440}", &text), "total");
    cr_assert_eq(number(total, "steps"), 120, "%s", text);
    cr_assert_eq(number(total, "failed_steps"), 30);
    cr_assert_eq(number(total, "submitted"), 7);
    expect_ms(total, "step_ms", 5, 5);
    expect_ms(total, "task_ms", 900, 900);
    l.now_us = hour_us + TK_HOURS_KEPT_US;
    cr_assert_eq(tk_minutes_fold(&l.engine, &l.error), TASKER_OK);
    count_spans(fx, spans);
    cr_assert_eq(spans[2], 3);
    l.now_us++;
    cr_assert_eq(tk_minutes_fold(&l.engine, &l.error), TASKER_OK);
    count_spans(fx, spans);
    cr_assert_eq(spans[2], 0, "after eight days an hour is gone");
    ledger_close(&l);
}

STORE_TEST(analytics, slow_and_failing_steps_are_told_by_name) {
    ledger l;
    const char *text;
    ledger_open_on(&l, fx->store, LEDGER_CHAIN);
    add(fx, &l, AT_US, 0, 20, 2, 50 * MS);
    add(fx, &l, AT_US, 1, 10, 0, 500 * MS);
    add(fx, &l, AT_US, 2, 5, 4, 5000 * MS);
    add(fx, &l, AT_US, 77, 100, 100, 1 * MS); /* no step of the template */
    l.now_us = AT_US + 30 * S;
    tk_json answer = answer_of(&l, "{\"min_executions\":10}", &text);
    tk_json slow = tk_json_member(answer, "slow_steps");
    tk_json failing = tk_json_member(answer, "failing_steps");
    cr_assert_eq(tk_json_count(slow), 2, "%s", text);
    cr_assert_eq(tk_json_count(failing), 1);
    cr_assert_not_null(strstr(text, "\"slow_steps\":[{\"namespace\":\"test\",\"name\":\"job\","
                                    "\"version\":\"1.0.0\",\"step\":\"b\",\"steps\":10,"
                                    "\"failed_steps\":0,\"error_rate\":0.0000,\"step_ms\":{"),
                       "%s", text);
    cr_assert_not_null(strstr(text, "\"step\":\"a\",\"steps\":22,\"failed_steps\":2,"
                                    "\"error_rate\":0.0909"),
                       "%s", text);
    answer = answer_of(&l, "{\"min_executions\":1,\"limit\":1}", &text);
    cr_assert_eq(tk_json_count(tk_json_member(answer, "slow_steps")), 1);
    cr_assert_not_null(strstr(text, "\"failing_steps\":[{\"namespace\":\"test\",\"name\":\"job\","
                                    "\"version\":\"1.0.0\",\"step\":\"c\",\"steps\":9,"),
                       "%s", text);
    answer = answer_of(&l, "{\"namespace\":\"other\"}", &text);
    cr_assert_eq(number(tk_json_member(answer, "total"), "steps"), 0);
    answer = answer_of(&l, "{\"namespace\":\"test\",\"name\":\"job\"}", &text);
    cr_assert_eq(number(tk_json_member(answer, "total"), "steps"), 241);
    ledger_close(&l);
}

STORE_TEST(analytics, damaged_times_are_left_out_and_a_wrong_filter_is_refused) {
    static const char *const wrong[] = {"{\"minutes\":0}",        "{\"minutes\":10081}",
                                        "{\"portions\":241}",     "{\"limit\":101}",
                                        "{\"min_executions\":0}", "{\"minutes\":1.5}"};
    ledger l;
    const char *text;
    ledger_open_on(&l, fx->store, ONE_STEP);
    const tk_minute_row row = {
        .at_us = AT_US, .template_id = l.known->id, .done = 4, .times = TK_STR("\x7f\x01")};
    OK(begin, TK_STORE_WRITE);
    OK(minute_add, &row, 1);
    COMMIT();
    l.now_us = AT_US + 30 * S;
    tk_json total = tk_json_member(answer_of(&l, "{}", &text), "total");
    cr_assert_eq(number(total, "steps"), 4);
    cr_assert_eq(tk_json_member(total, "step_ms").kind, TK_JSON_NULL);
    for (size_t i = 0; i < TK_COUNT_OF(wrong); i++) {
        tk_buf buf = {0};
        cr_assert_eq(
            tk_query(&l.engine, TASKER_QUERY_ANALYTICS, tk_str_of(wrong[i]), &buf, &l.error),
            TASKER_INVALID, "%s", wrong[i]);
    }
    ledger_close(&l);
}

/* One worker claims and stands still; the other takes its step over. */
Test(analytics, what_a_dead_worker_held_counts_as_failed_without_times) {
    ledger l;
    const char *text;
    ledger_open(&l, ONE_STEP);
    ledger_break(&l, "DELETE FROM worker"); /* the fixture's own */
    tk_worker *dead = turner_open(&l, "A", 1);
    tk_worker *other = turner_open(&l, "A", 1);
    for (int i = 0; i < 12; i++) { /* they know of each other */
        turner_turn(&l, dead);
        turner_turn(&l, other);
        l.now_us += 500 * MS;
    }
    ledger_submit(&l, NULL);
    turner_turn(&l, dead);
    tasker_step *held = turner_take(dead);
    for (int i = 0; i < 120; i++) {
        turner_turn(&l, other);
        l.now_us += 500 * MS;
    }
    tk_json total = tk_json_member(answer_of(&l, "{}", &text), "total");
    cr_assert_eq(number(total, "failed_steps"), 1, "%s", text);
    cr_assert_eq(number(total, "steps"), 1, "%s", text);
    cr_assert_eq(tk_json_member(total, "step_ms").kind, TK_JSON_NULL, "%s", text);
    tasker_step_free(held);
    tk_worker_close(dead);
    tk_worker_close(other);
    ledger_close(&l);
}
