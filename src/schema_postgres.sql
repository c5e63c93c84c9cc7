-- The ledger on PostgreSQL, in a schema of its own. The same rows as in schema_sqlite.sql; what differs
-- is what many writers need: rows of task, attempt and act also carry their transaction (xid), so that
-- a follower reads below the snapshot's horizon; counts are deltas that an elected process folds;
-- task_state leaves room on its pages, and no index names a column of it that changes under load, so
-- that its updates stay on their page.

CREATE SCHEMA tasker;
SET search_path = tasker;

-- The version of these tables.
CREATE TABLE ledger (one bool PRIMARY KEY DEFAULT true CHECK (one), version int4 NOT NULL);
INSERT INTO ledger (version) VALUES (1);

CREATE SEQUENCE ledger_n;
CREATE SEQUENCE ready_seq;
CREATE SEQUENCE worker_id AS int4;

-- kind 1: namespaces (queues), kind 2: callables (handlers).
CREATE TABLE name (
    kind int2 NOT NULL,
    id int2 NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, text)
);

CREATE TABLE template (
    id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace int2 NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    revision int4 NOT NULL,
    created_at timestamptz NOT NULL,
    digest bytea NOT NULL,
    spec text NOT NULL,
    UNIQUE (namespace, name, version, revision),
    UNIQUE (namespace, name, version, digest)
);

-- The newest row of a version names its current revision.
CREATE TABLE template_use (
    n int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_id int4 NOT NULL,
    used_at timestamptz NOT NULL
);
CREATE INDEX template_use_template ON template_use (template_id, n);

CREATE TABLE template_step (
    template_id int4 NOT NULL,
    step_no int2 NOT NULL,
    name text NOT NULL,
    ancestors int2[] NOT NULL,
    PRIMARY KEY (template_id, step_no)
);

CREATE TABLE identity (
    namespace int2 NOT NULL,
    template text NOT NULL,
    key text NOT NULL,
    task_id uuid NOT NULL,
    PRIMARY KEY (namespace, template, key)
);

-- No correlation id reads as the task's own id.
CREATE TABLE task (
    id uuid PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    n int8 NOT NULL DEFAULT nextval('ledger_n'),
    created_at timestamptz NOT NULL,
    run_at timestamptz,
    template_id int4 NOT NULL,
    priority int2 NOT NULL,
    correlation_id uuid,
    parent_correlation_id uuid,
    tags text, -- JSON
    initiator text,
    source_system text,
    reason text,
    bypass_steps text,
    context text NOT NULL
);
CREATE INDEX task_template ON task (template_id, id);
CREATE INDEX task_correlation ON task (correlation_id, id) WHERE correlation_id IS NOT NULL;
CREATE INDEX task_tags ON task USING gin ((tags::jsonb)) WHERE tags IS NOT NULL;

-- state: 1 running, 2 complete, 3 blocked, 4 cancelled, 5 error, 6 resolved.
-- attention: 0 for running and complete, otherwise the state.
-- progress: three bytes for each of the first 256 steps; the others are in task_page.
CREATE TABLE task_state (
    task_id uuid PRIMARY KEY,
    updated_at timestamptz NOT NULL,
    state int2 NOT NULL,
    attention int2 NOT NULL,
    open_steps int4 NOT NULL,
    failed_steps int4 NOT NULL,
    progress bytea NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX task_attention ON task_state (attention, task_id) WHERE attention <> 0;

CREATE TABLE task_page (
    task_id uuid NOT NULL,
    page int2 NOT NULL,
    progress bytea NOT NULL,
    PRIMARY KEY (task_id, page)
) WITH (fillfactor = 50);

-- Steps that can be claimed now.
CREATE TABLE ready (
    task_id uuid NOT NULL,
    seq int8 NOT NULL DEFAULT nextval('ready_seq'),
    enqueued_at timestamptz NOT NULL,
    attempts int4 NOT NULL,
    step_no int2 NOT NULL,
    queue int2 NOT NULL,
    handler int2 NOT NULL,
    class int2 NOT NULL,
    deps bool NOT NULL,
    PRIMARY KEY (task_id, step_no)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX ready_claim ON ready (queue, handler, class, seq);

-- Steps that run now.
CREATE TABLE lease (
    task_id uuid NOT NULL,
    token int8 NOT NULL,
    enqueued_at timestamptz NOT NULL,
    claimed_at timestamptz NOT NULL,
    worker int4 NOT NULL,
    attempt int4 NOT NULL,
    step_no int2 NOT NULL,
    PRIMARY KEY (task_id, step_no)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_cost_delay = 0);

-- Steps that wait for a time.
CREATE TABLE later (
    task_id uuid NOT NULL,
    run_at timestamptz NOT NULL,
    attempts int4 NOT NULL,
    step_no int2 NOT NULL,
    queue int2 NOT NULL,
    handler int2 NOT NULL,
    class int2 NOT NULL,
    deps bool NOT NULL,
    PRIMARY KEY (task_id, step_no)
);
CREATE INDEX later_due ON later (run_at);

-- outcome: 1 ok, 2 error, 3 lost, 4 cancelled, 5 completed by hand, 6 resolved by hand.
CREATE TABLE attempt (
    task_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    n int8 NOT NULL DEFAULT nextval('ledger_n'),
    token int8 NOT NULL,
    enqueued_at timestamptz NOT NULL,
    claimed_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    worker int4 NOT NULL,
    attempt int4 NOT NULL,
    step_no int2 NOT NULL,
    outcome int2 NOT NULL,
    result text,
    error text,
    metadata text,
    PRIMARY KEY (task_id, step_no, attempt)
);

-- kind: 2 cancelled, 3 retried, 4 blocked, 5 resolved, 6 failed, 7 completed. step_no -1: the whole
-- task.
CREATE TABLE act (
    task_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    n int8 NOT NULL DEFAULT nextval('ledger_n'),
    acted_at timestamptz NOT NULL,
    attempt int4 NOT NULL,
    step_no int2 NOT NULL,
    kind int2 NOT NULL,
    actor text,
    reason text,
    PRIMARY KEY (task_id, n)
);

-- The backend and its start tell a connection apart from a later one with the same process id.
CREATE TABLE worker (
    id int4 PRIMARY KEY DEFAULT nextval('worker_id'),
    beat int8 NOT NULL,
    started_at timestamptz NOT NULL,
    backend_start timestamptz NOT NULL,
    backend int4 NOT NULL,
    process int4 NOT NULL,
    asleep bool NOT NULL,
    holding bool NOT NULL DEFAULT false,
    name text NOT NULL,
    host text NOT NULL,
    namespaces text NOT NULL,
    handlers text NOT NULL
) WITH (fillfactor = 20);

-- Moves of tasks between states; the count of a state is what came minus what went.
CREATE TABLE counter (
    template_id int4 NOT NULL,
    from_state int2 NOT NULL,
    to_state int2 NOT NULL,
    tasks int8 NOT NULL
);
