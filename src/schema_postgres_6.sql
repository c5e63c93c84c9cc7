-- Transactions are numbered by a cluster. In another one, where a restored copy lives, a new epoch begins: its
-- numbers are raised above those that stand in the record, so that the order goes on, and the mark changes.
ALTER TABLE ledger ADD COLUMN cluster text;
ALTER TABLE ledger ADD COLUMN xid_base int8 NOT NULL DEFAULT 0;
UPDATE ledger SET cluster = (SELECT c.system_identifier || '.' || d.oid
    FROM pg_control_system() c, pg_database d WHERE d.datname = current_database());
