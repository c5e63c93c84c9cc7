/*
 * host.c - the host's side of a worker: takes claimed steps, hands in how they ended.
 *
 *   ready ring ──► next ──► handler ──► complete │ release ──► done ring ──► turn.c
 *
 * Memory operations under the worker's mutex; only next() may wait. What a handler returns is checked
 * here, on the host's thread, so that what reaches the turn can be saved.
 */
#include "turn.h"

static int64_t mono(const tk_worker *w) {
    return tk_clock_monotonic(w->engine.clock);
}

static void raise_turn(tk_worker *w) {
    int32_t sleep = __atomic_load_n(&w->sleep, __ATOMIC_SEQ_CST);
    if (w->wake == NULL || sleep == TK_AWAKE || (sleep == TK_GATHERING && tk_worker_gathers(w))) {
        return;
    }
    if (__atomic_exchange_n(&w->sleep, TK_AWAKE, __ATOMIC_SEQ_CST) != TK_AWAKE) {
        tk_wake_raise(w->wake);
    }
}

/* --- next --- */

/* Marks a step as begun; its time-out counts from here. */
static void begin(tk_worker *w, tk_held *held) {
    int64_t now_us = mono(w);
    held->state = TK_HELD_RUNNING;
    held->in_handler = true;
    held->started_mono_us = now_us;
    w->in_handler_count++;
    if (held->step.timeout_ms > 0) {
        held->deadline_mono_us = now_us + held->step.timeout_ms * 1000;
        if (w->next_deadline_mono_us == 0 || held->deadline_mono_us < w->next_deadline_mono_us) {
            w->next_deadline_mono_us = held->deadline_mono_us;
            raise_turn(w); /* its sleep may be longer */
        }
    }
    __atomic_add_fetch(&held->references, 1, __ATOMIC_ACQ_REL);
}

tasker_status tk_worker_next(tk_worker *worker, int64_t timeout_ms, tasker_step **step,
                             tasker_error *error) {
    void *item = NULL;
    *step = NULL;
    tasker_status status = tk_ring_pop(&worker->ready, timeout_ms, &item);
    if (status == TASKER_CLOSED) {
        return tk_fail(error, status, "the worker is stopping: no more steps will come");
    }
    if (status != TASKER_OK) {
        return tk_fail(error, status, "no step came within the time");
    }
    tk_held *held = item;
    pthread_mutex_lock(&worker->mutex);
    begin(worker, held);
    pthread_mutex_unlock(&worker->mutex);
    *step = &held->step;
    return TASKER_OK;
}

/* --- complete --- */

static tasker_status parse_event(const char *event_id, int64_t *token, tasker_error *error) {
    tk_uuid id;
    uint64_t number = 0;
    if (event_id == NULL || !tk_uuid_parse(tk_str_of(event_id), &id) ||
        !tk_uuid_event_token(&id, &number)) {
        return tk_fail(error, TASKER_INVALID, "this is no event id of a claimed step");
    }
    *token = (int64_t)number;
    return TASKER_OK;
}

/* The handler has returned: its slot is free. Under the mutex. */
static void leave_handler(tk_worker *w, tk_held *held) {
    if (!held->in_handler) {
        return;
    }
    held->in_handler = false;
    w->in_handler_count--;
    int64_t took_us = mono(w) - held->started_mono_us;
    took_us = took_us > 0 ? took_us : 1;
    w->handler_us_mean =
        w->handler_us_mean == 0 ? took_us : (w->handler_us_mean * 7 + took_us + 7) / 8;
}

/* An outcome as it will be stored. */
typedef struct stored {
    int32_t kind;
    tk_failure failure;
    tk_buf result, error, metadata;
} stored;

static void stored_release(stored *s) {
    tk_buf_release(&s->result);
    tk_buf_release(&s->error);
    tk_buf_release(&s->metadata);
}

