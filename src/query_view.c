/*
 * query_view.c - loads one task's rows and arranges them by step.
 */
#include "query_view.h"

#include <stdlib.h>

tasker_status tk_view_heads(tk_engine *engine, tk_arena *arena, const tk_uuid *ids, uint32_t count,
                            tk_view *views, bool *found, tasker_error *error) {
    tk_task_row *tasks = tk_arena_array(arena, count, sizeof(*tasks));
    tk_state_row *states = tk_arena_array(arena, count, sizeof(*states));
    bool *state_found = tk_arena_array(arena, count, sizeof(*state_found));
    if (tasks == NULL || states == NULL || state_found == NULL) {
        return tk_nomem(error);
    }
    tk_store *store = engine->store;
    tasker_status status = tk_store_call(store, task_load, arena, ids, count, tasks, found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, state_load, arena, ids, count, states, state_found, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        views[i] = (tk_view){.task = tasks[i], .state = states[i]};
        views[i].task.id = ids[i];
        found[i] = found[i] && state_found[i];
    }
    return status;
}

tasker_status tk_view_request(tk_engine *engine, tk_arena *arena, unsigned parts, tk_view *view,
                              tasker_error *error) {
    tk_store *store = engine->store;
    const tk_uuid *id = &view->task.id;
    tasker_status status = TASKER_OK;
    if (parts & TK_VIEW_PLACES) {
        status =
            tk_store_call(store, place_list, arena, id, &view->places, &view->place_count, error);
    }
    if (status == TASKER_OK && (parts & TK_VIEW_ATTEMPTS)) {
        status = tk_store_call(store, attempt_list, arena, id, (parts & TK_VIEW_PAYLOADS) != 0,
                               &view->attempts, &view->attempt_count, error);
    }
    if (status == TASKER_OK && (parts & TK_VIEW_ACTS)) {
        status = tk_store_call(store, act_list, arena, id, &view->acts, &view->act_count, error);
    }
    return status;
}

/* --- by step --- */

/* Groups the attempts by step, each group in order of n. */
static bool group_attempts(tk_arena *arena, tk_view *view) {
    const tk_attempt_row **rows = tk_arena_array(arena, view->attempt_count, sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        if (view->attempts[i].step < view->step_count) {
            view->steps[view->attempts[i].step].attempt_count++;
        }
    }
    for (uint32_t i = 0; i < view->step_count; i++) {
        view->steps[i].attempts = rows;
        rows += view->steps[i].attempt_count;
        view->steps[i].attempt_count = 0;
    }
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *row = &view->attempts[i];
        if (row->step < view->step_count) {
            tk_view_step *step = &view->steps[row->step];
            step->attempts[step->attempt_count++] = row;
        }
    }
    return true;
}

static void read_acts(tk_view *view) {
    for (uint32_t i = 0; i < view->act_count; i++) {
        const tk_act_row *act = &view->acts[i];
        if (act->kind == TK_ACT_RETRIED && act->step >= 0 &&
            (uint32_t)act->step < view->step_count) {
            view->steps[act->step].base = act->attempt;
        }
    }
}

static void read_attempts(tk_view_step *step) {
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        const tk_attempt_row *row = step->attempts[i];
        step->claims += tk_attempt_claimed(row) && row->attempt > step->base;
        if (tk_attempt_satisfies(row)) {
            step->satisfying = row;
        } else if (tk_attempt_failed(row)) {
            step->failure = row;
        }
    }
    step->claims += step->place != NULL && step->place->place == TK_PLACE_LEASE;
}

static void count_step(tk_task_counts *counts, const tk_view_step *step, int64_t now_us) {
    bool later = step->place != NULL && step->place->place == TK_PLACE_LATER;
    counts->total++;
    switch (step->state) {
    case TK_STEP_STATE_PENDING:
    case TK_STEP_STATE_WAITING_FOR_RETRY:
        if (later && step->place->run_at_us <= now_us) {
            counts->ready++;
        } else if (step->state == TK_STEP_STATE_WAITING_FOR_RETRY) {
            counts->waiting_for_retry++;
        } else if (later) {
            counts->scheduled++;
        } else {
            counts->pending++;
        }
        break;
    case TK_STEP_STATE_ENQUEUED:
        counts->enqueued++;
        break;
    case TK_STEP_STATE_COMPLETE:
        counts->completed++;
        break;
    case TK_STEP_STATE_ERROR:
        counts->failed++;
        break;
    case TK_STEP_STATE_CANCELLED:
        counts->cancelled++;
        break;
    case TK_STEP_STATE_RESOLVED_MANUALLY:
        counts->resolved++;
        break;
    case TK_STEP_STATE_IN_PROGRESS:
    default: /* the two enqueued_* states are passed through within one transaction */
        counts->in_progress++;
        break;
    }
}

static void read_step(tk_view *view, uint32_t number) {
    tk_view_step *step = &view->steps[number];
    step->step = &view->known->template->steps[number];
    step->mark = number < view->progress.step_count ? tk_progress_mark(&view->progress, number)
                                                    : TK_MARK_ABSENT;
    read_attempts(step);
    tk_place place = step->place == NULL ? TK_PLACE_NONE : (tk_place)step->place->place;
    uint32_t attempts = step->place == NULL ? 0 : (uint32_t)step->place->attempts;
    step->state = tk_step_state_of(step->mark, place, attempts);
}

