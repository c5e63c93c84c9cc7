/*
 * run.c - one seed: what happens next, until nothing is left to happen.
 *
 * First there are deeds and faults; then the faults end, whoever is down comes back, and within the
 * bound of promise 5 everything must come to rest. What is then stored is held against the record.
 */
#include "sim/sim.h"

#include <stdlib.h>

/* What is due next: a worker, a handler, or (none of both) a deed. */
typedef struct due {
    int64_t at_us;
    sim_worker *worker;
    sim_run *run;
} due;

static void consider(due *d, int64_t at_us, sim_worker *worker, sim_run *run) {
    if (at_us < d->at_us) {
        *d = (due){at_us, worker, run};
    }
}

static due find_next(sim *s) {
    due d = {.at_us = s->calm ? INT64_MAX : s->next_deed_us};
    uint32_t from = sim_below(s, s->worker_count); /* of equals, another one each time */
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sim_worker *w = &s->workers[(from + i) % s->worker_count];
        consider(&d, w->next_us, w, NULL);
    }
    for (uint32_t i = 0; i < SIM_RUNS_MAX; i++) {
        sim_run *run = &s->runs[i];
        bool frozen =
            run->step != NULL && run->worker->state == SIM_PAUSED && !run->worker->handlers_run;
        if (run->step != NULL && !frozen) {
            consider(&d, run->ends_us, NULL, run);
        }
    }
    return d;
}

static void step(sim *s) {
    due d = find_next(s);
    if (d.at_us > s->now_us) {
        s->now_us = d.at_us;
    }
    uint64_t moves = s->moves;
    if (d.run != NULL) {
        sim_handler_end(s, d.run);
    } else if (d.worker != NULL) {
        sim_worker_act(s, d.worker);
    } else {
        sim_deed(s);
        s->deeds_left--;
    }
    if (s->moves != moves) {
        s->moved_us = s->now_us;
    }
    if (++s->events > SIM_EVENTS_MAX) {
        sim_broken(s, "comes-to-rest", NULL, "%d events and no end", SIM_EVENTS_MAX);
    }
}

static void begin(sim *s) {
    s->worker_count = 1 + sim_below(s, SIM_WORKERS_MAX);
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sim_worker *w = &s->workers[i];
        w->index = i;
        sim_party_open(s, &w->party);
        w->next_us = sim_percent(s, 50) ? 0 : sim_between(s, 0, SIM_S);
    }
    s->deeds_left = 100 + sim_below(s, 200);
}

/* The faults end: the clock is where it was furthest, who is down or stands still comes back. */
static void calm_down(sim *s) {
    s->calm = true;
    s->step_us = s->step_max_us;
    s->moved_us = s->now_us;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sim_worker *w = &s->workers[i];
        if (i == 0 && w->state != SIM_UP) {
            w->next_us = s->now_us;
        }
        if (w->state == SIM_PAUSED || w->state == SIM_DOWN) {
            int64_t at_us = s->now_us + sim_between(s, 0, SIM_S);
            w->next_us = at_us < w->next_us ? at_us : w->next_us;
        }
    }
    sim_say(s, "--- the faults end ---");
}

static void check_still(sim *s) {
    if (s->now_us - s->moved_us <= SIM_STILL_US) {
        return;
    }
    for (uint32_t i = 0; i < s->task_count; i++) {
        sim_view view;
        sim_view_open(s, &s->tasks[i].id, &view);
        bool open = view.found && !tk_task_mark_resting(view.state.state);
        sim_view_close(&view);
        if (open) {
            sim_broken(s, "comes-to-rest", &s->tasks[i].id,
                       "nothing has moved for %" PRId64 " ms though the task is open",
                       (s->now_us - s->moved_us) / 1000);
        }
    }
}

void sim_run_seed(uint64_t seed, bool trace) {
    sim *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        exit(2);
    }
    sim_open(s, seed, trace);
    begin(s);
    while (s->deeds_left > 0) {
        step(s);
    }
    calm_down(s);
    while (sim_judge_open(s)) {
        step(s);
        check_still(s);
    }
    s->context = "at rest";
    sim_judge_all(s, true);
    sim_close(s);
    free(s);
}
