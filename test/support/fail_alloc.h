/*
 * fail_alloc.h - an allocator that fails when told to, and counts what is not given back.
 *
 * One allocation:
 *
 *     fail_alloc_begin(3, FAIL_ALLOC_ONCE);    the third allocation from here fails
 *     … call the code, expect TASKER_NOMEM …
 *     cr_assert_eq(fail_alloc_end(), 0);       nothing leaked
 *
 * Each allocation of a scenario, one after the other:
 *
 *     static void scenario(void *user) { … build, use, release; expect OK or NOMEM … }
 *
 *     fail_alloc_report report = fail_alloc_sweep(scenario, &data);
 *     cr_assert_eq(report.leak_at, 0, "allocation %zu leaks when it fails", report.leak_at);
 *
 * It replaces the process's allocator (tk_allocator_set), so begin before the code under test has
 * allocated anything that it releases later. Threads of the code under test may allocate meanwhile.
 * Without Criterion, so that programs with their own main can use it.
 */
#ifndef TEST_FAIL_ALLOC_H
#define TEST_FAIL_ALLOC_H

#include "base.h"

/* A sweep gives up after so many runs: the scenario then has too many allocations, or no end. */
#define FAIL_ALLOC_RUNS_MAX ((size_t)100000)

typedef enum fail_alloc_mode {
    FAIL_ALLOC_ONCE,  /* one allocation fails, the next ones succeed again */
    FAIL_ALLOC_ONWARD /* it and all after it fail */
} fail_alloc_mode;

/* fail_alloc_begin installs the allocator. `fail_at` is the number of the allocation that fails
 * (1 = the first; growing counts as one); 0: none fails, allocations are only counted. */
void fail_alloc_begin(size_t fail_at, fail_alloc_mode mode);

/* fail_alloc_count is how many allocations were asked for since begin. */
size_t fail_alloc_count(void);

/* fail_alloc_happened tells whether one was refused since begin. */
bool fail_alloc_happened(void);

/* fail_alloc_end restores the default allocator and returns how many blocks were not released
 * (negative: more were released than allocated since begin). */
long fail_alloc_end(void);

typedef struct fail_alloc_report {
    size_t allocations; /* how many a run without failure makes */
    size_t leak_at;     /* the first failed allocation after which a block was left, or 0 */
    bool endless;       /* FAIL_ALLOC_RUNS_MAX was reached */
} fail_alloc_report;

/* fail_alloc_sweep runs the scenario once with each of its allocations failing (in both modes) and
 * last without failure. The scenario releases all it got, whatever happened. */
fail_alloc_report fail_alloc_sweep(void (*scenario)(void *user), void *user);

#endif
