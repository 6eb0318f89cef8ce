-- From where a key is accepted, what it may use, and keys of other systems; plans of owners; lists
-- of what a credential made, which follow revoked makers too, and of all of an owner or a user.

ALTER TABLE credentials ADD COLUMN networks TEXT;  -- CIDR, separated by spaces; absent: any
ALTER TABLE credentials ADD COLUMN quota TEXT;     -- such as 600/60s; absent: the plan's
ALTER TABLE credentials ADD COLUMN imported TEXT;  -- the prefix of the foreign keys, if it is one

-- What tells stores apart, and a backup from that of another.
CREATE TABLE identity (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id  BLOB    NOT NULL CHECK (length(id) = 16)
) STRICT;
INSERT INTO identity (one, id) VALUES (1, randomblob(16));

ALTER TABLE owners ADD COLUMN plan TEXT;           -- JSON

DROP INDEX credentials_created_by;
CREATE INDEX credentials_created_by ON credentials (created_by_credential, created_at DESC, id DESC)
    WHERE created_by_credential IS NOT NULL;
CREATE INDEX credentials_owner ON credentials (owner, created_at DESC, id DESC)
    WHERE state <> 'revoked';
CREATE INDEX credentials_user ON credentials (user, created_at DESC, id DESC)
    WHERE user IS NOT NULL AND state <> 'revoked';
CREATE INDEX credentials_created_at ON credentials (created_at DESC, id DESC)
    WHERE state <> 'revoked';
CREATE INDEX credentials_pepper ON credentials (pepper, created_at DESC, id DESC)
    WHERE state <> 'revoked';
-- What an imported key is found by.
CREATE UNIQUE INDEX credentials_imported ON credentials (mac, pepper) WHERE imported IS NOT NULL;
