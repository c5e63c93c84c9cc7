/*
 * clients.c - what people and their programs do beside the workers: submit, repeat a submission
 * whose answer was lost, cancel, retry, resolve, complete by hand, register templates; and what
 * happens to machines: crashes, pauses, clocks that are set.
 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

/* --- submissions --- */

typedef struct request {
    uint32_t template_index;
    char key[16];
    char context[SIM_TEXT_SIZE];
    int32_t priority;
    uint32_t copies; /* tasks that it asks for; above 1: an array */
    tk_buf json;
} request;

/* Names of steps that the current revision has, some of them. */
static void write_bypass(sim *s, request *r) {
    const sim_template *t = &s->templates[r->template_index];
    const tk_known *known = NULL;
    tasker_error error = {0};
    tk_store *store = s->eye.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_catalog_find(&s->eye.engine, tk_str_of(t->namespace_name), tk_str_of(t->name),
                                 (tk_str){NULL, 0}, &known, &error);
    }
    store->driver->rollback(store);
    if (status != TASKER_OK) {
        sim_broken(s, "readable", NULL, "a template cannot be found: %s", error.message);
    }
    tk_json_write_name(&r->json, "bypass_steps");
    tk_buf_char(&r->json, '[');
    for (uint32_t i = 0; i < known->template->step_count; i++) {
        if (known->template->steps[i].present && sim_percent(s, 30)) {
            tk_json_write_comma(&r->json);
            tk_json_write_string(&r->json, tk_str_of(known->template->steps[i].name));
        }
    }
    tk_buf_char(&r->json, ']');
}

static void write_one(sim *s, request *r) {
    const sim_template *t = &s->templates[r->template_index];
    tk_buf_char(&r->json, '{');
    tk_json_write_member_string(&r->json, "name", tk_str_of(t->name));
    tk_json_write_member_string(&r->json, "namespace", tk_str_of(t->namespace_name));
    tk_json_write_member_raw(&r->json, "context", tk_str_of(r->context));
    if (r->priority != 0) {
        tk_json_write_member_int(&r->json, "priority", r->priority);
    }
    if (r->key[0] != '\0') {
        tk_json_write_member_string(&r->json, "idempotency_key", tk_str_of(r->key));
    }
    if (sim_percent(s, 15)) {
        write_bypass(s, r);
    }
    if (sim_percent(s, 10)) {
        tk_json_write_name(&r->json, "delay");
        tk_buf_printf(&r->json, "%u.%u", sim_below(s, 3), sim_below(s, 10));
    }
    tk_buf_char(&r->json, '}');
}

static void write_request(sim *s, request *r) {
    if (r->copies == 1) {
        write_one(s, r);
        return;
    }
    tk_buf_char(&r->json, '[');
    for (uint32_t i = 0; i < r->copies; i++) {
        tk_json_write_comma(&r->json);
        write_one(s, r);
    }
    tk_buf_char(&r->json, ']');
}

static sim_task *task_with_key(sim *s, const request *r) {
    for (uint32_t i = 0; i < s->task_count; i++) {
        sim_task *task = &s->tasks[i];
        if (task->template_index == r->template_index && strcmp(task->key, r->key) == 0) {
            return task;
        }
    }
    return NULL;
}

static void record_task(sim *s, const request *r, const tk_uuid *id, bool known) {
    sim_task *before = r->key[0] == '\0' ? sim_task_of(s, id) : task_with_key(s, r);
    if (before != NULL && !tk_uuid_equal(&before->id, id)) {
        sim_broken(s, "same-key-same-task", id, "the key %s gave another task before", r->key);
    }
    if (before == NULL && known) {
        sim_broken(s, "same-key-same-task", id, "the key %s is called known, but is new", r->key);
    }
    if (before == NULL) {
        before = sim_task_add(s, id, r->template_index);
        memcpy(before->context, r->context, sizeof(before->context));
        memcpy(before->key, r->key, sizeof(before->key));
        before->priority = r->priority;
    }
    before->answered = true;
}

