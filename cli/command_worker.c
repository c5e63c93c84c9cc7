/*
 * command_worker.c - worker list: who is there, and who only seems to be.
 *
 * The store keeps the row of a worker that was killed until another one takes its steps over. Whether
 * a worker lives is seen by its process when that is of this host, else by its beat, which must move
 * while we listen. Times of other machines decide nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "busy.h"
#include "clock.h"
#include "commands.h"
#include "format.h"
#include "json_view.h"
#include "table.h"

enum {
    LISTEN_MS = 7000, /* an idle worker beats every 5 s */
    LOOK_MS = 200,
    HOST_BYTES_MAX = 256
};

typedef enum life { LIFE_UNKNOWN = 0, LIFE_RUNS, LIFE_GONE, LIFE_SILENT } life;

static const char *const life_words[] = {"unknown", "runs", "gone", "silent"};
static const out_color life_colors[] = {OUT_DIM, OUT_GREEN, OUT_RED, OUT_YELLOW};

typedef struct seen {
    int64_t id, beat;
    life life;
} seen;

typedef struct watch {
    seen *workers; /* as the first look found them */
    size_t count;
} watch;

/* --- whether they live ------------------------------------------------------------------------ */

/* When a process of this host began, in seconds since 1970; 0: not known. */
static int64_t process_began_s(int64_t process) {
    char path[64];
    char line[1024] = "";
    unsigned long long ticks = 0;
    struct timespec since_boot = {0};
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", process);
    FILE *file = fopen(path, "re");
    size_t size = file == NULL ? 0 : fread(line, 1, sizeof(line) - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    line[size] = '\0';
    const char *at = strrchr(line, ')'); /* behind the name; the start is field 22 */
    const char *rest = at == NULL ? "" : at + 1;
    if (sscanf(rest,
               " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &ticks) != 1 ||
        clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) {
        return 0;
    }
    int64_t age_s = since_boot.tv_sec - (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
    return tk_clock_now(&tk_clock_system) / 1000000 - age_s;
}

/* A process that began well after its worker is another one with the same number: or the clock was
 * moved, so that only the beat can tell. */
static life look_at_process(cli *c, tk_json worker) {
    enum { APART_S = 10 };
    char host[HOST_BYTES_MAX + 1] = "";
    int64_t process = json_count(worker, "pid");
    int64_t started_us = format_time_of(tk_json_member(worker, "started_at"));
    if (gethostname(host, HOST_BYTES_MAX) != 0 || process <= 0 ||
        !tk_str_is(json_text(&c->arena, tk_json_member(worker, "host")), host)) {
        return LIFE_UNKNOWN;
    }
    if (kill((pid_t)process, 0) != 0 && errno == ESRCH) {
        return LIFE_GONE;
    }
    int64_t began_s = process_began_s(process);
    return began_s > 0 && began_s <= started_us / 1000000 + APART_S ? LIFE_RUNS : LIFE_UNKNOWN;
}

static cli_exit first_look(cli *c, tk_json answer, watch *w) {
    w->workers = tk_arena_array(&c->arena, tk_json_count(answer), sizeof(*w->workers));
    if (w->workers == NULL) {
        return cli_nomem(c);
    }
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        w->workers[w->count++] = (seen){
            .id = json_count(it.value, "worker_id"),
            .beat = json_count(it.value, "beat"),
            .life = look_at_process(c, it.value),
        };
    }
    return CLI_EXIT_OK;
}

static seen *find(const watch *w, int64_t id) {
    for (size_t i = 0; i < w->count; i++) {
        if (w->workers[i].id == id) {
            return &w->workers[i];
        }
    }
    return NULL;
}

/* How many of the workers that are still there nobody can say anything about yet. */
static size_t look_again(const watch *w, tk_json answer) {
    size_t unknown = 0;
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        seen *worker = find(w, json_count(it.value, "worker_id"));
        if (worker != NULL && worker->life == LIFE_UNKNOWN) {
            bool moved = worker->beat != json_count(it.value, "beat");
            worker->life = moved ? LIFE_RUNS : LIFE_UNKNOWN;
            unknown += moved ? 0 : 1;
        }
    }
    return unknown;
}

static cli_exit query_workers(cli *c, tk_json *answer) {
    return cli_query(c, TASKER_QUERY_WORKERS, TK_STR("{}"), answer);
}

/* Looks until every worker has shown a sign of life or the time is over. */
static cli_exit listen(cli *c, tk_json *answer, const watch *w) {
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    cli_exit code = CLI_EXIT_OK;
    busy telling;
    busy_begin(&telling, "listening for a sign of life");
    for (int gone_ms = 0; code == CLI_EXIT_OK && look_again(w, *answer) > 0 && gone_ms < LISTEN_MS;
         gone_ms += LOOK_MS) {
        nanosleep(&pause, NULL);
        code = query_workers(c, answer);
    }
    busy_end(&telling);
    return code;
}

/* A worker that came while we listened runs. */
static life life_of(const watch *w, tk_json worker) {
    const seen *known = find(w, json_count(worker, "worker_id"));
    life found = known == NULL ? LIFE_RUNS : known->life;
    return found == LIFE_UNKNOWN ? LIFE_SILENT : found;
}

/* --- showing ---------------------------------------------------------------------------------- */

static const table_column columns[] = {
    {.title = "ID", .right = true},
    {.title = "WORKER", .flexible = true, .least = 16},
    {.title = "STATE"},
    {.title = "PROCESS", .right = true},
    {.title = "STEPS", .right = true},
    {.title = "SINCE", .right = true},
    {.title = "NAMESPACES", .flexible = true},
    {.title = "HANDLERS", .flexible = true},
    {0},
};

/* "a, b, c" */
static void add_names(cli *c, table *t, tk_json names, const char *otherwise) {
    tk_buf text = {0};
    tk_json_iterator it = tk_json_each(names);
    while (tk_json_next(&it)) {
        tk_buf_text(&text, text.size > 0 ? ", " : "");
        tk_buf_str(&text, json_text(&c->arena, it.value));
    }
    tk_buf_text(&text, text.size == 0 ? otherwise : "");
    t->failed = t->failed || text.failed;
    table_add(t, OUT_PLAIN, tk_buf_view(&text));
    tk_buf_release(&text);
}

static void add_row(cli *c, table *t, tk_json worker, life found, int64_t now_us) {
    char since[FORMAT_DURATION_SIZE];
    int64_t started_us = format_time_of(tk_json_member(worker, "started_at"));
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(worker, "worker_id"));
    table_add(t, OUT_BOLD, json_text(&c->arena, tk_json_member(worker, "name")));
    table_add_text(t, life_colors[found], life_words[found]);
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(worker, "pid"));
    table_printf(t, OUT_PLAIN, "%" PRId64, json_count(worker, "running"));
    table_add_text(t, OUT_PLAIN, format_duration(since, now_us - started_us));
    add_names(c, t, tk_json_member(worker, "namespaces"), "all");
    add_names(c, t, tk_json_member(worker, "handlers"), "-");
}

