/*
 * store_sqlite_turn.c - what a turn needs: tasks' states, the fence, due steps, heads, claims,
 * ancestors' results.
 *
 * There is no other writer inside a write transaction, so a plain read is a lock.
 */
#include "store_sqlite.h"

/* --- states ----------------------------------------------------------------------------------- */

/* Joins the pages behind the first. Page 1 must follow the first, 2 the first, and so on. */
static tasker_status pages_read(tk_sqlite *sqlite, tk_arena *arena, tk_state_row *row,
                                tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_PAGE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    uint8_t joined[TK_STATE_BYTES_MAX];
    uint32_t size = row->progress_bytes;
    memcpy(joined, row->progress, size);
    tk_sql_uuid(&sql, &row->task_id);
    while (tk_sql_step(&sql)) {
        tk_str page = tk_sql_peek(&sql, 1);
        if (size != tk_sql_get(&sql, 0) * TK_STATE_PAGE_BYTES || page.size > TK_STATE_PAGE_BYTES ||
            page.size > sizeof(joined) - size) {
            tk_sql_note(&sql, SQLITE_CORRUPT);
            break;
        }
        if (page.size > 0) {
            memcpy(joined + size, page.data, page.size);
            size += (uint32_t)page.size;
        }
    }
    if (size > row->progress_bytes) {
        row->progress = tk_arena_alloc(arena, (size_t)size * 2);
        if (row->progress == NULL) {
            tk_sql_note(&sql, SQLITE_NOMEM);
        } else {
            memcpy(row->progress, joined, size);
            row->progress_bytes = size;
        }
    }
    return tk_sql_end(&sql, error);
}

/* One row without the further pages. `progress` and `stored` share an allocation. */
static void state_read(tk_sql *sql, tk_arena *arena, tk_state_row *row) {
    row->updated_us = tk_sql_get(sql, 0);
    row->state = tk_sql_get_i32(sql, 1);
    row->open_steps = tk_sql_get_i32(sql, 2);
    row->failed_steps = tk_sql_get_i32(sql, 3);
    tk_str page = tk_sql_peek(sql, 4);
    if (page.size > TK_STATE_PAGE_BYTES) {
        tk_sql_note(sql, SQLITE_CORRUPT);
        return;
    }
    row->progress_bytes = (uint32_t)page.size;
    row->progress = tk_arena_alloc(arena, page.size * 2);
    if (row->progress == NULL) {
        tk_sql_note(sql, SQLITE_NOMEM);
    } else if (page.size > 0) {
        memcpy(row->progress, page.data, page.size);
    }
}

