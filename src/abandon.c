/*
 * abandon.c - ends a claim that what is stored beside it does not let end as it should.
 *
 *   turn.c "this outcome is refused each time" ──┐
 *   sweep.c, reconcile.c "so is this lease" ─────┴─► [abandon.c] ─► lost, under a number of its own
 *                                                              └─► or only gone, for an operator
 *
 * A row that should not be there (an attempt of the same number, a second place of the step) refuses an
 * ending each time that it is tried. The first way out ends the claim as `lost` under a number above all
 * others; where that is refused too, the lease is taken away and the step rests as it is. Either way the
 * claim is over, and `tasker store check` names the row that stood in the way.
 */
#include "engine.h"
#include "state.h"

/* Is the claim there at all? Somebody may have ended it meanwhile. */
static tasker_status look_for(tk_engine *engine, tk_arena *arena, const tk_lease_row *lease,
                              bool *there, tasker_error *error) {
    tk_place_row *places = NULL;
    uint32_t count = 0;
    tasker_status status =
        tk_store_call(engine->store, place_list, arena, &lease->task_id, &places, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    *there = false;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        *there = *there || (places[i].step == lease->step && places[i].place == TK_PLACE_LEASE);
    }
    return status;
}

static tasker_status clear_queue(tk_store *store, const tk_step_key *key, tasker_error *error) {
    tk_ready_row row = {.step = 0};
    bool deleted = false;
    tasker_status status = tk_store_call(store, later_delete, key, 1, &row, &deleted, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, ready_delete, key, 1, &row, &deleted, error);
    }
    return status == TASKER_OK ? tk_store_call(store, sync, error) : status;
}

/* Takes the claim away, and every other place of the step, which should have none. */
static tasker_status take_away(tk_engine *engine, tk_arena *arena, const tk_lease_row *lease,
                               bool *taken, tasker_error *error) {
    tk_store *store = engine->store;
    tk_step_key key = {lease->task_id, lease->step};
    tk_ready_row ready = {.task_id = lease->task_id, .step = lease->step};
    *taken = false;
    bool there = false;
    tasker_status status = look_for(engine, arena, lease, &there, error);
    if (status != TASKER_OK || !there) {
        return status;
    }
    status = clear_queue(store, &key, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, lease_return, lease, &ready, 1, taken, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    return status == TASKER_OK && *taken ? clear_queue(store, &key, error) : status;
}

/* The same claim under a number that no row has. */
static tasker_status renumber(tk_engine *engine, tk_lease_row *lease, tasker_error *error) {
    tk_step_key key = {lease->task_id, lease->step};
    int32_t last = 0;
    tasker_status status = tk_store_call(engine->store, attempt_last, &key, 1, &last, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    last = last > lease->attempt ? last : lease->attempt;
    if (last == INT32_MAX) {
        return tk_fail(error, TASKER_CONFLICT, "the step has no attempt's number left");
    }
    lease->attempt = tk_attempt_next(last);
    return tk_store_call(engine->store, lease_insert, lease, 1, error);
}

static tasker_status end_as_lost(tk_engine *engine, tk_arena *arena, tk_lease_row lease,
                                 tasker_error *error) {
    tk_ending ending = {
        .kind = TK_OUTCOME_LOST,
        .failure = {.retryable = true, .lost = true, .retry_after_ms = -1},
        .error = TK_ERROR_TEXT("what is stored of this step did not let the attempt end",
                               "OutcomeRefused"),
    };
    tk_moved moved = {0};
    tasker_status status =
        tk_verb_known(engine, arena, &lease.task_id, &ending.known, &ending.class, error);
    if (status == TASKER_OK) {
        status = renumber(engine, &lease, error);
    }
    if (status == TASKER_OK) {
        ending.lease = lease;
        status = tk_complete(engine, arena, &ending, 1, tk_clock_now(engine->clock), &moved, error);
    }
    if (status == TASKER_OK && moved.ready_count > 0) {
        status = tk_store_call(engine->store, ready_insert, moved.ready, moved.ready_count, error);
    }
    return status;
}

tasker_status tk_lease_abandon(tk_engine *engine, tk_arena *arena, const tk_lease_row *lease,
                               bool only_gone, tasker_error *error) {
    tk_state_row state = {0};
    bool found = false;
    bool taken = false;
    tasker_status status =
        tk_store_call(engine->store, state_lock, arena, &lease->task_id, 1, &state, &found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status == TASKER_OK) {
        status = take_away(engine, arena, lease, &taken, error);
    }
    if (status == TASKER_OK && taken && !only_gone) {
        status = end_as_lost(engine, arena, *lease, error);
    }
    return status;
}

static tasker_status abandon_once(tk_engine *engine, const tk_lease_row *lease, bool only_gone,
                                  tasker_error *error) {
    tk_arena arena = {0};
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_lease_abandon(engine, &arena, lease, only_gone, error);
    }
    status = tk_verb_finish(engine, status, error);
    tk_arena_release(&arena);
    return status;
}

tasker_status tk_lease_give_up(tk_engine *engine, const tk_lease_row *lease, const char *why,
                               tasker_error *error) {
    bool gone = false;
    tasker_status status = abandon_once(engine, lease, false, error);
    if (tk_status_refused(status)) {
        gone = true;
        status = abandon_once(engine, lease, true, error);
    }
    if (status == TASKER_OK) {
        tk_lease_log(engine, lease, gone, why);
    }
    return status;
}

void tk_lease_log(const tk_engine *engine, const tk_lease_row *lease, bool gone, const char *why) {
    char text[TASKER_UUID_SIZE];
    tk_uuid id =
        lease->step < UINT16_MAX ? tk_uuid_step(&lease->task_id, lease->step) : lease->task_id;
    tk_uuid_format(&id, text);
    tk_log_line(engine->log, TASKER_LOG_ERROR,
                "attempt %" PRId32 " of step %s cannot be ended (%s): %s; run `tasker store check`",
                lease->attempt, text, why,
                gone ? "its claim is taken away, and the step rests until an operator acts"
                     : "it is recorded as lost, under a number of its own");
}
