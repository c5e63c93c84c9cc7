/*
 * record.c - the independent record: what was submitted, claimed, begun, returned and done by hand,
 * as seen from outside; and the rows of a task, to hold against it.
 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

sim_task *sim_task_of(sim *s, const tk_uuid *id) {
    for (uint32_t i = 0; i < s->task_count; i++) {
        if (tk_uuid_equal(&s->tasks[i].id, id)) {
            return &s->tasks[i];
        }
    }
    return NULL;
}

sim_task *sim_task_add(sim *s, const tk_uuid *id, uint32_t template_index) {
    if (s->task_count == SIM_TASKS_MAX) {
        sim_broken(s, "world", id, "more tasks than were submitted");
    }
    sim_task *task = &s->tasks[s->task_count++];
    *task = (sim_task){.id = *id, .template_index = template_index};
    return task;
}

/* Lists grow by doubling from 8, so that their room follows from their count. */
static void *grown(void *items, uint32_t count, size_t size) {
    bool full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    if (!full) {
        return items;
    }
    void *wider = tk_resize_array(items, count == 0 ? 8 : 2 * (size_t)count, size);
    if (wider == NULL) {
        (void)printf("out of memory\n");
        exit(2);
    }
    return wider;
}

sim_start *sim_start_add(sim_task *task) {
    task->starts = grown(task->starts, task->start_count, sizeof(*task->starts));
    sim_start *added = &task->starts[task->start_count++];
    *added = (sim_start){.step = 0};
    return added;
}

sim_claim *sim_claim_add(sim_task *task) {
    task->claims = grown(task->claims, task->claim_count, sizeof(*task->claims));
    sim_claim *added = &task->claims[task->claim_count++];
    *added = (sim_claim){.step = 0};
    return added;
}

sim_hand *sim_hand_add(sim_task *task) {
    task->hands = grown(task->hands, task->hand_count, sizeof(*task->hands));
    sim_hand *added = &task->hands[task->hand_count++];
    *added = (sim_hand){.step = 0};
    return added;
}

sim_row *sim_row_add(sim_task *task) {
    task->rows = grown(task->rows, task->row_count, sizeof(*task->rows));
    sim_row *added = &task->rows[task->row_count++];
    *added = (sim_row){.step = 0};
    return added;
}

void sim_record_release(sim *s) {
    for (uint32_t i = 0; i < s->task_count; i++) {
        tk_free(s->tasks[i].starts);
        tk_free(s->tasks[i].claims);
        tk_free(s->tasks[i].hands);
        tk_free(s->tasks[i].rows);
    }
    s->task_count = 0;
}

/* --- the rows of a task --- */

static tasker_status load(sim *s, const tk_uuid *id, sim_view *v, tasker_error *error) {
    tk_store *store = s->eye.store;
    bool state_found = false;
    tasker_status status =
        tk_store_call(store, task_load, &v->arena, id, 1, &v->task, &v->found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status != TASKER_OK || !v->found) {
        return status;
    }
    status = tk_store_call(store, state_load, &v->arena, id, 1, &v->state, &state_found, error);
    if (status == TASKER_OK) {
        status = tk_catalog_get(&s->eye.engine, v->task.template_id, &v->known, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, attempt_list, &v->arena, id, true, &v->attempts,
                               &v->attempt_count, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, act_list, &v->arena, id, &v->acts, &v->act_count, error);
    }
    if (status == TASKER_OK) {
        status =
            tk_store_call(store, place_list, &v->arena, id, &v->places, &v->place_count, error);
    }
    return status;
}

void sim_view_open(sim *s, const tk_uuid *id, sim_view *view) {
    tasker_error error = {0};
    *view = (sim_view){.found = false};
    tasker_status status = tk_store_call(s->eye.store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = load(s, id, view, &error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(s->eye.store, commit, &error);
    }
    if (status != TASKER_OK) {
        sim_broken(s, "readable", NULL, "a task cannot be read: %s", error.message);
    }
}

void sim_view_close(sim_view *view) {
    tk_arena_release(&view->arena);
    *view = (sim_view){.found = false};
}

void sim_view_print(const sim_view *view) {
    static const char *const marks[] = {"pending",   "live",     "complete", "failed",
                                        "cancelled", "resolved", "absent"};
    static const char *const outcomes[] = {"?",         "ok",        "error",   "lost",
                                           "cancelled", "completed", "resolved"};
    if (!view->found) {
        printf("  the store has no such task\n");
        return;
    }
    const tk_template *t = view->known->template;
    printf("  state %d, open %d, failed %d, template %s revision %d\n", view->state.state,
           view->state.open_steps, view->state.failed_steps, t->name, view->known->revision);
    for (uint32_t i = 0; i < t->step_count; i++) {
        const uint8_t *bytes = view->state.progress + (size_t)i * TK_PROGRESS_STEP_BYTES;
        printf("  step %u %s: %s, %d open parents, %u attempts, parents:", i,
               t->steps[i].present ? t->steps[i].name : "-", marks[bytes[0] % 7], bytes[1],
               t->steps[i].retry.attempts_max);
        for (uint32_t k = 0; k < t->steps[i].parents.count; k++) {
            printf(" %u", t->steps[i].parents.numbers[k]);
        }
        (void)putchar('\n');
    }
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *a = &view->attempts[i];
        printf("  n %" PRId64 " step %u attempt %d %s worker %d claimed %" PRId64
               " finished %" PRId64 " %.*s%.*s\n",
               a->n, a->step, a->attempt, outcomes[a->outcome % 7], a->worker, a->claimed_us,
               a->finished_us, (int)a->result.size, a->result.data, (int)a->error.size,
               a->error.data);
    }
    for (uint32_t i = 0; i < view->act_count; i++) {
        const tk_act_row *a = &view->acts[i];
        printf("  n %" PRId64 " act %d step %d attempt %d at %" PRId64 "\n", a->n, a->kind, a->step,
               a->attempt, a->acted_us);
    }
    for (uint32_t i = 0; i < view->place_count; i++) {
        const tk_place_row *p = &view->places[i];
        printf("  step %u is in place %d, %d attempts, worker %d\n", p->step, p->place, p->attempts,
               p->worker);
    }
}
