/*
 * query_analytics.c - rates and latencies: the rows of minutes and hours (minute.h), added up into portions
 * of time for a chart, and by step for what is slow or fails.
 */
#include <stdlib.h>

#include "minute.h"
#include "query.h"

#define MINUTES_MAX 10080 /* a week */
#define PORTIONS_MAX 240
#define LIMIT_MAX 100

typedef struct sums {
    int64_t started, completed, done, failed;
    tk_histogram task, step, wait;
} sums;

/* A row of the store with what it is about. */
typedef struct found {
    const tk_minute_row *row;
    const tk_known *known;
} found;

typedef struct slow {
    const tk_known *known;
    int32_t step;
    int64_t done, failed;
    tk_histogram ran, waited;
    double p95_us;
} slow;

typedef struct analysis {
    int64_t from_us, to_us, since_us, portion_us;
    int64_t limit, min_executions;
    found *rows;
    uint32_t row_count;
    sums *portions;
    uint32_t portion_count;
    sums total;
} analysis;

/* --- what is asked ---------------------------------------------------------------------------- */

static int64_t up_to(int64_t value, int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

/* Portions begin at whole multiples of themselves; the last one is under way. */
static tasker_status read_time(const tk_query_call *q, analysis *a) {
    int64_t minutes = 60;
    int64_t portions = 60;
    tasker_status status = tk_query_int(q, "minutes", 1, MINUTES_MAX, &minutes);
    if (status == TASKER_OK) {
        status = tk_query_int(q, "portions", 1, PORTIONS_MAX, &portions);
    }
    a->to_us = tk_clock_now(q->engine->clock);
    int64_t span_us = minutes * TK_MINUTE_US;
    bool hours = span_us > TK_MINUTES_KEPT_US; /* what is older is kept by the hour */
    a->portion_us = up_to((span_us + portions - 1) / portions, hours ? TK_HOUR_US : TK_MINUTE_US);
    int64_t last_us = a->to_us - a->to_us % a->portion_us;
    a->portion_count = (uint32_t)(up_to(span_us, a->portion_us) / a->portion_us);
    a->from_us = last_us - ((int64_t)a->portion_count - 1) * a->portion_us;
    return status;
}

static tasker_status read_limits(const tk_query_call *q, analysis *a) {
    a->limit = 10;
    a->min_executions = 10;
    tasker_status status = tk_query_int(q, "limit", 1, LIMIT_MAX, &a->limit);
    return status == TASKER_OK ? tk_query_int(q, "min_executions", 1, INT32_MAX, &a->min_executions)
                               : status;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool is_meant(const tk_known *known, tk_str namespace_name, tk_str name) {
    return (namespace_name.size == 0 ||
            tk_str_is(namespace_name, known->template->namespace_name)) &&
           (name.size == 0 || tk_str_is(name, known->template->name));
}

/* Keeps the rows that are meant; those of templates that nobody can read are left out. */
static tasker_status read_rows(const tk_query_call *q, analysis *a) {
    tk_str namespace_name;
    tk_str name;
    tk_minute_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status = tk_query_text(q, "namespace", &namespace_name);
    if (status == TASKER_OK) {
        status = tk_query_text(q, "name", &name);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, minute_list, q->arena, a->from_us, &rows, &count,
                               &a->since_us, q->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(q->engine->store, sync, q->error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    a->rows = tk_arena_array(q->arena, count, sizeof(*a->rows));
    if (a->rows == NULL) {
        return tk_nomem(q->error);
    }
    const tk_known *known = NULL;
    tasker_error why;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].template_id != rows[i - 1].template_id) {
            status = tk_catalog_get(q->engine, rows[i].template_id, &known, &why);
        }
        if (status != TASKER_OK && status != TASKER_NOTFOUND && status != TASKER_INVALID) {
            if (q->error != NULL) {
                *q->error = why;
            }
            return status;
        }
        if (known != NULL && rows[i].at_us >= a->from_us && is_meant(known, namespace_name, name)) {
            a->rows[a->row_count++] = (found){&rows[i], known};
        }
    }
    return TASKER_OK;
}

/* What is damaged ends there. */
static void times_read(const tk_minute_row *row, tk_histogram *first, tk_histogram *second) {
    tk_str bytes = row->times;
    if (tk_histogram_read(&bytes, first) && second != NULL) {
        (void)tk_histogram_read(&bytes, second);
    }
}

static void add_row(sums *into, const tk_minute_row *row) {
    if (row->step == TK_ACT_NO_STEP) {
        into->started += row->started;
        into->completed += row->done;
        times_read(row, &into->task, NULL);
    } else {
        into->done += row->done;
        into->failed += row->failed;
        times_read(row, &into->step, &into->wait);
    }
}

static void add_rows(analysis *a) {
    for (uint32_t i = 0; i < a->row_count; i++) {
        int64_t portion = (a->rows[i].row->at_us - a->from_us) / a->portion_us;
        if (portion < (int64_t)a->portion_count) { /* else by a clock before ours */
            add_row(&a->portions[portion], a->rows[i].row);
        }
    }
    for (uint32_t i = 0; i < a->portion_count; i++) {
        const sums *one = &a->portions[i];
        a->total.started += one->started;
        a->total.completed += one->completed;
        a->total.done += one->done;
        a->total.failed += one->failed;
        tk_histogram_merge(&a->total.task, &one->task);
        tk_histogram_merge(&a->total.step, &one->step);
        tk_histogram_merge(&a->total.wait, &one->wait);
    }
}

/* --- as JSON ---------------------------------------------------------------------------------- */

/* As many digits as mean something. */
static void write_ms(tk_buf *buf, const char *name, double us) {
    double ms = us / 1000;
    tk_json_write_name(buf, name);
    tk_buf_printf(buf, ms < 10 ? "%.2f" : ms < 100 ? "%.1f" : "%.0f", ms);
}

static void write_times(tk_buf *buf, const char *name, const tk_histogram *h) {
    if (tk_histogram_total(h) == 0) {
        tk_json_write_member_null(buf, name);
        return;
    }
    tk_json_write_name(buf, name);
    tk_buf_char(buf, '{');
    write_ms(buf, "p50", tk_histogram_quantile(h, 0.50));
    write_ms(buf, "p95", tk_histogram_quantile(h, 0.95));
    write_ms(buf, "p99", tk_histogram_quantile(h, 0.99));
    tk_buf_char(buf, '}');
}

static void write_sums(tk_buf *buf, const sums *s) {
    tk_json_write_member_int(buf, "submitted", s->started);
    tk_json_write_member_int(buf, "completed", s->completed);
    tk_json_write_member_int(buf, "steps", s->done + s->failed);
    tk_json_write_member_int(buf, "failed_steps", s->failed);
    write_times(buf, "task_ms", &s->task);
    write_times(buf, "step_ms", &s->step);
    write_times(buf, "wait_ms", &s->wait);
    tk_buf_char(buf, '}');
}

static void write_portions(tk_buf *buf, const analysis *a) {
    tk_json_write_name(buf, "portions");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < a->portion_count; i++) {
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_time(buf, "at", a->from_us + (int64_t)i * a->portion_us);
        write_sums(buf, &a->portions[i]);
    }
    tk_buf_char(buf, ']');
    tk_json_write_name(buf, "total");
    tk_buf_char(buf, '{');
    write_sums(buf, &a->total);
}

