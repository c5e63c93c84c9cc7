/*
 * worker.c - a worker from its registration to its end; what happens between is turn.c and host.c.
 */
#include "turn.h"

#include <unistd.h>

/* --- open --- */

static bool copy_names(tk_worker *w, const tk_str *from, uint32_t count, tk_str **to) {
    *to = tk_arena_array(&w->setup_arena, count, sizeof(**to));
    for (uint32_t i = 0; *to != NULL && i < count; i++) {
        if (!tk_arena_str(&w->setup_arena, from[i], &(*to)[i])) {
            return false;
        }
    }
    return *to != NULL;
}

static tasker_status copy_setup(tk_worker *w, const tk_worker_setup *setup, tasker_error *error) {
    w->threads = setup->threads;
    w->skill.queue_count = setup->namespace_count;
    w->skill.handler_count = setup->handler_count;
    w->skill_queues =
        tk_arena_array(&w->setup_arena, setup->namespace_count, sizeof(*w->skill_queues));
    w->skill_handlers =
        tk_arena_array(&w->setup_arena, setup->handler_count, sizeof(*w->skill_handlers));
    w->skill.queues = w->skill_queues;
    w->skill.handlers = w->skill_handlers;
    bool copied = w->skill_queues != NULL && w->skill_handlers != NULL &&
                  tk_arena_str(&w->setup_arena, setup->name, &w->name) &&
                  copy_names(w, setup->namespaces, setup->namespace_count, &w->namespace_names) &&
                  copy_names(w, setup->handlers, setup->handler_count, &w->handler_names);
    return copied ? TASKER_OK : tk_nomem(error);
}

static bool names_json(tk_arena *arena, const tk_str *names, uint32_t count, tk_str *json) {
    tk_buf buf = {0};
    tk_buf_char(&buf, '[');
    for (uint32_t i = 0; i < count; i++) {
        tk_json_write_comma(&buf);
        tk_json_write_string(&buf, names[i]);
    }
    tk_buf_char(&buf, ']');
    bool kept = !buf.failed && tk_arena_str(arena, tk_buf_view(&buf), json);
    tk_buf_release(&buf);
    return kept;
}

static tasker_status insert_row(tk_worker *w, tk_arena *arena, tasker_error *error) {
    tk_store *store = w->engine.store;
    char host[TASKER_NAME_BYTES_MAX] = "";
    if (gethostname(host, sizeof(host)) != 0) {
        memcpy(host, "unknown", sizeof("unknown"));
    }
    host[sizeof(host) - 1] = '\0';
    tk_worker_row row = {
        .started_us = tk_worker_now(w),
        .process = tk_process_id(),
        .name = w->name,
        .host = tk_str_of(host),
    };
    if (!names_json(arena, w->namespace_names, w->skill.queue_count, &row.namespaces) ||
        !names_json(arena, w->handler_names, w->skill.handler_count, &row.handlers)) {
        return tk_nomem(error);
    }
    tasker_status status = TASKER_OK;
    if (w->skill.queue_count > 0) {
        status = tk_store_call(store, name_intern, TK_NAME_NAMESPACE, w->namespace_names,
                               w->skill.queue_count, w->skill_queues, error);
    }
    if (status == TASKER_OK && w->skill.handler_count > 0) {
        status = tk_store_call(store, name_intern, TK_NAME_CALLABLE, w->handler_names,
                               w->skill.handler_count, w->skill_handlers, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, worker_insert, &row, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK) {
        pthread_mutex_lock(&w->mutex); /* the statistics show it */
        w->id = row.id;
        pthread_mutex_unlock(&w->mutex);
    }
    return status;
}

tasker_status tk_worker_register(tk_worker *worker, tasker_error *error) {
    tk_arena arena = {0};
    tasker_status status = tk_store_call(worker->engine.store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = insert_row(worker, &arena, error);
    }
    status = tk_verb_finish(&worker->engine, status, error);
    tk_arena_release(&arena);
    return status;
}

tasker_status tk_worker_open(const tk_engine *engine, const tk_worker_setup *setup,
                             tk_worker **worker, tasker_error *error) {
    *worker = NULL;
    if (setup->threads == 0 || setup->threads > TASKER_SLOTS_MAX || setup->handler_count == 0) {
        return tk_fail(error, TASKER_INVALID,
                       "a worker needs 1 to %d threads and at least one handler", TASKER_SLOTS_MAX);
    }
    tk_worker *made = tk_alloc(sizeof(*made));
    if (made == NULL) {
        return tk_nomem(error);
    }
    made->engine = *engine;
    made->engine.minutes = &made->minutes;
    made->batch_max = TK_TURN_OUTCOMES_MAX;
    made->top_class = INT32_MIN;
    made->stats.size = sizeof(made->stats);
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        tk_free(made);
        return tk_nomem(error);
    }
    tasker_status status = tk_ring_open(&made->ready, TK_HELD_MAX, error);
    if (status == TASKER_OK) {
        status = tk_ring_open(&made->done, TK_HELD_MAX, error);
    }
    if (status == TASKER_OK) {
        status = copy_setup(made, setup, error);
    }
    if (status == TASKER_OK && setup->only_process) {
        status = tk_recover_all(&made->engine, error);
    }
    if (status == TASKER_OK) {
        status = tk_worker_register(made, error);
    }
    if (status != TASKER_OK) {
        tk_worker_close(made);
        return status;
    }
    *worker = made;
    return TASKER_OK;
}

