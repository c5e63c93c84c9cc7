/*
 * workers.c - the life of simulated workers: turns, crashes between any two calls, pauses from
 * which they wake after they were taken for dead, shutdowns, restarts.
 */
#include "sim/sim.h"

#include <stdio.h>

static void configure(sim *s, sim_worker *w) {
    bool all = w->index == 0; /* somebody can run everything */
    w->threads = 1 + sim_below(s, 4);
    w->handlers = all ? (1U << SIM_HANDLERS) - 1 : 1 + sim_below(s, (1U << SIM_HANDLERS) - 1);
    w->namespaces = all || sim_percent(s, 60) ? 0 : 1 + sim_below(s, (1U << SIM_NAMESPACES) - 1);
    w->party.ticks.skew_us = s->skewed ? sim_between(s, -300 * SIM_MS, 300 * SIM_MS) : 0;
}

/* only_process: every other worker is dead. */
static tasker_status open_worker(sim *s, sim_worker *w, bool only_process, tasker_error *error) {
    static const char *const handler_names[SIM_HANDLERS] = {"h0", "h1", "h2", "h3"};
    static const char *const namespace_names[SIM_NAMESPACES] = {"ns0", "ns1"};
    tk_str handlers[SIM_HANDLERS];
    tk_str namespaces[SIM_NAMESPACES];
    char name[16];
    (void)snprintf(name, sizeof(name), "w%u", w->index);
    tk_worker_setup setup = {
        .handlers = handlers,
        .namespaces = namespaces,
        .name = tk_str_of(name),
        .threads = w->threads,
        .only_process = only_process,
    };
    for (uint32_t i = 0; i < SIM_HANDLERS; i++) {
        if (w->handlers & 1U << i) {
            handlers[setup.handler_count++] = tk_str_of(handler_names[i]);
        }
    }
    for (uint32_t i = 0; i < SIM_NAMESPACES; i++) {
        if (w->namespaces & 1U << i) {
            namespaces[setup.namespace_count++] = tk_str_of(namespace_names[i]);
        }
    }
    (void)s;
    return tk_worker_open(&w->party.engine, &setup, &w->worker, error);
}

static bool nobody_lives(const sim *s) {
    for (uint32_t i = 0; i < s->worker_count; i++) {
        if (s->workers[i].worker != NULL) {
            return false;
        }
    }
    return true;
}

void sim_worker_begin(sim *s, sim_worker *w) {
    tasker_error error = {0};
    s->context = "a worker begins";
    configure(s, w);
    sim_fault(s, &w->party);
    tasker_status status = open_worker(s, w, nobody_lives(s) && sim_percent(s, 50), &error);
    bool fired = sim_fault_end(s, &w->party);
    sim_say(s, "worker %u begins with %u threads, handlers %x, namespaces %x: %s", w->index,
            w->threads, w->handlers, w->namespaces, tasker_status_name(status));
    if (status != TASKER_OK) {
        if (!fired) {
            sim_broken(s, "answers", NULL, "a worker cannot be opened: %s", error.message);
        }
        w->worker = NULL;
        w->state = SIM_DOWN;
        w->next_us = s->now_us + sim_between(s, 0, SIM_S);
        return;
    }
    w->state = SIM_UP;
    w->next_us = s->now_us;
}

void sim_worker_crash(sim *s, sim_worker *w, int64_t back_in_us) {
    sim_say(s, "worker %u crashes, back in %" PRId64 " us", w->index, back_in_us);
    sim_handlers_drop(s, w);
    if (w->worker != NULL) {
        s->told_saved += w->worker->stats.succeeded;
        tk_worker_close(w->worker);
    }
    w->worker = NULL;
    w->state = SIM_DOWN;
    w->next_us = s->now_us + back_in_us;
}

void sim_worker_pause(sim *s, sim_worker *w) {
    if (w->state != SIM_UP) {
        return;
    }
    int64_t pause_us = sim_percent(s, 50) ? sim_between(s, SIM_S, 4 * SIM_S)
                                          : sim_between(s, 11 * SIM_S, 25 * SIM_S);
    w->state = SIM_PAUSED;
    w->handlers_run = sim_percent(s, 40);
    w->next_us = s->now_us + pause_us;
    sim_say(s, "worker %u stands still for %" PRId64 " us", w->index, pause_us);
}

void sim_worker_drain(sim *s, sim_worker *w) {
    if (w->state == SIM_UP) {
        w->state = SIM_DRAINING;
        w->drain_until_us = s->now_us + sim_between(s, 0, 2 * SIM_S);
        w->next_us = s->now_us;
        sim_say(s, "worker %u shuts down", w->index);
    }
}

/* A hint reaches whom it reaches. */
void sim_wake_workers(sim *s) {
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sim_worker *w = &s->workers[i];
        if (w->state == SIM_UP && sim_percent(s, 60)) {
            __atomic_store_n(&w->worker->look, true, __ATOMIC_RELEASE);
            int64_t at_us = s->now_us + sim_between(s, 0, 3 * SIM_MS);
            w->next_us = at_us < w->next_us ? at_us : w->next_us;
        }
    }
}

/* --- what is due --- */

static void after_turn(sim *s, sim_worker *w) {
    int64_t wait_us = tk_worker_wait_us(w->worker);
    if (wait_us > 60 * SIM_S) {
        wait_us = 60 * SIM_S;
    }
    int64_t late_us = s->calm ? 0 : sim_percent(s, 80) ? 0 : sim_between(s, 0, 30 * SIM_MS);
    w->next_us = s->now_us + wait_us + late_us;
}

