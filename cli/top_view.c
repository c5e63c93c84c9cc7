/*
 * top_view.c - shows what top.c has seen; see top.h.
 */
#include <stdlib.h>

#include "clock.h"
#include "format.h"
#include "json_view.h"
#include "table.h"
#include "top.h"

static const char *const sort_words[TOP_SORT_COUNT] = {"ready", "age", "name"};

static tk_str text_of(const top *t, tk_json object, const char *name) {
    return json_text(&t->c->arena, tk_json_member(object, name));
}

/* --- head ------------------------------------------------------------------------------------- */

static void show_head(const top *t) {
    out *o = &t->c->out;
    tk_buf now = {0};
    format_moment(&now, tk_clock_now(&tk_clock_system));
    out_text(o, OUT_BOLD, TK_STR("tasker top"), 0);
    const size_t end = sizeof("2026-11-23 21:35:01") - 1; /* the time of day will do */
    out_printf(o, "  %.*s UTC", now.size > end ? (int)(end - FORMAT_DATE_BYTES) : 0,
               now.size > end ? now.data + FORMAT_DATE_BYTES : "");
    if (t->paused) {
        out_printf(o, "  ");
        out_text(o, OUT_YELLOW, TK_STR("paused"), 0);
    }
    if (o->terminal) {
        out_printf(o, "  ");
        out_text(o, OUT_DIM, TK_STR("q quit  p pause  s sort"), 0);
    }
    out_printf(o, "\n\n");
    tk_buf_release(&now);
}

/* "running 3" with the number standing out when it is one that matters. */
static void show_number(out *o, const char *name, int64_t number, out_color color) {
    out_printf(o, "  %s ", name);
    char text[32];
    tk_buf buf = {0};
    tk_buf_printf(&buf, "%" PRId64, number);
    size_t size = buf.size < sizeof(text) ? buf.size : 0;
    memcpy(text, buf.data == NULL ? "" : buf.data, size);
    tk_buf_release(&buf);
    out_text(o, number == 0 ? OUT_DIM : color, (tk_str){text, size}, 0);
}

static void show_rate(out *o, const char *name, double rate, out_color color) {
    out_printf(o, "  %s ", name);
    tk_buf buf = {0};
    if (rate < 0) {
        tk_buf_text(&buf, "-");
    } else {
        tk_buf_printf(&buf, rate < 10 ? "%.1f/s" : "%.0f/s", rate);
    }
    out_text(o, rate > 0 ? color : OUT_DIM, tk_buf_view(&buf), 0);
    tk_buf_release(&buf);
}

/* "ran 12 ms (p95 1.2 s)" */
static void show_quantiles(out *o, const char *name, tk_json quantiles) {
    char text[FORMAT_DURATION_SIZE];
    if (quantiles.kind != TK_JSON_OBJECT) {
        return;
    }
    double p50_us = tk_json_double(tk_json_member(quantiles, "p50")) * 1000;
    double p95_us = tk_json_double(tk_json_member(quantiles, "p95")) * 1000;
    out_printf(o, "  %s %s", name, format_duration(text, (int64_t)p50_us));
    out_printf(o, " (p95 %s)", format_duration(text, (int64_t)p95_us));
}

static void show_minute(const top *t) {
    enum { SECONDS = 60 };
    out *o = &t->c->out;
    tk_json total = tk_json_member(t->minute, "total");
    if (total.kind != TK_JSON_OBJECT) {
        return;
    }
    out_printf(o, "minute");
    show_rate(o, "steps", (double)json_count(total, "steps") / SECONDS, OUT_CYAN);
    show_rate(o, "failed", (double)json_count(total, "failed_steps") / SECONDS, OUT_RED);
    show_quantiles(o, "ran", tk_json_member(total, "step_ms"));
    show_quantiles(o, "waited", tk_json_member(total, "wait_ms"));
    out_printf(o, "\n");
}

