/* Durations counted by their size: how far a quantile may be off, and what is stored of it. */
#include <criterion/criterion.h>

#include "histogram.h"

Test(histogram, a_quantile_is_within_a_tenth_of_the_truth) {
    for (int64_t us = 128; us < INT64_C(300000000000); us += us / 7) {
        tk_histogram h = {{0}};
        tk_histogram_add(&h, us);
        double told = tk_histogram_quantile(&h, 0.5);
        cr_assert(told > (double)us * 0.9 && told < (double)us * 1.1, "%" PRId64 " is told as %f",
                  us, told);
    }
}

Test(histogram, what_is_shorter_or_longer_than_it_knows_is_counted_at_the_end) {
    static const int64_t ends[] = {INT64_MIN, -1, 0, 127, INT64_MAX};
    tk_histogram h = {{0}};
    for (size_t i = 0; i < TK_COUNT_OF(ends); i++) {
        tk_histogram_add(&h, ends[i]);
    }
    cr_assert_eq(h.counts[0], 4);
    cr_assert_eq(h.counts[TK_HISTOGRAM_BUCKETS - 1], 1);
    cr_assert_eq(tk_histogram_total(&h), 5);
}

Test(histogram, quantiles_are_of_all_that_were_counted) {
    tk_histogram h = {{0}};
    cr_assert_lt(tk_histogram_quantile(&h, 0.5), 0, "there are none");
    for (int i = 0; i < 100; i++) {
        tk_histogram_add(&h, i < 50 ? 1000 : i < 95 ? 10000 : 100000);
    }
    cr_assert_float_eq(tk_histogram_quantile(&h, 0.50), 1000, 100);
    cr_assert_float_eq(tk_histogram_quantile(&h, 0.51), 10000, 1000);
    cr_assert_float_eq(tk_histogram_quantile(&h, 0.95), 10000, 1000);
    cr_assert_float_eq(tk_histogram_quantile(&h, 0.96), 100000, 10000);
    cr_assert_float_eq(tk_histogram_quantile(&h, 1), 100000, 10000);
}

Test(histogram, it_is_read_as_it_was_written_and_damage_is_noticed) {
    tk_histogram h = {{0}};
    tk_histogram other = {{0}};
    tk_histogram first = {{0}};
    tk_histogram second = {{0}};
    tk_buf buf = {0};
    h.counts[0] = 1;
    h.counts[5] = 127;
    h.counts[6] = 128;
    h.counts[127] = UINT32_MAX;
    other.counts[9] = 3;
    tk_histogram_write(&h, &buf);
    tk_histogram_write(&other, &buf);
    tk_str bytes = tk_buf_view(&buf);
    cr_assert(tk_histogram_read(&bytes, &first));
    cr_assert(tk_histogram_read(&bytes, &second));
    cr_assert_eq(bytes.size, 0);
    cr_assert(tk_histogram_read(&bytes, &second), "nothing left is an empty one");
    cr_assert_eq(memcmp(&h, &first, sizeof(h)), 0);
    cr_assert_eq(memcmp(&other, &second, sizeof(other)), 0);
    for (size_t size = 1; size + 3 < buf.size; size++) {
        tk_str cut = {buf.data, size};
        cr_assert_not(tk_histogram_read(&cut, &first), "cut at %zu", size);
    }
    tk_str wrong = TK_STR("\x01\x80\x01");
    cr_assert_not(tk_histogram_read(&wrong, &first), "there is no bucket 128");
    wrong = TK_STR("\x01\x02\xff\xff\xff\xff\xff\x01");
    cr_assert_not(tk_histogram_read(&wrong, &first), "a number of more than 35 bits");
    tk_buf_release(&buf);
}
