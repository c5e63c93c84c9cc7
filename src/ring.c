/*
 * ring.c - a bounded queue of pointers between the pump and the host's threads.
 *
 * One mutex, one condition variable; a pop that finds something never waits.
 */
#include "ring.h"

#include <errno.h>

#include "clock.h"

tasker_status tk_ring_open(tk_ring *ring, uint32_t room, tasker_error *error) {
    assert(room > 0);
    *ring = (tk_ring){.room = room};
    ring->slots = tk_alloc_array(room, sizeof(*ring->slots));
    if (ring->slots == NULL) {
        return tk_nomem(error);
    }
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        tk_free(ring->slots);
        ring->slots = NULL; /* nothing to release */
        return tk_nomem(error);
    }
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->filled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&ring->mutex, NULL);
    return TASKER_OK;
}

void tk_ring_release(tk_ring *ring) {
    if (ring->slots == NULL) {
        return;
    }
    tk_free(ring->slots);
    ring->slots = NULL;
    pthread_cond_destroy(&ring->filled);
    pthread_mutex_destroy(&ring->mutex);
}

bool tk_ring_push(tk_ring *ring, void *item, bool first) {
    pthread_mutex_lock(&ring->mutex);
    bool fits = ring->count < ring->room && !ring->closed;
    if (fits) {
        if (first) {
            ring->first = (ring->first + ring->room - 1) % ring->room;
            ring->slots[ring->first] = item;
        } else {
            ring->slots[(ring->first + ring->count) % ring->room] = item;
        }
        ring->count++;
    }
    bool wake = fits && ring->waiting > 0;
    pthread_mutex_unlock(&ring->mutex);
    if (wake) {
        pthread_cond_signal(&ring->filled);
    }
    return fits;
}

bool tk_ring_push_all(tk_ring *ring, void *const *items, uint32_t count) {
    pthread_mutex_lock(&ring->mutex);
    bool fits = count <= ring->room - ring->count && !ring->closed;
    for (uint32_t i = 0; fits && i < count; i++) {
        ring->slots[(ring->first + ring->count) % ring->room] = items[i];
        ring->count++;
    }
    uint32_t wakes = fits ? ring->waiting : 0;
    wakes = wakes < count ? wakes : count;
    pthread_mutex_unlock(&ring->mutex);
    for (uint32_t i = 0; i < wakes; i++) {
        pthread_cond_signal(&ring->filled);
    }
    return fits;
}

/* Waits until something is in the ring; the mutex is held. */
static void wait_filled(tk_ring *ring, int64_t timeout_ms) {
    struct timespec until = {0};
    if (timeout_ms > 0) {
        until = tk_deadline_in(timeout_ms);
    }
    int waited = 0;
    ring->waiting++;
    while (ring->count == 0 && !ring->closed && ring->wakes == 0 && waited != ETIMEDOUT) {
        waited = timeout_ms < 0 ? pthread_cond_wait(&ring->filled, &ring->mutex)
                                : pthread_cond_timedwait(&ring->filled, &ring->mutex, &until);
    }
    ring->waiting--;
    if (ring->wakes > 0) {
        ring->wakes--;
    }
}

tasker_status tk_ring_pop(tk_ring *ring, int64_t timeout_ms, void **item) {
    tasker_status status = TASKER_TIMEOUT;
    *item = NULL;
    pthread_mutex_lock(&ring->mutex);
    if (ring->count == 0 && !ring->closed && timeout_ms != 0) {
        wait_filled(ring, timeout_ms);
    }
    if (ring->count > 0) {
        *item = ring->slots[ring->first];
        ring->first = (ring->first + 1) % ring->room;
        ring->count--;
        status = TASKER_OK;
    } else if (ring->closed) {
        status = TASKER_CLOSED;
    }
    pthread_mutex_unlock(&ring->mutex);
    return status;
}

bool tk_ring_remove(tk_ring *ring, const void *item) {
    pthread_mutex_lock(&ring->mutex);
    bool found = false;
    for (uint32_t i = 0; i < ring->count; i++) {
        uint32_t at = (ring->first + i) % ring->room;
        found = found || ring->slots[at] == item;
        if (found && i + 1 < ring->count) { /* close the gap */
            ring->slots[at] = ring->slots[(at + 1) % ring->room];
        }
    }
    ring->count -= found;
    pthread_mutex_unlock(&ring->mutex);
    return found;
}

uint32_t tk_ring_count(tk_ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    uint32_t count = ring->count;
    pthread_mutex_unlock(&ring->mutex);
    return count;
}

void tk_ring_wake(tk_ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    if (ring->wakes <= ring->waiting) { /* one more than waits: a pop that is about to wait */
        ring->wakes++;
        pthread_cond_broadcast(&ring->filled);
    }
    pthread_mutex_unlock(&ring->mutex);
}

void tk_ring_close(tk_ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->closed = true;
    pthread_cond_broadcast(&ring->filled);
    pthread_mutex_unlock(&ring->mutex);
}
