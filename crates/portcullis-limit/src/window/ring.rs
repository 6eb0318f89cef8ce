//! The slots of a window, as a ring.

use std::{num::NonZeroU8, time::Duration};

use portcullis_core::Tick;

use super::costs::{Costs, KEPT};
use crate::{Decision, Quota, Usage};

/// The slots, newest first by age: age 0 is the slot of `latest`, at `head`.
///
/// An admission belongs to the slot in which its instant lies once it is rounded up to the grid, so
/// that one in the last cell of a slot opens the next slot a little ahead of time.
///
/// INVARIANT: the costs of all slots sum up to the total; those of age `span` and above are 0.
/// `start` is a multiple of `width`, and `latest` < `start` + `width` once `width` is set. The kept
/// newest instants don't decrease from old to new, since slots are disjoint.
#[derive(Clone, Debug)]
pub(super) struct Ring<C> {
    /// Of a slot, in nanoseconds; 0 until the first call.
    width: u64,
    /// Where the newest slot starts.
    start: u64,
    latest: u64,
    /// Of each slot, the cell of the newest admission: `c` stands for ⌊c · width / 2¹⁶⌋ after the
    /// slot's start. It means nothing while the slot's cost is 0.
    cells: [u16; KEPT],
    head: u8,
    /// How many slots, from the newest to the oldest that may hold a cost.
    span: NonZeroU8,
    costs: C,
}

impl<C> Ring<C> {
    pub(super) const fn new(costs: C) -> Self {
        Self {
            width: 0,
            start: 0,
            latest: 0,
            cells: [0; KEPT],
            head: 0,
            span: NonZeroU8::MIN,
            costs,
        }
    }

    pub(super) const fn latest(&self) -> u64 {
        self.latest
    }

    #[inline]
    fn span(&self) -> usize {
        usize::from(self.span.get())
    }

    #[inline]
    fn slot(&self, age: usize) -> usize {
        let head = usize::from(self.head);
        if age <= head {
            head - age
        } else {
            (head + KEPT).saturating_sub(age)
        }
    }

    /// The instant of the newest admission of a slot, on the grid.
    #[inline]
    fn newest(&self, age: usize) -> u64 {
        self.newest_in(age, self.slot(age))
    }

    /// The same, of the slot of this age.
    #[inline]
    fn newest_in(&self, age: usize, slot: usize) -> u64 {
        let cell = self.cells.get(slot).copied().unwrap_or(0);
        // INVARIANT: 33 of the widest slots, ten years, are less than 2⁶⁴ ns.
        let behind = u64::try_from(age).unwrap_or(0).wrapping_mul(self.width);
        let slot_start = self.start.saturating_sub(behind);
        slot_start.saturating_add(into_slot(cell, self.width))
    }
}

impl<C: Costs> Ring<C> {
    #[inline]
    pub(super) fn total(&self) -> u32 {
        self.costs.total()
    }

    #[inline]
    fn cost(&self, age: usize) -> u32 {
        self.costs.get(self.slot(age))
    }

    /// What [`check`](Self::check) would answer, without charging.
    pub(super) fn decide(&mut self, quota: &Quota, raw: u64, cost: u32) -> Decision {
        self.advance(quota, raw);
        if self.has_room(quota, cost) {
            Decision::Admit(self.usage(quota, raw))
        } else {
            self.refuse(quota, raw, cost)
        }
    }

    /// Whether [`check`](Self::check) would admit.
    #[inline]
    pub(super) fn would_admit(&mut self, quota: &Quota, raw: u64, cost: u32) -> bool {
        self.advance(quota, raw);
        self.has_room(quota, cost)
    }

    /// Charges the cost, which the caller has found to be at most the units, if it has room.
    #[inline]
    pub(super) fn check(&mut self, quota: &Quota, raw: u64, cost: u32) -> Decision {
        let oldest = self.advance(quota, raw);
        if !self.has_room(quota, cost) {
            return self.refuse(quota, raw, cost);
        }
        if cost == 0 {
            return Decision::Admit(self.usage(quota, raw));
        }
        let newest = self.put(self.latest, cost);
        let oldest = if self.span() == 1 { newest } else { oldest };
        let (used, latest) = (self.total(), self.latest);
        Decision::Admit(state(quota, raw, latest, used, (oldest, newest)))
    }

