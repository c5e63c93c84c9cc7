/*
 * yaml_tree.h - YAML as a tree whose every key and value knows its line and column.
 *
 *   text ── libyaml's events ──► tk_yaml (in an arena) ──► template_yaml.c
 *
 * A narrow YAML: one document, keys are texts, no anchors, aliases, merge keys or tags beyond the
 * core ones, no key twice. What is left is what JSON can say. Plain scalars are typed by the core
 * schema of YAML 1.2 as serde_yaml reads it: `yes`, `1_000` and `007` are texts.
 */
#ifndef TK_YAML_TREE_H
#define TK_YAML_TREE_H

#include "arena.h"
#include "buf.h"

#define TK_YAML_DEPTH_MAX 64     /* maps and lists within each other */
#define TK_YAML_NODES_MAX 200000 /* values of one text: bounds memory at some 40 MB */

typedef enum tk_yaml_kind {
    TK_YAML_NULL = 0,
    TK_YAML_FALSE,
    TK_YAML_TRUE,
    TK_YAML_INTEGER,
    TK_YAML_FLOAT,
    TK_YAML_STRING,
    TK_YAML_LIST,
    TK_YAML_MAP
} tk_yaml_kind;

typedef struct tk_yaml tk_yaml;
struct tk_yaml {
    tk_yaml_kind kind;
    uint32_t line, column; /* from 1 */
    tk_str text;           /* INTEGER, FLOAT: the number as JSON, any size; STRING: the text */
    tk_yaml *parent;
    uint32_t index; /* within the parent */
    tk_str key;     /* within a map */
    uint32_t key_line, key_column;
    tk_yaml *first, *last, *next; /* children of this one; the parent's next child */
    uint32_t count;               /* children */
};

/* A place in the text, from 1. */
typedef struct tk_yaml_place {
    uint32_t line, column;
} tk_yaml_place;

/* tk_yaml_parse reads a text of up to TASKER_TEMPLATE_BYTES_MAX bytes.
 *
 *   *root   in the arena; NULL when the text holds no document
 *   *place  of what is wrong
 *   error   must not be NULL: its message and path say what is wrong, where, what is expected
 *
 * Returns OK, INVALID, NOMEM. */
tasker_status tk_yaml_parse(tk_arena *arena, tk_str text, tk_yaml **root, tk_yaml_place *place,
                            tasker_error *error);

/* tk_yaml_resolve types a plain scalar. *json is its spelling in JSON for INTEGER and FLOAT (from
 * the arena), else the text itself. *finite is false for .inf and .nan, which JSON cannot express.
 * Returns false when out of memory. */
bool tk_yaml_resolve(tk_arena *arena, tk_str plain, tk_yaml_kind *kind, tk_str *json, bool *finite);

/* tk_yaml_member finds a map's value by key; NULL when there is none or `map` is no map. */
tk_yaml *tk_yaml_member(const tk_yaml *map, const char *key);

/* tk_yaml_find_duplicate finds the first child of a map whose key stands before it already; *again
 * is NULL when there is none. false: out of memory. */
bool tk_yaml_find_duplicate(const tk_yaml *map, const tk_yaml **again);

/* tk_yaml_path is the place within the document, "steps[2].retry.backoff"; "" for the root. In the
 * arena; NULL when out of memory. Long keys are cut. */
const char *tk_yaml_path(tk_arena *arena, const tk_yaml *node);

/* tk_yaml_kind_name is the kind in words with an article: "a map", "a whole number". */
const char *tk_yaml_kind_name(tk_yaml_kind kind);

/* tk_yaml_write_json writes a value as JSON, maps in the order of the text. */
void tk_yaml_write_json(tk_buf *buf, const tk_yaml *node);

#endif
