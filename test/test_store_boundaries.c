/*
 * Every boundary between two operations of submit, turn, sweep, cancel, retry and resolve, on every
 * store: there the connection is cut before the operation, behind it, or its answer is lost. The verb is
 * then asked for again, as a caller would, and everything has to come to its end, once. On PostgreSQL
 * it is the socket that is cut, and the server ends the session as well: then a verb that may be repeated
 * answers as if nothing had happened. The operations of each verb are printed, and stand in a table here.
 * On PostgreSQL the same is done with every statement that the driver sends (support/wire.h).
 */
#include <stdio.h>
#include <sys/socket.h>

#include "store_postgres.h"
#include "support/store_file.h"
#include "support/store_fixture.h"
#include "support/wire.h"
#include "turn.h"

#define TRIES_MAX 6
#define TURNS_MAX 60
#define MS INT64_C(1000)

static const char yaml[] =
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
    "  - {name: a, handler: {callable: a}, retry: {max_attempts: 3, backoff: "
    "linear, backoff_base_ms: 10}}\n"
    "  - {name: b, handler: {callable: b}, dependencies: [a]}\n"
    "  - {name: c, handler: {callable: c}}\n";

static const char chain_yaml[] = "name: row\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                                 "  - {name: a, handler: {callable: a}}\n"
                                 "  - {name: b, handler: {callable: b}, dependencies: [a]}\n";

typedef enum cut_mode {
    CUT_NONE = 0,
    CUT_BEFORE,
    CUT_BEHIND,
    CUT_ANSWER,
    CUT_SESSION,
    CUT_MODES
} cut_mode;

typedef struct party {
    tk_store *store; /* the wrapper */
    tk_store *inner;
    tk_fault_plan plan;
    tk_engine engine;
    tk_worker *worker;
} party;

typedef struct scene {
    store_fixture *fx;
    int64_t now_us;
    tk_clock clock;
    tk_random random;
    tk_random_stream stream;
    tk_log log;
    tk_catalog catalog;
    party eye;     /* prepares, and brings all to its end */
    party subject; /* whose verb is cut */
    tk_uuid task;
    int32_t dead;
    int64_t dead_beat;
    const char *verb;
    const char *template_name;
    uint32_t keys;
    tasker_error error;
    /* The cut. */
    cut_mode mode;
    uint64_t at;
    bool armed;
    uint64_t seen; /* operations since it was armed */
    uint64_t used[TK_STORE_OPERATION_COUNT];
    /* Instead, at a statement on its way to the server. */
    bool wired;
    wire wire;
} scene;

static int64_t scene_now(void *user) {
    return INT64_C(1790000000000000) + ((const scene *)user)->now_us;
}

static int64_t scene_monotonic(void *user) {
    return ((const scene *)user)->now_us;
}

static void say_nothing(void *user, tasker_log_level level, const char *line) {
    (void)user;
    (void)level;
    (void)line;
}

/* --- cuts ------------------------------------------------------------------------------------- */

static bool cut_line(const scene *s) {
    if (strcmp(s->subject.inner->driver->name, "postgres") != 0) {
        return false;
    }
#ifdef TK_WITH_POSTGRES
    int fd = PQsocket(tk_pg_of(s->subject.inner)->connection);
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR);
    }
#endif
    return true;
}

/* Somebody ends the subject's session; the transaction that runs it waits for nobody. */
static void end_session(const scene *s) {
#ifdef TK_WITH_POSTGRES
    char sql[80];
    tk_pg *eye = tk_pg_of(s->eye.inner);
    (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 1000)",
                   PQbackendPID(tk_pg_of(s->subject.inner)->connection));
    tk_pg_line_close(eye);
    cr_assert_eq(tk_pg_command(eye, sql, "ending a session", NULL), TASKER_OK);
#else
    (void)s;
#endif
}

