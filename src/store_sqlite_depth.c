/*
 * store_sqlite_depth.c - how much waits, by queue and handler, counted within bounds.
 *
 *   heads of the queue ──► keys ──► rows of each, up to its share     later ──► rows, up to the bound
 */
#include "store_sqlite.h"

#include <stdlib.h>

#define SHARE_MIN 100 /* rows of a key that are counted in any case */

typedef struct depths {
    tk_sqlite *sqlite;
    tk_depth_row *rows; /* sorted by queue and handler */
    uint32_t count;
    bool all;
} depths;

/* The row of a key, which is made behind the others where it is missing. */
static tk_depth_row *row_of(depths *d, int32_t queue, int32_t handler) {
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->rows[i].queue == queue && d->rows[i].handler == handler) {
            return &d->rows[i];
        }
    }
    d->rows[d->count] = (tk_depth_row){.queue = queue, .handler = handler, .all = true};
    return &d->rows[d->count++];
}

/* Heads come by queue, handler and class: each key's stand together. */
static void take_heads(depths *d, const tk_head *heads, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        tk_depth_row *last = d->count > 0 ? &d->rows[d->count - 1] : NULL;
        if (last == NULL || last->queue != heads[i].queue || last->handler != heads[i].handler) {
            last = &d->rows[d->count++];
            *last =
                (tk_depth_row){.queue = heads[i].queue, .handler = heads[i].handler, .all = true};
        }
        if (last->oldest_us == 0 || heads[i].enqueued_us < last->oldest_us) {
            last->oldest_us = heads[i].enqueued_us;
        }
    }
}

static tasker_status count_ready(depths *d, int64_t most, tasker_error *error) {
    int64_t share = d->count == 0 ? most : most / d->count;
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, d->sqlite, TK_SQL_DEPTH_READY, error);
    if (status != TASKER_OK) {
        return status;
    }
    share = share < SHARE_MIN ? SHARE_MIN : share;
    for (uint32_t i = 0; i < d->count; i++) {
        tk_sql_int(&sql, d->rows[i].queue);
        tk_sql_int(&sql, d->rows[i].handler);
        tk_sql_int(&sql, share);
        if (tk_sql_step(&sql)) {
            d->rows[i].ready = tk_sql_get(&sql, 0);
            d->rows[i].all = d->rows[i].ready < share;
            d->all = d->all && d->rows[i].all;
        }
        tk_sql_again(&sql);
    }
    return tk_sql_end(&sql, error);
}

static tasker_status count_later(depths *d, int64_t most, uint32_t room, tasker_error *error) {
    int64_t counted = 0;
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, d->sqlite, TK_SQL_DEPTH_LATER, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_sql_int(&sql, most);
    while (d->count < room && tk_sql_step(&sql)) {
        tk_depth_row *row = row_of(d, tk_sql_get_i32(&sql, 0), tk_sql_get_i32(&sql, 1));
        row->later = tk_sql_get(&sql, 2);
        counted += row->later;
    }
    for (uint32_t i = 0; counted >= most && i < d->count; i++) {
        d->rows[i].all = false;
    }
    d->all = d->all && counted < most;
    return tk_sql_end(&sql, error);
}

static tasker_status read_sum(const depths *d, tk_depth_sum *sum, tasker_error *error) {
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, d->sqlite, TK_SQL_DEPTH_SUM, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (tk_sql_step(&sql)) {
        *sum = (tk_depth_sum){tk_sql_get(&sql, 0), tk_sql_get(&sql, 1)};
    }
    return tk_sql_end(&sql, error);
}

static int compare_rows(const void *a, const void *b) {
    const tk_depth_row *left = a;
    const tk_depth_row *right = b;
    if (left->queue != right->queue) {
        return left->queue < right->queue ? -1 : 1;
    }
    return left->handler < right->handler ? -1 : left->handler > right->handler;
}

tasker_status tk_sqlite_depth_list(tk_store *store, tk_arena *arena, int64_t most,
                                   tk_depth_row **rows, uint32_t *count, tk_depth_sum *sum,
                                   tasker_error *error) {
    const uint32_t room = 2 * TK_HEADS_MAX;
    depths d = {.sqlite = tk_sqlite_of(store), .all = true};
    tk_head *heads = NULL;
    uint32_t head_count = 0;
    *rows = NULL;
    *count = 0;
    *sum = (tk_depth_sum){0};
    tasker_status status = tk_sqlite_heads(store, arena, &heads, &head_count, error);
    if (status != TASKER_OK) {
        return status;
    }
    d.rows = tk_arena_array(arena, room, sizeof(*d.rows));
    if (d.rows == NULL) {
        return tk_nomem(error);
    }
    take_heads(&d, heads, head_count);
    status = count_ready(&d, most, error);
    if (status == TASKER_OK) {
        status = count_later(&d, most, room, error);
    }
    if (status == TASKER_OK && !d.all) {
        status = read_sum(&d, sum, error);
    }
    qsort(d.rows, d.count, sizeof(*d.rows), compare_rows);
    *rows = d.rows;
    *count = d.count;
    return status;
}
