/*
 * arena.h - memory of one operation, released at its one exit.
 */
#ifndef TK_ARENA_H
#define TK_ARENA_H

#include "base.h"

/* One piece is at most this large; more counts as a failed allocation. */
#define TK_ARENA_PIECE_BYTES_MAX ((size_t)1 << 30)

typedef struct tk_arena_block tk_arena_block;

/* An arena; zero-initialised is empty and ready. Not thread-safe. */
typedef struct tk_arena {
    tk_arena_block *blocks;
    size_t used_bytes; /* handed out since the last release or reset */
} tk_arena;

/* tk_arena_alloc returns `size` zeroed bytes, aligned for anything, or NULL. Size 0 is fine. */
void *tk_arena_alloc(tk_arena *arena, size_t size);

/* tk_arena_array returns count × size zeroed bytes or NULL (also on overflow). */
void *tk_arena_array(tk_arena *arena, size_t count, size_t size);

/* tk_arena_copy copies bytes and adds a NUL; NULL when out of memory. */
char *tk_arena_copy(tk_arena *arena, const void *data, size_t size);

/* tk_arena_str copies a text (NUL-terminated behind its end; data NULL stays NULL); false when out of
 * memory. */
bool tk_arena_str(tk_arena *arena, tk_str text, tk_str *copy);

/* tk_arena_printf formats into the arena; NULL when out of memory. */
char *tk_arena_printf(tk_arena *arena, const char *format, ...) TK_PRINTF(2, 3);

/* tk_arena_reset forgets everything but keeps one block (the largest, up to 1 MiB) for reuse. */
void tk_arena_reset(tk_arena *arena);

/* tk_arena_release gives all memory back; the arena is empty and ready again. */
void tk_arena_release(tk_arena *arena);

#endif
