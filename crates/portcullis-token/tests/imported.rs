//! Keys of other systems: what matches, what is hashed, what is kept.

use std::ops::RangeInclusive;

use portcullis_token::{
    DigestEncoding, HashedPart, ImportedScheme, KeyDigest, ParseDigestError, PepperRing,
    SchemeError, TokenFormat, Verified,
};
use proptest::prelude::*;

const ABC_HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const ABC_BASE64: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
const ABC_BASE64URL: &str = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";

#[test]
fn a_scheme_takes_its_prefix_its_lengths_and_visible_ascii() {
    let scheme = ImportedScheme::new("sk-social-").unwrap();
    assert!(scheme.matches(b"sk-social-1"));
    for text in [
        "",
        "sk-social-",
        "sk-social",
        "SK-SOCIAL-1",
        " sk-social-1",
        "sk-social-1 ",
        "sk-social-1,2",
        "sk-social-\u{e9}",
        "sk-social-\0",
        "ap_live_1",
    ] {
        assert!(!scheme.matches(text.as_bytes()), "{text}");
    }
    assert!(scheme.matches(&[b"sk-social-".as_slice(), &[b'a'; 502]].concat()));
    assert!(!scheme.matches(&[b"sk-social-".as_slice(), &[b'a'; 503]].concat()));
    let scheme = scheme.with_lengths(12..=13).unwrap();
    let matching = [11, 12, 13, 14].map(|length| {
        let text = [b"sk-social-".as_slice(), &vec![b'a'; length - 10]].concat();
        scheme.matches(&text)
    });
    assert_eq!(matching, [false, true, true, false]);
}

#[test]
fn the_part_behind_the_last_separator_must_be_there_and_behind_the_prefix() {
    let scheme = ImportedScheme::new("my_company").unwrap();
    let scheme = scheme.with_part(HashedPart::AfterLast(b'_')).unwrap();
    assert!(scheme.matches(b"my_company_short_long"));
    assert!(scheme.matches(b"my_company_long"));
    for text in ["my_company", "my_companylong", "my_company_short_"] {
        assert!(!scheme.matches(text.as_bytes()), "{text}");
    }
    let peppers = PepperRing::generate().unwrap();
    let expected = peppers.import(&scheme, &KeyDigest::of(b"abc"));
    let digest = scheme.digest(b"my_company_x_abc").unwrap();
    assert_eq!(peppers.import(&scheme, &digest), expected);
}

#[test]
fn a_scheme_that_can_match_nothing_is_refused() {
    let (long, longest) = ("x".repeat(23), "x".repeat(22));
    for (prefix, error) in [
        ("", SchemeError::Prefix { found: 0 }),
        (long.as_str(), SchemeError::Prefix { found: 23 }),
        ("a b", SchemeError::Character { at: 1 }),
        ("a,b", SchemeError::Character { at: 1 }),
        ("é", SchemeError::Character { at: 0 }),
    ] {
        assert_eq!(ImportedScheme::new(prefix), Err(error), "{prefix}");
    }
    assert!(ImportedScheme::new(&longest).is_ok());
    let scheme = ImportedScheme::new("abc").unwrap();
    let empty = RangeInclusive::new(5, 4);
    for lengths in [0..=3, empty] {
        let refused = scheme.clone().with_lengths(lengths);
        assert_eq!(refused, Err(SchemeError::Lengths));
    }
    assert_eq!(
        ImportedScheme::without_prefix(0..=0),
        Err(SchemeError::Lengths)
    );
    for separator in [b' ', b',', 0, 0x80, 0xff] {
        let refused = scheme.clone().with_part(HashedPart::AfterLast(separator));
        assert_eq!(refused, Err(SchemeError::Separator));
    }
}

#[test]
fn digests_are_read_in_three_encodings() {
    let scheme = ImportedScheme::new("k").unwrap();
    let peppers = PepperRing::generate().unwrap();
    let (_, expected) = peppers.import(&scheme, &KeyDigest::of(b"abc"));
    for (text, encoding) in [
        (ABC_HEX, DigestEncoding::Hex),
        (&ABC_HEX.to_uppercase(), DigestEncoding::Hex),
        (ABC_BASE64, DigestEncoding::Base64),
        (ABC_BASE64.trim_end_matches('='), DigestEncoding::Base64),
        (ABC_BASE64URL, DigestEncoding::Base64Url),
        (&format!("{ABC_BASE64URL}="), DigestEncoding::Base64Url),
    ] {
        let digest = KeyDigest::parse(text, encoding).unwrap();
        assert_eq!(peppers.import(&scheme, &digest).1, expected, "{text}");
    }
}

