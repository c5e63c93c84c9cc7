/*
 * command_step.c - step show, retry, resolve, complete.
 */
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "source.h"
#include "view.h"

static cli_exit query_step(cli *c, const char *uuid, tk_json *step) {
    return cli_query_one(c, TASKER_QUERY_STEP, "step_uuid", uuid, step);
}

/* --- show ------------------------------------------------------------------------------------- */

static const table_column attempt_columns[] = {
    {.title = "ATTEMPT", .right = true},  {.title = "OUTCOME"},
    {.title = "CLAIMED (UTC)"},           {.title = "TOOK", .right = true},
    {.title = "WORKER", .right = true}, /* its ID in `worker list` */
    {.title = "ERROR", .flexible = true}, {0},
};

static void add_attempt(cli *c, table *t, tk_json attempt) {
    tk_str outcome = json_text(&c->arena, tk_json_member(attempt, "outcome"));
    int64_t claimed_us = format_time_of(tk_json_member(attempt, "claimed_at"));
    int64_t finished_us = format_time_of(tk_json_member(attempt, "finished_at"));
    bool failed = tk_str_is(outcome, "error") || tk_str_is(outcome, "lost");
    tk_json error = tk_json_member(attempt, "error");

    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(attempt, "attempt"));
    table_add(t, failed ? OUT_RED : OUT_GREEN, outcome);
    tk_buf text = {0};
    if (claimed_us > 0) {
        format_moment(&text, claimed_us);
    }
    table_add(t, OUT_DIM, tk_buf_view(&text));
    t->failed = t->failed || text.failed;
    tk_buf_release(&text);

    char took[FORMAT_DURATION_SIZE];
    bool ran = claimed_us > 0 && finished_us >= claimed_us;
    table_add_text(t, OUT_PLAIN, ran ? format_duration(took, finished_us - claimed_us) : "-");
    table_add(t, OUT_PLAIN, json_text(&c->arena, tk_json_member(attempt, "worker")));
    table_add(t, OUT_RED, json_text(&c->arena, tk_json_member(error, "message")));
}

/* Lines of foreign text, indented. */
static void show_lines(out *o, out_color color, tk_str text) {
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        out_printf(o, "  ");
        out_text(o, color, (tk_str){text.data, size}, 0);
        out_printf(o, "\n");
        size += end == NULL ? 0 : 1;
        text = (tk_str){text.data + size, text.size - size};
    }
}

/* How an attempt failed, whole. */
static void show_failure(cli *c, tk_json attempt) {
    tk_json error = tk_json_member(attempt, "error");
    if (error.kind != TK_JSON_OBJECT) {
        return;
    }
    out *o = &c->out;
    tk_str type = json_text(&c->arena, tk_json_member(error, "error_type"));
    tk_str code = json_text(&c->arena, tk_json_member(error, "error_code"));
    tk_str backtrace = json_text(&c->arena, tk_json_member(error, "backtrace"));
    bool retryable = tk_json_member(error, "retryable").kind == TK_JSON_TRUE;
    out_printf(o, "\nattempt %" PRId64, json_count(attempt, "attempt"));
    const tk_str words[] = {type, code};
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        out_printf(o, words[i].size > 0 ? ", " : "");
        out_text(o, OUT_BOLD, words[i], 0);
    }
    out_printf(o, retryable ? ", retryable:\n" : ", permanent:\n");
    show_lines(o, OUT_RED, json_text(&c->arena, tk_json_member(error, "message")));
    show_lines(o, OUT_DIM, backtrace);
}

/* The attempt that --attempt names, else the newest that failed. */
static cli_exit find_attempt(cli *c, tk_json json, tk_json *found) {
    int64_t number = 0;
    cli_exit code = cli_value_int(c, "attempt", 1, INT32_MAX, &number);
    tk_json_iterator it = tk_json_each(tk_json_member(json, "attempts_list"));
    while (code == CLI_EXIT_OK && tk_json_next(&it)) {
        bool failed = tk_json_member(it.value, "error").kind == TK_JSON_OBJECT;
        if (number == 0 ? failed : json_count(it.value, "attempt") == number) {
            *found = it.value;
        }
    }
    if (code == CLI_EXIT_OK && number > 0 && found->kind == TK_JSON_NONE) {
        code = cli_fail(c, CLI_EXIT_NOTFOUND, NULL,
                        "the step has no attempt %" PRId64 " that ended", number);
    }
    return code;
}

static void show_step_head(cli *c, const step_facts *step, tk_json json) {
    tk_buf attempts = {0};
    tk_buf parents = {0};
    tk_json_iterator it = tk_json_each(tk_json_member(json, "parents"));
    while (tk_json_next(&it)) {
        tk_buf_text(&parents, parents.size > 0 ? ", " : "");
        tk_buf_str(&parents, json_text(&c->arena, it.value));
    }
    if (step->attempt != step->attempts) {
        tk_buf_printf(&attempts,
                      "%" PRId64 " of %" PRId64 " since a person's retry, %" PRId64 " in all",
                      step->attempts, step->attempts_max, step->attempt);
    }
    view_field(&c->out, "step", step->uuid);
    view_field(&c->out, "task", json_text(&c->arena, tk_json_member(json, "task_uuid")));
    view_field(&c->out, "handler", json_text(&c->arena, tk_json_member(json, "callable")));
    view_field(&c->out, "after", tk_buf_view(&parents));
    view_field(&c->out, "attempts", tk_buf_view(&attempts));
    tk_buf_release(&attempts);
    tk_buf_release(&parents);
}

