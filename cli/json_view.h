/*
 * json_view.h - JSON for people: indented, short containers on one line, numbers as they are.
 */
#ifndef CLI_JSON_VIEW_H
#define CLI_JSON_VIEW_H

#include "json.h"
#include "output.h"

/* json_view shows a value; further lines begin `indent` columns in. No line break at the end. */
void json_view(out *o, tk_json value, size_t indent);

/* json_print shows a whole document with a line break: for people on a terminal, else as it is. */
void json_print(out *o, tk_json document);

/* json_text is a STRING's text in the arena, or a number or word as written; empty when absent or
 * null. Out of memory gives an empty text, too. */
tk_str json_text(tk_arena *arena, tk_json value);

/* json_count reads a whole number; 0 when it is none. */
int64_t json_count(tk_json object, const char *name);

#endif
