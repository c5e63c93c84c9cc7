/*
 * clock.h - time comes in through this table, so that a simulation can own it.
 */
#ifndef TK_CLOCK_H
#define TK_CLOCK_H

#include <time.h>

#include "buf.h"

typedef struct tk_clock {
    int64_t (*now_us)(void *user);       /* microseconds since 1970 UTC; may step */
    int64_t (*monotonic_us)(void *user); /* never steps; any start */
    void *user;
} tk_clock;

/* tk_clock_system is the machine's clock. */
extern const tk_clock tk_clock_system;

int64_t tk_clock_now(const tk_clock *clock);
int64_t tk_clock_monotonic(const tk_clock *clock);

/* tk_deadline_in is the moment timeout_ms from now on the machine's monotonic clock, for
 * pthread_cond_timedwait. Real time also in a simulation, which never waits. */
struct timespec tk_deadline_in(int64_t timeout_ms);

/* tk_time_write adds "2026-01-31T23:59:59.123456Z" (RFC 3339, always six decimals), without quotes. */
void tk_time_write(tk_buf *buf, int64_t time_us);

/* tk_time_parse reads RFC 3339 ("…Z", "…+02:00") or a naive time (no offset), which is UTC; a date
 * alone is midnight. False when it is neither or out of the years 1970..9999. */
bool tk_time_parse(tk_str text, int64_t *time_us);

#endif
