/*
 * template_reader.h - how template_yaml_*.c read a template: maps with known keys, typed members,
 * and findings that say where and what is expected.
 *
 * A reader goes on after an error, so that one run tells everything. A failed allocation is
 * remembered in `failed`, and asked for once at the end.
 */
#ifndef TK_TEMPLATE_READER_H
#define TK_TEMPLATE_READER_H

#include "names.h"
#include "template.h"
#include "yaml_tree.h"

#define TK_CALLABLE_BYTES_MAX 256
#define TK_READER_KEYS_MAX 32        /* known keys of one kind of map */
#define TK_READER_MERGES_MAX 1000000 /* members that overrides bring into steps, all together */

/* A map of free form, and those that override it, in their order. */
typedef struct tk_reader_part {
    const tk_yaml *map;
    struct tk_reader_part *next;
} tk_reader_part;

typedef struct tk_reader_handler {
    const tk_yaml *callable;
    tk_reader_part *first, *last; /* of `initialization` */
} tk_reader_handler;

/* A retry map as written: what is not given keeps what it was. */
typedef struct tk_reader_retry {
    bool has_retryable, has_attempts, has_backoff, has_base, has_cap;
    tk_retry_policy policy;
} tk_reader_retry;

typedef struct tk_reader_step {
    const tk_yaml *node;
    const tk_yaml *name; /* NULL when it is wrong */
    const tk_yaml *description, *system_dependency, *dependencies, *publishes_events;
    tk_reader_handler handler;
    tk_retry_policy retry;
    bool has_timeout;
    int64_t timeout_seconds;
    uint16_t *parents; /* places in the text, in the order of `dependencies`, each once */
    uint32_t parent_count;
} tk_reader_step;

typedef struct tk_reader {
    tk_arena *arena;
    tk_findings *findings;
    const char *environment;
    bool failed;  /* out of memory */
    bool symbols; /* variant C: the top keys begin with ':' */
    uint32_t merges;
    const tk_yaml *root, *name, *namespace_name, *version, *description;
    const tk_yaml *metadata, *system_primary, *system_secondary, *domain_events, *input_schema,
        *redact;
    const tk_yaml *steps_node, *environments;
    tk_identity identity;
    tk_reader_handler task_handler;
    tk_reader_step *steps;
    uint32_t step_count;
    tk_name *names; /* the steps' names, sorted; the number is the step's place in the text */
    uint32_t name_count;
} tk_reader;

/* What a known key is. */
typedef enum tk_key_use {
    TK_KEY_READ = 0,
    TK_KEY_IGNORED, /* known, and nothing depends on it */
    TK_KEY_IDLE,    /* known elsewhere, but has no effect here: a warning with `text` */
    TK_KEY_LEGACY   /* of the form before this one: an error; `text` is the new key */
} tk_key_use;

typedef struct tk_key {
    const char *name;
    tk_key_use use;
    const char *text;
} tk_key;

/* A list of words that an enumeration may be. */
typedef struct tk_words {
    const char *const *items;
    size_t count;
    const char *text; /* "none, linear, exponential or fibonacci" */
} tk_words;

/* --- findings --- */

void tk_reader_error(tk_reader *r, const tk_yaml *node, const char *format, ...) TK_PRINTF(3, 4);
void tk_reader_warn(tk_reader *r, const tk_yaml *node, const char *format, ...) TK_PRINTF(3, 4);

/* tk_reader_quote is a text in quotes, cut and without control characters, for a message. */
const char *tk_reader_quote(tk_reader *r, tk_str text);

/* tk_reader_show is what stands there, in words: `a text ("x")`, `a number (1.5)`, `a list`. */
const char *tk_reader_show(tk_reader *r, const tk_yaml *node);

/* --- maps --- */

/* tk_reader_map checks that a node is a map, strips the ':' of variant C from its keys, and tells
 * of keys that are unknown, idle, of an older form, or there twice. false: it is no map. */
bool tk_reader_map(tk_reader *r, tk_yaml *node, const tk_key *keys, size_t key_count);

/* tk_reader_get finds a member under its name or its other name (which may be NULL); both at once
 * are an error. NULL when absent or null. */
tk_yaml *tk_reader_get(tk_reader *r, const tk_yaml *map, const char *key, const char *other);

/* --- typed members; NULL or false when absent, null, or wrong (then an error was added) --- */

const tk_yaml *tk_reader_text(tk_reader *r, const tk_yaml *map, const char *key);

/* tk_reader_name is a required text of 1..bytes_max bytes without control characters. */
const tk_yaml *tk_reader_name(tk_reader *r, const tk_yaml *map, const char *key, size_t bytes_max);

/* tk_reader_list is a list; tk_reader_texts one of texts alone. */
const tk_yaml *tk_reader_list(tk_reader *r, const tk_yaml *map, const char *key, const char *other);
const tk_yaml *tk_reader_texts(tk_reader *r, const tk_yaml *map, const char *key,
                               const char *other);

bool tk_reader_bool(tk_reader *r, const tk_yaml *map, const char *key, bool *value);
bool tk_reader_int(tk_reader *r, const tk_yaml *map, const char *key, int64_t max, int64_t *value);
bool tk_reader_word(tk_reader *r, const tk_yaml *map, const char *key, const char *other,
                    const tk_words *words, size_t *index);

/* --- the parts of a template; each adds its findings --- */

void tk_reader_steps(tk_reader *r, const tk_yaml *root); /* template_yaml_steps.c */
void tk_reader_handler_read(tk_reader *r, tk_yaml *node, tk_reader_handler *handler);
void tk_reader_initialization(tk_reader *r, const tk_yaml *handler, tk_reader_handler *into,
                              bool apply);
void tk_reader_retry_read(tk_reader *r, tk_yaml *node, tk_reader_retry *retry);
void tk_reader_retry_apply(const tk_reader_retry *retry, tk_retry_policy *policy);
bool tk_reader_timeout(tk_reader *r, const tk_yaml *map, int64_t *seconds);
void tk_reader_overrides(tk_reader *r); /* template_yaml_overrides.c */
void tk_reader_graph(tk_reader *r);     /* template_yaml_graph.c */
void tk_reader_schema(tk_reader *r);    /* template_yaml_schema.c */

/* tk_reader_write writes the canonical spec. */
void tk_reader_write(tk_reader *r, tk_buf *spec); /* template_yaml_write.c */

#endif
