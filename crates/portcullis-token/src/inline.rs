//! Short ASCII texts that live where they are kept, without an allocation.

use std::fmt;

/// At most `N` bytes of ASCII.
// INVARIANT: `length <= N <= 255`, and the first `length` bytes are ASCII.
#[derive(Clone, Copy)]
pub(crate) struct InlineText<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> InlineText<N> {
    pub(crate) const EMPTY: Self = Self {
        bytes: [0; N],
        length: 0,
    };

    /// Appends a text if there is room for it; every caller has made sure that there is.
    pub(crate) fn push(mut self, text: &[u8]) -> Self {
        let start = usize::from(self.length);
        let end = start + text.len();
        if let (Some(place), Ok(length)) = (self.bytes.get_mut(start..end), u8::try_from(end)) {
            place.copy_from_slice(text);
            self.length = length;
        }
        self
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for InlineText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> PartialEq for InlineText<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for InlineText<N> {}

impl<const N: usize> std::hash::Hash for InlineText<N> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_and_nothing_panics() {
        let text = InlineText::<4>::EMPTY.push(b"ab").push(b"cde").push(b"fg");
        assert_eq!(text.as_str(), "abfg");
    }
}
