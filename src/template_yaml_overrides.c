/*
 * template_yaml_overrides.c - applies what a template says for one environment.
 *
 *   environments.<env>.steps --> [template_yaml_overrides.c] --> the steps, in listed order
 *
 * `initialization` is merged member by member (whole values), `timeout_seconds` is replaced,
 * `retry` is merged field by field: {max_attempts: 2} keeps retryable: false. Null overrides
 * nothing. ALL stands for every step. All environments are checked; one is applied.
 */
#include "template_reader.h"

/* One entry of an environment's steps. */
typedef struct override {
    tk_yaml *handler;
    bool has_retry, has_timeout;
    tk_reader_retry retry;
    int64_t timeout_seconds;
} override;

static const tk_key handler_keys[] = {
    {.name = "initialization"},
    {.name = "callable",
     .use = TK_KEY_IDLE,
     .text = "callable cannot be overridden; expected initialization alone"},
};

/* Bounds what ALL can multiply. */
static bool merge_allowed(tk_reader *r, const tk_yaml *handler) {
    const tk_yaml *map = tk_yaml_member(handler, "initialization");
    uint32_t added = map == NULL ? 1 : map->count + 1;
    if (r->merges == UINT32_MAX) {
        return false; /* said before */
    }
    if (r->merges + added > TK_READER_MERGES_MAX) {
        tk_reader_error(r, handler,
                        "the overrides bring too much into the steps; "
                        "expected at most %d members all together",
                        TK_READER_MERGES_MAX);
        r->merges = UINT32_MAX;
        return false;
    }
    r->merges += added;
    return true;
}

static void apply_step(tk_reader *r, const override *o, tk_reader_step *step) {
    if (o->handler != NULL && merge_allowed(r, o->handler)) {
        tk_reader_initialization(r, o->handler, &step->handler, true);
    }
    if (o->has_timeout) {
        step->has_timeout = true;
        step->timeout_seconds = o->timeout_seconds;
    }
    if (o->has_retry) {
        tk_reader_retry_apply(&o->retry, &step->retry);
    }
}

static void apply(tk_reader *r, const override *o, const tk_yaml *name) {
    if (tk_str_is(name->text, "ALL")) {
        for (uint32_t i = 0; i < r->step_count; i++) {
            apply_step(r, o, &r->steps[i]);
        }
        return;
    }
    const tk_name *found = tk_names_find(r->names, r->name_count, name->text);
    if (found != NULL) {
        apply_step(r, o, &r->steps[found->number]);
    }
}

static void check_override_name(tk_reader *r, const tk_yaml *name) {
    if (!tk_str_is(name->text, "ALL") &&
        tk_names_find(r->names, r->name_count, name->text) == NULL) {
        tk_reader_warn(r, name,
                       "no step has the name %s, so this overrides nothing; "
                       "expected a step's name, or ALL",
                       tk_reader_quote(r, name->text));
    }
}

static void read_override(tk_reader *r, tk_yaml *node, bool ours) {
    static const tk_key keys[] = {
        {.name = "name"}, {.name = "handler"}, {.name = "timeout_seconds"}, {.name = "retry"}};
    if (!tk_reader_map(r, node, keys, TK_COUNT_OF(keys))) {
        return;
    }
    override o = {0};
    const tk_yaml *name = tk_reader_name(r, node, "name", TASKER_NAME_BYTES_MAX);
    o.handler = tk_reader_get(r, node, "handler", NULL);
    if (o.handler != NULL && !tk_reader_map(r, o.handler, handler_keys, 2)) {
        o.handler = NULL;
    }
    if (o.handler != NULL) {
        tk_reader_initialization(r, o.handler, NULL, false);
    }
    o.has_timeout = tk_reader_timeout(r, node, &o.timeout_seconds);
    tk_yaml *retry = tk_reader_get(r, node, "retry", NULL);
    o.has_retry = retry != NULL;
    if (o.has_retry) {
        tk_reader_retry_read(r, retry, &o.retry);
    }
    if (name != NULL) {
        check_override_name(r, name);
    }
    if (name != NULL && ours && r->findings->error_count == 0) {
        apply(r, &o, name);
    }
}

static void read_task_handler(tk_reader *r, const tk_yaml *environment, bool ours) {
    tk_yaml *handler = tk_reader_get(r, environment, "task_handler", NULL);
    if (handler != NULL && tk_reader_map(r, handler, handler_keys, TK_COUNT_OF(handler_keys))) {
        tk_reader_initialization(r, handler, &r->task_handler, ours);
    }
}

static void read_environment(tk_reader *r, tk_yaml *environment) {
    static const tk_key keys[] = {{.name = "task_handler"}, {.name = "steps"}};
    if (environment->kind == TK_YAML_NULL ||
        !tk_reader_map(r, environment, keys, TK_COUNT_OF(keys))) {
        return;
    }
    bool ours = tk_str_is(environment->key, r->environment);
    read_task_handler(r, environment, ours);
    const tk_yaml *steps = tk_reader_list(r, environment, "steps", NULL);
    for (tk_yaml *node = steps == NULL ? NULL : steps->first; node != NULL; node = node->next) {
        read_override(r, node, ours);
    }
}

void tk_reader_overrides(tk_reader *r) {
    if (r->environments == NULL) {
        return;
    }
    if (r->environments->kind != TK_YAML_MAP) {
        tk_reader_error(r, r->environments, "is %s; expected a map from environments to overrides",
                        tk_reader_show(r, r->environments));
        return;
    }
    for (tk_yaml *node = r->environments->first; node != NULL; node = node->next) {
        read_environment(r, node);
    }
}
