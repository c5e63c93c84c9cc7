/*
 * tasks.c - one task: show, summary, history, cancel and the other acts.
 */
#include "routes.h"

void route_task_show(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tk_json task = {0};
    if (route_task(r, uuid, &task)) {
        route_answer(r, task);
    }
}

void route_task_summary(serve_request *r) {
    char uuid[TASKER_UUID_SIZE];
    tk_json task = {0};
    if (route_task(r, uuid, &task)) {
        route_answer_bare(r, task);
    }
}

/* What the library tells of a task that the caller may see. */
static void answer_of_task(serve_request *r, tasker_query_kind kind) {
    char uuid[TASKER_UUID_SIZE];
    tk_buf filter = {0};
    tk_str answer = {NULL, 0};
    if (!route_task(r, uuid, NULL)) {
        return;
    }
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, "task_uuid", tk_str_of(uuid));
    if (route_query(r, kind, &filter, &answer)) {
        tk_buf_str(&r->answer, answer);
    }
}

void route_task_history(serve_request *r) {
    answer_of_task(r, TASKER_QUERY_HISTORY);
}

void route_task_why(serve_request *r) {
    answer_of_task(r, TASKER_QUERY_WHY);
}

/* --- acts ------------------------------------------------------------------------------------- */

typedef tasker_status (*task_verb)(tasker *store, const char *uuid, const tasker_act *act,
                                   tasker_error *error);

/* Acts on the path's task and answers how it is then. */
static void act_on(serve_request *r, task_verb verb, tk_json body) {
    char uuid[TASKER_UUID_SIZE];
    tasker_act act = {0};
    tasker_error error = {0};
    tk_json task = {0};
    if (!route_act(r, body, &act) || !route_task(r, uuid, NULL)) {
        return;
    }
    if (verb(r->store, uuid, &act, &error) != TASKER_OK) {
        serve_fail_error(r, &error);
    } else if (route_task(r, uuid, &task)) {
        route_answer(r, task);
    }
}

void route_task_cancel(serve_request *r) {
    tk_json body = {0};
    if (serve_body_object(r, &body)) {
        act_on(r, tasker_task_cancel, body);
    }
}

void route_task_change(serve_request *r) {
    static const struct {
        const char *word;
        task_verb verb;
    } verbs[] = {
        {"cancel", tasker_task_cancel},
        {"resolve_manually", tasker_task_resolve},
        {"fail", tasker_task_fail},
        {"retry_failed_steps", tasker_task_retry},
    };
    tk_json body = {0};
    if (!serve_body_object(r, &body)) {
        return;
    }
    tk_json word = tk_json_member(body, "action_type");
    for (size_t i = 0; i < TK_COUNT_OF(verbs); i++) {
        if (tk_json_string_is(word, tk_str_of(verbs[i].word))) {
            act_on(r, verbs[i].verb, body);
            return;
        }
    }
    serve_fail(r, 400, "$.action_type",
               "expected cancel, resolve_manually, fail or retry_failed_steps");
}
