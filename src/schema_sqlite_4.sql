-- What was recorded is followed in its order. The mark tells this store from others, so that a place in
-- another one's record is not taken for one in this.
CREATE INDEX task_n ON task (n);
CREATE INDEX attempt_n ON attempt (n);
CREATE INDEX act_n ON act (n);
ALTER TABLE ledger ADD COLUMN mark INT NOT NULL DEFAULT 0;
UPDATE ledger SET mark = random() & 4294967295;
PRAGMA user_version = 4;
