/* The store's contract, on every store: opening, transactions, submissions. The rest of it:
 * test_store_names.c, test_store_turn.c, test_store_hand.c, test_store_read.c. */
#include <pthread.h>
#include <stdlib.h>

#include "support/store_fixture.h"

/* --- opening ---------------------------------------------------------------------------------- */

Test(store_open, tells_the_forms_of_a_url_it_does_not_know) {
    const struct {
        const char *url;
        tasker_status status;
    } cases[] = {
        {NULL, TASKER_INVALID},
        {"", TASKER_INVALID},
        {"tasker.db", TASKER_INVALID},
        {"sqlite", TASKER_INVALID},
        {"SQLITE:file", TASKER_INVALID},
        {"mysql://host/base", TASKER_INVALID},
        {"sqlite:", TASKER_INVALID},
        {"sqlite://tasker.db", TASKER_INVALID},
        {"sqlite:/no/such/folder/tasker.db", TASKER_NOTFOUND},
        {"sqlite:/tmp", TASKER_INVALID},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const tk_store_config config = {.url = cases[i].url, .clock = &tk_clock_system};
        tk_store *store = NULL;
        tasker_error error = {0};
        tasker_status status = tk_store_open(&config, &store, &error);
        cr_assert_eq(status, cases[i].status, "%s: %s", cases[i].url, error.message);
        cr_assert_eq(error.status, status);
        cr_assert_null(store);
    }
}

Test(store_open, never_repeats_a_url_with_a_password) {
    const tk_store_config config = {.url = "postgre://me:secret@host/base"};
    tk_store *store = NULL;
    tasker_error error = {0};
    cr_assert_eq(tk_store_open(&config, &store, &error), TASKER_INVALID);
    cr_assert_null(strstr(error.message, "secret"));
    cr_assert_not_null(strstr(error.message, "sqlite:FILE"));
}

Test(store_open, operations_have_names) {
    cr_assert_str_eq(tk_store_operation_name(TK_STORE_OP_begin), "begin");
    cr_assert_str_eq(tk_store_operation_name(TK_STORE_OP_integrity), "integrity");
}

Test(store_open, closing_nothing_is_fine) {
    tk_store_close(NULL);
}

/* --- transactions ----------------------------------------------------------------------------- */

static uint32_t names_count(store_fixture *fx) {
    int32_t *ids = NULL;
    tk_str *texts = NULL;
    uint32_t count = 0;
    OK(name_list, &fx->arena, TK_NAME_NAMESPACE, &ids, &texts, &count);
    return count;
}

static void intern(store_fixture *fx, const char *text) {
    const tk_str name = tk_str_of(text);
    int32_t id = 0;
    OK(name_intern, TK_NAME_NAMESPACE, &name, 1, &id);
}

STORE_TEST(store, a_rollback_undoes_everything) {
    tk_uuid ids[2];
    tk_task_row row;
    bool found = true;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 1);
    intern(fx, "gone");
    ROLLBACK();
    OK(begin, TK_STORE_WRITE);
    OK(task_load, &fx->arena, ids, 1, &row, &found);
    cr_assert(!found);
    cr_assert_eq(names_count(fx), 1);
    store_fixture_tasks(fx, ids, 1);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(task_load, &fx->arena, ids, 1, &row, &found);
    cr_assert(found);
    COMMIT();
}

STORE_TEST(store, a_rollback_without_a_transaction_is_nothing) {
    ROLLBACK();
    ROLLBACK();
    OK(begin, TK_STORE_WRITE);
    intern(fx, "kept");
    COMMIT();
    ROLLBACK();
    OK(begin, TK_STORE_READ);
    cr_assert_eq(names_count(fx), 2);
    COMMIT();
}

STORE_TEST(store, sync_changes_nothing) {
    OK(begin, TK_STORE_WRITE);
    intern(fx, "one");
    store_fixture_check(fx, fx->store->driver->sync(fx->store, &fx->error), TASKER_OK, "sync",
                        __FILE__, __LINE__);
    intern(fx, "two");
    COMMIT();
    OK(begin, TK_STORE_READ);
    cr_assert_eq(names_count(fx), 3);
    COMMIT();
}

STORE_TEST(store, a_reading_transaction_does_not_write) {
    const tk_str name = TK_STR("new");
    int32_t id = 0;
    OK(begin, TK_STORE_READ);
    FAILS(TASKER_STORE, name_intern, TK_NAME_NAMESPACE, &name, 1, &id);
    ROLLBACK();
    OK(begin, TK_STORE_READ);
    cr_assert_eq(names_count(fx), 1);
    COMMIT();
}

