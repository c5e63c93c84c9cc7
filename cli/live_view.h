/*
 * live_view.h - what live.c and live_view.c share: the tasks that are followed, and how they are shown.
 */
#ifndef CLI_LIVE_VIEW_H
#define CLI_LIVE_VIEW_H

#include "live.h"

/* One task that is followed. */
typedef struct followed {
    const char *uuid;
    tasker_text text; /* as it is now */
    tk_json json;     /* of `text` */
    char **seen;      /* "state attempt" of each step, as last told */
    size_t seen_count;
    bool rests, ended_well;
} followed;

typedef struct live {
    cli *c;
    const live_request *request;
    followed *tasks;
    tk_arena scratch; /* of one look */
    tk_buf note;      /* an unfinished line of standard input */
    size_t drawn;     /* lines of the last drawing */
    bool notes_open;
    bool resting;                       /* all of them: what is drawn now stays */
    const char *lacking, *lacking_told; /* why nothing runs, or NULL; as last told */
    int64_t lack_look_ms;               /* when that is looked for again, since the beginning */
    int64_t began_us;
} live;

/* live_draw draws the list over the last one, on a terminal. */
void live_draw(live *l);

/* live_tell adds a line for each change since the last time. */
void live_tell(live *l);

#endif
