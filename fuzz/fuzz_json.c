/*
 * fuzz_json.c - any bytes: what is accepted must survive being walked, rewritten and read again;
 * what is repaired must be accepted.
 */
#include <stdlib.h>

#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 20 };

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static tk_json parsed(tk_str text) {
    tk_json value;
    must(tk_json_parse(text, SIZE_MAX, &value, NULL) == TASKER_OK);
    return value;
}

static void string_use(tk_arena *arena, tk_json string) {
    tk_str text = {NULL, 0};
    must(tk_json_string(arena, string, &text));
    must(tk_utf8_check(text) == SIZE_MAX);
    must(memchr(text.data, '\0', text.size) == NULL);
    must(tk_json_string_is(string, text));
    must(!tk_json_string_is(string, (tk_str){text.data, text.size + 1}));

    tk_buf buf = {0};
    tk_json_write_string(&buf, text);
    must(tk_json_equal(string, parsed(tk_buf_view(&buf))));
    tk_buf_release(&buf);
}

static void number_use(tk_json number) {
    int64_t integer = 0;
    must(tk_json_number_compare(number, number) == 0);
    if (tk_json_int(number, &integer)) {
        must(tk_json_number_is_integer(number));
        tk_buf buf = {0};
        tk_buf_printf(&buf, "%" PRId64, integer);
        must(tk_json_number_compare(number, parsed(tk_buf_view(&buf))) == 0);
        tk_buf_release(&buf);
    }
    (void)tk_json_double(number);
}

static void walk(tk_arena *arena, tk_json value, size_t depth) {
    must(value.kind != TK_JSON_NONE && value.text.size > 0);
    must(depth <= TASKER_JSON_DEPTH_MAX);
    if (value.kind == TK_JSON_STRING) {
        string_use(arena, value);
    } else if (value.kind == TK_JSON_NUMBER) {
        number_use(value);
    }
    size_t count = 0;
    tk_json_iterator it = tk_json_each(value);
    while (tk_json_next(&it)) {
        must(it.index == count++);
        if (it.object) {
            must(it.name.kind == TK_JSON_STRING);
            string_use(arena, it.name);
        }
        walk(arena, it.value, depth + 1);
    }
    must(count == tk_json_count(value));
}

static void accepted(tk_json value) {
    tk_arena arena = {0};
    walk(&arena, value, 0);
    tk_arena_release(&arena);

    tk_buf once = {0};
    tk_buf twice = {0};
    tk_json_canonical(&once, value);
    tk_json again = parsed(tk_buf_view(&once));
    must(tk_json_equal(value, again));
    tk_json_canonical(&twice, again);
    must(tk_str_equal(tk_buf_view(&once), tk_buf_view(&twice)));
    tk_buf_release(&once);
    tk_buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tk_str text = {(const char *)data, size};
    tk_json value;
    tasker_error error = {0};
    tasker_status status = tk_json_parse(text, BYTES_MAX, &value, &error);
    if (status == TASKER_OK) {
        accepted(value);
    } else {
        must(status == TASKER_INVALID && error.message[0] != '\0' && error.path[0] == '$');
    }

    tk_buf repaired = {0};
    bool noted = false;
    if (tk_json_repair(text, BYTES_MAX, &repaired, &noted, NULL) == TASKER_OK) {
        must(noted == (status != TASKER_OK));
        must(noted || tk_str_equal(text, tk_buf_view(&repaired)));
        (void)parsed(tk_buf_view(&repaired));
    } else {
        must(status != TASKER_OK && repaired.size == 0);
    }
    tk_buf_release(&repaired);
    return 0;
}
