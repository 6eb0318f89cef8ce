-- The audit log as a chain: each row has the hash of itself and of all rows before it. The rows that
-- are there already are chained in their order, in the same transaction.

DROP TRIGGER audit_keeps_its_lines_as_they_are;
DROP TRIGGER audit_keeps_its_lines;
DROP TRIGGER audit_takes_new_lines_only;
DROP INDEX audit_owner;
ALTER TABLE audit RENAME TO audit_unchained;

-- Both ends of the log: its newest row, so that it shows if that is removed, and the newest row that
-- retention has removed, which the oldest row follows.
CREATE TABLE audit_ends (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number        INTEGER NOT NULL,
    hash          BLOB    NOT NULL CHECK (length(hash) = 32),
    anchor_number INTEGER NOT NULL,
    anchor_hash   BLOB    NOT NULL CHECK (length(anchor_hash) = 32)
) STRICT;
INSERT INTO audit_ends (one, number, hash, anchor_number, anchor_hash)
VALUES (1, 0, zeroblob(32), 0, zeroblob(32));

CREATE TABLE audit (
    number        INTEGER NOT NULL PRIMARY KEY,  -- from 1, without gaps
    at            INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    owner         TEXT,
    ip            TEXT,                          -- erased with its salt
    salt          BLOB    CHECK (length(salt) = 16),
    ip_commitment BLOB    CHECK (length(ip_commitment) = 32),
    details       TEXT    NOT NULL,              -- JSON, hashed byte for byte
    hash          BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- With the action, so that those of another are passed over without reading their rows.
CREATE INDEX audit_owner ON audit (owner, number, action);
CREATE INDEX audit_target ON audit (target, number);
-- Those whose IPs are still to be erased.
CREATE INDEX audit_ips ON audit (at) WHERE ip IS NOT NULL;

-- These keep a mistake from changing the log. Who means to can drop them: the chain shows that.
CREATE TRIGGER audit_keeps_its_rows_as_they_are BEFORE UPDATE ON audit
WHEN NEW.number IS NOT OLD.number OR NEW.at IS NOT OLD.at OR NEW.actor IS NOT OLD.actor
    OR NEW.action IS NOT OLD.action OR NEW.target IS NOT OLD.target
    OR NEW.owner IS NOT OLD.owner OR NEW.ip_commitment IS NOT OLD.ip_commitment
    OR NEW.details IS NOT OLD.details OR NEW.hash IS NOT OLD.hash
    -- Only taken out, and together.
    OR NEW.ip IS NOT NULL OR NEW.salt IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keeps_its_rows BEFORE DELETE ON audit
WHEN OLD.number > (SELECT anchor_number FROM audit_ends)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- `INSERT OR REPLACE` deletes without the trigger above.
CREATE TRIGGER audit_takes_the_next_row_only BEFORE INSERT ON audit
WHEN NEW.number IS NOT (SELECT number + 1 FROM audit_ends)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_moves_its_head AFTER INSERT ON audit
BEGIN UPDATE audit_ends SET number = NEW.number, hash = NEW.hash; END;
CREATE TRIGGER audit_ends_move_forward BEFORE UPDATE ON audit_ends
WHEN NEW.number < OLD.number OR NEW.anchor_number < OLD.anchor_number
    OR NEW.anchor_number > NEW.number
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_ends_stay BEFORE DELETE ON audit_ends
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
