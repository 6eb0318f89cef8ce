//! What an owner may spend: the rules, as pure functions.

use portcullis_core::Timestamp;

use super::{
    ledger::LedgerKind,
    month::{NEVER, month_of},
};
use crate::Plan;

/// The credits of an owner as they are stored, and the rules by which they change.
///
/// It has two purses: the allowance of the current month, which is spent first and lapses at the
/// month's end, and what was bought, which never does. What is reserved is in neither. Each change
/// returns what it adds to the ledger, so that an owner's lines add up to
/// [`balance`](Self::balance) and [`reserved`](Self::reserved).
///
/// An allowance pays off a debt before it is spent: of an owner that pays ahead it goes from the one
/// purse to the other when it is given, and what is left of it once more before it lapses. Else the
/// debt would be charged against each month's anew, and never get smaller. Of one that pays
/// afterwards what is below zero may be but reserved, and waits for its invoice.
///
/// A store loads an account, calls, and saves; see [`apply_movement`](crate::apply_movement).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Account {
    /// What never lapses. Below zero it is a debt: of an owner who pays afterwards, or of one from
    /// whom the application took.
    pub bought: i64,
    /// What is left of the allowance of the period.
    pub left: u32,
    /// The sum of what is reserved.
    pub reserved: i64,
    /// What the owner's plan says.
    pub terms: Terms,
    /// The month that the allowance was last given for.
    pub period: Option<Period>,
}

/// What a plan says of credits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Terms {
    /// How many are given for a month.
    pub allowance: Option<u32>,
    /// Whether charges are recorded, and paid afterwards: then none is refused.
    pub post_paid: bool,
}

/// A month of an allowance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period {
    /// When the first of its months began: all begin on that day, at that time of day.
    pub anchor: Timestamp,
    /// When this one began; when it ended, if it is over and no other has begun.
    pub from: Timestamp,
    /// When it ends, and what is left lapses.
    pub until: Timestamp,
    /// The most that any plan has given for it.
    pub given: u32,
}

/// Whether the allowance of a month was given before: the ledger knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Given {
    Before,
    NotYet,
}

/// What is set aside of an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hold {
    /// How much.
    pub amount: u32,
    /// How much of it is of an allowance.
    pub from_allowance: u32,
    /// When the period of that allowance began.
    pub period: Option<Timestamp>,
}

/// A balance does not cover a price. Nothing has changed but what was due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NotCovered {
    pub(super) balance: i64,
}

/// What a change adds to the ledger.
pub(super) type Lines = Vec<(LedgerKind, i64)>;

impl From<&Plan> for Terms {
    fn from(plan: &Plan) -> Self {
        Self {
            allowance: plan.allowance(),
            post_paid: plan.is_post_paid(),
        }
    }
}

impl Period {
    /// Whether it is over; the last one never is.
    fn has_ended(&self, now: Timestamp) -> bool {
        self.until <= now && self.until < NEVER
    }

    /// Whether it begins later than the month after that of `now`: it was given by a clock that was
    /// far ahead. One that is the next month's may be that of a process whose clock is a little
    /// ahead, and stays.
    fn is_far_ahead(&self, now: Timestamp) -> bool {
        let (_, until) = month_of(self.anchor, now);
        until < NEVER && self.from > until
    }
}

impl Account {
    /// What may still be spent: of the allowance and of what was bought, without what is reserved.
    #[must_use]
    pub fn balance(&self) -> i64 {
        self.bought.saturating_add(i64::from(self.left))
    }

    /// What is set aside for requests that are under way.
    #[must_use]
    pub const fn reserved(&self) -> i64 {
        self.reserved
    }

    /// How many credits are given for a month.
    #[must_use]
    pub const fn allowance(&self) -> Option<u32> {
        self.terms.allowance
    }

    /// What is left of those of the current month.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// When what is left lapses; nothing if there is no allowance, nor the rest of one.
    #[must_use]
    pub fn resets_at(&self) -> Option<Timestamp> {
        let is_of_interest = self.terms.allowance.is_some() || self.left > 0;
        let period = self.period.filter(|_| is_of_interest);
        period.map(|period| period.until)
    }

    /// Whether charges are recorded and paid afterwards.
    #[must_use]
    pub const fn is_post_paid(&self) -> bool {
        self.terms.post_paid
    }

