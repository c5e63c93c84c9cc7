/*
 * store_postgres_list.c - lists and counts tasks by a filter, newest first, within bounds.
 *
 *   walk, the nearest to the filter ──► a window of candidates ──► test of the rest ──► ids
 *
 *   idempotency key ───────────► identity, by each template's name
 *   correlation ───────────────► task_correlation, and the id itself
 *   state that needs someone ──► task_state's attention (attention, task_id)
 *   running ───────────────────► ready, lease and later (task_id), merged
 *   template ──────────────────► task_template (template_id, id), its revisions merged
 *   complete ──────────────────► task_state (task_id)
 *   nothing of these ──────────► task (id)
 *   tag ───────────────────────► the walk of the others; when that window does not suffice and the
 *                                tag is rare, the index of tags, whose tasks come in no order
 *
 * The statement is made for the filter. The window bounds what is looked at and not meant: the page ends
 * with it.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#define WINDOW_TESTED 20000  /* candidates that are looked up in another table */
#define WINDOW_LIVE 8000     /* that are found in three tables */
#define WINDOW_WALKED 100000 /* whose state stands in the walk's own row */
#define TAG_RARE 5000        /* tasks of a tag that are read and sorted */

/* Revisions whose tasks are walked side by side; of more, all tasks are walked. */
#define ARMS_MAX 16

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
    tk_pg_run run;
    const tk_task_filter *filter;
    tasker_error *error;
    walk along;
    tk_buf templates; /* numbers that the filter means, with commas */
    int32_t arms[ARMS_MAX];
    uint32_t template_count;
} listing;

/* Where a page ended, or what was counted. */
typedef struct outcome {
    bool cut;
    tk_uuid reached;
    uint32_t count;
} outcome;

static bool by_template(const tk_task_filter *filter) {
    return filter->queue != 0 || filter->template_name.size > 0 ||
           filter->template_version.size > 0;
}

/* --- statements ------------------------------------------------------------------------------- */

/* " WHERE id …": ids are written out, as how many there are decides how they are found. */
static void range_write(tk_buf *sql, const listing *list, const char *id) {
    static const tk_uuid none;
    const tk_task_filter *f = list->filter;
    char text[TASKER_UUID_SIZE];
    tk_buf_text(sql, " WHERE true");
    if (f->has_after) {
        tk_uuid_format(&f->after, text);
        tk_buf_printf(sql, " AND %s < '%s'", id, text);
    }
    if (!tk_uuid_equal(&f->from, &none)) {
        tk_uuid_format(&f->from, text);
        tk_buf_printf(sql, " AND %s >= '%s'", id, text);
    }
}

static void templates_write(tk_buf *sql, const listing *list, uint32_t most) {
    for (uint32_t i = 0; i < list->template_count; i++) {
        tk_buf_text(sql, i > 0 ? " UNION ALL SELECT * FROM (SELECT id FROM task"
                               : "SELECT * FROM (SELECT id FROM task");
        range_write(sql, list, "id");
        tk_buf_printf(sql, " AND template_id = %" PRId32 " ORDER BY id DESC LIMIT %" PRIu32 ") a",
                      list->arms[i], most);
    }
    if (list->template_count == 0) {
        tk_buf_text(sql, "SELECT id FROM task WHERE false");
    }
}

/* A task has one row there for each live step. */
static void live_write(tk_buf *sql, const listing *list, uint32_t most) {
    static const char *const tables[] = {"ready", "lease", "later"};
    for (size_t i = 0; i < TK_COUNT_OF(tables); i++) {
        tk_buf_printf(sql, "%s(SELECT DISTINCT task_id AS id FROM %s", i > 0 ? " UNION " : "",
                      tables[i]);
        range_write(sql, list, "task_id");
        tk_buf_printf(sql, " ORDER BY task_id DESC LIMIT %" PRIu32 ")", most);
    }
}

static void correlation_write(tk_buf *sql, const listing *list) {
    tk_buf_text(sql, "SELECT id FROM task");
    range_write(sql, list, "id");
    tk_buf_text(sql, " AND correlation_id = $6 UNION ALL SELECT id FROM task");
    range_write(sql, list, "id");
    tk_buf_text(sql, " AND id = $6 AND correlation_id IS DISTINCT FROM $6");
}

