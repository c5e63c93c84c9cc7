/*
 * stream.c - event streams: opened by a route, read by libmicrohttpd's thread, filled by follow.c.
 */
#include "stream.h"

#include "clock.h"
#include "routes.h"

/* --- what it asks for ------------------------------------------------------------------------- */

static bool is_kind(const serve_stream *stream, const char *kind) {
    return strcmp(stream->kind, kind) == 0;
}

bool stream_wants_record(const serve_stream *stream) {
    return !is_kind(stream, "running") && !is_kind(stream, "counts");
}

bool stream_wants_running(const serve_stream *stream) {
    return stream->task_uuid[0] != '\0' && (stream->kind[0] == '\0' || is_kind(stream, "running"));
}

bool stream_wants_counts(const serve_stream *stream) {
    return is_kind(stream, "counts") || (stream->kind[0] == '\0' && stream->task_uuid[0] == '\0');
}

static bool copy_text(char *to, size_t room, tk_str text) {
    if (text.size >= room) {
        return false;
    }
    memcpy(to, text.size == 0 ? "" : text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool read_kind(serve_request *r, serve_stream *stream) {
    static const char *const kinds[] = {"", "task", "attempt", "act", "running", "counts"};
    tk_str asked = serve_parameter_of(r, "kind");
    for (size_t i = 0; i < TK_COUNT_OF(kinds); i++) {
        if (tk_str_is(asked, kinds[i])) {
            copy_text(stream->kind, sizeof(stream->kind), asked);
            return true;
        }
    }
    serve_fail(r, 400, "kind", "expected task, attempt, act, running or counts");
    return false;
}

/* Of a namespace that the caller must not see there is nothing. */
static bool read_namespace(serve_request *r, serve_stream *stream) {
    tk_str asked = route_namespace(r, serve_parameter_of(r, "namespace"));
    if (!copy_text(stream->namespace_name, sizeof(stream->namespace_name), asked)) {
        serve_fail(r, 400, "namespace", "at most %d bytes", TASKER_NAME_BYTES_MAX);
        return false;
    }
    return true;
}

static bool read_task(serve_request *r, serve_stream *stream) {
    tk_str asked = serve_parameter_of(r, "task_uuid");
    tk_uuid id = {{0}};
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_json task = {0};
    tk_str of = {NULL, 0};
    if (asked.size == 0) {
        if (strcmp(stream->kind, "running") == 0) {
            serve_fail(r, 400, "task_uuid", "the kind running is of one task: name it");
            return false;
        }
        return true;
    }
    if (!tk_uuid_parse(asked, &id)) {
        serve_fail(r, 400, "task_uuid", "expected a UUID of 36 characters");
        return false;
    }
    tk_uuid_format(&id, stream->task_uuid);
    tk_buf_printf(&filter, "{\"task_uuid\":\"%s\"", stream->task_uuid);
    if (!route_query(r, TASKER_QUERY_TASK, &filter, &answer) || !route_parse(r, answer, &task)) {
        return false;
    }
    tk_json_string(&r->arena, tk_json_member(task, "namespace"), &of);
    if (!serve_namespace_visible(r, of)) {
        serve_fail(r, 404, NULL, "there is no task %s", stream->task_uuid);
        return false;
    }
    return true;
}

/* A cursor is checked by the store; "now" becomes the one of the record's end. */
static bool read_cursor(serve_request *r, serve_stream *stream) {
    tk_str after = ((const serve_exchange *)r)->headers.last_event_id;
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_json page = {0};
    tk_str next = {NULL, 0};
    after = after.size > 0 ? after : serve_parameter_of(r, "after");
    bool now = after.size == 0 || tk_str_is(after, "now");
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, "after", now ? TK_STR("now") : after);
    tk_json_write_member_int(&filter, "limit", 1);
    if (!route_query(r, TASKER_QUERY_EVENTS, &filter, &answer) || !route_parse(r, answer, &page)) {
        return false;
    }
    tk_json_string(&r->arena, tk_json_member(page, "next"), &next);
    if (!copy_text(stream->cursor, sizeof(stream->cursor), now ? next : after)) {
        serve_fail(r, 400, "after", "this is no cursor");
        return false;
    }
    memcpy(stream->skip, stream->cursor, sizeof(stream->skip));
    return true;
}

/* --- opened, begun, freed --------------------------------------------------------------------- */

/* A place among SERVE_STREAMS_MAX, given back by stream_free. */
static bool reserve(serve *server, serve_stream *stream) {
    serve_streams *s = &server->streams;
    pthread_mutex_lock(&s->mutex);
    bool room = s->count < SERVE_STREAMS_MAX && !s->closing;
    if (room) {
        s->count++;
        stream->number = ++s->last_number;
    }
    pthread_mutex_unlock(&s->mutex);
    return room;
}

void route_events(serve_request *r) {
    serve_stream *stream = tk_alloc(sizeof(*stream));
    if (stream == NULL) {
        tasker_error error = {0};
        tk_nomem(&error);
        serve_fail_error(r, &error);
        return;
    }
    if (!read_kind(r, stream) || !read_namespace(r, stream) || !read_task(r, stream) ||
        !read_cursor(r, stream)) {
        tk_free(stream);
        return;
    }
    if (!reserve(r->server, stream)) {
        tk_free(stream);
        serve_fail(r, 503, NULL, "%d event streams are open already: close one, or try again later",
                   SERVE_STREAMS_MAX);
        r->retry_after_s = SERVE_RETRY_AFTER_S;
        return;
    }
    /* The id alone: who is cut off before the first event goes on from here. */
    tk_buf_printf(&stream->buffer, "retry: 1000\nid: %s\n: tasker " TASKER_VERSION "\n\n",
                  stream->cursor);
    stream->keyed = r->caller.keyed;
    r->status = 200;
    r->answer_type = "text/event-stream";
    ((serve_exchange *)r)->stream = stream;
}

void stream_begin(serve *server, serve_stream *stream, void *connection) {
    serve_streams *s = &server->streams;
    pthread_mutex_lock(&s->mutex);
    stream->connection = connection;
    stream->wrote_us = tk_clock_monotonic(&tk_clock_system);
    stream->ends_us =
        stream->keyed ? stream->wrote_us + (int64_t)STREAM_KEYED_S * 1000000 : INT64_MAX;
    stream->ending = s->closing;
    stream->next = s->first;
    s->first = stream;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

void stream_free(serve *server, serve_stream *stream) {
    serve_streams *s = &server->streams;
    pthread_mutex_lock(&s->mutex);
    for (serve_stream **at = &s->first; *at != NULL; at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    }
    s->count--;
    pthread_mutex_unlock(&s->mutex);
    tk_buf_release(&stream->buffer);
    tk_free(stream);
}

/* --- its bytes -------------------------------------------------------------------------------- */

/* The mutex is held, so that it cannot be resumed before it is suspended. */
static void wake(serve_stream *stream) {
    if (stream->suspended) {
        stream->suspended = false;
        connection_resume(stream->connection);
    }
}

bool stream_add(serve_stream *stream, tk_str message) {
    size_t unsent = stream->buffer.size - stream->sent;
    if (unsent > 0 && unsent + message.size > STREAM_BUFFER_BYTES_MAX) {
        return false; /* into an empty one goes a message of any size */
    }
    if (stream->sent > 0) {
        memmove(stream->buffer.data, stream->buffer.data + stream->sent, unsent);
        tk_buf_truncate(&stream->buffer, unsent);
        stream->sent = 0;
    }
    if (!tk_buf_reserve(&stream->buffer, message.size)) {
        stream->buffer.failed = false; /* what is in it stays; the message is read again */
        return false;
    }
    tk_buf_str(&stream->buffer, message);
    stream->wrote_us = tk_clock_monotonic(&tk_clock_system);
    wake(stream);
    return true;
}

long stream_read(serve *server, serve_stream *stream, char *to, size_t size) {
    serve_streams *s = &server->streams;
    long got = STREAM_WAIT;
    pthread_mutex_lock(&s->mutex);
    size_t unsent = stream->buffer.size - stream->sent;
    if (unsent > 0) {
        size_t taken = unsent < size ? unsent : size;
        memcpy(to, stream->buffer.data + stream->sent, taken);
        stream->sent += taken;
        got = (long)taken;
        if (taken == unsent) {
            stream->sent = 0;
            tk_buf_truncate(&stream->buffer, 0);
        }
    } else if (stream->ending) {
        got = STREAM_END;
    } else {
        stream->suspended = true;
        connection_suspend(stream->connection);
    }
    pthread_mutex_unlock(&s->mutex);
    return got;
}

void streams_beat(serve *server) {
    serve_streams *s = &server->streams;
    int64_t now_us = tk_clock_monotonic(&tk_clock_system);
    int64_t oldest_us = now_us - (int64_t)STREAM_BEAT_S * 1000000;
    pthread_mutex_lock(&s->mutex);
    for (serve_stream *stream = s->first; stream != NULL; stream = stream->next) {
        if (stream->wrote_us < oldest_us) {
            stream_add(stream, TK_STR(": beat\n\n"));
        }
        if (stream->ends_us < now_us) {
            stream->ending = true;
            wake(stream);
        }
    }
    pthread_mutex_unlock(&s->mutex);
}

/* --- all of them ------------------------------------------------------------------------------ */

tasker_status streams_open(serve *server, tasker_error *error) {
    server->streams.started = pthread_create(&server->streams.thread, NULL, follow, server) == 0;
    return server->streams.started ? TASKER_OK
                                   : tk_fail(error, TASKER_STORE, "a thread could not be started");
}

void streams_end(serve *server) {
    serve_streams *s = &server->streams;
    pthread_mutex_lock(&s->mutex);
    s->closing = true;
    for (serve_stream *stream = s->first; stream != NULL; stream = stream->next) {
        stream->ending = true;
        wake(stream);
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

void streams_close(serve *server) {
    streams_end(server);
    if (server->streams.started) {
        pthread_join(server->streams.thread, NULL);
        server->streams.started = false;
    }
}
