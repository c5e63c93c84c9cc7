/*
 * template_yaml.c - reads a template text into a spec: variants A, B and C of the format.
 *
 *   YAML --> yaml.c --tree--> [template_yaml.c] top-level keys, and what follows:
 *              ├─ template_yaml_steps.c      handlers, retry rules, dependencies
 *              ├─ template_yaml_overrides.c  those of the environment, into the steps
 *              ├─ template_yaml_graph.c      unknown steps, cycles
 *              ├─ template_yaml_schema.c     the input schema's own faults
 *              └─ template_yaml_write.c      the spec, canonical JSON
 *
 * Unknown keys are warnings, as existing templates have some. The legacy form (variant D) is
 * refused, naming the new keys. Values of free form keep their types and their digits.
 */
#include "template_reader.h"

#include "clock.h"

static const tk_key root_keys[] = {
    {.name = "name"},
    {.name = "namespace_name"},
    {.name = "version"},
    {.name = "description"},
    {.name = "metadata"},
    {.name = "task_handler"},
    {.name = "system_dependencies"},
    {.name = "domain_events"},
    {.name = "input_schema"},
    {.name = "identity_strategy"},
    {.name = "redact"},
    {.name = "steps"},
    {.name = "environments"},
    {.name = "loaded_from", .use = TK_KEY_IGNORED},
    {.name = "lifecycle",
     .use = TK_KEY_IDLE,
     .text = "lifecycle has no effect: tasks do not go stale by time; expected no such key"},
};

/* --- the legacy form --- */

static const tk_key legacy_root_keys[] = {
    {"task_handler_class", TK_KEY_LEGACY, "task_handler: {callable: ...}"},
    {"handler_config", TK_KEY_LEGACY, "task_handler: {initialization: {...}}"},
    {"default_dependent_system", TK_KEY_LEGACY, "system_dependencies: {primary: ...}"},
    {"schema", TK_KEY_LEGACY, "input_schema"},
    {"step_templates", TK_KEY_LEGACY,
     "steps: [{name, handler: {callable, initialization}, dependencies, retry}]"},
};

static const tk_key legacy_step_keys[] = {
    {"handler_class", TK_KEY_LEGACY, "handler: {callable: ...}"},
    {"handler_config", TK_KEY_LEGACY, "handler: {initialization: {...}}"},
    {"depends_on_step", TK_KEY_LEGACY, "dependencies: [...]"},
    {"depends_on_steps", TK_KEY_LEGACY, "dependencies: [...]"},
    {"default_retryable", TK_KEY_LEGACY, "retry: {retryable: ...}"},
    {"default_retry_limit", TK_KEY_LEGACY, "retry: {max_attempts: ...}"},
    {"dependent_system", TK_KEY_LEGACY, "system_dependency"},
    {"custom_events", TK_KEY_LEGACY, "publishes_events: [...]"},
};

static const char *legacy_text(const tk_key *keys, size_t count, tk_str name) {
    for (size_t i = 0; i < count; i++) {
        if (tk_str_is(name, keys[i].name)) {
            return keys[i].text;
        }
    }
    return NULL;
}

static void refuse_keys(tk_reader *r, const tk_yaml *map, const tk_key *keys, size_t count) {
    for (const tk_yaml *child = map->first; child != NULL; child = child->next) {
        const char *text = legacy_text(keys, count, child->key);
        if (text != NULL) {
            tk_yaml at = *child;
            at.line = child->key_line;
            at.column = child->key_column;
            tk_reader_error(r, &at, "this is a template of the legacy form; expected %s", text);
        }
    }
}

/* Tells of the legacy keys; false when the template is of another form. */
static bool refuse_legacy(tk_reader *r, const tk_yaml *root) {
    const tk_yaml *steps = tk_yaml_member(root, "step_templates");
    if (steps == NULL && tk_yaml_member(root, "task_handler_class") == NULL &&
        tk_yaml_member(root, "default_dependent_system") == NULL) {
        return false;
    }
    refuse_keys(r, root, legacy_root_keys, TK_COUNT_OF(legacy_root_keys));
    if (steps != NULL && steps->kind == TK_YAML_LIST) {
        for (const tk_yaml *step = steps->first; step != NULL; step = step->next) {
            if (step->kind == TK_YAML_MAP) {
                refuse_keys(r, step, legacy_step_keys, TK_COUNT_OF(legacy_step_keys));
            }
        }
    }
    return true;
}

