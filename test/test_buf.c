/* The growing text. */
#include <criterion/criterion.h>

#include "buf.h"
#include "support/fail_alloc.h"

Test(buf, everything_added_is_there_and_ends_with_a_nul) {
    tk_buf buf = {0};
    tk_buf_add(&buf, "ab", 2);
    tk_buf_str(&buf, TK_STR("cd"));
    tk_buf_text(&buf, "ef");
    tk_buf_char(&buf, 'g');
    tk_buf_printf(&buf, "%d-%s", 1, "h");
    cr_assert_str_eq(buf.data, "abcdefg1-h");
    cr_assert_eq(buf.size, 10);
    cr_assert(tk_str_is(tk_buf_view(&buf), "abcdefg1-h"));
    tk_buf_truncate(&buf, 100);
    cr_assert_eq(buf.size, 10);
    tk_buf_truncate(&buf, 2);
    cr_assert_str_eq(buf.data, "ab");
    tk_buf_release(&buf);
    cr_assert_null(buf.data);
    tk_buf_release(&buf);
}

Test(buf, nothing_added_is_nothing) {
    tk_buf buf = {0};
    tk_buf_truncate(&buf, 0);
    cr_assert_eq(tk_buf_view(&buf).size, 0);
    tk_buf_str(&buf, (tk_str){NULL, 0});
    tk_buf_text(&buf, "");
    tk_buf_printf(&buf, "%s", "");
    cr_assert_eq(buf.size, 0);
    cr_assert_str_eq(buf.data, "");
    tk_buf_release(&buf);
}

Test(buf, formatted_texts_of_every_length_around_the_room_are_whole) {
    for (int length = 240; length <= 270; length++) {
        for (size_t before = 0; before < 3; before++) {
            tk_buf buf = {0};
            tk_buf_add(&buf, "xyz", before);
            tk_buf_printf(&buf, "%*d", length, 7);
            cr_assert_eq(buf.size, before + (size_t)length);
            cr_assert_eq(buf.data[buf.size - 1], '7');
            cr_assert_eq(buf.data[buf.size], '\0');
            tk_buf_release(&buf);
        }
    }
}

Test(buf, reserved_room_is_used_without_allocating) {
    tk_buf buf = {0};
    fail_alloc_begin(0, FAIL_ALLOC_ONCE);
    cr_assert(tk_buf_reserve(&buf, 1000));
    for (int i = 0; i < 1000; i++) {
        tk_buf_char(&buf, 'x');
    }
    cr_assert_eq(fail_alloc_count(), 1);
    tk_buf_release(&buf);
    cr_assert_eq(fail_alloc_end(), 0);
}

Test(buf, growth_is_by_doubling) {
    tk_buf buf = {0};
    fail_alloc_begin(0, FAIL_ALLOC_ONCE);
    for (int i = 0; i < 1000000; i++) {
        tk_buf_char(&buf, 'x');
    }
    cr_assert_lt(fail_alloc_count(), 16);
    tk_buf_release(&buf);
    cr_assert_eq(fail_alloc_end(), 0);
}

static size_t asked_bytes;

static void *refuse(void *user, void *old, size_t size) {
    (void)user;
    (void)old;
    asked_bytes = size;
    return NULL;
}

static void release_nothing(void *user, void *old) {
    (void)user;
    (void)old;
}

Test(buf, more_than_its_limit_is_not_even_asked_for) {
    const tk_allocator refusing = {.resize = refuse, .release = release_nothing};
    tk_allocator_set(&refusing);
    tk_buf at_limit = {0};
    cr_assert(!tk_buf_reserve(&at_limit, TK_BUF_BYTES_MAX));
    cr_assert_eq(asked_bytes, TK_BUF_BYTES_MAX + 1);

    asked_bytes = 0;
    tk_buf above = {0};
    cr_assert(!tk_buf_reserve(&above, TK_BUF_BYTES_MAX + 1));
    cr_assert(above.failed);
    tk_buf way_above = {0};
    cr_assert(!tk_buf_reserve(&way_above, SIZE_MAX));
    cr_assert_eq(asked_bytes, 0);
    tk_allocator_set(NULL);
}

Test(buf, a_failure_is_remembered_and_keeps_what_was_there) {
    fail_alloc_begin(2, FAIL_ALLOC_ONCE);
    tk_buf buf = {0};
    tk_buf_text(&buf, "kept");
    tk_buf_printf(&buf, "%1000d", 1);
    cr_assert(buf.failed);
    tk_buf_text(&buf, "no more");
    tk_buf_char(&buf, 'x');
    tk_buf_printf(&buf, "%d", 1);
    tk_buf_truncate(&buf, 1);
    cr_assert_str_eq(buf.data, "kept");

    tasker_error error = {0};
    tasker_text text = {NULL, 0};
    cr_assert_eq(tk_buf_finish(&buf, &text, &error), TASKER_NOMEM);
    cr_assert_eq(error.status, TASKER_NOMEM);
    cr_assert_null(text.data);
    cr_assert(!buf.failed);
    cr_assert_null(buf.data);
    cr_assert_eq(fail_alloc_end(), 0);
}

Test(buf, a_finished_text_is_the_callers_and_never_null) {
    tk_buf buf = {0};
    tasker_text text = {NULL, 0};
    cr_assert_eq(tk_buf_finish(&buf, &text, NULL), TASKER_OK);
    cr_assert_str_eq(text.data, "");
    cr_assert_eq(text.size, 0);
    tasker_text_free(&text);

    tk_buf_text(&buf, "abc");
    cr_assert_eq(tk_buf_finish(&buf, &text, NULL), TASKER_OK);
    cr_assert_str_eq(text.data, "abc");
    cr_assert_eq(text.size, 3);
    cr_assert_null(buf.data);
    tasker_text_free(&text);
}

static void write_much(void *user) {
    (void)user;
    tk_buf buf = {0};
    for (int i = 0; i < 100; i++) {
        tk_buf_printf(&buf, "%d %s ", i, "some words");
        tk_buf_text(&buf, "and more");
    }
    tasker_text text = {NULL, 0};
    tasker_status status = tk_buf_finish(&buf, &text, NULL);
    cr_assert_eq(status, fail_alloc_happened() ? TASKER_NOMEM : TASKER_OK);
    tasker_text_free(&text);
}

Test(buf, each_allocation_may_fail) {
    fail_alloc_report report = fail_alloc_sweep(write_much, NULL);
    cr_assert(!report.endless);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_gt(report.allocations, 2);
}