    /// Charges at the latest instant a cost that has room.
    #[inline]
    pub(super) fn charge_now(&mut self, cost: u32) {
        self.put(self.latest, cost);
    }

    #[inline]
    fn has_room(&self, quota: &Quota, cost: u32) -> bool {
        cost <= quota.units().saturating_sub(self.total())
    }

    #[cold]
    fn refuse(&self, quota: &Quota, raw: u64, cost: u32) -> Decision {
        Decision::Refuse {
            retry_after: Duration::from_nanos(self.wait(quota, raw, cost)),
            usage: self.usage(quota, raw),
        }
    }

    /// Adds a cost to the newest slot, or to the one after it if the instant is rounded up to that.
    /// Returns the slot's newest instant.
    #[inline]
    fn put(&mut self, instant: u64, cost: u32) -> u64 {
        let head = usize::from(self.head);
        let held = self.costs.get(head);
        let newest = self.newest_in(0, head);
        if held == 0 || newest < instant {
            let into = instant.saturating_sub(self.start);
            let Ok(cell) = u16::try_from(cells(into, self.width)) else {
                return self.put_ahead(cost);
            };
            if let Some(place) = self.cells.get_mut(head) {
                *place = cell;
            }
            self.charge(head, held, cost);
            self.start.saturating_add(into_slot(cell, self.width))
        } else {
            self.charge(head, held, cost);
            newest
        }
    }

    /// Adds a cost at the very start of the slot that is next.
    #[cold]
    fn put_ahead(&mut self, cost: u32) -> u64 {
        self.turn(self.width);
        let head = usize::from(self.head);
        if let Some(place) = self.cells.get_mut(head) {
            *place = 0;
        }
        self.charge(head, 0, cost);
        self.start
    }

    #[inline]
    fn charge(&mut self, slot: usize, held: u32, cost: u32) {
        self.costs.set(slot, held.saturating_add(cost));
        self.costs.set_total(self.total().saturating_add(cost));
    }

    /// Brings the ring to `raw`, or to the latest instant that it has seen. Returns the newest
    /// instant of the oldest slot that counts, if there is one.
    #[inline]
    fn advance(&mut self, quota: &Quota, raw: u64) -> u64 {
        self.latest = self.latest.max(raw);
        if self.width != quota.width_nanos() {
            self.cut_anew(quota);
        }
        let oldest = self.expire(quota);
        let elapsed = self.latest.saturating_sub(self.start);
        if elapsed >= self.width {
            self.turn(elapsed);
        }
        oldest
    }

    /// Drops the slots whose newest admission is a window old. Returns that of the oldest one left,
    /// if there is one.
    #[inline]
    fn expire(&mut self, quota: &Quota) -> u64 {
        let oldest = self.span() - 1;
        let slot = self.slot(oldest);
        let newest = self.newest_in(oldest, slot);
        if self.costs.get(slot) > 0 && self.counts(newest, quota) {
            return newest;
        }
        self.expire_some(quota)
    }

    #[inline]
    fn counts(&self, newest: u64, quota: &Quota) -> bool {
        self.latest.saturating_sub(newest) < quota.window_nanos()
    }

    #[inline(never)]
    fn expire_some(&mut self, quota: &Quota) -> u64 {
        if self.total() > 0 && !self.counts(self.newest_of_all(), quota) {
            self.reset();
            return 0;
        }
        while self.total() > 0 {
            let oldest = self.span() - 1;
            let slot = self.slot(oldest);
            let cost = self.costs.get(slot);
            let newest = self.newest_in(oldest, slot);
            if cost > 0 && self.counts(newest, quota) {
                return newest;
            }
            self.costs.set(slot, 0);
            self.costs.set_total(self.total().saturating_sub(cost));
            self.span = NonZeroU8::new(self.span.get() - 1).unwrap_or(NonZeroU8::MIN);
        }
        self.span = NonZeroU8::MIN;
        0
    }

    /// Opens the slot of `latest`, which is so long after the start of the newest one.
    #[inline(never)]
    fn turn(&mut self, elapsed: u64) {
        let steps = elapsed.checked_div(self.width).unwrap_or(0);
        self.start = self.start.saturating_add(steps.saturating_mul(self.width));
        if self.total() == 0 {
            return;
        }
        // INVARIANT: what still counts is less than 33 slots old, so that this overwrites no cost.
        let kept = u8::try_from(KEPT).unwrap_or(u8::MAX);
        for _ in 0..steps.min(u64::from(kept)) {
            self.head = if self.head + 1 < kept {
                self.head + 1
            } else {
                0
            };
            self.span = self.span.saturating_add(1);
            if self.span.get() > kept {
                let lost = self.costs.get(usize::from(self.head));
                debug_assert_eq!(lost, 0, "a slot that counts was overwritten");
                self.span = NonZeroU8::new(kept).unwrap_or(NonZeroU8::MIN);
            }
            self.costs.set(usize::from(self.head), 0);
        }
    }

