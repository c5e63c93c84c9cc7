/*
 * schema.c - checks a value against the JSON Schema of a template.
 *
 *   submit.c --context, input_schema--> [schema.c] --first fault: path, what is expected--> client
 *
 * The schema is walked as text, beside the value. A template's schema was linted when the template
 * was read; a keyword whose value is of the wrong type has no effect here. Work is bounded by
 * TK_SCHEMA_STEPS_MAX (searches in long objects cost by their length), nesting by
 * TK_SCHEMA_DEPTH_MAX. Values of the client are not repeated in messages, except numbers.
 */
#include "schema.h"

#include "schema_inner.h"

#define STEP_BYTES 256 /* looking through that much text costs one step */
#define REF_BYTES 4096 /* following a $ref costs as much as looking through that much text */
#define SHOWN_BYTES_MAX 160

/* Where we are in the value: a chain on the stack, written out on failure only. */
typedef struct place {
    const struct place *outer;
    tk_json name; /* NONE: an element */
    size_t index;
} place;

typedef struct check {
    tk_json root_schema;
    const char *root;
    uint32_t steps, depth;
    bool quiet;           /* within anyOf: a mismatch is no news */
    tasker_status broken; /* beyond a limit, or no memory: ends everything, also within anyOf */
    tasker_error *error;
} check;

static bool matches(check *c, const place *at, tk_json schema, tk_json value);

/* --- failing --- */

static void write_place(tk_arena *arena, tk_buf *path, const place *at) {
    if (at == NULL) {
        return;
    }
    write_place(arena, path, at->outer);
    tk_str name;
    if (at->name.kind == TK_JSON_NONE) {
        tk_buf_printf(path, "[%zu]", at->index);
    } else if (tk_json_string(arena, at->name, &name)) {
        tk_buf_char(path, '.');
        tk_buf_str(path, name);
    }
}

static void fail_with(check *c, const place *at, tasker_status status, const char *message) {
    tk_arena arena = {0};
    tk_buf path = {0};
    tk_buf_text(&path, c->root);
    write_place(&arena, &path, at);
    tk_fail_at(c->error, status, path.failed ? c->root : path.data, "%s", message);
    tk_buf_release(&path);
    tk_arena_release(&arena);
}

/* Always false, so that a check can end with it. */
static bool mismatch(check *c, const place *at, const char *format, ...) TK_PRINTF(3, 4);

static bool mismatch(check *c, const place *at, const char *format, ...) {
    if (c->quiet) {
        return false;
    }
    tk_buf message = {0};
    va_list args;
    va_start(args, format);
    tk_buf_vprintf(&message, format, args);
    va_end(args);
    fail_with(c, at, TASKER_INVALID, message.failed ? "does not match its schema" : message.data);
    tk_buf_release(&message);
    return false;
}

static bool give_up(check *c, const place *at, tasker_status status, const char *message) {
    if (c->broken == TASKER_OK) {
        c->broken = status;
        if (status == TASKER_NOMEM) {
            tk_nomem(c->error);
        } else {
            fail_with(c, at, status, message);
        }
    }
    return false;
}

static bool pay(check *c, const place *at, size_t bytes) {
    size_t cost = 1 + bytes / STEP_BYTES;
    if (cost > TK_SCHEMA_STEPS_MAX - c->steps) {
        return give_up(c, at, TASKER_INVALID,
                       "checking the value takes too many steps; expected a smaller value");
    }
    c->steps += (uint32_t)cost;
    return true;
}

static tk_json member(check *c, const place *at, tk_json object, tk_json name, bool *ok) {
    *ok = pay(c, at, object.text.size);
    tk_json_iterator it = tk_json_each(object);
    while (*ok && tk_json_next(&it)) {
        if (tk_json_equal(it.name, name)) {
            return it.value;
        }
    }
    return (tk_json){0};
}

/* --- type, enum, const --- */

static const char *kind_name(tk_json value) {
    switch (value.kind) {
    case TK_JSON_NULL:
        return "null";
    case TK_JSON_FALSE:
    case TK_JSON_TRUE:
        return "a boolean";
    case TK_JSON_NUMBER:
        return tk_json_number_is_integer(value) ? "an integer" : "a number";
    case TK_JSON_STRING:
        return "a string";
    case TK_JSON_ARRAY:
        return "an array";
    case TK_JSON_OBJECT:
        return "an object";
    case TK_JSON_NONE:
        break;
    }
    return "nothing";
}

