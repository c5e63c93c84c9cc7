-- What was recorded is followed in the order of (xid, n), below the oldest open transaction. The mark tells
-- this store from others, so that a place in another one's record is not taken for one in this.
CREATE INDEX task_record ON task (xid, n);
CREATE INDEX attempt_record ON attempt (xid, n);
CREATE INDEX act_record ON act (xid, n);
ALTER TABLE ledger ADD COLUMN mark int8 NOT NULL DEFAULT floor(random() * 4294967296);