/* The candidates, at most so many. */
static void walk_write(tk_buf *sql, const listing *list, uint32_t most) {
    static const struct {
        const char *from, *id, *rest;
    } texts[] = {
        [WALK_TASK] = {"SELECT id FROM task", "id", ""},
        [WALK_STATE] = {"SELECT task_id AS id, state FROM task_state", "task_id", ""},
        [WALK_KEY] = {"SELECT i.task_id AS id FROM (SELECT DISTINCT namespace, name FROM template)"
                      " t, LATERAL (SELECT task_id FROM identity WHERE namespace = t.namespace"
                      " AND template = t.name AND key = $9 OFFSET 0) i",
                      "i.task_id", ""},
        [WALK_TAG] = {"SELECT id FROM tagged", "id", ""},
        [WALK_ATTENTION] = {"SELECT task_id AS id FROM task_state", "task_id",
                            " AND attention <> 0 AND attention = $5"},
    };
    if (list->along == WALK_LIVE) {
        live_write(sql, list, most);
    } else if (list->along == WALK_TEMPLATE) {
        templates_write(sql, list, most);
    } else if (list->along == WALK_CORRELATION) {
        correlation_write(sql, list);
    } else {
        tk_buf_text(sql, texts[list->along].from);
        range_write(sql, list, texts[list->along].id);
        tk_buf_text(sql, texts[list->along].rest);
    }
    tk_buf_printf(sql, " ORDER BY id DESC LIMIT %" PRIu32, most);
}

/* What the walk does not see to. */
static void test_write(tk_buf *sql, const listing *list) {
    const tk_task_filter *f = list->filter;
    bool templates = by_template(f) && list->along != WALK_TEMPLATE;
    bool tag = f->tag.size > 0 && list->along != WALK_TAG;
    bool correlation = f->has_correlation && list->along != WALK_CORRELATION;
    if (templates || tag || correlation || f->initiator.size > 0 || f->source_system.size > 0) {
        tk_buf_text(sql, " AND EXISTS (SELECT 1 FROM task t WHERE t.id = c.id");
        if (templates) {
            tk_buf_text(sql, " AND t.template_id = ANY ('{");
            tk_buf_str(sql, tk_buf_view(&list->templates));
            tk_buf_text(sql, "}'::int4[])");
        }
        tk_buf_text(sql, tag ? " AND t.tags IS NOT NULL AND t.tags::jsonb ? $4" : "");
        tk_buf_text(sql, f->initiator.size > 0 ? " AND t.initiator = $7" : "");
        tk_buf_text(sql, f->source_system.size > 0 ? " AND t.source_system = $8" : "");
        tk_buf_text(sql, correlation ? " AND (t.id = $6 OR t.correlation_id = $6)" : "");
        tk_buf_char(sql, ')');
    }
    if (f->state != 0 && list->along == WALK_STATE) {
        tk_buf_text(sql, " AND c.state = $5");
    } else if (f->state != 0 && list->along != WALK_ATTENTION && list->along != WALK_LIVE) {
        tk_buf_text(sql, " AND (SELECT s.state FROM task_state s WHERE s.task_id = c.id) = $5");
    }
}

/* How many candidates are looked at. */
static uint32_t window_of(const listing *list, bool tested) {
    const tk_task_filter *f = list->filter;
    if (list->along == WALK_TAG) {
        return TAG_RARE + 1;
    }
    bool state_alone = list->along == WALK_STATE && !by_template(f) && f->tag.size == 0 &&
                       f->initiator.size == 0 && f->source_system.size == 0;
    if (!tested) {
        return f->skip + f->limit;
    }
    if (list->along == WALK_TEMPLATE && list->template_count > 1) { /* each has as many */
        return WINDOW_TESTED / list->template_count;
    }
    if (list->along == WALK_LIVE) {
        return WINDOW_LIVE;
    }
    return state_alone ? WINDOW_WALKED : WINDOW_TESTED;
}

/* --- running ---------------------------------------------------------------------------------- */

