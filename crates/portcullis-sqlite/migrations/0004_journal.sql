-- Whether the store has a revocation journal: then it is not opened without one.
-- The file is shared with applications, which may well have a table named `journal`.

CREATE TABLE portcullis_journal (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    path TEXT    NOT NULL                    -- where it was when it was last opened
) STRICT;
