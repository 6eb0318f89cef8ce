-- What a session was approved for that may do less than its user.
ALTER TABLE credentials ADD COLUMN ceiling TEXT;

-- What is waited for, for some minutes or hours: device logins, authorization codes, the sessions of
-- pages; and clients that have registered themselves. Codes are here as MACs alone.
CREATE TABLE tickets (
    kind       TEXT    NOT NULL,
    mac        BLOB    NOT NULL CHECK (length(mac) = 32),
    second     BLOB    CHECK (length(second) = 32),     -- of the code that people type
    user       TEXT,                                    -- whose it is, if anybody's yet
    version    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body       TEXT    NOT NULL,                        -- JSON of the login, without secrets
    PRIMARY KEY (kind, mac)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tickets_second ON tickets (kind, second) WHERE second IS NOT NULL;
CREATE INDEX tickets_user ON tickets (kind, user) WHERE user IS NOT NULL;
CREATE INDEX tickets_end ON tickets (expires_at);
