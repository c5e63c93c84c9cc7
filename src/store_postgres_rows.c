/*
 * store_postgres_rows.c - saves rows: tasks, states, ready, later, leases, attempts, acts, counts.
 *
 * A statement per kind of row, whatever their number. Rows come back in the order in which they were
 * given, so that their numbers (n, seq) are read in step.
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

tasker_status tk_pg_op_task_insert(tk_store *store, tk_task_row *rows, uint32_t count,
                                   bool *inserted, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    tasks_give(&run, rows, count);
    bool done = tk_pg_exec(&run, TK_PG_TASK_INSERT, error);
    uint32_t row = 0;
    for (uint32_t i = 0; done && i < count; i++) {
        tk_uuid id = {{0}};
        if (row < run.rows) {
            tk_pg_get_uuid(&run, row, 0, &id);
        }
        inserted[i] = row < run.rows && tk_uuid_equal(&id, &rows[i].id);
        if (inserted[i]) {
            rows[i].n = tk_pg_get(&run, row++, 1);
        }
    }
    if (done && row != run.rows) {
        tk_pg_note(&run, TASKER_STORE);
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
    (void)tk_pg_exec(run, TK_PG_PAGE_WRITE, error);
}

static tasker_status states_write(tk_store *store, tk_pg_statement statement,
                                  const tk_state_row *rows, uint32_t count, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    states_give(&run, rows, count);
    bool done = tk_pg_exec(&run, statement, error);
    bool all = done && tk_pg_changes(&run) == count;
    if (all) {
        pages_write(&run, rows, count, error);
    }
    status = tk_pg_end(&run, error);
    if (status == TASKER_OK && !all) {
        return tk_fail(error, TASKER_CONFLICT,
                       "%s: the state of a task is gone; nothing was changed", pg->name);
    }
    return status;
}

tasker_status tk_pg_op_state_insert(tk_store *store, const tk_state_row *rows, uint32_t count,
                                    tasker_error *error) {
    return states_write(store, TK_PG_STATE_INSERT, rows, count, error);
}

tasker_status tk_pg_op_state_update(tk_store *store, const tk_state_row *rows, uint32_t count,
                                    tasker_error *error) {
    return states_write(store, TK_PG_STATE_UPDATE, rows, count, error);
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

/* Ends a statement that must have made as many rows as were given. */
static tasker_status end_all(tk_pg_run *run, bool done, uint32_t count, tasker_error *error) {
    if (done && tk_pg_changes(run) != count) {
        tk_pg_note(run, TASKER_STORE);
    }
    return tk_pg_end(run, error);
}

tasker_status tk_pg_op_ready_insert(tk_store *store, tk_ready_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    steps_give(&run, rows, count);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].enqueued_us);
    TK_PG_COLUMN(&run, TK_PG_BOOL, count, rows[i].deps);
    bool done = tk_pg_exec(&run, TK_PG_READY_INSERT, error);
    for (uint32_t i = 0; done && i < run.rows && i < count; i++) {
        rows[i].seq = tk_pg_get(&run, i, 2);
    }
    return end_all(&run, done, count, error);
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
    return end_all(&run, tk_pg_exec(&run, TK_PG_LATER_INSERT, error), count, error);
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
    return end_all(&run, tk_pg_exec(&run, TK_PG_LEASE_INSERT, error), count, error);
}

/* --- the ledger ------------------------------------------------------------------------------- */

tasker_status tk_pg_op_attempt_insert(tk_store *store, tk_attempt_row *rows, uint32_t count,
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
    bool done = tk_pg_exec(&run, TK_PG_ATTEMPT_INSERT, error);
    for (uint32_t i = 0; done && i < run.rows && i < count; i++) {
        rows[i].n = tk_pg_get(&run, i, 3);
    }
    return end_all(&run, done, count, error);
}

tasker_status tk_pg_op_act_insert(tk_store *store, tk_act_row *rows, uint32_t count,
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
    bool done = tk_pg_exec(&run, TK_PG_ACT_INSERT, error);
    for (uint32_t i = 0; done && i < run.rows && i < count; i++) {
        rows[i].n = tk_pg_get(&run, i, 0);
    }
    return end_all(&run, done, count, error);
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
    tk_free(moves);
    return end_all(&run, tk_pg_exec(&run, TK_PG_COUNT_ADD, error), used, error);
}

#endif
