/*
 * session.h - named sessions on one PostgreSQL, each a thread that runs a verb of the library and can be
 * halted before any operation of the store.
 *
 *     world w;
 *     world_open(&w, CHAIN);
 *     session *claimer = session_worker(&w, "claimer", "abc");
 *     session *person = session_open(&w, "person");
 *     halt_before(claimer, turn, TK_STORE_OP_commit);      the turn runs up to its commit
 *     begin(person, cancel);
 *     EXPECT(waits(person), "…");                          for a lock of the claimer's
 *     go_on(claimer);
 *     EXPECT(ends(person) == TASKER_OK, "…");
 *     world_close(&w);                                     and the ledger must be sound
 *
 * What was called before a halt has been done by the server. Each session has a connection, a clock and
 * (a worker) an identity of its own. The first expectation that fails ends the process.
 */
#ifndef TEST_INTERLEAVE_SESSION_H
#define TEST_INTERLEAVE_SESSION_H

#include <libpq-fe.h>

#include "support/fault_store.h"
#include "turn.h"

#define SESSIONS_MAX 8
#define MS INT64_C(1000)
#define S INT64_C(1000000)

#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            expectation_failed(__FILE__, __LINE__, #condition, __VA_ARGS__);                       \
        }                                                                                          \
    } while (false)

typedef enum session_state { IDLE = 0, RUNNING, HALTED, ENDED } session_state;

typedef struct session session;
typedef tasker_status (*session_verb)(session *session);

typedef struct world {
    PGconn *eye; /* looks at the rows, past the store */
    tk_catalog catalog;
    tk_random random;
    tk_log log;
    session *sessions[SESSIONS_MAX];
    uint32_t session_count;
    session *first; /* registers, submits, checks */
    tk_uuid task;   /* submitted last */
} world;

struct session {
    const char *name;
    world *world;
    tk_engine engine;
    tk_clock clock;
    int64_t offset_us; /* of both clocks */
    int64_t skew_us;   /* of the wall clock */
    tk_store *inner;   /* the driver's */
    tk_fault_plan plan;
    tk_worker *worker; /* or NULL */
    int pid;           /* of its server process */
    tasker_error error;

    /* What its verbs are about. */
    tk_uuid task, step;
    const char *request;
    int32_t other; /* a worker, and the beat at which it was seen */
    int64_t other_beat;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    session_state state;
    session_verb verb;
    tasker_status status;
    int halt_at;      /* an operation, or -1 */
    bool lose_answer; /* of the next commit of what was written */
    bool writes;      /* the open transaction has written */
};

_Noreturn void expectation_failed(const char *file, int line, const char *condition,
                                  const char *format, ...) TK_PRINTF(4, 5);

/* world_open makes the tables anew and registers the template. */
void world_open(world *w, const char *yaml);
void world_close(world *w);

/* world_submit creates a task; `members` are added to the request, or NULL. */
tk_uuid world_submit(world *w, const char *members);

/* world_number answers a question in SQL with one number; -1 for none. $T stands for the task. */
int64_t world_number(world *w, const char *sql);

session *session_open(world *w, const char *name);

/* session_worker can run the handlers named by one letter each. */
session *session_worker(world *w, const char *name, const char *handlers, uint32_t threads);

/* begin starts a verb; it runs on until it waits, is halted or ends. A halt before a commit is one of what
 * was written. */
void begin(session *s, session_verb verb);
void halt_before(session *s, session_verb verb, tk_store_operation operation);
void go_on(session *s);

/* waits: it waits for a lock now, or does so within a moment. */
bool waits(session *s);

/* ends waits for the end (it may not be halted) and says how it ended; run does all at once. */
tasker_status ends(session *s);
tasker_status run(session *s, session_verb verb);

/* Verbs. */
tasker_status turn(session *s);
tasker_status cancel(session *s);
tasker_status submit(session *s);
tasker_status retry(session *s);
tasker_status resolve(session *s);
tasker_status recover(session *s);

/* What a worker does at once: takes a step that must be there, ends it well (or not), and nothing of it
 * is saved before the next turn. */
tasker_step *take(session *s, const char *step);
bool has_nothing(session *s);
void finish(session *s, tasker_step *step);
void finish_all(session *s); /* what is there, if anything */
void fail(session *s, tasker_step *step);
void release(session *s, tasker_step *step); /* unbegun */

/* pass lets a session's time go by. */
void pass(session *s, int64_t us);

#endif
