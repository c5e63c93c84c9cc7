/*
 * schema.h - JSON Schema, the keywords in use: type, required, properties, additionalProperties,
 * items, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength,
 * minItems, maxItems, minProperties, maxProperties, anyOf, allOf, $defs (definitions) with local
 * $ref. title, description, default, examples, format, $schema, $id, $comment are known and without
 * effect. Another keyword is a warning of `template check` and has no effect.
 */
#ifndef TK_SCHEMA_H
#define TK_SCHEMA_H

#include "arena.h"
#include "json.h"

#define TK_SCHEMA_STEPS_MAX 4000000 /* keyword checks per validation; beyond: INVALID */
#define TK_SCHEMA_DEPTH_MAX 512     /* schemas within each other, $ref followed; beyond: INVALID */

/* tk_schema_check validates `value`. INVALID: error->path is the place of the offending value,
 * rooted at `root` ("$.context"), the message says what is expected there. Numbers compare exactly;
 * lengths count characters; endless $ref loops are cut (INVALID, the schema's fault is named). */
tasker_status tk_schema_check(tk_json schema, tk_json value, const char *root, tasker_error *error);

/* tk_schema_lint walks a schema: for each unknown keyword, wrong keyword value or $ref that leads
 * nowhere it calls `report` with the place inside the schema ("properties.age.minimum"). `wrong`
 * tells an error (a keyword's value of the wrong type, a bad $ref) from a warning (unknown keyword). */
typedef void (*tk_schema_report_fn)(void *user, bool wrong, const char *path, const char *message);
tasker_status tk_schema_lint(tk_json schema, tk_schema_report_fn report, void *user,
                             tasker_error *error);

#endif
