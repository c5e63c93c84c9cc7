/*
 * command_graph.c - template graph: the steps of a template and what each waits for, drawn in text or
 * as Mermaid.
 */
#include <sys/stat.h>

#include "commands.h"
#include "drawing.h"
#include "json_view.h"
#include "source.h"
#include "table.h"

typedef struct steps {
    tk_json template;
    drawing_box *boxes;
    uint32_t count;
} steps;

/* --- reading ---------------------------------------------------------------------------------- */

/* A file is registered in a store of its own, in memory, so that it is read by the same rules. */
static cli_exit read_file(cli *c, const char *path, tk_json *template) {
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    const tasker_options options = {.size = sizeof(options),
                                    .environment = cli_value(c, "environment")};
    tk_str yaml = {NULL, 0};
    tasker_text text = {0};
    tasker_error error = {0};
    tk_json report = {0};
    cli_exit code = cli_file(c, path, CLI_DOCUMENT_BYTES_MAX, &yaml);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    c->source = &source_store;
    tasker_status status = tasker_open("sqlite::memory:", &options, &c->store, &error);
    if (status == TASKER_OK) {
        status = tasker_template_put(c->store, yaml, name, &text, &error);
    }
    if (status == TASKER_INVALID) {
        return cli_fail(c, CLI_EXIT_PROBLEM,
                        tk_arena_printf(&c->arena, "tasker template check %s", path), "%s: %s",
                        name, error.message);
    }
    if (status != TASKER_OK) {
        return cli_fail_error(c, &error, NULL);
    }
    code = cli_parse(c, &text, &report);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_buf filter = {0};
    tk_buf_char(&filter, '{');
    tk_json_write_member_raw(&filter, "name", tk_json_member(report, "name").text);
    tk_json_write_member_raw(&filter, "namespace", tk_json_member(report, "namespace").text);
    tk_buf_char(&filter, '}');
    code = filter.failed ? cli_nomem(c)
                         : cli_query(c, TASKER_QUERY_TEMPLATE, tk_buf_view(&filter), template);
    tk_buf_release(&filter);
    return code;
}

static bool is_file(const char *path) {
    struct stat facts;
    return strcmp(path, "-") == 0 || (stat(path, &facts) == 0 && S_ISREG(facts.st_mode));
}

static uint32_t index_of(const steps *s, tk_str name) {
    uint32_t i = 0;
    while (i < s->count && !tk_str_equal(s->boxes[i].label, name)) {
        i++;
    }
    return i;
}

static cli_exit read_dependencies(cli *c, steps *s, uint32_t index, tk_json step) {
    tk_json names = tk_json_member(step, "dependencies");
    uint32_t *after = tk_arena_array(&c->arena, tk_json_count(names), sizeof(*after));
    if (after == NULL) {
        return cli_nomem(c);
    }
    drawing_box *box = &s->boxes[index];
    tk_json_iterator it = tk_json_each(names);
    while (tk_json_next(&it)) {
        uint32_t parent = index_of(s, json_text(&c->arena, it.value));
        if (parent < s->count) {
            after[box->after_count++] = parent;
        }
    }
    box->after = after;
    return CLI_EXIT_OK;
}

static cli_exit read_steps(cli *c, steps *s) {
    tk_json list = tk_json_member(s->template, "steps");
    s->boxes = tk_arena_array(&c->arena, tk_json_count(list), sizeof(*s->boxes));
    if (s->boxes == NULL) {
        return cli_nomem(c);
    }
    tk_json_iterator it = tk_json_each(list);
    while (tk_json_next(&it)) {
        s->boxes[s->count++].label = json_text(&c->arena, tk_json_member(it.value, "name"));
    }
    cli_exit code = CLI_EXIT_OK;
    it = tk_json_each(list);
    while (code == CLI_EXIT_OK && tk_json_next(&it)) {
        code = read_dependencies(c, s, (uint32_t)it.index, it.value);
    }
    drawing_layers(s->boxes, s->count);
    return code;
}

/* --- showing ---------------------------------------------------------------------------------- */

/* Quotes and signs of Mermaid's own as its entities. */
static void write_label(tk_buf *buf, tk_str label) {
    tk_buf clean = {0};
    out_escape(&clean, label, 0, false);
    for (size_t i = 0; i < clean.size; i++) {
        if (clean.data[i] != '\0' && strchr("\"#<>&;`\\[]{}|", clean.data[i]) != NULL) {
            tk_buf_printf(buf, "#%d;", clean.data[i]);
        } else {
            tk_buf_char(buf, clean.data[i]);
        }
    }
    buf->failed = buf->failed || clean.failed;
    tk_buf_release(&clean);
}

