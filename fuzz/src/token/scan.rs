//! A scan finds what a parse at every place finds.

use std::ops::Range;

use portcullis_core::CredentialId;
use portcullis_token::{
    ApiKey, Device, Environment, Kind, Refresh, Session, TokenFormat, scan as scan_any,
};

use super::reference;

/// Credentials that bytes from 0xf0 on stand for, since no mutation finds a checksum.
const PIECES: [&str; 16] = [
    "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN",
    "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLM",
    "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K",
    "_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN",
    "@ap_live_",
    "@aps_live_",
    "@apr_test_",
    "@apd_live_",
    "@aps_test_",
    "@acme_live_",
    "@abcdefghijklmnops_live_",
    "_live_",
    "_test_",
    "ap_live_",
    "aps_test_",
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs",
];

const BRANDS: [&str; 4] = ["ap", "aps", "acme", "abcdefghijklmnop"];

/// The bytes are a text in which those from 0xf0 on are replaced by credentials and parts of such.
///
/// - What a scan for a brand finds is what a plain search at every place finds.
/// - What a scan for any brand finds is in order, doesn't overlap, and is read again as the same.
/// - What a scan for a brand finds, a scan for any brand finds too.
///
/// # Panics
/// If one of them doesn't hold.
pub fn scan(data: &[u8]) {
    // The plain search looks at each place in turn, so the text has an end.
    let mut text = Vec::new();
    for &byte in data.iter().take(2_048) {
        match byte.checked_sub(0xf0) {
            Some(piece) => text.extend(piece_of(piece)),
            None => text.push(byte),
        }
    }
    let any: Vec<_> = scan_any(&text).collect();
    let mut floor = 0;
    for found in &any {
        let range = found.range();
        assert!(floor <= range.start, "{range:?}");
        floor = range.end;
        let part = text.get(range).unwrap_or_default();
        assert!(brands_of(part).any(|brand| {
            reference::shape(part, brand).is_some_and(|shape| {
                let token = found.token();
                shape.checksum_holds
                    && shape.kind == token.kind()
                    && shape.environment == token.environment()
                    && part.ends_with(token.tail())
            })
        }));
    }
    for brand in BRANDS {
        let Ok(format) = TokenFormat::new(brand, Environment::Live) else {
            continue;
        };
        let found: Vec<_> = format.scan(&text).map(|found| found.range()).collect();
        assert_eq!(found, search(&text, brand), "{brand}");
        for range in found {
            assert!(any.iter().any(|found| found.range() == range), "{brand}");
        }
    }
}

/// A piece, in which `@` stands for a credential that begins with what follows.
fn piece_of(piece: u8) -> Vec<u8> {
    let piece = PIECES.get(usize::from(piece)).copied().unwrap_or_default();
    match piece.strip_prefix('@') {
        Some(prefix) => written(prefix).into_bytes(),
        None => piece.as_bytes().to_vec(),
    }
}

/// A credential of this prefix.
fn written(prefix: &str) -> String {
    let Some((start, environment)) = prefix.trim_end_matches('_').split_once('_') else {
        return String::new();
    };
    let environment = environment.parse().unwrap_or(Environment::Live);
    let brand = BRANDS.iter().rev().find(|brand| start.starts_with(**brand));
    // `aps` is a brand too, and here the sessions of `ap`.
    let brand = brand.filter(|brand| **brand != "aps").unwrap_or(&"ap");
    let id = "qBhy02hoi8ucTVyA".parse();
    let (Ok(format), Ok(id)) = (TokenFormat::new(brand, environment), id) else {
        return String::new();
    };
    match start.strip_prefix(brand) {
        Some("s") => minted::<Session>(&format, id),
        Some("r") => minted::<Refresh>(&format, id),
        Some("d") => minted::<Device>(&format, id),
        _ => minted::<ApiKey>(&format, id),
    }
}

fn minted<K: Kind>(format: &TokenFormat, id: CredentialId) -> String {
    let minted = format.dangerous_from_parts::<K>(format.environment(), id, [b'7'; 32]);
    minted.map_or_else(|_| String::new(), |minted| minted.expose().to_owned())
}

/// Every beginning of a text that may be a brand.
fn brands_of(text: &[u8]) -> impl Iterator<Item = &str> {
    let brands = (2..=16).filter_map(|length| std::str::from_utf8(text.get(..length)?).ok());
    brands.filter(|brand| TokenFormat::new(brand, Environment::Live).is_ok())
}

fn search(text: &[u8], brand: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let lengths = [brand.len() + 61, brand.len() + 62];
        let here = lengths.into_iter().find(|length| {
            let part = text.get(from..from + length).unwrap_or_default();
            reference::shape(part, brand).is_some_and(|shape| shape.checksum_holds)
        });
        match here {
            Some(length) => {
                found.push(from..from + length);
                from += length;
            }
            None => from += 1,
        }
    }
    found
}
