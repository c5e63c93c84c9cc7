/*
 * What is wrong with a template is told with line, column, path and what is expected.
 *
 * test/fixtures/templates/bad/ has a file for each kind; its last lines say what must be found:
 *     # error 6:69 steps[1].dependencies[1] | the steps depend on each other: …
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "template.h"
#include "template_find.h"

static const char bad_directory[] = "test/fixtures/templates/bad";

typedef struct outcome {
    tk_findings findings;
    tk_buf spec;
} outcome;

/* Reads a copy that ends where its block ends, so that ASan sees a byte too far. */
static outcome check(tk_str yaml) {
    outcome o = {0};
    tasker_error error = {0};
    char *copy = tk_alloc_array(yaml.size, 1);
    if (yaml.size > 0) {
        memcpy(copy, yaml.data, yaml.size);
    }
    tasker_status status =
        tk_template_from_yaml((tk_str){copy, yaml.size}, "test", &o.findings, &o.spec, &error);
    cr_assert_eq(status, TASKER_OK, "%s", error.message);
    cr_assert_eq(o.spec.size == 0, o.findings.error_count > 0, "errors leave no spec behind");
    tk_free(copy);
    return o;
}

static void release(outcome *o) {
    tk_findings_release(&o->findings);
    tk_buf_release(&o->spec);
}

/* The findings as the fixtures write them. */
static void describe(tk_buf *buf, const tk_findings *findings) {
    for (uint32_t i = 0; i < findings->count; i++) {
        const tk_finding *f = &findings->items[i];
        tk_buf_printf(buf, "# %s %u:%u %s | %s\n", f->warning ? "warning" : "error", f->line,
                      f->column, f->path[0] == '\0' ? "-" : f->path, f->message);
    }
}

/* The expectations of a file: all lines from the first "# error" or "# warning". */
static const char *expectations(const char *text) {
    const char *error = strstr(text, "\n# error ");
    const char *warning = strstr(text, "\n# warning ");
    const char *first = error == NULL || (warning != NULL && warning < error) ? warning : error;
    return first == NULL ? "" : first + 1;
}

Test(template_bad, every_fixture_is_told_as_its_last_lines_say) {
    tk_arena arena = {0};
    const char *const *paths;
    uint32_t count;
    tasker_error error = {0};
    cr_assert_eq(tk_template_files(&arena, bad_directory, &paths, &count, &error), TASKER_OK, "%s",
                 error.message);
    cr_assert_geq(count, 24);
    for (uint32_t i = 0; i < count; i++) {
        tk_str yaml;
        cr_assert_eq(tk_template_file_read(&arena, paths[i], &yaml, &error), TASKER_OK);
        const char *text = tk_arena_copy(&arena, yaml.data, yaml.size);
        outcome o = check(yaml);
        tk_buf found = {0};
        describe(&found, &o.findings);
        cr_expect_str_eq(found.data, expectations(text), "%s: found\n%sexpected\n%s", paths[i],
                         found.data, expectations(text));
        tk_buf_release(&found);
        release(&o);
    }
    tk_arena_release(&arena);
}

/* One error and nothing else, at its place. */
static void refused(tk_str yaml, uint32_t line, uint32_t column, const char *message) {
    outcome o = check(yaml);
    tk_buf found = {0};
    describe(&found, &o.findings);
    cr_assert_eq(o.findings.error_count, 1, "%s", found.data);
    const tk_finding *f = &o.findings.items[0];
    cr_expect(f->line == line && f->column == column, "%u:%u for %s", f->line, f->column, message);
    cr_expect_str_eq(f->message, message);
    tk_buf_release(&found);
    release(&o);
}

Test(template_bad, texts_without_a_template_are_empty) {
    static const char message[] =
        "the template is empty; expected a map with name, namespace_name, version and steps";
    const char *const cases[] = {"",           "\n\n", "# only a remark\n", "---\n",
                                 "---\n...\n", "~",    "\xef\xbb\xbf"};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        refused(tk_str_of(cases[i]), 1, 1, message);
    }
}

