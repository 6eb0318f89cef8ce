//! The alphabet of ids, secrets and checksums.

/// `0-9A-Za-z`, in order of value.
pub(crate) const ALPHABET: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether every byte is of the alphabet: three whole vectors, and a last one that overlaps them.
#[inline]
pub(crate) fn is_all_base62(text: &[u8; 55]) -> bool {
    let ([a, b, c], _) = text.as_chunks::<16>() else {
        return false;
    };
    let Some(d) = text.last_chunk::<16>() else {
        return false;
    };
    let mut foreign = false;
    // Without branches per byte, so that it vectorises.
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        foreign |= is_foreign(*a) | is_foreign(*b) | is_foreign(*c) | is_foreign(*d);
    }
    !foreign
}

#[inline]
const fn is_foreign(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    !(letter | digit)
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

/// The value of 16 characters, of which all must be of base62.
#[inline]
pub(crate) fn decode_16(text: &[u8; 16]) -> u128 {
    let halves = text.as_chunks().0.iter();
    halves.fold(0, |value, &half| {
        value * 62u128.pow(8) + u128::from(decode_8(half))
    })
}

/// The value of 6 characters, of which all must be of base62.
#[inline]
pub(crate) fn decode_6(text: &[u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = *text;
    decode_8([b'0', b'0', a, b, c, d, e, f])
}

/// The value of 8 characters, of which all must be of base62: eight at once in the lanes of a word,
/// then four pairs, then two fours. The first character is in the lowest lane.
#[inline]
fn decode_8(text: [u8; 8]) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    const PAIRS: u64 = EACH / 0x101 * 0xff;
    const FOURS: u64 = 0x0000_ffff_0000_ffff;
    let characters = u64::from_le_bytes(text);
    // Bit 6 tells letters from digits, and bit 5 lower from upper case.
    let letters = (characters >> 6) & EACH;
    let lower = (characters >> 5) & letters;
    // INVARIANT: no lane borrows, since every character is at least what is subtracted from it.
    let digits = characters - EACH * u64::from(b'0') - letters * 7 - lower * 6;
    let pairs = (digits & PAIRS) * 62 + ((digits >> 8) & PAIRS);
    let fours = (pairs & FOURS) * 62u64.pow(2) + ((pairs >> 16) & FOURS);
    (fours & 0xffff_ffff) * 62u64.pow(4) + (fours >> 32)
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
                byte.is_ascii_alphanumeric(),
                ALPHABET.contains(&byte),
                "byte {byte}"
            );
        }
        assert!(ALPHABET.is_sorted());
    }

    #[test]
    fn a_byte_that_is_not_of_the_alphabet_is_seen_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..55 {
                let mut text = [b'z'; 55];
                text[at] = byte;
                let expected = ALPHABET.contains(&byte);
                assert_eq!(is_all_base62(&text), expected, "byte {byte} at {at}");
            }
        }
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
        for (value, &character) in (0..).zip(ALPHABET) {
            for (place, power) in (0..8).rev().enumerate() {
                let mut text = [b'0'; 8];
                text[place] = character;
                assert_eq!(decode_8(text), value * 62u64.pow(power));
            }
        }
        assert_eq!(decode_8([b'z'; 8]), 62u64.pow(8) - 1);
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
