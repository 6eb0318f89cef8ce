//! HMAC-SHA256 of messages that fit one block, from states that are kept.

use sha2::block_api::compress256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The initial state of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
/// What the inner and the outer key are masked with (RFC 2104, section 2).
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// The states of the inner and the outer hash once the key has been taken in.
///
/// A message of at most 55 bytes fits one block with its padding, so its MAC costs two
/// compressions. The `hmac` crate, which keeps the states too, costs a third more for the buffers
/// that it clones with them.
pub(crate) struct HmacState {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacState {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            inner: absorb_key(key, INNER_PAD),
            outer: absorb_key(key, OUTER_PAD),
        }
    }

    /// The MAC of a message that fits one block.
    pub(crate) fn mac<const N: usize>(&self, message: &[u8; N]) -> [u8; 32] {
        let inner = finish(self.inner, message);
        finish(self.outer, &inner)
    }
}

impl Drop for HmacState {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl ZeroizeOnDrop for HmacState {}

fn absorb_key(key: &[u8; 32], pad: u8) -> [u32; 8] {
    let mut block = [pad; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place ^= byte;
    }
    let mut state = INITIAL;
    compress256(&mut state, &[block]);
    block.zeroize();
    state
}

/// Hashes the last block of a message of which one block, the key, was hashed before.
#[inline]
fn finish<const N: usize>(mut state: [u32; 8], message: &[u8; N]) -> [u8; 32] {
    const { assert!(N <= 55, "the message and its padding must fit one block") }
    let mut block = [0; 64];
    if let Some(place) = block.first_chunk_mut() {
        *place = *message;
    }
    if let Some(place) = block.get_mut(N) {
        *place = 0x80;
    }
    let bits = 8 * (64 + u64::try_from(N).unwrap_or(0));
    if let Some(place) = block.last_chunk_mut() {
        *place = bits.to_be_bytes();
    }
    compress256(&mut state, &[block]);
    let mut digest = [0; 32];
    for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    fn expected(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    fn agrees<const N: usize>(key: &[u8; 32], bytes: &[u8; 55]) -> bool {
        let message: &[u8; N] = bytes.first_chunk().unwrap();
        HmacState::new(key).mac(message) == expected(key, message)
    }

    proptest! {
        #[test]
        fn is_hmac_sha256_at_lengths_that_fit(
            key: [u8; 32],
            bytes in proptest::array::uniform::<_, 55>(any::<u8>()),
        ) {
            prop_assert!(agrees::<0>(&key, &bytes));
            prop_assert!(agrees::<1>(&key, &bytes));
            prop_assert!(agrees::<32>(&key, &bytes));
            prop_assert!(agrees::<54>(&key, &bytes));
            prop_assert!(agrees::<55>(&key, &bytes));
        }
    }
}
