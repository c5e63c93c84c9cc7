/*
 * query_list.c - lists tasks: by filter, newest first, a page at a time.
 *
 * Items have everything that a list shows, counts included, but neither context nor steps. A page is
 * loaded in small chunks, because a task row carries its context.
 */
#include "query.h"

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 1000
#define LIST_CHUNK 32

/* The stored state behind a word: a stored one, one of the 12, or an execution status. Words that are
 * computed from the steps (steps_in_process, waiting_for_retry, processing, …) mean every running
 * task; the page shows which of them each is. */
static bool state_of_word(tk_str word, int32_t *state) {
    static const struct {
        const char *word;
        int32_t state;
    } words[] = {
        {"running", TK_TASK_RUNNING},    {"blocked", TK_TASK_BLOCKED},
        {"resolved", TK_TASK_RESOLVED},  {"has_ready_steps", TK_TASK_RUNNING},
        {"processing", TK_TASK_RUNNING}, {"all_complete", TK_TASK_COMPLETE},
    };
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        if (tk_str_is(word, words[i].word)) {
            *state = words[i].state;
            return true;
        }
    }
    tk_task_state parsed;
    if (!tk_task_state_parse(word, &parsed)) {
        return false;
    }
    switch (parsed) {
    case TK_TASK_STATE_COMPLETE:
        *state = TK_TASK_COMPLETE;
        break;
    case TK_TASK_STATE_BLOCKED_BY_FAILURES:
        *state = TK_TASK_BLOCKED;
        break;
    case TK_TASK_STATE_CANCELLED:
        *state = TK_TASK_CANCELLED;
        break;
    case TK_TASK_STATE_ERROR:
        *state = TK_TASK_ERROR;
        break;
    case TK_TASK_STATE_RESOLVED_MANUALLY:
        *state = TK_TASK_RESOLVED;
        break;
    default:
        *state = TK_TASK_RUNNING;
        break;
    }
    return true;
}

static tasker_status read_state(const tk_query_call *q, int32_t *state) {
    tk_str word;
    tasker_status status = tk_query_text(q, "state", &word);
    if (status == TASKER_OK && word.data != NULL && !state_of_word(word, state)) {
        status = tk_fail_at(q->error, TASKER_INVALID, "$.state",
                            "expected a task's state (running, blocked_by_failures, complete, "
                            "cancelled, error, resolved_manually, …) or an execution status");
    }
    return status;
}

static tasker_status read_filter(const tk_query_call *q, tk_task_filter *filter, bool *known) {
    int64_t limit = LIST_LIMIT_DEFAULT;
    tasker_status status = tk_query_queue(q, &filter->queue, known);
    if (status == TASKER_OK) {
        status = tk_query_text(q, "name", &filter->template_name);
    }
    if (status == TASKER_OK) {
        status = tk_query_text(q, "version", &filter->template_version);
    }
    if (status == TASKER_OK) {
        status = read_state(q, &filter->state);
    }
    if (status == TASKER_OK) {
        status = tk_query_text(q, "tag", &filter->tag);
    }
    if (status == TASKER_OK) {
        status = tk_query_uuid(q, "correlation_id", &filter->has_correlation, &filter->correlation);
    }
    if (status == TASKER_OK) {
        status = tk_query_uuid(q, "after", &filter->has_after, &filter->after);
    }
    if (status == TASKER_OK) {
        status = tk_query_int(q, "limit", 1, LIST_LIMIT_MAX, &limit);
    }
    filter->limit = (uint32_t)limit + 1; /* one more tells whether there is a next page */
    return status;
}

/* Running tasks need their live rows to be told apart, complete ones the time of their last step,
 * others the act that ended them. */
static unsigned parts_of(const tk_view *view) {
    switch (view->state.state) {
    case TK_TASK_RUNNING:
        return TK_VIEW_PLACES;
    case TK_TASK_COMPLETE:
        return TK_VIEW_ATTEMPTS;
    case TK_TASK_BLOCKED:
        return 0;
    default:
        return TK_VIEW_ACTS;
    }
}

static tasker_status write_chunk(const tk_query_call *q, tk_arena *arena, const tk_uuid *ids,
                                 uint32_t count) {
    tk_view *views = tk_arena_array(arena, count, sizeof(*views));
    bool *found = tk_arena_array(arena, count, sizeof(*found));
    if (views == NULL || found == NULL) {
        return tk_nomem(q->error);
    }
    tasker_status status = tk_view_heads(q->engine, arena, ids, count, views, found, q->error);
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (!found[i]) {
            continue;
        }
        status = tk_catalog_get(q->engine, views[i].task.template_id, &views[i].known, q->error);
        if (status == TASKER_OK) {
            status = tk_view_request(q->engine, arena, parts_of(&views[i]), &views[i], q->error);
        }
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    int64_t now_us = tk_clock_now(q->engine->clock);
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (!found[i]) {
            continue;
        }
        if (!tk_view_arrange(arena, now_us, &views[i])) {
            return tk_nomem(q->error);
        }
        tk_json_write_comma(q->answer);
        tk_query_task_write(q->answer, &views[i]);
        tk_buf_char(q->answer, '}');
    }
    return status;
}

static tasker_status write_page(const tk_query_call *q, const tk_uuid *ids, uint32_t count) {
    tk_arena chunk = {0};
    tasker_status status = TASKER_OK;
    for (uint32_t at = 0; status == TASKER_OK && at < count;) {
        uint32_t size = count - at < LIST_CHUNK ? count - at : LIST_CHUNK;
        tk_arena_reset(&chunk);
        status = write_chunk(q, &chunk, ids + at, size);
        at += size;
    }
    tk_arena_release(&chunk);
    return status;
}

tasker_status tk_query_list(const tk_query_call *q) {
    tk_task_filter filter = {0};
    tk_uuid *ids = NULL;
    uint32_t count = 0;
    bool known = true;
    tasker_status status = read_filter(q, &filter, &known);
    if (status == TASKER_OK && known) {
        status =
            tk_store_call(q->engine->store, task_list, q->arena, &filter, &ids, &count, q->error);
        if (status == TASKER_OK) {
            status = tk_store_call(q->engine->store, sync, q->error);
        }
    }
    if (status != TASKER_OK) {
        return status;
    }
    bool more = count == filter.limit;
    count -= more;
    tk_buf_text(q->answer, "{\"tasks\":[");
    status = write_page(q, ids, count);
    tk_buf_char(q->answer, ']');
    if (more) {
        tk_query_member_uuid(q->answer, "next", &ids[count - 1]);
    } else {
        tk_json_write_member_null(q->answer, "next");
    }
    tk_buf_char(q->answer, '}');
    return status;
}
