/*
 * store_postgres_parts.c - the portions in which ended work is kept: partitions by the time of ids.
 *
 *   … │ task_20261102 │ task_20261109 │ task_20261116 ─ now ─ │ task_20261123 │ …   made ahead of time
 *   task_default: what no portion is for (before the first, behind the last)
 *
 * A portion is the same span of task, task_state, attempt and act, by week (from Monday) or by month,
 * UTC. They are made by whoever owns the tables: with the tables, by `tasker store migrate` and by
 * `tasker store prune`. When nobody does, the rest goes into the default partitions, and all works.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Attached at most, the default one included: planning and looking up grow with their number. */
#define PORTIONS_MAX 12
#define AHEAD_US (INT64_C(35) * 24 * 3600 * 1000000)
#define DAY_S 86400

/* A default partition larger than this is looked through before it is locked, not meanwhile. */
#define DEFAULT_BYTES_MAX "67108864"

const tk_pg_part tk_pg_parts[TK_PG_PARTS] = {
    {"task", "id", ""},
    {"task_state", "task_id", " WITH (fillfactor = 50)"},
    {"attempt", "task_id", ""},
    {"act", "task_id", ""},
};

/* --- periods ---------------------------------------------------------------------------------- */

static const char *const period_names[] = {
    [TK_PERIOD_NONE] = "none", [TK_PERIOD_WEEK] = "week", [TK_PERIOD_MONTH] = "month"};

tasker_status tk_pg_period_set(const tk_pg *pg, tk_period period, tasker_error *error) {
    char sql[80];
    if (period == TK_PERIOD_KEEP) {
        return TASKER_OK;
    }
    (void)snprintf(sql, sizeof(sql), "UPDATE tasker.ledger SET period = '%s'",
                   period_names[period]);
    return tk_pg_command(pg, sql, "setting the period", error);
}

/* Days since 1970; Monday is 0. */
static int64_t weekday(int64_t day) {
    return (day + 3) % 7;
}

static int64_t month_start(int64_t day, int ahead) {
    time_t at = (time_t)(day * DAY_S);
    struct tm date;
    (void)gmtime_r(&at, &date);
    date.tm_mday = 1;
    date.tm_mon += ahead;
    return (int64_t)timegm(&date) / DAY_S;
}

/* The period that a time is in, and where the next one begins. */
static int64_t period_start(tk_period period, int64_t us) {
    int64_t day = us / 1000000 / DAY_S;
    day = period == TK_PERIOD_WEEK ? day - weekday(day) : month_start(day, 0);
    return day * DAY_S * 1000000;
}

static int64_t period_next(tk_period period, int64_t us) {
    int64_t day = us / 1000000 / DAY_S;
    day = period == TK_PERIOD_WEEK ? day - weekday(day) + 7 : month_start(day, 1);
    return day * DAY_S * 1000000;
}

/* --- making ----------------------------------------------------------------------------------- */

typedef struct portion {
    char name[9]; /* 20261102 */
    char low[TASKER_UUID_SIZE], high[TASKER_UUID_SIZE];
} portion;

static portion portion_of(int64_t from_us, int64_t to_us) {
    portion p;
    time_t at = (time_t)(from_us / 1000000);
    struct tm date;
    tk_uuid low = tk_uuid_floor(from_us);
    tk_uuid high = tk_uuid_floor(to_us);
    (void)gmtime_r(&at, &date);
    (void)strftime(p.name, sizeof(p.name), "%Y%m%d", &date);
    tk_uuid_format(&low, p.low);
    tk_uuid_format(&high, p.high);
    return p;
}

/* PostgreSQL looks through a default partition, locked, unless a constraint says that nothing in it
 * belongs to the new one. Such a constraint would refuse new rows one day: it goes with the attaching,
 * and one that a crash left behind goes with the next run. */
static tasker_status bounds_drop(const tk_pg *pg, tasker_error *error) {
    tk_buf sql = {0};
    for (int i = 0; i < TK_PG_PARTS; i++) {
        tk_buf_printf(&sql, "ALTER TABLE %s_default DROP CONSTRAINT IF EXISTS %s_default_bound;",
                      tk_pg_parts[i].table, tk_pg_parts[i].table);
    }
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, "making portions", error);
    tk_buf_release(&sql);
    return status;
}

