//! Movements of credits in memory.

use std::collections::{BTreeMap, HashMap};

use portcullis_core::{RequestId, Timestamp};

use crate::{
    Account, Books, CommitError, CreditOp, Held, LedgerKind, LedgerLine, LedgerPage, LedgerQuery,
    LineNumber, NewLine, Owner, apply_movement,
};

/// Accounts, what is set aside of them, and the ledger.
#[derive(Default)]
pub(super) struct Credits {
    pub(super) accounts: BTreeMap<Owner, Account>,
    held: HashMap<RequestId, Held>,
    charged: HashMap<RequestId, Owner>,
    /// INVARIANT: the line at index `n` has the number `n + 1`.
    ledger: Vec<(Owner, LedgerLine)>,
}

impl Credits {
    /// Makes all movements, or none if one of them is refused.
    pub(super) fn apply(&mut self, movements: &[CreditOp]) -> Result<(), CommitError> {
        let mut changes = Changes {
            accounts: BTreeMap::new(),
            held: HashMap::new(),
            charged: HashMap::new(),
            lines: Vec::new(),
            credits: self,
        };
        for movement in movements {
            apply_movement(&mut changes, movement)?;
        }
        let Changes {
            accounts,
            held,
            charged,
            lines,
            ..
        } = changes;
        self.accounts.extend(accounts);
        self.charged.extend(charged);
        for (id, held) in held {
            match held {
                Some(held) => self.held.insert(id, held),
                None => self.held.remove(&id),
            };
        }
        for (owner, line) in lines {
            let number = self.ledger.len().saturating_add(1);
            self.ledger.push((owner, numbered(line, number)));
        }
        Ok(())
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
            sum: self.lines(&query.owner).map(|line| line.amount).sum(),
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
struct Changes<'a> {
    credits: &'a Credits,
    accounts: BTreeMap<Owner, Account>,
    held: HashMap<RequestId, Option<Held>>,
    charged: HashMap<RequestId, Owner>,
    lines: Vec<(Owner, NewLine)>,
}

impl Books for Changes<'_> {
    fn account(&mut self, owner: &Owner) -> Result<Option<Account>, CommitError> {
        let changed = self.accounts.get(owner);
        Ok(changed
            .or_else(|| self.credits.accounts.get(owner))
            .cloned())
    }

    fn put_account(&mut self, owner: &Owner, account: Account) -> Result<(), CommitError> {
        self.accounts.insert(owner.clone(), account);
        Ok(())
    }

    fn held(&mut self, id: RequestId) -> Result<Option<Held>, CommitError> {
        Ok(match self.held.get(&id) {
            Some(changed) => changed.clone(),
            None => self.credits.held.get(&id).cloned(),
        })
    }

    fn held_before(&mut self, at: Timestamp) -> Result<Vec<RequestId>, CommitError> {
        let unchanged = self.credits.held.iter();
        let unchanged = unchanged.filter(|(id, _)| !self.held.contains_key(id));
        let changed = self.held.iter();
        let changed = changed.filter_map(|(id, held)| held.as_ref().map(|held| (id, held)));
        let old = unchanged.chain(changed).filter(|(_, held)| held.at < at);
        Ok(old.map(|(id, _)| *id).collect())
    }

    fn hold(&mut self, id: RequestId, held: Held) -> Result<(), CommitError> {
        self.held.insert(id, Some(held));
        Ok(())
    }

    fn unhold(&mut self, id: RequestId) -> Result<(), CommitError> {
        self.held.insert(id, None);
        Ok(())
    }

    fn charged(&mut self, id: RequestId) -> Result<Option<Owner>, CommitError> {
        let changed = self.charged.get(&id);
        Ok(changed.or_else(|| self.credits.charged.get(&id)).cloned())
    }

    fn write(&mut self, owner: &Owner, line: NewLine) -> Result<(), CommitError> {
        if let (LedgerKind::Charge, Some(id)) = (line.kind, line.request) {
            self.charged.insert(id, owner.clone());
        }
        self.lines.push((owner.clone(), line));
        Ok(())
    }
}
