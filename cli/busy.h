/*
 * busy.h - tells on a terminal that something takes long: "checking the store, 3 s", and
 * how far it is where that is known.
 */
#ifndef CLI_BUSY_H
#define CLI_BUSY_H

#include <pthread.h>

#include "base.h"

/* Nothing is shown before so long, then as often. */
#define BUSY_AFTER_MS 700

typedef struct busy {
    const char *what;
    _Atomic(int) percent;   /* done; -1: nobody knows */
    _Atomic(int64_t) count; /* tasks done; 0: not told */
    pthread_t thread;
    int stop[2]; /* a pipe: its end of file ends the thread */
    bool running;
} busy;

/* busy_begin starts telling on standard error when that is a terminal; without thread or pipe it is
 * silent. busy_end clears the line. */
void busy_begin(busy *b, const char *what);
void busy_end(busy *b);

#endif
