/*
 * history_replay.c - replays a task's events with the model and notes each transition.
 *
 *   submission, events ──► [progress.c, retry.c] ──► step moves ──► task moves ──► timeline
 *
 * The engine passes several states in one transaction and stores only where it came to rest. The
 * replay goes from each rest to the next by the edges of the guard tables (state.h), so that a reader
 * sees the sequence of an engine that stops at every one. A task goes through evaluating_results when
 * a step's end leads on; while other steps run and nothing is freed it stays in steps_in_process.
 *
 * A ledger that is not sound does not stop it: what cannot be is left out and named in `broken`.
 */
#include "history.h"

typedef struct replay {
    tk_arena *arena;
    const tk_view *view;
    const tk_template *template;
    tk_timeline *timeline;
    tk_progress progress;
    tk_step_state *states; /* by step */
    bool *scheduled;       /* pending until the task's run_at */
    bool *bypassed;
    int32_t *bases; /* attempt number at the last retry by an operator */
    uint32_t *seen; /* attempt rows of the step replayed so far */
    tk_freed freed; /* steps to enqueue once the task gets to that */
    tk_task_counts counts;
    tk_task_state word;
    bool evaluates; /* a step's end freed others: through evaluating_results */
    bool nomem;
    tk_timeline_entry cause; /* what entries of the current event have in common */
} replay;

/* --- entries --- */

static void broken(replay *r, int32_t step, const char *sentence) {
    if (r->timeline->broken == NULL) {
        r->timeline->broken = sentence;
        r->timeline->broken_step = step;
    }
}

static void note(replay *r, int32_t step, int32_t from, int32_t to, const char *event) {
    tk_timeline *timeline = r->timeline;
    if (timeline->count == timeline->room) {
        uint32_t room = timeline->room == 0 ? 64 : 2 * timeline->room;
        tk_timeline_entry *entries = tk_arena_array(r->arena, room, sizeof(*entries));
        if (entries == NULL) {
            r->nomem = true;
            return;
        }
        if (timeline->count > 0) {
            memcpy(entries, timeline->entries, timeline->count * sizeof(*entries));
        }
        timeline->entries = entries;
        timeline->room = room;
    }
    tk_timeline_entry *entry = &timeline->entries[timeline->count++];
    *entry = r->cause;
    entry->step = step;
    entry->from = from;
    entry->to = to;
    entry->event = event;
    if (step == TK_ACT_NO_STEP || step != r->cause.step) { /* moved by another step's attempt */
        entry->attempt = 0;
        entry->worker = 0;
        entry->failure = NULL;
    }
}

static uint32_t *counter_of(replay *r, uint32_t step) {
    switch (r->states[step]) {
    case TK_STEP_STATE_PENDING:
        return r->scheduled[step] ? &r->counts.scheduled : &r->counts.pending;
    case TK_STEP_STATE_ENQUEUED:
        return &r->counts.enqueued;
    case TK_STEP_STATE_WAITING_FOR_RETRY:
        return &r->counts.waiting_for_retry;
    case TK_STEP_STATE_COMPLETE:
        return &r->counts.completed;
    case TK_STEP_STATE_ERROR:
        return &r->counts.failed;
    case TK_STEP_STATE_CANCELLED:
        return &r->counts.cancelled;
    case TK_STEP_STATE_RESOLVED_MANUALLY:
        return &r->counts.resolved;
    default:
        return &r->counts.in_progress;
    }
}

static void step_move(replay *r, uint32_t step, tk_step_state to, const char *event) {
    tk_step_state from = r->states[step];
    if (!tk_step_transition_allowed(from, to)) {
        broken(r, (int32_t)step, "a step went a way that is not allowed");
    }
    note(r, (int32_t)step, (int32_t)from, (int32_t)to, event);
    --*counter_of(r, step);
    r->states[step] = to;
    r->scheduled[step] = false;
    ++*counter_of(r, step);
}

/* Enqueues a pending step when the task comes to enqueuing_steps, or at the end of the event. */
static void step_free(replay *r, uint32_t step) {
    r->freed.numbers[r->freed.count++] = (uint16_t)step;
}

static void flush_freed(replay *r) {
    for (uint32_t i = 0; i < r->freed.count; i++) {
        if (r->states[r->freed.numbers[i]] == TK_STEP_STATE_PENDING) {
            step_move(r, r->freed.numbers[i], TK_STEP_STATE_ENQUEUED, "Enqueue");
        }
    }
    r->freed.count = 0;
}

