/*
 * query_templates.c - what is registered: the current revisions, or one of them with its steps.
 */
#include "query.h"

static void write_head(tk_buf *buf, const tk_template_row *row, const tk_template *template) {
    tk_buf_char(buf, '{');
    tk_json_write_member_int(buf, "template_id", row->id);
    tk_json_write_member_string(buf, "namespace", row->namespace_name);
    tk_json_write_member_string(buf, "name", row->name);
    tk_json_write_member_string(buf, "version", row->version);
    tk_json_write_member_int(buf, "revision", row->revision);
    tk_json_write_member_string(buf, "description", tk_str_of(template->description));
    tk_json_write_member_time(buf, "created_at", row->created_us);
}

static bool wanted(tk_str filter, tk_str value) {
    return filter.size == 0 || tk_str_equal(filter, value);
}

tasker_status tk_query_templates(const tk_query_call *q) {
    tk_str namespace_name;
    tk_str name;
    tk_template_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status = tk_query_text(q, "namespace", &namespace_name);
    if (status == TASKER_OK) {
        status = tk_query_text(q, "name", &name);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, template_list, q->arena, &rows, &count, q->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    tk_buf_char(q->answer, '[');
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        const tk_known *known = NULL;
        if (!wanted(namespace_name, rows[i].namespace_name) || !wanted(name, rows[i].name)) {
            continue;
        }
        status = tk_catalog_get(q->engine, rows[i].id, &known, q->error);
        if (status == TASKER_OK) {
            tk_json_write_comma(q->answer);
            write_head(q->answer, &rows[i], known->template);
            tk_json_write_member_int(q->answer, "steps", known->template->step_present_count);
            tk_buf_char(q->answer, '}');
        }
    }
    tk_buf_char(q->answer, ']');
    return status;
}

static void write_template(tk_buf *buf, const tk_template_row *row, const tk_template *template) {
    write_head(buf, row, template);
    tk_json_write_member_raw(buf, "input_schema", template->input_schema.text);
    tk_json_write_name(buf, "steps");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < template->step_count; i++) {
        if (template->steps[i].present) {
            tk_json_write_comma(buf);
            tk_buf_str(buf, template->steps[i].definition);
        }
    }
    tk_buf_text(buf, "]}");
}

tasker_status tk_query_template(const tk_query_call *q) {
    tk_str namespace_name;
    tk_str name;
    tk_str version;
    const tk_known *known = NULL;
    tk_template_row *row = NULL;
    tasker_status status = tk_query_text(q, "namespace", &namespace_name);
    if (status == TASKER_OK) {
        status = tk_query_text(q, "name", &name);
    }
    if (status == TASKER_OK) {
        status = tk_query_text(q, "version", &version);
    }
    if (status == TASKER_OK && name.size == 0) {
        status = tk_fail_at(q->error, TASKER_INVALID, "$.name", "expected a template's name");
    }
    if (status == TASKER_OK) {
        status = tk_catalog_find(q->engine, namespace_name, name, version, &known, q->error);
    }
    if (status == TASKER_OK) {
        status =
            tk_store_call(q->engine->store, template_load, q->arena, known->id, &row, q->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    if (status == TASKER_OK && row != NULL) {
        write_template(q->answer, row, known->template);
    }
    return status;
}
