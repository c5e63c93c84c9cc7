-- What was recorded is followed in the order of (xid, n), below the horizon of a snapshot. An index by xid
-- alone keeps the rows of one transaction together and costs a fifth of one by both. The mark tells this
-- store from others, so that a place in another one's record is not taken for one in this.
CREATE INDEX task_xid ON task (xid);
CREATE INDEX attempt_xid ON attempt (xid);
CREATE INDEX act_xid ON act (xid);
ALTER TABLE ledger ADD COLUMN mark int8 NOT NULL DEFAULT floor(random() * 4294967296);
