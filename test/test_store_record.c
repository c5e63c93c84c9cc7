/* The store's contract, on every store: the record in its order, read while others write. */
#include <pthread.h>
#include <stdatomic.h>

#include "support/store_fixture.h"

#define NOW INT64_C(1700000000000000)
#define ALL (TK_RECORD_TASK | TK_RECORD_ATTEMPT | TK_RECORD_ACT)

/* --- helpers ---------------------------------------------------------------------------------- */

static tk_record_place end_of(store_fixture *fx) {
    tk_record_place end = {0};
    OK(begin, TK_STORE_READ);
    OK(record_end, &end);
    COMMIT();
    return end;
}

static tk_record_row *read_records(store_fixture *fx, const tk_record_filter *given,
                                   uint32_t *count) {
    tk_record_filter filter = *given;
    tk_record_place end = {0};
    tk_record_row *rows = NULL;
    OK(begin, TK_STORE_READ);
    OK(record_end, &end);
    filter.end_xid = end.xid;
    OK(record_list, &fx->arena, &filter, &rows, count);
    COMMIT();
    return rows;
}

static tk_attempt_row attempt_of(const tk_uuid *task, int32_t number) {
    return (tk_attempt_row){
        .task_id = *task,
        .attempt = number,
        .worker = 7,
        .outcome = TK_OUTCOME_ERROR,
        .enqueued_us = NOW,
        .claimed_us = NOW + 1,
        .finished_us = NOW + 2,
        .error = TK_STR("{\"error_type\":\"Broken\"}"),
    };
}

/* A task, two attempts and an act of the whole task, each in a transaction of its own. */
static void fill(store_fixture *fx, tk_uuid *task) {
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, task, 1);
    COMMIT();
    for (int32_t i = 1; i <= 2; i++) {
        const tk_attempt_row row = attempt_of(task, i);
        OK(begin, TK_STORE_WRITE);
        OK(attempt_insert, &row, 1);
        COMMIT();
    }
    const tk_act_row act = {.task_id = *task,
                            .acted_us = NOW + 3,
                            .kind = TK_ACT_CANCELLED,
                            .step = TK_ACT_NO_STEP,
                            .actor = TK_STR("ann")};
    OK(begin, TK_STORE_WRITE);
    OK(act_insert, &act, 1);
    COMMIT();
}

static bool many_writers(const store_fixture *fx) {
    return fx->store->driver->many_workers;
}

/* --- what is told ----------------------------------------------------------------------------- */

STORE_TEST(store_record, tells_what_was_recorded_in_its_order) {
    tk_uuid task;
    uint32_t count = 0;
    fill(fx, &task);
    const tk_record_filter filter = {.kinds = ALL, .limit = 10};
    tk_record_row *rows = read_records(fx, &filter, &count);
    cr_assert_eq(count, 4);
    const int kinds[] = {TK_RECORD_TASK, TK_RECORD_ATTEMPT, TK_RECORD_ATTEMPT, TK_RECORD_ACT};
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(rows[i].kind, kinds[i]);
        cr_assert(tk_uuid_equal(&rows[i].task_id, &task));
        cr_assert_eq(rows[i].template_id, fx->template_id);
        cr_assert(i == 0 || rows[i].xid > rows[i - 1].xid ||
                  (rows[i].xid == rows[i - 1].xid && rows[i].n > rows[i - 1].n));
    }
    cr_assert_eq(rows[0].at_us, 1000);
    cr_assert_eq(rows[2].attempt, 2);
    cr_assert_eq(rows[2].what, TK_OUTCOME_ERROR);
    cr_assert_eq(rows[2].worker, 7);
    cr_assert_eq(rows[2].enqueued_us, NOW);
    cr_assert_eq(rows[2].claimed_us, NOW + 1);
    cr_assert_eq(rows[2].at_us, NOW + 2);
    cr_assert(tk_str_is(rows[2].error, "{\"error_type\":\"Broken\"}"));
    cr_assert_eq(rows[3].step, TK_ACT_NO_STEP);
    cr_assert_eq(rows[3].what, TK_ACT_CANCELLED);
    cr_assert(tk_str_is(rows[3].actor, "ann"));
    cr_assert_null(rows[3].reason.data);
}

