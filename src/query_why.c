/*
 * query_why.c - what the open steps of a task wait for, when they will move, and what to do.
 *
 *   no live row ──► parents         later ──► time        lease ──► running
 *   failed for good ──► operator    ready ──► queue, or handler or worker when nobody can take it
 *
 * Everything is read from the rows at this moment: nothing is kept to explain it later.
 */
#include "query.h"

#define WHY_AHEAD_MAX 10000 /* steps counted before one in the queue */
#define WHY_QUEUED_MAX 8    /* steps of a task whose place in the queue is counted */

/* The cases, the one that moves soonest first: the sentence of the first is the task's. */
#define WHY_MAP(X)                                                                                 \
    X(RUNNING, "running", true)                                                                    \
    X(QUEUE, "queue", true)                                                                        \
    X(TIME, "time", true)                                                                          \
    X(HANDLER, "handler", false)                                                                   \
    X(WORKER, "worker", false)                                                                     \
    X(OPERATOR, "operator", false)                                                                 \
    X(PARENTS, "parents", false)                                                                   \
    X(NOTHING, "nothing", false)

typedef enum reason {
#define X(name, word, moves) WHY_##name,
    WHY_MAP(X)
#undef X
} reason;

static const struct {
    const char *word;
    bool moves;
} reasons[] = {
#define X(name, word, moves) {word, moves},
    WHY_MAP(X)
#undef X
};

/* What is known when the steps are looked at. */
typedef struct scene {
    const tk_query_call *q;
    tk_view view;
    tk_worker_row *workers;
    uint32_t worker_count, live_count;
    tk_attempt_row *failures; /* by step number; found[i] tells whether it is there */
    bool *failed;
    uint32_t queued; /* steps whose place was counted */
    int64_t now_us;
} scene;

/* What is said of one step. */
typedef struct account {
    reason why;
    int64_t at_us; /* 0: nobody knows */
    int64_t ahead; /* -1: not counted */
    tk_buf text;   /* a sentence */
    tk_buf next;   /* a command to try, or empty */
} account;

/* --- words --- */

static void write_duration(tk_buf *buf, int64_t us) {
    int64_t s = us / 1000000;
    if (s < 1) {
        tk_buf_text(buf, "less than 1 s");
    } else if (s < 120) {
        tk_buf_printf(buf, "%" PRId64 " s", s);
    } else if (s < 7200) {
        tk_buf_printf(buf, "%" PRId64 " min", s / 60);
    } else if (s < 172800) {
        tk_buf_printf(buf, "%" PRId64 " h", s / 3600);
    } else {
        tk_buf_printf(buf, "%" PRId64 " days", s / 86400);
    }
}

static void write_uuid(tk_buf *buf, const tk_uuid *id) {
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(id, text);
    tk_buf_text(buf, text);
}

/* ": it broke (Broken)", of the newest failure. */
static void write_failure(const scene *s, tk_buf *buf, uint32_t number) {
    tk_json error = {0};
    tk_str message = {NULL, 0};
    tk_str type = {NULL, 0};
    if (!s->failed[number] || s->failures[number].error.size == 0 ||
        tk_json_parse(s->failures[number].error, SIZE_MAX, &error, NULL) != TASKER_OK) {
        return;
    }
    tk_json given = tk_json_member(error, "message");
    if (given.kind == TK_JSON_STRING && tk_json_string(s->q->arena, given, &message)) {
        tk_buf_text(buf, ": ");
        tk_buf_str(buf, message);
    }
    given = tk_json_member(error, "error_type");
    if (given.kind == TK_JSON_STRING && tk_json_string(s->q->arena, given, &type)) {
        tk_buf_text(buf, " (");
        tk_buf_str(buf, type);
        tk_buf_char(buf, ')');
    }
}

/* --- who could take it --- */

