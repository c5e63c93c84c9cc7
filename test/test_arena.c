/* Memory that is released at once. */
#include <criterion/criterion.h>
#include <stdalign.h>

#include "arena.h"
#include "support/fail_alloc.h"

Test(arena, pieces_are_zeroed_aligned_and_apart) {
    tk_arena arena = {0};
    unsigned char *pieces[200];
    for (size_t i = 0; i < TK_COUNT_OF(pieces); i++) {
        pieces[i] = tk_arena_alloc(&arena, i);
        cr_assert_not_null(pieces[i]);
        cr_assert_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < i; j++) {
            cr_assert_eq(pieces[i][j], 0);
        }
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < TK_COUNT_OF(pieces); i++) {
        for (size_t j = 0; j < i; j++) {
            cr_assert_eq(pieces[i][j], i);
        }
    }
    cr_assert_geq(arena.used_bytes, 199 * 200 / 2);
    tk_arena_release(&arena);
    cr_assert_eq(arena.used_bytes, 0);
    cr_assert_null(arena.blocks);
}

Test(arena, used_memory_is_zeroed_again_after_a_reset) {
    tk_arena arena = {0};
    memset(tk_arena_alloc(&arena, 1000), 0xff, 1000);
    tk_arena_reset(&arena);
    cr_assert_eq(arena.used_bytes, 0);
    unsigned char *again = tk_arena_alloc(&arena, 1000);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert_eq(again[i], 0);
    }
    tk_arena_release(&arena);
}

Test(arena, sizes_that_overflow_are_refused) {
    tk_arena arena = {0};
    cr_assert_null(tk_arena_alloc(&arena, SIZE_MAX));
    cr_assert_null(tk_arena_alloc(&arena, TK_ARENA_PIECE_BYTES_MAX + 1));
    cr_assert_null(tk_arena_array(&arena, SIZE_MAX / 2, 3));
    cr_assert_null(tk_arena_copy(&arena, "", SIZE_MAX));
    cr_assert_not_null(tk_arena_array(&arena, 0, 8));
    cr_assert_not_null(tk_arena_array(&arena, 8, 0));
    tk_arena_release(&arena);
}

Test(arena, copies_end_with_a_nul) {
    tk_arena arena = {0};
    cr_assert_str_eq(tk_arena_copy(&arena, "abcdef", 3), "abc");
    cr_assert_str_eq(tk_arena_copy(&arena, NULL, 0), "");
    tk_str copy = {NULL, 0};
    cr_assert(tk_arena_str(&arena, TK_STR("text"), &copy));
    cr_assert_eq(copy.size, 4);
    cr_assert_str_eq(copy.data, "text");
    cr_assert(tk_arena_str(&arena, TK_STR(""), &copy));
    cr_assert_eq(copy.size, 0);
    cr_assert_str_eq(copy.data, "");
    cr_assert(tk_arena_str(&arena, (tk_str){NULL, 0}, &copy)); /* no text stays none */
    cr_assert_null(copy.data);
    cr_assert_str_eq(tk_arena_printf(&arena, "%s-%d", "x", 42), "x-42");
    char *wide = tk_arena_printf(&arena, "%5000d", 1);
    cr_assert_eq(strlen(wide), 5000);
    tk_arena_release(&arena);
}

Test(arena, a_large_piece_does_not_waste_the_newest_block) {
    tk_arena arena = {0};
    char *before = tk_arena_alloc(&arena, 16);
    cr_assert_not_null(tk_arena_alloc(&arena, 3000000));
    char *after = tk_arena_alloc(&arena, 16);
    cr_assert_eq(after, before + 16);
    tk_arena_release(&arena);
}

/* How many allocations it takes to get `size` bytes after a reset. */
static size_t allocations_after_reset(size_t filled, size_t size) {
    tk_arena arena = {0};
    fail_alloc_begin(0, FAIL_ALLOC_ONCE);
    tk_arena_alloc(&arena, 100);
    tk_arena_alloc(&arena, filled);
    tk_arena_reset(&arena);
    size_t before = fail_alloc_count();
    tk_arena_alloc(&arena, size);
    size_t count = fail_alloc_count() - before;
    tk_arena_release(&arena);
    cr_assert_eq(fail_alloc_end(), 0);
    return count;
}

Test(arena, a_reset_keeps_the_largest_block_up_to_a_mebibyte) {
    cr_assert_eq(allocations_after_reset(100000, 100000), 0);
    cr_assert_eq(allocations_after_reset(1024 * 1024, 1024 * 1024), 0);
    cr_assert_eq(allocations_after_reset(1024 * 1024 + 16, 1024 * 1024), 1);
    cr_assert_eq(allocations_after_reset(1024 * 1024 + 16, 1000), 0); /* the small one stays */
}

Test(arena, many_pieces_take_few_blocks) {
    tk_arena arena = {0};
    fail_alloc_begin(0, FAIL_ALLOC_ONCE);
    for (int i = 0; i < 100000; i++) {
        cr_assert_not_null(tk_arena_alloc(&arena, 24));
    }
    cr_assert_lt(fail_alloc_count(), 25);
    tk_arena_release(&arena);
    cr_assert_eq(fail_alloc_end(), 0);
}

Test(arena, release_of_an_empty_one_is_fine) {
    tk_arena arena = {0};
    tk_arena_reset(&arena);
    tk_arena_release(&arena);
    tk_arena_release(&arena);
}

static void use_all(void *user) {
    (void)user;
    tk_arena arena = {0};
    tk_str copy = {NULL, 0};
    bool ok = tk_arena_alloc(&arena, 10) != NULL;
    ok = tk_arena_array(&arena, 1000, 8) != NULL && ok;
    ok = tk_arena_copy(&arena, "abc", 3) != NULL && ok;
    ok = tk_arena_str(&arena, TK_STR("abc"), &copy) && ok;
    ok = tk_arena_printf(&arena, "%9000d", 1) != NULL && ok;
    tk_arena_reset(&arena);
    ok = tk_arena_alloc(&arena, 2000000) != NULL && ok;
    cr_assert_eq(ok, !fail_alloc_happened());
    tk_arena_release(&arena);
}

Test(arena, each_allocation_may_fail) {
    fail_alloc_report report = fail_alloc_sweep(use_all, NULL);
    cr_assert(!report.endless);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_geq(report.allocations, 3);
}
