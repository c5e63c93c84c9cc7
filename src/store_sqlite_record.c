/*
 * store_sqlite_record.c - the record in its order: submissions, ended attempts, acts.
 *
 * One writer at a time gives the numbers, so that what is committed has no gaps that fill later.
 */
#include "store_sqlite.h"

tasker_status tk_sqlite_record_end(tk_store *store, tk_record_place *end, tasker_error *error) {
    tk_sql sql;
    *end = (tk_record_place){0};
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_RECORD_END, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (tk_sql_step(&sql)) {
        end->mark = tk_sql_get(&sql, 0);
        end->n = tk_sql_get(&sql, 1);
    }
    return tk_sql_end(&sql, error);
}

static void record_read(tk_sql *sql, tk_arena *arena, tk_record_row *row) {
    *row = (tk_record_row){
        .kind = tk_sql_get_i32(sql, 0),
        .n = tk_sql_get(sql, 1),
        .template_id = tk_sql_get_i32(sql, 3),
        .priority = tk_sql_get_i32(sql, 4),
        .at_us = tk_sql_get(sql, 5),
        .step = tk_sql_get_i32(sql, 6),
        .attempt = tk_sql_get_i32(sql, 7),
        .what = tk_sql_get_i32(sql, 8),
        .worker = tk_sql_get_i32(sql, 9),
        .enqueued_us = tk_sql_get(sql, 10),
        .claimed_us = tk_sql_get(sql, 11),
        .error = tk_sql_get_text(sql, 12, arena),
        .actor = tk_sql_get_text(sql, 13, arena),
        .reason = tk_sql_get_text(sql, 14, arena),
    };
    tk_sql_get_uuid(sql, 2, &row->task_id);
}

tasker_status tk_sqlite_record_list(tk_store *store, tk_arena *arena,
                                    const tk_record_filter *filter, tk_record_row **rows,
                                    uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status =
        tk_sql_begin(&sql, tk_sqlite_of(store),
                     filter->has_task ? TK_SQL_RECORD_LIST_TASK : TK_SQL_RECORD_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, filter->n);
    tk_sql_int(&sql, filter->kinds);
    tk_sql_int(&sql, filter->limit);
    if (filter->has_task) {
        tk_sql_uuid(&sql, &filter->task);
    }
    for (tk_record_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        record_read(&sql, arena, row);
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}
