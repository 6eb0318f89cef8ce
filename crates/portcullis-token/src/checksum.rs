//! The public checksum that catches typing errors and scanners' false positives.

use crate::base62;

/// The checksum of a credential: CRC-32 (IEEE, as in zip) of all that stands before it, in base62.
pub(crate) fn of(covered: &[u8]) -> [u8; 6] {
    base62::encode_u32(crc32fast::hash(covered))
}

/// Whether a credential, of which the last characters are of base62, ends in its checksum.
#[inline]
pub(crate) fn holds(text: &[u8]) -> bool {
    // Each number has but one text of six characters, so numbers are compared in its place.
    text.split_last_chunk().is_some_and(|(covered, checksum)| {
        base62::decode_6(checksum) == u64::from(crc32fast::hash(covered))
    })
}
