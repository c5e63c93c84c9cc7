/*
 * store_sqlite_names.c - numbers for names, revisions of templates, identities of submissions.
 */
#include "store_sqlite.h"

/* --- names ------------------------------------------------------------------------------------ */

/* Finds a name's number; 0 when there is none. */
static tasker_status name_find(tk_sqlite *sqlite, tk_name_kind kind, tk_str text, int32_t *id,
                               tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_NAME_FIND, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, kind);
    tk_sql_text_always(&sql, text);
    *id = tk_sql_step(&sql) ? tk_sql_get_i32(&sql, 0) : 0;
    return tk_sql_end(&sql, error);
}

static tasker_status name_insert(tk_sqlite *sqlite, tk_name_kind kind, tk_str text, int32_t *id,
                                 tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_NAME_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, kind);
    tk_sql_text_always(&sql, text);
    if (tk_sql_step(&sql)) {
        *id = tk_sql_get_i32(&sql, 0);
        (void)tk_sql_step(&sql);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_name_intern(tk_store *store, tk_name_kind kind, const tk_str *names,
                                    uint32_t count, int32_t *ids, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    for (uint32_t i = 0; i < count; i++) {
        tasker_status status = name_find(sqlite, kind, names[i], &ids[i], error);
        if (status == TASKER_OK && ids[i] == 0) {
            status = name_insert(sqlite, kind, names[i], &ids[i], error);
        }
        if (status != TASKER_OK) {
            return status;
        }
    }
    return TASKER_OK;
}

tasker_status tk_sqlite_name_list(tk_store *store, tk_arena *arena, tk_name_kind kind,
                                  int32_t **ids, tk_str **names, uint32_t *count,
                                  tasker_error *error) {
    tk_sql_list id_list = {.arena = arena, .size = sizeof(**ids)};
    tk_sql_list name_list = {.arena = arena, .size = sizeof(**names)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_NAME_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, kind);
    for (int32_t *id; (id = tk_sql_next(&sql, &id_list)) != NULL;) {
        tk_str *name = tk_sql_add(&sql, &name_list);
        if (name == NULL) {
            break;
        }
        *id = tk_sql_get_i32(&sql, 0);
        *name = tk_sql_get_text(&sql, 1, arena);
    }
    *ids = id_list.rows;
    *names = name_list.rows;
    *count = id_list.count;
    return tk_sql_end(&sql, error);
}

/* --- templates -------------------------------------------------------------------------------- */

tasker_status tk_sqlite_template_known(tk_store *store, tk_arena *arena, tk_str namespace_name,
                                       tk_str name, tk_str **names, uint32_t *count,
                                       tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_TEMPLATE_KNOWN, error);
    if (status != TASKER_OK) {
        return status;
    }
    *names = NULL;
    *count = 0;
    tk_sql_text_always(&sql, namespace_name);
    tk_sql_text_always(&sql, name);
    while (tk_sql_step(&sql)) {
        if (*names == NULL) {
            *names = tk_arena_array(arena, TASKER_STEPS_MAX, sizeof(**names));
            if (*names == NULL) {
                tk_sql_note(&sql, SQLITE_NOMEM);
                break;
            }
        }
        uint16_t step = tk_sql_get_step(&sql, 0);
        if ((*names)[step].size == 0) {
            (*names)[step] = tk_sql_get_text(&sql, 1, arena);
        }
        *count = step + 1u;
    }
    return tk_sql_end(&sql, error);
}