/* Before the at-th operation; behind it is before the next one, once the server has done it. */
static tk_fault_kind decide(void *user, tk_store_operation operation, uint64_t number) {
    scene *s = user;
    (void)number;
    if (!s->armed) {
        return TK_FAULT_NONE;
    }
    s->seen++;
    s->used[operation]++;
    if (s->mode == CUT_BEFORE && s->seen == s->at) {
        return cut_line(s) ? TK_FAULT_NONE : TK_FAULT_BEFORE;
    }
    if (s->mode == CUT_SESSION && s->seen == s->at) {
        end_session(s);
    }
    if (s->mode == CUT_BEHIND && s->seen == s->at + 1 && operation != TK_STORE_OP_begin) {
        (void)tk_store_call(s->subject.inner, sync, NULL);
        return cut_line(s) ? TK_FAULT_NONE : TK_FAULT_CRASH;
    }
    return s->mode == CUT_ANSWER && s->seen == s->at ? TK_FAULT_AFTER : TK_FAULT_NONE;
}

/* --- parties ---------------------------------------------------------------------------------- */

static void party_open(scene *s, party *p) {
    *p = (party){.store = NULL};
    tk_fault_plan_init(&p->plan);
    p->plan.decide = p == &s->subject ? decide : NULL;
    p->plan.user = s;
    if (s->wired && p == &s->subject) {
        p->inner = store_file_open(s->wire.url);
    } else {
        cr_assert_eq(s->fx->store->driver->share(s->fx->store, &p->inner, &s->error), TASKER_OK,
                     "%s", s->error.message);
    }
    cr_assert_eq(tk_fault_store_wrap(p->inner, &p->plan, &p->store, &s->error), TASKER_OK);
    p->engine = (tk_engine){.store = p->store,
                            .clock = &s->clock,
                            .random = &s->random,
                            .log = &s->log,
                            .environment = "test",
                            .catalog = &s->catalog};
}

static void party_close(party *p) {
    cr_assert_eq(p->plan.misuse, 0, "a call behind an error");
    tk_worker_close(p->worker);
    tk_store_close(p->store);
    tk_fault_plan_release(&p->plan);
    *p = (party){.store = NULL};
}

