/*
 * store_sqlite_read.c - readers: tasks, lists, places, attempts, acts, counts, integrity.
 *
 * A list by filter is one statement made for the filter (rare, and its plan matters); everything else
 * is prepared once.
 */
#include "store_sqlite.h"

/* --- rows ------------------------------------------------------------------------------------- */

static void uuid_or_none(tk_sql *sql, int column, bool *has, tk_uuid *id) {
    *has = sqlite3_column_type(sql->stmt, column) != SQLITE_NULL;
    if (*has) {
        tk_sql_get_uuid(sql, column, id);
    }
}

void tk_sql_task(tk_sql *sql, tk_arena *arena, tk_task_row *row) {
    row->n = tk_sql_get(sql, 0);
    row->created_us = tk_sql_get(sql, 1);
    row->run_at_us = tk_sql_get(sql, 2);
    row->template_id = tk_sql_get_i32(sql, 3);
    row->priority = tk_sql_get_i32(sql, 4);
    uuid_or_none(sql, 5, &row->has_correlation, &row->correlation);
    uuid_or_none(sql, 6, &row->has_parent_correlation, &row->parent_correlation);
    row->tags = tk_sql_get_text(sql, 7, arena);
    row->initiator = tk_sql_get_text(sql, 8, arena);
    row->source_system = tk_sql_get_text(sql, 9, arena);
    row->reason = tk_sql_get_text(sql, 10, arena);
    row->bypass_steps = tk_sql_get_text(sql, 11, arena);
    row->context = tk_sql_get_text(sql, 12, arena);
}

void tk_sql_attempt(tk_sql *sql, const tk_uuid *task_id, tk_attempt_row *row, tk_arena *arena) {
    *row = (tk_attempt_row){
        .task_id = *task_id,
        .step = tk_sql_get_step(sql, 0),
        .attempt = tk_sql_get_i32(sql, 1),
        .n = tk_sql_get(sql, 2),
        .token = tk_sql_get(sql, 3),
        .worker = tk_sql_get_i32(sql, 4),
        .outcome = tk_sql_get_i32(sql, 5),
        .enqueued_us = tk_sql_get(sql, 6),
        .claimed_us = tk_sql_get(sql, 7),
        .finished_us = tk_sql_get(sql, 8),
    };
    if (arena != NULL) {
        row->result = tk_sql_get_text(sql, 9, arena);
        row->error = tk_sql_get_text(sql, 10, arena);
        row->metadata = tk_sql_get_text(sql, 11, arena);
    }
}

tasker_status tk_sqlite_task_load(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                  uint32_t count, tk_task_row *rows, bool *found,
                                  tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_TASK_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tk_task_row){.id = ids[i]};
        tk_sql_uuid(&sql, &ids[i]);
        found[i] = tk_sql_step(&sql);
        if (found[i]) {
            tk_sql_task(&sql, arena, &rows[i]);
        }
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}

/* --- one task's parts ------------------------------------------------------------------------- */

