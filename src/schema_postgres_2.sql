-- Ended work goes away a portion at a time, so task, task_state, attempt and act are partitioned by the
-- task's id, which is its time. What they held becomes the partition for whatever has no other; no row
-- is moved. Identities are found by their task, to go along with it. Tables that change have their dead
-- rows taken away by their number, not by their share.

-- In what portions: none, week or month.
ALTER TABLE ledger ADD COLUMN period text NOT NULL DEFAULT 'month';

CREATE INDEX identity_task ON identity (task_id);

ALTER TABLE task RENAME TO task_default;
ALTER INDEX task_pkey RENAME TO task_default_pkey;
ALTER INDEX task_template RENAME TO task_default_template;
ALTER INDEX task_correlation RENAME TO task_default_correlation;
ALTER INDEX task_tags RENAME TO task_default_tags;
CREATE TABLE task (LIKE task_default INCLUDING DEFAULTS) PARTITION BY RANGE (id);
ALTER TABLE task ATTACH PARTITION task_default DEFAULT;
ALTER TABLE task ADD CONSTRAINT task_pkey PRIMARY KEY (id);
CREATE INDEX task_template ON task (template_id, id);
CREATE INDEX task_correlation ON task (correlation_id, id) WHERE correlation_id IS NOT NULL;
CREATE INDEX task_tags ON task USING gin ((tags::jsonb)) WHERE tags IS NOT NULL;

ALTER TABLE task_state RENAME TO task_state_default;
ALTER INDEX task_state_pkey RENAME TO task_state_default_pkey;
ALTER INDEX task_attention RENAME TO task_state_default_attention;
CREATE TABLE task_state (LIKE task_state_default) PARTITION BY RANGE (task_id);
ALTER TABLE task_state ATTACH PARTITION task_state_default DEFAULT;
ALTER TABLE task_state ADD CONSTRAINT task_state_pkey PRIMARY KEY (task_id);
CREATE INDEX task_attention ON task_state (attention, task_id) WHERE attention <> 0;

ALTER TABLE attempt RENAME TO attempt_default;
ALTER INDEX attempt_pkey RENAME TO attempt_default_pkey;
CREATE TABLE attempt (LIKE attempt_default INCLUDING DEFAULTS) PARTITION BY RANGE (task_id);
ALTER TABLE attempt ATTACH PARTITION attempt_default DEFAULT;
ALTER TABLE attempt ADD CONSTRAINT attempt_pkey PRIMARY KEY (task_id, step_no, attempt);

ALTER TABLE act RENAME TO act_default;
ALTER INDEX act_pkey RENAME TO act_default_pkey;
CREATE TABLE act (LIKE act_default INCLUDING DEFAULTS) PARTITION BY RANGE (task_id);
ALTER TABLE act ATTACH PARTITION act_default DEFAULT;
ALTER TABLE act ADD CONSTRAINT act_pkey PRIMARY KEY (task_id, n);

ALTER TABLE later SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
                       autovacuum_vacuum_cost_delay = 0);
ALTER TABLE worker SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE counter SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