#[test]
fn a_digest_of_another_encoding_is_refused_with_the_position() {
    let length = |text: &str| ParseDigestError::Length { found: text.len() };
    for (text, encoding, error) in [
        (ABC_BASE64, DigestEncoding::Hex, length(ABC_BASE64)),
        (ABC_HEX, DigestEncoding::Base64, length(ABC_HEX)),
        (ABC_HEX, DigestEncoding::Base64Url, length(ABC_HEX)),
        (
            ABC_BASE64,
            DigestEncoding::Base64Url,
            ParseDigestError::Character { at: 9 },
        ),
        (
            ABC_BASE64URL,
            DigestEncoding::Base64,
            ParseDigestError::Character { at: 9 },
        ),
        (
            &ABC_HEX.replace('e', "g"),
            DigestEncoding::Hex,
            ParseDigestError::Character { at: 14 },
        ),
        // The last symbol says more than 32 bytes can hold.
        (
            &ABC_BASE64.replace("0=", "1="),
            DigestEncoding::Base64,
            ParseDigestError::Character { at: 42 },
        ),
        (
            &"A".repeat(44),
            DigestEncoding::Base64,
            ParseDigestError::Length { found: 44 },
        ),
        (
            "",
            DigestEncoding::Hex,
            ParseDigestError::Length { found: 0 },
        ),
    ] {
        assert_eq!(
            KeyDigest::parse(text, encoding).err(),
            Some(error),
            "{text}"
        );
    }
}

#[test]
fn what_is_kept_depends_on_pepper_and_scheme_and_is_no_mac_of_a_credential() {
    let digest = KeyDigest::of(b"abc");
    let ring: PepperRing = format!("1:{ABC_BASE64},2:{}", "A".repeat(43))
        .parse()
        .unwrap();
    let schemes = [
        ImportedScheme::new("a").unwrap(),
        ImportedScheme::new("b").unwrap(),
        ImportedScheme::new("a")
            .unwrap()
            .with_part(HashedPart::AfterPrefix)
            .unwrap(),
        ImportedScheme::new("a")
            .unwrap()
            .with_part(HashedPart::AfterLast(b'_'))
            .unwrap(),
        ImportedScheme::new("a")
            .unwrap()
            .with_part(HashedPart::AfterLast(b'.'))
            .unwrap(),
        ImportedScheme::without_prefix(1..=512).unwrap(),
    ];
    let mut kept: Vec<[u8; 32]> = Vec::new();
    for scheme in &schemes {
        let candidates: Vec<_> = ring.import_candidates(scheme, &digest).collect();
        let versions: Vec<_> = candidates
            .iter()
            .map(|(version, _)| version.number())
            .collect();
        assert_eq!(versions, [2, 1]);
        assert_eq!(candidates[0], ring.import(scheme, &digest));
        for (version, mac) in candidates {
            assert_eq!(ring.import_with(version, scheme, &digest), Some(mac));
            assert!(!kept.contains(mac.as_bytes()));
            kept.push(*mac.as_bytes());
        }
    }
    assert_eq!(kept.len(), 12);
    let unknown = portcullis_token::PepperVersion::new(3).unwrap();
    assert_eq!(ring.import_with(unknown, &schemes[0], &digest), None);
}

#[test]
fn an_imported_key_is_none_of_ours() {
    let format = TokenFormat::new("sk", portcullis_token::Environment::Live).unwrap();
    assert!(
        format
            .recognize(b"sk_live_4eC39HqLyjWDarjtT1zdp7dc")
            .is_err()
    );
    let minted = format.mint::<portcullis_token::ApiKey>().unwrap();
    let peppers = PepperRing::generate().unwrap();
    let scheme = ImportedScheme::new("sk_live_").unwrap();
    let digest = scheme.digest(minted.expose().as_bytes()).unwrap();
    let (version, kept) = peppers.import(&scheme, &digest);
    assert_eq!(
        peppers.verify(minted.tail(), version, &kept),
        Verified::Mismatch
    );
}

proptest! {
    #[test]
    fn bytes_of_any_kind_match_or_not(text: Vec<u8>, separator in b'!'..=b'~') {
        let scheme = ImportedScheme::without_prefix(0..=512).unwrap();
        let scheme = match scheme.clone().with_part(HashedPart::AfterLast(separator)) {
            Ok(scheme) => scheme,
            Err(_) => scheme,
        };
        prop_assert_eq!(scheme.matches(&text), scheme.digest(&text).is_some());
    }

    #[test]
    fn digests_of_any_text_are_read_or_refused(text in "[0-9a-fA-F+/_=-]{43,64}|.*") {
        for encoding in [DigestEncoding::Hex, DigestEncoding::Base64, DigestEncoding::Base64Url] {
            let _ = KeyDigest::parse(&text, encoding);
        }
    }
}
