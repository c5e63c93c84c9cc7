/*
 * query_list.c - lists tasks: by filter, newest first, a page at a time.
 *
 * Items have everything that a list shows, counts included, but neither context nor steps. A page is
 * loaded in small chunks, because a task row carries its context.
 */
#include "query.h"

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 1000
#define LIST_PAGED_MAX 10000   /* tasks that pages by number reach */
#define LIST_COUNTED_MAX 10000 /* tasks that are counted where no exact count is kept */
#define LIST_CHUNK 32

/* A list under way. */
typedef struct listing {
    tk_task_filter filter;
    bool known;      /* the namespace */
    bool cursor;     /* goes on behind one */
    bool has_before; /* a time before which tasks were created */
    tk_uuid before;
    int64_t page, limit; /* page 0: by a cursor */
    tk_task_page found;
    bool more;
    int64_t total;
    bool total_exact;
} listing;

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

/* A time of the filter as the id that is below all made from then on. */
static tasker_status read_time(const tk_query_call *q, const char *name, bool *given,
                               tk_uuid *floor) {
    tk_str text;
    int64_t at_us = 0;
    tasker_status status = tk_query_text(q, name, &text);
    *given = status == TASKER_OK && text.data != NULL;
    if (!*given) {
        return status;
    }
    if (!tk_time_parse(text, &at_us)) {
        char path[TASKER_PATH_MAX] = "$.";
        strncat(path, name, sizeof(path) - 3);
        return tk_fail_at(q->error, TASKER_INVALID, path, "expected a time as RFC 3339 has it");
    }
    *floor = tk_uuid_floor(at_us < 0 ? 0 : at_us);
    return TASKER_OK;
}

/* What was created before a time is what a cursor there would go on with. */
static tasker_status read_range(const tk_query_call *q, listing *list) {
    tk_task_filter *filter = &list->filter;
    bool given = false;
    tk_uuid floor;
    tasker_status status = read_time(q, "created_before", &list->has_before, &list->before);
    if (status == TASKER_OK && list->has_before &&
        (!list->cursor || tk_uuid_compare(&list->before, &filter->after) < 0)) {
        filter->has_after = true;
        filter->after = list->before;
    }
    if (status == TASKER_OK) {
        status = read_time(q, "created_after", &given, &floor);
    }
    if (status == TASKER_OK && given) {
        filter->from = floor;
    }
    return status;
}

/* The texts that are looked for as they are. */
static tasker_status read_texts(const tk_query_call *q, tk_task_filter *filter) {
    const struct {
        const char *name;
        tk_str *text;
    } members[] = {
        {"name", &filter->template_name},
        {"version", &filter->template_version},
        {"tag", &filter->tag},
        {"initiator", &filter->initiator},
        {"source_system", &filter->source_system},
    };
    tasker_status status = TASKER_OK;
    for (size_t i = 0; status == TASKER_OK && i < TK_COUNT_OF(members); i++) {
        status = tk_query_text(q, members[i].name, members[i].text);
    }
    return status;
}

/* A caller's key is kept behind a mark of whose it is. */
static tasker_status read_key(const tk_query_call *q, tk_task_filter *filter) {
    tk_str key;
    tasker_status status = tk_query_text(q, "idempotency_key", &key);
    if (status != TASKER_OK || key.size == 0) {
        return status;
    }
    filter->key =
        tk_str_of(tk_arena_printf(q->arena, TK_IDENTITY_GIVEN "%.*s", (int)key.size, key.data));
    return filter->key.data == NULL ? tk_nomem(q->error) : TASKER_OK;
}

/* Pages by number: `per_page` is another word for `limit`. */
static tasker_status read_page(const tk_query_call *q, listing *list) {
    list->limit = LIST_LIMIT_DEFAULT;
    tasker_status status = tk_query_int(q, "per_page", 1, LIST_LIMIT_MAX, &list->limit);
    if (status == TASKER_OK) {
        status = tk_query_int(q, "limit", 1, LIST_LIMIT_MAX, &list->limit);
    }
    if (status == TASKER_OK) {
        list->page = list->cursor ? 0 : 1;
        status = tk_query_int(q, "page", 1, INT32_MAX, &list->page);
    }
    if (status == TASKER_OK && list->page > 1 && list->page * list->limit > LIST_PAGED_MAX) {
        status =
            tk_fail_at(q->error, TASKER_INVALID, "$.page",
                       "pages end at %d tasks: go on with after, the cursor `next` of an answer",
                       LIST_PAGED_MAX);
    }
    list->filter.skip = list->page > 1 ? (uint32_t)((list->page - 1) * list->limit) : 0;
    list->filter.limit =
        (uint32_t)list->limit + 1; /* one more tells whether there is a next page */
    return status;
}