STORE_TEST(store, a_row_that_exists_is_a_conflict_and_the_store_goes_on) {
    tk_uuid id;
    uint8_t progress[3] = {0};
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    COMMIT();
    const tk_state_row state = {.task_id = id, .progress = progress, .progress_bytes = 3};
    tk_ready_row ready[2] = {{.task_id = id}, {.task_id = id}};
    const tk_lease_row lease[2] = {{.task_id = id}, {.task_id = id}};
    tk_attempt_row attempt[2] = {{.task_id = id, .attempt = 1}, {.task_id = id, .attempt = 1}};
    const tk_ready_row later[2] = {{.task_id = id}, {.task_id = id}};
    for (int i = 0; i < 5; i++) {
        OK(begin, TK_STORE_WRITE);
        tasker_status status = i == 0   ? CALL(state_insert, &state, 1)
                               : i == 1 ? CALL(ready_insert, ready, 2)
                               : i == 2 ? CALL(lease_insert, lease, 2)
                               : i == 3 ? CALL(attempt_insert, attempt, 2)
                                        : CALL(later_insert, later, 2);
        cr_assert_eq(status, TASKER_CONFLICT, "%d on %s: %s", i, fx->kind, fx->error.message);
        ROLLBACK();
    }
    OK(begin, TK_STORE_WRITE);
    OK(ready_insert, ready, 1);
    COMMIT();
}

STORE_TEST(store, a_state_that_is_not_there_is_a_conflict) {
    uint8_t progress[3] = {0};
    const tk_state_row state = {
        .task_id = store_fixture_id(fx), .progress = progress, .progress_bytes = 3};
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_CONFLICT, state_update, &state, 1);
    ROLLBACK();
}

STORE_TEST(store, nothing_given_is_nothing_done) {
    const tk_task_filter filter = {0};
    tk_claim_row *claims = NULL;
    uint32_t count = 9;
    OK(begin, TK_STORE_WRITE);
    OK(name_intern, TK_NAME_NAMESPACE, NULL, 0, NULL);
    OK(identity_insert, &fx->arena, NULL, 0, NULL);
    OK(task_insert, NULL, 0, NULL);
    OK(state_insert, NULL, 0);
    OK(ready_insert, NULL, 0);
    OK(later_insert, NULL, 0);
    OK(lease_insert, NULL, 0);
    OK(attempt_insert, NULL, 0);
    OK(act_insert, NULL, 0);
    OK(count_add, NULL, 0);
    OK(state_lock, &fx->arena, NULL, 0, NULL, NULL);
    OK(state_update, NULL, 0);
    OK(finish, NULL, 0, NULL);
    OK(lease_return, NULL, NULL, 0, NULL);
    OK(attempt_bases, NULL, 0, NULL);
    OK(attempt_tokens, NULL, 0, NULL);
    OK(claim, &fx->arena, NULL, 0, 10, 1, 1, 1, &claims, &count);
    cr_assert_eq(count, 0);
    OK(results, &fx->arena, NULL, 0);
    OK(last_failures, &fx->arena, NULL, 0, NULL, NULL);
    OK(attempt_last, NULL, 0, NULL);
    OK(ready_delete, NULL, 0, NULL, NULL);
    OK(later_delete, NULL, 0, NULL, NULL);
    OK(lease_revoke, NULL, 0, 1, NULL);
    OK(task_load, &fx->arena, NULL, 0, NULL, NULL);
    OK(state_load, &fx->arena, NULL, 0, NULL, NULL);
    tk_task_page page = {0};
    OK(task_list, &fx->arena, &filter, &page);
    cr_assert_eq(page.count, 0);
    COMMIT();
}

/* --- sharing ---------------------------------------------------------------------------------- */

STORE_TEST(store, a_shared_store_sees_what_was_committed) {
    tk_store *other = NULL;
    OK(share, &other);
    OK(begin, TK_STORE_WRITE);
    intern(fx, "shared");
    COMMIT();
    tk_store *mine = fx->store;
    fx->store = other;
    OK(begin, TK_STORE_READ);
    cr_assert_eq(names_count(fx), 2);
    COMMIT();
    tk_store_close(other);
    fx->store = mine;
    OK(begin, TK_STORE_READ);
    cr_assert_eq(names_count(fx), 2);
    COMMIT();
}

#define THREADS 4
#define ROUNDS 50

static void *count_up(void *user) {
    tk_store *store = user;
    tasker_error error;
    for (int i = 0; i < ROUNDS; i++) {
        const tk_count_row row = {.template_id = 99, .to = 1, .tasks = 1};
        if (store->driver->begin(store, TK_STORE_WRITE, &error) != TASKER_OK ||
            store->driver->count_add(store, &row, 1, &error) != TASKER_OK ||
            store->driver->commit(store, &error) != TASKER_OK) {
            return store;
        }
    }
    return NULL;
}

