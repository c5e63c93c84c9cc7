/*
 * view.c - tasks and steps for people; see view.h.
 */
#include "view.h"

#include "format.h"

/* How the states of tasks and steps look: one list for both. */
static const struct {
    const char *state;
    out_color color;
    const char *sign, *ascii;
} looks[] = {
    {"complete", OUT_GREEN, "\u2714", "+"},           {"in_progress", OUT_CYAN, "\u25b6", ">"},
    {"steps_in_process", OUT_CYAN, "\u25b6", ">"},    {"enqueued", OUT_CYAN, "\u25b7", "="},
    {"waiting_for_retry", OUT_YELLOW, "\u21bb", "~"}, {"error", OUT_RED, "\u2718", "x"},
    {"blocked_by_failures", OUT_RED, "\u2718", "x"},  {"cancelled", OUT_DIM, "\u2013", "-"},
    {"resolved_manually", OUT_GREEN, "\u270e", "*"},
};

const char *const view_task_states[] = {
    "pending",
    "initializing",
    "enqueuing_steps",
    "steps_in_process",
    "evaluating_results",
    "waiting_for_dependencies",
    "waiting_for_retry",
    "blocked_by_failures",
    "complete",
    "error",
    "cancelled",
    "resolved_manually",
    "running",
    NULL,
};

static size_t look_of(tk_str state) {
    size_t i = 0;
    while (i < TK_COUNT_OF(looks) && !tk_str_is(state, looks[i].state)) {
        i++;
    }
    return i;
}

out_color view_state_color(tk_str state) {
    size_t i = look_of(state);
    return i < TK_COUNT_OF(looks) ? looks[i].color : OUT_DIM;
}

const char *view_state_sign(const out *o, tk_str state) {
    size_t i = look_of(state);
    if (i == TK_COUNT_OF(looks)) {
        return o->unicode ? "\u00b7" : ".";
    }
    return o->unicode ? looks[i].sign : looks[i].ascii;
}

static bool is_one_of(tk_str state, const char *const *words) {
    for (; *words != NULL; words++) {
        if (tk_str_is(state, *words)) {
            return true;
        }
    }
    return false;
}

static const char *const resting[] = {"complete",          "cancelled",           "error",
                                      "resolved_manually", "blocked_by_failures", NULL};
static const char *const well[] = {"complete", "resolved_manually", NULL};

step_facts view_step_facts(tk_arena *arena, tk_json step) {
    return (step_facts){
        .name = json_text(arena, tk_json_member(step, "name")),
        .state = json_text(arena, tk_json_member(step, "current_state")),
        .uuid = json_text(arena, tk_json_member(step, "step_uuid")),
        .result = tk_json_member(step, "result"),
        .error = tk_json_member(step, "error"),
        .attempts = json_count(step, "attempts"),
        .attempts_max = json_count(step, "max_attempts"),
        .attempt = json_count(step, "attempt"),
        .started_us = format_time_of(tk_json_member(step, "last_attempted_at")),
        .ended_us = format_time_of(tk_json_member(step, "completed_at")),
        .retry_us = format_time_of(tk_json_member(step, "next_retry_at")),
    };
}

task_facts view_task_facts(tk_arena *arena, tk_json task) {
    task_facts facts = {
        .json = task,
        .steps = tk_json_member(task, "steps"),
        .uuid = json_text(arena, tk_json_member(task, "task_uuid")),
        .namespace_name = json_text(arena, tk_json_member(task, "namespace")),
        .name = json_text(arena, tk_json_member(task, "name")),
        .version = json_text(arena, tk_json_member(task, "version")),
        .state = json_text(arena, tk_json_member(task, "state")),
        .status = json_text(arena, tk_json_member(task, "execution_status")),
        .created_us = format_time_of(tk_json_member(task, "created_at")),
        .completed_us = format_time_of(tk_json_member(task, "completed_at")),
        .steps_total = json_count(task, "total_steps"),
        .steps_done = json_count(task, "completed_steps"),
        .steps_running = json_count(task, "in_progress_steps"),
        .starts_us = format_time_of(tk_json_member(task, "run_at")),
    };
    facts.rests = is_one_of(facts.state, resting);
    facts.ended_well = is_one_of(facts.state, well);
    return facts;
}

