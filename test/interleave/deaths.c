/*
 * deaths.c - who is judged dead, by whom, and what becomes of the outcomes of the dead.
 */
#include <stdio.h>

#include "interleave/scripts.h"

/* A worker that holds step a of the task, and one that watches. */
static void open_two(world *w, session **worker, session **sweeper) {
    world_open(w, CHAIN);
    *worker = session_worker(w, "worker", "abc", 1);
    *sweeper = session_worker(w, "sweeper", "z", 1);
    world_submit(w, NULL);
    EXPECT(run(*worker, turn) == TASKER_OK, "%s", (*worker)->error.message);
    (*sweeper)->other = (*worker)->worker->id;
    (*sweeper)->other_beat = world_number(w, "SELECT beat FROM worker WHERE holding");
    EXPECT((*sweeper)->other_beat >= 0, "the worker does not say that it holds a step");
}

/* A turn of a session a beat later. */
static void beat(session *s) {
    pass(s, TK_BEAT_US);
    EXPECT(run(s, turn) == TASKER_OK, "%s: %s", s->name, s->error.message);
}

static bool lives(world *w, const session *s) {
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM worker WHERE id = %d", s->worker->id);
    return world_number(w, sql) == 1;
}

static void end_session(world *w, session *s) {
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)::int", s->pid);
    EXPECT(world_number(w, sql) == 1, "the session of %s was not ended", s->name);
}

/* --- recoveries ------------------------------------------------------------------------------- */

void script_recovery_behind_outcome(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    finish(worker, take(worker, "a"));
    halt_before(worker, turn, TK_STORE_OP_due_move); /* the outcome is written */
    begin(sweeper, recover);
    EXPECT(waits(sweeper), "the recovery does not wait for the task");
    go_on(worker);
    EXPECT(ends(worker) == TASKER_LOST, "the beat is not told of the recovery");
    EXPECT(ends(sweeper) == TASKER_OK, "%s", sweeper->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T") == 1,
           "an attempt has two ends");
    EXPECT(world_number(&w, "SELECT outcome FROM attempt WHERE task_id = $T") == 3,
           "the attempt is not lost");
    (void)run(worker, turn);
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    world_close(&w);
}

void script_outcome_behind_recovery(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    finish(worker, take(worker, "a"));
    halt_before(sweeper, recover, TK_STORE_OP_commit);
    begin(worker, turn);
    EXPECT(waits(worker), "the outcome does not wait for the task");
    go_on(sweeper);
    tasker_status status = ends(sweeper); /* a beat may come before the row's end: it lives then */
    EXPECT(status == TASKER_OK || status == TASKER_CONFLICT, "%s", sweeper->error.message);
    (void)ends(worker);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T") == 1,
           "an attempt has two ends");
    for (int i = 0; i < 3; i++) {
        pass(worker, TK_BEAT_US);
        (void)run(worker, turn);
    }
    EXPECT(worker->worker->stats.refused == 1, "nobody was told that the outcome was refused");
    EXPECT(world_number(&w, "SELECT attempt FROM lease WHERE task_id = $T") == 2,
           "the step is not begun again");
    world_close(&w);
}

void script_two_sweepers(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    session *second = session_worker(&w, "second", "z", 1);
    second->other = sweeper->other;
    second->other_beat = sweeper->other_beat;
    halt_before(sweeper, recover, TK_STORE_OP_commit);
    begin(second, recover);
    EXPECT(!waits(second), "the second sweeper waits for the first");
    EXPECT(ends(second) == TASKER_CONFLICT, "two sweepers took the same worker");
    go_on(sweeper);
    EXPECT(ends(sweeper) == TASKER_OK, "%s", sweeper->error.message);
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T") == 1,
           "an attempt has two ends");
    EXPECT(world_number(&w, "SELECT attempts FROM ready WHERE task_id = $T") == 1,
           "the step is not free");
    world_close(&w);
}

void script_beat_before_recovery(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    beat(worker);
    EXPECT(run(sweeper, recover) == TASKER_CONFLICT, "a worker that has beaten is recovered");
    EXPECT(lives(&w, worker), "a worker that has beaten is gone");
    finish(worker, take(worker, "a"));
    beat(worker);
    EXPECT(worker->worker->stats.refused == 0, "its outcome is refused");
    world_close(&w);
}

