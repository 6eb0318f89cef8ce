//! People and organisations, in the same file and on the same threads as credentials.

mod tickets;

use std::net::IpAddr;

use portcullis_core::{BoxFuture, Timestamp};
use portcullis_login::{
    Account, Directory, DirectoryError, Email, KnownNetwork, Member, MemberChange, MemberChanged,
    Membership, NewAccount, Org, PasswordHash, Replaced, Role, StoredAccount, Ticket, TicketKind,
    TicketMac, TicketPut,
};
use portcullis_registry::{Owner, StoreError, User};
use portcullis_token::PepperVersion;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    SqliteStore,
    attempt::{Attempt, WRITING},
    audit, cells,
    commit::execute,
    look,
};

impl Directory for SqliteStore {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        Box::pin(self.read(move |connection| account_by_email(connection, &email)))
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        Box::pin(self.read(move |connection| account_by_id(connection, &id)))
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        Box::pin(self.read(move |connection| memberships(connection, &id)))
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        Box::pin(self.write(move |connection| create(connection, &new)))
    }

    fn members(&self, org: Owner) -> BoxFuture<'_, Result<Vec<Member>, StoreError>> {
        Box::pin(self.read(move |connection| members(connection, &org)))
    }

    fn change_member(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberChanged, StoreError>> {
        Box::pin(self.write(move |connection| change_member(connection, &change).attempt(WRITING)))
    }

    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        Box::pin(self.write(move |connection| {
            replace_password(connection, &id, &old, &new).attempt(WRITING)
        }))
    }

    fn known_networks(&self, email: Email) -> BoxFuture<'_, Result<Vec<KnownNetwork>, StoreError>> {
        Box::pin(self.read(move |connection| known_networks(connection, &email)))
    }

    fn note_network(&self, id: User, known: KnownNetwork) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(
            self.write(move |connection| note_network(connection, &id, known).attempt(WRITING)),
        )
    }

    fn ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        Box::pin(self.read(move |connection| tickets::by_mac(connection, kind, &mac)))
    }

    fn ticket_by_second(
        &self,
        kind: TicketKind,
        second: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        Box::pin(self.read(move |connection| tickets::by_second(connection, kind, &second)))
    }

    fn tickets_of(
        &self,
        kind: TicketKind,
        user: User,
    ) -> BoxFuture<'_, Result<Vec<Ticket>, StoreError>> {
        Box::pin(self.read(move |connection| tickets::of_user(connection, kind, &user)))
    }

    fn put_ticket(&self, ticket: Ticket) -> BoxFuture<'_, Result<TicketPut, StoreError>> {
        Box::pin(self.write(move |connection| tickets::put(connection, &ticket).attempt(WRITING)))
    }

    fn remove_ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(
            self.write(move |connection| tickets::remove(connection, kind, &mac).attempt(WRITING)),
        )
    }

    fn remove_tickets_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.write(move |connection| {
            tickets::remove_before(connection, before, limit).attempt(WRITING)
        }))
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT count(*) FROM users")?;
            statement.query_row([], |row| cells::count(row, 0))
        }))
    }

    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.read(move |connection| look::passwords_under(connection, pepper)))
    }
}

fn account_by_email(
    connection: &Connection,
    email: &Email,
) -> rusqlite::Result<Option<StoredAccount>> {
    // The column compares without regard to the case of ASCII letters, as `Email` does.
    let statement = "SELECT id, email, name, password FROM users WHERE email = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(StoredAccount {
            account: account(row)?,
            password: cells::text(row, 3)?,
        })
    };
    statement.query_row([email.as_str()], read).optional()
}

fn account_by_id(connection: &Connection, id: &User) -> rusqlite::Result<Option<Account>> {
    let statement = "SELECT id, email, name FROM users WHERE id = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    statement.query_row([id.as_str()], account).optional()
}

/// Reads a row that begins with the id, the address and the name of an account.
fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: cells::text(row, 0)?,
        email: cells::text(row, 1)?,
        name: row.get(2)?,
    })
}

fn memberships(connection: &Connection, id: &User) -> rusqlite::Result<Vec<Membership>> {
    let statement = "SELECT orgs.id, orgs.name, slug, created_at, role \
         FROM memberships JOIN orgs ON orgs.id = org WHERE user = ?1 \
         ORDER BY joined, orgs.id";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        let org = Org {
            id: cells::text(row, 0)?,
            name: row.get(1)?,
            slug: row.get(2)?,
            created_at: cells::timestamp(row, 3)?,
        };
        Ok(Membership {
            org,
            role: cells::text(row, 4)?,
        })
    };
    statement.query_map([id.as_str()], read)?.collect()
}

