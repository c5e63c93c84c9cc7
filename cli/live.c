/*
 * live.c - follows tasks until they rest; see live.h.
 *
 *   wait a little for the first that moves ─► look at the others ─► draw what there is now ─► again
 *
 * On a terminal the list is drawn over the last one, never higher than the screen: what would not
 * fit is counted. Elsewhere each change of a step's state or attempt is one line.
 */
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "view.h"

enum {
    LOOK_MS = 100,          /* between two looks */
    NOTES_BYTES_MAX = 8192, /* of notes that are taken in one look */
};

/* One task that is followed. */
typedef struct followed {
    const char *uuid;
    tasker_text text; /* as it is now */
    tk_json json;     /* of `text` */
    char **seen;      /* "state attempt" of each step, as last told */
    size_t seen_count;
    bool rests, ended_well;
} followed;

typedef struct live {
    cli *c;
    const live_request *request;
    followed *tasks;
    tk_arena scratch; /* of one look */
    tk_buf note;      /* an unfinished line of standard input */
    size_t drawn;     /* lines of the last drawing */
    bool notes_open;
    int64_t began_us;
} live;

static int64_t left_ms(const live *l) {
    if (l->request->timeout_ms < 0) {
        return INT64_MAX;
    }
    int64_t gone_ms = (tk_clock_monotonic(&tk_clock_system) - l->began_us) / 1000;
    return l->request->timeout_ms > gone_ms ? l->request->timeout_ms - gone_ms : 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static cli_exit look(live *l, followed *task, int64_t wait_ms) {
    tasker_text text = {0};
    tasker_error error = {0};
    tasker_status status = tasker_task_wait(l->c->store, task->uuid, wait_ms, &text, &error);
    if (status != TASKER_OK && status != TASKER_TIMEOUT) {
        return cli_fail_error(l->c, &error, status == TASKER_NOTFOUND ? "tasker task list" : NULL);
    }
    tasker_text_free(&task->text);
    task->text = text;
    if (tk_json_parse((tk_str){text.data, text.size}, TK_BUF_BYTES_MAX, &task->json, &error) !=
        TASKER_OK) {
        return cli_fail_error(l->c, &error, NULL);
    }
    task_facts facts = view_task_facts(&l->scratch, task->json);
    task->rests = facts.rests;
    task->ended_well = facts.ended_well;
    return CLI_EXIT_OK;
}

/* Looks at all that move; waits up to wait_ms for the first of them. *resting: none moves. */
static cli_exit look_at_all(live *l, int64_t wait_ms, bool *resting) {
    *resting = true;
    for (size_t i = 0; i < l->request->count; i++) {
        followed *task = &l->tasks[i];
        if (task->rests) {
            continue;
        }
        cli_exit code = look(l, task, *resting ? wait_ms : 0);
        if (code != CLI_EXIT_OK) {
            return code;
        }
        *resting = *resting && task->rests;
    }
    return CLI_EXIT_OK;
}

/* --- notes ------------------------------------------------------------------------------------ */

static void show_note(live *l, tk_str line) {
    out *o = &l->c->out;
    out_text(o, OUT_YELLOW, line, o->terminal ? o->columns - 1 : 0);
    out_printf(o, "\n");
}

/* Shows the whole lines of `note`, and keeps the rest; all of it at the end of the input. */
static void show_notes(live *l) {
    size_t begin = 0;
    for (size_t i = 0; i < l->note.size; i++) {
        if (l->note.data[i] == '\n') {
            show_note(l, (tk_str){l->note.data + begin, i - begin});
            begin = i + 1;
        }
    }
    bool whole = !l->notes_open || l->note.size - begin >= NOTES_BYTES_MAX;
    if (whole && begin < l->note.size) {
        show_note(l, (tk_str){l->note.data + begin, l->note.size - begin});
        begin = l->note.size;
    }
    if (begin > 0) {
        memmove(l->note.data, l->note.data + begin, l->note.size - begin);
        tk_buf_truncate(&l->note, l->note.size - begin);
    }
}

static void read_notes(live *l) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    size_t taken = 0;
    while (l->notes_open && taken < NOTES_BYTES_MAX && poll(&in, 1, 0) > 0) {
        char bytes[1024];
        ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
        if (got > 0) {
            tk_buf_add(&l->note, bytes, (size_t)got);
            taken += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            l->notes_open = false;
        }
    }
    show_notes(l);
}

/* --- drawing on a terminal -------------------------------------------------------------------- */

/* The lower, the sooner it is left out when the screen is too low. */
static int weight(tk_str state) {
    if (tk_str_is(state, "complete") || tk_str_is(state, "resolved_manually")) {
        return 0;
    }
    return tk_str_is(state, "pending") ? 1 : 2;
}

