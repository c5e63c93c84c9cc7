/*
 * progress.c - what an event does to a task's steps.
 *
 *   submit.c --begin--> [progress.c] --freed--> ready
 *   complete.c --satisfy, fail--> [progress.c] --freed--> ready, lease
 *   resolve.c, cancel.c --satisfy, revive, end--> [progress.c]
 *
 * A step's three bytes: its mark, then its parents still open, low byte first. The number of open
 * parents is kept for every present step, also for one that was closed before its parents were, so
 * that a recount needs no history.
 */
#include "progress.h"

static uint8_t *step_bytes(const tk_progress *progress, uint32_t step) {
    assert(step < progress->step_count);
    return progress->bytes + (size_t)step * TK_PROGRESS_STEP_BYTES;
}

static void write_parents_open(uint8_t *bytes, uint32_t open) {
    assert(open <= UINT16_MAX);
    bytes[1] = (uint8_t)(open & 0xff);
    bytes[2] = (uint8_t)(open >> 8);
}

void tk_progress_step(uint8_t bytes[TK_PROGRESS_STEP_BYTES], tk_step_mark mark, uint32_t open) {
    bytes[0] = (uint8_t)mark;
    write_parents_open(bytes, open);
}

static void set_mark(tk_progress *progress, uint32_t step, tk_step_mark mark) {
    step_bytes(progress, step)[0] = (uint8_t)mark;
}

static void set_parents_open(tk_progress *progress, uint32_t step, uint32_t open) {
    write_parents_open(step_bytes(progress, step), open);
}

tk_step_mark tk_progress_mark(const tk_progress *progress, uint32_t step) {
    return (tk_step_mark)step_bytes(progress, step)[0];
}

uint32_t tk_progress_parents_open(const tk_progress *progress, uint32_t step) {
    const uint8_t *bytes = step_bytes(progress, step);
    return (uint32_t)bytes[1] | (uint32_t)bytes[2] << 8;
}

uint32_t tk_progress_count(const tk_progress *progress, tk_step_mark mark) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < progress->step_count; i++) {
        count += tk_progress_mark(progress, i) == mark;
    }
    return count;
}

static bool mark_open(tk_step_mark mark) {
    return mark == TK_MARK_PENDING || mark == TK_MARK_LIVE || mark == TK_MARK_FAILED;
}

static uint32_t count_open_parents(const tk_progress *progress, const tk_template_step *step) {
    uint32_t open = 0;
    for (uint32_t i = 0; i < step->parents.count; i++) {
        open += !tk_mark_satisfied(tk_progress_mark(progress, step->parents.numbers[i]));
    }
    return open;
}

static void free_step(tk_progress *progress, uint32_t step, tk_freed *freed) {
    set_mark(progress, step, TK_MARK_LIVE);
    freed->numbers[freed->count++] = (uint16_t)step;
}

void tk_progress_begin(tk_progress *progress, const tk_template *template, tk_steps bypassed,
                       tk_freed *freed) {
    assert(progress->step_count == template->step_count);
    for (uint32_t i = 0; i < template->step_count; i++) {
        set_mark(progress, i, template->steps[i].present ? TK_MARK_PENDING : TK_MARK_ABSENT);
    }
    for (uint32_t i = 0; i < bypassed.count; i++) {
        assert(template->steps[bypassed.numbers[i]].present);
        set_mark(progress, bypassed.numbers[i], TK_MARK_RESOLVED);
    }
    progress->open_steps = 0;
    progress->failed_steps = 0;
    freed->count = 0;
    for (uint32_t i = 0; i < template->step_count; i++) {
        uint32_t open = count_open_parents(progress, &template->steps[i]);
        set_parents_open(progress, i, open);
        if (tk_progress_mark(progress, i) != TK_MARK_PENDING) {
            /* mutant 12: a bypassed step counts among the open ones */
            progress->open_steps +=
                TK_MUTANT(12) && tk_progress_mark(progress, i) != TK_MARK_ABSENT;
            continue;
        }
        progress->open_steps++;
        if (open == 0) {
            free_step(progress, i, freed);
        }
    }
    progress->state = TK_TASK_RUNNING;
    tk_progress_settle(progress);
}

void tk_progress_satisfy(tk_progress *progress, const tk_template *template, uint32_t step,
                         tk_step_mark mark, tk_freed *freed) {
    tk_step_mark before = tk_progress_mark(progress, step);
    assert(mark_open(before));
    assert(tk_mark_satisfied(mark));

    set_mark(progress, step, mark);
    progress->open_steps--;
    progress->failed_steps -= before == TK_MARK_FAILED;

    tk_steps children = template->steps[step].children;
    for (uint32_t i = 0; i < children.count; i++) {
        uint16_t child = children.numbers[i];
        uint32_t open = tk_progress_parents_open(progress, child);
        assert(open > 0);
        set_parents_open(progress, child, open - 1);
        /* mutant 3: one of two parents counts for both */
        if (open <= (TK_MUTANT(3) ? 2 : 1) &&
            tk_progress_mark(progress, child) == TK_MARK_PENDING) {
            free_step(progress, child, freed);
        }
    }
}