static bool type_is(tk_json word, tk_json value) {
    switch (value.kind) {
    case TK_JSON_NULL:
        return tk_json_string_is(word, TK_STR("null"));
    case TK_JSON_FALSE:
    case TK_JSON_TRUE:
        return tk_json_string_is(word, TK_STR("boolean"));
    case TK_JSON_NUMBER:
        return tk_json_string_is(word, TK_STR("number")) ||
               (tk_json_string_is(word, TK_STR("integer")) && tk_json_number_is_integer(value));
    case TK_JSON_STRING:
        return tk_json_string_is(word, TK_STR("string"));
    case TK_JSON_ARRAY:
        return tk_json_string_is(word, TK_STR("array"));
    case TK_JSON_OBJECT:
        return tk_json_string_is(word, TK_STR("object"));
    case TK_JSON_NONE:
        break;
    }
    return false;
}

/* The schema's own text, cut on a character's boundary: "a","b",… */
static tk_str shown(tk_json json) {
    tk_str text = json.text;
    if (json.kind == TK_JSON_ARRAY) {
        text = (tk_str){text.data + 1, text.size - 2};
    }
    if (text.size > SHOWN_BYTES_MAX) {
        text.size = SHOWN_BYTES_MAX;
        while (text.size > 0 && ((unsigned char)text.data[text.size] & 0xc0) == 0x80) {
            text.size--;
        }
    }
    return text;
}

static bool check_type(check *c, const place *at, tk_json types, tk_json value) {
    if (types.kind == TK_JSON_STRING && type_is(types, value)) {
        return true;
    }
    tk_json_iterator it = tk_json_each(types);
    while (tk_json_next(&it)) {
        if (!pay(c, at, 0)) {
            return false;
        }
        if (type_is(it.value, value)) {
            return true;
        }
    }
    if (types.kind != TK_JSON_STRING && types.kind != TK_JSON_ARRAY) {
        return true;
    }
    tk_str text = shown(types);
    return mismatch(c, at, "is %s; expected the type %.*s", kind_name(value), (int)text.size,
                    text.data);
}

static bool check_enum(check *c, const place *at, tk_json words, tk_json value) {
    if (words.kind != TK_JSON_ARRAY) {
        return true;
    }
    tk_json_iterator it = tk_json_each(words);
    while (tk_json_next(&it)) {
        if (!pay(c, at, it.value.text.size + value.text.size)) {
            return false;
        }
        if (tk_json_equal(it.value, value)) {
            return true;
        }
    }
    tk_str text = shown(words);
    return mismatch(c, at, "is none of the allowed values; expected one of %.*s", (int)text.size,
                    text.data);
}

static bool check_const(check *c, const place *at, tk_json only, tk_json value) {
    if (!pay(c, at, only.text.size + value.text.size)) {
        return false;
    }
    if (tk_json_equal(only, value)) {
        return true;
    }
    tk_str text = shown(only);
    return mismatch(c, at, "is not the one allowed value; expected %.*s", (int)text.size,
                    text.data);
}

/* --- numbers and sizes --- */

static bool check_bound(check *c, const place *at, tk_schema_keyword keyword, tk_json bound,
                        tk_json value) {
    if (value.kind != TK_JSON_NUMBER || bound.kind != TK_JSON_NUMBER) {
        return true;
    }
    int order = tk_json_number_compare(value, bound);
    bool ok = keyword == TK_SCHEMA_MINIMUM             ? order >= 0
              : keyword == TK_SCHEMA_MAXIMUM           ? order <= 0
              : keyword == TK_SCHEMA_EXCLUSIVE_MINIMUM ? order > 0
                                                       : order < 0;
    const char *relation = keyword == TK_SCHEMA_MINIMUM             ? "at least"
                           : keyword == TK_SCHEMA_MAXIMUM           ? "at most"
                           : keyword == TK_SCHEMA_EXCLUSIVE_MINIMUM ? "more than"
                                                                    : "less than";
    tk_str is = shown(value);
    tk_str than = shown(bound);
    return ok || mismatch(c, at, "is %.*s; expected %s %.*s", (int)is.size, is.data, relation,
                          (int)than.size, than.data);
}