static cli_exit show_attempts(cli *c, tk_json json) {
    table attempts = {.columns = attempt_columns};
    tk_json_iterator it = tk_json_each(tk_json_member(json, "attempts_list"));
    while (tk_json_next(&it)) {
        add_attempt(c, &attempts, it.value);
    }
    out_printf(&c->out, attempts.count > 0 ? "\n" : "");
    return table_end(&attempts, &c->out, 0, attempts.count > 0) ? CLI_EXIT_OK : cli_nomem(c);
}

static cli_exit show_step(cli *c, tk_json json) {
    step_facts step = view_step_facts(&c->arena, json);
    table t = {.columns = view_step_columns};
    tk_json attempt = {0};
    cli_exit code = find_attempt(c, json, &attempt);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    view_step_row(&t, &c->out, &c->arena, &step, tk_clock_now(&tk_clock_system));
    if (!table_end(&t, &c->out, 0, true)) {
        return cli_nomem(c);
    }
    show_step_head(c, &step, json);
    code = show_attempts(c, json);
    show_failure(c, attempt);
    if (step.result.kind != TK_JSON_NONE && step.result.kind != TK_JSON_NULL) {
        out_printf(&c->out, "\nresult\n");
        json_view(&c->out, step.result, 0);
        out_printf(&c->out, "\n");
    }
    return code;
}

cli_exit command_step_show(cli *c) {
    char uuid[TASKER_UUID_SIZE];
    tk_json step = {0};
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = cli_step_uuid(c, c->words[0], uuid);
    }
    if (code == CLI_EXIT_OK) {
        code = query_step(c, uuid, &step);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, step);
        return CLI_EXIT_OK;
    }
    return show_step(c, step);
}

/* --- acts ------------------------------------------------------------------------------------- */

static cli_exit fail_act(cli *c, const tasker_error *error, const char *word) {
    const char *next = error->status == TASKER_CONFLICT
                           ? tk_arena_printf(&c->arena, "tasker step show %s", word)
                           : "tasker task list";
    return cli_fail_error(c, error, next);
}

/* Tells how the step is now, or keeps it for --json. */
static cli_exit tell_step(cli *c, const char *uuid, tk_buf *json) {
    tk_json answer = {0};
    cli_exit code = query_step(c, uuid, &answer);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        tk_json_write_comma(json);
        tk_buf_str(json, answer.text);
        return CLI_EXIT_OK;
    }
    step_facts step = view_step_facts(&c->arena, answer);
    out_text(&c->out, OUT_BOLD, step.name, 0);
    out_printf(&c->out, "  ");
    out_text(&c->out, view_state_color(step.state), step.state, 0);
    out_printf(&c->out, "\n");
    return CLI_EXIT_OK;
}

static cli_exit retry_one(cli *c, const char *word, tk_buf *json) {
    char uuid[TASKER_UUID_SIZE];
    tasker_error error = {0};
    cli_exit code = cli_step_uuid(c, word, uuid);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    const deed d = {.kind = DEED_STEP_RETRY, .uuid = uuid, .who = command_act(c)};
    if (c->source->act(c, &d, &error) != TASKER_OK) {
        return fail_act(c, &error, word);
    }
    return tell_step(c, uuid, json);
}

static cli_exit end_json(cli *c, cli_exit code, tk_buf *json) {
    if (code == CLI_EXIT_OK && c->json) {
        tk_json document = {TK_JSON_OBJECT, tk_buf_view(json)};
        document.kind = json->size > 0 && json->data[0] == '[' ? TK_JSON_ARRAY : TK_JSON_OBJECT;
        json_print(&c->out, document);
        code = json->failed ? cli_nomem(c) : CLI_EXIT_OK;
    }
    tk_buf_release(json);
    return code;
}

cli_exit command_step_retry(cli *c) {
    bool many = c->word_count > 1;
    tk_buf json = {0};
    tk_buf_text(&json, many ? "[" : "");
    cli_exit code = cli_open(c, CLI_CHANGE);
    for (size_t i = 0; i < c->word_count && code == CLI_EXIT_OK; i++) {
        code = retry_one(c, c->words[i], &json);
    }
    tk_buf_text(&json, many ? "]" : "");
    return end_json(c, code, &json);
}

static cli_exit act_with_result(cli *c, deed_kind kind) {
    char uuid[TASKER_UUID_SIZE];
    deed d = {.kind = kind, .uuid = uuid, .who = command_act(c)};
    tasker_error error = {0};
    tk_buf json = {0};
    cli_exit code = command_result(c, &d.result);
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_CHANGE);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_step_uuid(c, c->words[0], uuid);
    }
    if (code == CLI_EXIT_OK && c->source->act(c, &d, &error) != TASKER_OK) {
        code = fail_act(c, &error, c->words[0]);
    }
    if (code == CLI_EXIT_OK) {
        code = tell_step(c, uuid, &json);
    }
    return end_json(c, code, &json);
}

cli_exit command_step_resolve(cli *c) {
    return act_with_result(c, DEED_STEP_RESOLVE);
}

cli_exit command_step_complete(cli *c) {
    if (!cli_has(c, "result")) {
        return cli_fail(c, CLI_EXIT_USAGE, "--result null, if there is none",
                        "step complete needs --result: what the steps after it will see");
    }
    return act_with_result(c, DEED_STEP_COMPLETE);
}
