/*
 * template.c - a template in memory, made of the spec text that a store keeps.
 *
 *   store --spec--> [template.c] --tk_template--> submit.c, claim.c, complete.c, …
 *
 * The spec was written by template_yaml.c and numbered by template_number.c, but it has lain in a
 * file that others can write: everything is checked again, and a text that is not ours is INVALID.
 * Spans (inputs, definition) point into the arena's copy of the spec.
 */
#include "template.h"

#include <stdlib.h>

#include "graph.h"

typedef struct opening {
    tk_template *template;
    tk_json steps;
    tk_name *names;       /* of the present steps */
    tk_graph_node *nodes; /* by number */
    tasker_error *error;
} opening;

static tasker_status bad(const opening *o, const char *path, const char *expected) {
    return tk_fail_at(o->error, TASKER_INVALID, path, "the stored template is damaged: expected %s",
                      expected);
}

/* Reads a text member; `path` names it. */
static tasker_status read_text(const opening *o, tk_json object, const char *name,
                               const char **text) {
    tk_json value = tk_json_member(object, name);
    if (value.kind != TK_JSON_STRING) {
        return bad(o, name, "a text");
    }
    tk_str decoded;
    if (!tk_json_string(&o->template->arena, value, &decoded)) {
        return tk_nomem(o->error);
    }
    *text = tk_arena_copy(&o->template->arena, decoded.data, decoded.size);
    return *text == NULL ? tk_nomem(o->error) : TASKER_OK;
}

static tasker_status read_number(const opening *o, tk_json object, const char *name, int64_t max,
                                 int64_t *number) {
    tk_json value = tk_json_member(object, name);
    if (!tk_json_int(value, number) || *number < 0 || *number > max) {
        return bad(o, name, "a whole number within its limits");
    }
    return TASKER_OK;
}

static tasker_status read_identity(opening *o, tk_json root) {
    static const char *const words[] = {
        [TK_IDENTITY_ALWAYS_UNIQUE] = "always_unique",
        [TK_IDENTITY_STRICT] = "strict",
        [TK_IDENTITY_CALLER_PROVIDED] = "caller_provided",
    };
    tk_json value = tk_json_member(root, "identity");
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        if (tk_json_string_is(value, tk_str_of(words[i]))) {
            o->template->identity = (tk_identity)i;
            return TASKER_OK;
        }
    }
    return bad(o, "identity", "strict, caller_provided or always_unique");
}

static tasker_status read_redact(opening *o, tk_json root) {
    tk_template *t = o->template;
    tk_json list = tk_json_member(root, "redact");
    size_t count = tk_json_count(list);
    if (list.kind == TK_JSON_NONE) {
        return TASKER_OK;
    }
    if (list.kind != TK_JSON_ARRAY || count > TK_REDACT_PATHS_MAX) {
        return bad(o, "redact", "a list of texts");
    }
    tk_str *paths = tk_arena_array(&t->arena, count, sizeof(*paths));
    tk_json_iterator it = tk_json_each(list);
    while (paths != NULL && tk_json_next(&it)) {
        if (it.value.kind != TK_JSON_STRING) {
            return bad(o, "redact", "a list of texts");
        }
        if (!tk_json_string(&t->arena, it.value, &paths[t->redact.count++])) {
            return tk_nomem(o->error);
        }
    }
    t->redact.paths = paths;
    return paths == NULL ? tk_nomem(o->error) : TASKER_OK;
}

static tasker_status read_head(opening *o, tk_json root) {
    tk_template *t = o->template;
    tasker_status status = read_text(o, root, "namespace", &t->namespace_name);
    if (status == TASKER_OK) {
        status = read_text(o, root, "name", &t->name);
    }
    if (status == TASKER_OK) {
        status = read_text(o, root, "version", &t->version);
    }
    if (status == TASKER_OK) {
        status = read_text(o, root, "description", &t->description);
    }
    if (status == TASKER_OK) {
        status = read_identity(o, root);
    }
    if (status == TASKER_OK) {
        status = read_redact(o, root);
    }
    t->input_schema = tk_json_member(root, "input_schema");
    if (t->input_schema.kind == TK_JSON_NULL) {
        t->input_schema = (tk_json){0};
    }
    return status;
}

static tasker_status read_digest(opening *o) {
    tk_buf plain = {0};
    tasker_status status = tk_template_unnumbered(o->template->spec, &plain, o->error);
    if (status == TASKER_OK) {
        o->template->digest = tk_digest_of(tk_buf_view(&plain));
    }
    tk_buf_release(&plain);
    return status;
}

