-- Credentials, owners, credits, the log of changes and the audit log.
-- Times are microseconds of Unix time. Ids are big-endian numbers, so that their order is that of
-- their text. Nothing here is a secret: a token can't be computed from its MAC.

CREATE TABLE credentials (
    id                    BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    kind                  TEXT    NOT NULL CHECK (kind IN ('api_key', 'session', 'refresh', 'device')),
    environment           TEXT    NOT NULL CHECK (environment IN ('live', 'test')),
    version               INTEGER NOT NULL CHECK (version > 0),
    pepper                INTEGER NOT NULL,
    mac                   BLOB    NOT NULL CHECK (length(mac) = 32),
    owner                 TEXT    NOT NULL,
    user                  TEXT,
    name                  TEXT    NOT NULL,
    grant                 TEXT    NOT NULL,  -- names, separated by spaces
    meta                  TEXT,              -- JSON
    state                 TEXT    NOT NULL CHECK (state IN ('enabled', 'disabled', 'revoked')),
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    expires_at            INTEGER,
    idle_ttl              INTEGER,           -- microseconds
    created_by_user       TEXT,              -- both absent: the application itself
    created_by_credential BLOB    CHECK (created_by_user IS NULL OR created_by_credential IS NULL),
    family                BLOB,
    successor             BLOB
) STRICT, WITHOUT ROWID;

-- One index for each list of those that are not revoked, in its order.
CREATE INDEX credentials_keys ON credentials (owner, created_at DESC, id DESC)
    WHERE kind = 'api_key' AND state <> 'revoked';
CREATE INDEX credentials_sessions ON credentials (user, created_at DESC, id DESC)
    WHERE kind = 'session' AND state <> 'revoked';
CREATE INDEX credentials_created_by ON credentials (created_by_credential, created_at DESC, id DESC)
    WHERE created_by_credential IS NOT NULL AND state <> 'revoked';
CREATE INDEX credentials_family ON credentials (family, created_at DESC, id DESC)
    WHERE family IS NOT NULL AND state <> 'revoked';

CREATE TABLE usage (
    credential   BLOB    NOT NULL PRIMARY KEY REFERENCES credentials (id),
    last_used_at INTEGER NOT NULL,
    requests     INTEGER NOT NULL,
    denied       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE owners (
    owner     TEXT    NOT NULL PRIMARY KEY,
    version   INTEGER NOT NULL CHECK (version > 0),
    suspended INTEGER NOT NULL CHECK (suspended IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE peppers (
    version     INTEGER NOT NULL PRIMARY KEY,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 8)
) STRICT;

-- What may still be spent; reservations are taken off.
CREATE TABLE balances (
    owner   TEXT    NOT NULL PRIMARY KEY,
    balance INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner       TEXT    NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount >= 0),
    reserved_at INTEGER NOT NULL,
    note        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_reserved_at ON reservations (reserved_at);

-- The lines of an owner add up to its balance and what is reserved.
CREATE TABLE ledger (
    id     INTEGER NOT NULL PRIMARY KEY,
    owner  TEXT    NOT NULL,
    amount INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    note   TEXT    NOT NULL
) STRICT;
CREATE INDEX ledger_owner ON ledger (owner, id);

-- The number of the newest change. A row, not a sequence: who takes a number holds the row until
-- the commit, so that no later number is seen before an earlier one.
CREATE TABLE head (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO head (one, seq) VALUES (1, 0);

CREATE TABLE changes (
    seq        INTEGER NOT NULL PRIMARY KEY,
    nonce      BLOB    NOT NULL CHECK (length(nonce) = 8),
    credential BLOB,
    owner      TEXT    CHECK ((credential IS NULL) <> (owner IS NULL))
) STRICT;

CREATE TABLE audit (
    id      INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    owner   TEXT,
    ip      TEXT,
    details TEXT    NOT NULL                 -- JSON
) STRICT;
CREATE INDEX audit_owner ON audit (owner, id);

CREATE TRIGGER audit_keeps_its_lines_as_they_are BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keeps_its_lines BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- `INSERT OR REPLACE` deletes without the trigger above.
CREATE TRIGGER audit_takes_new_lines_only BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
