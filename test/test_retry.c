/* May a failed step run again, and after how long. */
#include <criterion/criterion.h>

#include "retry.h"

static const tk_failure retryable = {.retryable = true, .retry_after_ms = -1};

static tk_retry_policy policy_of(tk_backoff backoff, int64_t base_ms, int64_t cap_ms) {
    return (tk_retry_policy){.retryable = true,
                             .attempts_max = UINT32_MAX,
                             .backoff = backoff,
                             .base_ms = base_ms,
                             .cap_ms = cap_ms};
}

Test(retry, each_backoff_grows_as_it_says_up_to_its_cap) {
    const struct {
        tk_backoff backoff;
        int64_t base_ms, cap_ms;
        int64_t full_ms[8]; /* of attempts 1 to 8 */
    } cases[] = {
        {TK_BACKOFF_NONE, 1000, 30000, {0, 0, 0, 0, 0, 0, 0, 0}},
        {TK_BACKOFF_LINEAR, 100, 30000, {100, 200, 300, 400, 500, 600, 700, 800}},
        {TK_BACKOFF_LINEAR, 100, 350, {100, 200, 300, 350, 350, 350, 350, 350}},
        {TK_BACKOFF_EXPONENTIAL, 100, 30000, {100, 200, 400, 800, 1600, 3200, 6400, 12800}},
        {TK_BACKOFF_EXPONENTIAL, 100, 400, {100, 200, 400, 400, 400, 400, 400, 400}},
        {TK_BACKOFF_EXPONENTIAL, 100, 50, {50, 50, 50, 50, 50, 50, 50, 50}},
        {TK_BACKOFF_FIBONACCI, 100, 30000, {100, 100, 200, 300, 500, 800, 1300, 2100}},
        {TK_BACKOFF_FIBONACCI, 0, 30000, {0, 0, 0, 0, 0, 0, 0, 0}},
        {TK_BACKOFF_EXPONENTIAL, 7, 0, {0, 0, 0, 0, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_retry_policy policy = policy_of(cases[i].backoff, cases[i].base_ms, cases[i].cap_ms);
        for (uint32_t attempt = 1; attempt <= 8; attempt++) {
            int64_t full_ms = cases[i].full_ms[attempt - 1];
            int64_t base_ms = cases[i].base_ms < full_ms ? cases[i].base_ms : full_ms;
            int64_t half_ms = full_ms - full_ms / 2;
            int64_t from_ms = half_ms > base_ms ? half_ms : base_ms;
            int64_t least_ms = tk_retry_delay(&policy, &retryable, attempt, 0);
            int64_t most_ms =
                tk_retry_delay(&policy, &retryable, attempt, (uint64_t)(full_ms - from_ms));
            cr_assert_eq(least_ms, from_ms, "case %zu, attempt %u: %" PRId64, i, attempt, least_ms);
            cr_assert_eq(most_ms, full_ms, "case %zu, attempt %u: %" PRId64, i, attempt, most_ms);
        }
    }
}

Test(retry, noise_stays_within_the_upper_half) {
    tk_retry_policy policy = policy_of(TK_BACKOFF_EXPONENTIAL, 100, 350);
    for (uint32_t attempt = 1; attempt <= 4; attempt++) {
        int64_t full_ms = attempt == 1 ? 100 : attempt == 2 ? 200 : 350;
        for (uint64_t noise = 0; noise < 1000; noise++) {
            int64_t delay_ms = tk_retry_delay(&policy, &retryable, attempt, noise);
            cr_assert(delay_ms >= full_ms / 2 && delay_ms <= full_ms,
                      "attempt %u waits %" PRId64 " ms", attempt, delay_ms);
        }
    }
}

Test(retry, the_first_retry_never_comes_before_the_base) {
    const struct {
        int64_t base_ms, cap_ms, least_ms;
    } cases[] = {{100, 500, 100}, {100, 100, 100}, {100, 99, 99}, {1, 500, 1}, {0, 500, 0}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        for (tk_backoff b = TK_BACKOFF_LINEAR; b <= TK_BACKOFF_FIBONACCI; b++) {
            tk_retry_policy policy = policy_of(b, cases[i].base_ms, cases[i].cap_ms);
            for (uint64_t noise = 0; noise < 1000; noise++) {
                cr_assert_eq(tk_retry_delay(&policy, &retryable, 1, noise), cases[i].least_ms);
            }
        }
    }
}

Test(retry, nothing_overflows) {
    const tk_backoff backoffs[] = {TK_BACKOFF_NONE, TK_BACKOFF_LINEAR, TK_BACKOFF_EXPONENTIAL,
                                   TK_BACKOFF_FIBONACCI};
    const int64_t sizes[] = {0, 1, 2, 3, INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
    const uint32_t attempts[] = {
        1, 2, 61, 62, 63, 64, 65, 89, 90, 91, 92, 93, 94, 100, UINT32_MAX - 1};
    const uint64_t noises[] = {0, 1, UINT64_MAX / 2, UINT64_MAX};
    for (size_t b = 0; b < TK_COUNT_OF(backoffs); b++) {
        for (size_t i = 0; i < TK_COUNT_OF(sizes) * TK_COUNT_OF(sizes); i++) {
            int64_t cap_ms = sizes[i % TK_COUNT_OF(sizes)];
            tk_retry_policy policy = policy_of(backoffs[b], sizes[i / TK_COUNT_OF(sizes)], cap_ms);
            for (size_t a = 0; a < TK_COUNT_OF(attempts) * TK_COUNT_OF(noises); a++) {
                int64_t delay_ms =
                    tk_retry_delay(&policy, &retryable, attempts[a / TK_COUNT_OF(noises)],
                                   noises[a % TK_COUNT_OF(noises)]);
                cr_assert(delay_ms >= 0 && delay_ms <= cap_ms);
            }
        }
    }
}

Test(retry, the_full_delay_never_shrinks_from_attempt_to_attempt) {
    for (int backoff = TK_BACKOFF_NONE; backoff <= TK_BACKOFF_FIBONACCI; backoff++) {
        tk_retry_policy policy = policy_of((tk_backoff)backoff, 3, INT64_MAX);
        int64_t before_ms = 0;
        for (uint32_t attempt = 1; attempt < 200; attempt++) {
            int64_t delay_ms = tk_retry_delay(&policy, &retryable, attempt, 0);
            cr_assert_geq(delay_ms, before_ms);
            before_ms = delay_ms;
        }
    }
}

Test(retry, what_the_handler_asks_for_wins_up_to_the_cap) {
    const struct {
        int64_t asked_ms, delay_ms;
    } cases[] = {{0, 0},         {1, 1},         {29999, 29999},
                 {30000, 30000}, {30001, 30000}, {INT64_MAX, 30000}};
    tk_retry_policy policy = policy_of(TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_failure failure = {.retryable = true, .retry_after_ms = cases[i].asked_ms};
        cr_assert_eq(tk_retry_delay(&policy, &failure, 1, UINT64_MAX), cases[i].delay_ms);
    }
}

Test(retry, attempts_end_at_their_limit_and_zero_is_one) {
    const struct {
        uint32_t attempts_max, attempt;
        bool again;
    } cases[] = {{0, 1, false}, {1, 1, false}, {2, 1, true},  {2, 2, false},
                 {3, 2, true},  {3, 3, false}, {3, 4, false}, {UINT32_MAX, UINT32_MAX, false}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_retry_policy policy = policy_of(TK_BACKOFF_LINEAR, 10, 100);
        policy.attempts_max = cases[i].attempts_max;
        int64_t delay_ms = tk_retry_delay(&policy, &retryable, cases[i].attempt, 0);
        cr_assert_eq(delay_ms >= 0, cases[i].again, "case %zu: %" PRId64, i, delay_ms);
    }
}

Test(retry, both_the_error_and_the_template_must_allow_it) {
    for (int bits = 0; bits < 4; bits++) {
        tk_retry_policy policy = policy_of(TK_BACKOFF_NONE, 0, 0);
        policy.retryable = (bits & 1) != 0;
        tk_failure failure = {.retryable = (bits & 2) != 0, .retry_after_ms = -1};
        cr_assert_eq(tk_retry_delay(&policy, &failure, 1, 0), bits == 3 ? 0 : -1);
        failure.retry_after_ms = 5; /* asking for a time is no permission */
        cr_assert_eq(tk_retry_delay(&policy, &failure, 1, 0), bits == 3 ? 0 : -1);
    }
}

Test(retry, a_lost_attempt_is_repeated_at_once_while_attempts_last) {
    tk_retry_policy policy = policy_of(TK_BACKOFF_EXPONENTIAL, 1000, 30000);
    policy.attempts_max = 2;
    policy.retryable = false;
    tk_failure lost = {.lost = true, .retry_after_ms = -1};
    cr_assert_eq(tk_retry_delay(&policy, &lost, 1, 12345), 0);
    cr_assert_eq(tk_retry_delay(&policy, &lost, 2, 12345), -1);
}

Test(retry, eligibility_follows_the_boundary_table) {
    const struct {
        bool retryable;
        uint32_t attempts_max, attempts;
        bool eligible;
    } cases[] = {
        {true, 0, 0, true},  {true, 0, 1, false},  {true, 1, 0, true},  {true, 1, 1, false},
        {true, 3, 0, true},  {true, 3, 2, true},   {true, 3, 3, false}, {true, 3, 4, false},
        {false, 1, 0, true}, {false, 1, 1, false}, {false, 3, 0, true}, {false, 3, 1, false},
        {false, 0, 0, true},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_retry_policy policy = {.retryable = cases[i].retryable,
                                  .attempts_max = cases[i].attempts_max};
        cr_assert_eq(tk_retry_eligible(&policy, cases[i].attempts, false), cases[i].eligible,
                     "case %zu", i);
    }
}

Test(retry, backoffs_have_names_and_other_words_have_none) {
    for (int i = TK_BACKOFF_NONE; i <= TK_BACKOFF_FIBONACCI; i++) {
        tk_backoff backoff;
        cr_assert(tk_backoff_parse(tk_str_of(tk_backoff_name((tk_backoff)i)), &backoff));
        cr_assert_eq(backoff, (tk_backoff)i);
    }
    tk_backoff backoff;
    cr_assert_not(tk_backoff_parse(TK_STR("Linear"), &backoff));
    cr_assert_not(tk_backoff_parse(TK_STR(""), &backoff));
    cr_assert_not(tk_backoff_parse(TK_STR("fibonaccix"), &backoff));
}

Test(retry, a_lost_attempt_leaves_a_step_eligible_while_attempts_last) {
    for (int bits = 0; bits < 2; bits++) {
        tk_retry_policy policy = {.retryable = bits == 1, .attempts_max = 3};
        cr_assert(tk_retry_eligible(&policy, 2, true));
        cr_assert(!tk_retry_eligible(&policy, 3, true));
    }
}