static void record_answer(sim *s, const request *r, tk_json answer) {
    tk_uuid id = {{0}};
    tk_arena arena = {0};
    tk_str text = {NULL, 0};
    bool good = tk_json_string(&arena, tk_json_member(answer, "task_uuid"), &text) &&
                tk_uuid_parse(text, &id);
    tk_arena_release(&arena);
    if (!good) {
        sim_broken(s, "answers", NULL, "a submission was answered with %.*s", 200,
                   answer.text.data);
    }
    record_task(s, r, &id, tk_json_member(answer, "known").kind == TK_JSON_TRUE);
}

static void record_answers(sim *s, const request *r, const tk_buf *answer) {
    tk_json json = {.kind = TK_JSON_NONE};
    (void)tk_json_parse(tk_buf_view(answer), SIZE_MAX, &json, NULL);
    if (r->copies == 1) {
        record_answer(s, r, json);
        return;
    }
    tk_json_iterator it = tk_json_each(json);
    uint32_t count = 0;
    for (; tk_json_next(&it); count++) {
        record_answer(s, r, it.value);
    }
    if (count != r->copies) {
        sim_broken(s, "answers", NULL, "%u tasks were asked for, %u made", r->copies, count);
    }
}

/* Whatever is new belongs to the submission on its way. */
void sim_adopt(sim *s) {
    const request *r = s->sending;
    if (r == NULL) {
        return;
    }
    tk_arena arena = {0};
    tk_task_page page = {0};
    tasker_error error = {0};
    const tk_task_filter all = {.limit = 1000};
    tk_store *store = s->eye.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, task_list, &arena, &all, &page, &error);
    }
    store->driver->rollback(store);
    if (status != TASKER_OK) {
        sim_broken(s, "readable", NULL, "tasks cannot be listed: %s", error.message);
    }
    for (uint32_t i = 0; i < page.count; i++) {
        if (sim_task_of(s, &page.ids[i]) == NULL) {
            record_task(s, r, &page.ids[i], false);
            s->tasks[s->task_count - 1].answered = false;
            sim_say(s, "    its task is there all the same");
        }
    }
    tk_arena_release(&arena);
}

static void wake_nobody(void *user) {
    (void)user; /* sim_wake_workers does, or the hint is lost */
}

static void submit(sim *s, uint32_t template_index, const char *key) {
    request r = {.template_index = template_index,
                 .priority = sim_percent(s, 70) ? 0 : (int32_t)sim_between(s, -100, 100),
                 .copies = key[0] != '\0' || sim_percent(s, 85) || s->templates[template_index].wide
                               ? 1
                               : 2 + sim_below(s, SIM_BATCH_MAX - 1)};
    s->templates[template_index].tasks += r.copies;
    (void)snprintf(r.key, sizeof(r.key), "%s", key);
    (void)snprintf(r.context, sizeof(r.context), "{\"c\":%u}", ++s->text_count);
    write_request(s, &r);
    tk_buf answer = {0};
    tasker_error error = {0};
    const tk_nearby nearby = {sim_worker_store, wake_nobody, s};
    s->client.engine.nearby = sim_percent(s, 40) ? &nearby : NULL; /* is a worker in its process? */
    sim_fault(s, &s->client);
    s->sending = &r;
    tasker_status status = tk_submit(&s->client.engine, tk_buf_view(&r.json), &answer, &error);
    s->client.engine.nearby = NULL;
    bool fired = sim_fault_end(s, &s->client);
    sim_say(s, "submit %.*s: %s", (int)r.json.size, r.json.data, tasker_status_name(status));
    if (status == TASKER_OK) {
        record_answers(s, &r, &answer);
        sim_say(s, "    %.*s", 60, answer.data);
        sim_wake_workers(s);
    } else if (fired) {
        sim_adopt(s);
    } else {
        sim_broken(s, "answers", NULL, "a submission fails without a fault: %s", error.message);
    }
    s->sending = NULL;
    tk_buf_release(&r.json);
    tk_buf_release(&answer);
}

/* One whose tasks are not too many for a run. */
static uint32_t some_template(sim *s) {
    uint32_t index = sim_below(s, s->template_count);
    const sim_template *t = &s->templates[index];
    return t->wide && t->tasks >= SIM_WIDE_TASKS ? 0 : index;
}

