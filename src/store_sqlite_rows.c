/*
 * store_sqlite_rows.c - saves rows: tasks, states, ready, later, leases, attempts, acts, counts.
 *
 * Numbers of the ledger's order (n) and places in the queue (seq) are drawn from the transaction's
 * copy of the one row that holds them; commit writes it back.
 */
#include "store_sqlite.h"

/* Begins a statement that draws numbers. */
static tasker_status begin_numbered(tk_sql *sql, tk_sqlite *sqlite, tk_sql_name name,
                                    tasker_error *error) {
    tasker_status status = tk_sqlite_numbers(sqlite, error);
    return status == TASKER_OK ? tk_sql_begin(sql, sqlite, name, error) : status;
}

/* --- tasks ------------------------------------------------------------------------------------ */

static void task_bind(tk_sql *sql, const tk_task_row *row, int64_t n) {
    tk_sql_uuid(sql, &row->id);
    tk_sql_int(sql, n);
    tk_sql_int(sql, row->created_us);
    tk_sql_int(sql, row->run_at_us);
    tk_sql_int(sql, row->template_id);
    tk_sql_int(sql, row->priority);
    if (row->has_correlation) {
        tk_sql_uuid(sql, &row->correlation);
    } else {
        tk_sql_null(sql);
    }
    if (row->has_parent_correlation) {
        tk_sql_uuid(sql, &row->parent_correlation);
    } else {
        tk_sql_null(sql);
    }
    tk_sql_text(sql, row->tags.size == 0 ? (tk_str){NULL, 0} : row->tags);
    tk_sql_text(sql, row->initiator);
    tk_sql_text(sql, row->source_system);
    tk_sql_text(sql, row->reason);
    tk_sql_text(sql, row->bypass_steps.size == 0 ? (tk_str){NULL, 0} : row->bypass_steps);
    tk_sql_text_always(sql, row->context);
}

static tasker_status tags_insert(tk_sqlite *sqlite, const tk_task_row *row, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_TASK_TAG_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_text(&sql, row->tags);
    tk_sql_uuid(&sql, &row->id);
    (void)tk_sql_run(&sql);
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_task_insert(tk_store *store, const tk_task_row *rows, uint32_t count,
                                    bool *inserted, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = begin_numbered(&sql, sqlite, TK_SQL_TASK_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        task_bind(&sql, &rows[i], sqlite->n + 1);
        if (!tk_sql_run(&sql)) {
            break;
        }
        bool made = tk_sql_changes(&sql) == 1;
        sqlite->n += made ? 1 : 0;
        if (inserted != NULL) {
            inserted[i] = made;
        } else if (!made) {
            status = tk_fail(error, TASKER_CONFLICT, "a task has this id already");
        }
        if (status == TASKER_OK && made && rows[i].tags.size > 0) {
            status = tags_insert(sqlite, &rows[i], error);
        }
        if (status != TASKER_OK) {
            return status;
        }
    }
    return tk_sql_end(&sql, error);
}

/* --- states ----------------------------------------------------------------------------------- */

static void state_bind(tk_sql *sql, const tk_state_row *row) {
    uint32_t first =
        row->progress_bytes < TK_STATE_PAGE_BYTES ? row->progress_bytes : TK_STATE_PAGE_BYTES;
    tk_sql_uuid(sql, &row->task_id);
    tk_sql_int(sql, row->updated_us);
    tk_sql_int(sql, row->state);
    tk_sql_int(sql, row->state <= TK_STATE_CALM_MAX ? 0 : row->state);
    tk_sql_int(sql, row->open_steps);
    tk_sql_int(sql, row->failed_steps);
    tk_sql_blob(sql, row->progress, first);
}

/* Writes the pages behind the first that differ from what was loaded. */
static tasker_status pages_write(tk_sqlite *sqlite, const tk_state_row *row, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_PAGE_WRITE, error);
    if (status != TASKER_OK) {
        return status;
    }
    uint32_t page = 1;
    for (uint32_t at = TK_STATE_PAGE_BYTES; at < row->progress_bytes; at += TK_STATE_PAGE_BYTES) {
        uint32_t left = row->progress_bytes - at;
        uint32_t size = left < TK_STATE_PAGE_BYTES ? left : TK_STATE_PAGE_BYTES;
        if (row->stored == NULL || memcmp(row->stored + at, row->progress + at, size) != 0) {
            tk_sql_uuid(&sql, &row->task_id);
            tk_sql_int(&sql, page);
            tk_sql_blob(&sql, row->progress + at, size);
            if (!tk_sql_run(&sql)) {
                break;
            }
        }
        page++;
    }
    return tk_sql_end(&sql, error);
}

