/*
 * handlers.c - what hosts do with claimed steps: their threads take them, run for a while, and
 * return, fail, hang, come too late, give up, or complete twice.
 */
#include "sim/sim.h"

#include <stdio.h>

uint32_t sim_handlers_running(const sim *s, const sim_worker *w) {
    uint32_t running = 0;
    for (uint32_t i = 0; i < SIM_RUNS_MAX; i++) {
        running += s->runs[i].step != NULL && s->runs[i].worker == w;
    }
    return running;
}

static sim_plan choose_plan(sim *s, const tasker_step *step) {
    if (s->calm) {
        return sim_percent(s, 85) ? SIM_SUCCEED : SIM_FAIL;
    }
    static const struct {
        sim_plan plan;
        uint32_t weight;
    } plans[] = {{SIM_SUCCEED, 60},   {SIM_SUCCEED_TWICE, 3}, {SIM_FAIL, 12},
                 {SIM_FAIL_AFTER, 3}, {SIM_FAIL_FOR_GOOD, 3}, {SIM_HANG, 6},
                 {SIM_EXTEND, 3},     {SIM_GIVE_BACK, 4},     {SIM_GIVE_UP, 3},
                 {SIM_FORGET, 3}};
    uint32_t at = sim_below(s, 100);
    for (size_t i = 0; i < TK_COUNT_OF(plans); i++) {
        if (at < plans[i].weight) {
            bool needs_limit = plans[i].plan == SIM_HANG || plans[i].plan == SIM_FORGET ||
                               plans[i].plan == SIM_EXTEND;
            return needs_limit && step->timeout_ms == 0 ? SIM_SUCCEED : plans[i].plan;
        }
        at -= plans[i].weight;
    }
    return SIM_SUCCEED;
}

static int64_t choose_duration(sim *s, sim_plan plan, const tasker_step *step) {
    if (plan == SIM_GIVE_BACK) {
        return sim_between(s, 0, 2 * SIM_MS);
    }
    if (plan == SIM_HANG || plan == SIM_FORGET || plan == SIM_EXTEND) {
        return step->timeout_ms * 1000 + sim_between(s, 1, SIM_S);
    }
    switch (sim_below(s, 8)) {
    case 0:
        return 0;
    case 1:
    case 2:
    case 3:
        return sim_between(s, 0, 3 * SIM_MS);
    case 7:
        return sim_between(s, 0, 2500 * SIM_MS);
    default:
        return sim_between(s, 0, 200 * SIM_MS);
    }
}

/* What is returned is unlike anything returned before. */
static void write_text(sim *s, char text[SIM_TEXT_SIZE], const tasker_step *step, bool ok) {
    (void)snprintf(text, SIM_TEXT_SIZE,
                   ok ? "{\"x\":%u,\"s\":\"%s\",\"a\":%u}" : "failure %u of %s, %u",
                   ++s->text_count, step->step_name, step->attempt);
}

static uint32_t record_start(sim *s, sim_task *task, const tasker_step *step) {
    tk_uuid event;
    uint64_t token = 0;
    bool parsed =
        tk_uuid_parse(tk_str_of(step->event_id), &event) && tk_uuid_event_token(&event, &token);
    assert(parsed);
    (void)parsed;
    sim_start *start = sim_start_add(task);
    start->step = (uint16_t)step->step_index;
    start->attempt = (int32_t)step->attempt;
    start->token = (int64_t)token;
    start->began_us = s->now_us;
    return task->start_count - 1;
}

static void begin(sim *s, sim_worker *w, sim_run *run, tasker_step *step) {
    tk_uuid id;
    bool parsed = tk_uuid_parse(tk_str_of(step->task_id), &id);
    sim_task *task = parsed ? sim_task_of(s, &id) : NULL;
    if (task == NULL) {
        sim_broken(s, "known-task", NULL, "a step of task %s, that nobody submitted",
                   step->task_id);
    }
    sim_plan plan = choose_plan(s, step);
    *run = (sim_run){.worker = w,
                     .step = step,
                     .plan = plan,
                     .task = task,
                     .ends_us = s->now_us + choose_duration(s, plan, step),
                     .start = UINT32_MAX};
    sim_say(s, "    worker %u takes %s.%s attempt %u, plan %d until %" PRId64 ".%06" PRId64,
            w->index, step->task_id, step->step_name, step->attempt, plan, run->ends_us / SIM_S,
            run->ends_us % SIM_S);
    if (plan != SIM_GIVE_BACK) {
        sim_judge_start(s, task, step);
        run->start = record_start(s, task, step);
    }
}

void sim_handlers_take(sim *s, sim_worker *w) {
    uint32_t running = sim_handlers_running(s, w);
    for (uint32_t i = 0; i < SIM_RUNS_MAX && running < w->threads; i++) {
        tasker_step *step = NULL;
        if (s->runs[i].step != NULL) {
            continue;
        }
        if (tk_worker_next(w->worker, 0, &step, NULL) != TASKER_OK) {
            return;
        }
        begin(s, w, &s->runs[i], step);
        running++;
        s->moves++;
    }
}

