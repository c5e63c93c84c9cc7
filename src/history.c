/*
 * history.c - a task's history as JSON, for readers.
 */
#include "history.h"

static void write_states(tk_buf *buf, const tk_timeline_entry *entry) {
    bool of_task = entry->step == TK_ACT_NO_STEP;
    if (entry->from == TK_TIMELINE_NOTHING) {
        tk_json_write_member_null(buf, "from");
    } else {
        tk_json_write_member_string(
            buf, "from",
            tk_str_of(of_task ? tk_task_state_name((tk_task_state)entry->from)
                              : tk_step_state_name((tk_step_state)entry->from)));
    }
    tk_json_write_member_string(buf, "to",
                                tk_str_of(of_task ? tk_task_state_name((tk_task_state)entry->to)
                                                  : tk_step_state_name((tk_step_state)entry->to)));
    tk_json_write_member_string(buf, "event", tk_str_of(entry->event));
}

static void write_entry(tk_buf *buf, const tk_view *view, const tk_timeline_entry *entry) {
    tk_buf_char(buf, '{');
    tk_json_write_member_time(buf, "at", entry->at_us);
    if (entry->n == 0) {
        tk_json_write_member_null(buf, "n");
    } else {
        tk_json_write_member_int(buf, "n", entry->n);
    }
    tk_json_write_member_string(buf, "entity",
                                entry->step == TK_ACT_NO_STEP ? TK_STR("task") : TK_STR("step"));
    if (entry->step != TK_ACT_NO_STEP) {
        uint32_t step = (uint32_t)entry->step;
        tk_uuid id = tk_uuid_step(&view->task.id, step);
        tk_json_write_member_string(buf, "step", tk_str_of(view->steps[step].step->name));
        tk_query_member_uuid(buf, "step_uuid", &id);
    }
    write_states(buf, entry);
    if (entry->attempt != 0) {
        tk_json_write_member_int(buf, "attempt", entry->attempt);
    }
    if (entry->worker != 0) {
        tk_json_write_member_int(buf, "worker", entry->worker);
    }
    if (entry->act != NULL && entry->act->actor.data != NULL) {
        tk_json_write_member_string(buf, "actor", entry->act->actor);
    }
    if (entry->act != NULL && entry->act->reason.data != NULL) {
        tk_json_write_member_string(buf, "reason", entry->act->reason);
    }
    if (entry->failure != NULL) {
        tk_json_write_member_raw(buf, "error", entry->failure->error);
    }
    tk_buf_char(buf, '}');
}

tasker_status tk_history(tk_engine *engine, tk_arena *arena, const tk_uuid *id, tk_buf *answer,
                         tasker_error *error) {
    tk_view view;
    tk_timeline timeline;
    tasker_status status = tk_view_load(engine, arena, id, TK_VIEW_ALL, &view, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (!tk_timeline_derive(arena, &view, &timeline)) {
        return tk_nomem(error);
    }
    if (timeline.broken != NULL) { /* shown as far as it goes: `store check` names the rows */
        char text[TASKER_UUID_SIZE];
        tk_uuid_format(id, text);
        tk_log_line(engine->log, TASKER_LOG_WARN, "history of task %s: %s", text, timeline.broken);
    }
    tk_buf_char(answer, '[');
    for (uint32_t i = 0; i < timeline.count; i++) {
        tk_json_write_comma(answer);
        write_entry(answer, &view, &timeline.entries[i]);
    }
    tk_buf_char(answer, ']');
    return answer->failed ? tk_nomem(error) : TASKER_OK;
}