Test(template_bad, bytes_that_are_no_text_are_told_by_their_place) {
    refused(TK_STR("name: a\nversion: \xff"), 2, 10, "byte 0xff is not UTF-8; expected UTF-8");
    refused(TK_STR("name: \xc3\xa9\xc3"), 1, 8, "byte 0xc3 is not UTF-8; expected UTF-8");
    refused(TK_STR("name: \xed\xa0\x80"), 1, 7, "byte 0xed is not UTF-8; expected UTF-8");
    refused(TK_STR("name: a\0b"), 1, 8, "a NUL byte; expected text");
    refused(TK_STR("name: \"a\\0b\""), 1, 7, "a text holds a NUL; expected none");
    refused(TK_STR("a: b\nc: \x01"), 2, 4, "this is not YAML: control characters are not allowed");
    refused(TK_STR("%TAG ! x\n--- a"), 1, 1,
            "tag directives (%TAG) are not allowed; expected none");
}

Test(template_bad, a_template_may_have_a_mebibyte_and_no_byte_more) {
    static const char head[] = "name: a\nnamespace_name: n\nversion: '1'\nsteps: []\n#";
    size_t size = TASKER_TEMPLATE_BYTES_MAX + 1;
    char *text = malloc(size);
    cr_assert_not_null(text);
    memset(text, 'x', size);
    memcpy(text, head, sizeof(head) - 1);
    outcome o = check((tk_str){text, size - 1});
    cr_assert_eq(o.findings.error_count, 0);
    release(&o);
    refused((tk_str){text, size}, 1, 1, "the text has 1048577 bytes; expected at most 1048576");
    free(text);
}

Test(template_bad, sixty_four_levels_are_read_and_no_more) {
    for (int levels = 63; levels <= 65; levels++) { /* with the map around them */
        tk_buf text = {0};
        tk_buf_text(&text, "a: ");
        for (int i = 1; i < levels; i++) {
            tk_buf_char(&text, '[');
        }
        for (int i = 1; i < levels; i++) {
            tk_buf_char(&text, ']');
        }
        outcome o = check(tk_buf_view(&text));
        const tk_finding *f = &o.findings.items[0];
        bool deep = strcmp(f->message,
                           "too deep; expected at most 64 maps and lists within each other") == 0;
        cr_assert_eq(deep, levels > 64, "%d: %s", levels, f->message);
        cr_assert(!deep || (f->line == 1 && f->column == 67));
        release(&o);
        tk_buf_release(&text);
    }
}

static void write_chain(tk_buf *text, uint32_t steps) {
    tk_buf_text(text, "name: a\nnamespace_name: n\nversion: '1'\nsteps:\n");
    for (uint32_t i = 0; i < steps; i++) {
        tk_buf_printf(text, "- {name: s%u, handler: {callable: C}, dependencies: [", i);
        if (i > 0) {
            tk_buf_printf(text, "s%u", i - 1);
        }
        tk_buf_text(text, "]}\n");
    }
}

Test(template_bad, the_most_steps_are_read_and_not_one_more) {
    for (uint32_t steps = TASKER_STEPS_MAX; steps <= TASKER_STEPS_MAX + 1; steps++) {
        tk_buf text = {0};
        write_chain(&text, steps);
        if (steps <= TASKER_STEPS_MAX) {
            outcome o = check(tk_buf_view(&text));
            cr_assert_eq(o.findings.error_count, 0);
            release(&o);
        } else {
            refused(tk_buf_view(&text), 5, 1, "has 4097 steps; expected at most 4096");
        }
        tk_buf_release(&text);
    }
}

Test(template_bad, a_long_cycle_is_named_in_short) {
    tk_buf text = {0};
    tk_buf_text(&text, "name: a\nnamespace_name: n\nversion: '1'\nsteps:\n");
    for (int i = 0; i < 30; i++) {
        tk_buf_printf(&text, "- {name: s%d, handler: {callable: C}, dependencies: [s%d]}\n", i,
                      (i + 1) % 30);
    }
    refused(tk_buf_view(&text), 5, 53,
            "the steps depend on each other: s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> s6 -> s7 -> s8 -> "
            "s9 -> s10 -> s11 -> s12 -> s13 -> s14 -> s15 -> ... -> s0; expected no cycle");
    tk_buf_release(&text);
}

