/*
 * follow.c - the thread that reads the record for all event streams, while there are any.
 *
 *   direct   few streams: each is read by itself, by its filter, behind its cursor
 *   head     many streams: one reading of the whole record feeds all that have come to its end
 *
 * A stream that starts behind, or whose buffer was full, is read by itself until it has caught up. Then
 * it may join the head: what the next common reading brings up to the event that it has already (`skip`)
 * is left out. When that event might be in a later page it stays by itself.
 */
#include "clock.h"
#include "stream.h"

enum {
    LOOK_MS = 150,      /* between looks at the record */
    TROUBLE_MS = 1000,  /* after a look that failed */
    DIRECT_MAX = 4,     /* streams that are read one by one for ever */
    HEAD_LIMIT = 1000,  /* events of a common reading */
    DIRECT_LIMIT = 200, /* and of one stream's */
    ARENA_BYTES_KEPT = 1024 * 1024
};

typedef struct follower {
    serve *server;
    tasker *store;                 /* NULL: none now */
    char head[STREAM_CURSOR_SIZE]; /* "": nobody is there */
    bool more;                     /* a reading was not the last */
    bool failing;                  /* told already */
    tk_arena arena;
} follower;

/* --- reading ---------------------------------------------------------------------------------- */

static bool trouble(follower *f, const tasker_error *error) {
    if (!f->failing) {
        serve_log(f->server, TASKER_LOG_WARN, "event streams wait: %s", error->message);
    }
    f->failing = true;
    return false;
}

/* The answer lives until the arena is reset. */
static bool ask(follower *f, tasker_query_kind kind, tk_buf *filter, tk_json *answer,
                tasker_status *status) {
    tasker_text text = {0};
    tasker_error error = {0};
    tk_str copy = {NULL, 0};
    tk_buf_char(filter, '}');
    *status = filter->failed ? tk_nomem(&error)
                             : tasker_query(f->store, kind, tk_buf_view(filter), &text, &error);
    tk_buf_release(filter);
    if (*status == TASKER_OK && !tk_arena_str(&f->arena, (tk_str){text.data, text.size}, &copy)) {
        *status = tk_nomem(&error);
    }
    tasker_text_free(&text);
    if (*status == TASKER_OK) {
        *status = tk_json_parse(copy, TK_BUF_BYTES_MAX, answer, &error);
    }
    f->failing = f->failing && *status != TASKER_OK;
    return *status == TASKER_OK || (*status != TASKER_NOTFOUND && trouble(f, &error));
}

static void write_member(tk_buf *filter, const char *name, const char *text) {
    if (text[0] != '\0') {
        tk_json_write_member_string(filter, name, tk_str_of(text));
    }
}

static bool copy_member(follower *f, tk_json object, const char *name, char *to, size_t room) {
    tk_str text = {NULL, 0};
    if (!tk_json_string(&f->arena, tk_json_member(object, name), &text) || text.size >= room) {
        return false;
    }
    memcpy(to, text.size == 0 ? "" : text.data, text.size);
    to[text.size] = '\0';
    return true;
}

/* One event of a page. */
typedef struct event {
    char id[STREAM_CURSOR_SIZE];
    char kind[STREAM_KIND_SIZE];
    char task_uuid[TASKER_UUID_SIZE];
    tk_str namespace_name;
    tk_str message;
} event;

static bool read_event(follower *f, tk_json json, event *e) {
    tk_buf message = {0};
    *e = (event){0};
    bool read = copy_member(f, json, "id", e->id, sizeof(e->id)) &&
                copy_member(f, json, "kind", e->kind, sizeof(e->kind)) &&
                copy_member(f, json, "task_uuid", e->task_uuid, sizeof(e->task_uuid)) &&
                tk_json_string(&f->arena, tk_json_member(json, "namespace"), &e->namespace_name);
    tk_buf_printf(&message, "id: %s\nevent: %s\ndata: ", e->id, e->kind);
    tk_buf_str(&message, json.text);
    tk_buf_text(&message, "\n\n");
    read = read && !message.failed && tk_arena_str(&f->arena, tk_buf_view(&message), &e->message);
    tk_buf_release(&message);
    return read;
}

static void set_cursor(serve_stream *stream, const char *cursor) {
    memcpy(stream->cursor, cursor, strlen(cursor) + 1);
}

/* What a task's event tells may have changed what runs: look soon. */
static void add_event(serve_stream *stream, const event *e, bool *full) {
    if (!stream_add(stream, e->message)) {
        *full = true;
        return;
    }
    if (stream_wants_running(stream)) {
        stream->snapshot_gap_ms = 0;
        stream->snapshot_due_us = 0;
    }
}

