//! Vectors made by other implementations: what was released once is read for ever.

use portcullis_token::{
    ApiKey, DigestEncoding, Environment, HashedPart, ImportedScheme, KeyDigest, Pepper, PepperRing,
    PepperVersion, TokenFormat, TokenKind, Verified,
};
use serde::{Deserialize, de::DeserializeOwned};

#[derive(Deserialize)]
struct Shared {
    good: Vec<Good>,
    bad: Vec<Bad>,
}

#[derive(Deserialize)]
struct Good {
    brand: String,
    kind: String,
    environment: String,
    id: String,
    secret: String,
    token: String,
    hint: String,
    pepper_hex: String,
    mac_hex: String,
}

#[derive(Deserialize)]
struct Bad {
    token: String,
    why: String,
}

#[derive(Deserialize)]
struct Frozen {
    ring: String,
    peppers: Vec<FrozenPepper>,
    tokens: Vec<FrozenToken>,
}

#[derive(Deserialize)]
struct FrozenPepper {
    version: u16,
    base64: String,
    fingerprint_hex: String,
    subkey_tag: String,
    subkey_hex: String,
}

#[derive(Deserialize)]
struct FrozenToken {
    token: String,
    brand: String,
    kind: String,
    environment: String,
    id: String,
    mac_1_hex: String,
    mac_2_hex: String,
}

#[derive(Deserialize)]
struct Imported {
    pepper_base64: String,
    keys: Vec<ImportedKey>,
}

#[derive(Deserialize)]
struct ImportedKey {
    name: String,
    prefix: String,
    part: String,
    separator: Option<char>,
    key: String,
    encoding: String,
    stored: String,
    mac_hex: String,
}

fn read<T: DeserializeOwned>(name: &str) -> Result<T, Box<dyn std::error::Error>> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let pairs = text.as_bytes().as_chunks::<2>().0.iter();
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

#[test]
fn shared_vectors_that_are_good_parse_with_mac_and_hint_as_given() {
    let shared: Shared = read("tokens.json").unwrap();
    assert_eq!(shared.good.len(), 24);
    for good in shared.good {
        let environment: Environment = good.environment.parse().unwrap();
        let format = TokenFormat::new(&good.brand, environment).unwrap();
        let token = format.recognize(good.token.as_bytes()).unwrap();
        assert!(token.checksum_holds(), "{}", good.token);
        assert_eq!(token.kind().as_str(), good.kind);
        assert_eq!(token.environment(), environment);
        assert_eq!(token.id().to_string(), good.id);
        assert_eq!(&token.tail()[16..48], good.secret.as_bytes());
        assert_eq!(token.hint().as_str(), good.hint);

        let pepper = Pepper::from_bytes(from_hex(&good.pepper_hex).unwrap());
        let peppers = PepperRing::new(PepperVersion::FIRST, pepper);
        let (version, mac) = peppers.mac(token.tail());
        assert_eq!(hex(mac.as_bytes()), good.mac_hex);
        assert_eq!(peppers.verify(token.tail(), version, &mac), Verified::Match);
    }
}

#[test]
fn shared_vectors_that_are_bad_are_refused() {
    let shared: Shared = read("tokens.json").unwrap();
    assert_eq!(shared.bad.len(), 17);
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let format = format.with_both_environments();
    for bad in shared.bad {
        let text = bad.token.as_bytes();
        let is_right = |token: portcullis_token::AnyToken<'_>| token.checksum_holds();
        assert!(!format.recognize(text).is_ok_and(is_right), "{}", bad.why);
        assert!(format.parse::<ApiKey>(text).is_err(), "{}", bad.why);
    }
}

#[test]
fn frozen_tokens_parse_and_verify_and_are_minted_from_their_parts() {
    let frozen: Frozen = read("frozen.json").unwrap();
    let peppers: PepperRing = frozen.ring.parse().unwrap();
    let [first, second] = [1, 2].map(|number| PepperVersion::new(number).unwrap());
    for released in &frozen.tokens {
        let environment: Environment = released.environment.parse().unwrap();
        let format = TokenFormat::new(&released.brand, environment).unwrap();
        let token = format.recognize(released.token.as_bytes()).unwrap();
        assert!(token.checksum_holds());
        assert_eq!(token.kind().as_str(), released.kind);
        assert_eq!(token.id().to_string(), released.id);
        let macs = [first, second].map(|version| peppers.mac_with(version, token.tail()).unwrap());
        assert_eq!(hex(macs[0].as_bytes()), released.mac_1_hex);
        assert_eq!(hex(macs[1].as_bytes()), released.mac_2_hex);
        assert_eq!(
            peppers.verify(token.tail(), first, &macs[0]),
            Verified::MatchOld
        );
        assert_eq!(
            peppers.verify(token.tail(), second, &macs[1]),
            Verified::Match
        );

        if token.kind() == TokenKind::ApiKey {
            let secret = token.tail()[16..48].try_into().unwrap();
            let again = format.dangerous_from_parts::<ApiKey>(environment, token.id(), secret);
            assert_eq!(again.unwrap().expose(), released.token);
        }
    }
    assert_eq!(frozen.tokens.len(), 24);
}

#[test]
fn frozen_peppers_derive_the_same() {
    let frozen: Frozen = read("frozen.json").unwrap();
    let peppers: PepperRing = frozen.ring.parse().unwrap();
    assert_eq!(peppers.to_text().expose(), &frozen.ring);
    for expected in frozen.peppers {
        let version = PepperVersion::new(expected.version).unwrap();
        let pepper = peppers.pepper(version).unwrap();
        assert_eq!(*pepper.to_base64().expose(), expected.base64);
        assert_eq!(hex(&pepper.fingerprint()), expected.fingerprint_hex);
        let subkey = pepper.subkey(&expected.subkey_tag);
        assert_eq!(hex(subkey.expose()), expected.subkey_hex);
    }
}

#[test]
fn keys_of_other_systems_are_found_by_what_those_keep() {
    let imported: Imported = read("imported.json").unwrap();
    let ring = format!("1:{}", imported.pepper_base64);
    let peppers: PepperRing = ring.parse().unwrap();
    assert_eq!(imported.keys.len(), 10);
    for key in imported.keys {
        let scheme = match key.prefix.as_str() {
            "" => ImportedScheme::without_prefix(64..=64).unwrap(),
            prefix => ImportedScheme::new(prefix).unwrap(),
        };
        let part = match (key.part.as_str(), key.separator) {
            ("after_last", Some(separator)) => {
                HashedPart::AfterLast(u8::try_from(separator).unwrap())
            }
            ("after_prefix", None) => HashedPart::AfterPrefix,
            ("whole", None) => HashedPart::Whole,
            other => panic!("{other:?}"),
        };
        let scheme = scheme.with_part(part).unwrap();
        let encoding = match key.encoding.as_str() {
            "hex" => DigestEncoding::Hex,
            "base64" => DigestEncoding::Base64,
            "base64url" => DigestEncoding::Base64Url,
            other => panic!("{other}"),
        };
        let stored = KeyDigest::parse(&key.stored, encoding).unwrap();
        let (version, kept) = peppers.import(&scheme, &stored);
        assert_eq!(hex(kept.as_bytes()), key.mac_hex, "{}", key.name);

        let presented = scheme.digest(key.key.as_bytes()).unwrap();
        let mut candidates = peppers.import_candidates(&scheme, &presented);
        assert_eq!(candidates.next(), Some((version, kept)), "{}", key.name);
    }
}
