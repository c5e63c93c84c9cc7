/*
 * store_sqlite_hand.c - what a person's act needs (taking live steps away), and workers.
 */
#include "store_sqlite.h"

/* --- taking live steps away ------------------------------------------------------------------- */

/* Runs READY_TAKE or LATER_TAKE for each key. */
static tasker_status live_delete(tk_store *store, tk_sql_name name, const tk_step_key *keys,
                                 uint32_t count, tk_ready_row *rows, bool *deleted,
                                 tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), name, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&sql, &keys[i].task_id);
        tk_sql_int(&sql, keys[i].step);
        deleted[i] = tk_sql_step(&sql);
        if (deleted[i]) {
            rows[i] = (tk_ready_row){
                .task_id = keys[i].task_id,
                .step = keys[i].step,
                .queue = tk_sql_get_i32(&sql, 0),
                .handler = tk_sql_get_i32(&sql, 1),
                .class = tk_sql_get_i32(&sql, 2),
                .attempts = tk_sql_get_i32(&sql, 3),
                .deps = tk_sql_get(&sql, 4) != 0,
                .seq = tk_sql_get(&sql, 5),
                .enqueued_us = tk_sql_get(&sql, 6),
                .run_at_us = tk_sql_get(&sql, 7),
            };
        }
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_ready_delete(tk_store *store, const tk_step_key *keys, uint32_t count,
                                     tk_ready_row *rows, bool *deleted, tasker_error *error) {
    return live_delete(store, TK_SQL_READY_TAKE, keys, count, rows, deleted, error);
}

tasker_status tk_sqlite_later_delete(tk_store *store, const tk_step_key *keys, uint32_t count,
                                     tk_ready_row *rows, bool *deleted, tasker_error *error) {
    return live_delete(store, TK_SQL_LATER_TAKE, keys, count, rows, deleted, error);
}

tasker_status tk_sqlite_lease_revoke(tk_store *store, const tk_step_key *keys, uint32_t count,
                                     int64_t now_us, bool *revoked, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql take;
    tk_sql insert;
    tasker_status status = tk_sqlite_numbers(sqlite, error);
    if (status == TASKER_OK) {
        status = tk_sql_begin(&take, sqlite, TK_SQL_LEASE_TAKE, error);
    }
    if (status == TASKER_OK) {
        status = tk_sql_begin(&insert, sqlite, TK_SQL_ATTEMPT_INSERT, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&take, &keys[i].task_id);
        tk_sql_int(&take, keys[i].step);
        revoked[i] = tk_sql_step(&take);
        if (revoked[i]) {
            tk_attempt_row row = {
                .task_id = keys[i].task_id,
                .step = keys[i].step,
                .outcome = TK_OUTCOME_CANCELLED,
                .finished_us = now_us,
            };
            if (!tk_sql_finish(&take, &insert, &row)) {
                break;
            }
        }
        if (!tk_sql_run(&take)) {
            break;
        }
    }
    status = tk_sql_end(&insert, error);
    return status == TASKER_OK ? tk_sql_end(&take, error) : status;
}

static tasker_status clear_by_task(tk_sqlite *sqlite, tk_sql_name name, const tk_uuid *task_id,
                                   tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, name, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, task_id);
    (void)tk_sql_run(&sql);
    return tk_sql_end(&sql, error);
}