static void show_totals(const top *t) {
    out *o = &t->c->out;
    tk_json tasks = tk_json_member(t->counts, "tasks");
    tk_json steps = tk_json_member(t->counts, "steps");
    out_printf(o, "tasks ");
    show_number(o, "running", json_count(tasks, "running"), OUT_CYAN);
    show_number(o, "blocked", json_count(tasks, "blocked_by_failures"), OUT_RED);
    show_number(o, "complete", json_count(tasks, "complete"), OUT_GREEN);
    show_number(o, "cancelled", json_count(tasks, "cancelled"), OUT_PLAIN);
    show_number(o, "error", json_count(tasks, "error"), OUT_RED);
    out_printf(o, "\nrates ");
    show_rate(o, "submitted", t->submitted_s, OUT_CYAN);
    show_rate(o, "completed", t->complete_s, OUT_GREEN);
    show_rate(o, "failed", t->failed_s, OUT_RED);
    out_printf(o, "\nsteps ");
    show_number(o, "ready", json_count(steps, "ready"), OUT_CYAN);
    show_number(o, "running", json_count(steps, "running"), OUT_CYAN);
    show_number(o, "later", json_count(steps, "later"), OUT_YELLOW);
    show_number(o, "without a worker", json_count(steps, "no_worker"), OUT_RED);
    out_printf(o, "\n");
}

/* --- queues ----------------------------------------------------------------------------------- */

typedef struct queue {
    tk_str space, callable;
    int64_t ready, later, workers, oldest_us;
} queue;

static int compare_text(tk_str a, tk_str b) {
    size_t least = a.size < b.size ? a.size : b.size;
    int order = least == 0 ? 0 : memcmp(a.data, b.data, least);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *left, const void *right) {
    const queue *a = left;
    const queue *b = right;
    int order = compare_text(a->space, b->space);
    return order != 0 ? order : compare_text(a->callable, b->callable);
}

static int by_ready(const void *left, const void *right) {
    const queue *a = left;
    const queue *b = right;
    return a->ready != b->ready ? (a->ready < b->ready) - (a->ready > b->ready) : by_name(a, b);
}

/* The oldest first; those without a ready step last. */
static int by_age(const void *left, const void *right) {
    int64_t a = ((const queue *)left)->oldest_us;
    int64_t b = ((const queue *)right)->oldest_us;
    a = a == 0 ? INT64_MAX : a;
    b = b == 0 ? INT64_MAX : b;
    return a != b ? (a > b) - (a < b) : by_name(left, right);
}

static const table_column queue_columns[] = {
    {.title = "QUEUE", .flexible = true, .least = 12},
    {.title = "HANDLER", .flexible = true, .least = 16},
    {.title = "READY", .right = true, .least = 6},
    {.title = "LATER", .right = true, .least = 6},
    {.title = "OLDEST", .right = true, .least = 9},
    {.title = "WORKERS", .right = true},
    {0},
};

static bool show_queues(const top *t, int64_t now_us) {
    static int (*const orders[TOP_SORT_COUNT])(const void *, const void *) = {by_ready, by_age,
                                                                              by_name};
    queue *queues = tk_arena_array(&t->c->arena, TOP_QUEUES_MAX, sizeof(*queues));
    size_t count = 0;
    table rows = {.columns = queue_columns, .single = t->c->out.terminal};
    tk_json_iterator it = tk_json_each(tk_json_member(t->counts, "queues"));
    while (queues != NULL && count < TOP_QUEUES_MAX && tk_json_next(&it)) {
        queues[count++] = (queue){
            .space = text_of(t, it.value, "namespace"),
            .callable = text_of(t, it.value, "callable"),
            .ready = json_count(it.value, "ready"),
            .later = json_count(it.value, "later"),
            .workers = json_count(it.value, "workers"),
            .oldest_us = format_time_of(tk_json_member(it.value, "oldest_at")),
        };
    }
    if (count == 0) {
        return queues != NULL;
    }
    qsort(queues, count, sizeof(*queues), orders[t->sort]);
    for (size_t i = 0; i < count; i++) {
        char age[FORMAT_DURATION_SIZE];
        const queue *q = &queues[i];
        bool stuck = q->ready > 0 && q->workers == 0;
        table_add(&rows, OUT_PLAIN, q->space);
        table_add(&rows, OUT_BOLD, q->callable);
        table_printf(&rows, q->ready == 0 ? OUT_DIM : OUT_CYAN, "%" PRId64, q->ready);
        table_printf(&rows, q->later == 0 ? OUT_DIM : OUT_YELLOW, "%" PRId64, q->later);
        table_add_text(&rows, OUT_PLAIN,
                       q->oldest_us == 0 ? "-" : format_duration(age, now_us - q->oldest_us));
        table_printf(&rows, stuck ? OUT_RED : OUT_PLAIN, "%" PRId64, q->workers);
    }
    out_printf(&t->c->out, t->c->out.terminal ? "\nQueues by %s\n" : "\n", sort_words[t->sort]);
    return table_end(&rows, &t->c->out, 0, true);
}

