/*
 * command_template_put.c - template check, put: what is found in template files.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "commands.h"
#include "json_view.h"
#include "source.h"

/* A finding the way compilers write them, so that editors can jump to it. */
static void show_finding(cli *c, tk_json finding, bool warning) {
    out *o = &c->out;
    out_text(o, OUT_BOLD, json_text(&c->arena, tk_json_member(finding, "file")), 0);
    out_printf(o, ":%" PRId64 ":%" PRId64 ": ", json_count(finding, "line"),
               json_count(finding, "column"));
    if (warning) {
        out_text(o, OUT_YELLOW, TK_STR("warning"), 0);
    } else {
        out_text(o, OUT_RED, TK_STR("error"), 0);
    }
    out_printf(o, ": ");
    out_text(o, OUT_PLAIN, json_text(&c->arena, tk_json_member(finding, "message")), 0);
    tk_str path = json_text(&c->arena, tk_json_member(finding, "path"));
    if (path.size > 0) {
        out_printf(o, " (");
        out_text(o, OUT_PLAIN, path, 0);
        out_printf(o, ")");
    }
    out_printf(o, "\n");
}

typedef struct finding {
    tk_json json;
    int64_t line, column;
    bool warning;
} finding;

static int compare_findings(const void *a, const void *b) {
    const finding *left = a;
    const finding *right = b;
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    if (left->column != right->column) {
        return left->column < right->column ? -1 : 1;
    }
    return (int)left->warning - (int)right->warning;
}

/* Errors and warnings in the order of the file. */
static cli_exit show_findings(cli *c, tk_json report) {
    const tk_json lists[] = {tk_json_member(report, "errors"), tk_json_member(report, "warnings")};
    size_t room = tk_json_count(lists[0]) + tk_json_count(lists[1]);
    size_t count = 0;
    finding *findings = tk_arena_array(&c->arena, room, sizeof(*findings));
    if (findings == NULL) {
        return cli_nomem(c);
    }
    for (size_t i = 0; i < TK_COUNT_OF(lists); i++) {
        tk_json_iterator it = tk_json_each(lists[i]);
        while (tk_json_next(&it)) {
            findings[count++] = (finding){
                .json = it.value,
                .line = json_count(it.value, "line"),
                .column = json_count(it.value, "column"),
                .warning = i > 0,
            };
        }
    }
    qsort(findings, count, sizeof(*findings), compare_findings);
    for (size_t i = 0; i < count; i++) {
        show_finding(c, findings[i].json, findings[i].warning);
    }
    return CLI_EXIT_OK;
}

static bool is_valid(tk_json report) {
    return tk_json_member(report, "valid").kind == TK_JSON_TRUE;
}

/* Reports of several files: for people line by line, with --json one array at the end. */
typedef struct reports {
    tk_buf json;
    size_t bad;
} reports;

static cli_exit report_keep(cli *c, reports *all, tk_json report) {
    all->bad += is_valid(report) ? 0 : 1;
    if (c->json) {
        tk_json_write_comma(&all->json);
        tk_buf_str(&all->json, report.text);
        return CLI_EXIT_OK;
    }
    return show_findings(c, report);
}

static cli_exit reports_end(cli *c, reports *all, cli_exit code) {
    if (code == CLI_EXIT_OK && c->json) {
        tk_buf_char(&all->json, ']');
        tk_json value = {0};
        tasker_error error = {0};
        if (all->json.failed) {
            code = cli_nomem(c);
        } else if (tk_json_parse(tk_buf_view(&all->json), TK_BUF_BYTES_MAX, &value, &error) !=
                   TASKER_OK) {
            code = cli_fail_error(c, &error, NULL);
        } else {
            json_print(&c->out, value);
        }
    }
    tk_buf_release(&all->json);
    if (code == CLI_EXIT_OK && all->bad > 0) {
        code = CLI_EXIT_PROBLEM;
    }
    return code;
}

/* A longer file is read one byte beyond the limit, so that the library says what it thinks of it. */
static cli_exit read_template(cli *c, const char *path, tk_str *yaml) {
    return cli_file(c, path, CLI_DOCUMENT_BYTES_MAX, yaml);
}