static tasker_status bounds_make(const tk_pg *pg, const portion *p, tasker_error *error) {
    tasker_status status = TASKER_OK;
    for (int i = 0; status == TASKER_OK && i < TK_PG_PARTS; i++) {
        const tk_pg_part *part = &tk_pg_parts[i];
        tk_buf add = {0};
        tk_buf validate = {0};
        tk_buf_printf(&add,
                      "ALTER TABLE %s_default ADD CONSTRAINT %s_default_bound"
                      " CHECK (%s < '%s' OR %s >= '%s') NOT VALID",
                      part->table, part->table, part->key, p->low, part->key, p->high);
        tk_buf_printf(&validate, "ALTER TABLE %s_default VALIDATE CONSTRAINT %s_default_bound",
                      part->table, part->table);
        bool failed = add.failed || validate.failed;
        status = failed ? tk_nomem(error) : tk_pg_change(pg, add.data, "a portion", error);
        if (status == TASKER_OK) {
            status = tk_pg_change(pg, validate.data, "a portion", error);
        }
        tk_buf_release(&add);
        tk_buf_release(&validate);
    }
    return status;
}

static tasker_status portion_attach(const tk_pg *pg, const portion *p, tasker_error *error) {
    tk_buf sql = {0};
    for (int i = 0; i < TK_PG_PARTS; i++) {
        const tk_pg_part *part = &tk_pg_parts[i];
        tk_buf_printf(&sql,
                      "CREATE TABLE %s_%s (LIKE %s INCLUDING DEFAULTS)%s;"
                      "ALTER TABLE %s ATTACH PARTITION %s_%s FOR VALUES FROM ('%s') TO ('%s');",
                      part->table, p->name, part->table, part->settings, part->table, part->table,
                      p->name, p->low, p->high);
    }
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, "making a portion", error);
    tk_buf_release(&sql);
    return status;
}

static tasker_status portion_make(const tk_pg *pg, const portion *p, bool large,
                                  tasker_error *error) {
    if (!large) {
        return portion_attach(pg, p, error);
    }
    tasker_error ignored;
    tasker_status status = bounds_make(pg, p, error);
    if (status == TASKER_OK) {
        status = portion_attach(pg, p, error);
    }
    tasker_status dropped = bounds_drop(pg, status == TASKER_OK ? error : &ignored);
    return status == TASKER_OK ? dropped : status;
}

/* What is there: answers[0] the period, [1] how many portions, [2] where the last ends (ms), [3] the
 * newest task in the default partition (ms), [4] is that one large? [5] was a constraint left? */
static const char survey[] =
    "SELECT (SELECT CASE period WHEN 'week' THEN 2 WHEN 'month' THEN 3 ELSE 1 END"
    "  FROM tasker.ledger),"
    " count(*), max(('x' || substr(replace(substring(pg_get_expr(c.relpartbound, c.oid)"
    "  from 'TO \\(''([0-9a-f-]+)''\\)'), '-', ''), 1, 12))::bit(48)::int8),"
    " (SELECT ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::int8"
    "  FROM tasker.task_default ORDER BY id DESC LIMIT 1),"
    " (pg_total_relation_size('tasker.task_default')"
    "  + pg_total_relation_size('tasker.attempt_default') > " DEFAULT_BYTES_MAX ")::int,"
    " (SELECT count(*) FROM pg_constraint WHERE conname LIKE '%\\_default\\_bound'"
    "  AND conrelid = ANY(ARRAY['tasker.task_default', 'tasker.task_state_default',"
    "   'tasker.attempt_default', 'tasker.act_default']::regclass[]))"
    " FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'tasker.task'::regclass";

tasker_status tk_pg_portions_make(const tk_pg *pg, int64_t now_us, uint32_t *made,
                                  tasker_error *error) {
    int64_t seen[6] = {0};
    *made = 0;
    tasker_status status = tk_pg_ask(pg, survey, seen, TK_COUNT_OF(seen), error);
    if (status == TASKER_OK && seen[5] > 0) {
        status = bounds_drop(pg, error);
    }
    tk_period period = (tk_period)seen[0];
    if (status != TASKER_OK || period <= TK_PERIOD_NONE || period > TK_PERIOD_MONTH) {
        return status;
    }
    int64_t from_us = period_start(period, now_us);
    if (seen[2] * 1000 > from_us) {
        from_us = seen[2] * 1000;
    }
    if (seen[3] * 1000 >=
        from_us) { /* what has begun to go into the default partition stays there */
        from_us = period_next(period, seen[3] * 1000);
    }
    for (int64_t count = seen[1]; count < PORTIONS_MAX && from_us < now_us + AHEAD_US; count++) {
        int64_t to_us = period_next(period, from_us);
        portion p = portion_of(from_us, to_us);
        status = portion_make(pg, &p, seen[4] != 0, error);
        if (status != TASKER_OK) {
            return status;
        }
        ++*made;
        from_us = to_us;
    }
    return TASKER_OK;
}

#endif
