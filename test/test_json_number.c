/* Numbers are compared by value, exactly. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "json.h"

static tk_json number(const char *text) {
    tk_json value = {TK_JSON_NONE, {NULL, 0}};
    cr_assert_eq(tk_json_parse(tk_str_of(text), 1 << 20, &value, NULL), TASKER_OK, "%s", text);
    cr_assert_eq(value.kind, TK_JSON_NUMBER);
    return value;
}

Test(json_number, values_compare_exactly_whatever_their_spelling) {
    const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        {"1", "1.0", 0},
        {"1", "10e-1", 0},
        {"1", "0.1E+1", 0},
        {"100", "1e2", 0},
        {"1e2", "1.00e+002", 0},
        {"0", "-0", 0},
        {"-0.0", "0e999999999999999999999", 0},
        {"0", "0.000", 0},
        {"1", "2", -1},
        {"-1", "1", -1},
        {"-1", "-2", 1},
        {"-1", "0", -1},
        {"0", "1e-400", -1},
        {"-1e-400", "0", -1},
        {"9", "10", -1},
        {"10", "9.999999999999999999999999999999", 1},
        {"18446744073709551616", "18446744073709551617", -1},
        {"18446744073709551616", "18446744073709551615", 1},
        {"18446744073709551616", "1.8446744073709551616e19", 0},
        {"9007199254740993", "9007199254740992", 1},
        {"0.1", "0.1000000000000000055511151231257827", -1},
        {"0.30000000000000004", "0.3", 1},
        {"123.456", "123.4560", 0},
        {"123.456", "0.00123456e5", 0},
        {"100200", "1002e2", 0},
        {"1002", "10020", -1},
        {"1.002", "1.02", -1},
        {"0.001", "0.01", -1},
        {"1e308", "1e309", -1},
        {"1e400", "9e399", 1},
        {"1e400", "1e400", 0},
        {"10e399", "1e400", 0},
        {"1e-400", "1e-401", 1},
        {"1e999999999999", "1e999999999998", 1},
        {"1e99999999999999999999999999", "1e99999999999999999999999998", 1},
        {"1e99999999999999999999999999", "10e99999999999999999999999998", 0},
        {"0.001e100000000000000000000000002", "1e99999999999999999999999999", 0},
        {"1e-99999999999999999999999999", "10e-100000000000000000000000000", 0},
        {"1e-99999999999999999999999999", "1e99999999999999999999999999", -1},
        {"-1e-99999999999999999999999999", "-1e99999999999999999999999999", 1},
        {"1e00000000000000000000000000000001", "10", 0},
        {"1e-00000000000000000000000000000001", "0.1", 0},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_json a = number(cases[i].a);
        tk_json b = number(cases[i].b);
        cr_assert_eq(tk_json_number_compare(a, b), cases[i].order, "%s, %s", cases[i].a,
                     cases[i].b);
        cr_assert_eq(tk_json_number_compare(b, a), -cases[i].order, "%s, %s", cases[i].b,
                     cases[i].a);
        cr_assert_eq(tk_json_number_compare(a, a), 0);
        cr_assert_eq(tk_json_equal(a, b), cases[i].order == 0);
    }
}

Test(json_number, small_decimals_compare_as_scaled_integers_do) {
    static const char *spellings[] = {"%d%d%d.%d%de0", "0.%d%d%d%d%de3", "0.000%d%d%d%d%de6"};
    for (int a = 0; a < 300; a++) {
        for (int b = a % 7; b < 300; b += 7) {
            char texts[2][40];
            const int numbers[] = {a * 37 % 10000, b * 41 % 10000};
            for (size_t i = 0; i < 2; i++) {
                int n = numbers[i];
                const char *format = spellings[((size_t)(a + b) + i) % 3];
                char raw[40];
                snprintf(raw, sizeof(raw), format, n / 10000, n / 1000 % 10, n / 100 % 10,
                         n / 10 % 10, n % 10);
                const char *at = raw;
                while (at[0] == '0' && at[1] >= '0' && at[1] <= '9') {
                    at++;
                }
                snprintf(texts[i], sizeof(texts[i]), "%s", at);
            }
            int expected = (numbers[0] > numbers[1]) - (numbers[0] < numbers[1]);
            int order = tk_json_number_compare(number(texts[0]), number(texts[1]));
            cr_assert_eq(order, expected, "%s, %s", texts[0], texts[1]);
        }
    }
}

Test(json_number, long_numbers_cost_their_length_only) {
    static char text[2][500001];
    for (size_t i = 0; i < 2; i++) {
        memset(text[i], '7', sizeof(text[i]) - 1);
    }
    text[1][499999] = '8';
    cr_assert_eq(tk_json_number_compare(number(text[0]), number(text[1])), -1);
    memcpy(text[0], "1e", 2);
    memcpy(text[1], "1e", 2);
    cr_assert_eq(tk_json_number_compare(number(text[0]), number(text[1])), -1);
}

Test(json_number, whole_numbers_are_known_by_value) {
    const struct {
        const char *text;
        bool whole;
    } cases[] = {
        {"0", true},
        {"-0.000", true},
        {"1", true},
        {"1.0", true},
        {"10e-1", true},
        {"1.5", false},
        {"1.5e1", true},
        {"1.05e1", false},
        {"15e-1", false},
        {"1e-1", false},
        {"1e400", true},
        {"1e-400", false},
        {"0e-400", true},
        {"100e-2", true},
        {"100e-3", false},
        {"0.001e3", true},
        {"1e99999999999999999999", true},
        {"1e-99999999999999999999", false},
        {"0.1e99999999999999999999", true},
        {"18446744073709551616", true},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert_eq(tk_json_number_is_integer(number(cases[i].text)), cases[i].whole, "%s",
                     cases[i].text);
    }
    cr_assert(!tk_json_number_is_integer((tk_json){TK_JSON_NULL, TK_STR("null")}));
}

Test(json_number, integers_are_read_within_64_bits) {
    const struct {
        const char *text;
        bool fits;
        int64_t number;
    } cases[] = {
        {"0", true, 0},
        {"-0.0", true, 0},
        {"0e99999999999999999999", true, 0},
        {"1", true, 1},
        {"-1", true, -1},
        {"1.0", true, 1},
        {"1e2", true, 100},
        {"12.5e1", true, 125},
        {"-1200e-2", true, -12},
        {"9223372036854775806", true, INT64_MAX - 1},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775807", true, INT64_MIN + 1},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"9223372036854775807.0", true, INT64_MAX},
        {"9.223372036854775807e18", true, INT64_MAX},
        {"9223372036854775807.5", false, 0},
        {"9999999999999999999", false, 0},
        {"10000000000000000000", false, 0},
        {"1e18", true, INT64_C(1000000000000000000)},
        {"1e19", false, 0},
        {"1e400", false, 0},
        {"1e99999999999999999999", false, 0},
        {"1.5", false, 0},
        {"1e-1", false, 0},
        {"1e-99999999999999999999", false, 0},
        {"0.00000000000000000000000000000005e33", true, 50},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        int64_t read = 77;
        cr_assert_eq(tk_json_int(number(cases[i].text), &read), cases[i].fits, "%s", cases[i].text);
        cr_assert_eq(read, cases[i].fits ? cases[i].number : 77, "%s: %" PRId64, cases[i].text,
                     read);
    }
    int64_t read = 77;
    cr_assert(!tk_json_int((tk_json){TK_JSON_STRING, TK_STR("\"1\"")}, &read));
    cr_assert_eq(read, 77);
}

Test(json_number, doubles_are_the_nearest) {
    const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0.0},
        {"1", 1.0},
        {"-1.5", -1.5},
        {"0.1", 0.1},
        {"123.456e-7", 123.456e-7},
        {"1e22", 1e22},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"5e-324", 5e-324},
        {"0.1000000000000000055511151231257827021181583404541015625", 0.1},
        {"1e400", INFINITY},
        {"-1e99999999999999999999", -INFINITY},
        {"1e-400", 0.0},
        {"1e-99999999999999999999", 0.0},
        {"18446744073709551617", 18446744073709551616.0},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        double value = tk_json_double(number(cases[i].text));
        cr_assert(!(value < cases[i].value) && !(value > cases[i].value), "%s: %.17g",
                  cases[i].text, value);
    }
    cr_assert(signbit(tk_json_double(number("-0"))) != 0);
    cr_assert_eq(tk_json_double((tk_json){TK_JSON_NONE, {NULL, 0}}), 0.0);
}