void tk_progress_fail(tk_progress *progress, uint32_t step) {
    assert(tk_progress_mark(progress, step) == TK_MARK_LIVE);
    set_mark(progress, step, TK_MARK_FAILED);
    progress->failed_steps++;
}

void tk_progress_revive(tk_progress *progress, uint32_t step) {
    assert(tk_progress_mark(progress, step) == TK_MARK_FAILED);
    set_mark(progress, step, TK_MARK_LIVE);
    progress->failed_steps--;
}

void tk_progress_end(tk_progress *progress, tk_step_mark mark) {
    assert(mark == TK_MARK_CANCELLED || mark == TK_MARK_RESOLVED);
    for (uint32_t i = 0; i < progress->step_count; i++) {
        if (mark_open(tk_progress_mark(progress, i))) {
            set_mark(progress, i, mark);
        }
        if (mark == TK_MARK_RESOLVED) {
            set_parents_open(progress, i, 0); /* every parent is satisfied now */
        }
    }
    progress->open_steps = 0;
    progress->failed_steps = 0;
}

/* Without a failed step some open one is always live: the graph has no cycle. */
static bool any_live(const tk_progress *progress) {
    if (progress->failed_steps == 0) {
        return progress->open_steps > 0;
    }
    for (uint32_t i = 0; i < progress->step_count; i++) {
        if (tk_progress_mark(progress, i) == TK_MARK_LIVE) {
            return true;
        }
    }
    return false;
}

bool tk_progress_settle(tk_progress *progress) {
    if (progress->state != TK_TASK_RUNNING && progress->state != TK_TASK_BLOCKED) {
        return false;
    }
    tk_task_mark before = progress->state;
    if (progress->open_steps == 0 ||
        (TK_MUTANT(15) && progress->open_steps == progress->failed_steps)) {
        progress->state = TK_TASK_COMPLETE; /* 15: a task with failed steps is complete */
    } else {
        progress->state = any_live(progress) ? TK_TASK_RUNNING : TK_TASK_BLOCKED;
    }
    return progress->state != before;
}

/* --- stored bytes --- */

bool tk_progress_fits(const tk_progress *progress, const tk_template *template) {
    return progress->step_count == template->step_count;
}

bool tk_progress_open_to(const tk_progress *progress, const tk_template *template, uint32_t step) {
    if (step >= template->step_count || !mark_open(tk_progress_mark(progress, step))) {
        return false;
    }
    tk_steps children = template->steps[step].children;
    for (uint32_t i = 0; i < children.count; i++) {
        if (tk_progress_parents_open(progress, children.numbers[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* --- the recount --- */

static const char *step_sound(const tk_progress *progress, const tk_template_step *step,
                              uint32_t number) {
    tk_step_mark mark = tk_progress_mark(progress, number);
    uint32_t open = tk_progress_parents_open(progress, number);
    if (mark > TK_MARK_ABSENT) {
        return "a step's mark is none";
    }
    if ((mark == TK_MARK_ABSENT) == step->present) {
        return "a step's mark does not tell whether the template has it";
    }
    if (open != count_open_parents(progress, step)) {
        return "a step's count of open parents is not what its parents say";
    }
    if (mark == TK_MARK_PENDING && open == 0) {
        return "a step is pending though no parent is open";
    }
    if ((mark == TK_MARK_LIVE || mark == TK_MARK_FAILED) && open > 0) {
        return "a step was set going though a parent is open";
    }
    return NULL;
}

static const char *state_sound(const tk_progress *progress, uint32_t live, uint32_t cancelled) {
    bool open = progress->open_steps > 0;
    switch (progress->state) {
    case TK_TASK_RUNNING:
        return open && live > 0 ? NULL : "a running task has no live step";
    case TK_TASK_BLOCKED:
        return progress->failed_steps > 0 && live == 0
                   ? NULL
                   : "a blocked task has a live step, or no failed one";
    case TK_TASK_COMPLETE:
    case TK_TASK_RESOLVED:
        return !open && cancelled == 0 ? NULL : "a done task has an open or cancelled step";
    case TK_TASK_CANCELLED:
    case TK_TASK_ERROR:
        return !open ? NULL : "an ended task has an open step";
    case TK_TASK_NONE:
        break;
    }
    return "a task's state is none";
}

const char *tk_progress_sound(const tk_progress *progress, const tk_template *template) {
    if (progress->step_count != template->step_count) {
        return "the progress has not as many steps as the template";
    }
    uint32_t counts[TK_MARK_ABSENT + 1] = {0};
    for (uint32_t i = 0; i < progress->step_count; i++) {
        const char *problem = step_sound(progress, &template->steps[i], i);
        if (problem != NULL) {
            return problem;
        }
        counts[tk_progress_mark(progress, i)]++;
    }
    uint32_t open = counts[TK_MARK_PENDING] + counts[TK_MARK_LIVE] + counts[TK_MARK_FAILED];
    if (progress->open_steps < 0 || (uint32_t)progress->open_steps != open) {
        return "open_steps is not the number of open steps";
    }
    if (progress->failed_steps < 0 || (uint32_t)progress->failed_steps != counts[TK_MARK_FAILED]) {
        return "failed_steps is not the number of failed steps";
    }
    return state_sound(progress, counts[TK_MARK_LIVE], counts[TK_MARK_CANCELLED]);
}