static tasker_status template_row_insert(tk_sqlite *sqlite, int32_t queue, tk_template_row *row,
                                         tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_TEMPLATE_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, queue);
    tk_sql_text_always(&sql, row->name);
    tk_sql_text_always(&sql, row->version);
    tk_sql_int(&sql, row->created_us);
    tk_sql_blob(&sql, row->digest.bytes, sizeof(row->digest.bytes));
    tk_sql_text_always(&sql, row->spec);
    if (tk_sql_step(&sql)) {
        row->id = tk_sql_get_i32(&sql, 0);
        row->revision = tk_sql_get_i32(&sql, 1);
        (void)tk_sql_step(&sql);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_template_insert(tk_store *store, tk_template_row *row,
                                        const tk_str *step_names, const tk_str *step_ancestors,
                                        uint32_t step_count, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    int32_t queue = 0;
    tasker_status status =
        tk_sqlite_name_intern(store, TK_NAME_NAMESPACE, &row->namespace_name, 1, &queue, error);
    if (status == TASKER_OK) {
        status = template_row_insert(sqlite, queue, row, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql sql;
    status = tk_sql_begin(&sql, sqlite, TK_SQL_TEMPLATE_STEP_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < step_count; i++) {
        if (step_names[i].size == 0) {
            continue;
        }
        tk_sql_int(&sql, row->id);
        tk_sql_int(&sql, i);
        tk_sql_text(&sql, step_names[i]);
        tk_sql_blob(&sql, step_ancestors[i].data, step_ancestors[i].size);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

/* The template that was registered last of this one's name; 0: none yet. */
static tasker_status template_newest(tk_sqlite *sqlite, int32_t template_id, int32_t *newest,
                                     tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_TEMPLATE_USE_NEWEST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, template_id);
    *newest = tk_sql_step(&sql) ? tk_sql_get_i32(&sql, 0) : 0;
    return tk_sql_end(&sql, error);
}

/* A worker registers its templates whenever it starts: what is current already needs no row. */
tasker_status tk_sqlite_template_use(tk_store *store, int32_t template_id, int64_t now_us,
                                     tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    int32_t newest = 0;
    tasker_status status = template_newest(sqlite, template_id, &newest, error);
    if (status != TASKER_OK || newest == template_id) {
        return status;
    }
    tk_sql sql;
    status = tk_sql_begin(&sql, sqlite, TK_SQL_TEMPLATE_USE_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, template_id);
    tk_sql_int(&sql, now_us);
    bool one = tk_sql_run(&sql) && tk_sql_changes(&sql) == 1;
    status = tk_sql_end(&sql, error);
    if (status == TASKER_OK && !one) {
        return tk_fail(error, TASKER_CONFLICT, "there is no template %d", (int)template_id);
    }
    return status;
}

/* A row that begins with TK_SQL_TEMPLATE's columns. */
static void template_read(tk_sql *sql, tk_arena *arena, tk_template_row *row) {
    row->id = tk_sql_get_i32(sql, 0);
    row->revision = tk_sql_get_i32(sql, 1);
    row->created_us = tk_sql_get(sql, 2);
    row->namespace_name = tk_sql_get_text(sql, 3, arena);
    row->name = tk_sql_get_text(sql, 4, arena);
    row->version = tk_sql_get_text(sql, 5, arena);
    tk_str digest = tk_sql_peek(sql, 6);
    if (digest.size == sizeof(row->digest.bytes)) {
        memcpy(row->digest.bytes, digest.data, sizeof(row->digest.bytes));
    } else {
        tk_sql_note(sql, SQLITE_CORRUPT);
    }
    row->spec = tk_sql_get_text(sql, 7, arena);
}

static tasker_status template_one(tk_sql *sql, tk_arena *arena, tk_template_row **row,
                                  tasker_error *error) {
    *row = NULL;
    if (tk_sql_step(sql)) {
        *row = tk_arena_alloc(arena, sizeof(**row));
        if (*row == NULL) {
            tk_sql_note(sql, SQLITE_NOMEM);
        } else {
            template_read(sql, arena, *row);
        }
    }
    return tk_sql_end(sql, error);
}

tasker_status tk_sqlite_template_load(tk_store *store, tk_arena *arena, int32_t id,
                                      tk_template_row **row, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_TEMPLATE_LOAD, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, id);
    return template_one(&sql, arena, row, error);
}

tasker_status tk_sqlite_template_find(tk_store *store, tk_arena *arena, tk_str namespace_name,
                                      tk_str name, tk_str version, const tk_digest *digest,
                                      tk_template_row **row, tasker_error *error) {
    tk_sql sql;
    tasker_status status =
        tk_sql_begin(&sql, tk_sqlite_of(store),
                     digest == NULL ? TK_SQL_TEMPLATE_FIND : TK_SQL_TEMPLATE_FIND_DIGEST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_text_always(&sql, namespace_name);
    tk_sql_text_always(&sql, name);
    tk_sql_text_always(&sql, version);
    if (digest != NULL) {
        tk_sql_blob(&sql, digest->bytes, sizeof(digest->bytes));
    }
    return template_one(&sql, arena, row, error);
}

tasker_status tk_sqlite_template_list(tk_store *store, tk_arena *arena, tk_template_row **rows,
                                      uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_TEMPLATE_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (tk_template_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        template_read(&sql, arena, row);
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

/* --- identities ------------------------------------------------------------------------------- */

static void identity_key(tk_sql *sql, const tk_identity_row *row) {
    tk_sql_int(sql, row->queue);
    tk_sql_text_always(sql, row->template_name);
    tk_sql_text_always(sql, row->key);
}

static tasker_status identity_read(tk_sqlite *sqlite, const tk_identity_row *row, tk_uuid *winner,
                                   tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_IDENTITY_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    identity_key(&sql, row);
    if (tk_sql_step(&sql)) {
        tk_sql_get_uuid(&sql, 0, winner);
    } else {
        tk_sql_note(&sql, SQLITE_CORRUPT);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_identity_insert(tk_store *store, tk_arena *arena,
                                        const tk_identity_row *rows, uint32_t count,
                                        tk_uuid *winners, tasker_error *error) {
    (void)arena;
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_IDENTITY_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        identity_key(&sql, &rows[i]);
        tk_sql_uuid(&sql, &rows[i].task_id);
        if (!tk_sql_run(&sql)) {
            break;
        }
        winners[i] = rows[i].task_id;
        if (tk_sql_changes(&sql) == 0) {
            status = identity_read(sqlite, &rows[i], &winners[i], error);
            if (status != TASKER_OK) {
                return status;
            }
        }
    }
    return tk_sql_end(&sql, error);
}
