//! Keys of another system match as their scheme says, and their digests are read as written.

use portcullis_token::{
    DigestEncoding, HashedPart, ImportedScheme, KeyDigest, Pepper, PepperRing, PepperVersion,
};

const SEPARATOR: u8 = b'_';

/// The first line is the prefix of a scheme, the second a digest, the rest a key.
///
/// - A scheme is made exactly of a prefix that keys can have.
/// - A key matches, and the part that is hashed is, what the plain rules say.
/// - A digest is read exactly if it is written in the encoding, and then as what is written.
/// - What is kept of a key in one scheme is never what is kept of it in another.
///
/// # Panics
/// If one of them doesn't hold.
pub fn imported(data: &[u8]) {
    let mut lines = data.splitn(3, |&byte| byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (prefix, digest, key) = (next(), next(), next());
    let peppers = PepperRing::new(PepperVersion::FIRST, Pepper::from_bytes([7; 32]));
    if let Ok(digest) = std::str::from_utf8(digest) {
        read_as_written(&peppers, digest);
    }
    let Ok(prefix) = std::str::from_utf8(prefix) else {
        return;
    };
    let is_prefix = (1..=22).contains(&prefix.len()) && prefix.bytes().all(is_of_key);
    let scheme = ImportedScheme::new(prefix);
    assert_eq!(scheme.is_ok(), is_prefix);
    let Ok(scheme) = scheme else {
        return;
    };
    let mut kept = Vec::new();
    let parts = [
        HashedPart::Whole,
        HashedPart::AfterPrefix,
        HashedPart::AfterLast(SEPARATOR),
        HashedPart::AfterLast(b'-'),
    ];
    for part in parts {
        let Ok(scheme) = scheme.clone().with_part(part) else {
            continue;
        };
        let hashed = hashed(prefix.as_bytes(), part, key);
        assert_eq!(scheme.matches(key), hashed.is_some());
        let found = scheme
            .digest(key)
            .map(|digest| peppers.import(&scheme, &digest));
        let expected = hashed.map(|hashed| peppers.import(&scheme, &KeyDigest::of(hashed)));
        assert_eq!(found, expected);
        if let (Some((_, mac)), Some(digest)) = (found, scheme.digest(key)) {
            let candidates: Vec<_> = peppers.import_candidates(&scheme, &digest).collect();
            assert_eq!(candidates, [(PepperVersion::FIRST, mac)]);
        }
        kept.push(peppers.import(&scheme, &KeyDigest::from_bytes([1; 32])).1);
    }
    for (index, mac) in kept.iter().enumerate() {
        assert!(!kept.iter().skip(index + 1).any(|other| other == mac));
    }
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

fn hashed<'k>(prefix: &[u8], part: HashedPart, key: &'k [u8]) -> Option<&'k [u8]> {
    let behind_prefix = key.strip_prefix(prefix)?;
    if behind_prefix.is_empty() || key.len() > 512 || !key.iter().copied().all(is_of_key) {
        return None;
    }
    match part {
        HashedPart::Whole => Some(key),
        HashedPart::AfterPrefix => Some(behind_prefix),
        HashedPart::AfterLast(separator) => {
            let last = key.rsplit(|&byte| byte == separator).next()?;
            let is_there = last.len() < key.len() && last.len() <= behind_prefix.len();
            (is_there && !last.is_empty()).then_some(last)
        }
    }
}

fn read_as_written(peppers: &PepperRing, text: &str) {
    let Ok(scheme) = ImportedScheme::new("x") else {
        return;
    };
    let kept = |digest: KeyDigest| peppers.import(&scheme, &digest);
    for (encoding, expected) in [
        (DigestEncoding::Hex, from_hex(text)),
        (DigestEncoding::Base64, from_base64(text, b"+/")),
        (DigestEncoding::Base64Url, from_base64(text, b"-_")),
    ] {
        let found = KeyDigest::parse(text, encoding).map(kept);
        let expected = expected.map(|bytes| kept(KeyDigest::from_bytes(bytes)));
        assert_eq!(found.ok(), expected, "{encoding:?}");
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bits = digits?
        .into_iter()
        .flat_map(|digit| bits_of(digit, 4))
        .collect::<Vec<_>>();
    bytes_of(&bits)
}

fn from_base64(text: &str, last: &[u8; 2]) -> Option<[u8; 32]> {
    // 43 characters, and one `=` or none.
    let text = match text.len() {
        44 => text.strip_suffix('=')?,
        _ => text,
    };
    let mut bits = Vec::new();
    for byte in text.bytes() {
        let upper = b'A'..=b'Z';
        let alphabet = upper.chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*last);
        let digit = alphabet.into_iter().position(|digit| digit == byte)?;
        bits.extend(bits_of(u32::try_from(digit).ok()?, 6));
    }
    // The last two bits stand for nothing and are none.
    let unused = bits.split_off(bits.len().min(256));
    let is_whole = unused.len() == 2 && !unused.contains(&true);
    is_whole.then_some(())?;
    bytes_of(&bits)
}

fn bits_of(digit: u32, count: u32) -> impl Iterator<Item = bool> {
    (0..count).rev().map(move |bit| digit >> bit & 1 == 1)
}

fn bytes_of(bits: &[bool]) -> Option<[u8; 32]> {
    let bytes = bits
        .chunks(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    (bits.len() == 256).then(|| bytes.collect::<Vec<u8>>().try_into().ok())?
}
