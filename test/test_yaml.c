/* The narrow YAML: what plain scalars are, where things stand, what is refused. */
#include <criterion/criterion.h>

#include "json.h"
#include "support/fail_alloc.h"
#include "yaml_tree.h"

typedef struct parsed {
    tk_arena arena;
    tk_yaml *root;
    tk_yaml_place place;
    tasker_error error;
    tasker_status status;
} parsed;

static parsed parse(tk_str text) {
    parsed p = {0};
    p.status = tk_yaml_parse(&p.arena, text, &p.root, &p.place, &p.error);
    return p;
}

static void check_json(const char *yaml, const char *expected) {
    parsed p = parse(tk_str_of(yaml));
    cr_assert_eq(p.status, TASKER_OK, "%s: %s", yaml, p.error.message);
    tk_buf json = {0};
    tk_yaml_write_json(&json, p.root);
    cr_assert_str_eq(json.data, expected, "%s is %s", yaml, json.data);
    tk_buf_release(&json);
    tk_arena_release(&p.arena);
}

typedef struct scalar {
    const char *plain;
    tk_yaml_kind kind;
    const char *json; /* NULL: the text itself */
} scalar;

static void check_scalars(const scalar *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tk_arena arena = {0};
        tk_yaml_kind kind;
        tk_str json;
        bool finite;
        tk_str plain = tk_str_of(cases[i].plain);
        cr_assert(tk_yaml_resolve(&arena, plain, &kind, &json, &finite));
        cr_assert(finite);
        cr_assert_eq(kind, cases[i].kind, "\"%s\" is %s", cases[i].plain, tk_yaml_kind_name(kind));
        cr_assert(tk_str_is(json, cases[i].json == NULL ? cases[i].plain : cases[i].json),
                  "\"%s\" is written %.*s", cases[i].plain, (int)json.size, json.data);
        if (kind == TK_YAML_INTEGER || kind == TK_YAML_FLOAT) {
            tk_json value;
            cr_assert_eq(tk_json_parse(json, 1000, &value, NULL), TASKER_OK, "%s", cases[i].plain);
            cr_assert_eq(value.kind, TK_JSON_NUMBER);
        }
        tk_arena_release(&arena);
    }
}

Test(yaml, plain_words_are_typed_as_serde_yaml_does) {
    static const scalar cases[] = {
        {"", TK_YAML_NULL, NULL},        {"~", TK_YAML_NULL, NULL},
        {"null", TK_YAML_NULL, NULL},    {"Null", TK_YAML_NULL, NULL},
        {"NULL", TK_YAML_NULL, NULL},    {"nULL", TK_YAML_STRING, NULL},
        {"true", TK_YAML_TRUE, NULL},    {"True", TK_YAML_TRUE, NULL},
        {"TRUE", TK_YAML_TRUE, NULL},    {"tRue", TK_YAML_STRING, NULL},
        {"false", TK_YAML_FALSE, NULL},  {"yes", TK_YAML_STRING, NULL},
        {"no", TK_YAML_STRING, NULL},    {"on", TK_YAML_STRING, NULL},
        {"off", TK_YAML_STRING, NULL},   {"y", TK_YAML_STRING, NULL},
        {"-", TK_YAML_STRING, NULL},     {"+", TK_YAML_STRING, NULL},
        {".", TK_YAML_STRING, NULL},     {"-.", TK_YAML_STRING, NULL},
        {"inf", TK_YAML_STRING, NULL},   {"nan", TK_YAML_STRING, NULL},
        {"-.nan", TK_YAML_STRING, NULL}, {":symbol", TK_YAML_STRING, NULL},
    };
    check_scalars(cases, TK_COUNT_OF(cases));
}

