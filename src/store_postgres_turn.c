/*
 * store_postgres_turn.c - what a turn needs: tasks' states, the fence, due steps, heads, claims,
 * ancestors' results.
 *
 * Statements that delete return rows in any order: each is matched with what was given by its key,
 * beginning behind the match before, so that the usual order costs one look each.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* --- states ----------------------------------------------------------------------------------- */

/* Room for a whole progress, twice: as it is changed and as it was stored. */
static bool state_room(tk_pg_run *run, tk_arena *arena, tk_state_row *row, size_t bytes) {
    row->progress = tk_arena_alloc(arena, bytes * 2);
    if (row->progress == NULL) {
        tk_pg_note(run, TASKER_NOMEM);
    }
    return row->progress != NULL;
}

static void state_read(tk_pg_run *run, uint32_t at, tk_arena *arena, tk_state_row *row) {
    row->updated_us = tk_pg_get_time(run, at, 1);
    row->state = tk_pg_get_i32(run, at, 2);
    row->open_steps = tk_pg_get_i32(run, at, 3);
    row->failed_steps = tk_pg_get_i32(run, at, 4);
    tk_str page = tk_pg_peek(run, at, 5);
    if (page.size > TK_STATE_PAGE_BYTES) {
        tk_pg_note(run, TASKER_STORE);
        return;
    }
    bool paged = page.size == TK_STATE_PAGE_BYTES;
    if (state_room(run, arena, row, paged ? TK_STATE_BYTES_MAX : page.size)) {
        row->progress_bytes = (uint32_t)page.size;
        if (page.size > 0) {
            memcpy(row->progress, page.data, page.size);
        }
    }
}

/* Joins one page behind those that are there; each must follow a full one. */
static void page_join(tk_pg_run *run, uint32_t at, tk_state_row *row) {
    tk_str page = tk_pg_peek(run, at, 2);
    if (row->progress_bytes != tk_pg_get(run, at, 1) * TK_STATE_PAGE_BYTES ||
        page.size > TK_STATE_PAGE_BYTES || page.size > TK_STATE_BYTES_MAX - row->progress_bytes) {
        tk_pg_note(run, TASKER_STORE);
        return;
    }
    memcpy(row->progress + row->progress_bytes, page.data, page.size);
    row->progress_bytes += (uint32_t)page.size;
}

/* Where the states of some tasks go. */
typedef struct reading {
    tk_arena *arena;
    const tk_uuid *ids;
    tk_state_row *rows;
    bool *found;
    uint32_t count;
} reading;

/* Remembers what was loaded behind what may be changed. */
static void states_keep(const reading *in) {
    for (uint32_t i = 0; i < in->count; i++) {
        if (in->found[i]) {
            tk_state_row *row = &in->rows[i];
            memcpy(row->progress + row->progress_bytes, row->progress, row->progress_bytes);
            row->stored = row->progress + row->progress_bytes;
        }
    }
}

static void pages_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const reading *in = arguments;
    (void)error;
    for (uint32_t i = 0; answer->status == TASKER_OK && i < answer->rows; i++) {
        page_join(answer, i, &in->rows[tk_pg_get_place(answer, i, in->count)]);
    }
    if (answer->status == TASKER_OK) {
        states_keep(in);
    }
}

static void pages_ask(tk_pg *pg, const reading *in, tasker_error *error) {
    tk_pg_run run = {.pg = pg};
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, in->count, &in->ids[i]);
    tk_pg_queue(&run, TK_PG_PAGE_READ, pages_take, in, sizeof(*in), error);
    (void)tk_pg_end(&run, error);
}

static void states_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const reading *in = arguments;
    bool paged = false;
    for (uint32_t i = 0; answer->status == TASKER_OK && i < answer->rows; i++) {
        uint32_t place = tk_pg_get_place(answer, i, in->count);
        state_read(answer, i, in->arena, &in->rows[place]);
        in->found[place] = true;
        paged = paged || in->rows[place].progress_bytes == TK_STATE_PAGE_BYTES;
    }
    if (answer->status != TASKER_OK) {
        return;
    }
    if (paged) { /* in a statement after the lock */
        pages_ask(answer->pg, in, error);
    } else {
        states_keep(in);
    }
}

