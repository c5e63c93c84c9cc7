/*
 * minute.h - rates and latencies: what a worker adds up in memory and saves every second, and how rows of
 * minutes become rows of hours.
 *
 *   ends of attempts, completed tasks ─► tk_minutes ── a second ──► rows (span 0)
 *   moves of tasks, by the drivers in their transaction ───────────► rows (span 0)
 *                                   one worker: rows of a minute that is over ─► 1 ─► hours ─► gone
 *
 * They are statistics: a worker that is killed takes its last second with it. The numbers of submitted
 * and completed tasks are exact.
 */
#ifndef TK_MINUTE_H
#define TK_MINUTE_H

#include "engine.h"
#include "histogram.h"

#define TK_MINUTE_US INT64_C(60000000)
#define TK_HOUR_US (60 * TK_MINUTE_US)
#define TK_MINUTES_KEPT_US (6 * TK_HOUR_US)    /* then an hour is one row */
#define TK_HOURS_KEPT_US (8 * 24 * TK_HOUR_US) /* then it goes */
#define TK_MINUTE_SLOTS_MAX 1024               /* template, step and minute, in a second */

/* Of one template's step, or of its tasks (step TK_ACT_NO_STEP), from `at_us` on. */
typedef struct tk_minute_slot {
    int64_t at_us;
    int32_t template_id, step;
    int64_t started, done, failed;
    tk_histogram times[2]; /* of a step: it ran, it waited; of a task: it took */
} tk_minute_slot;

struct tk_minutes {
    tk_minute_slot *slots;
    uint32_t count, room, count_max;
};

/* tk_minutes_step and tk_minutes_task count one end, tk_minutes_lost one whose times tell nothing. Without
 * memory or room it is left out. */
void tk_minutes_step(tk_minutes *m, int32_t template_id, const tk_lease_row *lease, bool ok,
                     int64_t finished_us);
void tk_minutes_lost(tk_minutes *m, int32_t template_id, const tk_lease_row *lease,
                     int64_t finished_us);
void tk_minutes_task(tk_minutes *m, int32_t template_id, const tk_uuid *task, int64_t ended_us);

/* tk_minutes_save writes all in a transaction of its own and empties it, also when that failed. */
tasker_status tk_minutes_save(tk_engine *engine, tk_minutes *m, tasker_error *error);

/* tk_minutes_fold makes one row of several and lets old ones go, a bounded number of them, in a
 * transaction of its own. By one process at a time. */
tasker_status tk_minutes_fold(tk_engine *engine, tasker_error *error);

void tk_minutes_release(tk_minutes *m);

/* tk_minutes_merge adds a stored row to the slot of (at_us, template, step), made when it is not there.
 * What is damaged of its times is left out. false: out of memory or room. */
bool tk_minutes_merge(tk_minutes *m, const tk_minute_row *row, int64_t at_us);

#endif
