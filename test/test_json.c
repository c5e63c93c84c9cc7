/* What the parser takes and what it refuses, with place and path; walking over checked values. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "json.h"
#include "support/fail_alloc.h"

enum { BYTES_MAX = 4 * 1024 * 1024 };

/* Parses a copy that ends where its block ends, so that ASan sees a byte too far. */
static tasker_status parse(tk_str text, tasker_error *error) {
    char *copy = tk_alloc_array(text.size, 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    tk_json value;
    tasker_status status = tk_json_parse((tk_str){copy, text.size}, BYTES_MAX, &value, error);
    tk_free(copy);
    return status;
}

static tk_json parsed(const char *text) {
    tk_json value = {TK_JSON_NONE, {NULL, 0}};
    tasker_error error = {0};
    tasker_status status = tk_json_parse(tk_str_of(text), BYTES_MAX, &value, &error);
    cr_assert_eq(status, TASKER_OK, "%s: %s", text, error.message);
    return value;
}

typedef struct refusal {
    const char *text, *message, *path;
} refusal;

static void check_refusals(const refusal *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tasker_error error = {0};
        cr_assert_eq(parse(tk_str_of(cases[i].text), &error), TASKER_INVALID, "%s", cases[i].text);
        cr_assert_eq(error.status, TASKER_INVALID);
        cr_assert_str_eq(error.message, cases[i].message, "%s: %s", cases[i].text, error.message);
        cr_assert_str_eq(error.path, cases[i].path, "%s: %s", cases[i].text, error.path);
    }
}

