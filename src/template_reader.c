/*
 * template_reader.c - reads maps with known keys and typed members, and says what is wrong there.
 *
 *   template_yaml_*.c --asks for members--> [template_reader.c] --findings--> template_report.c
 */
#include "template_reader.h"

#define QUOTE_BYTES_MAX 64 /* of a text within a message */

/* --- findings --- */

static void add_finding(tk_reader *r, const tk_yaml *node, bool warning, const char *format,
                        va_list args) {
    tk_buf message = {0};
    tk_buf_vprintf(&message, format, args);
    const char *path = tk_yaml_path(r->arena, node);
    bool nothing = node->kind == TK_YAML_NULL && node->key_line > 0; /* `key:` with no value */
    uint32_t line = nothing ? node->key_line : node->line;
    uint32_t column = nothing ? node->key_column : node->column;
    if (message.failed || path == NULL ||
        !tk_findings_add(r->findings, warning, line, column, path, "%s", message.data)) {
        r->failed = true;
    }
    tk_buf_release(&message);
}

void tk_reader_error(tk_reader *r, const tk_yaml *node, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_finding(r, node, false, format, args);
    va_end(args);
}

void tk_reader_warn(tk_reader *r, const tk_yaml *node, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_finding(r, node, true, format, args);
    va_end(args);
}

/* A stand-in for a node's key, so that a finding points at the key and not at the value. */
static tk_yaml key_of(const tk_yaml *node) {
    tk_yaml key = *node;
    key.line = node->key_line;
    key.column = node->key_column;
    return key;
}

/* A stand-in for a member that is not there: at the map's place, under the member's path. */
static void error_missing(tk_reader *r, const tk_yaml *map, const char *key, const char *expected) {
    tk_yaml absent = {
        .kind = TK_YAML_STRING,
        .line = map->line,
        .column = map->column,
        .parent = (tk_yaml *)map, /* only read */
        .key = tk_str_of(key),
    };
    tk_reader_error(r, &absent, "%s is missing; expected %s", key, expected);
}

const char *tk_reader_quote(tk_reader *r, tk_str text) {
    char cut[QUOTE_BYTES_MAX + 1];
    size_t size = text.size < QUOTE_BYTES_MAX ? text.size : QUOTE_BYTES_MAX;
    while (size > 0 && size < text.size && ((unsigned char)text.data[size] & 0xc0) == 0x80) {
        size--; /* not within a character */
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        cut[i] = c < 0x20 || c == 0x7f ? '?' : text.data[i];
    }
    cut[size] = '\0';
    const char *quoted = tk_arena_printf(r->arena, "\"%s%s\"", cut, size < text.size ? "..." : "");
    if (quoted == NULL) {
        r->failed = true;
    }
    return quoted == NULL ? "" : quoted;
}

const char *tk_reader_show(tk_reader *r, const tk_yaml *node) {
    const char *kind = tk_yaml_kind_name(node->kind);
    const char *shown = kind;
    if (node->kind == TK_YAML_STRING) {
        shown = tk_arena_printf(r->arena, "%s (%s)", kind, tk_reader_quote(r, node->text));
    } else if (node->kind == TK_YAML_INTEGER || node->kind == TK_YAML_FLOAT) {
        int size = node->text.size < QUOTE_BYTES_MAX ? (int)node->text.size : QUOTE_BYTES_MAX;
        shown = tk_arena_printf(r->arena, "%s (%.*s)", kind, size, node->text.data);
    }
    if (shown == NULL) {
        r->failed = true;
    }
    return shown == NULL ? kind : shown;
}

/* --- maps --- */

static void strip_symbols(tk_reader *r, tk_yaml *map) {
    bool stripped = false;
    for (tk_yaml *child = map->first; child != NULL; child = child->next) {
        if (child->key.size > 1 && child->key.data[0] == ':') {
            child->key.data++;
            child->key.size--;
            stripped = true;
        }
    }
    const tk_yaml *again = NULL;
    if (stripped && !tk_yaml_find_duplicate(map, &again)) {
        r->failed = true;
    }
    if (again != NULL) {
        tk_yaml key = key_of(again);
        tk_reader_error(r, &key,
                        "the key stands twice, with and without a colon before it; "
                        "expected it once");
    }
    r->symbols = r->symbols || (stripped && map->parent == NULL);
}

static const tk_key *find_key(const tk_key *keys, size_t count, tk_str name) {
    for (size_t i = 0; i < count; i++) {
        if (tk_str_is(name, keys[i].name)) {
            return &keys[i];
        }
    }
    return NULL;
}

static void warn_unknown(tk_reader *r, const tk_yaml *at, const tk_key *keys, size_t count) {
    tk_buf known = {0};
    for (size_t i = 0; i < count; i++) {
        if (keys[i].use == TK_KEY_READ) {
            tk_buf_printf(&known, "%s%s", known.size > 0 ? ", " : "", keys[i].name);
        }
    }
    if (known.failed) {
        r->failed = true;
    } else {
        tk_reader_warn(r, at, "unknown key, without effect; expected one of %s", known.data);
    }
    tk_buf_release(&known);
}

static void check_key(tk_reader *r, const tk_yaml *child, const tk_key *keys, size_t count) {
    const tk_key *known = find_key(keys, count, child->key);
    tk_yaml at = key_of(child);
    if (known == NULL) {
        warn_unknown(r, &at, keys, count);
    } else if (known->use == TK_KEY_IDLE && child->kind != TK_YAML_NULL) {
        tk_reader_warn(r, &at, "%s", known->text);
    } else if (known->use == TK_KEY_LEGACY) {
        tk_reader_error(r, &at, "%s is a key of the legacy form; expected %s", known->name,
                        known->text);
    }
}

