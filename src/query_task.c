/*
 * query_task.c - a task as JSON: its request, its execution context (contract 5.4), its steps.
 */
#include "query_view.h"

/* A task is completed when its last step was; later repairs of its steps do not move that. */
static int64_t completed_us(const tk_view *view) {
    int64_t at_us = view->task.created_us;
    switch (view->progress.state) {
    case TK_TASK_RESOLVED:
        return view->state.updated_us;
    case TK_TASK_COMPLETE:
        break;
    default:
        return 0;
    }
    for (uint32_t i = 0; i < view->step_count; i++) {
        const tk_view_step *step = &view->steps[i];
        uint32_t k = 0;
        while (k < step->attempt_count && !tk_attempt_satisfies(step->attempts[k])) {
            k++;
        }
        if (k < step->attempt_count && step->attempts[k]->finished_us > at_us) {
            at_us = step->attempts[k]->finished_us;
        }
    }
    return at_us;
}

/* When the next step that waits for a time may run; 0: none waits. */
static int64_t next_us(const tk_view *view) {
    int64_t at_us = 0;
    for (uint32_t i = 0; i < view->place_count; i++) {
        const tk_place_row *row = &view->places[i];
        if (row->place == TK_PLACE_LATER && (at_us == 0 || row->run_at_us < at_us)) {
            at_us = row->run_at_us;
        }
    }
    return at_us;
}

/* The act that ended the whole task, if somebody ended it. */
static void write_ended(tk_buf *buf, const tk_view *view) {
    static const char *const words[] = {
        [TK_ACT_CANCELLED] = "cancelled",
        [TK_ACT_RESOLVED] = "resolved",
        [TK_ACT_FAILED] = "failed",
    };
    for (uint32_t i = view->act_count; i > 0; i--) {
        const tk_act_row *act = &view->acts[i - 1];
        if (act->step == TK_ACT_NO_STEP && act->kind > 0 &&
            act->kind < (int32_t)TK_COUNT_OF(words) && words[act->kind] != NULL) {
            tk_json_write_name(buf, "ended");
            tk_buf_char(buf, '{');
            tk_json_write_member_string(buf, "act", tk_str_of(words[act->kind]));
            tk_json_write_member_time(buf, "at", act->acted_us);
            tk_json_write_member_string_or_null(buf, "actor", act->actor);
            tk_json_write_member_string_or_null(buf, "reason", act->reason);
            tk_buf_char(buf, '}');
            return;
        }
    }
    tk_json_write_member_null(buf, "ended");
}

/* Five counts are the contract's; the others tell where the rest is. */
static void write_counts(tk_buf *buf, const tk_view *view) {
    const tk_task_counts *counts = &view->counts;
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < view->step_count; i++) {
        waiting +=
            view->steps[i].step->present && view->steps[i].state == TK_STEP_STATE_WAITING_FOR_RETRY;
    }
    uint32_t early = counts->ready + counts->waiting_for_retry - waiting; /* due, never claimed */
    tk_json_write_member_int(buf, "total_steps", counts->total);
    tk_json_write_member_int(buf, "pending_steps",
                             (int64_t)counts->pending + counts->scheduled + early);
    tk_json_write_member_int(buf, "in_progress_steps", counts->in_progress);
    tk_json_write_member_int(buf, "completed_steps", (int64_t)counts->completed + counts->resolved);
    tk_json_write_member_int(buf, "failed_steps", counts->failed);
    tk_json_write_member_int(buf, "ready_steps", counts->ready);
    tk_json_write_member_int(buf, "enqueued_steps", counts->enqueued);
    tk_json_write_member_int(buf, "waiting_for_retry_steps", waiting);
    tk_json_write_member_int(buf, "cancelled_steps", counts->cancelled);
    tk_json_write_member_int(buf, "resolved_steps", counts->resolved);
}

