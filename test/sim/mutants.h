/*
 * mutants.h - the deliberate faults of the build with TK_MUTANTS, by the numbers in src (TK_MUTANT).
 */
#ifndef TEST_SIM_MUTANTS_H
#define TEST_SIM_MUTANTS_H

#define SIM_MUTANT_MAP(X)                                                                          \
    X(0, "none")

#endif
