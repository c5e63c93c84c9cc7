/*
 * command.c - what several commands take from their command line.
 */
#include <stdlib.h>

#include "commands.h"
#include "json_view.h"
#include "suggest.h"

static cli_exit set_once(cli *c, const char *option, tk_str *value) {
    const char *given = cli_value(c, option);
    if (given == NULL) {
        return CLI_EXIT_OK;
    }
    if (value->size > 0) {
        return cli_fail(c, CLI_EXIT_USAGE, NULL, "--%s %s, but %.*s was named before", option,
                        given, (int)value->size, value->data);
    }
    *value = tk_str_of(given);
    return CLI_EXIT_OK;
}

cli_exit command_template_name(cli *c, template_name *named) {
    *named = (template_name){0};
    if (c->word_count > 0) {
        const char *name = c->words[0];
        const char *slash = strchr(name, '/');
        if (slash != NULL) {
            named->namespace_name = (tk_str){name, (size_t)(slash - name)};
            name = slash + 1;
        }
        const char *colon = strrchr(name, ':');
        size_t size = colon == NULL ? strlen(name) : (size_t)(colon - name);
        named->name = (tk_str){name, size};
        named->version = tk_str_of(colon == NULL ? NULL : colon + 1);
    }
    cli_exit code = set_once(c, "namespace", &named->namespace_name);
    if (code == CLI_EXIT_OK) {
        code = set_once(c, "name", &named->name);
    }
    return code == CLI_EXIT_OK ? set_once(c, "version", &named->version) : code;
}

static cli_exit query_templates(cli *c, tk_json *answer) {
    return cli_query(c, TASKER_QUERY_TEMPLATES, TK_STR("{}"), answer);
}

static tk_str member_text(cli *c, tk_json template, const char *name) {
    return json_text(&c->arena, tk_json_member(template, name));
}

/* Of another namespace or version the name may be the same; else the nearest. */
static void suggest_template(cli *c, tk_json templates, const template_name *named,
                             suggestion *best) {
    char *wrong =
        tk_arena_printf(&c->arena, "%.*s/%.*s", (int)named->namespace_name.size,
                        named->namespace_name.data, (int)named->name.size, named->name.data);
    suggestion by_name = {0};
    tk_json_iterator it = tk_json_each(templates);
    while (tk_json_next(&it) && wrong != NULL) {
        tk_str namespace_name = member_text(c, it.value, "namespace");
        tk_str name = member_text(c, it.value, "name");
        tk_str version = member_text(c, it.value, "version");
        bool same = tk_str_equal(name, named->name);
        bool other_version = same && tk_str_equal(namespace_name, named->namespace_name);
        char *known = tk_arena_printf(&c->arena, "%.*s/%.*s%s%.*s", (int)namespace_name.size,
                                      namespace_name.data, (int)name.size, name.data,
                                      other_version ? ":" : "",
                                      other_version ? (int)version.size : 0, version.data);
        if (known != NULL && same) {
            by_name = (suggestion){.word = known};
        } else if (known != NULL) {
            suggest(best, wrong, known);
        }
    }
    *best = by_name.word != NULL ? by_name : *best;
}

cli_exit command_template_fail(cli *c, const template_name *named) {
    tk_json templates = {0};
    suggestion best = {0};
    cli_exit code = query_templates(c, &templates);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    suggest_template(c, templates, named, &best);
    const char *next =
        tk_json_count(templates) == 0 ? "tasker template put FILE" : "tasker template list";
    const char *slash = named->namespace_name.size > 0 ? "/" : "";
    const char *colon = named->version.size > 0 ? ":" : "";
    return cli_fail(c, CLI_EXIT_NOTFOUND, next, "no template %.*s%s%.*s%s%.*s is registered%s%s%s",
                    (int)named->namespace_name.size, named->namespace_name.data, slash,
                    (int)named->name.size, named->name.data, colon, (int)named->version.size,
                    named->version.data, best.word == NULL ? "" : "; did you mean ",
                    best.word == NULL ? "" : best.word, best.word == NULL ? "" : "?");
}

cli_exit command_template_namespace(cli *c, template_name *named) {
    tk_json templates = {0};
    cli_exit code = query_templates(c, &templates);
    tk_str found = {NULL, 0};
    tk_json_iterator it = tk_json_each(templates);
    while (code == CLI_EXIT_OK && tk_json_next(&it)) {
        tk_str namespace_name = member_text(c, it.value, "namespace");
        if (!tk_str_equal(member_text(c, it.value, "name"), named->name)) {
            continue;
        }
        if (found.size > 0 && !tk_str_equal(found, namespace_name)) {
            return cli_fail(c, CLI_EXIT_USAGE, "tasker template list",
                            "which %.*s? a namespace is missing: %.*s/%.*s, %.*s/%.*s, ...",
                            (int)named->name.size, named->name.data, (int)found.size, found.data,
                            (int)named->name.size, named->name.data, (int)namespace_name.size,
                            namespace_name.data, (int)named->name.size, named->name.data);
        }
        found = namespace_name;
    }
    if (code == CLI_EXIT_OK && found.size == 0) {
        return command_template_fail(c, named);
    }
    named->namespace_name = found;
    return code;
}

static void note_unknown(cli *c, tk_json templates, const char *option) {
    const char *value = cli_value(c, option);
    suggestion best = {0};
    tk_json_iterator it = tk_json_each(templates);
    while (value != NULL && tk_json_next(&it)) {
        tk_str known = member_text(c, it.value, option);
        if (tk_str_is(known, value)) {
            return;
        }
        if (known.data != NULL) {
            suggest(&best, value, known.data);
        }
    }
    if (value != NULL) {
        cli_note(c, "no template has the %s %s%s%s%s", option, value,
                 best.word == NULL ? "" : "; did you mean ", best.word == NULL ? "" : best.word,
                 best.word == NULL ? "" : "?");
    }
}

void command_filter_note(cli *c) {
    tk_json templates = {0};
    bool given = cli_has(c, "namespace") || cli_has(c, "name");
    if (!c->json && given && query_templates(c, &templates) == CLI_EXIT_OK) {
        note_unknown(c, templates, "namespace");
        note_unknown(c, templates, "name");
    }
}

tasker_act command_act(const cli *c) {
    const char *actor = cli_value(c, "by");
    actor = actor != NULL ? actor : getenv("USER");
    return (tasker_act){.actor = actor, .reason = cli_value(c, "reason")};
}

cli_exit command_result(cli *c, tk_str *result) {
    const char *word = cli_value(c, "result");
    *result = (tk_str){NULL, 0};
    if (word == NULL) {
        return CLI_EXIT_OK;
    }
    cli_exit code = cli_document(c, "--result", word, result);
    tk_json value = {0};
    tasker_error error = {0};
    if (code == CLI_EXIT_OK &&
        tk_json_parse(*result, TASKER_RESULT_BYTES_MAX, &value, &error) != TASKER_OK) {
        return cli_fail(c, CLI_EXIT_USAGE, "--result '\"a text\"' for a text, --result @FILE",
                        "--result: %s", error.message);
    }
    return code;
}
