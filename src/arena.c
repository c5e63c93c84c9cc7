/*
 * arena.c - memory of one operation: pieces are cut from blocks, and all blocks go at once.
 *
 *   arena ──► newest block ──► older block ──► …     pieces come from the newest only
 *
 * A piece that is large for its block's growth gets a block of its own behind the newest, so that
 * the newest one's rest is not lost.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdio.h>

enum {
    BLOCK_BYTES_MIN = 1024, /* a held step has an arena of its own, and mostly needs no more */
    BLOCK_BYTES_MAX = 256 * 1024, /* where doubling ends; single pieces may be larger */
    KEPT_BYTES_MAX = 1024 * 1024, /* what a reset keeps at most */
    PIECE_ALIGN = alignof(max_align_t)
};

struct tk_arena_block {
    tk_arena_block *next;
    size_t room;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static tk_arena_block *block_new(size_t room) {
    /* Not zeroed: pieces are, one by one. */
    tk_arena_block *block = tk_resize_array(NULL, sizeof(tk_arena_block) + room, 1);
    if (block != NULL) {
        *block = (tk_arena_block){.room = room};
    }
    return block;
}

/* A block with room for `size` bytes: the newest, a larger new one, or one for this piece alone. */
static tk_arena_block *block_for(tk_arena *arena, size_t size) {
    tk_arena_block *newest = arena->blocks;
    if (newest != NULL && newest->room - newest->used >= size) {
        return newest;
    }
    size_t room = BLOCK_BYTES_MIN;
    if (newest != NULL) {
        room = newest->room >= BLOCK_BYTES_MAX / 2 ? BLOCK_BYTES_MAX : newest->room * 2;
    }
    bool alone = size > room / 2;
    tk_arena_block *block = block_new(alone ? size : room);
    if (block == NULL) {
        return NULL;
    }
    if (alone && newest != NULL) {
        block->next = newest->next;
        newest->next = block;
    } else {
        block->next = newest;
        arena->blocks = block;
    }
    return block;
}

void *tk_arena_alloc(tk_arena *arena, size_t size) {
    if (size > TK_ARENA_PIECE_BYTES_MAX) {
        return NULL;
    }
    size_t padded = (size == 0 ? 1 : size) + PIECE_ALIGN - 1;
    padded -= padded % PIECE_ALIGN;

    tk_arena_block *block = block_for(arena, padded);
    if (block == NULL) {
        return NULL;
    }
    void *piece = block->bytes + block->used;
    block->used += padded;
    arena->used_bytes += padded;
    return memset(piece, 0, padded);
}

void *tk_arena_array(tk_arena *arena, size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return tk_arena_alloc(arena, bytes);
}

char *tk_arena_copy(tk_arena *arena, const void *data, size_t size) {
    if (size == SIZE_MAX) {
        return NULL;
    }
    char *copy = tk_arena_alloc(arena, size + 1);
    if (copy != NULL && size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

bool tk_arena_str(tk_arena *arena, tk_str text, tk_str *copy) {
    if (text.data == NULL) { /* nothing stays nothing */
        *copy = text;
        return true;
    }
    char *data = tk_arena_copy(arena, text.data, text.size);
    if (data == NULL) {
        return false;
    }
    *copy = (tk_str){data, text.size};
    return true;
}

char *tk_arena_printf(tk_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        return NULL;
    }
    char *text = tk_arena_alloc(arena, (size_t)size + 1);
    if (text == NULL) {
        return NULL;
    }
    va_start(args, format);
    vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

void tk_arena_reset(tk_arena *arena) {
    tk_arena_block *kept = NULL;
    tk_arena_block *block = arena->blocks;
    while (block != NULL) {
        tk_arena_block *next = block->next;
        if (block->room <= KEPT_BYTES_MAX && (kept == NULL || block->room > kept->room)) {
            tk_free(kept);
            kept = block;
        } else {
            tk_free(block);
        }
        block = next;
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    *arena = (tk_arena){.blocks = kept};
}

void tk_arena_release(tk_arena *arena) {
    tk_arena_block *block = arena->blocks;
    while (block != NULL) {
        tk_arena_block *next = block->next;
        tk_free(block);
        block = next;
    }
    *arena = (tk_arena){0};
}
