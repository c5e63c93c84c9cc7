/*
 * fail_alloc.c - counts allocations by one number for the process; blocks have no header, so ASan
 * and valgrind see them as they are.
 */
#include "support/fail_alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static struct {
    size_t fail_at;
    fail_alloc_mode mode;
    atomic_size_t count;
    atomic_long live;
    atomic_bool happened;
} state;

static bool is_refused(size_t number) {
    if (state.fail_at == 0) {
        return false;
    }
    return number == state.fail_at || (state.mode == FAIL_ALLOC_ONWARD && number > state.fail_at);
}

static void *resize(void *user, void *old, size_t size) {
    (void)user;
    if (is_refused(atomic_fetch_add(&state.count, 1) + 1)) {
        atomic_store(&state.happened, true);
        return NULL;
    }
    void *memory = realloc(old, size);
    if (memory == NULL) {
        abort(); /* the machine itself is out of memory: no test */
    }
    if (old == NULL) {
        memset(memory, 0xa5, size); /* whoever forgets to initialise shall notice */
        atomic_fetch_add(&state.live, 1);
    }
    return memory;
}

static void release(void *user, void *old) {
    (void)user;
    if (old != NULL) {
        atomic_fetch_sub(&state.live, 1);
    }
    free(old);
}

void fail_alloc_begin(size_t fail_at, fail_alloc_mode mode) {
    static const tk_allocator failing = {.resize = resize, .release = release};
    state.fail_at = fail_at;
    state.mode = mode;
    atomic_store(&state.count, 0);
    atomic_store(&state.live, 0);
    atomic_store(&state.happened, false);
    tk_allocator_set(&failing);
}

size_t fail_alloc_count(void) {
    return atomic_load(&state.count);
}

bool fail_alloc_happened(void) {
    return atomic_load(&state.happened);
}

long fail_alloc_end(void) {
    tk_allocator_set(NULL);
    return atomic_load(&state.live);
}

/* True when the run met its failure, so that another one may follow. */
static bool run(void (*scenario)(void *user), void *user, size_t fail_at, fail_alloc_mode mode,
                fail_alloc_report *report) {
    fail_alloc_begin(fail_at, mode);
    scenario(user);
    if (fail_alloc_end() != 0 && report->leak_at == 0) {
        report->leak_at = fail_at;
    }
    return fail_alloc_happened();
}

fail_alloc_report fail_alloc_sweep(void (*scenario)(void *user), void *user) {
    fail_alloc_report report = {0};
    for (size_t fail_at = 1; fail_at <= FAIL_ALLOC_RUNS_MAX; fail_at++) {
        bool more = run(scenario, user, fail_at, FAIL_ALLOC_ONWARD, &report);
        if (!run(scenario, user, fail_at, FAIL_ALLOC_ONCE, &report) && !more) {
            report.allocations = fail_alloc_count();
            return report;
        }
    }
    report.endless = true;
    return report;
}