/* --- the end --- */

static tasker_outcome success(char text[SIM_TEXT_SIZE]) {
    return (tasker_outcome){.ok = true, .result = tk_str_of(text), .retry_after_ms = -1};
}

static tasker_outcome failure(char text[SIM_TEXT_SIZE], bool retryable, int64_t retry_after_ms) {
    return (tasker_outcome){
        .retryable = retryable,
        .retry_after_ms = retry_after_ms,
        .error_message = tk_str_of(text),
        .error_class = TK_STR("SimulatedError"),
    };
}

static tasker_status complete(sim *s, sim_run *run, bool record) {
    char text[SIM_TEXT_SIZE];
    bool ok =
        run->plan != SIM_FAIL && run->plan != SIM_FAIL_AFTER && run->plan != SIM_FAIL_FOR_GOOD;
    write_text(s, text, run->step, ok);
    tasker_outcome outcome = success(text);
    if (run->plan == SIM_FAIL) {
        outcome = failure(text, true, -1);
    } else if (run->plan == SIM_FAIL_AFTER) {
        outcome = failure(text, true, sim_below(s, 800));
    } else if (run->plan == SIM_FAIL_FOR_GOOD) {
        outcome = failure(text, false, -1);
    }
    tasker_status status =
        tk_worker_complete(run->worker->worker, run->step->event_id, &outcome, NULL);
    sim_say(s, "    worker %u ends %s.%s attempt %u with %s %s: %s", run->worker->index,
            run->step->task_id, run->step->step_name, run->step->attempt,
            outcome.ok ? "result" : "error", text, tasker_status_name(status));
    if (status == TASKER_OK && record) {
        sim_start *start = &run->task->starts[run->start];
        start->returned = true;
        start->ok = outcome.ok;
        start->retry_after_ms = outcome.retry_after_ms;
        memcpy(start->text, text, sizeof(text));
    }
    return status;
}

/* An end that the worker had to accept, or to refuse with a reason. */
static void expect(sim *s, const sim_run *run, tasker_status status) {
    if (status != TASKER_OK && status != TASKER_LOST && status != TASKER_NOTFOUND) {
        sim_broken(s, "answers", &run->task->id, "the end of a step was answered with %s",
                   tasker_status_name(status));
    }
}

void sim_handler_end(sim *s, sim_run *run) {
    sim_worker *w = run->worker;
    tk_worker *worker = w->worker;
    const char *event = run->step->event_id;
    s->context = "a handler ends";
    switch (run->plan) {
    case SIM_EXTEND:
        run->plan = SIM_SUCCEED;
        if (tk_worker_extend(worker, event, 1 + sim_below(s, 500), NULL) == TASKER_OK) {
            run->ends_us = s->now_us + sim_between(s, 0, 600 * SIM_MS);
            return;
        }
        expect(s, run, complete(s, run, true));
        break;
    case SIM_GIVE_BACK:
        expect(s, run, tk_worker_release(worker, event, false, NULL));
        break;
    case SIM_GIVE_UP:
        expect(s, run, tk_worker_release(worker, event, true, NULL));
        break;
    case SIM_FORGET:
        tk_worker_finished(worker, event);
        expect(s, run, complete(s, run, true)); /* unknown by now, or not yet timed out */
        break;
    case SIM_SUCCEED_TWICE:
        expect(s, run, complete(s, run, true));
        if (complete(s, run, false) == TASKER_OK) {
            sim_broken(s, "ends-once", &run->task->id, "a second completion was taken in");
        }
        break;
    default:
        expect(s, run, complete(s, run, true));
        break;
    }
    tasker_step_free(run->step);
    run->step = NULL;
    s->moves++;
    if (w->state == SIM_UP && w->next_us > s->now_us) {
        w->next_us = s->now_us + (sim_percent(s, 70) ? 0 : sim_between(s, 0, 5 * SIM_MS));
    }
    if (w->state != SIM_PAUSED || w->handlers_run) {
        sim_handlers_take(s, w);
    }
}

void sim_handlers_overdue(sim *s, sim_worker *w) {
    char event[TASKER_UUID_SIZE];
    if (!sim_percent(s, 50) || tk_worker_overdue(w->worker, event, NULL) != TASKER_OK) {
        return;
    }
    for (uint32_t i = 0; i < SIM_RUNS_MAX; i++) {
        sim_run *run = &s->runs[i];
        if (run->step != NULL && run->worker == w && strcmp(run->step->event_id, event) == 0) {
            run->ends_us = s->now_us + sim_between(s, 0, 20 * SIM_MS);
            return;
        }
    }
    sim_broken(s, "overdue", NULL, "a step is called overdue that no handler runs");
}

void sim_handlers_drop(sim *s, sim_worker *w) {
    for (uint32_t i = 0; i < SIM_RUNS_MAX; i++) {
        if (s->runs[i].step != NULL && s->runs[i].worker == w) {
            tasker_step_free(s->runs[i].step);
            s->runs[i].step = NULL;
        }
    }
}
