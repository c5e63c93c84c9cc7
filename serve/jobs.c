/*
 * jobs.c - threads that wait for the store, so that the one of libmicrohttpd never does.
 *
 *   I/O thread ── push ──► [ queue, SERVE_QUEUE_MAX ] ──► N threads, a store handle each ── resume ──► I/O
 *
 * A handle is opened when the first request needs it, and again after one could not be opened.
 */
#include "inner.h"

#include "clock.h"

tasker_status jobs_store(serve *server, tasker **store, tasker_error *error) {
    tasker_options options = {
        .size = sizeof(options),
        .environment = settings_value(&server->settings, SETTING_ENVIRONMENT),
        .log = server->log.write,
        .log_user = server->log.user,
    };
    return tasker_open(settings_value(&server->settings, SETTING_STORE), &options, store, error);
}

bool jobs_push(serve *server, serve_exchange *e) {
    serve_queue *q = &server->queue;
    e->queued_us = tk_clock_monotonic(&tk_clock_system);
    e->next = NULL;
    pthread_mutex_lock(&q->mutex);
    bool room = q->count < SERVE_QUEUE_MAX && !q->closing;
    if (room) {
        *(q->first == NULL ? &q->first : &q->last->next) = e;
        q->last = e;
        q->count++;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->mutex);
    return room;
}

/* The mutex is held. */
static serve_exchange *take_first(serve_queue *q) {
    serve_exchange *e = q->first;
    if (e != NULL) {
        q->first = e->next;
        q->count--;
    }
    return e;
}

static serve_exchange *take(serve_queue *q) {
    pthread_mutex_lock(&q->mutex);
    while (q->first == NULL && !q->closing) {
        pthread_cond_wait(&q->filled, &q->mutex);
    }
    serve_exchange *e = take_first(q);
    pthread_mutex_unlock(&q->mutex);
    return e;
}

static void *work(void *arg) {
    serve *server = arg;
    tasker *store = NULL;
    serve_exchange *e = NULL;
    while ((e = take(&server->queue)) != NULL) {
        tasker_error error = {0};
        if (store == NULL && jobs_store(server, &store, &error) != TASKER_OK) {
            store = NULL;
        }
        exchange_work(e, store, &error);
        connection_resume(e->connection); /* from here on it is not ours */
    }
    tasker_close(store);
    return NULL;
}

void jobs_refuse_late(serve *server) {
    serve_queue *q = &server->queue;
    int64_t oldest_us = tk_clock_monotonic(&tk_clock_system) - (int64_t)SERVE_WAIT_S * 1000000;
    pthread_mutex_lock(&q->mutex);
    while (q->first != NULL && q->first->queued_us < oldest_us) {
        serve_exchange *e = take_first(q);
        serve_fail(&e->request, 504, NULL,
                   "no store handle became free within %d s: try again later", SERVE_WAIT_S);
        e->state = EXCHANGE_ANSWERED;
        connection_resume(e->connection);
    }
    pthread_mutex_unlock(&q->mutex);
}

tasker_status jobs_open(serve *server, tasker_error *error) {
    serve_queue *q = &server->queue;
    uint32_t wanted = (uint32_t)settings_number(&server->settings, SETTING_THREADS);
    while (q->thread_count < wanted) {
        if (pthread_create(&q->threads[q->thread_count], NULL, work, server) != 0) {
            return tk_fail(error, TASKER_STORE, "a thread could not be started");
        }
        q->thread_count++;
    }
    return TASKER_OK;
}

void jobs_close(serve *server) {
    serve_queue *q = &server->queue;
    pthread_mutex_lock(&q->mutex);
    q->closing = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->mutex);
    for (uint32_t i = 0; i < q->thread_count; i++) {
        pthread_join(q->threads[i], NULL);
    }
    q->thread_count = 0;
}