static void party_work(scene *s, party *p) {
    static const tk_str handlers[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    const tk_worker_setup setup = {
        .handlers = handlers, .handler_count = 3, .name = TK_STR("w"), .threads = 3};
    cr_assert_eq(tk_worker_open(&p->engine, &setup, &p->worker, &s->error), TASKER_OK, "%s",
                 s->error.message);
}

static tasker_status turn(scene *s, party *p) {
    s->now_us += 20 * MS;
    __atomic_store_n(&p->worker->look, true, __ATOMIC_RELEASE);
    return tk_turn(p->worker, &s->error);
}

/* Ends what the worker has: well, or for now not. */
static void end_all(scene *s, party *p, bool ok) {
    const tasker_outcome outcome = {.ok = ok,
                                    .result = TK_STR("1"),
                                    .retryable = true,
                                    .retry_after_ms = -1,
                                    .error_message = TK_STR("no")};
    tasker_step *step = NULL;
    while (tk_worker_next(p->worker, 0, &step, NULL) == TASKER_OK) {
        cr_assert_eq(tk_worker_complete(p->worker, step->event_id, &outcome, &s->error), TASKER_OK);
        tasker_step_free(step);
    }
}

static int32_t task_mark(scene *s) {
    tk_arena arena = {0};
    tk_state_row row = {0};
    bool found = false;
    cr_assert_eq(tk_store_call(s->fx->store, begin, TK_STORE_READ, &s->error), TASKER_OK);
    cr_assert_eq(
        tk_store_call(s->fx->store, state_load, &arena, &s->task, 1, &row, &found, &s->error),
        TASKER_OK);
    cr_assert_eq(tk_store_call(s->fx->store, commit, &s->error), TASKER_OK);
    tk_arena_release(&arena);
    return found ? row.state : 0;
}

static void run_to_rest(scene *s, party *p) {
    for (int turns = 0; !tk_task_mark_resting(task_mark(s)); turns++) {
        cr_assert_lt(turns, TURNS_MAX, "the task does not come to rest: %s", s->error.message);
        tasker_status status = turn(s, p);
        cr_assert(status == TASKER_OK || status == TASKER_STORE || status == TASKER_LOST, "%s",
                  s->error.message);
        end_all(s, p, true);
        s->now_us += 50 * MS;
    }
}

static void drain(scene *s, party *p) {
    uint32_t left = 1;
    tasker_status status = TASKER_STORE;
    for (int i = 0; i < TRIES_MAX && status != TASKER_OK; i++) {
        s->now_us += 50 * MS;
        status = tk_worker_drain(p->worker, true, &left, &s->error);
    }
    cr_assert(status == TASKER_OK && left == 0, "%s", s->error.message);
}

/* --- the verbs -------------------------------------------------------------------------------- */

static tasker_status submit_by(scene *s, party *p) {
    char request[160];
    tk_buf answer = {0};
    (void)snprintf(request, sizeof(request),
                   "{\"name\":\"%s\",\"namespace\":\"test\",\"context\":{},"
                   "\"idempotency_key\":\"%s %u\"}",
                   s->template_name, s->verb, s->keys);
    tasker_status status = tk_submit(&p->engine, tk_str_of(request), &answer, &s->error);
    if (status == TASKER_OK) {
        const char *at = strstr(answer.data, "\"task_uuid\":\"");
        cr_assert(at != NULL && tk_uuid_parse((tk_str){at + 13, 36}, &s->task), "%s", answer.data);
    }
    tk_buf_release(&answer);
    return status;
}

static void with_task(scene *s) {
    cr_assert_eq(submit_by(s, &s->eye), TASKER_OK, "%s", s->error.message);
}

static void with_claims(scene *s) {
    with_task(s);
    party_work(s, &s->subject);
    cr_assert_eq(turn(s, &s->subject), TASKER_OK, "%s", s->error.message);
}

/* Another task waits, so that the turn claims as well; and a beat is due. */
static void with_ended(scene *s, bool ok) {
    with_claims(s);
    end_all(s, &s->subject, ok);
    tk_uuid task = s->task;
    s->keys++;
    with_task(s);
    s->task = task;
    s->now_us += 2000 * MS;
}

static void with_results(scene *s) {
    with_ended(s, true);
}

static void with_results_in_chains(scene *s) {
    s->template_name = "row";
    with_ended(s, true);
}

static void with_failures(scene *s) {
    with_ended(s, false);
}

static void with_dead(scene *s) {
    party dead;
    with_task(s);
    s->subject.plan.decide = NULL;
    party_open(s, &dead);
    party_work(s, &dead);
    cr_assert_eq(turn(s, &dead), TASKER_OK, "%s", s->error.message);
    s->dead = dead.worker->id;
    tk_arena arena = {0};
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    cr_assert_eq(tk_store_call(s->fx->store, begin, TK_STORE_READ, &s->error), TASKER_OK);
    cr_assert_eq(tk_store_call(s->fx->store, worker_list, &arena, &rows, &count, &s->error),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(s->fx->store, commit, &s->error), TASKER_OK);
    for (uint32_t i = 0; i < count; i++) {
        s->dead_beat = rows[i].id == s->dead ? rows[i].beat : s->dead_beat;
    }
    tk_arena_release(&arena);
    party_close(&dead);
    s->subject.plan.decide = decide;
}

static void with_later(scene *s) {
    with_task(s);
    cr_assert_eq(turn(s, &s->eye), TASKER_OK, "%s", s->error.message);
    end_all(s, &s->eye, false);
    cr_assert_eq(turn(s, &s->eye), TASKER_OK, "%s", s->error.message);
}

static void with_running(scene *s) {
    with_task(s);
    cr_assert_eq(turn(s, &s->eye), TASKER_OK, "%s", s->error.message);
}

static tasker_status do_submit(scene *s) {
    return submit_by(s, &s->subject);
}

static tasker_status do_turn(scene *s) {
    return turn(s, &s->subject);
}

static tasker_status do_sweep(scene *s) {
    bool done = false;
    return tk_recover(&s->subject.engine, s->dead, s->dead_beat, &done, &s->error);
}

static tasker_status do_cancel(scene *s) {
    return tk_task_cancel(&s->subject.engine, &s->task, NULL, &s->error);
}

static tasker_status do_retry(scene *s) {
    tk_uuid step = tk_uuid_step(&s->task, 0);
    return tk_step_retry(&s->subject.engine, &step, NULL, &s->error);
}

static tasker_status do_resolve(scene *s) {
    tk_uuid step = tk_uuid_step(&s->task, 0);
    return tk_step_by_hand(&s->subject.engine, &step, TK_OUTCOME_RESOLVED, TK_STR("1"), NULL,
                           &s->error);
}

/* A verb, what it needs, how its task ends, and the operations that it is made of. */
typedef struct cut_verb {
    const char *name;
    void (*prepare)(scene *s);
    tasker_status (*act)(scene *s);
    int32_t mark;
    bool repeats; /* by itself, when its session is ended */
    const char *operations;
    const char *statements; /* of PostgreSQL */
} cut_verb;

/* --- a run ------------------------------------------------------------------------------------ */

static void arm(scene *s, cut_mode mode, uint64_t at) {
    s->mode = mode;
    s->at = at;
    s->seen = 0;
    s->armed = !s->wired;
    if (s->wired) {
        static const wire_mode modes[] = {WIRE_COUNT, WIRE_BEFORE, WIRE_BEHIND, WIRE_ANSWER};
        wire_arm(&s->wire, modes[mode], (uint32_t)at);
    }
}

static uint64_t disarm(scene *s) {
    s->armed = false;
#ifdef TK_WITH_POSTGRES
    if (s->wired) { /* what nobody waits for is still to go by */
        tk_pg_line_close(tk_pg_of(s->subject.inner));
    }
#endif
    return s->wired ? wire_disarm(&s->wire) : s->seen;
}

/* Returns how many operations, or statements, the verb took. */
static uint64_t run_once(scene *s, const cut_verb *verb, cut_mode mode, uint64_t at) {
    s->keys++; /* another task */
    s->template_name = "job";
    party_open(s, &s->subject);
    if (verb->prepare != NULL) {
        verb->prepare(s);
    }
    arm(s, mode, at);
    tasker_status status = verb->act(s);
    uint64_t operations = disarm(s);
    tk_fault_plan_set(&s->subject.plan, TK_FAULT_ANY, 0, TK_FAULT_NONE); /* it lives again */
    bool broke = mode == CUT_SESSION || s->wired;
    cr_assert(status == TASKER_OK || !broke || !verb->repeats, "%s, ended at %" PRIu64 ": %s",
              verb->name, at, s->error.message);
    for (int i = 0; i < TRIES_MAX && (status == TASKER_STORE || status == TASKER_LOST); i++) {
        s->now_us += 50 * MS;
        (void)s->subject.store->driver->reconnect(s->subject.store, &s->error);
        status = verb->act(s);
    }
    cr_assert(status == TASKER_OK || (mode == CUT_ANSWER && status == TASKER_CONFLICT),
              "%s, cut %d at %" PRIu64 ": %s (%s)", verb->name, (int)mode, at, s->error.message,
              tasker_status_name(status));
    if (s->subject.worker != NULL) {
        run_to_rest(s, &s->subject);
        drain(s, &s->subject);
    } else {
        end_all(s, &s->eye, true);
        run_to_rest(s, &s->eye);
    }
    cr_assert_eq(task_mark(s), verb->mark, "%s, cut %d at %" PRIu64, verb->name, (int)mode, at);
    party_close(&s->subject);
    return operations;
}

/* Prints what a verb is made of, and compares it with the table. */
static void list_operations(scene *s, const cut_verb *verb, uint64_t count) {
    char list[512] = "";
    for (int i = 0; i < TK_STORE_OPERATION_COUNT; i++) {
        if (s->used[i] > 0) {
            size_t size = strlen(list);
            (void)snprintf(list + size, sizeof(list) - size, "%s%s", size > 0 ? " " : "",
                           tk_store_operation_name((tk_store_operation)i));
        }
    }
    printf("%s: %" PRIu64 " boundaries of %s on %s\n", verb->name, count, list, s->fx->kind);
    cr_assert_str_eq(list, verb->operations, "%s is made of other operations", verb->name);
}

/* Cuts at every statement that a driver sends. */
static void sweep_statements(scene *s, const cut_verb *verb) {
    char list[1024] = "";
    s->wired = true;
    wire_open(&s->wire, s->fx->url);
    uint64_t count = run_once(s, verb, CUT_NONE, 0);
    for (uint32_t i = 0; i < s->wire.used_count; i++) {
        size_t size = strlen(list);
        (void)snprintf(list + size, sizeof(list) - size, "%s%s", size > 0 ? " " : "",
                       s->wire.used[i]);
    }
    printf("%s: %" PRIu64 " statements of %s\n", verb->name, count, list);
    cr_assert_str_eq(list, verb->statements, "%s sends other statements", verb->name);
    for (int mode = CUT_BEFORE; mode < CUT_SESSION; mode++) {
        for (uint64_t at = 1; at <= count; at++) {
            (void)run_once(s, verb, (cut_mode)mode, at);
        }
    }
    cr_assert_eq(s->wire.cuts, 3 * count);
    wire_close(&s->wire);
}

/* Brings what else was begun to its end, and looks at all of it. */
static void scene_check(scene *s) {
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        cr_assert_eq(turn(s, &s->eye), TASKER_OK, "%s", s->error.message);
        end_all(s, &s->eye, true);
    }
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&s->eye.engine, true, &check, &s->error), TASKER_OK, "%s",
                 s->error.message);
    cr_assert_eq(check.count, 0, "%s: %s", check.problems[0].rule, check.problems[0].detail);
    tk_check_release(&check);
}

