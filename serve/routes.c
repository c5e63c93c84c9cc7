/*
 * routes.c - the table of routes: what is answered, who may ask, and what OpenAPI says of it.
 */
#include "routes.h"

#define TEXT "{\"type\":\"string\"}"
#define UUID "{\"type\":\"string\",\"format\":\"uuid\"}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define WHOLE(least, most) "{\"type\":\"integer\",\"minimum\":" least ",\"maximum\":" most "}"

static const serve_parameter list_query[] = {
    {"namespace", TEXT, "of this namespace"},
    {"name", TEXT, "of this template"},
    {"version", TEXT, "of this version of it"},
    {"state", TEXT, "in this state, or with this execution status"},
    {"status", TEXT, "the same as state"},
    {"tag", TEXT, "with this tag"},
    {"correlation_id", UUID, "with this correlation id"},
    {"initiator", TEXT, "submitted by"},
    {"source_system", TEXT, "submitted from"},
    {"idempotency_key", TEXT, "submitted with this key"},
    {"created_after", TIME, "created at this time or later"},
    {"created_before", TIME, "created before this time"},
    {"limit", WHOLE("1", "1000"), "so many at most; 50 if not given"},
    {"after", TEXT, "go on behind this cursor: next of the answer before"},
    {"page", WHOLE("1", "10000000"), "a page by its number"},
    {"per_page", WHOLE("1", "100"), "tasks of a page"},
    {"offset", WHOLE("0", "10000"), "a page by where it begins: a multiple of limit"},
    {"fields", "{\"enum\":[\"summary\"]}", "lists tell no context"},
    {0},
};

static const serve_parameter counts_query[] = {
    {"namespace", TEXT, "of this namespace"},
    {"name", TEXT, "tasks of this template"},
    {0},
};

static const serve_parameter events_query[] = {
    {"task_uuid", UUID, "of this task"},
    {"namespace", TEXT, "of this namespace"},
    {"kind", "{\"enum\":[\"task\",\"attempt\",\"act\",\"running\",\"counts\"]}", "of this kind"},
    {"after", TEXT, "behind this cursor; now if not given"},
    {0},
};

static const serve_parameter templates_query[] = {
    {"namespace", TEXT, "of this namespace"},
    {"name", TEXT, "of this name"},
    {0},
};

#define SPAN                                                                                       \
    {"minutes", WHOLE("1", "10080"), "of so many minutes; 60 if not given"},                       \
        {"hours", WHOLE("1", "168"), "of so many hours"},                                          \
        {"namespace", TEXT, "of this namespace"}, {                                                \
        "name", TEXT, "of this template"                                                           \
    }

static const serve_parameter performance_query[] = {
    SPAN,
    {"portions", WHOLE("1", "240"), "in so many portions at most; 60 if not given"},
    {0},
};

static const serve_parameter bottlenecks_query[] = {
    SPAN,
    {"limit", WHOLE("1", "100"), "so many steps at most; 10 if not given"},
    {"min_executions", WHOLE("1", "1000000000"), "steps that ran so often; 10 if not given"},
    {0},
};

