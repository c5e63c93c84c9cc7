/*
 * template_yaml_schema.c - finds the faults of a template's input schema, at their lines.
 *
 *   input_schema --JSON--> schema_lint.c --places in the schema--> [template_yaml_schema.c] findings
 */
#include <stdio.h>

#include "schema.h"
#include "template_reader.h"

/* Does `path` go on with this child? Then *rest is what follows. */
static bool path_enters(const tk_yaml *child, tk_str path, tk_str *rest) {
    char index[16];
    tk_str step = child->key;
    if (child->parent->kind == TK_YAML_LIST) {
        snprintf(index, sizeof(index), "[%" PRIu32 "]", child->index);
        step = tk_str_of(index);
    } else if (path.size > 0 && path.data[0] == '.') {
        path = (tk_str){path.data + 1, path.size - 1};
    }
    if (path.size < step.size || memcmp(path.data, step.data, step.size) != 0) {
        return false;
    }
    *rest = (tk_str){path.data + step.size, path.size - step.size};
    return rest->size == 0 || rest->data[0] == '.' || rest->data[0] == '[';
}

/* Follows a path as far as it leads; keys may hold dots, so the longest that fits is entered. */
static const tk_yaml *follow(const tk_yaml *node, tk_str path) {
    while (path.size > 0) {
        const tk_yaml *best = NULL;
        tk_str best_rest = path;
        for (const tk_yaml *child = node->first; child != NULL; child = child->next) {
            tk_str rest = {0};
            if (path_enters(child, path, &rest) && (best == NULL || rest.size < best_rest.size)) {
                best = child;
                best_rest = rest;
            }
        }
        if (best == NULL) {
            break;
        }
        node = best;
        path = best_rest;
    }
    return node;
}

static void report(void *user, bool wrong, const char *path, const char *message) {
    tk_reader *r = user;
    bool counted_only = r->findings->count == TK_FINDINGS_MAX; /* then nobody sees the place */
    const tk_yaml *node = counted_only ? r->input_schema : follow(r->input_schema, tk_str_of(path));
    if (wrong) {
        tk_reader_error(r, node, "%s", message);
    } else {
        tk_reader_warn(r, node, "%s", message);
    }
}

void tk_reader_schema(tk_reader *r) {
    const tk_yaml *node = r->input_schema;
    if (node == NULL) {
        return;
    }
    if (node->kind != TK_YAML_MAP && node->kind != TK_YAML_TRUE && node->kind != TK_YAML_FALSE) {
        tk_reader_error(r, node, "is %s; expected a JSON Schema, a map", tk_reader_show(r, node));
        return;
    }
    tk_buf text = {0};
    tk_json schema;
    tasker_error problem = {0};
    tk_yaml_write_json(&text, node);
    tasker_status status =
        text.failed ? TASKER_NOMEM
                    : tk_json_parse(tk_buf_view(&text), TK_SPEC_BYTES_MAX, &schema, &problem);
    if (status == TASKER_OK) {
        status = tk_schema_lint(schema, report, r, &problem);
    }
    if (status == TASKER_NOMEM) {
        r->failed = true;
    } else if (status != TASKER_OK) {
        tk_reader_error(r, node, "%s", problem.message);
    }
    tk_buf_release(&text);
}
