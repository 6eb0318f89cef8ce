//! What is kept of credits, as statements. The rules are the registry's.

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{Account, CommitError, Held, Hold, NewLine, Owner, Period, Terms};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::{
    attempt::{Attempt, WRITING},
    cells,
    commit::execute,
};

pub(crate) const WAS_GIVEN: &str = "SELECT EXISTS (SELECT 1 FROM ledger \
     WHERE owner = ?1 AND at >= ?2 AND at < ?3 AND kind = 'allowance')";

/// The books of a commit that is under way.
pub(crate) struct Books<'c>(pub(crate) &'c Connection);

impl portcullis_registry::Books for Books<'_> {
    fn account(&mut self, owner: &Owner) -> Result<Option<Account>, CommitError> {
        Ok(account(self.0, owner).attempt(WRITING)?)
    }

    fn put_account(&mut self, owner: &Owner, account: Account) -> Result<(), CommitError> {
        let statement = "INSERT INTO accounts (owner, bought, allowance_left, reserved, allowance, \
             post_paid, anchor, period_from, period_until, given) \
             VALUES (:owner, :bought, :left, :reserved, :allowance, \
             :post_paid, :anchor, :from, :until, :given) \
             ON CONFLICT (owner) DO UPDATE SET bought = :bought, allowance_left = :left, \
             reserved = :reserved, allowance = :allowance, post_paid = :post_paid, \
             anchor = :anchor, period_from = :from, period_until = :until, given = :given";
        let Account {
            bought,
            left,
            reserved,
            terms,
            period,
        } = account;
        let row = named_params! {
            ":owner": owner.as_str(),
            ":bought": bought,
            ":left": left,
            ":reserved": reserved,
            ":allowance": terms.allowance,
            ":post_paid": terms.post_paid,
            ":anchor": period.map(|period| period.anchor.unix_micros()),
            ":from": period.map(|period| period.from.unix_micros()),
            ":until": period.map(|period| period.until.unix_micros()),
            ":given": period.map(|period| period.given),
        };
        execute(self.0, statement, row).attempt(WRITING)?;
        Ok(())
    }

    fn held(&mut self, id: RequestId) -> Result<Option<Held>, CommitError> {
        let statement = "SELECT owner, amount, from_allowance, period, reserved_at, note \
             FROM reservations WHERE id = ?1";
        let found = self.0.prepare_cached(statement).and_then(|mut statement| {
            let row = statement.query_row([cells::request_cell(id)], held);
            row.optional()
        });
        Ok(found.attempt(WRITING)?)
    }

    fn held_before(&mut self, at: Timestamp) -> Result<Vec<RequestId>, CommitError> {
        let statement = "SELECT id FROM reservations WHERE reserved_at < ?1";
        let found = self.0.prepare_cached(statement).and_then(|mut statement| {
            let ids = statement.query_map([at.unix_micros()], |row| cells::request(row, 0))?;
            ids.collect()
        });
        Ok(found.attempt(WRITING)?)
    }

    fn hold(&mut self, id: RequestId, held: Held) -> Result<(), CommitError> {
        let statement = "INSERT INTO reservations \
             (id, owner, amount, from_allowance, period, reserved_at, note) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let Hold {
            amount,
            from_allowance,
            period,
        } = held.hold;
        let row = params![
            cells::request_cell(id),
            held.owner.as_str(),
            amount,
            from_allowance,
            period.map(Timestamp::unix_micros),
            held.at.unix_micros(),
            held.note,
        ];
        execute(self.0, statement, row).attempt(WRITING)?;
        Ok(())
    }

    fn unhold(&mut self, id: RequestId) -> Result<(), CommitError> {
        let statement = "DELETE FROM reservations WHERE id = ?1";
        execute(self.0, statement, [cells::request_cell(id)]).attempt(WRITING)?;
        Ok(())
    }

    fn charged(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError> {
        let statement = "SELECT owner FROM ledger WHERE request = ?1 AND kind = 'charge'";
        let found = self.0.prepare_cached(statement).and_then(|mut statement| {
            let owner = statement.query_row([cells::request_cell(id)], |row| cells::text(row, 0));
            owner.optional()
        });
        Ok(found.attempt(WRITING)?)
    }

    fn added(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError> {
        let statement = "SELECT owner FROM ledger WHERE request = ?1 AND kind = 'added'";
        let found = self.0.prepare_cached(statement).and_then(|mut statement| {
            let owner = statement.query_row([cells::request_cell(id)], |row| cells::text(row, 0));
            owner.optional()
        });
        Ok(found.attempt(WRITING)?)
    }

    fn was_given(
        &mut self,
        owner: &Owner,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<bool, CommitError> {
        let found = self.0.prepare_cached(WAS_GIVEN).and_then(|mut statement| {
            let range = params![owner.as_str(), from.unix_micros(), until.unix_micros()];
            statement.query_row(range, |row| row.get(0))
        });
        Ok(found.attempt(WRITING)?)
    }

    fn write(&mut self, owner: &Owner, line: NewLine) -> Result<(), CommitError> {
        let statement = "INSERT INTO ledger (owner, kind, amount, at, request, note) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let row = params![
            owner.as_str(),
            line.kind.as_str(),
            line.amount,
            line.at.unix_micros(),
            line.request.map(cells::request_cell),
            line.note,
        ];
        execute(self.0, statement, row).attempt(WRITING)?;
        Ok(())
    }
}

pub(crate) fn account(connection: &Connection, owner: &Owner) -> rusqlite::Result<Option<Account>> {
    let statement = "SELECT bought, allowance_left, reserved, allowance, post_paid, \
         anchor, period_from, period_until, given FROM accounts WHERE owner = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(Account {
            bought: row.get(0)?,
            left: row.get(1)?,
            reserved: row.get(2)?,
            terms: Terms {
                allowance: row.get(3)?,
                post_paid: row.get(4)?,
            },
            period: match cells::optional_timestamp(row, 5)? {
                Some(anchor) => Some(Period {
                    anchor,
                    from: cells::timestamp(row, 6)?,
                    until: cells::timestamp(row, 7)?,
                    given: row.get(8)?,
                }),
                None => None,
            },
        })
    };
    statement.query_row([owner.as_str()], read).optional()
}

fn held(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        owner: cells::text(row, 0)?,
        hold: Hold {
            amount: row.get(1)?,
            from_allowance: row.get(2)?,
            period: cells::optional_timestamp(row, 3)?,
        },
        at: cells::timestamp(row, 4)?,
        note: row.get(5)?,
    })
}
