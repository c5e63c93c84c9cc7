/*
 * turner.h - a worker without a thread on a ledger (ledger.h), turned by hand at the test's clock.
 *
 *     ledger_open(&l, LEDGER_CHAIN);
 *     tk_worker *w = turner_open(&l, "ABC", 2);    handlers A, B, C, two threads
 *     ledger_submit(&l, NULL);
 *     turner_turn(&l, w);
 *     turner_end(w, turner_take(w), "1");
 *     turner_close(&l, w);                         and the store must be sound
 */
#ifndef TEST_TURNER_H
#define TEST_TURNER_H

#include "state.h"
#include "support/ledger.h"
#include "turn.h"

#define TURNER_MS INT64_C(1000)
#define TURNER_S INT64_C(1000000)

tk_worker *turner_open(ledger *l, const char *handlers, uint32_t threads);

/* turner_close forgets the worker, checks the store and closes the ledger. */
void turner_close(ledger *l, tk_worker *w);

/* turner_turn runs a turn that looks at the queue; it insists on OK. */
void turner_turn(ledger *l, tk_worker *w);

/* turner_take takes a step that must be there; turner_has_nothing: none is there. */
tasker_step *turner_take(tk_worker *w);
bool turner_has_nothing(tk_worker *w);

/* turner_end completes a step and gives it back. */
tasker_status turner_end(tk_worker *w, tasker_step *step, const char *result);

/* What the task submitted last has: its attempts, and how many live rows in a place. */
tk_attempt_row *turner_attempts(ledger *l, uint32_t *count);
uint32_t turner_places(ledger *l, tk_place place);

#endif
