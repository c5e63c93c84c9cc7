/*
 * cancel.c - ends a task before its time: by a cancel, or by giving it up (`task fail`).
 *
 * The task is locked first; then its rows of later, ready and lease are deleted in this order, so that
 * once the call has returned nobody can claim a step of it, and what a running handler returns is
 * refused by the fence.
 */
#include "engine.h"

typedef struct ending_kind {
    tk_task_mark mark;
    tk_act_kind act;
    const char *word;
} ending_kind;

/* Who ends which task, and how. */
typedef struct ending {
    const tk_uuid *task;
    const ending_kind *kind;
    const tasker_act *act;
} ending;

static tasker_status end_locked(tk_engine *engine, tk_arena *arena, const ending *e,
                                tasker_error *error) {
    const tk_uuid *task = e->task;
    const ending_kind *kind = e->kind;
    tk_state_row state = {0};
    tasker_status status = tk_verb_lock(engine, arena, task, &state, error);
    if (status != TASKER_OK || state.state == (int32_t)kind->mark) {
        return status; /* done before: the same answer */
    }
    if (state.state != TK_TASK_RUNNING && state.state != TK_TASK_BLOCKED) {
        return tk_fail(error, TASKER_CONFLICT,
                       "the task has ended (see `tasker task show`) and cannot be %s", kind->word);
    }
    const tk_known *known = NULL;
    int32_t class = 0;
    status = tk_verb_known(engine, arena, task, &known, &class, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_act_row row = tk_verb_act(engine, task, kind->act, TK_ACT_NO_STEP, e->act);
    status = tk_verb_date(engine, arena, &state, &row.acted_us, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, task_clear, task, row.acted_us, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_progress progress = tk_state_progress(&state);
    tk_progress_end(&progress, TK_MARK_CANCELLED);
    progress.state = kind->mark;
    return tk_verb_save(engine, known, &state, &progress, &row, error);
}

static tasker_status end_once(tk_engine *engine, void *verb, tasker_error *error) {
    tk_arena arena = {0};
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = end_locked(engine, &arena, verb, error);
    }
    status = tk_verb_finish(engine, status, error);
    tk_arena_release(&arena);
    return status;
}

tasker_status tk_task_cancel(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                             tasker_error *error) {
    static const ending_kind cancelled = {TK_TASK_CANCELLED, TK_ACT_CANCELLED, "cancelled"};
    ending e = {task, &cancelled, act};
    return tk_again(engine, end_once, &e, error);
}

tasker_status tk_task_fail(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                           tasker_error *error) {
    static const ending_kind failed = {TK_TASK_ERROR, TK_ACT_FAILED, "given up"};
    ending e = {task, &failed, act};
    return tk_again(engine, end_once, &e, error);
}
