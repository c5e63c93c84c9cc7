/*
 * prune.c - takes ended tasks away, a portion or some tasks at a time, each in a short transaction.
 *
 * How many single tasks go at once is measured: a store's write lock is held for about HOLD_US, and
 * others get their turn between. Waiting for the lock is not counted: the busier a store is, the longer
 * that takes, and the portions would only get smaller.
 */
#include "engine.h"

#define HOLD_US 40000
#define SINGLES_FIRST 64
#define SINGLES_MAX 2048

/* Portions told of by name in a report. */
#define PORTIONS_MAX 1000

typedef struct pruning {
    tk_engine *engine;
    const tasker_prune_options *options;
    tk_prune prune;
    tk_arena arena; /* of one call */
    tk_buf portions;
    uint32_t portion_count;
    int64_t tasks, identities, kept;
} pruning;

static void portion_tell(pruning *p) {
    tk_buf *buf = &p->portions;
    if (p->prune.portion.size == 0 || p->portion_count++ == PORTIONS_MAX) {
        return;
    }
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "portion", p->prune.portion);
    tk_json_write_member_bool(buf, "dropped", p->prune.kept == 0 && !p->prune.dry_run);
    tk_json_write_member_int(buf, "tasks", p->prune.tasks);
    tk_json_write_member_int(buf, "kept", p->prune.kept);
    tk_buf_char(buf, '}');
}

/* The next number of single tasks, by how long the last ones took. */
static uint32_t limit_next(uint32_t limit, int64_t held_us) {
    if (held_us > HOLD_US) {
        return limit > 1 ? limit / 2 : 1;
    }
    return held_us < HOLD_US / 4 && limit < SINGLES_MAX ? limit * 2 : limit;
}

static tasker_status prune_once(pruning *p, tasker_error *error) {
    tk_store *store = p->engine->store;
    tk_arena_reset(&p->arena);
    tasker_status status = store->driver->prune(store, &p->arena, &p->prune, error);
    if (status != TASKER_OK) {
        return status;
    }
    p->tasks += p->prune.tasks;
    p->identities += p->prune.identities;
    p->kept += p->prune.kept;
    portion_tell(p);
    if (p->prune.singles) {
        p->prune.limit = limit_next(p->prune.limit, p->prune.held_us);
    }
    if (p->options->tell != NULL && !p->options->tell(p->options->user, p->tasks, 0)) {
        return tk_fail(error, TASKER_CLOSED, "pruning was ended after %" PRId64 " tasks", p->tasks);
    }
    return TASKER_OK;
}

static void report_write(const pruning *p, uint32_t made, tk_buf *report) {
    tk_buf_char(report, '{');
    tk_json_write_member_bool(report, "dry_run", p->options->dry_run);
    tk_json_write_member_time(report, "before", p->prune.before_us);
    tk_json_write_member_int(report, "tasks", p->tasks);
    tk_json_write_member_int(report, "identities", p->identities);
    tk_json_write_member_int(report, "kept", p->kept);
    tk_json_write_name(report, "portions");
    tk_buf_str(report, tk_buf_view(&p->portions));
    tk_buf_char(report, ']');
    tk_json_write_member_int(report, "portions_made", made);
    tk_buf_char(report, '}');
}

tasker_status tk_prune_store(tk_engine *engine, const tasker_prune_options *options, tk_buf *report,
                             tasker_error *error) {
    int64_t now_us = tk_clock_now(engine->clock);
    if (options->older_than_ms < 0 || options->older_than_ms > now_us / 1000) {
        return tk_fail(error, TASKER_INVALID, "an age between 0 and that of the epoch is expected");
    }
    pruning p = {
        .engine = engine,
        .options = options,
        .prune = {.before_us = now_us - options->older_than_ms * 1000,
                  .limit = SINGLES_FIRST,
                  .dry_run = options->dry_run,
                  .more = true},
    };
    tasker_status status = TASKER_OK;
    tk_buf_char(&p.portions, '[');
    while (status == TASKER_OK && p.prune.more) {
        status = prune_once(&p, error);
    }
    tk_setup setup = {.now_us = now_us};
    if (status == TASKER_OK && !options->dry_run) {
        status = engine->store->driver->set_up(engine->store, &p.arena, &setup, error);
    }
    if (status == TASKER_OK) {
        report_write(&p, setup.made, report);
    }
    status = status == TASKER_OK && p.portions.failed ? tk_nomem(error) : status;
    tk_buf_release(&p.portions);
    tk_arena_release(&p.arena);
    return status;
}
