/*
 * turn.h - a worker without a thread: what it holds, and one turn of it.
 *
 *   host ── next ◄── ready ring ◄── [turn] ──► store
 *        ── complete ──► done ring ──►
 *
 * tk_turn is deterministic given store, clock and random source; the pump calls it in a loop, the
 * simulation by hand. The mutex covers what host threads share with it: the held steps.
 */
#ifndef TK_TURN_H
#define TK_TURN_H

#include "engine.h"
#include "minute.h"
#include "ring.h"
#include "submit.h"
#include "wake.h"

#define TK_TURN_OUTCOMES_MAX 256 /* outcomes saved by one turn */
#define TK_PREFETCH_MAX 512      /* steps claimed beyond the free threads */
#define TK_PREFETCH_WINDOW_US 50000
#define TK_GATHER_MAX 64  /* outcomes for which a busy host's turn is put off … */
#define TK_GATHER_US 1000 /* … for at most this long */
#define TK_PREFETCH_BYTES (INT64_C(16) << 20) /* of contexts and results that wait for a thread */
#define TK_CLAIM_BYTES_MAX                                                                         \
    ((size_t)64 << 20)       /* that one turn's claims hold; one step may be more */
#define TK_STICKY_RUN_MAX 64 /* turns in a row that kept steps before the queue gets its own */
#define TK_HELD_MAX (TASKER_SLOTS_MAX + TK_PREFETCH_MAX)
#define TK_BEAT_US 1000000
#define TK_BEAT_IDLE_US 5000000
#define TK_LOOK_OPEN_US 1000000 /* longest wait with work open */
#define TK_LOOK_IDLE_US 5000000
#define TK_DUE_MAX 1000           /* steps that one turn moves from later to ready */
#define TK_GLANCE_US 2000         /* between looks at a queue that had nothing, beside other work */
#define TK_DETOUR 16              /* turns that go the long way after the short one was refused */
#define TK_STRIKES_MAX 3          /* refusals of one outcome before it is given up */
#define TK_FAILURE_PAUSE_US 50000 /* after a failed turn; doubled each time, five times */
#define TK_EXTEND_MS_MAX (INT64_C(30) * 86400 * 1000)
#define TK_CROWDED_US 50000        /* while others hold the tasks of all that is to be saved */
#define TK_DEATH_BEATS 10          /* own beats during which another's stood still */
#define TK_DEATH_BEATS_GONE 2      /* the same, while its session was gone as well */
#define TK_MINUTES_SAVE_US 1000000 /* between savings of what is added up */
#define TK_UPKEEP_US 3000000
#define TK_UPKEEP_SHARE 20 /* it takes a part in so many of the time */
#define TK_WATCH_US 500000 /* between looks at others who hold steps */

typedef enum tk_held_state {
    TK_HELD_WAITING = 0, /* in the ready ring */
    TK_HELD_RUNNING,     /* taken by the host */
    TK_HELD_ENDED,       /* in the done ring, or being saved */
    TK_HELD_GONE         /* no longer ours; its handler may still run (the slot stays taken) */
} tk_held_state;

/* One claimed step of this worker. Counted: the worker's table has one reference, the host another
 * from next() to tasker_step_free(). */
typedef struct tk_held {
    tasker_step step; /* first: tasker_step_free() gets its address */
    tk_arena arena;   /* what `step` points to */
    tk_lease_row lease;
    const tk_known *known;
    tk_task_row task;
    tk_result_row
        *results; /* of the ancestors, in the template's order; dependencies[] shows them */
    tk_held_state state;
    bool in_handler; /* taken and not returned: takes a slot */
    bool overdue_told;
    bool timed_out;
    bool give_back; /* ended by release before it began: no attempt is recorded */
    int64_t started_mono_us, deadline_mono_us; /* 0: none */
    tk_ending ending;                          /* once ENDED; its texts live in `ended` */
    tk_arena ended;
    uint32_t round;       /* of tk_reconcile: its lease was there */
    uint32_t references;  /* atomic */
    struct tk_held *next; /* in its bucket */
} tk_held;

