/*
 * store_postgres_read.c - readers: tasks, places, attempts, acts, counts, integrity.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* --- rows ------------------------------------------------------------------------------------- */

static void uuid_or_none(tk_pg_run *run, uint32_t row, int column, bool *has, tk_uuid *id) {
    *has = !tk_pg_is_null(run, row, column);
    if (*has) {
        tk_pg_get_uuid(run, row, column, id);
    }
}

void tk_pg_task(tk_pg_run *run, uint32_t row, int column, tk_arena *arena, tk_task_row *task) {
    *task = (tk_task_row){
        .n = tk_pg_get(run, row, column + 1),
        .created_us = tk_pg_get_time(run, row, column + 2),
        .run_at_us = tk_pg_get_time(run, row, column + 3),
        .template_id = tk_pg_get_i32(run, row, column + 4),
        .priority = tk_pg_get_i32(run, row, column + 5),
        .tags = tk_pg_get_text(run, row, column + 8, arena),
        .initiator = tk_pg_get_text(run, row, column + 9, arena),
        .source_system = tk_pg_get_text(run, row, column + 10, arena),
        .reason = tk_pg_get_text(run, row, column + 11, arena),
        .bypass_steps = tk_pg_get_text(run, row, column + 12, arena),
        .context = tk_pg_get_text(run, row, column + 13, arena),
    };
    tk_pg_get_uuid(run, row, column, &task->id);
    uuid_or_none(run, row, column + 6, &task->has_correlation, &task->correlation);
    uuid_or_none(run, row, column + 7, &task->has_parent_correlation, &task->parent_correlation);
}

void tk_pg_attempt(tk_pg_run *run, uint32_t row, int column, const tk_uuid *task_id,
                   tk_arena *arena, tk_attempt_row *attempt) {
    *attempt = (tk_attempt_row){
        .task_id = *task_id,
        .step = tk_pg_get_step(run, row, column),
        .attempt = tk_pg_get_i32(run, row, column + 1),
        .n = tk_pg_get(run, row, column + 2),
        .token = tk_pg_get(run, row, column + 3),
        .worker = tk_pg_get_i32(run, row, column + 4),
        .outcome = tk_pg_get_i32(run, row, column + 5),
        .enqueued_us = tk_pg_get_time(run, row, column + 6),
        .claimed_us = tk_pg_get_time(run, row, column + 7),
        .finished_us = tk_pg_get_time(run, row, column + 8),
        .result = tk_pg_get_text(run, row, column + 9, arena),
        .error = tk_pg_get_text(run, row, column + 10, arena),
        .metadata = tk_pg_get_text(run, row, column + 11, arena),
    };
}

/* Where the rows of some tasks go. */
typedef struct loading {
    tk_arena *arena;
    tk_task_row *rows;
    bool *found;
    uint32_t count;
} loading;

static void tasks_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const loading *in = arguments;
    (void)error;
    for (uint32_t i = 0; i < answer->rows; i++) {
        uint32_t place = tk_pg_get_place(answer, i, in->count);
        tk_pg_task(answer, i, 1, in->arena, &in->rows[place]);
        in->found[place] = true;
    }
}

tasker_status tk_pg_op_task_load(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                 uint32_t count, tk_task_row *rows, bool *found,
                                 tasker_error *error) {
    const loading in = {arena, rows, found, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || count == 0) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tk_task_row){.id = ids[i]};
        found[i] = false;
    }
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &ids[i]);
    tk_pg_queue(&run, TK_PG_TASK_LOAD, tasks_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

/* --- one task's parts ------------------------------------------------------------------------- */

/* Where one part of a task goes; `rows` is the address of the pointer to them. */
typedef struct parting {
    tk_arena *arena;
    tk_uuid task_id;
    void *rows;
    uint32_t *count;
} parting;

/* Due steps and claims move without the task's lock. Who writes and asks where the steps are wants them
 * to stay there: a claim under way is waited for, and none begins before this transaction's end. So no
 * lease is younger than what the caller then dates. */
static void places_hold(tk_pg_run *run, const tk_uuid *task_id, tasker_error *error) {
    if (TK_MUTANT(52)) { /* 52: a cancel looks at leases before ready, see task_clear */
        return;
    }
    tk_pg_uuid(run, task_id);
    tk_pg_queue(run, TK_PG_HOLD_LATER, NULL, NULL, 0, error);
    tk_pg_uuid(run, task_id);
    tk_pg_queue(run, TK_PG_HOLD_READY, NULL, NULL, 0, error);
}

static void places_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const parting *in = arguments;
    (void)error;
    tk_place_row *rows = tk_pg_rows_make(answer, in->arena, sizeof(*rows));
    for (uint32_t i = 0; i < answer->rows; i++) {
        rows[i] = (tk_place_row){
            .step = tk_pg_get_step(answer, i, 0),
            .place = tk_pg_get_i32(answer, i, 1),
            .attempts = tk_pg_get_i32(answer, i, 2),
            .worker = tk_pg_get_i32(answer, i, 3),
            .enqueued_us = tk_pg_get_time(answer, i, 4),
            .claimed_us = tk_pg_get_time(answer, i, 5),
            .run_at_us = tk_pg_get_time(answer, i, 6),
        };
    }
    *(tk_place_row **)in->rows = rows;
    *in->count = answer->rows;
}

