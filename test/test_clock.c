/* Times as text. */
#include <criterion/criterion.h>
#include <time.h>

#include "clock.h"

#define S INT64_C(1000000)

Test(clock, known_times_are_read) {
    const struct {
        const char *text;
        int64_t time_us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1970-01-01", 0},
        {"1970-01-02", 86400 * S},
        {"2000-02-29T00:00:00Z", 951782400 * S},
        {"2000-03-01T00:00:00Z", 951868800 * S},
        {"2024-02-29T12:30:45Z", 1709209845 * S},
        {"2025-12-31T23:59:59.123456Z", 1767225599 * S + 123456},
        {"2025-12-31t23:59:59.123456z", 1767225599 * S + 123456},
        {"2025-12-31 23:59:59.123456", 1767225599 * S + 123456},
        {"2025-12-31T23:59:59.1", 1767225599 * S + 100000},
        {"2025-12-31T23:59:59.1234569999999999999999Z", 1767225599 * S + 123456},
        {"2026-01-01T01:59:59+02:00", 1767225599 * S},
        {"2025-12-31T18:29:59-05:30", 1767225599 * S},
        {"2025-12-31T23:59:59-00:00", 1767225599 * S},
        {"2016-12-31T23:59:60Z", 1483228800 * S},
        {"2017-01-01T01:59:60+02:00", 1483228800 * S},
        {"2016-12-31T23:59:60.5Z", 1483228800 * S + 500000},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1969-12-31T22:00:00-02:00", 0},
        {"2100-03-01", INT64_C(4107542400) * S},
        {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799) * S + 999999},
        {"9999-12-31T00:59:59.999999-23:00", INT64_C(253402300799) * S + 999999},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        int64_t time_us = -1;
        cr_assert(tk_time_parse(tk_str_of(cases[i].text), &time_us), "%s", cases[i].text);
        cr_assert_eq(time_us, cases[i].time_us, "%s: %" PRId64, cases[i].text, time_us);
    }
}

Test(clock, what_is_no_time_is_refused) {
    const char *cases[] = {
        "",
        "2025",
        "2025-12",
        "2025-1-1",
        "25-12-31",
        "2025/12/31",
        "2025-12-31T",
        "2025-12-31 ",
        "2025-00-01",
        "2025-13-01",
        "2025-01-00",
        "2025-01-32",
        "2025-04-31",
        "2025-02-29",
        "2024-02-30",
        "2100-02-29",
        "1900-01-01",
        "10000-01-01",
        "2025-12-31Z",
        "2025-12-31T24:00:00Z",
        "2025-12-31T23:60:00Z",
        "2025-12-31T23:59:61Z",
        "2025-12-31T22:59:60Z",
        "2025-12-31T23:58:60Z",
        "2025-12-31T23:59",
        "2025-12-31T23:59Z",
        "2025-12-31T23:59:5Z",
        "2025-12-31T23:59:59.Z",
        "2025-12-31T23:59:59,5Z",
        "2025-12-31T23:59:59ZZ",
        "2025-12-31T23:59:59 Z",
        "2025-12-31T23:59:59+0200",
        "2025-12-31T23:59:59+02",
        "2025-12-31T23:59:59+24:00",
        "2025-12-31T23:59:59+02:60",
        "2025-12-31T23:59:59+02:000",
        "2025-12-31T23:59:59+",
        "2025-12-31x23:59:59Z",
        " 2025-12-31T23:59:59Z",
        "2025-12-31T-3:59:59Z",
        "2025-12-31T+3:59:59Z",
        "now",
        "1969-12-31T23:59:59Z",
        "1969-12-31",
        "1970-01-01T00:00:00+00:01",
        "1968-12-31T23:59:59Z",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "20251231T235959Z",
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        int64_t time_us = 77;
        cr_assert(!tk_time_parse(tk_str_of(cases[i]), &time_us), "%s", cases[i]);
        cr_assert_eq(time_us, 77);
    }
    int64_t time_us = 0;
    cr_assert(!tk_time_parse((tk_str){NULL, 0}, &time_us));
}

Test(clock, no_prefix_is_read_beyond_its_end) {
    const char whole[] = "2025-12-31T23:59:59.123456+02:00";
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        char *text = tk_alloc_array(size, 1); /* its own block, so that ASan sees the end */
        memcpy(text, whole, size);
        int64_t time_us = 0;
        bool valid = size == 10 || size == 19 || (size >= 21 && size <= 26);
        cr_assert_eq(tk_time_parse((tk_str){text, size}, &time_us), valid, "%zu bytes", size);
        tk_free(text);
    }
}

static const char *written(tk_buf *buf, int64_t time_us) {
    tk_buf_truncate(buf, 0);
    tk_time_write(buf, time_us);
    return buf->data;
}

Test(clock, times_are_written_with_six_decimals_and_held_in_bounds) {
    tk_buf buf = {0};
    cr_assert_str_eq(written(&buf, 0), "1970-01-01T00:00:00.000000Z");
    cr_assert_str_eq(written(&buf, -1), "1970-01-01T00:00:00.000000Z");
    cr_assert_str_eq(written(&buf, INT64_MIN), "1970-01-01T00:00:00.000000Z");
    cr_assert_str_eq(written(&buf, 951782400 * S + 7), "2000-02-29T00:00:00.000007Z");
    cr_assert_str_eq(written(&buf, INT64_C(253402300799999999)), "9999-12-31T23:59:59.999999Z");
    cr_assert_str_eq(written(&buf, INT64_C(253402300800000000)), "9999-12-31T23:59:59.999999Z");
    cr_assert_str_eq(written(&buf, INT64_MAX), "9999-12-31T23:59:59.999999Z");
    tk_buf_release(&buf);
}

Test(clock, each_day_from_1970_to_9999_is_as_the_system_says) {
    tk_buf buf = {0};
    for (int64_t day = 0; day < INT64_C(253402300800) / 86400; day++) {
        int64_t time_us = (day * 86400 + day % 86400) * S + day % 1000000;
        time_t seconds = (time_t)(time_us / S);
        struct tm parts;
        gmtime_r(&seconds, &parts);
        const char *text = written(&buf, time_us);
        int64_t back_us = -1;
        if (!tk_time_parse(tk_buf_view(&buf), &back_us) || back_us != time_us ||
            (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0' !=
                parts.tm_year + 1900 ||
            (text[5] - '0') * 10 + text[6] - '0' != parts.tm_mon + 1 ||
            (text[8] - '0') * 10 + text[9] - '0' != parts.tm_mday) {
            cr_assert_fail("%s for second %" PRId64, text, (int64_t)seconds);
        }
    }
    tk_buf_release(&buf);
}

static int64_t fixed(void *user) {
    return *(int64_t *)user;
}

Test(clock, time_comes_through_the_table) {
    int64_t given_us = 42;
    tk_clock clock = {.now_us = fixed, .monotonic_us = fixed, .user = &given_us};
    cr_assert_eq(tk_clock_now(&clock), 42);
    given_us = 43;
    cr_assert_eq(tk_clock_monotonic(&clock), 43);

    int64_t before_us = tk_clock_monotonic(&tk_clock_system);
    cr_assert_geq(tk_clock_monotonic(&tk_clock_system), before_us);
    cr_assert_gt(tk_clock_now(&tk_clock_system), 1700000000 * S);
}
