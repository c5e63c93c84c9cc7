/*
 * live_view.c - shows followed tasks as they are now.
 *
 * On a terminal the list is drawn over the last one, never higher than the screen: what would not
 * fit is counted. Elsewhere each change of a step's state or attempt is one line. Lines of standard
 * input, the notes, come before.
 */
#include "live_view.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "view.h"

enum { NOTES_BYTES_MAX = 8192 }; /* that are taken at once */

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
    table t = {.columns = view_step_columns, .single = !l->resting};
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

static void show_lacking(const live *l) {
    out *o = &l->c->out;
    out_text(o, OUT_YELLOW, tk_str_of(l->lacking), o->terminal ? o->columns - 1 : 0);
    out_printf(o, "\n");
}

static size_t count_lines(tk_str text) {
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

void live_draw(live *l) {
    out *o = &l->c->out;
    int64_t now_us = tk_clock_now(&tk_clock_system);
    out_size(o);
    if (l->drawn > 0) {
        out_printf(o, "\x1b[%zuA\r\x1b[J", l->drawn);
    }
    read_notes(l);
    size_t before = count_lines(tk_buf_view(&o->text));

    /* Each task has a title and perhaps an "and N more"; the cursor has the last line, and tasks that
     * are not shown take one. */
    size_t count = l->request->count;
    size_t room = o->rows > 2 ? o->rows - 2 : 0;
    size_t visible = 3 * count < o->rows ? count : room / 3;
    visible = visible == 0 ? 1 : visible;
    size_t rows = o->rows > 2 * visible + 2 ? o->rows - 2 * visible - 2 : visible;
    for (size_t i = 0; i < visible; i++) {
        draw_task(l, &l->tasks[i], rows / visible > 0 ? rows / visible : 1, now_us);
    }
    if (visible < count) {
        out_printf(o, "and %zu more tasks\n", count - visible);
    }
    l->drawn = count_lines(tk_buf_view(&o->text)) - before;
    if (l->lacking != NULL && l->drawn + 1 < o->rows) { /* the cursor has the last line */
        show_lacking(l);
        l->drawn++;
    }
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
    return step->attempt > 0 ||
           !(tk_str_is(step->state, "pending") || tk_str_is(step->state, "enqueued"));
}

static void tell_step(live *l, const task_facts *task, const step_facts *step, int64_t now_us) {
    out *o = &l->c->out;
    tk_buf moment = {0};
    format_moment(&moment, now_us);
    tk_str clock = tk_buf_view(&moment);
    if (clock.size > FORMAT_DATE_BYTES) { /* the time of day is enough here */
        clock = (tk_str){clock.data + FORMAT_DATE_BYTES, clock.size - FORMAT_DATE_BYTES};
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
    if (step->attempt > 0) {
        out_printf(o, "  attempt %" PRId64, step->attempt);
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

void live_tell(live *l) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    read_notes(l);
    bool told =
        l->lacking_told != NULL && l->lacking != NULL && strcmp(l->lacking, l->lacking_told) == 0;
    if (l->lacking != NULL && !told) {
        show_lacking(l);
    }
    l->lacking_told = l->lacking;
    for (size_t i = 0; i < l->request->count; i++) {
        followed *task = &l->tasks[i];
        task_facts facts = view_task_facts(&l->scratch, task->json);
        tk_json_iterator it = tk_json_each(facts.steps);
        for (size_t j = 0; tk_json_next(&it); j++) {
            step_facts step = view_step_facts(&l->scratch, it.value);
            char *now = tk_arena_printf(&l->scratch, "%.*s %" PRId64, (int)step.state.size,
                                        step.state.data, step.attempt);
            if (now != NULL && is_news(&step) && remember(task, j, now)) {
                tell_step(l, &facts, &step, now_us);
            }
        }
    }
}
