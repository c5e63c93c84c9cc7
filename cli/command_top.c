/*
 * command_top.c - top: a live view of tasks, queues and workers.
 *
 *   look (counts, workers, blocked tasks) ─► top_view.c ─► wait for a key or the interval ─► again
 *
 * The terminal is put back however the program ends. Memory of one look is given back before the next.
 */
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "json_view.h"
#include "source.h"
#include "top.h"

enum { INTERVAL_MS = 1000, INTERVAL_MS_LEAST = 100 };

/* --- the terminal ----------------------------------------------------------------------------- */

static struct termios before;
static volatile sig_atomic_t caught;

static void catch_signal(int number) {
    caught = number;
}

static void catch_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = catch_signal}; /* no restart: poll ends */
    for (size_t i = 0; i < TK_COUNT_OF(numbers); i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

/* Keys come at once and unseen; another page, without a cursor. False: nobody can press keys. */
static bool terminal_begin(out *o) {
    bool keys = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
    if (keys) {
        struct termios raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    catch_signals();
    out_printf(o, "\x1b[?1049h\x1b[?25l");
    return keys;
}

static void terminal_end(out *o, bool keys) {
    out_printf(o, "\x1b[?25h\x1b[?1049l");
    (void)out_flush(o);
    if (keys) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
}

/* --- looking ---------------------------------------------------------------------------------- */

static void follow_beats(top *t) {
    tk_json_iterator it = tk_json_each(t->workers.answer);
    while (tk_json_next(&it)) {
        int64_t id = json_count(it.value, "worker_id");
        int64_t beat = json_count(it.value, "beat");
        size_t i = 0;
        while (i < t->beat_count && t->beats[i].id != id) {
            i++;
        }
        if (i == TOP_WORKERS_MAX) {
            continue;
        }
        bool known = i < t->beat_count;
        if (!known || t->beats[i].beat != beat) {
            t->beats[i] = (top_beat){id, beat, known ? t->now.at_us : 0};
        }
        t->beat_count = known ? t->beat_count : i + 1;
    }
}

static double rate(int64_t now, int64_t past, int64_t gone_us) {
    return now <= past || gone_us <= 0 ? 0 : (double)(now - past) * 1e6 / (double)gone_us;
}

static void count_totals(top *t) {
    tk_json tasks = tk_json_member(t->counts, "tasks");
    t->before = t->now;
    t->now = (top_totals){
        .submitted = json_count(tasks, "total"),
        .complete = json_count(tasks, "complete") + json_count(tasks, "resolved_manually"),
        .failed = json_count(tasks, "blocked_by_failures") + json_count(tasks, "error"),
        .at_us = tk_clock_monotonic(&tk_clock_system),
    };
    int64_t gone_us = t->now.at_us - t->before.at_us;
    bool first = t->before.at_us == 0;
    t->submitted_s = first ? -1 : rate(t->now.submitted, t->before.submitted, gone_us);
    t->complete_s = first ? -1 : rate(t->now.complete, t->before.complete, gone_us);
    t->failed_s = first ? -1 : rate(t->now.failed, t->before.failed, gone_us);
}

/* What may be missing: a key need not be allowed to see it. */
static void look_at_minute(top *t) {
    tasker_text text = {0};
    const char *remedy = t->c->remedy;
    t->minute = (tk_json){0};
    if (t->c->source->query(t->c, TASKER_QUERY_ANALYTICS, TK_STR("{\"minutes\":1,\"portions\":1}"),
                            &text, NULL) == TASKER_OK) {
        (void)cli_parse(t->c, &text, &t->minute);
    }
    t->c->remedy = remedy;
}

static cli_exit look(top *t) {
    char *blocked = tk_arena_printf(
        &t->c->arena, "{\"state\":\"blocked_by_failures\",\"limit\":%d}", TOP_BLOCKED);
    if (blocked == NULL) {
        return cli_nomem(t->c);
    }
    cli_exit code = cli_query(t->c, TASKER_QUERY_COUNTS, TK_STR("{}"), &t->counts);
    if (code == CLI_EXIT_OK) {
        code = workers_look(t->c, &t->workers);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_query(t->c, TASKER_QUERY_TASKS, tk_str_of(blocked), &t->blocked);
    }
    if (code == CLI_EXIT_OK) {
        look_at_minute(t);
        count_totals(t);
        follow_beats(t);
    }
    return code;
}

/* --- keys ------------------------------------------------------------------------------------- */

typedef enum pressed { PRESSED_NOTHING, PRESSED_SOMETHING, PRESSED_QUIT } pressed;

static pressed take_key(top *t) {
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) != 1) {
        return caught != 0 ? PRESSED_QUIT : PRESSED_NOTHING;
    }
    switch (key) {
    case 'q':
    case 'Q':
        return PRESSED_QUIT;
    case 'p':
    case ' ':
        t->paused = !t->paused;
        return PRESSED_SOMETHING;
    case 's':
        t->sort = (top_sort)((t->sort + 1) % TOP_SORT_COUNT);
        return PRESSED_SOMETHING;
    default:
        return PRESSED_NOTHING;
    }
}

