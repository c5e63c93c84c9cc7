/*
 * json_write.c - writes JSON into a buffer, and makes foreign JSON storable.
 *
 * The buffer remembers a failed allocation, so writers return nothing and are checked at the end.
 */
#include "clock.h"
#include "json_inner.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static void escape_write(tk_buf *buf, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    static const char shorts[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (c == '"' || c == '\\') {
        tk_buf_add(buf, (char[]){'\\', (char)c}, 2);
    } else if (shorts[c] != '\0') {
        tk_buf_add(buf, (char[]){'\\', shorts[c]}, 2);
    } else {
        tk_buf_add(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 0x0f]}, 6);
    }
}

/* A byte that is no UTF-8 becomes one U+FFFD. */
void tk_json_write_inside(tk_buf *buf, tk_str text) {
    const char *at = text.size == 0 ? "" : text.data;
    const char *end = at + text.size;
    while (at < end) {
        const char *plain = at;
        size_t length = 1;
        at = tk_json_plain_end(at, end, true);
        while (at < end && (unsigned char)*at >= 0x80 && length > 0) {
            length = tk_utf8_length(at, end);
            at += length;
        }
        tk_buf_add(buf, plain, (size_t)(at - plain));
        if (length == 0) {
            tk_buf_add(buf, replacement, sizeof(replacement) - 1);
            at++;
        } else if (at < end && ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\')) {
            escape_write(buf, (unsigned char)*at);
            at++;
        }
    }
}

void tk_json_write_string(tk_buf *buf, tk_str text) {
    tk_buf_reserve(buf, text.size + 2); /* mostly enough: one growth instead of several */
    tk_buf_char(buf, '"');
    tk_json_write_inside(buf, text);
    tk_buf_char(buf, '"');
}

static char last_byte(const tk_buf *buf) {
    return buf->size == 0 ? '\0' : buf->data[buf->size - 1];
}

void tk_json_write_comma(tk_buf *buf) {
    char last = last_byte(buf);
    if (last != '\0' && last != '[' && last != '{' && last != ',' && last != ':') {
        tk_buf_char(buf, ',');
    }
}

void tk_json_write_name(tk_buf *buf, const char *name) {
    char last = last_byte(buf);
    if (last != '\0' && last != '{') {
        tk_buf_char(buf, ',');
    }
    tk_json_write_string(buf, tk_str_of(name));
    tk_buf_char(buf, ':');
}

void tk_json_write_member_string(tk_buf *buf, const char *name, tk_str text) {
    tk_json_write_name(buf, name);
    tk_json_write_string(buf, text);
}

void tk_json_write_member_string_or_null(tk_buf *buf, const char *name, tk_str text) {
    if (text.data == NULL) {
        tk_json_write_member_null(buf, name);
    } else {
        tk_json_write_member_string(buf, name, text);
    }
}

void tk_json_write_member_int(tk_buf *buf, const char *name, int64_t number) {
    tk_json_write_name(buf, name);
    tk_buf_printf(buf, "%" PRId64, number);
}

void tk_json_write_member_bool(tk_buf *buf, const char *name, bool yes) {
    tk_json_write_name(buf, name);
    tk_buf_text(buf, yes ? "true" : "false");
}

void tk_json_write_member_null(tk_buf *buf, const char *name) {
    tk_json_write_name(buf, name);
    tk_buf_text(buf, "null");
}

void tk_json_write_member_raw(tk_buf *buf, const char *name, tk_str json) {
    tk_json_write_name(buf, name);
    if (json.size == 0) {
        tk_buf_text(buf, "null");
    } else {
        tk_buf_str(buf, json);
    }
}

void tk_json_write_member_time(tk_buf *buf, const char *name, int64_t time_us) {
    tk_json_write_name(buf, name);
    if (time_us == 0) {
        tk_buf_text(buf, "null");
        return;
    }
    tk_buf_char(buf, '"');
    tk_time_write(buf, time_us);
    tk_buf_char(buf, '"');
}

/* --- repair --- */

/* Whether the escape at `at`, a backslash, must not be stored: \u0000 or half of a surrogate pair.
 * *size is its size. */
static bool is_bad_escape(const char *at, const char *end, size_t *size) {
    const char *next = at;
    tk_json_char one = tk_json_char_next(&next, end);
    *size = (size_t)(next - at);
    bool nul = one.size == 1 && one.bytes[0] == '\0';
    return nul || tk_utf8_length(one.bytes, one.bytes + one.size) == 0;
}

/* Copies a string that the lenient parser has accepted; `at` is behind the opening quote. Returns
 * the byte behind the closing one. */
static const char *string_repair(tk_buf *buf, const char *at, const char *end) {
    while (*at != '"') {
        size_t length = tk_utf8_length(at, end);
        if (*at == '\\') {
            if (is_bad_escape(at, end, &length)) {
                tk_buf_char(buf, '\\'); /* its backslash becomes text: "\\u0000" */
            }
            tk_buf_add(buf, at, length);
        } else if (*at == '\0') {
            tk_buf_text(buf, "\\\\u0000");
        } else if (length == 0) {
            tk_buf_add(buf, replacement, sizeof(replacement) - 1);
            length = 1;
        } else {
            tk_buf_add(buf, at, length);
        }
        at += length;
    }
    tk_buf_char(buf, '"');
    return at + 1;
}

static void text_repair(tk_buf *buf, tk_str text) {
    const char *at = text.data;
    const char *end = at + text.size;
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        const char *outside_end = quote == NULL ? end : quote + 1;
        tk_buf_add(buf, at, (size_t)(outside_end - at));
        at = quote == NULL ? end : string_repair(buf, outside_end, end);
    }
}

/* What was changed is parsed again: two names may have become one, and the text may have grown. */
tasker_status tk_json_repair(tk_str text, size_t bytes_max, tk_buf *buf, bool *noted,
                             tasker_error *error) {
    tk_json value;
    bool changed = false;
    tasker_status status = tk_json_parse_lenient(text, bytes_max, &value, &changed, error);
    if (status != TASKER_OK) {
        return status;
    }
    size_t before = buf->size;
    if (changed) {
        text_repair(buf, text);
    } else {
        tk_buf_str(buf, text);
    }
    if (buf->failed) {
        return tk_nomem(error);
    }
    if (changed) {
        tk_str repaired = {buf->data + before, buf->size - before};
        status = tk_json_parse(repaired, bytes_max, &value, error);
        if (status != TASKER_OK) {
            tk_buf_truncate(buf, before);
            return status;
        }
    }
    *noted = changed;
    return TASKER_OK;
}
