//! Movements of credits in memory.

use std::collections::{BTreeMap, HashMap};

use portcullis_core::{RequestId, Timestamp};

use crate::{
    Account, AuditEntry, Books, CommitError, CreditOp, Held, LedgerCheck, LedgerKind, LedgerLine,
    LedgerPage, LedgerQuery, LineNumber, NewLine, Owner, apply_movement,
};

/// Accounts, what is set aside of them, and the ledger.
#[derive(Default)]
pub(super) struct Credits {
    pub(super) accounts: BTreeMap<Owner, Account>,
    held: HashMap<RequestId, Held>,
    charged: HashMap<RequestId, Owner>,
    added: HashMap<RequestId, Owner>,
    /// INVARIANT: the line at index `n` has the number `n + 1`.
    ledger: Vec<(Owner, LedgerLine)>,
}

impl Credits {
    /// What all movements change, if none of them is refused; and the rows that tell of them.
    pub(super) fn stage(
        &self,
        movements: &[CreditOp],
    ) -> Result<(Staged, Vec<AuditEntry>), CommitError> {
        let mut changes = Changes {
            credits: self,
            staged: Staged::default(),
        };
        let mut audit = Vec::new();
        for movement in movements {
            audit.extend(apply_movement(&mut changes, movement)?);
        }
        Ok((changes.staged, audit))
    }

    pub(super) fn take(&mut self, staged: Staged) {
        self.accounts.extend(staged.accounts);
        self.charged.extend(staged.charged);
        self.added.extend(staged.added);
        for (id, held) in staged.held {
            match held {
                Some(held) => self.held.insert(id, held),
                None => self.held.remove(&id),
            };
        }
        for (owner, line) in staged.lines {
            let number = self.ledger.len().saturating_add(1);
            self.ledger.push((owner, numbered(line, number)));
        }
    }

    /// The lines of an owner, oldest first.
    pub(super) fn lines(&self, owner: &Owner) -> impl DoubleEndedIterator<Item = &LedgerLine> {
        let of_owner = self.ledger.iter().filter(move |(of, _)| of == owner);
        of_owner.map(|(_, line)| line)
    }

    pub(super) fn page(&self, query: &LedgerQuery) -> LedgerPage {
        let in_time = || {
            self.lines(&query.owner)
                .filter(|line| query.has_time(line.at))
        };
        let charges = in_time().filter(|line| line.kind == LedgerKind::Charge);
        let charged = charges.map(|line| line.amount.unsigned_abs()).sum();
        let is_after = |line: &&LedgerLine| query.after.is_none_or(|after| line.number < after);
        let mut rest = in_time().rev().filter(is_after).peekable();
        let lines: Vec<_> = rest.by_ref().take(query.limit).cloned().collect();
        let last = lines.last().filter(|_| rest.peek().is_some());
        LedgerPage {
            next: last.map(|line| line.number),
            charged,
            // From the oldest on each part of it is what there was.
            sum: match query.check {
                LedgerCheck::AddedUp => {
                    Some(self.lines(&query.owner).map(|line| line.amount).sum())
                }
                LedgerCheck::Skipped => None,
            },
            account: self.accounts.get(&query.owner).cloned().unwrap_or_default(),
            lines,
        }
    }
}

fn numbered(line: NewLine, number: usize) -> LedgerLine {
    let NewLine {
        at,
        kind,
        amount,
        request,
        note,
    } = line;
    LedgerLine {
        number: LineNumber(u64::try_from(number).unwrap_or(u64::MAX)),
        at,
        kind,
        amount,
        request,
        note,
    }
}

/// What a batch changes, until all of it is known to be covered.
#[derive(Default)]
pub(super) struct Staged {
    accounts: BTreeMap<Owner, Account>,
    held: HashMap<RequestId, Option<Held>>,
    charged: HashMap<RequestId, Owner>,
    added: HashMap<RequestId, Owner>,
    lines: Vec<(Owner, NewLine)>,
}

struct Changes<'a> {
    credits: &'a Credits,
    staged: Staged,
}

impl Books for Changes<'_> {
    fn account(&mut self, owner: &Owner) -> Result<Option<Account>, CommitError> {
        let changed = self.staged.accounts.get(owner);
        Ok(changed
            .or_else(|| self.credits.accounts.get(owner))
            .cloned())
    }

    fn put_account(&mut self, owner: &Owner, account: Account) -> Result<(), CommitError> {
        self.staged.accounts.insert(owner.clone(), account);
        Ok(())
    }

    fn held(&mut self, id: RequestId) -> Result<Option<Held>, CommitError> {
        Ok(match self.staged.held.get(&id) {
            Some(changed) => changed.clone(),
            None => self.credits.held.get(&id).cloned(),
        })
    }

    fn held_before(&mut self, at: Timestamp) -> Result<Vec<RequestId>, CommitError> {
        let unchanged = self.credits.held.iter();
        let unchanged = unchanged.filter(|(id, _)| !self.staged.held.contains_key(id));
        let changed = self.staged.held.iter();
        let changed = changed.filter_map(|(id, held)| held.as_ref().map(|held| (id, held)));
        let old = unchanged.chain(changed).filter(|(_, held)| held.at < at);
        Ok(old.map(|(id, _)| *id).collect())
    }

    fn hold(&mut self, id: RequestId, held: Held) -> Result<(), CommitError> {
        self.staged.held.insert(id, Some(held));
        Ok(())
    }

    fn unhold(&mut self, id: RequestId) -> Result<(), CommitError> {
        self.staged.held.insert(id, None);
        Ok(())
    }

    fn charged(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError> {
        let changed = self.staged.charged.get(&id);
        Ok(changed.or_else(|| self.credits.charged.get(&id)).cloned())
    }

    fn added(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError> {
        let changed = self.staged.added.get(&id);
        Ok(changed.or_else(|| self.credits.added.get(&id)).cloned())
    }

    fn was_given(
        &mut self,
        owner: &Owner,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<bool, CommitError> {
        let is_one = |kind, at| kind == LedgerKind::Allowance && from <= at && at < until;
        let mut written = self.credits.lines(owner);
        let mut new = self.staged.lines.iter().filter(|(of, _)| of == owner);
        Ok(written.any(|line| is_one(line.kind, line.at))
            || new.any(|(_, line)| is_one(line.kind, line.at)))
    }

    fn write(&mut self, owner: &Owner, line: NewLine) -> Result<(), CommitError> {
        match (line.kind, line.request) {
            (LedgerKind::Charge, Some(id)) => self.staged.charged.insert(id, owner.clone()),
            (LedgerKind::Added, Some(id)) => self.staged.added.insert(id, owner.clone()),
            _ => None,
        };
        self.staged.lines.push((owner.clone(), line));
        Ok(())
    }
}