/* --- one stream by itself --------------------------------------------------------------------- */

/* A stream by its number: it may have ended while nobody held the mutex. */
static serve_stream *find(serve_streams *s, uint64_t number) {
    serve_stream *stream = s->first;
    while (stream != NULL && stream->number != number) {
        stream = stream->next;
    }
    return stream;
}

/* The next one by number that is read by itself and has room; a copy of what is asked for. */
static bool next_direct(follower *f, uint64_t behind, serve_stream *copy) {
    serve_streams *s = &f->server->streams;
    const serve_stream *found = NULL;
    pthread_mutex_lock(&s->mutex);
    for (const serve_stream *stream = s->first; stream != NULL; stream = stream->next) {
        bool room = stream->buffer.size - stream->sent < STREAM_BUFFER_BYTES_MAX / 2;
        bool wanted = !stream->at_head && room && stream_wants_record(stream);
        if (wanted && stream->number > behind &&
            (found == NULL || stream->number < found->number)) {
            found = stream;
        }
    }
    if (found != NULL) {
        *copy = *found;
    }
    pthread_mutex_unlock(&s->mutex);
    return found != NULL;
}

/* Takes a page into the stream; the mutex is held. */
static void take_page(follower *f, serve_stream *stream, tk_json page) {
    bool full = false;
    char last[STREAM_CURSOR_SIZE];
    memcpy(last, stream->skip, sizeof(last));
    tk_json_iterator it = tk_json_each(tk_json_member(page, "events"));
    while (!full && tk_json_next(&it)) {
        event e;
        full = !read_event(f, it.value, &e);
        if (!full) {
            add_event(stream, &e, &full);
        }
        if (!full) {
            set_cursor(stream, e.id);
            memcpy(last, e.id, sizeof(last));
        }
    }
    bool more = tk_json_member(page, "more").kind == TK_JSON_TRUE;
    if (!full) {
        copy_member(f, page, "next", stream->cursor, sizeof(stream->cursor));
    }
    f->more = f->more || (more && !full);
    memcpy(stream->skip, last, sizeof(last));
    bool many = f->server->streams.count > DIRECT_MAX;
    stream->at_head = !full && !more && many && f->head[0] != '\0';
}

static bool read_direct(follower *f) {
    serve_streams *s = &f->server->streams;
    serve_stream copy = {0};
    uint64_t behind = 0;
    while (next_direct(f, behind, &copy)) {
        tk_buf filter = {0};
        tk_json page = {0};
        tasker_status status = TASKER_OK;
        behind = copy.number;
        tk_buf_char(&filter, '{');
        tk_json_write_member_string(&filter, "after", tk_str_of(copy.cursor));
        write_member(&filter, "task_uuid", copy.task_uuid);
        write_member(&filter, "namespace", copy.namespace_name);
        write_member(&filter, "kind", copy.kind);
        tk_json_write_member_int(&filter, "limit", DIRECT_LIMIT);
        if (!ask(f, TASKER_QUERY_EVENTS, &filter, &page, &status)) {
            return false;
        }
        pthread_mutex_lock(&s->mutex);
        serve_stream *stream = find(s, copy.number);
        if (stream != NULL && status == TASKER_OK) {
            take_page(f, stream, page);
        }
        pthread_mutex_unlock(&s->mutex);
        tk_arena_reset(&f->arena);
    }
    return true;
}

/* --- all that are at the head ----------------------------------------------------------------- */

static bool fits(const serve_stream *stream, const event *e) {
    return (stream->kind[0] == '\0' || strcmp(stream->kind, e->kind) == 0) &&
           (stream->task_uuid[0] == '\0' || strcmp(stream->task_uuid, e->task_uuid) == 0) &&
           (stream->namespace_name[0] == '\0' ||
            tk_str_is(e->namespace_name, stream->namespace_name));
}

/* Where a stream goes on in a page: behind the event that it has; `count` + 1: not here. */
static size_t first_of(const serve_stream *stream, const event *events, size_t count, bool more) {
    for (size_t i = 0; stream->skip[0] != '\0' && i < count; i++) {
        if (strcmp(events[i].id, stream->skip) == 0) {
            return i + 1;
        }
    }
    return stream->skip[0] != '\0' && more ? count + 1 : 0;
}

static void feed(serve_stream *stream, const event *events, size_t count, const char *before,
                 bool more) {
    size_t i = first_of(stream, events, count, more);
    bool full = i > count;
    if (full) {
        stream->at_head = false; /* its own cursor still holds */
        return;
    }
    for (; i < count && !full; i++) {
        if (fits(stream, &events[i])) {
            add_event(stream, &events[i], &full);
        }
        if (full && i > 0) {
            set_cursor(stream, events[i - 1].id);
        } else if (full && stream->skip[0] == '\0') {
            set_cursor(stream, before);
        }
    }
    stream->at_head = !full;
    stream->skip[0] = '\0';
}