static void turn(sim *s, sim_worker *w) {
    tasker_error error = {0};
    tasker_worker_stats before = w->worker->stats;
    s->context = "a turn";
    sim_fault(s, &w->party);
    tasker_status status = tk_turn(w->worker, &error);
    bool fired = sim_fault_end(s, &w->party);
    if (status != TASKER_OK || s->trace) {
        sim_say(s, "worker %u turns: %s %s", w->index, tasker_status_name(status),
                status == TASKER_OK ? "" : error.message);
    }
    if (status != TASKER_OK && status != TASKER_LOST && !fired) {
        sim_judge_all(s, false); /* it may say why */
        sim_broken(s, "answers", NULL, "a turn fails without a fault: %s (%s)", error.message,
                   tasker_status_name(status));
    }
    if (s->storing != NULL) { /* what it claims may be of a submission that is not answered yet */
        sim_adopt(s);
    }
    const tasker_worker_stats *now = &w->worker->stats;
    s->moves += now->claimed != before.claimed || now->succeeded != before.succeeded ||
                now->failed != before.failed;
    sim_judge_claims(s, w);
    if (fired && sim_percent(s, 20)) { /* it died where the fault was */
        sim_worker_crash(s, w, sim_between(s, 0, 12 * SIM_S));
        return;
    }
    if (sim_percent(s, 20) && now->succeeded != before.succeeded) {
        sim_wake_workers(s); /* as the store does when something became ready */
    }
    sim_handlers_overdue(s, w);
    sim_handlers_take(s, w);
    after_turn(s, w);
}

static void check_gone(sim *s, const sim_worker *w) {
    tk_arena arena = {0};
    tk_lease_row *leases = NULL;
    uint32_t count = 0;
    tasker_error error = {0};
    tk_store *store = s->eye.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, worker_leases, &arena, w->worker->id, 100, &leases, &count,
                               &error);
    }
    store->driver->rollback(store);
    if (status != TASKER_OK || count > 0) {
        sim_broken(s, "shutdown", count > 0 ? &leases[0].task_id : NULL,
                   "a worker that has shut down still holds %u steps", count);
    }
    tk_arena_release(&arena);
}

static void drain(sim *s, sim_worker *w) {
    tasker_error error = {0};
    uint32_t left = 0;
    bool force = s->now_us >= w->drain_until_us;
    s->context = "a shutdown";
    sim_fault(s, &w->party);
    tasker_status status = tk_worker_drain(w->worker, force, &left, &error);
    bool fired = sim_fault_end(s, &w->party);
    sim_judge_claims(s, w);
    sim_say(s, "worker %u drains%s: %s, %u left", w->index, force ? " at last" : "",
            tasker_status_name(status), left);
    if (status == TASKER_OK && (left == 0 || force)) {
        check_gone(s, w);
        sim_worker_crash(s, w, sim_between(s, 0, 2 * SIM_S));
        return;
    }
    if (status != TASKER_OK && status != TASKER_LOST && !fired) {
        sim_broken(s, "answers", NULL, "a shutdown fails without a fault: %s", error.message);
    }
    if (status != TASKER_OK && force && sim_percent(s, 50)) {
        sim_worker_crash(s, w, sim_between(s, 0, 2 * SIM_S)); /* others recover what is left */
        return;
    }
    w->next_us = s->now_us + sim_between(s, SIM_MS, 50 * SIM_MS);
}

void sim_worker_act(sim *s, sim_worker *w) {
    switch (w->state) {
    case SIM_DOWN:
        sim_worker_begin(s, w);
        break;
    case SIM_UP:
        turn(s, w);
        break;
    case SIM_PAUSED:
        sim_say(s, "worker %u goes on", w->index);
        w->state = SIM_UP;
        w->next_us = s->now_us;
        if (sim_percent(s, 50)) { /* its handlers may be faster than its turn */
            sim_handlers_take(s, w);
            w->next_us = s->now_us + sim_between(s, 0, 20 * SIM_MS);
        }
        break;
    case SIM_DRAINING:
        drain(s, w);
        break;
    }
}

void sim_workers_interrupt(sim *s, const sim_party *party) {
    sim_worker *w = &s->workers[sim_below(s, s->worker_count)];
    if (w->state != SIM_UP || &w->party == party) {
        return;
    }
    const char *context = s->context;
    s->nested = true;
    sim_say(s, "  meanwhile:");
    sim_adopt(s);
    __atomic_store_n(&w->worker->look, true, __ATOMIC_RELEASE);
    sim_worker_act(s, w);
    s->nested = false;
    s->context = context;
}

bool sim_worker_store(void *user, tk_submission *submission, bool *left) {
    sim *s = user;
    sim_worker *w = &s->workers[sim_below(s, s->worker_count)];
    tk_offer offer;
    if (w->state != SIM_UP || tk_offer_open(&offer, submission, NULL) != TASKER_OK) {
        return false;
    }
    const char *context = s->context;
    bool nested = s->nested;
    s->nested = true;
    s->storing = &offer;
    w->worker->offer = &offer;
    sim_say(s, "  worker %u is asked to store it:", w->index);
    sim_worker_act(s, w);
    s->storing = NULL;
    s->nested = nested;
    s->context = context;
    sim_say(s, "  it says %d", (int)offer.state);
    *left = offer.state != TK_OFFER_TAKEN;
    tk_offer_close(&offer);
    return offer.state != TK_OFFER_REFUSED;
}
