/*
 * query_counts.c - how many: tasks by state from the exact counters, steps that wait or run.
 *
 * "namespace" narrows both, "name" the tasks only: the queue does not know templates.
 */
#include "query.h"

#define DEPTH_COUNTED_MAX 100000 /* steps that wait; what is beyond is estimated */

static tk_str name_of(const int32_t *ids, const tk_str *texts, uint32_t count, int32_t id) {
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return texts[i];
        }
    }
    return (tk_str){NULL, 0};
}

tk_str tk_query_namespace_of(const tk_query_scene *s, int32_t id) {
    return name_of(s->namespace_ids, s->namespaces, s->namespace_count, id);
}

tk_str tk_query_callable_of(const tk_query_scene *s, int32_t id) {
    return name_of(s->callable_ids, s->callables, s->callable_count, id);
}

tasker_status tk_query_queue(const tk_query_call *q, int32_t *queue, bool *known) {
    tk_str name;
    int32_t *ids = NULL;
    tk_str *texts = NULL;
    uint32_t count = 0;
    *queue = 0;
    *known = true;
    tasker_status status = tk_query_text(q, "namespace", &name);
    if (status != TASKER_OK || name.size == 0) {
        return status;
    }
    status = tk_store_call(q->engine->store, name_list, q->arena, TK_NAME_NAMESPACE, &ids, &texts,
                           &count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    *known = false;
    for (uint32_t i = 0; status == TASKER_OK && i < count && !*known; i++) {
        if (tk_str_equal(texts[i], name)) {
            *queue = ids[i];
            *known = true;
        }
    }
    return status;
}

/* --- tasks --- */

static tasker_status count_tasks(const tk_query_call *q, int32_t queue, tk_str name,
                                 int64_t tasks[TK_TASK_RESOLVED + 1]) {
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status =
        tk_store_call(q->engine->store, count_list, q->arena, &rows, &count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (queue != 0 || name.size > 0) {
            const tk_known *known = NULL;
            status = tk_catalog_get(q->engine, rows[i].template_id, &known, q->error);
            if (status != TASKER_OK) {
                return status;
            }
            if ((queue != 0 && known->queue != queue) ||
                (name.size > 0 && !tk_str_is(name, known->template->name))) {
                continue;
            }
        }
        if (rows[i].to > TK_TASK_NONE && rows[i].to <= TK_TASK_RESOLVED) {
            tasks[rows[i].to] += rows[i].tasks;
        }
        if (rows[i].from > TK_TASK_NONE && rows[i].from <= TK_TASK_RESOLVED) {
            tasks[rows[i].from] -= rows[i].tasks;
        }
    }
    return status;
}

static void write_tasks(tk_buf *buf, const int64_t *tasks) {
    static const struct {
        const char *word;
        int32_t state;
    } words[] = {
        {"running", TK_TASK_RUNNING},   {"blocked_by_failures", TK_TASK_BLOCKED},
        {"complete", TK_TASK_COMPLETE}, {"cancelled", TK_TASK_CANCELLED},
        {"error", TK_TASK_ERROR},       {"resolved_manually", TK_TASK_RESOLVED},
    };
    int64_t total = 0;
    tk_json_write_name(buf, "tasks");
    tk_buf_char(buf, '{');
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        tk_json_write_member_int(buf, words[i].word, tasks[words[i].state]);
        total += tasks[words[i].state];
    }
    tk_json_write_member_int(buf, "total", total);
    tk_buf_char(buf, '}');
}

/* --- steps that run --- */

static tasker_status count_running(const tk_query_call *q, const tk_query_scene *s, int32_t queue,
                                   int64_t *running) {
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < s->worker_count; i++) {
        tk_query_running *steps = NULL;
        uint32_t count = 0;
        status = tk_query_running_of(q, s->workers[i].id, &steps, &count);
        for (uint32_t k = 0; status == TASKER_OK && k < count; k++) {
            *running += queue == 0 || (steps[k].known != NULL && steps[k].known->queue == queue);
        }
    }
    return status;
}

/* --- steps that wait --- */

bool tk_query_list_has(tk_str list, tk_str text, bool when_empty) {
    tk_json json = {0};
    if (tk_json_parse(list, SIZE_MAX, &json, NULL) != TASKER_OK || tk_json_count(json) == 0) {
        return when_empty;
    }
    tk_json_iterator it = tk_json_each(json);
    while (tk_json_next(&it)) {
        if (it.value.kind == TK_JSON_STRING && tk_json_string_is(it.value, text)) {
            return true;
        }
    }
    return false;
}

uint32_t tk_query_workers_for(const tk_query_scene *s, tk_str namespace_name, tk_str callable) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        count += tk_query_list_has(s->workers[i].handlers, callable, false) &&
                 tk_query_list_has(s->workers[i].namespaces, namespace_name, true);
    }
    return count;
}

