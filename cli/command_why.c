/*
 * command_why.c - why: what a task or a step waits for, when it will move, and what can be done.
 */
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "id.h"
#include "view.h"

enum { ROWS_MAX = 50, NEXT_MAX = 4 };

/* A UUID says itself whether it is a task's or a step's. */
static bool is_step(const char *word) {
    tk_uuid id;
    tk_uuid task;
    uint32_t number = 0;
    return strchr(word, '/') != NULL ||
           (tk_uuid_parse(tk_str_of(word), &id) && tk_uuid_step_split(&id, &task, &number));
}

static const table_column columns[] = {
    {.title = " "},
    {.title = "STEP", .flexible = true},
    {.title = "STATE"},
    {.title = "WHEN", .right = true},
    {.title = "WHY", .flexible = true},
    {0},
};

static out_color color_of(tk_str waits_for) {
    static const struct {
        const char *word;
        out_color color;
    } colors[] = {{"running", OUT_CYAN}, {"queue", OUT_CYAN},  {"time", OUT_YELLOW},
                  {"worker", OUT_RED},   {"handler", OUT_RED}, {"operator", OUT_RED},
                  {"parents", OUT_DIM},  {"nothing", OUT_DIM}};
    for (size_t i = 0; i < TK_COUNT_OF(colors); i++) {
        if (tk_str_is(waits_for, colors[i].word)) {
            return colors[i].color;
        }
    }
    return OUT_PLAIN;
}

static void add_row(cli *c, table *t, tk_json step, int64_t now_us) {
    char text[FORMAT_DURATION_SIZE];
    tk_str state = json_text(&c->arena, tk_json_member(step, "current_state"));
    tk_str waits_for = json_text(&c->arena, tk_json_member(step, "waits_for"));
    int64_t at_us = format_time_of(tk_json_member(step, "at"));
    table_add_text(t, view_state_color(state), view_state_sign(&c->out, state));
    table_add(t, OUT_BOLD, json_text(&c->arena, tk_json_member(step, "name")));
    table_add(t, view_state_color(state), state);
    if (at_us > now_us) {
        table_printf(t, OUT_YELLOW, "in %s", format_duration(text, at_us - now_us));
    } else {
        table_add_text(t, OUT_DIM, "-");
    }
    table_add(t, color_of(waits_for), json_text(&c->arena, tk_json_member(step, "text")));
}

/* What can be done about it; that a step waits for another is no news. */
static void show_next(cli *c, tk_json steps) {
    tk_str told[NEXT_MAX] = {{0}};
    size_t count = 0;
    tk_json_iterator it = tk_json_each(steps);
    while (tk_json_next(&it) && count < NEXT_MAX) {
        tk_str next = json_text(&c->arena, tk_json_member(it.value, "next"));
        bool parents = tk_json_string_is(tk_json_member(it.value, "waits_for"), TK_STR("parents"));
        bool known = next.size == 0 || (parents && tk_json_count(steps) > 1);
        for (size_t i = 0; i < count; i++) {
            known = known || tk_str_equal(told[i], next);
        }
        if (!known) {
            told[count++] = next;
            out_printf(&c->out, "try: ");
            out_text(&c->out, OUT_PLAIN, next, 0);
            out_printf(&c->out, "\n");
        }
    }
}

/* Fitted to a terminal; it may quote an error of several lines. */
static void show_sentence(out *o, tk_str text) {
    while (text.size > 0) {
        size_t taken = out_wrap(text, o->terminal ? o->columns - 1 : SIZE_MAX);
        out_text(o, OUT_BOLD, (tk_str){text.data, taken}, 0);
        out_printf(o, "\n");
        taken += taken < text.size && (text.data[taken] == ' ' || text.data[taken] == '\n') ? 1 : 0;
        text = (tk_str){text.data + taken, text.size - taken};
    }
}

static cli_exit show(cli *c, tk_json why) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    tk_json steps = tk_json_member(why, "steps");
    table t = {.columns = columns};
    show_sentence(&c->out, json_text(&c->arena, tk_json_member(why, "text")));
    tk_json_iterator it = tk_json_each(steps);
    while (tk_json_next(&it)) {
        if (!c->out.terminal || it.index < ROWS_MAX) {
            add_row(c, &t, it.value, now_us);
        }
    }
    out_printf(&c->out, t.count > 0 ? "\n" : "");
    if (!table_end(&t, &c->out, 0, t.count > 0)) {
        return cli_nomem(c);
    }
    if (c->out.terminal && tk_json_count(steps) > ROWS_MAX) {
        out_printf(&c->out, "and %zu more steps\n", tk_json_count(steps) - ROWS_MAX);
    }
    show_next(c, steps);
    return CLI_EXIT_OK;
}

/* 1: nothing will move by itself although something is open. */
cli_exit command_why(cli *c) {
    char uuid[TASKER_UUID_SIZE];
    tk_json why = {0};
    bool step = is_step(c->words[0]);
    cli_exit code = cli_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = step ? cli_step_uuid(c, c->words[0], uuid) : cli_task_uuid(c, c->words[0], uuid);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_query_one(c, TASKER_QUERY_WHY, step ? "step_uuid" : "task_uuid", uuid, &why);
    }
    if (code == CLI_EXIT_OK && c->json) {
        json_print(&c->out, why);
    } else if (code == CLI_EXIT_OK) {
        code = show(c, why);
    }
    bool moves = tk_json_member(why, "moves").kind == TK_JSON_TRUE;
    bool open = tk_json_count(tk_json_member(why, "steps")) > 0;
    return code == CLI_EXIT_OK && open && !moves ? CLI_EXIT_PROBLEM : code;
}
