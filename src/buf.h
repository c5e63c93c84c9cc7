/*
 * buf.h - a growing text. A failed allocation is remembered, so that a writer checks once at the end.
 */
#ifndef TK_BUF_H
#define TK_BUF_H

#include "base.h"

/* A buffer holds at most this much; more counts as a failed allocation. */
#define TK_BUF_BYTES_MAX ((size_t)1 << 30)

/* A buffer; zero-initialised is empty and ready. `data` is NUL-terminated once anything was added.
 * After `failed` every further call is a no-op. */
typedef struct tk_buf {
    char *data;
    size_t size;
    size_t room;
    bool failed;
} tk_buf;

void tk_buf_add(tk_buf *buf, const void *data, size_t size);
void tk_buf_str(tk_buf *buf, tk_str text);
void tk_buf_text(tk_buf *buf, const char *text); /* NUL-terminated */
void tk_buf_char(tk_buf *buf, char c);
void tk_buf_printf(tk_buf *buf, const char *format, ...) TK_PRINTF(2, 3);
void tk_buf_vprintf(tk_buf *buf, const char *format, va_list args);

/* tk_buf_reserve makes room for `size` more bytes; false when out of memory (then also failed). */
bool tk_buf_reserve(tk_buf *buf, size_t size);

/* tk_buf_truncate keeps the first `size` bytes. */
void tk_buf_truncate(tk_buf *buf, size_t size);

/* tk_buf_view is the text so far; it moves with the next addition. */
tk_str tk_buf_view(const tk_buf *buf);

/* tk_buf_finish hands the text out (never NULL data) and empties the buffer; NOMEM if it failed,
 * then the buffer is released and *text is empty. */
tasker_status tk_buf_finish(tk_buf *buf, tasker_text *text, tasker_error *error);

/* tk_buf_release gives the memory back; the buffer is empty and ready again. */
void tk_buf_release(tk_buf *buf);

#endif
