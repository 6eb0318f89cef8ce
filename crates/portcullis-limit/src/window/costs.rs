//! The costs of the slots, in 16 or in 32 bits.

/// How many slots are kept: the highest resolution and one more.
pub(super) const KEPT: usize = 33;

/// What a wide window has on the heap.
#[cfg(test)]
pub(super) const BOXED_BYTES: usize = size_of::<[u32; KEPT]>();

/// The cost of each slot, and their sum.
pub(super) trait Costs {
    fn get(&self, slot: usize) -> u32;
    /// A value that doesn't fit is kept as the largest that does: it counts too much, never too
    /// little.
    fn set(&mut self, slot: usize, cost: u32);
    fn total(&self) -> u32;
    fn set_total(&mut self, total: u32);
    fn clear(&mut self);
}

/// While at most 65,535 units are in use.
#[derive(Clone, Debug)]
pub(super) struct Narrow {
    slots: [u16; KEPT],
    total: u16,
}

impl Narrow {
    pub(super) const NEW: Self = Self {
        slots: [0; KEPT],
        total: 0,
    };
}

impl Costs for Narrow {
    #[inline]
    fn get(&self, slot: usize) -> u32 {
        self.slots.get(slot).copied().map_or(0, u32::from)
    }

    #[inline]
    fn set(&mut self, slot: usize, cost: u32) {
        if let Some(held) = self.slots.get_mut(slot) {
            *held = u16::try_from(cost).unwrap_or(u16::MAX);
        }
    }

    #[inline]
    fn total(&self) -> u32 {
        u32::from(self.total)
    }

    #[inline]
    fn set_total(&mut self, total: u32) {
        self.total = u16::try_from(total).unwrap_or(u16::MAX);
    }

    fn clear(&mut self) {
        *self = Self::NEW;
    }
}

/// While more are.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    slots: Box<[u32; KEPT]>,
    total: u32,
}

impl Default for Wide {
    fn default() -> Self {
        Self {
            slots: Box::new([0; KEPT]),
            total: 0,
        }
    }
}

impl Costs for Wide {
    #[inline]
    fn get(&self, slot: usize) -> u32 {
        self.slots.get(slot).copied().unwrap_or(0)
    }

    #[inline]
    fn set(&mut self, slot: usize, cost: u32) {
        if let Some(held) = self.slots.get_mut(slot) {
            *held = cost;
        }
    }

    #[inline]
    fn total(&self) -> u32 {
        self.total
    }

    #[inline]
    fn set_total(&mut self, total: u32) {
        self.total = total;
    }

    fn clear(&mut self) {
        self.slots.fill(0);
        self.total = 0;
    }
}