/* method, path, permission, flags, run, summary, parameters, body, returns, statuses */
/* clang-format off */
const serve_route serve_routes[] = {
    {SERVE_POST, "/v1/tasks", "tasks:create", SERVE_BATCH, route_task_create,
     "Creates a task, or many at once (application/x-ndjson), all or none", NULL,
     "TaskRequest", "TaskCreated", "201 200 400 404 409 413 415"},
    {SERVE_GET, "/v1/tasks", "tasks:list", 0, route_task_list,
     "Lists tasks, newest first", list_query, NULL, "TaskList", "200 400"},
    {SERVE_GET, "/v1/tasks/{task_uuid}", "tasks:read", 0, route_task_show,
     "A task with its context, its counters and its steps", NULL, NULL, "Task", "200 400 404"},
    {SERVE_GET, "/v1/tasks/{task_uuid}/summary", "tasks:read", 0, route_task_summary,
     "A task without context and results", NULL, NULL, "Task", "200 400 404"},
    {SERVE_GET, "/v1/tasks/{task_uuid}/history", "tasks:read", 0, route_task_history,
     "Every state of a task and of its steps", NULL, NULL, "History", "200 400 404"},
    {SERVE_GET, "/v1/tasks/{task_uuid}/why", "tasks:read", 0, route_task_why,
     "What a task waits for", NULL, NULL, "Why", "200 400 404"},
    {SERVE_DELETE, "/v1/tasks/{task_uuid}", "tasks:cancel", 0, route_task_cancel,
     "Cancels a task", NULL, "Reason", "Task", "200 400 404 409"},
    {SERVE_PATCH, "/v1/tasks/{task_uuid}", "tasks:cancel", 0, route_task_change,
     "Cancels a task, resolves it by hand, gives it up, or retries its failed steps", NULL,
     "TaskChange", "Task", "200 400 404 409"},
    {SERVE_POST, "/v1/tasks/{task_uuid}/rerun", "tasks:create", 0, route_task_rerun,
     "A new task of the same template and context, which may be edited", NULL,
     "Rerun", "TaskCreatedOne", "201 400 404"},

    {SERVE_GET, "/v1/tasks/{task_uuid}/workflow_steps", "steps:read", 0, route_step_list,
     "The steps of a task", NULL, NULL, "StepList", "200 400 404"},
    {SERVE_GET, "/v1/tasks/{task_uuid}/workflow_steps/{step_uuid}", "steps:read", 0,
     route_step_show, "A step with its attempts", NULL, NULL, "StepWithAttempts", "200 400 404"},
    {SERVE_GET, "/v1/tasks/{task_uuid}/workflow_steps/{step_uuid}/why", "steps:read", 0,
     route_step_why, "What a step waits for", NULL, NULL, "Why", "200 400 404"},
    {SERVE_GET, "/v1/tasks/{task_uuid}/workflow_steps/{step_uuid}/audit", "steps:read", 0,
     route_step_audit, "The attempts of a step", NULL, NULL, "AttemptList", "200 400 404"},
    {SERVE_PATCH, "/v1/tasks/{task_uuid}/workflow_steps/{step_uuid}", "steps:resolve", 0,
     route_step_change, "Retries a step, or resolves or completes it by hand", NULL,
     "StepChange", "StepWithAttempts", "200 400 404 409"},
    {SERVE_GET, "/v1/events", "tasks:list", SERVE_STREAM, route_events,
     "What is recorded, as it happens", events_query, NULL, "text/event-stream", "200 400 404"},

    {SERVE_GET, "/v1/templates", "templates:read", 0, route_template_list,
     "The current revisions of the templates", templates_query, NULL, "TemplateList", "200"},
    {SERVE_GET, "/v1/templates/{namespace}/{name}/{version}", "templates:read", 0,
     route_template_show, "A template with its steps", NULL, NULL, "Template", "200 404"},
    {SERVE_POST, "/v1/templates/validate", "templates:validate", 0, route_template_validate,
     "Checks the YAML of the body", NULL, "yaml", "TemplateReport", "200 413"},
    {SERVE_POST, "/v1/templates/{namespace}/{name}/{version}/validate", "templates:validate", 0,
     route_template_validate_known, "Checks a registered template, and whether workers run its steps",
     NULL, NULL, "TemplateReport", "200 404"},
    {SERVE_PUT, "/v1/templates", "templates:write", 0, route_template_put,
     "Registers the YAML of the body", NULL, "yaml", "TemplateReport", "200 400 413"},

    {SERVE_GET, "/v1/handlers", "system:handlers_read", 0, route_handler_namespaces,
     "Namespaces that have templates", NULL, NULL, "NamespaceList", "200"},
    {SERVE_GET, "/v1/handlers/{namespace}", "system:handlers_read", 0, route_handler_list,
     "The templates of a namespace", NULL, NULL, "HandlerList", "200"},
    {SERVE_GET, "/v1/handlers/{namespace}/{name}", "system:handlers_read", 0, route_handler_show,
     "The template of a name that was registered last", NULL, NULL, "Handler", "200 404"},
    {SERVE_GET, "/v1/workers", "system:workers_read", 0, route_worker_list,
     "Workers, and what they run", NULL, NULL, "WorkerList", "200"},
    {SERVE_GET, "/v1/counts", "tasks:list", 0, route_counts,
     "Tasks by state, and the queues", counts_query, NULL, "Counts", "200"},    {SERVE_GET, "/v1/analytics/performance", "system:analytics_read", 0, route_performance,
     "Rates and latencies", performance_query, NULL, "Performance", "200 400"},
    {SERVE_GET, "/v1/analytics/bottlenecks", "system:analytics_read", 0, route_bottlenecks,
     "Slow and failing steps", bottlenecks_query, NULL, "Bottlenecks", "200 400"},
    {SERVE_GET, "/config", "system:config_read", SERVE_AT_ONCE, route_config,
     "The settings, and where each comes from", NULL, NULL, "Config", "200"},

    {SERVE_GET, "/health", NULL, SERVE_AT_ONCE | SERVE_PUBLIC, route_health,
     "The process answers", NULL, NULL, "Health", "200"},
    {SERVE_GET, "/health/live", NULL, SERVE_AT_ONCE | SERVE_PUBLIC, route_live,
     "The process answers", NULL, NULL, "Health", "200"},
    {SERVE_GET, "/live", NULL, SERVE_AT_ONCE | SERVE_PUBLIC, route_live,
     "The process answers", NULL, NULL, "Health", "200"},
    {SERVE_GET, "/health/ready", NULL, SERVE_PUBLIC | SERVE_ANYHOW, route_ready,
     "Store, tables and sweep are alive", NULL, NULL, "HealthParts", "200 503"},
    {SERVE_GET, "/ready", NULL, SERVE_PUBLIC | SERVE_ANYHOW, route_ready,
     "Store, tables and sweep are alive", NULL, NULL, "HealthParts", "200 503"},
    {SERVE_GET, "/health/detailed", NULL, SERVE_PUBLIC | SERVE_ANYHOW, route_health_detailed,
     "Each part by its name", NULL, NULL, "HealthParts", "200"},
    {SERVE_GET, "/metrics", NULL, SERVE_PUBLIC | SERVE_ANYHOW, route_metrics,
     "Figures for Prometheus", NULL, NULL, "text/plain", "200"},

    {SERVE_GET, "/api-docs/openapi.json", NULL, SERVE_AT_ONCE | SERVE_PUBLIC, route_openapi,
     "This description", NULL, NULL, "application/json", "200"},
    {SERVE_GET, "/api-docs/ui", NULL, SERVE_AT_ONCE | SERVE_PUBLIC, route_docs_page,
     "The routes, for people", NULL, NULL, "text/html", "200"},
    {0},
};
/* clang-format on */

const char *route_method(serve_method method) {
    static const char *const names[] = {
        [SERVE_GET] = "GET",     [SERVE_POST] = "POST",     [SERVE_PUT] = "PUT",
        [SERVE_PATCH] = "PATCH", [SERVE_DELETE] = "DELETE",
    };
    return names[method];
}
