//! Numbers from bytes of any kind.

/// Reads from the left; behind the end there is nothing more to do.
pub(super) struct Bytes<'d>(&'d [u8]);

impl<'d> Bytes<'d> {
    pub(super) const fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next `count` bytes, at most 8, as a number.
    pub(super) fn number(&mut self, count: u8) -> Option<u64> {
        (0..count).try_fold(0, |number: u64, _| {
            Some(number << 8 | u64::from(self.byte()?))
        })
    }

    /// A number of any size: a byte says how many bytes it has.
    pub(super) fn any_number(&mut self) -> Option<u64> {
        let count = self.byte()? % 8 + 1;
        self.number(count)
    }
}