Test(json, valid_texts_are_taken_with_their_kind_and_span) {
    const struct {
        const char *text;
        tk_json_kind kind;
        const char *span;
    } cases[] = {
        {"null", TK_JSON_NULL, "null"},
        {" true ", TK_JSON_TRUE, "true"},
        {"\t\r\nfalse\n", TK_JSON_FALSE, "false"},
        {"0", TK_JSON_NUMBER, "0"},
        {" -0 ", TK_JSON_NUMBER, "-0"},
        {"-0.0e-0", TK_JSON_NUMBER, "-0.0e-0"},
        {"1E+400", TK_JSON_NUMBER, "1E+400"},
        {"18446744073709551617", TK_JSON_NUMBER, "18446744073709551617"},
        {"0.1000000000000000055511151231257827", TK_JSON_NUMBER,
         "0.1000000000000000055511151231257827"},
        {"\"\"", TK_JSON_STRING, "\"\""},
        {" \"a b\" ", TK_JSON_STRING, "\"a b\""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"", TK_JSON_STRING,
         "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\""},
        {"\"\x7f\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\"", TK_JSON_STRING,
         "\"\x7f\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\""},
        {"[]", TK_JSON_ARRAY, "[]"},
        {"[ ]", TK_JSON_ARRAY, "[ ]"},
        {" [1 , [2],{} ] ", TK_JSON_ARRAY, "[1 , [2],{} ]"},
        {"{}", TK_JSON_OBJECT, "{}"},
        {"{ \"a\" : 1 , \"\" : [ { } ] }", TK_JSON_OBJECT, "{ \"a\" : 1 , \"\" : [ { } ] }"},
        {"{\"a\":{\"a\":{\"a\":1}}}", TK_JSON_OBJECT, "{\"a\":{\"a\":{\"a\":1}}}"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert_eq(parse(tk_str_of(cases[i].text), NULL), TASKER_OK, "%s", cases[i].text);
        tk_json value = parsed(cases[i].text);
        cr_assert_eq(value.kind, cases[i].kind, "%s", cases[i].text);
        cr_assert(tk_str_is(value.text, cases[i].span), "%s", cases[i].text);
    }
}

Test(json, values_are_refused_with_place_and_path) {
    const refusal cases[] = {
        {"", "JSON: the text's end at byte 0, expected a value", "$"},
        {" \n", "JSON: the text's end at byte 2, expected a value", "$"},
        {"x", "JSON: 'x' at byte 0, expected a value", "$"},
        {"\xef\xbb\xbf{}", "JSON: byte 0xef at byte 0, expected a value", "$"},
        {"\x01", "JSON: byte 0x01 at byte 0, expected a value", "$"},
        {"'a'", "JSON: ''' at byte 0, expected a value", "$"},
        {"/* */1", "JSON: '/' at byte 0, expected a value", "$"},
        {"\x0b"
         "1",
         "JSON: byte 0x0b at byte 0, expected a value", "$"},
        {"1 2", "JSON: '2' at byte 2, expected the end of the text", "$"},
        {"{}}", "JSON: '}' at byte 2, expected the end of the text", "$"},
        {"[],", "JSON: ',' at byte 2, expected the end of the text", "$"},
        {"nul", "JSON: the text's end at byte 3, expected null", "$"},
        {"nulL", "JSON: 'L' at byte 3, expected null", "$"},
        {"True", "JSON: 'T' at byte 0, expected a value", "$"},
        {"tru]", "JSON: ']' at byte 3, expected true", "$"},
        {"fals", "JSON: the text's end at byte 4, expected false", "$"},
        {"nullx", "JSON: 'x' at byte 4, expected the end of the text", "$"},
        {"NaN", "JSON: 'N' at byte 0, expected a value", "$"},
        {"-Infinity", "JSON: 'I' at byte 1, expected a digit", "$"},
        {"-", "JSON: the text's end at byte 1, expected a digit", "$"},
        {"+1", "JSON: '+' at byte 0, expected a value", "$"},
        {".5", "JSON: '.' at byte 0, expected a value", "$"},
        {"01", "JSON: a leading 0 at byte 0, expected a number without it", "$"},
        {"-00", "JSON: a leading 0 at byte 1, expected a number without it", "$"},
        {"1.", "JSON: the text's end at byte 2, expected a digit behind the point", "$"},
        {"1.e5", "JSON: 'e' at byte 2, expected a digit behind the point", "$"},
        {"1e", "JSON: the text's end at byte 2, expected a digit of the exponent", "$"},
        {"1e+", "JSON: the text's end at byte 3, expected a digit of the exponent", "$"},
        {"1E-x", "JSON: 'x' at byte 3, expected a digit of the exponent", "$"},
        {"0x10", "JSON: 'x' at byte 1, expected the end of the text", "$"},
        {"1_000", "JSON: '_' at byte 1, expected the end of the text", "$"},
    };
    check_refusals(cases, TK_COUNT_OF(cases));
}

Test(json, arrays_and_objects_are_refused_with_place_and_path) {
    const refusal cases[] = {
        {"[", "JSON: the text's end at byte 1, expected a value", "$[0]"},
        {"[1", "JSON: the text's end at byte 2, expected ',' or ']'", "$"},
        {"[1,", "JSON: the text's end at byte 3, expected a value", "$[1]"},
        {"[1,]", "JSON: ']' at byte 3, expected a value", "$[1]"},
        {"[,1]", "JSON: ',' at byte 1, expected a value", "$[0]"},
        {"[1 2]", "JSON: '2' at byte 3, expected ',' or ']'", "$"},
        {"[1}", "JSON: '}' at byte 2, expected ',' or ']'", "$"},
        {"[[],[0,[}", "JSON: '}' at byte 8, expected a value", "$[1][1][0]"},
        {"{", "JSON: the text's end at byte 1, expected a name in quotes or '}'", "$"},
        {"{1:2}", "JSON: '1' at byte 1, expected a name in quotes or '}'", "$"},
        {"{a:2}", "JSON: 'a' at byte 1, expected a name in quotes or '}'", "$"},
        {"{,}", "JSON: ',' at byte 1, expected a name in quotes or '}'", "$"},
        {"{\"a\"", "JSON: the text's end at byte 4, expected ':' behind the name", "$"},
        {"{\"a\" 1}", "JSON: '1' at byte 5, expected ':' behind the name", "$"},
        {"{\"a\":", "JSON: the text's end at byte 5, expected a value", "$.a"},
        {"{\"a\":}", "JSON: '}' at byte 5, expected a value", "$.a"},
        {"{\"a\":1", "JSON: the text's end at byte 6, expected ',' or '}'", "$"},
        {"{\"a\":1]", "JSON: ']' at byte 6, expected ',' or '}'", "$"},
        {"{\"a\":1,}", "JSON: '}' at byte 7, expected a name in quotes", "$"},
        {"{\"a\":1,,", "JSON: ',' at byte 7, expected a name in quotes", "$"},
        {"{\"a\":1 \"b\":2}", "JSON: '\"' at byte 7, expected ',' or '}'", "$"},
        {"{\"a\":[1,{\"b c\":tru}]}", "JSON: '}' at byte 18, expected true", "$.a[1][\"b c\"]"},
        {"{\"a-1\":{\"\":{\"_\":x}}}", "JSON: 'x' at byte 16, expected a value", "$.a-1[\"\"]._"},
        {"{\"x\\u0041\":{\"y\":?}}", "JSON: '?' at byte 16, expected a value", "$[\"x\\u0041\"].y"},
    };
    check_refusals(cases, TK_COUNT_OF(cases));
}

Test(json, strings_are_refused_with_place_and_path) {
    const refusal cases[] = {
        {"\"", "JSON: the text's end at byte 1, expected the string's closing quote", "$"},
        {"\"abcdefgh", "JSON: the text's end at byte 9, expected the string's closing quote", "$"},
        {"\"\\\"", "JSON: the text's end at byte 3, expected the string's closing quote", "$"},
        {"\"\\",
         "JSON: the text's end at byte 2, expected one of \" \\ / b f n r t u behind a "
         "backslash",
         "$"},
        {"\"\\x41\"",
         "JSON: 'x' at byte 2, expected one of \" \\ / b f n r t u behind a "
         "backslash",
         "$"},
        {"\"a\nb\"", "JSON: byte 0x0a at byte 2, expected control characters as escapes", "$"},
        {"[\"abcdefghij\x1f\"]",
         "JSON: byte 0x1f at byte 12, expected control characters as "
         "escapes",
         "$[0]"},
        {"\"\\u\"", "JSON: \\u at byte 1, expected four hexadecimal digits behind \\u", "$"},
        {"\"\\u12g4\"", "JSON: \\u at byte 1, expected four hexadecimal digits behind \\u", "$"},
        {"\"\\u12", "JSON: \\u at byte 1, expected four hexadecimal digits behind \\u", "$"},
        {"\"\\u0000\"", "JSON: \\u0000 at byte 1, expected text without NUL", "$"},
        {"{\"a\":\"x\\u0000\"}", "JSON: \\u0000 at byte 7, expected text without NUL", "$.a"},
        {"{\"\\u0000\":1}", "JSON: \\u0000 at byte 2, expected text without NUL", "$"},
        {"\"\\ud800\"",
         "JSON: half of a surrogate pair at byte 1, expected both halves, the high "
         "one first",
         "$"},
        {"\"\\udc00\"",
         "JSON: half of a surrogate pair at byte 1, expected both halves, the high "
         "one first",
         "$"},
        {"\"\\ud800\\ud800\"",
         "JSON: half of a surrogate pair at byte 1, expected both halves, "
         "the high one first",
         "$"},
        {"\"\\ud83d\\u0041\"",
         "JSON: half of a surrogate pair at byte 1, expected both halves, "
         "the high one first",
         "$"},
        {"\"\\ud83d\\n\"",
         "JSON: half of a surrogate pair at byte 1, expected both halves, the "
         "high one first",
         "$"},
        {"\"\\ude00\\ud83d\"",
         "JSON: half of a surrogate pair at byte 1, expected both halves, "
         "the high one first",
         "$"},
        {"\"\\ud83d\\ude0",
         "JSON: half of a surrogate pair at byte 1, expected both halves, the "
         "high one first",
         "$"},
        {"\"\xff\"", "JSON: byte 0xff at byte 1, expected UTF-8", "$"},
    };
    check_refusals(cases, TK_COUNT_OF(cases));
}

Test(json, a_nul_byte_is_refused_wherever_it_stands) {
    const struct {
        tk_str text;
        const char *message;
    } cases[] = {
        {{"\"a\0b\"", 5}, "JSON: byte 0x00 at byte 2, expected text without NUL"},
        {{"\0", 1}, "JSON: byte 0x00 at byte 0, expected a value"},
        {{"1\0", 2}, "JSON: byte 0x00 at byte 1, expected the end of the text"},
        {{"[1\0]", 4}, "JSON: byte 0x00 at byte 2, expected ',' or ']'"},
        {{"[1,\0]", 5}, "JSON: byte 0x00 at byte 3, expected a value"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tasker_error error = {0};
        cr_assert_eq(parse(cases[i].text, &error), TASKER_INVALID);
        cr_assert_str_eq(error.message, cases[i].message);
    }
}

Test(json, every_malformation_of_utf8_is_found_at_its_byte) {
    const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"\x80", 0},
        {"\xbf", 0},
        {"a\x80", 1},
        {"\xc0\xaf", 0},
        {"\xc1\xbf", 0},
        {"\xc3", 0},
        {"\xc3(", 0},
        {"\xc3\xa9\xc3", 2},
        {"\xe2\x82", 0},
        {"\xe2\x82(", 0},
        {"\xe2(\xac", 0},
        {"\xe0\x80\xaf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xed\xbf\xbf", 0},
        {"\xf0\x9f\x98", 0},
        {"\xf0\x9f", 0},
        {"\xf0", 0},
        {"\xf0\x9f\x98(", 0},
        {"\xf0\x9f(\x80", 0},
        {"\xf0(\x98\x80", 0},
        {"\xf0\x80\x80\xaf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xf8\x88\x80\x80\x80", 0},
        {"\xfe", 0},
        {"\xff", 0},
        {"long enough\xe2\x82\xac\xff", 14},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert_eq(tk_utf8_check(tk_str_of(cases[i].text)), cases[i].at, "case %zu", i);
        char text[64];
        char place[32];
        snprintf(text, sizeof(text), "\"%s\"", cases[i].text);
        snprintf(place, sizeof(place), "at byte %zu, expected UTF-8", cases[i].at + 1);
        tasker_error error = {0};
        cr_assert_eq(parse(tk_str_of(text), &error), TASKER_INVALID);
        cr_assert_not_null(strstr(error.message, place), "case %zu: %s", i, error.message);
    }
    cr_assert_eq(tk_utf8_check((tk_str){NULL, 0}), SIZE_MAX);
}

