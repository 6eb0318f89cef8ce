//! How a store makes movements of credits.

use portcullis_core::{RequestId, Timestamp};

use super::{
    Account, CreditGrant, Hold, LedgerKind, NewLine,
    account::{Given, Lines, NotCovered},
};
use crate::{AuditEntry, CommitError, CreditOp, Owner};

/// What is set aside, as a store keeps it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// Of whose account.
    pub owner: Owner,
    /// How much, and of what.
    pub hold: Hold,
    /// When it was set aside.
    pub at: Timestamp,
    /// What for.
    pub note: String,
}

/// What a store keeps of credits, within one commit: see [`apply_movement`].
///
/// Each method reads or writes one thing, and sees what those before it wrote. If the commit fails
/// nothing of it is kept.
pub trait Books {
    /// The account of an owner, if there is one.
    ///
    /// # Errors
    /// As [`Store::commit`](crate::Store::commit); so have the others.
    fn account(&mut self, owner: &Owner) -> Result<Option<Account>, CommitError>;

    /// Keeps an account.
    ///
    /// # Errors
    /// As above.
    fn put_account(&mut self, owner: &Owner, account: Account) -> Result<(), CommitError>;

    /// What is set aside under an id.
    ///
    /// # Errors
    /// As above.
    fn held(&mut self, id: RequestId) -> Result<Option<Held>, CommitError>;

    /// The ids under which something was set aside before an instant, in any order.
    ///
    /// # Errors
    /// As above.
    fn held_before(&mut self, at: Timestamp) -> Result<Vec<RequestId>, CommitError>;

    /// Sets aside under an id that is free.
    ///
    /// # Errors
    /// As above.
    fn hold(&mut self, id: RequestId, held: Held) -> Result<(), CommitError>;

    /// Forgets what is set aside under an id.
    ///
    /// # Errors
    /// As above.
    fn unhold(&mut self, id: RequestId) -> Result<(), CommitError>;