/* Whether whoever runs the turns has to be raised. */
typedef enum tk_sleep {
    TK_AWAKE = 0,
    TK_GATHERING, /* only for many outcomes, or once the host has nothing left to begin */
    TK_ASLEEP
} tk_sleep;

typedef enum tk_offer_state {
    TK_OFFER_OPEN = 0,
    TK_OFFER_REFUSED, /* not stored, or nobody knows: the submitter stores it itself */
    TK_OFFER_STORED,  /* committed; some of it waits in the queue */
    TK_OFFER_TAKEN    /* committed, and all that can begin is claimed */
} tk_offer_state;

/* A submission of one task that waits for a turn; on its submitter's stack. */
typedef struct tk_offer {
    tk_submission *submission;
    pthread_mutex_t mutex; /* covers state */
    pthread_cond_t answered;
    tk_offer_state state;
} tk_offer;

/* Parts of a turn beside its outcomes. */
typedef enum tk_part { TK_PART_DUE = 1, TK_PART_CLAIM = 2 } tk_part;

typedef struct tk_peer {
    int32_t id;
    int64_t beat;
    uint64_t seen_at; /* own beats when `beat` was first seen */
    bool gone;        /* its session, since: */
    uint64_t gone_at; /* own beats when that was first seen */
} tk_peer;

#define TK_HELD_BUCKETS 1024
#define TK_PEERS_MAX 1024

typedef struct tk_worker {
    tk_engine engine; /* engine.store is this worker's own */
    int32_t id;       /* in the store; changed by the turn's thread, under the mutex */
    uint32_t threads;
    tk_skill skill;
    int32_t *skill_queues, *skill_handlers;

    pthread_mutex_t mutex; /* covers buckets … takes_offers */
    tk_held *buckets[TK_HELD_BUCKETS];
    uint32_t held_count, in_handler_count;
    int64_t handler_us_mean;       /* of handlers that ended here, moving; 0: none yet */
    int64_t next_deadline_mono_us; /* the earliest step time-out, or 0 */
    tasker_worker_stats stats;
    tk_offer *offer;   /* for the next turn, or NULL */
    bool takes_offers; /* turns will come */

    tk_ring ready; /* of tk_held *, claimed and waiting */
    tk_ring done;  /* of tk_held *, ended */
    tk_wake *wake; /* of who runs the turns, raised when something ended; NULL: nobody sleeps */
    int32_t sleep; /* atomic: tk_sleep */
    bool look;     /* atomic: somebody woke us, look at the queue */

    /* Only the turn's thread: */
    tk_held *unsaved[TK_TURN_OUTCOMES_MAX]; /* taken from `done`, not yet known to be saved */
    uint32_t unsaved_count;
    uint32_t batch_max; /* how many of them the next turn sends: halved when a batch is refused */
    int64_t step_bytes_mean; /* what a held step takes, moving */
    uint32_t strikes;        /* how often the first of them was refused alone */
    bool crowded;            /* a turn failed: another may hold a task for long */
    uint32_t without;        /* tk_part: the next turn leaves these out */
    uint32_t detour;         /* so many more turns do not try the short way */
    uint32_t careful;        /* so many more claims take one want only */
    bool unsettled;          /* the last look around failed: the next turn does it again */
    bool fate_unknown;       /* an answer was lost: compare leases with memory first */
    bool taken_for_dead;     /* a beat found no row: begin anew under another id */
    uint32_t failures;       /* turns in a row */
    uint32_t round;          /* of tk_reconcile */
    tk_str name;             /* for registering anew */
    tk_str *namespace_names, *handler_names;
    bool stopping;                /* claim nothing */
    bool idle;                    /* the last look found nothing */
    bool looked_around;           /* after the last beat */
    bool woken;                   /* this turn was asked for */
    bool asleep, holding;         /* as the last beat told the others */
    bool company;                 /* another worker holds steps */
    uint64_t beats;               /* committed, at least TK_BEAT_US apart */
    int64_t counted_mono_us;      /* the last of them */
    uint64_t session;             /* of the store, when it was last made anew */
    uint64_t trusting_at;         /* from this own beat on a session that is gone tells something */
    int64_t watched_mono_us;      /* the last look at the others */
    bool worked;                  /* since the last upkeep */
    int64_t next_upkeep_mono_us;  /* of what one process does for all */
    tk_minutes minutes;           /* not saved yet, and when they will be: */
    int64_t next_minutes_mono_us; /* 0: there are none */
    int64_t next_watch_mono_us;   /* the next one without a beat, or 0 */
    int64_t now_floor_us, now_floor_mono_us; /* the time last used, and when that was */
    int64_t next_beat_mono_us, next_look_mono_us, next_glance_mono_us;
    int64_t next_due_us; /* 0: none known */
    uint32_t sticky_run; /* turns in a row whose kept steps left no slot for the queue */
    int32_t top_class;   /* highest class with work left at the last claim */
    tk_peer peers[TK_PEERS_MAX];
    uint32_t peer_count;
    tk_arena arena;       /* of the current turn */
    tk_arena setup_arena; /* of names and skills */
} tk_worker;

