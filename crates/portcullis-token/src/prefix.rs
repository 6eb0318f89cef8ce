//! What stands before the 55 characters of the tail.

use crate::{Brand, Environment, ParseTokenError, TokenKind, inline::InlineText};

/// `{brand}{kind}_{environment}_`: 16, 1 and 6 characters at most.
pub(crate) type Prefix = InlineText<23>;

/// Every kind and environment, with what stands between the brand and the tail.
const MARKS: [(&[u8], TokenKind, Environment); 8] = [
    (b"_live_", TokenKind::ApiKey, Environment::Live),
    (b"_test_", TokenKind::ApiKey, Environment::Test),
    (b"s_live_", TokenKind::Session, Environment::Live),
    (b"s_test_", TokenKind::Session, Environment::Test),
    (b"r_live_", TokenKind::Refresh, Environment::Live),
    (b"r_test_", TokenKind::Refresh, Environment::Test),
    (b"d_live_", TokenKind::Device, Environment::Live),
    (b"d_test_", TokenKind::Device, Environment::Test),
];

pub(crate) fn build(brand: Brand, kind: TokenKind, environment: Environment) -> Prefix {
    let prefix = Prefix::EMPTY.push(brand.as_bytes());
    let prefix = match kind.letter() {
        Some(letter) => prefix.push(&[letter]),
        None => prefix,
    };
    let prefix = prefix.push(b"_");
    prefix.push(environment.as_str().as_bytes()).push(b"_")
}

/// Reads the kind and the environment of a prefix of this brand.
#[inline]
pub(crate) fn read(prefix: &[u8], brand: &[u8]) -> Option<(TokenKind, Environment)> {
    // No prefix is shorter than a word.
    let environment = match mark_in(*prefix.last_chunk()?) {
        LIVE => Environment::Live,
        TEST => Environment::Test,
        _ => return None,
    };
    let (head, _) = prefix.split_last_chunk::<6>()?;
    let (start, letter) = head.split_at_checked(brand.len())?;
    let kind = match letter {
        [] => TokenKind::ApiKey,
        [b's'] => TokenKind::Session,
        [b'r'] => TokenKind::Refresh,
        [b'd'] => TokenKind::Device,
        _ => return None,
    };
    // A brand has a few characters, for which a loop is quicker than a call of `memcmp`.
    let is_of_brand = start.iter().zip(brand).all(|(a, b)| a == b);
    is_of_brand.then_some((kind, environment))
}

const LIVE: u64 = mark_in(*b"  _live_");
const TEST: u64 = mark_in(*b"  _test_");

/// The last six bytes of a prefix as a number; the two before them are shifted out.
const fn mark_in(end: [u8; 8]) -> u64 {
    u64::from_le_bytes(end) >> 16
}

/// Where a prefix stops being one of this brand: the longest beginning that it shares with one.
#[cold]
pub(crate) fn misread(prefix: &[u8], brand: Brand) -> ParseTokenError {
    let shared = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let brand = brand.as_bytes();
    let at = match prefix.strip_prefix(brand) {
        Some(mark) => {
            let longest = MARKS.iter().map(|(known, ..)| shared(mark, known)).max();
            brand.len() + longest.unwrap_or(0)
        }
        None => shared(prefix, brand),
    };
    ParseTokenError::Prefix { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read() {
        let brand = Brand::new("abcdefghijklmnop").unwrap();
        for (mark, kind, environment) in MARKS {
            let prefix = build(brand, kind, environment);
            assert!(prefix.as_bytes().ends_with(mark));
            let expected = Some((kind, environment));
            assert_eq!(read(prefix.as_bytes(), brand.as_bytes()), expected);
        }
    }

    #[test]
    fn the_first_byte_that_fits_no_prefix_is_named() {
        let brand = Brand::new("ap").unwrap();
        for (prefix, at) in [
            ("", 0),
            ("AP_LIVE_", 0),
            ("ax_live_", 1),
            ("apx_live_", 2),
            ("ap__live_", 3),
            ("aps_prod_", 4),
            ("ap_lost_", 4),
            ("ap_live-", 7),
            ("ap_live", 7),
            ("ap_live_x", 8),
        ] {
            assert_eq!(read(prefix.as_bytes(), brand.as_bytes()), None);
            let error = misread(prefix.as_bytes(), brand);
            assert_eq!(error, ParseTokenError::Prefix { at }, "{prefix}");
        }
    }
}
