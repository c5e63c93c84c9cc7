/*
 * check.c - checks a store from its ledger alone: what the engine promises, looked at row by row.
 *
 *   integrity, workers ─► tasks, page by page ─► check_task.c, check_step.c ─► recounts
 *
 * One READ transaction, so that all rules see one picture. The rules, by the names in the report:
 *
 *   integrity        the database's own check; rows without a task
 *   template         a task's template can be read
 *   task-state       a task has its state row
 *   progress-sound   marks, open parents, open and failed steps, state agree (progress.h)
 *   state-acts       cancelled, error, resolved and blocked have their act, others have none
 *   after-end        nothing happened after a cancel, a give-up or a resolution
 *   ledger-order     rows of a task have different places in the ledger, behind its submission's
 *   time-order       times never run backwards in that order
 *   live-place       a live step has exactly one row in ready, lease or later, others have none
 *   history-gap      the history can be derived and ends in the present states
 *   at-rest          (when asked) nothing is open any more
 *   attempt-step     rows name steps that the template has; a claim a worker and a token
 *   attempt-numbers  numbers run from 1 without gap, live rows carry the next or the last
 *   attempt-limit    claims between an operator's retries stay within max_attempts
 *   retry-allowed    nothing was tried again by itself that may not be
 *   results-once     a step's result is recorded once, nothing runs behind it
 *   result-stable    a result that a later step may have seen is not replaced
 *   mark-result      complete and resolved steps have their result, others have none
 *   parents-first    no claim before all parents' results were recorded
 *   token-unique     no two claims of a task share a token
 *   act-attempt      an operator's act and its attempt row agree
 *   run-at           no step began before its task's run_at
 *   lease-worker     a lease names a worker that exists
 *   keys             keys of the HTTP server have a fingerprint, a name, permissions that are known
 *   recount          counters, leases and queue lengths are what a recount gives
 */
#include "check.h"

#include <stdio.h>

#include "key.h"

#define CHECK_PAGE_TASKS 1024
#define CHECK_CHUNK_TASKS 32 /* loaded at a time: contexts may be large */
#define CHECK_LEASES_MAX 1000000

/* --- problems --- */

bool tk_check_full(const tk_checker *c) {
    return c->nomem || c->check->count >= TK_PROBLEMS_MAX;
}

static void keep_problem(tk_checker *c, const char *rule, const tk_view *view, const char *detail) {
    tk_check *check = c->check;
    if (tk_check_full(c)) {
        return;
    }
    if (check->problems == NULL) {
        check->problems = tk_arena_array(&check->arena, TK_PROBLEMS_MAX, sizeof(*check->problems));
    }
    char *copy = tk_arena_copy(&check->arena, detail, strlen(detail));
    if (check->problems == NULL || copy == NULL) {
        c->nomem = true;
        return;
    }
    tk_problem *problem = &check->problems[check->count++];
    *problem = (tk_problem){.rule = rule, .has_task = view != NULL, .detail = copy};
    if (view != NULL) {
        problem->task = view->task.id;
    }
}

#define DETAIL_BYTES_MAX 512

void tk_check_problem(tk_checker *c, const char *rule, const tk_view *view, const char *format,
                      ...) {
    char detail[DETAIL_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    keep_problem(c, rule, view, detail);
}

void tk_check_step_problem(tk_checker *c, const char *rule, const tk_view *view, uint32_t step,
                           const char *format, ...) {
    char detail[DETAIL_BYTES_MAX];
    const char *name = view->known->template->steps[step].name;
    int used = snprintf(detail, sizeof(detail), "step %s: ", name == NULL ? "(none)" : name);
    assert(used > 0 && (size_t)used < sizeof(detail));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail + used, sizeof(detail) - (size_t)used, format, args);
    va_end(args);
    keep_problem(c, rule, view, detail);
}

/* --- recounts --- */

static void count_task(tk_checker *c, int32_t template_id, int32_t state, int64_t tasks) {
    for (uint32_t i = 0; i < c->counted_count; i++) {
        if (c->counted[i].template_id == template_id && c->counted[i].to == state) {
            c->counted[i].tasks += tasks;
            return;
        }
    }
    if (c->counted_count == c->counted_room) {
        uint32_t room = c->counted_room == 0 ? 64 : 2 * c->counted_room;
        tk_count_row *rows = tk_arena_array(&c->arena, room, sizeof(*rows));
        if (rows == NULL) {
            c->nomem = true;
            return;
        }
        if (c->counted_count > 0) {
            memcpy(rows, c->counted, c->counted_count * sizeof(*rows));
        }
        c->counted = rows;
        c->counted_room = room;
    }
    c->counted[c->counted_count++] = (tk_count_row){template_id, 0, state, tasks, 0};
}