static void write_execution(tk_buf *buf, const tk_view *view) {
    const tk_execution *execution = &view->execution;
    write_counts(buf, view);
    tk_json_write_member_string(buf, "execution_status", tk_str_of(execution->execution_status));
    tk_json_write_member_string(buf, "recommended_action",
                                tk_str_of(execution->recommended_action));
    tk_json_write_name(buf, "completion_percentage");
    tk_buf_printf(buf, "%.2f", execution->completion_percentage);
    tk_json_write_member_string(buf, "health_status", tk_str_of(execution->health_status));
}

void tk_query_task_write(tk_buf *buf, const tk_view *view) {
    const tk_task_row *task = &view->task;
    const tk_template *template = view->known->template;
    tk_buf_char(buf, '{');
    tk_query_member_uuid(buf, "task_uuid", &task->id);
    tk_json_write_member_string(buf, "named_task_uuid", tk_str_of(view->known->template->named_id));
    tk_json_write_member_string(buf, "name", tk_str_of(template->name));
    tk_json_write_member_string(buf, "namespace", tk_str_of(template->namespace_name));
    tk_json_write_member_string(buf, "version", tk_str_of(template->version));
    tk_json_write_member_int(buf, "template_revision", view->known->revision);
    tk_json_write_member_string(buf, "status", tk_str_of(view->execution.execution_status));
    tk_json_write_member_string(buf, "state", tk_str_of(tk_task_state_name(view->word)));
    tk_json_write_member_time(buf, "created_at", task->created_us);
    tk_json_write_member_time(buf, "updated_at", view->state.updated_us);
    tk_json_write_member_time(buf, "completed_at", completed_us(view));
    tk_json_write_member_time(buf, "run_at", task->run_at_us);
    tk_json_write_member_time(buf, "next_at", next_us(view));
    write_ended(buf, view);
    tk_json_write_member_string_or_null(buf, "initiator", task->initiator);
    tk_json_write_member_string_or_null(buf, "source_system", task->source_system);
    tk_json_write_member_string_or_null(buf, "reason", task->reason);
    tk_json_write_member_int(buf, "priority", task->priority);
    tk_json_write_member_raw(buf, "tags", task->tags.size > 0 ? task->tags : TK_STR("[]"));
    tk_query_member_uuid(buf, "correlation_id",
                         task->has_correlation ? &task->correlation : &task->id);
    if (task->has_parent_correlation) {
        tk_query_member_uuid(buf, "parent_correlation_id", &task->parent_correlation);
    } else {
        tk_json_write_member_null(buf, "parent_correlation_id");
    }
    write_execution(buf, view);
}

tasker_status tk_query_task(tk_engine *engine, tk_arena *arena, const tk_uuid *id, tk_buf *answer,
                            bool *resting, tasker_error *error) {
    tk_view view;
    tasker_status status = tk_view_load(engine, arena, id, TK_VIEW_ALL, &view, error);
    if (status != TASKER_OK) {
        return status;
    }
    const uint16_t *order = NULL;
    uint32_t count = 0;
    if (!tk_view_order(arena, &view, &order, &count)) {
        return tk_nomem(error);
    }
    int64_t now_us = tk_clock_now(engine->clock);
    *resting = tk_task_mark_resting(view.state.state);
    tk_query_task_write(answer, &view);
    tk_json_write_member_raw(answer, "context", view.task.context);
    tk_json_write_member_raw(answer, "bypass_steps",
                             view.task.bypass_steps.size > 0 ? view.task.bypass_steps
                                                             : TK_STR("[]"));
    tk_json_write_name(answer, "steps");
    tk_buf_char(answer, '[');
    for (uint32_t i = 0; i < count; i++) {
        tk_json_write_comma(answer);
        tk_query_step_write(answer, &view, order[i], now_us);
        tk_buf_char(answer, '}');
    }
    tk_buf_text(answer, "]}");
    return answer->failed ? tk_nomem(error) : TASKER_OK;
}