/* --- steps --- */

/* The words have no characters that JSON escapes: the span within the quotes is the word. */
static bool read_backoff(tk_json value, tk_backoff *backoff) {
    if (value.kind != TK_JSON_STRING) {
        return false;
    }
    return tk_backoff_parse((tk_str){value.text.data + 1, value.text.size - 2}, backoff);
}

static tasker_status read_retry(const opening *o, tk_json step, tk_retry_policy *retry) {
    tk_json object = tk_json_member(step, "retry");
    tk_json retryable = tk_json_member(object, "retryable");
    if (retryable.kind != TK_JSON_TRUE && retryable.kind != TK_JSON_FALSE) {
        return bad(o, "retry.retryable", "true or false");
    }
    retry->retryable = retryable.kind == TK_JSON_TRUE;
    if (!read_backoff(tk_json_member(object, "backoff"), &retry->backoff)) {
        return bad(o, "retry.backoff", "none, linear, exponential or fibonacci");
    }
    int64_t attempts_max = 0;
    tasker_status status = read_number(o, object, "max_attempts", UINT32_MAX, &attempts_max);
    if (status == TASKER_OK) {
        status = read_number(o, object, "backoff_base_ms", TK_BACKOFF_MS_MAX, &retry->base_ms);
    }
    if (status == TASKER_OK) {
        status = read_number(o, object, "max_backoff_ms", TK_BACKOFF_MS_MAX, &retry->cap_ms);
    }
    retry->attempts_max = (uint32_t)attempts_max;
    return status;
}

static tasker_status read_timeout(const opening *o, tk_json step, int64_t *timeout_ms) {
    if (tk_json_member(step, "timeout_seconds").kind == TK_JSON_NULL) {
        *timeout_ms = 0;
        return TASKER_OK;
    }
    int64_t seconds = 0;
    tasker_status status = read_number(o, step, "timeout_seconds", UINT32_MAX, &seconds);
    *timeout_ms = seconds * 1000;
    return status;
}

/* The definition is the step's object without its number, which is no business of handlers. */
static tasker_status read_definition(const opening *o, tk_json step, tk_str *definition) {
    tk_buf text = {0};
    tk_template_write_unnumbered_step(&text, step);
    bool copied = !text.failed && tk_arena_str(&o->template->arena, tk_buf_view(&text), definition);
    tk_buf_release(&text);
    return copied ? TASKER_OK : tk_nomem(o->error);
}

static tasker_status read_handler(const opening *o, tk_json json, tk_template_step *step) {
    tk_json handler = tk_json_member(json, "handler");
    tk_json inputs = tk_json_member(handler, "initialization");
    if (inputs.kind != TK_JSON_OBJECT) {
        return bad(o, "handler.initialization", "an object");
    }
    step->inputs = inputs.text;
    return read_text(o, handler, "callable", &step->callable);
}

static tasker_status read_step(opening *o, tk_json json, tk_template_step *step) {
    step->present = true;
    tasker_status status = read_text(o, json, "name", &step->name);
    if (status == TASKER_OK) {
        status = read_handler(o, json, step);
    }
    if (status == TASKER_OK) {
        status = read_retry(o, json, &step->retry);
    }
    if (status == TASKER_OK) {
        status = read_timeout(o, json, &step->timeout_ms);
    }
    if (status == TASKER_OK) {
        status = read_definition(o, json, &step->definition);
    }
    return status;
}

static tasker_status step_number(const opening *o, tk_json step, uint16_t *number) {
    int64_t value = 0;
    tasker_status status = read_number(o, step, "number", TASKER_STEPS_MAX - 1, &value);
    *number = (uint16_t)value;
    return status;
}

/* Counts the steps and finds the highest number, so that the arrays can be made. */
static tasker_status measure_steps(opening *o) {
    tk_template *t = o->template;
    tk_json_iterator it = tk_json_each(o->steps);
    while (tk_json_next(&it)) {
        uint16_t number = 0;
        tasker_status status = step_number(o, it.value, &number);
        if (status != TASKER_OK) {
            return status;
        }
        t->step_count = number >= t->step_count ? number + 1u : t->step_count;
        t->step_present_count++;
    }
    if (t->step_present_count > t->step_count) {
        return bad(o, "steps", "a number of its own for each step");
    }
    t->steps = tk_arena_array(&t->arena, t->step_count, sizeof(*t->steps));
    o->names = tk_arena_array(&t->arena, t->step_present_count, sizeof(*o->names));
    o->nodes = tk_arena_array(&t->arena, t->step_count, sizeof(*o->nodes));
    return t->steps == NULL || o->names == NULL || o->nodes == NULL ? tk_nomem(o->error)
                                                                    : TASKER_OK;
}

