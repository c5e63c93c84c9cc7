/* Templates that load: what a text means, numbers, the graph in memory, reports. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/fail_alloc.h"
#include "template.h"
#include "template_find.h"

static tk_str read_file(tk_arena *arena, const char *path) {
    tk_str yaml;
    tasker_error error = {0};
    cr_assert_eq(tk_template_file_read(arena, path, &yaml, &error), TASKER_OK, "%s: %s", path,
                 error.message);
    return yaml;
}

/* The spec of a text, which must be without errors. */
static tk_buf spec_of(tk_str yaml, const char *environment, uint32_t warnings) {
    tk_findings findings = {0};
    tk_buf spec = {0};
    tasker_error error = {0};
    cr_assert_eq(tk_template_from_yaml(yaml, environment, &findings, &spec, &error), TASKER_OK);
    cr_assert_eq(findings.error_count, 0, "%s", findings.count ? findings.items[0].message : "");
    cr_assert_eq(findings.warning_count, warnings, "%u warnings", findings.warning_count);
    tk_findings_release(&findings);
    return spec;
}

static tk_template *open_numbered(tk_str spec, const tk_str *known, uint32_t known_count) {
    tk_buf numbered = {0};
    tasker_error error = {0};
    tk_template *template = NULL;
    cr_assert_eq(tk_template_number(spec, known, known_count, &numbered, &error), TASKER_OK, "%s",
                 error.message);
    cr_assert_eq(tk_template_open(tk_buf_view(&numbered), &template, &error), TASKER_OK, "%s: %s",
                 error.path, error.message);
    tk_buf_release(&numbered);
    return template;
}

static tk_template *open_text(tk_str yaml, const char *environment, uint32_t warnings) {
    tk_buf spec = spec_of(yaml, environment, warnings);
    tk_template *template = open_numbered(tk_buf_view(&spec), NULL, 0);
    tk_buf_release(&spec);
    return template;
}

static tk_template *open_fixture(const char *name, const char *environment, uint32_t warnings) {
    char path[256];
    tk_arena arena = {0};
    snprintf(path, sizeof(path), "test/fixtures/templates/%s.yaml", name);
    tk_template *template = open_text(read_file(&arena, path), environment, warnings);
    tk_arena_release(&arena);
    return template;
}

static const tk_template_step *step_named(const tk_template *template, const char *name) {
    const tk_template_step *step = tk_template_find_step(template, tk_str_of(name));
    cr_assert_not_null(step, "%s", name);
    return step;
}

static tk_json json_of(tk_str text) {
    tk_json value = {0};
    cr_assert_eq(tk_json_parse(text, SIZE_MAX, &value, NULL), TASKER_OK);
    return value;
}

static void check_member(tk_str object, const char *name, const char *expected) {
    tk_str text = tk_json_member(json_of(object), name).text;
    cr_assert(tk_str_is(text, expected), "%s is %.*s; expected %s", name, (int)text.size, text.data,
              expected);
}

static void check_steps(tk_steps steps, const char *expected) {
    tk_buf text = {0};
    for (uint32_t i = 0; i < steps.count; i++) {
        tk_buf_printf(&text, "%s%u", i > 0 ? " " : "", steps.numbers[i]);
    }
    cr_assert_str_eq(text.data == NULL ? "" : text.data, expected);
    tk_buf_release(&text);
}

static void check_retry(const tk_template_step *step, bool retryable, uint32_t attempts_max,
                        tk_backoff backoff, int64_t base_ms, int64_t cap_ms) {
    cr_assert_eq(step->retry.retryable, retryable, "%s", step->name);
    cr_assert_eq(step->retry.attempts_max, attempts_max, "%s", step->name);
    cr_assert_eq(step->retry.backoff, backoff, "%s", step->name);
    cr_assert_eq(step->retry.base_ms, base_ms, "%s", step->name);
    cr_assert_eq(step->retry.cap_ms, cap_ms, "%s", step->name);
}

/* --- the variants --- */

