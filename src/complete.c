/*
 * complete.c - takes the endings of claimed steps and moves their tasks on.
 *
 *   turn.c  --handlers' outcomes--┐
 *   sweep.c --lost--------------- ┴─► [complete.c] ─► attempt rows, task states
 *                                          └─► moved: children freed, steps tried again at once
 *
 *  1. lock the tasks, sorted            2. finish: the fence, then the ledger's row
 *  3. read what a failure needs         4. decide, task by task, with the model
 *  5. write states, acts, counts        6. write retries that wait
 *
 * 1 to 3 ask without waiting for answers (tk_complete_ask), so that they are one journey to the store.
 *
 * One transaction, the caller's: either the results are stored and the children are free, or neither.
 * An ending whose lease is not current changes nothing and is told so.
 */
#include "engine.h"

/* One task of the batch. */
typedef struct touched {
    tk_progress progress;
    int32_t mark_before;
    const tk_known *known;
    int32_t class;
    bool changed;
} touched;

typedef struct tk_completion {
    tk_engine *engine;
    tk_arena *arena;
    tk_ending *endings;
    uint32_t count;
    int64_t now_us;
    tk_moved *moved;

    tk_uuid *ids; /* of the tasks, sorted, each once */
    tk_state_row *states;
    touched *tasks;
    uint32_t task_count;
    tk_attempt_row *attempts; /* by ending */
    bool *accepted;
    int32_t *bases;
    int64_t *dates_us;  /* by task */
    bool *found;        /* by task */
    tk_step_key *again; /* the endings that are no successes, their bases behind */
    int32_t *again_bases;
    uint32_t again_count;

    tk_ready_row *later;
    uint32_t later_count;
    uint16_t *freed;
} batch;

static uint32_t task_index(const batch *b, const tk_uuid *id) {
    return tk_ids_find(b->ids, b->task_count, id);
}

/* What comes from a store is not taken for granted. */
static tasker_status check_steps(const batch *b, tasker_error *error) {
    for (uint32_t i = 0; i < b->count; i++) {
        const tk_lease_row *lease = &b->endings[i].lease;
        if (!tk_template_has(b->endings[i].known->template, lease->step)) {
            char text[TASKER_UUID_SIZE];
            tk_uuid_format(&lease->task_id, text);
            return tk_fail(error, TASKER_CONFLICT,
                           "a claim names step number %u of task %s, which its template does not "
                           "have: run `tasker store check`",
                           lease->step, text);
        }
    }
    return TASKER_OK;
}

static bool batch_reserve(batch *b) {
    uint32_t n = b->count;
    b->ids = tk_arena_array(b->arena, n, sizeof(*b->ids));
    b->states = tk_arena_array(b->arena, n, sizeof(*b->states));
    b->tasks = tk_arena_array(b->arena, n, sizeof(*b->tasks));
    b->attempts = tk_arena_array(b->arena, n, sizeof(*b->attempts));
    b->accepted = tk_arena_array(b->arena, n, sizeof(*b->accepted));
    b->bases = tk_arena_array(b->arena, n, sizeof(*b->bases));
    b->dates_us = tk_arena_array(b->arena, n, sizeof(*b->dates_us));
    b->found = tk_arena_array(b->arena, n, sizeof(*b->found));
    b->again = tk_arena_array(b->arena, n, sizeof(*b->again));
    b->again_bases = tk_arena_array(b->arena, n, sizeof(*b->again_bases));
    b->later = tk_arena_array(b->arena, n, sizeof(*b->later));
    uint32_t steps_max = 0;
    uint32_t moved_max = n;
    for (uint32_t i = 0; i < n; i++) {
        const tk_template *template = b->endings[i].known->template;
        steps_max = template->step_count > steps_max ? template->step_count : steps_max;
        moved_max += template->steps[b->endings[i].lease.step].children.count;
    }
    b->freed = tk_arena_array(b->arena, steps_max, sizeof(*b->freed));
    b->moved->ready = tk_arena_array(b->arena, moved_max, sizeof(*b->moved->ready));
    b->moved->ready_known = tk_arena_array(b->arena, moved_max, sizeof(*b->moved->ready_known));
    b->moved->ready_by = tk_arena_array(b->arena, moved_max, sizeof(*b->moved->ready_by));
    return b->ids != NULL && b->states != NULL && b->tasks != NULL && b->attempts != NULL &&
           b->accepted != NULL && b->bases != NULL && b->dates_us != NULL && b->later != NULL &&
           b->found != NULL && b->again != NULL && b->again_bases != NULL && b->freed != NULL &&
           b->moved->ready != NULL && b->moved->ready_known != NULL && b->moved->ready_by != NULL;
}