STORE_TEST(store_record, goes_on_behind_any_record) {
    tk_uuid tasks[3];
    uint32_t count = 0;
    for (int i = 0; i < 3; i++) {
        fill(fx, &tasks[i]);
    }
    tk_record_filter filter = {.kinds = ALL, .limit = 100};
    const tk_record_row *all = read_records(fx, &filter, &count);
    cr_assert_eq(count, 12);
    for (uint32_t from = 0; from < 12; from++) {
        for (uint32_t limit = 1; limit < 13; limit += 4) {
            filter.xid = all[from].xid;
            filter.n = all[from].n;
            filter.limit = limit;
            const tk_record_row *rows = read_records(fx, &filter, &count);
            uint32_t left = 11 - from;
            cr_assert_eq(count, limit < left ? limit : left);
            for (uint32_t i = 0; i < count; i++) {
                cr_assert_eq(rows[i].n, all[from + 1 + i].n);
            }
        }
    }
}

STORE_TEST(store_record, follows_one_task_and_single_kinds) {
    tk_uuid tasks[2];
    uint32_t count = 0;
    fill(fx, &tasks[0]);
    tk_record_place middle = end_of(fx);
    fill(fx, &tasks[1]);
    const struct {
        unsigned kinds;
        int task; /* -1: all */
        bool from_middle;
        uint32_t expected;
    } cases[] = {
        {TK_RECORD_TASK, -1, false, 2},
        {TK_RECORD_ATTEMPT, -1, false, 4},
        {TK_RECORD_ACT, -1, false, 2},
        {ALL, -1, true, 4},
        {ALL, 0, false, 4},
        {ALL, 0, true, 0},
        {ALL, 1, true, 4},
        {TK_RECORD_ATTEMPT, 1, false, 2},
        {TK_RECORD_ACT, 0, true, 0},
        {TK_RECORD_TASK, 1, true, 1},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_record_filter filter = {.kinds = cases[i].kinds, .limit = 100};
        if (cases[i].from_middle) {
            filter.xid = middle.xid;
            filter.n = middle.n;
        }
        if (cases[i].task >= 0) {
            filter.has_task = true;
            filter.task = tasks[cases[i].task];
        }
        (void)read_records(fx, &filter, &count);
        cr_assert_eq(count, cases[i].expected, "case %zu on %s: %u", i, fx->kind, count);
    }
}

STORE_TEST(store_record, an_end_has_all_before_it_and_nothing_behind) {
    tk_uuid task;
    uint32_t count = 0;
    fill(fx, &task);
    tk_record_place end = end_of(fx);
    tk_record_filter filter = {.xid = end.xid, .n = end.n, .kinds = ALL, .limit = 10};
    (void)read_records(fx, &filter, &count);
    cr_assert_eq(count, 0);
    cr_assert_eq(end_of(fx).mark, end.mark, "the mark is the store's");
    fill(fx, &task);
    (void)read_records(fx, &filter, &count);
    cr_assert_eq(count, 4);
}

/* --- beside others ---------------------------------------------------------------------------- */

