/*
 * sim.h - the simulation: many workers, clients and operators on one store, one thread, one seed.
 *
 *   main.c ─► run.c: what happens next? ─┬─► workers.c   turns, crashes, pauses, shutdowns
 *                                        ├─► handlers.c  what handlers do with their steps
 *                                        └─► clients.c   submissions, operators, clock steps
 *   world.c: store, clock, templates     record.c: what was seen    judge.c: is it what is stored?
 *
 * The code under test is the production code; only clock, chance and store faults are made up. The
 * same seed does the same, to the last byte.
 */
#ifndef TEST_SIM_H
#define TEST_SIM_H

#include "support/fault_store.h"
#include "turn.h"

#define SIM_WORKERS_MAX 5
#define SIM_TEMPLATES_MAX 4
#define SIM_STEPS_MAX 9    /* of a template */
#define SIM_WIDE_STEPS 260 /* of one that needs a second page of progress */
#define SIM_WIDE_TASKS 2   /* of a run */
#define SIM_BATCH_MAX 4    /* tasks of one submission */
#define SIM_HANDLERS 4     /* callables h0 … */
#define SIM_NAMESPACES 2   /* ns0 … */
#define SIM_TASKS_MAX 64   /* of a run, batches included */
#define SIM_RUNS_MAX 64    /* handlers that run at once, all workers together */
#define SIM_TEXT_SIZE 64
#define SIM_EVENTS_MAX 60000 /* of a run: more is a livelock */

#define SIM_MS INT64_C(1000)
#define SIM_S INT64_C(1000000)

/* Longest time without any movement while something is open and no fault is left: 15 s (promise 5),
 * the longest backoff or run_at, the longest handler. */
#define SIM_STILL_US (15 * SIM_S + 3 * SIM_S + 2500 * SIM_MS)

typedef struct sim sim;

/* A clock of the simulated machine. */
typedef struct sim_clock {
    sim *sim;
    int64_t skew_us;
} sim_clock;

/* Somebody with a store of its own: a worker, or a client. */
typedef struct sim_party {
    sim_clock ticks;
    tk_clock clock;
    tk_fault_plan plan;
    tk_fault_kind fault; /* what happens to the `at`-th call of `operation` */
    int operation;
    uint32_t at;
    bool interrupted; /* others act between two transactions of it */
    tk_store *store;  /* with the plan's faults */
    tk_engine engine;
} sim_party;

typedef enum sim_worker_state { SIM_DOWN = 0, SIM_UP, SIM_PAUSED, SIM_DRAINING } sim_worker_state;

typedef struct sim_worker {
    uint32_t index;
    sim_party party;
    sim_worker_state state;
    tk_worker *worker; /* NULL when down */
    uint32_t threads;
    uint32_t handlers;   /* bits */
    uint32_t namespaces; /* bits; 0: all */
    bool handlers_run;   /* while paused: only its turns stand still */
    int64_t next_us;     /* its next turn, its end of pause, its restart */
    int64_t drain_until_us;
} sim_worker;

/* What a handler is going to do. */
typedef enum sim_plan {
    SIM_SUCCEED = 0,
    SIM_SUCCEED_TWICE, /* a second completion with another result */
    SIM_FAIL,
    SIM_FAIL_AFTER, /* with retry_after */
    SIM_FAIL_FOR_GOOD,
    SIM_HANG, /* beyond its time-out, then completes all the same */
    SIM_EXTEND,
    SIM_GIVE_BACK, /* before it began */
    SIM_GIVE_UP,   /* after it began */
    SIM_FORGET     /* overdue, interrupted: only says that it has returned */
} sim_plan;

/* A handler that runs. */
typedef struct sim_run {
    sim_worker *worker;
    tasker_step *step; /* NULL: free */
    sim_plan plan;
    int64_t ends_us;
    uint32_t start; /* index of its record, or UINT32_MAX */
    struct sim_task *task;
} sim_run;

/* --- the independent record: what was seen from outside --------------------------------------- */

/* A handler that began. */
typedef struct sim_start {
    uint16_t step;
    int32_t attempt;
    int64_t token;
    int64_t began_us;
    bool returned; /* the first completion was taken in */
    bool ok;
    int64_t retry_after_ms;   /* of an error; -1: the template's backoff */
    char text[SIM_TEXT_SIZE]; /* the result, or the error's message */
} sim_start;

/* A claim, seen in the store after a turn. */
typedef struct sim_claim {
    uint16_t step;
    int32_t attempt;
    int64_t token;
} sim_claim;

/* A deed that recorded a result by hand, or may have. */
typedef struct sim_hand {
    uint16_t step;
    int32_t kind;             /* TK_OUTCOME_RESOLVED or _COMPLETED */
    bool answered;            /* it was done; else its fate is unknown */
    char text[SIM_TEXT_SIZE]; /* "" when none was given */
} sim_hand;

/* A row of the ledger as first seen. */
typedef struct sim_row {
    uint16_t step;
    int32_t attempt;
    tk_digest digest;
} sim_row;

typedef struct sim_task {
    tk_uuid id;
    bool answered; /* else its submission's fate is unknown */
    uint32_t template_index;
    int32_t priority;
    char key[16]; /* "" without */
    char context[SIM_TEXT_SIZE];
    bool closed;          /* cancelled, given up or resolved, and that was answered */
    uint32_t closed_rows; /* attempts at that moment */
    sim_start *starts;
    sim_claim *claims;
    sim_hand *hands;
    sim_row *rows;
    uint32_t start_count, claim_count, hand_count, row_count;
} sim_task;

