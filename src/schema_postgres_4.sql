-- Keys of the HTTP server, rates and latencies by the minute, and what the last upkeep did.

-- A key's secret is not here, only its SHA-256. Rows stay when a key is revoked. Only the owner writes.
CREATE TABLE api_key (
    id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    name text NOT NULL,
    permissions text NOT NULL, -- a JSON array of words
    namespace text, -- null: all
    created_at timestamptz NOT NULL,
    created_by text,
    created_reason text,
    revoked_at timestamptz,
    revoked_by text,
    revoked_reason text
);
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;

-- What happened in a minute or an hour, added by the transaction in which it happened and folded
-- later; several rows of the same time and step add up. span: 0 not folded yet, 1 a minute, 60 an hour.
-- step_no -1: tasks, of which `started` were submitted and `done` completed; else attempts that ended
-- well (done) or not (failed). times: see histogram.h.
CREATE TABLE minute (
    at timestamptz NOT NULL,
    template_id int4 NOT NULL,
    step_no int2 NOT NULL,
    span int2 NOT NULL,
    started int8 NOT NULL,
    done int8 NOT NULL,
    failed int8 NOT NULL,
    times bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
CREATE INDEX minute_at ON minute (span, at);

-- A move that has no time yet to go into a minute's row; null: it went.
ALTER TABLE counter ADD COLUMN at timestamptz;

-- What the elected process did last, and since when minutes are recorded.
CREATE TABLE upkeep (
    one bool PRIMARY KEY DEFAULT true CHECK (one),
    recorded_since timestamptz NOT NULL DEFAULT now(),
    at timestamptz,
    by text,
    skipped int4 NOT NULL DEFAULT 0,
    skipped_why text
) WITH (fillfactor = 20);
INSERT INTO upkeep DEFAULT VALUES;