Test(json, every_code_point_but_surrogates_is_utf8) {
    for (uint32_t code = 1; code <= 0x110000; code++) {
        char text[4];
        size_t size = 0;
        if (code < 0x80) {
            text[size++] = (char)code;
        } else {
            size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
            static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
            for (size_t i = size; i > 1; i--) {
                text[i - 1] = (char)(0x80 | (code >> (6 * (size - i)) & 0x3f));
            }
            text[0] = (char)(leads[size] | code >> (6 * (size - 1)));
        }
        bool valid = (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;
        if ((tk_utf8_check((tk_str){text, size}) == SIZE_MAX) != valid) {
            cr_assert_fail("U+%04X", code);
        }
    }
}

Test(json, depth_is_limited) {
    const char openers[] = {'[', '{'};
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t depth = TASKER_JSON_DEPTH_MAX - 1; depth <= TASKER_JSON_DEPTH_MAX + 1;
             depth++) {
            tk_buf buf = {0};
            for (size_t i = 0; i < depth; i++) {
                tk_buf_text(&buf, i == 0 ? "" : kind == 0 ? "" : "\"a\":");
                tk_buf_char(&buf, openers[kind]);
            }
            for (size_t i = 0; i < depth; i++) {
                tk_buf_char(&buf, kind == 0 ? ']' : '}');
            }
            tasker_error error = {0};
            tasker_status status = parse(tk_buf_view(&buf), &error);
            bool fits = depth <= TASKER_JSON_DEPTH_MAX;
            cr_assert_eq(status, fits ? TASKER_OK : TASKER_INVALID, "depth %zu", depth);
            if (!fits) {
                cr_assert_str_eq(error.message,
                                 kind == 0 ? "JSON: one more array or object at byte 128, expected "
                                             "at most 128 within each other"
                                           : "JSON: one more array or object at byte 640, expected "
                                             "at most 128 within each other");
                cr_assert_eq(strlen(error.path), TASKER_PATH_MAX - 1);
                cr_assert_eq(strncmp(error.path, kind == 0 ? "$[0][0]" : "$.a.a.a", 7), 0);
            }
            tk_buf_release(&buf);
        }
    }
}

