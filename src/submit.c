/*
 * submit.c - makes tasks: all of a call or none.
 *
 *   request ── submit_request.c: read, checked ──► [submit.c] ─► identity, task, state
 *                                                      └─► ready (later with run_at) ─► COMMIT ─► wake
 *
 * Ids are chosen before the first statement. When the answer of the commit is lost, the same ids are
 * sent again: an id that is there is not written a second time, so a repeat cannot bring a finished
 * step back.
 */
#include "submit.h"

#include <stdlib.h>

#define SUBMIT_TRIES 3 /* of one submission whose commit's answer was lost */

/* The rows of one submission. */
typedef struct rows {
    tk_task_row *tasks;
    tk_request **requests; /* of the same index */
    bool *inserted;
    tk_state_row *states;
    tk_count_row *counts;
    tk_ready_row *ready, *later;
    tk_attempt_row *bypassed;
    uint16_t *freed; /* of one task at a time */
    uint32_t task_count, ready_count, later_count, bypassed_count;
} rows;

static tasker_status find_templates(tk_engine *engine, void *submission, tasker_error *error) {
    tk_submission *s = submission;
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_READ, error);
    for (uint32_t i = 0; status == TASKER_OK && i < s->count; i++) {
        tk_request *q = &s->items[i];
        tk_request *before = i > 0 ? &s->items[i - 1] : NULL;
        if (before != NULL && tk_str_equal(q->name, before->name) &&
            tk_str_equal(q->namespace_name, before->namespace_name) &&
            tk_str_equal(q->version, before->version)) {
            q->known = before->known;
            continue;
        }
        status = tk_catalog_find(engine, q->namespace_name, q->name, q->version, &q->known, error);
        if (status == TASKER_NOTFOUND && error != NULL) {
            tk_request_path(s, i, "name", error->path);
        }
    }
    if (status == TASKER_OK) {
        return tk_store_call(engine->store, commit, error);
    }
    engine->store->driver->rollback(engine->store);
    return status;
}

/* --- identity --- */

