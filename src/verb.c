/*
 * verb.c - the small things that several verbs share.
 */
#include "engine.h"

#include <stdlib.h>

tk_progress tk_state_progress(const tk_state_row *row) {
    return (tk_progress){
        .state = (tk_task_mark)row->state,
        .open_steps = row->open_steps,
        .failed_steps = row->failed_steps,
        .bytes = row->progress,
        .step_count = row->progress_bytes / TK_PROGRESS_STEP_BYTES,
    };
}

void tk_state_apply(tk_state_row *row, const tk_progress *progress, int64_t now_us) {
    row->state = (int32_t)progress->state;
    row->open_steps = progress->open_steps;
    row->failed_steps = progress->failed_steps;
    if (now_us > row->updated_us) { /* written times never run backwards */
        row->updated_us = now_us;
    }
}

tk_ready_row tk_ready_of(const tk_known *known, const tk_uuid *task, uint32_t step, int32_t class,
                         int32_t attempts, int64_t enqueued_us) {
    assert(step < known->template->step_count);
    return (tk_ready_row){
        .task_id = *task,
        .step = (uint16_t)step,
        .deps = known->template->steps[step].parents.count > 0,
        .queue = known->queue,
        .handler = known->handlers[step],
        .class = class,
        .attempts = attempts,
        .enqueued_us = enqueued_us,
    };
}

static int compare_ids(const void *a, const void *b) {
    return tk_uuid_compare(a, b);
}

uint32_t tk_ids_sort(tk_uuid *ids, uint32_t count) {
    qsort(ids, count, sizeof(*ids), compare_ids);
    uint32_t unique = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (unique == 0 || !tk_uuid_equal(&ids[unique - 1], &ids[i])) {
            ids[unique++] = ids[i];
        }
    }
    return unique;
}

uint32_t tk_ids_find(const tk_uuid *ids, uint32_t count, const tk_uuid *id) {
    const tk_uuid *at = bsearch(id, ids, count, sizeof(*ids), compare_ids);
    assert(at != NULL);
    return (uint32_t)(at - ids);
}

bool tk_task_mark_resting(int32_t mark) {
    return mark != TK_TASK_RUNNING;
}

static void write_cut(tk_buf *buf, const char *name, tk_str text, size_t bytes_max) {
    if (text.data == NULL) {
        tk_json_write_member_null(buf, name);
        return;
    }
    bool cut = text.size > bytes_max;
    tk_json_write_member_string(buf, name, (tk_str){text.data, cut ? bytes_max : text.size});
    if (cut && !buf->failed) { /* the note stands inside the quotes */
        tk_buf_truncate(buf, buf->size - 1);
        tk_buf_printf(buf, " ... [cut, %zu bytes in all]\"", text.size);
    }
}

void tk_error_json(tk_buf *buf, tk_str message, tk_str type, tk_str code, tk_str backtrace,
                   bool retryable) {
    /* An escaped byte may take six: shares of the limit that hold in the worst case. */
    size_t share = TASKER_ERROR_BYTES_MAX / 24;
    tk_buf_char(buf, '{');
    write_cut(buf, "message", message.data == NULL ? TK_STR("") : message, share);
    write_cut(buf, "error_type", type, TASKER_NAME_BYTES_MAX);
    write_cut(buf, "error_code", code, TASKER_NAME_BYTES_MAX);
    write_cut(buf, "backtrace", backtrace, 2 * share);
    tk_json_write_member_bool(buf, "retryable", retryable);
    tk_buf_char(buf, '}');
}

tasker_status tk_verb_missing(const tk_uuid *task, tasker_error *error) {
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(task, text);
    return tk_fail(error, TASKER_NOTFOUND, "there is no task %s", text);
}

tasker_status tk_verb_lock(tk_engine *engine, tk_arena *arena, const tk_uuid *task,
                           tk_state_row *state, tasker_error *error) {
    bool found = false;
    tasker_status status =
        tk_store_call(engine->store, state_lock, arena, task, 1, state, &found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    return status == TASKER_OK && !found ? tk_verb_missing(task, error) : status;
}

tasker_status tk_verb_sound(const tk_uuid *task, const tk_progress *progress,
                            const tk_template *template, int32_t step, tasker_error *error) {
    if (tk_progress_fits(progress, template) &&
        (step == TK_ACT_NO_STEP || tk_progress_open_to(progress, template, (uint32_t)step))) {
        return TASKER_OK;
    }
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(task, text);
    return tk_fail(error, TASKER_CONFLICT,
                   "what is stored of task %s contradicts itself: run `tasker store check`", text);
}

tasker_status tk_verb_date(tk_engine *engine, tk_arena *arena, const tk_state_row *state,
                           int64_t *date_us, tasker_error *error) {
    tk_place_row *places = NULL;
    uint32_t count = 0;
    tasker_status status =
        tk_store_call(engine->store, place_list, arena, &state->task_id, &places, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    int64_t now_us = tk_clock_now(engine->clock);
    *date_us = now_us > state->updated_us ? now_us : state->updated_us;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        *date_us = places[i].claimed_us > *date_us ? places[i].claimed_us : *date_us;
    }
    return status;
}

tasker_status tk_verb_save(tk_engine *engine, const tk_known *known, tk_state_row *state,
                           const tk_progress *progress, tk_act_row *row, tasker_error *error) {
    int32_t before = state->state;
    tk_state_apply(state, progress, row->acted_us);
    row->acted_us = state->updated_us;
    tk_store *store = engine->store;
    tasker_status status = tk_store_call(store, state_update, state, 1, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, act_insert, row, 1, error);
    }
    if (status == TASKER_OK && state->state == TK_TASK_BLOCKED && before != TK_TASK_BLOCKED) {
        tk_act_row blocked = {.task_id = state->task_id,
                              .acted_us = state->updated_us,
                              .kind = TK_ACT_BLOCKED,
                              .step = TK_ACT_NO_STEP};
        status = tk_store_call(store, act_insert, &blocked, 1, error);
    }
    if (status == TASKER_OK && before != state->state) {
        tk_count_row count = {known->id, before, state->state, 1, state->updated_us};
        status = tk_store_call(store, count_add, &count, 1, error);
    }
    return status;
}

tasker_status tk_verb_known(tk_engine *engine, tk_arena *arena, const tk_uuid *task,
                            const tk_known **known, int32_t *class, tasker_error *error) {
    tk_task_row row = {0};
    bool found = false;
    tasker_status status =
        tk_store_call(engine->store, task_load, arena, task, 1, &row, &found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status == TASKER_OK && !found) {
        status = tk_verb_missing(task, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    *class = row.priority;
    return tk_catalog_get(engine, row.template_id, known, error);
}

tk_act_row tk_verb_act(tk_engine *engine, const tk_uuid *task, tk_act_kind kind, int32_t step,
                       const tasker_act *act) {
    return (tk_act_row){
        .task_id = *task,
        .acted_us = tk_clock_now(engine->clock),
        .kind = (int32_t)kind,
        .step = step,
        .actor = tk_str_of(act == NULL ? NULL : act->actor),
        .reason = tk_str_of(act == NULL ? NULL : act->reason),
    };
}

tasker_status tk_verb_finish(tk_engine *engine, tasker_status status, tasker_error *error) {
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, commit, error);
    }
    if (status != TASKER_OK) {
        engine->store->driver->rollback(engine->store);
        return status;
    }
    tk_signal_raise(engine->signal);
    return TASKER_OK;
}