/* --- the world -------------------------------------------------------------------------------- */

typedef struct sim_template {
    char name[16];
    char namespace_name[16];
    bool wide;
    uint32_t tasks;
} sim_template;

struct sim {
    uint64_t seed;
    bool trace;
    bool calm; /* no more faults, no more clients: all must come to rest */

    tk_random chance, engine_chance; /* ours, the engine's */
    tk_random_stream chance_stream, engine_stream;
    int64_t now_us;      /* monotonic */
    int64_t step_us;     /* what the clock was moved by */
    int64_t step_max_us; /* the furthest that it ever was */
    bool skewed;         /* parties have clocks of their own */

    char url[128];
    tk_store *base;
    tk_catalog catalog;
    tk_log log;
    sim_party eye, client; /* who looks, without faults; who acts */

    sim_template templates[SIM_TEMPLATES_MAX];
    uint32_t template_count;
    sim_worker workers[SIM_WORKERS_MAX];
    uint32_t worker_count;
    sim_run runs[SIM_RUNS_MAX];
    sim_task tasks[SIM_TASKS_MAX];
    uint32_t task_count;
    uint32_t key_count, text_count;
    int64_t next_deed_us;
    uint32_t deeds_left;
    uint32_t fault_percent; /* how often a turn or a deed meets a fault */

    uint64_t events;
    uint64_t told_saved; /* successes that workers which are gone told their hosts */
    int64_t moved_us;    /* when something last moved */
    uint64_t moves;
    const char *context;     /* what happens now, for messages */
    bool nested;             /* somebody acts between two transactions of somebody else */
    const tk_offer *storing; /* what a worker's turn is asked to store */
    const void *sending;     /* the request of a submission that is on its way */
};

/* sim_run_seed runs one seed to its end; a broken invariant ends the process. */
void sim_run_seed(uint64_t seed, bool trace);

/* --- world.c --- */

void sim_open(sim *s, uint64_t seed, bool trace);
void sim_close(sim *s);
void sim_party_open(sim *s, sim_party *party);
void sim_party_close(sim_party *party);

/* sim_register makes a new revision of a template. */
void sim_register(sim *s, uint32_t index);

/* Chance: 0 … limit-1; true in `percent` of the cases; one of low … high. */
uint32_t sim_below(sim *s, uint32_t limit);
bool sim_percent(sim *s, uint32_t percent);
int64_t sim_between(sim *s, int64_t low, int64_t high);

/* sim_fault lets an operation of the party's next calls fail, sometimes, and others act between its
 * transactions; sim_fault_end takes back what did not happen and says whether a fault did. */
void sim_fault(sim *s, sim_party *party);
bool sim_fault_end(sim *s, sim_party *party);

void sim_say(sim *s, const char *format, ...) TK_PRINTF(2, 3);

/* sim_broken tells of a broken invariant and ends the process with 1. `task` may be NULL. */
_Noreturn void sim_broken(sim *s, const char *rule, const tk_uuid *task, const char *format, ...)
    TK_PRINTF(4, 5);

/* --- workers.c --- */

void sim_worker_begin(sim *s, sim_worker *w);
void sim_worker_crash(sim *s, sim_worker *w, int64_t back_in_us);
void sim_worker_pause(sim *s, sim_worker *w);
void sim_worker_drain(sim *s, sim_worker *w);
void sim_worker_act(sim *s, sim_worker *w); /* what is due at next_us */
bool sim_worker_store(void *sim, tk_submission *submission, bool *left); /* a turn of some worker */
void sim_wake_workers(sim *s); /* a hint that there is work; it may be lost */
void sim_workers_interrupt(sim *s, const sim_party *party); /* another one acts now */

/* --- handlers.c --- */

void sim_handlers_take(sim *s, sim_worker *w); /* free threads take what waits */
void sim_handler_end(sim *s, sim_run *run);    /* what is due at ends_us */
void sim_handlers_drop(sim *s, sim_worker *w); /* the process died */
void sim_handlers_overdue(sim *s, sim_worker *w);
uint32_t sim_handlers_running(const sim *s, const sim_worker *w);

/* --- clients.c --- */

void sim_deed(sim *s);
void sim_adopt(sim *s); /* a submission on its way may have made its task by now */

/* --- record.c --- */

sim_task *sim_task_of(sim *s, const tk_uuid *id); /* NULL: none of ours */
sim_task *sim_task_add(sim *s, const tk_uuid *id, uint32_t template_index);
sim_start *sim_start_add(sim_task *task);
sim_claim *sim_claim_add(sim_task *task);
sim_hand *sim_hand_add(sim_task *task);
sim_row *sim_row_add(sim_task *task);
void sim_record_release(sim *s);

/* A task with all its rows, read in one transaction. */
typedef struct sim_view {
    tk_arena arena;
    bool found;
    tk_task_row task;
    tk_state_row state;
    const tk_known *known;
    tk_attempt_row *attempts;
    tk_act_row *acts;
    tk_place_row *places;
    uint32_t attempt_count, act_count, place_count;
} sim_view;

void sim_view_open(sim *s, const tk_uuid *id, sim_view *view);
void sim_view_close(sim_view *view);
void sim_view_print(const sim_view *view); /* the rows, for people */

/* --- judge.c --- */

void sim_judge_claims(sim *s, sim_worker *w); /* after each turn */
void sim_judge_start(sim *s, sim_task *task, const tasker_step *step);
void sim_judge_all(sim *s, bool at_rest);
bool sim_judge_open(sim *s); /* is there anything that has to move? */

#endif
