/*
 * schema_ref.c - the names of a schema's keywords, and where its $refs lead.
 *
 *   schema.c, schema_lint.c --> [schema_ref.c]
 */
#include "schema_inner.h"

tk_schema_keyword tk_schema_keyword_of(tk_json name) {
    static const tk_str texts[] = {
#define X(name, text, takes) {text, sizeof(text) - 1},
        TK_SCHEMA_KEYWORD_MAP(X)
#undef X
    };
    for (size_t i = 0; i < TK_COUNT_OF(texts); i++) {
        if (tk_json_string_is(name, texts[i])) {
            return (tk_schema_keyword)i;
        }
    }
    return TK_SCHEMA_UNKNOWN;
}

bool tk_schema_type_known(tk_json word) {
    static const char *const types[] = {"null",   "boolean", "object", "array",
                                        "string", "number",  "integer"};
    for (size_t i = 0; i < TK_COUNT_OF(types); i++) {
        if (tk_json_string_is(word, tk_str_of(types[i]))) {
            return true;
        }
    }
    return false;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %41, in place. */
static void decode_percent(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        bool coded =
            from[0] == '%' && from[1] != '\0' && hex_value(from[1]) >= 0 && hex_value(from[2]) >= 0;
        *to++ = coded ? (char)(hex_value(from[1]) * 16 + hex_value(from[2])) : *from;
        from += coded ? 2 : 0;
    }
    *to = '\0';
}

/* Undoes ~1 (a slash) and ~0 (a tilde), in place. */
static void decode_tilde(char *token) {
    char *to = token;
    for (const char *from = token; *from != '\0'; from++) {
        bool coded = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = coded ? (from[1] == '1' ? '/' : '~') : *from;
        from += coded ? 1 : 0;
    }
    *to = '\0';
}

static tk_json enter(tk_json at, const char *token) {
    if (at.kind != TK_JSON_ARRAY) {
        return tk_json_member(at, token);
    }
    size_t index = 0;
    for (const char *c = token; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || index > SIZE_MAX / 20) {
            return (tk_json){0};
        }
        index = index * 10 + (size_t)(*c - '0');
    }
    tk_json_iterator it = tk_json_each(at);
    while (token[0] != '\0' && tk_json_next(&it)) {
        if (it.index == index) {
            return it.value;
        }
    }
    return (tk_json){0};
}

/* Follows "/a/b" from the root; the text is taken apart in the doing. */
static tk_json follow(tk_json at, char *pointer) {
    while (*pointer == '/' && at.kind != TK_JSON_NONE) {
        char *token = pointer + 1;
        pointer = token + strcspn(token, "/");
        char end = *pointer;
        *pointer = '\0';
        decode_tilde(token);
        at = enter(at, token);
        *pointer = end;
    }
    return at;
}

bool tk_schema_resolve(tk_json root, tk_json ref, tk_json *target) {
    *target = (tk_json){0};
    if (ref.kind != TK_JSON_STRING) {
        return true;
    }
    tk_arena arena = {0};
    tk_str text = {0};
    char *pointer = NULL;
    if (tk_json_string(&arena, ref, &text)) {
        pointer = tk_arena_copy(&arena, text.data, text.size);
    }
    bool ok = pointer != NULL;
    if (ok && (strcmp(pointer, "#") == 0 || strncmp(pointer, "#/", 2) == 0)) {
        decode_percent(pointer);
        *target = follow(root, pointer + 1);
    }
    tk_arena_release(&arena);
    return ok;
}