typedef struct tk_worker_setup {
    const tk_str *handlers;
    uint32_t handler_count;
    const tk_str *namespaces;
    uint32_t namespace_count;
    tk_str name;
    uint32_t threads;
    bool only_process; /* nobody else works on the store: end every other worker's leases first */
} tk_worker_setup;

/* tk_worker_open registers a worker in the store of `engine` (copied; what it points to is borrowed).
 * Blocks for a transaction or more. */
tasker_status tk_worker_open(const tk_engine *engine, const tk_worker_setup *setup,
                             tk_worker **worker, tasker_error *error);

/* tk_worker_close forgets everything, in memory only: what it holds in the store is recovered by
 * others, as after a crash. */
void tk_worker_close(tk_worker *worker);

/* tk_turn runs one turn. An error leaves everything as it was; call it again. */
tasker_status tk_turn(tk_worker *worker, tasker_error *error);

/* tk_worker_wait_us is how long the host may wait before the next turn, 0: at once. */
int64_t tk_worker_wait_us(tk_worker *worker);

/* tk_worker_gathers: the host still has steps to begin and few outcomes wait, so that a turn may be put
 * off for TK_GATHER_US: a turn for each outcome would take the processor from the handlers. */
bool tk_worker_gathers(tk_worker *worker);

/* tk_worker_drain ends a worker: gives unstarted steps back, saves what has ended, gives running
 * steps back as lost when `force`, removes its row when it holds nothing. *left: steps still running.
 * Call it again until *left is 0 or time is over, then with force. */
tasker_status tk_worker_drain(tk_worker *worker, bool force, uint32_t *left, tasker_error *error);

/* Host's side; any thread. Contracts as of tasker_worker_next and so on. */
tasker_status tk_worker_next(tk_worker *worker, int64_t timeout_ms, tasker_step **step,
                             tasker_error *error);
tasker_status tk_worker_complete(tk_worker *worker, const char *event_id,
                                 const tasker_outcome *outcome, tasker_error *error);
tasker_status tk_worker_extend(tk_worker *worker, const char *event_id, int64_t timeout_ms,
                               tasker_error *error);
tasker_status tk_worker_release(tk_worker *worker, const char *event_id, bool started,
                                tasker_error *error);
tasker_status tk_worker_overdue(tk_worker *worker, char event_id[TASKER_UUID_SIZE],
                                tasker_error *error);
void tk_worker_finished(tk_worker *worker, const char *event_id);