/* What is written of a task is dated no earlier than what was written before, by whatever clock: its
 * claims here; its state in `finish`. */
static void date_endings(batch *b) {
    for (uint32_t i = 0; i < b->task_count; i++) {
        b->dates_us[i] = b->now_us;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        const tk_lease_row *lease = &b->endings[i].lease;
        int64_t *date_us = &b->dates_us[task_index(b, &lease->task_id)];
        *date_us = lease->claimed_us > *date_us ? lease->claimed_us : *date_us;
    }
}

/* Step 1 and 2. */
static tasker_status lock_and_finish(batch *b, tasker_error *error) {
    for (uint32_t i = 0; i < b->count; i++) {
        b->ids[i] = b->endings[i].lease.task_id;
    }
    b->task_count = tk_ids_sort(b->ids, b->count);
    tk_store *store = b->engine->store;
    tasker_status status = tk_store_call(store, state_lock, b->arena, b->ids, b->task_count,
                                         b->states, b->found, error);
    if (status != TASKER_OK) {
        return status;
    }
    date_endings(b);
    for (uint32_t i = 0; i < b->count; i++) {
        const tk_ending *ending = &b->endings[i];
        uint32_t task = task_index(b, &ending->lease.task_id);
        b->attempts[i] = (tk_attempt_row){
            .task_id = ending->lease.task_id,
            .step = ending->lease.step,
            .token = ending->lease.token,
            .outcome = ending->kind,
            .finished_us = b->dates_us[task],
            .state = TK_MUTANT(20) ? NULL : &b->states[task], /* 20: the clock is believed */
            .result = ending->result,
            .error = ending->error,
            .metadata = ending->metadata,
        };
    }
    return tk_store_call(store, finish, b->attempts, b->count, b->accepted, error);
}

/* Step 3: from which number the attempts of the failed steps count. */
static tasker_status ask_bases(batch *b, tasker_error *error) {
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->endings[i].kind != TK_OUTCOME_OK) {
            b->again[b->again_count++] = (tk_step_key){b->attempts[i].task_id, b->attempts[i].step};
        }
    }
    return b->again_count == 0 ? TASKER_OK
                               : tk_store_call(b->engine->store, attempt_bases, b->again,
                                               b->again_count, b->again_bases, error);
}

/* The answers of steps 1 to 3. */
static tasker_status read_answers(batch *b, tasker_error *error) {
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < b->task_count; i++) {
        status = b->found[i] ? TASKER_OK : tk_verb_missing(&b->ids[i], error);
    }
    for (uint32_t i = 0, k = 0; i < b->count; i++) {
        if (b->endings[i].kind != TK_OUTCOME_OK) {
            b->bases[i] = b->again_bases[k++];
        }
    }
    return status;
}

static void add_ready(batch *b, uint32_t ending, uint32_t step, int32_t attempts, int64_t at_us) {
    tk_ending *by = &b->endings[ending];
    tk_moved *moved = b->moved;
    moved->ready[moved->ready_count] =
        tk_ready_of(by->known, &by->lease.task_id, step, by->class, attempts, at_us);
    moved->ready_known[moved->ready_count] = by->known;
    moved->ready_by[moved->ready_count] = by;
    moved->ready_count++;
}

static void decide_success(batch *b, uint32_t i, touched *task) {
    tk_freed freed = {.numbers = b->freed, .count = 0};
    tk_progress_satisfy(&task->progress, task->known->template, b->attempts[i].step,
                        TK_MARK_COMPLETE, &freed);
    for (uint32_t k = 0; k < freed.count; k++) {
        add_ready(b, i, freed.numbers[k], 0, 0);
    }
}