static void submit_new(sim *s) {
    char key[16] = "";
    if (s->task_count + SIM_BATCH_MAX >= SIM_TASKS_MAX) {
        return;
    }
    if (sim_percent(s, 40)) {
        (void)snprintf(key, sizeof(key), "k%u", s->key_count++);
    }
    submit(s, some_template(s), key);
}

static void submit_again(sim *s) {
    char key[16];
    if (s->key_count == 0 || s->task_count + SIM_BATCH_MAX >= SIM_TASKS_MAX) {
        return;
    }
    (void)snprintf(key, sizeof(key), "k%u", sim_below(s, s->key_count));
    for (uint32_t i = 0; i < s->task_count; i++) {
        if (strcmp(s->tasks[i].key, key) == 0) {
            submit(s, s->tasks[i].template_index, key);
            return;
        }
    }
    submit(s, some_template(s), key); /* nothing came of it the first time */
}

/* --- operators --- */

static sim_task *some_task(sim *s) {
    if (s->task_count == 0) {
        return NULL;
    }
    uint32_t window = s->task_count < 6 || sim_percent(s, 30) ? s->task_count : 6;
    return &s->tasks[s->task_count - 1 - sim_below(s, window)];
}

static uint32_t some_step(sim *s, const sim_task *task) {
    bool wide = s->templates[task->template_index].wide;
    return sim_below(s, wide ? SIM_WIDE_STEPS : SIM_STEPS_MAX);
}

/* A deed that was refused is fine; one that failed needs a fault. */
static void expect(sim *s, const sim_task *task, tasker_status status, bool fired,
                   const tasker_error *error) {
    if (status != TASKER_OK && status != TASKER_CONFLICT && status != TASKER_NOTFOUND && !fired) {
        sim_broken(s, "answers", &task->id, "%s fails without a fault: %s", s->context,
                   error->message);
    }
    if (status == TASKER_OK) {
        s->moves++;
        sim_wake_workers(s);
    }
}

static uint32_t count_rows(sim *s, const tk_uuid *id) {
    sim_view view;
    sim_view_open(s, id, &view);
    uint32_t count = view.attempt_count;
    sim_view_close(&view);
    return count;
}

static void end_task(sim *s, const char *what,
                     tasker_status (*verb)(tk_engine *, const tk_uuid *, const tasker_act *,
                                           tasker_error *)) {
    sim_task *task = some_task(s);
    if (task == NULL) {
        return;
    }
    s->context = what;
    tasker_error error = {0};
    const tasker_act act = {.actor = "operator", .reason = what};
    sim_fault(s, &s->client);
    tasker_status status = verb(&s->client.engine, &task->id, &act, &error);
    bool fired = sim_fault_end(s, &s->client);
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(&task->id, text);
    sim_say(s, "%s %s: %s", what, text, tasker_status_name(status));
    expect(s, task, status, fired, &error);
    if (status == TASKER_OK && !task->closed) {
        task->closed = true;
        task->closed_rows = count_rows(s, &task->id);
    }
}

static void cancel(sim *s) {
    end_task(s, "task cancel", tk_task_cancel);
}

static void give_up(sim *s) {
    end_task(s, "task fail", tk_task_fail);
}

static void resolve_task(sim *s) {
    end_task(s, "task resolve", tk_task_resolve);
}

static void retry(sim *s) {
    sim_task *task = some_task(s);
    if (task == NULL) {
        return;
    }
    s->context = "step retry";
    tasker_error error = {0};
    tk_uuid step = tk_uuid_step(&task->id, some_step(s, task));
    sim_fault(s, &s->client);
    tasker_status status = tk_step_retry(&s->client.engine, &step, NULL, &error);
    bool fired = sim_fault_end(s, &s->client);
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(&step, text);
    sim_say(s, "step retry %s: %s", text, tasker_status_name(status));
    expect(s, task, status, fired, &error);
}

