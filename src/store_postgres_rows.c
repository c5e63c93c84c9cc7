/*
 * store_postgres_rows.c - saves rows: tasks, states, ready, later, leases, attempts, acts, counts.
 *
 * A statement per kind of row, whatever their number, and none is waited for: an INSERT makes as many rows
 * as it was given, or fails.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* --- tasks ------------------------------------------------------------------------------------ */

static void uuid_or_null(tk_pg_run *run, bool has, const tk_uuid *id) {
    if (has) {
        tk_pg_put_uuid(run, id);
    } else {
        tk_pg_put_null(run);
    }
}

static tk_str text_or_null(tk_str text) {
    return text.size == 0 ? (tk_str){NULL, 0} : text;
}

static void tasks_give(tk_pg_run *run, const tk_task_row *rows, uint32_t count) {
    TK_PG_COLUMN_OF(run, uuid, TK_PG_UUID, count, &rows[i].id);
    TK_PG_COLUMN_OF(run, time, TK_PG_TIME, count, rows[i].created_us);
    tk_pg_array(run, TK_PG_TIME, count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].run_at_us == 0) {
            tk_pg_put_null(run);
        } else {
            tk_pg_put_time(run, rows[i].run_at_us);
        }
    }
    TK_PG_COLUMN(run, TK_PG_INT4, count, rows[i].template_id);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].priority);
    tk_pg_array(run, TK_PG_UUID, count);
    for (uint32_t i = 0; i < count; i++) {
        uuid_or_null(run, rows[i].has_correlation, &rows[i].correlation);
    }
    tk_pg_array(run, TK_PG_UUID, count);
    for (uint32_t i = 0; i < count; i++) {
        uuid_or_null(run, rows[i].has_parent_correlation, &rows[i].parent_correlation);
    }
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, text_or_null(rows[i].tags));
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, rows[i].initiator);
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, rows[i].source_system);
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, rows[i].reason);
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, text_or_null(rows[i].bypass_steps));
    TK_PG_COLUMN_OF(run, text, TK_PG_TEXT, count, tk_pg_always(rows[i].context));
}

/* Which of the rows are new: those that come back, in their order. */
typedef struct inserting {
    const tk_task_row *rows;
    uint32_t count;
    bool *inserted;
} inserting;

static void inserted_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const inserting *in = arguments;
    uint32_t row = 0;
    (void)error;
    for (uint32_t i = 0; i < in->count; i++) {
        tk_uuid id = {{0}};
        if (row < answer->rows) {
            tk_pg_get_uuid(answer, row, 0, &id);
        }
        in->inserted[i] = row < answer->rows && tk_uuid_equal(&id, &in->rows[i].id);
        row += in->inserted[i];
    }
    if (row != answer->rows) {
        tk_pg_note(answer, TASKER_STORE);
    }
}

tasker_status tk_pg_op_task_insert(tk_store *store, const tk_task_row *rows, uint32_t count,
                                   bool *inserted, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    tasks_give(&run, rows, count);
    if (inserted == NULL) {
        tk_pg_queue(&run, TK_PG_TASK_INSERT, NULL, NULL, 0, error);
    } else {
        inserting in = {.rows = rows, .count = count};
        in.inserted = inserted;
        tk_pg_queue(&run, TK_PG_TASK_INSERT_NEW, inserted_take, &in, sizeof(in), error);
    }
    return tk_pg_end(&run, error);
}

/* --- states ----------------------------------------------------------------------------------- */

static uint32_t first_page_bytes(const tk_state_row *row) {
    return row->progress_bytes < TK_STATE_PAGE_BYTES ? row->progress_bytes : TK_STATE_PAGE_BYTES;
}

static void states_give(tk_pg_run *run, const tk_state_row *rows, uint32_t count) {
    TK_PG_COLUMN_OF(run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN_OF(run, time, TK_PG_TIME, count, rows[i].updated_us);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].state);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].state <= TK_STATE_CALM_MAX ? 0 : rows[i].state);
    TK_PG_COLUMN(run, TK_PG_INT4, count, rows[i].open_steps);
    TK_PG_COLUMN(run, TK_PG_INT4, count, rows[i].failed_steps);
    tk_pg_array(run, TK_PG_BYTEA, count);
    for (uint32_t i = 0; i < count; i++) {
        tk_pg_put_bytes(run, rows[i].progress, first_page_bytes(&rows[i]));
    }
}

/* One page behind the first; size 0: it is as it was loaded, or there is none. */
typedef struct page {
    uint32_t number, at, size;
} page;

static bool page_next(const tk_state_row *row, page *next) {
    for (;;) {
        next->number++;
        next->at = next->number * TK_STATE_PAGE_BYTES;
        if (next->at >= row->progress_bytes) {
            return false;
        }
        uint32_t left = row->progress_bytes - next->at;
        next->size = left < TK_STATE_PAGE_BYTES ? left : TK_STATE_PAGE_BYTES;
        if (row->stored == NULL ||
            memcmp(row->stored + next->at, row->progress + next->at, next->size) != 0) {
            return true;
        }
    }
}

