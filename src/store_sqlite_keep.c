/*
 * store_sqlite_keep.c - what a file needs over the years: ended work is taken away.
 *
 * Pruning goes through the tasks by id, a few at a time, each time under the write lock for a moment.
 * The room becomes free for new rows; the file does not shrink.
 */
#include "store_sqlite.h"

tasker_status tk_sqlite_set_up(tk_store *store, tk_arena *arena, tk_setup *setup,
                               tasker_error *error) {
    const tk_sqlite *sqlite = tk_sqlite_of(store);
    (void)arena;
    setup->statement_count = 0;
    setup->made = 0;
    setup->version = TK_SQLITE_SCHEMA_VERSION;
    if (tk_process_id() != sqlite->opener) {
        return tk_sqlite_sync(store, error);
    }
    return tk_sqlite_wishes_check(sqlite->name, setup->role, setup->period, error);
}

/* --- pruning ---------------------------------------------------------------------------------- */

/* A task that goes. */
typedef struct gone {
    tk_uuid id;
    int32_t template_id, state;
} gone;

static tasker_status gone_find(tk_sqlite *sqlite, tk_prune *prune, gone *goes,
                               tasker_error *error) {
    tk_sql sql;
    tk_uuid before = tk_uuid_floor(prune->before_us);
    tk_uuid past = prune->past;
    uint32_t seen = 0;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_PRUNE_SCAN, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_uuid(&sql, &past);
    tk_sql_uuid(&sql, &before);
    tk_sql_int(&sql, prune->before_us);
    tk_sql_int(&sql, prune->limit);
    for (; tk_sql_step(&sql); seen++) {
        tk_uuid id;
        tk_sql_get_uuid(&sql, 0, &id);
        prune->past = id;
        if (tk_sql_get(&sql, 3) != 0) {
            prune->kept++;
            continue;
        }
        goes[prune->tasks++] = (gone){id, tk_sql_get_i32(&sql, 1), tk_sql_get_i32(&sql, 2)};
        prune->identities += tk_sql_get(&sql, 4);
    }
    prune->more = seen == prune->limit;
    return tk_sql_end(&sql, error);
}

/* Runs one of the deletions for every task that goes. */
static tasker_status gone_delete(tk_sqlite *sqlite, tk_sql_name statement, const gone *goes,
                                 int64_t count, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, statement, error);
    if (status != TASKER_OK) {
        return status;
    }
    for (int64_t i = 0; i < count; i++) {
        tk_sql_uuid(&sql, &goes[i].id);
        if (!tk_sql_run(&sql)) {
            break;
        }
    }
    return tk_sql_end(&sql, error);
}

/* Tags are found by the task's row: they go before it. */
static tasker_status gone_take(tk_sqlite *sqlite, const gone *goes, int64_t count,
                               tasker_error *error) {
    static const tk_sql_name statements[] = {
        TK_SQL_PRUNE_IDENTITY, TK_SQL_PRUNE_TAG,   TK_SQL_PRUNE_ATTEMPT, TK_SQL_PRUNE_ACT,
        TK_SQL_PRUNE_PAGE,     TK_SQL_PRUNE_STATE, TK_SQL_PRUNE_TASK,
    };
    tasker_status status = TASKER_OK;
    for (size_t i = 0; status == TASKER_OK && i < TK_COUNT_OF(statements); i++) {
        status = gone_delete(sqlite, statements[i], goes, count, error);
    }
    for (int64_t i = 0; status == TASKER_OK && i < count; i++) {
        const tk_count_row row = {
            .template_id = goes[i].template_id, .from = goes[i].state, .tasks = 1};
        status = tk_sqlite_count_add(&sqlite->store, &row, 1, error);
    }
    return status;
}

tasker_status tk_sqlite_prune(tk_store *store, tk_arena *arena, tk_prune *prune,
                              tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    prune->tasks = prune->kept = prune->identities = 0;
    prune->portion = (tk_str){NULL, 0};
    prune->singles = true;
    gone *goes = tk_arena_array(arena, prune->limit, sizeof(*goes));
    if (goes == NULL) {
        return tk_nomem(error);
    }
    tasker_status status =
        tk_sqlite_begin(store, prune->dry_run ? TK_STORE_READ : TK_STORE_WRITE, error);
    if (status != TASKER_OK) {
        return status;
    }
    int64_t began_us = tk_clock_monotonic(sqlite->clock); /* with the lock */
    status = gone_find(sqlite, prune, goes, error);
    if (status == TASKER_OK && !prune->dry_run) {
        status = gone_take(sqlite, goes, prune->tasks, error);
    }
    if (status == TASKER_OK) {
        status = tk_sqlite_commit(store, error);
    } else {
        tk_sqlite_rollback(store);
    }
    prune->held_us = tk_clock_monotonic(sqlite->clock) - began_us;
    return status;
}
