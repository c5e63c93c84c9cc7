/*
 * wake.h - an eventfd that a sleeping pump waits on, beside the store's own descriptor.
 */
#ifndef TK_WAKE_H
#define TK_WAKE_H

#include "base.h"

typedef struct tk_wake {
    int fd; /* -1: not open */
} tk_wake;

tasker_status tk_wake_open(tk_wake *wake, tasker_error *error);
void tk_wake_close(tk_wake *wake);

/* tk_wake_raise ends the current wait, or the next one. Any thread; safe in signal handlers. */
void tk_wake_raise(tk_wake *wake);

/* tk_wake_wait waits at most timeout_us for a raise, or for `other` (-1: none) to become readable;
 * returns whether `other` did. The raise is used up; `other` is not read. */
bool tk_wake_wait(tk_wake *wake, int other, int64_t timeout_us);

#endif
