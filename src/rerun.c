/*
 * rerun.c - makes a new task of the same template, version and context as an old one.
 *
 *   old task ── context, or what is given in its place with the hidden members put back ──► submit.c
 *
 * The new task names the old one as its parent_correlation_id.
 */
#include "submit.h"

typedef struct old_task {
    tk_task_row row;
    const tk_known *known;
} old_task;

static tasker_status load_once(tk_engine *engine, tk_arena *arena, const tk_uuid *id, old_task *old,
                               tasker_error *error) {
    bool found = false;
    tk_store *store = engine->store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, task_load, arena, id, 1, &old->row, &found, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && !found) {
        status = tk_verb_missing(id, error);
    }
    if (status == TASKER_OK) {
        status = tk_catalog_get(engine, old->row.template_id, &old->known, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, commit, error);
    }
    if (status != TASKER_OK) {
        store->driver->rollback(store);
    }
    return status;
}

/* The context as given, checked, with what is still hidden in it taken from the old one. */
static tasker_status context_write(const old_task *old, tk_str given, tk_buf *context,
                                   tasker_error *error) {
    tk_json json = {0};
    if (given.size == 0) {
        tk_buf_str(context, old->row.context);
        return TASKER_OK;
    }
    tasker_status status = tk_json_parse(given, TASKER_CONTEXT_BYTES_MAX, &json, error);
    if (status == TASKER_OK && json.kind != TK_JSON_OBJECT) {
        status = tk_fail_at(error, TASKER_INVALID, "$.context", "context: an object is expected");
    }
    if (status == TASKER_OK) {
        tk_redact_restore(&old->known->template->redact, json.text, old->row.context, context);
    }
    return status;
}

static void write_uuid(tk_buf *buf, const char *name, const tk_uuid *id) {
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(id, text);
    tk_json_write_member_string(buf, name, tk_str_of(text));
}

/* A template that asks for a key, or lets a context be used once, gets a key that is new. */
static void write_key(tk_engine *engine, const old_task *old, tk_buf *buf) {
    char id[TASKER_UUID_SIZE];
    if (old->known->template->identity != TK_IDENTITY_ALWAYS_UNIQUE) {
        tk_uuid_format(&old->row.id, id);
        tk_json_write_name(buf, "idempotency_key");
        tk_buf_printf(buf, "\"rerun:%s:%016" PRIx64 "\"", id, tk_random_next(engine->random));
    }
}

static void request_write(tk_engine *engine, const old_task *old, tk_str context,
                          const tasker_act *act, tk_buf *buf) {
    const tk_template *template = old->known->template;
    const tk_task_row *row = &old->row;
    tk_str actor = tk_str_of(act == NULL ? NULL : act->actor);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "namespace", tk_str_of(template->namespace_name));
    tk_json_write_member_string(buf, "name", tk_str_of(template->name));
    tk_json_write_member_string(buf, "version", tk_str_of(template->version));
    tk_json_write_member_raw(buf, "context", context);
    tk_json_write_member_int(buf, "priority", row->priority);
    tk_json_write_member_raw(buf, "tags", row->tags);
    tk_json_write_member_raw(buf, "bypass_steps", row->bypass_steps);
    tk_json_write_member_string_or_null(buf, "initiator", actor.size > 0 ? actor : row->initiator);
    tk_json_write_member_string_or_null(buf, "source_system", row->source_system);
    tk_json_write_member_string_or_null(buf, "reason", tk_str_of(act == NULL ? NULL : act->reason));
    if (row->has_correlation) {
        write_uuid(buf, "correlation_id", &row->correlation);
    }
    write_uuid(buf, "parent_correlation_id", &row->id);
    write_key(engine, old, buf);
    tk_buf_char(buf, '}');
}

tasker_status tk_task_rerun(tk_engine *engine, const tk_uuid *task, tk_str given,
                            const tasker_act *act, tk_buf *answer, tasker_error *error) {
    tk_arena arena = {0};
    tk_buf context = {0};
    tk_buf request = {0};
    old_task old = {.known = NULL};
    tasker_status status = load_once(engine, &arena, task, &old, error);
    if (status == TASKER_OK) {
        old.row.id = *task;
        status = context_write(&old, given, &context, error);
    }
    if (status == TASKER_OK) {
        request_write(engine, &old, tk_buf_view(&context), act, &request);
        status = context.failed || request.failed
                     ? tk_nomem(error)
                     : tk_submit(engine, tk_buf_view(&request), answer, error);
    }
    tk_buf_release(&request);
    tk_buf_release(&context);
    tk_arena_release(&arena);
    return status;
}
