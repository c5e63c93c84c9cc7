/*
 * store_sqlite_list.c - lists and counts tasks by a filter, newest first, within bounds.
 *
 *   walk, the nearest to the filter ──► candidate ──► test of the rest, by its key ──► id
 *
 *   idempotency key ───────────► identity, by each template's name
 *   correlation ───────────────► task_correlation, and the id itself
 *   tag ───────────────────────► task_tag (tag, task_id)
 *   state that needs someone ──► task_state's attention (attention, task_id)
 *   running ───────────────────► ready, lease and later (task_id), merged: a running task has a row
 *                                in one of them; or its template's tasks, when those are fewer
 *   template ──────────────────► task_template (template_id, id), its revisions merged
 *   complete ──────────────────► task_state (task_id)
 *   nothing of these ──────────► task (id)
 *
 * A walk costs one for each candidate and TEST_COST for each test. When WORK_MAX is spent the page ends
 * where the walk is. Tests count the work.
 */
#include "store_sqlite.h"

#include "buf.h"

#define WORK_MAX 400000
#define TEST_COST 16

/* Revisions whose tasks are walked side by side; of more, all tasks are walked. */
#define ARMS_MAX 200

typedef enum walk {
    WALK_TASK,
    WALK_STATE,
    WALK_KEY,
    WALK_TAG,
    WALK_ATTENTION,
    WALK_CORRELATION,
    WALK_TEMPLATE,
    WALK_LIVE
} walk;

typedef struct listing {
    tk_sqlite *sqlite;
    const tk_task_filter *filter;
    walk along;
    int32_t templates[ARMS_MAX]; /* that the filter means */
    uint32_t template_count;
    bool too_many;          /* templates */
    sqlite3_stmt *walk;     /* id, and whether the walk itself says no */
    sqlite3_stmt *test;     /* NULL: every candidate is meant */
    tk_uuid *ids;           /* NULL: only counted */
    uint32_t found, handed; /* meant so far; of those handed out */
    int64_t work;
    bool cut;
    tk_uuid reached;
} listing;

#define TEMPLATES_MEANT                                                                            \
    "SELECT id FROM template WHERE (?3 = 0 OR namespace = ?3) AND (?4 = '' OR name = ?4)"          \
    " AND (?5 = '' OR version = ?5)"

static bool by_template(const tk_task_filter *filter) {
    return filter->queue != 0 || filter->template_name.size > 0 ||
           filter->template_version.size > 0;
}

/* --- statements --- */

#define RANGE(id) " WHERE " id " < ?1 AND " id " >= ?2"

static void live_write(tk_buf *sql) {
    tk_buf_text(
        sql,
        "SELECT task_id, 1 FROM ready" RANGE("task_id") " UNION SELECT task_id, 1 FROM lease" RANGE(
            "task_id") " UNION SELECT task_id, 1 FROM later" RANGE("task_id"));
}

static void templates_write(tk_buf *sql, const listing *list) {
    for (uint32_t i = 0; i < list->template_count; i++) {
        tk_buf_printf(sql,
                      "%sSELECT id, 1 FROM task INDEXED BY task_template" RANGE(
                          "id") " AND template_id = %" PRId32,
                      i > 0 ? " UNION ALL " : "", list->templates[i]);
    }
    if (list->template_count == 0) {
        tk_buf_text(sql, "SELECT id, 1 FROM task WHERE 0");
    }
}

static void walk_write(tk_buf *sql, const listing *list) {
    static const char *const texts[] = {
        [WALK_TASK] = "SELECT id, 1 FROM task" RANGE("id"),
        [WALK_STATE] = "SELECT task_id, state = ?7 FROM task_state" RANGE("task_id"),
        [WALK_KEY] = "SELECT i.task_id, 1 FROM (SELECT DISTINCT namespace, name FROM template) t"
                     " CROSS JOIN identity i ON i.namespace = t.namespace AND i.template = t.name"
                     " AND i.key = ?11" RANGE("+i.task_id"),
        [WALK_TAG] = "SELECT task_id, 1 FROM task_tag" RANGE("task_id") " AND tag = ?6",
        [WALK_ATTENTION] = "SELECT task_id, 1 FROM task_state INDEXED BY task_attention" RANGE(
            "task_id") " AND attention <> 0 AND attention = ?7",
        [WALK_CORRELATION] = "SELECT id, 1 FROM task" RANGE(
            "id") " AND correlation_id = ?8"
                  " UNION SELECT id, 1 FROM task" RANGE("id") " AND id = ?8",
    };
    if (list->along == WALK_LIVE) {
        live_write(sql);
    } else if (list->along == WALK_TEMPLATE) {
        templates_write(sql, list);
    } else {
        tk_buf_text(sql, texts[list->along]);
    }
    tk_buf_text(sql, " ORDER BY 1 DESC");
}

