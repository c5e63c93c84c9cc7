/* Writing, repairing, comparing and the canonical form. */
#include <criterion/criterion.h>

#include "json.h"
#include "support/fail_alloc.h"

enum { BYTES_MAX = 1 << 20 };

static tk_json parsed(tk_str text) {
    tk_json value = {TK_JSON_NONE, {NULL, 0}};
    tasker_error error = {0};
    tasker_status status = tk_json_parse(text, BYTES_MAX, &value, &error);
    cr_assert_eq(status, TASKER_OK, "%.*s: %s", (int)text.size, text.data, error.message);
    return value;
}

/* --- writing --- */

Test(json_write, any_bytes_become_a_valid_string) {
    const struct {
        tk_str text;
        const char *json;
    } cases[] = {
        {{NULL, 0}, "\"\""},
        {TK_STR("plain"), "\"plain\""},
        {TK_STR("say \"hi\" \\ /"), "\"say \\\"hi\\\" \\\\ /\""},
        {TK_STR("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {TK_STR("a\0b"), "\"a\\u0000b\""},
        {TK_STR("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        {TK_STR("\xff"), "\"\xef\xbf\xbd\""},
        {TK_STR("a\xe2\x82"), "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {TK_STR("\xc3\xa9\xed\xa0\x80x"), "\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""},
        {TK_STR("0123456\"89012345\n"), "\"0123456\\\"89012345\\n\""},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf buf = {0};
        tk_json_write_string(&buf, cases[i].text);
        cr_assert_str_eq(buf.data, cases[i].json, "case %zu: %s", i, buf.data);
        tk_buf_release(&buf);
    }
}

Test(json_write, each_byte_is_written_so_that_it_can_be_read) {
    tk_arena arena = {0};
    tk_buf buf = {0};
    for (int byte = 1; byte < 256; byte++) {
        char text[3] = {'<', (char)byte, '>'};
        tk_buf_truncate(&buf, 0);
        tk_json_write_string(&buf, (tk_str){text, 3});
        tk_str back = {NULL, 0};
        cr_assert(tk_json_string(&arena, parsed(tk_buf_view(&buf)), &back));
        if (byte < 0x80) {
            cr_assert(tk_str_equal(back, (tk_str){text, 3}));
        } else {
            cr_assert(tk_str_is(back, "<\xef\xbf\xbd>"));
        }
    }
    tk_buf_release(&buf);
    tk_arena_release(&arena);
}

Test(json_write, members_get_their_commas) {
    tk_buf buf = {0};
    tk_buf_char(&buf, '{');
    tk_json_write_member_string(&buf, "s", TK_STR("a{"));
    tk_json_write_member_string_or_null(&buf, "n", (tk_str){NULL, 0});
    tk_json_write_member_string_or_null(&buf, "e", TK_STR(""));
    tk_json_write_member_int(&buf, "i", INT64_MIN);
    tk_json_write_member_bool(&buf, "t", true);
    tk_json_write_member_bool(&buf, "f", false);
    tk_json_write_member_null(&buf, "z");
    tk_json_write_member_raw(&buf, "r", TK_STR("[1]"));
    tk_json_write_member_raw(&buf, "q", TK_STR(""));
    tk_json_write_member_time(&buf, "at", 1);
    tk_json_write_member_time(&buf, "no", 0);
    tk_json_write_name(&buf, "a\"b");
    tk_buf_char(&buf, '[');
    tk_json_write_comma(&buf);
    tk_buf_char(&buf, '1');
    tk_json_write_comma(&buf);
    tk_json_write_comma(&buf);
    tk_buf_text(&buf, "{}");
    tk_json_write_comma(&buf);
    tk_buf_text(&buf, "2]}");
    cr_assert_str_eq(buf.data, "{\"s\":\"a{\",\"n\":null,\"e\":\"\",\"i\":-9223372036854775808,"
                               "\"t\":true,\"f\":false,\"z\":null,\"r\":[1],\"q\":null,"
                               "\"at\":\"1970-01-01T00:00:00.000001Z\",\"no\":null,"
                               "\"a\\\"b\":[1,{},2]}");
    parsed(tk_buf_view(&buf));
    tk_buf_release(&buf);
    tk_json_write_comma(&buf);
    cr_assert_eq(buf.size, 0);
}

/* --- repair --- */

Test(json_repair, what_is_valid_is_copied_and_what_is_not_storable_becomes_visible) {
    const struct {
        tk_str text;
        const char *repaired; /* NULL: refused */
        bool noted;
    } cases[] = {
        {TK_STR(" {\"a\": 1.50, \"b\":\"\\u00e9\"} "), " {\"a\": 1.50, \"b\":\"\\u00e9\"} ", false},
        {TK_STR("\"\\u0000\""), "\"\\\\u0000\"", true},
        {TK_STR("\"x\\u0000y\\u0000\""), "\"x\\\\u0000y\\\\u0000\"", true},
        {TK_STR("\"\\\\u0000\""), "\"\\\\u0000\"", false},
        {TK_STR("\"a\0b\""), "\"a\\\\u0000b\"", true},
        {TK_STR("\"\xff\""), "\"\xef\xbf\xbd\"", true},
        {TK_STR("[\"\xe2\x82\",\"\xe2\x82\xac\"]"),
         "[\"\xef\xbf\xbd\xef\xbf\xbd\",\"\xe2\x82\xac\"]", true},
        {TK_STR("\"\\ud800\""), "\"\\\\ud800\"", true},
        {TK_STR("\"\\ud800\\u0041\""), "\"\\\\ud800\\u0041\"", true},
        {TK_STR("\"\\ud800\\ud83d\\ude00\""), "\"\\\\ud800\\ud83d\\ude00\"", true},
        {TK_STR("{\"\\u0000\":[\"\\udc00\",1e400]}"), "{\"\\\\u0000\":[\"\\\\udc00\",1e400]}",
         true},
        {TK_STR("{\"\xff\":1,\"\xfe\":2}"), NULL, false}, /* both names become one */
        {TK_STR("\xff"), NULL, false},
        {TK_STR("[\0]"), NULL, false},
        {TK_STR("\"a\nb\""), NULL, false},
        {TK_STR("\"\\u00zz\""), NULL, false},
        {TK_STR("\"\xff"), NULL, false},
        {TK_STR(""), NULL, false},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf buf = {0};
        tk_buf_text(&buf, "before:");
        bool noted = false;
        tasker_error error = {0};
        tasker_status status = tk_json_repair(cases[i].text, BYTES_MAX, &buf, &noted, &error);
        if (cases[i].repaired == NULL) {
            cr_assert_eq(status, TASKER_INVALID, "case %zu", i);
            cr_assert_gt(strlen(error.message), 0);
            cr_assert_str_eq(buf.data, "before:");
        } else {
            cr_assert_eq(status, TASKER_OK, "case %zu: %s", i, error.message);
            cr_assert_str_eq(buf.data + 7, cases[i].repaired, "case %zu: %s", i, buf.data);
            cr_assert_eq(noted, cases[i].noted, "case %zu", i);
            parsed((tk_str){buf.data + 7, buf.size - 7});
        }
        tk_buf_release(&buf);
    }
}

Test(json_repair, a_repaired_text_must_fit_too) {
    tk_buf buf = {0};
    bool noted = false;
    tk_str text = TK_STR("\"\xff\"");
    cr_assert_eq(tk_json_repair(text, 4, &buf, &noted, NULL), TASKER_INVALID);
    cr_assert_eq(tk_json_repair(text, 5, &buf, &noted, NULL), TASKER_OK);
    cr_assert_eq(tk_json_repair(text, 2, &buf, &noted, NULL), TASKER_INVALID);
    cr_assert_eq(buf.size, 5);
    tk_buf_release(&buf);
}

/* --- equality and canonical form --- */

Test(json_compare, values_are_equal_by_meaning) {
    const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"null", "null", true},
        {"null", "false", false},
        {"true", "false", false},
        {"1", "\"1\"", false},
        {"1.0", "1", true},
        {"\"a\"", "\"\\u0061\"", true},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"", true},
        {"\"a\\/b\"", "\"a/b\"", true},
        {"\"a\"", "\"b\"", false},
        {"\"a\"", "\"ab\"", false},
        {"\"\\u0061\"", "\"ab\"", false},
        {"\"a\\\\nb\"", "\"a\\nb\"", false},
        {"[]", "[ ]", true},
        {"[]", "{}", false},
        {"[1,2]", "[1,2.0]", true},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1]", false},
        {"[1]", "[1,2]", false},
        {"{\"a\":1,\"b\":[2]}", "{ \"b\" : [2e0] , \"\\u0061\" : 1 }", true},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", false},
        {"{\"a\":null}", "{\"b\":null}", false},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_json a = parsed(tk_str_of(cases[i].a));
        tk_json b = parsed(tk_str_of(cases[i].b));
        cr_assert_eq(tk_json_equal(a, b), cases[i].equal, "%s, %s", cases[i].a, cases[i].b);
        cr_assert_eq(tk_json_equal(b, a), cases[i].equal, "%s, %s", cases[i].b, cases[i].a);
        cr_assert(tk_json_equal(a, a));
    }
    tk_json none = {TK_JSON_NONE, {NULL, 0}};
    cr_assert(tk_json_equal(none, none));
    cr_assert(!tk_json_equal(none, parsed(TK_STR("null"))));
}

