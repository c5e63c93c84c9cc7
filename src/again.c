/*
 * again.c - tries a verb again when its session ended under it.
 *
 *   verb ── try ── the server ended the session, or starts anew ── pause ── try ── ... ──► answer
 *
 * A broken connection is the only reason: everything else comes again, or is for people to put right.
 * What a try must do so that a second one is right, although the commit of the first may have happened,
 * is the verb's: a submission keeps its ids, an act by hand looks for what it recorded.
 */
#include <poll.h>

#include "engine.h"

/* A server that starts anew takes a second or two. */
#define TRIES_MAX 9
#define PAUSE_FIRST_MS 50
#define PAUSE_MS_MAX 1000
#define TRY_AGAIN_MS INT64_C(5000) /* after this time no new try begins */

static uint64_t session_of(const tk_engine *engine) {
    const tk_driver *driver = engine->store->driver;
    return driver->session == NULL ? 1 : driver->session(engine->store);
}

/* Another thread may have made the next session already. */
static bool session_broke(const tk_engine *engine, uint64_t *session, tasker_status status) {
    uint64_t before = *session;
    if (status != TASKER_STORE) {
        return false;
    }
    *session = session_of(engine);
    return *session == 0 || *session != before;
}

tasker_status tk_again(tk_engine *engine, tk_try_fn *once, void *verb, tasker_error *error) {
    tasker_error why = {0}; /* of a try that is repeated, the caller learns nothing */
    int64_t until_us = tk_clock_monotonic(engine->clock) + TRY_AGAIN_MS * 1000;
    uint64_t session = session_of(engine);
    tasker_status status = once(engine, verb, &why);
    int pause_ms = 0; /* where one session was ended, another is there at once */
    for (int tries = 1; tries < TRIES_MAX && session_broke(engine, &session, status); tries++) {
        if (tk_clock_monotonic(engine->clock) >= until_us) {
            break;
        }
        (void)poll(NULL, 0, pause_ms);
        pause_ms = pause_ms == 0 ? PAUSE_FIRST_MS : pause_ms * 2;
        pause_ms = pause_ms < PAUSE_MS_MAX ? pause_ms : PAUSE_MS_MAX;
        status = once(engine, verb, &why);
    }
    if (status != TASKER_OK && error != NULL) {
        *error = why;
    }
    return status;
}
