/*
 * metrics.h - what /metrics is made of: Prometheus text, its labels bounded.
 *
 *   answers ── serve_metrics_count ─► metrics_http.c ──┐
 *   the record, from the last scrape on ─► metrics_steps.c ─┼─► [metrics.c] ─► /metrics
 *   the store's counts ────────────────────────────────┘
 */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include "serve.h"

/* Namespaces that have a label of their own; all others are one together. */
#define METRICS_NAMESPACES_MAX 50
#define METRICS_OTHER "other"
#define METRICS_TABLES_MAX 64
#define METRICS_BUCKETS_MAX 16

/* Counts of durations, in the buckets of the list that goes with it. */
typedef struct metrics_histogram {
    uint64_t buckets[METRICS_BUCKETS_MAX + 1]; /* the last: above all bounds */
    uint64_t sum_us;
} metrics_histogram;

/* The upper bounds of buckets, in milliseconds. */
extern const int64_t metrics_bounds_ms[METRICS_BUCKETS_MAX];

/* metrics_bucket finds the bucket of a duration. */
uint32_t metrics_bucket(int64_t duration_us);

/* metrics_head adds the HELP and TYPE lines of a family. */
void metrics_head(tk_buf *buf, const char *name, const char *type, const char *help);

/* metrics_histogram_write adds one series; `labels` is 'a="b"' or "". */
void metrics_histogram_write(tk_buf *buf, const char *name, const char *labels,
                             const metrics_histogram *histogram);

/* metrics_label adds 'name="value"', the value escaped and cut at TASKER_NAME_BYTES_MAX. */
void metrics_label(tk_buf *buf, const char *name, tk_str value);

/* metrics_http_write adds the families of requests. */
void metrics_http_write(tk_buf *buf);

/* metrics_steps_write reads what was recorded since the last call, bounded in time, and adds the
 * families of attempts. */
void metrics_steps_write(serve_request *r, tk_buf *buf);

#endif