Test(json, a_hundred_thousand_brackets_are_refused_at_the_limit) {
    static char text[100000];
    memset(text, '[', sizeof(text));
    cr_assert_eq(parse((tk_str){text, sizeof(text)}, NULL), TASKER_INVALID);
}

Test(json, size_is_limited) {
    tk_json value;
    tasker_error error = {0};
    tk_str text = TK_STR("[1, 2, 3]");
    cr_assert_eq(tk_json_parse(text, text.size + 1, &value, &error), TASKER_OK);
    cr_assert_eq(tk_json_parse(text, text.size, &value, &error), TASKER_OK);
    cr_assert_eq(tk_json_parse(text, text.size - 1, &value, &error), TASKER_INVALID);
    cr_assert_str_eq(error.message, "JSON: 9 bytes, expected at most 8");
    cr_assert_str_eq(error.path, "$");
    cr_assert_eq(tk_json_parse(TK_STR(""), 0, &value, &error), TASKER_INVALID);
    /* Offsets have 32 bits: without a caller's limit there is still one. */
    cr_assert_eq(tk_json_parse((tk_str){"1", SIZE_MAX}, SIZE_MAX, &value, &error), TASKER_INVALID);
}

Test(json, a_name_given_twice_is_refused) {
    const refusal cases[] = {
        {"{\"a\":1,\"a\":2}",
         "JSON: the name \"a\" a second time at byte 7, expected each name once in an object", "$"},
        {"{\"a\":1,\"\\u0061\":2}",
         "JSON: the name \"\\u0061\" a second time at byte 7, expected each name once in an object",
         "$"},
        {"{\"\\u0061\":1,\"b\":0,\"a\":2}",
         "JSON: the name \"a\" a second time at byte 18, expected each name once in an object",
         "$"},
        {"{\"\":1,\"\":2}",
         "JSON: the name \"\" a second time at byte 6, expected each name once in an object", "$"},
        {"{\"\xc3\xa9\":1,\"\\u00E9\":2}",
         "JSON: the name \"\\u00E9\" a second time at byte 8, expected each name once in an object",
         "$"},
        {"{\"x\":[{\"a\":{\"a\":1},\"a\":2}]}",
         "JSON: the name \"a\" a second time at byte 19, expected each name once in an object",
         "$.x[0]"},
    };
    check_refusals(cases, TK_COUNT_OF(cases));
    parsed("{\"a\":1,\"A\":2,\"aa\":3,\"a\\u0061a\":4,\"\":5,\" \":6}");
    parsed("[{\"a\":1},{\"a\":1}]");
    parsed("{\"a\":{\"b\":1},\"b\":{\"a\":1}}");
}

