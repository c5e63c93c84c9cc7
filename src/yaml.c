/*
 * yaml.c - reads a YAML text into a tree, and refuses what a template must not hold.
 *
 *   template text --> [yaml.c] --tree--> template_yaml.c
 *                        └── yaml_scalar.c types the plain scalars
 *
 * Anchors, aliases, tags and further documents are refused at libyaml's events, before anything is
 * built: an alias bomb costs nothing. Memory is bounded by the text's size and TK_YAML_NODES_MAX;
 * nothing recurses. (libyaml's own buffers come from malloc; everything that stays is the arena's.)
 */
#include "yaml_tree.h"

#include <stdio.h>
#include <yaml.h>

#include "json.h"

#define CORE_TAG "tag:yaml.org,2002:"

typedef struct reader {
    tk_arena *arena;
    yaml_parser_t parser;
    tk_yaml *root;
    tk_yaml *open; /* the innermost map or list that is not finished */
    uint32_t depth, nodes, documents;
    bool has_key; /* within a map: the next value belongs to `key` */
    tk_str key;
    tk_yaml_place key_place;
    tk_yaml_place *place;
    tasker_error *error;
} reader;

static tk_yaml_place place_of(yaml_mark_t mark) {
    return (tk_yaml_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* Says that `at` is wrong; the path is that of the value that would stand there. */
static tasker_status refuse(reader *r, tk_yaml_place at, const char *format, ...) TK_PRINTF(3, 4);

static tasker_status refuse(reader *r, tk_yaml_place at, const char *format, ...) {
    tk_yaml here = {.parent = r->open};
    if (r->open != NULL) {
        here.index = r->open->count;
        here.key = r->has_key ? r->key : (tk_str){0};
    }
    bool known = r->open != NULL && (r->open->kind == TK_YAML_LIST || r->has_key);
    const char *path = tk_yaml_path(r->arena, known ? &here : r->open);
    char message[TASKER_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    *r->place = at;
    return tk_fail_at(r->error, TASKER_INVALID, path == NULL ? "" : path, "%s", message);
}

/* --- building --- */

/* NULL, and *status says why, when it cannot be added. */
static tk_yaml *add_node(reader *r, tk_yaml_kind kind, yaml_mark_t mark, tasker_status *status) {
    if (r->nodes == TK_YAML_NODES_MAX) {
        *status =
            refuse(r, place_of(mark), "too many values; expected at most %d", TK_YAML_NODES_MAX);
        return NULL;
    }
    tk_yaml *added = tk_arena_alloc(r->arena, sizeof(*added));
    if (added == NULL) {
        *status = tk_nomem(r->error);
        return NULL;
    }
    r->nodes++;
    tk_yaml_place place = place_of(mark);
    *added = (tk_yaml){.kind = kind, .line = place.line, .column = place.column, .parent = r->open};
    if (r->open == NULL) {
        r->root = added;
    } else {
        added->index = r->open->count++;
        if (r->open->last == NULL) {
            r->open->first = added;
        } else {
            r->open->last->next = added;
        }
        r->open->last = added;
    }
    if (r->has_key) {
        added->key = r->key;
        added->key_line = r->key_place.line;
        added->key_column = r->key_place.column;
        r->has_key = false;
    }
    *status = TASKER_OK;
    return added;
}

static bool key_expected(const reader *r) {
    return r->open != NULL && r->open->kind == TK_YAML_MAP && !r->has_key;
}

/* What maps and lists may not have. */
static tasker_status check_properties(reader *r, yaml_mark_t mark, const yaml_char_t *anchor,
                                      const yaml_char_t *tag, const char *core) {
    if (anchor != NULL) {
        return refuse(r, place_of(mark),
                      "anchors are not allowed (&%.64s); expected the value written out",
                      (const char *)anchor);
    }
    const char *text = (const char *)tag;
    if (text != NULL && strcmp(text, "!") != 0 && strcmp(text, core) != 0) {
        return refuse(r, place_of(mark), "the tag %.64s is not allowed here; expected no tag",
                      text);
    }
    return TASKER_OK;
}

static tasker_status begin(reader *r, tk_yaml_kind kind, yaml_mark_t mark,
                           const yaml_char_t *anchor, const yaml_char_t *tag) {
    const char *core = kind == TK_YAML_MAP ? CORE_TAG "map" : CORE_TAG "seq";
    tasker_status status = check_properties(r, mark, anchor, tag, core);
    if (status != TASKER_OK) {
        return status;
    }
    if (key_expected(r)) {
        return refuse(r, place_of(mark), "a key is %s; expected a text", tk_yaml_kind_name(kind));
    }
    if (r->depth == TK_YAML_DEPTH_MAX) {
        return refuse(r, place_of(mark),
                      "too deep; expected at most %d maps and lists "
                      "within each other",
                      TK_YAML_DEPTH_MAX);
    }
    tk_yaml *node = add_node(r, kind, mark, &status);
    if (node != NULL) {
        r->open = node;
        r->depth++;
    }
    return status;
}

static tasker_status check_keys(reader *r, const tk_yaml *map) {
    const tk_yaml *again = NULL;
    if (!tk_yaml_find_duplicate(map, &again)) {
        return tk_nomem(r->error);
    }
    if (again == NULL) {
        return TASKER_OK;
    }
    r->has_key = true; /* so that the path names the key */
    r->key = again->key;
    return refuse(r, (tk_yaml_place){again->key_line, again->key_column},
                  "the key stands twice in this map; expected it once");
}

static tasker_status end(reader *r) {
    tk_yaml *done = r->open;
    if (done->kind == TK_YAML_MAP) {
        tasker_status status = check_keys(r, done);
        if (status != TASKER_OK) {
            return status;
        }
    }
    r->open = done->parent;
    r->depth--;
    return TASKER_OK;
}

/* --- scalars --- */

/* Types a scalar by its tag and its text. */
static tasker_status type_scalar(reader *r, const yaml_event_t *event, tk_str text,
                                 tk_yaml_kind *kind, tk_str *value) {
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *kind = TK_YAML_STRING;
    *value = text;
    if (tag == NULL ? !plain : strcmp(tag, "!") == 0 || strcmp(tag, CORE_TAG "str") == 0) {
        return TASKER_OK;
    }
    static const char *const tags[] = {
        [TK_YAML_NULL] = CORE_TAG "null",   [TK_YAML_FALSE] = CORE_TAG "bool",
        [TK_YAML_TRUE] = CORE_TAG "bool",   [TK_YAML_INTEGER] = CORE_TAG "int",
        [TK_YAML_FLOAT] = CORE_TAG "float", [TK_YAML_STRING] = CORE_TAG "str",
    };
    bool finite = true;
    if (!tk_yaml_resolve(r->arena, text, kind, value, &finite)) {
        return tk_nomem(r->error);
    }
    tk_yaml_place at = place_of(event->start_mark);
    if (tag != NULL && strncmp(tag, CORE_TAG, sizeof(CORE_TAG) - 1) != 0) {
        return refuse(r, at, "the tag %.64s is not allowed; expected no tag", tag);
    }
    if (tag != NULL && strcmp(tag, tags[*kind]) != 0) {
        return refuse(r, at, "the tag %.64s does not fit %s; expected no tag", tag,
                      tk_yaml_kind_name(*kind));
    }
    if (!finite) {
        return refuse(r, at,
                      "%.16s cannot be told in JSON; expected a finite number, "
                      "or quotes around it",
                      text.data);
    }
    return TASKER_OK;
}

static tasker_status take_key(reader *r, const yaml_event_t *event, tk_yaml_kind kind,
                              tk_str text) {
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (kind != TK_YAML_STRING) {
        return refuse(r, place_of(event->start_mark),
                      "a key is %s; expected a text, in quotes if need be",
                      tk_yaml_kind_name(kind));
    }
    if (plain && tk_str_is(text, "<<")) {
        return refuse(r, place_of(event->start_mark),
                      "merge keys (<<) are not allowed; expected the members written out");
    }
    r->has_key = true;
    r->key = text;
    r->key_place = place_of(event->start_mark);
    return TASKER_OK;
}

static tasker_status take_scalar(reader *r, const yaml_event_t *event) {
    tk_str given = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (event->data.scalar.anchor != NULL) {
        return check_properties(r, event->start_mark, event->data.scalar.anchor, NULL, "");
    }
    if (memchr(given.data, 0, given.size) != NULL) {
        return refuse(r, place_of(event->start_mark), "a text holds a NUL; expected none");
    }
    tk_str text;
    tk_str value;
    tk_yaml_kind kind;
    if (!tk_arena_str(r->arena, given, &text)) {
        return tk_nomem(r->error);
    }
    tasker_status status = type_scalar(r, event, text, &kind, &value);
    if (status != TASKER_OK) {
        return status;
    }
    if (key_expected(r)) {
        return take_key(r, event, kind, text);
    }
    tk_yaml *node = add_node(r, kind, event->start_mark, &status);
    if (node != NULL) {
        node->text = value;
    }
    return status;
}

/* --- the events --- */

static tasker_status take_event(reader *r, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++ > 0) {
            return refuse(r, place_of(event->start_mark),
                          "a second document begins; expected one template in a file");
        }
        return TASKER_OK;
    case YAML_ALIAS_EVENT:
        return refuse(r, place_of(event->start_mark),
                      "aliases are not allowed (*%.64s); expected the value written out",
                      (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return take_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return begin(r, TK_YAML_LIST, event->start_mark, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return begin(r, TK_YAML_MAP, event->start_mark, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return end(r);
    default: /* the stream's and the document's frame */
        return TASKER_OK;
    }
}

/* The place of a byte; characters are counted, as libyaml does. */
static tk_yaml_place place_of_byte(tk_str text, size_t offset) {
    tk_yaml_place place = {1, 1};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static tasker_status refuse_syntax(reader *r, tk_str text) {
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem == NULL ? "cannot be read" : parser->problem;
    switch (parser->error) {
    case YAML_MEMORY_ERROR:
        return tk_nomem(r->error);
    case YAML_READER_ERROR: /* has an offset instead of a mark */
        return refuse(r, place_of_byte(text, parser->problem_offset), "this is not YAML: %s",
                      problem);
    default:
        break;
    }
    if (parser->context == NULL) {
        return refuse(r, place_of(parser->problem_mark), "this is not YAML: %s", problem);
    }
    tk_yaml_place begun = place_of(parser->context_mark);
    return refuse(r, place_of(parser->problem_mark),
                  "this is not YAML: %s (%s that begins at %" PRIu32 ":%" PRIu32 ")", problem,
                  parser->context, begun.line, begun.column);
}

static tasker_status read_events(reader *r, tk_str text) {
    yaml_event_type_t type = YAML_NO_EVENT;
    tasker_status status = TASKER_OK;
    while (status == TASKER_OK && type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event)) {
            return refuse_syntax(r, text);
        }
        type = event.type;
        status = take_event(r, &event);
        yaml_event_delete(&event);
    }
    return status;
}

/* libyaml compares each tag directive with all before it: many of them would cost minutes. */
static size_t find_tag_directive(tk_str text) {
    static const char breaks[] =
        "\n\r\x85\xa8\xa9\xbf"; /* last bytes of what ends a line, or a BOM */
    const char *end = text.data + text.size;
    const char *at = text.data;
    while ((at = memmem(at, (size_t)(end - at), "%TAG", 4)) != NULL) {
        if (at == text.data || strchr(breaks, at[-1]) != NULL) {
            return (size_t)(at - text.data);
        }
        at++;
    }
    return SIZE_MAX;
}

static tasker_status check_bytes(reader *r, tk_str text) {
    if (text.size > TASKER_TEMPLATE_BYTES_MAX) {
        return refuse(r, (tk_yaml_place){1, 1}, "the text has %zu bytes; expected at most %d",
                      text.size, TASKER_TEMPLATE_BYTES_MAX);
    }
    size_t wrong = tk_utf8_check(text);
    if (wrong != SIZE_MAX) {
        return refuse(r, place_of_byte(text, wrong), "byte 0x%02x is not UTF-8; expected UTF-8",
                      (unsigned)(unsigned char)text.data[wrong]);
    }
    const char *nul = text.size == 0 ? NULL : memchr(text.data, 0, text.size);
    if (nul != NULL) {
        return refuse(r, place_of_byte(text, (size_t)(nul - text.data)),
                      "a NUL byte; expected text");
    }
    size_t directive = text.size == 0 ? SIZE_MAX : find_tag_directive(text);
    if (directive != SIZE_MAX) {
        return refuse(r, place_of_byte(text, directive),
                      "tag directives (%%TAG) are not allowed; expected none");
    }
    return TASKER_OK;
}

tasker_status tk_yaml_parse(tk_arena *arena, tk_str text, tk_yaml **root, tk_yaml_place *place,
                            tasker_error *error) {
    *root = NULL;
    *place = (tk_yaml_place){1, 1};
    reader r = {.arena = arena, .place = place, .error = error};
    tasker_status status = check_bytes(&r, text);
    if (status != TASKER_OK) {
        return status;
    }
    if (!yaml_parser_initialize(&r.parser)) {
        return tk_nomem(error);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.size ? text.data : ""),
                                 text.size);
    status = read_events(&r, text);
    yaml_parser_delete(&r.parser);
    if (status == TASKER_OK) {
        *root = r.root;
    }
    return status;
}