/* How many steps of at least this weight there are. */
static size_t count_weight(live *l, tk_json steps, int least) {
    size_t count = 0;
    tk_json_iterator it = tk_json_each(steps);
    while (tk_json_next(&it)) {
        step_facts step = view_step_facts(&l->scratch, it.value);
        count += weight(step.state) >= least ? 1 : 0;
    }
    return count;
}

static void draw_task(live *l, const followed *task, size_t room, int64_t now_us) {
    out *o = &l->c->out;
    task_facts facts = view_task_facts(&l->scratch, task->json);
    size_t total = tk_json_count(facts.steps);
    int least = 0;
    while (least < 2 && count_weight(l, facts.steps, least) > room) {
        least++;
    }
    size_t shown = 0;
    view_task_title(o, &facts, now_us);
    table t = {.columns = view_step_columns};
    tk_json_iterator it = tk_json_each(facts.steps);
    while (tk_json_next(&it) && shown < room) {
        step_facts step = view_step_facts(&l->scratch, it.value);
        if (weight(step.state) >= least) {
            view_step_row(&t, o, &l->scratch, &step, now_us);
            shown++;
        }
    }
    table_end(&t, o, 2, false);
    if (shown < total) {
        out_printf(o, "  and %zu more\n", total - shown);
    }
}

