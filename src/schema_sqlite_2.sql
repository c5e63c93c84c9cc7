-- Idempotency keys are found by their task, to go away with it.
CREATE INDEX identity_task ON identity (task_id);
PRAGMA user_version = 2;