/* What the walk does not see to. ?1 is the candidate; nothing is written when nothing is left. */
static void test_write(tk_buf *sql, const listing *list) {
    const tk_task_filter *f = list->filter;
    bool by_state =
        list->along == WALK_STATE || list->along == WALK_ATTENTION || list->along == WALK_LIVE;
    bool templates = by_template(f) && list->along != WALK_TEMPLATE;
    if (templates || f->initiator.size > 0 || f->source_system.size > 0) {
        tk_buf_printf(sql, " AND EXISTS (SELECT 1 FROM task WHERE id = ?1%s%s%s)",
                      templates ? " AND template_id IN (" TEMPLATES_MEANT ")" : "",
                      f->initiator.size > 0 ? " AND initiator = ?9" : "",
                      f->source_system.size > 0 ? " AND source_system = ?10" : "");
    }
    if (f->state != 0 && !by_state) {
        tk_buf_text(sql, " AND (SELECT state FROM task_state WHERE task_id = ?1) = ?7");
    }
    if (f->tag.size > 0 && list->along != WALK_TAG) {
        tk_buf_text(sql, " AND EXISTS (SELECT 1 FROM task_tag WHERE tag = ?6 AND task_id = ?1)");
    }
    if (f->has_correlation && list->along != WALK_CORRELATION) {
        tk_buf_text(sql, " AND (?1 = ?8 OR (SELECT correlation_id FROM task WHERE id = ?1) = ?8)");
    }
}