static void decide_failure(batch *b, uint32_t i, touched *task) {
    const tk_ending *ending = &b->endings[i];
    const tk_attempt_row *attempt = &b->attempts[i];
    const tk_template_step *step = &task->known->template->steps[attempt->step];
    uint32_t claims = (uint32_t)(attempt->attempt - b->bases[i]);
    if (TK_MUTANT(4) && ending->failure.lost && claims > 1) {
        claims--; /* attempts are counted when they end: one whose worker died is none */
    }
    int64_t delay_ms =
        tk_retry_delay(&step->retry, &ending->failure, claims, tk_random_next(b->engine->random));
    if (delay_ms < 0) {
        tk_progress_fail(&task->progress, attempt->step);
    } else if (delay_ms == 0 || TK_MUTANT(22)) {                /* 22: a retry does not wait */
        bool forgotten = TK_MUTANT(14) && ending->failure.lost; /* a lost attempt is none */
        add_ready(b, i, attempt->step, attempt->attempt - forgotten, 0);
    } else {
        tk_ready_row row = tk_ready_of(task->known, &attempt->task_id, attempt->step, task->class,
                                       attempt->attempt, b->now_us);
        row.run_at_us = attempt->finished_us + delay_ms * 1000;
        b->later[b->later_count++] = row;
        if (b->moved->next_due_us == 0 || row.run_at_us < b->moved->next_due_us) {
            b->moved->next_due_us = row.run_at_us;
        }
    }
}

/* Mutant 2: an outcome that the fence refused counts all the same. */
static bool counts_all_the_same(const batch *b, uint32_t i) {
    if (!TK_MUTANT(2) || b->endings[i].kind != TK_OUTCOME_OK) {
        return false;
    }
    tk_progress progress = tk_state_progress(&b->states[task_index(b, &b->attempts[i].task_id)]);
    return tk_progress_mark(&progress, b->attempts[i].step) == TK_MARK_LIVE;
}

/* A lease exists only while its step is live and its task runs, so that an accepted ending always finds
 * both, in a sound store. */
static tasker_status check_sound(const batch *b, uint32_t i, const touched *task,
                                 tasker_error *error) {
    const tk_attempt_row *attempt = &b->attempts[i];
    tasker_status status = tk_verb_sound(&attempt->task_id, &task->progress, task->known->template,
                                         attempt->step, error);
    if (status == TASKER_OK && (tk_progress_mark(&task->progress, attempt->step) != TK_MARK_LIVE ||
                                (attempt->attempt <= b->bases[i] && b->accepted[i]))) {
        char text[TASKER_UUID_SIZE];
        tk_uuid_format(&attempt->task_id, text);
        status =
            tk_fail(error, TASKER_CONFLICT,
                    "step number %u of task %s is claimed, though it is not live or its attempt "
                    "%" PRId32 " is over: run `tasker store check`",
                    attempt->step, text, attempt->attempt);
    }
    return status;
}

/* The task of an ending, as it stands before this one. */
static touched *touch(batch *b, uint32_t i) {
    uint32_t at = task_index(b, &b->attempts[i].task_id);
    touched *task = &b->tasks[at];
    if (!task->changed) {
        task->changed = true;
        task->known = b->endings[i].known;
        task->class = b->endings[i].class;
        task->progress = tk_state_progress(&b->states[at]);
        task->mark_before = b->states[at].state;
    }
    if (b->attempts[i].finished_us > b->states[at].updated_us) {
        b->states[at].updated_us = b->attempts[i].finished_us;
    }
    return task;
}

/* Step 4. */
static tasker_status decide(batch *b, tasker_error *error) {
    for (uint32_t i = 0; i < b->count; i++) {
        b->endings[i].accepted = b->accepted[i];
        if (!b->accepted[i] && !counts_all_the_same(b, i)) {
            continue;
        }
        b->endings[i].finished_us = b->attempts[i].finished_us;
        touched *task = touch(b, i);
        tasker_status status = check_sound(b, i, task, error);
        if (status != TASKER_OK) {
            return status;
        }
        if (b->endings[i].kind == TK_OUTCOME_OK) {
            decide_success(b, i, task);
        } else {
            decide_failure(b, i, task);
        }
    }
    return TASKER_OK;
}

