/*
 * One flow - open, register, submit, run with a retry and a give-back, resolve, cancel, read, shut
 * down - in which each allocation of the library, each allocation of SQLite and each operation of
 * the store fails once. Whatever fails is tried again, as a host would; in the end everything must
 * be done, once, and nothing may have leaked.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "support/fail_alloc.h"
#include "support/fault_store.h"
#include "turn.h"

#define TRIES_MAX 4 /* of one call; a fault happens once */
#define TURNS_MAX 2000
#define SHARDS 4 /* the longest sweep is cut into tests that run beside each other */
#ifdef __SANITIZE_ADDRESS__
#define SQLITE_STRIDE 5 /* each run is slow, and another build runs them all */
#else
#define SQLITE_STRIDE 1
#endif

static const char yaml[] = "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                           "  - {name: a, handler: {callable: flaky}, retry: {limit: 5, backoff: "
                           "linear, backoff_base_ms: 10}}\n"
                           "  - {name: b, handler: {callable: plain}, dependencies: [a]}\n"
                           "  - {name: c, handler: {callable: plain}, dependencies: [a]}\n"
                           "  - {name: d, handler: {callable: plain}, dependencies: [b, c]}\n";
static const char one[] = "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"n\":1},"
                          "\"idempotency_key\":\"one\",\"tags\":[\"x\"]}";
static const char two[] = "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"n\":2},"
                          "\"idempotency_key\":\"two\",\"bypass_steps\":[\"b\"],\"priority\":7}";
static const char three[] = "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"n\":3},"
                            "\"idempotency_key\":\"three\",\"delay\":3600}";

typedef struct flow {
    tk_fault_plan *plan; /* NULL: the store does not fail */
    int64_t now_us;
    tk_clock clock;
    tk_random random;
    tk_random_stream stream;
    tk_log log;
    tk_store *store;
    tk_catalog catalog;
    tk_engine engine;
    tk_worker *worker;
    tasker_error error;
    uint32_t released, failed;
} flow;

static int64_t now_us(void *user) {
    return INT64_C(1790000000000000) + ((const flow *)user)->now_us;
}

static int64_t monotonic_us(void *user) {
    return ((const flow *)user)->now_us;
}

static void say_nothing(void *user, tasker_log_level level, const char *line) {
    (void)user;
    (void)level;
    (void)line;
}

/* Repeats a call that may fail for lack of memory or by the store. */
#define TRY(f, call)                                                                               \
    do {                                                                                           \
        tasker_status status_ = TASKER_NOMEM;                                                      \
        for (int try_ = 0; try_ < TRIES_MAX && status_ != TASKER_OK; try_++) {                     \
            status_ = (call);                                                                      \
            cr_assert(status_ == TASKER_OK || status_ == TASKER_NOMEM || status_ == TASKER_STORE,  \
                      "%s: %s: %s", #call, tasker_status_name(status_), (f)->error.message);       \
            (f)->now_us += 1000;                                                                   \
        }                                                                                          \
        cr_assert_eq(status_, TASKER_OK, "%s: %s", #call, (f)->error.message);                     \
    } while (false)

static tasker_status open_store(flow *f) {
    const tk_store_config config = {.url = "sqlite::memory:", .clock = &f->clock, .log = &f->log};
    tk_store *inner = NULL;
    tasker_status status = tk_store_open(&config, &inner, &f->error);
    if (status != TASKER_OK || f->plan == NULL) {
        f->store = inner;
        return status;
    }
    status = tk_fault_store_wrap(inner, f->plan, &f->store, &f->error);
    if (status != TASKER_OK) {
        tk_store_close(inner);
    }
    return status;
}

static tasker_status put(flow *f) {
    tk_buf report = {0};
    bool valid = false;
    tasker_status status =
        tk_register(&f->engine, TK_STR(yaml), "job.yaml", &report, &valid, &f->error);
    cr_assert(status != TASKER_OK || valid, "%s", report.data);
    tk_buf_release(&report);
    return status;
}

/* *id: of the task; a request that was sent before gives the same. */
static tasker_status submit(flow *f, const char *request, tk_uuid *id) {
    tk_buf answer = {0};
    tasker_status status = tk_submit(&f->engine, tk_str_of(request), &answer, &f->error);
    if (status == TASKER_OK && answer.failed) {
        status = TASKER_NOMEM;
    }
    if (status == TASKER_OK) {
        const char *at = strstr(answer.data, "\"task_uuid\":\"");
        cr_assert(at != NULL && tk_uuid_parse((tk_str){at + 13, 36}, id), "%s", answer.data);
    }
    tk_buf_release(&answer);
    return status;
}

static tasker_status open_worker(flow *f) {
    static const tk_str handlers[] = {{"flaky", 5}, {"plain", 5}};
    const tk_worker_setup setup = {
        .handlers = handlers, .handler_count = 2, .name = TK_STR("w"), .threads = 2};
    return tk_worker_open(&f->engine, &setup, &f->worker, &f->error);
}

/* The flaky handler fails the first time; the first plain step is given back before it begins. */
static void handle(flow *f, tasker_step *step) {
    tasker_outcome outcome = {.ok = true, .result = TK_STR("{\"y\":1}"), .retry_after_ms = -1};
    if (strcmp(step->callable, "flaky") == 0 && f->failed == 0) {
        outcome = (tasker_outcome){.retryable = true,
                                   .retry_after_ms = -1,
                                   .error_message = TK_STR("not yet"),
                                   .error_class = TK_STR("NotYet")};
        f->failed++;
    } else if (strcmp(step->callable, "plain") == 0 && f->released == 0) {
        f->released++;
        TRY(f, tk_worker_release(f->worker, step->event_id, false, &f->error));
        tasker_step_free(step);
        return;
    }
    TRY(f, tk_worker_complete(f->worker, step->event_id, &outcome, &f->error));
    tasker_step_free(step);
}

static bool resting(flow *f, const tk_uuid *id) {
    tk_arena arena = {0};
    tk_state_row row = {0};
    bool found = false;
    tasker_status status = tk_store_call(f->store, begin, TK_STORE_READ, &f->error);
    if (status == TASKER_OK) {
        status = tk_store_call(f->store, state_load, &arena, id, 1, &row, &found, &f->error);
    }
    f->store->driver->rollback(f->store);
    bool rests = status == TASKER_OK && found && tk_task_mark_resting(row.state);
    tk_arena_release(&arena);
    return rests;
}

static void run_until_rest(flow *f, const tk_uuid *id) {
    for (int turns = 0; !resting(f, id); turns++) {
        cr_assert_lt(turns, TURNS_MAX, "the task does not come to rest: %s", f->error.message);
        tasker_status status = tk_turn(f->worker, &f->error);
        cr_assert(status == TASKER_OK || status == TASKER_NOMEM || status == TASKER_STORE, "%s: %s",
                  tasker_status_name(status), f->error.message);
        tasker_step *step = NULL;
        while (tk_worker_next(f->worker, 0, &step, NULL) == TASKER_OK) {
            handle(f, step);
        }
        f->now_us += tk_worker_wait_us(f->worker) + 1;
    }
}

static tasker_status read_task(flow *f, tasker_query_kind kind, const tk_uuid *id) {
    char filter[64] = "{\"task_uuid\":\"";
    tk_uuid_format(id, filter + strlen(filter));
    strcat(filter, "\"}");
    tk_buf answer = {0};
    tasker_status status = tk_query(&f->engine, kind, tk_str_of(filter), &answer, &f->error);
    tk_buf_release(&answer);
    return status;
}

static tasker_status drain(flow *f) {
    uint32_t left = 1;
    tasker_status status = tk_worker_drain(f->worker, true, &left, &f->error);
    cr_assert(status != TASKER_OK || left == 0);
    return status;
}

static tasker_status check(flow *f) {
    tk_check check = {.count = 0};
    tasker_status status = tk_check_store(&f->engine, true, &check, &f->error);
    if (status == TASKER_OK && check.count > 0) {
        cr_assert_fail("%s: %s", check.problems[0].rule, check.problems[0].detail);
    }
    cr_assert(status != TASKER_OK || check.tasks == 3, "%" PRIu64 " tasks", check.tasks);
    tk_check_release(&check);
    return status;
}

static void flow_run(flow *f) {
    f->clock = (tk_clock){now_us, monotonic_us, f};
    f->random = tk_random_seeded(&f->stream, 11);
    f->log = (tk_log){say_nothing, NULL};
    TRY(f, open_store(f));
    TRY(f, tk_catalog_open(&f->catalog, &f->error));
    f->engine = (tk_engine){.store = f->store,
                            .clock = &f->clock,
                            .random = &f->random,
                            .log = &f->log,
                            .environment = "test",
                            .catalog = &f->catalog};
    tk_uuid first, second, third;
    TRY(f, put(f));
    TRY(f, submit(f, one, &first));
    TRY(f, submit(f, two, &second));
    TRY(f, submit(f, three, &third));
    TRY(f, open_worker(f));
    tk_uuid step = tk_uuid_step(&second, 0);
    tasker_status by_hand = TASKER_NOMEM; /* a lost answer makes the second try a conflict */
    for (int i = 0; i < TRIES_MAX && by_hand != TASKER_OK && by_hand != TASKER_CONFLICT; i++) {
        by_hand =
            tk_step_by_hand(&f->engine, &step, TK_OUTCOME_COMPLETED, TK_STR("5"), NULL, &f->error);
    }
    run_until_rest(f, &first);
    run_until_rest(f, &second);
    TRY(f, tk_task_cancel(&f->engine, &third, NULL, &f->error));
    TRY(f, read_task(f, TASKER_QUERY_TASK, &first));
    TRY(f, read_task(f, TASKER_QUERY_HISTORY, &second));
    TRY(f, drain(f));
    tk_worker_close(f->worker);
    TRY(f, check(f));
    cr_assert(resting(f, &third) || resting(f, &third));
    tk_catalog_close(&f->catalog);
    tk_store_close(f->store);
}

/* --- allocations of the library --- */

static void run_plain(void) {
    flow f = {.plan = NULL};
    flow_run(&f);
}

Test(faults, every_allocation_of_the_library_fails_once, .timeout = 240) {
    size_t at = 1;
    for (bool happened = true; happened; at++) {
        fail_alloc_begin(at, FAIL_ALLOC_ONCE);
        run_plain();
        happened = fail_alloc_happened();
        long left = fail_alloc_end();
        cr_assert_eq(left, 0, "%ld blocks leak when allocation %zu fails", left, at);
    }
    cr_assert_gt(at, 100);
}

/* Ends with the first failure: all that follows would fail too. */
static void run_until_failure(void *user) {
    flow *f = user;
    tk_uuid id;
    tk_uuid step;
    *f = (flow){.clock = {now_us, monotonic_us, f}, .log = {say_nothing, NULL}};
    f->random = tk_random_seeded(&f->stream, 11);
    if (open_store(f) != TASKER_OK) {
        return;
    }
    bool catalog = tk_catalog_open(&f->catalog, &f->error) == TASKER_OK;
    f->engine = (tk_engine){.store = f->store,
                            .clock = &f->clock,
                            .random = &f->random,
                            .log = &f->log,
                            .environment = "test",
                            .catalog = &f->catalog};
    bool good = catalog && put(f) == TASKER_OK && submit(f, one, &id) == TASKER_OK &&
                open_worker(f) == TASKER_OK;
    step = tk_uuid_step(&id, 1);
    tasker_step *taken = NULL;
    const tasker_outcome outcome = {.ok = true, .retry_after_ms = -1};
    for (int turns = 0; good && turns < 4; turns++) {
        good = tk_turn(f->worker, &f->error) == TASKER_OK;
        while (good && tk_worker_next(f->worker, 0, &taken, NULL) == TASKER_OK) {
            good = tk_worker_complete(f->worker, taken->event_id, &outcome, NULL) == TASKER_OK;
            tasker_step_free(taken);
        }
    }
    good = good && read_task(f, TASKER_QUERY_TASK, &id) == TASKER_OK &&
           read_task(f, TASKER_QUERY_HISTORY, &id) == TASKER_OK;
    if (good) {
        (void)tk_step_by_hand(&f->engine, &step, TK_OUTCOME_RESOLVED, TK_STR("1"), NULL, &f->error);
        (void)tk_task_cancel(&f->engine, &id, NULL, &f->error);
    }
    tk_worker_close(f->worker);
    if (catalog) {
        tk_catalog_close(&f->catalog);
    }
    tk_store_close(f->store);
}

Test(faults, when_memory_is_over_all_is_given_back, .timeout = 240) {
    flow f;
    fail_alloc_report report = fail_alloc_sweep(run_until_failure, &f);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks when it fails", report.leak_at);
    cr_assert_gt(report.allocations, 100);
}

static void write_nothing(void *user, tasker_log_level level, const char *line) {
    say_nothing(user, level, line);
}

/* The same through the public header, up to the first failure. */
static void run_in_public(void *user) {
    (void)user;
    static const tasker_handler handlers[] = {{.callable = "flaky"}, {.callable = "plain"}};
    const tasker_options options = {.size = sizeof(options), .log = write_nothing};
    const tasker_worker_options worker_options = {
        .size = sizeof(worker_options), .handlers = handlers, .handler_count = 2, .threads = 2};
    const tasker_outcome outcome = {.ok = true, .retry_after_ms = -1};
    tasker *handle = NULL;
    tasker_worker *worker = NULL;
    tasker_text texts[4] = {{NULL, 0}};
    tasker_step *step = NULL;
    char id[TASKER_UUID_SIZE] = "";
    bool good =
        tasker_open("sqlite::memory:", &options, &handle, NULL) == TASKER_OK &&
        tasker_template_put(handle, TK_STR(yaml), "job.yaml", &texts[0], NULL) == TASKER_OK &&
        tasker_submit(handle, TK_STR(one), &texts[1], NULL) == TASKER_OK;
    if (good) {
        memcpy(id, strstr(texts[1].data, "\"task_uuid\":\"") + 13, TASKER_UUID_SIZE - 1);
    }
    good = good && tasker_worker_open(handle, &worker_options, &worker, NULL) == TASKER_OK &&
           tasker_worker_turn(worker, NULL) == TASKER_OK;
    while (good && tasker_worker_next(worker, 0, &step, NULL) == TASKER_OK) {
        good = tasker_worker_complete(worker, step->event_id, &outcome, NULL) == TASKER_OK;
        tasker_step_free(step);
    }
    good = good && tasker_worker_turn(worker, NULL) == TASKER_OK &&
           tasker_task_wait(handle, id, 0, &texts[2], NULL) == TASKER_TIMEOUT &&
           tasker_store_check(handle, &texts[3], NULL) == TASKER_OK;
    cr_assert(good || fail_alloc_happened());
    tasker_worker_close(worker); /* it stops first */
    tasker_close(handle);
    for (size_t i = 0; i < TK_COUNT_OF(texts); i++) {
        tasker_text_free(&texts[i]);
    }
}

Test(faults, the_public_functions_give_all_back_when_memory_is_over, .timeout = 240) {
    fail_alloc_report report = fail_alloc_sweep(run_in_public, NULL);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks when it fails", report.leak_at);
    cr_assert_gt(report.allocations, 100);
}

/* --- allocations of SQLite --- */

static sqlite3_mem_methods sqlite_memory;
static size_t sqlite_count, sqlite_fail_at;
static long sqlite_live;

static bool sqlite_refused(void) {
    return ++sqlite_count == sqlite_fail_at;
}

static void *sqlite_malloc(int size) {
    void *memory = sqlite_refused() ? NULL : sqlite_memory.xMalloc(size);
    sqlite_live += memory != NULL;
    return memory;
}

static void *sqlite_realloc(void *old, int size) {
    return sqlite_refused() ? NULL : sqlite_memory.xRealloc(old, size);
}

static void sqlite_free(void *memory) {
    sqlite_live -= memory != NULL;
    sqlite_memory.xFree(memory);
}

static void sqlite_begin(void) {
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
    sqlite3_mem_methods failing = sqlite_memory;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    failing.xFree = sqlite_free;
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    cr_assert_eq(sqlite3_initialize(), SQLITE_OK);
}

static void sweep_sqlite(size_t shard) {
    sqlite_begin();
    size_t at = shard + 1;
    for (bool happened = true; happened; at += SHARDS * SQLITE_STRIDE) {
        long before = sqlite_live;
        sqlite_count = 0;
        sqlite_fail_at = at;
        run_plain();
        happened = sqlite_count >= at;
        cr_assert_eq(sqlite_live, before, "%ld blocks of SQLite leak when its allocation %zu fails",
                     sqlite_live - before, at);
    }
    cr_assert_gt(at, 300);
}

Test(faults, every_allocation_of_sqlite_fails_once_1, .timeout = 240) {
    sweep_sqlite(0);
}

Test(faults, every_allocation_of_sqlite_fails_once_2, .timeout = 240) {
    sweep_sqlite(1);
}

Test(faults, every_allocation_of_sqlite_fails_once_3, .timeout = 240) {
    sweep_sqlite(2);
}

Test(faults, every_allocation_of_sqlite_fails_once_4, .timeout = 240) {
    sweep_sqlite(3);
}

/* --- operations of the store --- */

static uint64_t run_with_fault(uint64_t at, tk_fault_kind kind) {
    tk_fault_plan plan;
    tk_fault_plan_init(&plan);
    tk_fault_plan_set(&plan, TK_FAULT_ANY, at, kind);
    flow f = {.plan = &plan};
    flow_run(&f);
    cr_assert_eq(plan.misuse, 0, "a call behind the error of operation %" PRIu64, at);
    cr_assert_eq(plan.fired, at > 0 && at <= plan.calls, "operation %" PRIu64, at);
    uint64_t calls = plan.calls;
    tk_fault_plan_release(&plan);
    return calls;
}

static void sweep_store(tk_fault_kind kind) {
    uint64_t calls = run_with_fault(0, TK_FAULT_NONE);
    cr_assert_gt(calls, 100);
    for (uint64_t at = 1; at <= calls; at++) {
        run_with_fault(at, kind);
    }
}

Test(faults, every_operation_of_the_store_fails_once, .timeout = 240) {
    sweep_store(TK_FAULT_BEFORE);
}

Test(faults, the_answer_of_every_operation_is_lost_once, .timeout = 240) {
    sweep_store(TK_FAULT_AFTER);
}