tasker_status tk_sqlite_place_list(tk_store *store, tk_arena *arena, const tk_uuid *task_id,
                                   tk_place_row **rows, uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_PLACE_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, task_id);
    for (tk_place_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        *row = (tk_place_row){
            .step = tk_sql_get_step(&sql, 0),
            .place = tk_sql_get_i32(&sql, 1),
            .attempts = tk_sql_get_i32(&sql, 2),
            .worker = tk_sql_get_i32(&sql, 3),
            .enqueued_us = tk_sql_get(&sql, 4),
            .claimed_us = tk_sql_get(&sql, 5),
            .run_at_us = tk_sql_get(&sql, 6),
        };
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_attempt_list(tk_store *store, tk_arena *arena, const tk_uuid *task_id,
                                     bool payloads, tk_attempt_row **rows, uint32_t *count,
                                     tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status =
        tk_sql_begin(&sql, tk_sqlite_of(store),
                     payloads ? TK_SQL_ATTEMPT_LIST : TK_SQL_ATTEMPT_LIST_BARE, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, task_id);
    for (tk_attempt_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        tk_sql_attempt(&sql, task_id, row, payloads ? arena : NULL);
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_act_list(tk_store *store, tk_arena *arena, const tk_uuid *task_id,
                                 tk_act_row **rows, uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_ACT_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, task_id);
    for (tk_act_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        *row = (tk_act_row){
            .task_id = *task_id,
            .n = tk_sql_get(&sql, 0),
            .acted_us = tk_sql_get(&sql, 1),
            .kind = tk_sql_get_i32(&sql, 2),
            .step = tk_sql_get_i32(&sql, 3),
            .attempt = tk_sql_get_i32(&sql, 4),
            .actor = tk_sql_get_text(&sql, 5, arena),
            .reason = tk_sql_get_text(&sql, 6, arena),
        };
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

/* --- the whole store -------------------------------------------------------------------------- */

tasker_status tk_sqlite_count_list(tk_store *store, tk_arena *arena, tk_count_row **rows,
                                   uint32_t *count, tasker_error *error) {
    tk_sql_list list = {.arena = arena, .size = sizeof(**rows)};
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_COUNT_LIST, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (tk_count_row *row; (row = tk_sql_next(&sql, &list)) != NULL;) {
        *row = (tk_count_row){
            .template_id = tk_sql_get_i32(&sql, 0),
            .to = tk_sql_get_i32(&sql, 1),
            .tasks = tk_sql_get(&sql, 2),
        };
    }
    *rows = list.rows;
    *count = list.count;
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_ready_ahead(tk_store *store, const tk_step_key *key, int64_t limit,
                                    int64_t *ahead, tasker_error *error) {
    tk_sql sql;
    *ahead = 0;
    tasker_status status = tk_sql_begin(&sql, tk_sqlite_of(store), TK_SQL_READY_AHEAD, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, &key->task_id);
    tk_sql_int(&sql, key->step);
    tk_sql_int(&sql, limit);
    if (tk_sql_step(&sql)) {
        *ahead = tk_sql_get(&sql, 0);
    }
    return tk_sql_end(&sql, error);
}

/* --- integrity -------------------------------------------------------------------------------- */

/* The database's own check: one row "ok", or a row for each problem. */
static tasker_status check_database(tk_sqlite *sqlite, tk_sql_list *found, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_INTEGRITY, error);
    if (status != TASKER_OK) {
        return status;
    }
    while (tk_sql_step(&sql)) {
        if (tk_str_is(tk_sql_peek(&sql, 0), "ok")) {
            continue;
        }
        tk_str *text = tk_sql_add(&sql, found);
        if (text == NULL) {
            break;
        }
        *text = tk_sql_get_text(&sql, 0, found->arena);
    }
    return tk_sql_end(&sql, error);
}

/* Rows of a table's name and a task; `format` makes a sentence of the two. */
static tasker_status check_tasks(tk_sqlite *sqlite, tk_sql_name name, const char *format,
                                 tk_sql_list *found, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, name, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (tk_str *problem; (problem = tk_sql_next(&sql, found)) != NULL;) {
        tk_uuid id;
        char text[TASKER_UUID_SIZE];
        tk_str table = tk_sql_peek(&sql, 0);
        tk_sql_get_uuid(&sql, 1, &id);
        tk_uuid_format(&id, text);
        char *line = tk_arena_printf(found->arena, format, (int)table.size, table.data, text);
        if (line == NULL) {
            tk_sql_note(&sql, SQLITE_NOMEM);
            break;
        }
        *problem = tk_str_of(line);
    }
    return tk_sql_end(&sql, error);
}

tasker_status tk_sqlite_integrity(tk_store *store, tk_arena *arena, tk_str **problems,
                                  uint32_t *count, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql_list found = {.arena = arena, .size = sizeof(**problems)};
    tasker_status status = check_database(sqlite, &found, error);
    if (status == TASKER_OK) {
        status = check_tasks(sqlite, TK_SQL_ORPHANS,
                             "%.*s has a row of the task %s, which does not exist", &found, error);
    }
    if (status == TASKER_OK) {
        status =
            check_tasks(sqlite, TK_SQL_STATELESS, "%.*s has no row of the task %s", &found, error);
    }
    *problems = found.rows;
    *count = found.count;
    return status;
}