static void put_template(scene *s, tk_str text) {
    tk_buf report = {0};
    bool valid = false;
    cr_assert_eq(tk_register(&s->eye.engine, text, "job.yaml", &report, &valid, &s->error),
                 TASKER_OK, "%s", s->error.message);
    cr_assert(valid, "%s", report.data);
    tk_buf_release(&report);
}

static void sweep_verb(store_fixture *fx, const cut_verb *verb) {
    scene s = {.fx = fx, .verb = verb->name, .log = {say_nothing, NULL}, .now_us = 1000 * MS};
    s.clock = (tk_clock){scene_now, scene_monotonic, &s};
    static uint64_t scenes;
    s.random = tk_random_seeded(&s.stream, ++scenes); /* each has ids of its own */
    cr_assert_eq(tk_catalog_open(&s.catalog, &s.error), TASKER_OK);
    party_open(&s, &s.eye);
    put_template(&s, TK_STR(yaml));
    put_template(&s, TK_STR(chain_yaml));
    party_work(&s, &s.eye);
    uint64_t count = run_once(&s, verb, CUT_NONE, 0);
    list_operations(&s, verb, count);
    int modes = fx->store->driver->many_workers ? CUT_MODES : CUT_SESSION;
    for (int mode = CUT_BEFORE; mode < modes; mode++) {
        for (uint64_t at = 1; at <= count; at++) {
            (void)run_once(&s, verb, (cut_mode)mode, at);
        }
    }
    if (verb->statements != NULL && fx->store->driver->many_workers) {
        sweep_statements(&s, verb);
    }
    scene_check(&s);
    party_close(&s.eye);
    tk_catalog_close(&s.catalog);
}

