/*
 * command_submit.c - task submit: a request made of options, or taken whole; then perhaps a wait.
 */
#include "commands.h"
#include "json_view.h"
#include "live.h"
#include "source.h"

/* Options that are members of the request, under the request's names. */
static const struct {
    const char *option, *member;
} text_members[] = {
    {"key", "idempotency_key"},  {"at", "run_at"},     {"initiator", "initiator"},
    {"source", "source_system"}, {"reason", "reason"}, {"correlation", "correlation_id"},
};
static const struct {
    const char *option, *member;
} list_members[] = {{"tag", "tags"}, {"bypass", "bypass_steps"}};

/* The first option beside --request that says something about the task. */
static const char *beside_request(const cli *c) {
    static const char *const others[] = {"wait",  "request", "store",   "json",
                                         "color", "server",  "key-file"};
    for (size_t i = 0; i < c->given_count; i++) {
        bool other = false;
        for (size_t j = 0; j < TK_COUNT_OF(others); j++) {
            other = other || strcmp(c->given[i].option->name, others[j]) == 0;
        }
        if (!other) {
            return c->given[i].option->name;
        }
    }
    return NULL;
}

static void write_list(const cli *c, tk_buf *buf, const char *option, const char *member) {
    if (!cli_has(c, option)) {
        return;
    }
    tk_json_write_name(buf, member);
    tk_buf_char(buf, '[');
    for (size_t i = 0; i < c->given_count; i++) {
        if (strcmp(c->given[i].option->name, option) == 0) {
            tk_json_write_comma(buf);
            tk_json_write_string(buf, tk_str_of(c->given[i].value));
        }
    }
    tk_buf_char(buf, ']');
}

/* The context is checked here, so that an error in it does not speak of a request nobody wrote. */
static cli_exit write_context(cli *c, tk_buf *buf) {
    const char *word = cli_value(c, "context");
    tk_str context = TK_STR("{}");
    cli_exit code = word == NULL ? CLI_EXIT_OK : cli_document(c, "--context", word, &context);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_json value = {0};
    tasker_error error = {0};
    if (tk_json_parse(context, TASKER_CONTEXT_BYTES_MAX, &value, &error) != TASKER_OK) {
        return cli_fail(c, CLI_EXIT_USAGE, "--context '{\"id\": 7}', --context @FILE",
                        "--context: %s", error.message);
    }
    tk_json_write_member_raw(buf, "context", value.text);
    return CLI_EXIT_OK;
}

static cli_exit write_numbers(cli *c, tk_buf *buf) {
    int64_t priority = 0;
    int64_t delay_ms = 0;
    cli_exit code = cli_value_int(c, "priority", -100, 100, &priority);
    if (code == CLI_EXIT_OK) {
        code = cli_value_seconds(c, "delay", &delay_ms);
    }
    if (code == CLI_EXIT_OK && cli_has(c, "priority")) {
        tk_json_write_member_int(buf, "priority", priority);
    }
    if (code == CLI_EXIT_OK && cli_has(c, "delay")) {
        tk_json_write_name(buf, "delay");
        tk_buf_printf(buf, "%" PRId64 ".%03" PRId64, delay_ms / 1000, delay_ms % 1000);
    }
    return code;
}