/* An object of `count` members whose last name is that of the first. */
static tasker_status parse_with_repeated_name(size_t count) {
    tk_buf buf = {0};
    tk_buf_char(&buf, '{');
    for (size_t i = 0; i < count; i++) {
        tk_buf_printf(&buf, "%s\"name%zu\":[%zu]", i == 0 ? "" : ",", i == count - 1 ? 0 : i, i);
    }
    tk_buf_char(&buf, '}');
    tasker_status status = parse(tk_buf_view(&buf), NULL);
    tk_buf_release(&buf);
    return status;
}

Test(json, the_first_64_names_of_an_object_are_compared) {
    cr_assert_eq(parse_with_repeated_name(63), TASKER_INVALID);
    cr_assert_eq(parse_with_repeated_name(64), TASKER_INVALID);
    cr_assert_eq(parse_with_repeated_name(65), TASKER_OK);
    cr_assert_eq(parse_with_repeated_name(1), TASKER_OK);
}

Test(json, every_proper_prefix_of_an_object_is_refused) {
    const char whole[] = "{\"a\\u00e9\\ud83d\\ude00\xe2\x82\xac\":[1.5e-3,true,null,\"x\\n\"],"
                         "\"b\" : {\"c\":false , \"d\" : -0}}";
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        tasker_error error = {0};
        cr_assert_eq(parse((tk_str){whole, size}, &error), TASKER_INVALID, "%zu bytes", size);
        cr_assert_gt(strlen(error.message), 0);
    }
    cr_assert_eq(parse(TK_STR(whole), NULL), TASKER_OK);
}

