/*
 * submits.c - submissions beside each other, beside a worker that falls asleep, and without an answer.
 */
#include <stdio.h>

#include "interleave/scripts.h"

static const char keyed[] = "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{},"
                            "\"idempotency_key\":\"k\"}";

static void expect_one_task(world *w) {
    EXPECT(world_number(w, "SELECT count(*) FROM task") == 1, "a key has more tasks than one");
    EXPECT(world_number(w, "SELECT count(*) FROM ready") == 1,
           "its first step waits more than once");
}

void script_same_key_twice(void) {
    world w;
    world_open(&w, CHAIN);
    session *one = session_open(&w, "one");
    session *two = session_open(&w, "two");
    one->request = two->request = keyed;
    halt_before(one, submit, TK_STORE_OP_commit);
    begin(two, submit);
    EXPECT(waits(two), "the second submission does not wait for the key");
    go_on(one);
    EXPECT(ends(one) == TASKER_OK && ends(two) == TASKER_OK, "%s%s", one->error.message,
           two->error.message);
    EXPECT(tk_uuid_equal(&one->task, &two->task), "the same key answers two tasks");
    expect_one_task(&w);
    world_close(&w);
}

void script_same_key_after_rollback(void) {
    world w;
    world_open(&w, CHAIN);
    session *one = session_open(&w, "one");
    session *two = session_open(&w, "two");
    one->request = two->request = keyed;
    halt_before(one, submit, TK_STORE_OP_commit);
    begin(two, submit);
    EXPECT(waits(two), "the second submission does not wait for the key");
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)::int", one->pid);
    EXPECT(world_number(&w, sql) >= 0, "no session to end");
    EXPECT(ends(two) == TASKER_OK, "%s", two->error.message);
    go_on(one);
    (void)ends(one); /* it may try again by itself */
    expect_one_task(&w);
    EXPECT(run(one, submit) == TASKER_OK && tk_uuid_equal(&one->task, &two->task),
           "the same key answers two tasks");
    expect_one_task(&w);
    world_close(&w);
}

void script_lost_answer_of_submit(void) {
    world w;
    world_open(&w, CHAIN);
    session *one = session_open(&w, "one");
    session *worker = session_worker(&w, "worker", "abc", 1);
    one->request = keyed;
    one->lose_answer = true;
    tasker_status status = run(one, submit);
    EXPECT(status == TASKER_OK || status == TASKER_STORE, "%s", one->error.message);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(run(one, submit) == TASKER_OK, "%s", one->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM task") == 1, "a key has more tasks than one");
    EXPECT(world_number(&w, "SELECT count(*) FROM ready") == 0, "a finished step came back");
    world_close(&w);
}

/* Between a claim that finds nothing and its commit nobody sees a sleeper, so nobody is told. */
void script_submit_beside_falling_asleep(void) {
    world w;
    world_open(&w, CHAIN);
    session *worker = session_worker(&w, "worker", "abc", 1);
    halt_before(worker, turn, TK_STORE_OP_commit);
    world_submit(&w, NULL);
    go_on(worker);
    EXPECT(ends(worker) == TASKER_OK, "%s", worker->error.message);
    EXPECT(world_number(&w, "SELECT asleep::int FROM worker") == 1, "nobody would wake it");
    EXPECT(tk_worker_wait_us(worker->worker) == 0, "it sleeps without a look");
    EXPECT(tk_turn(worker->worker, &worker->error) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    world_close(&w);
}

void script_older_number_comes_later(void) {
    world w;
    world_open(&w, CHAIN);
    session *slow = session_open(&w, "slow");
    session *worker = session_worker(&w, "worker", "a", 8);
    slow->request = "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{}}";
    halt_before(slow, submit, TK_STORE_OP_commit);
    world_submit(&w, NULL); /* its step has a greater number, and is there first */
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    finish(worker, take(worker, "a"));
    for (int i = 0; i < 3; i++) {
        pass(worker, 100 * MS);
        EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    }
    go_on(slow);
    EXPECT(ends(slow) == TASKER_OK, "%s", slow->error.message);
    for (int i = 0; i < 8 && world_number(&w, "SELECT count(*) FROM ready r JOIN name n ON n.id = "
                                              "r.handler AND n.kind = 2 WHERE n.text = 'a'") > 0;
         i++) {
        pass(worker, 500 * MS);
        EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    }
    finish(worker, take(worker, "a"));
    world_close(&w);
}
