/*
 * query_step.c - a step as JSON: the readiness row of contract 5.3, the step of 7.4, and more.
 */
#include "query_view.h"

/* The newest attempt that has ended. */
static const tk_attempt_row *newest(const tk_view_step *step) {
    return step->attempt_count == 0 ? NULL : step->attempts[step->attempt_count - 1];
}

/* The time at which something last happened to the step. */
static int64_t updated_us(const tk_view *view, const tk_view_step *step) {
    int64_t at_us = view->task.created_us;
    if (newest(step) != NULL && newest(step)->finished_us > at_us) {
        at_us = newest(step)->finished_us;
    }
    if (step->place != NULL && step->place->enqueued_us > at_us) {
        at_us = step->place->enqueued_us;
    }
    if (step->place != NULL && step->place->claimed_us > at_us) {
        at_us = step->place->claimed_us;
    }
    return step->mark == TK_MARK_CANCELLED ? view->state.updated_us : at_us;
}

static int64_t last_attempted_us(const tk_view_step *step) {
    if (step->place != NULL && step->place->place == TK_PLACE_LEASE) {
        return step->place->claimed_us;
    }
    for (uint32_t i = step->attempt_count; i > 0; i--) {
        if (tk_attempt_claimed(step->attempts[i - 1])) {
            return step->attempts[i - 1]->claimed_us;
        }
    }
    return 0;
}

static uint32_t parents_done(const tk_view *view, const tk_view_step *step) {
    uint32_t done = 0;
    for (uint32_t i = 0; i < step->step->parents.count; i++) {
        done += tk_mark_satisfied(view->steps[step->step->parents.numbers[i]].mark);
    }
    return done;
}

/* The number of the newest claim: unlike `attempts` it never restarts. */
static int32_t last_attempt(const tk_view_step *step) {
    if (step->place != NULL && step->place->place == TK_PLACE_LEASE) {
        return step->place->attempts;
    }
    for (uint32_t i = step->attempt_count; i > 0; i--) {
        if (tk_attempt_claimed(step->attempts[i - 1])) {
            return step->attempts[i - 1]->attempt;
        }
    }
    return 0;
}

/* The readiness row. A claimable step is `enqueued`; `ready` is what is due and will be in a moment. */
static void write_readiness(tk_buf *buf, const tk_view *view, const tk_view_step *step,
                            int64_t now_us) {
    uint32_t parents = step->step->parents.count;
    uint32_t done = parents_done(view, step);
    bool later = step->place != NULL && step->place->place == TK_PLACE_LATER;
    bool waits = later && step->state == TK_STEP_STATE_WAITING_FOR_RETRY;
    tk_json_write_member_bool(buf, "dependencies_satisfied", done == parents);
    bool lost = newest(step) != NULL && newest(step)->outcome == TK_OUTCOME_LOST;
    tk_json_write_member_bool(buf, "retry_eligible",
                              tk_retry_eligible(&step->step->retry, step->claims, lost));
    tk_json_write_member_bool(buf, "ready_for_execution",
                              later && step->place->run_at_us <= now_us);
    tk_json_write_member_time(buf, "last_failure_at",
                              step->failure == NULL ? 0 : step->failure->finished_us);
    tk_json_write_member_time(buf, "next_retry_at", waits ? step->place->run_at_us : 0);
    tk_json_write_member_int(buf, "total_parents", parents);
    tk_json_write_member_int(buf, "completed_parents", done);
    tk_json_write_member_int(buf, "attempts", step->claims);
    tk_json_write_member_int(buf, "attempt", last_attempt(step));
    tk_json_write_member_int(buf, "max_attempts", step->step->retry.attempts_max);
    if (waits && step->failure != NULL) { /* whole seconds, as the original counts them */
        int64_t wait_us = step->place->run_at_us - step->failure->finished_us;
        tk_json_write_member_int(buf, "backoff_request_seconds", (wait_us + 999999) / 1000000);
    } else {
        tk_json_write_member_null(buf, "backoff_request_seconds");
    }
    tk_json_write_member_time(buf, "last_attempted_at", last_attempted_us(step));
}