bool tk_reader_map(tk_reader *r, tk_yaml *node, const tk_key *keys, size_t key_count) {
    assert(key_count <= TK_READER_KEYS_MAX);
    if (node->kind != TK_YAML_MAP) {
        tk_reader_error(r, node, "is %s; expected a map", tk_reader_show(r, node));
        return false;
    }
    strip_symbols(r, node);
    for (const tk_yaml *child = node->first; child != NULL; child = child->next) {
        check_key(r, child, keys, key_count);
    }
    return true;
}

tk_yaml *tk_reader_get(tk_reader *r, const tk_yaml *map, const char *key, const char *other) {
    tk_yaml *value = tk_yaml_member(map, key);
    tk_yaml *same = other == NULL ? NULL : tk_yaml_member(map, other);
    if (value != NULL && same != NULL) {
        tk_yaml at = key_of(same);
        tk_reader_error(r, &at, "%s and %s mean the same; expected one of them", key, other);
    }
    value = value == NULL ? same : value;
    return value == NULL || value->kind == TK_YAML_NULL ? NULL : value;
}

/* --- typed members --- */

static bool check_text(tk_reader *r, const tk_yaml *value) {
    if (value->kind == TK_YAML_STRING) {
        return true;
    }
    bool scalar = value->kind != TK_YAML_LIST && value->kind != TK_YAML_MAP;
    tk_reader_error(r, value, "is %s; expected a text%s", tk_reader_show(r, value),
                    scalar ? ", so put quotes around it" : "");
    return false;
}

const tk_yaml *tk_reader_text(tk_reader *r, const tk_yaml *map, const char *key) {
    const tk_yaml *value = tk_reader_get(r, map, key, NULL);
    return value != NULL && check_text(r, value) ? value : NULL;
}

static bool has_control(tk_str text) {
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool c1 = c == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1) {
            return true;
        }
    }
    return false;
}

const tk_yaml *tk_reader_name(tk_reader *r, const tk_yaml *map, const char *key, size_t bytes_max) {
    const tk_yaml *value = tk_yaml_member(map, key);
    if (value == NULL) {
        error_missing(r, map, key, "a text");
        return NULL;
    }
    if (!check_text(r, value)) {
        return NULL;
    }
    if (value->text.size == 0 || value->text.size > bytes_max) {
        tk_reader_error(r, value, "has %zu bytes; expected a text of 1 to %zu", value->text.size,
                        bytes_max);
        return NULL;
    }
    if (has_control(value->text)) {
        tk_reader_error(r, value, "holds a control character; expected none");
        return NULL;
    }
    return value;
}

const tk_yaml *tk_reader_list(tk_reader *r, const tk_yaml *map, const char *key,
                              const char *other) {
    const tk_yaml *value = tk_reader_get(r, map, key, other);
    if (value != NULL && value->kind != TK_YAML_LIST) {
        tk_reader_error(r, value, "is %s; expected a list", tk_reader_show(r, value));
        return NULL;
    }
    return value;
}

const tk_yaml *tk_reader_texts(tk_reader *r, const tk_yaml *map, const char *key,
                               const char *other) {
    const tk_yaml *list = tk_reader_list(r, map, key, other);
    bool good = list != NULL;
    for (const tk_yaml *item = good ? list->first : NULL; item != NULL; item = item->next) {
        good = check_text(r, item) && good;
    }
    return good ? list : NULL;
}

bool tk_reader_bool(tk_reader *r, const tk_yaml *map, const char *key, bool *value) {
    const tk_yaml *node = tk_reader_get(r, map, key, NULL);
    if (node == NULL) {
        return false;
    }
    if (node->kind != TK_YAML_TRUE && node->kind != TK_YAML_FALSE) {
        tk_reader_error(r, node, "is %s; expected true or false", tk_reader_show(r, node));
        return false;
    }
    *value = node->kind == TK_YAML_TRUE;
    return true;
}

/* Reads decimal digits up to max; false when there are others or it is more. */
static bool digits_read(tk_str text, int64_t max, int64_t *value) {
    *value = 0;
    for (size_t i = 0; i < text.size; i++) {
        int64_t digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || *value > (max - digit) / 10) {
            return false;
        }
        *value = *value * 10 + digit;
    }
    return text.size > 0;
}

bool tk_reader_int(tk_reader *r, const tk_yaml *map, const char *key, int64_t max, int64_t *value) {
    const tk_yaml *node = tk_reader_get(r, map, key, NULL);
    if (node == NULL) {
        return false;
    }
    if (node->kind != TK_YAML_INTEGER || !digits_read(node->text, max, value)) {
        tk_reader_error(r, node, "is %s; expected a whole number from 0 to %" PRId64,
                        tk_reader_show(r, node), max);
        return false;
    }
    return true;
}

bool tk_reader_word(tk_reader *r, const tk_yaml *map, const char *key, const char *other,
                    const tk_words *words, size_t *index) {
    const tk_yaml *node = tk_reader_get(r, map, key, other);
    if (node == NULL) {
        return false;
    }
    for (size_t i = 0; node->kind == TK_YAML_STRING && i < words->count; i++) {
        if (tk_str_is(node->text, words->items[i])) {
            *index = i;
            return true;
        }
    }
    tk_reader_error(r, node, "is %s; expected %s", tk_reader_show(r, node), words->text);
    return false;
}
