//! What was released once is read for ever.

#![cfg(test)]

use portcullis_testkit::FROZEN_TOKENS;
use portcullis_token::{Environment, PepperRing, PepperVersion, TokenFormat};
use serde_json::Value;

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

#[test]
fn every_released_token_parses_and_has_its_mac_and_hint() {
    let frozen: Value = serde_json::from_str(FROZEN_TOKENS).unwrap();
    let peppers: PepperRing = text(&frozen, "ring").parse().unwrap();
    let tokens = frozen["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 24);
    for released in tokens {
        let environment: Environment = text(released, "environment").parse().unwrap();
        let format = TokenFormat::new(text(released, "brand"), environment).unwrap();
        let token = format
            .recognize(text(released, "token").as_bytes())
            .unwrap();
        assert!(token.checksum_holds());
        assert_eq!(token.id().to_string(), text(released, "id"));
        assert_eq!(token.kind().as_str(), text(released, "kind"));
        for (number, member) in [(1, "mac_1_hex"), (2, "mac_2_hex")] {
            let version = PepperVersion::new(number).unwrap();
            let mac = peppers.mac_with(version, token.tail()).unwrap();
            let bytes = mac.as_bytes().iter();
            let hex: String = bytes.map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, text(released, member));
        }
    }
}

#[test]
fn the_vectors_are_those_that_the_crate_is_tested_with() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../portcullis-token/tests/data/frozen.json"
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), FROZEN_TOKENS);
}