static size_t count_lines(tk_str text) {
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static void draw(live *l) {
    out *o = &l->c->out;
    int64_t now_us = tk_clock_now(&tk_clock_system);
    out_size(o);
    if (l->drawn > 0) {
        out_printf(o, "\x1b[%zuA\r\x1b[J", l->drawn);
    }
    read_notes(l);
    size_t before = count_lines(tk_buf_view(&o->text));

    /* Each task has a title and perhaps an "and N more"; the cursor has the last line. */
    size_t count = l->request->count;
    size_t visible = 3 * count < o->rows ? count : o->rows / 3;
    visible = visible == 0 ? 1 : visible;
    size_t rows = o->rows > 2 * visible + 2 ? o->rows - 2 * visible - 2 : visible;
    for (size_t i = 0; i < visible; i++) {
        draw_task(l, &l->tasks[i], rows / visible > 0 ? rows / visible : 1, now_us);
    }
    if (visible < count) {
        out_printf(o, "and %zu more tasks\n", count - visible);
    }
    l->drawn = count_lines(tk_buf_view(&o->text)) - before;
}

/* --- lines elsewhere -------------------------------------------------------------------------- */

static bool remember(followed *task, size_t index, const char *now) {
    if (index >= task->seen_count) {
        size_t count = index + 16;
        char **seen = tk_resize_array(task->seen, count, sizeof(*seen));
        if (seen == NULL) {
            return false;
        }
        memset(seen + task->seen_count, 0, (count - task->seen_count) * sizeof(*seen));
        task->seen = seen;
        task->seen_count = count;
    }
    if (task->seen[index] != NULL && strcmp(task->seen[index], now) == 0) {
        return false;
    }
    tk_free(task->seen[index]);
    task->seen[index] = tk_strdup(now);
    return true;
}

/* A step that has not begun is no news. */
static bool is_news(const step_facts *step) {
    return step->attempts > 0 ||
           !(tk_str_is(step->state, "pending") || tk_str_is(step->state, "enqueued"));
}

static void tell_step(live *l, const task_facts *task, const step_facts *step, int64_t now_us) {
    out *o = &l->c->out;
    tk_buf moment = {0};
    format_moment(&moment, now_us);
    tk_str clock = tk_buf_view(&moment);
    if (clock.size > 11) { /* the time of day is enough here */
        clock = (tk_str){clock.data + 11, clock.size - 11};
    }
    out_text(o, OUT_DIM, clock, 0);
    tk_buf_release(&moment);
    out_printf(o, "  ");
    if (l->request->title) {
        out_text(o, OUT_PLAIN, task->name, 0);
        out_printf(o, "  ");
    }
    out_text(o, OUT_BOLD, step->name, 0);
    out_printf(o, "  ");
    out_text(o, view_state_color(step->state), step->state, 0);
    if (step->attempts > 0) {
        out_printf(o, "  attempt %" PRId64, step->attempts);
    }
    tk_buf time = {0};
    view_step_time(&time, step, now_us);
    if (time.size > 0 && !tk_str_is(step->state, "in_progress")) {
        out_printf(o, "  ");
        out_text(o, OUT_PLAIN, tk_buf_view(&time), 0);
    }
    tk_buf_release(&time);
    tk_str failure = view_failure_text(&l->scratch, step);
    if (failure.size > 0) {
        out_printf(o, "  ");
        out_text(o, OUT_RED, failure, 0);
    }
    out_printf(o, "\n");
}

static void tell(live *l) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    read_notes(l);
    for (size_t i = 0; i < l->request->count; i++) {
        followed *task = &l->tasks[i];
        task_facts facts = view_task_facts(&l->scratch, task->json);
        tk_json_iterator it = tk_json_each(facts.steps);
        for (size_t j = 0; tk_json_next(&it); j++) {
            step_facts step = view_step_facts(&l->scratch, it.value);
            char *now = tk_arena_printf(&l->scratch, "%.*s %" PRId64, (int)step.state.size,
                                        step.state.data, step.attempts);
            if (now != NULL && is_news(&step) && remember(task, j, now)) {
                tell_step(l, &facts, &step, now_us);
            }
        }
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static cli_exit follow(live *l) {
    int64_t wait_ms = 0;
    bool resting = false;
    while (!resting) {
        cli_exit code = look_at_all(l, wait_ms, &resting);
        if (code != CLI_EXIT_OK) {
            return code;
        }
        int64_t left = left_ms(l);
        if (!l->c->json && l->c->out.terminal) {
            draw(l);
        } else if (!l->c->json) {
            tell(l);
        }
        if (!l->c->json && !out_flush(&l->c->out)) {
            return CLI_EXIT_SYSTEM;
        }
        tk_arena_reset(&l->scratch);
        if (!resting && left == 0) {
            return CLI_EXIT_TIMEOUT;
        }
        wait_ms = left < LOOK_MS ? left : LOOK_MS;
    }
    return CLI_EXIT_OK;
}

/* What went wrong, and what can be done. */
static void show_ends(live *l) {
    out *o = &l->c->out;
    for (size_t i = 0; i < l->request->count; i++) {
        task_facts facts = view_task_facts(&l->scratch, l->tasks[i].json);
        if (!o->terminal) {
            view_task_title(o, &facts, tk_clock_now(&tk_clock_system));
        }
        if (tk_str_is(facts.state, "blocked_by_failures")) {
            out_printf(o, "%s is blocked; look with: tasker task show %s\n", l->tasks[i].uuid,
                       l->tasks[i].uuid);
        }
    }
}

static void show_json(live *l) {
    bool many = l->request->count > 1;
    tk_buf all = {0};
    tk_buf_text(&all, many ? "[" : "");
    for (size_t i = 0; i < l->request->count; i++) {
        tk_buf_text(&all, i > 0 ? "," : "");
        tk_buf_str(&all, l->tasks[i].json.text);
    }
    tk_buf_text(&all, many ? "]" : "");
    tk_json document = {.kind = many ? TK_JSON_ARRAY : TK_JSON_OBJECT, .text = tk_buf_view(&all)};
    if (all.failed) {
        cli_nomem(l->c);
    } else {
        json_print(&l->c->out, document);
    }
    tk_buf_release(&all);
}

static cli_exit end(live *l, cli_exit code) {
    if (code != CLI_EXIT_OK && code != CLI_EXIT_TIMEOUT) {
        return code;
    }
    if (l->c->json) {
        show_json(l);
    } else {
        show_ends(l);
    }
    if (code == CLI_EXIT_TIMEOUT) {
        bool json = l->c->json; /* the document is what was found, not the error */
        l->c->json = false;
        cli_fail(l->c, code, "tasker task show TASK", "the time given is over; work goes on");
        l->c->json = json;
    }
    for (size_t i = 0; i < l->request->count && code == CLI_EXIT_OK; i++) {
        code = l->tasks[i].ended_well ? CLI_EXIT_OK : CLI_EXIT_PROBLEM;
    }
    return code;
}

cli_exit live_run(cli *c, const live_request *request) {
    live l = {
        .c = c,
        .request = request,
        .notes_open = request->notes,
        .began_us = tk_clock_monotonic(&tk_clock_system),
    };
    l.tasks = tk_arena_array(&c->arena, request->count, sizeof(*l.tasks));
    if (l.tasks == NULL) {
        return cli_nomem(c);
    }
    for (size_t i = 0; i < request->count; i++) {
        l.tasks[i].uuid = request->uuids[i];
    }
    cli_exit code = end(&l, follow(&l));
    for (size_t i = 0; i < request->count; i++) {
        tasker_text_free(&l.tasks[i].text);
        for (size_t j = 0; j < l.tasks[i].seen_count; j++) {
            tk_free(l.tasks[i].seen[j]);
        }
        tk_free(l.tasks[i].seen);
    }
    tk_buf_release(&l.note);
    tk_arena_release(&l.scratch);
    return code;
}
