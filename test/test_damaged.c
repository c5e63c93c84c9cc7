/* A store with rows that contradict each other: what is refused, what goes on, what is told. */
#include "support/fault_store.h"
#include "support/turner.h"

#define S TURNER_S

#define ATTEMPT                                                                                    \
    "INSERT INTO attempt (task_id, step_no, attempt, n, token, worker, outcome, enqueued_at,"      \
    " claimed_at, finished_at) VALUES (?1,0,"
#define ENDED ",900,1,1,3,1,1,1);"

#define STRAY                                                                                      \
    "INSERT INTO ready (queue, handler, class, seq, task_id, step_no, attempts, enqueued_at, "     \
    "deps)"                                                                                        \
    " SELECT 1, 1, 0, 99, task_id, step_no, 0, 5, 0 FROM lease WHERE task_id = ?1"

typedef struct told {
    tk_log log;
    uint32_t errors;
    char last[1024]; /* of them */
} told;

static void keep_error(void *user, tasker_log_level level, const char *line) {
    told *t = user;
    if (level == TASKER_LOG_ERROR) {
        t->errors++;
        (void)snprintf(t->last, sizeof(t->last), "%s", line);
    }
}

static void open_told(ledger *l, told *t, const char *yaml) {
    ledger_open(l, yaml);
    *t = (told){.log = {keep_error, t}};
    l->engine.log = &t->log;
}

/* Turns as a pump would until nothing is left to save; refusals on the way are fine. */
static void turn_until_saved(ledger *l, tk_worker *w) {
    for (int i = 0; i < 40; i++) {
        w->look = true;
        tasker_status status = tk_turn(w, &l->error);
        cr_assert(status == TASKER_OK || tk_status_refused(status), "%s: %s",
                  tasker_status_name(status), l->error.message);
        if (status == TASKER_OK && w->unsaved_count + tk_ring_count(&w->done) == 0) {
            return;
        }
        l->now_us += tk_worker_wait_us(w) + 1;
    }
    cr_assert_fail("%u outcomes are still unsaved: %s", w->unsaved_count, l->error.message);
}

static uint32_t problems(ledger *l) {
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l->engine, false, &check, &l->error), TASKER_OK, "%s",
                 l->error.message);
    uint32_t count = check.count;
    tk_check_release(&check);
    return count;
}

static void close_all(ledger *l, tk_worker *w) {
    tk_worker_close(w);
    ledger_close(l);
}

/* --- outcomes --- */

Test(damaged, an_attempt_whose_number_is_taken_is_lost_under_a_number_of_its_own) {
    ledger l;
    told t;
    uint32_t count = 0;
    open_told(&l, &t, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "ABC", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    ledger_break(&l, ATTEMPT "1" ENDED ATTEMPT "5" ENDED);
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    turn_until_saved(&l, w);
    tk_attempt_row *rows = turner_attempts(&l, &count);
    cr_assert_eq(count, 3);
    int32_t lost = 0;
    for (uint32_t i = 0; i < count; i++) {
        lost = rows[i].error.size > 0 ? rows[i].attempt : lost;
    }
    cr_assert_eq(lost, 6, "above the greatest that is recorded");
    cr_assert_eq(t.errors, 1);
    cr_assert_not_null(strstr(t.last, "tasker store check"), "%s", t.last);
    cr_assert_gt(problems(&l), 0);
    cr_assert_eq(w->stats.refused, 1);
    close_all(&l, w);
}

Test(damaged, a_step_whose_number_was_taken_runs_again_and_its_task_goes_on) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "ABC", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    ledger_break(&l, ATTEMPT "1" ENDED);
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    turn_until_saved(&l, w);
    turner_turn(&l, w);
    step = turner_take(w);
    cr_assert_eq(step->attempt, 3);
    cr_assert_eq(turner_end(w, step, "2"), TASKER_OK);
    turn_until_saved(&l, w);
    step = turner_take(w);
    cr_assert_str_eq(step->step_name, "b");
    tasker_step_free(step);
    cr_assert_eq(t.errors, 1);
    close_all(&l, w);
}

