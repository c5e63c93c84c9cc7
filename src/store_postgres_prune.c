/*
 * store_postgres_prune.c - what a store needs over the years: its setup, and pruning.
 *
 *   portions that are over, oldest first ─ all ended, none changed since? ─► keys, counts, then the
 *                                                                             tables go at once
 *   the default partition, by id, some tasks at a time ─────────────────────► ended ones are deleted
 *
 * Keys go first: one that led to a task that is gone would answer a new submission with nothing. A
 * portion is counted without a lock and goes with one short lock on all: readers and turns wait for a
 * moment.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdio.h>
#include <stdlib.h>

/* Keys deleted in one transaction. */
#define KEYS_MAX 10000

/* tk_task_mark: 1 running, 3 blocked. */
#define OPEN "(1, 3)"
#define TIME_OF "('epoch'::timestamptz + %" PRId64 " * interval '1 microsecond')"

/* Outside of transactions, alone on the connection. */
static tasker_status upkeep_begin(tk_pg *pg, bool writes, tasker_error *error) {
    if (tk_process_id() != pg->opener) {
        return tk_pg_fail_forked(pg, error);
    }
    if (writes && pg->read_only) {
        return tk_fail(error, TASKER_UNSUPPORTED, "%s was opened read-only; open it for writing",
                       pg->name);
    }
    pthread_mutex_lock(&pg->mutex);
    tasker_status status = tk_pg_renew(pg, error);
    if (status == TASKER_OK) {
        tk_pg_line_close(pg);
        status = tk_pg_command(pg, "SET statement_timeout = 0", "settings", error);
    }
    if (status != TASKER_OK) {
        pthread_mutex_unlock(&pg->mutex);
    }
    return status;
}

static void upkeep_end(tk_pg *pg) {
    (void)tk_pg_command(pg, TK_PG_USUAL_LIMIT, "settings", NULL);
    pthread_mutex_unlock(&pg->mutex);
}

/* --- setting up ------------------------------------------------------------------------------- */

tasker_status tk_pg_set_up(tk_store *store, tk_arena *arena, tk_setup *setup, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    setup->statement_count = 0;
    setup->made = 0;
    setup->version = TK_PG_SCHEMA_VERSION;
    tasker_status status = upkeep_begin(pg, !setup->print, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (!setup->print) {
        status = tk_pg_period_set(pg, setup->period, error);
    }
    if (status == TASKER_OK && !setup->print && setup->rights) {
        status = tk_pg_epoch_begin(pg, error);
    }
    if (status == TASKER_OK && !setup->print) {
        status = tk_pg_portions_make(pg, setup->now_us, &setup->made, error);
    }
    if (status == TASKER_OK && setup->rights) {
        status = tk_pg_rights(pg, arena, setup, error);
    }
    upkeep_end(pg);
    return status;
}

/* --- portions --------------------------------------------------------------------------------- */

typedef struct portion {
    char name[16]; /* 20261102 */
    char low[TASKER_UUID_SIZE], high[TASKER_UUID_SIZE];
} portion;

static void field_copy(char *to, size_t room, const PGresult *result, int column) {
    (void)snprintf(to, room, "%s", PQgetvalue(result, 0, column));
}

/* The first portion from `past` on that ends before the time given. */
static tasker_status portion_next(const tk_pg *pg, const tk_prune *prune, portion *p, bool *found,
                                  tasker_error *error) {
    char sql[1024];
    char past[TASKER_UUID_SIZE];
    char before[TASKER_UUID_SIZE];
    tk_uuid limit = tk_uuid_floor(prune->before_us);
    tk_uuid_format(&prune->past, past);
    tk_uuid_format(&limit, before);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT substr(c.relname, 6), b.low, b.high FROM pg_catalog.pg_inherits i"
                   " JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid, LATERAL (SELECT"
                   " substring(e from 'FROM \\(''([0-9a-f-]+)''\\)') AS low,"
                   " substring(e from 'TO \\(''([0-9a-f-]+)''\\)') AS high"
                   " FROM pg_get_expr(c.relpartbound, c.oid) e) b"
                   " WHERE i.inhparent = 'tasker.task'::regclass AND c.relname ~ '^task_[0-9]{8}$'"
                   " AND b.low >= '%s' AND b.high <= '%s' ORDER BY b.low LIMIT 1",
                   past, before);
    PGresult *result = PQexec(pg->connection, sql);
    tasker_status status = TASKER_OK;
    *found = false;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = tk_pg_fail(pg, result, "looking for portions", error);
    } else if (PQntuples(result) == 1) {
        *found = true;
        field_copy(p->name, sizeof(p->name), result, 0);
        field_copy(p->low, sizeof(p->low), result, 1);
        field_copy(p->high, sizeof(p->high), result, 2);
    }
    PQclear(result);
    return status;
}

