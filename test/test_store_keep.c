/* What a store needs over the years, as its contract says: pruning and setting up. Pruning what
 * lies in portions of PostgreSQL, and migrations: test_store_migrate.c. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "support/store_file.h"
#include "support/store_fixture.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define OLD_US INT64_C(1700000000000000) /* the fixture's ids begin here */
#define NEW_US (OLD_US + 40 * DAY_US)

/* The tables' owner prunes. */
static tasker_status prune_once(store_fixture *fx, tk_prune *prune) {
    if (strcmp(fx->url, fx->owner_url) == 0) {
        return fx->store->driver->prune(fx->store, &fx->arena, prune, &fx->error);
    }
    tk_store *owner = store_file_open(fx->owner_url);
    tasker_status status = owner->driver->prune(owner, &fx->arena, prune, &fx->error);
    tk_store_close(owner);
    return status;
}

/* Prunes to the end; what went, stayed and whose keys went is added up in *sum. */
static void prune_all(store_fixture *fx, tk_prune prune, tk_prune *sum) {
    *sum = (tk_prune){.more = false};
    prune.more = true;
    for (int calls = 0; prune.more; calls++) {
        cr_assert_lt(calls, 100, "pruning has no end");
        cr_assert_eq(prune_once(fx, &prune), TASKER_OK, "%s", fx->error.message);
        sum->tasks += prune.tasks;
        sum->kept += prune.kept;
        sum->identities += prune.identities;
    }
}

static void end_task(store_fixture *fx, const tk_uuid *id, int32_t state, int64_t updated_us) {
    tk_state_row row;
    bool found = false;
    const tk_count_row moved = {.template_id = fx->template_id, .from = 1, .to = state, .tasks = 1};
    OK(state_lock, &fx->arena, id, 1, &row, &found);
    cr_assert(found);
    row.state = state;
    row.open_steps = 0;
    row.updated_us = updated_us;
    OK(state_update, &row, 1);
    OK(count_add, &moved, 1);
}

/* A task with everything that belongs to one. */
static void fill_task(store_fixture *fx, const tk_uuid *id, tk_str key) {
    tk_attempt_row attempt = {.task_id = *id, .attempt = 1, .outcome = TK_OUTCOME_OK};
    tk_act_row act = {.task_id = *id, .kind = TK_ACT_RETRIED, .attempt = 1};
    const tk_identity_row identity = {
        .queue = fx->queue, .template_name = TK_STR("job"), .key = key, .task_id = *id};
    tk_uuid winner;
    OK(identity_insert, &fx->arena, &identity, 1, &winner);
    OK(attempt_insert, &attempt, 1);
    OK(act_insert, &act, 1);
}

static int64_t counted(store_fixture *fx, int32_t state) {
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    int64_t tasks = 0;
    OK(begin, TK_STORE_READ);
    OK(count_list, &fx->arena, &rows, &count);
    for (uint32_t i = 0; i < count; i++) {
        tasks += rows[i].to == state ? rows[i].tasks : 0;
    }
    COMMIT();
    return tasks;
}

static bool is_there(store_fixture *fx, const tk_uuid *id) {
    tk_task_row task;
    bool found = false;
    OK(begin, TK_STORE_READ);
    OK(task_load, &fx->arena, id, 1, &task, &found);
    COMMIT();
    return found;
}

static void expect_sound(store_fixture *fx) {
    tk_str *problems = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    OK(integrity, &fx->arena, &problems, &count);
    cr_assert_eq(count, 0, "%s", count > 0 ? problems[0].data : "");
    COMMIT();
}

STORE_TEST(store_keep, ended_tasks_go_with_all_that_is_theirs) {
    tk_uuid ids[6];
    tk_prune sum;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 6);
    for (int i = 0; i < 6; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        fill_task(fx, &ids[i], tk_str_of(key));
    }
    store_fixture_ready(fx, &ids[0], 1, OLD_US);
    end_task(fx, &ids[1], 3, OLD_US); /* blocked: open */
    end_task(fx, &ids[2], 2, OLD_US);
    end_task(fx, &ids[3], 4, OLD_US);
    end_task(fx, &ids[4], 2, NEW_US); /* ended lately */
    end_task(fx, &ids[5], 6, OLD_US);
    COMMIT();

    prune_all(fx, (tk_prune){.before_us = NEW_US, .limit = 2, .dry_run = true}, &sum);
    cr_assert_eq(sum.tasks, 3);
    cr_assert_eq(sum.kept, 3);
    cr_assert_eq(sum.identities, 3);
    cr_assert(is_there(fx, &ids[2]), "a dry run takes nothing");

    prune_all(fx, (tk_prune){.before_us = NEW_US, .limit = 2}, &sum);
    cr_assert_eq(sum.tasks, 3);
    cr_assert_eq(sum.kept, 3);
    cr_assert_eq(sum.identities, 3);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(is_there(fx, &ids[i]), i < 2 || i == 4, "%s: task %d", fx->kind, i);
    }
    cr_assert_eq(counted(fx, 1), 1);
    cr_assert_eq(counted(fx, 2), 1);
    cr_assert_eq(counted(fx, 3), 1);
    cr_assert_eq(counted(fx, 4), 0);
    cr_assert_eq(counted(fx, 6), 0);
    expect_sound(fx);
}