/* Writes the pages behind the first that differ from what was loaded. */
static void pages_write(tk_pg_run *run, const tk_state_row *rows, uint32_t count,
                        tasker_error *error) {
    uint32_t pages = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (page at = {0}; page_next(&rows[i], &at);) {
            pages++;
        }
    }
    if (pages == 0) {
        return;
    }
    tk_pg_array(run, TK_PG_UUID, pages);
    for (uint32_t i = 0; i < count; i++) {
        for (page at = {0}; page_next(&rows[i], &at);) {
            tk_pg_put_uuid(run, &rows[i].task_id);
        }
    }
    tk_pg_array(run, TK_PG_INT2, pages);
    for (uint32_t i = 0; i < count; i++) {
        for (page at = {0}; page_next(&rows[i], &at);) {
            tk_pg_put_int(run, TK_PG_INT2, at.number);
        }
    }
    tk_pg_array(run, TK_PG_BYTEA, pages);
    for (uint32_t i = 0; i < count; i++) {
        for (page at = {0}; page_next(&rows[i], &at);) {
            tk_pg_put_bytes(run, rows[i].progress + at.at, at.size);
        }
    }
    tk_pg_queue(run, TK_PG_PAGE_WRITE, NULL, NULL, 0, error);
}

tasker_status tk_pg_op_state_insert(tk_store *store, const tk_state_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    states_give(&run, rows, count);
    tk_pg_queue(&run, TK_PG_STATE_INSERT, NULL, NULL, 0, error);
    pages_write(&run, rows, count, error);
    return tk_pg_end(&run, error);
}

/* The server fails when a row is missing: the client would learn it behind the COMMIT. */
tasker_status tk_pg_op_state_update(tk_store *store, const tk_state_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    states_give(&run, rows, count);
    tk_pg_int(&run, TK_PG_INT8, count);
    tk_pg_queue(&run, TK_PG_STATE_UPDATE, NULL, NULL, 0, error);
    pages_write(&run, rows, count, error);
    return tk_pg_end(&run, error);
}

/* --- live steps ------------------------------------------------------------------------------- */

/* What ready and later have in common, in front of a time and `deps`. */
static void steps_give(tk_pg_run *run, const tk_ready_row *rows, uint32_t count) {
    TK_PG_COLUMN_OF(run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].queue);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].handler);
    TK_PG_COLUMN(run, TK_PG_INT2, count, rows[i].class);
    TK_PG_COLUMN(run, TK_PG_INT4, count, rows[i].attempts);
}

tasker_status tk_pg_op_ready_insert(tk_store *store, const tk_ready_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    steps_give(&run, rows, count);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].enqueued_us);
    TK_PG_COLUMN(&run, TK_PG_BOOL, count, rows[i].deps);
    pg->readied = true;
    tk_pg_queue(&run, TK_PG_READY_INSERT, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_later_insert(tk_store *store, const tk_ready_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    steps_give(&run, rows, count);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].run_at_us);
    TK_PG_COLUMN(&run, TK_PG_BOOL, count, rows[i].deps);
    tk_pg_queue(&run, TK_PG_LATER_INSERT, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_lease_insert(tk_store *store, const tk_lease_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].attempt);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].token);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].worker);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].enqueued_us);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].claimed_us);
    tk_pg_queue(&run, TK_PG_LEASE_INSERT, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

/* --- the ledger ------------------------------------------------------------------------------- */

tasker_status tk_pg_op_attempt_insert(tk_store *store, const tk_attempt_row *rows, uint32_t count,
                                      tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].attempt);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].token);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].worker);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].outcome);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].enqueued_us);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].claimed_us);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].finished_us);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].result);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].error);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].metadata);
    tk_pg_queue(&run, TK_PG_ATTEMPT_INSERT, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_act_insert(tk_store *store, const tk_act_row *rows, uint32_t count,
                                  tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].acted_us);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].kind);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].attempt);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].actor);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].reason);
    tk_pg_queue(&run, TK_PG_ACT_INSERT, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

/* A turn's tasks mostly move the same way: equal neighbours become one. */
static uint32_t moves_merge(const tk_count_row *rows, uint32_t count, tk_count_row *moves) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        tk_count_row *last = used == 0 ? NULL : &moves[used - 1];
        if (last != NULL && last->template_id == rows[i].template_id &&
            last->from == rows[i].from && last->to == rows[i].to) {
            last->tasks += rows[i].tasks;
        } else {
            moves[used++] = rows[i];
        }
    }
    return used;
}

tasker_status tk_pg_op_count_add(tk_store *store, const tk_count_row *rows, uint32_t count,
                                 tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    tk_count_row *moves = tk_alloc_array(count, sizeof(*moves));
    if (moves == NULL) {
        return tk_nomem(error);
    }
    uint32_t used = moves_merge(rows, count, moves);
    TK_PG_COLUMN(&run, TK_PG_INT4, used, moves[i].template_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, used, moves[i].from);
    TK_PG_COLUMN(&run, TK_PG_INT2, used, moves[i].to);
    TK_PG_COLUMN(&run, TK_PG_INT8, used, moves[i].tasks);
    tk_pg_array(&run, TK_PG_TIME, used);
    for (uint32_t i = 0; i < used; i++) {
        if (moves[i].at_us == 0) {
            tk_pg_put_null(&run);
        } else {
            tk_pg_put_time(&run, moves[i].at_us);
        }
    }
    tk_free(moves);
    tk_pg_queue(&run, TK_PG_COUNT_ADD, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

#endif
