/*
 * store_sqlite_minute.c - what happened in a minute.
 */
#include "store_sqlite.h"

tasker_status tk_sqlite_minute_add(tk_store *store, const tk_minute_row *rows, uint32_t count,
                                   tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_MINUTE_ADD, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_int(&sql, rows[i].at_us);
        tk_sql_int(&sql, rows[i].template_id);
        tk_sql_int(&sql, rows[i].step);
        tk_sql_int(&sql, rows[i].span);
        tk_sql_int(&sql, rows[i].started);
        tk_sql_int(&sql, rows[i].done);
        tk_sql_int(&sql, rows[i].failed);
        tk_sql_blob(&sql, rows[i].times.data, rows[i].times.size);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

static tasker_status rows_read(tk_sql *sql, tk_arena *arena, tk_minute_row **rows, uint32_t *count,
                               tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    for (tk_minute_row *row; (row = tk_sql_next(sql, &list)) != NULL;) {
        *row = (tk_minute_row){
            .at_us = tk_sql_get(sql, 0),
            .template_id = tk_sql_get_i32(sql, 1),
            .step = tk_sql_get_i32(sql, 2),
            .span = tk_sql_get_i32(sql, 3),
            .started = tk_sql_get(sql, 4),
            .done = tk_sql_get(sql, 5),
            .failed = tk_sql_get(sql, 6),
            .times = tk_sql_get_text(sql, 7, arena),
        };
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(sql, error);
}

tasker_status tk_sqlite_minute_take(tk_store *store, tk_arena *arena, int32_t span,
                                    int64_t before_us, uint32_t limit, tk_minute_row **rows,
                                    uint32_t *count, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_MINUTE_TAKE, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, span);
    tk_sql_int(&sql, before_us);
    tk_sql_int(&sql, limit);
    return rows_read(&sql, arena, rows, count, error);
}

tasker_status tk_sqlite_minute_list(tk_store *store, tk_arena *arena, int64_t from_us,
                                    tk_minute_row **rows, uint32_t *count, int64_t *since_us,
                                    tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_MINUTE_SINCE, error);
    if (status != TASKER_OK) {
        return status;
    }
    *since_us = tk_sql_step(&sql) ? tk_sql_get(&sql, 0) : 0;
    status = tk_sql_end(&sql, error);
    if (status == TASKER_OK) {
        status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_MINUTE_LIST, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, from_us);
    return rows_read(&sql, arena, rows, count, error);
}