void view_attempts(tk_buf *buf, const step_facts *step) {
    if (step->attempts == 0 && step->attempt == 0) {
        tk_buf_char(buf, '-');
        return;
    }
    tk_buf_printf(buf, "%" PRId64 " of %" PRId64, step->attempts,
                  step->attempts_max < 1 ? 1 : step->attempts_max);
    if (step->attempt != step->attempts) {
        tk_buf_printf(buf, ", %" PRId64 " in all", step->attempt);
    }
}

void view_step_time(tk_buf *buf, const step_facts *step, int64_t now_us) {
    char text[FORMAT_DURATION_SIZE];
    if (tk_str_is(step->state, "waiting_for_retry") && step->retry_us > 0) {
        tk_buf_printf(buf, "again in %s", format_duration(text, step->retry_us - now_us));
    } else if (tk_str_is(step->state, "in_progress") && step->started_us > 0) {
        tk_buf_text(buf, format_duration(text, now_us - step->started_us));
    } else if (step->started_us > 0 && step->ended_us >= step->started_us) {
        tk_buf_text(buf, format_duration(text, step->ended_us - step->started_us));
    }
}

enum { FIELD_COLUMNS = 12 };

/* Further lines begin below the first. */
static void show_wrapped(out *o, tk_str value) {
    const size_t indent = FIELD_COLUMNS + 2;
    size_t room = o->columns > 2 * indent ? o->columns - indent : o->columns;
    while (value.size > 0) {
        size_t taken = out_wrap(value, room);
        out_text(o, OUT_PLAIN, (tk_str){value.data, taken}, 0);
        while (taken < value.size && (value.data[taken] == ' ' || value.data[taken] == '\n')) {
            taken++;
        }
        value = (tk_str){value.data + taken, value.size - taken};
        if (value.size > 0) {
            out_printf(o, "\n%*s", (int)indent, "");
        }
    }
}

void view_field(out *o, const char *name, tk_str value) {
    if (value.size > 0) {
        out_color_begin(o, OUT_DIM);
        out_printf(o, "  %-*s", FIELD_COLUMNS, name);
        out_color_end(o, OUT_DIM);
        out_printf(o, strlen(name) < FIELD_COLUMNS ? "" : "  ");
        if (o->terminal) {
            show_wrapped(o, value);
        } else {
            out_text(o, OUT_PLAIN, value, 0);
        }
        out_printf(o, "\n");
    }
}

void view_moment(tk_buf *buf, int64_t time_us, int64_t now_us) {
    char text[FORMAT_DURATION_SIZE];
    format_moment(buf, time_us);
    if (time_us > now_us) {
        tk_buf_printf(buf, " UTC, in %s", format_duration(text, time_us - now_us));
    } else {
        tk_buf_printf(buf, " UTC, %s ago", format_duration(text, now_us - time_us));
    }
}

/* ", 7.4 s" from its creation to its end, or until now; ", starts in 1 h 00 m" before it may. */
static void write_age(tk_buf *buf, const task_facts *task, int64_t now_us) {
    char took[FORMAT_DURATION_SIZE];
    if (!task->rests && task->starts_us > now_us) {
        tk_buf_printf(buf, ", starts in %s", format_duration(took, task->starts_us - now_us));
        return;
    }
    tk_buf_text(buf, task->rests || task->steps_running > 0 ? "" : ", none runs");
    int64_t end_us = task->completed_us > 0 ? task->completed_us : now_us;
    if (task->created_us > 0 && (task->completed_us > 0 || !task->rests)) {
        tk_buf_printf(buf, ", %s", format_duration(took, end_us - task->created_us));
    }
}