/* --- the task --- */

static void task_move(replay *r, tk_hop h) {
    if (!tk_task_transition_allowed(r->word, h.to)) {
        broken(r, TK_ACT_NO_STEP, "the task went a way that is not allowed");
    }
    note(r, TK_ACT_NO_STEP, (int32_t)r->word, (int32_t)h.to, h.event);
    r->word = h.to;
    if (h.to == TK_TASK_STATE_ENQUEUING_STEPS) {
        flush_freed(r);
    }
}

/* Where the task comes to rest, once the freed steps are enqueued. */
static tk_task_state target_of(const replay *r) {
    tk_task_counts counts = r->counts;
    for (uint32_t i = 0; i < r->freed.count; i++) {
        if (r->scheduled[r->freed.numbers[i]]) {
            counts.scheduled--;
        } else {
            counts.pending--;
        }
        counts.enqueued++;
    }
    return tk_task_state_of(r->progress.state, &counts);
}

/* Moves the task to where its steps have brought it. */
static void settle(replay *r) {
    tk_progress_settle(&r->progress);
    tk_task_state before = r->word;
    tk_task_state target = target_of(r);
    bool retried = r->cause.act != NULL && r->cause.act->kind == TK_ACT_RETRIED;
    if (r->evaluates && r->freed.count > 0 && r->word == TK_TASK_STATE_STEPS_IN_PROCESS &&
        target == TK_TASK_STATE_STEPS_IN_PROCESS) {
        task_move(r, (tk_hop){TK_TASK_STATE_EVALUATING_RESULTS, "StepCompleted"});
    }
    for (uint32_t i = 0; i < TK_HOPS_MAX && r->word != target; i++) {
        task_move(r, tk_hop_next(r->word, target, retried));
    }
    if (target == TK_TASK_STATE_BLOCKED_BY_FAILURES && before != target) {
        r->timeline->blocked++;
    }
    flush_freed(r);
    r->evaluates = false;
}

/* --- events of steps --- */

static bool state_open(tk_step_state state) {
    return state != TK_STEP_STATE_COMPLETE && state != TK_STEP_STATE_RESOLVED_MANUALLY &&
           state != TK_STEP_STATE_CANCELLED;
}

static bool mark_open(tk_step_mark mark) {
    return mark == TK_MARK_PENDING || mark == TK_MARK_LIVE || mark == TK_MARK_FAILED;
}

static void satisfy(replay *r, uint32_t step, tk_step_mark mark) {
    if (!mark_open(tk_progress_mark(&r->progress, step))) {
        if (tk_mark_satisfied(tk_progress_mark(&r->progress, step)) && mark == TK_MARK_RESOLVED) {
            tk_progress_remark(&r->progress, step);
        }
        return;
    }
    uint32_t before = r->freed.count;
    tk_progress_satisfy(&r->progress, r->template, step, mark, &r->freed);
    r->evaluates = r->evaluates || r->freed.count > before;
}

/* May the failed attempt be followed by another without an operator? By the rule that the engine
 * decided by. */
static bool may_repeat(const replay *r, const tk_attempt_row *row, uint32_t index) {
    const tk_view_step *step = &r->view->steps[row->step];
    uint32_t claims = 0;
    for (uint32_t i = 0; i <= index; i++) {
        claims += tk_attempt_claimed(step->attempts[i]) &&
                  step->attempts[i]->attempt > r->bases[row->step];
    }
    tk_failure failure = {
        .retryable = true, .lost = row->outcome == TK_OUTCOME_LOST, .retry_after_ms = -1};
    tk_json value = {0};
    if (row->error.size > 0 && tk_json_parse(row->error, SIZE_MAX, &value, NULL) == TASKER_OK) {
        failure.retryable = tk_json_member(value, "retryable").kind != TK_JSON_FALSE;
    }
    return tk_retry_delay(&step->step->retry, &failure, claims == 0 ? 1 : claims, 0) >= 0;
}

static bool was_retried(const replay *r, const tk_attempt_row *row) {
    for (uint32_t i = 0; i < r->view->act_count; i++) {
        const tk_act_row *act = &r->view->acts[i];
        if (act->kind == TK_ACT_RETRIED && act->step == row->step && act->n > row->n &&
            act->attempt == row->attempt) {
            return true;
        }
    }
    return false;
}

