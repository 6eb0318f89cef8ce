//! An exact log of one partition, written apart from the window, with integers.

/// An admission that was not given back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) at: u64,
    pub(super) cost: u32,
    /// How many quotas there were before.
    epoch: u32,
    /// The widths of the slots that it was in, under this quota and those that came after: so much
    /// longer than a window it may have counted.
    blur_nanos: u128,
}

/// Numbers of a quota.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) units: u32,
    pub(super) nanos: u64,
    pub(super) resolution: u8,
}

impl Terms {
    fn slot_nanos(self) -> u128 {
        self.nanos.div_ceil(self.resolution.into()).into()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    pub(super) terms: Terms,
    /// The latest instant that the window has seen.
    pub(super) latest: u64,
    /// What was admitted at or before this instant, a shorter window may have forgotten.
    forgotten: Option<u64>,
    epoch: u32,
    /// Whether a cost was given back under another quota than it was charged under: it may have
    /// been taken from another slot, and count too long.
    is_blurred: bool,
}

impl Log {
    pub(super) const fn new(terms: Terms) -> Self {
        Self {
            entries: Vec::new(),
            terms,
            latest: 0,
            forgotten: None,
            epoch: 0,
            is_blurred: false,
        }
    }

    /// Another quota from now on. A slot goes to where its newest admission is, and is merged with
    /// others there.
    pub(super) fn change(&mut self, terms: Terms) {
        self.terms = terms;
        self.epoch += 1;
        for entry in &mut self.entries {
            entry.blur_nanos += terms.slot_nanos();
        }
    }

    /// The window was told the time.
    pub(super) fn see(&mut self, now: u64) {
        self.latest = self.latest.max(now);
        let old = self.latest.checked_sub(self.terms.nanos);
        self.forgotten = self.forgotten.max(old);
    }

    pub(super) fn admit(&mut self, cost: u32) {
        self.entries.push(Entry {
            at: self.latest,
            cost,
            epoch: self.epoch,
            blur_nanos: self.terms.slot_nanos(),
        });
    }

    /// Takes an admission out that the window still knows; says which, and whether it counted. One
    /// that is a window old is not given back, and stays: its slot may count a little longer.
    pub(super) fn give_back(&mut self, which: u64) -> Option<(Entry, bool)> {
        let known = |entry: &Entry| self.forgotten.is_none_or(|forgotten| entry.at > forgotten);
        let known: Vec<usize> = (0..self.entries.len())
            .filter(|at| self.entries.get(*at).is_some_and(known))
            .collect();
        let nth = usize::try_from(which).ok()?.checked_rem(known.len())?;
        let at = *known.get(nth)?;
        let entry = *self.entries.get(at)?;
        let counts = self.latest - entry.at < self.terms.nanos;
        if counts {
            self.entries.remove(at);
            self.is_blurred |= entry.epoch != self.epoch;
        }
        Some((entry, counts))
    }

    /// Whether the slot of an admission is told exactly: under the quota that it was charged under.
    pub(super) const fn is_exact(&self, entry: Entry) -> bool {
        !self.is_blurred && entry.epoch == self.epoch
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The cost in the half-open interval of one window that ends with `now`, without what a
    /// shorter window before has forgotten.
    pub(super) fn used(&self, now: u64) -> u64 {
        let counts = |entry: &&Entry| {
            now - entry.at < self.terms.nanos
                && self.forgotten.is_none_or(|forgotten| entry.at > forgotten)
        };
        let counting = self.entries.iter().filter(counts);
        counting.map(|entry| u64::from(entry.cost)).sum()
    }

    /// The cost in the open interval of window · (1 + 1 / resolution) that ends with `now`, and what
    /// earlier quotas may have lengthened; `None` if that can't be told.
    pub(super) fn used_in_slightly_longer(&self, now: u64) -> Option<u64> {
        let resolution = u128::from(self.terms.resolution);
        let reach = u128::from(self.terms.nanos) * (resolution + 1);
        let counts = |entry: &&Entry| {
            let age = u128::from(now - entry.at);
            if entry.epoch == self.epoch {
                age * resolution < reach
            } else {
                age < u128::from(self.terms.nanos) + entry.blur_nanos
            }
        };
        let counting = self.entries.iter().filter(counts);
        let used = counting.map(|entry| u64::from(entry.cost)).sum();
        (!self.is_blurred).then_some(used)
    }

    /// The most cost in any half-open interval of one window since the log was cleared or the quota
    /// changed.
    pub(super) fn most_in_any(&self) -> u64 {
        let of_epoch = |entry: &&Entry| entry.epoch == self.epoch;
        let own: Vec<&Entry> = self.entries.iter().filter(of_epoch).collect();
        let ending_with = |last: &&Entry| {
            let inside = own
                .iter()
                .filter(|entry| entry.at <= last.at && last.at - entry.at < self.terms.nanos);
            inside.map(|entry| u64::from(entry.cost)).sum::<u64>()
        };
        own.iter().map(ending_with).max().unwrap_or(0)
    }
}