void script_beat_beside_recovery(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    halt_before(sweeper, recover, TK_STORE_OP_task_load); /* holds the worker's row only */
    pass(worker, TK_BEAT_US);
    begin(worker, turn);
    EXPECT(!waits(worker), "a beat waits for a recovery");
    EXPECT(ends(worker) == TASKER_LOST, "the worker is not told");
    go_on(sweeper);
    EXPECT(ends(sweeper) == TASKER_OK, "%s", sweeper->error.message);
    int32_t before = worker->worker->id;
    EXPECT(run(worker, turn) == TASKER_OK, "%s", worker->error.message);
    EXPECT(worker->worker->id != before && lives(&w, worker), "it has no other number");
    world_close(&w);
}

/* --- judging ---------------------------------------------------------------------------------- */

void script_gone_session(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    beat(sweeper); /* sees it */
    end_session(&w, worker);
    beat(sweeper); /* sees that its session is gone */
    beat(sweeper);
    EXPECT(lives(&w, worker), "one beat is enough to be dead");
    beat(sweeper);
    EXPECT(!lives(&w, worker), "two beats are not enough to be dead");
    EXPECT(world_number(&w, "SELECT attempts FROM ready WHERE task_id = $T") == 1,
           "the step is not free");
    EXPECT(run(worker, turn) != TASKER_OK, "it does not see that it has no session");
    pass(worker, TK_BEAT_US);
    for (int i = 0; i < 3; i++) {
        (void)run(worker, turn);
    }
    EXPECT(lives(&w, worker), "it does not begin anew");
    world_close(&w);
}

void script_held_session(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    finish(worker, take(worker, "a"));
    halt_before(worker, turn, TK_STORE_OP_commit); /* holds the task, and its own row */
    for (int i = 0; i < TK_DEATH_BEATS; i++) {
        EXPECT(lives(&w, worker), "%d beats are enough to be dead", i);
        beat(sweeper);
    }
    beat(sweeper);
    beat(sweeper);
    EXPECT(!lives(&w, worker), "it stands still for ever");
    EXPECT(world_number(&w, "SELECT attempts FROM ready WHERE task_id = $T") == 1,
           "the step is not free");
    go_on(worker);
    EXPECT(ends(worker) != TASKER_OK, "who was cut off commits");
    for (int i = 0; i < 3; i++) {
        (void)run(worker, turn);
    }
    EXPECT(lives(&w, worker), "it does not begin anew");
    EXPECT(world_number(&w, "SELECT count(*) FROM attempt WHERE task_id = $T AND outcome = 1") == 0,
           "an outcome of the dead is taken");
    world_close(&w);
}

void script_clocks_apart(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    sweeper->skew_us = 3600 * S;
    for (int i = 0; i < 2 * TK_DEATH_BEATS; i++) {
        beat(worker);
        beat(sweeper);
        EXPECT(lives(&w, worker), "a worker that beats is dead after %d beats", i);
    }
    finish(worker, take(worker, "a"));
    beat(worker);
    EXPECT(worker->worker->stats.refused == 0, "its outcome is refused");
    world_close(&w);
}

/* Beats that tell something new come as often as that happens. */
void script_quick_beats(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    beat(sweeper);
    for (int i = 0; i < 3 * TK_DEATH_BEATS; i++) {
        sweeper->worker->asleep = false; /* as behind a time in which it was full */
        pass(sweeper, 20 * MS);
        EXPECT(run(sweeper, turn) == TASKER_OK, "%s", sweeper->error.message);
    }
    EXPECT(lives(&w, worker), "a worker is dead after 0.6 s");
    world_close(&w);
}

void script_after_reconnect(void) {
    world w;
    session *worker;
    session *sweeper;
    open_two(&w, &worker, &sweeper);
    beat(sweeper);
    end_session(&w, worker);
    end_session(&w, sweeper);
    (void)run(sweeper, turn);
    for (int i = 0; i < TK_DEATH_BEATS - 2; i++) {
        beat(sweeper);
    }
    EXPECT(lives(&w, worker), "a session that the server lost makes a worker dead");
    EXPECT(run(worker, turn) == TASKER_STORE && run(worker, turn) == TASKER_OK, "%s",
           worker->error.message);
    finish(worker, take(worker, "a"));
    EXPECT(run(worker, turn) == TASKER_OK && worker->worker->stats.refused == 0, "%s",
           worker->error.message);
    world_close(&w);
}
