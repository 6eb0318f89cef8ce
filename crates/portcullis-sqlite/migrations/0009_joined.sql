-- The order in which a person has joined organisations: a login speaks for the first, so that nobody
-- changes by an invitation for whom others log in. Until now it was that of the organisations.
ALTER TABLE memberships ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
UPDATE memberships SET joined = (
    SELECT count(*)
    FROM memberships AS other
        JOIN orgs AS others ON others.id = other.org
        JOIN orgs AS own ON own.id = memberships.org
    WHERE other.user = memberships.user
        AND (others.created_at, others.id) <= (own.created_at, own.id)
);
