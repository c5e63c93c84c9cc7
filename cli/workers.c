/*
 * workers.c - whether workers live, and whether a task has one; see workers.h.
 */
#include "workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "busy.h"
#include "clock.h"
#include "format.h"
#include "json_view.h"

enum { LOOK_MS = 200, HOST_BYTES_MAX = 256 };

/* --- whether they live ------------------------------------------------------------------------ */

/* A small file of /proc; empty when it cannot be read. */
static void read_proc(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    size_t got = file == NULL ? 0 : fread(text, 1, size - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    text[got] = '\0';
}

/* When a process of this host began, in seconds since 1970; 0: not known. */
static int64_t process_began_s(int64_t process) {
    enum { FIELDS_BETWEEN = 20 }; /* the name ends field 2, the start is field 22 */
    char path[64];
    char line[1024];
    char uptime[64];
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", process);
    read_proc(path, line, sizeof(line));
    read_proc("/proc/uptime", uptime, sizeof(uptime));
    const char *at = strrchr(line, ')');
    for (int i = 0; at != NULL && i < FIELDS_BETWEEN; i++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL || uptime[0] == '\0') {
        return 0;
    }
    int64_t began_s = strtoll(at, NULL, 10) / sysconf(_SC_CLK_TCK); /* since the machine did */
    int64_t age_s = strtoll(uptime, NULL, 10) - began_s;
    return tk_clock_now(&tk_clock_system) / 1000000 - age_s;
}

/* A process that began well after its worker is another one with the same number: or the clock was
 * moved, so that only the beat can tell. */
static worker_life look_at_process(cli *c, tk_json worker) {
    enum { APART_S = 10 };
    char host[HOST_BYTES_MAX + 1] = "";
    int64_t process = json_count(worker, "pid");
    int64_t started_us = format_time_of(tk_json_member(worker, "started_at"));
    if (tk_json_string_is(tk_json_member(worker, "state"), TK_STR("gone"))) {
        return WORKER_GONE; /* a server says so of its own host */
    }
    if (gethostname(host, HOST_BYTES_MAX) != 0 || process <= 0 ||
        !tk_str_is(json_text(&c->arena, tk_json_member(worker, "host")), host)) {
        return WORKER_UNKNOWN;
    }
    if (kill((pid_t)process, 0) != 0 && errno == ESRCH) {
        return WORKER_GONE;
    }
    int64_t began_s = process_began_s(process);
    return began_s > 0 && began_s <= started_us / 1000000 + APART_S ? WORKER_RUNS : WORKER_UNKNOWN;
}

static cli_exit query(cli *c, workers *w) {
    return cli_query(c, TASKER_QUERY_WORKERS, TK_STR("{}"), &w->answer);
}

cli_exit workers_look(cli *c, workers *w) {
    *w = (workers){0};
    cli_exit code = query(c, w);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    w->seen = tk_arena_array(&c->arena, tk_json_count(w->answer), sizeof(*w->seen));
    if (w->seen == NULL) {
        return cli_nomem(c);
    }
    tk_json_iterator it = tk_json_each(w->answer);
    while (tk_json_next(&it)) {
        w->seen[w->count++] = (worker_seen){
            .id = json_count(it.value, "worker_id"),
            .beat = json_count(it.value, "beat"),
            .life = look_at_process(c, it.value),
        };
    }
    return CLI_EXIT_OK;
}

static worker_seen *find(const workers *w, int64_t id) {
    for (size_t i = 0; i < w->count; i++) {
        if (w->seen[i].id == id) {
            return &w->seen[i];
        }
    }
    return NULL;
}

/* How many of the workers that are still there nobody can say anything about yet. */
static size_t count_unknown(const workers *w) {
    size_t unknown = 0;
    tk_json_iterator it = tk_json_each(w->answer);
    while (tk_json_next(&it)) {
        worker_seen *worker = find(w, json_count(it.value, "worker_id"));
        if (worker != NULL && worker->life == WORKER_UNKNOWN) {
            bool moved = worker->beat != json_count(it.value, "beat");
            worker->life = moved ? WORKER_RUNS : WORKER_UNKNOWN;
            unknown += moved ? 0 : 1;
        }
    }
    return unknown;
}

cli_exit workers_listen(cli *c, workers *w) {
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    cli_exit code = CLI_EXIT_OK;
    int gone_ms = 0;
    busy telling;
    busy_begin(&telling, "listening for a sign of life");
    while (code == CLI_EXIT_OK && count_unknown(w) > 0 && gone_ms < WORKERS_LISTEN_MS) {
        nanosleep(&pause, NULL);
        gone_ms += LOOK_MS;
        code = query(c, w);
    }
    busy_end(&telling);
    for (size_t i = 0; i < w->count; i++) {
        w->seen[i].life = w->seen[i].life == WORKER_UNKNOWN ? WORKER_SILENT : w->seen[i].life;
    }
    return code;
}

worker_life workers_life(const workers *w, tk_json worker) {
    const worker_seen *known = find(w, json_count(worker, "worker_id"));
    return known == NULL ? WORKER_RUNS : known->life;
}

/* --- what a task waits for -------------------------------------------------------------------- */

static bool has_handler(tk_json worker, tk_str callable) {
    tk_json_iterator it = tk_json_each(tk_json_member(worker, "handlers"));
    while (tk_json_next(&it)) {
        if (tk_json_string_is(it.value, callable)) {
            return true;
        }
    }
    return false;
}

/* *any: a worker lives; *able: one of those has the handler. */
static void look_for(const workers *w, tk_str callable, bool *any, bool *able) {
    tk_json_iterator it = tk_json_each(w->answer);
    *any = *able = false;
    while (tk_json_next(&it)) {
        bool lives = workers_life(w, it.value) != WORKER_GONE;
        *any = *any || lives;
        *able = *able || (lives && has_handler(it.value, callable));
    }
}

const char *workers_lacking(cli *c, tk_json task) {
    workers w = {0};
    tk_json_iterator it = tk_json_each(tk_json_member(task, "steps"));
    while (tk_json_next(&it)) {
        tk_str state = json_text(&c->arena, tk_json_member(it.value, "current_state"));
        if (!tk_str_is(state, "enqueued")) {
            continue;
        }
        bool any = false;
        bool able = false;
        if (w.seen == NULL && workers_look(c, &w) != CLI_EXIT_OK) {
            return NULL;
        }
        tk_str callable = json_text(&c->arena, tk_json_member(it.value, "callable"));
        look_for(&w, callable, &any, &able);
        if (!any) {
            return "no worker is running";
        }
        if (!able) {
            return tk_arena_printf(&c->arena, "no worker has the handler %.*s", (int)callable.size,
                                   callable.data);
        }
    }
    return NULL;
}
