//! Tokens taken apart and put together by hand, from the token format alone:
//! `{brand}{kind}_{env}_{id:16}{secret:32}{version:1}{checksum:6}`.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The parts of a token, without its checksum.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// Up to and with the second underscore.
    pub(crate) prefix: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) version: char,
}

impl Parts {
    /// Reads by position from the right, and checks shape, alphabet and checksum.
    pub(crate) fn of(token: &str) -> Self {
        assert!(token.is_ascii() && token.len() > 55, "not of the format");
        let (prefix, tail) = token.split_at(token.len() - 55);
        assert!(
            tail.bytes().all(|byte| BASE62.contains(&byte)),
            "a character outside base62"
        );
        let environment = ["_live_", "_test_"]
            .iter()
            .find(|end| prefix.ends_with(**end));
        let brand = prefix
            .strip_suffix(environment.expect("no environment"))
            .unwrap();
        assert!((2..=17).contains(&brand.len()), "brand {brand}");
        assert!(
            brand.starts_with(|first: char| first.is_ascii_lowercase()),
            "brand {brand}"
        );
        let (id, rest) = tail.split_at(16);
        let (secret, rest) = rest.split_at(32);
        let version = rest.chars().next().unwrap();
        let (prefix, id, secret) = (prefix.to_owned(), id.to_owned(), secret.to_owned());
        let parts = Self {
            prefix,
            id,
            secret,
            version,
        };
        assert!(parts.text() == token, "the checksum doesn't hold");
        parts
    }

    /// The token of these parts, with its true checksum.
    pub(crate) fn text(&self) -> String {
        let body = format!("{}{}{}{}", self.prefix, self.id, self.secret, self.version);
        let checksum = base62_of_six(crc32(body.as_bytes()));
        format!("{body}{checksum}")
    }
}

/// A well-formed token that nobody was given.
pub(crate) fn unknown(like: &str) -> String {
    Parts {
        id: "0000000000UnKn0w".to_owned(),
        ..Parts::of(like)
    }
    .text()
}

/// The same id with a secret that differs in its last character only.
pub(crate) fn wrong_secret(like: &str) -> String {
    let mut parts = Parts::of(like);
    let last = parts.secret.pop().unwrap();
    parts.secret.push(if last == '0' { '1' } else { '0' });
    parts.text()
}

/// The same id and secret for the other environment.
pub(crate) fn wrong_environment(like: &str) -> String {
    let mut parts = Parts::of(like);
    parts.prefix = if parts.prefix.ends_with("_live_") {
        parts.prefix.replace("_live_", "_test_")
    } else {
        parts.prefix.replace("_test_", "_live_")
    };
    parts.text()
}

/// CRC-32 as in zip: reflected, polynomial 0xEDB88320, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

fn base62_of_six(mut number: u32) -> String {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(number % 62).unwrap()];
        number /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// The bytes of a standard base64 text; panics on anything else.
pub(crate) fn base64_bytes(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for character in text.trim_end_matches('=').bytes() {
        let value = alphabet
            .iter()
            .position(|known| *known == character)
            .expect("not base64");
        buffer = ((buffer << 6) | u32::try_from(value).unwrap()) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xFF).unwrap());
        }
    }
    bytes
}