    /// Whether an allowance is due to lapse or to be given.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.clone().renewed(now) != *self
    }

    /// The account with what is due done, as it will be when it is next written.
    ///
    /// After a step of the clock it may be but nearly so, since the ledger then has a say.
    #[must_use]
    pub fn renewed(mut self, now: Timestamp) -> Self {
        let is_far_ahead = self.period.is_some_and(|period| period.is_far_ahead(now));
        let given = match is_far_ahead {
            true => Given::Before,
            false => Given::NotYet,
        };
        self.renew(now, given);
        self
    }

    /// The month that is due to begin; nothing before there is a first one.
    pub(super) fn due_month(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let period = self.period?;
        let is_due = period.has_ended(now) || period.is_far_ahead(now);
        is_due.then(|| month_of(period.anchor, now))
    }

    /// Lets the allowance of a month that has passed lapse, and gives that of the current one.
    ///
    /// Months between are not made up for. None is given twice, whatever the clock does: a month is
    /// begun anew only if the clock is back from far ahead, or was ahead and has come there again, and
    /// what was given for it `Before` is not given again. What is left then stays to its end.
    pub(super) fn renew(&mut self, now: Timestamp, given: Given) -> Lines {
        let mut lines = Lines::new();
        let Some(period) = self.period else {
            if let Some(allowance) = self.terms.allowance {
                self.begin(allowance, now, &mut lines);
            }
            return lines;
        };
        let Some((from, until)) = self.due_month(now) else {
            return lines;
        };
        match (self.terms.allowance, given) {
            (Some(allowance), Given::NotYet) => {
                self.lapse(&mut lines);
                self.period = Some(Period {
                    from,
                    until,
                    given: allowance,
                    ..period
                });
                self.give(allowance, &mut lines);
            }
            (None, _) if period.has_ended(now) => {
                self.lapse(&mut lines);
                // Its end stays, so that a plan that is taken away and put back gives nothing,
                // whatever the clock does; what comes back of it lapses.
                let from = period.until;
                self.period = Some(Period { from, ..period });
            }
            _ => {
                self.period = Some(Period {
                    from,
                    until,
                    ..period
                });
            }
        }
        lines
    }

    /// Puts what a plan says.
    ///
    /// A first allowance begins its months now. Within a month a larger one adds the difference to
    /// the most that was given for it; a smaller one, or none, takes nothing back, and holds from
    /// the next month on.
    pub(super) fn set_terms(&mut self, terms: Terms, now: Timestamp, given: Given) -> Lines {
        let mut lines = self.renew(now, given);
        self.terms = terms;
        let Some(allowance) = terms.allowance else {
            return lines;
        };
        match &mut self.period {
            Some(period) if !period.has_ended(now) => {
                let more = allowance.saturating_sub(period.given);
                period.given = period.given.max(allowance);
                self.give(more, &mut lines);
            }
            // The first, or the first after months without one.
            _ => self.begin(allowance, now, &mut lines),
        }
        lines
    }

    /// Adds to what was bought, or takes from it, without a floor; returns what was really added.
    pub(super) fn add(&mut self, amount: i64) -> i64 {
        let room = self.room();
        let old = self.bought;
        self.bought = match i64::try_from(i128::from(amount).min(room)) {
            Ok(amount) => old.saturating_add(amount),
            Err(_) => old,
        };
        self.bought.saturating_sub(old)
    }

    /// Sets credits aside, of the allowance first; below zero only if they are paid afterwards.
    pub(super) fn reserve(&mut self, amount: u32) -> Result<Hold, NotCovered> {
        let balance = self.balance();
        let from_allowance = amount.min(self.left);
        let bought = self.bought.checked_sub(i64::from(amount - from_allowance));
        let reserved = self.reserved.checked_add(i64::from(amount));
        let is_covered = self.terms.post_paid || balance >= i64::from(amount);
        let (Some(bought), Some(reserved), true) = (bought, reserved, is_covered) else {
            return Err(NotCovered { balance });
        };
        self.bought = bought;
        self.left -= from_allowance;
        self.reserved = reserved;
        let period = self.period.filter(|_| from_allowance > 0);
        Ok(Hold {
            amount,
            from_allowance,
            period: period.map(|period| period.from),
        })
    }

    /// Turns what is set aside into a charge, at most that much; the rest goes back.
    pub(super) fn settle(&mut self, hold: Hold, amount: u32) -> Lines {
        let charge = amount.min(hold.amount);
        let mut lines = vec![(LedgerKind::Charge, -i64::from(charge))];
        self.give_back(hold, charge, &mut lines);
        lines
    }

    /// Gives back what is set aside.
    pub(super) fn release(&mut self, hold: Hold) -> Lines {
        let mut lines = Lines::new();
        self.give_back(hold, 0, &mut lines);
        lines
    }

    /// What is not charged goes back to where it came from. The allowance of a month that has
    /// passed lapses: else it could be carried over by reserving it.
    fn give_back(&mut self, hold: Hold, charge: u32, lines: &mut Lines) {
        let of_allowance = hold.from_allowance.saturating_sub(charge);
        let of_bought = hold.amount.saturating_sub(charge) - of_allowance;
        self.reserved = self.reserved.saturating_sub(i64::from(hold.amount));
        self.bought = self.bought.saturating_add(i64::from(of_bought));
        if hold.period == self.period.map(|period| period.from) {
            self.left = self.left.saturating_add(of_allowance);
        } else if of_allowance > 0 {
            lines.push((LedgerKind::Lapsed, -i64::from(of_allowance)));
        }
    }

    fn begin(&mut self, allowance: u32, now: Timestamp, lines: &mut Lines) {
        let (from, until) = month_of(now, now);
        self.period = Some(Period {
            anchor: now,
            from,
            until,
            given: allowance,
        });
        self.give(allowance, lines);
    }

    fn give(&mut self, allowance: u32, lines: &mut Lines) {
        let given = i128::from(allowance).min(self.room());
        let given = u32::try_from(given).unwrap_or(0);
        if given > 0 {
            self.left = self.left.saturating_add(given);
            lines.push((LedgerKind::Allowance, given.into()));
            self.pay_off();
        }
    }

    /// Pays a debt with what is left. It is the owner's own, so the ledger has no line of it.
    fn pay_off(&mut self) {
        if self.terms.post_paid {
            return;
        }
        let debt = self.bought.min(0).unsigned_abs();
        let paid = u32::try_from(debt).unwrap_or(u32::MAX).min(self.left);
        self.left -= paid;
        self.bought = self.bought.saturating_add(paid.into());
    }

    fn lapse(&mut self, lines: &mut Lines) {
        self.pay_off();
        if self.left > 0 {
            lines.push((LedgerKind::Lapsed, -i64::from(self.left)));
            self.left = 0;
        }
    }

    /// How much may be added so that balance and reserved stay within an `i64` together.
    fn room(&self) -> i128 {
        let sum = i128::from(self.bought) + i128::from(self.left) + i128::from(self.reserved);
        i128::from(i64::MAX) - sum
    }
}
