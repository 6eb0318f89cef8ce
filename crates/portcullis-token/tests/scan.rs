//! Credentials are found wherever they stand, and nothing else is.

use portcullis_token::{
    ApiKey, Device, Environment, Kind, PATTERN, Refresh, Session, TokenFormat, TokenKind, scan,
};
use proptest::prelude::*;

const KEY: &str = "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";

/// Every place at which a token of a brand and kind parses: the naive way.
fn expected(text: &[u8], brand: &str) -> Vec<(usize, TokenKind)> {
    let format =
        TokenFormat::new(brand, Environment::Live).map(TokenFormat::with_both_environments);
    let Ok(format) = format else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let lengths = [brand.len() + 61, brand.len() + 62];
        let here = lengths.into_iter().find_map(|length| {
            let token = format.recognize(text.get(from..from + length)?).ok()?;
            token.checksum_holds().then_some((length, token.kind()))
        });
        match here {
            Some((length, kind)) => {
                found.push((from, kind));
                from += length;
            }
            None => from += 1,
        }
    }
    found
}

fn mint<K: Kind>(brand: &str, environment: Environment) -> Option<String> {
    let format = TokenFormat::new(brand, environment).ok()?;
    Some(format.mint::<K>().ok()?.expose().to_owned())
}

#[test]
fn a_key_is_found_whatever_stands_around_it() {
    for (before, after) in [
        ("", ""),
        ("\"", "\""),
        ("key%3D", "%26x"),
        ("\\n", "\\n"),
        ("_", "_"),
        ("AAA", "AAA"),
        ("api_key=", "0"),
        ("ap_test_", "ap_live_"),
        ("ap_live_qBhy02hoi8uc", " "),
        ("\0\u{e9}\u{212a}", "\u{e9}"),
    ] {
        let text = format!("{before}{KEY}{after}");
        let found: Vec<_> = scan(text.as_bytes()).collect();
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].range(), before.len()..before.len() + KEY.len());
        assert_eq!(found[0].token().kind(), TokenKind::ApiKey);
        assert_eq!(found[0].token().hint().as_str(), "ap_test_qBhy...TVyA");
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        let ranges: Vec<_> = format
            .scan(text.as_bytes())
            .map(|found| found.range())
            .collect();
        assert_eq!(ranges, [found[0].range()]);
    }
}

#[test]
fn letters_before_a_brand_are_told_from_it_by_the_checksum() {
    for before in ["n", "x1", "abcdefghijklmnopqrstuvwxyz"] {
        let text = format!("{before}{KEY}");
        let mut found = scan(text.as_bytes()).map(|found| found.range());
        assert_eq!(found.next(), Some(before.len()..text.len()));
        assert_eq!(found.next(), None);
    }
}

#[test]
fn keys_without_anything_between_them_are_all_found() {
    let text = KEY.repeat(3);
    let starts: Vec<_> = scan(text.as_bytes())
        .map(|found| found.range().start)
        .collect();
    assert_eq!(starts, [0, KEY.len(), 2 * KEY.len()]);
}

#[test]
fn every_kind_of_every_brand_is_found_and_one_brand_finds_its_own() {
    let mut text = String::new();
    for brand in ["ap", "acme", "abcdefghijklmnop"] {
        for environment in [Environment::Live, Environment::Test] {
            for token in [
                mint::<ApiKey>(brand, environment).unwrap(),
                mint::<Session>(brand, environment).unwrap(),
                mint::<Refresh>(brand, environment).unwrap(),
                mint::<Device>(brand, environment).unwrap(),
            ] {
                text.push_str(&token);
                text.push(' ');
            }
        }
    }
    assert_eq!(scan(text.as_bytes()).count(), 24);
    for brand in ["ap", "acme", "abcdefghijklmnop"] {
        let format = TokenFormat::new(brand, Environment::Live).unwrap();
        let found: Vec<_> = format.scan(text.as_bytes()).collect();
        assert_eq!(found.len(), 8);
        for found in found {
            let both = format.with_both_environments();
            let parsed = both.recognize(&text.as_bytes()[found.range()]).unwrap();
            assert_eq!(parsed.kind(), found.token().kind());
            assert!(parsed.checksum_holds());
        }
    }
    let other = TokenFormat::new("other", Environment::Live).unwrap();
    assert_eq!(other.scan(text.as_bytes()).count(), 0);
}

#[test]
fn what_only_looks_like_a_key_is_not_found() {
    for text in [
        String::new(),
        "_live_".to_owned(),
        "_test_".repeat(100),
        KEY.strip_suffix('N').unwrap().to_owned(),
        KEY.replace("zLN", "zLM"),
        KEY.replace("_test_", "_prod_"),
        KEY.replace("ap_", "bp_"),
        KEY.replace("ap_", "_"),
        format!("ap_live_{}", "A".repeat(55)),
    ] {
        assert_eq!(scan(text.as_bytes()).count(), 0, "{text}");
    }
}

/// What a checksum is, bit by bit: CRC-32 with the polynomial of IEEE 802.3, reflected.
fn with_checksum(text: &str) -> String {
    let crc = !text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let places = (0..6)
        .rev()
        .map(|power| usize::try_from(crc / 62u32.pow(power) % 62));
    let checksum = places.filter_map(|place| digits.get(place.ok()?));
    let checksum: String = checksum.copied().map(char::from).collect();
    text.to_owned() + &checksum
}

#[test]
fn a_checksum_that_holds_makes_no_brand_of_what_can_be_none() {
    let body = "_live_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K";
    let find = |brand: &str| {
        let text = with_checksum(&format!("{brand}{body}"));
        scan(text.as_bytes()).next().map(|found| found.range())
    };
    assert_eq!(find("ap"), Some(0..63));
    assert_eq!(find("abcdefghijklmnop"), Some(0..77));
    for brand in ["", "a", "1ap", "Ap", "a_p", "abcdefghijklmnopq", "é"] {
        assert_eq!(find(brand), None, "{brand}");
    }
}

#[test]
fn the_patterns_are_those_of_the_design() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    assert_eq!(format.pattern(), "ap[srd]?_(live|test)_[0-9A-Za-z]{55}");
    assert!(PATTERN.ends_with(format.pattern().trim_start_matches("ap")));
}

proptest! {
    #[test]
    fn finds_what_a_parse_at_every_place_finds(
        pieces in prop::collection::vec(
            prop_oneof![
                Just(KEY.to_owned()),
                Just(KEY.replace("zLN", "zLM")),
                Just(KEY.replace("mojYwMbG44K4V9zLN", "")),
                Just(KEY.replace("ap_", "")),
                any::<bool>().prop_filter_map("minting", |live| {
                    let environment = if live { Environment::Live } else { Environment::Test };
                    mint::<Session>("ap", environment)
                }),
                "[a-z0-9_]{0,5}",
                "(_live_|_test_|ap_|aps_test_){1,3}",
                ".{0,3}",
            ],
            0..8,
        ),
    ) {
        let text = pieces.concat().into_bytes();
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        let found: Vec<_> = format
            .scan(&text)
            .map(|found| (found.range().start, found.token().kind()))
            .collect();
        prop_assert_eq!(&found, &expected(&text, "ap"));
        let any_brand: Vec<_> = scan(&text)
            .map(|found| (found.range().start, found.token().kind()))
            .collect();
        prop_assert_eq!(&any_brand, &found);
    }

    #[test]
    fn bytes_of_any_kind_are_scanned(text: Vec<u8>) {
        prop_assert_eq!(scan(&text).count(), 0);
    }
}