/* --- workers ---------------------------------------------------------------------------------- */

static const table_column worker_columns[] = {
    {.title = "WORKER", .flexible = true, .least = 16},
    {.title = "STATE", .least = sizeof("silent") - 1},
    {.title = "STEPS", .right = true},
    {.title = "RUNS", .flexible = true, .least = 20},
    {0},
};

/* As far as its process, or its beat since we look, tells. */
static void add_life(const top *t, table *rows, tk_json worker) {
    worker_life life = workers_life(&t->workers, worker); /* if its process is of this host */
    if (life != WORKER_UNKNOWN) {
        bool gone = life == WORKER_GONE;
        table_add_text(rows, gone ? OUT_RED : OUT_GREEN, gone ? "gone" : "runs");
        return;
    }
    int64_t id = json_count(worker, "worker_id");
    const int64_t listen_us = (int64_t)WORKERS_LISTEN_MS * 1000;
    for (size_t i = 0; i < t->beat_count; i++) {
        if (t->beats[i].id != id) {
            continue;
        }
        int64_t since_us = t->beats[i].moved_us == 0 ? t->first_us : t->beats[i].moved_us;
        bool silent = t->now.at_us - since_us > listen_us;
        bool moved = t->beats[i].moved_us > 0;
        table_add_text(rows,
                       silent  ? OUT_RED
                       : moved ? OUT_GREEN
                               : OUT_DIM,
                       silent  ? "silent"
                       : moved ? "runs"
                               : "-");
        return;
    }
    table_add_text(rows, OUT_DIM, "-");
}

/* "cli/slow slow 2.1 s, cli/chain first 3 ms" */
static void add_steps(const top *t, table *rows, tk_json worker, int64_t now_us) {
    tk_buf text = {0};
    tk_json_iterator it = tk_json_each(tk_json_member(worker, "steps"));
    while (tk_json_next(&it)) {
        char took[FORMAT_DURATION_SIZE];
        int64_t claimed_us = format_time_of(tk_json_member(it.value, "claimed_at"));
        tk_buf_text(&text, text.size > 0 ? ", " : "");
        tk_buf_str(&text, text_of(t, it.value, "name"));
        tk_buf_char(&text, '/');
        tk_buf_str(&text, text_of(t, it.value, "step"));
        tk_buf_printf(&text, " %s", format_duration(took, now_us - claimed_us));
    }
    rows->failed = rows->failed || text.failed;
    table_add(rows, OUT_PLAIN, text.size == 0 ? TK_STR("-") : tk_buf_view(&text));
    tk_buf_release(&text);
}

static bool show_workers(const top *t, int64_t now_us) {
    table rows = {.columns = worker_columns, .single = t->c->out.terminal};
    tk_json_iterator it = tk_json_each(t->workers.answer);
    while (tk_json_next(&it)) {
        table_add(&rows, OUT_BOLD, text_of(t, it.value, "name"));
        add_life(t, &rows, it.value);
        table_printf(&rows, OUT_PLAIN, "%" PRId64, json_count(it.value, "running"));
        add_steps(t, &rows, it.value, now_us);
    }
    out_printf(&t->c->out, "\n");
    if (rows.count == 0) {
        out_text(&t->c->out, OUT_YELLOW, TK_STR("no worker is running"), 0);
        out_printf(&t->c->out, "\n");
    }
    return table_end(&rows, &t->c->out, 0, rows.count > 0);
}

/* --- failures --------------------------------------------------------------------------------- */

static const table_column blocked_columns[] = {
    {.title = "BLOCKED"},
    {.title = "TEMPLATE", .flexible = true, .least = 16},
    {.title = "STEPS", .right = true},
    {.title = "AGE", .right = true},
    {0},
};

