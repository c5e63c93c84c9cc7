/*
 * fault_store.c - see fault_store.h. The forwarding functions are made from the list of operations;
 * what that list cannot say, the names of the arguments, stands once below.
 */
#include "support/fault_store.h"

#include <stdatomic.h>

typedef struct fault_store {
    tk_store store;
    tk_driver driver; /* ours, with the name and the abilities of the inner one */
    tk_store *inner;
    tk_fault_plan *plan;
    _Atomic(uintptr_t) holder; /* the thread inside of a transaction, or 0 */
    bool broken;               /* that transaction met an error */
} fault_store;

static fault_store *fault_of(tk_store *store) {
    return (fault_store *)(void *)store;
}

static bool is_holder(fault_store *fault) {
    return atomic_load(&fault->holder) == (uintptr_t)pthread_self();
}

/* --- the plan --------------------------------------------------------------------------------- */

void tk_fault_plan_init(tk_fault_plan *plan) {
    *plan = (tk_fault_plan){.operation = TK_FAULT_ANY};
    pthread_mutex_init(&plan->mutex, NULL);
}

void tk_fault_plan_set(tk_fault_plan *plan, int operation, uint64_t at, tk_fault_kind kind) {
    pthread_mutex_lock(&plan->mutex);
    plan->operation = operation;
    plan->at = at;
    plan->kind = kind;
    plan->counted = 0;
    plan->crashed = false;
    pthread_mutex_unlock(&plan->mutex);
}

void tk_fault_plan_clear(tk_fault_plan *plan) {
    tk_fault_plan_set(plan, TK_FAULT_ANY, 0, TK_FAULT_NONE);
    pthread_mutex_lock(&plan->mutex);
    plan->calls = plan->fired = plan->rollbacks = plan->wakes = plan->misuse = 0;
    memset(plan->calls_of, 0, sizeof(plan->calls_of));
    plan->trace_count = 0;
    pthread_mutex_unlock(&plan->mutex);
}

void tk_fault_plan_release(tk_fault_plan *plan) {
    tk_free(plan->trace);
    plan->trace = NULL;
    plan->trace_count = plan->trace_room = 0;
    pthread_mutex_destroy(&plan->mutex);
}

static const char *fault_text(tk_fault_kind kind) {
    switch (kind) {
    case TK_FAULT_BEFORE:
        return ", made to fail before";
    case TK_FAULT_AFTER:
        return ", its answer was lost";
    case TK_FAULT_CRASH:
        return ", crashed";
    default:
        return "";
    }
}

void tk_fault_plan_print(const tk_fault_plan *plan, FILE *out) {
    fprintf(out,
            "%" PRIu64 " calls, %" PRIu64 " faults, %" PRIu64 " rollbacks, %" PRIu64
            " wakes, %" PRIu64 " misused\n",
            plan->calls, plan->fired, plan->rollbacks, plan->wakes, plan->misuse);
    for (int i = 0; i < TK_STORE_OPERATION_COUNT; i++) {
        if (plan->calls_of[i] > 0) {
            fprintf(out, "%8" PRIu64 " %s\n", plan->calls_of[i],
                    tk_store_operation_name((tk_store_operation)i));
        }
    }
    for (uint32_t i = 0; i < plan->trace_count; i++) {
        const tk_fault_call *call = &plan->trace[i];
        fprintf(out, "%u %s %s%s\n", i + 1, tk_store_operation_name(call->operation),
                tasker_status_name(call->status), fault_text(call->fault));
    }
}

/* Counts a call and says what becomes of it. */
static tk_fault_kind plan_decide(tk_fault_plan *plan, tk_store_operation operation) {
    tk_fault_kind kind = TK_FAULT_NONE;
    pthread_mutex_lock(&plan->mutex);
    plan->calls++;
    plan->calls_of[operation]++;
    if (plan->crashed) {
        kind = TK_FAULT_CRASH;
    } else if (plan->decide != NULL) {
        kind = plan->decide(plan->user, operation, plan->calls);
    } else if (plan->operation == TK_FAULT_ANY || plan->operation == (int)operation) {
        kind = ++plan->counted == plan->at ? plan->kind : TK_FAULT_NONE;
    }
    plan->fired += kind != TK_FAULT_NONE && !plan->crashed;
    plan->crashed = plan->crashed || kind == TK_FAULT_CRASH;
    pthread_mutex_unlock(&plan->mutex);
    return kind;
}

