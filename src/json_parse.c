/*
 * json_parse.c - checks a whole text in one pass; nothing is allocated and nothing is copied.
 *
 *   text ── value ──┬─ scalar ──────────────┬── follow: ',' → next value, ']' '}' → up, end
 *                   └─ '[' '{': one down ───┘
 *
 * The open arrays and objects are a stack of frames, so C's own stack does not grow with the depth.
 * On an error the frames give the path; while all is well nobody writes it.
 */
#include <stdio.h>

#include "json_inner.h"

enum {
    /* An object's first so many names are compared with each other. Names behind them are not: the
     * work for a member stays bounded, however large the object is. */
    NAMES_MAX = 64,
    NAME_SHOWN_MAX = 64, /* bytes of a repeated name in the message */
    FOUND_SIZE = 96      /* bytes of a problem's first half */
};

typedef struct frame {
    uint64_t seen;    /* one bit for each hash of a name so far */
    uint32_t count;   /* an array's current index; an object's names so far */
    uint32_t name_at; /* offset of the current member's name */
    bool object;
    bool escaped; /* a name so far has an escape: its spelling is not its text */
    bool placed;  /* the current member or element is known: it belongs to the path */
} frame;

typedef struct parser {
    const char *start, *end;
    bool lenient, noted;
    size_t depth; /* open frames */
    const char *problem_at;
    const char *expected;
    char found[FOUND_SIZE]; /* "" when it is the byte at the problem's place */
    frame frames[TASKER_JSON_DEPTH_MAX];
    uint32_t names[TASKER_JSON_DEPTH_MAX][NAMES_MAX]; /* offsets; 32 KiB, touched as needed */
} parser;

/* Notes a problem and returns NULL, so that a caller can return it. `found` NULL is the byte. */
__attribute__((cold, noinline)) static const char *
problem(parser *p, const char *at, const char *found, const char *expected) {
    p->problem_at = at;
    p->expected = expected;
    snprintf(p->found, sizeof(p->found), "%s", found == NULL ? "" : found);
    return NULL;
}

int32_t tk_json_hex4(const char *at, const char *end) {
    if (end - at < 4) {
        return -1;
    }
    int32_t number = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        char lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9') {
            number = number * 16 + (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            number = number * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return number;
}

static bool is_high_surrogate(int32_t unit) {
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int32_t unit) {
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* "\uXXXX", or two of them for a surrogate pair; `at` is at the backslash. */
static const char *unicode_escape_parse(parser *p, const char *at) {
    int32_t unit = tk_json_hex4(at + 2, p->end);
    if (unit < 0) {
        return problem(p, at, "\\u", "four hexadecimal digits behind \\u");
    }
    bool pair = is_high_surrogate(unit) && p->end - at >= 12 && at[6] == '\\' && at[7] == 'u' &&
                is_low_surrogate(tk_json_hex4(at + 8, p->end));
    if (pair) {
        return at + 12;
    }
    bool lone = is_high_surrogate(unit) || is_low_surrogate(unit);
    if (lone && !p->lenient) {
        return problem(p, at, "half of a surrogate pair", "both halves, the high one first");
    }
    if (unit == 0 && !p->lenient) {
        return problem(p, at, "\\u0000", "text without NUL");
    }
    p->noted = p->noted || lone || unit == 0;
    return at + 6;
}

static const char *escape_parse(parser *p, const char *at) {
    char kind = '\0';
    if (p->end - at >= 2) {
        kind = at[1];
    }
    switch (kind) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        return unicode_escape_parse(p, at);
    default:
        return problem(p, at + 1, NULL, "one of \" \\ / b f n r t u behind a backslash");
    }
}

/* Characters beyond ASCII, up to the next byte that is none. */
static const char *utf8_parse(parser *p, const char *at) {
    while (at < p->end && (unsigned char)*at >= 0x80) {
        size_t length = tk_utf8_length(at, p->end);
        if (length == 0) {
            if (!p->lenient) {
                return problem(p, at, NULL, "UTF-8");
            }
            p->noted = true;
            length = 1;
        }
        at += length;
    }
    return at;
}

static const char *control_parse(parser *p, const char *at) {
    if (*at == '\0' && p->lenient) {
        p->noted = true;
        return at + 1;
    }
    const char *expected = *at == '\0' ? "text without NUL" : "control characters as escapes";
    return problem(p, at, NULL, expected);
}

/* `at` is at the opening quote; returns the byte behind the closing one. */
static inline const char *string_parse(parser *p, const char *at, bool *escaped) {
    *escaped = false;
    at++;
    while (at != NULL) {
        at = tk_json_plain_end(at, p->end, true);
        if (at == p->end) {
            return problem(p, at, NULL, "the string's closing quote");
        }
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\') {
            *escaped = true;
            at = escape_parse(p, at);
        } else if ((unsigned char)*at >= 0x80) {
            at = utf8_parse(p, at);
        } else {
            at = control_parse(p, at);
        }
    }
    return NULL;
}

