/* What a template hides: cut out of what readers get, kept for handlers, put back into a rerun. */
#include "redact.h"
#include "support/turner.h"

#define HIDE(...)                                                                                  \
    (&(tk_redact){.paths = (const tk_str[]){__VA_ARGS__},                                          \
                  .count = sizeof((const tk_str[]){__VA_ARGS__}) / sizeof(tk_str)})

static void expect_hidden(const tk_redact *redact, const char *text, const char *expected) {
    tk_buf buf = {0};
    tk_redact_hide(redact, tk_str_of(text), &buf);
    cr_assert_str_eq(buf.data == NULL ? "" : buf.data, expected);
    tk_buf_release(&buf);
}

Test(redact, a_name_hides_its_member_at_any_depth_and_no_other_byte_changes) {
    expect_hidden(
        HIDE(TK_STR("card")),
        "{ \"n\" : 18446744073709551616.50, \"card\":{\"no\":[1,2]}, \"a\":[{\"card\":null},"
        " {\"cards\": \"\\u00e9\"} ], \"b\":{\"card\":\"x\",\"y\":1e400} }",
        "{ \"n\" : 18446744073709551616.50, \"card\":\"[redacted]\", "
        "\"a\":[{\"card\":\"[redacted]\"},"
        " {\"cards\": \"\\u00e9\"} ], \"b\":{\"card\":\"[redacted]\",\"y\":1e400} }");
}

Test(redact, a_path_hides_what_ends_with_it) {
    const tk_redact *redact = HIDE(TK_STR("customer.email"), TK_STR("b"));
    expect_hidden(redact, "{\"email\":1,\"customer\":{\"email\":2,\"name\":3}}",
                  "{\"email\":1,\"customer\":{\"email\":\"[redacted]\",\"name\":3}}");
    expect_hidden(redact, "[{\"customer\":[[{\"email\":2}]]}]",
                  "[{\"customer\":[[{\"email\":\"[redacted]\"}]]}]");
    expect_hidden(redact, "{\"x\":{\"customer\":{\"x\":{\"email\":1}}}}",
                  "{\"x\":{\"customer\":{\"x\":{\"email\":1}}}}");
    expect_hidden(redact, "{\"\\u0062\":1}", "{\"\\u0062\":\"[redacted]\"}");
    expect_hidden(redact, "\"b\"", "\"b\"");
    expect_hidden(redact, "no json", "no json");
    expect_hidden(redact, "", "");
    expect_hidden(&(tk_redact){.count = 0}, "{\"b\":1}", "{\"b\":1}");
}

Test(redact, a_text_nested_as_deep_as_may_be_is_walked) {
    tk_buf text = {0};
    for (int i = 0; i < TASKER_JSON_DEPTH_MAX; i++) {
        tk_buf_text(&text, "{\"a\":");
    }
    tk_buf_text(&text, "{\"b\":1");
    text.data[text.size - 6] = '7'; /* 128 objects and a number in the innermost */
    tk_buf_truncate(&text, text.size - 5);
    for (int i = 0; i < TASKER_JSON_DEPTH_MAX; i++) {
        tk_buf_char(&text, '}');
    }
    tk_buf buf = {0};
    tk_redact_hide(HIDE(TK_STR("b")), tk_buf_view(&text), &buf);
    cr_assert_str_eq(buf.data, text.data);
    tk_buf_release(&buf);
    tk_buf_release(&text);
}

Test(redact, only_members_that_are_still_hidden_are_put_back) {
    static const char old[] = "{\"card\":123456789012345678901,\"a\":[{\"card\":1},{\"card\":2}],"
                              "\"name\":\"ann\"}";
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"card\":\"[redacted]\",\"name\":\"[redacted]\"}",
         "{\"card\":123456789012345678901,\"name\":\"[redacted]\"}"},
        {"{\"card\":5}", "{\"card\":5}"},
        {"{\"a\":[{\"card\":\"[redacted]\"},{\"card\": \"[redacted]\" "
         "},{\"card\":\"[redacted]\"}]}",
         "{\"a\":[{\"card\":1},{\"card\": 2 },{\"card\":\"[redacted]\"}]}"},
        {"{\"b\":{\"card\":\"[redacted]\"}}", "{\"b\":{\"card\":\"[redacted]\"}}"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf buf = {0};
        tk_redact_restore(HIDE(TK_STR("card")), tk_str_of(cases[i].text), TK_STR(old), &buf);
        cr_assert_str_eq(buf.data, cases[i].expected);
        tk_buf_release(&buf);
    }
}

Test(redact, a_place_is_covered_when_a_hidden_member_is_on_its_way) {
    const tk_redact *redact = HIDE(TK_STR("card"), TK_STR("a.b"));
    cr_assert(tk_redact_covers(redact, "$.context.card"));
    cr_assert(tk_redact_covers(redact, "$[3].context.card.no[7]"));
    cr_assert(tk_redact_covers(redact, "$.context.a[0].b"));
    cr_assert_not(tk_redact_covers(redact, "$.context.b"));
    cr_assert_not(tk_redact_covers(redact, "$.context.cards"));
    cr_assert_not(tk_redact_covers(redact, "$"));
    cr_assert_not(tk_redact_covers(redact, ""));
}

#define SECRETIVE                                                                                  \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nredact: [card, customer.email]\n"            \
    "input_schema: {properties: {card: {type: integer, maximum: 1000000}}}\n"                      \
    "steps:\n  - {name: a, handler: {callable: A}}\n"                                              \
    "  - {name: b, handler: {callable: B}, dependencies: [a]}\n"

