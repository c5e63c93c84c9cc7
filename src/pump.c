/*
 * pump.c - the only thread of the library: runs a worker's turns one after the other, and ends it.
 *
 *   start ──► [turn ─ wait]* ──► stop ──► drain: give back, wait for handlers, save, give back ──► end
 *
 * While one transaction commits, outcomes of the next pile up: group commit by itself. While the host
 * has steps to begin, a turn may wait for some more of them: raised by each outcome, this thread would
 * take the processor from the handlers for a commit of one. It waits on its own eventfd and the store's
 * wake descriptor, never longer than the worker says. It never touches the host.
 */
#include "pump.h"

#define PUMP_DRAIN_LOOK_US 20000 /* between looks at running handlers while stopping */
#define DRAIN_TRIES 10           /* that fail after the deadline */

static void set_sleep(tk_worker *core, tk_sleep sleep) {
    __atomic_store_n(&core->sleep, (int32_t)sleep, __ATOMIC_SEQ_CST);
}

/* Sets out to sleep; false when there is something to do after all. The order matters: whoever hands
 * something in looks at `sleep` after it has. */
static bool may_sleep(tk_worker *core) {
    set_sleep(core, TK_ASLEEP);
    if (tk_worker_wait_us(core) == 0) {
        set_sleep(core, TK_AWAKE);
        return false;
    }
    return true;
}

/* While the host is busy, lets a few outcomes come together. */
static void gather(tasker_worker *worker) {
    tk_worker *core = worker->core;
    if (core->failures > 0 || !tk_worker_gathers(core)) {
        return;
    }
    set_sleep(core, TK_GATHERING);
    if (tk_worker_gathers(core)) {
        (void)tk_wake_wait(&worker->wake, -1, TK_GATHER_US);
    }
    set_sleep(core, TK_AWAKE);
}

static void sleep_for_work(tasker_worker *worker, int64_t at_most_us) {
    tk_worker *core = worker->core;
    if (!may_sleep(core)) {
        return;
    }
    int64_t wait_us = tk_worker_wait_us(core);
    wait_us = wait_us < at_most_us ? wait_us : at_most_us;
    const tk_driver *driver = worker->store->driver;
    int fd = worker->poll_only ? -1 : driver->wake_fd(worker->store);
    bool woken = tk_wake_wait(&worker->wake, fd, wait_us);
    set_sleep(core, TK_AWAKE);
    if (woken) {
        driver->wake_drain(worker->store);
        __atomic_store_n(&core->look, true, __ATOMIC_RELEASE);
    }
}

static void wait_for_work(tasker_worker *worker, int64_t at_most_us) {
    sleep_for_work(worker, at_most_us);
    gather(worker);
}

static bool stop_wanted(tasker_worker *worker, int64_t *deadline_us) {
    pthread_mutex_lock(&worker->mutex);
    bool stopping = worker->stopping;
    *deadline_us = worker->stop_deadline_us;
    pthread_mutex_unlock(&worker->mutex);
    return stopping;
}

static void log_failure(tasker_worker *worker, const tasker_error *error) {
    if (worker->core->failures == 1 || worker->core->failures % 100 == 0) {
        tk_log_line(worker->core->engine.log, TASKER_LOG_WARN,
                    "a turn failed and is tried again: %s", error->message);
    }
}

/* Gives back what was not begun, waits for running handlers until the deadline, gives the rest back. A
 * store that fails meanwhile has until the deadline to come back, and a few tries after it. */
static tasker_status drain(tasker_worker *worker) {
    for (int failures = 0; failures < DRAIN_TRIES;) {
        int64_t deadline_us = 0;
        stop_wanted(worker, &deadline_us);
        uint32_t left = 0;
        bool force = tk_clock_monotonic(worker->core->engine.clock) >= deadline_us;
        tasker_error error = {0};
        tasker_status status = tk_worker_drain(worker->core, force, &left, &error);
        tk_ring_close(&worker->core->ready);
        if (status == TASKER_OK && left == 0) {
            return TASKER_OK; /* all is saved, also what failed at first */
        }
        if (status != TASKER_OK) {
            failures += force;
            log_failure(worker, &error);
        }
        wait_for_work(worker, PUMP_DRAIN_LOOK_US);
    }
    return TASKER_STORE;
}

tasker_status tk_pump_drain(tasker_worker *worker) {
    bool running = false;
    pthread_mutex_lock(&worker->core->mutex);
    running = worker->core->in_handler_count > 0;
    pthread_mutex_unlock(&worker->core->mutex);
    tasker_status status = drain(worker);
    pthread_mutex_lock(&worker->core->mutex);
    bool late = running && worker->core->in_handler_count > 0;
    pthread_mutex_unlock(&worker->core->mutex);
    return status == TASKER_OK && late ? TASKER_TIMEOUT : status;
}

void *tk_pump_run(void *argument) {
    tasker_worker *worker = argument;
    int64_t deadline_us = 0;
    tk_offers_open(worker->core, true);
    while (!stop_wanted(worker, &deadline_us)) {
        tasker_error error = {0};
        if (tk_turn(worker->core, &error) != TASKER_OK) {
            log_failure(worker, &error);
        }
        wait_for_work(worker, TK_LOOK_IDLE_US);
    }
    tk_offers_open(worker->core, false);
    tasker_status status = tk_pump_drain(worker);
    pthread_mutex_lock(&worker->mutex);
    worker->ended = true;
    worker->end_status = status;
    pthread_cond_broadcast(&worker->ended_changed);
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

void tk_pump_wake(tasker_worker *worker) {
    __atomic_store_n(&worker->core->look, true, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&worker->core->sleep, TK_AWAKE, __ATOMIC_SEQ_CST) != TK_AWAKE) {
        tk_wake_raise(&worker->wake);
    }
}