/* --- the members that are not steps --- */

/* RFC 3339 with its offset, as the format has always asked for. */
static bool is_date(tk_str text) {
    int64_t time_us = 0;
    if (text.size < 20 || !tk_time_parse(text, &time_us)) {
        return false;
    }
    char last = text.data[text.size - 1];
    char sign = text.data[text.size - 6];
    return last == 'Z' || last == 'z' || sign == '+' || sign == '-';
}

static void check_date(tk_reader *r, const tk_yaml *map, const char *key) {
    const tk_yaml *date = tk_reader_text(r, map, key);
    if (date != NULL && !is_date(date->text)) {
        tk_reader_error(r, date, "is %s; expected a date like \"2026-01-31T23:59:59Z\"",
                        tk_reader_show(r, date));
    }
}

static void read_metadata(tk_reader *r, const tk_yaml *root) {
    static const tk_key keys[] = {
        {.name = "author"},     {.name = "tags"},       {.name = "documentation_url"},
        {.name = "created_at"}, {.name = "updated_at"},
    };
    tk_yaml *metadata = tk_reader_get(r, root, "metadata", NULL);
    if (metadata == NULL || !tk_reader_map(r, metadata, keys, TK_COUNT_OF(keys))) {
        return;
    }
    r->metadata = metadata;
    tk_reader_text(r, metadata, "author");
    tk_reader_text(r, metadata, "documentation_url");
    tk_reader_texts(r, metadata, "tags", NULL);
    check_date(r, metadata, "created_at");
    check_date(r, metadata, "updated_at");
}

static void read_systems(tk_reader *r, const tk_yaml *root) {
    static const tk_key keys[] = {{.name = "primary"}, {.name = "secondary"}};
    tk_yaml *systems = tk_reader_get(r, root, "system_dependencies", NULL);
    if (systems != NULL && tk_reader_map(r, systems, keys, TK_COUNT_OF(keys))) {
        r->system_primary = tk_reader_text(r, systems, "primary");
        r->system_secondary = tk_reader_texts(r, systems, "secondary", NULL);
    }
}

static void read_domain_events(tk_reader *r, const tk_yaml *root) {
    static const tk_key keys[] = {{.name = "name"}, {.name = "description"}, {.name = "schema"}};
    r->domain_events = tk_reader_list(r, root, "domain_events", NULL);
    tk_yaml *event = r->domain_events == NULL ? NULL : r->domain_events->first;
    for (; event != NULL; event = event->next) {
        if (tk_reader_map(r, event, keys, TK_COUNT_OF(keys))) {
            tk_reader_name(r, event, "name", TASKER_NAME_BYTES_MAX);
            tk_reader_text(r, event, "description");
        }
    }
}

static void read_identity(tk_reader *r, const tk_yaml *root) {
    static const char *const names[] = {
        [TK_IDENTITY_ALWAYS_UNIQUE] = "always_unique",
        [TK_IDENTITY_STRICT] = "strict",
        [TK_IDENTITY_CALLER_PROVIDED] = "caller_provided",
    };
    static const tk_words words = {names, TK_COUNT_OF(names),
                                   "strict, caller_provided or always_unique"};
    size_t index = TK_IDENTITY_ALWAYS_UNIQUE;
    tk_reader_word(r, root, "identity_strategy", NULL, &words, &index);
    r->identity = (tk_identity)index;
}

/* Variant C was written for a reader that took a missing version as 1.0.0. */
static void read_version(tk_reader *r, const tk_yaml *root) {
    if (!r->symbols || tk_yaml_member(root, "version") != NULL) {
        r->version = tk_reader_name(r, root, "version", TASKER_NAME_BYTES_MAX);
    }
}

static void read_task_handler(tk_reader *r, const tk_yaml *root) {
    tk_yaml *handler = tk_reader_get(r, root, "task_handler", NULL);
    if (handler != NULL) {
        tk_reader_handler_read(r, handler, &r->task_handler);
    }
}

/* Names with dots between them; see redact.h. */
static bool redact_path_is_sound(tk_str path) {
    bool sound = path.size <= TASKER_NAME_BYTES_MAX;
    char before = '.';
    for (size_t i = 0; i < path.size; i++) {
        sound = sound && !(path.data[i] == '.' && before == '.');
        before = path.data[i];
    }
    return sound && before != '.';
}

