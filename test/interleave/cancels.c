/*
 * cancels.c - a cancel beside whatever moves the steps of its task.
 */
#include "interleave/scripts.h"

/* Once a task is cancelled nothing of it lives. */
static void expect_nothing_left(world *w) {
    EXPECT(world_number(w, "SELECT state FROM task_state WHERE task_id = $T") == 4,
           "the task is not cancelled");
    EXPECT(world_number(w, "SELECT count(*) FROM ready WHERE task_id = $T") == 0, "a step waits");
    EXPECT(world_number(w, "SELECT count(*) FROM later WHERE task_id = $T") == 0,
           "a step waits for its time");
    EXPECT(world_number(w, "SELECT count(*) FROM lease WHERE task_id = $T") == 0,
           "a step of a cancelled task is claimed");
}

void script_cancel_behind_claim(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    halt_before(worker, turn, TK_STORE_OP_commit);
    begin(person, cancel);
    EXPECT(waits(person), "the cancel does not see that the step is being claimed");
    go_on(worker);
    EXPECT(ends(worker) == TASKER_OK, "%s", worker->error.message);
    EXPECT(ends(person) == TASKER_OK, "%s", person->error.message);
    expect_nothing_left(&w);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T AND outcome = 4") == 1,
           "the claimed step has no cancelled attempt");
    finish_all(worker);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    expect_nothing_left(&w);
    world_close(&w);
}

void script_claim_behind_cancel(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    halt_before(person, cancel, TK_STORE_OP_commit);
    begin(worker, turn);
    EXPECT(!waits(worker), "the claim waits for the cancel");
    EXPECT(ends(worker) == TASKER_OK, "%s", worker->error.message);
    EXPECT(has_nothing(worker), "a step was claimed that is being cancelled");
    go_on(person);
    EXPECT(ends(person) == TASKER_OK, "%s", person->error.message);
    expect_nothing_left(&w);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(has_nothing(worker), "a step of a cancelled task was claimed");
    world_close(&w);
}

void script_cancel_behind_sticky(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    halt_before(worker, turn, TK_STORE_OP_commit);
    begin(person, cancel);
    EXPECT(waits(person), "the cancel does not wait for the task");
    go_on(worker);
    EXPECT(ends(worker) == TASKER_OK && ends(person) == TASKER_OK, "%s%s", worker->error.message,
           person->error.message);
    expect_nothing_left(&w);
    finish_all(worker);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(has_nothing(worker), "a cancelled task goes on");
    expect_nothing_left(&w);
    world_close(&w);
}

void script_sticky_behind_cancel(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    halt_before(person, cancel, TK_STORE_OP_commit);
    begin(worker, turn);
    EXPECT(waits(worker), "the outcome does not wait for the task");
    go_on(person);
    EXPECT(ends(person) == TASKER_OK && ends(worker) == TASKER_OK, "%s%s", worker->error.message,
           person->error.message);
    EXPECT(worker->worker->stats.refused == 1 && has_nothing(worker), "a cancelled task goes on");
    expect_nothing_left(&w);
    world_close(&w);
}

/* A step that failed and waits for its time. */
static void make_later(session *worker) {
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    fail(worker, take(worker, "a"));
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(worker->world, "SELECT count(*) FROM later") == 1, "nothing waits");
    pass(worker, 10 * S);
}

void script_cancel_behind_due(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *mover = session_worker(&w, "mover", "z", 1); /* moves what is due, claims nothing */
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    make_later(worker);
    pass(mover, 10 * S);
    halt_before(mover, turn, TK_STORE_OP_commit);
    begin(person, cancel);
    EXPECT(waits(person), "the cancel does not see that the step is being moved");
    go_on(mover);
    EXPECT(ends(mover) == TASKER_OK && ends(person) == TASKER_OK, "%s%s", mover->error.message,
           person->error.message);
    expect_nothing_left(&w);
    world_close(&w);
}

void script_due_behind_cancel(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *person = session_open(&w, "person");
    world_submit(&w, NULL);
    make_later(worker);
    halt_before(person, cancel, TK_STORE_OP_commit);
    begin(worker, turn);
    EXPECT(!waits(worker), "moving what is due waits for the cancel");
    EXPECT(ends(worker) == TASKER_OK, "%s", worker->error.message);
    go_on(person);
    EXPECT(ends(person) == TASKER_OK, "%s", person->error.message);
    expect_nothing_left(&w);
    EXPECT(has_nothing(worker), "a step was claimed that is being cancelled");
    world_close(&w);
}

void script_retry_behind_cancel(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    session *person = session_open(&w, "person");
    session *other = session_open(&w, "other");
    world_submit(&w, NULL);
    make_later(worker);
    other->step = tk_uuid_step(&w.task, 0);
    halt_before(person, cancel, TK_STORE_OP_commit);
    begin(other, retry);
    EXPECT(waits(other), "the retry does not wait for the task");
    go_on(person);
    EXPECT(ends(person) == TASKER_OK, "%s", person->error.message);
    EXPECT(ends(other) == TASKER_CONFLICT, "a step of a cancelled task was retried");
    expect_nothing_left(&w);
    world_close(&w);
}