static bool worker_knows(const tk_worker_row *worker, const tk_view_step *step) {
    return tk_query_list_has(worker->handlers, tk_str_of(step->step->callable), false);
}

static bool worker_takes(const scene *s, const tk_worker_row *worker) {
    return tk_query_list_has(worker->namespaces, tk_str_of(s->view.known->template->namespace_name),
                             true);
}

/* Says what is missing for a step that could be claimed now; false when a worker is there for it. */
static bool lacks_worker(const scene *s, const tk_view_step *step, account *a) {
    uint32_t knowing = 0;
    uint32_t fitting = 0;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        const tk_worker_row *worker = &s->workers[i];
        if (worker->connected && worker_knows(worker, step)) {
            knowing++;
            fitting += worker_takes(s, worker);
        }
    }
    if (fitting > 0) {
        return false;
    }
    const char *name = step->step->name;
    tk_buf_text(&a->next, "tasker worker list");
    if (s->live_count == 0) {
        a->why = WHY_WORKER;
        tk_buf_printf(&a->text, "Step %s can run, but no worker is there; start one that has %s.",
                      name, step->step->callable);
    } else if (knowing == 0) {
        a->why = WHY_HANDLER;
        tk_buf_printf(&a->text, "Step %s can run, but no worker has its handler %s.", name,
                      step->step->callable);
    } else {
        a->why = WHY_WORKER;
        tk_buf_printf(&a->text,
                      "Step %s can run, but no worker with its handler %s takes steps of the "
                      "namespace %s.",
                      name, step->step->callable, s->view.known->template->namespace_name);
    }
    return true;
}

/* --- the cases --- */

static tasker_status explain_ready(scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    if (lacks_worker(s, step, a)) {
        return TASKER_OK;
    }
    a->why = WHY_QUEUE;
    if (s->queued++ < WHY_QUEUED_MAX) {
        const tk_step_key key = {s->view.task.id, (uint16_t)number};
        tk_store *store = s->q->engine->store;
        tasker_status status =
            tk_store_call(store, ready_ahead, &key, WHY_AHEAD_MAX, &a->ahead, s->q->error);
        if (status == TASKER_OK) {
            status = tk_store_call(store, sync, s->q->error);
        }
        if (status != TASKER_OK) {
            return status;
        }
    }
    tk_buf_printf(&a->text, "Step %s is in the queue of %s", step->step->name,
                  step->step->callable);
    if (a->ahead >= 0) {
        tk_buf_printf(&a->text, " behind %s%" PRId64 " other%s",
                      a->ahead == WHY_AHEAD_MAX ? "at least " : "", a->ahead,
                      a->ahead == 1 ? "" : "s");
    }
    tk_buf_text(&a->text, ", for ");
    write_duration(&a->text, s->now_us - step->place->enqueued_us);
    tk_buf_char(&a->text, '.');
    return TASKER_OK;
}

static void explain_later(scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    bool again = step->state == TK_STEP_STATE_WAITING_FOR_RETRY;
    a->at_us = step->place->run_at_us;
    if (a->at_us <= s->now_us && lacks_worker(s, step, a)) {
        return;
    }
    a->why = WHY_TIME;
    tk_buf_printf(&a->text, "Step %s ", step->step->name);
    if (a->at_us <= s->now_us) {
        tk_buf_text(&a->text, "is due and comes into the queue with a worker's next turn");
    } else {
        tk_buf_text(&a->text, again ? "is tried again in " : "begins in ");
        write_duration(&a->text, a->at_us - s->now_us);
    }
    if (again) {
        tk_buf_printf(&a->text, " (attempt %u of %u) after it failed", step->claims + 1,
                      step->step->retry.attempts_max);
        write_failure(s, &a->text, number);
    }
    tk_buf_char(&a->text, '.');
}

