/*
 * template_yaml_steps.c - reads the steps of a template: handlers, retry rules, time-outs.
 *
 *   template_yaml.c --the list--> [template_yaml_steps.c] --tk_reader_step each--> overrides, graph
 */
#include "template_reader.h"

static const tk_key step_keys[] = {
    {.name = "name"},
    {.name = "description"},
    {.name = "handler"},
    {.name = "system_dependency"},
    {.name = "dependencies"},
    {.name = "depends_on"},
    {.name = "retry"},
    {.name = "timeout_seconds"},
    {.name = "publishes_events"},
    {.name = "type"},
    {.name = "step_type"},
    {.name = "batch_config",
     .use = TK_KEY_IDLE,
     .text = "batch_config has no effect: a step is one call; expected no such key"},
    {.name = "result_schema",
     .use = TK_KEY_IDLE,
     .text = "result_schema has no effect: results are not checked; expected no such key"},
    {"handler_class", TK_KEY_LEGACY, "handler: {callable: ...}"},
    {"handler_config", TK_KEY_LEGACY, "handler: {initialization: {...}}"},
    {"depends_on_step", TK_KEY_LEGACY, "dependencies: [...]"},
    {"depends_on_steps", TK_KEY_LEGACY, "dependencies: [...]"},
    {"default_retryable", TK_KEY_LEGACY, "retry: {retryable: ...}"},
    {"default_retry_limit", TK_KEY_LEGACY, "retry: {max_attempts: ...}"},
};

/* --- handlers --- */

void tk_reader_initialization(tk_reader *r, const tk_yaml *handler, tk_reader_handler *into,
                              bool apply) {
    const tk_yaml *map = tk_reader_get(r, handler, "initialization", NULL);
    if (map == NULL) {
        return;
    }
    if (map->kind != TK_YAML_MAP) {
        tk_reader_error(r, map, "is %s; expected a map", tk_reader_show(r, map));
        return;
    }
    if (!apply) {
        return;
    }
    tk_reader_part *part = tk_arena_alloc(r->arena, sizeof(*part));
    if (part == NULL) {
        r->failed = true;
        return;
    }
    part->map = map;
    if (into->last == NULL) {
        into->first = part;
    } else {
        into->last->next = part;
    }
    into->last = part;
}

void tk_reader_handler_read(tk_reader *r, tk_yaml *node, tk_reader_handler *handler) {
    static const tk_key keys[] = {
        {.name = "callable"},
        {.name = "initialization"},
        {.name = "method",
         .use = TK_KEY_IDLE,
         .text = "method has no effect: handlers are called by `call`; expected no such key"},
        {.name = "resolver",
         .use = TK_KEY_IDLE,
         .text = "resolver has no effect: callables name classes; expected no such key"},
    };
    if (tk_reader_map(r, node, keys, TK_COUNT_OF(keys))) {
        handler->callable = tk_reader_name(r, node, "callable", TK_CALLABLE_BYTES_MAX);
        tk_reader_initialization(r, node, handler, true);
    }
}

/* --- retry --- */

/* `limit` is the old spelling of max_attempts, which wins. */
static bool read_attempts(tk_reader *r, const tk_yaml *node, int64_t *attempts_max) {
    int64_t limit = 0;
    bool has_limit = tk_reader_int(r, node, "limit", UINT32_MAX, &limit);
    if (tk_reader_int(r, node, "max_attempts", UINT32_MAX, attempts_max)) {
        if (has_limit && limit != *attempts_max) {
            tk_reader_warn(r, tk_yaml_member(node, "limit"),
                           "limit has no effect beside max_attempts; expected one of them");
        }
        return true;
    }
    *attempts_max = limit;
    return has_limit;
}

static bool read_backoff(tk_reader *r, const tk_yaml *node, tk_backoff *backoff) {
    static const char *const names[] = {"none", "linear", "exponential", "fibonacci"};
    static const tk_words words = {names, TK_COUNT_OF(names),
                                   "none, linear, exponential or fibonacci"};
    size_t index = 0;
    return tk_reader_word(r, node, "backoff", NULL, &words, &index) &&
           tk_backoff_parse(tk_str_of(names[index]), backoff);
}

