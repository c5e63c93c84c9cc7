/*
 * stream.c - event streams.
 */
#include "inner.h"

tasker_status streams_open(serve *server, tasker_error *error) {
    (void)server;
    (void)error;
    return TASKER_OK;
}

void streams_beat(serve *server) {
    (void)server;
}

void streams_end(serve *server) {
    (void)server;
}

void streams_close(serve *server) {
    (void)server;
}

void stream_begin(serve *server, serve_stream *stream, void *connection) {
    (void)server;
    (void)stream;
    (void)connection;
}

long stream_read(serve *server, serve_stream *stream, char *to, size_t size) {
    (void)server;
    (void)stream;
    (void)to;
    (void)size;
    return STREAM_END;
}

void stream_free(serve *server, serve_stream *stream) {
    (void)server;
    (void)stream;
}