static tasker_status lease_first(tk_sqlite *sqlite, tk_step_key *key, bool *found,
                                 tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_LEASE_FIRST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, &key->task_id);
    *found = tk_sql_step(&sql);
    if (*found) {
        key->step = tk_sql_get_step(&sql, 0);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_task_clear(tk_store *store, const tk_uuid *task_id, int64_t now_us,
                                   tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tasker_status status = clear_by_task(sqlite, TK_SQL_LATER_CLEAR, task_id, error);
    if (status == TASKER_OK && !TK_MUTANT(13)) { /* 13: a cancel leaves the ready rows */
        status = clear_by_task(sqlite, TK_SQL_READY_CLEAR, task_id, error);
    }
    tk_step_key key = {.task_id = *task_id};
    for (bool found = true; status == TASKER_OK && found;) {
        bool revoked = false;
        status = lease_first(sqlite, &key, &found, error);
        if (status == TASKER_OK && found) {
            status = tk_sqlite_lease_revoke(store, &key, 1, now_us, &revoked, error);
        }
    }
    return status;
}

/* --- workers ---------------------------------------------------------------------------------- */

tasker_status tk_sqlite_worker_insert(tk_store *store, tk_worker_row *row, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_WORKER_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, row->beat);
    tk_sql_int(&sql, row->started_us);
    tk_sql_int(&sql, row->process);
    tk_sql_int(&sql, row->asleep);
    tk_sql_text_always(&sql, row->name);
    tk_sql_text_always(&sql, row->host);
    tk_sql_text_always(&sql, row->namespaces);
    tk_sql_text_always(&sql, row->handlers);
    if (tk_sql_step(&sql)) {
        row->id = tk_sql_get_i32(&sql, 0);
        (void)tk_sql_step(&sql);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_worker_beat(tk_store *store, int32_t id, bool asleep, bool holding,
                                    tasker_error *error) {
    tk_sql sql;
    (void)holding;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_WORKER_BEAT, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, id);
    tk_sql_int(&sql, asleep);
    bool alive = tk_sql_run(&sql) && tk_sql_changes(&sql) == 1;
    status = tk_sql_end(&sql, error);
    return status == TASKER_OK && !alive
               ? tk_fail(error, TASKER_LOST, "this worker was taken for dead")
               : status;
}

tasker_status tk_sqlite_worker_delete(tk_store *store, int32_t id, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_WORKER_DELETE, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, id);
    (void)tk_sql_run(&sql);
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_worker_list(tk_store *store, tk_arena *arena, tk_worker_row **rows,
                                    uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_WORKER_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (tk_worker_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        *row = (tk_worker_row){
            .id = tk_sql_get_i32(&sql, 0),
            .beat = tk_sql_get(&sql, 1),
            .started_us = tk_sql_get(&sql, 2),
            .process = tk_sql_get_i32(&sql, 3),
            .asleep = tk_sql_get(&sql, 4) != 0,
            .holding = true,
            .connected = true,
            .name = tk_sql_get_text(&sql, 5, arena),
            .host = tk_sql_get_text(&sql, 6, arena),
            .namespaces = tk_sql_get_text(&sql, 7, arena),
            .handlers = tk_sql_get_text(&sql, 8, arena),
        };
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

/* With one writer at a time nobody else holds a task. */
tasker_status tk_sqlite_state_try(tk_store *store, const tk_uuid *ids, uint32_t count, bool *taken,
                                  tasker_error *error) {
    (void)store;
    (void)ids;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        taken[i] = true;
    }
    return TASKER_OK;
}

/* Pages of deleted rows are used again. */
tasker_status tk_sqlite_upkeep(tk_store *store, bool *elected, uint32_t *skipped,
                               tasker_error *error) {
    (void)store;
    (void)error;
    *elected = false;
    *skipped = 0;
    return TASKER_OK;
}

/* There are no sessions. */
tasker_status tk_sqlite_worker_cut(tk_store *store, int32_t id, int64_t beat, bool *gone,
                                   tasker_error *error) {
    (void)store;
    (void)id;
    (void)beat;
    (void)error;
    *gone = true;
    return TASKER_OK;
}

/* With one writer at a time nobody else can hold the row. */
tasker_status tk_sqlite_worker_take(tk_store *store, int32_t id, int64_t beat, bool *taken,
                                    tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_WORKER_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, id);
    *taken = tk_sql_step(&sql) && tk_sql_get(&sql, 0) == beat;
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_worker_leases(tk_store *store, tk_arena *arena, int32_t id, uint32_t limit,
                                      tk_lease_row **rows, uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_WORKER_LEASES, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, id);
    tk_sql_int(&sql, limit);
    for (tk_lease_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        tk_sql_get_uuid(&sql, 0, &row->task_id);
        row->step = tk_sql_get_step(&sql, 1);
        row->attempt = tk_sql_get_i32(&sql, 2);
        row->token = tk_sql_get(&sql, 3);
        row->worker = tk_sql_get_i32(&sql, 4);
        row->enqueued_us = tk_sql_get(&sql, 5);
        row->claimed_us = tk_sql_get(&sql, 6);
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}
