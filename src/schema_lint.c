/*
 * schema_lint.c - finds a schema's own faults, when a template is read.
 *
 *   template_yaml_schema.c --input_schema--> [schema_lint.c] --place in the schema, fault--> findings
 */
#include "schema_inner.h"

#define REF_HOPS_MAX 64                    /* a $ref to a $ref to … */
#define REF_BYTES_MAX (256u * 1024 * 1024) /* text looked through for all $ref together */

typedef enum takes {
    TAKES_TYPE,
    TAKES_NAMES,
    TAKES_SCHEMA_MAP,
    TAKES_SCHEMA,
    TAKES_SCHEMA_LIST,
    TAKES_LIST,
    TAKES_ANY,
    TAKES_NUMBER,
    TAKES_COUNT,
    TAKES_REF
} takes;

typedef struct lint {
    tk_json root;
    tk_schema_report_fn report;
    void *user;
    tk_buf path;
    size_t ref_bytes;
    bool failed; /* out of memory */
} lint;

static void lint_schema(lint *l, tk_json schema);

/* --- places --- */

static size_t enter_name(lint *l, tk_json name) {
    size_t before = l->path.size;
    tk_arena arena = {0};
    tk_str text = {0};
    if (!tk_json_string(&arena, name, &text)) {
        l->failed = true;
    }
    tk_buf_text(&l->path, before > 0 ? "." : "");
    tk_buf_str(&l->path, text);
    tk_arena_release(&arena);
    return before;
}

static size_t enter_index(lint *l, size_t index) {
    size_t before = l->path.size;
    tk_buf_printf(&l->path, "[%zu]", index);
    return before;
}

static void report(lint *l, bool wrong, const char *message) {
    if (l->path.failed) {
        l->failed = true;
    } else {
        l->report(l->user, wrong, l->path.size == 0 ? "" : l->path.data, message);
    }
}

/* --- values of keywords --- */

static void lint_type(lint *l, tk_json value) {
    bool known = value.kind == TK_JSON_STRING && tk_schema_type_known(value);
    if (value.kind == TK_JSON_ARRAY) {
        known = tk_json_count(value) > 0;
        tk_json_iterator it = tk_json_each(value);
        while (tk_json_next(&it)) {
            known = known && tk_schema_type_known(it.value);
        }
    }
    if (!known) {
        report(l, true,
               "is no type; expected null, boolean, object, array, string, number or integer, "
               "or a list of them");
    }
}

static void lint_names(lint *l, tk_json value) {
    bool good = value.kind == TK_JSON_ARRAY;
    tk_json_iterator it = tk_json_each(value);
    while (tk_json_next(&it)) {
        good = good && it.value.kind == TK_JSON_STRING;
    }
    if (!good) {
        report(l, true, "is no list of names; expected the names of members");
    }
}

static void lint_schema_map(lint *l, tk_json value) {
    if (value.kind != TK_JSON_OBJECT) {
        report(l, true, "is no map; expected names with their schemas");
        return;
    }
    tk_json_iterator it = tk_json_each(value);
    while (tk_json_next(&it) && !l->failed) {
        size_t before = enter_name(l, it.name);
        lint_schema(l, it.value);
        tk_buf_truncate(&l->path, before);
    }
}

static void lint_schema_list(lint *l, tk_json value) {
    if (value.kind != TK_JSON_ARRAY || tk_json_count(value) == 0) {
        report(l, true, "is no list of schemas; expected at least one");
        return;
    }
    tk_json_iterator it = tk_json_each(value);
    while (tk_json_next(&it) && !l->failed) {
        size_t before = enter_index(l, it.index);
        lint_schema(l, it.value);
        tk_buf_truncate(&l->path, before);
    }
}

static void lint_count(lint *l, tk_json value) {
    int64_t count = 0;
    if (!tk_json_int(value, &count) || count < 0) {
        report(l, true, "is no size; expected a whole number from 0");
    }
}

static void lint_ref(lint *l, tk_json value) {
    for (int hops = 0; hops < REF_HOPS_MAX; hops++) {
        tk_json target;
        l->ref_bytes += l->root.text.size;
        if (l->ref_bytes > REF_BYTES_MAX) {
            report(l, true, "one $ref too many for a schema of this size; expected fewer");
            return;
        }
        if (!tk_schema_resolve(l->root, value, &target)) {
            l->failed = true;
            return;
        }
        if (target.kind == TK_JSON_NONE) {
            report(l, true,
                   "leads nowhere; expected a place in this schema, like \"#/$defs/name\"");
            return;
        }
        value = tk_json_member(target, "$ref");
        if (value.kind == TK_JSON_NONE) {
            return;
        }
    }
    report(l, true, "refers to itself without end; expected a schema at its end");
}

static void lint_value(lint *l, takes kind, tk_json value) {
    switch (kind) {
    case TAKES_TYPE:
        lint_type(l, value);
        return;
    case TAKES_NAMES:
        lint_names(l, value);
        return;
    case TAKES_SCHEMA_MAP:
        lint_schema_map(l, value);
        return;
    case TAKES_SCHEMA:
        lint_schema(l, value);
        return;
    case TAKES_SCHEMA_LIST:
        lint_schema_list(l, value);
        return;
    case TAKES_LIST:
        if (value.kind != TK_JSON_ARRAY) {
            report(l, true, "is no list; expected the allowed values");
        }
        return;
    case TAKES_NUMBER:
        if (value.kind != TK_JSON_NUMBER) {
            report(l, true, "is no number; expected one");
        }
        return;
    case TAKES_COUNT:
        lint_count(l, value);
        return;
    case TAKES_REF:
        lint_ref(l, value);
        return;
    case TAKES_ANY:
        return;
    }
}

/* --- schemas --- */

static void lint_schema(lint *l, tk_json schema) {
    static const takes kinds[] = {
#define X(name, text, takes) TAKES_##takes,
        TK_SCHEMA_KEYWORD_MAP(X)
#undef X
    };
    if (schema.kind == TK_JSON_TRUE || schema.kind == TK_JSON_FALSE) {
        return;
    }
    if (schema.kind != TK_JSON_OBJECT) {
        report(l, true, "is no schema; expected a map with keywords, true or false");
        return;
    }
    tk_json_iterator it = tk_json_each(schema);
    while (tk_json_next(&it) && !l->failed) {
        size_t before = enter_name(l, it.name);
        tk_schema_keyword keyword = tk_schema_keyword_of(it.name);
        if (keyword == TK_SCHEMA_UNKNOWN) {
            report(l, false, "unknown keyword, without effect; expected one that is checked");
        } else {
            lint_value(l, kinds[keyword], it.value);
        }
        tk_buf_truncate(&l->path, before);
    }
}

tasker_status tk_schema_lint(tk_json schema, tk_schema_report_fn report_finding, void *user,
                             tasker_error *error) {
    lint l = {.root = schema, .report = report_finding, .user = user};
    lint_schema(&l, schema);
    bool failed = l.failed || l.path.failed;
    tk_buf_release(&l.path);
    return failed ? tk_nomem(error) : TASKER_OK;
}
