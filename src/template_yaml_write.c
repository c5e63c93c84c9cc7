/*
 * template_yaml_write.c - writes what was read as a spec: canonical JSON, overrides applied.
 *
 *   tk_reader --> [template_yaml_write.c] --spec--> template_number.c, the store
 *
 * The same template gives the same bytes: names are sorted, defaults are written out. The text is
 * written in reading order first and sorted by json.c after.
 */
#include "template_reader.h"

/* Every member of every part; the last of equal names counts. */
static uint32_t gather(const tk_reader_part *part, tk_name *names, const tk_yaml **values) {
    uint32_t count = 0;
    for (; part != NULL; part = part->next) {
        for (const tk_yaml *child = part->map->first; child != NULL; child = child->next) {
            names[count] = (tk_name){child->key, count};
            values[count++] = child;
        }
    }
    tk_names_sort(names, count);
    return count;
}

static void write_merged(tk_buf *buf, const tk_name *names, const tk_yaml *const *values,
                         uint32_t count) {
    tk_buf_char(buf, '{');
    for (uint32_t i = 0; i < count; i++) {
        if (i + 1 < count && tk_str_equal(names[i].text, names[i + 1].text)) {
            continue; /* a later one follows */
        }
        tk_json_write_comma(buf);
        tk_json_write_string(buf, names[i].text);
        tk_buf_char(buf, ':');
        tk_yaml_write_json(buf, values[names[i].number]);
    }
    tk_buf_char(buf, '}');
}

static void write_initialization(tk_reader *r, tk_buf *buf, const tk_reader_part *part) {
    size_t count = 0;
    for (const tk_reader_part *each = part; each != NULL; each = each->next) {
        count += each->map->count;
    }
    tk_name *names = tk_alloc_array(count, sizeof(*names));
    const tk_yaml **values = tk_alloc_array(count, sizeof(*values));
    if (names == NULL || values == NULL) {
        r->failed = true;
    } else {
        write_merged(buf, names, values, gather(part, names, values));
    }
    tk_free(names);
    tk_free(values);
}

static void write_value(tk_buf *buf, const char *name, const tk_yaml *value,
                        const char *otherwise) {
    tk_json_write_name(buf, name);
    if (value == NULL) {
        tk_buf_text(buf, otherwise);
    } else {
        tk_yaml_write_json(buf, value);
    }
}

static void write_handler(tk_reader *r, tk_buf *buf, const char *name,
                          const tk_reader_handler *handler) {
    tk_json_write_name(buf, name);
    if (handler->callable == NULL) {
        tk_buf_text(buf, "null");
        return;
    }
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "callable", handler->callable->text);
    tk_json_write_name(buf, "initialization");
    write_initialization(r, buf, handler->first);
    tk_buf_char(buf, '}');
}

static void write_retry(tk_buf *buf, const tk_retry_policy *retry) {
    tk_json_write_name(buf, "retry");
    tk_buf_char(buf, '{');
    tk_json_write_member_bool(buf, "retryable", retry->retryable);
    tk_json_write_member_int(buf, "max_attempts", retry->attempts_max);
    tk_json_write_member_string(buf, "backoff", tk_str_of(tk_backoff_name(retry->backoff)));
    tk_json_write_member_int(buf, "backoff_base_ms", retry->base_ms);
    tk_json_write_member_int(buf, "max_backoff_ms", retry->cap_ms);
    tk_buf_char(buf, '}');
}

static void write_dependencies(const tk_reader *r, tk_buf *buf, const tk_reader_step *step) {
    tk_json_write_name(buf, "dependencies");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < step->parent_count; i++) {
        tk_json_write_comma(buf);
        tk_json_write_string(buf, r->steps[step->parents[i]].name->text);
    }
    tk_buf_char(buf, ']');
}

static void write_step(tk_reader *r, tk_buf *buf, const tk_reader_step *step) {
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "name", step->name->text);
    write_value(buf, "description", step->description, "null");
    write_handler(r, buf, "handler", &step->handler);
    write_value(buf, "system_dependency", step->system_dependency, "null");
    write_dependencies(r, buf, step);
    write_retry(buf, &step->retry);
    if (step->has_timeout) {
        tk_json_write_member_int(buf, "timeout_seconds", step->timeout_seconds);
    } else {
        tk_json_write_member_null(buf, "timeout_seconds");
    }
    write_value(buf, "publishes_events", step->publishes_events, "[]");
    tk_buf_char(buf, '}');
}

/* ALL can multiply a large initialization: the size is watched while it grows. */
static void write_steps(tk_reader *r, tk_buf *buf) {
    tk_json_write_name(buf, "steps");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < r->step_count && buf->size <= TK_SPEC_BYTES_MAX; i++) {
        write_step(r, buf, &r->steps[i]);
    }
    tk_buf_char(buf, ']');
}

static void write_systems(const tk_reader *r, tk_buf *buf) {
    tk_json_write_name(buf, "system_dependencies");
    tk_buf_char(buf, '{');
    write_value(buf, "primary", r->system_primary, "\"default\"");
    write_value(buf, "secondary", r->system_secondary, "[]");
    tk_buf_char(buf, '}');
}

static void write_all(tk_reader *r, tk_buf *buf) {
    static const char *const identities[] = {
        [TK_IDENTITY_ALWAYS_UNIQUE] = "always_unique",
        [TK_IDENTITY_STRICT] = "strict",
        [TK_IDENTITY_CALLER_PROVIDED] = "caller_provided",
    };
    tk_buf_char(buf, '{');
    write_value(buf, "namespace", r->namespace_name, "null");
    write_value(buf, "name", r->name, "null");
    write_value(buf, "version", r->version, "\"1.0.0\"");
    write_value(buf, "description", r->description, "\"\"");
    tk_json_write_member_string(buf, "identity", tk_str_of(identities[r->identity]));
    write_value(buf, "input_schema", r->input_schema, "null");
    write_value(buf, "metadata", r->metadata, "null");
    if (r->redact != NULL && r->redact->first != NULL) { /* without it a text stays what it was */
        write_value(buf, "redact", r->redact, "[]");
    }
    write_handler(r, buf, "task_handler", &r->task_handler);
    write_systems(r, buf);
    write_value(buf, "domain_events", r->domain_events, "[]");
    write_value(buf, "environments", r->environments, "{}");
    write_steps(r, buf);
    tk_buf_char(buf, '}');
}

void tk_reader_write(tk_reader *r, tk_buf *spec) {
    tk_buf text = {0};
    tk_json root = {0};
    tasker_error problem = {0};
    tasker_status status = TASKER_OK;
    write_all(r, &text);
    if (text.failed || r->failed) {
        r->failed = true;
    } else if (text.size > TK_SPEC_BYTES_MAX) {
        tk_reader_error(r, r->root,
                        "with its overrides applied the template has more than %d bytes; "
                        "expected less initialization",
                        TK_SPEC_BYTES_MAX);
    } else {
        status = tk_json_parse(tk_buf_view(&text), TK_SPEC_BYTES_MAX, &root, &problem);
    }
    if (status == TASKER_NOMEM) {
        r->failed = true;
    } else if (status != TASKER_OK) {
        tk_reader_error(r, r->root, "%s", problem.message);
    } else if (root.kind != TK_JSON_NONE) {
        tk_json_canonical(spec, root);
    }
    tk_buf_release(&text);
}
