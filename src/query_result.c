/*
 * query_result.c - how an attempt ended, in the shape that existing clients know (contract 3.7).
 *
 * What the host reported as metadata wins where it has a word for a member; times are the ledger's.
 * Results and metadata are copied as they are stored: numbers keep their digits.
 */
#include "query_view.h"

static tk_json parsed(tk_str text) {
    tk_json value = {0};
    if (text.size == 0 || tk_json_parse(text, SIZE_MAX, &value, NULL) != TASKER_OK) {
        return (tk_json){0};
    }
    return value;
}

void tk_query_member_uuid(tk_buf *buf, const char *name, const tk_uuid *id) {
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(id, text);
    tk_json_write_member_string(buf, name, tk_str_of(text));
}

static void write_time_spent(tk_buf *buf, tk_json metadata, const tk_attempt_row *row) {
    tk_json given = tk_json_member(metadata, "execution_time_ms");
    if (given.kind == TK_JSON_NUMBER) {
        tk_json_write_member_raw(buf, "execution_time_ms", given.text);
    } else {
        tk_json_write_member_int(buf, "execution_time_ms",
                                 (row->finished_us - row->claimed_us) / 1000);
    }
}

static void write_worker(tk_buf *buf, tk_json metadata, const tk_attempt_row *row) {
    tk_json given = tk_json_member(metadata, "worker_id");
    if (given.kind == TK_JSON_STRING || row->worker == 0) {
        tk_json_write_member_raw(buf, "worker_id", given.text);
    } else {
        tk_json_write_name(buf, "worker_id");
        tk_buf_printf(buf, "\"%" PRId32 "\"", row->worker);
    }
    tk_json_write_member_raw(buf, "worker_hostname",
                             tk_json_member(metadata, "worker_hostname").text);
}

static void write_metadata(tk_buf *buf, const tk_attempt_row *row, tk_json error) {
    bool satisfies = tk_attempt_satisfies(row);
    tk_json metadata = parsed(row->metadata);
    tk_str whole = metadata.kind == TK_JSON_OBJECT ? metadata.text : TK_STR("{}");
    tk_json retryable = tk_json_member(error, "retryable");
    tk_json_write_name(buf, "metadata");
    tk_buf_char(buf, '{');
    write_time_spent(buf, metadata, row);
    tk_json_write_member_raw(buf, "handler_version",
                             tk_json_member(metadata, "handler_version").text);
    tk_json_write_member_bool(buf, "retryable",
                              !satisfies && retryable.kind != TK_JSON_FALSE &&
                                  row->outcome != TK_OUTCOME_CANCELLED);
    tk_json_write_member_time(buf, "completed_at", row->finished_us);
    tk_json_write_member_time(buf, "started_at", row->claimed_us);
    write_worker(buf, metadata, row);
    tk_json_write_member_raw(buf, "custom", satisfies ? whole : TK_STR("{}"));
    tk_json_write_member_raw(buf, "error_code", tk_json_member(error, "error_code").text);
    tk_json_write_member_raw(buf, "error_type", tk_json_member(error, "error_type").text);
    tk_json_write_member_raw(buf, "context", satisfies ? TK_STR("{}") : whole);
    tk_buf_char(buf, '}');
}

static const char *status_word(const tk_attempt_row *row) {
    if (tk_attempt_satisfies(row)) {
        return "completed";
    }
    return row->outcome == TK_OUTCOME_CANCELLED ? "cancelled" : "failed";
}

void tk_query_result_write(tk_buf *buf, const tk_attempt_row *row) {
    bool satisfies = tk_attempt_satisfies(row);
    tk_json error = parsed(row->error);
    tk_uuid id = tk_uuid_step(&row->task_id, row->step);
    tk_buf_char(buf, '{');
    tk_query_member_uuid(buf, "step_uuid", &id);
    tk_json_write_member_bool(buf, "success", satisfies);
    tk_json_write_member_raw(buf, "result", satisfies ? row->result : TK_STR("{}"));
    tk_json_write_member_string(buf, "status", tk_str_of(status_word(row)));
    write_metadata(buf, row, error);
    tk_json_write_member_raw(buf, "error", satisfies ? (tk_str){NULL, 0} : row->error);
    tk_json_write_member_raw(
        buf, "orchestration_metadata",
        TK_STR("{\"headers\":{},\"error_context\":null,\"backoff_hint\":null,\"custom\":{}}"));
    tk_buf_char(buf, '}');
}