Test(json, each_byte_changed_to_any_other_harms_nobody) {
    const char whole[] = "{\"a\":[1.5e-3,true,\"\\u00e9\xe2\x82\xac\"],\"b\":{\"c\":null}}";
    char text[sizeof(whole)];
    for (size_t place = 0; place < sizeof(whole) - 1; place++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, whole, sizeof(whole));
            text[place] = (char)byte;
            tasker_error error = {0};
            if (parse((tk_str){text, sizeof(whole) - 1}, &error) != TASKER_OK) {
                cr_assert_eq(tk_utf8_check(tk_str_of(error.message)), SIZE_MAX);
                cr_assert_eq(error.path[0], '$');
            }
        }
    }
}

Test(json, plain_runs_of_every_length_end_where_they_end) {
    const char *specials[] = {"\"", "\\n\"", "\xc3\xa9\"", "\n\"", "\xff\""};
    for (size_t length = 0; length < 40; length++) {
        for (size_t i = 0; i < TK_COUNT_OF(specials); i++) {
            tk_buf buf = {0};
            tk_buf_printf(&buf, "\"%.*s%s", (int)length, "0123456789012345678901234567890123456789",
                          specials[i]);
            tasker_error error = {0};
            cr_assert_eq(parse(tk_buf_view(&buf), &error) == TASKER_OK, i < 3);
            if (i >= 3) {
                char place[32];
                snprintf(place, sizeof(place), "at byte %zu,", length + 1);
                cr_assert_not_null(strstr(error.message, place), "%s", error.message);
            }
            tk_buf_release(&buf);
        }
    }
}

/* --- walking --- */

Test(json, an_array_is_walked_in_order) {
    tk_json_iterator it =
        tk_json_each(parsed(" [ 1 ,\"a,]\\\"\", [2,[3]] , {\"b\":\"}\"},null ] "));
    const char *expected[] = {"1", "\"a,]\\\"\"", "[2,[3]]", "{\"b\":\"}\"}", "null"};
    for (size_t i = 0; i < TK_COUNT_OF(expected); i++) {
        cr_assert(tk_json_next(&it));
        cr_assert_eq(it.index, i);
        cr_assert_eq(it.name.kind, TK_JSON_NONE);
        cr_assert(tk_str_is(it.value.text, expected[i]), "%zu", i);
    }
    cr_assert(!tk_json_next(&it));
    cr_assert(!tk_json_next(&it));
}

Test(json, an_object_is_walked_in_order) {
    tk_json_iterator it = tk_json_each(parsed("{\"a\":1 , \"b:\\\"\" : [\"]\"] ,\"c\":{}}"));
    const char *names[] = {"\"a\"", "\"b:\\\"\"", "\"c\""};
    const char *values[] = {"1", "[\"]\"]", "{}"};
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        cr_assert(tk_json_next(&it));
        cr_assert_eq(it.index, i);
        cr_assert_eq(it.name.kind, TK_JSON_STRING);
        cr_assert(tk_str_is(it.name.text, names[i]));
        cr_assert(tk_str_is(it.value.text, values[i]));
    }
    cr_assert(!tk_json_next(&it));
}