/* Several writers: what an older open transaction may still put before others is waited for. */
STORE_TEST(store_record, waits_for_the_oldest_open_transaction) {
    tk_uuid task;
    tk_store *other = NULL;
    uint32_t count = 0;
    if (!many_writers(fx)) {
        return;
    }
    fill(fx, &task);
    tk_record_place end = end_of(fx);
    const tk_attempt_row early = attempt_of(&task, 3);
    const tk_attempt_row late = attempt_of(&task, 4);
    OK(share, &other);
    tk_store *first = fx->store;
    fx->store = other;
    OK(begin, TK_STORE_WRITE);
    OK(attempt_insert, &early, 1);
    fx->store = first;
    OK(begin, TK_STORE_WRITE);
    OK(attempt_insert, &late, 1);
    COMMIT();
    const tk_record_filter filter = {.xid = end.xid, .n = end.n, .kinds = ALL, .limit = 10};
    (void)read_records(fx, &filter, &count);
    cr_assert_eq(count, 0, "the open one may still come before it");
    fx->store = other;
    COMMIT();
    fx->store = first;
    const tk_record_row *rows = read_records(fx, &filter, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(rows[0].attempt, 3);
    cr_assert_eq(rows[1].attempt, 4);
    tk_store_close(other);
}

enum { WRITERS = 3, RECORDS = 60 };

typedef struct writing {
    tk_store *store;
    tk_uuid task;
    bool failed;
} writing;

static void *write_records(void *argument) {
    writing *w = argument;
    tasker_error error = {0};
    for (int32_t i = 1; i <= RECORDS && !w->failed; i++) {
        const tk_attempt_row row = attempt_of(&w->task, i);
        w->failed = tk_store_call(w->store, begin, TK_STORE_WRITE, &error) != TASKER_OK ||
                    tk_store_call(w->store, attempt_insert, &row, 1, &error) != TASKER_OK;
        if (!w->failed && i % 7 == 0) {
            w->store->driver->rollback(w->store); /* numbers that nobody gets */
            w->failed = tk_store_call(w->store, begin, TK_STORE_WRITE, &error) != TASKER_OK ||
                        tk_store_call(w->store, attempt_insert, &row, 1, &error) != TASKER_OK;
        }
        w->failed = w->failed || tk_store_call(w->store, commit, &error) != TASKER_OK;
    }
    return NULL;
}

STORE_TEST(store_record, a_follower_misses_nothing_that_several_write) {
    pthread_t threads[WRITERS];
    writing writers[WRITERS] = {{0}};
    uint32_t seen[WRITERS] = {0};
    tk_uuid tasks[WRITERS];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, tasks, WRITERS);
    COMMIT();
    tk_record_place end = end_of(fx);
    tk_record_filter filter = {.xid = end.xid, .n = end.n, .kinds = ALL, .limit = 5};
    for (int i = 0; i < WRITERS; i++) {
        writers[i].task = tasks[i];
        OK(share, &writers[i].store);
        cr_assert_eq(pthread_create(&threads[i], NULL, write_records, &writers[i]), 0);
    }
    for (uint32_t total = 0; total < WRITERS * RECORDS;) {
        uint32_t count = 0;
        const tk_record_row *rows = read_records(fx, &filter, &count);
        for (uint32_t i = 0; i < count; i++, total++) {
            int writer = 0;
            while (!tk_uuid_equal(&rows[i].task_id, &tasks[writer])) {
                writer++;
            }
            cr_assert_eq((uint32_t)rows[i].attempt, ++seen[writer], "each writer's in its order");
            filter.xid = rows[i].xid;
            filter.n = rows[i].n;
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_not(writers[i].failed);
        cr_assert_eq(seen[i], RECORDS);
        tk_store_close(writers[i].store);
    }
}

static void prune_as_owner(store_fixture *fx, tk_prune *prune) {
    tk_store *owner = fx->store;
    if (many_writers(fx)) {
        const tk_store_config config = {
            .url = fx->owner_url, .must_exist = true, .clock = &tk_clock_system};
        cr_assert_eq(tk_store_open(&config, &owner, &fx->error), TASKER_OK);
    }
    store_fixture_check(fx, owner->driver->prune(owner, &fx->arena, prune, &fx->error), TASKER_OK,
                        "prune", __FILE__, __LINE__);
    if (owner != fx->store) {
        tk_store_close(owner);
    }
}

STORE_TEST(store_record, goes_on_behind_what_was_pruned) {
    tk_uuid gone;
    tk_uuid stays;
    uint32_t count = 0;
    fill(fx, &gone);
    tk_record_filter filter = {.kinds = ALL, .limit = 2};
    const tk_record_row *rows = read_records(fx, &filter, &count);
    filter.xid = rows[1].xid;
    filter.n = rows[1].n;
    uint8_t progress[3] = {2, 0, 0};
    const tk_state_row ended = {
        .task_id = gone, .state = 2, .updated_us = 2000, .progress = progress, .progress_bytes = 3};
    OK(begin, TK_STORE_WRITE);
    OK(state_update, &ended, 1);
    COMMIT();
    tk_prune prune = {.before_us = INT64_C(1800000000000000), .limit = 100, .singles = true};
    prune_as_owner(fx, &prune);
    cr_assert_eq(prune.tasks, 1);
    fill(fx, &stays);
    filter.limit = 10;
    rows = read_records(fx, &filter, &count);
    cr_assert_eq(count, 4);
    cr_assert(tk_uuid_equal(&rows[0].task_id, &stays));
}