static void plan_trace(tk_fault_plan *plan, tk_store_operation operation, tk_fault_kind fault,
                       tasker_status status) {
    if (!plan->tracing) {
        return;
    }
    pthread_mutex_lock(&plan->mutex);
    if (plan->trace_count == plan->trace_room && plan->trace_room < TK_FAULT_TRACE_MAX) {
        uint32_t room = plan->trace_room == 0 ? 256 : plan->trace_room * 2;
        tk_fault_call *wider = tk_resize_array(plan->trace, room, sizeof(*wider));
        if (wider != NULL) {
            plan->trace = wider;
            plan->trace_room = room;
        }
    }
    if (plan->trace_count < plan->trace_room) {
        plan->trace[plan->trace_count++] = (tk_fault_call){operation, fault, status};
    }
    pthread_mutex_unlock(&plan->mutex);
}

static void plan_add(tk_fault_plan *plan, uint64_t *counter) {
    pthread_mutex_lock(&plan->mutex);
    (*counter)++;
    pthread_mutex_unlock(&plan->mutex);
}

/* --- around a call ---------------------------------------------------------------------------- */

static void fault_rollback(tk_store *store) {
    fault_store *fault = fault_of(store);
    if (is_holder(fault)) {
        plan_add(fault->plan, &fault->plan->rollbacks);
        atomic_store(&fault->holder, 0);
    }
    fault->inner->driver->rollback(fault->inner);
}

/* Is this a call that the contract allows now? */
static bool call_is_misuse(fault_store *fault, tk_store_operation operation) {
    if (operation == TK_STORE_OP_begin) {
        return is_holder(fault);
    }
    return !is_holder(fault) || fault->broken;
}

/* What comes before the inner call: true when that one is to be made. */
static bool call_enter(fault_store *fault, tk_store_operation operation, tk_fault_kind *kind,
                       tasker_status *status, tasker_error *error) {
    const char *name = tk_store_operation_name(operation);
    *kind = plan_decide(fault->plan, operation);
    if (call_is_misuse(fault, operation)) {
        plan_add(fault->plan, &fault->plan->misuse);
        *status = tk_fail(error, TASKER_STORE,
                          "fault store: %s after an error, or outside of a transaction", name);
        return false;
    }
    if (*kind == TK_FAULT_BEFORE || *kind == TK_FAULT_CRASH) {
        *status = tk_fail(error, TASKER_STORE, "fault store: %s was made to fail", name);
        return false;
    }
    if (operation == TK_STORE_OP_commit) {
        atomic_store(&fault->holder, 0); /* it ends, well or not, and another thread may begin */
    }
    return true;
}

/* What comes behind it, whether or not it was made. */
static tasker_status call_leave(fault_store *fault, tk_store_operation operation,
                                tk_fault_kind kind, bool made, tasker_status status,
                                tasker_error *error) {
    bool begun = operation == TK_STORE_OP_begin && made && status == TASKER_OK;
    if (kind == TK_FAULT_AFTER && status == TASKER_OK) {
        status = tk_fail(error, TASKER_STORE, "fault store: the answer of %s was lost",
                         tk_store_operation_name(operation));
    }
    if (begun) {
        fault->broken = false;
        atomic_store(&fault->holder, (uintptr_t)pthread_self());
    }
    if (status != TASKER_OK && is_holder(fault)) {
        fault->broken = true;
        if (operation == TK_STORE_OP_begin || operation == TK_STORE_OP_commit) {
            fault_rollback(&fault->store);
        }
    }
    plan_trace(fault->plan, operation, kind, status);
    return status;
}

/* --- the table -------------------------------------------------------------------------------- */

