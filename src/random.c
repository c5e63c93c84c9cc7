/*
 * random.c - the system's chance by the batch, and a reproducible stream.
 */
#include "random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

enum {
    BATCH_WORDS = 32, /* 256 bytes: the kernel hands out so much without interruption */
    TRIES_MAX = 64    /* each fails with a chance below one half */
};

/* Every thread has its own batch, so there is no lock; the pid tells a forked child that the batch
 * is its parent's. */
typedef struct batch {
    uint64_t words[BATCH_WORDS];
    size_t left;
    pid_t pid;
} batch;

static _Thread_local batch drawn;

static void batch_fill(batch *into, pid_t pid) {
    ssize_t size = 0;
    do {
        size = getrandom(into->words, sizeof(into->words), 0);
    } while (size < 0 && errno == EINTR);
    if (size != (ssize_t)sizeof(into->words)) {
        abort(); /* a guessable token is worse than no process */
    }
    into->left = BATCH_WORDS;
    into->pid = pid;
}

static uint64_t system_next(void *user) {
    (void)user;
    pid_t pid = tk_process_id();
    if (drawn.left == 0 || drawn.pid != pid) {
        batch_fill(&drawn, pid);
    }
    drawn.left--;
    return drawn.words[drawn.left];
}

const tk_random tk_random_system = {.next = system_next};

uint64_t tk_random_next(const tk_random *random) {
    return random->next(random->user);
}

/* SplitMix64: a counter with a large odd step, then two rounds of mixing. */
static uint64_t stream_next(void *user) {
    tk_random_stream *stream = user;
    stream->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = stream->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

tk_random tk_random_seeded(tk_random_stream *stream, uint64_t seed) {
    stream->state = seed;
    return (tk_random){.next = stream_next, .user = stream};
}

/* Draws again below 2^64 mod limit, so that every result is equally likely. A source that keeps
 * answering small numbers (a scripted one) is taken as it is in the end. */
uint64_t tk_random_below(const tk_random *random, uint64_t limit) {
    assert(limit > 0);
    uint64_t uneven = (UINT64_MAX - limit + 1) % limit;
    uint64_t number = tk_random_next(random);
    for (int i = 0; i < TRIES_MAX && number < uneven; i++) {
        number = tk_random_next(random);
    }
    return number % limit;
}
