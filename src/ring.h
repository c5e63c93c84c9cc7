/*
 * ring.h - a bounded queue of pointers between the pump and the host's threads.
 */
#ifndef TK_RING_H
#define TK_RING_H

#include <pthread.h>

#include "base.h"

typedef struct tk_ring {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void **slots;
    uint32_t room, first, count;
    uint32_t waiting; /* threads in tk_ring_pop */
    uint32_t wakes;   /* pops to be sent back empty */
    bool closed;
} tk_ring;

/* tk_ring_open makes room for `room` pointers. NOMEM, STORE (no mutex). */
tasker_status tk_ring_open(tk_ring *ring, uint32_t room, tasker_error *error);
void tk_ring_release(tk_ring *ring);

/* tk_ring_push adds at the end (or, `first`, at the front); false when full or closed. */
bool tk_ring_push(tk_ring *ring, void *item, bool first);

/* tk_ring_push_all adds all of them at the end, or none: false when they do not fit, or closed. Those
 * who wait are woken once it is done, so that they do not run into the mutex. */
bool tk_ring_push_all(tk_ring *ring, void *const *items, uint32_t count);

/* tk_ring_pop takes the first. timeout_ms: 0 does not wait, -1 waits for ever. OK, TIMEOUT (also
 * when woken), CLOSED (closed and empty). */
tasker_status tk_ring_pop(tk_ring *ring, int64_t timeout_ms, void **item);

/* tk_ring_remove takes an item out wherever it is; false when it is not in the ring. */
bool tk_ring_remove(tk_ring *ring, const void *item);

uint32_t tk_ring_count(tk_ring *ring);

/* tk_ring_wake sends one waiting pop back empty; when none waits, the next one that would. */
void tk_ring_wake(tk_ring *ring);

/* tk_ring_close lets waiting pops return; what is inside can still be popped. */
void tk_ring_close(tk_ring *ring);

#endif