/* By namespace, template, key; of equal ones the earlier in the array wins. */
static int compare_identities(const void *a, const void *b) {
    const tk_request *x = *(tk_request *const *)a;
    const tk_request *y = *(tk_request *const *)b;
    if (x->known->queue != y->known->queue) {
        return x->known->queue < y->known->queue ? -1 : 1;
    }
    size_t shorter = x->identity.size < y->identity.size ? x->identity.size : y->identity.size;
    int order = strcmp(x->known->template->name, y->known->template->name);
    order = order != 0 ? order : memcmp(x->identity.data, y->identity.data, shorter);
    if (order != 0) {
        return order;
    }
    if (x->identity.size != y->identity.size) {
        return x->identity.size < y->identity.size ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static tasker_status compare_context(tk_engine *engine, tk_submission *s, tk_request *q,
                                     tasker_error *error) {
    tk_task_row winner = {0};
    bool found = false;
    tasker_status status = tk_store_call(engine->store, task_load, &s->arena, &q->answer.id, 1,
                                         &winner, &found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status != TASKER_OK || !found) {
        return status; /* of this very call: its row comes later */
    }
    tk_json context;
    status = tk_json_parse(winner.context, TASKER_CONTEXT_BYTES_MAX, &context, error);
    if (status == TASKER_OK) {
        q->answer.context_differs = !tk_json_equal(context, q->context);
        q->answer.created_us = winner.created_us;
        status = tk_catalog_get(engine, winner.template_id, &q->answer.known, error);
    }
    return status;
}

static tasker_status take_winner(tk_engine *engine, tk_submission *s, tk_request *q,
                                 const tk_uuid *winner, tasker_error *error) {
    if (tk_uuid_equal(&q->row.id, winner)) {
        return TASKER_OK;
    }
    if (q->identity_strict) {
        char path[TASKER_PATH_MAX];
        tk_request_path(s, q->index, "context", path);
        return tk_fail_at(error, TASKER_CONFLICT, path,
                          "a task with the same context exists, and the template allows each once");
    }
    q->answer.repeated = true;
    q->answer.id = *winner;
    return compare_context(engine, s, q, error);
}

static tasker_status settle_identities(tk_engine *engine, tk_submission *s, tasker_error *error) {
    tk_request **keyed = tk_arena_array(&s->arena, s->count, sizeof(*keyed));
    tk_identity_row *identities = tk_arena_array(&s->arena, s->count, sizeof(*identities));
    tk_uuid *winners = tk_arena_array(&s->arena, s->count, sizeof(*winners));
    if (keyed == NULL || identities == NULL || winners == NULL) {
        return tk_nomem(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->items[i].identity.size > 0) {
            keyed[count++] = &s->items[i];
        }
    }
    if (count == 0) {
        return TASKER_OK;
    }
    qsort(keyed, count, sizeof(*keyed), compare_identities);
    for (uint32_t i = 0; i < count; i++) {
        const tk_known *known = keyed[i]->known;
        identities[i] = (tk_identity_row){known->queue, tk_str_of(known->template->name),
                                          keyed[i]->identity, keyed[i]->row.id};
    }
    tasker_status status =
        tk_store_call(engine->store, identity_insert, &s->arena, identities, count, winners, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    const tk_request *first = NULL; /* of those with the same identity, when it is of this call */
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        tk_request *q = keyed[i];
        status = take_winner(engine, s, q, &winners[i], error);
        if (!q->answer.repeated) {
            first = q;
        } else if (first != NULL && tk_uuid_equal(&first->row.id, &q->answer.id)) {
            q->answer.context_differs = !tk_json_equal(first->context, q->context);
        }
    }
    return status;
}

/* --- rows --- */

/* At most so many steps of a task are free at its begin: its roots, and the children of bypassed ones. */
static uint32_t freed_max(const tk_request *q) {
    const tk_template *template = q->known->template;
    uint32_t freed = 0;
    for (uint32_t i = 0; i < template->step_count; i++) {
        freed += template->steps[i].parents.count == 0;
    }
    for (uint32_t i = 0; i < q->bypassed_count; i++) {
        freed += template->steps[q->bypassed[i]].children.count;
    }
    return freed < template->step_count ? freed : template->step_count;
}

static bool rows_reserve(rows *r, tk_submission *s) {
    uint32_t ready = 0;
    uint32_t later = 0;
    uint32_t bypassed = 0;
    uint32_t steps_max = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const tk_request *q = &s->items[i];
        uint32_t steps = q->known->template->step_count;
        steps_max = steps > steps_max ? steps : steps_max;
        *(q->row.run_at_us > 0 ? &later : &ready) += freed_max(q);
        bypassed += q->bypassed_count;
    }
    r->tasks = tk_arena_array(&s->arena, s->count, sizeof(*r->tasks));
    r->requests = tk_arena_array(&s->arena, s->count, sizeof(*r->requests));
    r->inserted = tk_arena_array(&s->arena, s->count, sizeof(*r->inserted));
    r->states = tk_arena_array(&s->arena, s->count, sizeof(*r->states));
    r->counts = tk_arena_array(&s->arena, s->count, sizeof(*r->counts));
    r->ready = tk_arena_array(&s->arena, ready, sizeof(*r->ready));
    r->later = tk_arena_array(&s->arena, later, sizeof(*r->later));
    r->bypassed = tk_arena_array(&s->arena, bypassed, sizeof(*r->bypassed));
    r->freed = tk_arena_array(&s->arena, steps_max, sizeof(*r->freed));
    return r->tasks != NULL && r->requests != NULL && r->inserted != NULL && r->states != NULL &&
           r->counts != NULL && r->ready != NULL && r->later != NULL && r->bypassed != NULL &&
           r->freed != NULL;
}

static bool add_steps(rows *r, tk_submission *s, const tk_request *q, uint32_t at) {
    const tk_template *template = q->known->template;
    tk_progress progress = {.step_count = template->step_count};
    progress.bytes =
        tk_arena_alloc(&s->arena, (size_t) template->step_count * TK_PROGRESS_STEP_BYTES);
    tk_freed freed = {.numbers = r->freed};
    if (progress.bytes == NULL) {
        return false;
    }
    tk_progress_begin(&progress, template, (tk_steps){q->bypassed, q->bypassed_count}, &freed);
    int64_t now_us = q->row.created_us;
    for (uint32_t i = 0; i < freed.count; i++) {
        tk_ready_row row =
            tk_ready_of(q->known, &q->row.id, freed.numbers[i], q->row.priority, 0, now_us);
        row.run_at_us = q->row.run_at_us;
        if (row.run_at_us > 0) {
            r->later[r->later_count++] = row;
        } else {
            r->ready[r->ready_count++] = row;
        }
    }
    for (uint32_t i = 0; i < q->bypassed_count; i++) {
        r->bypassed[r->bypassed_count++] = (tk_attempt_row){
            .task_id = q->row.id,
            .step = q->bypassed[i],
            .attempt = 1,
            .outcome = TK_OUTCOME_RESOLVED,
            .enqueued_us = now_us,
            .claimed_us = now_us,
            .finished_us = now_us,
            .result = TK_STR("null"),
            .metadata = TK_STR("{\"bypassed\":true}"),
        };
    }
    r->states[at] = (tk_state_row){
        .task_id = q->row.id,
        .open_steps = progress.open_steps,
        .updated_us = now_us,
        .progress = progress.bytes,
        .progress_bytes = template->step_count * TK_PROGRESS_STEP_BYTES,
        .state = (int32_t)progress.state,
    };
    r->counts[at] =
        (tk_count_row){q->known->id, TK_TASK_NONE, (int32_t)progress.state, 1, q->row.created_us};
    return true;
}

/* After a lost answer some ids may be there: the rest is written only for those that are new. */
static void keep_inserted(rows *r) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->task_count; i++) {
        if (r->inserted[i] || TK_MUTANT(9)) {
            r->requests[kept++] = r->requests[i];
        }
    }
    r->task_count = kept;
}

