/* store_fixture.c - see store_fixture.h. */
#include "support/store_fixture.h"

#include <ftw.h>
#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif
#include <stdlib.h>
#include <unistd.h>

#define IDS_FROM_US INT64_C(1700000000000000)

void store_fixture_check(store_fixture *fx, tasker_status is, tasker_status expected,
                         const char *what, const char *file, int line) {
    cr_assert_eq(is, expected, "%s:%d: %s on %s: %s instead of %s (%s)", file, line, what, fx->kind,
                 tasker_status_name(is), tasker_status_name(expected),
                 is == TASKER_OK ? "" : fx->error.message);
}

tasker_status store_fixture_settle(store_fixture *fx, const char *operation, tasker_status status) {
    bool within = strcmp(operation, "begin") != 0 && strcmp(operation, "share") != 0 &&
                  strcmp(operation, "worker_lock") != 0;
    return status == TASKER_OK && within ? fx->store->driver->sync(fx->store, &fx->error) : status;
}

void store_fixture_folder(char folder[64]) {
    const char *place = getenv("TMPDIR");
    int size = snprintf(folder, 64, "%s/tasker-test-XXXXXX", place == NULL ? "/tmp" : place);
    cr_assert(size > 0 && size < 64, "TMPDIR is too long");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *at, int kind, struct FTW *walk) {
    (void)at;
    (void)kind;
    (void)walk;
    return remove(path);
}