tasker_status tk_sqlite_state_load(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                   uint32_t count, tk_state_row *rows, bool *found,
                                   tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_STATE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count && sql.code == SQLITE_OK; i++) {
        tk_state_row *row = &rows[i];
        *row = (tk_state_row){.task_id = ids[i]};
        tk_sql_uuid(&sql, &ids[i]);
        found[i] = tk_sql_step(&sql);
        if (found[i]) {
            state_read(&sql, arena, row);
        }
        tk_sql_again(&sql);
        if (sql.code == SQLITE_OK && row->progress_bytes == TK_STATE_PAGE_BYTES) {
            status = pages_read(sqlite, arena, row, error);
            if (status != TASKER_OK) {
                return status;
            }
        }
        if (sql.code == SQLITE_OK && found[i]) {
            memcpy(row->progress + row->progress_bytes, row->progress, row->progress_bytes);
            row->stored = row->progress + row->progress_bytes;
        }
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_state_lock(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                   uint32_t count, tk_state_row *rows, bool *found,
                                   tasker_error *error) {
    return tk_sqlite_state_load(store, arena, ids, count, rows, found, error);
}

/* --- outcomes --------------------------------------------------------------------------------- */

static void lease_bind(tk_sql *sql, const tk_attempt_row *row) {
    tk_sql_uuid(sql, &row->task_id);
    tk_sql_int(sql, row->step);
    tk_sql_int(sql, TK_MUTANT(1) ? 0 : row->token); /* 1: no token in the fence */
}

tasker_status tk_sqlite_finish(tk_store *store, tk_attempt_row *rows, uint32_t count,
                               bool *accepted, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql held;
    tk_sql drop;
    tk_sql insert;
    tasker_status status = tk_sqlite_numbers(sqlite, error);
    if (status == TASKER_OK) {
        status = tk_sql_begin(&held, sqlite, TK_SQL_LEASE_HELD, error);
    }
    if (status == TASKER_OK) {
        status = tk_sql_begin(&drop, sqlite, TK_SQL_LEASE_DROP, error);
    }
    if (status == TASKER_OK) {
        status = tk_sql_begin(&insert, sqlite, TK_SQL_ATTEMPT_INSERT, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count && held.code == SQLITE_OK; i++) {
        lease_bind(&held, &rows[i]);
        accepted[i] = tk_sql_step(&held);
        if (accepted[i]) {
            lease_bind(&drop, &rows[i]); /* before the row's numbers are filled in */
            if (!tk_sql_finish(&held, &insert, &rows[i]) || !tk_sql_run(&drop)) {
                break;
            }
        }
        tk_sql_again(&held);
    }
    status = tk_sql_end(&insert, error);
    if (status == TASKER_OK) {
        status = tk_sql_end(&drop, error);
    }
    return status == TASKER_OK ? tk_sql_end(&held, error) : status;
}

/* A turn is no journey here. */
tasker_status tk_sqlite_advance(tk_store *store, const tk_advance_row *rows, uint32_t count,
                                const tk_advance_bytes *bytes, tasker_error *error) {
    (void)store;
    (void)rows;
    (void)count;
    (void)bytes;
    return tk_fail(error, TASKER_UNSUPPORTED, "SQLite has no short way");
}

tasker_status tk_sqlite_lease_return(tk_store *store, const tk_lease_row *leases,
                                     tk_ready_row *readies, uint32_t count, bool *returned,
                                     tasker_error *error) {
    tk_sql fence;
    tasker_status status = tk_sql_begin(&fence, tk_sqlite_of(store), TK_SQL_LEASE_FENCE, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&fence, &leases[i].task_id);
        tk_sql_int(&fence, leases[i].step);
        tk_sql_int(&fence, leases[i].token);
        returned[i] = tk_sql_step(&fence);
        if (returned[i]) {
            readies[i].task_id = leases[i].task_id;
            readies[i].step = leases[i].step;
            /* mutant 7: a step that is given back has lost an attempt */
            readies[i].attempts = tk_sql_get_i32(&fence, 0) - (TK_MUTANT(7) ? 0 : 1);
            readies[i].enqueued_us = tk_sql_get(&fence, 3);
        }
        if (!tk_sql_run(&fence)) {
            break;
        }
        if (returned[i]) {
            status = tk_sqlite_ready_insert(store, &readies[i], 1, error);
            if (status != TASKER_OK) {
                return status;
            }
        }
    }
    return tk_sql_end(&fence, error);
}

/* For each key the number that a statement finds by (task, step), 0 without. */
static tasker_status numbers_by_key(tk_store *store, tk_sql_name name, const tk_step_key *keys,
                                    uint32_t count, int32_t *numbers, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), name, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&sql, &keys[i].task_id);
        tk_sql_int(&sql, keys[i].step);
        numbers[i] = tk_sql_step(&sql) ? tk_sql_get_i32(&sql, 0) : 0;
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_attempt_bases(tk_store *store, const tk_step_key *keys, uint32_t count,
                                      int32_t *bases, tasker_error *error) {
    return numbers_by_key(store, TK_SQL_ACT_BASE, keys, count, bases, error);
}

tasker_status tk_sqlite_attempt_last(tk_store *store, const tk_step_key *keys, uint32_t count,
                                     int32_t *attempts, tasker_error *error) {
    return numbers_by_key(store, TK_SQL_ATTEMPT_GREATEST, keys, count, attempts, error);
}

tasker_status tk_sqlite_attempt_tokens(tk_store *store, const tk_lease_row *leases, uint32_t count,
                                       bool *recorded, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_ATTEMPT_TOKEN, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&sql, &leases[i].task_id);
        tk_sql_int(&sql, leases[i].step);
        tk_sql_int(&sql, leases[i].attempt);
        recorded[i] = tk_sql_step(&sql) && tk_sql_get(&sql, 0) == leases[i].token;
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}

/* --- due steps -------------------------------------------------------------------------------- */

static void later_read(tk_sql *sql, tk_ready_row *row) {
    tk_sql_get_uuid(sql, 0, &row->task_id);
    row->step = tk_sql_get_step(sql, 1);
    row->run_at_us = tk_sql_get(sql, 2);
    row->attempts = tk_sql_get_i32(sql, 3);
    row->queue = tk_sql_get_i32(sql, 4);
    row->handler = tk_sql_get_i32(sql, 5);
    row->class = tk_sql_get_i32(sql, 6);
    row->deps = tk_sql_get(sql, 7) != 0;
}

