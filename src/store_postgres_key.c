/*
 * store_postgres_key.c - keys of the HTTP server. Only the tables' owner makes and revokes them.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

tasker_status tk_pg_op_key_insert(tk_store *store, tk_key_row *row, bool *inserted,
                                  tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_bytes(&run, row->hash.data, row->hash.size);
    tk_pg_text(&run, row->name);
    tk_pg_text(&run, row->permissions);
    tk_pg_text(&run, row->namespace_name);
    tk_pg_time(&run, row->created_us);
    tk_pg_text(&run, row->created_by);
    tk_pg_text(&run, row->created_reason);
    *inserted = tk_pg_exec(&run, TK_PG_KEY_INSERT, error) && run.rows == 1;
    if (*inserted) {
        row->id = tk_pg_get_i32(&run, 0, 0);
    }
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_key_revoke(tk_store *store, const tk_key_row *row, bool *revoked,
                                  tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, row->id);
    tk_pg_time(&run, row->revoked_us);
    tk_pg_text(&run, row->revoked_by);
    tk_pg_text(&run, row->revoked_reason);
    *revoked = tk_pg_exec(&run, TK_PG_KEY_REVOKE, error) && run.rows == 1;
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_key_list(tk_store *store, tk_arena *arena, tk_str hash, tk_key_row **rows,
                                uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    if (hash.size > 0) {
        tk_pg_bytes(&run, hash.data, hash.size);
    }
    (void)tk_pg_exec(&run, hash.size > 0 ? TK_PG_KEY_FIND : TK_PG_KEY_LIST, error);
    *rows = tk_pg_rows_make(&run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run.rows; i++) {
        tk_key_row *row = &(*rows)[i];
        row->id = tk_pg_get_i32(&run, i, 0);
        row->hash = tk_pg_get_text(&run, i, 1, arena);
        row->name = tk_pg_get_text(&run, i, 2, arena);
        row->permissions = tk_pg_get_text(&run, i, 3, arena);
        row->namespace_name = tk_pg_get_text(&run, i, 4, arena);
        row->created_us = tk_pg_get_time(&run, i, 5);
        row->created_by = tk_pg_get_text(&run, i, 6, arena);
        row->created_reason = tk_pg_get_text(&run, i, 7, arena);
        row->revoked_us = tk_pg_get_time(&run, i, 8);
        row->revoked_by = tk_pg_get_text(&run, i, 9, arena);
        row->revoked_reason = tk_pg_get_text(&run, i, 10, arena);
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

#endif
