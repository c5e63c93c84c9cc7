/*
 * common.h - what the native examples share. Each is a worker and a client in one process:
 *
 *   open a store ─► put the template ─► start a worker ─► threads run handlers ─► submit, wait, print
 *
 * Everything goes through tasker.h; nothing here knows more of Tasker than a program of yours would.
 */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <tasker.h>

/* What makes one example. */
typedef struct example {
    const char *name;           /* the template's file, "linear" of templates/linear.yaml */
    const char *namespace_name; /* as in the template */
    const char *task_name;
    const char *last_step; /* whose result is the task's */
    const char *context;   /* JSON; NULL: {"even_number": N} of the command line */
    const tasker_handler *handlers;
    size_t handler_count;
} example;

/* example_main runs one task to its end and prints the result of its last step.
 *
 *   PROGRAM [--store URL] [--templates DIRECTORY] [NUMBER]
 *
 * Returns 0 when the task is complete, 1 when it is not, 2 for a wrong command line. */
int example_main(const example *example, int argc, char **argv);

/* --- for handlers ----------------------------------------------------------------------------- */

/* A number of up to so many decimal digits; 99^64 has 128. */
#define EXAMPLE_DIGITS_MAX 4096

/* A whole number of any size as decimal text, without leading zeros. */
typedef struct example_number {
    char digits[EXAMPLE_DIGITS_MAX + 1]; /* the most significant first, and a NUL */
    bool negative;
} example_number;

/* example_number_read reads JSON text that is a whole number written in digits; false when it is
 * anything else or too long. */
bool example_number_read(tasker_bytes json, example_number *number);

/* example_multiply multiplies exactly; false when the product is too long. */
bool example_multiply(const example_number *a, const example_number *b, example_number *product);

/* example_member finds the first member of this name in JSON text and answers its value when that is
 * a number; empty when there is none. Enough where the template's input_schema or the program's own
 * handlers made the text; a program with more to read takes a JSON library. */
tasker_bytes example_member(tasker_bytes json, const char *name);

/* example_member_int reads it as a number that a long long can hold. */
bool example_member_int(tasker_bytes json, const char *name, int64_t *number);

/* example_context_number reads {"even_number": N}. */
bool example_context_number(const tasker_step *step, example_number *number);

/* example_result is what the step `name`, an ancestor, has returned; empty when it is none. */
tasker_bytes example_result(const tasker_step *step, const char *name);

/* example_parents_product multiplies the results of `count` ancestors. */
bool example_parents_product(const tasker_step *step, const char *const *names, size_t count,
                             example_number *product);

/* example_succeed hands out a number; example_succeed_text JSON; both are kept until this thread's
 * next outcome. */
void example_succeed(tasker_outcome *outcome, const example_number *number);
void example_succeed_text(tasker_outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* example_fail ends the attempt for good (retryable false) or until the next one; `message` is a
 * literal. */
void example_fail(tasker_outcome *outcome, bool retryable, const char *message);

/* --- handlers that several examples have ------------------------------------------------------ */

/* Squares the context's number. */
void example_square_context(void *user, const tasker_step *step, tasker_outcome *outcome);

/* Names of parents, ended by NULL, are a handler's `user`: it multiplies their results and squares the
 * product. */
void example_square_parents(void *user, const tasker_step *step, tasker_outcome *outcome);

#endif
