/*
 * query.h - the kinds of tasker_query, each a function within the open transaction.
 */
#ifndef TK_QUERY_H
#define TK_QUERY_H

#include "query_view.h"

#define TK_QUERY_FILTER_BYTES_MAX (64 * 1024)
#define TK_QUERY_RUNNING_MAX 4096 /* of one worker */

/* A query under way. `filter` is an object, or NONE. */
typedef struct tk_query_call {
    tk_engine *engine;
    tk_arena *arena;
    tk_json filter;
    tk_buf *answer;
    tasker_error *error;
} tk_query_call;

/* Members of the filter: absent and null are empty; INVALID names the member. */
tasker_status tk_query_text(const tk_query_call *q, const char *name, tk_str *text);
tasker_status tk_query_uuid(const tk_query_call *q, const char *name, bool *given, tk_uuid *id);
tasker_status tk_query_int(const tk_query_call *q, const char *name, int64_t least, int64_t most,
                           int64_t *number);

/* Each writes its JSON to q->answer; whether that failed is checked by the caller. */
tasker_status tk_query_list(const tk_query_call *q);
tasker_status tk_query_counts(const tk_query_call *q);
tasker_status tk_query_templates(const tk_query_call *q);
tasker_status tk_query_template(const tk_query_call *q);
tasker_status tk_query_workers(const tk_query_call *q);
tasker_status tk_query_events(const tk_query_call *q);
tasker_status tk_query_why(const tk_query_call *q);
tasker_status tk_query_store(const tk_query_call *q);
tasker_status tk_query_analytics(const tk_query_call *q);

/* tk_query_list_has tells whether a text is in a JSON array of texts; what an empty one has is
 * `when_empty`. */
bool tk_query_list_has(tk_str list, tk_str text, bool when_empty);

/* A step that runs. */
typedef struct tk_query_running {
    tk_lease_row lease;
    const tk_known *known; /* NULL: its task does not exist */
} tk_query_running;

/* tk_query_running_of lists the steps that a worker holds, up to TK_QUERY_RUNNING_MAX. */
tasker_status tk_query_running_of(const tk_query_call *q, int32_t worker, tk_query_running **steps,
                                  uint32_t *count);

/* What waits in the queues, who works, and the store's numbers for names. */
typedef struct tk_query_scene {
    int32_t *namespace_ids, *callable_ids;
    tk_str *namespaces, *callables;
    uint32_t namespace_count, callable_count;
    tk_worker_row *workers;
    uint32_t worker_count;
    tk_depth_row *depths;
    uint32_t depth_count;
} tk_query_scene;

tasker_status tk_query_scene_read(const tk_query_call *q, tk_query_scene *s);
tk_str tk_query_namespace_of(const tk_query_scene *s, int32_t id);
tk_str tk_query_callable_of(const tk_query_scene *s, int32_t id);

/* tk_query_workers_for counts the workers that would take such a step. */
uint32_t tk_query_workers_for(const tk_query_scene *s, tk_str namespace_name, tk_str callable);

/* tk_query_queue finds the number of the namespace that the filter names: 0 without one; *known is
 * false when the store has never heard of it. */
tasker_status tk_query_queue(const tk_query_call *q, int32_t *queue, bool *known);

#endif