/* Characters of a checked string, an escape counted once, a surrogate pair too. */
static int64_t count_characters(tk_json string) {
    int64_t count = 0;
    const char *at = string.text.data + 1;
    const char *end = string.text.data + string.text.size - 1;
    while (at < end) {
        if (at[0] == '\\' && at[1] == 'u') {
            bool high = (at[2] == 'd' || at[2] == 'D') && strchr("89abAB", at[3]) != NULL;
            at += high ? 12 : 6;
            count++;
        } else if (at[0] == '\\') {
            at += 2;
            count++;
        } else {
            count += ((unsigned char)at[0] & 0xc0) != 0x80;
            at++;
        }
    }
    return count;
}

typedef struct size_rule {
    tk_schema_keyword minimum, maximum;
    tk_json_kind kind;
    const char *unit;
} size_rule;

static const size_rule size_rules[] = {
    {TK_SCHEMA_MIN_LENGTH, TK_SCHEMA_MAX_LENGTH, TK_JSON_STRING, "characters"},
    {TK_SCHEMA_MIN_ITEMS, TK_SCHEMA_MAX_ITEMS, TK_JSON_ARRAY, "items"},
    {TK_SCHEMA_MIN_PROPERTIES, TK_SCHEMA_MAX_PROPERTIES, TK_JSON_OBJECT, "members"},
};

static bool check_size(check *c, const place *at, tk_schema_keyword keyword, tk_json bound,
                       tk_json value) {
    const size_rule *rule = size_rules;
    while (rule->minimum != keyword && rule->maximum != keyword) {
        rule++;
    }
    int64_t limit = 0;
    if (value.kind != rule->kind || !tk_json_int(bound, &limit)) {
        return true;
    }
    if (!pay(c, at, value.text.size)) {
        return false;
    }
    int64_t size =
        value.kind == TK_JSON_STRING ? count_characters(value) : (int64_t)tk_json_count(value);
    bool least = rule->minimum == keyword;
    bool ok = least ? size >= limit : size <= limit;
    return ok || mismatch(c, at, "has %" PRId64 " %s; expected at %s %" PRId64, size, rule->unit,
                          least ? "least" : "most", limit);
}

/* --- objects and arrays --- */