void tk_worker_close(tk_worker *worker) {
    if (worker == NULL) {
        return;
    }
    for (uint32_t i = 0; i < TK_HELD_BUCKETS; i++) {
        while (worker->buckets[i] != NULL) {
            tk_held_remove(worker, worker->buckets[i]);
        }
    }
    tk_ring_release(&worker->ready);
    tk_ring_release(&worker->done);
    tk_arena_release(&worker->arena);
    tk_arena_release(&worker->setup_arena);
    tk_minutes_release(&worker->minutes);
    pthread_mutex_destroy(&worker->mutex);
    tk_free(worker);
}

/* --- drain --- */

/* Steps that nobody began go back as they came. */
static void give_back_waiting(tk_worker *w) {
    static const tk_failure failure = {.retryable = true, .lost = true, .retry_after_ms = -1};
    void *item = NULL;
    while (tk_ring_pop(&w->ready, 0, &item) == TASKER_OK) {
        tk_held *held = item;
        pthread_mutex_lock(&w->mutex);
        tk_held_end_static(held, TK_OUTCOME_LOST, &failure, (tk_str){NULL, 0});
        held->give_back = true;
        tk_held_hand_in(w, held);
        pthread_mutex_unlock(&w->mutex);
    }
}

static void lose_running(tk_worker *w) {
    static const tk_failure failure = {.retryable = true, .lost = true, .retry_after_ms = -1};
    const tk_str stopped =
        TK_ERROR_TEXT("the worker stopped before the step ended", "WorkerStopped");
    pthread_mutex_lock(&w->mutex);
    for (uint32_t i = 0; i < TK_HELD_BUCKETS; i++) {
        for (tk_held *held = w->buckets[i]; held != NULL; held = held->next) {
            if (held->state == TK_HELD_RUNNING) {
                tk_held_end_static(held, TK_OUTCOME_LOST, &failure, stopped);
                tk_held_hand_in(w, held);
            }
        }
    }
    pthread_mutex_unlock(&w->mutex);
}

/* How many steps run, and whether anything is still to be saved. */
static uint32_t count_running(tk_worker *w, bool *unsaved) {
    uint32_t running = 0;
    *unsaved = w->unsaved_count > 0;
    pthread_mutex_lock(&w->mutex);
    for (uint32_t i = 0; i < TK_HELD_BUCKETS; i++) {
        for (const tk_held *held = w->buckets[i]; held != NULL; held = held->next) {
            running += held->state == TK_HELD_RUNNING;
            *unsaved = *unsaved || held->state == TK_HELD_ENDED || held->state == TK_HELD_WAITING;
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return running;
}

static tasker_status remove_row(tk_worker *w, tasker_error *error) {
    tasker_status status = tk_store_call(w->engine.store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, worker_delete, w->id, error);
    }
    return tk_verb_finish(&w->engine, status, error);
}

tasker_status tk_worker_drain(tk_worker *worker, bool force, uint32_t *left, tasker_error *error) {
    worker->stopping = true;
    give_back_waiting(worker);
    if (force) {
        lose_running(worker);
    }
    bool unsaved = true;
    while (unsaved) { /* at least one turn: a worker that drains still beats */
        tasker_status status = tk_turn(worker, error);
        if (status != TASKER_OK) {
            return status;
        }
        give_back_waiting(worker);
        *left = count_running(worker, &unsaved);
    }
    if (*left == 0 && worker->minutes.count > 0) {
        (void)tk_minutes_save(&worker->engine, &worker->minutes, NULL);
    }
    return *left == 0 ? remove_row(worker, error) : TASKER_OK;
}
