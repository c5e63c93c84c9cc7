/*
 * source_server_follow.c - the event stream of a server, opened again where it broke off.
 */
#include <time.h>

#include "http.h"
#include "source.h"

enum { PAUSE_S_MAX = 16, HTTP_BUSY = 503 }; /* between two tries; what a server says that starts */

/* An event stream taken apart: lines "id: …", "data: …", an empty one ends the event. */
typedef struct stream {
    const follow_request *f;
    tk_buf line, id, data;
    tk_buf last_id; /* of the last event that was handed out */
    bool ended, broken, heard;
} stream;

static void set(tk_buf *buf, tk_str text) {
    tk_buf_truncate(buf, 0);
    tk_buf_str(buf, text);
}

/* What has no id is a snapshot, no record; an id alone says where the stream begins. */
static void hand_out(stream *s) {
    tk_json event = {0};
    if (s->id.size > 0 && s->data.size > 0) {
        s->broken =
            tk_json_parse(tk_buf_view(&s->data), TK_BUF_BYTES_MAX, &event, NULL) != TASKER_OK;
        s->ended = s->broken || !s->f->take(s->f->user, event);
    }
    if (s->id.size > 0) {
        set(&s->last_id, tk_buf_view(&s->id));
    }
    tk_buf_truncate(&s->id, 0);
    tk_buf_truncate(&s->data, 0);
}

static void take_line(stream *s) {
    tk_str line = tk_buf_view(&s->line);
    line.size -= line.size > 0 && line.data[line.size - 1] == '\r' ? 1 : 0;
    const char *colon = line.size == 0 ? NULL : memchr(line.data, ':', line.size);
    if (line.size == 0) {
        hand_out(s);
    } else if (colon != NULL && colon != line.data) { /* else a comment, or nothing we know */
        tk_str name = {line.data, (size_t)(colon - line.data)};
        tk_str value = {colon + 1, line.size - name.size - 1};
        if (value.size > 0 && value.data[0] == ' ') {
            value = (tk_str){value.data + 1, value.size - 1};
        }
        if (tk_str_is(name, "id")) {
            set(&s->id, value);
        } else if (tk_str_is(name, "data")) {
            tk_buf_str(&s->data, value);
        }
    }
    tk_buf_truncate(&s->line, 0);
}

static bool take_bytes(void *user, tk_str bytes) {
    stream *s = user;
    s->heard = true;
    while (bytes.size > 0 && !s->ended) {
        const char *end = memchr(bytes.data, '\n', bytes.size);
        size_t size = end == NULL ? bytes.size : (size_t)(end - bytes.data);
        tk_buf_add(&s->line, bytes.data, size);
        if (s->line.failed || s->data.failed) {
            s->ended = s->broken = true;
        }
        if (end != NULL && !s->ended) {
            take_line(s);
        }
        size += end == NULL ? 0 : 1;
        bytes = (tk_str){bytes.data + size, bytes.size - size};
    }
    return !s->ended;
}

static void write_stream_path(tk_buf *path, const follow_request *f) {
    const struct {
        const char *name, *value;
    } members[] = {{"task_uuid", f->task_uuid},
                   {"namespace", f->namespace_name},
                   {"kind", f->kind},
                   {"after", f->after}};
    tk_buf_text(path, "/v1/events");
    for (size_t i = 0; i < TK_COUNT_OF(members); i++) {
        if (members[i].value != NULL) {
            http_query(path, members[i].name, tk_str_of(members[i].value));
        }
    }
}

/* A stream that broke is opened again behind the last event; one that never was is an error, and so is
 * what a server says that answers. */
tasker_status source_server_follow(cli *c, const follow_request *f, tasker_error *error) {
    stream s = {.f = f};
    tk_buf path = {0};
    int64_t pause_s = 1;
    bool heard = false; /* ever */
    tasker_status status = TASKER_OK;
    write_stream_path(&path, f);
    while (!s.ended && status == TASKER_OK) {
        long http_status = 0;
        s.heard = false;
        tk_buf_truncate(&s.line, 0); /* half an event comes again, whole */
        tk_buf_truncate(&s.id, 0);
        tk_buf_truncate(&s.data, 0);
        status = path.failed ? tk_nomem(error)
                             : http_stream(c, path.data, s.last_id.data, take_bytes, &s,
                                           &http_status, error);
        heard = heard || s.heard;
        pause_s = s.heard ? 1 : pause_s * 2 > PAUSE_S_MAX ? PAUSE_S_MAX : pause_s * 2;
        bool away = status != TASKER_OK && heard && (http_status == 0 || http_status == HTTP_BUSY);
        if (away) {
            status = TASKER_OK;
            cli_note(c, "the stream of %s has ended; again in %" PRId64 " s", c->url, pause_s);
        }
        if (!s.ended && status == TASKER_OK) {
            nanosleep(&(struct timespec){.tv_sec = pause_s}, NULL);
        }
    }
    if (s.broken) {
        status = tk_fail(error, TASKER_STORE, "the stream of %s cannot be read", c->url);
    }
    tk_buf *const bufs[] = {&s.line, &s.id, &s.data, &s.last_id, &path};
    for (size_t i = 0; i < TK_COUNT_OF(bufs); i++) {
        tk_buf_release(bufs[i]);
    }
    return status;
}