static void filter_give(listing *list) {
    const tk_task_filter *filter = list->filter;
    tk_pg_run *run = &list->run;
    tk_pg_int(run, TK_PG_INT8, filter->limit);
    tk_pg_int(run, TK_PG_INT8, filter->skip);
    tk_pg_int(run, TK_PG_INT4, filter->queue);
    tk_pg_text(run, filter->tag);
    tk_pg_int(run, TK_PG_INT2, filter->state);
    tk_pg_uuid(run, &filter->correlation);
    tk_pg_text(run, filter->initiator);
    tk_pg_text(run, filter->source_system);
    tk_pg_text(run, filter->key);
    tk_pg_text(run, filter->template_name);
    tk_pg_text(run, filter->template_version);
}

static bool list_exec(listing *list, tk_buf *sql, const char *doing) {
    if (sql->failed) {
        tk_pg_note(&list->run, TASKER_NOMEM);
    }
    filter_give(list);
    bool done =
        list->run.status == TASKER_OK && tk_pg_exec_text(&list->run, sql->data, doing, list->error);
    tk_buf_release(sql);
    return done;
}

#define TAGGED                                                                                     \
    "tagged AS MATERIALIZED (SELECT id FROM task WHERE tags IS NOT NULL AND tags::jsonb ? $4), "

/* The candidates, those of them that are meant, and, when these are too few, where the window ended. */
static void run_write(tk_buf *sql, const listing *list, uint32_t window, const tk_buf *test,
                      bool counts) {
    tk_buf_printf(sql, "WITH %sw AS MATERIALIZED (", list->along == WALK_TAG ? TAGGED : "");
    walk_write(sql, list, window);
    tk_buf_text(sql, "), hit AS MATERIALIZED (SELECT c.id FROM w c WHERE true");
    tk_buf_str(sql, tk_buf_view(test));
    tk_buf_text(sql, counts ? " LIMIT $1) " : " LIMIT $1 OFFSET $2) ");
    tk_buf_printf(sql,
                  counts ? "SELECT (SELECT id FROM w OFFSET %" PRIu32 " LIMIT 1), h.n"
                           " FROM (SELECT count(*) AS n FROM hit) h"
                         : "SELECT id, 0::int8 FROM hit UNION ALL SELECT e.id, 1 FROM"
                           " (SELECT id FROM w OFFSET %" PRIu32 " LIMIT 1) e"
                           " WHERE (SELECT count(*) FROM hit) < $1",
                  test->size > 0 ? window - 1 : window);
}

static void ids_read(tk_pg_run *run, tk_uuid *ids, outcome *out) {
    for (uint32_t i = 0; i < run->rows; i++) {
        out->cut = tk_pg_get(run, i, 1) != 0;
        tk_pg_get_uuid(run, i, 0, out->cut ? &out->reached : &ids[out->count++]);
    }
}

static void count_read(tk_pg_run *run, uint32_t limit, outcome *out) {
    out->count = (uint32_t)tk_pg_get(run, 0, 1);
    out->cut = out->count < limit && !tk_pg_is_null(run, 0, 0);
}

/* One walk; ids NULL: they are only counted. */
static void walk_run(listing *list, tk_uuid *ids, outcome *out) {
    tk_buf test = {0};
    tk_buf sql = {0};
    *out = (outcome){.cut = false};
    test_write(&test, list);
    run_write(&sql, list, window_of(list, test.size > 0), &test, ids == NULL);
    sql.failed = sql.failed || test.failed;
    tk_buf_release(&test);
    if (!list_exec(list, &sql, ids == NULL ? "TASK_COUNT" : "TASK_LIST")) {
        return;
    }
    if (ids == NULL) {
        count_read(&list->run, list->filter->limit, out);
    } else {
        ids_read(&list->run, ids, out);
    }
}

