/*
 * schema_inner.h - what schema.c and schema_lint.c share: the keywords, and where a $ref leads.
 */
#ifndef TK_SCHEMA_INNER_H
#define TK_SCHEMA_INNER_H

#include "schema.h"

/* The keywords, and what kind of value each takes. */
#define TK_SCHEMA_KEYWORD_MAP(X)                                                                   \
    X(TYPE, "type", TYPE)                                                                          \
    X(REQUIRED, "required", NAMES)                                                                 \
    X(PROPERTIES, "properties", SCHEMA_MAP)                                                        \
    X(ADDITIONAL_PROPERTIES, "additionalProperties", SCHEMA)                                       \
    X(ITEMS, "items", SCHEMA)                                                                      \
    X(ENUM, "enum", LIST)                                                                          \
    X(CONST, "const", ANY)                                                                         \
    X(MINIMUM, "minimum", NUMBER)                                                                  \
    X(MAXIMUM, "maximum", NUMBER)                                                                  \
    X(EXCLUSIVE_MINIMUM, "exclusiveMinimum", NUMBER)                                               \
    X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum", NUMBER)                                               \
    X(MIN_LENGTH, "minLength", COUNT)                                                              \
    X(MAX_LENGTH, "maxLength", COUNT)                                                              \
    X(MIN_ITEMS, "minItems", COUNT)                                                                \
    X(MAX_ITEMS, "maxItems", COUNT)                                                                \
    X(MIN_PROPERTIES, "minProperties", COUNT)                                                      \
    X(MAX_PROPERTIES, "maxProperties", COUNT)                                                      \
    X(ANY_OF, "anyOf", SCHEMA_LIST)                                                                \
    X(ALL_OF, "allOf", SCHEMA_LIST)                                                                \
    X(REF, "$ref", REF)                                                                            \
    X(DEFS, "$defs", SCHEMA_MAP)                                                                   \
    X(DEFINITIONS, "definitions", SCHEMA_MAP)                                                      \
    X(TITLE, "title", ANY)                                                                         \
    X(DESCRIPTION, "description", ANY)                                                             \
    X(DEFAULT, "default", ANY)                                                                     \
    X(EXAMPLES, "examples", ANY)                                                                   \
    X(FORMAT, "format", ANY)                                                                       \
    X(SCHEMA, "$schema", ANY)                                                                      \
    X(ID, "$id", ANY)                                                                              \
    X(COMMENT, "$comment", ANY)

typedef enum tk_schema_keyword {
#define X(name, text, takes) TK_SCHEMA_##name,
    TK_SCHEMA_KEYWORD_MAP(X)
#undef X
        TK_SCHEMA_UNKNOWN
} tk_schema_keyword;

/* tk_schema_keyword_of names a member of a schema. */
tk_schema_keyword tk_schema_keyword_of(tk_json name);

/* tk_schema_type_known tells whether a STRING is one of the seven types. */
bool tk_schema_type_known(tk_json word);

/* tk_schema_resolve finds where a local $ref leads ("#", "#/$defs/name", any JSON pointer); kind
 * NONE when nowhere. false: out of memory. */
bool tk_schema_resolve(tk_json root, tk_json ref, tk_json *target);

#endif