/* Takes the store's counters off what was counted: nothing may be left. */
static tasker_status check_counters(tk_checker *c, tasker_error *error) {
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    tk_store *store = c->engine->store;
    tasker_status status = tk_store_call(store, count_list, &c->arena, &rows, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].to != TK_TASK_NONE) {
            count_task(c, rows[i].template_id, rows[i].to, -rows[i].tasks);
        }
        if (rows[i].from != TK_TASK_NONE) {
            count_task(c, rows[i].template_id, rows[i].from, rows[i].tasks);
        }
    }
    for (uint32_t i = 0; i < c->counted_count; i++) {
        if (c->counted[i].tasks != 0) {
            tk_check_problem(c, "recount", NULL,
                             "tasks of template %" PRId32 " in state %" PRId32 ": %" PRId64
                             " more than the counter says",
                             c->counted[i].template_id, c->counted[i].to, c->counted[i].tasks);
        }
    }
    return TASKER_OK;
}

static tasker_status check_leases(tk_checker *c, tasker_error *error) {
    tk_store *store = c->engine->store;
    uint64_t leases = 0;
    for (uint32_t i = 0; i < c->worker_count; i++) {
        tk_lease_row *rows = NULL;
        uint32_t count = 0;
        tk_arena_reset(&c->chunk);
        tasker_status status = tk_store_call(store, worker_leases, &c->chunk, c->workers[i].id,
                                             CHECK_LEASES_MAX, &rows, &count, error);
        if (status == TASKER_OK) {
            status = tk_store_call(store, sync, error);
        }
        if (status != TASKER_OK) {
            return status;
        }
        leases += count;
    }
    if (leases != c->leases) {
        tk_check_problem(c, "recount", NULL,
                         "%" PRIu64 " leases belong to workers, %" PRIu64 " to tasks", leases,
                         c->leases);
    }
    return TASKER_OK;
}

static tasker_status check_queue(tk_checker *c, tasker_error *error) {
    tk_depth_row *rows = NULL;
    uint32_t count = 0;
    tk_depth_sum sum = {0};
    tk_store *store = c->engine->store;
    tasker_status status =
        tk_store_call(store, depth_list, &c->arena, INT64_MAX, &rows, &count, &sum, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    uint64_t queued = 0;
    for (uint32_t i = 0; i < count; i++) {
        queued += (uint64_t)(rows[i].ready + rows[i].later);
    }
    if (queued != c->queued) {
        tk_check_problem(c, "recount", NULL,
                         "%" PRIu64 " steps wait in the queues, %" PRIu64 " by their tasks", queued,
                         c->queued);
    }
    return TASKER_OK;
}

/* --- tasks --- */

/* What followed a failure is judged by the error, a replaced result by the results. */
static bool needs_payloads(const tk_view *view) {
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        int32_t outcome = view->attempts[i].outcome;
        if (outcome == TK_OUTCOME_ERROR || outcome == TK_OUTCOME_COMPLETED ||
            outcome == TK_OUTCOME_RESOLVED) {
            return true;
        }
    }
    return false;
}

/* Requests the rows of the chunk's tasks; `found` loses those that cannot be looked at. */
static tasker_status request_chunk(tk_checker *c, tk_view *views, bool *found, uint32_t count,
                                   tasker_error *error) {
    tasker_error why;
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (!found[i]) {
            tk_check_problem(c, "task-state", &views[i], "the task has no state row");
            continue;
        }
        status = tk_catalog_get(c->engine, views[i].task.template_id, &views[i].known, &why);
        if (status == TASKER_NOTFOUND || status == TASKER_INVALID) {
            tk_check_problem(c, "template", &views[i], "%s", why.message);
            found[i] = false;
            status = TASKER_OK;
            continue;
        }
        if (status != TASKER_OK) {
            if (error != NULL) {
                *error = why;
            }
            return status;
        }
        status =
            tk_view_request(c->engine, &c->chunk, TK_VIEW_PLACES | TK_VIEW_ATTEMPTS | TK_VIEW_ACTS,
                            &views[i], error);
    }
    return status == TASKER_OK ? tk_store_call(c->engine->store, sync, error) : status;
}

static tasker_status request_payloads(tk_checker *c, tk_view *views, const bool *found,
                                      uint32_t count, tasker_error *error) {
    bool any = false;
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (found[i] && needs_payloads(&views[i])) {
            any = true;
            status = tk_view_request(c->engine, &c->chunk, TK_VIEW_ATTEMPTS | TK_VIEW_PAYLOADS,
                                     &views[i], error);
        }
    }
    return status == TASKER_OK && any ? tk_store_call(c->engine->store, sync, error) : status;
}