Test(yaml, plain_numbers_keep_their_digits) {
    static const scalar cases[] = {
        {"0", TK_YAML_INTEGER, "0"},
        {"7", TK_YAML_INTEGER, "7"},
        {"+7", TK_YAML_INTEGER, "7"},
        {"-7", TK_YAML_INTEGER, "-7"},
        {"++7", TK_YAML_STRING, NULL},
        {"+-7", TK_YAML_STRING, NULL},
        {"007", TK_YAML_STRING, NULL},
        {"-00", TK_YAML_STRING, NULL},
        {"1_000", TK_YAML_STRING, NULL},
        {"1,000", TK_YAML_STRING, NULL},
        {"9223372036854775808", TK_YAML_INTEGER, "9223372036854775808"},
        {"18446744073709551616", TK_YAML_INTEGER, "18446744073709551616"},
        {"-340282366920938463463374607431768211456", TK_YAML_INTEGER,
         "-340282366920938463463374607431768211456"},
        {"0x1F", TK_YAML_INTEGER, "31"},
        {"-0x1f", TK_YAML_INTEGER, "-31"},
        {"+0xA", TK_YAML_INTEGER, "10"},
        {"0xFFFFFFFFFFFFFFFF", TK_YAML_INTEGER, "18446744073709551615"},
        {"0x10000000000000000", TK_YAML_STRING, NULL},
        {"0x", TK_YAML_STRING, NULL},
        {"0xg", TK_YAML_STRING, NULL},
        {"0X1", TK_YAML_STRING, NULL},
        {"0o17", TK_YAML_INTEGER, "15"},
        {"0o8", TK_YAML_STRING, NULL},
        {"0b101", TK_YAML_INTEGER, "5"},
        {"0b2", TK_YAML_STRING, NULL},
        {"0.5", TK_YAML_FLOAT, "0.5"},
        {"1.50", TK_YAML_FLOAT, "1.50"},
        {".5", TK_YAML_FLOAT, "0.5"},
        {"-.5", TK_YAML_FLOAT, "-0.5"},
        {"+.5", TK_YAML_FLOAT, "0.5"},
        {"5.", TK_YAML_FLOAT, "5.0"},
        {"007.5", TK_YAML_FLOAT, "7.5"},
        {"00.5", TK_YAML_FLOAT, "0.5"},
        {"1e5", TK_YAML_FLOAT, "1e5"},
        {"1E+5", TK_YAML_FLOAT, "1E+5"},
        {"1.e-5", TK_YAML_FLOAT, "1.0e-5"},
        {"1e400", TK_YAML_FLOAT, "1e400"},
        {"e5", TK_YAML_STRING, NULL},
        {".e5", TK_YAML_STRING, NULL},
        {"1e", TK_YAML_STRING, NULL},
        {"1e+", TK_YAML_STRING, NULL},
        {"1e5x", TK_YAML_STRING, NULL},
        {"1.0", TK_YAML_FLOAT, "1.0"},
        {"1.0.0", TK_YAML_STRING, NULL},
        {"2026-01-31", TK_YAML_STRING, NULL},
        {"12:30", TK_YAML_STRING, NULL},
    };
    check_scalars(cases, TK_COUNT_OF(cases));
}

Test(yaml, numbers_without_end_are_told_apart) {
    const char *const words[] = {".inf", ".Inf", ".INF", "-.inf", "+.inf", ".nan", ".NaN", ".NAN"};
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        tk_yaml_kind kind;
        tk_str json;
        bool finite = true;
        cr_assert(tk_yaml_resolve(NULL, tk_str_of(words[i]), &kind, &json, &finite));
        cr_assert_not(finite, "%s", words[i]);
    }
}

Test(yaml, styles_and_core_tags_decide_what_is_a_text) {
    check_json("{a: 1, b: '1', c: \"1\", d: !!str 1, e: ! 1, f: !!int 1, g: !!float 1.5}",
               "{\"a\":1,\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\",\"f\":1,\"g\":1.5}");
    check_json("{a: !!null ~, b: !!bool true, c: !!map {d: !!seq [1]}}",
               "{\"a\":null,\"b\":true,\"c\":{\"d\":[1]}}");
    check_json("a: |\n  one\n  two\nb: >-\n  one\n  two\n",
               "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}");
    check_json("'1': a\n\"true\": b\n'<<': c\n\"\": d\n",
               "{\"1\":\"a\",\"true\":\"b\",\"<<\":\"c\",\"\":\"d\"}");
    check_json("%YAML 1.2\n---\na: \"\\u20ac \\x41\"\n...\n", "{\"a\":\"\xe2\x82\xac A\"}");
    check_json("\xef\xbb\xbf[]", "[]");
    check_json("a: '%TAG is no directive here'", "{\"a\":\"%TAG is no directive here\"}");
    check_json("[]", "[]");
    check_json("5", "5");
}