/* --- by step ---------------------------------------------------------------------------------- */

static int compare_found(const void *left, const void *right) {
    const tk_minute_row *a = ((const found *)left)->row;
    const tk_minute_row *b = ((const found *)right)->row;
    if (a->template_id != b->template_id) {
        return a->template_id < b->template_id ? -1 : 1;
    }
    return (a->step > b->step) - (a->step < b->step);
}

static int compare_slow(const void *left, const void *right) {
    const slow *a = left;
    const slow *b = right;
    return (a->p95_us < b->p95_us) - (a->p95_us > b->p95_us);
}

static int compare_failing(const void *left, const void *right) {
    const slow *a = left;
    const slow *b = right;
    return (a->failed < b->failed) - (a->failed > b->failed);
}

/* One for each step that has its executions; the rows are put in order. */
static bool steps_of(const tk_query_call *q, analysis *a, slow **steps, uint32_t *count) {
    uint32_t kinds = 0;
    qsort(a->rows, a->row_count, sizeof(*a->rows), compare_found);
    for (uint32_t i = 0; i < a->row_count; i++) {
        kinds += i == 0 || compare_found(&a->rows[i - 1], &a->rows[i]) != 0;
    }
    *count = 0;
    *steps = tk_arena_array(q->arena, kinds, sizeof(**steps));
    for (uint32_t i = 0; *steps != NULL && i < a->row_count; i++) {
        const found *one = &a->rows[i];
        if (one->row->step < 0 ||
            !tk_template_has(one->known->template, (uint32_t)one->row->step)) {
            continue;
        }
        slow *last = *count > 0 ? &(*steps)[*count - 1] : NULL;
        if (last == NULL || last->known != one->known || last->step != one->row->step) {
            last = &(*steps)[(*count)++];
            *last = (slow){.known = one->known, .step = one->row->step};
        }
        last->done += one->row->done;
        last->failed += one->row->failed;
        times_read(one->row, &last->ran, &last->waited);
    }
    for (uint32_t i = 0; i < *count; i++) {
        (*steps)[i].p95_us = tk_histogram_quantile(&(*steps)[i].ran, 0.95);
    }
    return *steps != NULL;
}