static tasker_status states_read(tk_store *store, tk_pg_statement statement, tk_arena *arena,
                                 const tk_uuid *ids, uint32_t count, tk_state_row *rows,
                                 bool *found, tasker_error *error) {
    const reading in = {arena, ids, rows, found, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tk_state_row){.task_id = ids[i]};
        found[i] = false;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &ids[i]);
    tk_pg_queue(&run, statement, states_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_state_load(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                  uint32_t count, tk_state_row *rows, bool *found,
                                  tasker_error *error) {
    return states_read(store, TK_PG_STATE_LOAD, arena, ids, count, rows, found, error);
}

tasker_status tk_pg_op_state_lock(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                  uint32_t count, tk_state_row *rows, bool *found,
                                  tasker_error *error) {
    return states_read(store, TK_PG_STATE_LOCK, arena, ids, count, rows, found, error);
}

tasker_status tk_pg_op_state_try(tk_store *store, const tk_uuid *ids, uint32_t count, bool *taken,
                                 tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    memset(taken, 0, count * sizeof(*taken));
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &ids[i]);
    (void)tk_pg_exec(&run, TK_PG_STATE_TRY, error);
    for (uint32_t i = 0; i < run.rows; i++) {
        taken[tk_pg_get_place(&run, i, count)] = true;
    }
    return tk_pg_end(&run, error);
}

/* --- outcomes --------------------------------------------------------------------------------- */

/* Takes from a row of FINISH what the lease knew. */
static void finished_read(tk_pg_run *run, uint32_t at, tk_attempt_row *row) {
    row->attempt = tk_pg_get_i32(run, at, 3);
    row->worker = tk_pg_get_i32(run, at, 4);
    row->enqueued_us = tk_pg_get_time(run, at, 5);
    row->claimed_us = tk_pg_get_time(run, at, 6);
    row->finished_us = tk_pg_get_time(run, at, 7);
    row->n = tk_pg_get(run, at, 8);
}

typedef struct finishing {
    tk_attempt_row *rows;
    bool *accepted;
    uint32_t count;
} finishing;

static void finish_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const finishing *in = arguments;
    uint32_t next = 0;
    (void)error;
    for (uint32_t at = 0; at < answer->rows; at++) {
        tk_uuid id;
        tk_pg_get_uuid(answer, at, 0, &id);
        uint16_t step = tk_pg_get_step(answer, at, 1);
        int64_t token = tk_pg_get(answer, at, 2);
        for (uint32_t tries = 0; tries < in->count; tries++) {
            uint32_t i = (next + tries) % in->count;
            if (in->rows[i].step == step && in->rows[i].token == token &&
                tk_uuid_equal(&in->rows[i].task_id, &id)) {
                finished_read(answer, at, &in->rows[i]);
                in->accepted[i] = true;
                next = i + 1;
                break;
            }
        }
    }
}

tasker_status tk_pg_op_finish(tk_store *store, tk_attempt_row *rows, uint32_t count, bool *accepted,
                              tasker_error *error) {
    const finishing in = {rows, accepted, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    memset(accepted, 0, count * sizeof(*accepted));
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].token);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].outcome);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].finished_us);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].result);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].error);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].metadata);
    TK_PG_COLUMN(&run, TK_PG_BOOL, count, rows[i].state != NULL);
    tk_pg_queue(&run, TK_PG_FINISH, finish_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

static void bytes_give(tk_pg_run *run, const uint8_t bytes[3]) {
    tk_pg_bytes(run, bytes, 3);
}

/* Both statements fail in the server when a row is not as expected: the client would learn it behind the
 * COMMIT. */
tasker_status tk_pg_op_advance(tk_store *store, const tk_advance_row *rows, uint32_t count,
                               const tk_advance_bytes *bytes, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].finished_us);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, rows[i].open_steps);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].next);
    bytes_give(&run, bytes->ended[0]);
    bytes_give(&run, bytes->ended[1]);
    bytes_give(&run, bytes->freed[0]);
    bytes_give(&run, bytes->freed[1]);
    tk_pg_int(&run, TK_PG_INT8, count);
    tk_pg_queue(&run, TK_PG_ADVANCE, NULL, NULL, 0, error);
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, rows[i].token);
    TK_PG_COLUMN_OF(&run, time, TK_PG_TIME, count, rows[i].finished_us);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].result);
    TK_PG_COLUMN_OF(&run, text, TK_PG_TEXT, count, rows[i].metadata);
    tk_pg_int(&run, TK_PG_INT8, count);
    tk_pg_queue(&run, TK_PG_FINISH_ALL, NULL, NULL, 0, error);
    return tk_pg_end(&run, error);
}