static tasker_status insert_rows(tk_engine *engine, tk_submission *s, rows *r,
                                 tasker_error *error) {
    tk_store *store = engine->store;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->items[i].answer.repeated) {
            r->requests[r->task_count] = &s->items[i];
            r->tasks[r->task_count++] = s->items[i].row;
        }
    }
    if (r->task_count == 0) {
        return TASKER_OK;
    }
    tasker_status status = tk_store_call(store, task_insert, r->tasks, r->task_count,
                                         s->may_repeat || TK_MUTANT(9) ? r->inserted : NULL, error);
    if (status == TASKER_OK && s->may_repeat) {
        status = tk_store_call(store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (s->may_repeat) {
        keep_inserted(r);
    }
    for (uint32_t i = 0; i < r->task_count; i++) {
        if (!add_steps(r, s, r->requests[i], i)) {
            return tk_nomem(error);
        }
    }
    if (TK_MUTANT(9) && s->may_repeat &&
        !r->inserted[0]) { /* a repeat brings steps back that are finished */
        return tk_store_call(store, ready_insert, r->ready, r->ready_count, error);
    }
    if (r->task_count > 0) {
        status = tk_store_call(store, state_insert, r->states, r->task_count, error);
    }
    if (status == TASKER_OK && r->later_count > 0) {
        status = tk_store_call(store, later_insert, r->later, r->later_count, error);
    }
    if (status == TASKER_OK && r->bypassed_count > 0) {
        status = tk_store_call(store, attempt_insert, r->bypassed, r->bypassed_count, error);
    }
    if (status == TASKER_OK && r->task_count > 0) {
        status = tk_store_call(store, count_add, r->counts, r->task_count, error);
    }
    return status;
}

tasker_status tk_submission_insert(tk_engine *engine, tk_submission *submission,
                                   const tk_ready_row **ready, uint32_t *ready_count,
                                   tasker_error *error) {
    rows r = {.task_count = 0};
    *ready = NULL;
    *ready_count = 0;
    if (!rows_reserve(&r, submission)) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < submission->count; i++) { /* of an earlier try nothing holds */
        tk_request *q = &submission->items[i];
        q->answer = (tk_answer){q->row.id, q->row.created_us, q->known, false, false};
    }
    tasker_status status = settle_identities(engine, submission, error);
    if (status == TASKER_OK) {
        status = insert_rows(engine, submission, &r, error);
    }
    *ready = r.ready;
    *ready_count = r.ready_count;
    return status;
}