static bool anybody_at_head(follower *f) {
    serve_streams *s = &f->server->streams;
    bool any = false;
    pthread_mutex_lock(&s->mutex);
    for (const serve_stream *stream = s->first; stream != NULL; stream = stream->next) {
        any = any || stream->at_head;
    }
    any = any || s->count > DIRECT_MAX;
    pthread_mutex_unlock(&s->mutex);
    return any;
}

static bool feed_all(follower *f, tk_json page) {
    serve_streams *s = &f->server->streams;
    tk_json list = tk_json_member(page, "events");
    size_t count = 0;
    event *events = tk_arena_array(&f->arena, tk_json_count(list), sizeof(*events));
    tk_json_iterator it = tk_json_each(list);
    while (events != NULL && tk_json_next(&it)) {
        if (!read_event(f, it.value, &events[count++])) {
            return false; /* out of memory: the same page again */
        }
    }
    bool more = tk_json_member(page, "more").kind == TK_JSON_TRUE;
    pthread_mutex_lock(&s->mutex);
    for (serve_stream *stream = s->first; stream != NULL && events != NULL; stream = stream->next) {
        if (stream->at_head) {
            feed(stream, events, count, f->head, more);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    f->more = f->more || more;
    return events != NULL && copy_member(f, page, "next", f->head, sizeof(f->head));
}

static bool read_head(follower *f) {
    tk_buf filter = {0};
    tk_json page = {0};
    tasker_status status = TASKER_OK;
    if (!anybody_at_head(f)) {
        f->head[0] = '\0';
        return true;
    }
    bool first = f->head[0] == '\0';
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, "after", tk_str_of(first ? "now" : f->head));
    tk_json_write_member_int(&filter, "limit", HEAD_LIMIT);
    if (!ask(f, TASKER_QUERY_EVENTS, &filter, &page, &status) || status != TASKER_OK) {
        return false;
    }
    bool fed = first ? copy_member(f, page, "next", f->head, sizeof(f->head)) : feed_all(f, page);
    tk_arena_reset(&f->arena);
    return fed;
}

/* --- snapshots -------------------------------------------------------------------------------- */

/* One that is due; a copy of what is asked for. */
static bool next_snapshot(follower *f, int64_t now_us, serve_stream *copy) {
    serve_streams *s = &f->server->streams;
    bool found = false;
    pthread_mutex_lock(&s->mutex);
    for (const serve_stream *stream = s->first; stream != NULL && !found; stream = stream->next) {
        found = stream->snapshot_due_us <= now_us && !stream->ending &&
                (stream_wants_running(stream) || stream_wants_counts(stream));
        if (found) {
            *copy = *stream;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return found;
}

static void write_counts_of(tk_buf *out, tk_json task) {
    static const char *const names[] = {
        "total_steps",     "pending_steps",  "in_progress_steps", "completed_steps",
        "failed_steps",    "ready_steps",    "enqueued_steps",    "waiting_for_retry_steps",
        "cancelled_steps", "resolved_steps",
    };
    tk_json_write_name(out, "counts");
    tk_buf_char(out, '{');
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        tk_json_write_member_raw(out, names[i], tk_json_member(task, names[i]).text);
    }
    tk_buf_char(out, '}');
}

static void write_running(tk_buf *out, tk_json task) {
    static const char *const of_task[] = {"task_uuid", "state", "execution_status"};
    static const char *const of_step[] = {"step_uuid", "name", "current_state", "attempt"};
    tk_buf_char(out, '{');
    for (size_t i = 0; i < TK_COUNT_OF(of_task); i++) {
        tk_json_write_member_raw(out, of_task[i], tk_json_member(task, of_task[i]).text);
    }
    write_counts_of(out, task);
    tk_json_write_name(out, "steps");
    tk_buf_char(out, '[');
    tk_json_iterator it = tk_json_each(tk_json_member(task, "steps"));
    while (tk_json_next(&it)) {
        tk_json_write_comma(out);
        tk_buf_char(out, '{');
        for (size_t i = 0; i < TK_COUNT_OF(of_step); i++) {
            tk_json_write_member_raw(out, of_step[i], tk_json_member(it.value, of_step[i]).text);
        }
        tk_buf_char(out, '}');
    }
    tk_buf_text(out, "]}");
}

static bool same_question(const serve_stream *a, const serve_stream *b) {
    return stream_wants_running(a) == stream_wants_running(b) &&
           strcmp(a->task_uuid, b->task_uuid) == 0 &&
           strcmp(a->namespace_name, b->namespace_name) == 0 &&
           stream_wants_counts(a) == stream_wants_counts(b);
}

/* Everybody who asks the same gets it, if it is news. `message` may be empty: there is none. */
static void spread(follower *f, const serve_stream *asked, tk_str message, int64_t now_us) {
    serve_streams *s = &f->server->streams;
    tk_digest digest = tk_digest_of(message);
    pthread_mutex_lock(&s->mutex);
    for (serve_stream *stream = s->first; stream != NULL; stream = stream->next) {
        if (!same_question(stream, asked) || stream->snapshot_due_us > now_us) {
            continue;
        }
        bool news = message.size > 0 && (!stream->snapshot_sent ||
                                         memcmp(&digest, &stream->snapshot, sizeof(digest)) != 0);
        if (news && stream_add(stream, message)) {
            stream->snapshot = digest;
            stream->snapshot_sent = true;
            stream->snapshot_gap_ms = 0;
        }
        int64_t gap_ms = stream->snapshot_gap_ms * 2;
        gap_ms = gap_ms < STREAM_SNAPSHOT_MS ? STREAM_SNAPSHOT_MS : gap_ms;
        gap_ms = gap_ms > STREAM_SNAPSHOT_MS_MAX ? STREAM_SNAPSHOT_MS_MAX : gap_ms;
        stream->snapshot_gap_ms = stream_wants_running(stream) ? gap_ms : STREAM_COUNTS_MS;
        stream->snapshot_due_us = now_us + stream->snapshot_gap_ms * 1000;
    }
    pthread_mutex_unlock(&s->mutex);
}

static bool take_snapshots(follower *f) {
    serve_stream copy = {0};
    int64_t now_us = tk_clock_monotonic(&tk_clock_system);
    while (next_snapshot(f, now_us, &copy)) {
        bool running = stream_wants_running(&copy);
        tk_buf filter = {0};
        tk_buf message = {0};
        tk_json answer = {0};
        tasker_status status = TASKER_OK;
        tk_buf_char(&filter, '{');
        write_member(&filter, running ? "task_uuid" : "namespace",
                     running ? copy.task_uuid : copy.namespace_name);
        if (!ask(f, running ? TASKER_QUERY_TASK : TASKER_QUERY_COUNTS, &filter, &answer, &status)) {
            return false;
        }
        if (status == TASKER_OK) {
            tk_buf_printf(&message, "event: %s\ndata: ", running ? "running" : "counts");
            if (running) {
                write_running(&message, answer);
            } else {
                tk_buf_str(&message, answer.text);
            }
            tk_buf_text(&message, "\n\n");
        }
        spread(f, &copy, message.failed ? (tk_str){NULL, 0} : tk_buf_view(&message), now_us);
        tk_buf_release(&message);
        tk_arena_reset(&f->arena);
    }
    return true;
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool look(follower *f) {
    tasker_error error = {0};
    f->more = false;
    if (f->store == NULL && jobs_store(f->server, &f->store, &error) != TASKER_OK) {
        f->store = NULL;
        return trouble(f, &error);
    }
    return read_head(f) && read_direct(f) && take_snapshots(f);
}

/* False: the server ends. Nobody asks: the store is let go until somebody does. */
static bool wait_for_streams(follower *f, int64_t pause_ms) {
    serve_streams *s = &f->server->streams;
    struct timespec until = tk_deadline_in(pause_ms);
    pthread_mutex_lock(&s->mutex);
    bool over = pause_ms == 0;
    while (!s->closing && !over && s->first != NULL) {
        over = pthread_cond_timedwait(&s->changed, &s->mutex, &until) != 0;
    }
    if (s->first == NULL && f->store != NULL) {
        pthread_mutex_unlock(&s->mutex);
        tasker_close(f->store);
        f->store = NULL;
        f->head[0] = '\0';
        pthread_mutex_lock(&s->mutex);
    }
    while (!s->closing && s->first == NULL) {
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    bool open = !s->closing;
    pthread_mutex_unlock(&s->mutex);
    return open;
}

void *follow(void *server) {
    follower f = {.server = server};
    int64_t pause_ms = 0;
    while (wait_for_streams(&f, pause_ms)) {
        bool looked = look(&f);
        tk_arena_reset(&f.arena);
        pause_ms = !looked ? TROUBLE_MS : (f.more ? 0 : LOOK_MS);
    }
    tasker_close(f.store);
    tk_arena_release(&f.arena);
    return NULL;
}
