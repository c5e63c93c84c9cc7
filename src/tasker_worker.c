/*
 * tasker_worker.c - the public face of a worker: tasker.h's functions over worker.c, host.c, pump.c.
 */
#include <stdio.h>
#include <unistd.h>

#include "handle.h"
#include "pump.h"

#define THREADS_DEFAULT 5
#define HANDLERS_MAX 10000
#define NAMESPACES_MAX 10000
#define STOP_MS_MAX TK_EXTEND_MS_MAX /* a longer time-out is as good as this one */

/* --- open --- */

static bool names_given(const tasker_worker_options *options) {
    bool given =
        options->handlers != NULL && (options->namespaces != NULL || options->namespace_count == 0);
    for (size_t i = 0; given && i < options->handler_count; i++) {
        const char *callable = options->handlers[i].callable;
        given = callable != NULL && callable[0] != '\0';
    }
    for (size_t i = 0; given && i < options->namespace_count; i++) {
        given = options->namespaces[i] != NULL && options->namespaces[i][0] != '\0';
    }
    return given;
}

static tasker_status check_options(const tasker_worker_options *options, tasker_error *error) {
    if (options == NULL || options->size < sizeof(*options)) {
        return tk_fail(error, TASKER_INVALID, "worker options with their size are expected");
    }
    if (options->handler_count == 0 || options->handler_count > HANDLERS_MAX) {
        return tk_fail(error, TASKER_INVALID, "a worker needs 1 to %d handlers", HANDLERS_MAX);
    }
    if (options->namespace_count > NAMESPACES_MAX) {
        return tk_fail(error, TASKER_INVALID, "at most %d namespaces are possible", NAMESPACES_MAX);
    }
    if (!names_given(options)) {
        return tk_fail(error, TASKER_INVALID,
                       "a handler without a callable, or a namespace without a name, was given");
    }
    if (options->threads > TASKER_SLOTS_MAX) {
        return tk_fail(error, TASKER_INVALID, "at most %d threads are possible", TASKER_SLOTS_MAX);
    }
    return TASKER_OK;
}

static bool copy_handlers(tasker_worker *w, const tasker_worker_options *options) {
    w->handlers = tk_arena_array(&w->names, options->handler_count, sizeof(*w->handlers));
    for (size_t i = 0; w->handlers != NULL && i < options->handler_count; i++) {
        w->handlers[i] = options->handlers[i];
        const char *callable = options->handlers[i].callable;
        w->handlers[i].callable = tk_arena_copy(&w->names, callable, strlen(callable));
        if (w->handlers[i].callable == NULL) {
            return false;
        }
    }
    w->handler_count = (uint32_t)options->handler_count;
    return w->handlers != NULL;
}

static tasker_status open_core(tasker_worker *w, const tasker_worker_options *options, bool first,
                               tasker_error *error) {
    tk_str *handlers = tk_arena_array(&w->names, w->handler_count, sizeof(*handlers));
    tk_str *namespaces = tk_arena_array(&w->names, options->namespace_count, sizeof(*namespaces));
    if (handlers == NULL || namespaces == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < w->handler_count; i++) {
        handlers[i] = tk_str_of(w->handlers[i].callable);
    }
    for (size_t i = 0; i < options->namespace_count; i++) {
        namespaces[i] = tk_str_of(options->namespaces[i]);
    }
    char name[TASKER_NAME_BYTES_MAX] = "";
    char host[TASKER_NAME_BYTES_MAX / 2] = "";
    if (gethostname(host, sizeof(host)) != 0) {
        host[0] = '\0';
    }
    host[sizeof(host) - 1] = '\0';
    snprintf(name, sizeof(name), "%s:%d", host, tk_process_id());
    tk_worker_setup setup = {
        .handlers = handlers,
        .handler_count = w->handler_count,
        .namespaces = namespaces,
        .namespace_count = (uint32_t)options->namespace_count,
        .name = tk_str_of(options->name != NULL ? options->name : name),
        .threads = options->threads > 0 ? options->threads : THREADS_DEFAULT,
        .only_process = first && !w->store->driver->many_workers,
    };
    tk_engine engine = w->handle->engine;
    engine.store = w->store;
    return tk_worker_open(&engine, &setup, &w->core, error);
}

static void list_worker(tasker_worker *w, bool add) {
    tasker *handle = w->handle;
    pthread_mutex_lock(&handle->mutex);
    if (add) {
        w->next = handle->workers;
        handle->workers = w;
    } else {
        tasker_worker **at = &handle->workers;
        while (*at != NULL && *at != w) {
            at = &(*at)->next;
        }
        if (*at != NULL) {
            *at = w->next;
        }
    }
    pthread_mutex_unlock(&handle->mutex);
}