/* A result that is no JSON, or too large, fails its attempt for good: trying again would not help. */
static void refuse_result(stored *s, const tasker_error *why) {
    tk_buf message = {0};
    tk_buf_printf(&message, "the handler's result cannot be stored: %s", why->message);
    if (why->path[0] != '\0') {
        tk_buf_printf(&message, " (at %s)", why->path);
    }
    s->kind = TK_OUTCOME_ERROR;
    s->failure = (tk_failure){.retryable = false, .retry_after_ms = -1};
    tk_buf_truncate(&s->result, 0);
    tk_error_json(&s->error, tk_buf_view(&message), TK_STR("InvalidResult"), (tk_str){NULL, 0},
                  (tk_str){NULL, 0}, false);
    s->error.failed = s->error.failed || message.failed;
    tk_buf_release(&message);
}

static void store_success(stored *s, const tasker_outcome *outcome) {
    tk_str result = outcome->result.size > 0 ? outcome->result : TK_STR("null");
    tasker_error why = {0};
    bool noted = false;
    s->kind = TK_OUTCOME_OK;
    if (tk_json_repair(result, TASKER_RESULT_BYTES_MAX, &s->result, &noted, &why) != TASKER_OK) {
        refuse_result(s, &why);
    }
}

static void store_failure(stored *s, const tasker_outcome *outcome) {
    s->kind = TK_OUTCOME_ERROR;
    s->failure =
        (tk_failure){.retryable = outcome->retryable, .retry_after_ms = outcome->retry_after_ms};
    tk_error_json(&s->error, outcome->error_message, outcome->error_class, outcome->error_code,
                  outcome->backtrace, outcome->retryable);
}

static bool begins_object(tk_str json) {
    size_t i = 0;
    while (i < json.size && strchr(" \t\r\n", json.data[i]) != NULL) {
        i++;
    }
    return i < json.size && json.data[i] == '{';
}

/* Metadata is beside the point of an outcome: what cannot be kept of it is left out with a note, and
 * the outcome stands. */
static void store_metadata(stored *s, tk_str metadata) {
    bool noted = false;
    const char *why = "";
    if (!begins_object(metadata)) {
        why = ": it is no JSON object";
    } else if (tk_json_repair(metadata, TASKER_ERROR_BYTES_MAX, &s->metadata, &noted, NULL) ==
               TASKER_OK) {
        return;
    }
    tk_buf_truncate(&s->metadata, 0);
    tk_buf_printf(&s->metadata, "{\"note\":\"the handler's metadata could not be stored%s\"}", why);
}

static bool store_outcome(stored *s, const tasker_outcome *outcome) {
    if (outcome->ok) {
        store_success(s, outcome);
    } else {
        store_failure(s, outcome);
    }
    if (outcome->metadata.size > 0) {
        store_metadata(s, outcome->metadata);
    }
    return !s->result.failed && !s->error.failed && !s->metadata.failed;
}

static tk_str view_or_null(const tk_buf *buf) {
    return buf->size > 0 ? tk_buf_view(buf) : (tk_str){NULL, 0};
}

/* Ends a running step, with what is to be stored or as given back. Under the mutex. */
static tasker_status end_held(tk_worker *w, tk_held *held, const stored *s, tasker_error *error) {
    static const tk_failure lost = {.retryable = true, .lost = true, .retry_after_ms = -1};
    if (s == NULL) { /* needs no memory: the way out when a completion got none */
        tk_held_end_static(held, TK_OUTCOME_LOST, &lost,
                           TK_ERROR_TEXT("the worker gave the step back", "StepReleased"));
    } else if (!tk_held_end(held, s->kind, &s->failure, view_or_null(&s->result),
                            view_or_null(&s->error), view_or_null(&s->metadata))) {
        return tk_nomem(error);
    }
    leave_handler(w, held);
    tk_held_hand_in(w, held);
    return TASKER_OK;
}