static void write_step(tk_buf *buf, const slow *s) {
    const tk_template *template = s->known->template;
    int64_t all = s->done + s->failed;
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "namespace", tk_str_of(template->namespace_name));
    tk_json_write_member_string(buf, "name", tk_str_of(template->name));
    tk_json_write_member_string(buf, "version", tk_str_of(template->version));
    tk_json_write_member_string(buf, "step", tk_str_of(template->steps[s->step].name));
    tk_json_write_member_int(buf, "steps", all);
    tk_json_write_member_int(buf, "failed_steps", s->failed);
    tk_json_write_name(buf, "error_rate");
    tk_buf_printf(buf, "%.4f", (double)s->failed / (double)all);
    write_times(buf, "step_ms", &s->ran);
    write_times(buf, "wait_ms", &s->waited);
    tk_buf_char(buf, '}');
}

static void write_steps(tk_buf *buf, const char *name, const analysis *a, const slow *steps,
                        uint32_t count, bool failing) {
    int64_t left = a->limit;
    tk_json_write_name(buf, name);
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < count && left > 0; i++) {
        if (steps[i].done + steps[i].failed >= a->min_executions &&
            (!failing || steps[i].failed > 0)) {
            tk_json_write_comma(buf);
            write_step(buf, &steps[i]);
            left--;
        }
    }
    tk_buf_char(buf, ']');
}

/* --- the whole -------------------------------------------------------------------------------- */

tasker_status tk_query_analytics(const tk_query_call *q) {
    analysis *a = tk_arena_alloc(q->arena, sizeof(*a));
    slow *steps = NULL;
    uint32_t count = 0;
    if (a == NULL) {
        return tk_nomem(q->error);
    }
    tasker_status status = read_time(q, a);
    if (status == TASKER_OK) {
        status = read_limits(q, a);
    }
    if (status == TASKER_OK) {
        status = read_rows(q, a);
    }
    if (status != TASKER_OK) {
        return status;
    }
    a->portions = tk_arena_array(q->arena, a->portion_count, sizeof(*a->portions));
    if (a->portions == NULL || !steps_of(q, a, &steps, &count)) {
        return tk_nomem(q->error);
    }
    add_rows(a);
    tk_buf_char(q->answer, '{');
    tk_json_write_member_time(q->answer, "from", a->from_us);
    tk_json_write_member_time(q->answer, "to", a->to_us);
    tk_json_write_member_int(q->answer, "portion_seconds", a->portion_us / 1000000);
    tk_json_write_member_time(q->answer, "since", a->since_us);
    write_portions(q->answer, a);
    qsort(steps, count, sizeof(*steps), compare_slow);
    write_steps(q->answer, "slow_steps", a, steps, count, false);
    qsort(steps, count, sizeof(*steps), compare_failing);
    write_steps(q->answer, "failing_steps", a, steps, count, true);
    tk_buf_char(q->answer, '}');
    return TASKER_OK;
}