/* Submits with that context and keeps the task's id. */
static void submit(ledger *l, const char *context) {
    tk_buf answer = {0};
    tk_json json;
    tk_str id = {NULL, 0};
    const char *request = tk_arena_printf(
        &l->arena, "{\"name\":\"job\",\"namespace\":\"test\",\"context\":%s}", context);
    cr_assert_eq(tk_submit(&l->engine, tk_str_of(request), &answer, &l->error), TASKER_OK, "%s",
                 l->error.message);
    cr_assert_eq(tk_json_parse(tk_buf_view(&answer), SIZE_MAX, &json, NULL), TASKER_OK);
    cr_assert(tk_json_string(&l->arena, tk_json_member(json, "task_uuid"), &id));
    cr_assert(tk_uuid_parse(id, &l->task));
    tk_buf_release(&answer);
}

Test(redact, a_handler_gets_what_no_reader_does) {
    ledger l;
    ledger_open(&l, SECRETIVE);
    tk_worker *w = turner_open(&l, "AB", 1);
    submit(&l, "{\"card\":4711,\"customer\":{\"email\":\"x@y\",\"n\":1.50}}");
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    cr_assert(
        tk_str_is(step->context, "{\"card\":4711,\"customer\":{\"email\":\"x@y\",\"n\":1.50}}"),
        "%.*s", (int)step->context.size, step->context.data);
    const tasker_outcome failed = {.result = TK_STR("null"),
                                   .metadata = TK_STR("{\"card\":4711,\"k\":1}"),
                                   .retryable = true,
                                   .error_message = TK_STR("no")};
    cr_assert_eq(tk_worker_complete(w, step->event_id, &failed, NULL), TASKER_OK);
    tasker_step_free(step);
    turner_turn(&l, w);
    l.now_us += 60 * TURNER_S;
    turner_turn(&l, w);
    cr_assert_eq(turner_end(w, turner_take(w), "{\"card\":4711,\"ok\":2.0}"), TASKER_OK);
    turner_turn(&l, w);
    turner_turn(&l, w);
    step = turner_take(w);
    cr_assert(tk_str_is(step->dependencies[0].result, "{\"card\":4711,\"ok\":2.0}"));
    const char *answers[] = {
        ledger_query_task(&l, TASKER_QUERY_TASK),
        ledger_query_task(&l, TASKER_QUERY_STEPS),
        ledger_query_task(&l, TASKER_QUERY_HISTORY),
        ledger_query(
            &l, TASKER_QUERY_STEP,
            tk_arena_printf(&l.arena, "{\"step_uuid\":\"%s\"}", ledger_step_uuid(&l, "a"))),
    };
    for (size_t i = 0; i < TK_COUNT_OF(answers); i++) {
        cr_assert_null(strstr(answers[i], "4711"), "%s", answers[i]);
        cr_assert_null(strstr(answers[i], "x@y"), "%s", answers[i]);
    }
    cr_assert_not_null(strstr(answers[0], "{\"card\":\"[redacted]\",\"customer\":"
                                          "{\"email\":\"[redacted]\",\"n\":1.50}}"),
                       "%s", answers[0]);
    cr_assert_not_null(strstr(answers[3], "{\"card\":\"[redacted]\",\"ok\":2.0}"), "%s",
                       answers[3]);
    cr_assert_not_null(strstr(answers[3], "{\"card\":\"[redacted]\",\"k\":1}"), "%s", answers[3]);
    turner_end(w, step, "1");
    turner_turn(&l, w);
    turner_close(&l, w);
}

Test(redact, a_value_that_breaks_the_schema_is_not_told) {
    ledger l;
    tk_buf buf = {0};
    ledger_open(&l, SECRETIVE);
    cr_assert_eq(tk_submit(&l.engine,
                           TK_STR("{\"name\":\"job\",\"namespace\":\"test\",\"context\":"
                                  "{\"card\":4711000000}}"),
                           &buf, &l.error),
                 TASKER_INVALID);
    cr_assert_str_eq(l.error.path, "$.context.card");
    cr_assert_null(strstr(l.error.message, "4711"), "%s", l.error.message);
    ledger_close(&l);
}

Test(redact, a_template_tells_paths_that_are_none) {
    static const struct {
        const char *redact, *message;
    } cases[] = {
        {"[a, b.c]", NULL},
        {"[]", NULL},
        {"[a..b]", "name of a member"},
        {"[.a]", "name of a member"},
        {"[a.]", "name of a member"},
        {"['']", "name of a member"},
        {"[1]", "text"},
        {"a", "list"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf yaml = {0};
        tk_buf spec = {0};
        tk_findings findings = {0};
        tk_buf_printf(
            &yaml,
            "name: a\nnamespace_name: b\nversion: 1.0.0\nredact: %s\nsteps:\n  - {name: a, "
            "handler: {callable: A}}\n",
            cases[i].redact);
        cr_assert_eq(tk_template_from_yaml(tk_buf_view(&yaml), NULL, &findings, &spec, NULL),
                     TASKER_OK);
        cr_assert_eq(findings.error_count, cases[i].message != NULL, "%s: %s", cases[i].redact,
                     findings.count == 0 ? "" : findings.items[0].message);
        if (cases[i].message != NULL) {
            cr_assert_not_null(strstr(findings.items[0].message, cases[i].message), "%s",
                               findings.items[0].message);
        }
        tk_findings_release(&findings);
        tk_buf_release(&yaml);
        tk_buf_release(&spec);
    }
}