Test(yaml, every_value_and_key_knows_its_line_and_column) {
    parsed p = parse(TK_STR("# remark\nname: a\nsteps:\n  - one\n  - k\xc3\xa9y: [x, {y: z}]\n    "
                            "none:\n"));
    cr_assert_eq(p.status, TASKER_OK, "%s", p.error.message);
    const tk_yaml *steps = tk_yaml_member(p.root, "steps");
    const tk_yaml *map = steps->first->next;
    const tk_yaml *list = tk_yaml_member(map, "k\xc3\xa9y");
    const tk_yaml *z = tk_yaml_member(list->first->next, "y");
    cr_assert(p.root->line == 2 && p.root->column == 1);
    cr_assert(steps->key_line == 3 && steps->key_column == 1 && steps->count == 2);
    cr_assert(steps->first->line == 4 && steps->first->column == 5);
    cr_assert(map->line == 5 && map->column == 5 && map->index == 1);
    cr_assert(list->line == 5 && list->column == 10, "characters are counted, not bytes");
    cr_assert(z->line == 5 && z->column == 18 && z->key_column == 15);
    cr_assert_str_eq(tk_yaml_path(&p.arena, z), "steps[1].k\xc3\xa9y[1].y");
    cr_assert_str_eq(tk_yaml_path(&p.arena, p.root), "");
    const tk_yaml *none = tk_yaml_member(map, "none");
    cr_assert(none->kind == TK_YAML_NULL && none->key_line == 6 && none->key_column == 5);
    cr_assert_null(tk_yaml_member(map, "non"));
    cr_assert_null(tk_yaml_member(list, "x"));
    cr_assert_null(tk_yaml_member(NULL, "x"));
    tk_arena_release(&p.arena);
}

Test(yaml, paths_quote_and_cut_keys_that_could_be_mistaken) {
    parsed p = parse(TK_STR("a.b:\n  'c d': {\"\\\"\": {'': {':e': 1}}}\n"));
    const tk_yaml *node = p.root;
    while (node->first != NULL) {
        node = node->first;
    }
    cr_assert_str_eq(tk_yaml_path(&p.arena, node), "[\"a.b\"][\"c d\"][\"\\\"\"][\"\"].:e");
    tk_arena_release(&p.arena);

    tk_buf text = {0};
    tk_buf_text(&text, "'x");
    for (int i = 0; i < 100; i++) {
        tk_buf_text(&text, "\xc3\xa9"); /* two bytes: 64 falls within one */
    }
    tk_buf_text(&text, "': 1");
    p = parse(tk_buf_view(&text));
    const char *path = tk_yaml_path(&p.arena, p.root->first);
    cr_assert_eq(strlen(path), 63);
    cr_assert_eq(tk_utf8_check(tk_str_of(path)), SIZE_MAX);
    tk_arena_release(&p.arena);
    tk_buf_release(&text);
}

Test(yaml, the_first_repeated_key_of_many_is_the_one_named) {
    tk_buf text = {0};
    for (int i = 0; i < 1000; i++) {
        tk_buf_printf(&text, "k%d: %d\n", i == 700 ? 20 : i == 900 ? 3 : i, i);
    }
    parsed p = parse(tk_buf_view(&text));
    cr_assert_eq(p.status, TASKER_INVALID);
    cr_assert(p.place.line == 701 && p.place.column == 1);
    cr_assert_str_eq(p.error.path, "k20");
    tk_arena_release(&p.arena);
    tk_buf_release(&text);
}

Test(yaml, two_hundred_thousand_values_are_read_and_no_more) {
    for (int more = 0; more < 2; more++) {
        tk_buf text = {0};
        tk_buf_char(&text, '[');
        for (int i = 1; i < TK_YAML_NODES_MAX + more; i++) { /* the list is one too */
            tk_buf_text(&text, "a,");
        }
        tk_buf_char(&text, ']');
        parsed p = parse(tk_buf_view(&text));
        cr_assert_eq(p.status, more ? TASKER_INVALID : TASKER_OK);
        tk_arena_release(&p.arena);
        tk_buf_release(&text);
    }
}

Test(yaml, a_text_without_a_document_has_no_root) {
    parsed p = parse(TK_STR("# only this\n"));
    cr_assert_eq(p.status, TASKER_OK);
    cr_assert_null(p.root);
    tk_arena_release(&p.arena);
}

static void tree_scenario(void *user) {
    (void)user;
    parsed p = parse(TK_STR("a: {b: [1, 2.5, 0x10, text], c: ~}\nd: [e, {f: g, h: i}]\n"));
    cr_assert(p.status == TASKER_OK || p.status == TASKER_NOMEM);
    tk_arena_release(&p.arena);
    p = parse(TK_STR("a: {b: 1, b: 2}"));
    cr_assert(p.status == TASKER_INVALID || p.status == TASKER_NOMEM);
    tk_arena_release(&p.arena);
}

Test(yaml, every_failed_allocation_is_told_and_nothing_leaks) {
    fail_alloc_report report = fail_alloc_sweep(tree_scenario, NULL);
    cr_assert_gt(report.allocations, 3);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
}