void view_task_title(out *o, const task_facts *task, int64_t now_us) {
    tk_buf counts = {0};
    tk_buf_printf(&counts, "  %" PRId64 " of %" PRId64 " steps", task->steps_done,
                  task->steps_total);
    write_age(&counts, task, now_us);
    const struct {
        tk_str text;
        out_color color;
    } parts[] = {
        {task->namespace_name, OUT_BOLD},
        {TK_STR("/"), OUT_BOLD},
        {task->name, OUT_BOLD},
        {TK_STR("  "), OUT_PLAIN},
        {task->state, view_state_color(task->state)},
        {tk_buf_view(&counts), OUT_PLAIN},
    };
    size_t room = o->terminal ? o->columns - 1 : SIZE_MAX;
    for (size_t i = 0; i < TK_COUNT_OF(parts) && room > 0; i++) {
        room -= out_text(o, parts[i].color, parts[i].text, room);
    }
    if (room >= task->uuid.size + 2) { /* whole or not at all: half a UUID is of no use */
        out_printf(o, "  ");
        out_text(o, OUT_DIM, task->uuid, 0);
    }
    out_printf(o, "\n");
    tk_buf_release(&counts);
}

const table_column view_step_columns[] = {
    {.title = " "},
    {.title = "STEP", .flexible = true},
    {.title = "STATE", .least = sizeof("in_progress") - 1},
    {.title = "ATTEMPTS", .least = sizeof("2 of 3") - 1},
    {.title = "TIME", .right = true, .least = sizeof("999 ms") - 1},
    {.title = "FAILURE", .flexible = true},
    {0},
};

/* The message of a failure stays with a step that is tried again until it has succeeded. */
tk_str view_failure_text(tk_arena *arena, const step_facts *step) {
    return json_text(arena, tk_json_member(step->error, "message"));
}

void view_step_row(table *t, const out *o, tk_arena *arena, const step_facts *step,
                   int64_t now_us) {
    out_color color = view_state_color(step->state);
    table_add_text(t, color, view_state_sign(o, step->state));
    table_add(t, OUT_PLAIN, step->name);
    table_add(t, color, step->state);
    tk_buf attempts = {0};
    view_attempts(&attempts, step);
    t->failed = t->failed || attempts.failed;
    out_color attempts_color = step->attempt > 1 ? OUT_YELLOW : OUT_PLAIN;
    table_add(t, step->attempt == 0 ? OUT_DIM : attempts_color, tk_buf_view(&attempts));
    tk_buf_release(&attempts);
    tk_buf time = {0};
    view_step_time(&time, step, now_us);
    t->failed = t->failed || time.failed;
    table_add(t, OUT_PLAIN, tk_buf_view(&time));
    tk_buf_release(&time);
    table_add(t, OUT_RED, view_failure_text(arena, step));
}

enum { REPAIRS_MAX = 4 }; /* failed steps that are named; there may be thousands */

/* Without a blank or a sign that a shell takes for its own. */
static bool is_plain_word(tk_str text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t size = 0;
    while (size < text.size && memchr(plain, text.data[size], sizeof(plain) - 1) != NULL) {
        size++;
    }
    return size == text.size;
}

static void show_command(out *o, const char *command, const task_facts *task, tk_str step) {
    const char *quote = is_plain_word(step) ? "" : "'";
    out_printf(o, "try: tasker %s %s", command, quote);
    out_text(o, OUT_PLAIN, task->uuid, 0);
    if (step.size > 0) {
        out_printf(o, "/");
        out_text(o, OUT_PLAIN, step, 0);
    }
    out_printf(o, "%s\n", quote);
}

void view_repairs(out *o, tk_arena *arena, const task_facts *task) {
    size_t failed = 0;
    tk_json_iterator it = tk_json_each(task->steps);
    while (tk_json_next(&it)) {
        step_facts step = view_step_facts(arena, it.value);
        if (tk_str_is(step.state, "error") && failed++ < REPAIRS_MAX) {
            show_command(o, "step show", task, step.name);
            show_command(o, "step retry", task, step.name);
            show_command(o, "step resolve", task, step.name);
        }
    }
    if (failed > REPAIRS_MAX) {
        out_printf(o, "and so for %zu more failed steps\n", failed - REPAIRS_MAX);
    }
    show_command(o, "task cancel", task, (tk_str){NULL, 0});
}