Test(template_bad, more_findings_than_are_kept_are_counted) {
    tk_buf text = {0};
    tk_buf_text(&text, "name: a\nnamespace_name: n\nversion: '1'\nsteps:\n");
    for (int i = 0; i < 150; i++) {
        tk_buf_printf(&text, "- {name: s%d, handler: {callable: C}, colour: red, retry: 5}\n", i);
    }
    outcome o = check(tk_buf_view(&text));
    cr_assert_eq(o.findings.count, TK_FINDINGS_MAX);
    cr_assert_eq(o.findings.error_count, 150);
    cr_assert_eq(o.findings.warning_count, 150);
    release(&o);
    tk_buf_release(&text);
}

Test(template_bad, overrides_that_multiply_are_bounded) {
    tk_buf text = {0};
    write_chain(&text, 4000);
    tk_buf_text(&text, "environments:\n  test:\n    steps:\n    - name: ALL\n      handler:\n"
                       "        initialization: {big: ");
    for (int i = 0; i < 10000; i++) {
        tk_buf_text(&text, "0123456789");
    }
    tk_buf_text(&text, "}\n"); /* 100 kB into each of 4,000 steps */
    refused(tk_buf_view(&text), 1, 1,
            "with its overrides applied the template has more than 8388608 bytes; "
            "expected less initialization");
    tk_buf_release(&text);

    text = (tk_buf){0};
    write_chain(&text, 4000);
    tk_buf_text(&text, "environments:\n  test:\n    steps:\n");
    for (int i = 0; i < 600; i++) {
        tk_buf_text(&text, "    - {name: ALL, handler: {initialization: {a: 1}}}\n");
    }
    outcome o = check(tk_buf_view(&text));
    cr_assert_eq(o.findings.error_count, 1);
    cr_assert_str_eq(o.findings.items[0].message, "the overrides bring too much into the steps; "
                                                  "expected at most 1000000 members all together");
    release(&o);
    tk_buf_release(&text);
}

Test(template_bad, long_foreign_texts_are_cut_within_messages) {
    tk_buf text = {0};
    tk_buf_text(&text, "name: a\nnamespace_name: n\nversion: '1'\nidentity_strategy: 'a");
    for (int i = 0; i < 1000; i++) {
        tk_buf_text(&text, "\xe2\x82\xac"); /* three bytes: 1 + 21 × 3 = 64 */
    }
    tk_buf_text(&text, "'\nsteps: []\n");
    outcome o = check(tk_buf_view(&text));
    cr_assert_eq(o.findings.error_count, 1);
    cr_assert_lt(strlen(o.findings.items[0].message), 160);
    cr_assert_eq(tk_utf8_check(tk_str_of(o.findings.items[0].message)), SIZE_MAX);
    release(&o);
    tk_buf_release(&text);
}

Test(template_bad, hostile_texts_end_soon) {
    static const struct {
        const char *piece;
        size_t count;
    } cases[] = {
        {"[", 1 << 20},       {"{", 1 << 20},          {"- ", 1 << 19},     {"? ", 1 << 19},
        {"&a ", 340000},      {"*a ", 340000},         {"a: ", 340000},     {"!!str ", 170000},
        {"\n", 1 << 20},      {"%TAG !a! x\n", 90000}, {"--- a\n", 170000}, {"\"\\x41", 200000},
        {"'", (1 << 20) - 1}, {"|\n ", 340000},        {"# ", 1 << 19},     {"[a,", 340000},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf text = {0};
        for (size_t n = 0; n < cases[i].count; n++) {
            tk_buf_text(&text, cases[i].piece);
        }
        outcome o = check(tk_buf_view(&text));
        cr_assert_gt(o.findings.error_count, 0, "case %zu", i);
        release(&o);
        tk_buf_release(&text);
    }
}
