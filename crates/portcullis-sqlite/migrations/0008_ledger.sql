-- What a range of time has, without the rest of the owner's lines.
CREATE INDEX ledger_time ON ledger (owner, at, kind, amount);
-- Nothing is added twice under an id.
CREATE UNIQUE INDEX ledger_added ON ledger (request) WHERE kind = 'added' AND request IS NOT NULL;
