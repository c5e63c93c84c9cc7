/*
 * An event stream's buffer: what it takes, and what it costs when nobody reads.
 */
#include <criterion/criterion.h>

#include "stream.h"

static serve_stream stream;

static tk_str message_of(size_t size) {
    static char bytes[4 * STREAM_BUFFER_BYTES_MAX];
    cr_assert_leq(size, sizeof(bytes));
    memset(bytes, 'x', sizeof(bytes));
    return (tk_str){bytes, size};
}

static void forget(void) {
    tk_buf_release(&stream.buffer);
}

Test(serve_stream, takes_messages_up_to_its_limit_and_none_beyond, .fini = forget) {
    cr_assert(stream_add(&stream, message_of(STREAM_BUFFER_BYTES_MAX - 1)));
    cr_assert_not(stream_add(&stream, message_of(2)));
    cr_assert(stream_add(&stream, message_of(1)));
    cr_assert_not(stream_add(&stream, message_of(1)));
    cr_assert_eq(stream.buffer.size, STREAM_BUFFER_BYTES_MAX);
}

/* A task of thousands of steps has a snapshot that is larger than the buffer. */
Test(serve_stream, takes_a_larger_message_when_empty_and_nothing_behind_it, .fini = forget) {
    size_t size = 2 * STREAM_BUFFER_BYTES_MAX;
    cr_assert(stream_add(&stream, message_of(size)));
    cr_assert_not(stream_add(&stream, message_of(1)));
    cr_assert_not(stream_add(&stream, message_of(size)));
    cr_assert_eq(stream.buffer.size, size);
}
