/*
 * held.c - the steps that a worker holds: made of claims, found by token, counted.
 *
 *   turn.c: claim ──► tk_held_new ──► table + ready ring ──► host
 *                                     table ◄── complete, release, time-out, cancel
 */
#include "query_view.h"
#include "turn.h"

/* --- made of a claim --- */

static bool copy_task(tk_held *held, const tk_task_row *task) {
    held->task = *task;
    return tk_arena_str(&held->arena, task->context, &held->task.context) &&
           tk_arena_str(&held->arena, task->tags, &held->task.tags) &&
           tk_arena_str(&held->arena, task->initiator, &held->task.initiator) &&
           tk_arena_str(&held->arena, task->source_system, &held->task.source_system) &&
           tk_arena_str(&held->arena, task->reason, &held->task.reason) &&
           tk_arena_str(&held->arena, task->bypass_steps, &held->task.bypass_steps);
}

static bool copy_results(tk_held *held, const tk_result_row *results) {
    const tk_template *template = held->known->template;
    tk_steps ancestors = template->steps[held->lease.step].ancestors;
    tasker_dependency *shown =
        tk_arena_array(&held->arena, ancestors.count, sizeof(tasker_dependency));
    held->results = tk_arena_array(&held->arena, ancestors.count, sizeof(*held->results));
    if (shown == NULL || held->results == NULL) {
        return false;
    }
    size_t count = 0;
    for (uint32_t i = 0; i < ancestors.count; i++) {
        tk_result_row *row = &held->results[i];
        *row = results[i];
        if (!tk_arena_str(&held->arena, results[i].result, &row->result) ||
            !tk_arena_str(&held->arena, results[i].metadata, &row->metadata)) {
            return false;
        }
        if (row->found) {
            tasker_dependency *dependency = &shown[count++];
            tk_uuid id = tk_uuid_step(&held->lease.task_id, ancestors.numbers[i]);
            *dependency = (tasker_dependency){
                .name = template->steps[ancestors.numbers[i]].name,
                .result = row->result,
                .metadata = row->metadata,
                .finished_at_us = row->finished_us,
                .by_hand = row->outcome != TK_OUTCOME_OK,
            };
            tk_uuid_format(&id, dependency->step_id);
        }
    }
    held->step.dependencies = shown;
    held->step.dependency_count = count;
    return true;
}

/* The members of contract 3.3 that are not members of tasker_step. */
static bool write_task_fields(tk_held *held) {
    const tk_task_row *task = &held->task;
    tk_buf buf = {0};
    tk_buf_char(&buf, '{');
    tk_json_write_member_string_or_null(&buf, "initiator", task->initiator);
    tk_json_write_member_string_or_null(&buf, "source_system", task->source_system);
    tk_json_write_member_string_or_null(&buf, "reason", task->reason);
    tk_json_write_member_raw(&buf, "tags", task->tags.size > 0 ? task->tags : TK_STR("[]"));
    tk_json_write_member_raw(&buf, "bypass_steps",
                             task->bypass_steps.size > 0 ? task->bypass_steps : TK_STR("[]"));
    tk_uuid id = task->has_correlation ? task->correlation : task->id;
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(&id, text);
    tk_json_write_member_string(&buf, "correlation_id", tk_str_of(text));
    if (task->has_parent_correlation) {
        tk_uuid_format(&task->parent_correlation, text);
        tk_json_write_member_string(&buf, "parent_correlation_id", tk_str_of(text));
    }
    tk_buf_char(&buf, '}');
    bool kept =
        !buf.failed && tk_arena_str(&held->arena, tk_buf_view(&buf), &held->step.task_fields);
    tk_buf_release(&buf);
    return kept;
}

static bool copy_failure(tk_held *held, const tk_attempt_row *failure) {
    if (failure == NULL) {
        return true;
    }
    tk_buf buf = {0};
    tk_query_result_write(&buf, failure);
    bool kept =
        !buf.failed && tk_arena_str(&held->arena, tk_buf_view(&buf), &held->step.last_failure);
    tk_buf_release(&buf);
    held->step.last_attempted_at_us = failure->claimed_us;
    return kept;
}