Test(damaged, a_step_that_is_refused_each_time_fails_when_its_attempts_are_over) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    int runs = 0;
    for (; runs < 10; runs++) {
        tasker_step *step = NULL;
        turner_turn(&l, w);
        if (tk_worker_next(w, 0, &step, NULL) != TASKER_OK) {
            break;
        }
        char *sql = tk_arena_printf(&l.arena, ATTEMPT "%u" ENDED, step->attempt);
        ledger_break(&l, sql);
        cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
        turn_until_saved(&l, w);
    }
    cr_assert_lt(runs, 4, "it began %d times", runs);
    const char *task = ledger_query_task(&l, TASKER_QUERY_TASK);
    cr_assert_not_null(strstr(task, "\"blocked_by_failures\""), "%s", task);
    close_all(&l, w);
}

Test(damaged, a_task_whose_progress_contradicts_the_outcome_is_left_to_an_operator) {
    static const char *const breaks[] = {
        "UPDATE task_state SET progress = substr(progress, 1, 6) WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'010000010000000100' WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'020000000100000100' WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'090000000100000100' WHERE task_id = ?1",
        "DELETE FROM task_state WHERE task_id = ?1",
    };
    for (size_t i = 0; i < TK_COUNT_OF(breaks); i++) {
        ledger l;
        told t;
        uint32_t count = 0;
        open_told(&l, &t, LEDGER_CHAIN);
        tk_worker *w = turner_open(&l, "A", 3);
        for (int k = 0; k < 3; k++) {
            ledger_submit(&l, NULL);
        }
        turner_turn(&l, w);
        tasker_step *steps[3] = {turner_take(w), turner_take(w), turner_take(w)};
        cr_assert(tk_uuid_parse(tk_str_of(steps[1]->task_id), &l.task));
        ledger_break(&l, breaks[i]);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(turner_end(w, steps[k], "1"), TASKER_OK);
        }
        turn_until_saved(&l, w);
        cr_assert_eq(w->stats.succeeded, 2, "case %zu", i);
        cr_assert_eq(w->stats.refused, 1, "case %zu", i);
        (void)turner_attempts(&l, &count);
        cr_assert_eq(count, 0, "case %zu", i);
        cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 0, "case %zu", i);
        cr_assert_geq(t.errors, 1, "case %zu", i);
        cr_assert_not_null(strstr(t.last, "rests until an operator"), "case %zu: %s", i, t.last);
        cr_assert_gt(problems(&l), 0, "case %zu", i);
        close_all(&l, w);
    }
}

Test(damaged, an_outcome_is_not_blamed_for_what_the_queue_refuses) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_ROOTS);
    tk_worker *w = turner_open(&l, "B", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    for (int i = 0; i < 3; i++) {
        ledger_submit(&l, NULL);
    }
    /* the step that waits is leased already: no claim of it can be written */
    ledger_break(&l, "INSERT INTO lease (task_id, step_no, attempt, token, worker, enqueued_at,"
                     " claimed_at) SELECT task_id, step_no, 1, 77, 1, 1, 1 FROM ready");
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    turn_until_saved(&l, w);
    cr_assert_eq(w->stats.succeeded, 1);
    cr_assert_eq(w->stats.refused, 0);
    close_all(&l, w);
}

Test(damaged, a_step_that_cannot_be_claimed_does_not_keep_others_from_it) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_ROOTS);
    tk_worker *w = turner_open(&l, "AB", 1);
    ledger_submit(&l, NULL);
    ledger_break(&l, "INSERT INTO lease (task_id, step_no, attempt, token, worker, enqueued_at,"
                     " claimed_at) VALUES (?1, 0, 1, 77, 1, 1, 1)");
    for (int i = 0; i < 10 && tk_ring_count(&w->ready) == 0; i++) {
        w->look = true;
        (void)tk_turn(w, &l.error);
        l.now_us += tk_worker_wait_us(w) + 1;
    }
    tasker_step *step = turner_take(w);
    cr_assert_str_eq(step->step_name, "b");
    tasker_step_free(step);
    close_all(&l, w);
}

/* --- claims --- */

#define OTHER                                                                                      \
    "name: other\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                  \
    "  - {name: a, handler: {callable: A}}\n"

