/*
 * routes.h - the functions of the routes, and what they share (object.c).
 */
#ifndef SERVE_ROUTES_H
#define SERVE_ROUTES_H

#include "serve.h"

/* tasks.c, task_list.c, task_create.c */
void route_task_create(serve_request *r);
void route_task_rerun(serve_request *r);
void route_task_list(serve_request *r);
void route_task_show(serve_request *r);
void route_task_summary(serve_request *r);
void route_task_history(serve_request *r);
void route_task_why(serve_request *r);
void route_task_cancel(serve_request *r);
void route_task_change(serve_request *r);

/* steps.c */
void route_step_list(serve_request *r);
void route_step_show(serve_request *r);
void route_step_audit(serve_request *r);
void route_step_why(serve_request *r);
void route_step_change(serve_request *r);

/* templates.c, handlers.c */
void route_template_list(serve_request *r);
void route_template_show(serve_request *r);
void route_template_validate(serve_request *r);
void route_template_validate_known(serve_request *r);
void route_template_put(serve_request *r);
void route_handler_namespaces(serve_request *r);
void route_handler_list(serve_request *r);
void route_handler_show(serve_request *r);

/* workers.c */
void route_worker_list(serve_request *r);
void route_counts(serve_request *r);

/* analytics.c */
void route_performance(serve_request *r);
void route_bottlenecks(serve_request *r);

/* beats.c: route_worker_state judges a worker of TASKER_QUERY_WORKERS: "runs", "silent" (its beat was not
 * seen to move for 15 s), "gone" (its process, of this host, is not there). One that is seen for the
 * first time runs. route_beat_moves judges by the beat alone. By any thread. */
const char *route_worker_state(tk_json worker);
bool route_beat_moves(int64_t worker, int64_t beat);

/* stream.c */
void route_events(serve_request *r);

/* health.c */
void route_health(serve_request *r);
void route_live(serve_request *r);
void route_ready(serve_request *r);
void route_health_detailed(serve_request *r);

/* metrics.c */
void route_metrics(serve_request *r);

/* config.c */
void route_config(serve_request *r);

/* openapi.c, docs_page.c */
void route_openapi(serve_request *r);
void route_docs_page(serve_request *r);

/* route_method is a method's name: "GET". (routes.c) */
const char *route_method(serve_method method);

/* --- what routes share: object.c -------------------------------------------------------------- */

/* What no namespace is called: a filter by it finds nothing. */
#define ROUTE_NOWHERE "/"

/* route_query closes `filter`, which begins with '{', asks with it and releases it. false: the answer
 * is the error. */
bool route_query(serve_request *r, tasker_query_kind kind, tk_buf *filter, tk_str *answer);

/* route_parse reads what the library answered. false: the answer is the error. */
bool route_parse(serve_request *r, tk_str text, tk_json *value);

/* route_take keeps what a function of the library answered with `status` in the arena, frees *text and
 * reads it. false: the answer is the error. */
bool route_take(serve_request *r, tasker_status status, tasker_text *text,
                const tasker_error *error, tk_json *value);

/* route_namespace is what a list is narrowed to: what was asked for, as far as the caller may see it;
 * empty: all. */
tk_str route_namespace(const serve_request *r, tk_str asked);

/* route_uuid reads a UUID of the path, in its usual spelling. false: the answer is a 400. */
bool route_uuid(serve_request *r, uint32_t capture, const char *name, char uuid[TASKER_UUID_SIZE]);

/* route_task finds the task that the path names: *uuid, and its JSON unless `task` is NULL. One of a
 * namespace that the caller must not see is answered as if there were none; a task never changes its
 * namespace, so what was visible stays so. false: the answer is the error. */
bool route_task(serve_request *r, char uuid[TASKER_UUID_SIZE], tk_json *task);

/* route_step finds the id of the step that the path names; it is one of the path's task. */
bool route_step(serve_request *r, char uuid[TASKER_UUID_SIZE]);

/* route_act reads who acts and why: the key's name, else what an anonymous caller says of itself
 * (X-Tasker-Actor, or the members that existing clients send); `body` is the request's. */
bool route_act(serve_request *r, tk_json body, tasker_act *act);

/* route_answer passes on what the library answered; contexts, results and their metadata become null
 * for who may not read them. */
void route_answer(serve_request *r, tk_json json);

/* route_answer_bare is route_answer without contexts and results for everybody. */
void route_answer_bare(serve_request *r, tk_json json);

#endif