STORE_TEST(store_keep, the_key_of_a_task_that_went_is_free_again) {
    tk_uuid ids[2];
    tk_uuid winner;
    tk_prune sum;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    fill_task(fx, &ids[0], TK_STR("key"));
    end_task(fx, &ids[0], 2, OLD_US);
    COMMIT();
    prune_all(fx, (tk_prune){.before_us = NEW_US, .limit = 10}, &sum);
    const tk_identity_row again = {.queue = fx->queue,
                                   .template_name = TK_STR("job"),
                                   .key = TK_STR("key"),
                                   .task_id = ids[1]};
    OK(begin, TK_STORE_WRITE);
    OK(identity_insert, &fx->arena, &again, 1, &winner);
    cr_assert(tk_uuid_equal(&winner, &ids[1]));
    COMMIT();
}

STORE_TEST(store_keep, the_limit_counts_what_is_looked_at) {
    tk_uuid ids[5];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 5);
    for (int i = 0; i < 5; i++) {
        end_task(fx, &ids[i], 2, OLD_US);
    }
    COMMIT();
    tk_prune prune = {.before_us = NEW_US, .limit = 2, .singles = true};
    cr_assert_eq(prune_once(fx, &prune), TASKER_OK, "%s", fx->error.message);
    cr_assert_eq(prune.tasks, 2);
    cr_assert(prune.more);
    cr_assert_not(is_there(fx, &ids[1]));
    cr_assert(is_there(fx, &ids[2]), "one call takes no more than its limit");
    prune.limit = 3;
    cr_assert_eq(prune_once(fx, &prune), TASKER_OK);
    cr_assert_eq(prune.tasks, 3);
    cr_assert(prune.more, "a full call may not be the last");
    cr_assert_eq(prune_once(fx, &prune), TASKER_OK);
    cr_assert_eq(prune.tasks, 0);
    cr_assert_not(prune.more);
}

#define HELD_MS 300

typedef struct writer {
    tk_store *store;
    _Atomic(bool) writes;
} writer;

static void *write_for_long(void *argument) {
    writer *w = argument;
    const struct timespec held = {.tv_nsec = HELD_MS * 1000000L};
    cr_assert_eq(tk_store_call(w->store, begin, TK_STORE_WRITE, NULL), TASKER_OK);
    atomic_store(&w->writes, true);
    (void)nanosleep(&held, NULL);
    cr_assert_eq(tk_store_call(w->store, commit, NULL), TASKER_OK);
    return NULL;
}

STORE_TEST(store_keep, waiting_for_another_writer_is_not_counted) {
    tk_uuid id;
    writer w = {.writes = false};
    pthread_t thread;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    end_task(fx, &id, 2, OLD_US);
    COMMIT();
    cr_assert_eq(fx->store->driver->share(fx->store, &w.store, &fx->error), TASKER_OK);
    cr_assert_eq(pthread_create(&thread, NULL, write_for_long, &w), 0);
    while (!atomic_load(&w.writes)) {
        (void)sched_yield();
    }
    tk_prune prune = {.before_us = NEW_US, .limit = 10, .singles = true};
    cr_assert_eq(prune_once(fx, &prune), TASKER_OK, "%s", fx->error.message);
    pthread_join(thread, NULL);
    tk_store_close(w.store);
    cr_assert_eq(prune.tasks, 1);
    cr_assert_lt(prune.held_us, HELD_MS * 1000 / 2, "%" PRId64 " us", prune.held_us);
}

STORE_TEST(store_keep, a_file_has_neither_roles_nor_portions) {
    if (strcmp(fx->store->driver->name, "sqlite") != 0) {
        return;
    }
    tk_setup role = {.rights = true, .role = "somebody"};
    tk_setup period = {.period = TK_PERIOD_WEEK};
    tk_setup plain = {.rights = true};
    const tk_driver *driver = fx->store->driver;
    cr_assert_eq(driver->set_up(fx->store, &fx->arena, &role, &fx->error), TASKER_UNSUPPORTED);
    cr_assert_eq(driver->set_up(fx->store, &fx->arena, &period, &fx->error), TASKER_UNSUPPORTED);
    cr_assert_eq(driver->set_up(fx->store, &fx->arena, &plain, &fx->error), TASKER_OK);
}