/* Have few tasks the tag? Its index tells, which can be read in no other way than a bitmap. */
static bool tag_is_rare(listing *list) {
    tk_buf sql = {0};
    (void)tk_pg_exec(&list->run, TK_PG_TAG_PLAN, list->error);
    tk_buf_printf(&sql,
                  "SELECT count(*) FROM (SELECT 1 FROM task WHERE tags IS NOT NULL"
                  " AND tags::jsonb ? $4 LIMIT %d) n",
                  TAG_RARE + 1);
    return list_exec(list, &sql, "TASK_LIST") && tk_pg_get(&list->run, 0, 0) <= TAG_RARE;
}

/* --- which walk ------------------------------------------------------------------------------- */

static void read_templates(listing *list) {
    tk_buf sql = {0};
    tk_buf_text(&sql, "SELECT id FROM template WHERE ($3 = 0 OR namespace = $3)"
                      " AND ($10 = '' OR name = $10) AND ($11 = '' OR version = $11)");
    if (!list_exec(list, &sql, "TASK_LIST")) {
        return;
    }
    list->template_count = list->run.rows;
    for (uint32_t i = 0; i < list->run.rows; i++) {
        int32_t id = tk_pg_get_i32(&list->run, i, 0);
        tk_buf_printf(&list->templates, "%s%" PRId32, i > 0 ? "," : "", id);
        if (i < ARMS_MAX) {
            list->arms[i] = id;
        }
    }
    if (list->templates.failed) {
        tk_pg_note(&list->run, TASKER_NOMEM);
    }
}

static walk choose(const listing *list) {
    const tk_task_filter *filter = list->filter;
    if (filter->key.size > 0) {
        return WALK_KEY;
    }
    if (filter->has_correlation) {
        return WALK_CORRELATION;
    }
    if (filter->state > TK_STATE_CALM_MAX) {
        return WALK_ATTENTION;
    }
    if (filter->state == TK_STATE_RUNNING) {
        return WALK_LIVE;
    }
    if (by_template(filter) && list->template_count <= ARMS_MAX) {
        return WALK_TEMPLATE;
    }
    return filter->state != 0 ? WALK_STATE : WALK_TASK;
}

/* The nearest walk, and where its window did not suffice, another one. */
static void list_run(listing *list, tk_uuid *ids, outcome *out) {
    if (by_template(list->filter)) {
        read_templates(list);
    }
    list->along = choose(list);
    walk_run(list, ids, out);
    if (!out->cut) {
        return;
    }
    if (list->filter->tag.size > 0 && tag_is_rare(list)) {
        list->along = WALK_TAG;
        walk_run(list, ids, out);
    } else if (list->along == WALK_LIVE && by_template(list->filter) &&
               list->template_count <= ARMS_MAX) {
        list->along = WALK_TEMPLATE;
        walk_run(list, ids, out);
    }
}

tasker_status tk_pg_op_task_list(tk_store *store, tk_arena *arena, const tk_task_filter *filter,
                                 tk_task_page *page, tasker_error *error) {
    listing list = {.filter = filter, .error = error};
    outcome out = {.cut = false};
    *page = (tk_task_page){0};
    tasker_status status = tk_pg_begin(&list.run, tk_pg_of(store), error);
    if (status != TASKER_OK || filter->limit == 0) {
        return status;
    }
    page->ids = tk_arena_array(arena, filter->limit, sizeof(*page->ids));
    if (page->ids == NULL) {
        tk_pg_note(&list.run, TASKER_NOMEM);
    } else {
        list_run(&list, page->ids, &out);
    }
    page->count = out.count;
    page->cut = out.cut;
    page->reached = out.reached;
    tk_buf_release(&list.templates);
    return tk_pg_end(&list.run, error);
}

tasker_status tk_pg_op_task_count(tk_store *store, const tk_task_filter *filter, uint32_t *count,
                                  bool *all, tasker_error *error) {
    listing list = {.filter = filter, .error = error};
    outcome out = {.cut = false};
    *count = 0;
    *all = false;
    tasker_status status = tk_pg_begin(&list.run, tk_pg_of(store), error);
    if (status != TASKER_OK || filter->limit == 0) {
        return status;
    }
    list_run(&list, NULL, &out);
    *count = out.count;
    *all = !out.cut && out.count < filter->limit;
    tk_buf_release(&list.templates);
    return tk_pg_end(&list.run, error);
}

#endif