static void write_parents(tk_buf *buf, const tk_view *view, const tk_view_step *step) {
    tk_json_write_name(buf, "parents");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < step->step->parents.count; i++) {
        tk_json_write_comma(buf);
        tk_json_write_string(buf,
                             tk_str_of(view->steps[step->step->parents.numbers[i]].step->name));
    }
    tk_buf_char(buf, ']');
}

static void write_results(tk_buf *buf, const tk_view_step *step) {
    bool done = tk_mark_satisfied(step->mark);
    const tk_attempt_row *last = newest(step);
    if (last == NULL) {
        tk_json_write_member_null(buf, "results");
    } else {
        tk_json_write_name(buf, "results");
        tk_query_result_write(buf, last);
    }
    tk_json_write_member_raw(buf, "result",
                             done && step->satisfying != NULL ? step->satisfying->result
                                                              : (tk_str){NULL, 0});
    tk_json_write_member_raw(
        buf, "error", !done && step->failure != NULL ? step->failure->error : (tk_str){NULL, 0});
}

void tk_query_step_write(tk_buf *buf, const tk_view *view, uint32_t step, int64_t now_us) {
    const tk_view_step *s = &view->steps[step];
    bool done = tk_mark_satisfied(s->mark) && s->satisfying != NULL;
    bool leased = s->place != NULL && s->place->place == TK_PLACE_LEASE;
    tk_uuid id = tk_uuid_step(&view->task.id, step);
    tk_buf_char(buf, '{');
    tk_query_member_uuid(buf, "step_uuid", &id);
    tk_query_member_uuid(buf, "task_uuid", &view->task.id);
    tk_json_write_member_string(buf, "named_step_uuid",
                                tk_str_of(view->known->template->steps[step].named_id));
    tk_json_write_member_string(buf, "name", tk_str_of(s->step->name));
    tk_json_write_member_string(buf, "current_state", tk_str_of(tk_step_state_name(s->state)));
    write_readiness(buf, view, s, now_us);
    write_results(buf, s);
    tk_json_write_member_time(buf, "created_at", view->task.created_us);
    tk_json_write_member_time(buf, "updated_at", updated_us(view, s));
    tk_json_write_member_time(buf, "completed_at", done ? s->satisfying->finished_us : 0);
    tk_json_write_member_time(buf, "run_at", s->place != NULL ? s->place->run_at_us : 0);
    tk_json_write_member_string(buf, "callable", tk_str_of(s->step->callable));
    write_parents(buf, view, s);
    if (leased) {
        tk_json_write_member_int(buf, "worker", s->place->worker);
    } else {
        tk_json_write_member_null(buf, "worker");
    }
}

const char *tk_query_outcome_word(int32_t outcome) {
    switch ((tk_outcome_kind)outcome) {
    case TK_OUTCOME_OK:
        return "ok";
    case TK_OUTCOME_ERROR:
        return "error";
    case TK_OUTCOME_LOST:
        return "lost";
    case TK_OUTCOME_CANCELLED:
        return "cancelled";
    case TK_OUTCOME_COMPLETED:
        return "completed_by_hand";
    case TK_OUTCOME_RESOLVED:
        return "resolved_by_hand";
    }
    return "unknown";
}

void tk_query_attempts_write(tk_buf *buf, const tk_view_step *step) {
    tk_json_write_name(buf, "attempts_list");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        const tk_attempt_row *row = step->attempts[i];
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_int(buf, "attempt", row->attempt);
        tk_json_write_member_int(buf, "n", row->n);
        tk_json_write_member_string(buf, "outcome", tk_str_of(tk_query_outcome_word(row->outcome)));
        if (row->worker == 0) {
            tk_json_write_member_null(buf, "worker");
        } else {
            tk_json_write_member_int(buf, "worker", row->worker);
        }
        tk_json_write_member_time(buf, "enqueued_at", row->enqueued_us);
        tk_json_write_member_time(buf, "claimed_at", row->claimed_us);
        tk_json_write_member_time(buf, "finished_at", row->finished_us);
        tk_json_write_member_raw(buf, "result", row->result);
        tk_json_write_member_raw(buf, "error", row->error);
        tk_json_write_member_raw(buf, "metadata", row->metadata);
        tk_buf_char(buf, '}');
    }
    tk_buf_char(buf, ']');
}