static void explain_leased(const scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    const tk_worker_row *worker = NULL;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        worker = s->workers[i].id == step->place->worker ? &s->workers[i] : worker;
    }
    a->why = WHY_RUNNING;
    a->at_us =
        step->step->timeout_ms > 0 ? step->place->claimed_us + step->step->timeout_ms * 1000 : 0;
    if ((worker == NULL || !worker->connected) && s->live_count == 0) {
        a->why = WHY_WORKER;
        a->at_us = 0;
        tk_buf_text(&a->next, "tasker worker list");
        tk_buf_printf(&a->text, "Step %s was at a worker that is gone, and no other one is there.",
                      step->step->name);
        return;
    }
    tk_buf_printf(&a->text, "Step %s runs for ", step->step->name);
    write_duration(&a->text, s->now_us - step->place->claimed_us);
    if (worker != NULL && worker->connected) {
        tk_buf_text(&a->text, " at the worker ");
        tk_buf_str(&a->text, worker->name);
        tk_buf_printf(&a->text, " (%" PRId32 ")", worker->id);
    } else {
        tk_buf_text(&a->text, " at a worker that is gone: another one will take it over");
    }
    tk_buf_printf(&a->text, ", attempt %" PRId32 ".", step->place->attempts);
}

static void explain_failed(const scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    tk_uuid id = tk_uuid_step(&s->view.task.id, number);
    a->why = WHY_OPERATOR;
    tk_buf_printf(&a->text, "Step %s failed for good after %u attempt%s", step->step->name,
                  step->claims, step->claims == 1 ? "" : "s");
    write_failure(s, &a->text, number);
    tk_buf_text(&a->text, "; an operator has to retry, resolve or complete it.");
    tk_buf_text(&a->next, "tasker step retry ");
    write_uuid(&a->next, &id);
    tk_buf_text(&a->next, " --reason TEXT");
}

static bool is_open(const tk_view_step *step) {
    return !tk_mark_satisfied(step->mark) && step->mark != TK_MARK_CANCELLED;
}

static void explain_pending(const scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    uint32_t told = 0;
    a->why = WHY_PARENTS;
    tk_buf_printf(&a->text, "Step %s waits for ", step->step->name);
    for (uint32_t i = 0; i < step->step->parents.count; i++) {
        uint16_t parent = step->step->parents.numbers[i];
        if (!tk_mark_satisfied(s->view.steps[parent].mark)) {
            tk_uuid id = tk_uuid_step(&s->view.task.id, parent);
            bool failed = s->view.steps[parent].state == TK_STEP_STATE_ERROR;
            tk_buf_printf(&a->text, "%s%s%s", told > 0 ? " and " : "",
                          s->view.steps[parent].step->name, failed ? " (failed)" : "");
            if (told++ == 0) {
                tk_buf_text(&a->next, "tasker why ");
                write_uuid(&a->next, &id);
            }
        }
    }
    tk_buf_text(&a->text, told == 0 ? "nothing that is known: the store may be damaged." : ".");
    if (told == 0) {
        tk_buf_text(&a->next, "tasker store check");
    }
}

static void explain_ended(const scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    a->why = WHY_NOTHING;
    tk_buf_printf(&a->text, "Step %s is %s and waits for nothing.", step->step->name,
                  step->state == TK_STEP_STATE_CANCELLED ? "cancelled" : "done");
}

static tasker_status explain(scene *s, uint32_t number, account *a) {
    const tk_view_step *step = &s->view.steps[number];
    tk_place place = step->place == NULL ? TK_PLACE_NONE : (tk_place)step->place->place;
    *a = (account){.ahead = -1};
    if (!is_open(step)) {
        explain_ended(s, number, a);
    } else if (step->state == TK_STEP_STATE_ERROR) {
        explain_failed(s, number, a);
    } else if (place == TK_PLACE_READY) {
        return explain_ready(s, number, a);
    } else if (place == TK_PLACE_LATER) {
        explain_later(s, number, a);
    } else if (place == TK_PLACE_LEASE) {
        explain_leased(s, number, a);
    } else {
        explain_pending(s, number, a);
    }
    return TASKER_OK;
}