Test(template, variant_a_with_every_key_means_what_it_says) {
    tk_template *t = open_fixture("orders", NULL, 0);
    cr_assert_str_eq(t->name, "ship_order");
    cr_assert_str_eq(t->namespace_name, "shop");
    cr_assert_str_eq(t->version, "2.1.0");
    cr_assert_str_eq(t->description, "From an order to a parcel: check → reserve → charge → send");
    cr_assert_eq(t->identity, TK_IDENTITY_STRICT);
    cr_assert_eq(t->input_schema.kind, TK_JSON_OBJECT);
    cr_assert_eq(t->step_count, 4);
    cr_assert_eq(t->step_present_count, 4);
    check_retry(step_named(t, "check"), false, 0, TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    check_retry(step_named(t, "reserve"), true, 5, TK_BACKOFF_LINEAR, 200, 900);
    check_retry(step_named(t, "charge"), true, 3, TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    check_retry(step_named(t, "send"), true, 3, TK_BACKOFF_FIBONACCI, 1000, 30000);
    cr_assert_eq(step_named(t, "check")->timeout_ms, 45000);
    cr_assert_eq(step_named(t, "send")->timeout_ms, 0);
    cr_assert_str_eq(step_named(t, "send")->callable, "Shop::Steps::Send");
    cr_assert(tk_str_is(step_named(t, "send")->inputs, "{}"));
    cr_assert_null(tk_template_find_step(t, TK_STR("sen")));
    cr_assert_null(tk_template_find_step(t, TK_STR("")));
    tk_template_close(t);
}

Test(template, edges_are_sorted_and_ancestors_transitive) {
    tk_template *t = open_fixture("orders", NULL, 0);
    const struct {
        const char *name, *parents, *children, *ancestors;
    } cases[] = {{"check", "", "1 2 3", ""},
                 {"reserve", "0", "2 3", "0"},
                 {"charge", "0 1", "3", "0 1"},
                 {"send", "0 1 2", "", "0 1 2"}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const tk_template_step *step = step_named(t, cases[i].name);
        cr_assert_eq(step->number, i);
        check_steps(step->parents, cases[i].parents);
        check_steps(step->children, cases[i].children);
        check_steps(step->ancestors, cases[i].ancestors);
    }
    tk_template_close(t);
}

Test(template, values_of_free_form_keep_their_types_and_digits) {
    tk_template *t = open_fixture("orders", NULL, 0);
    const tk_template_step *check = step_named(t, "check");
    check_member(check->inputs, "limit", "18446744073709551616");
    check_member(check->inputs, "factor", "31");
    check_member(check->inputs, "code", "\"007\"");
    check_member(check->inputs, "duration", "\"15_minutes\"");
    check_member(check->inputs, "enabled", "\"yes\"");
    check_member(check->inputs, "ratio", "0.5");
    check_member(check->inputs, "nothing", "null");
    check_member(check->inputs, "secret", "\"${SHOP_SECRET}\"");
    check_member(check->inputs, "rules",
                 "{\"price\":[\"positive\",1.50,2.0e3],\"sku\":\"strict\"}");
    tk_template_close(t);
}

Test(template, a_definition_has_the_members_that_handlers_read) {
    tk_template *t = open_fixture("orders", NULL, 0);
    tk_str definition = step_named(t, "reserve")->definition;
    check_member(definition, "name", "\"reserve\"");
    check_member(definition, "description", "null");
    check_member(definition, "handler",
                 "{\"callable\":\"Shop::Steps::Reserve\",\"initialization\":{}}");
    check_member(definition, "system_dependency", "null");
    check_member(definition, "dependencies", "[\"check\"]");
    check_member(definition, "retry",
                 "{\"backoff\":\"linear\",\"backoff_base_ms\":200,\"max_attempts\":5,"
                 "\"max_backoff_ms\":900,\"retryable\":true}");
    check_member(definition, "timeout_seconds", "null");
    check_member(definition, "publishes_events",
                 "[{\"condition\":\"success\",\"delivery_mode\":\"fast\",\"name\":\"reserved\"}]");
    cr_assert_eq(tk_json_member(json_of(definition), "number").kind, TK_JSON_NONE);
    check_member(step_named(t, "check")->definition, "publishes_events", "[\"checked\"]");
    check_member(step_named(t, "charge")->definition, "system_dependency", "\"bank\"");
    tk_template_close(t);
}

Test(template, overrides_of_the_environment_apply_and_no_others) {
    tk_template *t = open_fixture("orders", "test", 0);
    /* ALL first, then by name: field by field, whole values within initialization */
    check_retry(step_named(t, "check"), false, 2, TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    check_retry(step_named(t, "reserve"), true, 1, TK_BACKOFF_LINEAR, 200, 900);
    cr_assert_eq(step_named(t, "check")->timeout_ms, 5000);
    cr_assert_eq(step_named(t, "charge")->timeout_ms, 5000);
    check_member(step_named(t, "check")->inputs, "rules", "{\"sku\":\"loose\"}");
    check_member(step_named(t, "check")->inputs, "added", "true");
    check_member(step_named(t, "check")->inputs, "code", "\"007\"");
    check_member(tk_json_member(json_of(t->spec), "task_handler").text, "initialization",
                 "{\"currency\":\"XTS\",\"required\":[\"customer\",\"items\"]}");
    tk_template_close(t);

    t = open_fixture("orders", "production", 0);
    cr_assert_eq(step_named(t, "check")->timeout_ms, 45000);
    cr_assert_eq(step_named(t, "charge")->timeout_ms, 90000);
    tk_template_close(t);

    t = open_fixture("orders", "nowhere", 0);
    cr_assert_eq(step_named(t, "charge")->timeout_ms, 0);
    tk_template_close(t);
}

Test(template, variant_b_reads_limit_and_empty_overrides) {
    tk_template *t = open_fixture("payments", "development", 0);
    check_retry(step_named(t, "validate"), true, 4, TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    check_retry(step_named(t, "authorise"), true, 2, TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    cr_assert_eq(step_named(t, "authorise")->timeout_ms, 60000);
    check_member(step_named(t, "authorise")->inputs, "url", "\"http://localhost:3000/\"");
    check_member(step_named(t, "authorise")->inputs, "debug", "true");
    check_member(step_named(t, "authorise")->inputs, "risk", "0.8");
    cr_assert_eq(t->identity, TK_IDENTITY_ALWAYS_UNIQUE);
    tk_template_close(t);
}

Test(template, variant_c_strips_colons_where_the_format_names_keys) {
    tk_template *t = open_fixture("parallel", "test", 0);
    cr_assert_str_eq(t->version, "1.0.0", "its reader took that when none was given");
    cr_assert_eq(t->input_schema.kind, TK_JSON_NONE);
    check_retry(step_named(t, "square"), true, 3, TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    check_member(step_named(t, "square")->inputs, ":kept", "\"yes, with its colon\"");
    check_member(step_named(t, "add")->inputs, "constant", "26");
    check_steps(step_named(t, "join")->ancestors, "0 1");
    tk_template_close(t);
}

Test(template, a_template_without_steps_loads_with_a_warning) {
    tk_template *t = open_fixture("empty_steps", NULL, 1);
    cr_assert_eq(t->step_count, 0);
    cr_assert_null(tk_template_find_step(t, TK_STR("a")));
    tk_template_close(t);
}

Test(template, foreign_templates_load_when_a_folder_of_them_is_given) {
    const char *directory = getenv("TASKER_SHARED_TEMPLATES");
    if (directory == NULL) {
        return;
    }
    tk_arena arena = {0};
    const char *const *paths;
    uint32_t count;
    cr_assert_eq(tk_template_files(&arena, directory, &paths, &count, NULL), TASKER_OK);
    cr_assert_gt(count, 0);
    for (uint32_t i = 0; i < count; i++) {
        tk_findings findings = {0};
        tk_buf spec = {0};
        cr_assert_eq(
            tk_template_from_yaml(read_file(&arena, paths[i]), "test", &findings, &spec, NULL),
            TASKER_OK);
        cr_assert_eq(findings.error_count, 0, "%s: %s", paths[i],
                     findings.count ? findings.items[0].message : "");
        tk_template_close(open_numbered(tk_buf_view(&spec), NULL, 0));
        tk_findings_release(&findings);
        tk_buf_release(&spec);
    }
    tk_arena_release(&arena);
}

/* --- the spec --- */

#define HEAD "name: a\nnamespace_name: n\nversion: '1'\n"

Test(template, the_same_template_written_otherwise_is_the_same_spec) {
    tk_buf one = spec_of(TK_STR(HEAD "steps:\n  - name: b\n    handler: {callable: C, "
                                     "initialization: {x: 1, y: [2]}}\n    depends_on: []\n"),
                         NULL, 0);
    tk_buf two = spec_of(TK_STR("# other order, other spelling\nversion: \"1\"\nsteps: [{retry: "
                                "{max_attempts: 3}, handler: {initialization: {y: [2], x: 1}, "
                                "callable: 'C'}, name: b}]\nnamespace_name: n\nname: a\n"),
                         NULL, 0);
    cr_assert_str_eq(one.data, two.data);
    tk_buf_release(&one);
    tk_buf_release(&two);
}

Test(template, numbers_of_known_steps_stay_and_new_ones_are_appended) {
    tk_buf spec = spec_of(TK_STR(HEAD "steps:\n- {name: new, handler: {callable: C}}\n"
                                      "- {name: c, handler: {callable: C}, dependencies: [new]}\n"
                                      "- {name: a, handler: {callable: C}, dependencies: [c]}\n"),
                          NULL, 0);
    const tk_str known[] = {TK_STR("a"), TK_STR("gone"), TK_STR("c")};
    tk_template *t = open_numbered(tk_buf_view(&spec), known, 3);
    cr_assert_eq(t->step_count, 4);
    cr_assert_eq(t->step_present_count, 3);
    cr_assert_eq(step_named(t, "a")->number, 0);
    cr_assert_eq(step_named(t, "c")->number, 2);
    cr_assert_eq(step_named(t, "new")->number, 3);
    cr_assert_not(t->steps[1].present);
    cr_assert_eq(t->steps[1].number, 1);
    check_steps(step_named(t, "a")->ancestors, "2 3");
    check_steps(step_named(t, "new")->children, "2");
    cr_assert_null(tk_template_find_step(t, TK_STR("gone")));
    tk_template_close(t);
    tk_buf_release(&spec);
}

Test(template, the_digest_does_not_depend_on_the_numbers) {
    tk_arena arena = {0};
    tk_buf spec = spec_of(read_file(&arena, "test/fixtures/templates/orders.yaml"), NULL, 0);
    const tk_str known[] = {TK_STR("send"), TK_STR("x"), TK_STR("check")};
    tk_template *plain = open_numbered(tk_buf_view(&spec), NULL, 0);
    tk_template *renumbered = open_numbered(tk_buf_view(&spec), known, 3);
    tk_digest digest = tk_digest_of(tk_buf_view(&spec));
    cr_assert_arr_eq(plain->digest.bytes, digest.bytes, sizeof(digest.bytes));
    cr_assert_arr_eq(renumbered->digest.bytes, digest.bytes, sizeof(digest.bytes));
    tk_buf back = {0};
    cr_assert_eq(tk_template_unnumbered(renumbered->spec, &back, NULL), TASKER_OK);
    cr_assert_str_eq(back.data, spec.data);
    tk_buf_release(&back);
    tk_buf canonical = {0}; /* with numbers too the names are sorted */
    tk_json_canonical(&canonical, json_of(renumbered->spec));
    cr_assert(tk_str_equal(tk_buf_view(&canonical), renumbered->spec));
    tk_buf_release(&canonical);
    tk_template_close(plain);
    tk_template_close(renumbered);
    tk_buf_release(&spec);
    tk_arena_release(&arena);
}

Test(template, all_revisions_together_may_have_the_most_steps_and_no_more) {
    static tk_str known[TASKER_STEPS_MAX];
    static char names[TASKER_STEPS_MAX][16];
    for (uint32_t i = 0; i < TASKER_STEPS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "old%u", i);
        known[i] = tk_str_of(names[i]);
    }
    tk_buf spec = spec_of(TK_STR(HEAD "steps: [{name: new, handler: {callable: C}}]"), NULL, 0);
    tk_template *t = open_numbered(tk_buf_view(&spec), known, TASKER_STEPS_MAX - 1);
    cr_assert_eq(step_named(t, "new")->number, TASKER_STEPS_MAX - 1);
    tk_template_close(t);
    tk_buf numbered = {0};
    tasker_error error = {0};
    cr_assert_eq(tk_template_number(tk_buf_view(&spec), known, TASKER_STEPS_MAX, &numbered, &error),
                 TASKER_INVALID);
    cr_assert_str_eq(error.path, "steps");
    tk_buf_release(&numbered);
    tk_buf_release(&spec);
}

Test(template, a_spec_that_is_not_ours_is_refused) {
#define STEP(number, name, dependencies)                                                           \
    "{\"name\":\"" name "\",\"number\":" number ",\"dependencies\":" dependencies                  \
    ",\"handler\":{\"callable\":\"C\",\"initialization\":{}},\"retry\":{\"retryable\":true,"       \
    "\"max_attempts\":3,\"backoff\":\"none\",\"backoff_base_ms\":1,\"max_backoff_ms\":1},"         \
    "\"timeout_seconds\":null}"
#define SPEC(steps)                                                                                \
    "{\"namespace\":\"n\",\"name\":\"a\",\"version\":\"1\",\"description\":\"\","                  \
    "\"identity\":\"strict\",\"steps\":[" steps "]}"
    const struct {
        const char *spec, *path;
    } cases[] = {
        {"", "$"},
        {"[]", "steps"},
        {"{\"steps\":{}}", "steps"},
        {"{\"steps\":[]}", "namespace"},
        {SPEC("5"), "number"},
        {SPEC(STEP("4096", "b", "[]")), "number"},
        {SPEC(STEP("-1", "b", "[]")), "number"},
        {SPEC(STEP("0.5", "b", "[]")), "number"},
        {SPEC(STEP("0", "b", "[]") "," STEP("0", "c", "[]")), "steps"},
        {SPEC(STEP("1", "b", "[]") "," STEP("1", "c", "[]")), "steps"},
        {SPEC(STEP("0", "b", "[]") "," STEP("1", "b", "[]")), "steps"},
        {SPEC(STEP("0", "b", "5")), "dependencies"},
        {SPEC(STEP("0", "b", "[]") "," STEP("1", "c", "[5]")), "dependencies"},
        {SPEC(STEP("0", "b", "[]") "," STEP("1", "c", "[\"d\"]")), "dependencies"},
        {SPEC(STEP("0", "b", "[]") "," STEP("2", "c", "[\"b\",\"b\"]")), "dependencies"},
        {SPEC(STEP("0", "b", "[\"c\"]") "," STEP("1", "c", "[\"b\"]")), "steps"},
        {SPEC(STEP("0", "b", "[\"b\"]")), "dependencies"},
        {SPEC(STEP("1", "b", "[\"b\"]")), "steps"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_template *t = NULL;
        tasker_error error = {0};
        cr_assert_eq(tk_template_open(tk_str_of(cases[i].spec), &t, &error), TASKER_INVALID,
                     "case %zu", i);
        cr_assert_str_eq(error.path, cases[i].path, "case %zu: %s", i, error.path);
        cr_assert_null(t);
    }
    tk_template *t = NULL;
    cr_assert_eq(tk_template_open(TK_STR(SPEC(STEP("7", "b", "[]"))), &t, NULL), TASKER_OK);
    cr_assert_eq(t->step_count, 8);
    tk_template_close(t);
    tk_template_close(NULL);
}

/* --- the report --- */

Test(template, a_report_names_file_place_and_message) {
    tk_findings findings = {0};
    tk_buf spec = {0};
    tk_buf report = {0};
    cr_assert_eq(tk_template_from_yaml(TK_STR(HEAD "colour: red\nsteps: [{name: b, handler: "
                                                   "{callable: C}}]"),
                                       NULL, &findings, &spec, NULL),
                 TASKER_OK);
    tk_template_report(&report, "a \"b\".yaml", tk_buf_view(&spec), &findings);
    check_member(tk_buf_view(&report), "valid", "true");
    check_member(tk_buf_view(&report), "name", "\"a\"");
    check_member(tk_buf_view(&report), "namespace", "\"n\"");
    check_member(tk_buf_view(&report), "version", "\"1\"");
    check_member(tk_buf_view(&report), "steps", "1");
    check_member(tk_buf_view(&report), "errors", "[]");
    tk_json_iterator it = tk_json_each(tk_json_member(json_of(tk_buf_view(&report)), "warnings"));
    cr_assert(tk_json_next(&it));
    check_member(it.value.text, "file", "\"a \\\"b\\\".yaml\"");
    check_member(it.value.text, "line", "4");
    check_member(it.value.text, "column", "1");
    check_member(it.value.text, "path", "\"colour\"");
    tk_findings_release(&findings);
    tk_buf_truncate(&report, 0);
    tk_buf_truncate(&spec, 0);

    cr_assert_eq(tk_template_from_yaml(TK_STR("a: &b 1"), NULL, &findings, &spec, NULL), TASKER_OK);
    tk_template_report(&report, "x", tk_buf_view(&spec), &findings);
    check_member(tk_buf_view(&report), "valid", "false");
    check_member(tk_buf_view(&report), "name", "null");
    check_member(tk_buf_view(&report), "steps", "0");
    cr_assert_eq(tk_json_count(tk_json_member(json_of(tk_buf_view(&report)), "errors")), 1);
    tk_findings_release(&findings);
    tk_buf_release(&report);
    tk_buf_release(&spec);
}

/* --- memory --- */

static void load_scenario(void *user) {
    const tk_str *yaml = user;
    tk_findings findings = {0};
    tk_buf spec = {0};
    tk_buf numbered = {0};
    tk_buf report = {0};
    tk_template *t = NULL;
    const tk_str known[] = {TK_STR("send")};
    tasker_status status = tk_template_from_yaml(*yaml, "test", &findings, &spec, NULL);
    if (status == TASKER_OK && findings.error_count == 0) {
        status = tk_template_number(tk_buf_view(&spec), known, 1, &numbered, NULL);
    }
    if (status == TASKER_OK && numbered.size > 0) {
        status = tk_template_open(tk_buf_view(&numbered), &t, NULL);
        cr_assert_eq(t != NULL, status == TASKER_OK);
    }
    cr_assert(status == TASKER_OK || status == TASKER_NOMEM);
    tk_template_report(&report, "x", tk_buf_view(&spec), &findings);
    tk_buf_release(&report);
    tk_template_close(t);
    tk_buf_release(&numbered);
    tk_buf_release(&spec);
    tk_findings_release(&findings);
}

static void check_allocations(const char *path) {
    tk_arena arena = {0};
    tk_str yaml = read_file(&arena, path);
    char *copy = malloc(yaml.size + 1); /* from outside: the sweep replaces our allocator */
    memcpy(copy, yaml.data, yaml.size);
    yaml.data = copy;
    tk_arena_release(&arena);
    fail_alloc_report report = fail_alloc_sweep(load_scenario, &yaml);
    cr_assert_gt(report.allocations, 5);
    cr_assert_eq(report.leak_at, 0, "%s: allocation %zu leaks", path, report.leak_at);
    cr_assert_not(report.endless);
    free(copy);
}

Test(template, every_failed_allocation_is_told_and_nothing_leaks) {
    check_allocations("test/fixtures/templates/orders.yaml");
    check_allocations("test/fixtures/templates/parallel.yaml");
    check_allocations("test/fixtures/templates/bad/wrong_kinds.yaml");
    check_allocations("test/fixtures/templates/bad/input_schema.yaml");
    check_allocations("test/fixtures/templates/bad/cycle.yaml");
    check_allocations("test/fixtures/templates/bad/legacy.yaml");
    check_allocations("test/fixtures/templates/bad/both_spellings.yaml");
}