static inline const char *digits_skip(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

static const char *number_parse(parser *p, const char *at) {
    const char *end = p->end;
    at += *at == '-' ? 1 : 0;
    const char *digits = at;
    at = digits_skip(at, end);
    if (at == digits) {
        return problem(p, at, NULL, "a digit");
    }
    if (*digits == '0' && at - digits > 1) {
        return problem(p, digits, "a leading 0", "a number without it");
    }
    if (at < end && *at == '.') {
        digits = at + 1;
        at = digits_skip(digits, end);
        if (at == digits) {
            return problem(p, at, NULL, "a digit behind the point");
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        digits = at + 1;
        if (digits < end && (*digits == '+' || *digits == '-')) {
            digits++;
        }
        at = digits_skip(digits, end);
        if (at == digits) {
            return problem(p, at, NULL, "a digit of the exponent");
        }
    }
    return at;
}

static const char *literal_parse(parser *p, const char *at, const char *literal) {
    for (size_t i = 0; literal[i] != '\0'; i++) {
        if (at + i == p->end || at[i] != literal[i]) {
            return problem(p, at + i, NULL, literal);
        }
    }
    return at + strlen(literal);
}

/* Whether one of the frame's names so far is the one at `name`; `end` is behind its quote. */
static bool name_repeats(const parser *p, const frame *f, const char *name, const char *end) {
    const uint32_t *earlier = p->names[f - p->frames];
    size_t size = (size_t)(end - name);
    for (size_t i = 0; i < f->count; i++) {
        const char *other = p->start + earlier[i];
        if (!f->escaped) {
            /* The other begins before this one, so as many bytes follow it; quotes included, equal
             * bytes are equal names. */
            if (memcmp(other, name, size) == 0) {
                return true;
            }
            continue;
        }
        const char *other_end = tk_json_string_skip(other, p->end);
        tk_json a = {TK_JSON_STRING, {other, (size_t)(other_end - other)}};
        tk_json b = {TK_JSON_STRING, {name, size}};
        if (tk_json_string_compare(a, b) == 0) {
            return true;
        }
    }
    return false;
}

/* A cheap hash, 0..63: names of one object mostly differ in length, first, middle or last byte. */
static inline uint64_t name_bit(const char *name, const char *end) {
    size_t size = (size_t)(end - name);
    unsigned hash = (unsigned)size + (unsigned char)name[1] * 5U +
                    (unsigned char)name[size / 2] * 17U + (unsigned char)end[-2] * 3U;
    return UINT64_C(1) << (hash & 63);
}

/* Takes a name in; false when the object has it already. */
static inline bool name_add(parser *p, frame *f, const char *name, const char *end, bool escaped) {
    if (f->count < NAMES_MAX) {
        f->escaped = f->escaped || escaped;
        uint64_t bit = name_bit(name, end);
        if (((f->seen & bit) != 0 || f->escaped) && name_repeats(p, f, name, end)) {
            return false;
        }
        f->seen |= bit;
        p->names[f - p->frames][f->count] = (uint32_t)(name - p->start);
    }
    f->count++;
    return true;
}

/* `at` is where a name has to be; returns the byte behind its colon. */
static const char *name_parse(parser *p, const char *at, const char *expected) {
    frame *f = &p->frames[p->depth - 1];
    f->placed = false;
    if (at == p->end || *at != '"') {
        return problem(p, at, NULL, expected);
    }
    const char *name = at;
    bool escaped = false;
    at = string_parse(p, at, &escaped);
    if (at == NULL) {
        return NULL;
    }
    if (!name_add(p, f, name, at, escaped)) {
        char found[FOUND_SIZE];
        int shown = at - name < NAME_SHOWN_MAX ? (int)(at - name) : NAME_SHOWN_MAX;
        snprintf(found, sizeof(found), "the name %.*s a second time", shown, name);
        return problem(p, name, found, "each name once in an object");
    }
    at = tk_json_space_skip(at, p->end);
    if (at == p->end || *at != ':') {
        return problem(p, at, NULL, "':' behind the name");
    }
    f->name_at = (uint32_t)(name - p->start);
    f->placed = true;
    return at + 1;
}

/* Opens an array or object at `at`. Returns where its first value begins (to be parsed), or, with
 * *empty, the byte behind its end. */
static const char *container_open(parser *p, const char *at, bool *empty) {
    if (p->depth == TASKER_JSON_DEPTH_MAX) {
        return problem(p, at, "one more array or object", "at most 128 within each other");
    }
    static_assert(TASKER_JSON_DEPTH_MAX == 128, "the message above names the limit");
    bool object = *at == '{';
    p->frames[p->depth++] = (frame){.object = object, .placed = !object};
    at = tk_json_space_skip(at + 1, p->end);
    *empty = at < p->end && *at == (object ? '}' : ']');
    if (*empty) {
        p->depth--;
        return at + 1;
    }
    return object ? name_parse(p, at, "a name in quotes or '}'") : at;
}

/* What stands behind a value, until another value has to come or the text's value is complete
 * (then depth is 0). */
static inline const char *value_follow(parser *p, const char *at) {
    while (p->depth > 0) {
        frame *f = &p->frames[p->depth - 1];
        at = tk_json_space_skip(at, p->end);
        char c = at < p->end ? *at : '\0';
        if (c == ',') {
            at = tk_json_space_skip(at + 1, p->end);
            if (f->object) {
                return name_parse(p, at, "a name in quotes");
            }
            f->count++;
            return at;
        }
        if (c != (f->object ? '}' : ']')) {
            f->placed = false;
            return problem(p, at, NULL, f->object ? "',' or '}'" : "',' or ']'");
        }
        p->depth--;
        at++;
    }
    return at;
}

tk_json_kind tk_json_kind_of(char first) {
    static const uint8_t kinds[256] = {
        ['"'] = TK_JSON_STRING, ['{'] = TK_JSON_OBJECT, ['['] = TK_JSON_ARRAY,
        ['t'] = TK_JSON_TRUE,   ['f'] = TK_JSON_FALSE,  ['n'] = TK_JSON_NULL,
        ['-'] = TK_JSON_NUMBER, ['0'] = TK_JSON_NUMBER, ['1'] = TK_JSON_NUMBER,
        ['2'] = TK_JSON_NUMBER, ['3'] = TK_JSON_NUMBER, ['4'] = TK_JSON_NUMBER,
        ['5'] = TK_JSON_NUMBER, ['6'] = TK_JSON_NUMBER, ['7'] = TK_JSON_NUMBER,
        ['8'] = TK_JSON_NUMBER, ['9'] = TK_JSON_NUMBER,
    };
    return (tk_json_kind)kinds[(unsigned char)first];
}

/* Parses the value that has to begin at `at`; a container is only opened (*open). */
static inline const char *value_parse(parser *p, const char *at, bool *open) {
    bool escaped = false;
    bool empty = false;
    *open = false;
    switch (at < p->end ? tk_json_kind_of(*at) : TK_JSON_NONE) {
    case TK_JSON_STRING:
        return string_parse(p, at, &escaped);
    case TK_JSON_NUMBER:
        return number_parse(p, at);
    case TK_JSON_ARRAY:
    case TK_JSON_OBJECT:
        at = container_open(p, at, &empty);
        *open = !empty;
        return at;
    case TK_JSON_TRUE:
        return literal_parse(p, at, "true");
    case TK_JSON_FALSE:
        return literal_parse(p, at, "false");
    case TK_JSON_NULL:
        return literal_parse(p, at, "null");
    case TK_JSON_NONE:
        break;
    }
    return problem(p, at, NULL, "a value");
}

/* Returns the byte behind the one value of the text, or NULL after a problem. */
static const char *text_parse(parser *p, const char *at) {
    do {
        bool open = false;
        at = value_parse(p, tk_json_space_skip(at, p->end), &open);
        if (at != NULL && !open) {
            at = value_follow(p, at);
        }
    } while (at != NULL && p->depth > 0);
    if (at == NULL) {
        return NULL;
    }
    const char *rest = tk_json_space_skip(at, p->end);
    return rest == p->end ? at : problem(p, rest, NULL, "the end of the text");
}

/* --- what went wrong --- */

static bool is_plain_name(tk_str name) {
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        char lower = (char)(c | 0x20);
        bool letter = lower >= 'a' && lower <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return name.size > 0;
}

/* "$.a[2]["a b"]": the innermost value that was being read, as far as it fits. */
static void path_write(const parser *p, char path[TASKER_PATH_MAX]) {
    size_t used = 1;
    memcpy(path, "$", 2);
    for (size_t i = 0; i < p->depth && p->frames[i].placed && used < TASKER_PATH_MAX - 1; i++) {
        const frame *f = &p->frames[i];
        char *at = path + used;
        size_t room = TASKER_PATH_MAX - used;
        int size = 0;
        if (!f->object) {
            size = snprintf(at, room, "[%" PRIu32 "]", f->count);
        } else {
            const char *name = p->start + f->name_at;
            const char *end = tk_json_string_skip(name, p->end);
            tk_str inside = {name + 1, (size_t)(end - name) - 2};
            bool plain = is_plain_name(inside);
            const char *format = plain ? ".%.*s" : "[\"%.*s\"]";
            int shown = inside.size > TASKER_PATH_MAX ? TASKER_PATH_MAX : (int)inside.size;
            size = snprintf(at, room, format, shown, inside.data);
        }
        used = size < 0 || (size_t)size >= room ? TASKER_PATH_MAX - 1 : used + (size_t)size;
    }
}

static tasker_status problem_tell(const parser *p, tasker_error *error) {
    char found[FOUND_SIZE];
    char path[TASKER_PATH_MAX];
    const unsigned char *byte = (const unsigned char *)p->problem_at;
    if (p->found[0] != '\0') {
        snprintf(found, sizeof(found), "%s", p->found);
    } else if (p->problem_at == p->end) {
        snprintf(found, sizeof(found), "the text's end");
    } else if (*byte > 0x20 && *byte < 0x7f) {
        snprintf(found, sizeof(found), "'%c'", *p->problem_at);
    } else {
        snprintf(found, sizeof(found), "byte 0x%02x", *byte);
    }
    path_write(p, path);
    return tk_fail_at(error, TASKER_INVALID, path, "JSON: %s at byte %zu, expected %s", found,
                      (size_t)(p->problem_at - p->start), p->expected);
}

static tasker_status parse(tk_str text, size_t bytes_max, bool lenient, bool *noted, tk_json *value,
                           tasker_error *error) {
    size_t most = bytes_max < TK_JSON_BYTES_MAX ? bytes_max : TK_JSON_BYTES_MAX;
    if (text.size > most) {
        return tk_fail_at(error, TASKER_INVALID, "$", "JSON: %zu bytes, expected at most %zu",
                          text.size, most);
    }
    parser p; /* large: only what is used gets written */
    p.start = text.size == 0 ? "" : text.data;
    p.end = p.start + text.size;
    p.lenient = lenient;
    p.noted = false;
    p.depth = 0;

    const char *end = text_parse(&p, p.start);
    if (end == NULL) {
        return problem_tell(&p, error);
    }
    const char *start = tk_json_space_skip(p.start, p.end);
    *value = (tk_json){tk_json_kind_of(*start), {start, (size_t)(end - start)}};
    *noted = p.noted;
    return TASKER_OK;
}

tasker_status tk_json_parse(tk_str text, size_t bytes_max, tk_json *value, tasker_error *error) {
    bool noted = false;
    return parse(text, bytes_max, false, &noted, value, error);
}

tasker_status tk_json_parse_lenient(tk_str text, size_t bytes_max, tk_json *value, bool *noted,
                                    tasker_error *error) {
    return parse(text, bytes_max, true, noted, value, error);
}

size_t tk_utf8_check(tk_str text) {
    const char *at = text.data;
    const char *end = at + text.size;
    while (at < end) {
        size_t length = tk_utf8_length(at, end);
        if (length == 0) {
            return (size_t)(at - text.data);
        }
        at += length;
    }
    return SIZE_MAX;
}