/* Until the interval is over, for ever while paused. */
static pressed wait_for_key(top *t, bool keys) {
    int64_t until_us = tk_clock_monotonic(&tk_clock_system) + t->interval_ms * 1000;
    struct pollfd in = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
    while (caught == 0) {
        int64_t left_ms = (until_us - tk_clock_monotonic(&tk_clock_system)) / 1000;
        if (!t->paused && left_ms <= 0) {
            return PRESSED_NOTHING;
        }
        int found = poll(&in, 1, t->paused ? -1 : (int)left_ms);
        pressed key = found > 0 ? take_key(t) : PRESSED_NOTHING;
        if (key != PRESSED_NOTHING || (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
            return key == PRESSED_NOTHING ? PRESSED_QUIT : key;
        }
    }
    return PRESSED_QUIT;
}

/* --- the whole -------------------------------------------------------------------------------- */

static cli_exit show(top *t, int64_t looks, bool keys) {
    cli_exit code = CLI_EXIT_OK;
    tk_arena kept = t->c->arena;
    tk_arena own = {0};
    bool again = true;
    while (code == CLI_EXIT_OK && again) {
        if (!t->paused) {
            tk_arena_reset(&own);
            t->c->arena = own;
            code = look(t);
        } else {
            t->c->arena = own;
        }
        if (code == CLI_EXIT_OK) {
            code = t->c->json ? top_show_json(t) : top_show(t);
        }
        own = t->c->arena;
        looks -= looks > 0 ? 1 : 0;
        if (code == CLI_EXIT_OK && !out_flush(&t->c->out)) {
            code = CLI_EXIT_SYSTEM;
        }
        again = looks != 0 && code == CLI_EXIT_OK && wait_for_key(t, keys) != PRESSED_QUIT;
    }
    t->c->arena = kept;
    tk_arena_release(&own);
    return code;
}

cli_exit command_top(cli *c) {
    top *t = tk_arena_alloc(&c->arena, sizeof(*t));
    bool live = c->out.terminal && !c->json;
    int64_t looks = live || c->json ? -1 : 1;
    if (t == NULL) {
        return cli_nomem(c);
    }
    *t = (top){.c = c, .interval_ms = INTERVAL_MS};
    cli_exit code = cli_value_seconds(c, "interval", &t->interval_ms);
    t->interval_ms = t->interval_ms < INTERVAL_MS_LEAST ? INTERVAL_MS_LEAST : t->interval_ms;
    if (code == CLI_EXIT_OK) {
        code = cli_value_int(c, "count", 1, INT64_MAX, &looks);
    }
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_READ);
    }
    if (code != CLI_EXIT_OK) {
        return code;
    }
    t->first_us = tk_clock_monotonic(&tk_clock_system);
    if (!live) {
        return show(t, looks, false);
    }
    bool keys = terminal_begin(&c->out);
    code = show(t, looks, keys);
    terminal_end(&c->out, keys);
    return code;
}
