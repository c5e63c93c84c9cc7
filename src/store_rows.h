/*
 * store_rows.h - the rows that go over the seam of store.h, and what a turn asks for.
 */
#ifndef TK_STORE_ROWS_H
#define TK_STORE_ROWS_H

#include "id.h"

/* --- rows ------------------------------------------------------------------------------------- */

typedef struct tk_task_row {
    tk_uuid id;
    int64_t n; /* place in the ledger's one order; given by the driver, filled by loading */
    int64_t created_us;
    int64_t run_at_us; /* 0: none */
    int32_t template_id;
    int32_t priority;
    bool has_correlation, has_parent_correlation;
    tk_uuid correlation, parent_correlation;
    tk_str tags;                             /* JSON array of strings, or empty */
    tk_str initiator, source_system, reason; /* data NULL: none */
    tk_str bypass_steps;                     /* JSON array of names, or empty */
    tk_str context;                          /* JSON */
} tk_task_row;

/* One row of task_state with all its pages joined. */
typedef struct tk_state_row {
    tk_uuid task_id;
    int32_t state; /* tk_task_mark */
    int32_t open_steps, failed_steps;
    int64_t updated_us;
    uint8_t *progress;     /* 3 bytes per step; the verb's to change */
    const uint8_t *stored; /* as loaded: only pages that differ are written; NULL on insert */
    uint32_t progress_bytes;
} tk_state_row;

typedef struct tk_ready_row {
    tk_uuid task_id;
    uint16_t step;
    bool deps;        /* has parents */
    int32_t queue;    /* name id of the namespace */
    int32_t handler;  /* name id of the callable */
    int32_t class;    /* the task's priority */
    int32_t attempts; /* claims so far, all of them */
    int64_t seq;      /* place in the queue; given by the driver, filled by loading */
    int64_t enqueued_us;
    int64_t run_at_us; /* of a row of `later` only */
} tk_ready_row;

/* The number of the attempt after `attempts` others. Only a damaged row has the greatest; it stays, and
 * what it then meets in the ledger refuses it. */
static inline int32_t tk_attempt_next(int32_t attempts) {
    return attempts == INT32_MAX ? attempts : attempts + 1;
}

typedef struct tk_lease_row {
    tk_uuid task_id;
    uint16_t step;
    int32_t worker;
    int32_t attempt;
    int64_t token;
    int64_t enqueued_us, claimed_us;
} tk_lease_row;

typedef enum tk_outcome_kind {
    TK_OUTCOME_OK = 1,
    TK_OUTCOME_ERROR = 2,
    TK_OUTCOME_LOST = 3,      /* its worker died, or gave a started step back */
    TK_OUTCOME_CANCELLED = 4, /* revoked by a cancel or a resolution */
    TK_OUTCOME_COMPLETED = 5, /* by hand, as complete */
    TK_OUTCOME_RESOLVED = 6   /* by hand, as resolved_manually (also bypassed) */
} tk_outcome_kind;

typedef struct tk_attempt_row {
    tk_uuid task_id;
    uint16_t step;
    int32_t attempt;
    int64_t n; /* as of a task */
    int64_t token;
    int32_t worker;
    int32_t outcome; /* tk_outcome_kind */
    int64_t enqueued_us, claimed_us, finished_us;
    tk_str result, error, metadata; /* JSON, or data NULL */
    const tk_state_row *state;      /* for finish: where state_lock puts the task's row, or NULL */
} tk_attempt_row;

/* A step that ended well, as its worker knows it, and the one step of its chain that it frees. */
typedef struct tk_advance_row {
    tk_uuid task_id;
    uint16_t step;
    int64_t token;
    int64_t finished_us; /* no earlier than its claim */
    tk_str result, metadata;
    int32_t open_steps; /* of the task, with this one; 1: it is complete then */
    int32_t next;       /* the freed step, or TK_ADVANCE_LAST */
} tk_advance_row;

#define TK_ADVANCE_LAST (-1)

/* How the progress of such steps has to read, and will: the ended one, the freed one. */
typedef struct tk_advance_bytes {
    uint8_t ended[2][3], freed[2][3];
} tk_advance_bytes;

