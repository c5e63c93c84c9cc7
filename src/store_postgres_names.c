/*
 * store_postgres_names.c - numbers for names, revisions of templates, identities of submissions.
 *
 * Numbers that the next one is counted from (of names, revisions, steps) are given under a lock of
 * their table. That is rare: names and templates are known after the first time.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* --- names ------------------------------------------------------------------------------------ */

/* Fills the ids of the names that are there, 0 for the others. */
static bool names_find(tk_pg_run *run, tk_name_kind kind, const tk_str *names, uint32_t count,
                       int32_t *ids, bool *all, tasker_error *error) {
    tk_pg_int(run, TK_PG_INT2, kind);
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, tk_pg_always(names[i]));
    if (!tk_pg_exec(run, TK_PG_NAME_FIND, error)) {
        return false;
    }
    memset(ids, 0, count * sizeof(*ids));
    for (uint32_t row = 0; row < run->rows; row++) {
        ids[tk_pg_get_place(run, row, count)] = tk_pg_get_i32(run, row, 1);
    }
    *all = run->rows == count;
    return run->status == TASKER_OK;
}

/* Gives a number to the first name that has none, and to its repetitions. */
static bool name_insert(tk_pg_run *run, tk_name_kind kind, const tk_str *names, uint32_t count,
                        int32_t *ids, uint32_t first, tasker_error *error) {
    tk_pg_int(run, TK_PG_INT2, kind);
    tk_pg_text(run, names[first]);
    if (!tk_pg_exec(run, TK_PG_NAME_INSERT, error) || run->rows != 1) {
        tk_pg_note(run, TASKER_STORE);
        return false;
    }
    int32_t id = tk_pg_get_i32(run, 0, 0);
    for (uint32_t i = first; i < count; i++) {
        ids[i] = ids[i] == 0 && tk_str_equal(names[i], names[first]) ? id : ids[i];
    }
    return true;
}

static void names_make(tk_pg_run *run, tk_name_kind kind, const tk_str *names, uint32_t count,
                       int32_t *ids, tasker_error *error) {
    bool all = false;
    if (!tk_pg_exec(run, TK_PG_NAME_LOCK, error) ||
        !names_find(run, kind, names, count, ids, &all, error)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] == 0 && !name_insert(run, kind, names, count, ids, i, error)) {
            return;
        }
    }
}

