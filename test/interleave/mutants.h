/*
 * mutants.h - deliberate faults that only writers beside each other show. Those in the engine are
 * TK_MUTANT(n) in src, those in a statement of the driver replace a part of its text here.
 */
#ifndef TEST_INTERLEAVE_MUTANTS_H
#define TEST_INTERLEAVE_MUTANTS_H

#include "support/fault_store.h"

/* mutants_choose plants the fault whose number is given as text (NULL: none), in a build with
 * TK_MUTANTS; an unknown number, or a text that is not there any more, ends the process. */
void mutants_choose(const char *number);

/* mutants_plant changes a session's driver, if that is the fault. */
void mutants_plant(tk_store *inner, tk_fault_plan *plan);

#endif