void tk_reader_retry_read(tk_reader *r, tk_yaml *node, tk_reader_retry *retry) {
    static const tk_key keys[] = {
        {.name = "retryable"}, {.name = "max_attempts"},    {.name = "limit"},
        {.name = "backoff"},   {.name = "backoff_base_ms"}, {.name = "max_backoff_ms"},
    };
    *retry = (tk_reader_retry){0};
    if (!tk_reader_map(r, node, keys, TK_COUNT_OF(keys))) {
        return;
    }
    tk_retry_policy *policy = &retry->policy;
    int64_t attempts_max = 0;
    retry->has_retryable = tk_reader_bool(r, node, "retryable", &policy->retryable);
    retry->has_attempts = read_attempts(r, node, &attempts_max);
    policy->attempts_max = (uint32_t)attempts_max;
    retry->has_backoff = read_backoff(r, node, &policy->backoff);
    retry->has_base =
        tk_reader_int(r, node, "backoff_base_ms", TK_BACKOFF_MS_MAX, &policy->base_ms);
    retry->has_cap = tk_reader_int(r, node, "max_backoff_ms", TK_BACKOFF_MS_MAX, &policy->cap_ms);
}

void tk_reader_retry_apply(const tk_reader_retry *retry, tk_retry_policy *policy) {
    const tk_retry_policy *given = &retry->policy;
    policy->retryable = retry->has_retryable ? given->retryable : policy->retryable;
    policy->attempts_max = retry->has_attempts ? given->attempts_max : policy->attempts_max;
    policy->backoff = retry->has_backoff ? given->backoff : policy->backoff;
    policy->base_ms = retry->has_base ? given->base_ms : policy->base_ms;
    policy->cap_ms = retry->has_cap ? given->cap_ms : policy->cap_ms;
}

bool tk_reader_timeout(tk_reader *r, const tk_yaml *map, int64_t *seconds) {
    if (!tk_reader_int(r, map, "timeout_seconds", UINT32_MAX, seconds)) {
        return false;
    }
    if (*seconds == 0) {
        tk_reader_warn(r, tk_yaml_member(map, "timeout_seconds"),
                       "0 means that there is no time-out; expected 1 or more");
    }
    return true;
}

/* --- types and events --- */

static void check_type(tk_reader *r, const tk_yaml *node) {
    static const char *const names[] = {"standard", "decision", "deferred_convergence", "batchable",
                                        "batch_worker"};
    static const tk_words words = {
        names, TK_COUNT_OF(names),
        "standard, decision, deferred_convergence, batchable or batch_worker"};
    size_t index = 0;
    if (tk_reader_word(r, node, "type", "step_type", &words, &index) && index > 0) {
        tk_reader_warn(r, tk_reader_get(r, node, "type", "step_type"),
                       "a step of type %s runs as a standard one; expected standard", names[index]);
    }
}

static void check_event_map(tk_reader *r, tk_yaml *event) {
    static const tk_key keys[] = {
        {.name = "name"},   {.name = "description"},   {.name = "condition"},
        {.name = "schema"}, {.name = "delivery_mode"}, {.name = "publisher"},
    };
    static const char *const names[] = {"success", "failure", "always", "retryable_failure",
                                        "permanent_failure"};
    static const tk_words words = {
        names, TK_COUNT_OF(names),
        "success, failure, retryable_failure, permanent_failure or always"};
    size_t index = 0;
    if (tk_reader_map(r, event, keys, TK_COUNT_OF(keys))) {
        tk_reader_name(r, event, "name", TASKER_NAME_BYTES_MAX);
        tk_reader_text(r, event, "description");
        tk_reader_word(r, event, "condition", NULL, &words, &index);
        tk_reader_text(r, event, "delivery_mode");
        tk_reader_text(r, event, "publisher");
    }
}