/* Was the failed attempt to be tried again? What followed tells it, where something did. */
static bool tried_again(const replay *r, const tk_attempt_row *row, uint32_t index) {
    const tk_view_step *step = &r->view->steps[row->step];
    if (!was_retried(r, row)) {
        if (index + 1 < step->attempt_count) {
            if (tk_attempt_claimed(step->attempts[index + 1])) {
                return true;
            }
        } else if (step->mark == TK_MARK_LIVE || step->mark == TK_MARK_FAILED) {
            return step->mark == TK_MARK_LIVE;
        }
    }
    return may_repeat(r, row, index);
}

static void end_failed(replay *r, const tk_attempt_row *row, uint32_t index) {
    uint32_t step = row->step;
    bool again = tried_again(r, row, index);
    r->cause.failure = row;
    if (row->outcome == TK_OUTCOME_ERROR) {
        step_move(r, step, TK_STEP_STATE_ENQUEUED_AS_ERROR, "EnqueueAsErrorForOrchestration");
    }
    if (!again) {
        step_move(r, step, TK_STEP_STATE_ERROR, "Fail");
        if (tk_progress_mark(&r->progress, step) == TK_MARK_LIVE) {
            tk_progress_fail(&r->progress, step);
        }
        return;
    }
    step_move(r, step, TK_STEP_STATE_WAITING_FOR_RETRY, "WaitForRetry");
    if (row->outcome == TK_OUTCOME_LOST) { /* at once */
        step_move(r, step, TK_STEP_STATE_PENDING, "Retry");
        step_free(r, step);
    }
}

static void end_claimed(replay *r, const tk_attempt_row *row, uint32_t index) {
    if (row->outcome == TK_OUTCOME_CANCELLED) {
        return; /* the deed that revoked it follows */
    }
    if (r->states[row->step] != TK_STEP_STATE_IN_PROGRESS) {
        broken(r, row->step, "an attempt ended that had not begun");
        return;
    }
    if (row->outcome != TK_OUTCOME_OK) {
        end_failed(r, row, index);
        return;
    }
    step_move(r, row->step, TK_STEP_STATE_ENQUEUED_FOR_ORCHESTRATION, "EnqueueForOrchestration");
    step_move(r, row->step, TK_STEP_STATE_COMPLETE, "Complete");
    satisfy(r, row->step, TK_MARK_COMPLETE);
}

static const tk_act_row *act_of(const replay *r, const tk_attempt_row *row) {
    int32_t kind = row->outcome == TK_OUTCOME_COMPLETED ? TK_ACT_COMPLETED : TK_ACT_RESOLVED;
    for (uint32_t i = 0; i < r->view->act_count; i++) {
        const tk_act_row *act = &r->view->acts[i];
        if (act->kind == kind && act->step == row->step && act->attempt == row->attempt) {
            return act;
        }
    }
    return NULL;
}

/* A step completed by hand goes the way of one that ran. */
static void end_completed(replay *r, uint32_t step) {
    if (r->states[step] == TK_STEP_STATE_WAITING_FOR_RETRY ||
        r->states[step] == TK_STEP_STATE_ERROR) {
        step_move(r, step, TK_STEP_STATE_PENDING, "Retry");
    }
    if (r->states[step] == TK_STEP_STATE_PENDING || r->states[step] == TK_STEP_STATE_ENQUEUED) {
        step_move(r, step, TK_STEP_STATE_IN_PROGRESS, "Start");
    }
    step_move(r, step, TK_STEP_STATE_COMPLETE, "Complete");
    satisfy(r, step, TK_MARK_COMPLETE);
}

/* Rows without an act of their own belong to the submission (bypassed) or to the resolution of the
 * whole task, which tell them. */
static void end_by_hand(replay *r, const tk_attempt_row *row) {
    r->cause.act = act_of(r, row);
    if (r->cause.act == NULL) {
        bool of_submission = r->bypassed[row->step] && row->attempt == 1;
        if (!of_submission && r->view->word != TK_TASK_STATE_RESOLVED_MANUALLY) {
            broken(r, row->step, "a result by hand has no act");
        }
        return;
    }
    if (row->outcome == TK_OUTCOME_COMPLETED) {
        end_completed(r, row->step);
        return;
    }
    if (r->states[row->step] != TK_STEP_STATE_RESOLVED_MANUALLY) {
        step_move(r, row->step, TK_STEP_STATE_RESOLVED_MANUALLY, "ResolveManually");
    }
    satisfy(r, row->step, TK_MARK_RESOLVED);
}