fn create(connection: &Connection, new: &NewAccount) -> Result<(), DirectoryError> {
    let NewAccount {
        account,
        password,
        org,
        role,
    } = new;
    let now = org.created_at.unix_micros();
    let statement = "INSERT INTO users (id, email, name, password, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (email) DO NOTHING";
    let (id, email) = (account.id.as_str(), account.email.as_str());
    let user = params![id, email, account.name, password.to_string(), now];
    if execute(connection, statement, user).attempt(WRITING)? == 0 {
        return Err(DirectoryError::EmailTaken);
    }
    let statement = "INSERT INTO orgs (id, name, slug, created_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (slug) DO NOTHING";
    let row = params![org.id.as_str(), org.name, org.slug, now];
    if execute(connection, statement, row).attempt(WRITING)? == 0 {
        return Err(DirectoryError::SlugTaken);
    }
    let statement = "INSERT INTO memberships (user, org, role, joined) VALUES (?1, ?2, ?3, 1)";
    let row = params![id, org.id.as_str(), role.as_str()];
    execute(connection, statement, row).attempt(WRITING)?;
    Ok(())
}

fn members(connection: &Connection, org: &Owner) -> rusqlite::Result<Vec<Member>> {
    let statement = "SELECT users.id, email, users.name, role \
         FROM memberships JOIN users ON users.id = user WHERE org = ?1 ORDER BY email";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(Member {
            account: account(row)?,
            role: cells::text(row, 3)?,
        })
    };
    statement.query_map([org.as_str()], read)?.collect()
}

/// Together with its line in the audit log, which is in the same file.
fn change_member(
    connection: &Connection,
    change: &MemberChange,
) -> rusqlite::Result<MemberChanged> {
    let MemberChange {
        org,
        user,
        from,
        to,
        by,
        entry,
    } = change;
    let is_by = match by {
        Some((by, role)) => role_of(connection, by, org)? == Some(*role),
        None => true,
    };
    if !is_by || role_of(connection, user, org)? != *from {
        return Ok(MemberChanged::Overtaken);
    }
    let row = params![user.as_str(), org.as_str(), to.map(Role::as_str)];
    let statement = match (from, to) {
        (_, None) => "DELETE FROM memberships WHERE user = ?1 AND org = ?2 AND ?3 IS NULL",
        (None, Some(_)) => {
            "INSERT INTO memberships (user, org, role, joined) \
             SELECT users.id, orgs.id, ?3, \
             (SELECT coalesce(max(joined), 0) + 1 FROM memberships WHERE user = ?1) \
             FROM users, orgs WHERE users.id = ?1 AND orgs.id = ?2"
        }
        (Some(_), Some(_)) => "UPDATE memberships SET role = ?3 WHERE user = ?1 AND org = ?2",
    };
    if *from == Some(Role::Owner) && *to != Some(Role::Owner) {
        let statement = "SELECT count(*) FROM memberships WHERE org = ?1 AND role = 'owner'";
        let mut statement = connection.prepare_cached(statement)?;
        if statement.query_row([org.as_str()], |row| cells::count(row, 0))? <= 1 {
            return Ok(MemberChanged::LastOwner);
        }
    }
    if execute(connection, statement, row)? == 0 {
        return Ok(MemberChanged::Overtaken);
    }
    audit::add(connection, entry)?;
    Ok(MemberChanged::Done { is_logged: true })
}

fn role_of(connection: &Connection, user: &User, org: &Owner) -> rusqlite::Result<Option<Role>> {
    let statement = "SELECT role FROM memberships WHERE user = ?1 AND org = ?2";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| cells::text(row, 0);
    let row = [user.as_str(), org.as_str()];
    statement.query_row(row, read).optional()
}

fn replace_password(
    connection: &Connection,
    id: &User,
    old: &PasswordHash,
    new: &PasswordHash,
) -> rusqlite::Result<Replaced> {
    let statement = "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2";
    let row = params![id.as_str(), old.to_string(), new.to_string()];
    Ok(match execute(connection, statement, row)? {
        0 => Replaced::Overtaken,
        _ => Replaced::Done,
    })
}

fn known_networks(connection: &Connection, email: &Email) -> rusqlite::Result<Vec<KnownNetwork>> {
    let statement = "SELECT network, noted_at \
         FROM users JOIN known_networks ON user = users.id WHERE email = ?1 \
         ORDER BY noted_at DESC, network LIMIT ?2";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(KnownNetwork {
            network: cells::text::<IpAddr>(row, 0)?.into(),
            noted_at: cells::timestamp(row, 1)?,
        })
    };
    let most = most_networks();
    statement
        .query_map(params![email.as_str(), most], read)?
        .collect()
}

fn note_network(connection: &Connection, id: &User, known: KnownNetwork) -> rusqlite::Result<()> {
    let (id, network) = (id.as_str(), known.network.network().to_string());
    let statement = "INSERT INTO known_networks (user, network, noted_at) \
         SELECT id, ?2, ?3 FROM users WHERE id = ?1 \
         ON CONFLICT DO UPDATE SET noted_at = max(noted_at, excluded.noted_at)";
    let row = params![id, network, known.noted_at.unix_micros()];
    execute(connection, statement, row)?;
    let statement = "DELETE FROM known_networks WHERE user = ?1 AND network NOT IN \
         (SELECT network FROM known_networks WHERE user = ?1 \
         ORDER BY noted_at DESC, network LIMIT ?2)";
    execute(connection, statement, params![id, most_networks()])?;
    Ok(())
}

fn most_networks() -> i64 {
    i64::try_from(KnownNetwork::MOST).unwrap_or(i64::MAX)
}
