/*
 * command_health.c - health: does the store answer, is the server ready. For scripts and containers;
 * doctor looks further, and is for people.
 */
#include "commands.h"
#include "http.h"
#include "json_view.h"

static cli_exit ask_server(cli *c, tk_json *health, bool *ready) {
    const http_request request = {.method = "GET", .path = "/health/ready"};
    long http_status = 0;
    tasker_text text = {0};
    tasker_error error = {0};
    if (http_call_status(c, &request, &http_status, &text, &error) != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    *ready = http_status == 200;
    return cli_parse(c, &text, health);
}

/* Opened for reading, it has answered once. */
static cli_exit ask_store(cli *c, tk_json *health, bool *ready) {
    *ready = true;
    return cli_query(c, TASKER_QUERY_STORE, TK_STR("{}"), health);
}

static void show_check(cli *c, tk_str name, tk_json check) {
    tk_str message = json_text(&c->arena, tk_json_member(check, "message"));
    out_text(&c->out, OUT_PLAIN, name, 0);
    out_printf(&c->out, ": ");
    out_text(&c->out, OUT_PLAIN, json_text(&c->arena, tk_json_member(check, "status")), 0);
    out_printf(&c->out, message.size > 0 ? ", " : "");
    out_text(&c->out, OUT_PLAIN, message, 0);
    out_printf(&c->out, "\n");
}

cli_exit command_health(cli *c) {
    tk_json health = {0};
    bool ready = false;
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = c->http != NULL ? ask_server(c, &health, &ready) : ask_store(c, &health, &ready);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, health);
    } else {
        out_printf(&c->out, ready ? "healthy\n" : "unhealthy\n");
        tk_json_iterator it = tk_json_each(tk_json_member(health, "checks"));
        while (!ready && tk_json_next(&it)) {
            show_check(c, json_text(&c->arena, it.name), it.value);
        }
    }
    return ready ? CLI_EXIT_OK : CLI_EXIT_PROBLEM;
}
