/*
 * store_postgres_record.c - the record in its order: submissions, ended attempts, acts.
 *
 * Writers take their numbers and commit in different orders. The order is that of their transactions,
 * and a reader stops at the oldest one that is still open: before that place nothing appears later on.
 * Transactions in other databases of the server are not waited for.
 *
 * A cluster numbers its transactions. A record that was restored into another one has numbers of the old
 * one: from then on the new ones are raised above them, and readers' places of before are refused.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdio.h>

tasker_status tk_pg_op_record_end(tk_store *store, tk_record_place *end, tasker_error *error) {
    tk_pg_run run;
    *end = (tk_record_place){0};
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    if (tk_pg_exec(&run, TK_PG_RECORD_END, error) && run.rows == 1) {
        end->mark = tk_pg_get(&run, 0, 0);
        end->xid = tk_pg_get(&run, 0, 1);
    }
    return tk_pg_end(&run, error);
}

#define CLUSTER                                                                                    \
    "(SELECT c.system_identifier || '.' || d.oid FROM pg_control_system() c, pg_database d"        \
    " WHERE d.datname = current_database())"
#define LAST(table) "(SELECT xid FROM tasker." table " ORDER BY xid DESC, n DESC LIMIT 1)"

tasker_status tk_pg_epoch_begin(const tk_pg *pg, tasker_error *error) {
    static const char *const tables[] = {"task", "attempt", "act"};
    int64_t found[2] = {0, 0};
    tk_buf sql = {0};
    tasker_status status =
        tk_pg_ask(pg,
                  "SELECT (cluster IS DISTINCT FROM " CLUSTER ")::int, greatest(0,"
                  " (SELECT max(xid)::text::int8 FROM (VALUES (" LAST("task") "), (" LAST(
                      "attempt") "), (" LAST("act") ")) AS l(xid)) + 1"
                                                    " - pg_current_xact_id()::text::int8)::int8 "
                                                    "FROM tasker.ledger",
                  found, 2, error);
    if (status != TASKER_OK || found[0] == 0) {
        return status;
    }
    for (size_t i = 0; i < TK_COUNT_OF(tables); i++) {
        tk_buf_printf(&sql,
                      "ALTER TABLE %s ALTER COLUMN xid SET DEFAULT"
                      " (pg_current_xact_id()::text::int8 + %" PRId64 ")::text::xid8;",
                      tables[i], found[1]);
    }
    tk_buf_printf(&sql,
                  "UPDATE ledger SET cluster = " CLUSTER ", xid_base = %" PRId64
                  ", mark = floor(random() * 4294967296)",
                  found[1]);
    status = sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, "beginning an epoch", error);
    tk_buf_release(&sql);
    return status;
}

static void give_xid(tk_pg_run *run, int64_t xid) {
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, xid);
    tk_pg_text(run, tk_str_of(text));
}

static void record_read(tk_pg_run *run, uint32_t at, tk_arena *arena, tk_record_row *row) {
    *row = (tk_record_row){
        .kind = tk_pg_get_i32(run, at, 0),
        .xid = tk_pg_get(run, at, 1),
        .n = tk_pg_get(run, at, 2),
        .template_id = tk_pg_get_i32(run, at, 4),
        .priority = tk_pg_get_i32(run, at, 5),
        .at_us = tk_pg_get_time(run, at, 6),
        .step = tk_pg_get_i32(run, at, 7),
        .attempt = tk_pg_get_i32(run, at, 8),
        .what = tk_pg_get_i32(run, at, 9),
        .worker = tk_pg_get_i32(run, at, 10),
        .enqueued_us = tk_pg_get_time(run, at, 11),
        .claimed_us = tk_pg_get_time(run, at, 12),
        .error = tk_pg_get_text(run, at, 13, arena),
        .actor = tk_pg_get_text(run, at, 14, arena),
        .reason = tk_pg_get_text(run, at, 15, arena),
    };
    tk_pg_get_uuid(run, at, 3, &row->task_id);
}

tasker_status tk_pg_op_record_list(tk_store *store, tk_arena *arena, const tk_record_filter *filter,
                                   tk_record_row **rows, uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    give_xid(&run, filter->xid);
    tk_pg_int(&run, TK_PG_INT8, filter->n);
    tk_pg_int(&run, TK_PG_INT4, filter->kinds);
    tk_pg_int(&run, TK_PG_INT8, filter->limit);
    give_xid(&run, filter->end_xid);
    if (filter->has_task) {
        tk_pg_uuid(&run, &filter->task);
    }
    (void)tk_pg_exec(&run, filter->has_task ? TK_PG_RECORD_LIST_TASK : TK_PG_RECORD_LIST, error);
    *rows = tk_pg_rows_make(&run, arena, sizeof(**rows));
    for (uint32_t i = 0; i < run.rows; i++) {
        record_read(&run, i, arena, &(*rows)[i]);
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

#endif