static void write_mermaid(tk_buf *buf, const steps *s) {
    tk_buf_text(buf, "flowchart TD\n");
    for (uint32_t i = 0; i < s->count; i++) {
        tk_buf_printf(buf, "    s%u[\"", i);
        write_label(buf, s->boxes[i].label);
        tk_buf_text(buf, "\"]\n");
    }
    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t j = 0; j < s->boxes[i].after_count; j++) {
            tk_buf_printf(buf, "    s%u --> s%u\n", s->boxes[i].after[j], i);
        }
    }
}

static cli_exit show_json(cli *c, const steps *s) {
    tk_buf json = {0};
    tk_buf mermaid = {0};
    static const char *const members[] = {"namespace", "name", "version"};
    tk_buf_char(&json, '{');
    for (size_t i = 0; i < TK_COUNT_OF(members); i++) {
        tk_json_write_member_raw(&json, members[i], tk_json_member(s->template, members[i]).text);
    }
    tk_json_write_name(&json, "steps");
    tk_buf_char(&json, '[');
    for (uint32_t i = 0; i < s->count; i++) {
        tk_json_write_comma(&json);
        tk_buf_char(&json, '{');
        tk_json_write_member_string(&json, "name", s->boxes[i].label);
        tk_json_write_member_int(&json, "layer", s->boxes[i].layer);
        tk_json_write_name(&json, "after");
        tk_buf_char(&json, '[');
        for (uint32_t j = 0; j < s->boxes[i].after_count; j++) {
            tk_json_write_comma(&json);
            tk_json_write_string(&json, s->boxes[s->boxes[i].after[j]].label);
        }
        tk_buf_text(&json, "]}");
    }
    tk_buf_char(&json, ']');
    write_mermaid(&mermaid, s);
    tk_json_write_member_string(&json, "mermaid", tk_buf_view(&mermaid));
    tk_buf_char(&json, '}');
    cli_exit code = json.failed || mermaid.failed ? cli_nomem(c) : CLI_EXIT_OK;
    tk_json document = {0};
    if (code == CLI_EXIT_OK &&
        tk_json_parse(tk_buf_view(&json), TK_BUF_BYTES_MAX, &document, NULL) == TASKER_OK) {
        json_print(&c->out, document);
    }
    tk_buf_release(&json);
    tk_buf_release(&mermaid);
    return code;
}

static const table_column columns[] = {
    {.title = "LAYER", .right = true},
    {.title = "STEP", .flexible = true},
    {.title = "AFTER", .flexible = true},
    {0},
};

/* What is too wide for a drawing: layer by layer, in words. */
static bool show_list(cli *c, const steps *s) {
    table t = {.columns = columns};
    uint32_t shown = 0;
    for (uint32_t layer = 0; shown < s->count; layer++) {
        for (uint32_t i = 0; i < s->count; i++) {
            const drawing_box *box = &s->boxes[i];
            if (box->layer != layer) {
                continue;
            }
            tk_buf after = {0};
            for (uint32_t j = 0; j < box->after_count; j++) {
                tk_buf_text(&after, j > 0 ? ", " : "");
                tk_buf_str(&after, s->boxes[box->after[j]].label);
            }
            shown++;
            table_printf(&t, OUT_PLAIN, "%u", layer + 1);
            table_add(&t, OUT_BOLD, box->label);
            table_add(&t, OUT_DIM, tk_buf_view(&after));
            t.failed = t.failed || after.failed;
            tk_buf_release(&after);
        }
    }
    return table_end(&t, &c->out, 0, true);
}

static cli_exit show_text(cli *c, const steps *s) {
    command_template_title(c, s->template);
    out_printf(&c->out, ", %u step%s\n\n", s->count, s->count == 1 ? "" : "s");
    if (drawing_show(&c->out, &c->arena, s->boxes, s->count, c->out.columns)) {
        return CLI_EXIT_OK;
    }
    return show_list(c, s) ? CLI_EXIT_OK : cli_nomem(c);
}

cli_exit command_template_graph(cli *c) {
    steps s = {0};
    template_name named = {0};
    bool file = c->word_count > 0 && is_file(c->words[0]);
    cli_exit code =
        file ? read_file(c, c->words[0], &s.template) : command_template_name(c, &named);
    if (code == CLI_EXIT_OK && !file) {
        code = command_template_find(c, &named, &s.template);
    }
    if (code == CLI_EXIT_OK) {
        code = read_steps(c, &s);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        return show_json(c, &s);
    }
    if (cli_has(c, "mermaid")) {
        write_mermaid(&c->out.text, &s);
        return CLI_EXIT_OK;
    }
    return show_text(c, &s);
}
