/*
 * command_store_keep.c - what a store needs over the years: store migrate, store prune.
 */
#include "busy.h"
#include "commands.h"
#include "json_view.h"
#include "table.h"

/* --- store migrate ---------------------------------------------------------------------------- */

static void show_migration(cli *c, tk_json report, bool print) {
    tk_json_iterator it = tk_json_each(tk_json_member(report, "statements"));
    while (print && tk_json_next(&it)) {
        tk_str text = json_text(&c->arena, it.value);
        out_printf(&c->out, "%.*s;\n", (int)text.size, text.data);
    }
    if (print) {
        return;
    }
    int64_t from = json_count(report, "from");
    int64_t to = json_count(report, "to");
    int64_t made = json_count(report, "portions_made");
    if (from == 0) {
        out_printf(&c->out, "tables of version %" PRId64 " were made", to);
    } else if (from < to) {
        out_printf(&c->out, "tables of version %" PRId64 " became version %" PRId64, from, to);
    } else {
        out_printf(&c->out, "tables of version %" PRId64 ", as expected", to);
    }
    if (made > 0) {
        out_printf(&c->out, "; %" PRId64 " portion%s made for the time to come", made,
                   made == 1 ? "" : "s");
    }
    if (tk_json_count(tk_json_member(report, "statements")) > 0) {
        out_printf(&c->out, "; the rights of the role that runs are set");
    }
    out_printf(&c->out, "\n");
}

cli_exit command_store_migrate(cli *c) {
    const tasker_migrate_options options = {
        .size = sizeof(options),
        .runtime_role = cli_value(c, "runtime-role"),
        .period = cli_value(c, "period"),
        .print = cli_has(c, "print"),
    };
    if (options.print && options.runtime_role == NULL) {
        return cli_fail(c, CLI_EXIT_USAGE, "tasker store migrate --print --runtime-role NAME",
                        "--print tells the rights of a role: which one?");
    }
    busy telling;
    tk_json report = {0};
    busy_begin(&telling, "migrating the store");
    cli_exit code = cli_store_migrate(c, &options, &report);
    busy_end(&telling);
    if (code == CLI_EXIT_OK && c->json) {
        json_print(&c->out, report);
    } else if (code == CLI_EXIT_OK) {
        show_migration(c, report, options.print);
    }
    return code;
}

/* --- store prune ------------------------------------------------------------------------------ */

#define AGE_MAX 100000 /* of any unit */

/* "30d": a whole number and s, m, h, d or w. */
static cli_exit age_parse(cli *c, int64_t *age_ms) {
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    const char *text = cli_value(c, "older-than");
    const char *at = text == NULL ? "" : text;
    int64_t number = 0;
    for (; *at >= '0' && *at <= '9' && number <= AGE_MAX; at++) {
        number = number * 10 + (*at - '0');
    }
    for (size_t i = 0; i < TK_COUNT_OF(units); i++) {
        if (at != text && number <= AGE_MAX && at[0] == units[i].letter && at[1] == '\0') {
            *age_ms = number * units[i].seconds * 1000;
            return CLI_EXIT_OK;
        }
    }
    return cli_fail(
        c, CLI_EXIT_USAGE, "tasker store prune --older-than 30d",
        "--older-than %s: expected a whole number up to %d and its unit, s, m, h, d or w",
        text == NULL ? "is missing" : text, AGE_MAX);
}

static const table_column portion_columns[] = {
    {.title = "PORTION"},
    {.title = "TASKS", .right = true},
    {.title = "WHAT BECOMES OF IT", .flexible = true},
    {0},
};

static bool show_portions(cli *c, tk_json report, bool dry_run) {
    table t = {.columns = portion_columns};
    tk_json_iterator it = tk_json_each(tk_json_member(report, "portions"));
    while (tk_json_next(&it)) {
        int64_t kept = json_count(it.value, "kept");
        table_add(&t, OUT_PLAIN, json_text(&c->arena, tk_json_member(it.value, "portion")));
        if (kept > 0) {
            table_add(&t, OUT_PLAIN, TK_STR(""));
            table_printf(&t, OUT_PLAIN,
                         "stays: %" PRId64 " of its tasks are open, or changed since", kept);
        } else {
            table_printf(&t, OUT_PLAIN, "%" PRId64, json_count(it.value, "tasks"));
            table_add_text(&t, OUT_PLAIN, dry_run ? "would be dropped" : "was dropped");
        }
    }
    return table_end(&t, &c->out, 0, t.count > 0);
}

static cli_exit show_pruning(cli *c, tk_json report) {
    bool dry_run = tk_json_member(report, "dry_run").kind == TK_JSON_TRUE;
    int64_t made = json_count(report, "portions_made");
    if (!show_portions(c, report, dry_run)) {
        return cli_nomem(c);
    }
    out_printf(&c->out, "%" PRId64 " tasks and %" PRId64 " keys %s; %" PRId64 " old tasks stay%s\n",
               json_count(report, "tasks"), json_count(report, "identities"),
               dry_run ? "would go" : "went", json_count(report, "kept"),
               json_count(report, "kept") > 0 ? ", being open or changed since" : "");
    if (made > 0) {
        out_printf(&c->out, "%" PRId64 " portion%s made for the time to come\n", made,
                   made == 1 ? "" : "s");
    }
    return CLI_EXIT_OK;
}

static bool pruned(void *user, int64_t done, int64_t total) {
    busy *telling = user;
    (void)total;
    telling->count = done;
    return true;
}

cli_exit command_store_prune(cli *c) {
    busy telling;
    tasker_text text = {0};
    tasker_error error = {0};
    tasker_prune_options options = {
        .size = sizeof(options),
        .dry_run = cli_has(c, "dry-run"),
        .tell = pruned,
        .user = &telling,
    };
    cli_exit code = age_parse(c, &options.older_than_ms);
    if (code == CLI_EXIT_OK) {
        code = cli_store_open(c, options.dry_run ? CLI_READ : CLI_CHANGE);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    busy_begin(&telling, "pruning the store");
    tasker_status status = tasker_store_prune(c->store, &options, &text, &error);
    busy_end(&telling);
    if (status != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    tk_json report = {0};
    code = cli_parse(c, &text, &report);
    if (code == CLI_EXIT_OK && c->json) {
        json_print(&c->out, report);
        return code;
    }
    return code == CLI_EXIT_OK ? show_pruning(c, report) : code;
}
