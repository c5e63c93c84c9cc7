/*
 * outcomes.c - outcomes beside other outcomes of their task, beside acts by hand, and without an answer.
 */
#include <stdio.h>

#include "interleave/scripts.h"

#define PAGED_STEPS 260 /* the parents of the last are on the second page */

static uint64_t calls(const session *s, tk_store_operation operation) {
    return s->plan.calls_of[operation];
}

/* --- fan-in ----------------------------------------------------------------------------------- */

/* Two workers end `first` and `second`, whose states are read and written at the same time. */
static void end_both(world *w, const char *first, const char *second, const char *child) {
    session *left = session_worker(w, "left", "a", 1);
    session *right = session_worker(w, "right", "b", 1);
    world_submit(w, NULL);
    EXPECT(run(left, turn) == TASKER_OK && run(right, turn) == TASKER_OK, "%s%s",
           left->error.message, right->error.message);
    finish(left, take(left, first));
    finish(right, take(right, second));
    halt_before(left, turn, TK_STORE_OP_commit);
    begin(right, turn);
    EXPECT(waits(right), "the second outcome does not wait for the task");
    go_on(left);
    EXPECT(ends(left) == TASKER_OK && ends(right) == TASKER_OK, "%s%s", left->error.message,
           right->error.message);
    EXPECT(world_number(w, "SELECT count(*) FROM attempt WHERE task_id = $T AND outcome = 1") == 2,
           "an outcome is lost");
    EXPECT(world_number(w, "SELECT count(*) FROM ready WHERE task_id = $T") == 1,
           "the child is not free, or free twice");
    session *last = session_worker(w, "last", "c", 1);
    EXPECT(run(last, turn) == TASKER_OK, "%s", last->error.message);
    finish(last, take(last, child));
    EXPECT(run(last, turn) == TASKER_OK, "%s", last->error.message);
    EXPECT(world_number(w, "SELECT open_steps FROM task_state WHERE task_id = $T") ==
               (child[0] == 'c' ? 0 : PAGED_STEPS - 3),
           "the count of open steps is wrong");
}

void script_fan_in_by_two(void) {
    world w;
    world_open(&w, DIAMOND);
    end_both(&w, "a", "b", "c");
    world_close(&w);
}

/* Steps that nobody runs fill the first page. */
void script_fan_in_on_pages(void) {
    world w;
    tk_buf yaml = {0};
    tk_buf_text(&yaml, "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n");
    for (int i = 0; i < PAGED_STEPS - 3; i++) {
        tk_buf_printf(&yaml, "  - {name: s%d, handler: {callable: s}}\n", i);
    }
    tk_buf_text(&yaml, "  - {name: x, handler: {callable: a}}\n"
                       "  - {name: y, handler: {callable: b}}\n"
                       "  - {name: z, handler: {callable: c}, dependencies: [x, y]}\n");
    tk_buf_char(&yaml, '\0');
    EXPECT(!yaml.failed, "out of memory");
    world_open(&w, yaml.data);
    tk_buf_release(&yaml);
    session *left = session_worker(&w, "left", "a", 1);
    session *right = session_worker(&w, "right", "b", 1);
    world_submit(&w, NULL);
    EXPECT(run(left, turn) == TASKER_OK && run(right, turn) == TASKER_OK, "%s%s",
           left->error.message, right->error.message);
    finish(left, take(left, "x"));
    finish(right, take(right, "y"));
    halt_before(left, turn, TK_STORE_OP_commit);
    begin(right, turn);
    EXPECT(waits(right), "the second outcome does not wait for the task");
    go_on(left);
    EXPECT(ends(left) == TASKER_OK && ends(right) == TASKER_OK, "%s%s", left->error.message,
           right->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM ready r WHERE task_id = $T AND step_no = "
                            "(SELECT step_no FROM template_step WHERE name = 'z')") == 1,
           "the child on the second page is not free");
    world_close(&w);
}

/* --- by hand ---------------------------------------------------------------------------------- */

void script_resolve_beside_parent(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 2);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    person->step = tk_uuid_step(&w.task, 1);
    halt_before(person, resolve, TK_STORE_OP_commit);
    begin(worker, turn);
    EXPECT(waits(worker), "the outcome does not wait for the task");
    go_on(person);
    EXPECT(ends(person) == TASKER_OK && ends(worker) == TASKER_OK, "%s%s", worker->error.message,
           person->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM lease WHERE task_id = $T AND step_no = 1") == 0,
           "a step that was resolved is begun");
    EXPECT(calls(worker, TK_STORE_OP_advance) == 1 && calls(worker, TK_STORE_OP_finish) == 1,
           "the short way was not tried, or not left");
    finish(worker, take(worker, "c"));
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT state FROM task_state WHERE task_id = $T") == 2,
           "the task is not complete");
    world_close(&w);
}

