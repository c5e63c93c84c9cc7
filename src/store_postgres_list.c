/*
 * store_postgres_list.c - lists tasks by a filter, newest first, a page at a time.
 *
 * The statement is made for the filter, of parts that are there only when the filter needs them, so
 * that each list can walk the index that is nearest to it.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#define TEMPLATES_MEANT                                                                            \
    "ANY (ARRAY(SELECT id FROM template WHERE ($3 = 0 OR namespace = $3)"                          \
    " AND ($4 = '' OR name = $4) AND ($5 = '' OR version = $5)))"

static bool by_template(const tk_task_filter *filter) {
    return filter->queue != 0 || filter->template_name.size > 0 ||
           filter->template_version.size > 0;
}

/* Running tasks have rows in ready, lease or later: those are merged in the order of their keys. */
static bool by_live_steps(const tk_task_filter *filter) {
    return filter->state == TK_STATE_RUNNING && filter->tag.size == 0 && !filter->has_correlation;
}

static void live_write(tk_buf *sql, const tk_task_filter *filter) {
    tk_buf_text(sql, "SELECT DISTINCT l.id FROM (SELECT task_id AS id FROM ready"
                     " UNION ALL SELECT task_id FROM lease UNION ALL SELECT task_id FROM later) l"
                     " WHERE true");
    if (filter->has_after) {
        tk_buf_text(sql, " AND l.id < $1");
    }
    if (by_template(filter)) {
        tk_buf_text(sql, " AND (SELECT template_id FROM task WHERE id = l.id) = " TEMPLATES_MEANT);
    }
    tk_buf_text(sql, " ORDER BY 1 DESC LIMIT $2");
}

static void filter_write(tk_buf *sql, const tk_task_filter *filter) {
    if (by_live_steps(filter)) {
        live_write(sql, filter);
        return;
    }
    bool attention = filter->state > TK_STATE_CALM_MAX;
    tk_buf_text(sql, "SELECT t.id FROM task t");
    if (filter->state != 0) {
        tk_buf_text(sql, " JOIN task_state a ON a.task_id = t.id");
    }
    tk_buf_text(sql, " WHERE true");
    if (filter->has_after) {
        tk_buf_text(sql, attention ? " AND a.task_id < $1" : " AND t.id < $1");
    }
    if (by_template(filter)) {
        tk_buf_text(sql, " AND t.template_id = " TEMPLATES_MEANT);
    }
    if (filter->tag.size > 0) {
        tk_buf_text(sql, " AND t.tags IS NOT NULL AND t.tags::jsonb ? $6");
    }
    if (attention) {
        tk_buf_text(sql, " AND a.attention <> 0 AND a.attention = $7");
    } else if (filter->state != 0) {
        tk_buf_text(sql, " AND a.state = $7");
    }
    if (filter->has_correlation) {
        tk_buf_text(sql, " AND t.id = ANY (ARRAY(SELECT id FROM task WHERE correlation_id = $8"
                         " UNION SELECT $8))");
    }
    tk_buf_printf(sql, " ORDER BY %s DESC LIMIT $2", attention ? "a.task_id" : "t.id");
}

static void filter_give(tk_pg_run *run, const tk_task_filter *filter) {
    tk_pg_uuid(run, &filter->after);
    tk_pg_int(run, TK_PG_INT8, filter->limit);
    tk_pg_int(run, TK_PG_INT4, filter->queue);
    tk_pg_text(run, filter->template_name);
    tk_pg_text(run, filter->template_version);
    tk_pg_text(run, filter->tag);
    tk_pg_int(run, TK_PG_INT2, filter->state);
    tk_pg_uuid(run, &filter->correlation);
}

tasker_status tk_pg_op_task_list(tk_store *store, tk_arena *arena, const tk_task_filter *filter,
                                 tk_uuid **ids, uint32_t *count, tasker_error *error) {
    tk_pg_run run;
    tk_buf sql = {0};
    *ids = NULL;
    *count = 0;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK || filter->limit == 0) {
        return status;
    }
    if (filter->tag.size > 0) { /* the index of tags can be read in no other way */
        (void)tk_pg_exec(&run, TK_PG_TAG_PLAN, error);
    }
    filter_write(&sql, filter);
    if (sql.failed) {
        tk_pg_note(&run, TASKER_NOMEM);
    }
    filter_give(&run, filter);
    if (run.status == TASKER_OK) {
        (void)tk_pg_exec_text(&run, sql.data, "TASK_LIST", error);
    }
    tk_buf_release(&sql);
    *ids = tk_pg_rows_make(&run, arena, sizeof(**ids));
    for (uint32_t i = 0; i < run.rows; i++) {
        tk_pg_get_uuid(&run, i, 0, &(*ids)[i]);
    }
    *count = run.rows;
    return tk_pg_end(&run, error);
}

#endif
