/*
 * live.c - follows tasks until they rest; see live.h.
 *
 *   wait a little for the first that moves ─► look at the others ─► live_view.c shows them ─► again
 */
#include "live.h"

#include "clock.h"
#include "live_view.h"
#include "view.h"

enum { LOOK_MS = 100 }; /* between two looks */

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
            live_draw(l);
        } else if (!l->c->json) {
            live_tell(l);
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
