/*
 * histogram.h - durations counted by their size: buckets that grow by the fourth root of 2, so that a
 * quantile is within 10 % of the truth, from 128 microseconds to days.
 */
#ifndef TK_HISTOGRAM_H
#define TK_HISTOGRAM_H

#include "buf.h"

#define TK_HISTOGRAM_BUCKETS 128

typedef struct tk_histogram {
    uint32_t counts[TK_HISTOGRAM_BUCKETS];
} tk_histogram;

/* tk_histogram_add counts a duration; one below 0 is 0. */
void tk_histogram_add(tk_histogram *h, int64_t us);

void tk_histogram_merge(tk_histogram *into, const tk_histogram *from);
uint64_t tk_histogram_total(const tk_histogram *h);

/* tk_histogram_quantile is the duration in microseconds that `share` (0..1) of the counted ones do not
 * pass, as the middle of its bucket; -1 when there are none. */
double tk_histogram_quantile(const tk_histogram *h, double share);

/* tk_histogram_write adds the used buckets: how many, then for each its number and its count (7 bits a
 * byte). tk_histogram_read adds such a text, which it cuts off *bytes; nothing left is an empty one.
 * false: it is damaged; what stands before that is counted. */
void tk_histogram_write(const tk_histogram *h, tk_buf *buf);
bool tk_histogram_read(tk_str *bytes, tk_histogram *into);

#endif
