//! Proof Key for Code Exchange (RFC 7636), with `S256` alone.

use portcullis_token::Mac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::tickets;

/// The challenge of a client: the SHA-256 of its verifier.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Challenge(String);

impl Challenge {
    /// Reads 43 characters of base64url, as the hash of 32 bytes has (RFC 7636, section 4.2).
    pub(super) fn read(text: &str) -> Option<Self> {
        tickets::read(text).map(|_| Self(text.to_owned()))
    }

    /// Whether it is the challenge of a verifier: 43 to 128 of `[A-Za-z0-9-._~]` (section 4.1).
    pub(super) fn is_of(&self, verifier: &str) -> bool {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_fine) {
            return false;
        }
        let hash: [u8; 32] = Sha256::digest(verifier.as_bytes()).into();
        // The comparison of `Mac` takes the same time wherever the two differ.
        tickets::read(&self.0).is_some_and(|kept| Mac::from_bytes(kept) == Mac::from_bytes(hash))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    impl Challenge {
        fn of(verifier: &str) -> Self {
            Self(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())))
        }
    }

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = Challenge::read("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert_eq!(challenge, Challenge::of(verifier));
        assert!(challenge.is_of(verifier));
        for wrong in [
            "",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl",
        ] {
            assert!(!challenge.is_of(wrong), "{wrong}");
        }
    }

    #[test]
    fn verifiers_have_43_to_128_unreserved_characters() {
        for length in [43, 128] {
            let verifier = "~".repeat(length);
            assert!(Challenge::of(&verifier).is_of(&verifier));
        }
        for verifier in [
            "a".repeat(42),
            "a".repeat(129),
            format!("{}+", "a".repeat(43)),
        ] {
            assert!(!Challenge::of(&verifier).is_of(&verifier), "{verifier}");
        }
    }

    #[test]
    fn challenges_are_43_characters_of_base64url() {
        for text in ["", &"a".repeat(42), &"a".repeat(44), &"+".repeat(43)] {
            assert_eq!(Challenge::read(text), None, "{text}");
        }
    }
}
