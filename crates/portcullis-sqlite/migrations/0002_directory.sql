-- People, organisations, and who is a member of which. The tables are there whether the program
-- that opens the store has a login or not, so that the version of a store says all about it.

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    email      TEXT    NOT NULL UNIQUE COLLATE NOCASE,  -- ASCII letters alone, as for the library
    name       TEXT    NOT NULL,
    password   TEXT    NOT NULL,                        -- the pepper's version and a PHC string
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orgs (
    id         TEXT    NOT NULL PRIMARY KEY,            -- the owner of its credentials
    name       TEXT    NOT NULL,
    slug       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE memberships (
    user TEXT NOT NULL REFERENCES users (id),
    org  TEXT NOT NULL REFERENCES orgs (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'auditor')),
    PRIMARY KEY (user, org)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_org ON memberships (org);

-- From where people have logged in: the newest eight networks of each.
CREATE TABLE known_networks (
    user     TEXT    NOT NULL REFERENCES users (id),
    network  TEXT    NOT NULL,                          -- its first address; IPv6 by 64 bits
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;
