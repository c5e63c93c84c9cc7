/*
 * random.h - chance comes in through this table, so that a simulation can replay it.
 */
#ifndef TK_RANDOM_H
#define TK_RANDOM_H

#include "base.h"

typedef struct tk_random {
    uint64_t (*next)(void *user);
    void *user;
} tk_random;

/* tk_random_system draws from the system's source (getrandom, by the batch; thread-safe, and safe
 * across fork). It does not fail: without a source the process aborts. */
extern const tk_random tk_random_system;

uint64_t tk_random_next(const tk_random *random);

/* tk_random_seeded is a reproducible stream (SplitMix64) for tests and simulations. */
typedef struct tk_random_stream {
    uint64_t state;
} tk_random_stream;
tk_random tk_random_seeded(tk_random_stream *stream, uint64_t seed);

/* tk_random_below returns 0..limit-1, limit > 0. */
uint64_t tk_random_below(const tk_random *random, uint64_t limit);

#endif