    /// Cuts time into slots of another width. Each old slot goes whole to where its newest
    /// admission is, so that it counts no shorter than before.
    #[cold]
    fn cut_anew(&mut self, quota: &Quota) {
        let width = quota.width_nanos();
        let mut held = [(0_u64, 0_u32); KEPT];
        if self.total() > 0 {
            let ages = (0..self.span()).rev();
            for (place, age) in held.iter_mut().zip(ages) {
                // The grid may be ahead of the time; no admission is.
                *place = (self.newest(age).min(self.latest), self.cost(age));
            }
        }
        self.reset();
        self.width = width;
        let counts = |(newest, cost): &(u64, u32)| {
            *cost > 0 && self.latest.saturating_sub(*newest) < quota.window_nanos()
        };
        let first = held.iter().find(|slot| counts(slot));
        let from = first.map_or(self.latest, |(newest, _)| *newest);
        let still = held.map(|slot| if counts(&slot) { slot } else { (0, 0) });
        self.start = from - from % width;
        for (newest, cost) in still.into_iter().filter(|(_, cost)| *cost > 0) {
            let elapsed = newest.saturating_sub(self.start);
            if elapsed >= width {
                self.turn(elapsed);
            }
            self.put(newest, cost);
        }
    }

    /// How long after `raw` so many slots have expired that the cost has room.
    fn wait(&self, quota: &Quota, raw: u64, cost: u32) -> u64 {
        let wanted = u64::from(self.total()) + u64::from(cost);
        let mut excess = wanted.saturating_sub(u64::from(quota.units()));
        for age in (0..self.span()).rev() {
            let freed = u64::from(self.cost(age));
            if freed >= excess {
                let at = self.newest(age).saturating_add(quota.window_nanos());
                return at.saturating_sub(raw);
            }
            excess -= freed;
        }
        0
    }

    /// The state at `latest`, to which the ring has been brought.
    fn usage(&self, quota: &Quota, raw: u64) -> Usage {
        // The oldest slot holds a cost, or else `expire` would have dropped it.
        let oldest = self.newest(self.span() - 1);
        let ends = (oldest, self.newest_of_all());
        state(quota, raw, self.latest, self.total(), ends)
    }

    /// The instant of the newest admission that counts, if there is one.
    #[inline]
    fn newest_of_all(&self) -> u64 {
        let newest = (0..self.span()).find(|age| self.cost(*age) > 0);
        newest.map_or(self.latest, |age| self.newest(age))
    }

    pub(super) fn peek(&self, quota: &Quota, raw: u64) -> Usage
    where
        C: Clone,
    {
        let latest = self.latest.max(raw);
        if self.total() == 0 {
            return state(quota, raw, latest, 0, (latest, latest));
        }
        if self.width != quota.width_nanos() {
            let mut copy = self.clone();
            copy.advance(quota, raw);
            return copy.usage(quota, raw);
        }
        // As `expire` does it, changing nothing.
        let newest = self.newest_of_all();
        let is_idle = latest.saturating_sub(newest) >= quota.window_nanos();
        let mut used = if is_idle { 0 } else { self.total() };
        let mut oldest = 0;
        for age in (0..self.span()).rev() {
            let cost = self.cost(age);
            oldest = self.newest(age);
            let counts = cost > 0 && latest.saturating_sub(oldest) < quota.window_nanos();
            if counts || used == 0 {
                break;
            }
            used = used.saturating_sub(cost);
        }
        state(quota, raw, latest, used, (oldest, newest))
    }

    #[inline]
    pub(super) fn fresh_from(&self, quota: &Quota) -> u64 {
        if self.total() == 0 {
            return self.latest;
        }
        let newest = (0..self.span()).find(|age| self.cost(*age) > 0);
        // Not before `latest`: until then a new window would let time run backwards.
        newest.map_or(self.latest, |age| {
            let expires = self.newest(age).saturating_add(quota.window_nanos());
            expires.max(self.latest)
        })
    }

