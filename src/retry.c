/*
 * retry.c - may a failed step run again, and when.
 *
 *   complete.c, sweep.c --failure--> [retry.c] --delay--> `later`   or -1: the step is in error
 *
 * Pure: the noise comes in, so that a simulation repeats every delay. All products saturate at the
 * policy's cap, so no policy and no attempt number can overflow.
 */
#include "retry.h"

static const char *const backoff_names[] = {
    [TK_BACKOFF_NONE] = "none",
    [TK_BACKOFF_LINEAR] = "linear",
    [TK_BACKOFF_EXPONENTIAL] = "exponential",
    [TK_BACKOFF_FIBONACCI] = "fibonacci",
};

const char *tk_backoff_name(tk_backoff backoff) {
    assert((size_t)backoff < TK_COUNT_OF(backoff_names));
    return backoff_names[backoff];
}

bool tk_backoff_parse(tk_str word, tk_backoff *backoff) {
    for (size_t i = 0; i < TK_COUNT_OF(backoff_names); i++) {
        if (tk_str_is(word, backoff_names[i])) {
            *backoff = (tk_backoff)i;
            return true;
        }
    }
    return false;
}

/* 0 attempts behave like 1: the first run is always allowed. */
static uint32_t attempts_allowed(const tk_retry_policy *policy) {
    return policy->attempts_max == 0 ? 1 : policy->attempts_max;
}

/* base × factor, at most cap. */
static int64_t times(int64_t base_ms, int64_t factor, int64_t cap_ms) {
    if (base_ms == 0 || factor == 0) {
        return 0;
    }
    return base_ms > cap_ms / factor ? cap_ms : base_ms * factor;
}

static int64_t exponential_ms(int64_t base_ms, uint32_t attempt, int64_t cap_ms) {
    uint32_t doublings = attempt - 1;
    return doublings > 61 ? times(base_ms, INT64_MAX, cap_ms)
                          : times(base_ms, INT64_C(1) << doublings, cap_ms);
}

static int64_t fibonacci_ms(int64_t base_ms, uint32_t attempt, int64_t cap_ms) {
    int64_t before = 0;
    int64_t now = 1; /* fib(1); fib(90) still fits */
    for (uint32_t n = 1; n < attempt && n < 90; n++) {
        int64_t next = before + now;
        before = now;
        now = next;
    }
    return times(base_ms, attempt > 90 ? INT64_MAX : now, cap_ms);
}

static int64_t full_delay_ms(const tk_retry_policy *policy, uint32_t attempt) {
    switch (policy->backoff) {
    case TK_BACKOFF_NONE:
        break;
    case TK_BACKOFF_LINEAR:
        return times(policy->base_ms, attempt, policy->cap_ms);
    case TK_BACKOFF_EXPONENTIAL:
        return exponential_ms(policy->base_ms, attempt, policy->cap_ms);
    case TK_BACKOFF_FIBONACCI:
        return fibonacci_ms(policy->base_ms, attempt, policy->cap_ms);
    }
    return 0;
}

int64_t tk_retry_delay(const tk_retry_policy *policy, const tk_failure *failure, uint32_t attempt,
                       uint64_t noise) {
    assert(attempt >= 1);
    assert(policy->base_ms >= 0 && policy->cap_ms >= 0);

    if (attempt >= attempts_allowed(policy)) {
        return -1;
    }
    if (failure->lost) {
        return 0;
    }
    if (!failure->retryable || !policy->retryable) {
        return -1;
    }
    if (failure->retry_after_ms >= 0) {
        return failure->retry_after_ms < policy->cap_ms ? failure->retry_after_ms : policy->cap_ms;
    }
    int64_t full_ms = full_delay_ms(policy, attempt);
    int64_t least_ms = full_ms - full_ms / 2; /* what failed together does not return together */
    if (least_ms < policy->base_ms) {
        least_ms = policy->base_ms < full_ms ? policy->base_ms : full_ms;
    }
    return least_ms + (int64_t)(noise % ((uint64_t)(full_ms - least_ms) + 1));
}

bool tk_retry_eligible(const tk_retry_policy *policy, uint32_t attempts, bool lost) {
    return attempts == 0 || ((policy->retryable || lost) && attempts < policy->attempts_max);
}
