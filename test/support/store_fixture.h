/*
 * store_fixture.h - a fresh store for a test, and short ways to fill it.
 *
 * A test of the store's contract is written once and runs on every store:
 *
 *     STORE_TEST(claim, takes_the_oldest_first) {
 *         OK(begin, TK_STORE_WRITE);
 *         …
 *         COMMIT();
 *     }
 *
 * inside of which `fx` is the fixture: SQLite in memory, a SQLite file, SQLite in memory behind the
 * fault store (which then must not have noticed misuse), and the store that TASKER_STORE names, if it
 * can be opened. That one has to be empty and must not be worth anything; of a PostgreSQL server each
 * test takes a database of its own, and works as the role that only runs (script/with-postgres).
 */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <criterion/criterion.h>

#include "store.h"
#include "support/fault_store.h"

typedef struct store_fixture {
    const char *kind; /* for messages */
    char folder[64];  /* of the file, or empty */
    char url[192];
    char owner_url[192]; /* of a user who may change tables */
    tk_store *store;
    tk_arena arena;
    tasker_error error;
    tk_fault_plan plan;
    uint64_t ids; /* given so far */
    int32_t queue, handler, template_id;
} store_fixture;

typedef void (*store_test_fn)(store_fixture *fx);

/* store_fixture_every runs a test on each store in turn. */
void store_fixture_every(store_test_fn test);

/* store_fixture_id makes a task's id; ids made later sort later. */
tk_uuid store_fixture_id(store_fixture *fx);

/* store_fixture_tasks inserts `count` plain tasks of one step each (task, state, count; no live
 * step), inside of the open transaction. */
void store_fixture_tasks(store_fixture *fx, tk_uuid *ids, uint32_t count);

/* store_fixture_ready makes step 0 of each task ready. */
void store_fixture_ready(store_fixture *fx, const tk_uuid *ids, uint32_t count, int64_t now_us);

/* store_fixture_claim takes up to `limit` of the fixture's queue. */
tk_claim_row *store_fixture_claim(store_fixture *fx, uint32_t limit, int64_t token, int64_t now_us,
                                  uint32_t *count);

/* store_fixture_folder makes a folder for files and remembers it for store_fixture_remove. */
void store_fixture_folder(char folder[64]);
void store_fixture_remove(const char *folder);

void store_fixture_check(store_fixture *fx, tasker_status is, tasker_status expected,
                         const char *what, const char *file, int line);

#define STORE_TEST(suite, name)                                                                    \
    static void suite##_##name(store_fixture *fx);                                                 \
    Test(suite, name, .timeout = 120) {                                                            \
        store_fixture_every(suite##_##name);                                                       \
    }                                                                                              \
    static void suite##_##name(store_fixture *fx)

/* store_fixture_settle waits for the answer of an operation that went well: drivers may tell it, and that
 * it failed, no earlier than sync. */
tasker_status store_fixture_settle(store_fixture *fx, const char *operation, tasker_status status);

/* CALL(operation, arguments…) calls an operation of fx->store and settles it; OK insists on success, FAILS
 * on a status. COMMIT is one without arguments. */
#define CALL(operation, ...)                                                                       \
    store_fixture_settle(fx, #operation,                                                           \
                         fx->store->driver->operation(fx->store, __VA_ARGS__, &fx->error))
#define FAILS(status, operation, ...)                                                              \
    store_fixture_check(fx, CALL(operation, __VA_ARGS__), status, #operation, __FILE__, __LINE__)
#define OK(operation, ...) FAILS(TASKER_OK, operation, __VA_ARGS__)
#define COMMIT()                                                                                   \
    store_fixture_check(fx, fx->store->driver->commit(fx->store, &fx->error), TASKER_OK, "commit", \
                        __FILE__, __LINE__)
#define ROLLBACK() fx->store->driver->rollback(fx->store)

#endif