typedef enum tk_act_kind {
    TK_ACT_CANCELLED = 2,
    TK_ACT_RETRIED = 3,  /* step, and the number of its last attempt before */
    TK_ACT_BLOCKED = 4,  /* by the engine */
    TK_ACT_RESOLVED = 5, /* the task (step = TK_ACT_NO_STEP), or a step */
    TK_ACT_FAILED = 6,   /* by hand */
    TK_ACT_COMPLETED = 7 /* a step, by hand */
} tk_act_kind;

#define TK_ACT_NO_STEP (-1)

typedef struct tk_act_row {
    tk_uuid task_id;
    int64_t n; /* as of a task */
    int64_t acted_us;
    int32_t kind; /* tk_act_kind */
    int32_t step; /* or TK_ACT_NO_STEP */
    int32_t attempt;
    tk_str actor, reason; /* data NULL: none */
} tk_act_row;

typedef struct tk_worker_row {
    int32_t id;
    int64_t beat;
    int64_t started_us;
    int32_t process;
    bool asleep, holding;
    bool connected;    /* filled by worker_list: its session is there, or none is needed */
    tk_str name, host; /* text */
    tk_str namespaces, handlers; /* JSON arrays of text */
} tk_worker_row;

typedef struct tk_template_row {
    int32_t id;
    int32_t revision; /* 1.. within (namespace, name, version) */
    int64_t created_us;
    tk_str namespace_name, name, version;
    tk_digest digest;
    tk_str spec;
} tk_template_row;

typedef struct tk_identity_row {
    int32_t queue;
    tk_str template_name;
    tk_str key;
    tk_uuid task_id;
} tk_identity_row;

/* A change of one task's state, for the exact counts: tasks of (template, from) fewer, (template,
 * to) more; from = 0 for a new task. */
typedef struct tk_count_row {
    int32_t template_id;
    int32_t from, to;
    int64_t tasks;
    int64_t at_us; /* when; 0: no part of what happened in a minute */
} tk_count_row;

/* What happened in a minute or an hour (see minute.h). */
typedef struct tk_minute_row {
    int64_t at_us; /* its begin */
    int32_t template_id;
    int32_t step; /* or TK_ACT_NO_STEP */
    int32_t span; /* 0 as it was added, 1 a minute, 60 an hour */
    int64_t started, done, failed;
    tk_str times; /* bytes that the driver does not know */
} tk_minute_row;

typedef enum tk_name_kind { TK_NAME_NAMESPACE = 1, TK_NAME_CALLABLE = 2 } tk_name_kind;

typedef struct tk_table_fact {
    tk_str name;
    int64_t rows, dead, bytes;
} tk_table_fact;

/* What a store is. */
typedef struct tk_store_facts {
    tk_str url;     /* without a password */
    tk_str version; /* of the server, or of SQLite */
    int32_t schema_have, schema_want;
    int64_t now_us; /* by the server's clock; 0: it has none of its own */
    int64_t size_bytes, log_bytes;
    int64_t recorded_since_us; /* since when minutes are kept */
    tk_table_fact *tables;
    uint32_t table_count;
    tk_str period; /* of portions; data NULL: there are none */
    tk_str *portions;
    uint32_t portion_count;
    bool has_upkeep; /* one process does it for all; when, who, and what was left out: */
    int64_t upkeep_us;
    tk_str upkeep_by, upkeep_why;
    int32_t upkeep_skipped;
} tk_store_facts;

/* A key of the HTTP server. */
typedef struct tk_key_row {
    int32_t id;
    tk_str hash;           /* SHA-256 of the secret */
    tk_str name;           /* no two keys in force have the same */
    tk_str permissions;    /* JSON array of words */
    tk_str namespace_name; /* data NULL: all */
    int64_t created_us;
    tk_str created_by, created_reason; /* data NULL: none */
    int64_t revoked_us;                /* 0: in force */
    tk_str revoked_by, revoked_reason;
} tk_key_row;

/* (task, step): a key of ready, lease, later. */
typedef struct tk_step_key {
    tk_uuid task_id;
    uint16_t step;
} tk_step_key;

/* --- the parts of a turn ---------------------------------------------------------------------- */