Test(json, what_holds_nothing_is_walked_at_once) {
    const char *cases[] = {"[]", "[ ]", "{}", "{ \n}", "1", "\"abc\"", "null", "true"};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_json value = parsed(cases[i]);
        tk_json_iterator it = tk_json_each(value);
        cr_assert(!tk_json_next(&it));
        cr_assert_eq(tk_json_count(value), 0);
    }
    cr_assert_eq(tk_json_count((tk_json){TK_JSON_NONE, {NULL, 0}}), 0);
    cr_assert_eq(tk_json_count(parsed("[1,[2,3],{\"a\":4}]")), 3);
    cr_assert_eq(tk_json_count(parsed("{\"a\":[1,2],\"b\":2}")), 2);
}

Test(json, a_member_is_found_by_its_decoded_name) {
    tk_json object = parsed("{\"a\\u0062\":1,\"x\":{\"ab\":2},\"\":3,\"q\\\"\":4}");
    cr_assert(tk_str_is(tk_json_member(object, "ab").text, "1"));
    cr_assert(tk_str_is(tk_json_member(object, "").text, "3"));
    cr_assert(tk_str_is(tk_json_member(object, "q\"").text, "4"));
    cr_assert_eq(tk_json_member(object, "a").kind, TK_JSON_NONE);
    cr_assert_eq(tk_json_member(object, "a\\u0062").kind, TK_JSON_NONE);
    cr_assert_eq(tk_json_member(parsed("[1]"), "a").kind, TK_JSON_NONE);
    cr_assert_eq(tk_json_member(tk_json_member(object, "no"), "a").kind, TK_JSON_NONE);
}

/* --- strings --- */

Test(json, strings_are_decoded) {
    const struct {
        const char *json;
        tk_str text;
    } cases[] = {
        {"\"\"", {"", 0}},
        {"\"plain\"", {"plain", 5}},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", {"\"\\/\b\f\n\r\t", 8}},
        {"\"\\u0041\\u00e9\\u20AC\"", {"A\xc3\xa9\xe2\x82\xac", 6}},
        {"\"\\ud83d\\ude00!\"", {"\xf0\x9f\x98\x80!", 5}},
        {"\"\\udbff\\udfff\"", {"\xf4\x8f\xbf\xbf", 4}},
        {"\"\xc3\xa9\\n\xe2\x82\xac\"", {"\xc3\xa9\n\xe2\x82\xac", 6}},
        {"\"a\\\\nb\"", {"a\\nb", 4}},
    };
    tk_arena arena = {0};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_json value = parsed(cases[i].json);
        tk_str text = {NULL, 0};
        cr_assert(tk_json_string(&arena, value, &text));
        cr_assert(tk_str_equal(text, cases[i].text), "%s", cases[i].json);
        cr_assert_eq(text.data[text.size], '\0');
        cr_assert(tk_json_string_is(value, cases[i].text));
        cr_assert(!tk_json_string_is(value, TK_STR("something else")));
        tk_str shorter = {cases[i].text.data, cases[i].text.size - 1};
        cr_assert(cases[i].text.size == 0 || !tk_json_string_is(value, shorter));
    }
    cr_assert(!tk_json_string_is(parsed("\"a\\nb\""), TK_STR("a\\nb"))); /* spelled alike only */
    cr_assert(!tk_json_string_is(parsed("12"), TK_STR("12")));
    tk_str text = {NULL, 1};
    cr_assert(tk_json_string(&arena, parsed("12"), &text));
    cr_assert_eq(text.size, 0);
    tk_arena_release(&arena);
}

static void decode(void *user) {
    (void)user;
    tk_arena arena = {0};
    tk_str text = {NULL, 0};
    bool ok = tk_json_string(&arena, parsed("\"plain\""), &text);
    ok = tk_json_string(&arena, parsed("\"with\\nescape\""), &text) && ok;
    cr_assert(ok || fail_alloc_happened());
    tk_arena_release(&arena);
}

Test(json, decoding_tells_when_memory_is_out) {
    fail_alloc_report report = fail_alloc_sweep(decode, NULL);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_geq(report.allocations, 1);
}