/* Step 5. */
static tasker_status save(batch *b, tasker_error *error) {
    tk_state_row *states = tk_arena_array(b->arena, b->task_count, sizeof(*states));
    tk_count_row *counts = tk_arena_array(b->arena, b->task_count, sizeof(*counts));
    tk_act_row *acts = tk_arena_array(b->arena, b->task_count, sizeof(*acts));
    tk_completed *completed = tk_arena_array(b->arena, b->task_count, sizeof(*completed));
    if (states == NULL || counts == NULL || acts == NULL || completed == NULL) {
        return tk_nomem(error);
    }
    uint32_t changed = 0;
    uint32_t counted = 0;
    uint32_t acted = 0;
    for (uint32_t i = 0; i < b->task_count; i++) {
        touched *task = &b->tasks[i];
        if (!task->changed) {
            continue;
        }
        if (tk_progress_settle(&task->progress)) {
            counts[counted++] = (tk_count_row){task->known->id, task->mark_before,
                                               (int32_t)task->progress.state, 1, b->now_us};
            b->moved->tasks_rested += tk_task_mark_resting((int32_t)task->progress.state);
        }
        tk_state_apply(&b->states[i], &task->progress, b->now_us);
        if (task->progress.state == TK_TASK_COMPLETE && task->mark_before != TK_TASK_COMPLETE) {
            completed[b->moved->completed_count++] =
                (tk_completed){b->ids[i], task->known->id, b->states[i].updated_us};
        }
        if (task->progress.state == TK_TASK_BLOCKED && task->mark_before != TK_TASK_BLOCKED) {
            acts[acted++] = (tk_act_row){.task_id = b->ids[i],
                                         .acted_us = b->states[i].updated_us,
                                         .kind = TK_ACT_BLOCKED,
                                         .step = TK_ACT_NO_STEP};
        }
        states[changed++] = b->states[i];
    }
    b->moved->completed = completed;
    tk_store *store = b->engine->store;
    tasker_status status = TASKER_OK;
    if (changed > 0) {
        status = tk_store_call(store, state_update, states, changed, error);
    }
    if (status == TASKER_OK && acted > 0) {
        status = tk_store_call(store, act_insert, acts, acted, error);
    }
    if (status == TASKER_OK && counted > 0) {
        status = tk_store_call(store, count_add, counts, counted, error);
    }
    return status;
}

/* A freed step is enqueued no earlier than what freed it was written. */
static void date_ready(batch *b) {
    for (uint32_t i = 0; i < b->moved->ready_count; i++) {
        tk_ready_row *row = &b->moved->ready[i];
        row->enqueued_us = b->states[task_index(b, &row->task_id)].updated_us;
    }
}

tasker_status tk_complete_ask(tk_engine *engine, tk_arena *arena, tk_ending *endings,
                              uint32_t count, int64_t now_us, tk_moved *moved,
                              tk_completion **asked, tasker_error *error) {
    *moved = (tk_moved){.ready_count = 0};
    *asked = NULL;
    if (count == 0) {
        return TASKER_OK;
    }
    batch *b = tk_arena_alloc(arena, sizeof(*b));
    if (b == NULL) {
        return tk_nomem(error);
    }
    *b = (batch){.engine = engine,
                 .arena = arena,
                 .endings = endings,
                 .count = count,
                 .now_us = now_us,
                 .moved = moved};
    tasker_status status = check_steps(b, error);
    if (status == TASKER_OK) {
        status = batch_reserve(b) ? lock_and_finish(b, error) : tk_nomem(error);
    }
    if (status == TASKER_OK) {
        status = ask_bases(b, error);
    }
    *asked = b;
    return status;
}

tasker_status tk_complete_answer(tk_completion *asked, tasker_error *error) {
    if (asked == NULL) {
        return TASKER_OK;
    }
    tasker_status status = read_answers(asked, error);
    if (status == TASKER_OK) {
        status = decide(asked, error);
    }
    if (status == TASKER_OK) {
        status = save(asked, error);
    }
    if (status == TASKER_OK && asked->later_count > 0) { /* step 6 */
        status = tk_store_call(asked->engine->store, later_insert, asked->later, asked->later_count,
                               error);
    }
    if (status == TASKER_OK) {
        date_ready(asked);
    }
    return status;
}

tasker_status tk_complete(tk_engine *engine, tk_arena *arena, tk_ending *endings, uint32_t count,
                          int64_t now_us, tk_moved *moved, tasker_error *error) {
    tk_completion *asked = NULL;
    tasker_status status =
        tk_complete_ask(engine, arena, endings, count, now_us, moved, &asked, error);
    if (status == TASKER_OK && count > 0) {
        status = tk_store_call(engine->store, sync, error);
    }
    return status == TASKER_OK ? tk_complete_answer(asked, error) : status;
}