static void bind_text(sqlite3_stmt *stmt, int index, tk_str text) {
    (void)sqlite3_bind_text64(stmt, index, text.size == 0 ? "" : text.data, text.size,
                              SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_uuid(sqlite3_stmt *stmt, int index, const tk_uuid *id) {
    (void)sqlite3_bind_blob(stmt, index, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
}

/* Numbers that a statement does not have are out of its range, which is no failure; a failed binding
 * of a borrowed text has no other cause. */
static void filter_bind(sqlite3_stmt *stmt, const tk_task_filter *filter) {
    static const uint8_t past_all[sizeof(tk_uuid) + 1] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    if (filter->has_after) {
        bind_uuid(stmt, 1, &filter->after);
    } else {
        (void)sqlite3_bind_blob(stmt, 1, past_all, sizeof(past_all), SQLITE_STATIC);
    }
    bind_uuid(stmt, 2, &filter->from);
    (void)sqlite3_bind_int64(stmt, 3, filter->queue);
    bind_text(stmt, 4, filter->template_name);
    bind_text(stmt, 5, filter->template_version);
    bind_text(stmt, 6, filter->tag);
    (void)sqlite3_bind_int64(stmt, 7, filter->state);
    bind_uuid(stmt, 8, &filter->correlation);
    bind_text(stmt, 9, filter->initiator);
    bind_text(stmt, 10, filter->source_system);
    bind_text(stmt, 11, filter->key);
}

/* --- which walk --- */

static int read_templates(listing *list) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(list->sqlite->db, TEMPLATES_MEANT, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    filter_bind(stmt, list->filter);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW && !list->too_many) {
        list->too_many = list->template_count == ARMS_MAX;
        if (!list->too_many) {
            list->templates[list->template_count++] = sqlite3_column_int(stmt, 0);
        }
    }
    (void)sqlite3_finalize(stmt);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Running tasks of a template are found among all that run or among all of the template: the exact
 * counts tell which are fewer. */
static int choose_for_running(listing *list) {
    static const char sql[] =
        "SELECT (SELECT total(tasks) FROM counter WHERE state = ?7)"
        " > (SELECT total(tasks) FROM counter WHERE template_id IN (" TEMPLATES_MEANT "))";
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(list->sqlite->db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    filter_bind(stmt, list->filter);
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        list->along = sqlite3_column_int(stmt, 0) != 0 ? WALK_TEMPLATE : WALK_LIVE;
        code = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

static int choose(listing *list) {
    const tk_task_filter *filter = list->filter;
    int code = by_template(filter) ? read_templates(list) : SQLITE_OK;
    bool templates = by_template(filter) && !list->too_many;
    if (code != SQLITE_OK) {
        return code;
    }
    if (filter->key.size > 0) {
        list->along = WALK_KEY;
    } else if (filter->has_correlation) {
        list->along = WALK_CORRELATION;
    } else if (filter->tag.size > 0) {
        list->along = WALK_TAG;
    } else if (filter->state > TK_STATE_CALM_MAX) {
        list->along = WALK_ATTENTION;
    } else if (filter->state == TK_STATE_RUNNING && templates) {
        return choose_for_running(list);
    } else if (filter->state == TK_STATE_RUNNING) {
        list->along = WALK_LIVE;
    } else if (templates) {
        list->along = WALK_TEMPLATE;
    } else {
        list->along = filter->state != 0 ? WALK_STATE : WALK_TASK;
    }
    return SQLITE_OK;
}

static int prepare(listing *list) {
    tk_buf walk_sql = {0};
    tk_buf test_sql = {0};
    walk_write(&walk_sql, list);
    test_write(&test_sql, list);
    int code = walk_sql.failed || test_sql.failed ? SQLITE_NOMEM : SQLITE_OK;
    if (code == SQLITE_OK) {
        code = sqlite3_prepare_v2(list->sqlite->db, walk_sql.data, (int)walk_sql.size, &list->walk,
                                  NULL);
    }
    if (code == SQLITE_OK && test_sql.size > 0) {
        tk_buf whole = {0};
        tk_buf_text(&whole, "SELECT 1 WHERE 1");
        tk_buf_str(&whole, tk_buf_view(&test_sql));
        code = whole.failed ? SQLITE_NOMEM
                            : sqlite3_prepare_v2(list->sqlite->db, whole.data, (int)whole.size,
                                                 &list->test, NULL);
        tk_buf_release(&whole);
    }
    tk_buf_release(&walk_sql);
    tk_buf_release(&test_sql);
    return code;
}

/* --- walking --- */

/* SQLITE_ROW: this candidate is meant; SQLITE_DONE: it is not. */
static int meant(listing *list, const tk_uuid *id) {
    if (sqlite3_column_int(list->walk, 1) == 0) {
        return SQLITE_DONE;
    }
    if (list->test == NULL) {
        return SQLITE_ROW;
    }
    list->work += TEST_COST;
    bind_uuid(list->test, 1, id);
    int code = sqlite3_step(list->test);
    int reset = sqlite3_reset(list->test);
    return reset == SQLITE_OK ? code : reset;
}

static int walk_run(listing *list) {
    const tk_task_filter *filter = list->filter;
    const uint64_t wanted = (uint64_t)filter->skip + filter->limit;
    int code = SQLITE_DONE;
    filter_bind(list->walk, filter);
    if (list->test != NULL) {
        filter_bind(list->test, filter);
    }
    while (list->found < wanted && (code = sqlite3_step(list->walk)) == SQLITE_ROW) {
        tk_uuid id;
        const void *bytes = sqlite3_column_blob(list->walk, 0);
        if (bytes == NULL || sqlite3_column_bytes(list->walk, 0) != (int)sizeof(id)) {
            return SQLITE_CORRUPT;
        }
        memcpy(id.bytes, bytes, sizeof(id));
        code = meant(list, &id);
        if (code == SQLITE_ROW && ++list->found > filter->skip && list->ids != NULL) {
            list->ids[list->handed++] = id;
        }
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
            return code;
        }
        list->reached = id;
        list->cut = ++list->work >= WORK_MAX;
        if (list->cut) {
            return SQLITE_DONE;
        }
    }
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

static tasker_status list_run(listing *list, const char *doing, tasker_error *error) {
    int code = choose(list);
    if (code == SQLITE_OK) {
        code = prepare(list);
    }
    if (code == SQLITE_OK) {
        code = walk_run(list);
    }
    (void)sqlite3_finalize(list->walk);
    (void)sqlite3_finalize(list->test);
    return code == SQLITE_DONE ? TASKER_OK : tk_sqlite_fail(list->sqlite, code, doing, error);
}

tasker_status tk_sqlite_task_list(tk_store *store, tk_arena *arena, const tk_task_filter *filter,
                                  tk_task_page *page, tasker_error *error) {
    listing list = {.sqlite = tk_sqlite_of(store), .filter = filter};
    *page = (tk_task_page){0};
    tasker_status status = tk_sqlite_usable(list.sqlite, error);
    if (status != TASKER_OK || filter->limit == 0) {
        return status;
    }
    list.ids = tk_arena_array(arena, filter->limit, sizeof(*list.ids));
    if (list.ids == NULL) {
        return tk_nomem(error);
    }
    status = list_run(&list, "TASK_LIST", error);
    if (status == TASKER_OK) {
        *page = (tk_task_page){list.ids, list.handed, list.cut && list.handed < filter->limit,
                               list.reached};
    }
    return status;
}

tasker_status tk_sqlite_task_count(tk_store *store, const tk_task_filter *filter, uint32_t *count,
                                   bool *all, tasker_error *error) {
    listing list = {.sqlite = tk_sqlite_of(store), .filter = filter};
    *count = 0;
    *all = false;
    tasker_status status = tk_sqlite_usable(list.sqlite, error);
    if (status != TASKER_OK || filter->limit == 0) {
        return status;
    }
    status = list_run(&list, "TASK_COUNT", error);
    if (status == TASKER_OK) {
        *count = list.found;
        *all = !list.cut && list.found < filter->limit;
    }
    return status;
}