static void return_match(tk_pg_run *run, const tk_lease_row *leases, tk_ready_row *readies,
                         uint32_t count, bool *returned) {
    uint32_t next = 0;
    for (uint32_t at = 0; at < run->rows; at++) {
        tk_uuid id;
        tk_pg_get_uuid(run, at, 0, &id);
        uint16_t step = tk_pg_get_step(run, at, 1);
        for (uint32_t tries = 0; tries < count; tries++) {
            uint32_t i = (next + tries) % count;
            if (leases[i].step == step && tk_uuid_equal(&leases[i].task_id, &id)) {
                readies[i].task_id = id;
                readies[i].step = step;
                readies[i].seq = tk_pg_get(run, at, 2);
                readies[i].attempts = tk_pg_get_i32(run, at, 3);
                readies[i].enqueued_us = tk_pg_get_time(run, at, 4);
                returned[i] = true;
                next = i + 1;
                break;
            }
        }
    }
}

tasker_status tk_pg_op_lease_return(tk_store *store, const tk_lease_row *leases,
                                    tk_ready_row *readies, uint32_t count, bool *returned,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    memset(returned, 0, count * sizeof(*returned));
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &leases[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, leases[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, leases[i].token);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, readies[i].queue);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, readies[i].handler);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, readies[i].class);
    TK_PG_COLUMN(&run, TK_PG_BOOL, count, readies[i].deps);
    run.pg->readied = true;
    (void)tk_pg_exec(&run, TK_PG_LEASE_RETURN, error);
    return_match(&run, leases, readies, count, returned);
    return tk_pg_end(&run, error);
}

/* A number for each key, in their order; NULL is 0. */
typedef struct numbering {
    int32_t *numbers;
    uint32_t count;
} numbering;

static void numbers_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const numbering *in = arguments;
    (void)error;
    if (answer->rows != in->count) {
        tk_pg_note(answer, TASKER_STORE);
    }
    for (uint32_t i = 0; answer->status == TASKER_OK && i < in->count; i++) {
        in->numbers[i] = tk_pg_get_i32(answer, i, 0);
    }
}

static tasker_status numbers_by_key(tk_store *store, tk_pg_statement statement,
                                    const tk_step_key *keys, uint32_t count, int32_t *numbers,
                                    tasker_error *error) {
    numbering in = {.count = count};
    in.numbers = numbers;
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    tk_pg_keys(&run, keys, count);
    tk_pg_queue(&run, statement, numbers_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_attempt_bases(tk_store *store, const tk_step_key *keys, uint32_t count,
                                     int32_t *bases, tasker_error *error) {
    return numbers_by_key(store, TK_PG_ATTEMPT_BASES, keys, count, bases, error);
}

tasker_status tk_pg_op_attempt_last(tk_store *store, const tk_step_key *keys, uint32_t count,
                                    int32_t *attempts, tasker_error *error) {
    return numbers_by_key(store, TK_PG_ATTEMPT_LAST, keys, count, attempts, error);
}

tasker_status tk_pg_op_attempt_tokens(tk_store *store, const tk_lease_row *leases, uint32_t count,
                                      bool *recorded, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &leases[i].task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, leases[i].step);
    TK_PG_COLUMN(&run, TK_PG_INT4, count, leases[i].attempt);
    TK_PG_COLUMN(&run, TK_PG_INT8, count, leases[i].token);
    if (tk_pg_exec(&run, TK_PG_ATTEMPT_TOKENS, error) && run.rows != count) {
        tk_pg_note(&run, TASKER_STORE);
    }
    for (uint32_t i = 0; run.status == TASKER_OK && i < count; i++) {
        recorded[i] = tk_pg_get(&run, i, 0) != 0;
    }
    return tk_pg_end(&run, error);
}

/* --- due steps, heads ------------------------------------------------------------------------- */

typedef struct moving {
    uint32_t *moved;
    int64_t *next_us;
} moving;

static void moved_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const moving *in = arguments;
    (void)error;
    if (answer->rows != 1) {
        tk_pg_note(answer, TASKER_STORE);
        return;
    }
    *in->moved = (uint32_t)tk_pg_get(answer, 0, 0);
    *in->next_us = tk_pg_get_time(answer, 0, 1);
    answer->pg->readied = answer->pg->readied || *in->moved > 0;
}

