/*
 * metrics_http.c - answers counted by route and status, and how long they took.
 */
#include <stdatomic.h>

#include "metrics.h"
#include "routes.h"

#define ROUTES_MAX 128 /* the last slot: requests that matched none */

static const int statuses[] = {200, 201, 304, 400, 401, 403, 404, 405, 409, 413,
                               415, 421, 429, 431, 500, 501, 503, 504, 0 /* any other */};

#define STATUSES TK_COUNT_OF(statuses)

/* Of the process: Prometheus asks a process, not a server in it. */
static struct {
    _Atomic uint64_t answers[STATUSES];
    _Atomic uint64_t buckets[METRICS_BUCKETS_MAX + 1];
    _Atomic uint64_t sum_us;
} counted[ROUTES_MAX];

static size_t status_slot(int status) {
    size_t slot = 0;
    while (slot < STATUSES - 1 && statuses[slot] != status) {
        slot++;
    }
    return slot;
}

void serve_metrics_count(const serve_route *route, int status, int64_t duration_us) {
    ptrdiff_t index = route == NULL ? ROUTES_MAX - 1 : route - serve_routes;
    if (index < 0 || index >= ROUTES_MAX) {
        index = ROUTES_MAX - 1;
    }
    duration_us = duration_us < 0 ? 0 : duration_us;
    atomic_fetch_add_explicit(&counted[index].answers[status_slot(status)], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&counted[index].buckets[metrics_bucket(duration_us)], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&counted[index].sum_us, (uint64_t)duration_us, memory_order_relaxed);
}

/* method="GET",route="/v1/tasks"; routes come from the table, so there are no more of them. */
static void write_labels(tk_buf *buf, size_t index) {
    if (index == ROUTES_MAX - 1) {
        tk_buf_text(buf, "method=\"\",route=\"none\"");
    } else {
        tk_buf_printf(buf, "method=\"%s\",route=\"%s\"", route_method(serve_routes[index].method),
                      serve_routes[index].path);
    }
}

static void write_answers(tk_buf *buf, size_t index) {
    for (size_t i = 0; i < STATUSES; i++) {
        uint64_t count = atomic_load_explicit(&counted[index].answers[i], memory_order_relaxed);
        if (count == 0) {
            continue;
        }
        tk_buf_text(buf, "tasker_http_requests_total{");
        write_labels(buf, index);
        if (statuses[i] == 0) {
            tk_buf_text(buf, ",status=\"other\"");
        } else {
            tk_buf_printf(buf, ",status=\"%d\"", statuses[i]);
        }
        tk_buf_printf(buf, "} %" PRIu64 "\n", count);
    }
}

static void write_durations(tk_buf *buf, size_t index) {
    metrics_histogram histogram = {.sum_us = atomic_load(&counted[index].sum_us)};
    uint64_t any = 0;
    for (size_t i = 0; i <= METRICS_BUCKETS_MAX; i++) {
        histogram.buckets[i] = atomic_load(&counted[index].buckets[i]);
        any += histogram.buckets[i];
    }
    if (any > 0) {
        tk_buf labels = {0};
        write_labels(&labels, index);
        metrics_histogram_write(buf, "tasker_http_request_duration_milliseconds",
                                labels.data == NULL ? "" : labels.data, &histogram);
        buf->failed = buf->failed || labels.failed;
        tk_buf_release(&labels);
    }
}

void metrics_http_write(tk_buf *buf) {
    metrics_head(buf, "tasker_http_requests_total", "counter", "Answers by route and status");
    for (size_t i = 0; i < ROUTES_MAX; i++) {
        write_answers(buf, i);
    }
    metrics_head(buf, "tasker_http_request_duration_milliseconds", "histogram",
                 "From a request's headers to its answer");
    for (size_t i = 0; i < ROUTES_MAX; i++) {
        write_durations(buf, i);
    }
}