static tasker_status portion_count(const tk_pg *pg, const portion *p, tk_prune *prune,
                                   tasker_error *error) {
    char sql[512];
    int64_t counts[3] = {0, 0, 0};
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*), count(*) FILTER (WHERE state IN " OPEN
                   " OR updated_at >= " TIME_OF "), (SELECT count(*) FROM tasker.identity"
                   "  WHERE task_id >= '%s' AND task_id < '%s') FROM tasker.task_state_%s",
                   prune->before_us, p->low, p->high, p->name);
    tasker_status status = tk_pg_ask(pg, sql, counts, 3, error);
    prune->tasks = counts[1] == 0 ? counts[0] : 0;
    prune->kept = counts[1];
    prune->identities = counts[1] == 0 ? counts[2] : 0;
    return status;
}

/* Deletes the portion's keys, a limited number at a time. */
static tasker_status portion_keys(const tk_pg *pg, const portion *p, int64_t keys,
                                  tasker_error *error) {
    char sql[320];
    (void)snprintf(sql, sizeof(sql),
                   "DELETE FROM tasker.identity WHERE ctid = ANY(ARRAY(SELECT ctid"
                   " FROM tasker.identity WHERE task_id >= '%s' AND task_id < '%s' LIMIT %d))",
                   p->low, p->high, KEYS_MAX);
    tasker_status status = TASKER_OK;
    for (int64_t left = keys; status == TASKER_OK && left > 0; left -= KEYS_MAX) {
        status = tk_pg_command(pg, sql, "deleting keys", error);
    }
    return status;
}

/* What is over stays over, so all is counted before anything is locked: a turn's update waits for a lock
 * on any portion. Nothing should be open; should it be all the same, the division refuses. */
static tasker_status portion_drop(const tk_pg *pg, const portion *p, tasker_error *error) {
    tk_buf sql = {0};
    tk_buf_printf(&sql,
                  "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;"
                  "INSERT INTO counter (template_id, from_state, to_state, tasks)"
                  " SELECT t.template_id, s.state, 0, count(*) FROM task_%s t"
                  " JOIN task_state_%s s ON s.task_id = t.id GROUP BY 1, 2;"
                  "DELETE FROM task_page WHERE task_id >= '%s' AND task_id < '%s';"
                  "LOCK TABLE task, task_state, attempt, act IN ACCESS EXCLUSIVE MODE;"
                  "SELECT 1 / (NOT EXISTS (SELECT 1 FROM task_state_%s WHERE state IN " OPEN
                  "))::int;"
                  "DROP TABLE task_%s, task_state_%s, attempt_%s, act_%s",
                  p->name, p->name, p->low, p->high, p->name, p->name, p->name, p->name, p->name);
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, "dropping a portion", error);
    tk_buf_release(&sql);
    return status;
}

static tasker_status portion_prune(const tk_pg *pg, tk_arena *arena, const portion *p,
                                   tk_prune *prune, tasker_error *error) {
    const char *name = tk_arena_printf(arena, "%s", p->name);
    if (name == NULL || !tk_uuid_parse(tk_str_of(p->high), &prune->past)) {
        return tk_nomem(error);
    }
    prune->portion = tk_str_of(name);
    tasker_status status = portion_count(pg, p, prune, error);
    if (status == TASKER_OK && prune->kept == 0 && !prune->dry_run) {
        status = portion_keys(pg, p, prune->identities, error);
        if (status == TASKER_OK) {
            status = portion_drop(pg, p, error);
        }
    }
    return status;
}

/* --- single tasks ----------------------------------------------------------------------------- */