static void by_hand(sim *s) {
    sim_task *task = some_task(s);
    if (task == NULL) {
        return;
    }
    s->context = "step by hand";
    tasker_error error = {0};
    uint32_t number = some_step(s, task);
    tk_uuid step = tk_uuid_step(&task->id, number);
    int32_t kind = sim_percent(s, 50) ? TK_OUTCOME_RESOLVED : TK_OUTCOME_COMPLETED;
    char result[SIM_TEXT_SIZE] = "";
    if (kind == TK_OUTCOME_COMPLETED || sim_percent(s, 60)) {
        (void)snprintf(result, sizeof(result), "{\"x\":%u,\"hand\":%u}", ++s->text_count, number);
    }
    tk_str given = result[0] == '\0' ? (tk_str){NULL, 0} : tk_str_of(result);
    sim_fault(s, &s->client);
    tasker_status status = tk_step_by_hand(&s->client.engine, &step, kind, given, NULL, &error);
    bool fired = sim_fault_end(s, &s->client);
    char text[TASKER_UUID_SIZE];
    tk_uuid_format(&step, text);
    sim_say(s, "step %s %s %s: %s", kind == TK_OUTCOME_RESOLVED ? "resolve" : "complete", text,
            result, tasker_status_name(status));
    if (status == TASKER_OK || fired) {
        sim_hand *hand = sim_hand_add(task);
        hand->step = (uint16_t)number;
        hand->kind = kind;
        hand->answered = status == TASKER_OK;
        memcpy(hand->text, result, sizeof(result));
    }
    expect(s, task, status, fired, &error);
}

/* --- machines --- */

static void crash_one(sim *s) {
    sim_worker *w = &s->workers[sim_below(s, s->worker_count)];
    if (w->worker != NULL) {
        sim_worker_crash(s, w,
                         sim_percent(s, 70) ? sim_between(s, 0, 500 * SIM_MS)
                                            : sim_between(s, SIM_S, 30 * SIM_S));
    }
}

static void crash_all(sim *s) {
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sim_worker_crash(s, &s->workers[i], sim_between(s, 0, 3 * SIM_S));
    }
}

static void pause_one(sim *s) {
    sim_worker_pause(s, &s->workers[sim_below(s, s->worker_count)]);
}

static void drain_one(sim *s) {
    sim_worker_drain(s, &s->workers[sim_below(s, s->worker_count)]);
}

static void set_clock(sim *s) {
    int64_t far_us = sim_percent(s, 80) ? 3 * SIM_S : 7200 * SIM_S;
    s->step_us += sim_between(s, -far_us, far_us);
    s->step_max_us = s->step_us > s->step_max_us ? s->step_us : s->step_max_us;
    sim_say(s, "the clock is set to %+" PRId64 " us", s->step_us);
}

static void change_template(sim *s) {
    s->context = "a template is registered";
    sim_register(s, sim_below(s, s->template_count));
}

static void check(sim *s) {
    sim_judge_all(s, false);
}

/* Time goes by: what is slow gets its turn. */
static void let_pass(sim *s) {
    s->next_deed_us = s->now_us + sim_between(s, SIM_S, 14 * SIM_S);
}

/* --- what happens next --- */

void sim_deed(sim *s) {
    static const struct {
        void (*act)(sim *s);
        uint32_t weight;
    } deeds[] = {{submit_new, 30},     {submit_again, 6}, {cancel, 3},    {give_up, 1},
                 {resolve_task, 4},    {retry, 10},       {by_hand, 14},  {crash_one, 5},
                 {crash_all, 1},       {pause_one, 4},    {drain_one, 3}, {set_clock, 3},
                 {change_template, 2}, {check, 3},        {let_pass, 11}};
    s->next_deed_us = s->now_us + (sim_percent(s, 30) ? 0 : sim_between(s, 0, 60 * SIM_MS));
    s->context = "a deed";
    uint32_t at = sim_below(s, 100);
    for (size_t i = 0; i < TK_COUNT_OF(deeds); i++) {
        if (at < deeds[i].weight) {
            deeds[i].act(s);
            return;
        }
        at -= deeds[i].weight;
    }
}