static tasker_status states_write(tk_sqlite *sqlite, tk_sql_name name, const tk_state_row *rows,
                                  uint32_t count, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, name, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        state_bind(&sql, &rows[i]);
        if (!tk_sql_run(&sql)) {
            break;
        }
        if (tk_sql_changes(&sql) != 1) {
            return tk_fail(error, TASKER_CONFLICT,
                           "%s: the state of a task is gone; nothing was "
                           "changed",
                           sqlite->name);
        }
        if (rows[i].progress_bytes > TK_STATE_PAGE_BYTES) {
            status = pages_write(sqlite, &rows[i], error);
            if (status != TASKER_OK) {
                return status;
            }
        }
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_state_insert(tk_store *store, const tk_state_row *rows, uint32_t count,
                                     tasker_error *error) {
    return states_write(tk_sqlite_of(store), TK_SQL_STATE_INSERT, rows, count, error);
}

tasker_status tk_sqlite_state_update(tk_store *store, const tk_state_row *rows, uint32_t count,
                                     tasker_error *error) {
    return states_write(tk_sqlite_of(store), TK_SQL_STATE_UPDATE, rows, count, error);
}

/* --- live steps ------------------------------------------------------------------------------- */

tasker_status tk_sqlite_ready_insert(tk_store *store, const tk_ready_row *rows, uint32_t count,
                                     tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = begin_numbered(&sql, sqlite, TK_SQL_READY_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        const tk_ready_row *row = &rows[i];
        tk_sql_int(&sql, row->queue);
        tk_sql_int(&sql, row->handler);
        tk_sql_int(&sql, row->class);
        tk_sql_int(&sql, ++sqlite->seq);
        tk_sql_uuid(&sql, &row->task_id);
        tk_sql_int(&sql, row->step);
        tk_sql_int(&sql, row->attempts);
        tk_sql_int(&sql, row->enqueued_us);
        tk_sql_int(&sql, row->deps);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_later_insert(tk_store *store, const tk_ready_row *rows, uint32_t count,
                                     tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_LATER_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        const tk_ready_row *row = &rows[i];
        tk_sql_uuid(&sql, &row->task_id);
        tk_sql_int(&sql, row->step);
        tk_sql_int(&sql, row->run_at_us);
        tk_sql_int(&sql, row->attempts);
        tk_sql_int(&sql, row->queue);
        tk_sql_int(&sql, row->handler);
        tk_sql_int(&sql, row->class);
        tk_sql_int(&sql, row->deps);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

bool tk_sql_lease(tk_sql *sql, const tk_lease_row *row) {
    tk_sql_uuid(sql, &row->task_id);
    tk_sql_int(sql, row->step);
    tk_sql_int(sql, row->attempt);
    tk_sql_int(sql, row->token);
    tk_sql_int(sql, row->worker);
    tk_sql_int(sql, row->enqueued_us);
    tk_sql_int(sql, row->claimed_us);
    return tk_sql_run(sql);
}

tasker_status tk_sqlite_lease_insert(tk_store *store, const tk_lease_row *rows, uint32_t count,
                                     tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_LEASE_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count && tk_sql_lease(&sql, &rows[i]); i++) {
    }
    return tk_sql_end(&sql, error);
}

/* --- attempts and acts ------------------------------------------------------------------------ */

static void attempt_bind(tk_sql *sql, const tk_attempt_row *row, int64_t n) {
    tk_sql_uuid(sql, &row->task_id);
    tk_sql_int(sql, row->step);
    tk_sql_int(sql, row->attempt);
    tk_sql_int(sql, n);
    tk_sql_int(sql, row->token);
    tk_sql_int(sql, row->worker);
    tk_sql_int(sql, row->outcome);
    tk_sql_int(sql, row->enqueued_us);
    tk_sql_int(sql, row->claimed_us);
    tk_sql_int(sql, row->finished_us);
    tk_sql_text(sql, row->result);
    tk_sql_text(sql, row->error);
    tk_sql_text(sql, row->metadata);
}

tasker_status tk_sqlite_attempt_insert(tk_store *store, const tk_attempt_row *rows, uint32_t count,
                                       tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = begin_numbered(&sql, sqlite, TK_SQL_ATTEMPT_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        attempt_bind(&sql, &rows[i], ++sqlite->n);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

bool tk_sql_finish(tk_sql *taken, tk_sql *insert, tk_attempt_row *row) {
    row->attempt = tk_sql_get_i32(taken, 0);
    row->token = tk_sql_get(taken, 1);
    row->worker = tk_sql_get_i32(taken, 2);
    row->enqueued_us = tk_sql_get(taken, 3);
    row->claimed_us = tk_sql_get(taken, 4);
    if (row->finished_us < row->claimed_us) {
        row->finished_us = row->claimed_us;
    }
    if (row->state != NULL && row->finished_us < row->state->updated_us) {
        row->finished_us = row->state->updated_us;
    }
    row->n = ++taken->sqlite->n;
    attempt_bind(insert, row, row->n);
    return tk_sql_run(insert);
}

tasker_status tk_sqlite_act_insert(tk_store *store, const tk_act_row *rows, uint32_t count,
                                   tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = begin_numbered(&sql, sqlite, TK_SQL_ACT_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&sql, &rows[i].task_id);
        tk_sql_int(&sql, ++sqlite->n);
        tk_sql_int(&sql, rows[i].acted_us);
        tk_sql_int(&sql, rows[i].kind);
        tk_sql_int(&sql, rows[i].step);
        tk_sql_int(&sql, rows[i].attempt);
        tk_sql_text(&sql, rows[i].actor);
        tk_sql_text(&sql, rows[i].reason);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

/* --- counts ----------------------------------------------------------------------------------- */

static bool counter_add(tk_sql *sql, int32_t template_id, int32_t state, int64_t tasks) {
    tk_sql_int(sql, template_id);
    tk_sql_int(sql, state);
    tk_sql_int(sql, tasks);
    return tk_sql_run(sql);
}

static tasker_status counters_add(tk_store *store, const tk_count_row *rows, uint32_t count,
                                  tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_COUNTER_ADD, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        const tk_count_row *row = &rows[i];
        int64_t tasks = row->tasks;
        while (i + 1 < count && rows[i + 1].template_id == row->template_id &&
               rows[i + 1].from == row->from && rows[i + 1].to == row->to) {
            tasks += rows[++i].tasks; /* a turn's tasks mostly move the same way */
        }
        if ((row->from != 0 && !counter_add(&sql, row->template_id, row->from, -tasks)) ||
            (row->to != 0 && !counter_add(&sql, row->template_id, row->to, tasks))) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

/* What was submitted or became complete, as one row for each template and minute in a row. */
static tasker_status moments_add(tk_store *store, const tk_count_row *rows, uint32_t count,
                                 tasker_error *error) {
    tasker_status status = TASKER_OK;
    tk_minute_row minute = {.template_id = 0};
    for (uint32_t i = 0; status == TASKER_OK && i <= count; i++) {
        const tk_count_row *row = i < count ? &rows[i] : NULL;
        bool counts =
            row != NULL && row->at_us > 0 && (row->from == 0 || row->to == TK_STATE_COMPLETE);
        if (row != NULL && !counts) {
            continue;
        }
        int64_t at_us = row == NULL ? 0 : row->at_us - row->at_us % TK_SQLITE_MINUTE_US;
        if (minute.template_id != 0 &&
            (row == NULL || row->template_id != minute.template_id || at_us != minute.at_us)) {
            status = tk_sqlite_minute_add(store, &minute, 1, error);
            minute = (tk_minute_row){.template_id = 0};
        }
        if (row != NULL) {
            minute.at_us = at_us;
            minute.template_id = row->template_id;
            minute.step = TK_ACT_NO_STEP;
            minute.started += row->from == 0 ? row->tasks : 0;
            minute.done += row->to == TK_STATE_COMPLETE ? row->tasks : 0;
        }
    }
    return status;
}

tasker_status tk_sqlite_count_add(tk_store *store, const tk_count_row *rows, uint32_t count,
                                  tasker_error *error) {
    tasker_status status = counters_add(store, rows, count, error);
    return status == TASKER_OK ? moments_add(store, rows, count, error) : status;
}
