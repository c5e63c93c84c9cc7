/*
 * source_store.c - the operations of source.h on an open store.
 */
#include <time.h>

#include "json_view.h"
#include "source.h"

enum { LOOK_MS = 200 }; /* between two looks at the record */

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
    case DEED_TASK_RETRY:
        return tasker_task_retry(c->store, d->uuid, &d->who, error);
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

static tasker_status rerun(cli *c, const char *task_uuid, tk_str context, const tasker_act *who,
                           tasker_text *answer, tasker_error *error) {
    return tasker_task_rerun(c->store, task_uuid, context, who, answer, error);
}

static tasker_status template_put(cli *c, tk_str yaml, const char *name, tasker_text *report,
                                  tasker_error *error) {
    return tasker_template_put(c->store, yaml, name, report, error);
}

/* --- following -------------------------------------------------------------------------------- */

static void write_filter(tk_buf *filter, const follow_request *f, tk_str after) {
    const struct {
        const char *name, *value;
    } members[] = {
        {"task_uuid", f->task_uuid}, {"namespace", f->namespace_name}, {"kind", f->kind}};
    tk_buf_char(filter, '{');
    for (size_t i = 0; i < TK_COUNT_OF(members); i++) {
        if (members[i].value != NULL) {
            tk_json_write_member_string(filter, members[i].name, tk_str_of(members[i].value));
        }
    }
    tk_json_write_member_string(filter, "after", after);
    tk_buf_char(filter, '}');
}

/* Hands one page out. *ended: `take` has enough; *more: ask again at once. */
static tasker_status take_page(tk_arena *arena, const follow_request *f, tk_str page, tk_buf *after,
                               bool *ended, bool *more, tasker_error *error) {
    tk_json answer = {0};
    tasker_status status = tk_json_parse(page, TK_BUF_BYTES_MAX, &answer, error);
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "events"));
    while (status == TASKER_OK && !*ended && tk_json_next(&it)) {
        *ended = !f->take(f->user, it.value);
    }
    tk_buf_truncate(after, 0);
    tk_buf_str(after, json_text(arena, tk_json_member(answer, "next")));
    *more = tk_json_member(answer, "more").kind == TK_JSON_TRUE;
    return status == TASKER_OK && after->failed ? tk_nomem(error) : status;
}

static tasker_status follow_record(cli *c, const follow_request *f, tasker_error *error) {
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    tk_buf after = {0};
    tk_arena arena = {0};
    bool ended = false;
    tasker_status status = TASKER_OK;
    tk_buf_text(&after, f->after);
    while (status == TASKER_OK && !ended) {
        tk_buf filter = {0};
        tasker_text page = {0};
        bool more = false;
        write_filter(&filter, f, tk_buf_view(&after));
        status = filter.failed ? tk_nomem(error)
                               : tasker_query(c->store, TASKER_QUERY_EVENTS, tk_buf_view(&filter),
                                              &page, error);
        if (status == TASKER_OK) {
            status =
                take_page(&arena, f, (tk_str){page.data, page.size}, &after, &ended, &more, error);
        }
        tasker_text_free(&page);
        tk_buf_release(&filter);
        tk_arena_reset(&arena);
        if (status == TASKER_OK && !ended && !more) {
            nanosleep(&pause, NULL);
        }
    }
    tk_arena_release(&arena);
    tk_buf_release(&after);
    return status;
}

const source source_store = {query, submit, wait_for, act, rerun, template_put, follow_record};
