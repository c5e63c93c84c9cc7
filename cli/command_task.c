/*
 * command_task.c - task show, wait, cancel, resolve, fail.
 */
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "live.h"
#include "source.h"
#include "view.h"
#include "workers.h"

static cli_exit query_task(cli *c, const char *uuid, tk_json *task) {
    return cli_query_one(c, TASKER_QUERY_TASK, "task_uuid", uuid, task);
}

/* --- show ------------------------------------------------------------------------------------- */

static void show_json(out *o, const char *name, tk_json value) {
    if (value.kind == TK_JSON_NONE || value.kind == TK_JSON_NULL) {
        return;
    }
    out_color_begin(o, OUT_DIM);
    out_printf(o, "  %-12s", name);
    out_color_end(o, OUT_DIM);
    json_view(o, value, 2);
    out_printf(o, "\n");
}

static const char *end_word(tk_str state) {
    static const struct {
        const char *state, *word;
    } words[] = {
        {"cancelled", "cancelled"},
        {"resolved_manually", "resolved"},
        {"blocked_by_failures", "blocked"},
        {"error", "given up"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        if (tk_str_is(state, words[i].state)) {
            return words[i].word;
        }
    }
    return "ended";
}

/* Who ended the task by hand, when and why: "cancelled   2026-11-24 00:23:44.777 UTC, 3 s ago, by me:
 * ordered twice". */
static cli_exit show_end(cli *c, const task_facts *task, int64_t now_us) {
    tk_json history = {0};
    cli_exit code = cli_query_one(c, TASKER_QUERY_HISTORY, "task_uuid", task->uuid.data, &history);
    tk_json end = {0};
    tk_json_iterator it = tk_json_each(history);
    while (code == CLI_EXIT_OK && tk_json_next(&it)) {
        bool of_task = tk_json_string_is(tk_json_member(it.value, "entity"), TK_STR("task"));
        end = of_task ? it.value : end;
    }
    if (code != CLI_EXIT_OK || end.kind == TK_JSON_NONE) {
        return code;
    }
    tk_buf text = {0};
    tk_str actor = json_text(&c->arena, tk_json_member(end, "actor"));
    tk_str reason = json_text(&c->arena, tk_json_member(end, "reason"));
    view_moment(&text, format_time_of(tk_json_member(end, "at")), now_us);
    if (actor.size > 0) {
        tk_buf_text(&text, ", by ");
        tk_buf_str(&text, actor);
    }
    if (reason.size > 0) {
        tk_buf_text(&text, ": ");
        tk_buf_str(&text, reason);
    }
    code = text.failed ? cli_nomem(c) : CLI_EXIT_OK;
    if (code == CLI_EXIT_OK) {
        view_field(&c->out, end_word(task->state), tk_buf_view(&text));
    }
    tk_buf_release(&text);
    return code;
}

/* Why nothing happens, when that is so. */
static void show_lacking(cli *c, const task_facts *task) {
    const char *lacking =
        task->rests || task->steps_running > 0 ? NULL : workers_lacking(c, task->json);
    if (lacking != NULL) {
        view_field(&c->out, "waits", tk_str_of(lacking));
    }
}

static void show_moment(out *o, const char *name, int64_t time_us, int64_t now_us) {
    tk_buf text = {0};
    if (time_us > 0) {
        view_moment(&text, time_us, now_us);
        view_field(o, name, tk_buf_view(&text));
    }
    tk_buf_release(&text);
}

static cli_exit show_head(cli *c, const task_facts *task, int64_t now_us) {
    static const char *const texts[] = {"initiator", "source_system", "reason", "correlation_id"};
    out *o = &c->out;
    cli_exit code = CLI_EXIT_OK;
    view_task_title(o, task, now_us);
    view_field(o, "task", task->uuid);
    if (!task->rests) { /* what the steps say; the end of a task says more */
        view_field(o, "status", task->status);
        show_lacking(c, task);
    }
    view_field(o, "version", task->version);
    show_moment(o, "created", task->created_us, now_us);
    show_moment(o, "starts", task->rests ? 0 : task->starts_us, now_us);
    if (task->completed_us > 0 && tk_str_is(task->state, "complete")) {
        show_moment(o, "completed", task->completed_us, now_us);
    } else if (task->rests) {
        code = show_end(c, task, now_us);
    }
    if (json_count(task->json, "priority") != 0) {
        view_field(o, "priority", tk_json_member(task->json, "priority").text);
    }
    if (tk_json_count(tk_json_member(task->json, "tags")) > 0) {
        show_json(o, "tags", tk_json_member(task->json, "tags"));
    }
    for (size_t i = 0; i < TK_COUNT_OF(texts); i++) {
        tk_str text = json_text(&c->arena, tk_json_member(task->json, texts[i]));
        if (!tk_str_equal(text, task->uuid)) { /* a correlation id is the task's own by default */
            view_field(o, texts[i], text);
        }
    }
    show_json(o, "context", tk_json_member(task->json, "context"));
    return code;
}

/* What the handlers returned, or why there is nothing. */
static void show_results(cli *c, const task_facts *task) {
    tk_json_iterator it = tk_json_each(task->steps);
    bool any = false;
    while (tk_json_next(&it)) {
        step_facts step = view_step_facts(&c->arena, it.value);
        if (step.result.kind == TK_JSON_NONE || step.result.kind == TK_JSON_NULL) {
            continue;
        }
        out_printf(&c->out, any ? "" : "\n");
        any = true;
        out_text(&c->out, OUT_BOLD, step.name, 0);
        out_printf(&c->out, "  ");
        json_view(&c->out, step.result, 0);
        out_printf(&c->out, "\n");
    }
}

static cli_exit show_task(cli *c, tk_json json) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    task_facts task = view_task_facts(&c->arena, json);
    cli_exit code = show_head(c, &task, now_us);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    out_printf(&c->out, "\n");
    table t = {.columns = view_step_columns};
    tk_json_iterator it = tk_json_each(task.steps);
    while (tk_json_next(&it)) {
        step_facts step = view_step_facts(&c->arena, it.value);
        view_step_row(&t, &c->out, &c->arena, &step, now_us);
    }
    if (!table_end(&t, &c->out, 0, true)) {
        return cli_nomem(c);
    }
    show_results(c, &task);
    if (tk_str_is(task.state, "blocked_by_failures")) {
        out_printf(&c->out, "\n");
        view_repairs(&c->out, &c->arena, &task);
    }
    return CLI_EXIT_OK;
}

