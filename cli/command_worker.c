/*
 * command_worker.c - worker list: who is there, and who only seems to be.
 */
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "json_view.h"
#include "table.h"
#include "workers.h"

static const char *const life_words[] = {"unknown", "runs", "gone", "silent"};
static const out_color life_colors[] = {OUT_DIM, OUT_GREEN, OUT_RED, OUT_YELLOW};

static const table_column columns[] = {
    {.title = "ID", .right = true},
    {.title = "WORKER", .flexible = true, .least = 16},
    {.title = "STATE"},
    {.title = "PROCESS", .right = true},
    {.title = "STEPS", .right = true},
    {.title = "SINCE", .right = true},
    {.title = "NAMESPACES", .flexible = true},
    {.title = "HANDLERS", .flexible = true},
    {0},
};

/* "a, b, c" */
static void add_names(cli *c, table *t, tk_json names, const char *otherwise) {
    tk_buf text = {0};
    tk_json_iterator it = tk_json_each(names);
    while (tk_json_next(&it)) {
        tk_buf_text(&text, text.size > 0 ? ", " : "");
        tk_buf_str(&text, json_text(&c->arena, it.value));
    }
    tk_buf_text(&text, text.size == 0 ? otherwise : "");
    t->failed = t->failed || text.failed;
    table_add(t, OUT_PLAIN, tk_buf_view(&text));
    tk_buf_release(&text);
}

static void add_row(cli *c, table *t, tk_json worker, worker_life found, int64_t now_us) {
    char since[FORMAT_DURATION_SIZE];
    int64_t started_us = format_time_of(tk_json_member(worker, "started_at"));
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(worker, "worker_id"));
    table_add(t, OUT_BOLD, json_text(&c->arena, tk_json_member(worker, "name")));
    table_add_text(t, life_colors[found], life_words[found]);
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(worker, "pid"));
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(worker, "running"));
    table_add_text(t, OUT_PLAIN, format_duration(since, now_us - started_us));
    add_names(c, t, tk_json_member(worker, "namespaces"), "all");
    add_names(c, t, tk_json_member(worker, "handlers"), "-");
}

static cli_exit show_list(cli *c, tk_json answer, const workers *w) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    size_t counts[TK_COUNT_OF(life_words)] = {0};
    table t = {.columns = columns};
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        worker_life found = workers_life(w, it.value);
        counts[found]++;
        add_row(c, &t, it.value, found, now_us);
    }
    bool any = t.count > 0;
    if (!table_end(&t, &c->out, 0, any)) {
        return cli_nomem(c);
    }
    if (c->out.terminal && !any) {
        out_printf(&c->out, "no worker is running\n");
    }
    if (c->out.terminal && counts[WORKER_GONE] > 0) {
        out_printf(&c->out,
                   "gone: the process has ended without a word; a worker that starts takes "
                   "its steps over\n");
    }
    if (c->out.terminal && counts[WORKER_SILENT] > 0) {
        out_printf(&c->out,
                   "silent: not seen for %d s; another worker takes its steps over if it "
                   "stays so\n",
                   WORKERS_LISTEN_MS / 1000);
    }
    return CLI_EXIT_OK;
}

/* All but its state, which a server tells as it saw it; what we found stands in its place. */
static void write_members(tk_buf *buf, tk_json worker) {
    tk_json_iterator it = tk_json_each(worker);
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    while (tk_json_next(&it)) {
        if (!tk_json_string_is(it.name, TK_STR("state"))) {
            tk_json_write_comma(buf);
            tk_buf_str(buf, it.name.text);
            tk_buf_char(buf, ':');
            tk_buf_str(buf, it.value.text);
        }
    }
}

static cli_exit show_json(cli *c, tk_json answer, const workers *w) {
    tk_buf all = {0};
    tk_buf_char(&all, '[');
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        write_members(&all, it.value);
        tk_buf_printf(&all, ",\"state\":\"%s\"}", life_words[workers_life(w, it.value)]);
    }
    tk_buf_char(&all, ']');
    cli_exit code = all.failed ? cli_nomem(c) : CLI_EXIT_OK;
    tk_json document = {0};
    if (code == CLI_EXIT_OK &&
        tk_json_parse(tk_buf_view(&all), TK_BUF_BYTES_MAX, &document, NULL) == TASKER_OK) {
        json_print(&c->out, document);
    }
    tk_buf_release(&all);
    return code;
}

cli_exit command_worker_list(cli *c) {
    workers w = {0};
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = workers_look(c, &w);
    }
    if (code == CLI_EXIT_OK) {
        code = workers_listen(c, &w);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    return c->json ? show_json(c, w.answer, &w) : show_list(c, w.answer, &w);
}