/* The earliest row of later, if any. */
static tasker_status later_first(tk_sqlite *sqlite, tk_ready_row *row, bool *found,
                                 tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_LATER_FIRST, error);
    if (status != TASKER_OK) {
        return status;
    }
    *found = tk_sql_step(&sql);
    if (*found) {
        later_read(&sql, row);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_due_move(tk_store *store, int64_t now_us, uint32_t limit, uint32_t *moved,
                                 int64_t *next_us, tasker_error *error) {
    *moved = 0;
    *next_us = 0;
    for (;;) {
        tk_ready_row row = {0};
        tk_ready_row taken;
        bool found = false;
        tasker_status status = later_first(tk_sqlite_of(store), &row, &found, error);
        if (status != TASKER_OK || !found) {
            return status;
        }
        if (row.run_at_us > now_us || *moved == limit) {
            *next_us = row.run_at_us;
            return TASKER_OK;
        }
        const tk_step_key key = {row.task_id, row.step};
        status = tk_sqlite_later_delete(store, &key, 1, &taken, &found, error);
        if (status == TASKER_OK) {
            row.enqueued_us = row.run_at_us > now_us ? row.run_at_us : now_us;
            status = tk_sqlite_ready_insert(store, &row, 1, error);
        }
        if (status != TASKER_OK) {
            return status;
        }
        (*moved)++;
    }
}

/* --- claims ----------------------------------------------------------------------------------- */

/* A loose scan: from key to key, never through the rows between. */
tasker_status tk_sqlite_heads(tk_store *store, tk_arena *arena, tk_head **rows, uint32_t *count,
                              tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_head last = {.queue = INT32_MIN, .handler = INT32_MIN, .class = INT32_MIN};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_READY_HEAD, error);
    if (status != TASKER_OK) {
        return status;
    }
    while (list.count < TK_HEADS_MAX) {
        tk_sql_int(&sql, last.queue);
        tk_sql_int(&sql, last.handler);
        tk_sql_int(&sql, last.class);
        tk_head *head = tk_sql_next(&sql, &list);
        if (head == NULL) {
            break;
        }
        *head = last = (tk_head){
            .queue = tk_sql_get_i32(&sql, 0),
            .handler = tk_sql_get_i32(&sql, 1),
            .class = tk_sql_get_i32(&sql, 2),
            .seq = tk_sql_get(&sql, 3),
            .enqueued_us = tk_sql_get(&sql, 4),
        };
        tk_sql_again(&sql);
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

static void want_bind(tk_sql *sql, const tk_want *want) {
    tk_sql_int(sql, want->queue);
    tk_sql_int(sql, want->handler);
    tk_sql_int(sql, want->class);
    tk_sql_int(sql, want->past);
}

/* Reads at most `limit` of the rows that a want names. *last_seq is the last one's. */
static tasker_status want_scan(tk_sqlite *sqlite, const tk_want *want, uint32_t limit,
                               tk_claim_row *rows, uint32_t *count, int64_t *last_seq,
                               tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_READY_SCAN, error);
    if (status != TASKER_OK) {
        return status;
    }
    want_bind(&sql, want);
    tk_sql_int(&sql, limit);
    *count = 0;
    while (*count < limit && tk_sql_step(&sql)) {
        tk_claim_row *row = &rows[(*count)++];
        row->queue = want->queue;
        row->handler = want->handler;
        row->class = want->class;
        *last_seq = tk_sql_get(&sql, 0);
        tk_sql_get_uuid(&sql, 1, &row->lease.task_id);
        row->lease.step = tk_sql_get_step(&sql, 2);
        row->lease.attempt = tk_attempt_next(tk_sql_get_i32(&sql, 3));
        row->lease.enqueued_us = tk_sql_get(&sql, 4);
        row->deps = tk_sql_get(&sql, 5) != 0;
    }
    return tk_sql_end(&sql, error);
}

/* Deletes what want_scan read, in one sweep of the key. */
static tasker_status want_cut(tk_sqlite *sqlite, const tk_want *want, uint32_t count,
                              int64_t last_seq, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_READY_CUT, error);
    if (status != TASKER_OK) {
        return status;
    }
    want_bind(&sql, want);
    tk_sql_int(&sql, last_seq);
    bool all = tk_sql_run(&sql) && tk_sql_changes(&sql) == count;
    status = tk_sql_end(&sql, error);
    return status == TASKER_OK && !all ? tk_sqlite_fail(sqlite, SQLITE_CORRUPT, "READY_CUT", error)
                                       : status;
}

