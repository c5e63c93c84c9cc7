/*
 * store_postgres_minute.c - what happened in a minute.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

tasker_status tk_pg_op_minute_add(tk_store *store, const tk_minute_row *rows, uint32_t count,
                                  tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].at_us);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].template_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].span);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].started);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].done);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].failed);
    tk_pg_array(&run, TK_PG_BYTEA, count);
    for (uint32_t i = 0; i < count; i++) {
        tk_pg_put_bytes(&run, rows[i].times.data, rows[i].times.size);
    }
    tk_pg_queue(&run, TK_PG_MINUTE_ADD, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

static tasker_status rows_read(tk_pg_run *run, tk_arena *arena, tk_minute_row **rows,
                               uint32_t *count, tasker_error *error) {
    *rows = tk_pg_rows_make(run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run->rows; i++) {
        (*rows)[i] = (tk_minute_row){
            .at_us = tk_pg_get_time(run, i, 0),
            .template_id = tk_pg_get_i32(run, i, 1),
            .step = tk_pg_get_i32(run, i, 2),
            .span = tk_pg_get_i32(run, i, 3),
            .started = tk_pg_get(run, i, 4),
            .done = tk_pg_get(run, i, 5),
            .failed = tk_pg_get(run, i, 6),
            .times = tk_pg_get_text(run, i, 7, arena),
        };
    }
    *count = run->rows;
    return tk_pg_end(run, error);
}

tasker_status tk_pg_op_minute_take(tk_store *store, tk_arena *arena, int32_t span,
                                   int64_t before_us, uint32_t limit, tk_minute_row **rows,
                                   uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT2, span);
    tk_pg_time(&run, before_us);
    tk_pg_int(&run, TK_PG_INT8, limit);
    (void)tk_pg_exec(&run, TK_PG_MINUTE_TAKE, error);
    return rows_read(&run, arena, rows, count, error);
}

tasker_status tk_pg_op_minute_list(tk_store *store, tk_arena *arena, int64_t from_us,
                                   tk_minute_row **rows, uint32_t *count, int64_t *since_us,
                                   tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    *since_us = tk_pg_exec(&run, TK_PG_MINUTE_SINCE, error) && run.rows == 1
                    ? tk_pg_get_time(&run, 0, 0)
                    : 0;
    tk_pg_time(&run, from_us);
    (void)tk_pg_exec(&run, TK_PG_MINUTE_LIST, error);
    return rows_read(&run, arena, rows, count, error);
}

#endif