void script_parent_beside_resolve(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 2);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    person->step = tk_uuid_step(&w.task, 1);
    halt_before(worker, turn, TK_STORE_OP_commit);
    begin(person, resolve);
    EXPECT(waits(person), "the act does not wait for the task");
    go_on(worker);
    EXPECT(ends(worker) == TASKER_OK && ends(person) == TASKER_OK, "%s%s", worker->error.message,
           person->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM lease WHERE task_id = $T AND step_no = 1") == 0,
           "a step that was resolved is still claimed");
    finish_all(worker); /* b too, unless it was taken from the worker before */
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT outcome FROM attempt WHERE task_id = $T AND step_no = 1 "
                            "ORDER BY n DESC LIMIT 1") == 6,
           "the outcome of a step that was resolved is taken");
    world_close(&w);
}

void script_replace_beside_claim(void) {
    world w;
    world_open(&w, CHAIN);
    session *first = session_worker(&w, "first worker", "a", 1);
    session *second = session_worker(&w, "second worker", "b", 1);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    EXPECT(run(first, turn) == TASKER_OK, "%s", first->error.message);
    finish(first, take(first, "a"));
    EXPECT(run(first, turn) == TASKER_OK, "%s", first->error.message);
    person->step = tk_uuid_step(&w.task, 0);
    halt_before(second, turn, TK_STORE_OP_commit); /* b is claimed, with a's result */
    begin(person, resolve);
    EXPECT(waits(person), "the act does not see that the child is being claimed");
    go_on(second);
    EXPECT(ends(second) == TASKER_OK, "%s", second->error.message);
    EXPECT(ends(person) == TASKER_CONFLICT, "a result is replaced that a child has seen");
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T") == 1,
           "something was recorded");
    finish(second, take(second, "b"));
    EXPECT(run(second, turn) == TASKER_OK, "%s", second->error.message);
    world_close(&w);
}

/* One task of three is not as its worker expects. */
void script_short_way_is_left(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 3);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    world_submit(&w, NULL);
    world_submit(&w, "\"bypass_steps\":[\"b\"]");
    person->step = tk_uuid_step(&w.task, 2);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(run(person, resolve) == TASKER_OK, "%s", person->error.message);
    finish_all(worker);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(calls(worker, TK_STORE_OP_advance) == 1 && calls(worker, TK_STORE_OP_finish) == 1,
           "the short way was not tried, or not left");
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE outcome = 1") == 3,
           "an outcome is lost, or recorded twice");
    EXPECT(world_number(&w, "SELECT state FROM task_state WHERE task_id = $T") == 2,
           "the task is not complete");
    EXPECT(world_number(&w, "SELECT count(*) FROM lease WHERE step_no = 1") == 2,
           "the next steps are not kept");
    finish_all(worker);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(calls(worker, TK_STORE_OP_advance) == 1, "it is tried again at once");
    world_close(&w);
}

/* Nobody has woken it. */
static tasker_status turn_unasked(session *s) {
    return tk_turn(s->worker, &s->error);
}

void script_seen_beside_other_work(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 2);
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK && run(worker, turn) == TASKER_OK, "%s",
           worker->error.message);
    finish(worker, take(worker, "a"));
    world_submit(&w, NULL);
    pass(worker, 5 * MS);
    EXPECT(run(worker, turn_unasked) == TASKER_OK, "%s", worker->error.message);
    EXPECT(calls(worker, TK_STORE_OP_claim) == 1, "the turn waited for the queue");
    EXPECT(run(worker, turn_unasked) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM lease WHERE task_id = $T") == 1,
           "what was seen in the queue is left there");
    world_close(&w);
}

/* --- without an answer ------------------------------------------------------------------------ */

void script_late_outcome_of_another(void) {
    world w;
    world_open(&w, CHAIN);
    session *late = session_worker(&w, "late", "abc", 1);
    session *other = session_worker(&w, "other", "abc", 1);
    world_submit(&w, NULL);
    EXPECT(run(late, turn) == TASKER_OK, "%s", late->error.message);
    tasker_step *step = take(late, "a");
    other->other = late->worker->id;
    other->other_beat = world_number(&w, "SELECT max(beat) FROM worker WHERE holding");
    EXPECT(run(other, recover) == TASKER_OK, "%s", other->error.message);
    EXPECT(run(other, turn) == TASKER_OK, "%s", other->error.message);
    finish(late, step);
    (void)run(late, turn); /* it may be told at once that it is dead */
    (void)run(late, turn);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T AND outcome = 1") == 0,
           "a late outcome is taken for the present attempt's");
    finish(other, take(other, "a"));
    EXPECT(run(other, turn) == TASKER_OK, "%s", other->error.message);
    EXPECT(world_number(&w, "SELECT attempt FROM attempt WHERE task_id = $T AND outcome = 1") == 2,
           "the present attempt is not recorded");
    world_close(&w);
}