tasker_status tk_pg_op_due_move(tk_store *store, int64_t now_us, uint32_t limit, uint32_t *moved,
                                int64_t *next_us, tasker_error *error) {
    moving in = {.moved = moved};
    in.next_us = next_us;
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    *moved = 0;
    *next_us = 0;
    tk_pg_time(&run, now_us);
    tk_pg_int(&run, TK_PG_INT8, limit);
    tk_pg_queue(&run, TK_PG_DUE_MOVE, moved_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

typedef struct heading {
    tk_arena *arena;
    tk_head **rows;
    uint32_t *count;
} heading;

static void heads_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const heading *in = arguments;
    (void)error;
    tk_head *rows = tk_pg_rows_make(answer, in->arena, sizeof(*rows));
    for (uint32_t i = 0; i < answer->rows; i++) {
        rows[i] = (tk_head){
            .queue = tk_pg_get_i32(answer, i, 0),
            .handler = tk_pg_get_i32(answer, i, 1),
            .class = tk_pg_get_i32(answer, i, 2),
            .seq = tk_pg_get(answer, i, 3),
            .enqueued_us = tk_pg_get_time(answer, i, 4),
        };
    }
    *in->rows = rows;
    *in->count = answer->rows;
}

tasker_status tk_pg_op_heads(tk_store *store, tk_arena *arena, tk_head **rows, uint32_t *count,
                             tasker_error *error) {
    const heading in = {arena, rows, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    *rows = NULL;
    *count = 0;
    tk_pg_int(&run, TK_PG_INT8, TK_HEADS_MAX);
    tk_pg_queue(&run, TK_PG_HEADS, heads_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

/* --- claims ----------------------------------------------------------------------------------- */

typedef struct claiming {
    tk_pg_run run;
    tk_arena *arena;
    int32_t worker;
    int64_t token;
    int64_t now_us;
    tk_claim_row *rows;
    uint32_t count, limit;
} claiming;

static void claim_read(claiming *c, uint32_t at) {
    tk_pg_run *run = &c->run;
    tk_claim_row *row = &c->rows[c->count];
    *row = (tk_claim_row){
        .lease =
            {
                .step = tk_pg_get_step(run, at, 1),
                .worker = c->worker,
                .attempt = tk_pg_get_i32(run, at, 2),
                .token = tk_pg_get(run, at, 3),
                .enqueued_us = tk_pg_get_time(run, at, 4),
                .claimed_us = tk_pg_get_time(run, at, 5),
            },
        .queue = tk_pg_get_i32(run, at, 6),
        .handler = tk_pg_get_i32(run, at, 7),
        .class = tk_pg_get_i32(run, at, 8),
        .deps = tk_pg_get(run, at, 9) != 0,
    };
    tk_pg_get_uuid(run, at, 0, &row->lease.task_id);
    if (c->count > 0 && tk_uuid_equal(&row->lease.task_id, &row[-1].lease.task_id)) {
        row->task = row[-1].task; /* steps of one task mostly stand in line */
    } else {
        tk_pg_task(run, at, 10, c->arena, &row->task); /* notes a row without its task */
    }
    c->count++;
}

/* Takes at most `limit` by wants of one queue. */
static uint32_t wants_take(claiming *c, const tk_want *wants, uint32_t count, uint32_t limit,
                           tasker_error *error) {
    tk_pg_run *run = &c->run;
    uint32_t left = c->limit - c->count;
    limit = limit < left ? limit : left;
    if (limit == 0) {
        return 0;
    }
    TK_PG_COLUMN(run, TK_PG_INT2, count, wants[i].queue);
    TK_PG_COLUMN(run, TK_PG_INT2, count, wants[i].handler);
    TK_PG_COLUMN(run, TK_PG_INT2, count, wants[i].class);
    TK_PG_COLUMN(run, TK_PG_INT8, count, wants[i].past);
    tk_pg_int(run, TK_PG_INT8, limit);
    tk_pg_int(run, TK_PG_INT8, (int64_t)((uint64_t)c->token + c->count));
    tk_pg_int(run, TK_PG_INT4, c->worker);
    tk_pg_time(run, c->now_us);
    if (!tk_pg_exec(run, TK_PG_CLAIM, error)) {
        return 0;
    }
    for (uint32_t i = 0; i < run->rows && i < limit; i++) {
        claim_read(c, i);
    }
    return run->rows;
}

/* Wants with the same queue and limit in a row are one statement. */
static void wants_run(claiming *c, const tk_want *wants, uint32_t count, tasker_error *error) {
    uint32_t taken = 0; /* by the wants in a row with this queue */
    uint32_t many;
    for (uint32_t i = 0; c->run.status == TASKER_OK && i < count; i += many) {
        taken = i > 0 && wants[i].queue == wants[i - 1].queue ? taken : 0;
        for (many = 1; i + many < count && wants[i + many].queue == wants[i].queue &&
                       wants[i + many].limit == wants[i].limit;) {
            many++;
        }
        uint32_t most = wants[i].limit > taken ? wants[i].limit - taken : 0;
        taken += wants_take(c, wants + i, many, most, error);
    }
}

tasker_status tk_pg_op_claim(tk_store *store, tk_arena *arena, const tk_want *wants,
                             uint32_t want_count, uint32_t limit, int32_t worker, int64_t token,
                             int64_t now_us, tk_claim_row **rows, uint32_t *count,
                             tasker_error *error) {
    claiming c = {.arena = arena, .worker = worker, .token = token, .now_us = now_us};
    uint64_t wanted = 0;
    *rows = NULL;
    *count = 0;
    tasker_status status = tk_pg_begin(&c.run, tk_pg_of(store), error);
    if (status != TASKER_OK || limit == 0 || want_count == 0) {
        return status;
    }
    for (uint32_t i = 0; i < want_count; i++) {
        wanted += wants[i].limit;
    }
    c.limit = wanted < limit ? (uint32_t)wanted : limit;
    c.rows = tk_arena_array(arena, c.limit, sizeof(*c.rows));
    if (c.rows == NULL) {
        return tk_nomem(error);
    }
    wants_run(&c, wants, want_count, error);
    *rows = c.rows;
    *count = c.count;
    return tk_pg_end(&c.run, error);
}

/* --- what a step gets to see ------------------------------------------------------------------ */

typedef struct seeing {
    tk_arena *arena;
    tk_result_row *rows;
    uint32_t count;
} seeing;

static void results_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const seeing *in = arguments;
    (void)error;
    for (uint32_t i = 0; i < answer->rows; i++) {
        tk_result_row *row = &in->rows[tk_pg_get_place(answer, i, in->count)];
        row->found = true;
        row->outcome = tk_pg_get_i32(answer, i, 1);
        row->finished_us = tk_pg_get_time(answer, i, 2);
        row->result = tk_pg_get_text(answer, i, 3, in->arena);
        row->metadata = tk_pg_get_text(answer, i, 4, in->arena);
    }
}

tasker_status tk_pg_op_results(tk_store *store, tk_arena *arena, tk_result_row *rows,
                               uint32_t count, tasker_error *error) {
    const seeing in = {arena, rows, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tk_result_row){.key = rows[i].key};
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].key.task_id);
    TK_PG_COLUMN(&run, TK_PG_INT2, count, rows[i].key.step);
    tk_pg_queue(&run, TK_PG_RESULTS, results_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_last_failures(tk_store *store, tk_arena *arena, const tk_step_key *keys,
                                     uint32_t count, tk_attempt_row *rows, bool *found,
                                     tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    memset(found, 0, count * sizeof(*found));
    tk_pg_keys(&run, keys, count);
    (void)tk_pg_exec(&run, TK_PG_LAST_FAILURES, error);
    for (uint32_t i = 0; i < run.rows; i++) {
        uint32_t place = tk_pg_get_place(&run, i, count);
        tk_pg_attempt(&run, i, 1, &keys[place].task_id, arena, &rows[place]);
        found[place] = true;
    }
    return tk_pg_end(&run, error);
}

#endif
