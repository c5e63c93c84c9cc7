/* Memory, errors, statuses, chance and log lines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "log.h"
#include "random.h"
#include "support/fail_alloc.h"
#include "utf8.h"

Test(base, allocated_memory_is_zeroed_with_every_allocator) {
    for (size_t with_other = 0; with_other < 2; with_other++) {
        if (with_other == 1) {
            fail_alloc_begin(0, FAIL_ALLOC_ONCE);
        }
        unsigned char *bytes = tk_alloc_array(100, 3);
        cr_assert_not_null(bytes);
        for (size_t i = 0; i < 300; i++) {
            cr_assert_eq(bytes[i], 0);
        }
        tk_free(bytes);
    }
    cr_assert_eq(fail_alloc_end(), 0);
}

Test(base, arrays_do_not_overflow_and_none_is_room_for_one) {
    cr_assert_null(tk_alloc_array(SIZE_MAX / 2, 3));
    cr_assert_null(tk_resize_array(NULL, SIZE_MAX, 2));
    uint64_t *one = tk_alloc_array(0, sizeof(uint64_t));
    cr_assert_not_null(one);
    cr_assert_eq(*one, 0);
    one = tk_resize_array(one, 0, sizeof(uint64_t));
    cr_assert_not_null(one);
    *one = 1;
    tk_free(one);
    tk_free(NULL);
}

Test(base, a_failed_resize_leaves_the_old_memory) {
    fail_alloc_begin(2, FAIL_ALLOC_ONCE);
    char *text = tk_strdup("kept");
    cr_assert_str_eq(text, "kept");
    cr_assert_null(tk_resize_array(text, 1000, 1));
    cr_assert_str_eq(text, "kept");
    tk_free(text);
    cr_assert(fail_alloc_happened());
    cr_assert_eq(fail_alloc_count(), 2);
    cr_assert_eq(fail_alloc_end(), 0);
}

Test(base, a_duplicate_that_fails_is_null) {
    fail_alloc_begin(1, FAIL_ALLOC_ONCE);
    cr_assert_null(tk_strdup("x"));
    cr_assert_eq(fail_alloc_end(), 0);
}

Test(base, an_unreleased_block_is_counted) {
    fail_alloc_begin(0, FAIL_ALLOC_ONCE);
    void *block = tk_alloc(1);
    cr_assert_eq(fail_alloc_end(), 1);
    tk_free(block);
}

Test(base, a_failure_writes_status_message_and_path) {
    tasker_error error;
    memset(&error, 0x55, sizeof(error));
    cr_assert_eq(tk_fail_at(&error, TASKER_INVALID, "$.a[2]", "%d is wrong", 7), TASKER_INVALID);
    cr_assert_eq(error.status, TASKER_INVALID);
    cr_assert_str_eq(error.message, "7 is wrong");
    cr_assert_str_eq(error.path, "$.a[2]");

    cr_assert_eq(tk_fail(&error, TASKER_STORE, "again: %s", error.message), TASKER_STORE);
    cr_assert_str_eq(error.message, "again: 7 is wrong");
    cr_assert_str_eq(error.path, "");

    cr_assert_eq(tk_nomem(&error), TASKER_NOMEM);
    cr_assert_str_eq(error.message, "out of memory");
    cr_assert_eq(tk_fail(NULL, TASKER_BUSY, "nobody asks"), TASKER_BUSY);
    cr_assert_eq(tk_fail_at(NULL, TASKER_BUSY, NULL, "nobody asks"), TASKER_BUSY);
}

Test(base, a_failure_may_keep_its_own_path) {
    tasker_error error;
    tk_fail_at(&error, TASKER_INVALID, "$.b", "first");
    tk_fail_at(&error, TASKER_INVALID, error.path, "then %s", error.message);
    cr_assert_str_eq(error.path, "$.b");
    cr_assert_str_eq(error.message, "then first");
}

/* A message of `filler` bytes and then a character of `size` bytes and a tail. */
static void message_of(tasker_error *error, size_t filler, const char *character) {
    char text[2 * TASKER_MESSAGE_MAX];
    memset(text, 'x', filler);
    snprintf(text + filler, sizeof(text) - filler, "%s%s", character, "tail");
    tk_fail(error, TASKER_INVALID, "%s", text);
}