static cli_exit show_list(cli *c, tk_json answer, const watch *w) {
    int64_t now_us = tk_clock_now(&tk_clock_system);
    size_t counts[TK_COUNT_OF(life_words)] = {0};
    table t = {.columns = columns};
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        life found = life_of(w, it.value);
        counts[found]++;
        add_row(c, &t, it.value, found, now_us);
    }
    bool any = t.count > 0;
    if (!table_end(&t, &c->out, 0, any)) {
        return cli_nomem(c);
    }
    if (c->out.terminal && !any) {
        out_printf(&c->out, "no worker is running\n");
    }
    if (c->out.terminal && counts[LIFE_GONE] > 0) {
        out_printf(&c->out,
                   "gone: the process has ended without a word; a worker that starts takes "
                   "its steps over\n");
    }
    if (c->out.terminal && counts[LIFE_SILENT] > 0) {
        out_printf(&c->out,
                   "silent: not seen for %d s; another worker takes its steps over if it "
                   "stays so\n",
                   LISTEN_MS / 1000);
    }
    return CLI_EXIT_OK;
}

static cli_exit show_json(cli *c, tk_json answer, const watch *w) {
    tk_buf all = {0};
    tk_buf_char(&all, '[');
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        tk_str text = it.value.text; /* an object that has members: one more goes before its end */
        tk_json_write_comma(&all);
        tk_buf_add(&all, text.data, text.size - 1);
        tk_buf_printf(&all, ",\"state\":\"%s\"}", life_words[life_of(w, it.value)]);
    }
    tk_buf_char(&all, ']');
    cli_exit code = all.failed ? cli_nomem(c) : CLI_EXIT_OK;
    tk_json document = {0};
    if (code == CLI_EXIT_OK &&
        tk_json_parse(tk_buf_view(&all), TK_BUF_BYTES_MAX, &document, NULL) == TASKER_OK) {
        json_print(&c->out, document);
    }
    tk_buf_release(&all);
    return code;
}

cli_exit command_worker_list(cli *c) {
    tk_json answer = {0};
    watch w = {0};
    cli_exit code = cli_store_open(c, CLI_READ);
    if (code == CLI_EXIT_OK) {
        code = query_workers(c, &answer);
    }
    if (code == CLI_EXIT_OK) {
        code = first_look(c, answer, &w);
    }
    if (code == CLI_EXIT_OK) {
        code = listen(c, &answer, &w);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    return c->json ? show_json(c, answer, &w) : show_list(c, answer, &w);
}
