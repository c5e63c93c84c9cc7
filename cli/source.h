/*
 * source.h - where tasks are: a store, or a server over HTTP. One table of operations, made twice:
 *
 *   command_*.c ─► cli_query, cli_act, … ─► source ─┬─ source_store.c ─► tasker.h
 *                                                   └─ source_server.c ─► http.c ─► a server
 *
 * Both answer the same documents and the same errors, so that no command knows which it is.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli.h"

/* What an operator does to a task or a step, and the word that a server knows it by. */
/* clang-format off */
#define DEED_MAP(X)                                                                                \
    X(TASK_CANCEL,   "cancel")                                                                     \
    X(TASK_RESOLVE,  "resolve_manually")                                                           \
    X(TASK_FAIL,     "fail")                                                                       \
    X(TASK_RETRY,    "retry_failed_steps")                                                         \
    X(STEP_RETRY,    "reset_for_retry")                                                            \
    X(STEP_RESOLVE,  "resolve_manually")                                                           \
    X(STEP_COMPLETE, "complete_manually")
/* clang-format on */

typedef enum deed_kind {
#define X(name, word) DEED_##name,
    DEED_MAP(X)
#undef X
} deed_kind;

typedef struct deed {
    deed_kind kind;
    const char *uuid; /* of the task or of the step */
    tk_str result;    /* JSON for RESOLVE and COMPLETE of a step; may be empty */
    tasker_act who;
} deed;

/* Which events are wanted; NULL: all. */
typedef struct follow_request {
    const char *task_uuid, *namespace_name, *kind;
    const char *after; /* a cursor, or "now" */
    bool (*take)(void *user,
                 tk_json event); /* with "id" and "kind", as TASKER_QUERY_EVENTS has it */
    void *user;
} follow_request;

/* Texts that are handed out are the caller's, by tasker_text_free(). */
typedef struct source {
    /* As tasker_query(). */
    tasker_status (*query)(cli *c, tasker_query_kind kind, tk_str filter, tasker_text *answer,
                           tasker_error *error);
    /* As tasker_submit(). */
    tasker_status (*submit)(cli *c, tk_str request, tasker_text *answer, tasker_error *error);
    /* As tasker_task_wait(). */
    tasker_status (*wait)(cli *c, const char *task_uuid, int64_t timeout_ms, tasker_text *task,
                          tasker_error *error);
    tasker_status (*act)(cli *c, const deed *d, tasker_error *error);
    /* As tasker_task_rerun(). */
    tasker_status (*rerun)(cli *c, const char *task_uuid, tk_str context, const tasker_act *who,
                           tasker_text *answer, tasker_error *error);
    /* As tasker_template_put(); the text was checked before. */
    tasker_status (*template_put)(cli *c, tk_str yaml, const char *name, tasker_text *report,
                                  tasker_error *error);
    /* Hands out what is recorded, in its order, until `take` says false; waits for more. */
    tasker_status (*follow)(cli *c, const follow_request *f, tasker_error *error);
} source;

extern const source source_store;
extern const source source_server;

/* source_server_follow is `follow` of source_server; source_server_follow.c. */
tasker_status source_server_follow(cli *c, const follow_request *f, tasker_error *error);

/* source_server_open names the server; nothing is sent yet. */
cli_exit source_server_open(cli *c, const char *url);

#endif
