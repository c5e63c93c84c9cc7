/*
 * format.h - times and durations the way people read them.
 */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "json.h"

#define FORMAT_DURATION_SIZE 32

/* format_duration writes "850 us", "12 ms", "1.4 s", "2 m 05 s", "3 h 04 m", "2 d 03 h"; a negative
 * one is 0. Returns `text`. */
const char *format_duration(char text[FORMAT_DURATION_SIZE], int64_t duration_us);

/* format_time reads a JSON string with an RFC 3339 time; 0 when there is none. */
int64_t format_time_of(tk_json value);

/* The date and the blank behind it, at the beginning of what format_moment writes. */
#define FORMAT_DATE_BYTES (sizeof("2026-11-23 ") - 1)

/* format_moment writes "2026-11-23 21:35:01.123", UTC. */
void format_moment(tk_buf *buf, int64_t time_us);

#endif
