/*
 * store_postgres_hand.c - what a person's act needs (taking live steps away), and workers.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

void tk_pg_keys(tk_pg_run *run, const tk_step_key *keys, uint32_t count) {
    TK_PG_COLUMN_OF(run, uuid, TK_PG_UUID, count, &keys[i].task_id);
    TK_PG_COLUMN(run, TK_PG_INT2, count, keys[i].step);
}

/* --- taking live steps away ------------------------------------------------------------------- */

/* The given key of a row that begins with (task, step), from `next` on and then from the start; count
 * when there is none. */
static uint32_t key_of(tk_pg_run *run, uint32_t at, const tk_step_key *keys, uint32_t count,
                       uint32_t next) {
    tk_uuid id;
    tk_pg_get_uuid(run, at, 0, &id);
    uint16_t step = tk_pg_get_step(run, at, 1);
    for (uint32_t tries = 0; tries < count; tries++) {
        uint32_t i = (next + tries) % count;
        if (keys[i].step == step && tk_uuid_equal(&keys[i].task_id, &id)) {
            return i;
        }
    }
    tk_pg_note(run, TASKER_STORE);
    return count;
}

static tasker_status steps_delete(tk_store *store, tk_pg_statement statement,
                                  const tk_step_key *keys, uint32_t count, tk_ready_row *rows,
                                  bool *deleted, tasker_error *error) {
    tk_pg_run run;
    uint32_t at = 0;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    memset(deleted, 0, count * sizeof(*deleted));
    tk_pg_keys(&run, keys, count);
    (void)tk_pg_exec(&run, statement, error);
    for (uint32_t row = 0; row < run.rows; row++) {
        at = key_of(&run, row, keys, count, at);
        if (at == count) {
            break;
        }
        bool ready = statement == TK_PG_READY_DELETE;
        rows[at] = (tk_ready_row){
            .task_id = keys[at].task_id,
            .step = keys[at].step,
            .queue = tk_pg_get_i32(&run, row, 2),
            .handler = tk_pg_get_i32(&run, row, 3),
            .class = tk_pg_get_i32(&run, row, 4),
            .attempts = tk_pg_get_i32(&run, row, 5),
            .deps = tk_pg_get(&run, row, 6) != 0,
            .seq = ready ? tk_pg_get(&run, row, 7) : 0,
            .enqueued_us = ready ? tk_pg_get_time(&run, row, 8) : 0,
            .run_at_us = ready ? 0 : tk_pg_get_time(&run, row, 7),
        };
        deleted[at] = true;
    }
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_ready_delete(tk_store *store, const tk_step_key *keys, uint32_t count,
                                    tk_ready_row *rows, bool *deleted, tasker_error *error) {
    return steps_delete(store, TK_PG_READY_DELETE, keys, count, rows, deleted, error);
}

tasker_status tk_pg_op_later_delete(tk_store *store, const tk_step_key *keys, uint32_t count,
                                    tk_ready_row *rows, bool *deleted, tasker_error *error) {
    return steps_delete(store, TK_PG_LATER_DELETE, keys, count, rows, deleted, error);
}

tasker_status tk_pg_op_lease_revoke(tk_store *store, const tk_step_key *keys, uint32_t count,
                                    int64_t now_us, bool *revoked, tasker_error *error) {
    tk_pg_run run;
    uint32_t at = 0;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    memset(revoked, 0, count * sizeof(*revoked));
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &keys[i].task_id);
    tk_pg_time(&run, now_us);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, keys[i].step);
    (void)tk_pg_exec(&run, TK_PG_LEASE_REVOKE, error);
    for (uint32_t row = 0; row < run.rows; row++) {
        at = key_of(&run, row, keys, count, at);
        if (at == count) {
            break;
        }
        revoked[at] = true;
    }
    return tk_pg_end(&run, error);
}

static void clear_lease(tk_pg_run *run, const tk_uuid *task_id, int64_t now_us,
                        tasker_error *error) {
    tk_pg_uuid(run, task_id);
    tk_pg_time(run, now_us);
    (void)tk_pg_exec(run, TK_PG_TASK_CLEAR_LEASE, error);
}

/* A statement each: every one sees what was committed before it began. */
tasker_status tk_pg_op_task_clear(tk_store *store, const tk_uuid *task_id, int64_t now_us,
                                  tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_uuid(&run, task_id);
    (void)tk_pg_exec(&run, TK_PG_TASK_CLEAR_LATER, error);
    if (TK_MUTANT(52)) { /* 52: a cancel looks at leases before ready */
        clear_lease(&run, task_id, now_us, error);
    }
    if (!TK_MUTANT(13)) { /* 13: a cancel leaves the ready rows */
        tk_pg_uuid(&run, task_id);
        (void)tk_pg_exec(&run, TK_PG_TASK_CLEAR_READY, error);
    }
    if (!TK_MUTANT(52)) {
        clear_lease(&run, task_id, now_us, error);
    }
    return tk_pg_end(&run, error);
}