/* --- offer.c: submissions that a turn stores ---------------------------------------------------- */

/* The submitter's side. tk_offer_place: false when the worker cannot take it now; else somebody runs a
 * turn and tk_offer_wait says what came of it. */
tasker_status tk_offer_open(tk_offer *offer, tk_submission *submission, tasker_error *error);
bool tk_offer_place(tk_worker *worker, tk_offer *offer);
tk_offer_state tk_offer_wait(tk_offer *offer);
void tk_offer_close(tk_offer *offer);

/* The side of who runs the turns: whether offers may be placed. Closing refuses one that waits. */
void tk_offers_open(tk_worker *worker, bool open);

/* --- held.c: the steps a worker holds ---------------------------------------------------------- */

/* tk_held_new makes a held step of a claim. results[i] belongs to ancestor i of the step, `failure`
 * (NULL: none) is its newest attempt that failed, `base` the number from which its attempts count.
 * Copies everything but the template. NULL: out of memory. */
tk_held *tk_held_new(const tk_known *known, const tk_task_row *task, const tk_lease_row *lease,
                     int32_t base, const tk_result_row *results, const tk_attempt_row *failure);
void tk_held_release(tk_held *held); /* gives one reference back */

/* The table, under the worker's mutex. */
void tk_held_add(tk_worker *worker, tk_held *held);
tk_held *tk_held_find(tk_worker *worker, int64_t token); /* NULL: not here */
void tk_held_remove(tk_worker *worker, tk_held *held);   /* gives the table's reference back */

/* tk_held_settle is called when a held step's part in the store is over: it leaves the table now, or
 * once its handler has returned. Under the mutex. */
void tk_held_settle(tk_worker *worker, tk_held *held);

/* tk_held_hand_in gives a step whose ending is set to the next turn. Under the mutex. */
void tk_held_hand_in(tk_worker *worker, tk_held *held);

/* tk_held_end sets how a step ended (copies the texts); false: out of memory. */
bool tk_held_end(tk_held *held, int32_t kind, const tk_failure *failure, tk_str result,
                 tk_str error, tk_str metadata);

/* tk_held_end_static does so with an error of static text, or none; never fails. */
void tk_held_end_static(tk_held *held, int32_t kind, const tk_failure *failure, tk_str error);

/* What became of claimed rows. */
typedef struct tk_hold {
    tk_held **made; /* in: room for all; also after an error made_count of them are the caller's */
    uint32_t made_count;
    size_t bytes;    /* in and out: held by this turn's claims */
    uint32_t passed; /* that this worker cannot hold, and passes on */
    bool full;       /* TK_CLAIM_BYTES_MAX is reached: the rest went back */
} tk_hold;

/* tk_claims_hold makes held steps of claimed rows, reading what they need (results, failures) within
 * the open transaction, and puts the others back into the queue: those whose template this build cannot
 * read, and those beyond TK_CLAIM_BYTES_MAX. */
tasker_status tk_claims_hold(tk_engine *engine, tk_arena *arena, const tk_claim_row *rows,
                             uint32_t count, tk_hold *hold, tasker_error *error);

/* --- reconcile.c: what the store says this worker has ------------------------------------------ */

/* tk_reconcile compares the leases of this worker with what it holds: what only the store knows is
 * given back, what only memory knows is gone. Own transaction. */
tasker_status tk_reconcile(tk_worker *worker, tasker_error *error);

/* tk_peers_watch looks at the other workers, and recovers those that stood still over own beats. Own
 * transactions. */
tasker_status tk_peers_watch(tk_worker *worker, tasker_error *error);

/* tk_worker_register writes this worker's row; its id becomes worker->id. Own transaction. */
tasker_status tk_worker_register(tk_worker *worker, tasker_error *error);

/* tk_worker_now is the time for what this worker writes: it never runs backwards. */
int64_t tk_worker_now(tk_worker *worker);

#endif