tasker_status tk_submission_store(tk_engine *engine, tk_submission *submission,
                                  tasker_error *error) {
    const tk_ready_row *ready = NULL;
    uint32_t count = 0;
    tasker_status status = tk_submission_insert(engine, submission, &ready, &count, error);
    return status == TASKER_OK && count > 0
               ? tk_store_call(engine->store, ready_insert, ready, count, error)
               : status;
}

/* One try. *unknown: the commit was sent and its answer is lost, or an id is there already: either way
 * the next one looks which are. */
static tasker_status store_once(tk_engine *engine, tk_submission *s, bool *unknown,
                                tasker_error *error) {
    *unknown = false;
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_submission_store(engine, s, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, commit, error);
        *unknown = status == TASKER_STORE;
    }
    *unknown = *unknown || (status == TASKER_CONFLICT && !s->may_repeat);
    if (status != TASKER_OK) {
        engine->store->driver->rollback(engine->store);
    }
    return status;
}

static tasker_status store_submission(tk_engine *engine, void *submission, tasker_error *error) {
    tk_submission *s = submission;
    tasker_error why = {0}; /* of a try that is repeated, the caller learns nothing */
    bool unknown = false;
    tasker_status status = store_once(engine, s, &unknown, &why);
    for (int tries = 1; unknown && tries < SUBMIT_TRIES; tries++) {
        s->may_repeat = true;
        status = engine->store->driver->reconnect(engine->store, &why);
        if (status != TASKER_OK) {
            break;
        }
        status = store_once(engine, s, &unknown, &why);
    }
    if (status != TASKER_OK && error != NULL) {
        *error = why;
    }
    return status;
}

/* A single task may go through a turn that also claims it. */
static bool store_nearby(tk_engine *engine, tk_submission *s, bool *left) {
    const tk_nearby *nearby = engine->nearby;
    return nearby != NULL && s->count == 1 && nearby->store(nearby->user, s, left);
}

static void wake_all(tk_engine *engine) {
    engine->store->driver->wake(engine->store);
    if (engine->nearby != NULL) {
        engine->nearby->wake(engine->nearby->user);
    }
}

tasker_status tk_submission_open(tk_engine *engine, tk_str request, int64_t now_us,
                                 tk_submission *s, tasker_error *error) {
    tasker_status status = tk_request_read(request, now_us, s, error);
    if (status == TASKER_OK && s->count > 0) {
        status = tk_again(engine, find_templates, s, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < s->count; i++) {
        tk_request *q = &s->items[i];
        status = tk_request_check(s, q, error);
        q->row.id = tk_uuid_task(q->row.created_us, tk_random_next(engine->random));
    }
    return status;
}

tasker_status tk_submit(tk_engine *engine, tk_str request, tk_buf *answer, tasker_error *error) {
    tk_submission s = {.count = 0};
    tasker_status status =
        tk_submission_open(engine, request, tk_clock_now(engine->clock), &s, error);
    bool left = true;
    if (status == TASKER_OK && s.count > 0 && !store_nearby(engine, &s, &left)) {
        status = tk_again(engine, store_submission, &s, error);
    }
    if (status == TASKER_OK) {
        tk_submission_answer(&s, answer);
    }
    if (status == TASKER_OK && left) {
        wake_all(engine);
    }
    tk_arena_release(&s.arena);
    return status;
}
