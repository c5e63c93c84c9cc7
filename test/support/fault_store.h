/*
 * fault_store.h - a store around another one: it counts what is called, makes chosen calls fail, and
 * remembers the order.
 *
 *   verbs ──► fault store ──► the real store
 *               │ plan: which call, how
 *               └ counts, trace, misuse
 *
 * "Every statement boundary" is a number: run a flow once with a plan that does nothing, read
 * plan.calls, then run it once for each number and each kind of fault:
 *
 *     tk_fault_plan plan;
 *     tk_fault_plan_init(&plan);
 *     tk_fault_store_wrap(inner, &plan, &store, error);   // from now on the inner one is the wrapper's
 *     flow(store);
 *     for (uint64_t at = 1; at <= plan.calls; at++) { … tk_fault_plan_set(&plan, TK_FAULT_ANY, at,
 *         TK_FAULT_AFTER); flow(store); look whether nothing is half done … }
 *
 * Kinds of fault:
 *
 *   BEFORE  the operation is not done. STORE is returned.
 *   AFTER   the operation is done and STORE is returned: a commit whose answer was lost (what it
 *           stored is stored), a statement after which the connection broke.
 *   CRASH   BEFORE, and so is everything from then on, until tk_fault_plan_set or _clear: the
 *           process as the store sees it is dead. What was open is rolled back.
 *
 * A commit that fails BEFORE is rolled back inside, as a real driver does it; a begin that fails
 * AFTER too. After any other failure, injected or real, the wrapper insists on the contract: until
 * rollback every call fails, a commit rolls back, and each such call counts as misuse, as does an
 * operation outside of a transaction. A test that ends with plan.misuse > 0 found a wrong error path.
 *
 * One plan may serve several stores (those made by `share` do so by themselves) and several threads;
 * its counters are exact, read them when the threads are done. Setting a plan while calls run is for
 * tests with one thread.
 */
#ifndef TK_FAULT_STORE_H
#define TK_FAULT_STORE_H

#include <pthread.h>
#include <stdio.h>

#include "store.h"

#define TK_FAULT_ANY (-1) /* as an operation: all of them are counted together */
#define TK_FAULT_TRACE_MAX 65536

typedef enum tk_fault_kind {
    TK_FAULT_NONE = 0,
    TK_FAULT_BEFORE,
    TK_FAULT_AFTER,
    TK_FAULT_CRASH
} tk_fault_kind;

/* One call, as it was answered. */
typedef struct tk_fault_call {
    tk_store_operation operation;
    tk_fault_kind fault;
    tasker_status status;
} tk_fault_call;

typedef struct tk_fault_plan {
    /* The planned fault: the at-th call (from 1) of `operation` since it was set; 0: none. */
    int operation;
    uint64_t at;
    tk_fault_kind kind;
    /* Asked before every call when set, instead of the above. `number` counts all calls, from 1. */
    tk_fault_kind (*decide)(void *user, tk_store_operation operation, uint64_t number);
    void *user;
    bool lose_wakes;    /* wake() is swallowed */
    bool keep_sessions; /* worker_cut says that the session is gone, and cuts nothing; no upkeep */
    bool tracing;       /* remember calls, at most TK_FAULT_TRACE_MAX */

    /* What happened; tk_fault_plan_clear starts anew. */
    uint64_t calls;
    uint64_t calls_of[TK_STORE_OPERATION_COUNT];
    uint64_t fired;     /* faults injected; those behind a crash are not counted */
    uint64_t rollbacks; /* with a transaction open */
    uint64_t wakes;     /* also the swallowed ones */
    uint64_t misuse;
    tk_fault_call *trace;
    uint32_t trace_count;

    /* Inside. */
    uint64_t counted;
    uint32_t trace_room;
    bool crashed;
    pthread_mutex_t mutex;
} tk_fault_plan;

/* tk_fault_plan_init makes a plan without a fault. */
void tk_fault_plan_init(tk_fault_plan *plan);

/* tk_fault_plan_set plans one fault and counts calls from here; the past stays in the counters. */
void tk_fault_plan_set(tk_fault_plan *plan, int operation, uint64_t at, tk_fault_kind kind);

/* tk_fault_plan_clear forgets the fault, the counters and the trace. */
void tk_fault_plan_clear(tk_fault_plan *plan);

/* tk_fault_plan_release gives its memory back; no store may use it any more. */
void tk_fault_plan_release(tk_fault_plan *plan);

/* tk_fault_plan_print writes how often each operation was called, and the trace if there is one:
 * "17 finish ok", "18 commit store, its answer was lost". */
void tk_fault_plan_print(const tk_fault_plan *plan, FILE *out);

/* tk_fault_store_wrap makes a store around `inner`, which it owns from then on (also closes). The
 * plan must outlive it. Returns OK or NOMEM (the inner one is still the caller's). */
tasker_status tk_fault_store_wrap(tk_store *inner, tk_fault_plan *plan, tk_store **store,
                                  tasker_error *error);

#endif
