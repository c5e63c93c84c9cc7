/*
 * store_sqlite_list.c - lists tasks by a filter, newest first, a page at a time.
 *
 * The statement is made for the filter, so that each list walks what is nearest to it:
 *
 *   correlation ───────────────► task_correlation, and the id itself
 *   tag ───────────────────────► task_tag (tag, task_id)
 *   state that needs someone ──► task_state's attention (attention, task_id)
 *   running ───────────────────► ready, lease and later (task_id), merged: a running task has a row
 *                                in one of them; or its template's tasks, when those are fewer
 *   template ──────────────────► task_template (template_id, id), a walk for each revision
 *   complete ──────────────────► task_state (task_id): mostly hits
 *   nothing of these ──────────► task (id)
 *
 * and what remains of the filter is looked up by key for each candidate. Tests count the work.
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

/* What a walk goes along; a walk of live steps has three arms. Parameters: see filter_bind. */
typedef enum walk {
    WALK_TASK,
    WALK_STATE,
    WALK_TAG,
    WALK_ATTENTION,
    WALK_CORRELATION,
    WALK_TEMPLATE,
    WALK_READY,
    WALK_LEASE,
    WALK_LATER
} walk;

#define TEMPLATES_MEANT                                                                            \
    "SELECT id FROM template WHERE (?3 = 0 OR namespace = ?3) AND (?4 = '' OR name = ?4)"          \
    " AND (?5 = '' OR version = ?5)"

static bool by_template(const tk_task_filter *filter) {
    return filter->queue != 0 || filter->template_name.size > 0 ||
           filter->template_version.size > 0;
}

/* One arm: its candidates, less those that the rest of the filter does not mean. */
static void arm_write(tk_buf *sql, walk along, const tk_task_filter *filter) {
    static const struct {
        const char *id, *source, *condition;
    } arms[] = {
        [WALK_TASK] = {"id", "task c", ""},
        [WALK_STATE] = {"task_id", "task_state c", " AND state = ?7"},
        [WALK_TAG] = {"task_id", "task_tag c", " AND tag = ?6"},
        [WALK_ATTENTION] = {"task_id", "task_state c INDEXED BY task_attention",
                            " AND attention <> 0 AND attention = ?7"},
        [WALK_CORRELATION] = {"id", "task c", " AND (correlation_id = ?8 OR id = ?8)"},
        [WALK_TEMPLATE] = {"id", "task c INDEXED BY task_template", " AND template_id = ?9"},
        [WALK_READY] = {"task_id", "ready c", ""},
        [WALK_LEASE] = {"task_id", "lease c", ""},
        [WALK_LATER] = {"task_id", "later c", ""},
    };
    const char *id = arms[along].id;
    bool by_state = along == WALK_STATE || along == WALK_ATTENTION || along >= WALK_READY;
    tk_buf_printf(sql, "SELECT c.%s FROM %s WHERE c.%s < ?1%s", id, arms[along].source, id,
                  arms[along].condition);
    if (by_template(filter) && along != WALK_TEMPLATE) {
        tk_buf_printf(sql,
                      " AND EXISTS (SELECT 1 FROM task WHERE id = c.%s"
                      " AND template_id IN (" TEMPLATES_MEANT "))",
                      id);
    }
    if (filter->tag.size > 0 && along != WALK_TAG) {
        tk_buf_printf(sql, " AND EXISTS (SELECT 1 FROM task_tag WHERE tag = ?6 AND task_id = c.%s)",
                      id);
    }
    if (filter->state != 0 && !by_state) {
        tk_buf_printf(sql, " AND (SELECT state FROM task_state WHERE task_id = c.%s) = ?7", id);
    }
}

static void walk_write(tk_buf *sql, walk along, const tk_task_filter *filter) {
    arm_write(sql, along, filter);
    if (along == WALK_READY) {
        tk_buf_text(sql, " UNION ");
        arm_write(sql, WALK_LEASE, filter);
        tk_buf_text(sql, " UNION ");
        arm_write(sql, WALK_LATER, filter);
    }
    tk_buf_text(sql, " ORDER BY 1 DESC LIMIT ?2");
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
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(list->sqlite->db, TEMPLATES_MEANT, -1, &stmt, NULL);
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

/* Running tasks of a template are found among all that run or among all of the template: the exact
 * counts tell which are fewer. */
static int choose_for_running(const listing *list, walk *along) {
    static const char sql[] =
        "SELECT (SELECT total(tasks) FROM counter WHERE state = ?7)"
        " > (SELECT total(tasks) FROM counter WHERE template_id IN (" TEMPLATES_MEANT "))";
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(list->sqlite->db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    filter_bind(stmt, list->filter, 0);
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *along = sqlite3_column_int(stmt, 0) != 0 ? WALK_TEMPLATE : WALK_READY;
        code = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

static int choose(const listing *list, walk *along) {
    const tk_task_filter *filter = list->filter;
    if (filter->has_correlation) {
        *along = WALK_CORRELATION;
    } else if (filter->tag.size > 0) {
        *along = WALK_TAG;
    } else if (filter->state > TK_STATE_CALM_MAX) {
        *along = WALK_ATTENTION;
    } else if (filter->state == TK_STATE_RUNNING && by_template(filter)) {
        return choose_for_running(list, along);
    } else if (filter->state == TK_STATE_RUNNING) {
        *along = WALK_READY;
    } else if (by_template(filter)) {
        *along = WALK_TEMPLATE;
    } else {
        *along = filter->state != 0 ? WALK_STATE : WALK_TASK;
    }
    return SQLITE_OK;
}

static int list_run(listing *list) {
    tk_buf sql = {0};
    walk along = WALK_TASK;
    int code = choose(list, &along);
    if (code != SQLITE_OK) {
        return code;
    }
    walk_write(&sql, along, list->filter);
    if (sql.failed) {
        return SQLITE_NOMEM;
    }
    code = sqlite3_prepare_v2(list->sqlite->db, sql.data, (int)sql.size, &list->stmt, NULL);
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
    int code = list_run(&list);
    if (code != SQLITE_DONE) {
        return tk_sqlite_fail(sqlite, code, "TASK_LIST", error);
    }
    *ids = list.ids;
    *count = list.count;
    return TASKER_OK;
}
