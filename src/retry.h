/*
 * retry.h - may a failed step run again, and when (contract 1.4, 5.3, decision 3).
 */
#ifndef TK_RETRY_H
#define TK_RETRY_H

#include "base.h"

#define TK_BACKOFF_MS_MAX (INT64_C(365) * 24 * 3600 * 1000) /* of a base and of a cap */

typedef enum tk_backoff {
    TK_BACKOFF_NONE = 0,
    TK_BACKOFF_LINEAR,
    TK_BACKOFF_EXPONENTIAL,
    TK_BACKOFF_FIBONACCI
} tk_backoff;

/* tk_backoff_name is the word in a template; tk_backoff_parse: false when the word is none. */
const char *tk_backoff_name(tk_backoff backoff);
bool tk_backoff_parse(tk_str word, tk_backoff *backoff);

#define TK_BACKOFF_BASE_MS_DEFAULT 1000
#define TK_BACKOFF_CAP_MS_DEFAULT 30000
#define TK_RETRY_ATTEMPTS_DEFAULT 3

typedef struct tk_retry_policy {
    bool retryable;
    uint32_t attempts_max; /* as written; 0 behaves like 1 */
    tk_backoff backoff;
    int64_t base_ms;
    int64_t cap_ms;
} tk_retry_policy;

/* How an attempt ended badly. */
typedef struct tk_failure {
    bool retryable;         /* what the handler (or the engine) says of the error */
    bool lost;              /* its worker died or gave it back: tried again without backoff, and
                               also when the step is not retryable by its template, as long as the
                               attempts last */
    int64_t retry_after_ms; /* -1: the template's backoff */
} tk_failure;

/* tk_retry_delay says how long to wait after the `attempt`-th claim (1 = the first since the last
 * operator's retry) has failed: milliseconds ≥ 0, or -1 when the step may not run again.
 * `noise` is any random number: the delay is spread over the upper half of its range, but is never
 * shorter than the base (the cap, when that is less), so that the first retry waits as long as the
 * template says. retry_after_ms wins, up to the cap, without noise. Nothing overflows. */
int64_t tk_retry_delay(const tk_retry_policy *policy, const tk_failure *failure, uint32_t attempt,
                       uint64_t noise);

/* tk_retry_eligible is the boundary table of contract 5.3: may a step with that many attempts run?
 * `lost`: the last of them was, which asks for attempts left and nothing else. */
bool tk_retry_eligible(const tk_retry_policy *policy, uint32_t attempts, bool lost);

#endif
