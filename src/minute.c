/*
 * minute.c - adds up what happens within a minute; see minute.h.
 */
#include "minute.h"

#define FOLD_ROWS 2000 /* in one go */

/* --- slots ------------------------------------------------------------------------------------ */

static bool slot_is(const tk_minute_slot *slot, int64_t at_us, int32_t template_id, int32_t step) {
    return slot->step == step && slot->at_us == at_us && slot->template_id == template_id;
}

/* The newest first: work comes in runs. */
static tk_minute_slot *slot_of(tk_minutes *m, int64_t at_us, int32_t template_id, int32_t step) {
    uint32_t most = m->count_max > 0 ? m->count_max : TK_MINUTE_SLOTS_MAX;
    for (uint32_t i = m->count; i > 0; i--) {
        if (slot_is(&m->slots[i - 1], at_us, template_id, step)) {
            return &m->slots[i - 1];
        }
    }
    if (m->count == most) {
        return NULL;
    }
    if (m->count == m->room) {
        uint32_t room = m->room == 0 ? 16 : 2 * m->room;
        tk_minute_slot *slots = tk_resize_array(m->slots, room, sizeof(*slots));
        if (slots == NULL) {
            return NULL;
        }
        m->slots = slots;
        m->room = room;
    }
    tk_minute_slot *slot = &m->slots[m->count++];
    *slot = (tk_minute_slot){.at_us = at_us, .template_id = template_id, .step = step};
    return slot;
}

static int64_t floor_to(int64_t time_us, int64_t span_us) {
    return time_us - time_us % span_us;
}

void tk_minutes_step(tk_minutes *m, int32_t template_id, const tk_lease_row *lease, bool ok,
                     int64_t finished_us) {
    tk_minute_slot *slot =
        slot_of(m, floor_to(finished_us, TK_MINUTE_US), template_id, lease->step);
    if (slot != NULL) {
        slot->done += ok;
        slot->failed += !ok;
        tk_histogram_add(&slot->times[0], finished_us - lease->claimed_us);
        tk_histogram_add(&slot->times[1], lease->claimed_us - lease->enqueued_us);
    }
}

void tk_minutes_lost(tk_minutes *m, int32_t template_id, const tk_lease_row *lease,
                     int64_t finished_us) {
    tk_minute_slot *slot =
        slot_of(m, floor_to(finished_us, TK_MINUTE_US), template_id, lease->step);
    if (slot != NULL) {
        slot->failed++;
    }
}

void tk_minutes_task(tk_minutes *m, int32_t template_id, const tk_uuid *task, int64_t ended_us) {
    tk_minute_slot *slot =
        slot_of(m, floor_to(ended_us, TK_MINUTE_US), template_id, TK_ACT_NO_STEP);
    if (slot != NULL) { /* the count of tasks goes with the move of their state */
        tk_histogram_add(&slot->times[0], ended_us - tk_uuid_time_us(task));
    }
}

void tk_minutes_release(tk_minutes *m) {
    tk_free(m->slots);
    *m = (tk_minutes){.count_max = m->count_max};
}

bool tk_minutes_merge(tk_minutes *m, const tk_minute_row *row, int64_t at_us) {
    tk_histogram times[2] = {{{0}}, {{0}}};
    tk_str bytes = row->times;
    bool sound = tk_histogram_read(&bytes, &times[0]) && tk_histogram_read(&bytes, &times[1]);
    tk_minute_slot *slot = slot_of(m, at_us, row->template_id, row->step);
    if (slot == NULL) {
        return false;
    }
    slot->started += row->started;
    slot->done += row->done;
    slot->failed += row->failed;
    for (size_t i = 0; sound && i < TK_COUNT_OF(times); i++) {
        tk_histogram_merge(&slot->times[i], &times[i]);
    }
    return true;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void times_write(const tk_minute_slot *slot, tk_buf *buf) {
    tk_histogram_write(&slot->times[0], buf);
    if (slot->step != TK_ACT_NO_STEP) {
        tk_histogram_write(&slot->times[1], buf);
    }
}

/* Within the open transaction. */
static tasker_status rows_add(tk_engine *engine, const tk_minutes *m, int32_t span,
                              tasker_error *error) {
    tk_arena arena = {0};
    tk_buf buf = {0};
    tk_minute_row *rows = tk_arena_array(&arena, m->count, sizeof(*rows));
    if (rows == NULL) {
        return tk_nomem(error);
    }
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < m->count; i++) {
        const tk_minute_slot *slot = &m->slots[i];
        rows[i] = (tk_minute_row){slot->at_us,   slot->template_id, slot->step,   span,
                                  slot->started, slot->done,        slot->failed, {NULL, 0}};
        tk_buf_truncate(&buf, 0);
        times_write(slot, &buf);
        if (buf.failed || !tk_arena_str(&arena, tk_buf_view(&buf), &rows[i].times)) {
            status = tk_nomem(error);
        }
    }
    if (status == TASKER_OK && m->count > 0) {
        status = tk_store_call(engine->store, minute_add, rows, m->count, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    tk_buf_release(&buf);
    tk_arena_release(&arena);
    return status;
}

static tasker_status finish(tk_engine *engine, tasker_status status, tasker_error *error) {
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, commit, error);
    }
    if (status != TASKER_OK) {
        engine->store->driver->rollback(engine->store);
    }
    return status;
}

tasker_status tk_minutes_save(tk_engine *engine, tk_minutes *m, tasker_error *error) {
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = rows_add(engine, m, 0, error);
    }
    m->count = 0;
    return finish(engine, status, error);
}

/* --- folding ---------------------------------------------------------------------------------- */

/* Takes rows of `span` from before a time and puts one for each slot of `into` (0: none) in their
 * place. */
static tasker_status fold(tk_engine *engine, int32_t span, int32_t into, int64_t before_us,
                          tasker_error *error) {
    tk_arena arena = {0};
    tk_minutes m = {.count_max = FOLD_ROWS};
    tk_minute_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status = tk_store_call(engine->store, minute_take, &arena, span, before_us,
                                         FOLD_ROWS, &rows, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && into != 0 && i < count; i++) {
        int64_t at_us = floor_to(rows[i].at_us, into * TK_MINUTE_US);
        status = tk_minutes_merge(&m, &rows[i], at_us) ? TASKER_OK : tk_nomem(error);
    }
    if (status == TASKER_OK && into != 0) {
        status = rows_add(engine, &m, into, error);
    }
    tk_minutes_release(&m);
    tk_arena_release(&arena);
    return status;
}

tasker_status tk_minutes_fold(tk_engine *engine, tasker_error *error) {
    int64_t now_us = tk_clock_now(engine->clock);
    int64_t hour_us = floor_to(now_us - TK_MINUTES_KEPT_US, TK_HOUR_US);
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = fold(engine, 0, 1, floor_to(now_us, TK_MINUTE_US) - TK_MINUTE_US, error);
    }
    if (status == TASKER_OK) {
        status = fold(engine, 1, 60, hour_us, error);
    }
    if (status == TASKER_OK) {
        status = fold(engine, 60, 0, now_us - TK_HOURS_KEPT_US, error);
    }
    return finish(engine, status, error);
}
