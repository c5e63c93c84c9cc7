/*
 * store_sqlite_key.c - keys of the HTTP server.
 */
#include "store_sqlite.h"

tasker_status tk_sqlite_key_insert(tk_store *store, tk_key_row *row, bool *inserted,
                                   tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_KEY_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_blob(&sql, row->hash.data, row->hash.size);
    tk_sql_text_always(&sql, row->name);
    tk_sql_text_always(&sql, row->permissions);
    tk_sql_text(&sql, row->namespace_name);
    tk_sql_int(&sql, row->created_us);
    tk_sql_text(&sql, row->created_by);
    tk_sql_text(&sql, row->created_reason);
    *inserted = tk_sql_step(&sql);
    if (*inserted) {
        row->id = tk_sql_get_i32(&sql, 0);
        (void)tk_sql_step(&sql);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_key_revoke(tk_store *store, const tk_key_row *row, bool *revoked,
                                   tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_KEY_REVOKE, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, row->id);
    tk_sql_int(&sql, row->revoked_us);
    tk_sql_text(&sql, row->revoked_by);
    tk_sql_text(&sql, row->revoked_reason);
    *revoked = tk_sql_run(&sql) && tk_sql_changes(&sql) == 1;
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_key_list(tk_store *store, tk_arena *arena, tk_str hash, tk_key_row **rows,
                                 uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store),
                                        hash.size > 0 ? TK_SQL_KEY_FIND : TK_SQL_KEY_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (hash.size > 0) {
        tk_sql_blob(&sql, hash.data, hash.size);
    }
    for (tk_key_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        row->id = tk_sql_get_i32(&sql, 0);
        row->hash = tk_sql_get_text(&sql, 1, arena);
        row->name = tk_sql_get_text(&sql, 2, arena);
        row->permissions = tk_sql_get_text(&sql, 3, arena);
        row->namespace_name = tk_sql_get_text(&sql, 4, arena);
        row->created_us = tk_sql_get(&sql, 5);
        row->created_by = tk_sql_get_text(&sql, 6, arena);
        row->created_reason = tk_sql_get_text(&sql, 7, arena);
        row->revoked_us = tk_sql_get(&sql, 8);
        row->revoked_by = tk_sql_get_text(&sql, 9, arena);
        row->revoked_reason = tk_sql_get_text(&sql, 10, arena);
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}