bool tk_view_arrange(tk_arena *arena, int64_t now_us, tk_view *view) {
    view->step_count = view->known->template->step_count;
    view->progress = tk_state_progress(&view->state);
    view->steps = tk_arena_array(arena, view->step_count, sizeof(*view->steps));
    if (view->steps == NULL || !group_attempts(arena, view)) {
        return false;
    }
    for (uint32_t i = 0; i < view->place_count; i++) {
        if (view->places[i].step < view->step_count) {
            view->steps[view->places[i].step].place = &view->places[i];
        }
    }
    read_acts(view);
    tk_task_counts stored = {0}; /* what is due but not yet moved still waits */
    view->counts = (tk_task_counts){0};
    for (uint32_t i = 0; i < view->step_count; i++) {
        read_step(view, i);
        if (view->steps[i].step->present) {
            count_step(&stored, &view->steps[i], INT64_MIN);
            count_step(&view->counts, &view->steps[i], now_us);
        }
    }
    view->word = tk_task_state_of(view->progress.state, &stored);
    view->execution = tk_execution_of(&view->counts);
    return true;
}

/* All rows in one journey: what is asked of them needs no template. */
static tasker_status load_rows(tk_engine *engine, tk_arena *arena, const tk_uuid *id,
                               unsigned parts, tk_view *view, bool *found, tasker_error *error) {
    tk_store *store = engine->store;
    bool state_found = false;
    *view = (tk_view){.task.id = *id};
    tasker_status status = tk_store_call(store, task_load, arena, id, 1, &view->task, found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, state_load, arena, id, 1, &view->state, &state_found, error);
    }
    if (status == TASKER_OK) {
        status = tk_view_request(engine, arena, parts, view, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    *found = *found && state_found;
    return status;
}

/* --- hidden members --- */

static bool hide(tk_arena *arena, const tk_redact *redact, tk_str *text) {
    tk_buf buf = {0};
    tk_redact_hide(redact, *text, &buf);
    bool kept = text->size == 0 || (!buf.failed && tk_arena_str(arena, tk_buf_view(&buf), text));
    tk_buf_release(&buf);
    return kept;
}

/* No reader gets to see what the template hides. */
static bool hide_all(tk_arena *arena, tk_view *view) {
    const tk_redact *redact = &view->known->template->redact;
    if (redact->count == 0) {
        return true;
    }
    bool kept = hide(arena, redact, &view->task.context);
    for (uint32_t i = 0; kept && i < view->attempt_count; i++) {
        kept = hide(arena, redact, &view->attempts[i].result) &&
               hide(arena, redact, &view->attempts[i].metadata);
    }
    return kept;
}

tasker_status tk_view_load(tk_engine *engine, tk_arena *arena, const tk_uuid *id, unsigned parts,
                           tk_view *view, tasker_error *error) {
    bool found = false;
    tasker_status status = load_rows(engine, arena, id, parts, view, &found, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (!found) {
        char text[TASKER_UUID_SIZE];
        tk_uuid_format(id, text);
        return tk_fail(error, TASKER_NOTFOUND, "there is no task %s", text);
    }
    status = tk_catalog_get(engine, view->task.template_id, &view->known, error);
    if (status == TASKER_OK &&
        (!hide_all(arena, view) || !tk_view_arrange(arena, tk_clock_now(engine->clock), view))) {
        status = tk_nomem(error);
    }
    return status;
}

/* --- order --- */

typedef struct ranked {
    uint32_t rank;
    uint16_t number;
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *left = a;
    const ranked *right = b;
    if (left->rank != right->rank) {
        return left->rank < right->rank ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

/* A parent has fewer ancestors than its child: in that order each level follows from known ones. */
static void rank_by_level(const tk_view *view, ranked *steps, uint32_t count, uint32_t *levels) {
    qsort(steps, count, sizeof(*steps), compare_ranked);
    for (uint32_t i = 0; i < count; i++) {
        tk_steps parents = view->known->template->steps[steps[i].number].parents;
        uint32_t level = 0;
        for (uint32_t k = 0; k < parents.count; k++) {
            uint32_t above = levels[parents.numbers[k]] + 1;
            level = above > level ? above : level;
        }
        levels[steps[i].number] = level;
        steps[i].rank = level;
    }
    qsort(steps, count, sizeof(*steps), compare_ranked);
}

bool tk_view_order(tk_arena *arena, const tk_view *view, const uint16_t **order, uint32_t *count) {
    ranked *steps = tk_arena_array(arena, view->step_count, sizeof(*steps));
    uint32_t *levels = tk_arena_array(arena, view->step_count, sizeof(*levels));
    uint16_t *numbers = tk_arena_array(arena, view->step_count, sizeof(*numbers));
    if (steps == NULL || levels == NULL || numbers == NULL) {
        return false;
    }
    uint32_t present = 0;
    for (uint32_t i = 0; i < view->step_count; i++) {
        if (view->steps[i].step->present) {
            steps[present].rank = view->steps[i].step->ancestors.count;
            steps[present++].number = (uint16_t)i;
        }
    }
    rank_by_level(view, steps, present, levels);
    for (uint32_t i = 0; i < present; i++) {
        numbers[i] = steps[i].number;
    }
    *order = numbers;
    *count = present;
    return true;
}