static void submit_other(ledger *l) {
    tk_buf buf = {0};
    bool valid = false;
    cr_assert_eq(tk_register(&l->engine, TK_STR(OTHER), "other.yaml", &buf, &valid, &l->error),
                 TASKER_OK);
    cr_assert_eq(tk_submit(&l->engine,
                           TK_STR("{\"name\":\"other\",\"namespace\":\"test\",\"context\":{}}"),
                           &buf, &l->error),
                 TASKER_OK);
    tk_buf_release(&buf);
}

Test(damaged, steps_of_a_template_that_cannot_be_read_stay_ready_and_others_run) {
    ledger l;
    told t;
    tk_catalog fresh;
    open_told(&l, &t, LEDGER_CHAIN);
    for (int i = 0; i < 5; i++) {
        ledger_submit(&l, NULL);
    }
    submit_other(&l);
    ledger_break(&l, "UPDATE template SET spec = '{\"of\":\"a later build\"}' WHERE name = 'job'");
    cr_assert_eq(tk_catalog_open(&fresh, NULL), TASKER_OK);
    tk_worker *w = turner_open(&l, "A", 1);
    w->engine.catalog = &fresh;
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    cr_assert_str_eq(step->task_name, "other");
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    for (int i = 0; i < 5; i++) {
        turner_turn(&l, w);
        l.now_us += S;
    }
    cr_assert_eq(w->stats.succeeded, 1);
    cr_assert_eq(w->stats.turns_failed, 0);
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1);
    cr_assert_eq(t.errors, 1, "told once: %s", t.last);
    tk_worker_close(w);
    tk_catalog_close(&fresh);
    ledger_close(&l);
}

Test(damaged, a_row_of_a_step_that_the_template_does_not_have_is_dropped) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_break(&l, "UPDATE ready SET step_no = 70 WHERE task_id = ?1 AND step_no = 0");
    tk_worker *w = turner_open(&l, "AB", 2);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    cr_assert_str_eq(step->step_name, "b");
    tasker_step_free(step);
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 0);
    cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 1);
    cr_assert_eq(t.errors, 1);
    close_all(&l, w);
}

static tk_driver refusing; /* the real one, but for one call */

static tasker_status refuse_delete(tk_store *store, const tk_step_key *keys, uint32_t count,
                                   tk_ready_row *rows, bool *deleted, tasker_error *error) {
    (void)store;
    (void)keys;
    (void)count;
    (void)rows;
    (void)deleted;
    return tk_fail(error, TASKER_CONFLICT, "refused");
}

Test(damaged, a_row_that_cannot_be_dropped_ends_the_turn_and_claims_nothing) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_break(&l, "UPDATE ready SET step_no = 70 WHERE task_id = ?1 AND step_no = 0");
    tk_worker *w = turner_open(&l, "AB", 2);
    refusing = *w->engine.store->driver;
    refusing.ready_delete = refuse_delete;
    w->engine.store->driver = &refusing;
    w->look = true;
    cr_assert_eq(tk_turn(w, &l.error), TASKER_CONFLICT,
                 "after an error only a rollback is allowed");
    cr_assert(turner_has_nothing(w));
    cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 0);
    close_all(&l, w);
}

/* --- leases of the dead, and of nobody --- */

static tk_worker_row row_of(ledger *l, int32_t id, bool *found) {
    tk_worker_row *rows = NULL;
    tk_worker_row row = {0};
    uint32_t count = 0;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, worker_list, &l->arena, &rows, &count, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    *found = false;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].id == id) {
            row = rows[i];
            *found = true;
        }
    }
    return row;
}

