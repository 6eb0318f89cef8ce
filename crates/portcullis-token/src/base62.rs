//! The alphabet of ids, secrets and checksums.

/// `0-9A-Za-z`, in order of value.
pub(crate) const ALPHABET: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The value of each byte, 0 for those that have none.
const VALUES: &[u8; 256] = &values();

const fn values() -> [u8; 256] {
    let mut values = [0; 256];
    let mut rest: &mut [u8] = &mut values;
    let mut byte: u8 = 0;
    while let [place, after @ ..] = rest {
        *place = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    values
}

/// Whether every byte is of the alphabet. Without branches per byte, so that it vectorises.
#[inline]
pub(crate) fn is_all_base62<const N: usize>(text: &[u8; N]) -> bool {
    let mut foreign = false;
    for &byte in text {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        foreign |= !(letter | digit);
    }
    !foreign
}

/// The character of a random byte, or `None` if it must be drawn again.
///
/// Of the 256 values the last 8 are rejected: 248 is 4 · 62, so each character has 4 of them.
pub(crate) fn sample(random: u8) -> Option<u8> {
    if random >= 248 {
        return None;
    }
    ALPHABET.get(usize::from(random % 62)).copied()
}

/// A number as 6 characters, most significant first, padded with `0`. 62^6 is above 2^32.
pub(crate) fn encode_u32(value: u32) -> [u8; 6] {
    let mut rest = value;
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
        rest /= 62;
    }
    text
}

/// The value of 16 characters, of which all must be of base62: without branches, and summed by
/// halves, so that neither the characters nor the order of additions hold it up.
#[inline]
pub(crate) fn decode_16(text: &[u8; 16]) -> u128 {
    let (pairs, _) = text.as_chunks::<2>();
    let mut by_two = [0; 8];
    for (value, &[a, b]) in by_two.iter_mut().zip(pairs) {
        *value = digit(a) * 62 + digit(b);
    }
    let [a, b, c, d, e, f, g, h] = by_two;
    let four = |high: u32, low: u32| u64::from(high * 62u32.pow(2) + low);
    let eight = |high: u64, low: u64| u128::from(high * 62u64.pow(4) + low);
    let high = eight(four(a, b), four(c, d));
    let low = eight(four(e, f), four(g, h));
    high * 62u128.pow(8) + low
}

/// The value of 6 characters, of which all must be of base62.
#[inline]
pub(crate) fn decode_6(text: &[u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = text.map(digit);
    let [high, middle, low] = [a * 62 + b, c * 62 + d, e * 62 + f].map(u64::from);
    high * 62u64.pow(4) + middle * 62u64.pow(2) + low
}

/// The value of a character, which must be of base62; 0 for others.
///
/// Read from a table, which is quicker than to compute it: what is decoded is public.
#[inline]
fn digit(character: u8) -> u32 {
    let value = VALUES.get(usize::from(character));
    u32::from(value.copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use portcullis_core::CredentialId;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_alphabet_is_digits_then_upper_then_lower_case() {
        for byte in 0..=u8::MAX {
            assert_eq!(
                is_all_base62(&[byte]),
                ALPHABET.contains(&byte),
                "byte {byte}"
            );
            assert_eq!(is_all_base62(&[byte]), byte.is_ascii_alphanumeric());
        }
        assert!(ALPHABET.is_sorted());
    }

    #[test]
    fn each_character_has_four_bytes_and_eight_are_drawn_again() {
        let mut counts = [0; 256];
        for byte in 0..=u8::MAX {
            counts[usize::from(sample(byte).unwrap_or(0))] += 1;
        }
        for &character in ALPHABET {
            assert_eq!(counts[usize::from(character)], 4);
        }
        assert_eq!(counts[0], 8);
    }

    #[test]
    fn numbers_are_padded_to_six_characters() {
        assert_eq!(&encode_u32(0), b"000000");
        assert_eq!(&encode_u32(61), b"00000z");
        assert_eq!(&encode_u32(62), b"000010");
        // 4·62^5 + 42·62^4 + 41·62^3 + 15·62^2 + 12·62 + 3 = 2^32 - 1
        assert_eq!(&encode_u32(u32::MAX), b"4gfFC3");
    }
    #[test]
    fn the_value_of_a_character_is_its_place_in_the_alphabet() {
        for (place, &character) in (0u32..).zip(ALPHABET) {
            assert_eq!(digit(character), place);
        }
    }

    proptest! {
        #[test]
        fn ids_are_decoded_as_they_are_written(value in 0..62u128.pow(16)) {
            let id = CredentialId::from_value(value).unwrap();
            prop_assert_eq!(decode_16(&id.to_base62()), value);
        }

        #[test]
        fn checksums_are_decoded_as_they_are_written(value: u32) {
            prop_assert_eq!(decode_6(&encode_u32(value)), u64::from(value));
        }
    }
}