static tasker_status check_chunk(tk_checker *c, const tk_uuid *ids, uint32_t count,
                                 tasker_error *error) {
    tk_arena_reset(&c->chunk);
    tk_view *views = tk_arena_array(&c->chunk, count, sizeof(*views));
    bool *found = tk_arena_array(&c->chunk, count, sizeof(*found));
    if (views == NULL || found == NULL) {
        return tk_nomem(error);
    }
    tasker_status status = tk_view_heads(c->engine, &c->chunk, ids, count, views, found, error);
    if (status == TASKER_OK) {
        status = request_chunk(c, views, found, count, error);
    }
    if (status == TASKER_OK) {
        status = request_payloads(c, views, found, count, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        c->check->tasks++;
        if (!found[i]) {
            continue;
        }
        c->check->attempts += views[i].attempt_count;
        count_task(c, views[i].task.template_id, views[i].state.state, 1);
        if (!tk_view_arrange(&c->chunk, INT64_MIN, &views[i])) {
            return tk_nomem(error);
        }
        tk_check_task(c, &views[i]);
        status = c->nomem ? tk_nomem(error) : TASKER_OK;
    }
    return status;
}

static tasker_status check_page(tk_checker *c, const tk_uuid *ids, uint32_t count,
                                tasker_error *error) {
    tasker_status status = TASKER_OK;
    for (uint32_t at = 0; status == TASKER_OK && at < count && !tk_check_full(c);) {
        uint32_t size = count - at < CHECK_CHUNK_TASKS ? count - at : CHECK_CHUNK_TASKS;
        status = check_chunk(c, ids + at, size, error);
        at += size;
    }
    return status;
}

static tasker_status check_tasks(tk_checker *c, tasker_error *error) {
    tk_task_filter filter = {.limit = CHECK_PAGE_TASKS};
    tk_arena page = {0};
    tasker_status status = TASKER_OK;
    for (bool more = true; status == TASKER_OK && more && !tk_check_full(c);) {
        tk_task_page found = {0};
        tk_arena_reset(&page);
        status = tk_store_call(c->engine->store, task_list, &page, &filter, &found, error);
        if (status == TASKER_OK) {
            status = tk_store_call(c->engine->store, sync, error);
        }
        if (status == TASKER_OK && found.count > 0) {
            status = check_page(c, found.ids, found.count, error);
            filter.has_after = true;
            filter.after = found.ids[found.count - 1];
        }
        more = found.count == CHECK_PAGE_TASKS;
    }
    tk_arena_release(&page);
    return status;
}

/* --- the whole --- */

static tasker_status check_database(tk_checker *c, tasker_error *error) {
    tk_store *store = c->engine->store;
    tk_str *texts = NULL;
    tk_worker_row *workers = NULL;
    uint32_t count = 0;
    tasker_status status = tk_store_call(store, integrity, &c->arena, &texts, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, worker_list, &c->arena, &workers, &c->worker_count, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    c->workers = workers;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        tk_check_problem(c, "integrity", NULL, "%.*s", (int)texts[i].size, texts[i].data);
    }
    return status;
}

static tasker_status check_keys(tk_checker *c, tasker_error *error) {
    tk_key_row *rows = NULL;
    uint32_t count = 0;
    tk_store *store = c->engine->store;
    const tk_str any = {NULL, 0};
    tasker_status status = tk_store_call(store, key_list, &c->arena, any, &rows, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        const char *fault = tk_key_fault(&rows[i]);
        if (fault != NULL) {
            tk_check_problem(c, "keys", NULL, "key %" PRId32 ": %s", rows[i].id, fault);
        }
    }
    return status;
}

static tasker_status check_all(tk_checker *c, tasker_error *error) {
    tasker_status status = check_database(c, error);
    if (status == TASKER_OK) {
        status = check_keys(c, error);
    }
    if (status == TASKER_OK) {
        status = check_tasks(c, error);
    }
    if (status == TASKER_OK && !tk_check_full(c)) { /* else not all was counted */
        status = check_counters(c, error);
        if (status == TASKER_OK) {
            status = check_leases(c, error);
        }
        if (status == TASKER_OK) {
            status = check_queue(c, error);
        }
    }
    return status == TASKER_OK && c->nomem ? tk_nomem(error) : status;
}

tasker_status tk_check_store(tk_engine *engine, bool at_rest, tk_check *check,
                             tasker_error *error) {
    *check = (tk_check){.count = 0};
    tk_checker c = {.engine = engine, .check = check, .at_rest = at_rest};
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = check_all(&c, error);
        if (status == TASKER_OK) {
            status = tk_store_call(engine->store, commit, error);
        }
        if (status != TASKER_OK) {
            engine->store->driver->rollback(engine->store);
        }
    }
    tk_arena_release(&c.arena);
    tk_arena_release(&c.chunk);
    if (status != TASKER_OK) {
        tk_check_release(check);
    }
    return status;
}

void tk_check_release(tk_check *check) {
    tk_arena_release(&check->arena);
    *check = (tk_check){.count = 0};
}