Test(damaged, what_a_dead_worker_held_is_ended_around_the_rows_that_refuse_it) {
    static const char *const breaks[] = {
        "UPDATE lease SET step_no = 70 WHERE task_id = ?1",
        "UPDATE lease SET task_id = zeroblob(16) WHERE task_id = ?1",
        "DELETE FROM task_state WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'01' WHERE task_id = ?1",
        ATTEMPT "1" ENDED,
        STRAY,
    };
    for (size_t i = 0; i < TK_COUNT_OF(breaks); i++) {
        ledger l;
        told t;
        bool found = false;
        open_told(&l, &t, LEDGER_CHAIN);
        tk_uuid tasks[5];
        for (int k = 0; k < 5; k++) {
            ledger_submit(&l, NULL);
            tasks[k] = l.task;
            (void)ledger_claim(&l, "a");
        }
        l.task = tasks[2];
        ledger_break(&l, breaks[i]);
        bool done = false;
        tk_worker_row dead = row_of(&l, l.worker, &found);
        cr_assert_eq(tk_recover(&l.engine, dead.id, dead.beat, &done, &l.error), TASKER_OK,
                     "case %zu: %s", i, l.error.message);
        cr_assert(done, "case %zu", i);
        (void)row_of(&l, l.worker, &found);
        cr_assert(!found, "case %zu", i);
        for (int k = 0; k < 5; k++) {
            l.task = tasks[k];
            cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 0, "case %zu, task %d", i, k);
            cr_assert(k == 2 || turner_places(&l, TK_PLACE_READY) == 1, "case %zu, task %d", i, k);
        }
        cr_assert_eq(t.errors, 1, "case %zu: %s", i, t.last);
        ledger_close(&l);
    }
}

Test(damaged, what_a_dead_worker_held_of_an_unreadable_template_waits_for_another_build) {
    ledger l;
    told t;
    bool found = false;
    bool done = true;
    tk_catalog fresh;
    open_told(&l, &t, LEDGER_CHAIN);
    for (int k = 0; k < 3; k++) {
        ledger_submit(&l, NULL);
        (void)ledger_claim(&l, "a");
    }
    tk_worker_row dead = row_of(&l, l.worker, &found);
    ledger_break(&l, "UPDATE template SET spec = '{}'");
    cr_assert_eq(tk_catalog_open(&fresh, NULL), TASKER_OK);
    tk_engine engine = l.engine;
    engine.catalog = &fresh;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tk_recover(&engine, dead.id, dead.beat, &done, &l.error), TASKER_OK);
        cr_assert(!done);
    }
    cr_assert_eq(t.errors, 1);
    cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 1);
    cr_assert_eq(tk_recover(&l.engine, dead.id, dead.beat, &done, &l.error), TASKER_OK);
    cr_assert(done, "one that can read it ends them");
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1);
    tk_catalog_close(&fresh);
    ledger_close(&l);
}

Test(damaged, leases_that_a_worker_does_not_know_go_back_around_one_that_cannot) {
    ledger l;
    told t;
    tk_uuid tasks[3];
    open_told(&l, &t, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "B", 1);
    l.worker = w->id;
    for (int k = 0; k < 3; k++) {
        ledger_submit(&l, NULL);
        tasks[k] = l.task;
        (void)ledger_claim(&l, "a");
    }
    l.task = tasks[1];
    ledger_break(&l, STRAY);
    cr_assert_eq(tk_reconcile(w, &l.error), TASKER_OK, "%s", l.error.message);
    for (int k = 0; k < 3; k++) {
        l.task = tasks[k];
        cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 0, "task %d", k);
        cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1, "task %d", k);
    }
    cr_assert_eq(t.errors, 1);
    close_all(&l, w);
}

static tasker_status refuse_leases(tk_store *store, tk_arena *arena, int32_t id, uint32_t limit,
                                   tk_lease_row **rows, uint32_t *count, tasker_error *error) {
    (void)store;
    (void)arena;
    (void)id;
    (void)limit;
    (void)rows;
    (void)count;
    return tk_fail(error, TASKER_UNSUPPORTED, "refused");
}

