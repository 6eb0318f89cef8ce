//! Movements of credits in memory.

use std::collections::{BTreeMap, HashMap};

use portcullis_core::Timestamp;

use crate::{CommitError, CreditOp, Owner, ReservationId};

/// Balances, what is reserved of them, and the ledger.
#[derive(Default)]
pub(super) struct Credits {
    pub(super) balances: BTreeMap<Owner, i64>,
    reservations: HashMap<ReservationId, Reservation>,
    pub(super) ledger: Vec<LedgerLine>,
}

#[derive(Clone)]
struct Reservation {
    owner: Owner,
    amount: u32,
    at: Timestamp,
    note: String,
}

pub(super) struct LedgerLine {
    pub(super) owner: Owner,
    pub(super) amount: i64,
    pub(super) at: Timestamp,
    pub(super) note: String,
}

/// What was there before a movement, to put it back if a later one fails.
enum Before {
    Balance(Owner, Option<i64>),
    Reservation(ReservationId, Option<Reservation>),
}

impl Credits {
    /// Makes all movements, or none if one of them is not covered.
    pub(super) fn apply(&mut self, movements: Vec<CreditOp>) -> Result<(), CommitError> {
        let mut before = Vec::new();
        let lines = self.ledger.len();
        let made = movements
            .into_iter()
            .try_for_each(|movement| self.make(movement, &mut before));
        if made.is_err() {
            self.ledger.truncate(lines);
            for step in before.into_iter().rev() {
                match step {
                    Before::Balance(owner, balance) => restore(&mut self.balances, owner, balance),
                    Before::Reservation(id, Some(held)) => {
                        self.reservations.insert(id, held);
                    }
                    Before::Reservation(id, None) => {
                        self.reservations.remove(&id);
                    }
                }
            }
        }
        made
    }

    fn make(&mut self, movement: CreditOp, before: &mut Vec<Before>) -> Result<(), CommitError> {
        match movement {
            CreditOp::Add {
                owner,
                amount,
                at,
                note,
            } => {
                let amount = self.add(&owner, amount, before);
                self.ledger.push(LedgerLine {
                    owner,
                    amount,
                    at,
                    note,
                });
            }
            CreditOp::Reserve {
                id,
                owner,
                amount,
                at,
                note,
            } => {
                if self.reservations.contains_key(&id) {
                    return Ok(());
                }
                let balance = self.balances.get(&owner).copied().unwrap_or(0);
                if balance < i64::from(amount) {
                    return Err(CommitError::TooFewCredits { balance });
                }
                self.add(&owner, -i64::from(amount), before);
                before.push(Before::Reservation(id, None));
                self.reservations.insert(
                    id,
                    Reservation {
                        owner,
                        amount,
                        at,
                        note,
                    },
                );
            }
            CreditOp::Settle { id, amount, at } => {
                if let Some(Reservation {
                    owner,
                    amount: held,
                    note,
                    ..
                }) = self.take(id, before)
                {
                    let charge = amount.min(held);
                    self.add(&owner, i64::from(held - charge), before);
                    let amount = -i64::from(charge);
                    self.ledger.push(LedgerLine {
                        owner,
                        amount,
                        at,
                        note,
                    });
                }
            }
            CreditOp::Release { id } => self.release(id, before),
            CreditOp::ReleaseBefore { at, except } => {
                let held = self.reservations.iter();
                let old = held.filter(|(id, held)| held.at < at && !except.contains(id));
                let old = old.map(|(id, _)| *id);
                for id in old.collect::<Vec<_>>() {
                    self.release(id, before);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, id: ReservationId, before: &mut Vec<Before>) -> Option<Reservation> {
        let held = self.reservations.remove(&id)?;
        before.push(Before::Reservation(id, Some(held.clone())));
        Some(held)
    }

    fn release(&mut self, id: ReservationId, before: &mut Vec<Before>) {
        if let Some(held) = self.take(id, before) {
            self.add(&held.owner, i64::from(held.amount), before);
        }
    }

    /// Adds to a balance, which stays within an `i64`, and returns what was really added.
    fn add(&mut self, owner: &Owner, amount: i64, before: &mut Vec<Before>) -> i64 {
        let stored = self.balances.get(owner).copied();
        let old = stored.unwrap_or(0);
        let new = old.saturating_add(amount);
        before.push(Before::Balance(owner.clone(), stored));
        self.balances.insert(owner.clone(), new);
        new.saturating_sub(old)
    }
}

fn restore(balances: &mut BTreeMap<Owner, i64>, owner: Owner, balance: Option<i64>) {
    match balance {
        Some(balance) => balances.insert(owner, balance),
        None => balances.remove(&owner),
    };
}
