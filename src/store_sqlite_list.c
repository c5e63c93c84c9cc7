/*
 * store_sqlite_list.c - lists tasks by a filter, newest first, a page at a time.
 *
 * The statement is made for the filter, so that each list walks the index that is nearest to it:
 *
 *   tag ──────────────────────► task_tag (tag, task_id)
 *   state that needs someone ─► task_state's attention (attention, task_id)
 *   correlation ──────────────► task_correlation, and the id itself
 *   template ─────────────────► task_template (template_id, id), a walk for each revision
 *   nothing of these ─────────► task (id)
 *
 * and what remains of the filter is looked up by key for each candidate.
 */
#include "store_sqlite.h"

#include "buf.h"

#include <stdlib.h>

typedef struct listing {
    tk_sqlite *sqlite;
    const tk_task_filter *filter;
    sqlite3_stmt *stmt;
    tk_uuid *ids; /* room for two pages */
    uint32_t count;
} listing;

/* What a walk goes along. Parameters: see filter_bind. */
typedef enum walk { WALK_TASK, WALK_TAG, WALK_ATTENTION, WALK_CORRELATION, WALK_TEMPLATE } walk;

static bool by_template(const tk_task_filter *filter) {
    return filter->queue != 0 || filter->template_name.size > 0 ||
           filter->template_version.size > 0;
}

static walk walk_choose(const tk_task_filter *filter) {
    if (filter->has_correlation) {
        return WALK_CORRELATION;
    }
    if (filter->tag.size > 0) {
        return WALK_TAG;
    }
    if (filter->state > TK_STATE_CALM_MAX) {
        return WALK_ATTENTION;
    }
    return by_template(filter) ? WALK_TEMPLATE : WALK_TASK;
}

static void walk_write(tk_buf *sql, walk along, const tk_task_filter *filter) {
    static const char *const sources[] = {
        [WALK_TASK] = "SELECT t.id FROM task t WHERE t.id < ?1",
        [WALK_TAG] = "SELECT t.id FROM task_tag g CROSS JOIN task t ON t.id = g.task_id"
                     " WHERE g.tag = ?6 AND g.task_id < ?1",
        [WALK_ATTENTION] = "SELECT t.id FROM task_state a INDEXED BY task_attention"
                           " CROSS JOIN task t ON t.id = a.task_id"
                           " WHERE a.attention <> 0 AND a.attention = ?7 AND a.task_id < ?1",
        [WALK_CORRELATION] = "SELECT t.id FROM task t"
                             " WHERE (t.correlation_id = ?8 OR t.id = ?8) AND t.id < ?1",
        [WALK_TEMPLATE] = "SELECT t.id FROM task t INDEXED BY task_template"
                          " WHERE t.template_id = ?9 AND t.id < ?1",
    };
    static const char *const orders[] = {
        [WALK_TASK] = "t.id",        [WALK_TAG] = "g.task_id", [WALK_ATTENTION] = "a.task_id",
        [WALK_CORRELATION] = "t.id", [WALK_TEMPLATE] = "t.id",
    };
    tk_buf_text(sql, sources[along]);
    if (by_template(filter) && along != WALK_TEMPLATE) {
        tk_buf_text(sql, " AND t.template_id IN (SELECT id FROM template WHERE"
                         " (?3 = 0 OR namespace = ?3) AND (?4 = '' OR name = ?4)"
                         " AND (?5 = '' OR version = ?5))");
    }
    if (filter->tag.size > 0 && along != WALK_TAG) {
        tk_buf_text(sql, " AND EXISTS (SELECT 1 FROM task_tag WHERE tag = ?6 AND task_id = t.id)");
    }
    if (filter->state != 0 && along != WALK_ATTENTION) {
        tk_buf_text(sql, " AND (SELECT state FROM task_state WHERE task_id = t.id) = ?7");
    }
    tk_buf_printf(sql, " ORDER BY %s DESC LIMIT ?2", orders[along]);
}

static void bind_text(sqlite3_stmt *stmt, int index, tk_str text) {
    (void)sqlite3_bind_text64(stmt, index, text.size == 0 ? "" : text.data, text.size,
                              SQLITE_STATIC, SQLITE_UTF8);
}