Test(damaged, leases_that_cannot_be_read_are_no_reason_to_drop_what_runs) {
    ledger l;
    told t;
    open_told(&l, &t, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    cr_assert_eq(tk_reconcile(w, &l.error), TASKER_OK);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    const tk_driver *sound = w->engine.store->driver;
    refusing = *sound;
    refusing.worker_leases = refuse_leases;
    w->engine.store->driver = &refusing;
    cr_assert_eq(tk_reconcile(w, &l.error), TASKER_UNSUPPORTED);
    w->engine.store->driver = sound;
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    turn_until_saved(&l, w);
    cr_assert_eq(w->stats.succeeded, 1);
    close_all(&l, w);
}

/* --- operators --- */

Test(damaged, operators_are_refused_where_a_task_contradicts_itself) {
    static const char *const breaks[] = {
        "UPDATE task_state SET progress = substr(progress, 1, 6) WHERE task_id = ?1",
        "UPDATE task_state SET progress = progress || x'000000' WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'' WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'030000000000000000' WHERE task_id = ?1",
        "UPDATE task_state SET progress = x'ffffffffffffffffff' WHERE task_id = ?1",
        "UPDATE task_state SET state = 77 WHERE task_id = ?1",
        "UPDATE task_state SET open_steps = -5, failed_steps = 9 WHERE task_id = ?1",
        "INSERT INTO attempt (task_id, step_no, attempt, n, token, worker, outcome, enqueued_at,"
        " claimed_at, finished_at) VALUES (?1, 9999, 1, 901, 1, 1, 77, 1, 1, 1)",
        "INSERT INTO act (task_id, n, acted_at, kind, step_no, attempt) VALUES (?1, 902, 1, 77,"
        " 9999, 1)",
        "UPDATE ready SET step_no = 9999 WHERE task_id = ?1",
        "UPDATE ready SET attempts = 2147483647 WHERE task_id = ?1",
        "DELETE FROM ready WHERE task_id = ?1",
        "DELETE FROM task_state WHERE task_id = ?1",
    };
    static const tasker_query_kind kinds[] = {TASKER_QUERY_TASK, TASKER_QUERY_STEPS,
                                              TASKER_QUERY_HISTORY};
    for (size_t i = 0; i < TK_COUNT_OF(breaks); i++) {
        for (int deed = 0; deed < 6; deed++) {
            ledger l;
            told t;
            open_told(&l, &t, LEDGER_CHAIN);
            ledger_submit(&l, NULL);
            if (i % 2 == 0) { /* one of its steps has run */
                ledger_run(&l, "a", "1");
            }
            ledger_break(&l, breaks[i]);
            tk_uuid a = ledger_step(&l, "a");
            tk_uuid b = ledger_step(&l, "b");
            const tk_str one = TK_STR("1");
            tk_engine *e = &l.engine;
            tasker_status status =
                deed == 0   ? tk_task_cancel(e, &l.task, NULL, &l.error)
                : deed == 1 ? tk_task_resolve(e, &l.task, NULL, &l.error)
                : deed == 2 ? tk_step_retry(e, &a, NULL, &l.error)
                : deed == 3 ? tk_step_by_hand(e, &a, TK_OUTCOME_RESOLVED, one, NULL, &l.error)
                : deed == 4 ? tk_step_by_hand(e, &b, TK_OUTCOME_COMPLETED, one, NULL, &l.error)
                            : tk_task_fail(e, &l.task, NULL, &l.error);
            cr_assert(status == TASKER_OK || status == TASKER_STORE || tk_status_refused(status),
                      "case %zu, deed %d: %s", i, deed, tasker_status_name(status));
            tk_buf answer = {0};
            for (size_t k = 0; k < TK_COUNT_OF(kinds); k++) {
                char *filter = tk_arena_printf(&l.arena, "{\"task_uuid\":\"%s\"}", ledger_uuid(&l));
                (void)tk_query(e, kinds[k], tk_str_of(filter), &answer, &l.error);
            }
            (void)tk_query(e, TASKER_QUERY_TASKS, TK_STR("{}"), &answer, &l.error);
            (void)tk_query(e, TASKER_QUERY_COUNTS, TK_STR("{}"), &answer, &l.error);
            tk_buf_release(&answer);
            tk_check check = {.count = 0};
            (void)tk_check_store(e, false, &check, &l.error);
            tk_check_release(&check);
            tk_worker *w = turner_open(&l, "ABC", 2);
            for (int turns = 0; turns < 6; turns++) {
                tasker_step *step = NULL;
                w->look = true;
                (void)tk_turn(w, &l.error);
                while (tk_worker_next(w, 0, &step, NULL) == TASKER_OK) {
                    (void)turner_end(w, step, "1");
                }
                l.now_us += S;
            }
            close_all(&l, w);
        }
    }
}