static void on_enqueue(replay *r, uint32_t step) {
    switch (r->states[step]) {
    case TK_STEP_STATE_WAITING_FOR_RETRY:
        step_move(r, step, TK_STEP_STATE_PENDING, "Retry");
        step_free(r, step);
        break;
    case TK_STEP_STATE_PENDING:
        if (r->scheduled[step]) {
            step_free(r, step);
        } else {
            broken(r, (int32_t)step, "a step was enqueued while a parent was open");
        }
        break;
    case TK_STEP_STATE_ENQUEUED: /* by what freed it */
        break;
    default:
        broken(r, (int32_t)step, "a step was enqueued that was not waiting");
        break;
    }
}

static void on_claim(replay *r, uint32_t step) {
    if (r->states[step] == TK_STEP_STATE_ENQUEUED) {
        step_move(r, step, TK_STEP_STATE_IN_PROGRESS, "Start");
    } else {
        broken(r, (int32_t)step, "a step was claimed that was not enqueued");
    }
}

/* --- acts --- */

static void end_all(replay *r, tk_step_state to, const char *event, tk_step_mark mark,
                    tk_task_mark task) {
    for (uint32_t i = 0; i < r->template->step_count; i++) {
        if (r->template->steps[i].present && state_open(r->states[i])) {
            step_move(r, i, to, event);
        }
    }
    tk_progress_end(&r->progress, mark);
    r->progress.state = task;
}

static void on_retried(replay *r, uint32_t step, int32_t attempt) {
    if (r->states[step] == TK_STEP_STATE_PENDING && r->scheduled[step]) {
        step_free(r, step); /* before its time */
        return;
    }
    if (r->states[step] != TK_STEP_STATE_ERROR &&
        r->states[step] != TK_STEP_STATE_WAITING_FOR_RETRY) {
        broken(r, (int32_t)step, "a step was retried that had neither failed nor waited");
        return;
    }
    r->bases[step] = attempt;
    step_move(r, step, TK_STEP_STATE_PENDING, "Retry");
    if (tk_progress_mark(&r->progress, step) == TK_MARK_FAILED) {
        tk_progress_revive(&r->progress, step);
    }
    step_free(r, step);
}

static void on_act(replay *r, const tk_event *event) {
    r->cause.act = event->act;
    r->cause.attempt = 0;
    switch ((tk_act_kind)event->act->kind) {
    case TK_ACT_CANCELLED:
        end_all(r, TK_STEP_STATE_CANCELLED, "Cancel", TK_MARK_CANCELLED, TK_TASK_CANCELLED);
        break;
    case TK_ACT_FAILED:
        end_all(r, TK_STEP_STATE_CANCELLED, "Cancel", TK_MARK_CANCELLED, TK_TASK_ERROR);
        break;
    case TK_ACT_RESOLVED:
        if (event->act->step == TK_ACT_NO_STEP) {
            end_all(r, TK_STEP_STATE_RESOLVED_MANUALLY, "ResolveManually", TK_MARK_RESOLVED,
                    TK_TASK_RESOLVED);
        }
        break;
    case TK_ACT_RETRIED:
        on_retried(r, event->step, event->attempt);
        break;
    case TK_ACT_BLOCKED:   /* follows from the steps */
    case TK_ACT_COMPLETED: /* its attempt row told it */
        break;
    }
}

static void on_event(replay *r, const tk_event *event) {
    r->cause = (tk_timeline_entry){.at_us = event->at_us,
                                   .n = event->n == INT64_MAX ? 0 : event->n,
                                   .step = event->step,
                                   .attempt = event->attempt,
                                   .worker = event->worker};
    if (event->kind != TK_EVENT_ACT && !r->template->steps[event->step].present) {
        broken(r, event->step, "a row tells of a step that the template does not have");
        return;
    }
    switch (event->kind) {
    case TK_EVENT_ENQUEUE:
        r->cause.attempt = 0;
        r->cause.worker = 0;
        on_enqueue(r, event->step);
        break;
    case TK_EVENT_CLAIM:
        on_claim(r, event->step);
        break;
    case TK_EVENT_END:
        if (tk_attempt_claimed(event->row)) {
            end_claimed(r, event->row, r->seen[event->step]);
        } else {
            end_by_hand(r, event->row);
        }
        r->seen[event->step]++;
        break;
    case TK_EVENT_ACT:
        on_act(r, event);
        break;
    }
    settle(r);
}

/* --- beginning and end --- */

