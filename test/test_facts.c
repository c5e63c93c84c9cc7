/* What TASKER_QUERY_STORE tells of a store; the same on each. */
#include "support/ledger.h"
#include "support/store_fixture.h"

static const char *facts_of(ledger *l) {
    return ledger_query(l, TASKER_QUERY_STORE, "{}");
}

static void expect(const store_fixture *fx, const char *answer, const char *part) {
    cr_assert_not_null(strstr(answer, part), "%s: no %s in %s", fx->kind, part, answer);
}

STORE_TEST(facts, a_store_says_what_it_is_and_what_waits_in_vain) {
    ledger l;
    ledger_open_on(&l, fx->store, LEDGER_CHAIN);
    const char *answer = facts_of(&l);
    expect(fx, answer,
           "\"workers\":[{\"worker\":1,\"beat\":0}],\"oldest_ready_at\":null,\"stuck\":[]}");
    ledger_submit(&l, NULL);
    tk_json json = {0};
    answer = facts_of(&l);
    cr_assert_eq(tk_json_parse(tk_str_of(answer), SIZE_MAX, &json, &l.error), TASKER_OK, "%s: %s",
                 l.error.message, answer);
    bool postgres = strcmp(fx->store->driver->name, "postgres") == 0;
    expect(fx, answer,
           postgres ? "{\"kind\":\"postgres\",\"url\":\"postgres://"
                    : "{\"kind\":\"sqlite\",\"url\":\"sqlite:");
    tk_json schema = tk_json_member(json, "schema");
    int64_t have = 0;
    int64_t want = 1;
    cr_assert(tk_json_int(tk_json_member(schema, "have"), &have));
    cr_assert(tk_json_int(tk_json_member(schema, "want"), &want));
    cr_assert_eq(have, want);
    cr_assert(tk_json_int(tk_json_member(json, "size_bytes"), &have) && have > 10000, "%s", answer);
    cr_assert_eq(tk_json_member(json, "recorded_since").kind, TK_JSON_STRING, "%s", answer);
    cr_assert_eq(tk_json_member(json, "clock_skew_ms").kind,
                 postgres ? TK_JSON_NUMBER : TK_JSON_NULL);
    expect(fx, answer, "\"oldest_ready_at\":\"2023-11-14T");
    if (postgres) {
        expect(fx, answer, "\"period\":\"");
        expect(fx, answer, "\"portions\":[\"");
        expect(fx, answer, "{\"name\":\"task_state\",\"rows\":");
    }
    ledger_close(&l);
}

STORE_TEST(facts, steps_that_nobody_could_run_are_told) {
    ledger l;
    ledger_open_on(&l, fx->store,
                   "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                   "  - {name: a, handler: {callable: Unknown}}\n");
    ledger_submit(&l, NULL);
    expect(fx, facts_of(&l),
           "\"what\":\"no_worker\",\"namespace\":\"test\",\"callable\":\"Unknown\",\"ready\":1,"
           "\"oldest_at\":\"2023-11-14T");
    ledger_close(&l);
}

STORE_TEST(facts, the_last_upkeep_is_told_with_what_it_left_out) {
    ledger l;
    bool elected = false;
    uint32_t skipped = 0;
    ledger_open_on(&l, fx->store, LEDGER_CHAIN);
    bool postgres = strcmp(fx->store->driver->name, "postgres") == 0;
    expect(fx, facts_of(&l),
           postgres ? "\"upkeep\":{\"at\":null,\"by\":null,\"tables_skipped\":0,\"why\":null}"
                    : "\"upkeep\":null");
    cr_assert_eq(fx->store->driver->upkeep(fx->store, &elected, &skipped, &l.error), TASKER_OK,
                 "%s", l.error.message);
    if (postgres) {
        cr_assert(elected);
        cr_assert_eq(skipped, 0, "%s", l.error.message);
        const char *answer = facts_of(&l);
        expect(fx, answer, "\"upkeep\":{\"at\":\"20");
        expect(fx, answer, "\"tables_skipped\":0,\"why\":null}");
    }
    ledger_close(&l);
}