STORE_TEST(store_boundaries, submit_is_cut_anywhere) {
    sweep_verb(
        fx, &(cut_verb){"submit", NULL, do_submit, TK_TASK_COMPLETE, true,
                        "begin sync commit name_intern template_find identity_insert task_insert "
                        "state_insert ready_insert count_add",
                        "BEGIN_READ TEMPLATE_FIND COMMIT BEGIN_WRITE "
                        "IDENTITY_INSERT TASK_INSERT STATE_INSERT COUNT_ADD "
                        "READY_INSERT NOTIFY"});
}

STORE_TEST(store_boundaries, a_turn_with_results_is_cut_anywhere) {
    sweep_verb(fx,
               &(cut_verb){"turn, results", with_results, do_turn, TK_TASK_COMPLETE, false,
                           "begin sync commit lease_insert state_lock state_update finish due_move "
                           "heads claim worker_beat worker_list worker_leases",
                           "BEGIN_WRITE STATE_LOCK FINISH DUE_MOVE HEADS STATE_UPDATE "
                           "LEASE_INSERT CLAIM WORKER_BEAT COMMIT WORKER_LEASES "
                           "BEGIN_READ WORKER_LIST"});
}

STORE_TEST(store_boundaries, a_turn_on_the_short_way_is_cut_anywhere) {
    if (fx->store->driver->advances) {
        sweep_verb(fx, &(cut_verb){"turn, short way", with_results_in_chains, do_turn,
                                   TK_TASK_COMPLETE, false,
                                   "begin sync commit lease_insert advance due_move heads "
                                   "worker_beat worker_list worker_leases",
                                   "BEGIN_WRITE ADVANCE FINISH_ALL COUNT_ADD DUE_MOVE HEADS "
                                   "LEASE_INSERT WORKER_BEAT COMMIT WORKER_LEASES BEGIN_READ "
                                   "WORKER_LIST"});
    }
}