static tasker_status want_take(tk_sqlite *sqlite, const tk_want *want, uint32_t limit,
                               tk_claim_row *rows, uint32_t *count, tasker_error *error) {
    int64_t last_seq = 0;
    if (limit == 0) {
        return TASKER_OK;
    }
    tasker_status status = want_scan(sqlite, want, limit, rows, count, &last_seq, error);
    return status == TASKER_OK && *count > 0 ? want_cut(sqlite, want, *count, last_seq, error)
                                             : status;
}

/* Steps of one task mostly stand in line: its row is read once. */
static tasker_status claim_tasks(tk_sqlite *sqlite, tk_arena *arena, tk_claim_row *rows,
                                 uint32_t count, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_TASK_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && tk_uuid_equal(&rows[i].lease.task_id, &rows[i - 1].lease.task_id)) {
            rows[i].task = rows[i - 1].task;
            continue;
        }
        rows[i].task.id = rows[i].lease.task_id;
        tk_sql_uuid(&sql, &rows[i].lease.task_id);
        if (tk_sql_step(&sql)) {
            tk_sql_task(&sql, arena, &rows[i].task);
        } else {
            tk_sql_note(&sql, SQLITE_CORRUPT); /* a ready row without its task */
        }
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}

static tasker_status claim_leases(tk_sqlite *sqlite, tk_claim_row *rows, uint32_t count,
                                  int32_t worker, int64_t token, int64_t now_us,
                                  tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_LEASE_INSERT, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_lease_row *lease = &rows[i].lease;
        lease->worker = worker;
        lease->token = (int64_t)((uint64_t)token + i);
        lease->claimed_us = lease->enqueued_us > now_us ? lease->enqueued_us : now_us;
        if (!tk_sql_lease(&sql, lease)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_claim(tk_store *store, tk_arena *arena, const tk_want *wants,
                              uint32_t want_count, uint32_t limit, int32_t worker, int64_t token,
                              int64_t now_us, tk_claim_row **rows, uint32_t *count,
                              tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    *rows = NULL;
    *count = 0;
    if (limit == 0 || want_count == 0) {
        return TASKER_OK;
    }
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < want_count; i++) {
        wanted += wants[i].limit;
    }
    limit = wanted < limit ? (uint32_t)wanted : limit;
    *rows = tk_arena_array(arena, limit, sizeof(**rows));
    if (*rows == NULL) {
        return tk_nomem(error);
    }
    tasker_status status = TASKER_OK;
    uint32_t taken = 0; /* by the wants in a row with the same queue, this one included */
    for (uint32_t i = 0; status == TASKER_OK && i < want_count && *count < limit; i++) {
        taken = i > 0 && wants[i].queue == wants[i - 1].queue ? taken : 0;
        uint32_t left = limit - *count;
        uint32_t most = wants[i].limit > taken ? wants[i].limit - taken : 0;
        uint32_t read = 0;
        status =
            want_take(sqlite, &wants[i], most < left ? most : left, *rows + *count, &read, error);
        taken += read;
        *count += read;
    }
    if (status == TASKER_OK) {
        status = claim_leases(sqlite, *rows, *count, worker, token, now_us, error);
    }
    return status == TASKER_OK ? claim_tasks(sqlite, arena, *rows, *count, error) : status;
}

/* --- what a step gets to see ------------------------------------------------------------------ */

tasker_status tk_sqlite_results(tk_store *store, tk_arena *arena, tk_result_row *rows,
                                uint32_t count, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_RESULT_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_result_row *row = &rows[i];
        *row = (tk_result_row){.key = row->key};
        tk_sql_uuid(&sql, &row->key.task_id);
        tk_sql_int(&sql, row->key.step);
        row->found = tk_sql_step(&sql);
        if (row->found) {
            row->outcome = tk_sql_get_i32(&sql, 0);
            row->finished_us = tk_sql_get(&sql, 1);
            row->result = tk_sql_get_text(&sql, 2, arena);
            row->metadata = tk_sql_get_text(&sql, 3, arena);
        }
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_last_failures(tk_store *store, tk_arena *arena, const tk_step_key *keys,
                                      uint32_t count, tk_attempt_row *rows, bool *found,
                                      tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_ATTEMPT_NEWEST, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        tk_sql_uuid(&sql, &keys[i].task_id);
        tk_sql_int(&sql, keys[i].step);
        found[i] = false;
        if (tk_sql_step(&sql)) {
            tk_sql_attempt(&sql, &keys[i].task_id, &rows[i], arena);
            found[i] = rows[i].outcome == TK_OUTCOME_ERROR || rows[i].outcome == TK_OUTCOME_LOST;
        }
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}
