/*
 * command_key.c - key create, list, revoke: who may use a server. They work on the store itself, by
 * its owner's rights.
 */
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "json_view.h"
#include "table.h"

/* --- create ----------------------------------------------------------------------------------- */

/* "tasks:create,tasks:read", or the option again for each. */
static void write_permissions(const cli *c, tk_buf *buf) {
    tk_json_write_name(buf, "permissions");
    tk_buf_char(buf, '[');
    for (size_t i = 0; i < c->given_count; i++) {
        const char *at =
            strcmp(c->given[i].option->name, "permissions") == 0 ? c->given[i].value : "";
        while (*at != '\0') {
            size_t size = strcspn(at, ", ");
            if (size > 0) {
                tk_json_write_comma(buf);
                tk_json_write_string(buf, (tk_str){at, size});
            }
            at += size + strspn(at + size, ", ");
        }
    }
    tk_buf_char(buf, ']');
}

static cli_exit write_request(cli *c, tk_buf *buf) {
    const char *namespace_name = cli_value(c, "namespace");
    if (!cli_has(c, "name") || !cli_has(c, "permissions")) {
        const char *next = tk_arena_printf(&c->arena, "tasker %s", c->command->examples[0]);
        return cli_fail(c, CLI_EXIT_USAGE, next, "a key needs --name and --permissions");
    }
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "name", tk_str_of(cli_value(c, "name")));
    write_permissions(c, buf);
    if (namespace_name != NULL) {
        tk_json_write_member_string(buf, "namespace", tk_str_of(namespace_name));
    }
    tk_buf_char(buf, '}');
    return buf->failed ? cli_nomem(c) : CLI_EXIT_OK;
}

cli_exit command_key_create(cli *c) {
    tk_buf request = {0};
    tasker_text text = {0};
    tasker_error error = {0};
    const tasker_act who = command_act(c);
    tk_json key = {0};
    cli_exit code = write_request(c, &request);
    if (code == CLI_EXIT_OK) {
        code = cli_store_open(c, CLI_CHANGE);
    }
    if (code == CLI_EXIT_OK &&
        tasker_key_create(c->store, tk_buf_view(&request), &who, &text, &error) != TASKER_OK) {
        code =
            cli_fail_error(c, &error, error.status == TASKER_CONFLICT ? "tasker key list" : NULL);
    }
    tk_buf_release(&request);
    if (code == CLI_EXIT_OK) {
        code = cli_parse(c, &text, &key);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, key);
        return CLI_EXIT_OK;
    }
    out_text(&c->out, OUT_PLAIN, json_text(&c->arena, tk_json_member(key, "secret")), 0);
    out_printf(&c->out, "\n");
    cli_note(c, "keep it now: it is shown this once. Clients give it as TASKER_API_KEY");
    return CLI_EXIT_OK;
}

/* --- list ------------------------------------------------------------------------------------- */

static const table_column columns[] = {
    {.title = "ID", .right = true},
    {.title = "NAME", .flexible = true},
    {.title = "STATE"},
    {.title = "NAMESPACE", .flexible = true},
    {.title = "AGE", .right = true, .spare = true},
    {.title = "PERMISSIONS", .flexible = true},
    {0},
};

static void add_row(cli *c, table *t, tk_json key, int64_t now_us) {
    char age[FORMAT_DURATION_SIZE];
    bool revoked = format_time_of(tk_json_member(key, "revoked_at")) > 0;
    tk_str namespace_name = json_text(&c->arena, tk_json_member(key, "namespace"));
    tk_buf permissions = {0};
    tk_json_iterator it = tk_json_each(tk_json_member(key, "permissions"));
    while (tk_json_next(&it)) {
        tk_buf_text(&permissions, permissions.size > 0 ? ", " : "");
        tk_buf_str(&permissions, json_text(&c->arena, it.value));
    }
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(key, "id"));
    table_add(t, OUT_BOLD, json_text(&c->arena, tk_json_member(key, "name")));
    table_add_text(t, revoked ? OUT_DIM : OUT_GREEN, revoked ? "revoked" : "in force");
    table_add(t, OUT_PLAIN, namespace_name.size > 0 ? namespace_name : TK_STR("all"));
    table_add_text(
        t, OUT_PLAIN,
        format_duration(age, now_us - format_time_of(tk_json_member(key, "created_at"))));
    table_add(t, OUT_PLAIN, tk_buf_view(&permissions));
    t->failed = t->failed || permissions.failed;
    tk_buf_release(&permissions);
}

static cli_exit query_keys(cli *c, tk_json *keys) {
    tasker_text text = {0};
    tasker_error error = {0};
    cli_exit code = cli_store_open(c, CLI_READ);
    if (code == CLI_EXIT_OK && tasker_key_list(c->store, &text, &error) != TASKER_OK) {
        code = cli_fail_error(c, &error, NULL);
    }
    return code == CLI_EXIT_OK ? cli_parse(c, &text, keys) : code;
}

cli_exit command_key_list(cli *c) {
    tk_json keys = {0};
    cli_exit code = query_keys(c, &keys);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, keys);
        return CLI_EXIT_OK;
    }
    int64_t now_us = tk_clock_now(&tk_clock_system);
    table t = {.columns = columns};
    tk_json_iterator it = tk_json_each(keys);
    while (tk_json_next(&it)) {
        add_row(c, &t, it.value, now_us);
    }
    if (t.count == 0 && c->out.terminal) {
        out_printf(&c->out, "no keys; without one a server answers on loopback only\n");
    }
    return table_end(&t, &c->out, 0, t.count > 0) ? CLI_EXIT_OK : cli_nomem(c);
}

/* --- revoke ----------------------------------------------------------------------------------- */

cli_exit command_key_revoke(cli *c) {
    tasker_error error = {0};
    const tasker_act who = command_act(c);
    cli_exit code = cli_store_open(c, CLI_CHANGE);
    for (size_t i = 0; i < c->word_count && code == CLI_EXIT_OK; i++) {
        if (tasker_key_revoke(c->store, c->words[i], &who, &error) != TASKER_OK) {
            code = cli_fail_error(c, &error, "tasker key list");
        } else if (!c->json) {
            out_text(&c->out, OUT_BOLD, tk_str_of(c->words[i]), 0);
            out_printf(&c->out, "  revoked\n");
        }
    }
    if (code == CLI_EXIT_OK && c->json) {
        out_printf(&c->out, "{\"revoked\":%zu}\n", c->word_count);
    }
    return code;
}
