//! The public checksum that catches typing errors and scanners' false positives.

use crate::{base62, token::TAIL_LENGTH};

/// The checksum of a credential: CRC-32 (IEEE, as in zip) of all that stands before it, in base62.
pub(crate) fn of(prefix: &[u8], tail: &[u8; TAIL_LENGTH]) -> [u8; 6] {
    let (covered, _) = split(tail);
    base62::encode_u32(crc(prefix, covered))
}

/// Whether a credential, of which the tail is of base62, ends in its checksum.
#[inline]
pub(crate) fn holds(prefix: &[u8], tail: &[u8; TAIL_LENGTH]) -> bool {
    let (covered, checksum) = split(tail);
    // Each number has but one text of six characters, so numbers are compared in its place.
    base62::decode_6(checksum) == u64::from(crc(prefix, covered))
}

#[inline]
fn crc(prefix: &[u8], covered: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(prefix);
    crc.update(covered);
    crc.finalize()
}

/// What the checksum covers of a tail, and the checksum.
fn split(tail: &[u8; TAIL_LENGTH]) -> (&[u8], &[u8; 6]) {
    tail.split_last_chunk().unwrap_or((&[], &[0; 6]))
}
