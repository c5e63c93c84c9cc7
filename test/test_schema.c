/* JSON Schema: what matches, what is told of what does not, and the schema's own faults. */
#include <criterion/criterion.h>

#include "schema.h"
#include "support/fail_alloc.h"

static tk_json json_of(const char *text) {
    tk_json value = {0};
    tasker_error error = {0};
    cr_assert_eq(tk_json_parse(tk_str_of(text), SIZE_MAX, &value, &error), TASKER_OK, "%s: %s",
                 text, error.message);
    return value;
}

typedef struct fit {
    const char *schema, *good, *bad; /* JSON arrays of values that match, and that do not */
} fit;

static void check_fits(const fit *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tk_json schema = json_of(cases[i].schema);
        for (int good = 0; good < 2; good++) {
            tk_json_iterator it = tk_json_each(json_of(good ? cases[i].good : cases[i].bad));
            while (tk_json_next(&it)) {
                tasker_status status = tk_schema_check(schema, it.value, "$", NULL);
                cr_expect_eq(status, good ? TASKER_OK : TASKER_INVALID, "%s with %.*s",
                             cases[i].schema, (int)it.value.text.size, it.value.text.data);
            }
        }
    }
}

Test(schema, types_are_told_apart) {
    const fit cases[] = {
        {"{\"type\":\"null\"}", "[null]", "[false,0,\"\",[],{}]"},
        {"{\"type\":\"boolean\"}", "[true,false]", "[null,0,\"true\"]"},
        {"{\"type\":\"string\"}", "[\"\",\"a\"]", "[null,1,[\"a\"]]"},
        {"{\"type\":\"number\"}", "[0,-1,1.5,1e400,18446744073709551616]", "[\"1\",null,true]"},
        {"{\"type\":\"integer\"}", "[0,-1,1.0,1e3,10e-1,18446744073709551616]", "[1.5,1e-1,\"1\"]"},
        {"{\"type\":\"array\"}", "[[],[1]]", "[{},\"\"]"},
        {"{\"type\":\"object\"}", "[{}]", "[[],null]"},
        {"{\"type\":[\"string\",\"null\"]}", "[\"\",null]", "[1,[],{}]"},
        {"{\"type\":[\"integer\",\"string\"]}", "[1,\"1\"]", "[1.5,null]"},
        {"{}", "[null,1,\"\",[],{}]", "[]"},
        {"true", "[null,1]", "[]"},
        {"false", "[]", "[null,1,{}]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, numbers_compare_exactly_at_their_bounds) {
    const fit cases[] = {
        {"{\"minimum\":1}", "[1,1.0,1.0000000000000000001,2,\"0\",null]",
         "[0.9999999999999999999,0,-1]"},
        {"{\"maximum\":18446744073709551616}", "[18446744073709551616,1.8446744073709551616e19]",
         "[18446744073709551617,1e20]"},
        {"{\"exclusiveMinimum\":0}", "[0.1,1e-400]", "[0,-0,0.0,-1e-400]"},
        {"{\"exclusiveMaximum\":10}", "[9.99,-1]", "[10,10.0,11]"},
        {"{\"minimum\":0.01,\"maximum\":0.03}", "[0.01,0.02,0.03,3e-2]", "[0.009,0.0301]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, lengths_count_characters_items_and_members) {
    const fit cases[] = {
        {"{\"minLength\":2,\"maxLength\":3}",
         "[\"ab\",\"abc\",\"\\u00e9\xc3\xa9\",\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\","
         "\"\\ud83d\\ude00a\",\"\\n\\\"\\\\\"]",
         "[\"\",\"a\",\"\xf0\x9f\x98\x80\",\"\\ud83d\\ude00\",\"abcd\",\"\\n\\n\\n\\n\"]"},
        {"{\"minLength\":0}", "[\"\"]", "[]"},
        {"{\"minItems\":1,\"maxItems\":2}", "[[1],[1,2],\"\",{}]", "[[],[1,2,3]]"},
        {"{\"minProperties\":1,\"maxProperties\":2}", "[{\"a\":1},{\"a\":1,\"b\":2},[]]",
         "[{},{\"a\":1,\"b\":2,\"c\":3}]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, enum_and_const_compare_by_value) {
    const fit cases[] = {
        {"{\"enum\":[\"a\",1,null,{\"x\":[1]}]}", "[\"a\",\"\\u0061\",1,1.0,null,{\"x\":[1.0]}]",
         "[\"b\",2,false,{\"x\":[2]},{}]"},
        {"{\"const\":{\"a\":1,\"b\":2}}", "[{\"b\":2,\"a\":1}]", "[{\"a\":1},null]"},
        {"{\"enum\":[]}", "[]", "[null,1]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, objects_and_arrays_are_entered) {
    const fit cases[] = {
        {"{\"required\":[\"a\",\"b\"]}", "[{\"a\":1,\"b\":null},[],1]", "[{},{\"a\":1},{\"b\":1}]"},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "[{},{\"a\":1},{\"b\":\"x\"},5]",
         "[{\"a\":\"1\"}]"},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "[{},{\"a\":1}]",
         "[{\"b\":1},{\"a\":1,\"b\":2}]"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "[{},{\"a\":\"\"}]", "[{\"a\":1}]"},
        {"{\"additionalProperties\":true}", "[{\"a\":1}]", "[]"},
        {"{\"items\":{\"type\":\"integer\",\"minimum\":0}}", "[[],[1,2]]", "[[1,\"2\"],[-1]]"},
        {"{\"items\":false}", "[[]]", "[[1]]"},
        {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"items\":{\"type\":\"null\"}}}}}}",
         "[{\"a\":{\"b\":[null]}}]", "[{\"a\":{\"b\":[1]}}]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, combinations_and_references_are_followed) {
    const fit cases[] = {
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5,\"type\":\"number\"}]}", "[\"\",5]",
         "[4,null]"},
        {"{\"allOf\":[{\"type\":\"number\"},{\"minimum\":5},{\"maximum\":6}]}", "[5,6]",
         "[4,7,\"\"]"},
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"null\"}}}", "[null]", "[1]"},
        {"{\"$ref\":\"#/definitions/a~1b~0c%20d\",\"definitions\":{\"a/b~c "
         "d\":{\"type\":\"null\"}}}",
         "[null]", "[1]"},
        {"{\"allOf\":[{\"$ref\":\"#/allOf/1\"},{\"type\":\"null\"}]}", "[null]", "[1]"},
        {"{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}}}",
         "[{},{\"next\":{\"next\":{}}}]", "[{\"next\":{\"next\":1}}]"},
        {"{\"$ref\":\"#/$defs/a\",\"minimum\":3,\"$defs\":{\"a\":{\"type\":\"integer\"}}}", "[3]",
         "[2,3.5]"},
        {"{\"$ref\":\"#/nowhere\"}", "[1,null]", "[]"},
        {"{\"$ref\":\"https://example.com/x\"}", "[1]", "[]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, keywords_of_the_wrong_type_and_unknown_ones_have_no_effect) {
    const fit cases[] = {
        {"{\"type\":5,\"minimum\":\"1\",\"minLength\":\"1\",\"required\":\"a\",\"enum\":5,"
         "\"properties\":[],\"items\":7,\"anyOf\":{},\"allOf\":1,\"$ref\":1,\"oneOf\":[],"
         "\"pattern\":\"x\"}",
         "[null,0,\"\",[1],{\"a\":1}]", "[]"},
    };
    check_fits(cases, TK_COUNT_OF(cases));
}

Test(schema, the_first_fault_is_told_with_its_path_and_what_is_expected) {
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"customer\",\"items\"],\"additionalProperties\":false,"
        "\"properties\":{\"customer\":{\"type\":[\"string\",\"null\"],\"minLength\":3},"
        "\"method\":{\"enum\":[\"card\",\"cash\"]},\"never\":false,"
        "\"any\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"integer\"}]},\"one\":{\"const\":1},"
        "\"items\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,\"items\":{\"properties\":"
        "{\"price\":{\"type\":\"number\",\"minimum\":0.01,\"exclusiveMaximum\":100}}}}}}";
    const struct {
        const char *value, *path, *message;
    } cases[] = {
        {"[]", "$.context", "is an array; expected the type \"object\""},
        {"{\"items\":[1]}", "$.context.customer", "is missing; expected this member"},
        {"{\"customer\":5,\"items\":[1]}", "$.context.customer",
         "is an integer; expected the type \"string\",\"null\""},
        {"{\"customer\":\"ab\",\"items\":[1]}", "$.context.customer",
         "has 2 characters; expected at least 3"},
        {"{\"customer\":null,\"items\":[]}", "$.context.items", "has 0 items; expected at least 1"},
        {"{\"customer\":null,\"items\":[1,2,3,4]}", "$.context.items",
         "has 4 items; expected at most 3"},
        {"{\"customer\":null,\"items\":[{},{\"price\":0}]}", "$.context.items[1].price",
         "is 0; expected at least 0.01"},
        {"{\"customer\":null,\"items\":[{\"price\":100.0}]}", "$.context.items[0].price",
         "is 100.0; expected less than 100"},
        {"{\"customer\":null,\"items\":[{\"price\":true}]}", "$.context.items[0].price",
         "is a boolean; expected the type \"number\""},
        {"{\"customer\":null,\"items\":[1],\"method\":\"secret\"}", "$.context.method",
         "is none of the allowed values; expected one of \"card\",\"cash\""},
        {"{\"customer\":null,\"items\":[1],\"more\":1}", "$.context.more",
         "is not allowed here; expected only the schema's members"},
        {"{\"customer\":null,\"items\":[1],\"never\":1}", "$.context.never",
         "is not allowed here; expected nothing"},
        {"{\"customer\":null,\"items\":[1],\"any\":1.5}", "$.context.any",
         "matches none of the forms of anyOf; expected one of the 2"},
        {"{\"customer\":null,\"items\":[1],\"one\":2}", "$.context.one",
         "is not the one allowed value; expected 1"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tasker_error error = {0};
        cr_expect_eq(tk_schema_check(json_of(schema), json_of(cases[i].value), "$.context", &error),
                     TASKER_INVALID, "%s", cases[i].value);
        cr_expect_str_eq(error.path, cases[i].path, "%s: %s", cases[i].value, error.path);
        cr_expect_str_eq(error.message, cases[i].message, "%s: %s", cases[i].value, error.message);
    }
}

Test(schema, references_without_end_are_cut_and_the_schema_is_blamed) {
    const char *const schemas[] = {
        "{\"$ref\":\"#\"}",
        "{\"allOf\":[{\"$ref\":\"#\"}]}",
        "{\"anyOf\":[{\"$ref\":\"#\"},true]}",
        "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}}}",
    };
    for (size_t i = 0; i < TK_COUNT_OF(schemas); i++) {
        tasker_error error = {0};
        cr_assert_eq(tk_schema_check(json_of(schemas[i]), json_of("1"), "$", &error),
                     TASKER_INVALID);
        cr_assert(strstr(error.message, "the schema") == error.message, "%s", error.message);
    }
}

Test(schema, work_that_doubles_at_each_level_is_bounded) {
    tk_buf schema = {0};
    tk_buf_text(&schema, "{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
    for (int i = 0; i < 100; i++) {
        tk_buf_printf(
            &schema, "\"a%d\":{\"allOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"$ref\":\"#/$defs/a%d\"}]},",
            i, i + 1, i + 1);
    }
    tk_buf_text(&schema, "\"a100\":true}}");
    tasker_error error = {0};
    cr_assert_eq(tk_schema_check(json_of(schema.data), json_of("1"), "$", &error), TASKER_INVALID);
    cr_assert_str_eq(error.message,
                     "checking the value takes too many steps; expected a smaller value");
    tk_buf_release(&schema);
}

Test(schema, the_largest_context_of_small_numbers_is_checked_whole) {
    tk_buf value = {0};
    tk_buf_char(&value, '[');
    while (value.size < TASKER_CONTEXT_BYTES_MAX - 4) {
        tk_buf_text(&value, "1,");
    }
    tk_buf_text(&value, "1]");
    tk_json schema = json_of("{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0}}");
    tasker_error error = {0};
    cr_assert_eq(tk_schema_check(schema, json_of(value.data), "$", &error), TASKER_OK, "%s",
                 error.message);
    tk_buf_release(&value);
}

/* --- lint --- */

static void note(void *user, bool wrong, const char *path, const char *message) {
    (void)message;
    tk_buf_printf(user, "%s%s ", wrong ? "!" : "?", path[0] == '\0' ? "-" : path);
}

Test(schema, faults_of_a_schema_are_found_at_their_places) {
    const struct {
        const char *schema, *found; /* ! an error, ? a warning */
    } cases[] = {
        {"{}", ""},
        {"true", ""},
        {"5", "!- "},
        {"{\"type\":\"object\",\"title\":1,\"description\":\"\",\"default\":{},\"examples\":[],"
         "\"format\":\"date\",\"$schema\":\"x\",\"$id\":\"y\",\"$comment\":\"z\",\"const\":1}",
         ""},
        {"{\"type\":\"objekt\"}", "!type "},
        {"{\"type\":[]}", "!type "},
        {"{\"type\":[\"null\",\"int\"]}", "!type "},
        {"{\"pattern\":\"x\",\"oneOf\":5}", "?pattern ?oneOf "},
        {"{\"properties\":{\"a\":{\"minimum\":\"1\"},\"b\":7,\"c\":{\"tpye\":1}}}",
         "!properties.a.minimum !properties.b ?properties.c.tpye "},
        {"{\"items\":{\"maxItems\":-1,\"minLength\":1.5,\"minItems\":1.0}}",
         "!items.maxItems !items.minLength "},
        {"{\"required\":[1],\"enum\":{},\"properties\":[]}", "!required !enum !properties "},
        {"{\"anyOf\":[],\"allOf\":[{\"type\":\"x\"}]}", "!anyOf !allOf[0].type "},
        {"{\"additionalProperties\":5,\"$defs\":{\"a\":{\"maximum\":null}}}",
         "!additionalProperties !$defs.a.maximum "},
        {"{\"$ref\":\"#/$defs/a\"}", "!$ref "},
        {"{\"$ref\":\"other.json\"}", "!$ref "},
        {"{\"$ref\":\"#\"}", "!$ref "},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", ""},
        {"{\"properties\":{\"type\":{\"type\":\"string\"}}}", ""},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf found = {0};
        cr_assert_eq(tk_schema_lint(json_of(cases[i].schema), note, &found, NULL), TASKER_OK);
        cr_expect_str_eq(found.data == NULL ? "" : found.data, cases[i].found, "%s: %s",
                         cases[i].schema, found.data);
        tk_buf_release(&found);
    }
}

Test(schema, very_many_references_in_a_large_schema_end_soon) {
    tk_buf schema = {0};
    tk_buf_text(&schema, "{\"allOf\":[");
    for (int i = 0; i < 50000; i++) {
        tk_buf_text(&schema, "{\"$ref\":\"#/$defs/a\"},");
    }
    tk_buf_text(&schema, "true],\"$defs\":{\"a\":true}}");
    tk_buf found = {0};
    cr_assert_eq(tk_schema_lint(json_of(schema.data), note, &found, NULL), TASKER_OK);
    cr_assert_gt(found.size, 0);
    tk_buf_release(&found);
    tk_buf_release(&schema);
}

/* --- memory --- */

static void count_reports(void *user, bool wrong, const char *path, const char *message) {
    (void)wrong;
    (void)path;
    (void)message;
    ++*(uint32_t *)user;
}

static void schema_scenario(void *user) {
    static const char schema[] = "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/b\"}},"
                                 "\"$defs\":{\"b\":{\"type\":\"null\",\"x\":1}}}";
    (void)user;
    uint32_t reports = 0;
    tk_json root = json_of(schema);
    tasker_status status = tk_schema_lint(root, count_reports, &reports, NULL);
    cr_assert((status == TASKER_OK && reports == 1) || status == TASKER_NOMEM);
    status = tk_schema_check(root, json_of("{\"a\":1}"), "$", NULL);
    cr_assert(status == TASKER_INVALID || status == TASKER_NOMEM);
    status = tk_schema_check(root, json_of("{\"a\":null}"), "$", NULL);
    cr_assert(status == TASKER_OK || status == TASKER_NOMEM);
}

Test(schema, every_failed_allocation_is_told_and_nothing_leaks) {
    fail_alloc_report report = fail_alloc_sweep(schema_scenario, NULL);
    cr_assert_gt(report.allocations, 3);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
}
