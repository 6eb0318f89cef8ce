//! What a credential is, said once more and as plainly as can be.

use portcullis_token::{Environment, TokenKind};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a text of a brand says it is, and whether its checksum holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    pub(super) kind: TokenKind,
    pub(super) environment: Environment,
    pub(super) checksum_holds: bool,
}

/// What the whole of a text is, by trying all that it could be.
pub(super) fn shape(text: &[u8], brand: &str) -> Option<Shape> {
    let kinds = [
        (TokenKind::ApiKey, "", b'K'),
        (TokenKind::Session, "s", b'S'),
        (TokenKind::Refresh, "r", b'R'),
        (TokenKind::Device, "d", b'D'),
    ];
    let behind_brand = text.strip_prefix(brand.as_bytes())?;
    for (kind, letter, version) in kinds {
        let Some(mark) = behind_brand.strip_prefix(letter.as_bytes()) else {
            continue;
        };
        let live = mark.strip_prefix(b"_live_");
        let live = live.map(|tail| (tail, Environment::Live));
        let test = mark.strip_prefix(b"_test_");
        let test = test.map(|tail| (tail, Environment::Test));
        let Some((tail, environment)) = live.or(test) else {
            continue;
        };
        let is_well_formed = tail.len() == 55
            && tail.iter().all(|byte| DIGITS.contains(byte))
            && tail.get(48) == Some(&version);
        if is_well_formed {
            return Some(Shape {
                kind,
                environment,
                checksum_holds: ends_in_its_checksum(text),
            });
        }
    }
    None
}

/// CRC-32 bit by bit, with the polynomial of IEEE 802.3, reflected, as a number in base 62.
fn ends_in_its_checksum(text: &[u8]) -> bool {
    let Some((covered, checksum)) = text.split_last_chunk::<6>() else {
        return false;
    };
    let crc = !covered.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    let value = checksum.iter().try_fold(0, |value: u64, byte| {
        let digit = DIGITS.iter().position(|digit| digit == byte)?;
        Some(value * 62 + u64::try_from(digit).ok()?)
    });
    value == Some(u64::from(crc))
}

/// A character of base62 for any byte.
pub(super) fn digit_of(byte: u8) -> u8 {
    let digit = DIGITS.get(usize::from(byte) % DIGITS.len());
    digit.copied().unwrap_or(b'0')
}