    pub(super) fn refund(&mut self, quota: &Quota, at: u64, cost: u32) {
        let at = at.min(self.latest);
        if self.width == 0 || self.latest - at >= quota.window_nanos() {
            return;
        }
        // After a change of the quota the cost may have moved to a newer slot, never to an older;
        // and what is taken from an older slot than the right one counts too long, never too short.
        let mut behind = self.start.saturating_sub(at).div_ceil(self.width);
        let slot_start = self.start.saturating_sub(behind.saturating_mul(self.width));
        if cells(at.saturating_sub(slot_start), self.width) > u64::from(u16::MAX) {
            behind = behind.saturating_sub(1);
        }
        let oldest = self.span() - 1;
        let from = usize::try_from(behind).unwrap_or(oldest).min(oldest);
        if let Some(age) = (0..=from).rev().find(|age| self.cost(*age) > 0) {
            let held = self.cost(age);
            let given = held.min(cost);
            self.costs.set(self.slot(age), held - given);
            self.costs.set_total(self.total().saturating_sub(given));
        }
    }

    pub(super) fn reset(&mut self) {
        self.costs.clear();
        self.span = NonZeroU8::MIN;
    }

    /// The same slots with their costs in another width, which must hold the total.
    pub(super) fn to_width<D: Costs>(&self, mut costs: D) -> Ring<D> {
        for slot in 0..KEPT {
            costs.set(slot, self.costs.get(slot));
        }
        costs.set_total(self.total());
        Ring {
            width: self.width,
            start: self.start,
            latest: self.latest,
            cells: self.cells,
            head: self.head,
            span: self.span,
            costs,
        }
    }
}

/// A usage in which so much is used, of slots whose newest instants go from `oldest` to `newest`.
#[inline]
fn state(quota: &Quota, raw: u64, latest: u64, used: u32, (oldest, newest): (u64, u64)) -> Usage {
    let until_expiry = |admitted: u64| {
        if used == 0 {
            return Duration::ZERO;
        }
        let at = admitted.saturating_add(quota.window_nanos());
        Duration::from_nanos(at.saturating_sub(raw))
    };
    Usage {
        limit: quota.units(),
        used,
        remaining: quota.units().saturating_sub(used),
        reset_after: until_expiry(newest),
        more_after: until_expiry(oldest),
        at: Tick::from_nanos(latest),
        window: quota.window(),
    }
}

/// ⌊cell · width / 2¹⁶⌋, in halves that fit 64 bits: a width is less than 2⁵⁹.
#[inline]
fn into_slot(cell: u16, width: u64) -> u64 {
    let cell = u64::from(cell);
    let (high, low) = (width >> 16, width & 0xFFFF);
    cell.wrapping_mul(high)
        .wrapping_add(cell.wrapping_mul(low) >> 16)
}

/// ⌈into · 2¹⁶ / width⌉: the first cell that is no earlier, 2¹⁶ if only the next slot is.
#[inline]
fn cells(into: u64, width: u64) -> u64 {
    // In 64 bits while they suffice: a division of 128 is slow.
    if into < 1 << 48 {
        (into << 16).div_ceil(width)
    } else {
        wide_cells(into, width)
    }
}

#[cold]
fn wide_cells(into: u64, width: u64) -> u64 {
    let cells = (u128::from(into) << 16).div_ceil(u128::from(width));
    u64::try_from(cells).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_rounds_up_by_less_than_a_cell_and_keeps_what_is_on_it() {
        for width in [
            1,
            2,
            3,
            1_000,
            65_535,
            65_536,
            65_537,
            1_875_000_000,
            1 << 50,
            1 << 58,
        ] {
            for into in [0, 1, width / 3, width / 2, width - 1].map(|into| into.min(width - 1)) {
                let kept = match u16::try_from(cells(into, width)) {
                    Ok(cell) => into_slot(cell, width),
                    Err(_) => width,
                };
                assert!(kept >= into, "{width} {into}");
                assert!(kept - into <= width >> 16, "{width} {into} {kept}");
            }
            for cell in [0, 1, 255, u16::MAX] {
                let into = into_slot(cell, width);
                let kept = u16::try_from(cells(into, width)).unwrap();
                assert_eq!(into_slot(kept, width), into);
            }
        }
    }
}