static void write_steps(tk_buf *buf, const tk_query_scene *s, int32_t queue, int64_t running) {
    int64_t ready = 0;
    int64_t later = 0;
    int64_t no_worker = 0;
    bool exact = true;
    tk_buf queues = {0};
    for (uint32_t i = 0; i < s->depth_count; i++) {
        const tk_depth_row *row = &s->depths[i];
        if (queue != 0 && row->queue != queue) {
            continue;
        }
        tk_str name = tk_query_namespace_of(s, row->queue);
        tk_str callable = tk_query_callable_of(s, row->handler);
        uint32_t workers = tk_query_workers_for(s, name, callable);
        ready += row->ready;
        later += row->later;
        exact = exact && row->all;
        no_worker += workers == 0 ? row->ready : 0;
        tk_buf_text(&queues, queues.size > 0 ? ",{" : "{");
        tk_json_write_member_string(&queues, "namespace", name);
        tk_json_write_member_string(&queues, "callable", callable);
        tk_json_write_member_int(&queues, "ready", row->ready);
        tk_json_write_member_int(&queues, "later", row->later);
        tk_json_write_member_time(&queues, "oldest_at", row->oldest_us);
        tk_json_write_member_int(&queues, "workers", workers);
        tk_json_write_member_bool(&queues, "exact", row->all);
        tk_buf_char(&queues, '}');
    }
    tk_json_write_name(buf, "steps");
    tk_buf_char(buf, '{');
    tk_json_write_member_int(buf, "ready", ready);
    tk_json_write_member_int(buf, "running", running);
    tk_json_write_member_int(buf, "later", later);
    tk_json_write_member_int(buf, "no_worker", no_worker); /* of the ready ones */
    tk_json_write_member_bool(buf, "exact", exact);
    tk_buf_char(buf, '}');
    tk_json_write_name(buf, "queues");
    tk_buf_char(buf, '[');
    tk_buf_str(buf, tk_buf_view(&queues));
    tk_buf_char(buf, ']');
    buf->failed = buf->failed || queues.failed;
    tk_buf_release(&queues);
}

/* Rows that were not counted are shared out: of ready evenly among the keys that have more, as nothing
 * tells them apart; of later as those that were counted. */
static void estimate(tk_depth_row *rows, uint32_t count, const tk_depth_sum *sum) {
    int64_t ready = 0;
    int64_t later = 0;
    int64_t open = 0;
    for (uint32_t i = 0; i < count; i++) {
        ready += rows[i].ready;
        later += rows[i].later;
        open += !rows[i].all && rows[i].ready > 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].all && rows[i].ready > 0 && sum->ready > ready) {
            rows[i].ready += (sum->ready - ready) / open;
        }
        if (!rows[i].all && sum->later > later && later >= DEPTH_COUNTED_MAX) {
            rows[i].later = (int64_t)((double)rows[i].later * (double)sum->later / (double)later);
        }
    }
}

tasker_status tk_query_scene_read(const tk_query_call *q, tk_query_scene *s) {
    tk_store *store = q->engine->store;
    tk_depth_sum sum = {0};
    tasker_status status =
        tk_store_call(store, name_list, q->arena, TK_NAME_NAMESPACE, &s->namespace_ids,
                      &s->namespaces, &s->namespace_count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, name_list, q->arena, TK_NAME_CALLABLE, &s->callable_ids,
                               &s->callables, &s->callable_count, q->error);
    }
    if (status == TASKER_OK) {
        status =
            tk_store_call(store, worker_list, q->arena, &s->workers, &s->worker_count, q->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, depth_list, q->arena, DEPTH_COUNTED_MAX, &s->depths,
                               &s->depth_count, &sum, q->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, q->error);
    }
    if (status == TASKER_OK) {
        estimate(s->depths, s->depth_count, &sum);
    }
    return status;
}

tasker_status tk_query_counts(const tk_query_call *q) {
    tk_query_scene s = {.worker_count = 0};
    tk_str name;
    int32_t queue = 0;
    bool known = true;
    int64_t tasks[TK_TASK_RESOLVED + 1] = {0};
    int64_t running = 0;
    tasker_status status = tk_query_text(q, "name", &name);
    if (status == TASKER_OK) {
        status = tk_query_queue(q, &queue, &known);
    }
    if (status == TASKER_OK && known) {
        status = count_tasks(q, queue, name, tasks);
        if (status == TASKER_OK) {
            status = tk_query_scene_read(q, &s);
        }
        if (status == TASKER_OK) {
            status = count_running(q, &s, queue, &running);
        }
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_buf_char(q->answer, '{');
    write_tasks(q->answer, tasks);
    write_steps(q->answer, &s, queue, running);
    tk_buf_char(q->answer, '}');
    return TASKER_OK;
}
