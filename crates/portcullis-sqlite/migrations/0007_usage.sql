-- How credentials are used beyond their counters: by the day, by cause, from where and by what; and
-- which requests were denied lately.

-- A credential that was only rejected has no last use.
CREATE TABLE usage_of (
    credential   BLOB    NOT NULL PRIMARY KEY REFERENCES credentials (id),
    last_used_at INTEGER,
    requests     INTEGER NOT NULL,
    denied       INTEGER NOT NULL,
    details      TEXT                        -- JSON
) STRICT, WITHOUT ROWID;
INSERT INTO usage_of (credential, last_used_at, requests, denied)
    SELECT credential, last_used_at, requests, denied FROM usage;
DROP TABLE usage;
ALTER TABLE usage_of RENAME TO usage;

CREATE TABLE usage_days (
    owner      TEXT    NOT NULL,
    day        INTEGER NOT NULL,             -- after 1 January 1970
    credential BLOB    NOT NULL,
    requests   INTEGER NOT NULL,
    denied     INTEGER NOT NULL,
    PRIMARY KEY (owner, day, credential)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_days_credential ON usage_days (credential, day DESC);
CREATE INDEX usage_days_day ON usage_days (day);

-- Of each owner the newest thousand.
CREATE TABLE denied (
    request    BLOB    NOT NULL PRIMARY KEY CHECK (length(request) = 16),
    at         INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    kind       TEXT,                         -- of the credential; absent: none of ours
    credential BLOB    CHECK ((kind IS NULL) = (credential IS NULL)),
    refusal    TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    route      TEXT    NOT NULL,
    ip         TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX denied_owner ON denied (owner, at DESC, request DESC);
CREATE INDEX denied_at ON denied (at DESC, request DESC);
CREATE INDEX denied_ips ON denied (at) WHERE ip IS NOT NULL;

-- The list of all keys, whoever they belong to.
CREATE INDEX credentials_all_keys ON credentials (created_at DESC, id DESC)
    WHERE kind = 'api_key' AND state <> 'revoked';
