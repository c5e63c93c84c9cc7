/*
 * query_workers.c - the workers that the store knows, and what each of them holds.
 */
#include "query.h"

#define WORKERS_CHUNK 32 /* a task row carries its context */

static void write_step(tk_buf *buf, const tk_lease_row *lease, const tk_known *known) {
    tk_uuid step = tk_uuid_step(&lease->task_id, lease->step);
    const tk_template *template = known->template;
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_query_member_uuid(buf, "task_uuid", &lease->task_id);
    tk_query_member_uuid(buf, "step_uuid", &step);
    tk_json_write_member_string(buf, "namespace", tk_str_of(template->namespace_name));
    tk_json_write_member_string(buf, "name", tk_str_of(template->name));
    if (lease->step < template->step_count && template->steps[lease->step].present) {
        tk_json_write_member_string(buf, "step", tk_str_of(template->steps[lease->step].name));
    }
    tk_json_write_member_int(buf, "attempt", lease->attempt);
    tk_json_write_member_time(buf, "claimed_at", lease->claimed_us);
    tk_buf_char(buf, '}');
}

/* Finds the templates of `count` steps, at most a chunk. */
static tasker_status find_known(const tk_query_call *q, tk_arena *chunk, tk_query_running *steps,
                                uint32_t count) {
    tk_uuid ids[WORKERS_CHUNK];
    tk_task_row tasks[WORKERS_CHUNK];
    bool found[WORKERS_CHUNK];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = steps[i].lease.task_id;
    }
    tasker_status status =
        tk_store_call(q->engine->store, task_load, chunk, ids, count, tasks, found, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (found[i]) {
            status = tk_catalog_get(q->engine, tasks[i].template_id, &steps[i].known, q->error);
        }
    }
    return status;
}

tasker_status tk_query_running_of(const tk_query_call *q, int32_t worker, tk_query_running **steps,
                                  uint32_t *count) {
    tk_lease_row *leases = NULL;
    tasker_status status = tk_store_call(q->engine->store, worker_leases, q->arena, worker,
                                         TK_QUERY_RUNNING_MAX, &leases, count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    *steps = tk_arena_array(q->arena, *count, sizeof(**steps));
    if (*steps == NULL) {
        return tk_nomem(q->error);
    }
    for (uint32_t i = 0; i < *count; i++) {
        (*steps)[i] = (tk_query_running){.lease = leases[i]};
    }
    tk_arena chunk = {0};
    for (uint32_t at = 0; status == TASKER_OK && at < *count; at += WORKERS_CHUNK) {
        uint32_t size = *count - at < WORKERS_CHUNK ? *count - at : WORKERS_CHUNK;
        tk_arena_reset(&chunk);
        status = find_known(q, &chunk, *steps + at, size);
    }
    tk_arena_release(&chunk);
    return status;
}

static tasker_status write_worker(const tk_query_call *q, const tk_worker_row *worker) {
    tk_query_running *steps = NULL;
    uint32_t count = 0;
    tk_buf *buf = q->answer;
    tasker_status status = tk_query_running_of(q, worker->id, &steps, &count);
    if (status != TASKER_OK) {
        return status;
    }
    assert(steps != NULL);
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_json_write_member_int(buf, "worker_id", worker->id);
    tk_json_write_member_string(buf, "name", worker->name);
    tk_json_write_member_string(buf, "host", worker->host);
    tk_json_write_member_int(buf, "pid", worker->process);
    tk_json_write_member_int(buf, "beat", worker->beat);
    tk_json_write_member_bool(buf, "asleep", worker->asleep);
    tk_json_write_member_time(buf, "started_at", worker->started_us);
    tk_json_write_member_raw(buf, "namespaces", worker->namespaces);
    tk_json_write_member_raw(buf, "handlers", worker->handlers);
    tk_json_write_member_int(buf, "running", count);
    tk_json_write_name(buf, "steps");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].known != NULL) {
            write_step(buf, &steps[i].lease, steps[i].known);
        }
    }
    tk_buf_text(buf, "]}");
    return TASKER_OK;
}

tasker_status tk_query_workers(const tk_query_call *q) {
    tk_worker_row *workers = NULL;
    uint32_t count = 0;
    tasker_status status =
        tk_store_call(q->engine->store, worker_list, q->arena, &workers, &count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    tk_buf_char(q->answer, '[');
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        status = write_worker(q, &workers[i]);
    }
    tk_buf_char(q->answer, ']');
    return status;
}
