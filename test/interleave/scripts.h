/*
 * scripts.h - the scenarios by their files; each is a function, its sentence stands in main.c.
 */
#ifndef TEST_INTERLEAVE_SCRIPTS_H
#define TEST_INTERLEAVE_SCRIPTS_H

#include "interleave/session.h"

/* X(name, sentence) */
/* clang-format off */
#define SCRIPT_MAP(X)                                                                              \
    /* cancels.c */                                                                                \
    X(cancel_behind_claim, "a cancel that meets a claim waits for it and takes the step back")     \
    X(claim_behind_cancel, "a claim that meets a cancel neither waits nor gets the step")          \
    X(cancel_behind_sticky, "a cancel that meets a kept step waits for it and takes it back")      \
    X(sticky_behind_cancel, "an outcome that meets a cancel is refused and keeps nothing")         \
    X(cancel_behind_due, "a cancel that meets a due step finds it where it went")                  \
    X(due_behind_cancel, "a step that becomes due beside a cancel is gone")                        \
    X(retry_behind_cancel, "a retry that meets a cancel is refused")                               \
    /* outcomes.c */                                                                               \
    X(fan_in_by_two, "the last of two parents that end at once frees the child, once")             \
    X(fan_in_on_pages, "so it is when their states stand on a further page")                       \
    X(resolve_beside_parent, "a step resolved by hand is not freed by its parent that ends")       \
    X(parent_beside_resolve, "a step is not resolved twice when its parent ends before")           \
    X(short_way_is_left, "outcomes of which one is unexpected are saved the long way, once")       \
    X(seen_beside_other_work, "what waits beside other work is seen, and begun by the next turn")  \
    X(replace_beside_claim, "a result that a child is about to see is not replaced")               \
    X(late_outcome_of_another, "a late outcome is not taken for the present attempt's")            \
    X(lost_answer_of_outcomes, "outcomes whose commit's answer was lost are saved once")           \
    X(lost_answer_of_claims, "steps whose claim's answer was lost are given back")                 \
    X(state_that_is_gone, "a state that is gone when it is written takes the transaction with it")  \
    X(held_task_beside_others, "a task that is held for long does not stop other outcomes")        \
    X(give_back_beside_outcomes, "outcomes and steps given back lock their tasks in one order")    \
    /* submits.c */                                                                                \
    X(same_key_twice, "the second of two submissions with a key gets the first one's task")        \
    X(same_key_after_rollback, "when the first one fails, the second creates the task")            \
    X(lost_answer_of_submit, "a submission whose answer was lost is repeated without harm")        \
    X(submit_beside_falling_asleep, "what is submitted while a worker falls asleep is begun")      \
    X(older_number_comes_later, "a step whose number is older and commits later is claimed")       \
    /* deaths.c */                                                                                 \
    X(recovery_behind_outcome, "a recovery that meets the outcome of the dead loses nothing")      \
    X(outcome_behind_recovery, "an outcome that meets the recovery of its worker is refused")      \
    X(two_sweepers, "the second of two sweepers leaves the dead to the first")                     \
    X(beat_before_recovery, "who has beaten since it was judged keeps all")                        \
    X(beat_beside_recovery, "a beat does not wait for a recovery, and is told")                    \
    X(gone_session, "who is gone is dead after two beats, not one")                                \
    X(held_session, "who stands still inside of a transaction is cut off after ten beats")         \
    X(clocks_apart, "nobody is judged by a clock")                                                 \
    X(quick_beats, "beats told early do not make another look dead")                               \
    X(after_reconnect, "behind an own reconnect a session that is gone tells nothing")
/* clang-format on */

#define X(name, sentence) void script_##name(void);
SCRIPT_MAP(X)
#undef X

#define CHAIN                                                                                      \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: a}, retry: {max_attempts: 5, backoff: linear,"              \
    " backoff_base_ms: 1000}}\n"                                                                   \
    "  - {name: b, handler: {callable: b}, dependencies: [a]}\n"                                   \
    "  - {name: c, handler: {callable: c}, dependencies: [b]}\n"
#define DIAMOND                                                                                    \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: a}}\n"                                                      \
    "  - {name: b, handler: {callable: b}}\n"                                                      \
    "  - {name: c, handler: {callable: c}, dependencies: [a, b]}\n"

#endif
