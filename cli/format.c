/*
 * format.c - times and durations; see format.h. Pure.
 */
#include "format.h"

#include <stdio.h>

#include "clock.h"

const char *format_duration(char text[FORMAT_DURATION_SIZE], int64_t duration_us) {
    int64_t us = duration_us < 0 ? 0 : duration_us;
    int64_t s = us / 1000000;
    int size = 0;

    if (us < 1000) {
        size = snprintf(text, FORMAT_DURATION_SIZE, "%" PRId64 " us", us);
    } else if (us < 1000000) {
        size = snprintf(text, FORMAT_DURATION_SIZE, "%" PRId64 " ms", us / 1000);
    } else if (s < 60) {
        size =
            snprintf(text, FORMAT_DURATION_SIZE, "%" PRId64 ".%" PRId64 " s", s, us / 100000 % 10);
    } else if (s < 3600) {
        size =
            snprintf(text, FORMAT_DURATION_SIZE, "%" PRId64 " m %02" PRId64 " s", s / 60, s % 60);
    } else if (s < 86400) {
        size = snprintf(text, FORMAT_DURATION_SIZE, "%" PRId64 " h %02" PRId64 " m", s / 3600,
                        s / 60 % 60);
    } else {
        size = snprintf(text, FORMAT_DURATION_SIZE, "%" PRId64 " d %02" PRId64 " h", s / 86400,
                        s / 3600 % 24);
    }
    assert(size > 0 && size < FORMAT_DURATION_SIZE);
    return text;
}

/* A time has no escapes, so its text between the quotes is the time. */
int64_t format_time_of(tk_json value) {
    int64_t time_us = 0;
    if (value.kind != TK_JSON_STRING || value.text.size < 2) {
        return 0;
    }
    tk_str text = {value.text.data + 1, value.text.size - 2};
    return tk_time_parse(text, &time_us) ? time_us : 0;
}

void format_moment(tk_buf *buf, int64_t time_us) {
    tk_buf text = {0};
    tk_time_write(&text, time_us);
    const size_t shown = sizeof("2026-11-23T21:35:01.123") - 1;
    if (!text.failed && text.size > shown) {
        text.data[10] = ' ';
        tk_buf_add(buf, text.data, shown);
    }
    buf->failed = buf->failed || text.failed;
    tk_buf_release(&text);
}
