-- Credits with an allowance for each month, a ledger whose lines say what they are, and charges that
-- are found by the request.

-- An owner's credits without what is reserved. The plan's terms stand here too, so that a commit
-- that spends reads one row.
CREATE TABLE accounts (
    owner          TEXT    NOT NULL PRIMARY KEY,
    bought         INTEGER NOT NULL,             -- never lapses; below zero: a debt
    allowance_left INTEGER NOT NULL CHECK (allowance_left BETWEEN 0 AND 4294967295),
    reserved       INTEGER NOT NULL,             -- the sum of the owner's reservations
    allowance      INTEGER CHECK (allowance BETWEEN 0 AND 4294967295),  -- of a month; absent: none
    post_paid      INTEGER NOT NULL CHECK (post_paid IN (0, 1)),
    -- The month that the allowance was last given for; absent: never.
    anchor         INTEGER,
    period_from    INTEGER,
    period_until   INTEGER,
    given          INTEGER CHECK (given BETWEEN 0 AND 4294967295),
    CHECK ((anchor IS NULL) = (period_from IS NULL)
       AND (anchor IS NULL) = (period_until IS NULL)
       AND (anchor IS NULL) = (given IS NULL))
) STRICT, WITHOUT ROWID;

-- An allowance that a plan has already is given when the owner next spends, or somebody looks.
INSERT INTO accounts (owner, bought, allowance_left, reserved, allowance, post_paid)
SELECT
    owner,
    coalesce((SELECT balance FROM balances WHERE balances.owner = known.owner), 0),
    0,
    coalesce((SELECT sum(amount) FROM reservations WHERE reservations.owner = known.owner), 0),
    (SELECT json_extract(plan, '$.allowance') FROM owners WHERE owners.owner = known.owner),
    0
FROM (
    SELECT owner FROM balances
    UNION SELECT owner FROM reservations
    UNION SELECT owner FROM owners WHERE json_extract(plan, '$.allowance') IS NOT NULL
) AS known;
DROP TABLE balances;

ALTER TABLE reservations ADD COLUMN from_allowance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reservations ADD COLUMN period INTEGER;  -- when the month of that allowance began

-- The lines of an owner add up to its balance and what is reserved.
CREATE TABLE ledger_of_kinds (
    id      INTEGER NOT NULL PRIMARY KEY,
    owner   TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('added', 'allowance', 'charge', 'lapsed')),
    amount  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    request BLOB    CHECK (length(request) = 16),
    note    TEXT    NOT NULL
) STRICT;
-- Until now only charges took anything, and only the first credits could be none.
INSERT INTO ledger_of_kinds (id, owner, kind, amount, at, note)
SELECT
    id, owner,
    CASE WHEN amount > 0 OR note = 'first credits' THEN 'added' ELSE 'charge' END,
    amount, at, note
FROM ledger;
DROP TABLE ledger;
ALTER TABLE ledger_of_kinds RENAME TO ledger;
-- All that is added up, so that the lines need not be read for it.
CREATE INDEX ledger_owner ON ledger (owner, id, at, kind, amount);
-- No request is charged twice.
CREATE UNIQUE INDEX ledger_charge ON ledger (request) WHERE kind = 'charge';

CREATE TRIGGER ledger_keeps_its_lines_as_they_are BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_keeps_its_lines BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
-- `INSERT OR REPLACE` deletes without the trigger above.
CREATE TRIGGER ledger_takes_new_lines_only BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
