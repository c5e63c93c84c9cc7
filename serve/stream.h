/*
 * stream.h - an event stream: what it asks for, how far it is, and what is still to be sent.
 *
 *   follow.c reads the record ─► buffer, bounded ─► stream_read() ─► the connection
 *
 * All members are covered by the mutex of serve_streams, but for those that never change. A stream whose
 * buffer is full takes nothing: it is read again from the store behind its cursor, so that a slow reader
 * misses no recorded event and costs no more than its buffer.
 */
#ifndef SERVE_STREAM_H
#define SERVE_STREAM_H

#include "id.h"
#include "inner.h"

#define STREAM_CURSOR_SIZE 96
#define STREAM_KIND_SIZE 16
#define STREAM_BUFFER_BYTES_MAX ((size_t)256 * 1024)
#define STREAM_BEAT_S 15
#define STREAM_KEYED_S 300          /* of a key: it may have been revoked; the reader comes again */
#define STREAM_SNAPSHOT_MS 250      /* of one task, while it changes */
#define STREAM_SNAPSHOT_MS_MAX 1000 /* while it does not */
#define STREAM_COUNTS_MS 1000

struct serve_stream {
    uint64_t number;
    char task_uuid[TASKER_UUID_SIZE];               /* "": all */
    char namespace_name[TASKER_NAME_BYTES_MAX + 1]; /* "": all */
    char kind[STREAM_KIND_SIZE];                    /* "": all */

    void *connection; /* NULL: it has not begun */
    bool suspended, ending;
    tk_buf buffer;
    size_t sent; /* of the buffer */
    int64_t wrote_us;
    bool keyed;
    int64_t ends_us; /* monotonic */

    char cursor[STREAM_CURSOR_SIZE]; /* how far it has read */
    char skip
        [STREAM_CURSOR_SIZE]; /* the last event it has; "": the head's readings are all behind it */
    bool at_head;             /* fed by the common reading */

    int64_t snapshot_due_us, snapshot_gap_ms;
    tk_digest snapshot;
    bool snapshot_sent;
    serve_stream *next;
};

/* stream_wants_* tell what it asks for. */
bool stream_wants_record(const serve_stream *stream);
bool stream_wants_running(const serve_stream *stream);
bool stream_wants_counts(const serve_stream *stream);

/* stream_add adds a message whole, or nothing: false when there is no room. The mutex is held. */
bool stream_add(serve_stream *stream, tk_str message);

/* follow is the thread that reads the store; its argument is the server. */
void *follow(void *server);

#endif
