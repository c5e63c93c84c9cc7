/* The words that readers see, and the guards between them. */
#include <criterion/criterion.h>

#include "state.h"

Test(state, every_word_reads_back_and_no_other_does) {
    for (int i = 0; i < TK_TASK_STATE_COUNT; i++) {
        tk_task_state state;
        cr_assert(tk_task_state_parse(tk_str_of(tk_task_state_name((tk_task_state)i)), &state));
        cr_assert_eq((int)state, i);
    }
    for (int i = 0; i < TK_STEP_STATE_COUNT; i++) {
        tk_step_state state;
        cr_assert(tk_step_state_parse(tk_str_of(tk_step_state_name((tk_step_state)i)), &state));
        cr_assert_eq((int)state, i);
    }
    tk_task_state task;
    tk_step_state step;
    cr_assert(tk_task_state_parse(TK_STR("in_progress"), &task));
    cr_assert_eq(task, TK_TASK_STATE_STEPS_IN_PROCESS);
    cr_assert_not(tk_task_state_parse(TK_STR("enqueued"), &task));
    cr_assert_not(tk_task_state_parse(TK_STR(""), &task));
    cr_assert_not(tk_step_state_parse(TK_STR("steps_in_process"), &step));
    cr_assert_eq(TK_TASK_STATE_COUNT, 12);
    cr_assert_eq(TK_STEP_STATE_COUNT, 10);
}

Test(state, a_step_reads_by_its_mark_its_place_and_its_attempts) {
    const struct {
        tk_step_mark mark;
        tk_place place;
        uint32_t attempts;
        const char *word;
    } cases[] = {
        {TK_MARK_PENDING, TK_PLACE_NONE, 0, "pending"},
        {TK_MARK_LIVE, TK_PLACE_READY, 0, "enqueued"},
        {TK_MARK_LIVE, TK_PLACE_READY, 2, "enqueued"},
        {TK_MARK_LIVE, TK_PLACE_LEASE, 1, "in_progress"},
        {TK_MARK_LIVE, TK_PLACE_LATER, 0, "pending"},
        {TK_MARK_LIVE, TK_PLACE_LATER, 1, "waiting_for_retry"},
        {TK_MARK_COMPLETE, TK_PLACE_NONE, 1, "complete"},
        {TK_MARK_FAILED, TK_PLACE_NONE, 3, "error"},
        {TK_MARK_CANCELLED, TK_PLACE_NONE, 0, "cancelled"},
        {TK_MARK_RESOLVED, TK_PLACE_NONE, 0, "resolved_manually"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_step_state state = tk_step_state_of(cases[i].mark, cases[i].place, cases[i].attempts);
        cr_expect_str_eq(tk_step_state_name(state), cases[i].word, "case %zu", i);
    }
}

Test(state, a_running_task_reads_by_what_its_steps_wait_for) {
    const struct {
        tk_task_mark mark;
        tk_task_counts counts;
        const char *word;
    } cases[] = {
        {TK_TASK_RUNNING, {.in_progress = 1, .waiting_for_retry = 1}, "steps_in_process"},
        {TK_TASK_RUNNING, {.enqueued = 1, .scheduled = 1}, "steps_in_process"},
        {TK_TASK_RUNNING, {.ready = 1, .failed = 1}, "steps_in_process"},
        {TK_TASK_RUNNING, {.waiting_for_retry = 1, .pending = 4}, "waiting_for_retry"},
        {TK_TASK_RUNNING, {.scheduled = 2, .pending = 4}, "pending"},
        {TK_TASK_RUNNING, {.pending = 4}, "waiting_for_dependencies"},
        {TK_TASK_BLOCKED, {.failed = 1}, "blocked_by_failures"},
        {TK_TASK_COMPLETE, {.completed = 1}, "complete"},
        {TK_TASK_CANCELLED, {.cancelled = 1}, "cancelled"},
        {TK_TASK_ERROR, {.cancelled = 1}, "error"},
        {TK_TASK_RESOLVED, {.resolved = 1}, "resolved_manually"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_task_state state = tk_task_state_of(cases[i].mark, &cases[i].counts);
        cr_expect_str_eq(tk_task_state_name(state), cases[i].word, "case %zu", i);
    }
}

Test(state, the_execution_context_follows_its_order_of_precedence) {
    const struct {
        tk_task_counts counts;
        const char *status, *action, *health;
        double percentage;
    } cases[] = {
        {{.total = 4, .failed = 1, .ready = 1, .in_progress = 1, .completed = 1},
         "blocked_by_failures",
         "handle_failures",
         "blocked",
         25.0},
        {{.total = 3, .ready = 1, .in_progress = 1, .completed = 1},
         "has_ready_steps",
         "execute_ready_steps",
         "healthy",
         33.33},
        {{.total = 3, .in_progress = 1, .completed = 2},
         "processing",
         "wait_for_completion",
         "healthy",
         66.67},
        {{.total = 1, .enqueued = 1}, "processing", "wait_for_completion", "healthy", 0.0},
        {{.total = 2, .completed = 1, .resolved = 1},
         "all_complete",
         "finalize_task",
         "healthy",
         100.0},
        {{.total = 2, .completed = 1, .waiting_for_retry = 1},
         "waiting_for_dependencies",
         "wait_for_dependencies",
         "healthy",
         50.0},
        {{.total = 2, .scheduled = 1, .pending = 1},
         "waiting_for_dependencies",
         "wait_for_dependencies",
         "healthy",
         0.0},
        /* a cancelled task: no line of the table is its own */
        {{.total = 2, .completed = 1, .cancelled = 1},
         "waiting_for_dependencies",
         "wait_for_dependencies",
         "healthy",
         50.0},
        {{.total = 0}, "waiting_for_dependencies", "wait_for_dependencies", "unknown", 0.0},
        {{.total = 4096, .completed = 4095, .in_progress = 1},
         "processing",
         "wait_for_completion",
         "healthy",
         99.98},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_execution execution = tk_execution_of(&cases[i].counts);
        cr_expect_str_eq(execution.execution_status, cases[i].status, "case %zu", i);
        cr_expect_str_eq(execution.recommended_action, cases[i].action, "case %zu", i);
        cr_expect_str_eq(execution.health_status, cases[i].health, "case %zu", i);
        cr_expect_float_eq(execution.completion_percentage, cases[i].percentage, 1e-9, "case %zu",
                           i);
    }
}

/* The guard tables again, as the words of the format's description: from, and where it may lead. */
typedef struct guard {
    const char *from, *to;
} guard;

static const guard task_guards[] = {
    {"pending", "initializing cancelled"},
    {"initializing", "enqueuing_steps complete waiting_for_dependencies cancelled"},
    {"enqueuing_steps", "steps_in_process error cancelled"},
    {"steps_in_process", "evaluating_results waiting_for_retry complete error cancelled"},
    {"evaluating_results",
     "complete enqueuing_steps waiting_for_dependencies blocked_by_failures cancelled"},
    {"waiting_for_dependencies", "evaluating_results cancelled"},
    {"waiting_for_retry", "enqueuing_steps cancelled"},
    {"blocked_by_failures", "error resolved_manually evaluating_results cancelled"},
    {"complete", ""},
    {"error", ""},
    {"cancelled", ""},
    {"resolved_manually", ""},
};

static const guard step_guards[] = {
    {"pending", "enqueued in_progress error waiting_for_retry cancelled resolved_manually"},
    {"enqueued", "in_progress error waiting_for_retry cancelled resolved_manually"},
    {"in_progress", "enqueued_for_orchestration enqueued_as_error_for_orchestration complete error "
                    "waiting_for_retry cancelled resolved_manually"},
    {"enqueued_for_orchestration", "complete error cancelled resolved_manually"},
    {"enqueued_as_error_for_orchestration",
     "complete error waiting_for_retry cancelled resolved_manually"},
    {"waiting_for_retry", "pending cancelled resolved_manually"},
    {"error", "pending cancelled resolved_manually"},
    {"complete", "resolved_manually"},
    {"cancelled", "resolved_manually"},
    {"resolved_manually", "resolved_manually"},
};

static bool lists(const char *words, const char *word) {
    size_t size = strlen(word);
    for (const char *at = words; *at != '\0';) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0) {
            return true;
        }
        at += length + (at[length] == ' ');
    }
    return false;
}

