/*
 * command_template.c - template list, show.
 */
#include "commands.h"
#include "json_view.h"
#include "source.h"
#include "table.h"

void command_template_title(cli *c, tk_json template) {
    out_text(&c->out, OUT_BOLD, json_text(&c->arena, tk_json_member(template, "namespace")), 0);
    out_printf(&c->out, "/");
    out_text(&c->out, OUT_BOLD, json_text(&c->arena, tk_json_member(template, "name")), 0);
    out_printf(&c->out, ":");
    out_text(&c->out, OUT_BOLD, json_text(&c->arena, tk_json_member(template, "version")), 0);
}

/* {"namespace":…,"name":…,"version":…}, as far as they are given. */
static void write_filter(tk_buf *filter, const template_name *named) {
    const struct {
        const char *name;
        tk_str value;
    } members[] = {
        {"namespace", named->namespace_name}, {"name", named->name}, {"version", named->version}};
    tk_buf_char(filter, '{');
    for (size_t i = 0; i < TK_COUNT_OF(members); i++) {
        if (members[i].value.size > 0) {
            tk_json_write_member_string(filter, members[i].name, members[i].value);
        }
    }
    tk_buf_char(filter, '}');
}

static cli_exit query_list(cli *c, const template_name *named, tk_json *answer) {
    tk_buf filter = {0};
    write_filter(&filter, named);
    cli_exit code = filter.failed
                        ? cli_nomem(c)
                        : cli_query(c, TASKER_QUERY_TEMPLATES, tk_buf_view(&filter), answer);
    tk_buf_release(&filter);
    return code;
}

static cli_exit query_template(cli *c, const template_name *named, tk_json *answer) {
    tk_buf filter = {0};
    tasker_text text = {0};
    tasker_error error = {0};
    write_filter(&filter, named);
    tasker_status status = filter.failed ? TASKER_NOMEM
                                         : c->source->query(c, TASKER_QUERY_TEMPLATE,
                                                            tk_buf_view(&filter), &text, &error);
    tk_buf_release(&filter);
    if (status == TASKER_OK) {
        return cli_parse(c, &text, answer);
    }
    if (status == TASKER_NOTFOUND) {
        return command_template_fail(c, named);
    }
    return status == TASKER_NOMEM ? cli_nomem(c) : cli_fail_error(c, &error, NULL);
}

static const table_column list_columns[] = {
    {.title = "NAMESPACE", .flexible = true},
    {.title = "NAME", .flexible = true},
    {.title = "VERSION"},
    {.title = "REVISION", .right = true, .spare = true},
    {.title = "STEPS", .right = true},
    {.title = "DESCRIPTION", .flexible = true},
    {0},
};

/* The number of steps: a list, or its length. */
static int64_t steps_of(tk_json template) {
    tk_json steps = tk_json_member(template, "steps");
    return steps.kind == TK_JSON_ARRAY ? (int64_t)tk_json_count(steps)
                                       : json_count(template, "steps");
}

cli_exit command_template_list(cli *c) {
    template_name named = {
        .namespace_name = tk_str_of(cli_value(c, "namespace")),
        .name = tk_str_of(cli_value(c, "name")),
    };
    tk_json answer = {0};
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = query_list(c, &named, &answer);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, answer);
        return CLI_EXIT_OK;
    }
    table t = {.columns = list_columns};
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        table_add(&t, OUT_PLAIN, json_text(&c->arena, tk_json_member(it.value, "namespace")));
        table_add(&t, OUT_BOLD, json_text(&c->arena, tk_json_member(it.value, "name")));
        table_add(&t, OUT_PLAIN, json_text(&c->arena, tk_json_member(it.value, "version")));
        table_printf(&t, OUT_PLAIN, "%" PRId64, json_count(it.value, "revision"));
        table_printf(&t, OUT_PLAIN, "%" PRId64, steps_of(it.value));
        table_add(&t, OUT_DIM, json_text(&c->arena, tk_json_member(it.value, "description")));
    }
    if (t.count == 0) {
        out_printf(&c->out, c->out.terminal
                                ? "no templates; `tasker template put FILE` registers one\n"
                                : "");
        command_filter_note(c);
    }
    return table_end(&t, &c->out, 0, t.count > 0) ? CLI_EXIT_OK : cli_nomem(c);
}

static const table_column show_columns[] = {
    {.title = "STEP", .flexible = true},    {.title = "AFTER", .flexible = true},
    {.title = "HANDLER", .flexible = true}, {.title = "ATTEMPTS", .right = true},
    {.title = "TIMEOUT", .right = true},    {0},
};

/* Names joined by commas. */
static void join(cli *c, table *t, tk_json names) {
    tk_buf text = {0};
    tk_json_iterator it = tk_json_each(names);
    while (tk_json_next(&it)) {
        tk_buf_text(&text, text.size > 0 ? ", " : "");
        tk_buf_str(&text, json_text(&c->arena, it.value));
    }
    t->failed = t->failed || text.failed;
    table_add(t, OUT_DIM, tk_buf_view(&text));
    tk_buf_release(&text);
}

static void show_step(cli *c, table *t, tk_json step) {
    tk_json handler = tk_json_member(step, "handler");
    tk_json retry = tk_json_member(step, "retry");
    tk_json callable = tk_json_member(handler, "callable");
    if (callable.kind == TK_JSON_NONE) {
        callable = tk_json_member(step, "callable");
    }
    tk_json after = tk_json_member(step, "dependencies");
    int64_t timeout_s = json_count(step, "timeout_seconds");
    bool once = tk_json_member(retry, "retryable").kind == TK_JSON_FALSE;
    int64_t attempts = once ? 1 : json_count(retry, "max_attempts");

    table_add(t, OUT_BOLD, json_text(&c->arena, tk_json_member(step, "name")));
    join(c, t, after);
    table_add(t, OUT_PLAIN, json_text(&c->arena, callable));
    table_printf(t, OUT_PLAIN, "%" PRId64, attempts < 1 ? 1 : attempts);
    if (timeout_s > 0) {
        table_printf(t, OUT_PLAIN, "%" PRId64 " s", timeout_s);
    } else {
        table_add(t, OUT_DIM, TK_STR("-"));
    }
}

cli_exit command_template_find(cli *c, template_name *named, tk_json *template) {
    cli_exit code = CLI_EXIT_OK;
    if (named->name.size == 0) {
        code = cli_fail(c, CLI_EXIT_USAGE, "tasker template list",
                        "which template? expected NAMESPACE/NAME");
    }
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_READ);
    }
    if (code == CLI_EXIT_OK && named->namespace_name.size == 0) {
        code = command_template_namespace(c, named);
    }
    return code == CLI_EXIT_OK ? query_template(c, named, template) : code;
}

cli_exit command_template_show(cli *c) {
    template_name named = {0};
    tk_json answer = {0};
    cli_exit code = command_template_name(c, &named);
    if (code == CLI_EXIT_OK) {
        code = command_template_find(c, &named, &answer);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, answer);
        return CLI_EXIT_OK;
    }
    command_template_title(c, answer);
    out_printf(&c->out, ", revision %" PRId64 "\n", json_count(answer, "revision"));
    tk_str description = json_text(&c->arena, tk_json_member(answer, "description"));
    if (description.size > 0) {
        out_text(&c->out, OUT_DIM, description, 0);
        out_printf(&c->out, "\n");
    }
    table t = {.columns = show_columns};
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "steps"));
    while (tk_json_next(&it)) {
        show_step(c, &t, it.value);
    }
    return table_end(&t, &c->out, 0, true) ? CLI_EXIT_OK : cli_nomem(c);
}