tasker_status tk_pg_op_place_list(tk_store *store, tk_arena *arena, const tk_uuid *task_id,
                                  tk_place_row **rows, uint32_t *count, tasker_error *error) {
    const parting in = {arena, *task_id, rows, count};
    tk_pg *pg = tk_pg_of(store);
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (pg->mode == TK_STORE_WRITE) {
        places_hold(&run, task_id, error);
    }
    tk_pg_uuid(&run, task_id);
    *rows = NULL;
    *count = 0;
    tk_pg_queue(&run, TK_PG_PLACE_LIST, places_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

static void attempts_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const parting *in = arguments;
    (void)error;
    tk_attempt_row *rows = tk_pg_rows_make(answer, in->arena, sizeof(*rows));
    for (uint32_t i = 0; i < answer->rows; i++) {
        tk_pg_attempt(answer, i, 0, &in->task_id, in->arena, &rows[i]);
    }
    *(tk_attempt_row **)in->rows = rows;
    *in->count = answer->rows;
}

tasker_status tk_pg_op_attempt_list(tk_store *store, tk_arena *arena, const tk_uuid *task_id,
                                    bool payloads, tk_attempt_row **rows, uint32_t *count,
                                    tasker_error *error) {
    const parting in = {arena, *task_id, rows, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_uuid(&run, task_id);
    tk_pg_int(&run, TK_PG_BOOL, payloads);
    *rows = NULL;
    *count = 0;
    tk_pg_queue(&run, TK_PG_ATTEMPT_LIST, attempts_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

static void acts_take(tk_pg_run *answer, const void *arguments, tasker_error *error) {
    const parting *in = arguments;
    (void)error;
    tk_act_row *rows = tk_pg_rows_make(answer, in->arena, sizeof(*rows));
    for (uint32_t i = 0; i < answer->rows; i++) {
        rows[i] = (tk_act_row){
            .task_id = in->task_id,
            .n = tk_pg_get(answer, i, 0),
            .acted_us = tk_pg_get_time(answer, i, 1),
            .kind = tk_pg_get_i32(answer, i, 2),
            .step = tk_pg_get_i32(answer, i, 3),
            .attempt = tk_pg_get_i32(answer, i, 4),
            .actor = tk_pg_get_text(answer, i, 5, in->arena),
            .reason = tk_pg_get_text(answer, i, 6, in->arena),
        };
    }
    *(tk_act_row **)in->rows = rows;
    *in->count = answer->rows;
}

tasker_status tk_pg_op_act_list(tk_store *store, tk_arena *arena, const tk_uuid *task_id,
                                tk_act_row **rows, uint32_t *count, tasker_error *error) {
    const parting in = {arena, *task_id, rows, count};
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    *rows = NULL;
    *count = 0;
    tk_pg_uuid(&run, task_id);
    tk_pg_queue(&run, TK_PG_ACT_LIST, acts_take, &in, sizeof(in), error);
    return tk_pg_end(&run, error);
}

/* --- the whole store -------------------------------------------------------------------------- */

tasker_status tk_pg_op_count_list(tk_store *store, tk_arena *arena, tk_count_row **rows,
                                  uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    (void)tk_pg_exec(&run, TK_PG_COUNT_LIST, error);
    *rows = tk_pg_rows_make(&run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run.rows; i++) {
        (*rows)[i] = (tk_count_row){
            .template_id = tk_pg_get_i32(&run, i, 0),
            .to = tk_pg_get_i32(&run, i, 1),
            .tasks = tk_pg_get(&run, i, 2),
        };
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_depth_list(tk_store *store, tk_arena *arena, int64_t most,
                                  tk_depth_row **rows, uint32_t *count, tk_depth_sum *sum,
                                  tasker_error *error) {
    tk_pg_run run;
    *sum = (tk_depth_sum){0};
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_int(&run, TK_PG_INT8, most);
    tk_pg_int(&run, TK_PG_INT8, TK_HEADS_MAX);
    (void)tk_pg_exec(&run, TK_PG_DEPTH_LIST, error);
    *rows = tk_pg_rows_make(&run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run.rows; i++) {
        (*rows)[i] = (tk_depth_row){
            .queue = tk_pg_get_i32(&run, i, 0),
            .handler = tk_pg_get_i32(&run, i, 1),
            .ready = tk_pg_get(&run, i, 2),
            .later = tk_pg_get(&run, i, 3),
            .oldest_us = tk_pg_get_time(&run, i, 4),
            .all = tk_pg_get(&run, i, 5) != 0,
        };
        *sum = (tk_depth_sum){tk_pg_get(&run, i, 6), tk_pg_get(&run, i, 7)};
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

tasker_status tk_pg_op_ready_ahead(tk_store *store, const tk_step_key *key, int64_t limit,
                                   int64_t *ahead, tasker_error *error) {
    tk_pg_run run;
    *ahead = 0;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_uuid(&run, &key->task_id);
    tk_pg_int(&run, TK_PG_INT2, key->step);
    tk_pg_int(&run, TK_PG_INT8, limit);
    if (tk_pg_exec(&run, TK_PG_READY_AHEAD, error) && run.rows == 1) {
        *ahead = tk_pg_get(&run, 0, 0);
    }
    return tk_pg_end(&run, error);
}

/* --- integrity -------------------------------------------------------------------------------- */

typedef struct findings {
    tk_arena *arena;
    tk_str *texts;
    uint32_t count, room;
} findings;

/* Each row's last column is a task; a table's name may stand before it. */
static void findings_add(findings *found, tk_pg_run *run, const char *format, const char *table) {
    uint32_t room = found->count + run->rows;
    tk_str *texts = tk_arena_array(found->arena, room, sizeof(*texts));
    if (texts == NULL) {
        tk_pg_note(run, TASKER_NOMEM);
        return;
    }
    if (found->count > 0) {
        memcpy(texts, found->texts, found->count * sizeof(*texts));
    }
    found->texts = texts;
    for (uint32_t i = 0; i < run->rows; i++) {
        tk_uuid id;
        char text[TASKER_UUID_SIZE];
        tk_pg_get_uuid(run, i, table == NULL ? 1 : 0, &id);
        tk_uuid_format(&id, text);
        tk_str name = table == NULL ? tk_pg_peek(run, i, 0) : tk_str_of(table);
        char *line = tk_arena_printf(found->arena, format, (int)name.size, name.data, text);
        if (line == NULL) {
            tk_pg_note(run, TASKER_NOMEM);
            return;
        }
        found->texts[found->count++] = tk_str_of(line);
    }
}

/* The server's own check of its files is a matter of the server (data checksums, pg_amcheck). */
tasker_status tk_pg_op_integrity(tk_store *store, tk_arena *arena, tk_str **problems,
                                 uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    findings found = {.arena = arena};
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    run.pg->patient = true;
    (void)tk_pg_exec(&run, TK_PG_LONG_READ, error);
    if (tk_pg_exec(&run, TK_PG_ORPHANS, error)) {
        findings_add(&found, &run, "%.*s has a row of the task %s, which does not exist", NULL);
    }
    if (tk_pg_exec(&run, TK_PG_STATELESS, error)) {
        findings_add(&found, &run, "%.*s has no row of the task %s", "task_state");
    }
    *problems = found.texts;
    *count = found.count;
    return tk_pg_end(&run, error);
}

#endif
