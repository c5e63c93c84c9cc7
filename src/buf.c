/*
 * buf.c - a growing text whose writer checks once, at the end.
 */
#include "buf.h"

#include <stdio.h>

enum { ROOM_MIN = 256 };

bool tk_buf_reserve(tk_buf *buf, size_t size) {
    if (buf->failed) {
        return false;
    }
    if (buf->room - buf->size > size) { /* one more byte than asked for: the NUL */
        return true;
    }
    if (size > TK_BUF_BYTES_MAX || buf->size > TK_BUF_BYTES_MAX - size) {
        buf->failed = true;
        return false;
    }
    size_t room = buf->room < ROOM_MIN / 2 ? ROOM_MIN : buf->room * 2;
    if (room < buf->size + size + 1) {
        room = buf->size + size + 1;
    }
    char *data = tk_resize_array(buf->data, room, 1);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    data[buf->size] = '\0';
    buf->data = data;
    buf->room = room;
    return true;
}

void tk_buf_add(tk_buf *buf, const void *data, size_t size) {
    if (!tk_buf_reserve(buf, size) || size == 0) {
        return;
    }
    memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void tk_buf_str(tk_buf *buf, tk_str text) {
    tk_buf_add(buf, text.data, text.size);
}

void tk_buf_text(tk_buf *buf, const char *text) {
    tk_buf_add(buf, text, strlen(text));
}

void tk_buf_char(tk_buf *buf, char c) {
    tk_buf_add(buf, &c, 1);
}

void tk_buf_vprintf(tk_buf *buf, const char *format, va_list args) {
    if (!tk_buf_reserve(buf, 0)) {
        return;
    }
    va_list again;
    va_copy(again, args);
    size_t room = buf->room - buf->size;
    int size = vsnprintf(buf->data + buf->size, room, format, args);
    if (size >= 0 && (size_t)size >= room && tk_buf_reserve(buf, (size_t)size)) {
        vsnprintf(buf->data + buf->size, (size_t)size + 1, format, again);
    }
    va_end(again);
    if (size < 0) {
        buf->failed = true;
    }
    if (!buf->failed) {
        buf->size += (size_t)size;
    }
    buf->data[buf->size] = '\0'; /* a failed one keeps what it had */
}

void tk_buf_printf(tk_buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tk_buf_vprintf(buf, format, args);
    va_end(args);
}

void tk_buf_truncate(tk_buf *buf, size_t size) {
    if (buf->failed || size >= buf->size) {
        return;
    }
    buf->size = size;
    buf->data[size] = '\0';
}

tk_str tk_buf_view(const tk_buf *buf) {
    return (tk_str){buf->data, buf->size};
}

tasker_status tk_buf_finish(tk_buf *buf, tasker_text *text, tasker_error *error) {
    *text = (tasker_text){NULL, 0};
    if (!tk_buf_reserve(buf, 0)) {
        tk_buf_release(buf);
        return tk_nomem(error);
    }
    *text = (tasker_text){buf->data, buf->size};
    *buf = (tk_buf){0};
    return TASKER_OK;
}

void tk_buf_release(tk_buf *buf) {
    tk_free(buf->data);
    *buf = (tk_buf){0};
}