/* The arguments of each operation between the store and the error, by name. */
/* clang-format off */
#define ARGUMENTS_begin           mode,
#define ARGUMENTS_sync
#define ARGUMENTS_commit
#define ARGUMENTS_name_intern     kind, texts, count, ids,
#define ARGUMENTS_name_list       arena, kind, ids, texts, count,
#define ARGUMENTS_template_known  arena, namespace_name, name, names, count,
#define ARGUMENTS_template_insert row, step_names, step_ancestors, step_count,
#define ARGUMENTS_template_use    template_id, now_us,
#define ARGUMENTS_template_load   arena, id, row,
#define ARGUMENTS_template_find   arena, namespace_name, name, version, digest, row,
#define ARGUMENTS_template_list   arena, rows, count,
#define ARGUMENTS_identity_insert arena, rows, count, winners,
#define ARGUMENTS_task_insert     rows, count, inserted,
#define ARGUMENTS_state_insert    rows, count,
#define ARGUMENTS_ready_insert    rows, count,
#define ARGUMENTS_later_insert    rows, count,
#define ARGUMENTS_lease_insert    rows, count,
#define ARGUMENTS_attempt_insert  rows, count,
#define ARGUMENTS_act_insert      rows, count,
#define ARGUMENTS_count_add       rows, count,
#define ARGUMENTS_state_lock      arena, ids, count, rows, found,
#define ARGUMENTS_state_try       ids, count, taken,
#define ARGUMENTS_state_update    rows, count,
#define ARGUMENTS_finish          rows, count, accepted,
#define ARGUMENTS_advance         rows, count, bytes,
#define ARGUMENTS_lease_return    leases, readies, count, returned,
#define ARGUMENTS_attempt_bases   keys, count, bases,
#define ARGUMENTS_attempt_tokens  leases, count, recorded,
#define ARGUMENTS_due_move        now_us, limit, moved, next_us,
#define ARGUMENTS_heads           arena, rows, count,
#define ARGUMENTS_claim           arena, wants, want_count, limit, worker, token, now_us, rows, count,
#define ARGUMENTS_results         arena, rows, count,
#define ARGUMENTS_last_failures   arena, keys, count, rows, found,
#define ARGUMENTS_attempt_last    keys, count, attempts,
#define ARGUMENTS_ready_delete    keys, count, rows, deleted,
#define ARGUMENTS_later_delete    keys, count, rows, deleted,
#define ARGUMENTS_task_clear      task_id, now_us,
#define ARGUMENTS_lease_revoke    keys, count, now_us, revoked,
#define ARGUMENTS_worker_insert   row,
#define ARGUMENTS_worker_beat     id, asleep, holding,
#define ARGUMENTS_worker_delete   id,
#define ARGUMENTS_worker_list     arena, rows, count,
#define ARGUMENTS_worker_cut      id, beat, gone,
#define ARGUMENTS_worker_take     id, beat, taken,
#define ARGUMENTS_worker_leases   arena, id, limit, rows, count,
#define ARGUMENTS_task_load       arena, ids, count, rows, found,
#define ARGUMENTS_state_load      arena, ids, count, rows, found,
#define ARGUMENTS_task_list       arena, filter, page,
#define ARGUMENTS_task_count      filter, count, all,
#define ARGUMENTS_place_list      arena, task_id, rows, count,
#define ARGUMENTS_attempt_list    arena, task_id, payloads, rows, count,
#define ARGUMENTS_act_list        arena, task_id, rows, count,
#define ARGUMENTS_count_list      arena, rows, count,
#define ARGUMENTS_depth_list      arena, most, rows, count, sum,
#define ARGUMENTS_facts           arena, facts,
#define ARGUMENTS_minute_add      rows, count,
#define ARGUMENTS_minute_take     arena, span, before_us, limit, rows, count,
#define ARGUMENTS_minute_list     arena, from_us, rows, count, since_us,
#define ARGUMENTS_key_insert      row, inserted,
#define ARGUMENTS_key_revoke      row, revoked,
#define ARGUMENTS_key_list        arena, hash, rows, count,
#define ARGUMENTS_ready_ahead     key, limit, ahead,
#define ARGUMENTS_record_end      end,
#define ARGUMENTS_record_list     arena, filter, rows, count,
#define ARGUMENTS_integrity       arena, problems, count,
/* clang-format on */