static tasker_status read_steps(opening *o) {
    tk_template *t = o->template;
    assert(t->steps != NULL && o->names != NULL); /* measured before */
    for (uint32_t i = 0; i < t->step_count; i++) {
        t->steps[i].number = (uint16_t)i;
    }
    tk_json_iterator it = tk_json_each(o->steps);
    while (tk_json_next(&it)) {
        uint16_t number = 0;
        tasker_status status = step_number(o, it.value, &number);
        if (status == TASKER_OK && t->steps[number].present) {
            status = bad(o, "steps", "a number of its own for each step");
        }
        if (status == TASKER_OK) {
            status = read_step(o, it.value, &t->steps[number]);
        }
        if (status != TASKER_OK) {
            return status;
        }
        o->names[it.index] = (tk_name){tk_str_of(t->steps[number].name), number};
    }
    tk_names_sort(o->names, t->step_present_count);
    for (uint32_t i = 1; i < t->step_present_count; i++) {
        if (tk_str_equal(o->names[i - 1].text, o->names[i].text)) {
            return bad(o, "steps", "a name of its own for each step");
        }
    }
    t->by_name = o->names;
    return TASKER_OK;
}

/* --- edges --- */

static int number_compare(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static tasker_status read_parents(opening *o, tk_json dependencies, uint16_t *parents) {
    tk_json_iterator it = tk_json_each(dependencies);
    while (tk_json_next(&it)) {
        tk_str name = {0};
        if (it.value.kind != TK_JSON_STRING) {
            return bad(o, "dependencies", "names of steps");
        }
        if (!tk_json_string(&o->template->arena, it.value, &name)) {
            return tk_nomem(o->error);
        }
        const tk_name *found = tk_names_find(o->names, o->template->step_present_count, name);
        if (found == NULL) {
            return bad(o, "dependencies", "names of steps");
        }
        parents[it.index] = (uint16_t)found->number;
    }
    return TASKER_OK;
}

static tasker_status connect_step(opening *o, tk_json json) {
    tk_template *t = o->template;
    uint16_t number = 0;
    tasker_status status = step_number(o, json, &number);
    assert(status == TASKER_OK); /* measured before */
    tk_json dependencies = tk_json_member(json, "dependencies");
    size_t count = tk_json_count(dependencies);
    if (dependencies.kind != TK_JSON_ARRAY || count >= t->step_count) {
        return bad(o, "dependencies", "a list of other steps");
    }
    uint16_t *parents = tk_arena_array(&t->arena, count, sizeof(*parents));
    if (parents == NULL) {
        return tk_nomem(o->error);
    }
    status = read_parents(o, dependencies, parents);
    if (status != TASKER_OK) {
        return status;
    }
    if (count > 0) {
        qsort(parents, count, sizeof(*parents), number_compare);
    }
    for (size_t i = 1; i < count; i++) {
        if (parents[i - 1] == parents[i]) {
            return bad(o, "dependencies", "each step once");
        }
    }
    t->steps[number].parents = (tk_steps){parents, (uint32_t)count};
    o->nodes[number] = (tk_graph_node){parents, (uint32_t)count};
    return TASKER_OK;
}

/* Children are the parents read the other way round; ascending, as the steps are walked so. */
static tasker_status connect_children(opening *o) {
    tk_template *t = o->template;
    uint32_t *counts = tk_arena_array(&t->arena, t->step_count, sizeof(*counts));
    uint16_t **lists = tk_arena_array(&t->arena, t->step_count, sizeof(*lists));
    if (counts == NULL || lists == NULL) {
        return tk_nomem(o->error);
    }
    for (uint32_t i = 0; i < t->step_count; i++) {
        for (uint32_t p = 0; p < t->steps[i].parents.count; p++) {
            counts[t->steps[i].parents.numbers[p]]++;
        }
    }
    for (uint32_t i = 0; i < t->step_count; i++) {
        lists[i] = tk_arena_array(&t->arena, counts[i], sizeof(*lists[i]));
        if (lists[i] == NULL) {
            return tk_nomem(o->error);
        }
        t->steps[i].children.numbers = lists[i];
    }
    for (uint32_t i = 0; i < t->step_count; i++) {
        for (uint32_t p = 0; p < t->steps[i].parents.count; p++) {
            uint16_t parent = t->steps[i].parents.numbers[p];
            lists[parent][t->steps[parent].children.count++] = (uint16_t)i;
        }
    }
    return TASKER_OK;
}

static tasker_status connect_ancestors(opening *o) {
    tk_template *t = o->template;
    const uint16_t *cycle = NULL;
    uint32_t cycle_count = 0;
    if (!tk_graph_find_cycle(&t->arena, o->nodes, t->step_count, &cycle, &cycle_count)) {
        return tk_nomem(o->error);
    }
    if (cycle_count > 0) {
        return bad(o, "steps", "dependencies without a cycle");
    }
    const uint16_t **lists = NULL;
    const uint32_t *counts = NULL;
    if (!tk_graph_ancestors(&t->arena, o->nodes, t->step_count, &lists, &counts)) {
        return tk_nomem(o->error);
    }
    for (uint32_t i = 0; i < t->step_count; i++) {
        t->steps[i].ancestors = (tk_steps){lists[i], counts[i]};
    }
    return TASKER_OK;
}

static tasker_status connect_steps(opening *o) {
    tk_json_iterator it = tk_json_each(o->steps);
    while (tk_json_next(&it)) {
        tasker_status status = connect_step(o, it.value);
        if (status != TASKER_OK) {
            return status;
        }
    }
    tasker_status status = connect_children(o);
    return status == TASKER_OK ? connect_ancestors(o) : status;
}

/* --- the whole --- */

static tasker_status build(opening *o, tk_str spec) {
    tk_template *t = o->template;
    if (!tk_arena_str(&t->arena, spec, &t->spec)) {
        return tk_nomem(o->error);
    }
    tk_json root;
    tasker_status status = tk_json_parse(t->spec, TK_SPEC_BYTES_MAX, &root, o->error);
    if (status != TASKER_OK) {
        return status;
    }
    o->steps = tk_json_member(root, "steps");
    if (o->steps.kind != TK_JSON_ARRAY) {
        return bad(o, "steps", "a list");
    }
    status = read_head(o, root);
    if (status == TASKER_OK) {
        status = read_digest(o);
    }
    if (status == TASKER_OK) {
        status = measure_steps(o);
    }
    if (status == TASKER_OK) {
        status = read_steps(o);
    }
    return status == TASKER_OK ? connect_steps(o) : status;
}

static bool name_one(tk_arena *arena, const tk_template *t, const char *separator, const char *last,
                     char id[TASKER_UUID_SIZE]) {
    const char *text =
        tk_arena_printf(arena, "%s/%s%s%s", t->namespace_name, t->name, separator, last);
    if (text != NULL) {
        tk_uuid derived = tk_uuid_derived(tk_str_of(text));
        tk_uuid_format(&derived, id);
    }
    return text != NULL;
}

/* The ids of the named task and its named steps: the same in every store and revision. */
static tasker_status name_ids(opening *o) {
    tk_template *t = o->template;
    tk_arena arena = {0};
    bool named = name_one(&arena, t, ":", t->version, t->named_id);
    for (uint32_t i = 0; named && i < t->step_count; i++) {
        tk_template_step *step = &t->steps[i];
        named = !step->present || name_one(&arena, t, "/", step->name, step->named_id);
    }
    tk_arena_release(&arena);
    return named ? TASKER_OK : tk_nomem(o->error);
}

tasker_status tk_template_open(tk_str spec, tk_template **template, tasker_error *error) {
    *template = NULL;
    opening o = {.template = tk_alloc(sizeof(tk_template)), .error = error};
    if (o.template == NULL) {
        return tk_nomem(error);
    }
    tasker_status status = build(&o, spec);
    if (status == TASKER_OK) {
        status = name_ids(&o);
    }
    if (status != TASKER_OK) {
        tk_template_close(o.template);
        return status;
    }
    *template = o.template;
    return TASKER_OK;
}

void tk_template_close(tk_template *template) {
    if (template != NULL) {
        tk_arena arena = template->arena;
        tk_arena_release(&arena);
        tk_free(template);
    }
}

const tk_template_step *tk_template_find_step(const tk_template *template, tk_str name) {
    const tk_name *found = tk_names_find(template->by_name, template->step_present_count, name);
    return found == NULL ? NULL : &template->steps[found->number];
}
