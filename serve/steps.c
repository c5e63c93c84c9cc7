/*
 * steps.c - the steps of a task: list, show, attempts, and what an operator does to one.
 */
#include "routes.h"

void route_step_list(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_json steps = {0};
    if (!route_task(r, uuid, NULL)) {
        return;
    }
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, "task_uuid", tk_str_of(uuid));
    if (route_query(r, TASKER_QUERY_STEPS, &filter, &answer) && route_parse(r, answer, &steps)) {
        route_answer(r, steps);
    }
}

/* What the library tells of the path's step. */
static bool query_step(serve_request *r, tasker_query_kind kind, const char *uuid, tk_json *step) {
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, "step_uuid", tk_str_of(uuid));
    return route_query(r, kind, &filter, &answer) && route_parse(r, answer, step);
}

void route_step_show(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tk_json step = {0};
    if (route_step(r, uuid) && query_step(r, TASKER_QUERY_STEP, uuid, &step)) {
        route_answer(r, step);
    }
}

void route_step_audit(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tk_json step = {0};
    if (route_step(r, uuid) && query_step(r, TASKER_QUERY_STEP, uuid, &step)) {
        route_answer(r, tk_json_member(step, "attempts_list"));
    }
}

void route_step_why(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tk_json why = {0};
    if (route_step(r, uuid) && query_step(r, TASKER_QUERY_WHY, uuid, &why)) {
        tk_buf_str(&r->answer, why.text);
    }
}

/* --- acts ------------------------------------------------------------------------------------- */

/* The result that the body brings: `result`, or the original's `completion_data`. */
static tk_str result_of(tk_json body) {
    tk_json result = tk_json_member(body, "result");
    if (result.kind == TK_JSON_NONE) {
        result = tk_json_member(tk_json_member(body, "completion_data"), "result");
    }
    return result.kind == TK_JSON_NULL ? (tk_str){NULL, 0} : result.text;
}

static tasker_status retry(tasker *store, const char *uuid, tasker_bytes result,
                           const tasker_act *act, tasker_error *error) {
    (void)result;
    return tasker_step_retry(store, uuid, act, error);
}

typedef tasker_status (*step_verb)(tasker *store, const char *uuid, tasker_bytes result,
                                   const tasker_act *act, tasker_error *error);

/* The original's body has no action_type: it resolves. */
static step_verb verb_of(tk_json body) {
    static const struct {
        const char *word;
        step_verb verb;
    } verbs[] = {
        {"reset_for_retry", retry},
        {"resolve_manually", tasker_step_resolve},
        {"complete_manually", tasker_step_complete},
    };
    tk_json word = tk_json_member(body, "action_type");
    bool original = tk_json_member(body, "resolution_data").kind != TK_JSON_NONE ||
                    tk_json_member(body, "resolved_by").kind != TK_JSON_NONE;
    if (word.kind == TK_JSON_NONE && original) {
        return tasker_step_resolve;
    }
    for (size_t i = 0; i < TK_COUNT_OF(verbs); i++) {
        if (tk_json_string_is(word, tk_str_of(verbs[i].word))) {
            return verbs[i].verb;
        }
    }
    return NULL;
}

void route_step_change(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tasker_act act = {0};
    tasker_error error = {0};
    tk_json body = {0};
    tk_json step = {0};
    if (!serve_body_object(r, &body)) {
        return;
    }
    step_verb verb = verb_of(body);
    if (verb == NULL) {
        serve_fail(r, 400, "$.action_type",
                   "expected reset_for_retry, resolve_manually or complete_manually");
        return;
    }
    if (!route_act(r, body, &act) || !route_step(r, uuid)) {
        return;
    }
    if (verb(r->store, uuid, result_of(body), &act, &error) != TASKER_OK) {
        serve_fail_error(r, &error);
    } else if (query_step(r, TASKER_QUERY_STEP, uuid, &step)) {
        route_answer(r, step);
    }
}
