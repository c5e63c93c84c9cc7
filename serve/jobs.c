/*
 * jobs.c - threads that wait for the store, so that the one of libmicrohttpd never does.
 *
 *   I/O thread ─┬─ push ──► [ queue, SERVE_QUEUE_MAX ] ──► N threads, a store handle each ─┬─ resume ──► I/O
 *               └─ health ► [ a queue of its own ]     ──► one thread more                ─┘
 *
 * A store that is slow holds all N: who asks for the server's health still learns about it.
 * A handle is opened when the first request needs it, and again after one could not be opened; that of
 * health is there from the beginning.
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

static serve_queue *queue_of(serve *server, const serve_exchange *e) {
    bool health = (e->request.route->flags & SERVE_ANYHOW) != 0;
    return health ? &server->health_queue : &server->queue;
}

bool jobs_push(serve *server, serve_exchange *e) {
    serve_queue *q = queue_of(server, e);
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
    serve_queue *q = arg;
    serve *server = q->server;
    tasker *store = q->store;
    serve_exchange *e = NULL;
    while ((e = take(q)) != NULL) {
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

static void refuse_late(serve_queue *q, int limit_s) {
    int64_t oldest_us = tk_clock_monotonic(&tk_clock_system) - (int64_t)limit_s * 1000000;
    pthread_mutex_lock(&q->mutex);
    while (q->first != NULL && q->first->queued_us < oldest_us) {
        serve_exchange *e = take_first(q);
        serve_fail(&e->request, 504, NULL,
                   "no store handle became free within %d s: the store is slow, try again later",
                   limit_s);
        e->state = EXCHANGE_ANSWERED;
        connection_resume(e->connection);
    }
    pthread_mutex_unlock(&q->mutex);
}

static void refuse_all(serve_queue *q) {
    serve_exchange *e = NULL;
    pthread_mutex_lock(&q->mutex);
    while ((e = take_first(q)) != NULL) {
        serve_fail(&e->request, 503, NULL, "the server ends, and the store was too slow for this");
        e->state = EXCHANGE_ANSWERED;
        connection_resume(e->connection);
    }
    pthread_mutex_unlock(&q->mutex);
}

void jobs_refuse(serve *server) {
    refuse_all(&server->queue);
    refuse_all(&server->health_queue);
}

void jobs_refuse_late(serve *server) {
    refuse_late(&server->queue, SERVE_WAIT_S);
    refuse_late(&server->health_queue, SERVE_HEALTH_WAIT_S);
}

static tasker_status start(serve *server, serve_queue *q, uint32_t wanted, tasker_error *error) {
    q->server = server;
    while (q->thread_count < wanted) {
        if (pthread_create(&q->threads[q->thread_count], NULL, work, q) != 0) {
            return tk_fail(error, TASKER_STORE, "a thread could not be started");
        }
        q->thread_count++;
    }
    return TASKER_OK;
}

tasker_status jobs_open(serve *server, tasker_error *error) {
    uint32_t wanted = (uint32_t)settings_number(&server->settings, SETTING_THREADS);
    tasker_status status = start(server, &server->health_queue, 1, error);
    return status == TASKER_OK ? start(server, &server->queue, wanted, error) : status;
}

static void close_queue(serve_queue *q) {
    if (q->thread_count == 0) {
        tasker_close(q->store); /* nobody took it */
        q->store = NULL;
        return;
    }
    pthread_mutex_lock(&q->mutex);
    q->closing = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->mutex);
    for (uint32_t i = 0; i < q->thread_count; i++) {
        pthread_join(q->threads[i], NULL);
    }
    q->thread_count = 0;
    q->store = NULL;
}

void jobs_close(serve *server) {
    close_queue(&server->queue);
    close_queue(&server->health_queue);
}

bool jobs_init(serve *server) {
    return pthread_mutex_init(&server->queue.mutex, NULL) == 0 &&
           pthread_cond_init(&server->queue.filled, NULL) == 0 &&
           pthread_mutex_init(&server->health_queue.mutex, NULL) == 0 &&
           pthread_cond_init(&server->health_queue.filled, NULL) == 0;
}

void jobs_release(serve *server) {
    pthread_mutex_destroy(&server->queue.mutex);
    pthread_cond_destroy(&server->queue.filled);
    pthread_mutex_destroy(&server->health_queue.mutex);
    pthread_cond_destroy(&server->health_queue.filled);
}