/* Finds the claim and, when it is still running, ends it. */
static tasker_status end_event(tk_worker *w, const char *event_id, const stored *s, bool give_back,
                               tasker_error *error) {
    int64_t token = 0;
    tasker_status status = parse_event(event_id, &token, error);
    if (status != TASKER_OK) {
        return status;
    }
    pthread_mutex_lock(&w->mutex);
    tk_held *held = tk_held_find(w, token);
    if (held == NULL || (held->state != TK_HELD_RUNNING && !held->in_handler)) {
        status = tk_fail(error, TASKER_NOTFOUND, "this worker runs no step under that event id");
    } else if (held->state != TK_HELD_RUNNING) {
        leave_handler(w, held);
        if (held->state == TK_HELD_GONE) {
            tk_held_remove(w, held);
        }
        status = tk_fail(error, TASKER_LOST,
                         "the claim is over (timed out, cancelled or taken back): the outcome of "
                         "this attempt is not recorded");
    } else {
        held->give_back = give_back;
        status = end_held(w, held, s, error);
    }
    pthread_mutex_unlock(&w->mutex);
    if (status == TASKER_OK || status == TASKER_LOST) {
        raise_turn(w);
    }
    return status;
}

tasker_status tk_worker_complete(tk_worker *worker, const char *event_id,
                                 const tasker_outcome *outcome, tasker_error *error) {
    stored s = {.failure = {.retry_after_ms = -1}};
    tasker_status status = store_outcome(&s, outcome)
                               ? end_event(worker, event_id, &s, false, error)
                               : tk_nomem(error);
    stored_release(&s);
    return status;
}

/* --- release, extend, time-outs --- */

tasker_status tk_worker_release(tk_worker *worker, const char *event_id, bool started,
                                tasker_error *error) {
    return end_event(worker, event_id, NULL, !started, error);
}

tasker_status tk_worker_extend(tk_worker *worker, const char *event_id, int64_t timeout_ms,
                               tasker_error *error) {
    int64_t token = 0;
    tasker_status status = parse_event(event_id, &token, error);
    if (status == TASKER_OK && (timeout_ms <= 0 || timeout_ms > TK_EXTEND_MS_MAX)) {
        status = tk_fail(error, TASKER_INVALID, "a time of 1 ms to 30 days is expected");
    }
    if (status != TASKER_OK) {
        return status;
    }
    pthread_mutex_lock(&worker->mutex);
    tk_held *held = tk_held_find(worker, token);
    if (held == NULL) {
        status = tk_fail(error, TASKER_NOTFOUND, "this worker holds no such claim");
    } else if (held->state != TK_HELD_RUNNING) {
        status = tk_fail(error, TASKER_LOST, "the claim is over");
    } else {
        held->deadline_mono_us = mono(worker) + timeout_ms * 1000;
        if (worker->next_deadline_mono_us == 0 ||
            held->deadline_mono_us < worker->next_deadline_mono_us) {
            worker->next_deadline_mono_us = held->deadline_mono_us;
        }
    }
    pthread_mutex_unlock(&worker->mutex);
    raise_turn(worker); /* its sleep may be longer */
    return status;
}

tasker_status tk_worker_overdue(tk_worker *worker, char event_id[TASKER_UUID_SIZE],
                                tasker_error *error) {
    tasker_status status = TASKER_NOTFOUND;
    pthread_mutex_lock(&worker->mutex);
    for (uint32_t i = 0; status != TASKER_OK && i < TK_HELD_BUCKETS; i++) {
        for (tk_held *held = worker->buckets[i]; held != NULL; held = held->next) {
            if (held->timed_out && held->in_handler && !held->overdue_told) {
                held->overdue_told = true;
                memcpy(event_id, held->step.event_id, TASKER_UUID_SIZE);
                status = TASKER_OK;
                break;
            }
        }
    }
    pthread_mutex_unlock(&worker->mutex);
    return status == TASKER_OK ? status : tk_fail(error, status, "no running step is overdue");
}

void tk_worker_finished(tk_worker *worker, const char *event_id) {
    int64_t token = 0;
    if (parse_event(event_id, &token, NULL) != TASKER_OK) {
        return;
    }
    pthread_mutex_lock(&worker->mutex);
    tk_held *held = tk_held_find(worker, token);
    if (held != NULL && held->state != TK_HELD_RUNNING) {
        leave_handler(worker, held);
        if (held->state == TK_HELD_GONE) {
            tk_held_remove(worker, held);
        }
    }
    pthread_mutex_unlock(&worker->mutex);
    raise_turn(worker);
}
