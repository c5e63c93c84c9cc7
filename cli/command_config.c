/*
 * command_config.c - config show: each setting of a server, its value, and where that comes from.
 */
#include "commands.h"
#include "http.h"
#include "json_view.h"
#include "table.h"

#ifdef TK_WITH_HTTP
#include "tasker_serve.h"
#endif

/* What `tasker serve` would take here. */
static cli_exit read_here(cli *c, tk_json *answer) {
#ifdef TK_WITH_HTTP
    const tasker_setting given[] = {{"store", cli_value(c, "store")},
                                    {"config", cli_value(c, "config")}};
    tasker_text text = {0};
    tasker_error error = {0};
    if (tasker_server_settings(given, TK_COUNT_OF(given), &text, &error) != TASKER_OK) {
        return cli_fail_error(c, &error, "tasker serve --help");
    }
    return cli_parse(c, &text, answer);
#else
    (void)answer;
    return cli_fail(c, CLI_EXIT_UNSUPPORTED, "a build where libmicrohttpd's header is installed",
                    "this build has no server");
#endif
}

/* What a server that runs has taken. */
static cli_exit read_there(cli *c, tk_json *answer) {
    const http_request request = {.method = "GET", .path = "/config"};
    tasker_text text = {0};
    tasker_error error = {0};
    if (http_call(c, &request, &text, &error) != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    return cli_parse(c, &text, answer);
}

static const table_column columns[] = {
    {.title = "SETTING"},
    {.title = "VALUE", .flexible = true, .least = 12},
    {.title = "FROM"},
    {.title = "VARIABLE", .spare = true},
    {.title = "WHAT FOR", .flexible = true, .spare = true},
    {0},
};

static void add_row(cli *c, table *t, tk_json setting) {
    tk_str value = json_text(&c->arena, tk_json_member(setting, "value"));
    tk_str from = json_text(&c->arena, tk_json_member(setting, "source"));
    bool usual = tk_str_is(from, "default");
    table_add(t, OUT_BOLD, json_text(&c->arena, tk_json_member(setting, "name")));
    table_add(t, value.size > 0 ? OUT_PLAIN : OUT_DIM, value.size > 0 ? value : TK_STR("-"));
    table_add(t, usual ? OUT_DIM : OUT_YELLOW, from);
    table_add(t, OUT_DIM, json_text(&c->arena, tk_json_member(setting, "variable")));
    table_add(t, OUT_DIM, json_text(&c->arena, tk_json_member(setting, "text")));
}

cli_exit command_config_show(cli *c) {
    tk_json answer = {0};
    cli_exit code = CLI_EXIT_OK;
    if (cli_server_named(c)) {
        code = cli_open(c, CLI_READ);
        code = code == CLI_EXIT_OK ? read_there(c, &answer) : code;
    } else {
        code = read_here(c, &answer);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, answer);
        return CLI_EXIT_OK;
    }
    table t = {.columns = columns};
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "settings"));
    while (tk_json_next(&it)) {
        add_row(c, &t, it.value);
    }
    return table_end(&t, &c->out, 0, true) ? CLI_EXIT_OK : cli_nomem(c);
}
