/*
 * command_history.c - task history: every change of state, in order.
 */
#include "commands.h"
#include "format.h"
#include "suggest.h"
#include "view.h"

static const table_column columns[] = {
    {.title = "TIME (UTC)"},
    {.title = "WHAT", .flexible = true},
    {.title = "FROM", .spare = true}, /* what its last entry was changed to */
    {.title = "TO", .flexible = true, .least = sizeof("enqueued_for_orchestration") - 1},
    {.title = "ATTEMPT", .right = true},
    {.title = "WHY", .flexible = true},
    {0},
};

static tk_str text_of(cli *c, tk_json entry, const char *name) {
    return json_text(&c->arena, tk_json_member(entry, name));
}

/* An error's message where the attempt ended, a person's reason at the first change that it made, or
 * the event. *told is the act whose reason was shown last. */
static void add_why(cli *c, table *t, tk_json entry, int64_t *told) {
    bool ended = tk_json_string_is(tk_json_member(entry, "from"), TK_STR("in_progress"));
    tk_json error = ended ? tk_json_member(entry, "error") : (tk_json){0};
    tk_str message =
        error.kind == TK_JSON_OBJECT ? text_of(c, error, "message") : json_text(&c->arena, error);
    tk_str actor = text_of(c, entry, "actor");
    tk_str reason = text_of(c, entry, "reason");
    int64_t act = json_count(entry, "n");
    bool news = act == 0 || act != *told;
    if (message.size > 0) {
        table_add(t, OUT_RED, message);
    } else if (news && (actor.size > 0 || reason.size > 0)) {
        tk_buf why = {0};
        *told = act;
        tk_buf_str(&why, actor);
        tk_buf_text(&why, actor.size > 0 && reason.size > 0 ? ": " : "");
        tk_buf_str(&why, reason);
        t->failed = t->failed || why.failed;
        table_add(t, OUT_YELLOW, tk_buf_view(&why));
        tk_buf_release(&why);
    } else {
        table_add(t, OUT_DIM, text_of(c, entry, "event"));
    }
}

/* The date is left out on a terminal when it is the same everywhere. */
static bool is_one_day(const cli *c, tk_json entries) {
    const int64_t day_us = INT64_C(86400) * 1000000;
    int64_t first = -1;
    int64_t last = -1;
    tk_json_iterator it = tk_json_each(entries);
    while (tk_json_next(&it)) {
        last = format_time_of(tk_json_member(it.value, "at")) / day_us;
        first = first < 0 ? last : first;
    }
    return c->out.terminal && first == last;
}

static void add_entry(cli *c, table *t, tk_json entry, bool one_day, int64_t *told) {
    tk_buf moment = {0};
    tk_str step = text_of(c, entry, "step");
    tk_str to = text_of(c, entry, "to");
    int64_t attempt = json_count(entry, "attempt");

    format_moment(&moment, format_time_of(tk_json_member(entry, "at")));
    t->failed = t->failed || moment.failed;
    tk_str shown = tk_buf_view(&moment);
    if (one_day && shown.size > FORMAT_DATE_BYTES) {
        shown = (tk_str){shown.data + FORMAT_DATE_BYTES, shown.size - FORMAT_DATE_BYTES};
    }
    table_add(t, OUT_DIM, shown);
    tk_buf_release(&moment);

    table_add(t, step.size > 0 ? OUT_PLAIN : OUT_BOLD, step.size > 0 ? step : TK_STR("task"));
    table_add(t, OUT_DIM, text_of(c, entry, "from"));
    table_add(t, view_state_color(to), to);
    if (attempt > 0) {
        table_printf(t, attempt > 1 ? OUT_YELLOW : OUT_PLAIN, "%" PRId64, attempt);
    } else {
        table_add(t, OUT_PLAIN, (tk_str){NULL, 0});
    }
    add_why(c, t, entry, told);
}

/* With --step only its entries are kept, in the JSON as well. */
static bool is_wanted(const cli *c, tk_json entry) {
    const char *step = cli_value(c, "step");
    return step == NULL || tk_json_string_is(tk_json_member(entry, "step"), tk_str_of(step));
}

static void print_json(cli *c, tk_json answer) {
    tk_buf kept = {0};
    tk_buf_char(&kept, '[');
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        if (is_wanted(c, it.value)) {
            tk_json_write_comma(&kept);
            tk_buf_str(&kept, it.value.text);
        }
    }
    tk_buf_char(&kept, ']');
    c->out.text.failed = c->out.text.failed || kept.failed;
    json_print(&c->out, (tk_json){TK_JSON_ARRAY, tk_buf_view(&kept)});
    tk_buf_release(&kept);
}

static cli_exit fail_step(cli *c, const char *task, tk_json entries) {
    suggestion best = {0};
    tk_json_iterator it = tk_json_each(entries);
    while (tk_json_next(&it)) {
        tk_str known = text_of(c, it.value, "step");
        if (known.data != NULL) {
            suggest(&best, cli_value(c, "step"), known.data);
        }
    }
    return cli_fail(c, CLI_EXIT_NOTFOUND, tk_arena_printf(&c->arena, "tasker task show %s", task),
                    "the task has no step %s%s%s%s", cli_value(c, "step"),
                    best.word == NULL ? "" : "; did you mean ", best.word == NULL ? "" : best.word,
                    best.word == NULL ? "" : "?");
}

cli_exit command_task_history(cli *c) {
    char uuid[TASKER_UUID_SIZE];
    tk_json answer = {0};
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = cli_task_uuid(c, c->words[0], uuid);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_query_one(c, TASKER_QUERY_HISTORY, "task_uuid", uuid, &answer);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        print_json(c, answer);
        return CLI_EXIT_OK;
    }
    table t = {.columns = columns};
    bool one_day = is_one_day(c, answer);
    int64_t told = 0;
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        if (is_wanted(c, it.value)) {
            add_entry(c, &t, it.value, one_day, &told);
        }
    }
    if (t.count == 0 && cli_has(c, "step")) {
        return fail_step(c, uuid, answer);
    }
    return table_end(&t, &c->out, 0, true) ? CLI_EXIT_OK : cli_nomem(c);
}