/* Looks at the next tasks: `ids` becomes "{…}" of those that go. */
static tasker_status singles_find(const tk_pg *pg, tk_prune *prune, tk_buf *ids,
                                  tasker_error *error) {
    char sql[512];
    char past[TASKER_UUID_SIZE];
    char before[TASKER_UUID_SIZE];
    tk_uuid limit = tk_uuid_floor(prune->before_us);
    tk_uuid_format(&prune->past, past);
    tk_uuid_format(&limit, before);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT task_id, state IN " OPEN " OR updated_at >= " TIME_OF
                   " FROM tasker.task_state_default WHERE task_id > '%s' AND task_id < '%s'"
                   " ORDER BY task_id LIMIT %" PRIu32,
                   prune->before_us, past, before, prune->limit);
    PGresult *result = PQexec(pg->connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        tasker_status status = tk_pg_fail(pg, result, "looking for ended tasks", error);
        PQclear(result);
        return status;
    }
    int count = PQntuples(result);
    for (int i = 0; i < count; i++) {
        const char *id = PQgetvalue(result, i, 0);
        if (PQgetvalue(result, i, 1)[0] == 't') {
            prune->kept++;
        } else {
            tk_buf_printf(ids, "%c%s", prune->tasks++ == 0 ? '{' : ',', id);
        }
        (void)tk_uuid_parse(tk_str_of(id), &prune->past);
    }
    tk_buf_text(ids, prune->tasks > 0 ? "}" : "");
    prune->more = (uint32_t)count == prune->limit;
    PQclear(result);
    return ids->failed ? tk_nomem(error) : TASKER_OK;
}

/* What became open in between stays: the state's row decides, and the rest follows it. */
static tasker_status singles_delete(const tk_pg *pg, const char *ids, tasker_error *error) {
    static const char *const tables[] = {"attempt_default", "act_default", "task_page"};
    tk_buf sql = {0};
    tk_buf_printf(&sql,
                  "DELETE FROM identity i WHERE task_id = ANY('%s') AND NOT EXISTS"
                  " (SELECT 1 FROM task_state_default s WHERE s.task_id = i.task_id"
                  "  AND s.state IN " OPEN ");"
                  "WITH s AS (DELETE FROM task_state_default WHERE task_id = ANY('%s')"
                  "  AND state NOT IN " OPEN " RETURNING task_id, state)"
                  " INSERT INTO counter (template_id, from_state, to_state, tasks)"
                  " SELECT t.template_id, s.state, 0, count(*) FROM s"
                  " JOIN task_default t ON t.id = s.task_id GROUP BY 1, 2;",
                  ids, ids);
    for (size_t i = 0; i < TK_COUNT_OF(tables); i++) {
        tk_buf_printf(&sql,
                      "DELETE FROM %s d WHERE task_id = ANY('%s') AND NOT EXISTS"
                      " (SELECT 1 FROM task_state_default s WHERE s.task_id = d.task_id);",
                      tables[i], ids);
    }
    tk_buf_printf(&sql,
                  "DELETE FROM task_default t WHERE id = ANY('%s') AND NOT EXISTS"
                  " (SELECT 1 FROM task_state_default s WHERE s.task_id = t.id)",
                  ids);
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, "deleting ended tasks", error);
    tk_buf_release(&sql);
    return status;
}

static tasker_status singles_keys(const tk_pg *pg, const char *ids, int64_t *keys,
                                  tasker_error *error) {
    tk_buf sql = {0};
    tk_buf_printf(&sql, "SELECT count(*) FROM tasker.identity WHERE task_id = ANY('%s')", ids);
    tasker_status status = sql.failed ? tk_nomem(error) : tk_pg_ask(pg, sql.data, keys, 1, error);
    tk_buf_release(&sql);
    return status;
}

static tasker_status singles_prune(const tk_pg *pg, tk_prune *prune, tasker_error *error) {
    tk_buf ids = {0};
    tasker_status status = singles_find(pg, prune, &ids, error);
    if (status == TASKER_OK && prune->tasks > 0) {
        status = singles_keys(pg, ids.data, &prune->identities, error);
        if (status == TASKER_OK && !prune->dry_run) {
            status = singles_delete(pg, ids.data, error);
        }
    }
    tk_buf_release(&ids);
    return status;
}

tasker_status tk_pg_prune(tk_store *store, tk_arena *arena, tk_prune *prune, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    portion p;
    bool found = false;
    prune->tasks = prune->kept = prune->identities = 0;
    prune->portion = (tk_str){NULL, 0};
    prune->more = true;
    tasker_status status = upkeep_begin(pg, !prune->dry_run, error);
    if (status != TASKER_OK) {
        return status;
    }
    int64_t began_us = tk_clock_monotonic(pg->clock); /* with the session for itself */
    if (!prune->singles) {
        status = portion_next(pg, prune, &p, &found, error);
    }
    if (status == TASKER_OK && found) {
        status = portion_prune(pg, arena, &p, prune, error);
    } else if (status == TASKER_OK) {
        prune->past = prune->singles ? prune->past : (tk_uuid){{0}};
        prune->singles = true;
        status = singles_prune(pg, prune, error);
    }
    prune->held_us = tk_clock_monotonic(pg->clock) - began_us;
    upkeep_end(pg);
    return status;
}

#endif
