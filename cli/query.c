/*
 * query.c - reading from a store or a server; and what people call tasks and steps.
 */
#include "id.h"
#include "json_view.h"
#include "source.h"
#include "suggest.h"

cli_exit cli_parse(cli *c, tasker_text *text, tk_json *value) {
    tk_str copy = {NULL, 0};
    bool kept = tk_arena_str(&c->arena, (tk_str){text->data, text->size}, &copy);
    tasker_text_free(text);
    if (!kept) {
        return cli_nomem(c);
    }
    tasker_error error = {0};
    if (tk_json_parse(copy, TK_BUF_BYTES_MAX, value, &error) != TASKER_OK) {
        return cli_fail(c, CLI_EXIT_SYSTEM, NULL, "the library answered no JSON: %s",
                        error.message);
    }
    return CLI_EXIT_OK;
}

/* Where to look for what was not found. */
static const char *list_of(tasker_query_kind kind) {
    switch (kind) {
    case TASKER_QUERY_TEMPLATE:
    case TASKER_QUERY_TEMPLATES:
        return "tasker template list";
    default:
        return "tasker task list";
    }
}

cli_exit cli_query(cli *c, tasker_query_kind kind, tk_str filter, tk_json *answer) {
    tasker_text text = {0};
    tasker_error error = {0};
    if (c->source->query(c, kind, filter, &text, &error) != TASKER_OK) {
        const char *next = error.status == TASKER_NOTFOUND ? list_of(kind) : NULL;
        return cli_fail_error(c, &error, next);
    }
    return cli_parse(c, &text, answer);
}

cli_exit cli_query_one(cli *c, tasker_query_kind kind, const char *member, const char *value,
                       tk_json *answer) {
    tk_buf filter = {0};
    tk_buf_char(&filter, '{');
    tk_json_write_member_string(&filter, member, tk_str_of(value));
    tk_buf_char(&filter, '}');
    cli_exit code = filter.failed ? cli_nomem(c) : cli_query(c, kind, tk_buf_view(&filter), answer);
    tk_buf_release(&filter);
    return code;
}

/* --- what people call tasks and steps --------------------------------------------------------- */

static cli_exit newest_task(cli *c, char uuid[TASKER_UUID_SIZE]) {
    tk_json answer = {0};
    cli_exit code = cli_query(c, TASKER_QUERY_TASKS, TK_STR("{\"limit\":1}"), &answer);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "tasks"));
    if (!tk_json_next(&it)) {
        return cli_fail(c, CLI_EXIT_NOTFOUND, "tasker task submit", "the store has no task yet");
    }
    tk_str text = json_text(&c->arena, tk_json_member(it.value, "task_uuid"));
    if (text.size + 1 != TASKER_UUID_SIZE) {
        return cli_nomem(c);
    }
    memcpy(uuid, text.data, TASKER_UUID_SIZE);
    return CLI_EXIT_OK;
}

static bool parse_uuid(tk_str word, char uuid[TASKER_UUID_SIZE]) {
    tk_uuid id = {{0}};
    if (!tk_uuid_parse(word, &id)) {
        return false;
    }
    tk_uuid_format(&id, uuid);
    return true;
}

cli_exit cli_task_uuid(cli *c, const char *word, char uuid[TASKER_UUID_SIZE]) {
    if (strcmp(word, "last") == 0) {
        return newest_task(c, uuid);
    }
    if (!parse_uuid(tk_str_of(word), uuid)) {
        const char *next = strchr(word, '/') == NULL
                               ? "tasker task list"
                               : tk_arena_printf(&c->arena, "tasker step show %s", word);
        return cli_fail(c, CLI_EXIT_USAGE, next,
                        "%s is no task: expected a UUID of 36 characters, or \"last\"", word);
    }
    return CLI_EXIT_OK;
}

static cli_exit find_step(cli *c, const char *task, tk_json steps, const char *name,
                          char uuid[TASKER_UUID_SIZE]) {
    suggestion best = {0};
    tk_json_iterator it = tk_json_each(steps);
    while (tk_json_next(&it)) {
        tk_str known = json_text(&c->arena, tk_json_member(it.value, "name"));
        if (tk_str_is(known, name)) {
            tk_str id = json_text(&c->arena, tk_json_member(it.value, "step_uuid"));
            return parse_uuid(id, uuid) ? CLI_EXIT_OK : cli_nomem(c);
        }
        if (known.data != NULL) {
            suggest(&best, name, known.data);
        }
    }
    if (best.word != NULL) {
        return cli_fail(c, CLI_EXIT_NOTFOUND, NULL, "the task has no step %s; did you mean %s?",
                        name, best.word);
    }
    return cli_fail(c, CLI_EXIT_NOTFOUND, tk_arena_printf(&c->arena, "tasker task show %s", task),
                    "the task has no step %s", name);
}

cli_exit cli_step_uuid(cli *c, const char *word, char uuid[TASKER_UUID_SIZE]) {
    const char *slash = strchr(word, '/');
    if (slash == NULL) {
        if (!parse_uuid(tk_str_of(word), uuid)) {
            bool last = strcmp(word, "last") == 0;
            return cli_fail(c, CLI_EXIT_USAGE, last ? "tasker task show last" : "tasker task list",
                            "%s is no step: expected a UUID, or TASK/NAME as last/greet", word);
        }
        return CLI_EXIT_OK;
    }
    char task[TASKER_UUID_SIZE];
    char *task_word = tk_arena_copy(&c->arena, word, (size_t)(slash - word));
    cli_exit code = task_word == NULL ? cli_nomem(c) : cli_task_uuid(c, task_word, task);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_json steps = {0};
    code = cli_query_one(c, TASKER_QUERY_STEPS, "task_uuid", task, &steps);
    return code == CLI_EXIT_OK ? find_step(c, task, steps, slash + 1, uuid) : code;
}
