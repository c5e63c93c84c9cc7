/*
 * mutants.h - the deliberate faults of the build with TK_MUTANTS, by their numbers in src.
 */
#ifndef TEST_SIM_MUTANTS_H
#define TEST_SIM_MUTANTS_H

#define SIM_MUTANT_MAP(X)                                                                          \
    X(1, "no token in the fence: a late outcome is taken for the present attempt's")               \
    X(2, "a count is not checked: an outcome that the fence refused counts all the same")          \
    X(3, "a fan-in is counted twice: one of two parents frees the child")                          \
    X(4, "attempts are counted when they end: one whose worker died is none for the limit")        \
    X(5, "a sleeping worker looks only when woken, and a wake-up may be lost")                     \
    X(6, "an operator's retry begins with attempt 1 again")                                        \
    X(7, "a step that is given back unstarted has lost an attempt")                                \
    X(8, "leases of a claim whose answer was lost stay")                                           \
    X(9, "a repeated submission brings finished steps back")                                       \
    X(10, "a result is replaced though a child has seen the older one")                            \
    X(11, "a time-out frees the slot of a handler that still runs")                                \
    X(12, "a bypassed step counts among the open ones")                                            \
    X(13, "a cancel leaves the steps that wait in the queue")                                      \
    X(14, "the attempt of a worker that died is forgotten")                                        \
    X(15, "a task with failed steps is complete")                                                  \
    X(16, "a step that its worker keeps waits in the queue as well")                               \
    X(17, "outcomes whose answer was lost are taken for saved")                                    \
    X(18, "a worker that was taken for dead goes on under its old number")                         \
    X(19, "a kept step sees no more results than the step before it saw")                          \
    X(20, "an end is dated by a clock that was set back")                                          \
    X(21, "a host is told that an outcome was saved which was refused")                            \
    X(22, "a retry does not wait for its backoff")                                                 \
    X(24, "a submission is answered though the turn did not store it")

#endif