Test(state, tasks_move_by_their_guard_table_alone) {
    cr_assert_eq(TK_COUNT_OF(task_guards), TK_TASK_STATE_COUNT);
    for (size_t i = 0; i < TK_COUNT_OF(task_guards); i++) {
        tk_task_state from;
        cr_assert(tk_task_state_parse(tk_str_of(task_guards[i].from), &from));
        bool leaves = false;
        for (int to = 0; to < TK_TASK_STATE_COUNT; to++) {
            const char *word = tk_task_state_name((tk_task_state)to);
            bool allowed = tk_task_transition_allowed(from, (tk_task_state)to);
            cr_expect_eq(allowed, lists(task_guards[i].to, word), "%s -> %s", task_guards[i].from,
                         word);
            leaves = leaves || allowed;
        }
        cr_expect_eq(leaves, !tk_task_state_terminal(from));
    }
}

Test(state, steps_move_by_their_guard_table_alone) {
    cr_assert_eq(TK_COUNT_OF(step_guards), TK_STEP_STATE_COUNT);
    for (size_t i = 0; i < TK_COUNT_OF(step_guards); i++) {
        tk_step_state from;
        cr_assert(tk_step_state_parse(tk_str_of(step_guards[i].from), &from));
        bool leaves = false;
        for (int to = 0; to < TK_STEP_STATE_COUNT; to++) {
            const char *word = tk_step_state_name((tk_step_state)to);
            bool allowed = tk_step_transition_allowed(from, (tk_step_state)to);
            cr_expect_eq(allowed, lists(step_guards[i].to, word), "%s -> %s", step_guards[i].from,
                         word);
            leaves = leaves || (allowed && to != TK_STEP_STATE_RESOLVED_MANUALLY);
        }
        cr_expect_eq(leaves, !tk_step_state_terminal(from));
    }
}
