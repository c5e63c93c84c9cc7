/*
 * top.h - what top.c has looked at and top_view.c shows.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "workers.h"

#define TOP_WORKERS_MAX 256 /* whose beat is followed */
#define TOP_QUEUES_MAX 1024
#define TOP_BLOCKED 5 /* newest blocked tasks that are shown */

typedef enum top_sort { TOP_BY_READY = 0, TOP_BY_AGE, TOP_BY_NAME, TOP_SORT_COUNT } top_sort;

/* A worker's beat and when it was seen to move. */
typedef struct top_beat {
    int64_t id, beat, moved_us;
} top_beat;

/* Tasks that came and went, for the rates. */
typedef struct top_totals {
    int64_t submitted, complete, failed;
    int64_t at_us; /* monotonic; 0: not looked yet */
} top_totals;

typedef struct top {
    cli *c;
    tk_json counts, blocked; /* of this look */
    tk_json minute;          /* rates and latencies of the last one; NONE: not known */
    workers workers;
    top_totals now, before;
    double submitted_s, complete_s, failed_s; /* rates; <0: not known yet */
    top_beat beats[TOP_WORKERS_MAX];
    size_t beat_count;
    top_sort sort;
    bool paused;
    int64_t interval_ms;
    int64_t first_us; /* monotonic: since when we look */
} top;

/* top_show adds the whole view to c->out; on a terminal at most as many lines as it has. */
cli_exit top_show(top *t);

/* top_show_json adds one line. */
cli_exit top_show_json(top *t);

#endif