/* A namespace is not guessed where something is made: it is told. */
static cli_exit fail_namespace(cli *c, const template_name *named) {
    template_name meant = *named;
    cli_exit code = cli_open(c, CLI_CHANGE);
    if (code == CLI_EXIT_OK) {
        code = command_template_namespace(c, &meant);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    return cli_fail(c, CLI_EXIT_USAGE, NULL,
                    "which template? a namespace is missing; did you mean %.*s/%.*s?",
                    (int)meant.namespace_name.size, meant.namespace_name.data, (int)meant.name.size,
                    meant.name.data);
}

static cli_exit write_request(cli *c, tk_buf *buf) {
    template_name named = {0};
    cli_exit code = command_template_name(c, &named);
    if (code == CLI_EXIT_OK && named.name.size == 0) {
        code = cli_fail(c, CLI_EXIT_USAGE, "tasker task submit NAMESPACE/NAME --context JSON",
                        "which template? a name is missing");
    } else if (code == CLI_EXIT_OK && named.namespace_name.size == 0) {
        code = fail_namespace(c, &named);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "name", named.name);
    tk_json_write_member_string(buf, "namespace", named.namespace_name);
    if (named.version.size > 0) {
        tk_json_write_member_string(buf, "version", named.version);
    }
    code = write_context(c, buf);
    for (size_t i = 0; i < TK_COUNT_OF(text_members); i++) {
        const char *value = cli_value(c, text_members[i].option);
        if (value != NULL) {
            tk_json_write_member_string(buf, text_members[i].member, tk_str_of(value));
        }
    }
    for (size_t i = 0; i < TK_COUNT_OF(list_members); i++) {
        write_list(c, buf, list_members[i].option, list_members[i].member);
    }
    if (code == CLI_EXIT_OK) {
        code = write_numbers(c, buf);
    }
    tk_buf_char(buf, '}');
    return code == CLI_EXIT_OK && buf->failed ? cli_nomem(c) : code;
}

static cli_exit make_request(cli *c, tk_buf *own, tk_str *request) {
    const char *whole = cli_value(c, "request");
    if (whole == NULL) {
        cli_exit code = write_request(c, own);
        *request = tk_buf_view(own);
        return code;
    }
    const char *beside = c->word_count > 0 ? c->words[0] : beside_request(c);
    if (beside != NULL) {
        return cli_fail(c, CLI_EXIT_USAGE, NULL,
                        "--request says everything about the task; leave out %s%s",
                        c->word_count > 0 ? "" : "--", beside);
    }
    return cli_document(c, "--request", whole, request);
}

static void show_answer(cli *c, tk_json answer) {
    tk_str uuid = json_text(&c->arena, tk_json_member(answer, "task_uuid"));
    out_text(&c->out, OUT_PLAIN, uuid, 0);
    if (c->out.terminal && tk_json_member(answer, "known").kind == TK_JSON_TRUE) {
        bool differs = tk_json_member(answer, "context_differs").kind == TK_JSON_TRUE;
        out_printf(&c->out,
                   differs ? "  known by its key; the context differs" : "  known by its key");
    }
    out_printf(&c->out, "\n");
}

/* Waits for what was submitted: the documents that --json shows are then the tasks. */
static cli_exit wait_for(cli *c, tk_json answer) {
    live_request live = {.timeout_ms = -1, .title = true};
    cli_exit code = cli_value_seconds(c, "wait", &live.timeout_ms);
    bool many = answer.kind == TK_JSON_ARRAY;
    live.count = many ? tk_json_count(answer) : 1;
    live.uuids = tk_arena_array(&c->arena, live.count, sizeof(*live.uuids));
    if (code != CLI_EXIT_OK || live.uuids == NULL) {
        return code != CLI_EXIT_OK ? code : cli_nomem(c);
    }
    size_t i = 0;
    tk_json_iterator it = tk_json_each(answer);
    while (many && tk_json_next(&it)) {
        live.uuids[i++] = json_text(&c->arena, tk_json_member(it.value, "task_uuid")).data;
    }
    if (!many) {
        live.uuids[0] = json_text(&c->arena, tk_json_member(answer, "task_uuid")).data;
    }
    return live.count == 0 ? CLI_EXIT_OK : live_run(c, &live);
}

static cli_exit submit(cli *c, tk_str request, tk_json *answer) {
    tasker_text text = {0};
    tasker_error error = {0};
    if (c->source->submit(c, request, &text, &error) == TASKER_OK) {
        return cli_parse(c, &text, answer);
    }
    template_name named = {0};
    if (error.status == TASKER_NOTFOUND && !cli_has(c, "request")) {
        cli_exit code = command_template_name(c, &named);
        return code == CLI_EXIT_OK ? command_template_fail(c, &named) : code;
    }
    const char *next = error.status == TASKER_NOTFOUND  ? "tasker template list"
                       : error.status == TASKER_INVALID ? "tasker task submit --help"
                                                        : NULL;
    return cli_fail_error(c, &error, next);
}

cli_exit command_task_submit(cli *c) {
    tk_buf own = {0};
    tk_str request = {NULL, 0};
    tk_json answer = {0};
    cli_exit code = make_request(c, &own, &request);
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_CHANGE);
    }
    if (code == CLI_EXIT_OK) {
        code = submit(c, request, &answer);
    }
    tk_buf_release(&own);
    return code == CLI_EXIT_OK ? command_submit_end(c, answer) : code;
}

cli_exit command_submit_end(cli *c, tk_json answer) {
    if (cli_has(c, "wait")) {
        return wait_for(c, answer);
    }
    if (c->json) {
        json_print(&c->out, answer);
        return CLI_EXIT_OK;
    }
    tk_json_iterator it = tk_json_each(answer);
    if (answer.kind == TK_JSON_OBJECT) {
        show_answer(c, answer);
        return CLI_EXIT_OK;
    }
    while (tk_json_next(&it)) {
        show_answer(c, it.value);
    }
    return CLI_EXIT_OK;
}
