/*
 * live.c - follows tasks until they rest; see live.h.
 *
 *   wait a little for the first that moves ─► look at the others ─► live_view.c shows them ─► again
 */
#include "live.h"

#include "clock.h"
#include "live_view.h"
#include "source.h"
#include "view.h"
#include "workers.h"

enum {
    LOOK_MS = 100,    /* between two looks */
    PATIENCE_MS = 500 /* before we ask why nothing runs; doubled each time */
};

static int64_t gone_ms(const live *l) {
    return (tk_clock_monotonic(&tk_clock_system) - l->began_us) / 1000;
}

static int64_t left_ms(const live *l) {
    if (l->request->timeout_ms < 0) {
        return INT64_MAX;
    }
    int64_t gone = gone_ms(l);
    return l->request->timeout_ms > gone ? l->request->timeout_ms - gone : 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static cli_exit look(live *l, followed *task, int64_t wait_ms) {
    tasker_text text = {0};
    tasker_error error = {0};
    tasker_status status = l->c->source->wait(l->c, task->uuid, wait_ms, &text, &error);
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

/* Looks at all that move; waits up to wait_ms for the first of them. */
static cli_exit look_at_all(live *l, int64_t wait_ms) {
    l->resting = true;
    for (size_t i = 0; i < l->request->count; i++) {
        followed *task = &l->tasks[i];
        if (task->rests) {
            continue;
        }
        cli_exit code = look(l, task, l->resting ? wait_ms : 0);
        if (code != CLI_EXIT_OK) {
            return code;
        }
        l->resting = l->resting && task->rests;
    }
    return CLI_EXIT_OK;
}

/* A worker may be missing: that is looked for when nothing runs, ever more seldom. */
static void look_for_workers(live *l, bool last) {
    const char *lacking = NULL;
    bool runs = false;
    for (size_t i = 0; i < l->request->count; i++) {
        runs = runs || json_count(l->tasks[i].json, "in_progress_steps") > 0;
    }
    if (!runs && !last && gone_ms(l) < l->lack_look_ms) {
        return;
    }
    for (size_t i = 0; i < l->request->count && !runs && lacking == NULL; i++) {
        lacking = l->tasks[i].rests ? NULL : workers_lacking(l->c, l->tasks[i].json);
    }
    l->lacking = lacking;
    l->lack_look_ms = runs ? l->lack_look_ms : 2 * gone_ms(l);
}

/* --- the whole -------------------------------------------------------------------------------- */

static cli_exit follow(live *l) {
    int64_t wait_ms = 0;
    while (!l->resting) {
        cli_exit code = look_at_all(l, wait_ms);
        if (code != CLI_EXIT_OK) {
            return code;
        }
        int64_t left = left_ms(l);
        look_for_workers(l, left == 0);
        if (!l->c->json && l->c->out.terminal) {
            live_draw(l);
        } else if (!l->c->json) {
            live_tell(l);
        }
        if (!l->c->json && !out_flush(&l->c->out)) {
            return CLI_EXIT_SYSTEM;
        }
        tk_arena_reset(&l->scratch);
        if (!l->resting && left == 0) {
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
            view_repairs(o, &l->scratch, &facts);
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
        const char *uuid = "";
        for (size_t i = l->request->count; i > 0; i--) {
            uuid = l->tasks[i - 1].rests ? uuid : l->tasks[i - 1].uuid;
        }
        cli_fail(l->c, code, tk_arena_printf(&l->c->arena, "tasker task wait %s", uuid),
                 "the time given is over; %s", l->lacking == NULL ? "work goes on" : l->lacking);
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
        .lack_look_ms = PATIENCE_MS,
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