tasker_status tk_pg_op_name_intern(tk_store *store, tk_name_kind kind, const tk_str *names,
                                   uint32_t count, int32_t *ids, tasker_error *error) {
    tk_pg_run run;
    bool all = false;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    if (names_find(&run, kind, names, count, ids, &all, error) && !all) {
        names_make(&run, kind, names, count, ids, error);
    }
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_name_list(tk_store *store, tk_arena *arena, tk_name_kind kind, int32_t **ids,
                                 tk_str **names, uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT2, kind);
    (void)tk_pg_exec(&run, TK_PG_NAME_LIST, error);
    *ids = tk_pg_rows_make(&run, arena, sizeof(**ids));
    *names = tk_pg_rows_make(&run, arena, sizeof(**names));
    for (uint32_t i = 0; i < run.rows; i++) {
        (*ids)[i] = tk_pg_get_i32(&run, i, 0);
        (*names)[i] = tk_pg_get_text(&run, i, 1, arena);
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

/* --- templates -------------------------------------------------------------------------------- */

/* Who writes asks for the known steps in order to number new ones: until its end nobody else may. */
tasker_status tk_pg_op_template_known(tk_store *store, tk_arena *arena, tk_str namespace_name,
                                      tk_str name, tk_str **names, uint32_t *count,
                                      tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    *names = NULL;
    *count = 0;
    if (pg->mode == TK_STORE_WRITE) {
        (void)tk_pg_exec(&run, TK_PG_TEMPLATE_LOCK, error);
    }
    tk_pg_text(&run, namespace_name);
    tk_pg_text(&run, name);
    if (tk_pg_exec(&run, TK_PG_TEMPLATE_KNOWN, error) && run.rows > 0) {
        *names = tk_arena_array(arena, TASKER_STEPS_MAX, sizeof(**names));
        if (*names == NULL) {
            tk_pg_note(&run, TASKER_NOMEM);
        }
    }
    for (uint32_t i = 0; run.status == TASKER_OK && i < run.rows; i++) {
        uint16_t step = tk_pg_get_step(&run, i, 0);
        assert(*names != NULL);
        if ((*names)[step].size == 0) {
            (*names)[step] = tk_pg_get_text(&run, i, 1, arena);
        }
        *count = step + 1u;
    }
    return tk_pg_end(&run, error);
}

static void template_row_insert(tk_pg_run *run, int32_t queue, tk_template_row *row,
                                tasker_error *error) {
    (void)tk_pg_exec(run, TK_PG_TEMPLATE_LOCK, error);
    tk_pg_int(run, TK_PG_INT2, queue);
    tk_pg_text(run, row->name);
    tk_pg_text(run, row->version);
    tk_pg_time(run, row->created_us);
    tk_pg_bytes(run, row->digest.bytes, sizeof(row->digest.bytes));
    tk_pg_text(run, row->spec);
    if (tk_pg_exec(run, TK_PG_TEMPLATE_INSERT, error) && run->rows == 1) {
        row->id = tk_pg_get_i32(run, 0, 0);
        row->revision = tk_pg_get_i32(run, 0, 1);
    }
}

/* Two bytes big-endian each, as PostgreSQL writes an array: "{0,7}". */
static void ancestors_write(tk_buf *text, tk_str ancestors) {
    const uint8_t *bytes = (const uint8_t *)ancestors.data;
    tk_buf_char(text, '{');
    for (size_t i = 0; i + 1 < ancestors.size; i += 2) {
        tk_buf_printf(text, "%s%d", i == 0 ? "" : ",", bytes[i] << 8 | bytes[i + 1]);
    }
    tk_buf_char(text, '}');
}

static void steps_insert(tk_pg_run *run, int32_t template_id, const tk_str *names,
                         const tk_str *ancestors, uint32_t count, tasker_error *error) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        used += names[i].size > 0 ? 1 : 0;
    }
    tk_pg_int(run, TK_PG_INT4, template_id);
    tk_pg_array(run, TK_PG_INT2, used);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].size > 0) {
            tk_pg_put_int(run, TK_PG_INT2, i);
        }
    }
    tk_pg_array(run, TK_PG_TEXT, used);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].size > 0) {
            tk_pg_put_text(run, names[i]);
        }
    }
    tk_buf text = {0};
    tk_pg_array(run, TK_PG_TEXT, used);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].size > 0) {
            tk_buf_truncate(&text, 0);
            ancestors_write(&text, ancestors[i]);
            if (text.failed) {
                tk_pg_note(run, TASKER_NOMEM);
                break;
            }
            tk_pg_put_text(run, tk_buf_view(&text));
        }
    }
    tk_buf_release(&text);
    (void)tk_pg_exec(run, TK_PG_TEMPLATE_STEP_INSERT, error);
}