/* What a claim may take: rows of `ready` with this key, in the order of seq. `limit` bounds what this
 * want and the ones directly before it with the same queue take together. */
typedef struct tk_want {
    int32_t queue, handler, class;
    int64_t past; /* only seq > past; 0: from the start */
    uint32_t limit;
} tk_want;

/* The oldest waiting step of one (queue, handler, class). */
typedef struct tk_head {
    int32_t queue, handler, class;
    int64_t seq;
    int64_t enqueued_us;
} tk_head;

/* A step that was claimed: its lease, where it came from, and its task. */
typedef struct tk_claim_row {
    tk_lease_row lease;
    int32_t queue, handler, class;
    bool deps;
    tk_task_row task; /* tags … context included */
} tk_claim_row;

/* An ancestor's newest satisfying attempt; found=false when it has none. */
typedef struct tk_result_row {
    tk_step_key key;
    bool found;
    int32_t outcome;
    int64_t finished_us;
    tk_str result, metadata;
} tk_result_row;

/* A step's row among the live ones, for readers. */
typedef struct tk_place_row {
    uint16_t step;
    int32_t place;    /* tk_place of state.h: 1 ready, 2 lease, 3 later */
    int32_t attempts; /* claims so far; of a lease: with this one */
    int32_t worker;
    int64_t enqueued_us, claimed_us, run_at_us; /* 0 where it has none */
} tk_place_row;

typedef struct tk_task_filter {
    int32_t queue;           /* 0: any */
    tk_str template_name;    /* empty: any */
    tk_str template_version; /* empty: any */
    int32_t state;           /* tk_task_mark; 0: any */
    tk_str tag;              /* empty: any */
    bool has_correlation;
    tk_uuid correlation;             /* also matches a task whose own id it is */
    tk_str initiator, source_system; /* empty: any */
    tk_str key;                      /* idempotency key; empty: any */
    bool has_after;
    tk_uuid after; /* newest first: ids below this one */
    tk_uuid from;  /* ids from this one on; zeros: any */
    uint32_t skip; /* tasks that it means but are not handed out */
    uint32_t limit;
} tk_task_filter;

/* A page of a list. Only so many tasks are looked at: then it is `cut`, and ids below `reached` have not
 * been looked at. */
typedef struct tk_task_page {
    tk_uuid *ids;
    uint32_t count;
    bool cut;
    tk_uuid reached;
} tk_task_page;

/* Everything that waits, by queue and handler. */
typedef struct tk_depth_row {
    int32_t queue, handler;
    int64_t ready, later;
    bool all;          /* these are all; else there are, or may be, more */
    int64_t oldest_us; /* enqueued_at of the oldest head in ready, or 0 */
} tk_depth_row;

/* About how many rows there are in all; less than 1: nobody knows. */
typedef struct tk_depth_sum {
    int64_t ready, later;
} tk_depth_sum;

/* A place in the ledger's one order: (xid, n), where a store with one writer has no xid. */
typedef struct tk_record_place {
    int64_t mark; /* of the store, so that a place in another one is told apart */
    int64_t xid, n;
} tk_record_place;

/* Kinds of records; in a filter they are added up. */
typedef enum tk_record_kind {
    TK_RECORD_TASK = 1,
    TK_RECORD_ATTEMPT = 2,
    TK_RECORD_ACT = 4
} tk_record_kind;

typedef struct tk_record_filter {
    int64_t xid, n;  /* records behind this place */
    int64_t end_xid; /* as record_end told it, within the same transaction */
    bool has_task;
    tk_uuid task;
    unsigned kinds;
    uint32_t limit;
} tk_record_filter;

/* One record: a submission, the end of an attempt, or an act. What a kind does not have is 0. */
typedef struct tk_record_row {
    int32_t kind; /* tk_record_kind */
    int64_t xid, n;
    tk_uuid task_id;
    int32_t template_id; /* 0: the task does not exist */
    int32_t priority;
    int64_t at_us;
    int32_t step; /* of an act: or TK_ACT_NO_STEP */
    int32_t attempt;
    int32_t what; /* tk_outcome_kind or tk_act_kind */
    int32_t worker;
    int64_t enqueued_us, claimed_us;
    tk_str error, actor, reason;
} tk_record_row;

#endif
