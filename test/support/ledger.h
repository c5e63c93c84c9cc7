/*
 * ledger.h - a task on an in-memory store, moved step by step by the real verbs at a clock that a test
 * owns; and statements that break what they wrote.
 *
 *     ledger l;
 *     ledger_open(&l, LEDGER_CHAIN);
 *     ledger_submit(&l, "{…}");        or NULL for the plain request
 *     ledger_run(&l, "a", "1");        claim, and complete with that result
 *     ledger_break(&l, "UPDATE …");
 *     ledger_close(&l);
 */
#ifndef TEST_LEDGER_H
#define TEST_LEDGER_H

#include <criterion/criterion.h>

#include "engine.h"

/* Templates "job" in namespace "test", version 1.0.0: each handler is called as its step. */
#define LEDGER_CHAIN                                                                               \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: A}}\n"                                                      \
    "  - {name: b, handler: {callable: B}, dependencies: [a]}\n"                                   \
    "  - {name: c, handler: {callable: C}, dependencies: [b]}\n"
#define LEDGER_DIAMOND                                                                             \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: d, handler: {callable: D}, dependencies: [b, c]}\n"                                \
    "  - {name: a, handler: {callable: A}}\n"                                                      \
    "  - {name: b, handler: {callable: B}, dependencies: [a]}\n"                                   \
    "  - {name: c, handler: {callable: C}, dependencies: [a]}\n"
#define LEDGER_ROOTS                                                                               \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: A}, retry: {max_attempts: 2}}\n"                            \
    "  - {name: b, handler: {callable: B}, retry: {max_attempts: 2, backoff: none}}\n"             \
    "  - {name: c, handler: {callable: C}, dependencies: [a, b]}\n"

typedef struct ledger {
    tk_engine engine;
    tk_catalog catalog;
    tk_clock clock;
    tk_random random;
    tk_random_stream stream;
    tk_arena arena;
    tasker_error error;
    const tk_known *known;
    tk_uuid task; /* submitted last */
    int32_t worker;
    int64_t token;
    int64_t now_us; /* each act of a test takes a millisecond */
    bool borrowed;  /* the store is the test's */
} ledger;

void ledger_open(ledger *l, const char *yaml);

/* ledger_open_on works on an open store, which stays open; all but ledger_break. */
void ledger_open_on(ledger *l, tk_store *store, const char *yaml);
void ledger_close(ledger *l);

/* ledger_submit creates a task; `members` are added to the request, "\"priority\":1", or NULL. */
void ledger_submit(ledger *l, const char *members);

/* ledger_uuid formats the task's id, ledger_step_uuid a step's. */
const char *ledger_uuid(ledger *l);
tk_uuid ledger_step(const ledger *l, const char *step);
const char *ledger_step_uuid(ledger *l, const char *step);

/* ledger_claim claims a ready step; ledger_end ends a claim with a result or an error. */
tk_lease_row ledger_claim(ledger *l, const char *step);
bool ledger_end(ledger *l, tk_lease_row lease, tk_outcome_kind kind, const char *result,
                bool retryable);

void ledger_run(ledger *l, const char *step, const char *result);
void ledger_fail(ledger *l, const char *step, bool retryable);
void ledger_lose(ledger *l, const char *step);

/* ledger_later lets time pass and moves what is due. */
void ledger_later(ledger *l, int64_t us);

/* Operators, who say why. */
void ledger_retry(ledger *l, const char *step);
void ledger_by_hand(ledger *l, const char *step, tk_outcome_kind kind, const char *result);

/* ledger_break runs SQL past the driver; %Q and the like are not known: `?1` is the task's id. */
void ledger_break(ledger *l, const char *sql);

/* ledger_query answers as tk_query does, as text of the arena; it insists on OK. */
const char *ledger_query(ledger *l, tasker_query_kind kind, const char *filter);
const char *ledger_query_task(ledger *l, tasker_query_kind kind);

#endif
