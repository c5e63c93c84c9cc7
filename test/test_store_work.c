/* How much SQLite does for a list, in steps of its machine: as much as is found, however much is
 * stored beside it. */
#include <criterion/criterion.h>

#include "store_sqlite.h"

enum { TASKS = 20000, NEWEST_WANTED = 5, STEPS_MAX = 1500 };

/* Task i is of template 1 and complete, with these exceptions. The oldest: 0 to 2 run, a step of each
 * in another table; 3 needs attention; 4 has the tag and the correlation. Every hundredth is of
 * template 2. Template 3 has two tasks, the first of which runs. */
static const char *const fill[] = {
    "INSERT INTO name VALUES (1, 1, 'a'), (1, 2, 'b')",
    "INSERT INTO template VALUES (1, 1, 'x', '1', 1, 0, 'd', ''), (2, 2, 'y', '1', 1, 0, 'd', ''),"
    " (3, 2, 'z', '1', 1, 0, 'd', '')",
    "CREATE TEMP TABLE number AS WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n"
    " LIMIT 20000) SELECT i, CAST(printf('%016d', i) AS BLOB) AS id FROM n",
    "INSERT INTO task SELECT id, i, 0, 0, iif(i IN (0, 5), 3, iif(i % 100 = 6, 2, 1)), 0,"
    " iif(i = 4, x'00112233445566778899aabbccddeeff', NULL), NULL, NULL, NULL, NULL, NULL, NULL,"
    " '{}' FROM number",
    "INSERT INTO task_state SELECT id, 0, iif(i < 3, 1, iif(i = 3, 4, 2)), iif(i = 3, 4, 0), 0, 0,"
    " x'' FROM number",
    "INSERT INTO task_tag SELECT 'rare', id FROM number WHERE i = 4",
    "INSERT INTO lease SELECT id, 0, 1, 1, 1, 0, 0 FROM number WHERE i = 0",
    "INSERT INTO ready SELECT 1, 1, 0, i, id, 0, 0, 0, 0 FROM number WHERE i = 1",
    "INSERT INTO later SELECT id, 0, 1, 0, 1, 1, 0, 0 FROM number WHERE i = 2",
    "INSERT INTO counter SELECT template_id, state, count(*) FROM task JOIN task_state"
    " ON task_id = id GROUP BY 1, 2",
    /* and many steps that wait, so that few of those that run are of template 3 */
    NULL,
    "INSERT INTO ready SELECT 1, 1, 1, i, id, 0, 0, 0, 0 FROM number WHERE i > 10",
    "UPDATE task_state SET state = 1 WHERE task_id IN (SELECT id FROM number WHERE i > 10)",
    "DELETE FROM counter",
    "INSERT INTO counter SELECT template_id, state, count(*) FROM task JOIN task_state"
    " ON task_id = id GROUP BY 1, 2",
};

/* Runs the statements from `at` to the next NULL. */
static size_t fill_from(sqlite3 *db, size_t at) {
    while (at < TK_COUNT_OF(fill) && fill[at] != NULL) {
        cr_assert_eq(sqlite3_exec(db, fill[at++], NULL, NULL, NULL), SQLITE_OK, "%s",
                     sqlite3_errmsg(db));
    }
    return at + 1;
}

static int statement_ended(unsigned event, void *steps, void *stmt, void *ignored) {
    (void)event;
    (void)ignored;
    *(int64_t *)steps += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    return 0;
}

static tk_store *store_open(void) {
    const tk_store_config config = {.url = "sqlite::memory:", .clock = &tk_clock_system};
    tasker_error error = {0};
    tk_store *store = NULL;
    cr_assert_eq(tk_store_open(&config, &store, &error), TASKER_OK, "%s", error.message);
    return store;
}