/* --- JSON --- */

static void write_parents(tk_buf *buf, const tk_view *view, const tk_view_step *step) {
    tk_json_write_name(buf, "parents");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; is_open(step) && i < step->step->parents.count; i++) {
        const tk_view_step *parent = &view->steps[step->step->parents.numbers[i]];
        if (!tk_mark_satisfied(parent->mark)) {
            tk_json_write_comma(buf);
            tk_json_write_string(buf, tk_str_of(parent->step->name));
        }
    }
    tk_buf_char(buf, ']');
}

static void write_step(tk_buf *buf, const scene *s, uint32_t number, const account *a) {
    const tk_view_step *step = &s->view.steps[number];
    tk_uuid id = tk_uuid_step(&s->view.task.id, number);
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_query_member_uuid(buf, "step_uuid", &id);
    tk_json_write_member_string(buf, "name", tk_str_of(step->step->name));
    tk_json_write_member_string(buf, "current_state", tk_str_of(tk_step_state_name(step->state)));
    tk_json_write_member_string(buf, "waits_for", tk_str_of(reasons[a->why].word));
    write_parents(buf, &s->view, step);
    tk_json_write_member_time(buf, "at", a->at_us);
    tk_json_write_member_string(buf, "callable", tk_str_of(step->step->callable));
    tk_json_write_member_string(buf, "namespace",
                                tk_str_of(s->view.known->template->namespace_name));
    if (a->ahead >= 0) {
        tk_json_write_member_int(buf, "ahead", a->ahead);
    } else {
        tk_json_write_member_null(buf, "ahead");
    }
    tk_json_write_member_string(buf, "text", tk_buf_view(&a->text));
    tk_json_write_member_string_or_null(
        buf, "next", a->next.size == 0 ? (tk_str){NULL, 0} : tk_buf_view(&a->next));
    tk_buf_char(buf, '}');
}

static void write_ended_task(tk_buf *text, const tk_view *view) {
    static const char *const words[] = {
        [TK_TASK_COMPLETE] = "is complete",
        [TK_TASK_CANCELLED] = "was cancelled",
        [TK_TASK_ERROR] = "was given up",
        [TK_TASK_RESOLVED] = "was resolved by hand",
    };
    int32_t state = view->state.state;
    bool worded = state > 0 && state < (int32_t)TK_COUNT_OF(words) && words[state] != NULL;
    tk_buf_printf(text, "The task %s and waits for nothing.", worded ? words[state] : "rests");
}

/* The steps, and in *best the account that speaks for the task. */
static tasker_status explain_steps(scene *s, const uint16_t *order, uint32_t count, bool only,
                                   tk_buf *steps, account *best) {
    *best = (account){.why = WHY_NOTHING};
    for (uint32_t i = 0; i < count; i++) {
        account a;
        if (!only && !is_open(&s->view.steps[order[i]])) {
            continue;
        }
        tasker_status status = explain(s, order[i], &a);
        if (status == TASKER_OK) {
            write_step(steps, s, order[i], &a);
            steps->failed = steps->failed || a.text.failed || a.next.failed;
        }
        if (status == TASKER_OK && (a.why < best->why || best->text.size == 0)) {
            account before = *best;
            *best = a;
            a = before;
        }
        tk_buf_release(&a.text);
        tk_buf_release(&a.next);
        if (status != TASKER_OK) {
            return status;
        }
    }
    return TASKER_OK;
}

