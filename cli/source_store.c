/*
 * source_store.c - the operations of source.h on an open store.
 */
#include "source.h"

static tasker_status query(cli *c, tasker_query_kind kind, tk_str filter, tasker_text *answer,
                           tasker_error *error) {
    return tasker_query(c->store, kind, filter, answer, error);
}

static tasker_status submit(cli *c, tk_str request, tasker_text *answer, tasker_error *error) {
    return tasker_submit(c->store, request, answer, error);
}

static tasker_status wait_for(cli *c, const char *task_uuid, int64_t timeout_ms, tasker_text *task,
                              tasker_error *error) {
    return tasker_task_wait(c->store, task_uuid, timeout_ms, task, error);
}

static tasker_status act(cli *c, const deed *d, tasker_error *error) {
    switch (d->kind) {
    case DEED_TASK_CANCEL:
        return tasker_task_cancel(c->store, d->uuid, &d->who, error);
    case DEED_TASK_RESOLVE:
        return tasker_task_resolve(c->store, d->uuid, &d->who, error);
    case DEED_TASK_FAIL:
        return tasker_task_fail(c->store, d->uuid, &d->who, error);
    case DEED_STEP_RETRY:
        return tasker_step_retry(c->store, d->uuid, &d->who, error);
    case DEED_STEP_RESOLVE:
        return tasker_step_resolve(c->store, d->uuid, d->result, &d->who, error);
    case DEED_STEP_COMPLETE:
        return tasker_step_complete(c->store, d->uuid, d->result, &d->who, error);
    }
    return tk_fail(error, TASKER_UNSUPPORTED, "no such deed");
}

static tasker_status template_put(cli *c, tk_str yaml, const char *name, tasker_text *report,
                                  tasker_error *error) {
    return tasker_template_put(c->store, yaml, name, report, error);
}

const source source_store = {query, submit, wait_for, act, template_put};
