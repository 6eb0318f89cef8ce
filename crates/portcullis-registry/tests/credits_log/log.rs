//! Everything that happened, kept as it was and added up anew each time it is asked; months are
//! found by going through the days of the calendar.

use std::collections::BTreeMap;

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    TooFew(i64),
    OfAnother,
}

#[derive(Clone, Copy)]
enum End {
    UnderWay,
    Charged(u32),
    GivenBack,
}

/// A reservation: how much of it was of the allowance of which period.
#[derive(Clone)]
struct Reserved {
    owner: u8,
    amount: u32,
    of_allowance: u32,
    period: usize,
    day: i64,
    end: End,
}

/// A period: from which day, until which, and how much was given in it.
#[derive(Clone)]
struct Given {
    anchor: i64,
    until: i64,
    amount: u32,
    /// The most that a plan has given until then.
    most: u32,
    /// Its rest is gone, though no other period has begun.
    is_over: bool,
}

#[derive(Clone, Default)]
struct Of {
    added: i64,
    allowance: Option<u32>,
    post_paid: bool,
    periods: Vec<Given>,
}

#[derive(Clone)]
pub(crate) struct Log {
    owners: [Of; 2],
    reserved: BTreeMap<u8, Vec<Reserved>>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            owners: [Of::default(), Of::default()],
            reserved: BTreeMap::new(),
        }
    }

    fn of(&mut self, owner: u8) -> &mut Of {
        &mut self.owners[usize::from(owner)]
    }

    fn reservations(&self, owner: u8) -> impl Iterator<Item = &Reserved> {
        let all = self.reserved.values().flatten();
        all.filter(move |reserved| reserved.owner == owner)
    }

    /// Balance, reserved, and what is left of the allowance.
    pub(crate) fn account(&self, owner: u8) -> (i64, i64, u32) {
        let of = &self.owners[usize::from(owner)];
        let (mut bought, mut reserved) = (of.added, 0);
        for one in self.reservations(owner) {
            match one.end {
                End::UnderWay => {
                    bought -= i64::from(one.amount - one.of_allowance);
                    reserved += i64::from(one.amount);
                }
                End::Charged(charge) => {
                    bought -= i64::from(charge.saturating_sub(one.of_allowance));
                }
                End::GivenBack => {}
            }
        }
        let mut left = 0;
        if let Some(given) = of.periods.last()
            && !given.is_over
        {
            left = given.amount;
            let period = of.periods.len() - 1;
            for one in self.reservations(owner).filter(|one| one.period == period) {
                left -= match one.end {
                    End::UnderWay => one.of_allowance,
                    End::Charged(charge) => charge.min(one.of_allowance),
                    End::GivenBack => 0,
                };
            }
        }
        (bought + i64::from(left), reserved, left)
    }

    /// What was charged, by id.
    pub(crate) fn charges(&self, owner: u8) -> impl Iterator<Item = (u8, u32)> {
        // The largest charge is the smallest amount.
        let all = self.reserved.iter();
        let all = all.flat_map(|(id, many)| many.iter().map(|one| (*id, one)));
        all.filter_map(move |(id, one)| match one.end {
            End::Charged(charge) if one.owner == owner => Some((id, charge)),
            _ => None,
        })
    }

    pub(crate) fn period_end(&self, owner: u8) -> Option<i64> {
        let periods = &self.owners[usize::from(owner)].periods;
        periods.last().map(|given| given.until)
    }

    pub(crate) fn add(&mut self, owner: u8, amount: i64) {
        self.of(owner).added += amount;
    }

    pub(crate) fn look(&mut self, owner: u8, today: i64) {
        let of = self.of(owner);
        let Some(last) = of.periods.last_mut() else {
            return;
        };
        if today < last.until {
            return;
        }
        match of.allowance {
            Some(amount) => {
                let anchor = last.anchor;
                let until = next_month(anchor, today);
                of.periods.push(Given {
                    anchor,
                    until,
                    amount,
                    most: amount,
                    is_over: false,
                });
            }
            None => last.is_over = true,
        }
    }

    pub(crate) fn set_terms(
        &mut self,
        owner: u8,
        allowance: Option<u32>,
        post_paid: bool,
        today: i64,
    ) {
        self.look(owner, today);
        let of = self.of(owner);
        (of.allowance, of.post_paid) = (allowance, post_paid);
        let Some(amount) = allowance else { return };
        match of.periods.last_mut() {
            Some(last) if today < last.until => {
                let more = amount.saturating_sub(last.most);
                last.most = last.most.max(amount);
                if last.is_over {
                    // The clock went back to before its end: what comes on top is apart from it.
                    let again = Given {
                        amount: more,
                        is_over: false,
                        ..last.clone()
                    };
                    of.periods.push(again);
                } else {
                    last.amount += more;
                }
            }
            _ => of.periods.push(Given {
                anchor: today,
                until: next_month(today, today),
                amount,
                most: amount,
                is_over: false,
            }),
        }
    }

    pub(crate) fn reserve(
        &mut self,
        owner: u8,
        id: u8,
        amount: u32,
        today: i64,
    ) -> Option<Refusal> {
        let known = self.reserved.get(&id).into_iter().flatten();
        let mut known = known.filter(|one| !matches!(one.end, End::GivenBack));
        if let Some(known) = known.next() {
            return (known.owner != owner).then_some(Refusal::OfAnother);
        }
        let mut with_due = self.clone();
        with_due.look(owner, today);
        let (balance, _, left) = with_due.account(owner);
        if balance < i64::from(amount) && !self.of(owner).post_paid {
            return Some(Refusal::TooFew(balance));
        }
        *self = with_due;
        let period = self.of(owner).periods.len().wrapping_sub(1);
        self.reserved.entry(id).or_default().push(Reserved {
            owner,
            amount,
            of_allowance: amount.min(left),
            period,
            day: today,
            end: End::UnderWay,
        });
        None
    }

    fn end(&mut self, id: u8, how: impl Fn(u32) -> End) {
        for one in self.reserved.get_mut(&id).into_iter().flatten() {
            if let End::UnderWay = one.end {
                one.end = how(one.amount);
            }
        }
    }

    pub(crate) fn settle(&mut self, id: u8, amount: u32) {
        self.end(id, |reserved| End::Charged(amount.min(reserved)));
    }

    pub(crate) fn release(&mut self, id: u8) {
        self.end(id, |_| End::GivenBack);
    }

    pub(crate) fn expire(&mut self, before: i64, except: &[u8]) {
        for (id, many) in &mut self.reserved {
            for one in many.iter_mut().filter(|one| one.day < before) {
                if let (End::UnderWay, false) = (one.end, except.contains(id)) {
                    one.end = End::GivenBack;
                }
            }
        }
    }
}

/// The first day after `today` on which a month of this anchor begins.
fn next_month(anchor: i64, today: i64) -> i64 {
    let of_month = date(anchor).2;
    let begins = |day| {
        let (year, month, day) = date(day);
        day == of_month || (day < of_month && day == length(year, month))
    };
    let mut day = today + 1;
    while !begins(day) {
        day += 1;
    }
    day
}

/// Day 0 is 2027-11-30.
fn date(days: i64) -> (i64, usize, i64) {
    let (mut year, mut month, mut day) = (2027, 11, 30);
    for _ in 0..days {
        day += 1;
        if day > length(year, month) {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    (year, month, day)
}

fn length(year: i64, month: usize) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
