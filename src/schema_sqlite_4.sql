-- What was recorded is followed in its order. The mark tells this store from others, so that a place in
-- another one's record is not taken for one in this.
CREATE INDEX task_record ON task (n);
CREATE INDEX attempt_record ON attempt (n);
CREATE INDEX act_record ON act (n);
ALTER TABLE ledger ADD COLUMN mark INT NOT NULL DEFAULT 0;
UPDATE ledger SET mark = random() & 4294967295;
PRAGMA user_version = 4;