/* Events are names, or maps with a name. */
static const tk_yaml *read_events(tk_reader *r, const tk_yaml *node) {
    const tk_yaml *list = tk_reader_list(r, node, "publishes_events", NULL);
    for (tk_yaml *event = list == NULL ? NULL : list->first; event != NULL; event = event->next) {
        if (event->kind == TK_YAML_MAP) {
            check_event_map(r, event);
        } else if (event->kind != TK_YAML_STRING) {
            tk_reader_error(r, event, "is %s; expected an event's name, or a map with its name",
                            tk_reader_show(r, event));
        }
    }
    return list;
}

/* --- steps --- */

static void read_handler(tk_reader *r, const tk_yaml *node, tk_reader_step *step) {
    tk_yaml *handler = tk_reader_get(r, node, "handler", NULL);
    if (handler == NULL) {
        tk_reader_error(r, node, "handler is missing; expected handler: {callable: ...}");
        return;
    }
    tk_reader_handler_read(r, handler, &step->handler);
}

static void read_step(tk_reader *r, tk_yaml *node, tk_reader_step *step) {
    *step = (tk_reader_step){
        .node = node,
        .retry = {.retryable = true,
                  .attempts_max = TK_RETRY_ATTEMPTS_DEFAULT,
                  .backoff = TK_BACKOFF_EXPONENTIAL,
                  .base_ms = TK_BACKOFF_BASE_MS_DEFAULT,
                  .cap_ms = TK_BACKOFF_CAP_MS_DEFAULT},
    };
    if (!tk_reader_map(r, node, step_keys, TK_COUNT_OF(step_keys))) {
        return;
    }
    step->name = tk_reader_name(r, node, "name", TASKER_NAME_BYTES_MAX);
    step->description = tk_reader_text(r, node, "description");
    read_handler(r, node, step);
    step->system_dependency = tk_reader_text(r, node, "system_dependency");
    step->dependencies = tk_reader_texts(r, node, "dependencies", "depends_on");
    step->has_timeout = tk_reader_timeout(r, node, &step->timeout_seconds);
    step->publishes_events = read_events(r, node);
    check_type(r, node);
    tk_yaml *retry_node = tk_reader_get(r, node, "retry", NULL);
    if (retry_node != NULL) {
        tk_reader_retry retry;
        tk_reader_retry_read(r, retry_node, &retry);
        tk_reader_retry_apply(&retry, &step->retry);
    }
}

/* Sorts the names; a name's later steps are errors and left out. */
static void index_names(tk_reader *r) {
    tk_name *names = tk_arena_array(r->arena, r->step_count, sizeof(*names));
    if (names == NULL) {
        r->failed = true;
        return;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->step_count; i++) {
        if (r->steps[i].name != NULL) {
            names[count++] = (tk_name){r->steps[i].name->text, i};
        }
    }
    tk_names_sort(names, count);
    r->names = names;
    for (uint32_t i = 0; i < count; i++) {
        const tk_name *before = r->name_count == 0 ? NULL : &names[r->name_count - 1];
        if (before == NULL || !tk_str_equal(before->text, names[i].text)) {
            names[r->name_count++] = names[i];
            continue;
        }
        tk_reader_error(r, r->steps[names[i].number].name,
                        "the step %s stands in line %" PRIu32 " already; expected another name",
                        tk_reader_quote(r, before->text), r->steps[before->number].name->line);
    }
}

void tk_reader_steps(tk_reader *r, const tk_yaml *root) {
    const tk_yaml *list = tk_reader_list(r, root, "steps", NULL);
    if (list == NULL || list->count == 0) {
        const tk_yaml *at = tk_yaml_member(root, "steps");
        tk_reader_warn(r, at == NULL ? root : at,
                       "the template has no steps, so no task can be made of it; "
                       "expected at least one");
        return;
    }
    if (list->count > TASKER_STEPS_MAX) {
        tk_reader_error(r, list, "has %" PRIu32 " steps; expected at most %d", list->count,
                        TASKER_STEPS_MAX);
        return;
    }
    r->steps = tk_arena_array(r->arena, list->count, sizeof(*r->steps));
    if (r->steps == NULL) {
        r->failed = true;
        return;
    }
    r->step_count = list->count;
    for (tk_yaml *node = list->first; node != NULL; node = node->next) {
        read_step(r, node, &r->steps[node->index]);
    }
    index_names(r);
}
