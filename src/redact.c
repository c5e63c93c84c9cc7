/*
 * redact.c - walks a JSON text and cuts hidden values out of it, or splices old ones in.
 *
 *   text ── walk, names on a stack ── a hidden member? ──► the bytes before it, what stands for it, …
 */
#include "redact.h"

typedef struct walk {
    const tk_redact *redact;
    tk_buf *buf;
    const char *copied; /* the text up to here is written */
    bool restore;
    tk_json names[TASKER_JSON_DEPTH_MAX + 1];
    uint32_t depth;
} walk;

/* The last name of a path, which is cut off. */
static tk_str last_name(tk_str *path) {
    size_t at = path->size;
    while (at > 0 && path->data[at - 1] != '.') {
        at--;
    }
    tk_str name = {path->data + at, path->size - at};
    path->size = at > 0 ? at - 1 : 0;
    return name;
}

static bool ends_with(const walk *w, tk_str path) {
    uint32_t depth = w->depth;
    while (path.size > 0) {
        tk_str name = last_name(&path);
        if (depth == 0 || !tk_json_string_is(w->names[--depth], name)) {
            return false;
        }
    }
    return true;
}

static bool is_hidden(const walk *w) {
    for (uint32_t i = 0; i < w->redact->count; i++) {
        if (ends_with(w, w->redact->paths[i])) {
            return true;
        }
    }
    return false;
}

static void replace(walk *w, tk_json value, tk_str by) {
    tk_buf_add(w->buf, w->copied, (size_t)(value.text.data - w->copied));
    tk_buf_str(w->buf, by);
    w->copied = value.text.data + value.text.size;
}

static tk_json member_of(tk_json object, tk_json name) {
    tk_json_iterator it = tk_json_each(object);
    while (object.kind == TK_JSON_OBJECT && tk_json_next(&it)) {
        if (tk_json_equal(it.name, name)) {
            return it.value;
        }
    }
    return (tk_json){0};
}

static void walk_hidden(walk *w, tk_json value, tk_json old) {
    if (!w->restore) {
        replace(w, value, TK_STR("\"" TK_REDACTED "\""));
    } else if (old.kind != TK_JSON_NONE && tk_json_string_is(value, TK_STR(TK_REDACTED))) {
        replace(w, value, old.text);
    }
}

/* As deep as JSON may be nested, and no deeper. `old` is what stood at the same place. */
static void walk_value(walk *w, tk_json value, tk_json old) { /* NOLINT(misc-no-recursion) */
    tk_json_iterator it = tk_json_each(value);
    tk_json_iterator before = tk_json_each(old);
    if (value.kind == TK_JSON_ARRAY) {
        bool same = old.kind == TK_JSON_ARRAY;
        while (tk_json_next(&it)) {
            same = same && tk_json_next(&before);
            walk_value(w, it.value, same ? before.value : (tk_json){0});
        }
        return;
    }
    while (value.kind == TK_JSON_OBJECT && w->depth <= TASKER_JSON_DEPTH_MAX && tk_json_next(&it)) {
        tk_json there = w->restore ? member_of(old, it.name) : (tk_json){0};
        w->names[w->depth++] = it.name;
        if (is_hidden(w)) {
            walk_hidden(w, it.value, there);
        } else {
            walk_value(w, it.value, there);
        }
        w->depth--;
    }
}

static void run(walk *w, tk_str text, tk_str old_text) {
    tk_json value = {0};
    tk_json old = {0};
    w->copied = text.data;
    if (w->redact->count > 0 && tk_json_parse(text, SIZE_MAX, &value, NULL) == TASKER_OK) {
        if (old_text.size > 0) {
            (void)tk_json_parse(old_text, SIZE_MAX, &old, NULL);
        }
        walk_value(w, value, old);
    }
    tk_buf_add(w->buf, w->copied, (size_t)(text.data + text.size - w->copied));
}

void tk_redact_hide(const tk_redact *redact, tk_str text, tk_buf *buf) {
    walk w = {.redact = redact, .buf = buf};
    if (text.size > 0) {
        run(&w, text, (tk_str){NULL, 0});
    }
}

void tk_redact_restore(const tk_redact *redact, tk_str text, tk_str old, tk_buf *buf) {
    walk w = {.redact = redact, .buf = buf, .restore = true};
    if (text.size > 0) {
        run(&w, text, old);
    }
}

/* --- places ----------------------------------------------------------------------------------- */

/* The names of "$.a.b[2].c" up to `end`, without indexes, in `names`; returns their size. */
static size_t names_of(const char *place, size_t end, char *names) {
    size_t size = 0;
    bool index = false;
    for (size_t i = 0; i < end; i++) {
        index = place[i] == '[' || (index && place[i] != ']');
        if (!index && place[i] != ']') {
            names[size++] = place[i];
        }
    }
    return size;
}

static bool text_ends_with(tk_str names, tk_str path) {
    return names.size > path.size && names.data[names.size - path.size - 1] == '.' &&
           memcmp(names.data + names.size - path.size, path.data, path.size) == 0;
}

bool tk_redact_covers(const tk_redact *redact, const char *place) {
    char names[TASKER_PATH_MAX];
    size_t size = strnlen(place, sizeof(names));
    for (size_t end = 1; end <= size; end++) { /* each name may end the path of a hidden member */
        if (end < size && place[end] != '.' && place[end] != '[') {
            continue;
        }
        size_t names_size = names_of(place, end, names);
        tk_str until = {names, names_size};
        for (uint32_t i = 0; i < redact->count; i++) {
            if (text_ends_with(until, redact->paths[i])) {
                return true;
            }
        }
    }
    return false;
}