/* The steps of the machine that a list takes; *count: how many it finds. */
static int64_t work_of(tk_store *store, const tk_task_filter *filter, uint32_t *count) {
    int64_t steps = 0;
    tk_task_page page = {0};
    tk_arena arena = {0};
    tasker_error error = {0};
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, &error), TASKER_OK);
    (void)sqlite3_trace_v2(tk_sqlite_of(store)->db, SQLITE_TRACE_PROFILE, statement_ended, &steps);
    cr_assert_eq(tk_store_call(store, task_list, &arena, filter, &page, &error), TASKER_OK, "%s",
                 error.message);
    (void)sqlite3_trace_v2(tk_sqlite_of(store)->db, 0, NULL, NULL);
    cr_assert_eq(tk_store_call(store, commit, &error), TASKER_OK);
    tk_arena_release(&arena);
    *count = page.count;
    return steps;
}

static void check_work(tk_store *store, const tk_task_filter *filter, uint32_t expected,
                       size_t number) {
    uint32_t count = 0;
    int64_t steps = work_of(store, filter, &count);
    cr_expect_eq(count, expected, "case %zu found %u", number, count);
    cr_expect(steps > 0 && steps < STEPS_MAX, "case %zu took %" PRId64 " steps", number, steps);
}

Test(store_work, a_list_reads_what_it_finds_and_not_all_tasks) {
    const tk_uuid correlation = {{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                                  0xbb, 0xcc, 0xdd, 0xee, 0xff}};
    const tk_uuid nobody = {{1}};
    const tk_str x = TK_STR("x");
    const tk_str z = TK_STR("z");
    const struct {
        tk_task_filter filter;
        uint32_t count;
    } cases[] = {
        {{.limit = NEWEST_WANTED}, NEWEST_WANTED},
        {{.limit = NEWEST_WANTED, .has_after = true, .after = nobody}, 0},
        {{.limit = 9, .state = 1}, 3},
        {{.limit = 2, .state = 1}, 2},
        {{.limit = 9, .state = 1, .template_name = x}, 2},
        {{.limit = 9, .state = 1, .template_name = z}, 1},
        {{.limit = 9, .state = 1, .queue = 1}, 2},
        {{.limit = 9, .state = 1, .tag = TK_STR("rare")}, 0},
        {{.limit = NEWEST_WANTED, .state = 2}, NEWEST_WANTED},
        {{.limit = 9, .state = 2, .template_name = z}, 1},
        {{.limit = 9, .state = 3}, 0},
        {{.limit = 9, .state = 4}, 1},
        {{.limit = 9, .state = 4, .template_name = x}, 1},
        {{.limit = NEWEST_WANTED, .queue = 2}, NEWEST_WANTED},
        {{.limit = NEWEST_WANTED, .template_name = TK_STR("y")}, NEWEST_WANTED},
        {{.limit = 9, .template_name = TK_STR("none")}, 0},
        {{.limit = 9, .tag = TK_STR("rare")}, 1},
        {{.limit = 9, .tag = TK_STR("rare"), .template_name = x, .state = 2}, 1},
        {{.limit = 9, .has_correlation = true, .correlation = correlation}, 1},
        {{.limit = 9, .has_correlation = true, .correlation = correlation, .state = 4}, 0},
    };
    tk_store *store = store_open();
    (void)fill_from(tk_sqlite_of(store)->db, 0);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        check_work(store, &cases[i].filter, cases[i].count, i);
    }
    tk_store_close(store);
}

Test(store_work, running_tasks_are_found_in_a_great_backlog) {
    const struct {
        tk_task_filter filter;
        uint32_t count;
    } cases[] = {
        {{.limit = NEWEST_WANTED, .state = 1}, NEWEST_WANTED},
        {{.limit = NEWEST_WANTED, .state = 1, .template_name = TK_STR("x")}, NEWEST_WANTED},
        {{.limit = 9, .state = 1, .template_name = TK_STR("z")}, 1},
        {{.limit = 9, .state = 2, .template_name = TK_STR("z")}, 1},
    };
    tk_store *store = store_open();
    size_t second = fill_from(tk_sqlite_of(store)->db, 0);
    (void)fill_from(tk_sqlite_of(store)->db, second);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        check_work(store, &cases[i].filter, cases[i].count, i);
    }
    tk_store_close(store);
}