void store_fixture_remove(const char *folder) {
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

tk_uuid store_fixture_id(store_fixture *fx) {
    uint64_t number = ++fx->ids;
    return tk_uuid_task(IDS_FROM_US + (int64_t)number * 1000,
                        number * UINT64_C(0x9E3779B97F4A7C15));
}

/* Every test finds a namespace "default", a callable "handler" and a template "job" of one step. */
static void fixture_fill(store_fixture *fx) {
    const tk_str queue = TK_STR("default");
    const tk_str handler = TK_STR("handler");
    const tk_str step = TK_STR("only");
    const tk_str ancestors = {NULL, 0};
    tk_template_row row = {
        .created_us = 1,
        .namespace_name = queue,
        .name = TK_STR("job"),
        .version = TK_STR("1.0.0"),
        .spec = TK_STR("{}"),
        .digest = {{1}},
    };
    OK(begin, TK_STORE_WRITE);
    OK(name_intern, TK_NAME_NAMESPACE, &queue, 1, &fx->queue);
    OK(name_intern, TK_NAME_CALLABLE, &handler, 1, &fx->handler);
    OK(template_insert, &row, &step, &ancestors, 1);
    OK(template_use, row.id, 1);
    COMMIT();
    fx->template_id = row.id;
}

/* Returns false when this store is not there. */
static bool fixture_open(store_fixture *fx, bool faulty) {
    const tk_store_config config = {.url = fx->url, .clock = &tk_clock_system};
    tasker_status status = tk_store_open(&config, &fx->store, &fx->error);
    if (status == TASKER_UNSUPPORTED) {
        return false;
    }
    cr_assert_eq(status, TASKER_OK, "%s: %s", fx->kind, fx->error.message);
    if (faulty) {
        tk_fault_plan_init(&fx->plan);
        status = tk_fault_store_wrap(fx->store, &fx->plan, &fx->store, &fx->error);
        cr_assert_eq(status, TASKER_OK);
    }
    fixture_fill(fx);
    return true;
}

static void run_on(store_test_fn test, const char *kind, const char *url, const char *owner_url,
                   bool faulty) {
    store_fixture fx = {.kind = kind};
    if (url == NULL) {
        store_fixture_folder(fx.folder);
        (void)snprintf(fx.url, sizeof(fx.url), "sqlite:%s/store.db", fx.folder);
    } else {
        (void)snprintf(fx.url, sizeof(fx.url), "%s", url);
    }
    (void)snprintf(fx.owner_url, sizeof(fx.owner_url), "%s",
                   owner_url == NULL ? fx.url : owner_url);
    if (fixture_open(&fx, faulty)) {
        test(&fx);
        fx.store->driver->rollback(fx.store);
        tk_store_close(fx.store);
        tk_arena_release(&fx.arena);
    }
    if (faulty) {
        cr_assert_eq(fx.plan.misuse, 0, "%s: %" PRIu64 " misused calls", kind, fx.plan.misuse);
        tk_fault_plan_release(&fx.plan);
    }
    if (fx.folder[0] != '\0') {
        store_fixture_remove(fx.folder);
    }
}

#ifdef TK_WITH_POSTGRES
static void server_run(const char *server, const char *format, const char *name) {
    char sql[160];
    (void)snprintf(sql, sizeof(sql), format, name);
    PGconn *connection = PQconnectdb(server);
    PGresult *result = PQexec(connection, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql,
                 PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

static const char *role_of(const char *variable) {
    const char *role = getenv(variable);
    return role == NULL || role[0] == '\0' ? "current_user" : role;
}

/* As the roles are meant: one makes the tables, another one runs. */
static void url_of(char url[192], const char *server, const char *database, const char *variable) {
    const char *role = getenv(variable);
    int size =
        snprintf(url, 192, "%s%cdbname=%s%s%s", server, strchr(server, '?') == NULL ? '?' : '&',
                 database, role == NULL ? "" : "&user=", role == NULL ? "" : role);
    cr_assert(size > 0 && size < 192, "TASKER_STORE is too long");
}

static void tables_make(const char *url) {
    tasker_error error = {0};
    const tasker_migrate_options options = {.size = sizeof(options),
                                            .runtime_role = getenv("TASKER_TEST_RUNTIME")};
    cr_assert_eq(tasker_store_migrate(url, &options, NULL, &error), TASKER_OK, "%s", error.message);
}

/* Tests run side by side: each has a database of its own. */
static void run_on_postgres(store_test_fn test, const char *server) {
    char name[32];
    char url[192];
    char owner_url[192];
    char create[128];
    (void)snprintf(name, sizeof(name), "tasker_test_%d", (int)getpid());
    (void)snprintf(create, sizeof(create),
                   "CREATE DATABASE %%s ENCODING 'UTF8' TEMPLATE template0 OWNER %s",
                   role_of("TASKER_TEST_OWNER"));
    url_of(url, server, name, "TASKER_TEST_RUNTIME");
    url_of(owner_url, server, name, "TASKER_TEST_OWNER");
    server_run(server, create, name);
    tables_make(owner_url);
    run_on(test, "TASKER_STORE", url, owner_url, false);
    server_run(server, "DROP DATABASE %s WITH (FORCE)", name);
}
#else
static void run_on_postgres(store_test_fn test, const char *server) {
    (void)test;
    (void)server;
}
#endif

void store_fixture_every(store_test_fn test) {
    run_on(test, "memory", "sqlite::memory:", NULL, false);
    run_on(test, "file", NULL, NULL, false);
    run_on(test, "memory behind the fault store", "sqlite::memory:", NULL, true);
    const char *other = getenv("TASKER_STORE");
    if (other != NULL && strncmp(other, "postgres", 8) == 0) {
        run_on_postgres(test, other);
    } else if (other != NULL && other[0] != '\0') {
        run_on(test, "TASKER_STORE", other, NULL, false);
    }
}

void store_fixture_tasks(store_fixture *fx, tk_uuid *ids, uint32_t count) {
    uint8_t progress[3] = {1, 0, 0};
    const tk_count_row born = {.template_id = fx->template_id, .to = 1, .tasks = count};
    for (uint32_t i = 0; i < count; i++) {
        bool inserted = false;
        ids[i] = store_fixture_id(fx);
        tk_task_row task = {
            .id = ids[i],
            .created_us = 1000,
            .template_id = fx->template_id,
            .context = TK_STR("{\"a\":1}"),
        };
        const tk_state_row state = {
            .task_id = ids[i],
            .state = 1,
            .open_steps = 1,
            .updated_us = 1000,
            .progress = progress,
            .progress_bytes = sizeof(progress),
        };
        OK(task_insert, &task, 1, &inserted);
        cr_assert(inserted);
        OK(state_insert, &state, 1);
    }
    OK(count_add, &born, 1);
}

void store_fixture_ready(store_fixture *fx, const tk_uuid *ids, uint32_t count, int64_t now_us) {
    for (uint32_t i = 0; i < count; i++) {
        tk_ready_row row = {
            .task_id = ids[i],
            .queue = fx->queue,
            .handler = fx->handler,
            .enqueued_us = now_us,
        };
        OK(ready_insert, &row, 1);
    }
}

tk_claim_row *store_fixture_claim(store_fixture *fx, uint32_t limit, int64_t token, int64_t now_us,
                                  uint32_t *count) {
    const tk_want want = {.queue = fx->queue, .handler = fx->handler, .limit = limit};
    tk_claim_row *rows = NULL;
    OK(claim, &fx->arena, &want, 1, limit, 7, token, now_us, &rows, count);
    return rows;
}
