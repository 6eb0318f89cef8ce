//! What is kept of a credential.

use std::fmt;

use subtle::ConstantTimeEq;

/// The MAC of a credential: what a record holds in its place.
///
/// It forges nothing without the pepper. `==` takes the same time wherever the two differ.
#[derive(Clone, Copy)]
pub struct Mac([u8; 32]);

/// What the comparison of a credential with its record found.
#[must_use = "a result that is dropped accepts the credential"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verified {
    /// The credential is the one of the record.
    Match,
    /// It is, under a pepper that is not the current one: store a MAC under the current one.
    MatchOld,
    /// It is another.
    Mismatch,
    /// The pepper of the record is not in the ring. This is the server's fault, not the caller's:
    /// answer 503, not 401.
    UnknownPepper,
}

impl Mac {
    /// A MAC that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Mac {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.as_chunks().0, other.0.as_chunks().0);
        // The differences of four words are gathered before the only comparison.
        let difference = ours.iter().zip(theirs).fold(0, |gathered, (a, b)| {
            gathered | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b))
        });
        difference.ct_eq(&0).into()
    }
}

impl Eq for Mac {}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_one_bit_makes_another_mac() {
        let mac = Mac::from_bytes([0x5a; 32]);
        assert_eq!(mac, Mac::from_bytes([0x5a; 32]));
        for bit in 0..256 {
            let mut bytes = [0x5a; 32];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(mac, Mac::from_bytes(bytes), "bit {bit}");
        }
        assert_eq!(format!("{mac:?}"), "Mac(..)");
    }
}