#define X(name, arguments)                                                                         \
    static tasker_status fault_##name arguments {                                                  \
        fault_store *fault = fault_of(store);                                                      \
        tk_store *inner = fault->inner;                                                            \
        tk_fault_kind fault_kind;                                                                  \
        tasker_status status = TASKER_OK;                                                          \
        bool made = call_enter(fault, TK_STORE_OP_##name, &fault_kind, &status, error);            \
        if (made) {                                                                                \
            status = inner->driver->name(inner, ARGUMENTS_##name error);                           \
        }                                                                                          \
        return call_leave(fault, TK_STORE_OP_##name, fault_kind, made, status, error);             \
    }
TK_STORE_OPERATION_MAP(X)
#undef X

static tasker_status fault_worker_cut_perhaps(tk_store *store, int32_t id, int64_t beat, bool *gone,
                                              tasker_error *error) {
    *gone = true;
    return fault_of(store)->plan->keep_sessions ? TASKER_OK
                                                : fault_worker_cut(store, id, beat, gone, error);
}

static tasker_status fault_worker_lock(tk_store *store, bool *first, tasker_error *error) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->worker_lock(inner, first, error);
}

static void fault_worker_unlock(tk_store *store) {
    tk_store *inner = fault_of(store)->inner;
    inner->driver->worker_unlock(inner);
}

static void fault_wake(tk_store *store) {
    fault_store *fault = fault_of(store);
    plan_add(fault->plan, &fault->plan->wakes);
    if (!fault->plan->lose_wakes) {
        fault->inner->driver->wake(fault->inner);
    }
}

static int fault_wake_fd(tk_store *store) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->wake_fd(inner);
}

static void fault_wake_drain(tk_store *store) {
    tk_store *inner = fault_of(store)->inner;
    inner->driver->wake_drain(inner);
}

static tasker_status fault_reconnect(tk_store *store, tasker_error *error) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->reconnect(inner, error);
}

static uint64_t fault_session(tk_store *store) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->session == NULL ? 1 : inner->driver->session(inner);
}

static tasker_status fault_upkeep(tk_store *store, bool *elected, uint32_t *skipped,
                                  tasker_error *error) {
    tk_store *inner = fault_of(store)->inner;
    *elected = false;
    *skipped = 0;
    if (fault_of(store)->plan->keep_sessions) {
        return TASKER_OK;
    }
    return inner->driver->upkeep(inner, elected, skipped, error);
}

static tasker_status fault_backup(tk_store *store, const char *path, tasker_progress_fn copied,
                                  void *user, int64_t *bytes, tasker_error *error) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->backup(inner, path, copied, user, bytes, error);
}

static tasker_status fault_set_up(tk_store *store, tk_arena *arena, tk_setup *setup,
                                  tasker_error *error) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->set_up(inner, arena, setup, error);
}

static tasker_status fault_prune(tk_store *store, tk_arena *arena, tk_prune *prune,
                                 tasker_error *error) {
    tk_store *inner = fault_of(store)->inner;
    return inner->driver->prune(inner, arena, prune, error);
}

static tasker_status fault_share(tk_store *store, tk_store **other, tasker_error *error) {
    fault_store *fault = fault_of(store);
    tk_store *shared = NULL;
    tasker_status status = fault->inner->driver->share(fault->inner, &shared, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_fault_store_wrap(shared, fault->plan, other, error);
    if (status != TASKER_OK) {
        tk_store_close(shared);
    }
    return status;
}

static void fault_close(tk_store *store) {
    fault_store *fault = fault_of(store);
    tk_store_close(fault->inner);
    tk_free(fault);
}

static const tk_driver fault_driver = {
#define X(operation, arguments) .operation = fault_##operation,
    TK_STORE_OPERATION_MAP(X)
#undef X
        .rollback = fault_rollback,
    .worker_lock = fault_worker_lock,
    .worker_unlock = fault_worker_unlock,
    .wake = fault_wake,
    .wake_fd = fault_wake_fd,
    .wake_drain = fault_wake_drain,
    .reconnect = fault_reconnect,
    .session = fault_session,
    .upkeep = fault_upkeep,
    .set_up = fault_set_up,
    .prune = fault_prune,
    .backup = fault_backup,
    .share = fault_share,
    .close = fault_close,
};

tasker_status tk_fault_store_wrap(tk_store *inner, tk_fault_plan *plan, tk_store **store,
                                  tasker_error *error) {
    fault_store *fault = tk_alloc(sizeof(*fault));
    if (fault == NULL) {
        return tk_nomem(error);
    }
    fault->driver = fault_driver;
    fault->driver.worker_cut = fault_worker_cut_perhaps;
    fault->driver.name = inner->driver->name;
    fault->driver.many_workers = inner->driver->many_workers;
    fault->driver.advances = inner->driver->advances;
    fault->store.driver = &fault->driver;
    fault->inner = inner;
    fault->plan = plan;
    *store = &fault->store;
    return TASKER_OK;
}
