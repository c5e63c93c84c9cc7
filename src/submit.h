/*
 * submit.h - a submission between its parts: read from JSON, checked, stored, answered.
 */
#ifndef TK_SUBMIT_H
#define TK_SUBMIT_H

#include "engine.h"

#define TK_TAGS_MAX 64
#define TK_TAG_BYTES_MAX 128
#define TK_KEY_BYTES_MAX 256
#define TK_FIELD_BYTES_MAX 1024 /* initiator, source_system, reason */
#define TK_DELAY_S_MAX (10 * 366 * 86400)

/* What a request is answered with. */
typedef struct tk_answer {
    tk_uuid id;
    int64_t created_us;
    const tk_known *known;
    bool repeated; /* the key belongs to a task that was there before */
    bool context_differs;
} tk_answer;

/* One task to be made. Texts live in the submission's arena or in the request. */
typedef struct tk_request {
    uint32_t index;                       /* in the request's array */
    tk_str name, namespace_name, version; /* version empty: the one registered last */
    tk_json context;
    tk_json bypass;         /* array of strings, or NONE */
    tk_str idempotency_key; /* empty: none */
    tk_task_row row;        /* id, priority, tags, … as they will be stored */
    const tk_known *known;
    const uint16_t *bypassed; /* step numbers, ascending */
    uint32_t bypassed_count;
    tk_str identity; /* what makes it the same task again; empty: nothing */
    bool identity_strict;
    tk_answer answer; /* of the try under way: nothing else of a request changes by a try */
} tk_request;

struct tk_submission {
    tk_arena arena;
    bool array; /* the request was an array: so is the answer */
    tk_request *items;
    uint32_t count;
    bool may_repeat; /* ids may be there already: an answer was lost */
};

/* tk_request_read reads one request or an array of them (contract 6.1): submit_request.c. Pure.
 * Errors name the member ("$[3].priority"). */
tasker_status tk_request_read(tk_str text, int64_t now_us, tk_submission *submission,
                              tasker_error *error);

/* tk_request_path writes the path of a member of request `index` ("$.context", "$[3].context"). */
void tk_request_path(const tk_submission *submission, uint32_t index, const char *member,
                     char path[TASKER_PATH_MAX]);

/* tk_request_check holds a request against its template: steps, bypass_steps, input_schema, identity:
 * submit_request.c. Pure. */
tasker_status tk_request_check(tk_submission *submission, tk_request *request, tasker_error *error);

/* tk_submission_open reads a request, finds its templates (own transaction), checks it and chooses the
 * ids. submission->arena is the caller's to release, also when it fails. */
tasker_status tk_submission_open(tk_engine *engine, tk_str request, int64_t now_us,
                                 tk_submission *submission, tasker_error *error);

/* tk_submission_insert writes a checked submission: all its rows but *ready, the steps that can be claimed
 * now, which are the caller's to place within the same transaction; nothing of what an earlier one with
 * the same key has made. Within the caller's WRITE transaction; may be repeated after a rollback. Returns
 * CONFLICT (the template allows each context once), STORE, NOMEM. */
tasker_status tk_submission_insert(tk_engine *engine, tk_submission *submission,
                                   const tk_ready_row **ready, uint32_t *ready_count,
                                   tasker_error *error);

/* tk_submission_store does so and puts those steps into the queue. */
tasker_status tk_submission_store(tk_engine *engine, tk_submission *submission,
                                  tasker_error *error);

/* tk_submission_answer writes the answer of tasker_submit(). */
void tk_submission_answer(const tk_submission *submission, tk_buf *answer);

#endif
