/*
 * submit_answer.c - what a submission is answered with (contract 6.1).
 */
#include "submit.h"

static void write_mapping(tk_buf *buf, const tk_template *template, const tk_uuid *task) {
    tk_json_write_name(buf, "step_mapping");
    tk_buf_char(buf, '{');
    for (uint32_t i = 0; i < template->step_count; i++) {
        if (template->steps[i].present) {
            char text[TASKER_UUID_SIZE];
            tk_uuid id = tk_uuid_step(task, i);
            tk_uuid_format(&id, text);
            tk_json_write_comma(buf);
            tk_json_write_string(buf, tk_str_of(template->steps[i].name));
            tk_buf_printf(buf, ":\"%s\"", text);
        }
    }
    tk_buf_char(buf, '}');
}

static void write_one(tk_buf *buf, const tk_answer *a) {
    const tk_template *template = a->known->template;
    char id[TASKER_UUID_SIZE];
    tk_uuid_format(&a->id, id);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "task_uuid", tk_str_of(id));
    tk_json_write_member_string(buf, "status", TK_STR("created"));
    tk_json_write_member_time(buf, "created_at", a->created_us);
    tk_json_write_member_null(buf, "estimated_completion");
    tk_json_write_member_int(buf, "step_count", template->step_present_count);
    write_mapping(buf, template, &a->id);
    tk_json_write_name(buf, "handler_config_name");
    tk_buf handler = {0};
    tk_buf_printf(&handler, "%s/%s:%s", template->namespace_name, template->name,
                  template->version);
    tk_json_write_string(buf, tk_buf_view(&handler));
    buf->failed = buf->failed || handler.failed;
    tk_buf_release(&handler);
    tk_json_write_member_bool(buf, "known", a->repeated);
    if (a->repeated) {
        tk_json_write_member_bool(buf, "context_differs", a->context_differs);
    }
    tk_buf_char(buf, '}');
}

void tk_submission_answer(const tk_submission *submission, tk_buf *answer) {
    if (!submission->array) {
        write_one(answer, &submission->items[0].answer);
        return;
    }
    tk_buf_char(answer, '[');
    for (uint32_t i = 0; i < submission->count; i++) {
        tk_json_write_comma(answer);
        write_one(answer, &submission->items[i].answer);
    }
    tk_buf_char(answer, ']');
}
