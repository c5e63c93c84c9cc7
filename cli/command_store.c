/*
 * command_store.c - store check, counts; version and help.
 */
#include "busy.h"
#include "commands.h"
#include "view.h"

/* --- store check ------------------------------------------------------------------------------ */

static const table_column problem_columns[] = {
    {.title = "RULE"},
    {.title = "TASK"},
    {.title = "DETAIL", .flexible = true},
    {0},
};

static cli_exit show_check(cli *c, tk_json report) {
    table t = {.columns = problem_columns};
    tk_json problems = tk_json_member(report, "problems");
    tk_json_iterator it = tk_json_each(problems);
    while (tk_json_next(&it)) {
        table_add(&t, OUT_RED, json_text(&c->arena, tk_json_member(it.value, "rule")));
        table_add(&t, OUT_PLAIN, json_text(&c->arena, tk_json_member(it.value, "task_uuid")));
        table_add(&t, OUT_PLAIN, json_text(&c->arena, tk_json_member(it.value, "detail")));
    }
    if (!table_end(&t, &c->out, 0, t.count > 0)) {
        return cli_nomem(c);
    }
    int64_t tasks = json_count(report, "tasks");
    int64_t attempts = json_count(report, "attempts");
    out_printf(&c->out, "%" PRId64 " task%s, %" PRId64 " attempt%s, ", tasks, tasks == 1 ? "" : "s",
               attempts, attempts == 1 ? "" : "s");
    if (tk_json_count(problems) == 0) {
        out_text(&c->out, OUT_GREEN, TK_STR("no problems"), 0);
        out_printf(&c->out, "\n");
    } else {
        size_t count = tk_json_count(problems);
        out_printf(&c->out, "%zu problem%s\n", count, count == 1 ? "" : "s");
    }
    return CLI_EXIT_OK;
}

cli_exit command_store_check(cli *c) {
    cli_exit code = cli_store_open(c, CLI_READ);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    busy telling;
    tasker_text text = {0};
    tasker_error error = {0};
    busy_begin(&telling, "checking the store");
    tasker_status status = tasker_store_check(c->store, &text, &error);
    busy_end(&telling);
    if (status != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    tk_json report = {0};
    code = cli_parse(c, &text, &report);
    if (code == CLI_EXIT_OK && c->json) {
        json_print(&c->out, report);
    } else if (code == CLI_EXIT_OK) {
        code = show_check(c, report);
    }
    bool good = tk_json_member(report, "ok").kind == TK_JSON_TRUE;
    return code == CLI_EXIT_OK && !good ? CLI_EXIT_PROBLEM : code;
}

/* --- counts ----------------------------------------------------------------------------------- */

static const table_column count_columns[] = {
    {.title = "WHAT", .flexible = true},
    {.title = "STATE", .flexible = true},
    {.title = "COUNT", .right = true},
    {0},
};

/* Numbers of an object, and of the objects in it, under the names they have. */
static void add_counts(cli *c, table *t, tk_str what, tk_json counts, int depth) {
    tk_json_iterator it = tk_json_each(counts);
    while (tk_json_next(&it)) {
        tk_str name = json_text(&c->arena, it.name);
        if (it.value.kind == TK_JSON_OBJECT && depth > 0) {
            add_counts(c, t, name, it.value, depth - 1);
        } else if (it.value.kind == TK_JSON_NUMBER) {
            bool none = tk_str_is(it.value.text, "0");
            table_add(t, OUT_PLAIN, what);
            table_add(t, none ? OUT_DIM : view_state_color(name), name);
            table_add(t, none ? OUT_DIM : OUT_BOLD, it.value.text);
        }
    }
}

cli_exit command_counts(cli *c) {
    tk_buf filter = {0};
    tk_json answer = {0};
    tk_buf_char(&filter, '{');
    if (cli_has(c, "namespace")) {
        tk_json_write_member_string(&filter, "namespace", tk_str_of(cli_value(c, "namespace")));
    }
    if (cli_has(c, "name")) {
        tk_json_write_member_string(&filter, "name", tk_str_of(cli_value(c, "name")));
    }
    tk_buf_char(&filter, '}');
    cli_exit code = filter.failed ? cli_nomem(c) : cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = cli_query(c, TASKER_QUERY_COUNTS, tk_buf_view(&filter), &answer);
    }
    tk_buf_release(&filter);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, answer);
        return CLI_EXIT_OK;
    }
    command_filter_note(c);
    table t = {.columns = count_columns};
    add_counts(c, &t, TK_STR("all"), answer, 2);
    return table_end(&t, &c->out, 0, true) ? CLI_EXIT_OK : cli_nomem(c);
}

/* --- version, help ---------------------------------------------------------------------------- */

cli_exit command_version(cli *c) {
    if (c->json) {
        out_printf(&c->out, "{\"tasker\":\"%s\",\"library\":\"%s\"}\n", TASKER_VERSION,
                   tasker_version());
    } else {
        out_printf(&c->out, "tasker %s\n", tasker_version());
    }
    return CLI_EXIT_OK;
}

cli_exit command_help(cli *c) {
    const char *first = c->word_count > 0 ? c->words[0] : NULL;
    const char *second = c->word_count > 1 ? c->words[1] : NULL;
    const cli_command *command = NULL;
    if (first == NULL) {
        cli_help_program(c);
        return CLI_EXIT_OK;
    }
    command = second == NULL ? cli_command_alone(first) : cli_command_find(first, second);
    if (command != NULL) {
        cli_help_command(c, command);
        return CLI_EXIT_OK;
    }
    if (second == NULL && cli_group_known(first)) {
        cli_help_group(c, first);
        return CLI_EXIT_OK;
    }
    bool known = cli_group_known(first);
    return cli_command_unknown(c, known ? first : NULL, known ? second : first);
}