/* An object of `count` members, forwards or backwards; `odd` changes one value. */
static void object_write(tk_buf *buf, size_t count, bool backwards, bool odd) {
    tk_buf_char(buf, '{');
    for (size_t i = 0; i < count; i++) {
        size_t number = backwards ? count - 1 - i : i;
        tk_json_write_comma(buf);
        tk_buf_printf(buf, "\"m%zu\":[%zu%s]", number, number,
                      odd && number == count / 2 ? ",0" : "");
    }
    tk_buf_char(buf, '}');
}

static void check_large_objects(size_t count) {
    tk_buf a = {0};
    tk_buf b = {0};
    tk_buf c = {0};
    object_write(&a, count, false, false);
    object_write(&b, count, true, false);
    object_write(&c, count, true, true);
    tk_json left = parsed(tk_buf_view(&a));
    cr_assert(tk_json_equal(left, parsed(tk_buf_view(&b))), "%zu members", count);
    cr_assert(!tk_json_equal(left, parsed(tk_buf_view(&c))), "%zu members", count);
    tk_buf_release(&a);
    tk_buf_release(&b);
    tk_buf_release(&c);
}

Test(json_compare, objects_of_any_size_are_compared_in_any_order) {
    check_large_objects(15);
    check_large_objects(16);
    check_large_objects(17);
    check_large_objects(50000); /* a quadratic comparison would take minutes */
}