/* Numbers that a statement does not have are out of its range, which is no failure; a failed binding
 * of a borrowed text has no other cause. */
static void filter_bind(sqlite3_stmt *stmt, const tk_task_filter *filter, int32_t template_id) {
    static const uint8_t past_all[sizeof(tk_uuid) + 1] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    if (filter->has_after) {
        (void)sqlite3_bind_blob(stmt, 1, filter->after.bytes, sizeof(tk_uuid), SQLITE_STATIC);
    } else {
        (void)sqlite3_bind_blob(stmt, 1, past_all, sizeof(past_all), SQLITE_STATIC);
    }
    (void)sqlite3_bind_int64(stmt, 2, filter->limit);
    (void)sqlite3_bind_int64(stmt, 3, filter->queue);
    bind_text(stmt, 4, filter->template_name);
    bind_text(stmt, 5, filter->template_version);
    bind_text(stmt, 6, filter->tag);
    (void)sqlite3_bind_int64(stmt, 7, filter->state);
    (void)sqlite3_bind_blob(stmt, 8, filter->correlation.bytes, sizeof(tk_uuid), SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 9, template_id);
}

static int newest_first(const void *a, const void *b) {
    return tk_uuid_compare(b, a);
}

/* One walk; its ids join those of the walks before, of which the newest stay. */
static int walk_run(listing *list, int32_t template_id) {
    const uint32_t limit = list->filter->limit;
    uint32_t before = list->count;
    int code;
    filter_bind(list->stmt, list->filter, template_id);
    while ((code = sqlite3_step(list->stmt)) == SQLITE_ROW) {
        const void *id = sqlite3_column_blob(list->stmt, 0);
        if (id == NULL || sqlite3_column_bytes(list->stmt, 0) != (int)sizeof(tk_uuid)) {
            return SQLITE_CORRUPT;
        }
        assert(list->count - before < limit);
        memcpy(list->ids[list->count++].bytes, id, sizeof(tk_uuid));
    }
    (void)sqlite3_reset(list->stmt);
    if (before > 0) {
        qsort(list->ids, list->count, sizeof(*list->ids), newest_first);
    }
    list->count = list->count > limit ? limit : list->count;
    return code;
}

/* A walk for each revision that the filter means. */
static int walk_templates(listing *list) {
    static const char sql[] = "SELECT id FROM template WHERE (?3 = 0 OR namespace = ?3)"
                              " AND (?4 = '' OR name = ?4) AND (?5 = '' OR version = ?5)";
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(list->sqlite->db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    filter_bind(stmt, list->filter, 0);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        code = walk_run(list, sqlite3_column_int(stmt, 0));
        if (code != SQLITE_DONE) {
            break;
        }
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

static int list_run(listing *list, walk along) {
    tk_buf sql = {0};
    walk_write(&sql, along, list->filter);
    if (sql.failed) {
        return SQLITE_NOMEM;
    }
    int code = sqlite3_prepare_v2(list->sqlite->db, sql.data, (int)sql.size, &list->stmt, NULL);
    tk_buf_release(&sql);
    if (code == SQLITE_OK) {
        code = along == WALK_TEMPLATE ? walk_templates(list) : walk_run(list, 0);
    }
    (void)sqlite3_finalize(list->stmt);
    return code;
}

tasker_status tk_sqlite_task_list(tk_store *store, tk_arena *arena, const tk_task_filter *filter,
                                  tk_uuid **ids, uint32_t *count, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    *ids = NULL;
    *count = 0;
    tasker_status status = tk_sqlite_usable(sqlite, error);
    if (status != TASKER_OK || filter->limit == 0) {
        return status;
    }
    listing list = {.sqlite = sqlite, .filter = filter};
    list.ids = tk_arena_array(arena, (size_t)filter->limit * 2, sizeof(*list.ids));
    if (list.ids == NULL) {
        return tk_nomem(error);
    }
    int code = list_run(&list, walk_choose(filter));
    if (code != SQLITE_DONE) {
        return tk_sqlite_fail(sqlite, code, "TASK_LIST", error);
    }
    *ids = list.ids;
    *count = list.count;
    return TASKER_OK;
}