static tasker_status open_parts(tasker_worker *w, const tasker_worker_options *options,
                                bool *locked, tasker_error *error) {
    tk_store *store = w->handle->engine.store;
    bool first = false;
    tasker_status status = store->driver->share(store, &w->store, error);
    if (status == TASKER_OK) {
        status = w->store->driver->worker_lock(w->store, &first, error);
        *locked = status == TASKER_OK;
    }
    if (status == TASKER_OK) {
        status = tk_wake_open(&w->wake, error);
    }
    if (status == TASKER_OK && !copy_handlers(w, options)) {
        status = tk_nomem(error);
    }
    if (status == TASKER_OK) {
        status = open_core(w, options, first, error);
    }
    if (status == TASKER_OK) {
        w->core->wake = &w->wake;
    }
    return status;
}

static void release_parts(tasker_worker *w, bool locked) {
    tk_worker_close(w->core);
    tk_wake_close(&w->wake);
    if (locked) {
        w->store->driver->worker_unlock(w->store);
    }
    tk_store_close(w->store);
    tk_arena_release(&w->names);
    pthread_cond_destroy(&w->ended_changed);
    pthread_mutex_destroy(&w->mutex);
    tk_free(w);
}

tasker_status tasker_worker_open(tasker *handle, const tasker_worker_options *options,
                                 tasker_worker **worker, tasker_error *error) {
    *worker = NULL;
    tasker_status status = tk_handle_usable(handle->opener, error);
    if (status == TASKER_OK) {
        status = check_options(options, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tasker_worker *made = tk_alloc(sizeof(*made));
    if (made == NULL) {
        return tk_nomem(error);
    }
    made->handle = handle;
    made->opener = tk_process_id();
    made->wake.fd = -1;
    made->poll_only = options->poll_only;
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        tk_free(made);
        return tk_nomem(error);
    }
    if (pthread_cond_init(&made->ended_changed, NULL) != 0) {
        pthread_mutex_destroy(&made->mutex);
        tk_free(made);
        return tk_nomem(error);
    }
    bool locked = false;
    status = open_parts(made, options, &locked, error);
    if (status != TASKER_OK) {
        release_parts(made, locked);
        return status;
    }
    list_worker(made, true);
    *worker = made;
    return TASKER_OK;
}

/* --- run --- */

tasker_status tasker_worker_start(tasker_worker *worker, tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    if (status != TASKER_OK) {
        return status;
    }
    pthread_mutex_lock(&worker->mutex);
    if (worker->started || worker->stopping) {
        status = tk_fail(error, TASKER_INVALID, "the worker was started or stopped before");
    } else if (pthread_create(&worker->pump, NULL, tk_pump_run, worker) != 0) {
        status = tk_fail(error, TASKER_STORE,
                         "no thread can be started: raise the limit of "
                         "processes (ulimit -u)");
    } else {
        worker->started = true;
    }
    pthread_mutex_unlock(&worker->mutex);
    return status;
}

tasker_status tasker_worker_next(tasker_worker *worker, int64_t timeout_ms, tasker_step **step,
                                 tasker_error *error) {
    *step = NULL;
    tasker_status status = tk_handle_usable(worker->opener, error);
    return status == TASKER_OK ? tk_worker_next(worker->core, timeout_ms, step, error) : status;
}

tasker_status tasker_worker_complete(tasker_worker *worker, const char *event_id,
                                     const tasker_outcome *outcome, tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    return status == TASKER_OK ? tk_worker_complete(worker->core, event_id, outcome, error)
                               : status;
}

tasker_status tasker_worker_extend(tasker_worker *worker, const char *event_id, int64_t timeout_ms,
                                   tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    return status == TASKER_OK ? tk_worker_extend(worker->core, event_id, timeout_ms, error)
                               : status;
}

tasker_status tasker_worker_release(tasker_worker *worker, const char *event_id, bool started,
                                    tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    return status == TASKER_OK ? tk_worker_release(worker->core, event_id, started, error) : status;
}

tasker_status tasker_worker_overdue(tasker_worker *worker, char event_id[TASKER_UUID_SIZE],
                                    tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    return status == TASKER_OK ? tk_worker_overdue(worker->core, event_id, error) : status;
}

void tasker_worker_finished(tasker_worker *worker, const char *event_id) {
    if (tk_handle_usable(worker->opener, NULL) == TASKER_OK) {
        tk_worker_finished(worker->core, event_id);
    }
}

void tasker_worker_wake(tasker_worker *worker) {
    tk_ring_wake(&worker->core->ready);
}

static tasker_status may_turn(tasker_worker *worker, tasker_error *error) {
    tasker_status status = TASKER_OK;
    pthread_mutex_lock(&worker->mutex);
    if (worker->started) {
        status = tk_fail(error, TASKER_INVALID, "the worker has a pump, which runs its turns");
    } else if (worker->stopping) { /* a beat would register it anew */
        status = tk_fail(error, TASKER_CLOSED, "the worker has stopped: it has no more turns");
    }
    pthread_mutex_unlock(&worker->mutex);
    return status;
}

tasker_status tasker_worker_turn(tasker_worker *worker, tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    if (status == TASKER_OK) {
        status = may_turn(worker, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    worker->store->driver->wake_drain(worker->store);
    __atomic_store_n(&worker->core->look, true, __ATOMIC_RELEASE);
    return tk_turn(worker->core, error);
}

/* --- native handlers --- */

static const tasker_handler *handler_of(const tasker_worker *worker, const char *callable) {
    for (uint32_t i = 0; i < worker->handler_count; i++) {
        if (strcmp(worker->handlers[i].callable, callable) == 0) {
            return &worker->handlers[i];
        }
    }
    return NULL;
}

static void run_native(tasker_worker *worker, tasker_step *step) {
    const tasker_handler *handler = handler_of(worker, step->callable);
    tasker_outcome outcome = {.ok = true, .retry_after_ms = -1};
    if (handler == NULL || handler->call == NULL) {
        outcome.ok = false;
        outcome.error_message = TK_STR("the worker has no native handler for this step");
        outcome.error_class = TK_STR("ConfigurationError");
    } else {
        handler->call(handler->user, step, &outcome);
    }
    if (tk_worker_complete(worker->core, step->event_id, &outcome, NULL) == TASKER_NOMEM) {
        tk_worker_release(worker->core, step->event_id, true, NULL);
    }
}

tasker_status tasker_worker_run(tasker_worker *worker, tasker_error *error) {
    for (;;) {
        tasker_step *step = NULL;
        tasker_status status = tasker_worker_next(worker, -1, &step, NULL);
        if (status == TASKER_CLOSED) {
            return TASKER_OK;
        }
        if (status == TASKER_FORKED) {
            return tk_handle_usable(worker->opener, error);
        }
        if (status == TASKER_OK) {
            run_native(worker, step);
            tasker_step_free(step);
        }
    }
}

/* --- statistics, end --- */

/* Under the mutex: in the done ring, and what the current turn sends. */
static uint32_t count_unsaved(const tk_worker *core) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < TK_HELD_BUCKETS; i++) {
        for (const tk_held *held = core->buckets[i]; held != NULL; held = held->next) {
            count += held->state == TK_HELD_ENDED;
        }
    }
    return count;
}

void tasker_worker_stats_read(tasker_worker *worker, tasker_worker_stats *stats) {
    tasker_worker_stats read;
    tk_worker *core = worker->core;
    uint32_t waiting = tk_ring_count(&core->ready);
    pthread_mutex_lock(&core->mutex);
    read = core->stats;
    read.running = core->in_handler_count;
    read.unsaved = count_unsaved(core);
    int32_t id = core->id;
    pthread_mutex_unlock(&core->mutex);
    read.waiting = waiting;
    snprintf(read.worker_id, sizeof(read.worker_id), "%" PRId32, id);
    pthread_mutex_lock(&worker->mutex);
    read.pump_running = worker->started && !worker->ended;
    pthread_mutex_unlock(&worker->mutex);
    size_t size = stats->size < sizeof(read) ? stats->size : sizeof(read);
    read.size = size;
    memcpy(stats, &read, size);
}

static tasker_status say_end(tasker_status status, tasker_error *error) {
    if (status == TASKER_TIMEOUT) {
        return tk_fail(error, status,
                       "handlers were still running when the time was over: their steps are given "
                       "back and run again");
    }
    if (status != TASKER_OK) {
        return tk_fail(error, status, "not everything could be saved: another worker recovers it");
    }
    return TASKER_OK;
}

tasker_status tasker_worker_stop(tasker_worker *worker, int64_t timeout_ms, tasker_error *error) {
    tasker_status status = tk_handle_usable(worker->opener, error);
    if (status != TASKER_OK) {
        return status;
    }
    timeout_ms = timeout_ms < 0 ? 0 : timeout_ms < STOP_MS_MAX ? timeout_ms : STOP_MS_MAX;
    int64_t deadline_us = tk_clock_monotonic(worker->core->engine.clock) + timeout_ms * 1000;
    pthread_mutex_lock(&worker->mutex);
    if (!worker->stopping || deadline_us < worker->stop_deadline_us) {
        worker->stop_deadline_us = deadline_us;
    }
    bool first = !worker->stopping;
    worker->stopping = true;
    bool started = worker->started;
    pthread_mutex_unlock(&worker->mutex);
    if (!started && first) {
        status = tk_pump_drain(worker);
        pthread_mutex_lock(&worker->mutex);
        worker->ended = true;
        worker->end_status = status;
        pthread_cond_broadcast(&worker->ended_changed);
        pthread_mutex_unlock(&worker->mutex);
    }
    tk_pump_wake(worker);
    pthread_mutex_lock(&worker->mutex);
    while (!worker->ended) {
        pthread_cond_wait(&worker->ended_changed, &worker->mutex);
    }
    status = worker->end_status;
    pthread_mutex_unlock(&worker->mutex);
    return say_end(status, error);
}

void tasker_worker_close(tasker_worker *worker) {
    if (worker == NULL || worker->opener != tk_process_id()) {
        return; /* a forked child only forgets */
    }
    tasker_worker_stop(worker, 0, NULL);
    if (worker->started) { /* no other call is running, and it has stopped: nothing changes it */
        pthread_join(worker->pump, NULL);
    }
    list_worker(worker, false);
    release_parts(worker, true);
}
