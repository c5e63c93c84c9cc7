-- The ledger on SQLite. Times are microseconds since 1970 UTC, ids 16-byte blobs, small numbers stand
-- for namespaces and callables (table name). Each table is one b-tree (WITHOUT ROWID) and the
-- indexes named here. Rows of task, attempt, act and template are written once and never changed.
-- The file says whose it is (application_id) and how it is built (user_version).

PRAGMA application_id = 1413567307;
PRAGMA user_version = 1;

-- The last number given in the ledger's one order, and the last place in the queue. A transaction
-- reads the row when it first needs a number and writes it once, before it commits.
CREATE TABLE ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    n INT NOT NULL,
    seq INT NOT NULL
);
INSERT INTO ledger (one, n, seq) VALUES (1, 0, 0);

-- kind 1: namespaces (queues), kind 2: callables (handlers).
CREATE TABLE name (
    kind INT NOT NULL,
    id INT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX name_text ON name (kind, text);

CREATE TABLE template (
    id INTEGER PRIMARY KEY,
    namespace INT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    revision INT NOT NULL,
    created_at INT NOT NULL,
    digest BLOB NOT NULL,
    spec TEXT NOT NULL,
    UNIQUE (namespace, name, version, revision),
    UNIQUE (namespace, name, version, digest)
);

-- The newest row of a version names its current revision.
CREATE TABLE template_use (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    template_id INT NOT NULL,
    used_at INT NOT NULL
);
CREATE INDEX template_use_template ON template_use (template_id, n);

-- A step's number, its name, and the numbers of all its ancestors (two bytes each, big-endian).
CREATE TABLE template_step (
    template_id INT NOT NULL,
    step_no INT NOT NULL,
    name TEXT NOT NULL,
    ancestors BLOB NOT NULL,
    PRIMARY KEY (template_id, step_no)
) WITHOUT ROWID;

CREATE TABLE identity (
    namespace INT NOT NULL,
    template TEXT NOT NULL,
    key TEXT NOT NULL,
    task_id BLOB NOT NULL,
    PRIMARY KEY (namespace, template, key)
) WITHOUT ROWID;

-- No correlation id reads as the task's own id.
CREATE TABLE task (
    id BLOB PRIMARY KEY,
    n INT NOT NULL,
    created_at INT NOT NULL,
    run_at INT NOT NULL,
    template_id INT NOT NULL,
    priority INT NOT NULL,
    correlation_id BLOB,
    parent_correlation_id BLOB,
    tags TEXT,
    initiator TEXT,
    source_system TEXT,
    reason TEXT,
    bypass_steps TEXT,
    context TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX task_template ON task (template_id, id);
CREATE INDEX task_correlation ON task (correlation_id, id) WHERE correlation_id IS NOT NULL;

CREATE TABLE task_tag (
    tag TEXT NOT NULL,
    task_id BLOB NOT NULL,
    PRIMARY KEY (tag, task_id)
) WITHOUT ROWID;

-- state: 1 running, 2 complete, 3 blocked, 4 cancelled, 5 error, 6 resolved.
-- attention: 0 for running and complete, otherwise the state.
-- progress: three bytes for each of the first 256 steps; the others are in task_page.
CREATE TABLE task_state (
    task_id BLOB PRIMARY KEY,
    updated_at INT NOT NULL,
    state INT NOT NULL,
    attention INT NOT NULL,
    open_steps INT NOT NULL,
    failed_steps INT NOT NULL,
    progress BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX task_attention ON task_state (attention, task_id) WHERE attention <> 0;

CREATE TABLE task_page (
    task_id BLOB NOT NULL,
    page INT NOT NULL,
    progress BLOB NOT NULL,
    PRIMARY KEY (task_id, page)
) WITHOUT ROWID;

-- Steps that can be claimed now. The key is the queue.
CREATE TABLE ready (
    queue INT NOT NULL,
    handler INT NOT NULL,
    class INT NOT NULL,
    seq INT NOT NULL,
    task_id BLOB NOT NULL,
    step_no INT NOT NULL,
    attempts INT NOT NULL,
    enqueued_at INT NOT NULL,
    deps INT NOT NULL,
    PRIMARY KEY (queue, handler, class, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX ready_step ON ready (task_id, step_no);

-- Steps that run now.
CREATE TABLE lease (
    task_id BLOB NOT NULL,
    step_no INT NOT NULL,
    attempt INT NOT NULL,
    token INT NOT NULL,
    worker INT NOT NULL,
    enqueued_at INT NOT NULL,
    claimed_at INT NOT NULL,
    PRIMARY KEY (task_id, step_no)
) WITHOUT ROWID;

-- Steps that wait for a time.
CREATE TABLE later (
    task_id BLOB NOT NULL,
    step_no INT NOT NULL,
    run_at INT NOT NULL,
    attempts INT NOT NULL,
    queue INT NOT NULL,
    handler INT NOT NULL,
    class INT NOT NULL,
    deps INT NOT NULL,
    PRIMARY KEY (task_id, step_no)
) WITHOUT ROWID;
CREATE INDEX later_due ON later (run_at);

-- outcome: 1 ok, 2 error, 3 lost, 4 cancelled, 5 completed by hand, 6 resolved by hand.
CREATE TABLE attempt (
    task_id BLOB NOT NULL,
    step_no INT NOT NULL,
    attempt INT NOT NULL,
    n INT NOT NULL,
    token INT NOT NULL,
    worker INT NOT NULL,
    outcome INT NOT NULL,
    enqueued_at INT NOT NULL,
    claimed_at INT NOT NULL,
    finished_at INT NOT NULL,
    result TEXT,
    error TEXT,
    metadata TEXT,
    PRIMARY KEY (task_id, step_no, attempt)
) WITHOUT ROWID;

-- What is neither a submission nor an attempt. kind: 2 cancelled, 3 retried, 4 blocked, 5 resolved,
-- 6 failed, 7 completed. step_no -1: the whole task.
CREATE TABLE act (
    task_id BLOB NOT NULL,
    n INT NOT NULL,
    acted_at INT NOT NULL,
    kind INT NOT NULL,
    step_no INT NOT NULL,
    attempt INT NOT NULL,
    actor TEXT,
    reason TEXT,
    PRIMARY KEY (task_id, n)
) WITHOUT ROWID;

-- An id is never used again.
CREATE TABLE worker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    beat INT NOT NULL,
    started_at INT NOT NULL,
    process INT NOT NULL,
    asleep INT NOT NULL,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    namespaces TEXT NOT NULL,
    handlers TEXT NOT NULL
);

-- Tasks by template and stored state, exact.
CREATE TABLE counter (
    template_id INT NOT NULL,
    state INT NOT NULL,
    tasks INT NOT NULL,
    PRIMARY KEY (template_id, state)
) WITHOUT ROWID;
