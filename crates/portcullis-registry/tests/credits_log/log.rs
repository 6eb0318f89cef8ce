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

/// A reservation: how much of it was of the allowance, and when the period of that began.
#[derive(Clone)]
struct Reserved {
    owner: u8,
    amount: u32,
    of_allowance: u32,
    period: Option<i64>,
    day: i64,
    end: End,
}

/// A period: what is left of what was given in it.
#[derive(Clone)]
struct Given {
    anchor: i64,
    from: i64,
    until: i64,
    left: u32,
    /// The most that a plan has given until then.
    most: u32,
}

#[derive(Clone, Default)]
struct Of {
    added: i64,
    /// What allowances have paid of debts.
    paid: i64,
    allowance: Option<u32>,
    post_paid: bool,
    period: Option<Given>,
    /// The days on which something was given.
    gifts: Vec<i64>,
}

impl Of {
    fn was_given(&self, from: i64, until: i64) -> bool {
        self.gifts.iter().any(|day| (from..until).contains(day))
    }
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
        let (mut bought, mut reserved) = (of.added + of.paid, 0);
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
        let left = of.period.as_ref().map_or(0, |period| period.left);
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
        let period = &self.owners[usize::from(owner)].period;
        period.as_ref().map(|given| given.until)
    }

    /// Whether something was given in the month of today.
    pub(crate) fn was_given(&self, owner: u8, today: i64) -> bool {
        let of = &self.owners[usize::from(owner)];
        let month = of.period.as_ref().map(|given| month(given.anchor, today));
        month.is_some_and(|(from, until)| of.was_given(from, until))
    }

    pub(crate) fn add(&mut self, owner: u8, amount: i64) {
        self.of(owner).added += amount;
    }

    pub(crate) fn look(&mut self, owner: u8, today: i64) {
        let of = self.of(owner).clone();
        let Some(period) = of.period else {
            return;
        };
        let (from, until) = month(period.anchor, today);
        let is_over = today >= period.until;
        if !is_over && period.from <= until {
            return;
        }
        let moved = Given {
            from,
            until,
            ..period
        };
        match of.allowance {
            Some(most) if !self.of(owner).was_given(from, until) => {
                self.pay(owner);
                let left = 0;
                self.of(owner).period = Some(Given {
                    left,
                    most,
                    ..moved
                });
                self.give(owner, most, today);
            }
            None if is_over => {
                self.pay(owner);
                let (from, left) = (period.until, 0);
                self.of(owner).period = Some(Given {
                    from,
                    left,
                    ..period
                });
            }
            _ => self.of(owner).period = Some(moved),
        }
    }

    fn give(&mut self, owner: u8, amount: u32, today: i64) {
        let of = self.of(owner);
        if let (Some(period), 1..) = (&mut of.period, amount) {
            period.left += amount;
            of.gifts.push(today);
            self.pay(owner);
        }
    }

    /// What is left pays a debt, unless that is paid afterwards.
    fn pay(&mut self, owner: u8) {
        let (balance, _, left) = self.account(owner);
        let debt = (i64::from(left) - balance).max(0);
        let of = self.of(owner);
        if let (Some(period), false) = (&mut of.period, of.post_paid) {
            let paid = debt.min(left.into());
            period.left -= u32::try_from(paid).unwrap();
            of.paid += paid;
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
        let more = match &mut of.period {
            Some(last) if today < last.until => {
                let more = amount.saturating_sub(last.most);
                last.most = last.most.max(amount);
                more
            }
            _ => {
                of.period = Some(Given {
                    anchor: today,
                    from: today,
                    until: month(today, today).1,
                    left: 0,
                    most: amount,
                });
                amount
            }
        };
        self.give(owner, more, today);
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
        let (of_allowance, mut period) = (amount.min(left), None);
        if let Some(last) = &mut self.of(owner).period {
            last.left -= of_allowance;
            period = Some(last.from);
        }
        self.reserved.entry(id).or_default().push(Reserved {
            owner,
            amount,
            of_allowance,
            period,
            day: today,
            end: End::UnderWay,
        });
        None
    }

    fn end(&mut self, id: u8, how: impl Fn(u32) -> End) {
        for one in self.reserved.get_mut(&id).into_iter().flatten() {
            end(&mut self.owners, one, &how);
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
                if !except.contains(id) {
                    end(&mut self.owners, one, |_| End::GivenBack);
                }
            }
        }
    }
}

/// What comes back of an allowance is lost if another period has begun.
fn end(owners: &mut [Of; 2], one: &mut Reserved, how: impl Fn(u32) -> End) {
    let End::UnderWay = one.end else { return };
    one.end = how(one.amount);
    let charge = match one.end {
        End::Charged(charge) => charge,
        _ => 0,
    };
    let of = &mut owners[usize::from(one.owner)];
    if let Some(last) = &mut of.period
        && Some(last.from) == one.period
    {
        last.left += one.of_allowance.saturating_sub(charge);
    }
}

/// The month of this anchor that has `today` in it: its first day, and the first of the next.
fn month(anchor: i64, today: i64) -> (i64, i64) {
    let of_month = date(anchor).2;
    let begins = |day: &i64| {
        let (year, month, day) = date(*day);
        day == of_month || (day < of_month && day == length(year, month))
    };
    let from = (0..).map(|days| today - days).find(begins);
    let until = (today + 1..).find(begins);
    (from.unwrap(), until.unwrap())
}

/// Day 0 is 2027-11-30, day -60 is 2027-10-01.
fn date(days: i64) -> (i64, usize, i64) {
    let (mut year, mut month, mut day) = (2027, 10, 1);
    for _ in -60..days {
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