static cli_exit check_file(cli *c, reports *all, const char *path) {
    tk_str yaml = {NULL, 0};
    cli_exit code = read_template(c, path, &yaml);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tasker_text text = {0};
    tasker_error error = {0};
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (tasker_template_check(yaml, name, cli_value(c, "environment"), &text, &error) !=
        TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    tk_json report = {0};
    code = cli_parse(c, &text, &report);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    code = report_keep(c, all, report);
    if (code == CLI_EXIT_OK && !c->json && is_valid(report)) {
        out_text(&c->out, OUT_PLAIN, tk_str_of(name), 0);
        out_printf(&c->out, ": ");
        command_template_title(c, report);
        out_printf(&c->out, ", %" PRId64 " steps, ok\n", json_count(report, "steps"));
    }
    return code;
}

typedef cli_exit (*file_fn)(cli *c, reports *all, const char *path);

/* Every template file below a directory; NULL: the one that is found as workers find it. */
static cli_exit each_file(cli *c, reports *all, const char *path, file_fn take) {
    tasker_text text = {0};
    tasker_error error = {0};
    if (tasker_template_outline(path, &text, &error) != TASKER_OK) {
        return cli_fail_error(c, &error, path == NULL ? "tasker template put DIRECTORY" : NULL);
    }
    tk_json outline = {0};
    cli_exit code = cli_parse(c, &text, &outline);
    tk_json files = tk_json_member(outline, "templates");
    if (code == CLI_EXIT_OK && tk_json_count(files) == 0) {
        tk_str place = json_text(&c->arena, tk_json_member(outline, "path"));
        return cli_fail(c, CLI_EXIT_NOTFOUND, NULL, "no *.yml and no *.yaml below %.*s",
                        (int)place.size, place.data);
    }
    tk_json_iterator it = tk_json_each(files);
    while (code == CLI_EXIT_OK && tk_json_next(&it)) {
        tk_str file = json_text(&c->arena, tk_json_member(it.value, "file"));
        code = file.data == NULL ? cli_nomem(c) : take(c, all, file.data);
    }
    return code;
}

static bool is_directory(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

cli_exit command_template_check(cli *c) {
    reports all = {0};
    tk_buf_char(&all.json, '[');
    cli_exit code = CLI_EXIT_OK;
    for (size_t i = 0; i < c->word_count && code == CLI_EXIT_OK; i++) {
        code = is_directory(c->words[i]) ? each_file(c, &all, c->words[i], check_file)
                                         : check_file(c, &all, c->words[i]);
    }
    return reports_end(c, &all, code);
}

/* --- put -------------------------------------------------------------------------------------- */

static cli_exit show_put(cli *c, reports *all, tk_json report) {
    cli_exit code = report_keep(c, all, report);
    if (code == CLI_EXIT_OK && !c->json && is_valid(report)) {
        command_template_title(c, report);
        out_printf(&c->out, " registered, revision %" PRId64 "\n", json_count(report, "revision"));
    }
    return code;
}

/* A file with errors is reported with all of them, so it is checked first. */
static cli_exit put_file(cli *c, reports *all, const char *path) {
    tk_str yaml = {NULL, 0};
    cli_exit code = read_template(c, path, &yaml);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    tasker_text text = {0};
    tasker_error error = {0};
    tasker_status status =
        tasker_template_check(yaml, name, cli_value(c, "environment"), &text, &error);
    tk_json report = {0};
    if (status == TASKER_OK) {
        code = cli_parse(c, &text, &report);
        if (code != CLI_EXIT_OK) {
            return code;
        }
        if (!is_valid(report)) {
            return report_keep(c, all, report);
        }
        status = c->source->template_put(c, yaml, name, &text, &error);
    }
    if (status != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    code = cli_parse(c, &text, &report);
    return code == CLI_EXIT_OK ? show_put(c, all, report) : code;
}

cli_exit command_template_put(cli *c) {
    cli_exit code = cli_open(c, CLI_CREATE);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    reports all = {0};
    tk_buf_char(&all.json, '[');
    if (c->word_count == 0) {
        code = each_file(c, &all, NULL, put_file);
    }
    for (size_t i = 0; i < c->word_count && code == CLI_EXIT_OK; i++) {
        code = is_directory(c->words[i]) ? each_file(c, &all, c->words[i], put_file)
                                         : put_file(c, &all, c->words[i]);
    }
    return reports_end(c, &all, code);
}