static bool check_required(check *c, const place *at, tk_json names, tk_json value) {
    if (value.kind != TK_JSON_OBJECT) {
        return true;
    }
    tk_json_iterator it = tk_json_each(names);
    while (tk_json_next(&it)) {
        bool ok = true;
        if (it.value.kind == TK_JSON_STRING &&
            member(c, at, value, it.value, &ok).kind == TK_JSON_NONE) {
            place missing = {.outer = at, .name = it.value};
            return ok && mismatch(c, &missing, "is missing; expected this member");
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool check_properties(check *c, const place *at, tk_json schemas, tk_json value) {
    if (value.kind != TK_JSON_OBJECT || schemas.kind != TK_JSON_OBJECT) {
        return true;
    }
    tk_json_iterator it = tk_json_each(schemas);
    while (tk_json_next(&it)) {
        bool ok = true;
        tk_json found = member(c, at, value, it.name, &ok);
        place inner = {.outer = at, .name = it.name};
        if (!ok || (found.kind != TK_JSON_NONE && !matches(c, &inner, it.value, found))) {
            return false;
        }
    }
    return true;
}

static bool check_additional(check *c, const place *at, tk_json schema, tk_json rule,
                             tk_json value) {
    if (value.kind != TK_JSON_OBJECT || rule.kind == TK_JSON_TRUE) {
        return true;
    }
    tk_json known = tk_json_member(schema, "properties");
    tk_json_iterator it = tk_json_each(value);
    while (tk_json_next(&it)) {
        bool ok = true;
        bool listed = member(c, at, known, it.name, &ok).kind != TK_JSON_NONE;
        place inner = {.outer = at, .name = it.name};
        if (ok && !listed && rule.kind == TK_JSON_FALSE) {
            return mismatch(c, &inner, "is not allowed here; expected only the schema's members");
        }
        if (!ok || (!listed && !matches(c, &inner, rule, it.value))) {
            return false;
        }
    }
    return true;
}

static bool check_items(check *c, const place *at, tk_json schema, tk_json value) {
    if (value.kind != TK_JSON_ARRAY) {
        return true;
    }
    tk_json_iterator it = tk_json_each(value);
    while (tk_json_next(&it)) {
        place inner = {.outer = at, .index = it.index};
        if (!matches(c, &inner, schema, it.value)) {
            return false;
        }
    }
    return true;
}

/* --- combinations --- */

static bool check_all_of(check *c, const place *at, tk_json schemas, tk_json value) {
    tk_json_iterator it = tk_json_each(schemas);
    while (tk_json_next(&it)) {
        if (!matches(c, at, it.value, value)) {
            return false;
        }
    }
    return true;
}

static bool check_any_of(check *c, const place *at, tk_json schemas, tk_json value) {
    if (tk_json_count(schemas) == 0) {
        return true;
    }
    bool quiet = c->quiet;
    bool found = false;
    tk_json_iterator it = tk_json_each(schemas);
    c->quiet = true;
    while (!found && c->broken == TASKER_OK && tk_json_next(&it)) {
        found = matches(c, at, it.value, value);
    }
    c->quiet = quiet;
    if (found || c->broken != TASKER_OK) {
        return found;
    }
    return mismatch(c, at, "matches none of the forms of anyOf; expected one of the %zu",
                    tk_json_count(schemas));
}

static bool check_ref(check *c, const place *at, tk_json ref, tk_json value) {
    tk_json target;
    if (!pay(c, at, c->root_schema.text.size + REF_BYTES)) {
        return false;
    }
    if (!tk_schema_resolve(c->root_schema, ref, &target)) {
        return give_up(c, at, TASKER_NOMEM, "");
    }
    return target.kind == TK_JSON_NONE || matches(c, at, target, value);
}

/* --- one schema --- */

static bool check_keyword(check *c, const place *at, tk_json schema, tk_schema_keyword keyword,
                          tk_json rule, tk_json value) {
    switch (keyword) {
    case TK_SCHEMA_TYPE:
        return check_type(c, at, rule, value);
    case TK_SCHEMA_ENUM:
        return check_enum(c, at, rule, value);
    case TK_SCHEMA_CONST:
        return check_const(c, at, rule, value);
    case TK_SCHEMA_REQUIRED:
        return check_required(c, at, rule, value);
    case TK_SCHEMA_PROPERTIES:
        return check_properties(c, at, rule, value);
    case TK_SCHEMA_ADDITIONAL_PROPERTIES:
        return check_additional(c, at, schema, rule, value);
    case TK_SCHEMA_ITEMS:
        return check_items(c, at, rule, value);
    case TK_SCHEMA_MINIMUM:
    case TK_SCHEMA_MAXIMUM:
    case TK_SCHEMA_EXCLUSIVE_MINIMUM:
    case TK_SCHEMA_EXCLUSIVE_MAXIMUM:
        return check_bound(c, at, keyword, rule, value);
    case TK_SCHEMA_MIN_LENGTH:
    case TK_SCHEMA_MAX_LENGTH:
    case TK_SCHEMA_MIN_ITEMS:
    case TK_SCHEMA_MAX_ITEMS:
    case TK_SCHEMA_MIN_PROPERTIES:
    case TK_SCHEMA_MAX_PROPERTIES:
        return check_size(c, at, keyword, rule, value);
    case TK_SCHEMA_ALL_OF:
        return check_all_of(c, at, rule, value);
    case TK_SCHEMA_ANY_OF:
        return check_any_of(c, at, rule, value);
    case TK_SCHEMA_REF:
        return check_ref(c, at, rule, value);
    default: /* definitions, words for people, unknown ones */
        return true;
    }
}

static bool matches_object(check *c, const place *at, tk_json schema, tk_json value) {
    tk_json_iterator it = tk_json_each(schema);
    while (tk_json_next(&it)) {
        tk_schema_keyword keyword = tk_schema_keyword_of(it.name);
        if (!pay(c, at, it.value.text.size) ||
            !check_keyword(c, at, schema, keyword, it.value, value)) {
            return false;
        }
    }
    return true;
}

static bool matches(check *c, const place *at, tk_json schema, tk_json value) {
    if (schema.kind == TK_JSON_FALSE) {
        return mismatch(c, at, "is not allowed here; expected nothing");
    }
    if (schema.kind != TK_JSON_OBJECT) {
        return true;
    }
    if (c->depth == TK_SCHEMA_DEPTH_MAX) {
        return give_up(c, at, TASKER_INVALID,
                       "the schema goes too deep or refers to itself without end; "
                       "expected a schema whose $ref come to an end");
    }
    c->depth++;
    bool ok = matches_object(c, at, schema, value);
    c->depth--;
    return ok;
}

tasker_status tk_schema_check(tk_json schema, tk_json value, const char *root,
                              tasker_error *error) {
    check c = {.root_schema = schema, .root = root, .error = error};
    if (matches(&c, NULL, schema, value)) {
        return TASKER_OK;
    }
    return c.broken == TASKER_OK ? TASKER_INVALID : c.broken;
}