STORE_TEST(store_boundaries, a_turn_with_failures_is_cut_anywhere) {
    sweep_verb(fx, &(cut_verb){"turn, failures", with_failures, do_turn, TK_TASK_COMPLETE, false,
                               "begin sync commit later_insert state_lock state_update finish "
                               "attempt_bases due_move heads claim worker_beat worker_list "
                               "worker_leases",
                               "BEGIN_WRITE STATE_LOCK FINISH ATTEMPT_BASES DUE_MOVE HEADS "
                               "STATE_UPDATE LATER_INSERT CLAIM WORKER_BEAT COMMIT "
                               "WORKER_LEASES BEGIN_READ WORKER_LIST"});
}

STORE_TEST(store_boundaries, a_sweep_is_cut_anywhere) {
    sweep_verb(fx, &(cut_verb){"sweep", with_dead, do_sweep, TK_TASK_COMPLETE, false,
                               "begin sync commit ready_insert state_lock state_update finish "
                               "attempt_bases worker_delete worker_take worker_leases task_load",
                               "BEGIN_WRITE WORKER_TAKE WORKER_LEASES TASK_LOAD STATE_LOCK "
                               "FINISH ATTEMPT_BASES STATE_UPDATE READY_INSERT COMMIT "
                               "NOTIFY WORKER_DELETE"});
}

STORE_TEST(store_boundaries, a_cancel_is_cut_anywhere) {
    sweep_verb(fx, &(cut_verb){"cancel", with_running, do_cancel, TK_TASK_CANCELLED, true,
                               "begin sync commit act_insert count_add state_lock state_update "
                               "task_clear task_load place_list",
                               "BEGIN_WRITE STATE_LOCK TASK_LOAD HOLD_LATER HOLD_READY "
                               "PLACE_LIST TASK_CLEAR_LATER TASK_CLEAR_READY "
                               "TASK_CLEAR_LEASE STATE_UPDATE ACT_INSERT COUNT_ADD COMMIT"});
}

STORE_TEST(store_boundaries, a_retry_is_cut_anywhere) {
    sweep_verb(fx, &(cut_verb){"retry", with_later, do_retry, TK_TASK_COMPLETE, true,
                               "begin sync commit ready_insert act_insert state_lock state_update "
                               "attempt_last later_delete task_load",
                               "BEGIN_WRITE STATE_LOCK TASK_LOAD LATER_DELETE ATTEMPT_LAST "
                               "STATE_UPDATE ACT_INSERT READY_INSERT COMMIT NOTIFY"});
}

STORE_TEST(store_boundaries, a_resolution_is_cut_anywhere) {
    sweep_verb(fx,
               &(cut_verb){"resolve", with_running, do_resolve, TK_TASK_COMPLETE, true,
                           "begin sync commit ready_insert attempt_insert act_insert state_lock "
                           "state_update attempt_last ready_delete later_delete lease_revoke "
                           "task_load place_list",
                           "BEGIN_WRITE STATE_LOCK TASK_LOAD HOLD_LATER HOLD_READY "
                           "PLACE_LIST LATER_DELETE READY_DELETE LEASE_REVOKE "
                           "ATTEMPT_LAST ATTEMPT_INSERT STATE_UPDATE ACT_INSERT "
                           "READY_INSERT COMMIT NOTIFY"});
}