STORE_TEST(store, threads_take_turns_on_one_store_and_on_shared_ones) {
    pthread_t threads[THREADS];
    tk_store *stores[THREADS] = {fx->store, fx->store};
    for (int i = 2; i < THREADS; i++) {
        OK(share, &stores[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, count_up, stores[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        cr_assert_null(failed, "%s", fx->kind);
    }
    for (int i = 2; i < THREADS; i++) {
        tk_store_close(stores[i]);
    }
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    OK(count_list, &fx->arena, &rows, &count);
    COMMIT();
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].tasks, THREADS * ROUNDS);
}

STORE_TEST(store, the_first_worker_of_a_process_is_told_so) {
    bool first = false;
    OK(worker_lock, &first);
    cr_assert(first);
    OK(worker_lock, &first);
    cr_assert(!first);
    fx->store->driver->worker_unlock(fx->store);
    fx->store->driver->worker_unlock(fx->store);
    OK(worker_lock, &first);
    cr_assert(first);
    fx->store->driver->worker_unlock(fx->store);
}

/* --- submissions ------------------------------------------------------------------------------ */

STORE_TEST(store, an_identity_belongs_to_whoever_came_first) {
    tk_uuid ids[4];
    tk_uuid winners[3];
    for (int i = 0; i < 4; i++) {
        ids[i] = store_fixture_id(fx);
    }
    const tk_identity_row first[] = {
        {fx->queue, TK_STR("job"), TK_STR("k1"), ids[0]},
        {fx->queue, TK_STR("job"), TK_STR("k1"), ids[1]},
        {fx->queue, TK_STR("job"), TK_STR("k2"), ids[1]},
    };
    OK(begin, TK_STORE_WRITE);
    OK(identity_insert, &fx->arena, first, 3, winners);
    COMMIT();
    cr_assert(tk_uuid_equal(&winners[0], &ids[0]));
    cr_assert(tk_uuid_equal(&winners[1], &ids[0]), "the same key twice in one batch");
    cr_assert(tk_uuid_equal(&winners[2], &ids[1]));
    const tk_identity_row second[] = {
        {fx->queue, TK_STR("job"), TK_STR("k2"), ids[2]},
        {fx->queue, TK_STR("other"), TK_STR("k2"), ids[3]},
        {fx->queue + 1, TK_STR("job"), TK_STR("k2"), ids[2]},
    };
    OK(begin, TK_STORE_WRITE);
    OK(identity_insert, &fx->arena, second, 3, winners);
    COMMIT();
    cr_assert(tk_uuid_equal(&winners[0], &ids[1]));
    cr_assert(tk_uuid_equal(&winners[1], &ids[3]), "another template");
    cr_assert(tk_uuid_equal(&winners[2], &ids[2]), "another namespace");
}

static void check_text(tk_str is, tk_str expected, const char *member) {
    cr_assert_eq(is.data == NULL, expected.data == NULL, "%s", member);
    cr_assert(tk_str_equal(is, expected), "%s", member);
}

static void check_task(const tk_task_row *is, const tk_task_row *expected) {
    cr_assert(tk_uuid_equal(&is->id, &expected->id));
    cr_assert_gt(is->n, 0);
    cr_assert_eq(is->created_us, expected->created_us);
    cr_assert_eq(is->run_at_us, expected->run_at_us);
    cr_assert_eq(is->template_id, expected->template_id);
    cr_assert_eq(is->priority, expected->priority);
    cr_assert_eq(is->has_correlation, expected->has_correlation);
    cr_assert(tk_uuid_equal(&is->correlation, &expected->correlation));
    cr_assert_eq(is->has_parent_correlation, expected->has_parent_correlation);
    cr_assert(tk_uuid_equal(&is->parent_correlation, &expected->parent_correlation));
    check_text(is->tags, expected->tags, "tags");
    check_text(is->initiator, expected->initiator, "initiator");
    check_text(is->source_system, expected->source_system, "source_system");
    check_text(is->reason, expected->reason, "reason");
    check_text(is->bypass_steps, expected->bypass_steps, "bypass_steps");
    check_text(is->context, expected->context, "context");
}

STORE_TEST(store, a_task_comes_back_as_it_was) {
    static char bytes[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i; /* drivers keep whatever bytes they are given, a NUL and no text too */
    }
    tk_task_row rows[] = {
        {.id = store_fixture_id(fx), .template_id = fx->template_id, .context = TK_STR("{}")},
        {
            .id = store_fixture_id(fx),
            .created_us = INT64_C(253402300799999999), /* the last of the year 9999 */
            .run_at_us = 77,
            .template_id = fx->template_id,
            .priority = -100,
            .has_correlation = true,
            .correlation = {{1, 2, 3}},
            .has_parent_correlation = true,
            .parent_correlation = {{255}},
            .tags = TK_STR("[\"a\",\"b \\u00e9\"]"),
            .initiator = TK_STR(""),
            .source_system = TK_STR("cli"),
            .reason = TK_STR("'; --"),
            .bypass_steps = TK_STR("[\"x\"]"),
            .context = TK_STR("{\"n\":18446744073709551616,\"x\":0.1}"),
        },
        {
            .id = store_fixture_id(fx),
            .template_id = fx->template_id,
            .reason = {bytes, strcmp(fx->kind, "TASKER_STORE") == 0 ? 0 : sizeof(bytes)},
            .context = TK_STR("null"),
        },
    };
    bool inserted[3] = {false};
    tk_uuid ids[4];
    tk_task_row loaded[4];
    bool found[4];
    OK(begin, TK_STORE_WRITE);
    OK(task_insert, rows, 3, inserted);
    COMMIT();
    for (int i = 0; i < 3; i++) {
        cr_assert(inserted[i]);
        ids[i] = rows[i].id;
    }
    ids[3] = store_fixture_id(fx);
    OK(begin, TK_STORE_READ);
    OK(task_load, &fx->arena, ids, 4, loaded, found);
    COMMIT();
    for (int i = 0; i < 3; i++) {
        cr_assert(found[i]);
        check_task(&loaded[i], &rows[i]);
    }
    cr_assert(!found[3]);
}

STORE_TEST(store, a_repeated_task_changes_nothing) {
    tk_uuid id = store_fixture_id(fx);
    tk_task_row rows[] = {
        {.id = id, .template_id = 1, .context = TK_STR("{\"first\":1}")},
        {.id = id, .template_id = 2, .tags = TK_STR("[\"late\"]"), .context = TK_STR("{}")}};
    bool inserted[2];
    tk_task_row loaded;
    bool found;
    OK(begin, TK_STORE_WRITE);
    OK(task_insert, rows, 2, inserted);
    COMMIT();
    cr_assert(inserted[0]);
    cr_assert(!inserted[1]);
    OK(begin, TK_STORE_WRITE);
    OK(task_insert, &rows[1], 1, inserted);
    OK(task_load, &fx->arena, &id, 1, &loaded, &found);
    cr_assert(!inserted[0]);
    cr_assert(tk_str_is(loaded.context, "{\"first\":1}"));
    const tk_task_filter filter = {.tag = TK_STR("late"), .limit = 10};
    tk_task_page page = {.count = 9};
    OK(task_list, &fx->arena, &filter, &page);
    cr_assert_eq(page.count, 0);
    COMMIT();
}

STORE_TEST(store, a_text_of_a_mebibyte_comes_back_whole) {
    tk_task_row row = {.id = store_fixture_id(fx), .template_id = fx->template_id};
    tk_task_row loaded;
    bool done;
    char *big = tk_alloc(TASKER_CONTEXT_BYTES_MAX);
    for (size_t i = 0; i < TASKER_CONTEXT_BYTES_MAX; i++) {
        big[i] = (char)('a' + i % 26);
    }
    row.context = (tk_str){big, TASKER_CONTEXT_BYTES_MAX};
    OK(begin, TK_STORE_WRITE);
    OK(task_insert, &row, 1, &done);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(task_load, &fx->arena, &row.id, 1, &loaded, &done);
    COMMIT();
    cr_assert(tk_str_equal(loaded.context, row.context));
    tk_free(big);
}

/* Numbers of the ledger's one order never come twice, nor backwards, also after a rollback. */
STORE_TEST(store, tasks_attempts_and_acts_have_one_order) {
    tk_uuid id;
    tk_attempt_row attempt = {.attempt = 1, .outcome = TK_OUTCOME_OK};
    tk_act_row act = {.kind = TK_ACT_BLOCKED, .step = TK_ACT_NO_STEP};
    int64_t last = 0;
    for (int i = 0; i < 3; i++) {
        tk_task_row task = {.id = store_fixture_id(fx), .context = TK_STR("{}")};
        bool inserted;
        id = task.id;
        OK(begin, TK_STORE_WRITE);
        OK(task_insert, &task, 1, &inserted);
        attempt.task_id = act.task_id = id;
        OK(attempt_insert, &attempt, 1);
        OK(act_insert, &act, 1);
        if (i == 1) {
            ROLLBACK();
            continue;
        }
        COMMIT();
        tk_attempt_row *attempts = NULL;
        tk_act_row *acts = NULL;
        uint32_t count = 0;
        OK(begin, TK_STORE_READ);
        OK(task_load, &fx->arena, &id, 1, &task, &inserted);
        OK(attempt_list, &fx->arena, &id, false, &attempts, &count);
        OK(act_list, &fx->arena, &id, &acts, &count);
        COMMIT();
        cr_assert(last < task.n && task.n < attempts[0].n && attempts[0].n < acts[0].n);
        last = acts[0].n;
    }
}
