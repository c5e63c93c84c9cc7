/*
 * advance.c - the short way of complete.c: successes in chains, saved without asking first.
 *
 *   turn.c ──► [advance.c] ──► store: advance ─┬─► all as expected: recorded, the next steps are free
 *                                             └─► CONFLICT: nothing happened; complete.c asks, decides
 *
 * In a chain one step is live, those before it are satisfied and those behind it wait for one parent:
 * whoever holds the live one knows how the task has to read. The store compares, as somebody may have
 * resolved a step by hand, or bypassed it from the start, and refuses what is otherwise.
 */
#include <stdlib.h>

#include "engine.h"

static bool fits(const tk_engine *engine, const tk_ending *endings, uint32_t count) {
    bool fit = engine->store->driver->advances && count > 0;
    for (uint32_t i = 0; fit && i < count; i++) {
        fit = endings[i].kind == TK_OUTCOME_OK && endings[i].known->chain &&
              tk_template_has(endings[i].known->template, endings[i].lease.step);
    }
    return fit;
}

static int compare_tasks(const void *a, const void *b) {
    const tk_ending *x = *(tk_ending *const *)a;
    const tk_ending *y = *(tk_ending *const *)b;
    return tk_uuid_compare(&x->lease.task_id, &y->lease.task_id);
}

/* The endings by task; false: two are of the same one. */
static bool sort(tk_ending *endings, uint32_t count, tk_ending **sorted) {
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &endings[i];
    }
    qsort(sorted, count, sizeof(*sorted), compare_tasks);
    for (uint32_t i = 1; i < count; i++) {
        if (tk_uuid_equal(&sorted[i - 1]->lease.task_id, &sorted[i]->lease.task_id)) {
            return false;
        }
    }
    return true;
}

static tk_advance_row row_of(const tk_ending *ending, int64_t now_us) {
    const tk_lease_row *lease = &ending->lease;
    const tk_template *template = ending->known->template;
    const tk_template_step *step = &template->steps[lease->step];
    return (tk_advance_row){
        .task_id = lease->task_id,
        .step = lease->step,
        .token = lease->token,
        .finished_us = now_us > lease->claimed_us ? now_us : lease->claimed_us,
        .result = ending->result,
        .metadata = ending->metadata,
        .open_steps = (int32_t)(template->step_count - step->ancestors.count),
        .next = step->children.count > 0 ? step->children.numbers[0] : TK_ADVANCE_LAST,
    };
}

static void move(tk_moved *moved, tk_ending *ending, const tk_advance_row *row) {
    ending->accepted = true;
    ending->finished_us = row->finished_us;
    if (row->next == TK_ADVANCE_LAST) {
        moved->tasks_rested++;
        moved->completed[moved->completed_count++] =
            (tk_completed){row->task_id, ending->known->id, row->finished_us};
        return;
    }
    uint32_t at = moved->ready_count++;
    moved->ready[at] = tk_ready_of(ending->known, &row->task_id, (uint32_t)row->next, ending->class,
                                   0, row->finished_us);
    moved->ready_known[at] = ending->known;
    moved->ready_by[at] = ending;
}

static tasker_status save(tk_engine *engine, tk_arena *arena, tk_ending **sorted, uint32_t count,
                          int64_t now_us, tk_moved *moved, tasker_error *error) {
    tk_advance_row *rows = tk_arena_array(arena, count, sizeof(*rows));
    tk_count_row *counts = tk_arena_array(arena, count, sizeof(*counts));
    moved->ready = tk_arena_array(arena, count, sizeof(*moved->ready));
    moved->ready_known = tk_arena_array(arena, count, sizeof(*moved->ready_known));
    moved->ready_by = tk_arena_array(arena, count, sizeof(*moved->ready_by));
    moved->completed = tk_arena_array(arena, count, sizeof(*moved->completed));
    if (rows == NULL || counts == NULL || moved->ready == NULL || moved->ready_known == NULL ||
        moved->ready_by == NULL || moved->completed == NULL) {
        return tk_nomem(error);
    }
    tk_advance_bytes bytes;
    tk_progress_step(bytes.ended[0], TK_MARK_LIVE, 0);
    tk_progress_step(bytes.ended[1], TK_MARK_COMPLETE, 0);
    tk_progress_step(bytes.freed[0], TK_MARK_PENDING, 1);
    tk_progress_step(bytes.freed[1], TK_MARK_LIVE, 0);
    uint32_t counted = 0;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = row_of(sorted[i], now_us);
        move(moved, sorted[i], &rows[i]);
        if (rows[i].next == TK_ADVANCE_LAST) {
            counts[counted++] = (tk_count_row){sorted[i]->known->id, TK_TASK_RUNNING,
                                               TK_TASK_COMPLETE, 1, rows[i].finished_us};
        }
    }
    tasker_status status = tk_store_call(engine->store, advance, rows, count, &bytes, error);
    return status == TASKER_OK && counted > 0
               ? tk_store_call(engine->store, count_add, counts, counted, error)
               : status;
}

tasker_status tk_advance(tk_engine *engine, tk_arena *arena, tk_ending *endings, uint32_t count,
                         int64_t now_us, tk_moved *moved, bool *sent, tasker_error *error) {
    *sent = false;
    if (!fits(engine, endings, count)) {
        return TASKER_OK;
    }
    tk_ending **sorted = tk_arena_array(arena, count, sizeof(tk_ending *));
    if (sorted == NULL) {
        return tk_nomem(error);
    }
    if (!sort(endings, count, sorted)) {
        return TASKER_OK;
    }
    *sent = true;
    *moved = (tk_moved){.ready_count = 0};
    return save(engine, arena, sorted, count, now_us, moved, error);
}