static bool show_blocked(const top *t, int64_t now_us) {
    table rows = {.columns = blocked_columns, .single = t->c->out.terminal};
    tk_json_iterator it = tk_json_each(tk_json_member(t->blocked, "tasks"));
    while (tk_json_next(&it)) {
        char age[FORMAT_DURATION_SIZE];
        int64_t created_us = format_time_of(tk_json_member(it.value, "created_at"));
        tk_str space = text_of(t, it.value, "namespace");
        tk_str name = text_of(t, it.value, "name");
        table_add(&rows, OUT_RED, text_of(t, it.value, "task_uuid"));
        table_printf(&rows, OUT_PLAIN, "%.*s/%.*s", (int)space.size, space.data, (int)name.size,
                     name.data);
        table_printf(&rows, OUT_PLAIN, "%" PRId64 "/%" PRId64,
                     json_count(it.value, "completed_steps"), json_count(it.value, "total_steps"));
        table_add_text(&rows, OUT_PLAIN, format_duration(age, now_us - created_us));
    }
    out_printf(&t->c->out, rows.count > 0 ? "\n" : "");
    return table_end(&rows, &t->c->out, 0, rows.count > 0);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* At most so many columns of our own line; colours count nothing and are all kept. */
static void add_cut(tk_buf *buf, tk_str line, size_t columns) {
    bool escape = false;
    for (size_t i = 0; i < line.size; i++) {
        char c = line.data[i];
        bool within = ((unsigned char)c & 0xc0) == 0x80; /* of a character that was begun */
        escape = escape || c == '\x1b';
        if (escape || within || columns > 0) {
            tk_buf_char(buf, c);
        }
        columns -= !escape && !within && columns > 0 ? 1 : 0;
        escape = escape && !(c >= 'A' && c <= 'z' && c != '[');
    }
}

/* Draws over the last view: each line ends what was longer, the rest below is cleared. */
static void fit_screen(out *o) {
    tk_buf screen = {0};
    size_t rows = 0;
    tk_str rest = tk_buf_view(&o->text);
    tk_buf_text(&screen, "\x1b[H");
    while (rest.size > 0 && rows + 1 < o->rows) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        add_cut(&screen, (tk_str){rest.data, size}, o->columns);
        tk_buf_text(&screen, "\x1b[K\n");
        size += end == NULL ? 0 : 1;
        rest = (tk_str){rest.data + size, rest.size - size};
        rows++;
    }
    tk_buf_text(&screen, "\x1b[J");
    screen.failed = screen.failed || o->text.failed;
    tk_buf_release(&o->text);
    o->text = screen;
}

cli_exit top_show(top *t) {
    out *o = &t->c->out;
    int64_t now_us = tk_clock_now(&tk_clock_system);
    if (o->terminal) {
        out_size(o);
    }
    tk_buf begun = o->text; /* what prepares the terminal */
    o->text = (tk_buf){0};
    show_head(t);
    show_totals(t);
    show_minute(t);
    bool good = show_queues(t, now_us) && show_workers(t, now_us) && show_blocked(t, now_us);
    if (o->terminal) {
        fit_screen(o);
    }
    tk_buf_str(&begun, tk_buf_view(&o->text));
    begun.failed = begun.failed || o->text.failed;
    tk_buf_release(&o->text);
    o->text = begun;
    return good ? CLI_EXIT_OK : cli_nomem(t->c);
}

cli_exit top_show_json(top *t) {
    tk_buf *buf = &t->c->out.text;
    tk_buf line = {0};
    tk_buf_char(&line, '{');
    tk_json_write_member_time(&line, "at", tk_clock_now(&tk_clock_system));
    const struct {
        const char *name;
        double rate;
    } rates[] = {{"submitted_per_second", t->submitted_s},
                 {"completed_per_second", t->complete_s},
                 {"failed_per_second", t->failed_s}};
    for (size_t i = 0; i < TK_COUNT_OF(rates); i++) {
        tk_json_write_name(&line, rates[i].name);
        tk_buf_printf(&line, rates[i].rate < 0 ? "null" : "%.3f", rates[i].rate);
    }
    tk_json_write_member_raw(&line, "counts", t->counts.text);
    tk_json_write_member_raw(&line, "workers", t->workers.answer.text);
    tk_json_write_member_raw(&line, "last_minute", tk_json_member(t->minute, "total").text);
    tk_json_write_member_raw(&line, "blocked", tk_json_member(t->blocked, "tasks").text);
    tk_buf_text(&line, "}");
    out_json_safe(buf, tk_buf_view(&line));
    tk_buf_char(buf, '\n');
    buf->failed = buf->failed || line.failed;
    tk_buf_release(&line);
    return CLI_EXIT_OK;
}