static tasker_status write_answer(scene *s, const uint16_t *order, uint32_t count, bool only) {
    account best;
    tk_buf steps = {0};
    tk_buf *answer = s->q->answer;
    tasker_status status = explain_steps(s, order, count, only, &steps, &best);
    if (best.text.size == 0) {
        write_ended_task(&best.text, &s->view);
    }
    tk_buf_char(answer, '{');
    tk_query_member_uuid(answer, "task_uuid", &s->view.task.id);
    tk_json_write_member_bool(answer, "moves", reasons[best.why].moves);
    tk_json_write_member_string(answer, "text", tk_buf_view(&best.text));
    tk_json_write_name(answer, "steps");
    tk_buf_char(answer, '[');
    tk_buf_str(answer, tk_buf_view(&steps));
    tk_buf_text(answer, "]}");
    answer->failed = answer->failed || steps.failed || best.text.failed;
    tk_buf_release(&steps);
    tk_buf_release(&best.text);
    tk_buf_release(&best.next);
    return status;
}

/* --- loading --- */

/* Workers, and the newest failure of each step that has one. */
static tasker_status load_rest(scene *s) {
    const tk_query_call *q = s->q;
    uint32_t count = s->view.step_count;
    tk_step_key *keys = tk_arena_array(q->arena, count, sizeof(*keys));
    s->failures = tk_arena_array(q->arena, count, sizeof(*s->failures));
    s->failed = tk_arena_array(q->arena, count, sizeof(*s->failed));
    if (keys == NULL || s->failures == NULL || s->failed == NULL) {
        return tk_nomem(q->error);
    }
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = (tk_step_key){s->view.task.id, (uint16_t)i};
    }
    tk_store *store = q->engine->store;
    tasker_status status =
        tk_store_call(store, worker_list, q->arena, &s->workers, &s->worker_count, q->error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, last_failures, q->arena, keys, count, s->failures, s->failed,
                               q->error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, q->error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < s->worker_count; i++) {
        s->live_count += s->workers[i].connected;
    }
    return status;
}

static tasker_status fail_which(const tk_query_call *q) {
    return tk_fail_at(q->error, TASKER_INVALID, "$.task_uuid",
                      "expected task_uuid or step_uuid, a UUID (36 characters)");
}

/* Which task, and with step_uuid also which step; else *step is TASKER_STEPS_MAX. */
static tasker_status read_which(const tk_query_call *q, tk_uuid *task, uint32_t *step) {
    tk_uuid id;
    bool given = false;
    *step = TASKER_STEPS_MAX;
    tasker_status status = tk_query_uuid(q, "step_uuid", &given, &id);
    if (status == TASKER_OK && given && !tk_uuid_step_split(&id, task, step)) {
        return tk_fail_at(q->error, TASKER_INVALID, "$.step_uuid",
                          "expected the id of a step: this is a task's");
    }
    if (status != TASKER_OK || given) {
        return status;
    }
    status = tk_query_uuid(q, "task_uuid", &given, task);
    return status == TASKER_OK && !given ? fail_which(q) : status;
}

tasker_status tk_query_why(const tk_query_call *q) {
    scene s = {.q = q, .now_us = tk_clock_now(q->engine->clock)};
    tk_uuid task;
    uint32_t step = 0;
    const uint16_t *order = NULL;
    uint32_t count = 0;
    tasker_status status = read_which(q, &task, &step);
    if (status == TASKER_OK) {
        status = tk_view_load(q->engine, q->arena, &task,
                              TK_VIEW_PLACES | TK_VIEW_ATTEMPTS | TK_VIEW_ACTS, &s.view, q->error);
    }
    if (status == TASKER_OK) {
        status = load_rest(&s);
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (step < TASKER_STEPS_MAX) {
        if (step >= s.view.step_count || !s.view.steps[step].step->present) {
            return tk_fail_at(q->error, TASKER_NOTFOUND, "$.step_uuid",
                              "the task has no such step");
        }
        uint16_t one = (uint16_t)step;
        return write_answer(&s, &one, 1, true);
    }
    if (!tk_view_order(q->arena, &s.view, &order, &count)) {
        return tk_nomem(q->error);
    }
    return write_answer(&s, order, count, false);
}