static bool read_bypassed(replay *r, tk_steps *bypassed) {
    tk_json names = {0};
    tk_str text = r->view->task.bypass_steps;
    uint16_t *numbers = tk_arena_array(r->arena, r->template->step_count, sizeof(*numbers));
    if (numbers == NULL) {
        return false;
    }
    *bypassed = (tk_steps){numbers, 0};
    if (text.size == 0 || tk_json_parse(text, SIZE_MAX, &names, NULL) != TASKER_OK) {
        return true;
    }
    tk_json_iterator it = tk_json_each(names);
    while (tk_json_next(&it)) {
        tk_str name = {NULL, 0};
        if (it.value.kind != TK_JSON_STRING) {
            continue;
        }
        if (!tk_json_string(r->arena, it.value, &name)) {
            return false;
        }
        const tk_template_step *step = tk_template_find_step(r->template, name);
        if (step != NULL && !r->bypassed[step->number]) {
            r->bypassed[step->number] = true;
            numbers[bypassed->count++] = step->number;
        }
    }
    return true;
}

static bool begin(replay *r) {
    tk_steps bypassed;
    if (!read_bypassed(r, &bypassed)) {
        return false;
    }
    r->cause = (tk_timeline_entry){.at_us = r->view->task.created_us, .n = r->view->task.n};
    r->word = TK_TASK_STATE_PENDING;
    note(r, TK_ACT_NO_STEP, TK_TIMELINE_NOTHING, TK_TASK_STATE_PENDING, "Create");
    for (uint32_t i = 0; i < r->template->step_count; i++) {
        r->states[i] = TK_STEP_STATE_PENDING;
        if (r->template->steps[i].present) {
            note(r, (int32_t)i, TK_TIMELINE_NOTHING, TK_STEP_STATE_PENDING, "Create");
            r->counts.total++;
            r->counts.pending++;
        }
    }
    tk_progress_begin(&r->progress, r->template, bypassed, &r->freed);
    r->cause.attempt = 1;
    for (uint32_t i = 0; i < bypassed.count; i++) {
        r->cause.step = bypassed.numbers[i];
        step_move(r, bypassed.numbers[i], TK_STEP_STATE_RESOLVED_MANUALLY, "ResolveManually");
    }
    r->cause.attempt = 0;
    if (r->view->task.run_at_us != 0) { /* one row in `later` each, until then */
        for (uint32_t i = 0; i < r->freed.count; i++) {
            r->scheduled[r->freed.numbers[i]] = true;
            r->counts.pending--;
            r->counts.scheduled++;
        }
        r->freed.count = 0;
    }
    settle(r);
    return true;
}

/* The last states have to be the present ones. */
static void compare(replay *r) {
    for (uint32_t i = 0; i < r->template->step_count; i++) {
        if (r->template->steps[i].present && r->states[i] != r->view->steps[i].state) {
            broken(r, (int32_t)i, "the history of a step does not end in its present state");
        }
    }
    if (r->word != r->view->word) {
        broken(r, TK_ACT_NO_STEP, "the task's history does not end in its present state");
    }
}

bool tk_timeline_derive(tk_arena *arena, const tk_view *view, tk_timeline *timeline) {
    uint32_t steps = view->step_count;
    *timeline = (tk_timeline){.broken_step = TK_ACT_NO_STEP};
    replay r = {.arena = arena,
                .view = view,
                .template = view->known->template,
                .timeline = timeline,
                .progress = {.step_count = steps}};
    r.progress.bytes = tk_arena_array(arena, steps, TK_PROGRESS_STEP_BYTES);
    r.states = tk_arena_array(arena, steps, sizeof(*r.states));
    r.scheduled = tk_arena_array(arena, steps, sizeof(*r.scheduled));
    r.bypassed = tk_arena_array(arena, steps, sizeof(*r.bypassed));
    r.bases = tk_arena_array(arena, steps, sizeof(*r.bases));
    r.seen = tk_arena_array(arena, steps, sizeof(*r.seen));
    r.freed.numbers = tk_arena_array(arena, (size_t)steps + 1, sizeof(*r.freed.numbers));
    tk_event *events = NULL;
    uint32_t count = 0;
    if (r.progress.bytes == NULL || r.states == NULL || r.scheduled == NULL || r.bypassed == NULL ||
        r.bases == NULL || r.seen == NULL || r.freed.numbers == NULL ||
        !tk_timeline_events(arena, view, &events, &count) || !begin(&r)) {
        return false;
    }
    for (uint32_t i = 0; i < count && !r.nomem; i++) {
        on_event(&r, &events[i]);
    }
    compare(&r);
    return !r.nomem;
}
