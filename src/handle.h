/*
 * handle.h - what stands behind the public `tasker` and `tasker_worker`.
 */
#ifndef TK_HANDLE_H
#define TK_HANDLE_H

#include <sys/types.h>

#include "turn.h"

struct tasker {
    tk_engine engine; /* of all verbs; its store is the handle's */
    tk_catalog catalog;
    tk_signal signal;
    tk_log log;
    tk_nearby nearby; /* the workers below, for submissions */
    char environment[TASKER_NAME_BYTES_MAX + 1];
    pid_t opener;
    pthread_mutex_t mutex; /* covers `workers` */
    tasker_worker *workers;
};

struct tasker_worker {
    tasker *handle;
    tk_worker *core;
    tk_store *store;
    tk_wake wake;
    tasker_handler *handlers; /* with functions of the host; names in `names` */
    uint32_t handler_count;
    tk_arena names;
    bool poll_only;
    pid_t opener;

    pthread_mutex_t mutex; /* covers what follows */
    pthread_cond_t ended_changed;
    pthread_t pump;
    bool started;
    bool stopping;
    int64_t stop_deadline_us; /* monotonic; running handlers have until then */
    bool ended;
    tasker_status end_status; /* of the drain */
    tasker_worker *next;      /* in the handle's list */
};

/* tk_handle_usable: FORKED in another process than the opener's. */
tasker_status tk_handle_usable(pid_t opener, tasker_error *error);

/* tk_hand_out hands the buffer out as a text when all went well, else releases it. */
tasker_status tk_hand_out(tasker_status status, tk_buf *buf, tasker_text *text,
                          tasker_error *error);

/* tk_handle_wake lets this handle's own workers look at the queue. */
void tk_handle_wake(tasker *handle);

/* tk_pump_wake lets one worker look. */
void tk_pump_wake(tasker_worker *worker);

#endif