static void read_redact(tk_reader *r, const tk_yaml *root) {
    const tk_yaml *list = tk_reader_texts(r, root, "redact", NULL);
    uint32_t count = 0;
    for (const tk_yaml *item = list == NULL ? NULL : list->first; item != NULL; item = item->next) {
        if (!redact_path_is_sound(item->text)) {
            tk_reader_error(r, item,
                            "is %s; expected the name of a member, or names with dots between "
                            "them, of at most %d bytes",
                            tk_reader_show(r, item), TASKER_NAME_BYTES_MAX);
        }
        count++;
    }
    if (count > TK_REDACT_PATHS_MAX) {
        tk_reader_error(r, list, "has %" PRIu32 " members; expected at most %d", count,
                        TK_REDACT_PATHS_MAX);
    }
    r->redact = list;
}

static void read_root(tk_reader *r, tk_yaml *root) {
    if (root->kind != TK_YAML_MAP) {
        tk_reader_error(r, root,
                        "the template is %s; expected a map with name, namespace_name, "
                        "version and steps",
                        tk_reader_show(r, root));
        return;
    }
    if (refuse_legacy(r, root)) {
        return;
    }
    tk_reader_map(r, root, root_keys, TK_COUNT_OF(root_keys));
    r->root = root;
    r->name = tk_reader_name(r, root, "name", TASKER_NAME_BYTES_MAX);
    r->namespace_name = tk_reader_name(r, root, "namespace_name", TASKER_NAME_BYTES_MAX);
    read_version(r, root);
    r->description = tk_reader_text(r, root, "description");
    read_metadata(r, root);
    read_task_handler(r, root);
    read_systems(r, root);
    read_domain_events(r, root);
    read_identity(r, root);
    r->input_schema = tk_reader_get(r, root, "input_schema", NULL);
    tk_reader_schema(r);
    read_redact(r, root);
    tk_reader_steps(r, root);
    r->environments = tk_reader_get(r, root, "environments", NULL);
    tk_reader_overrides(r);
    tk_reader_graph(r);
}

/* --- the whole --- */

/* A stable sort by place: there are at most TK_FINDINGS_MAX, mostly in order. */
static void sort_findings(tk_findings *findings) {
    for (uint32_t i = 1; i < findings->count; i++) {
        tk_finding moved = findings->items[i];
        uint32_t at = i;
        for (; at > 0; at--) {
            const tk_finding *before = &findings->items[at - 1];
            if (before->line < moved.line ||
                (before->line == moved.line && before->column <= moved.column)) {
                break;
            }
            findings->items[at] = *before;
        }
        findings->items[at] = moved;
    }
}

static bool read_text(tk_reader *r, tk_str yaml) {
    tk_yaml *root = NULL;
    tk_yaml_place place;
    tasker_error problem = {0};
    tasker_status status = tk_yaml_parse(r->arena, yaml, &root, &place, &problem);
    if (status == TASKER_NOMEM) {
        return false;
    }
    if (status != TASKER_OK) {
        return tk_findings_add(r->findings, false, place.line, place.column, problem.path, "%s",
                               problem.message);
    }
    if (root == NULL || root->kind == TK_YAML_NULL) {
        return tk_findings_add(r->findings, false, 1, 1, "",
                               "the template is empty; expected a map with name, namespace_name, "
                               "version and steps");
    }
    read_root(r, root);
    return !r->failed;
}

tasker_status tk_template_from_yaml(tk_str yaml, const char *environment, tk_findings *findings,
                                    tk_buf *spec, tasker_error *error) {
    tk_arena arena = {0};
    tk_reader r = {
        .arena = &arena,
        .findings = findings,
        .environment = environment == NULL ? "development" : environment,
    };
    bool ok = read_text(&r, yaml);
    if (ok && findings->error_count == 0) {
        tk_reader_write(&r, spec);
        ok = !r.failed && !spec->failed;
    }
    sort_findings(findings);
    tk_arena_release(&arena);
    if (findings->error_count > 0 || !ok) {
        tk_buf_truncate(spec, 0);
    }
    return ok ? TASKER_OK : tk_nomem(error);
}