tasker_status tk_pg_op_template_insert(tk_store *store, tk_template_row *row,
                                       const tk_str *step_names, const tk_str *step_ancestors,
                                       uint32_t step_count, tasker_error *error) {
    int32_t queue = 0;
    tasker_status status =
        tk_pg_op_name_intern(store, TK_NAME_NAMESPACE, &row->namespace_name, 1, &queue, error);
    tk_pg_run run;
    if (status == TASKER_OK) {
        status = tk_pg_begin(&run, tk_pg_of(store), error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    template_row_insert(&run, queue, row, error);
    if (run.status == TASKER_OK) {
        steps_insert(&run, row->id, step_names, step_ancestors, step_count, error);
    }
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_template_use(tk_store *store, int32_t template_id, int64_t now_us,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, template_id);
    tk_pg_time(&run, now_us);
    bool there = tk_pg_exec(&run, TK_PG_TEMPLATE_USE, error) && tk_pg_get(&run, 0, 0) == 1;
    status = tk_pg_end(&run, error);
    if (status == TASKER_OK && !there) {
        return tk_fail(error, TASKER_CONFLICT, "there is no template %d", (int)template_id);
    }
    return status;
}

/* A row of TK_PG_TEMPLATE's columns. */
static void template_read(tk_pg_run *run, uint32_t at, tk_arena *arena, tk_template_row *row) {
    row->id = tk_pg_get_i32(run, at, 0);
    row->revision = tk_pg_get_i32(run, at, 1);
    row->created_us = tk_pg_get_time(run, at, 2);
    row->namespace_name = tk_pg_get_text(run, at, 3, arena);
    row->name = tk_pg_get_text(run, at, 4, arena);
    row->version = tk_pg_get_text(run, at, 5, arena);
    tk_str digest = tk_pg_peek(run, at, 6);
    if (digest.size == sizeof(row->digest.bytes)) {
        memcpy(row->digest.bytes, digest.data, sizeof(row->digest.bytes));
    } else {
        tk_pg_note(run, TASKER_STORE);
    }
    row->spec = tk_pg_get_text(run, at, 7, arena);
}

static tasker_status templates_read(tk_pg_run *run, tk_arena *arena, tk_template_row **rows,
                                    uint32_t *count, tasker_error *error) {
    *rows = tk_pg_rows_make(run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run->rows; i++) {
        template_read(run, i, arena, &(*rows)[i]);
    }
    *count = run->rows;
    return tk_pg_end(run, error);
}

tasker_status tk_pg_op_template_load(tk_store *store, tk_arena *arena, int32_t id,
                                     tk_template_row **row, tasker_error *error) {
    tk_pg_run run;
    uint32_t count;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, id);
    (void)tk_pg_exec(&run, TK_PG_TEMPLATE_LOAD, error);
    return templates_read(&run, arena, row, &count, error);
}

/* Who writes and asks for a digest inserts it when it is missing: until its end nobody else may. */
tasker_status tk_pg_op_template_find(tk_store *store, tk_arena *arena, tk_str namespace_name,
                                     tk_str name, tk_str version, const tk_digest *digest,
                                     tk_template_row **row, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tk_pg_run run;
    uint32_t count;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (digest != NULL && pg->mode == TK_STORE_WRITE) {
        (void)tk_pg_exec(&run, TK_PG_TEMPLATE_LOCK, error);
    }
    tk_pg_text(&run, namespace_name);
    tk_pg_text(&run, name);
    tk_pg_text(&run, version);
    if (digest != NULL) {
        tk_pg_bytes(&run, digest->bytes, sizeof(digest->bytes));
    }
    (void)tk_pg_exec(&run, digest == NULL ? TK_PG_TEMPLATE_FIND : TK_PG_TEMPLATE_FIND_DIGEST,
                     error);
    return templates_read(&run, arena, row, &count, error);
}

tasker_status tk_pg_op_template_list(tk_store *store, tk_arena *arena, tk_template_row **rows,
                                     uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    (void)tk_pg_exec(&run, TK_PG_TEMPLATE_LIST, error);
    return templates_read(&run, arena, rows, count, error);
}

/* --- identities ------------------------------------------------------------------------------- */

void tk_pg_identity_keys(tk_pg_run *run, const tk_identity_row *rows, uint32_t count) {
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].queue);
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, tk_pg_always(rows[i].template_name));
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, tk_pg_always(rows[i].key));
}

/* The insert waits for whoever inserts the same key; the reading after it sees what was committed. */
tasker_status tk_pg_op_identity_insert(tk_store *store, tk_arena *arena,
                                       const tk_identity_row *rows, uint32_t count,
                                       tk_uuid *winners, tasker_error *error) {
    (void)arena;
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    tk_pg_identity_keys(&run, rows, count);
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    bool done = tk_pg_exec(&run, TK_PG_IDENTITY_INSERT, error);
    for (uint32_t i = 0; i < count; i++) {
        winners[i] = rows[i].task_id;
    }
    if (done && run.rows < count) {
        tk_pg_identity_keys(&run, rows, count);
        done = tk_pg_exec(&run, TK_PG_IDENTITY_READ, error);
        if (done && run.rows != count) {
            tk_pg_note(&run, TASKER_STORE);
        }
        for (uint32_t i = 0; done && i < run.rows; i++) {
            tk_pg_get_uuid(&run, i, 1, &winners[tk_pg_get_place(&run, i, count)]);
        }
    }
    return tk_pg_end(&run, error);
}

#endif
