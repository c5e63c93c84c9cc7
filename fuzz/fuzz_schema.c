/*
 * fuzz_schema.c - any two JSON texts, a schema and a value with a line break between: checking ends,
 * and what it says has a path.
 */
#include <stdlib.h>

#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 16 };

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static void count(void *user, bool wrong, const char *path, const char *message) {
    (void)wrong;
    must(tk_utf8_check(tk_str_of(path)) == SIZE_MAX);
    must(message[0] != '\0');
    ++*(size_t *)user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    const char *line_break = size == 0 ? NULL : memchr(text, '\n', size);
    if (line_break == NULL) {
        return 0;
    }
    size_t schema_size = (size_t)(line_break - text);
    tk_json schema;
    tk_json value;
    if (tk_json_parse((tk_str){text, schema_size}, BYTES_MAX, &schema, NULL) != TASKER_OK ||
        tk_json_parse((tk_str){line_break + 1, size - schema_size - 1}, BYTES_MAX, &value, NULL) !=
            TASKER_OK) {
        return 0;
    }
    size_t reports = 0;
    must(tk_schema_lint(schema, count, &reports, NULL) == TASKER_OK);
    tasker_error error = {0};
    tasker_status status = tk_schema_check(schema, value, "$", &error);
    must(status == TASKER_OK || (status == TASKER_INVALID && error.path[0] == '$'));
    return 0;
}