static tasker_status read_filter(const tk_query_call *q, listing *list) {
    tk_task_filter *filter = &list->filter;
    tasker_status status = tk_query_queue(q, &filter->queue, &list->known);
    if (status == TASKER_OK) {
        status = read_texts(q, filter);
    }
    if (status == TASKER_OK) {
        status = read_key(q, filter);
    }
    if (status == TASKER_OK) {
        status = read_state(q, &filter->state);
    }
    if (status == TASKER_OK) {
        status = tk_query_uuid(q, "correlation_id", &filter->has_correlation, &filter->correlation);
    }
    if (status == TASKER_OK) {
        status = tk_query_uuid(q, "after", &list->cursor, &filter->after);
        filter->has_after = list->cursor;
    }
    if (status == TASKER_OK) {
        status = read_range(q, list);
    }
    return status == TASKER_OK ? read_page(q, list) : status;
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

/* --- totals --- */

/* By namespace, template and state the counters are exact. */
static bool counters_know(const listing *list) {
    const tk_task_filter *f = &list->filter;
    const tk_uuid none = {{0}};
    return f->tag.size == 0 && !f->has_correlation && f->initiator.size == 0 &&
           f->source_system.size == 0 && f->key.size == 0 && tk_uuid_equal(&f->from, &none) &&
           !list->has_before;
}

static bool counter_meant(const tk_task_filter *f, const tk_known *known) {
    return (f->queue == 0 || known->queue == f->queue) &&
           (f->template_name.size == 0 || tk_str_is(f->template_name, known->template->name)) &&
           (f->template_version.size == 0 ||
            tk_str_is(f->template_version, known->template->version));
}

static tasker_status sum_counters(const tk_query_call *q, listing *list) {
    const tk_task_filter *f = &list->filter;
    bool all = f->queue == 0 && f->template_name.size == 0 && f->template_version.size == 0;
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status =
        tk_store_call(q->engine->store, count_list, q->arena, &rows, &count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        const tk_known *known = NULL;
        if (f->state != 0 && rows[i].to != f->state) {
            continue;
        }
        if (!all) {
            status = tk_catalog_get(q->engine, rows[i].template_id, &known, q->error);
        }
        if (status == TASKER_OK && (all || counter_meant(f, known))) {
            list->total += rows[i].tasks;
        }
    }
    list->total_exact = true;
    return status;
}

static tasker_status count_some(const tk_query_call *q, listing *list) {
    tk_task_filter filter = list->filter;
    uint32_t count = 0;
    filter.limit = LIST_COUNTED_MAX;
    filter.skip = 0;
    filter.has_after = list->has_before; /* the whole is counted, not what a cursor leaves */
    filter.after = list->before;
    tasker_status status =
        tk_store_call(q->engine->store, task_count, &filter, &count, &list->total_exact, q->error);
    list->total = count;
    return status;
}

static tasker_status find_total(const tk_query_call *q, listing *list) {
    int64_t seen = (int64_t)list->filter.skip + list->found.count;
    if (!list->known) {
        list->total_exact = true;
        return TASKER_OK;
    }
    if (counters_know(list)) {
        return sum_counters(q, list);
    }
    if (!list->cursor && !list->more && (list->found.count > 0 || list->filter.skip == 0)) {
        list->total = seen; /* these are all, or looking for more would be as long as before */
        list->total_exact = !list->found.cut;
        return TASKER_OK;
    }
    return count_some(q, list);
}

static void write_pagination(tk_buf *buf, const listing *list) {
    bool next = list->more || list->found.cut;
    tk_json_write_name(buf, "pagination");
    tk_buf_char(buf, '{');
    if (list->page > 0) {
        tk_json_write_member_int(buf, "page", list->page);
    } else {
        tk_json_write_member_null(buf, "page");
    }
    tk_json_write_member_int(buf, "per_page", list->limit);
    tk_json_write_member_int(buf, "total_count", list->total);
    tk_json_write_member_bool(buf, "total_exact", list->total_exact);
    tk_json_write_member_int(buf, "total_pages", (list->total + list->limit - 1) / list->limit);
    tk_json_write_member_bool(buf, "has_next", next);
    tk_json_write_member_bool(buf, "has_previous", list->cursor || list->page > 1);
    tk_buf_char(buf, '}');
}

tasker_status tk_query_list(const tk_query_call *q) {
    listing list = {.known = true};
    tasker_status status = read_filter(q, &list);
    if (status == TASKER_OK && list.known) {
        status = tk_store_call(q->engine->store, task_list, q->arena, &list.filter, &list.found,
                               q->error);
        if (status == TASKER_OK) {
            status = tk_store_call(q->engine->store, sync, q->error);
        }
    }
    if (status != TASKER_OK) {
        return status;
    }
    list.more = list.found.count > list.limit;
    list.found.count -= list.more;
    status = find_total(q, &list);
    tk_buf_text(q->answer, "{\"tasks\":[");
    if (status == TASKER_OK) {
        status = write_page(q, list.found.ids, list.found.count);
    }
    tk_buf_char(q->answer, ']');
    if (list.more) {
        tk_query_member_uuid(q->answer, "next", &list.found.ids[list.found.count - 1]);
    } else if (list.found.cut) { /* fewer than wanted, as enough was looked at */
        tk_query_member_uuid(q->answer, "next", &list.found.reached);
    } else {
        tk_json_write_member_null(q->answer, "next");
    }
    write_pagination(q->answer, &list);
    tk_buf_char(q->answer, '}');
    return status;
}
