/*
 * command_list.c - task list: one page, the newest first.
 */
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "source.h"
#include "suggest.h"
#include "view.h"

static cli_exit write_filter(cli *c, tk_buf *filter) {
    static const struct {
        const char *option, *member;
    } members[] = {
        {"namespace", "namespace"},
        {"name", "name"},
        {"version", "version"},
        {"state", "state"},
        {"tag", "tag"},
        {"correlation", "correlation_id"},
        {"initiator", "initiator"},
        {"source", "source_system"},
        {"key", "idempotency_key"},
        {"created-after", "created_after"},
        {"created-before", "created_before"},
        {"after", "after"},
    };
    int64_t limit = 0;
    cli_exit code = cli_value_int(c, "limit", 1, 1000, &limit);
    tk_buf_char(filter, '{');
    for (size_t i = 0; i < TK_COUNT_OF(members); i++) {
        const char *value = cli_value(c, members[i].option);
        if (value != NULL) {
            tk_json_write_member_string(filter, members[i].member, tk_str_of(value));
        }
    }
    if (limit > 0) {
        tk_json_write_member_int(filter, "limit", limit);
    }
    tk_buf_char(filter, '}');
    return code == CLI_EXIT_OK && filter->failed ? cli_nomem(c) : code;
}

/* A wrong state is told with the nearest one, and with all. */
static cli_exit query_tasks(cli *c, tk_str filter, tk_json *answer) {
    tasker_text text = {0};
    tasker_error error = {0};
    if (c->source->query(c, TASKER_QUERY_TASKS, filter, &text, &error) == TASKER_OK) {
        return cli_parse(c, &text, answer);
    }
    const char *state = cli_value(c, "state");
    if (state == NULL || strcmp(error.path, "$.state") != 0) {
        return cli_fail_error(c, &error, NULL);
    }
    suggestion best = {0};
    tk_buf all = {0};
    for (const char *const *word = view_task_states; *word != NULL; word++) {
        suggest(&best, state, *word);
        tk_buf_printf(&all, "%s%s", all.size > 0 ? ", " : "", *word);
    }
    const char *meant = best.word == NULL ? "" : best.word;
    cli_exit code = cli_fail(c, CLI_EXIT_USAGE, NULL, "--state %s is no state%s%s%s: expected %.*s",
                             state, best.word == NULL ? "" : "; did you mean ", meant,
                             best.word == NULL ? "" : "?", (int)all.size, all.data);
    tk_buf_release(&all);
    return code;
}

static const table_column columns[] = {
    {.title = "TASK"},
    {.title = "STATE"},
    {.title = "STEPS", .right = true},
    {.title = "TEMPLATE", .flexible = true, .least = TABLE_COLUMN_SPARE},
    {.title = "AGE", .right = true, .spare = true},
    {.title = "TOOK", .right = true, .spare = true},
    {0},
};

static void add_row(table *t, const task_facts *task, int64_t now_us) {
    char text[FORMAT_DURATION_SIZE];
    table_add(t, OUT_PLAIN, task->uuid);
    table_add(t, view_state_color(task->state), task->state);
    table_printf(t, OUT_PLAIN, "%" PRId64 "/%" PRId64, task->steps_done, task->steps_total);
    table_printf(t, OUT_PLAIN, "%.*s/%.*s:%.*s", (int)task->namespace_name.size,
                 task->namespace_name.data, (int)task->name.size, task->name.data,
                 (int)task->version.size, task->version.data);
    table_add_text(t, OUT_PLAIN, format_duration(text, now_us - task->created_us));
    if (task->completed_us > 0) {
        table_add_text(t, OUT_PLAIN, format_duration(text, task->completed_us - task->created_us));
    } else if (!task->rests && task->starts_us > now_us) {
        table_printf(t, OUT_YELLOW, "in %s", format_duration(text, task->starts_us - now_us));
    } else {
        table_add_text(t, OUT_PLAIN, "-");
    }
}

/* How to go on, and how many there are. */
static void show_more(cli *c, tk_json answer, tk_str next) {
    tk_json pagination = tk_json_member(answer, "pagination");
    bool exact = tk_json_member(pagination, "total_exact").kind == TK_JSON_TRUE;
    out_printf(&c->out, "more: --after ");
    out_text(&c->out, OUT_PLAIN, next, 0);
    if (pagination.kind == TK_JSON_OBJECT) {
        out_printf(&c->out, exact ? "  (%" PRId64 " in all)" : "  (%" PRId64 " or more in all)",
                   json_count(pagination, "total_count"));
    }
    out_printf(&c->out, "\n");
}

static cli_exit show_list(cli *c, tk_json answer) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    table t = {.columns = columns};
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "tasks"));
    while (tk_json_next(&it)) {
        task_facts task = view_task_facts(&c->arena, it.value);
        add_row(&t, &task, now_us);
    }
    tk_str next = json_text(&c->arena, tk_json_member(answer, "next"));
    if (t.count == 0 && next.size == 0) {
        out_printf(&c->out, c->out.terminal ? "no tasks\n" : "");
        command_filter_note(c);
    }
    if (!table_end(&t, &c->out, 0, t.count > 0)) {
        return cli_nomem(c);
    }
    if (next.size > 0 && c->out.terminal) {
        show_more(c, answer, next);
    }
    return CLI_EXIT_OK;
}

cli_exit command_task_list(cli *c) {
    tk_buf filter = {0};
    tk_json answer = {0};
    cli_exit code = write_filter(c, &filter);
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_READ);
    }
    if (code == CLI_EXIT_OK) {
        code = query_tasks(c, tk_buf_view(&filter), &answer);
    }
    tk_buf_release(&filter);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, answer);
        return CLI_EXIT_OK;
    }
    return show_list(c, answer);
}
