//! The window as the design says it, with 128-bit integers and a map: the same decisions to the
//! nanosecond, however slowly.

use std::collections::BTreeMap;

use portcullis_limit::Quota;

/// A decision as plain numbers, to be compared and hashed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Admit(State),
    Refuse { retry_nanos: u128, state: State },
    NeverFits,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct State {
    pub(crate) used: u64,
    pub(crate) reset_nanos: u128,
    pub(crate) more_nanos: u128,
    pub(crate) at: u128,
}

/// By number of the slot: the newest admission on the grid, and the cost.
#[derive(Debug, Default)]
pub(crate) struct SlotModel {
    slots: BTreeMap<u128, (u128, u64)>,
    width: u128,
    latest: u128,
}

impl SlotModel {
    pub(crate) fn check(&mut self, quota: &Quota, raw: u64, cost: u32) -> Answer {
        if cost > quota.units() {
            return Answer::NeverFits;
        }
        let (units, window) = (u64::from(quota.units()), quota.window().as_nanos());
        self.latest = self.latest.max(raw.into());
        self.cut(window.div_ceil(quota.resolution().into()), window);
        let latest = self.latest;
        self.slots
            .retain(|_, (newest, _)| latest < *newest + window);
        let used: u64 = self.slots.values().map(|(_, cost)| cost).sum();
        if cost == 0 || used + u64::from(cost) <= units {
            if cost > 0 {
                self.put(latest, cost.into());
            }
            return Answer::Admit(self.state(window, raw));
        }
        let mut excess = used + u64::from(cost) - units;
        let mut freed_at = latest;
        for (newest, cost) in self.slots.values() {
            freed_at = newest + window;
            if *cost >= excess {
                break;
            }
            excess -= cost;
        }
        Answer::Refuse {
            retry_nanos: freed_at - u128::from(raw),
            state: self.state(window, raw),
        }
    }

    /// Of a cost that was admitted under the same quota.
    pub(crate) fn refund(&mut self, quota: &Quota, at: u128, cost: u32) {
        if self.latest - at >= quota.window().as_nanos() {
            return;
        }
        let (slot, _) = self.place(at);
        let (_, held) = self.slots.get_mut(&slot).unwrap();
        *held -= u64::from(cost);
        if *held == 0 {
            self.slots.remove(&slot);
        }
    }

    /// Into slots of another width: each goes whole to where its newest admission is.
    fn cut(&mut self, width: u128, window: u128) {
        if self.width == width {
            return;
        }
        self.width = width;
        for (newest, cost) in std::mem::take(&mut self.slots).into_values() {
            let newest = newest.min(self.latest);
            if self.latest - newest < window {
                self.put(newest, cost);
            }
        }
    }

    fn put(&mut self, at: u128, cost: u64) {
        let (slot, on_grid) = self.place(at);
        let (newest, held) = self.slots.entry(slot).or_insert((on_grid, 0));
        *newest = on_grid.max(*newest);
        *held += cost;
    }

    /// The slot of an instant that is rounded up to the grid of width / 2¹⁶.
    fn place(&self, at: u128) -> (u128, u128) {
        let (slot, into) = (at / self.width, at % self.width);
        let cell = (into * 65_536).div_ceil(self.width);
        if cell == 65_536 {
            (slot + 1, (slot + 1) * self.width)
        } else {
            (slot, slot * self.width + cell * self.width / 65_536)
        }
    }

    fn state(&self, window: u128, raw: u64) -> State {
        let expiry = |slot: Option<(&u128, &(u128, u64))>| {
            slot.map_or(0, |(_, (newest, _))| newest + window - u128::from(raw))
        };
        State {
            used: self.slots.values().map(|(_, cost)| cost).sum(),
            reset_nanos: expiry(self.slots.last_key_value()),
            more_nanos: expiry(self.slots.first_key_value()),
            at: self.latest,
        }
    }
}