void script_lost_answer_of_outcomes(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    worker->lose_answer = true;
    EXPECT(run(worker, turn) == TASKER_STORE, "the answer was not lost");
    EXPECT(calls(worker, TK_STORE_OP_advance) == 1 && calls(worker, TK_STORE_OP_finish) == 0,
           "it is not of the short way");
    EXPECT(world_number(&w, "SELECT count(*) FROM lease WHERE task_id = $T") == 1,
           "the next step was not kept");
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(worker->worker->stats.refused == 0 && worker->worker->stats.succeeded == 1,
           "what was saved is called refused");
    EXPECT(world_number(&w, "SELECT attempt FROM lease WHERE task_id = $T") == 1,
           "a step that nobody began has lost an attempt");
    finish(worker, take(worker, "b"));
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T") == 2,
           "an outcome is recorded twice, or not at all");
    world_close(&w);
}

void script_lost_answer_of_claims(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    world_submit(&w, NULL);
    worker->lose_answer = true;
    EXPECT(run(worker, turn) == TASKER_STORE, "the answer was not lost");
    EXPECT(world_number(&w, "SELECT count(*) FROM lease WHERE task_id = $T") == 1, "no claim");
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT attempt FROM lease WHERE task_id = $T") == 1,
           "a step that nobody began has lost an attempt");
    finish(worker, take(worker, "a"));
    EXPECT(run(worker, turn) == TASKER_OK && worker->worker->stats.refused == 0, "%s",
           worker->error.message);
    world_close(&w);
}

/* --- a count that is short --- */

/* Writes an act and a state that it has read without a lock. */
static tasker_status write_unlocked(session *s) {
    tk_store *store = s->engine.store;
    tk_arena arena = {0};
    tk_state_row state = {0};
    bool found = false;
    tk_act_row act = {.task_id = s->task, .acted_us = 1, .kind = TK_ACT_RETRIED, .attempt = 1};
    tasker_status status = tk_store_call(store, begin, TK_STORE_WRITE, &s->error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, state_load, &arena, &s->task, 1, &state, &found, &s->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, &s->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, act_insert, &act, 1, &s->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, state_update, &state, 1, &s->error);
    }
    status = tk_verb_finish(&s->engine, status, &s->error);
    tk_arena_release(&arena);
    return status;
}

void script_state_that_is_gone(void) {
    world w;
    world_open(&w, CHAIN);
    session *writer = session_open(&w, "writer");
    world_submit(&w, NULL);
    halt_before(writer, write_unlocked, TK_STORE_OP_act_insert);
    (void)world_number(&w, "WITH a AS (DELETE FROM task_state), b AS (DELETE FROM ready),"
                           " c AS (DELETE FROM counter), d AS (DELETE FROM identity)"
                           " DELETE FROM task RETURNING 1");
    go_on(writer);
    EXPECT(ends(writer) == TASKER_CONFLICT, "a count that is short raises no error");
    EXPECT(world_number(&w, "SELECT count(*) FROM act") == 0, "half of it is saved");
    world_close(&w);
}

/* --- a task that is held ---------------------------------------------------------------------- */

void script_held_task_beside_others(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 2);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    person->step = tk_uuid_step(&w.task, 2);
    halt_before(person, resolve, TK_STORE_OP_commit); /* holds the task */
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_STORE, "it did not wait for the held task");
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T AND outcome = 1") == 1,
           "another task's outcome has to wait as well");
    go_on(person);
    EXPECT(ends(person) == TASKER_OK, "%s", person->error.message);
    EXPECT(run(worker, turn) == TASKER_OK && run(worker, turn) == TASKER_OK, "%s",
           worker->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE outcome = 1") == 2,
           "the outcome that was left behind is not saved");
    EXPECT(worker->worker->stats.refused == 0, "an outcome was refused");
    world_close(&w);
}

/* --- giving back ------------------------------------------------------------------------------ */

/* Of the steps of two tasks, one is ended and the other is given back. */
static void end_and_give_back(session *s, bool first_ends) {
    tasker_step *first = NULL;
    tasker_step *second = NULL;
    EXPECT(tk_worker_next(s->worker, 0, &first, &s->error) == TASKER_OK, "no first step");
    EXPECT(tk_worker_next(s->worker, 0, &second, &s->error) == TASKER_OK, "no second step");
    finish(s, first_ends ? first : second);
    release(s, first_ends ? second : first);
}

void script_give_back_beside_outcomes(void) {
    world w;
    world_open(&w, DIAMOND);
    session *left = session_worker(&w, "left", "a", 2);
    session *right = session_worker(&w, "right", "b", 2);
    world_submit(&w, NULL);
    world_submit(&w, NULL);
    EXPECT(run(left, turn) == TASKER_OK && run(right, turn) == TASKER_OK, "%s%s",
           left->error.message, right->error.message);
    end_and_give_back(left, true); /* the later task's step goes back, and the other way round */
    end_and_give_back(right, false);
    halt_before(left, turn, TK_STORE_OP_lease_return);
    begin(right, turn);
    EXPECT(waits(right), "the second worker does not wait for the tasks");
    go_on(left);
    EXPECT(ends(left) == TASKER_OK && ends(right) == TASKER_OK, "%s%s", left->error.message,
           right->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE outcome = 1") == 2,
           "an outcome is lost");
    world_close(&w);
}