Test(base, a_long_message_is_cut_between_characters) {
    const char *characters[] = {"e",
                                "\xc3\xa9",
                                "\xe2\x82\xac",
                                "\xf0\x9f\x98\x80",
                                "\xe0\xa4\x85",
                                "\xed\x95\x9c",
                                "\xf4\x8f\xbf\xbd"};
    const size_t room = TASKER_MESSAGE_MAX - 1;
    for (size_t i = 0; i < TK_COUNT_OF(characters); i++) {
        size_t size = strlen(characters[i]);
        for (size_t filler = room - 5; filler <= room + 1; filler++) {
            tasker_error error;
            message_of(&error, filler, characters[i]);
            size_t length = strlen(error.message);
            size_t expected = filler + size <= room ? room : filler;
            expected = expected > room ? room : expected;
            if (filler + size + 4 < room) {
                expected = filler + size + 4;
            }
            cr_assert_eq(length, expected, "case %zu, filler %zu: %zu", i, filler, length);
            cr_assert_null(strchr(error.message, '?'));
        }
    }
}

Test(base, a_path_is_cut_too) {
    char path[2 * TASKER_PATH_MAX];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    memcpy(path + TASKER_PATH_MAX - 2, "\xc3\xa9", 2);
    tasker_error error;
    tk_fail_at(&error, TASKER_INVALID, path, "m");
    cr_assert_eq(strlen(error.path), TASKER_PATH_MAX - 2);
}

Test(base, what_is_not_printable_becomes_a_question_mark) {
    const struct {
        const char *given, *line;
    } cases[] = {
        {"a\nb\tc\x7f", "a?b?c?"},
        {"\xff\xfe", "??"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"cut\xe2\x82", "cut??"},
        {"\xc2\x85next", "?next"},
        {"\xc2\xa0ok", "\xc2\xa0ok"},
        {"\xed\xa0\x80", "???"},
        {"\xc0\xaf", "??"},
        {"", ""},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tasker_error error;
        tk_fail(&error, TASKER_INVALID, "%s", cases[i].given);
        cr_assert_str_eq(error.message, cases[i].line, "case %zu: %s", i, error.message);
    }
}

Test(base, a_line_never_passes_its_room) {
    char line[8];
    for (size_t room = 1; room <= sizeof(line); room++) {
        memset(line, 'z', sizeof(line));
        tk_utf8_line(line, room,
                     "ab\xe2\x82\xac"
                     "cdefgh",
                     11, false);
        cr_assert_lt(strlen(line), room);
        for (size_t i = room; i < sizeof(line); i++) {
            cr_assert_eq(line[i], 'z');
        }
    }
}

Test(base, statuses_have_names_and_texts) {
    cr_assert_str_eq(tasker_status_name(TASKER_OK), "ok");
    cr_assert_str_eq(tasker_status_name(TASKER_NOTFOUND), "notfound");
    cr_assert_str_eq(tasker_status_name(TASKER_UNSUPPORTED), "unsupported");
    cr_assert_str_eq(tasker_status_name((tasker_status)-999), "unknown");
    cr_assert_str_eq(tasker_status_text(TASKER_LOST),
                     "the claim was taken back; the step is not this worker's");
    cr_assert_str_eq(tasker_status_text((tasker_status)1), "unknown status");
    cr_assert_str_eq(tasker_version(), TASKER_VERSION);
}

Test(base, a_text_is_released_and_emptied) {
    tasker_text text = {tk_strdup("abc"), 3};
    tasker_text_free(&text);
    cr_assert_null(text.data);
    cr_assert_eq(text.size, 0);
    tasker_text_free(&text);
    tasker_text_free(NULL);
}

Test(base, borrowed_texts_compare_by_content) {
    cr_assert(tk_str_equal(TK_STR("a\0b"), (tk_str){"a\0b", 3}));
    cr_assert(!tk_str_equal(TK_STR("a\0b"), TK_STR("a\0c")));
    cr_assert(tk_str_equal((tk_str){NULL, 0}, TK_STR("")));
    cr_assert(tk_str_is(TK_STR("name"), "name"));
    cr_assert(!tk_str_is(TK_STR("name"), "names"));
    cr_assert_eq(tk_str_of(NULL).size, 0);
}

