-- Keys of the HTTP server, and rates and latencies by the minute.

-- A key's secret is not here, only its SHA-256. Rows stay when a key is revoked.
CREATE TABLE api_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL, -- a JSON array of words
    namespace TEXT, -- null: all
    created_at INT NOT NULL,
    created_by TEXT,
    created_reason TEXT,
    revoked_at INT,
    revoked_by TEXT,
    revoked_reason TEXT
);
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;

-- What happened in a minute or an hour, added by the transaction in which it happened and folded
-- later; several rows of the same time and step add up. span: 0 not folded yet, 1 a minute, 60 an hour.
-- step_no -1: tasks, of which `started` were submitted and `done` completed; else attempts that ended
-- well (done) or not (failed). times: see histogram.h.
CREATE TABLE minute (
    id INTEGER PRIMARY KEY,
    at INT NOT NULL,
    template_id INT NOT NULL,
    step_no INT NOT NULL,
    span INT NOT NULL,
    started INT NOT NULL,
    done INT NOT NULL,
    failed INT NOT NULL,
    times BLOB NOT NULL
);
CREATE INDEX minute_at ON minute (span, at);

-- Since when minutes are recorded.
CREATE TABLE upkeep (one INTEGER PRIMARY KEY CHECK (one = 1), recorded_since INT NOT NULL);
INSERT INTO upkeep (one, recorded_since) VALUES (1, strftime('%s', 'now') * 1000000);
PRAGMA user_version = 3;