    /// Who was charged under an id.
    ///
    /// # Errors
    /// As above.
    fn charged(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError>;

    /// Whom credits were added to under an id.
    ///
    /// # Errors
    /// As above.
    fn added(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError>;

    /// Whether an owner was given an allowance in a range of time: there is a line of one, of
    /// `from` or later and before `until`.
    ///
    /// # Errors
    /// As above.
    fn was_given(
        &mut self,
        owner: &Owner,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<bool, CommitError>;

    /// Writes a line. Of the lines of one id at most one is a charge, and at most one is added.
    ///
    /// # Errors
    /// As above.
    fn write(&mut self, owner: &Owner, line: NewLine) -> Result<(), CommitError>;
}

/// Makes one movement: the rules of [`CreditOp`], for every store the same.
///
/// A row that it returns goes to the audit log, after those of the batch.
///
/// # Errors
/// [`CommitError::TooFewCredits`] for a reservation that is not covered,
/// [`CommitError::Conflict`] for one under the id of another owner's; and what the books say.
pub fn apply_movement(
    books: &mut impl Books,
    movement: &CreditOp,
) -> Result<Option<AuditEntry>, CommitError> {
    let done = match movement {
        CreditOp::Grant {
            owner,
            grant,
            at,
            audit,
        } => return give(books, owner, grant, *at, audit),
        CreditOp::Add {
            owner,
            amount,
            at,
            note,
        } => add(books, owner, *amount, *at, None, note).map(drop),
        CreditOp::Reserve {
            id,
            owner,
            amount,
            at,
            note,
        } => {
            let held = books.held(*id)?.map(|held| held.owner);
            let known = match held {
                None => books.charged(*id)?,
                held => held,
            };
            match known {
                Some(of) if of == *owner => return Ok(None),
                Some(_) => return Err(CommitError::Conflict),
                None => {}
            }
            let mut account = books.account(owner)?.unwrap_or_default();
            let due = renew(books, owner, &mut account, *at)?;
            let hold = account.reserve(*amount);
            let hold =
                hold.map_err(|NotCovered { balance }| CommitError::TooFewCredits { balance })?;
            books.put_account(owner, account)?;
            write_all(books, owner, due, *at, None, "")?;
            let held = Held {
                owner: owner.clone(),
                hold,
                at: *at,
                note: note.clone(),
            };
            books.hold(*id, held)
        }
        CreditOp::Settle { id, amount, at } => end(books, *id, *at, |account, hold| {
            account.settle(hold, *amount)
        }),
        CreditOp::Release { id, at } => end(books, *id, *at, Account::release),
        CreditOp::ReleaseBefore { before, at, except } => {
            let mut old = books.held_before(*before)?;
            // In the same order in every store.
            old.sort_unstable();
            for id in old {
                if !except.contains(&id) {
                    end(books, id, *at, Account::release)?;
                }
            }
            Ok(())
        }
        CreditOp::Renew { owner, at } => {
            let Some(mut account) = books.account(owner)? else {
                return Ok(None);
            };
            let before = account.clone();
            let due = renew(books, owner, &mut account, *at)?;
            if account == before {
                return Ok(None);
            }
            books.put_account(owner, account)?;
            write_all(books, owner, due, *at, None, "")
        }
        CreditOp::SetTerms { owner, terms, at } => {
            let mut account = books.account(owner)?.unwrap_or_default();
            let before = account.clone();
            let given = given(books, owner, &account, *at)?;
            let lines = account.set_terms(*terms, *at, given);
            if account == before {
                return Ok(None);
            }
            books.put_account(owner, account)?;
            write_all(books, owner, lines, *at, None, "")
        }
    };
    done.map(|()| None)
}

/// Adds once for an id, and says in the row that tells of it what came of it.
fn give(
    books: &mut impl Books,
    owner: &Owner,
    grant: &CreditGrant,
    at: Timestamp,
    audit: &AuditEntry,
) -> Result<Option<AuditEntry>, CommitError> {
    if let Some(id) = grant.id {
        match books.added(id)? {
            Some(of) if of == *owner => return Ok(None),
            Some(_) => return Err(CommitError::Conflict),
            None => {}
        }
    }
    let (added, balance) = add(books, owner, grant.amount, at, grant.id, &grant.note)?;
    let mut audit = audit.clone();
    if let Some(details) = audit.details.as_object_mut() {
        details.insert("credits".into(), added.into());
        details.insert("balance".into(), balance.into());
    }
    Ok(Some(audit))
}

/// Adds to what was bought; returns what was really added, and the balance after it.
fn add(
    books: &mut impl Books,
    owner: &Owner,
    amount: i64,
    at: Timestamp,
    id: Option<RequestId>,
    note: &str,
) -> Result<(i64, i64), CommitError> {
    let mut account = books.account(owner)?.unwrap_or_default();
    let added = account.add(amount);
    let balance = account.balance();
    books.put_account(owner, account)?;
    let line = NewLine {
        at,
        kind: LedgerKind::Added,
        amount: added,
        request: id,
        note: note.to_owned(),
    };
    books.write(owner, line)?;
    Ok((added, balance))
}

fn renew(
    books: &mut impl Books,
    owner: &Owner,
    account: &mut Account,
    at: Timestamp,
) -> Result<Lines, CommitError> {
    let given = given(books, owner, account, at)?;
    Ok(account.renew(at, given))
}

/// Whether the allowance of the month that is due, if one is, was given before.
fn given(
    books: &mut impl Books,
    owner: &Owner,
    account: &Account,
    at: Timestamp,
) -> Result<Given, CommitError> {
    let was_given = match account.due_month(at) {
        Some((from, until)) => books.was_given(owner, from, until)?,
        None => false,
    };
    Ok(match was_given {
        true => Given::Before,
        false => Given::NotYet,
    })
}

/// Ends a reservation, if there is one.
fn end(
    books: &mut impl Books,
    id: RequestId,
    at: Timestamp,
    how: impl FnOnce(&mut Account, Hold) -> Lines,
) -> Result<(), CommitError> {
    let Some(Held {
        owner, hold, note, ..
    }) = books.held(id)?
    else {
        return Ok(());
    };
    books.unhold(id)?;
    let mut account = books.account(&owner)?.unwrap_or_default();
    let lines = how(&mut account, hold);
    books.put_account(&owner, account)?;
    write_all(books, &owner, lines, at, Some(id), &note)
}

fn write_all(
    books: &mut impl Books,
    owner: &Owner,
    lines: Lines,
    at: Timestamp,
    request: Option<RequestId>,
    note: &str,
) -> Result<(), CommitError> {
    for (kind, amount) in lines {
        let note = note.to_owned();
        let line = NewLine {
            at,
            kind,
            amount,
            request,
            note,
        };
        books.write(owner, line)?;
    }
    Ok(())
}