/* --- workers ---------------------------------------------------------------------------------- */

/* The session's lock tells others that this worker is connected. */
static void worker_hold(tk_pg_run *run, int32_t id, tasker_error *error) {
    tk_pg *pg = run->pg;
    if (pg->worker != 0) {
        tk_pg_int(run, TK_PG_INT4, pg->worker);
        (void)tk_pg_exec(run, TK_PG_WORKER_LET_GO, error);
    }
    tk_pg_int(run, TK_PG_INT4, id);
    if (tk_pg_exec(run, TK_PG_WORKER_HOLD, error)) {
        pg->worker = id;
    }
}

tasker_status tk_pg_op_worker_insert(tk_store *store, tk_worker_row *row, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT8, row->beat);
    tk_pg_time(&run, row->started_us);
    tk_pg_int(&run, TK_PG_INT4, row->process);
    tk_pg_int(&run, TK_PG_BOOL, row->asleep);
    tk_pg_text(&run, row->name);
    tk_pg_text(&run, row->host);
    tk_pg_text(&run, row->namespaces);
    tk_pg_text(&run, row->handlers);
    if (tk_pg_exec(&run, TK_PG_WORKER_INSERT, error) && run.rows == 1) {
        row->id = tk_pg_get_i32(&run, 0, 0);
        worker_hold(&run, row->id, error);
    }
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_worker_beat(tk_store *store, int32_t id, bool asleep, bool holding,
                                   tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, id);
    tk_pg_int(&run, TK_PG_BOOL, asleep);
    tk_pg_int(&run, TK_PG_BOOL, holding);
    tk_pg_queue(&run, TK_PG_WORKER_BEAT, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_worker_delete(tk_store *store, int32_t id, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, id);
    (void)tk_pg_exec(&run, TK_PG_WORKER_DELETE, error);
    if (id == pg->worker) {
        tk_pg_int(&run, TK_PG_INT4, id);
        (void)tk_pg_exec(&run, TK_PG_WORKER_LET_GO, error);
        pg->worker = 0;
    }
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_worker_list(tk_store *store, tk_arena *arena, tk_worker_row **rows,
                                   uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    (void)tk_pg_exec(&run, TK_PG_WORKER_LIST, error);
    *rows = tk_pg_rows_make(&run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run.rows; i++) {
        (*rows)[i] = (tk_worker_row){
            .id = tk_pg_get_i32(&run, i, 0),
            .beat = tk_pg_get(&run, i, 1),
            .started_us = tk_pg_get_time(&run, i, 2),
            .process = tk_pg_get_i32(&run, i, 3),
            .asleep = tk_pg_get(&run, i, 4) != 0,
            .name = tk_pg_get_text(&run, i, 5, arena),
            .host = tk_pg_get_text(&run, i, 6, arena),
            .namespaces = tk_pg_get_text(&run, i, 7, arena),
            .handlers = tk_pg_get_text(&run, i, 8, arena),
            .connected = tk_pg_get(&run, i, 9) != 0,
            .holding = tk_pg_get(&run, i, 10) != 0,
        };
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_worker_cut(tk_store *store, int32_t id, int64_t beat, bool *gone,
                                  tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, id);
    tk_pg_int(&run, TK_PG_INT8, beat);
    *gone =
        tk_pg_exec(&run, TK_PG_WORKER_CUT, error) && run.rows == 1 && tk_pg_get(&run, 0, 0) != 0;
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_worker_take(tk_store *store, int32_t id, int64_t beat, bool *taken,
                                   tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, id);
    tk_pg_int(&run, TK_PG_INT8, beat);
    *taken = tk_pg_exec(&run, TK_PG_WORKER_TAKE, error) && run.rows == 1;
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_worker_leases(tk_store *store, tk_arena *arena, int32_t id, uint32_t limit,
                                     tk_lease_row **rows, uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT4, id);
    tk_pg_int(&run, TK_PG_INT8, limit);
    (void)tk_pg_exec(&run, TK_PG_WORKER_LEASES, error);
    *rows = tk_pg_rows_make(&run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run.rows; i++) {
        tk_lease_row *row = &(*rows)[i];
        tk_pg_get_uuid(&run, i, 0, &row->task_id);
        row->step = tk_pg_get_step(&run, i, 1);
        row->attempt = tk_pg_get_i32(&run, i, 2);
        row->token = tk_pg_get(&run, i, 3);
        row->worker = tk_pg_get_i32(&run, i, 4);
        row->enqueued_us = tk_pg_get_time(&run, i, 5);
        row->claimed_us = tk_pg_get_time(&run, i, 6);
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

#endif