/* --- chance --- */

Test(random, a_seed_gives_its_stream_again) {
    tk_random_stream a;
    tk_random_stream b;
    tk_random first = tk_random_seeded(&a, 1234567);
    tk_random second = tk_random_seeded(&b, 1234567);
    cr_assert_eq(tk_random_next(&first), UINT64_C(6457827717110365317)); /* published value */
    cr_assert_eq(tk_random_next(&first), UINT64_C(3203168211198807973));
    cr_assert_eq(tk_random_next(&second), UINT64_C(6457827717110365317));
}

Test(random, numbers_below_a_limit_stay_below_and_reach_all) {
    tk_random_stream stream;
    tk_random random = tk_random_seeded(&stream, 1);
    size_t seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        seen[tk_random_below(&random, 7)]++;
    }
    for (size_t i = 0; i < 7; i++) {
        cr_assert(seen[i] > 800 && seen[i] < 1200, "%zu came %zu times", i, seen[i]);
    }
    cr_assert_eq(tk_random_below(&random, 1), 0);
    cr_assert_lt(tk_random_below(&random, UINT64_MAX), UINT64_MAX);
}

static uint64_t always_zero(void *user) {
    (*(size_t *)user)++;
    return 0;
}

Test(random, a_source_that_repeats_itself_does_not_hang) {
    size_t draws = 0;
    tk_random random = {.next = always_zero, .user = &draws};
    cr_assert_eq(tk_random_below(&random, 3), 0);
    cr_assert_leq(draws, 65);
}

Test(random, a_forked_child_draws_other_numbers) {
    (void)tk_random_next(&tk_random_system); /* the batch is filled before the fork */
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uint64_t drawn = tk_random_next(&tk_random_system);
        _exit(write(ends[1], &drawn, sizeof(drawn)) == (ssize_t)sizeof(drawn) ? 0 : 1);
    }
    uint64_t other = 0;
    cr_assert_eq(read(ends[0], &other, sizeof(other)), (ssize_t)sizeof(other));
    cr_assert_neq(tk_random_next(&tk_random_system), other);
    cr_assert_eq(waitpid(child, NULL, 0), child);
}

/* --- log --- */

typedef struct logged {
    size_t count;
    tasker_log_level level;
    char line[2048];
} logged;

static void log_take(void *user, tasker_log_level level, const char *line) {
    logged *taken = user;
    taken->count++;
    taken->level = level;
    snprintf(taken->line, sizeof(taken->line), "%s", line);
}

Test(log, the_host_gets_every_level_as_one_clean_line) {
    logged taken = {0};
    tk_log log = {.write = log_take, .user = &taken};
    tk_log_line(&log, TASKER_LOG_DEBUG, "step %s\nof %d", "a\x01", 3);
    cr_assert_eq(taken.count, 1);
    cr_assert_eq(taken.level, TASKER_LOG_DEBUG);
    cr_assert_str_eq(taken.line, "step a??of 3");
}

Test(log, a_long_line_is_cut_between_characters) {
    logged taken = {0};
    tk_log log = {.write = log_take, .user = &taken};
    char text[3 * 600 + 1] = {0};
    for (size_t i = 0; i < 600; i++) {
        memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    }
    tk_log_line(&log, TASKER_LOG_ERROR, "%s", text);
    cr_assert_eq(strlen(taken.line), 1023);
    cr_assert_null(strchr(taken.line, '?'));
}

Test(log, standard_error_gets_warnings_and_errors_only) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    tk_log_line(NULL, TASKER_LOG_INFO, "not this");
    tk_log_line(&(tk_log){0}, TASKER_LOG_DEBUG, "nor this");
    tk_log_line(NULL, TASKER_LOG_WARN, "but %s", "this");
    dup2(kept, STDERR_FILENO);
    close(ends[1]);

    char text[200] = {0};
    cr_assert_gt(read(ends[0], text, sizeof(text) - 1), 0);
    cr_assert_str_eq(text, "tasker: warning: but this\n");
}