static void describe(tk_held *held, int32_t base) {
    const tk_template *template = held->known->template;
    const tk_lease_row *lease = &held->lease;
    const tk_template_step *step = &template->steps[lease->step];
    tasker_step *shown = &held->step;
    tk_uuid event = tk_uuid_event((uint64_t)lease->token);
    tk_uuid step_id = tk_uuid_step(&lease->task_id, lease->step);
    tk_uuid_format(&event, shown->event_id);
    tk_uuid_format(&lease->task_id, shown->task_id);
    tk_uuid_format(&step_id, shown->step_id);
    shown->namespace_name = template->namespace_name;
    shown->task_name = template->name;
    shown->task_version = template->version;
    shown->step_name = step->name;
    shown->callable = step->callable;
    shown->named_task_id = template->named_id;
    shown->named_step_id = step->named_id;
    shown->step_index = lease->step;
    shown->attempt = (uint32_t)lease->attempt;
    shown->attempts_before = (uint32_t)(lease->attempt - 1 - base);
    shown->attempts_max = step->retry.attempts_max;
    shown->retryable = step->retry.retryable;
    shown->priority = held->task.priority;
    shown->timeout_ms = step->timeout_ms;
    shown->context = held->task.context;
    shown->inputs = step->inputs;
    shown->definition = step->definition;
    shown->task_created_at_us = held->task.created_us;
    shown->enqueued_at_us = lease->enqueued_us;
    shown->claimed_at_us = lease->claimed_us;
}

tk_held *tk_held_new(const tk_known *known, const tk_task_row *task, const tk_lease_row *lease,
                     int32_t base, const tk_result_row *results, const tk_attempt_row *failure) {
    tk_held *held = tk_alloc(sizeof(*held));
    if (held == NULL) {
        return NULL;
    }
    held->references = 1;
    held->known = known;
    held->lease = *lease;
    if (!copy_task(held, task) || !copy_results(held, results) || !write_task_fields(held) ||
        !copy_failure(held, failure)) {
        tk_held_release(held);
        return NULL;
    }
    describe(held, base);
    return held;
}

void tk_held_release(tk_held *held) {
    if (held != NULL && __atomic_sub_fetch(&held->references, 1, __ATOMIC_ACQ_REL) == 0) {
        tk_arena_release(&held->arena);
        tk_arena_release(&held->ended);
        tk_free(held);
    }
}

void tasker_step_free(tasker_step *step) {
    tk_held_release((tk_held *)step); /* the step is the first member */
}

/* --- the table --- */

static tk_held **bucket_of(tk_worker *worker, int64_t token) {
    return &worker->buckets[(uint64_t)token % TK_HELD_BUCKETS];
}

void tk_held_add(tk_worker *worker, tk_held *held) {
    tk_held **bucket = bucket_of(worker, held->lease.token);
    held->next = *bucket;
    *bucket = held;
    worker->held_count++;
}

tk_held *tk_held_find(tk_worker *worker, int64_t token) {
    tk_held *held = *bucket_of(worker, token);
    while (held != NULL && held->lease.token != token) {
        held = held->next;
    }
    return held;
}

void tk_held_remove(tk_worker *worker, tk_held *held) {
    tk_held **at = bucket_of(worker, held->lease.token);
    while (*at != held) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = held->next;
    held->next = NULL;
    worker->held_count--;
    tk_held_release(held);
}

void tk_held_settle(tk_worker *worker, tk_held *held) {
    held->state = TK_HELD_GONE;
    if (!held->in_handler) {
        tk_held_remove(worker, held);
    }
}

/* --- how it ended --- */

void tk_held_hand_in(tk_worker *worker, tk_held *held) {
    held->state = TK_HELD_ENDED;
    bool pushed = tk_ring_push(&worker->done, held, false);
    assert(pushed); /* it has room for everything that may be held */
    (void)pushed;
}

void tk_held_end_static(tk_held *held, int32_t kind, const tk_failure *failure, tk_str error) {
    held->ending = (tk_ending){
        .lease = held->lease,
        .known = held->known,
        .class = held->task.priority,
        .kind = kind,
        .failure = *failure,
        .error = error,
        .owner = held,
    };
    tk_arena_reset(&held->ended);
}

bool tk_held_end(tk_held *held, int32_t kind, const tk_failure *failure, tk_str result,
                 tk_str error, tk_str metadata) {
    tk_ending *ending = &held->ending;
    tk_held_end_static(held, kind, failure, (tk_str){NULL, 0});
    return tk_arena_str(&held->ended, result, &ending->result) &&
           tk_arena_str(&held->ended, error, &ending->error) &&
           tk_arena_str(&held->ended, metadata, &ending->metadata);
}
