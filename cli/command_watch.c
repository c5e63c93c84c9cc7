/*
 * command_watch.c - watch: what is recorded, as it happens, a line each.
 */
#include "commands.h"
#include "format.h"
#include "json_view.h"
#include "source.h"
#include "view.h"

typedef struct watch {
    cli *c;
    tk_arena arena; /* of one event */
    int64_t left;   /* events until the end; -1: for ever */
    cli_exit code;
} watch;

/* The parts of a line. */
typedef struct event_line {
    tk_str time, what, title, step, detail, uuid;
    out_color color;
} event_line;

static tk_str text_of(watch *w, tk_json event, const char *name) {
    return json_text(&w->arena, tk_json_member(event, name));
}

static tk_str formatted(tk_buf *buf, watch *w) {
    tk_str copy = {NULL, 0};
    w->code = buf->failed || !tk_arena_str(&w->arena, tk_buf_view(buf), &copy) ? CLI_EXIT_SYSTEM
                                                                               : w->code;
    tk_buf_release(buf);
    return copy;
}

static tk_str time_text(watch *w, tk_json event) {
    tk_buf buf = {0};
    format_moment(&buf, format_time_of(tk_json_member(event, "at")));
    tk_str time = formatted(&buf, w);
    bool dated = w->c->out.terminal && time.size > FORMAT_DATE_BYTES;
    return dated ? (tk_str){time.data + FORMAT_DATE_BYTES, time.size - FORMAT_DATE_BYTES} : time;
}

static tk_str title_text(watch *w, tk_json event) {
    tk_buf buf = {0};
    tk_str version = text_of(w, event, "version");
    tk_buf_str(&buf, text_of(w, event, "namespace"));
    tk_buf_char(&buf, '/');
    tk_buf_str(&buf, text_of(w, event, "name"));
    tk_buf_text(&buf, version.size > 0 ? ":" : "");
    tk_buf_str(&buf, version);
    return formatted(&buf, w);
}

/* "attempt 2, 12 ms, TimeoutError" */
static tk_str attempt_text(watch *w, tk_json event) {
    char took[FORMAT_DURATION_SIZE];
    tk_buf buf = {0};
    int64_t claimed_us = format_time_of(tk_json_member(event, "claimed_at"));
    int64_t at_us = format_time_of(tk_json_member(event, "at"));
    tk_str error_class = text_of(w, event, "error_class");
    tk_buf_printf(&buf, "attempt %" PRId64, json_count(event, "attempt"));
    if (claimed_us > 0 && at_us >= claimed_us) {
        tk_buf_printf(&buf, ", %s", format_duration(took, at_us - claimed_us));
    }
    tk_buf_text(&buf, error_class.size > 0 ? ", " : "");
    tk_buf_str(&buf, error_class);
    return formatted(&buf, w);
}

/* "me: ordered twice" */
static tk_str act_text(watch *w, tk_json event) {
    tk_buf buf = {0};
    tk_str actor = text_of(w, event, "actor");
    tk_str reason = text_of(w, event, "reason");
    tk_buf_str(&buf, actor);
    tk_buf_text(&buf, actor.size > 0 && reason.size > 0 ? ": " : "");
    tk_buf_str(&buf, reason);
    return formatted(&buf, w);
}

static event_line line_of(watch *w, tk_json event) {
    event_line line = {
        .time = time_text(w, event),
        .title = title_text(w, event),
        .step = text_of(w, event, "step"),
        .uuid = text_of(w, event, "task_uuid"),
    };
    tk_json kind = tk_json_member(event, "kind");
    if (tk_json_string_is(kind, TK_STR("attempt"))) {
        line.what = text_of(w, event, "outcome");
        line.detail = attempt_text(w, event);
        bool failed = tk_str_is(line.what, "error") || tk_str_is(line.what, "lost") ||
                      tk_str_is(line.what, "timeout");
        line.color = failed ? OUT_RED : OUT_GREEN;
    } else if (tk_json_string_is(kind, TK_STR("act"))) {
        line.what = text_of(w, event, "act");
        line.detail = act_text(w, event);
        line.color = OUT_YELLOW;
    } else {
        line.what = TK_STR("submitted");
        line.color = OUT_CYAN;
    }
    return line;
}

/* Adds a part and its gap; on a terminal what has no room is cut, and nothing stands behind it. */
static void part(out *o, size_t *room, out_color color, tk_str text, size_t least) {
    if (!o->terminal) {
        out_printf(o, *room == SIZE_MAX ? "" : "\t");
        out_text(o, color, text, 0);
        *room = 0;
        return;
    }
    if (text.size == 0 || *room == 0) {
        return;
    }
    size_t used = out_text(o, color, text, *room);
    *room -= used;
    for (; used<least && * room> 0; used++, (*room)--) {
        tk_buf_char(&o->text, ' ');
    }
    for (size_t i = 0; i < 2 && *room > 0; i++, (*room)--) {
        tk_buf_char(&o->text, ' ');
    }
}

static void show_line(out *o, const event_line *line) {
    enum { WHAT_COLUMNS = 9 };
    size_t room = SIZE_MAX;
    if (o->terminal) {
        out_size(o);
        room = o->columns - 1;
    }
    part(o, &room, OUT_DIM, line->time, 0);
    part(o, &room, line->color, line->what, WHAT_COLUMNS);
    part(o, &room, OUT_PLAIN, line->title, 0);
    part(o, &room, OUT_BOLD, line->step, 0);
    part(o, &room, OUT_PLAIN, line->detail, 0);
    if (!o->terminal || room >= line->uuid.size) { /* whole or not at all */
        part(o, &room, OUT_DIM, line->uuid, 0);
    }
    while (o->text.size > 0 && o->text.data[o->text.size - 1] == ' ') {
        tk_buf_truncate(&o->text, o->text.size - 1);
    }
    out_printf(o, "\n");
}

static bool take(void *user, tk_json event) {
    watch *w = user;
    out *o = &w->c->out;
    if (w->c->json) {
        out_json_safe(&o->text, event.text);
        out_printf(o, "\n");
    } else {
        event_line line = line_of(w, event);
        show_line(o, &line);
    }
    tk_arena_reset(&w->arena);
    w->left -= w->left > 0 ? 1 : 0;
    if (!out_flush(o)) {
        w->code = CLI_EXIT_SYSTEM;
    }
    return w->code == CLI_EXIT_OK && w->left != 0;
}

cli_exit command_watch(cli *c) {
    char uuid[TASKER_UUID_SIZE];
    const char *after = cli_value(c, "after");
    const char *task = cli_value(c, "task");
    watch w = {.c = c, .left = -1};
    follow_request f = {.namespace_name = cli_value(c, "namespace"),
                        .kind = cli_value(c, "kind"),
                        .after = after == NULL ? "now" : after,
                        .take = take,
                        .user = &w};
    tasker_error error = {0};
    cli_exit code = cli_value_int(c, "limit", 1, INT64_MAX, &w.left);
    if (code == CLI_EXIT_OK) {
        code = cli_open(c, CLI_READ);
    }
    if (code == CLI_EXIT_OK && task != NULL) {
        code = cli_task_uuid(c, task, uuid);
        f.task_uuid = uuid;
    }
    if (code == CLI_EXIT_OK && c->source->follow(c, &f, &error) != TASKER_OK) {
        code = cli_fail_error(c, &error, NULL);
    }
    tk_arena_release(&w.arena);
    return code == CLI_EXIT_OK ? w.code : code;
}