Test(json_compare, without_memory_objects_are_still_compared) {
    tk_buf a = {0};
    tk_buf b = {0};
    object_write(&a, 100, false, false);
    object_write(&b, 100, true, false);
    tk_json left = parsed(tk_buf_view(&a));
    tk_json right = parsed(tk_buf_view(&b));
    for (size_t fail_at = 1; fail_at <= 2; fail_at++) {
        fail_alloc_begin(fail_at, FAIL_ALLOC_ONCE);
        cr_assert(tk_json_equal(left, right));
        cr_assert(fail_alloc_happened());
        cr_assert_eq(fail_alloc_end(), 0);
    }
    tk_buf_release(&a);
    tk_buf_release(&b);
}

static const char *canonical(tk_buf *buf, const char *text) {
    tk_buf_truncate(buf, 0);
    tk_json_canonical(buf, parsed(tk_str_of(text)));
    return buf->data;
}

Test(json_compare, the_canonical_form_is_sorted_and_tight) {
    const struct {
        const char *text, *canonical;
    } cases[] = {
        {" null ", "null"},
        {" [ 1.50 , 1e2,true,false ] ", "[1.50,1e2,true,false]"},
        {"{ }", "{}"},
        {"{\"b\":1, \"a\" : {\"d\":[ ],\"c\":2}}", "{\"a\":{\"c\":2,\"d\":[]},\"b\":1}"},
        {"{\"aa\":1,\"a\":2,\"B\":3,\"\":4}", "{\"\":4,\"B\":3,\"a\":2,\"aa\":1}"},
        {"{\"\\u0062\":1,\"a\":2}", "{\"a\":2,\"b\":1}"},
        {"{\"\xc3\xa9\":1,\"z\":2}", "{\"z\":2,\"\xc3\xa9\":1}"},
        {"\"\\u0041\\/\\n\\u000a\\u001F\\\"\\\\\"", "\"A/\\n\\n\\u001f\\\"\\\\\""},
        {"\"\\ud83d\\ude00\\u00e9\xc3\xa9\"", "\"\xf0\x9f\x98\x80\xc3\xa9\xc3\xa9\""},
        {"\"\\u007f\"", "\"\x7f\""},
    };
    tk_buf buf = {0};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert_str_eq(canonical(&buf, cases[i].text), cases[i].canonical, "%s: %s",
                         cases[i].text, buf.data);
        char *again = tk_strdup(buf.data);
        cr_assert_str_eq(canonical(&buf, again), cases[i].canonical);
        tk_free(again);
    }
    tk_buf_release(&buf);
}

Test(json_compare, the_deepest_value_is_compared_and_canonical) {
    tk_buf text = {0};
    for (size_t i = 0; i < TASKER_JSON_DEPTH_MAX; i++) {
        tk_buf_text(&text, i % 2 == 0 ? "{\"b\":1,\"a\":" : "[");
    }
    tk_buf_text(&text, "null");
    for (size_t i = TASKER_JSON_DEPTH_MAX; i > 0; i--) {
        tk_buf_char(&text, (i - 1) % 2 == 0 ? '}' : ']');
    }
    tk_json value = parsed(tk_buf_view(&text));
    tk_buf buf = {0};
    tk_json_canonical(&buf, value);
    cr_assert_eq(buf.size, text.size);
    cr_assert(tk_json_equal(value, parsed(tk_buf_view(&buf))));
    tk_buf_release(&buf);
    tk_buf_release(&text);
}

static void write_and_repair(void *user) {
    (void)user;
    static const char text[] = "{\"b\":[\"\\u0000\",{\"y\":1,\"x\":\"\xff\"}],\"a\":{\"c\":{}}}";
    tk_buf repaired = {0};
    bool noted = false;
    tasker_error error = {0};
    tasker_status status = tk_json_repair(TK_STR(text), BYTES_MAX, &repaired, &noted, &error);
    cr_assert_eq(status, fail_alloc_happened() ? TASKER_NOMEM : TASKER_OK);
    cr_assert_eq(error.status, status);
    if (status == TASKER_OK) {
        tk_buf buf = {0};
        tk_json_canonical(&buf, parsed(tk_buf_view(&repaired)));
        cr_assert_eq(buf.failed, fail_alloc_happened());
        tk_buf_release(&buf);
    }
    tk_buf_release(&repaired);
}

Test(json_compare, each_allocation_may_fail) {
    fail_alloc_report report = fail_alloc_sweep(write_and_repair, NULL);
    cr_assert(!report.endless);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_geq(report.allocations, 4);
}