cli_exit command_task_show(cli *c) {
    char uuid[TASKER_UUID_SIZE];
    tk_json task = {0};
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = cli_task_uuid(c, c->words[0], uuid);
    }
    if (code == CLI_EXIT_OK && cli_has(c, "watch")) {
        const char *uuids[] = {uuid};
        live_request live = {uuids, 1, -1, cli_has(c, "notes"), false};
        code = live_run(c, &live);
        return code == CLI_EXIT_PROBLEM ? CLI_EXIT_OK : code;
    }
    if (code == CLI_EXIT_OK) {
        code = query_task(c, uuid, &task);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        json_print(&c->out, task);
        return CLI_EXIT_OK;
    }
    return show_task(c, task);
}

cli_exit command_task_wait(cli *c) {
    live_request live = {
        .count = c->word_count,
        .timeout_ms = -1,
        .notes = cli_has(c, "notes"),
        .title = c->word_count > 1,
    };
    live.uuids = tk_arena_array(&c->arena, live.count, sizeof(*live.uuids));
    cli_exit code = live.uuids == NULL ? cli_nomem(c) : CLI_EXIT_OK;
    if (code == CLI_EXIT_OK) {
        code = cli_value_seconds(c, "timeout", &live.timeout_ms);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_READ);
    }
    for (size_t i = 0; i < live.count && code == CLI_EXIT_OK; i++) {
        char *uuid = tk_arena_alloc(&c->arena, TASKER_UUID_SIZE);
        code = uuid == NULL ? cli_nomem(c) : cli_task_uuid(c, c->words[i], uuid);
        live.uuids[i] = uuid;
    }
    return code == CLI_EXIT_OK ? live_run(c, &live) : code;
}

/* --- acts ------------------------------------------------------------------------------------- */

/* Acts on one task and tells how it is now. */
static cli_exit act_on(cli *c, deed_kind kind, const char *word, tk_buf *json) {
    char uuid[TASKER_UUID_SIZE];
    tasker_error error = {0};
    cli_exit code = cli_task_uuid(c, word, uuid);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    const deed d = {.kind = kind, .uuid = uuid, .who = command_act(c)};
    if (c->source->act(c, &d, &error) != TASKER_OK) {
        const char *next = error.status == TASKER_NOTFOUND
                               ? "tasker task list"
                               : tk_arena_printf(&c->arena, "tasker task show %s", uuid);
        return cli_fail_error(c, &error, next);
    }
    tk_json task = {0};
    code = query_task(c, uuid, &task);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    if (c->json) {
        tk_json_write_comma(json);
        tk_buf_str(json, task.text);
        return CLI_EXIT_OK;
    }
    task_facts facts = view_task_facts(&c->arena, task);
    view_task_title(&c->out, &facts, tk_clock_now(&tk_clock_system));
    return CLI_EXIT_OK;
}

static cli_exit act_on_all(cli *c, deed_kind kind) {
    bool many = c->word_count > 1;
    tk_buf json = {0};
    tk_buf_text(&json, many ? "[" : "");
    cli_exit code = cli_open(c, CLI_CHANGE);
    for (size_t i = 0; i < c->word_count && code == CLI_EXIT_OK; i++) {
        code = act_on(c, kind, c->words[i], &json);
    }
    tk_buf_text(&json, many ? "]" : "");
    if (code == CLI_EXIT_OK && c->json) {
        tk_json document = {many ? TK_JSON_ARRAY : TK_JSON_OBJECT, tk_buf_view(&json)};
        json_print(&c->out, document);
        code = json.failed ? cli_nomem(c) : CLI_EXIT_OK;
    }
    tk_buf_release(&json);
    return code;
}

cli_exit command_task_cancel(cli *c) {
    return act_on_all(c, DEED_TASK_CANCEL);
}

cli_exit command_task_resolve(cli *c) {
    return act_on_all(c, DEED_TASK_RESOLVE);
}

cli_exit command_task_retry(cli *c) {
    return act_on_all(c, DEED_TASK_RETRY);
}

cli_exit command_task_fail(cli *c) {
    return act_on_all(c, DEED_TASK_FAIL);
}
