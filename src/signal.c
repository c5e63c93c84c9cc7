/*
 * signal.c - tells the threads of this process that wait for tasks that something came to rest.
 * A hint: who waits looks at the store all the same.
 */
#include <errno.h>
#include <time.h>

#include "engine.h"

tasker_status tk_signal_open(tk_signal *signal, tasker_error *error) {
    *signal = (tk_signal){.changes = 0};
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        return tk_nomem(error);
    }
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&signal->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (failed == 0 && pthread_mutex_init(&signal->mutex, NULL) != 0) {
        pthread_cond_destroy(&signal->changed);
        failed = 1;
    }
    return failed == 0 ? TASKER_OK : tk_nomem(error);
}

void tk_signal_close(tk_signal *signal) {
    pthread_cond_destroy(&signal->changed);
    pthread_mutex_destroy(&signal->mutex);
}

void tk_signal_raise(tk_signal *signal) {
    if (signal == NULL) {
        return;
    }
    pthread_mutex_lock(&signal->mutex);
    signal->changes++;
    pthread_cond_broadcast(&signal->changed);
    pthread_mutex_unlock(&signal->mutex);
}

uint64_t tk_signal_wait(tk_signal *signal, uint64_t seen, int64_t timeout_ms) {
    struct timespec until = tk_deadline_in(timeout_ms);
    pthread_mutex_lock(&signal->mutex);
    int waited = 0;
    while (signal->changes == seen && waited != ETIMEDOUT && timeout_ms > 0) {
        waited = pthread_cond_timedwait(&signal->changed, &signal->mutex, &until);
    }
    uint64_t changes = signal->changes;
    pthread_mutex_unlock(&signal->mutex);
    return changes;
}
