/*
 * base.h - what every file starts from: plain types, limits, memory and the error helper.
 *
 * Memory comes from tk_alloc and its siblings only (`make tidy` checks), so that a test can make
 * each allocation fail once. Asserts stay on in release builds: they guard what cannot happen, never
 * input.
 */
#ifndef TK_BASE_H
#define TK_BASE_H

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tasker.h"

#define TK_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TK_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/* A borrowed text. The same as tasker_bytes, with a short name for the inside. */
typedef tasker_bytes tk_str;

/* TK_STR makes a tk_str of a literal. */
#define TK_STR(literal) ((tk_str){(literal), sizeof(literal) - 1})

static inline tk_str tk_str_of(const char *text) {
    return (tk_str){text, text == NULL ? 0 : strlen(text)};
}

static inline bool tk_str_equal(tk_str a, tk_str b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool tk_str_is(tk_str a, const char *text) {
    return tk_str_equal(a, tk_str_of(text));
}

/* Deliberate faults for proving that the checks can fail: compiled in only with TK_MUTANTS, chosen at
 * run time by tk_mutant. Each place that has one says in a comment what it breaks. */
#ifdef TK_MUTANTS
extern int tk_mutant;
#define TK_MUTANT(number) (tk_mutant == (number))
#else
#define TK_MUTANT(number) false
#endif

/* --- memory --- */

/* Where memory comes from. The default is malloc's family; tests replace it before anything is
 * allocated. `resize` and `release` get NULL as realloc and free do. */
typedef struct tk_allocator {
    void *(*resize)(void *user, void *old, size_t size); /* size is never 0 */
    void (*release)(void *user, void *old);
    void *user;
} tk_allocator;

/* tk_allocator_set replaces the process's allocator; NULL restores the default. Not thread-safe. */
void tk_allocator_set(const tk_allocator *allocator);

/* tk_alloc returns `size` (> 0) zeroed bytes or NULL. */
void *tk_alloc(size_t size);

/* tk_alloc_array returns count × size zeroed bytes, or NULL, also when the product overflows.
 * A count of 0 gives one element's room, so NULL always means: out of memory. */
void *tk_alloc_array(size_t count, size_t size);

/* tk_resize_array grows or shrinks; new bytes are not zeroed; NULL leaves `old` as it was. */
void *tk_resize_array(void *old, size_t count, size_t size);

/* tk_free releases; NULL is fine. */
void tk_free(void *memory);

/* tk_strdup copies a NUL-terminated text; NULL when out of memory. */
char *tk_strdup(const char *text);

/* --- process --- */

/* tk_process_id is getpid() without a call of the kernel. After fork() it is the child's; a child made
 * by a bare clone() goes unnoticed. */
int tk_process_id(void);

/* --- errors --- */

/* tk_fail writes an error (if `error` is not NULL) and returns `status`, so that a function can say
 * `return tk_fail(error, TASKER_INVALID, "…", …)`. The message is cut at TASKER_MESSAGE_MAX on a
 * character's boundary; bytes that are no printable UTF-8 are replaced by '?'. path becomes "". */
tasker_status tk_fail(tasker_error *error, tasker_status status, const char *format, ...)
    TK_PRINTF(3, 4);

/* tk_fail_at is tk_fail with a place in the input ("$.context.items[2]"). */
tasker_status tk_fail_at(tasker_error *error, tasker_status status, const char *path,
                         const char *format, ...) TK_PRINTF(4, 5);

/* tk_nomem is the one error for a failed allocation. */
tasker_status tk_nomem(tasker_error *error);

#endif
