/*
 * yaml_tree.c - looking at a YAML tree: members, places in words, JSON.
 *
 *   yaml.c --tree--> [yaml_tree.c] <-- template_yaml.c asks
 */
#include "yaml_tree.h"
#include "json.h"
#include "names.h"

#define PATH_KEY_BYTES_MAX 64 /* of one key within a path */

tk_yaml *tk_yaml_member(const tk_yaml *map, const char *key) {
    if (map == NULL || map->kind != TK_YAML_MAP) {
        return NULL;
    }
    tk_str wanted = tk_str_of(key);
    for (tk_yaml *child = map->first; child != NULL; child = child->next) {
        if (tk_str_equal(child->key, wanted)) {
            return child;
        }
    }
    return NULL;
}

/* Sorted, equal keys stand side by side. */
bool tk_yaml_find_duplicate(const tk_yaml *map, const tk_yaml **again) {
    *again = NULL;
    if (map->count < 2) {
        return true;
    }
    tk_name *keys = tk_alloc_array(map->count, sizeof(*keys));
    if (keys == NULL) {
        return false;
    }
    for (const tk_yaml *child = map->first; child != NULL; child = child->next) {
        keys[child->index] = (tk_name){child->key, child->index};
    }
    tk_names_sort(keys, map->count);
    uint32_t index = UINT32_MAX;
    for (uint32_t i = 1; i < map->count; i++) {
        if (keys[i].number < index && tk_str_equal(keys[i - 1].text, keys[i].text)) {
            index = keys[i].number;
        }
    }
    tk_free(keys);
    for (const tk_yaml *child = map->first; child != NULL; child = child->next) {
        if (child->index == index) {
            *again = child;
        }
    }
    return true;
}

const char *tk_yaml_kind_name(tk_yaml_kind kind) {
    static const char *const names[] = {
        [TK_YAML_NULL] = "null",      [TK_YAML_FALSE] = "false",
        [TK_YAML_TRUE] = "true",      [TK_YAML_INTEGER] = "a whole number",
        [TK_YAML_FLOAT] = "a number", [TK_YAML_STRING] = "a text",
        [TK_YAML_LIST] = "a list",    [TK_YAML_MAP] = "a map",
    };
    return names[kind];
}

/* A key that could be mistaken within a path is quoted. */
static bool key_is_simple(tk_str key) {
    for (size_t i = 0; i < key.size; i++) {
        unsigned char c = (unsigned char)key.data[i];
        bool simple = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                      (c >= 'a' && c <= 'z') || (c != 0 && strchr("_-:$/<>", c) != NULL);
        if (!simple) {
            return false;
        }
    }
    return key.size > 0;
}

static tk_str key_cut(tk_str key) {
    if (key.size > PATH_KEY_BYTES_MAX) {
        key.size = PATH_KEY_BYTES_MAX;
        while (key.size > 0 && ((unsigned char)key.data[key.size] & 0xc0) == 0x80) {
            key.size--; /* not within a character */
        }
    }
    return key;
}

static void path_add(tk_buf *path, const tk_yaml *node) {
    if (node->parent->kind == TK_YAML_LIST) {
        tk_buf_printf(path, "[%" PRIu32 "]", node->index);
        return;
    }
    tk_str key = key_cut(node->key);
    if (key_is_simple(key)) {
        tk_buf_text(path, path->size > 0 ? "." : "");
        tk_buf_str(path, key);
    } else {
        tk_buf_char(path, '[');
        tk_json_write_string(path, key);
        tk_buf_char(path, ']');
    }
}

const char *tk_yaml_path(tk_arena *arena, const tk_yaml *node) {
    const tk_yaml *chain[TK_YAML_DEPTH_MAX + 1];
    size_t length = 0;
    for (; node != NULL && node->parent != NULL; node = node->parent) {
        assert(length < TK_COUNT_OF(chain));
        chain[length++] = node;
    }
    tk_buf path = {0};
    while (length > 0) {
        path_add(&path, chain[--length]);
    }
    const char *copy = path.failed ? NULL : tk_arena_copy(arena, path.data, path.size);
    tk_buf_release(&path);
    return copy;
}

static void write_container(tk_buf *buf, const tk_yaml *node) {
    bool map = node->kind == TK_YAML_MAP;
    tk_buf_char(buf, map ? '{' : '[');
    for (const tk_yaml *child = node->first; child != NULL; child = child->next) {
        tk_json_write_comma(buf);
        if (map) {
            tk_json_write_string(buf, child->key);
            tk_buf_char(buf, ':');
        }
        tk_yaml_write_json(buf, child);
    }
    tk_buf_char(buf, map ? '}' : ']');
}

void tk_yaml_write_json(tk_buf *buf, const tk_yaml *node) {
    switch (node->kind) {
    case TK_YAML_NULL:
        tk_buf_text(buf, "null");
        return;
    case TK_YAML_FALSE:
        tk_buf_text(buf, "false");
        return;
    case TK_YAML_TRUE:
        tk_buf_text(buf, "true");
        return;
    case TK_YAML_INTEGER:
    case TK_YAML_FLOAT:
        tk_buf_str(buf, node->text);
        return;
    case TK_YAML_STRING:
        tk_json_write_string(buf, node->text);
        return;
    case TK_YAML_LIST:
    case TK_YAML_MAP:
        write_container(buf, node);
        return;
    }
}
