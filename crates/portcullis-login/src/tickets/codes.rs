//! Codes, and the MACs that are kept in their place.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_core::Secret;
use portcullis_token::{Mac, Pepper, PepperRing};
use zeroize::Zeroizing;

use crate::{
    TicketMac,
    id::{self, RandomError},
};

/// The codes of one purpose: their MACs are under a subkey of the peppers of its own.
#[derive(Clone, Debug)]
pub(crate) struct Codes(PepperRing);

/// 256 bits that nobody guesses, as 43 characters of base64url.
pub(crate) fn draw() -> Result<Secret<String>, RandomError> {
    let mut random = Zeroizing::new([0; 32]);
    id::fill(random.as_mut_slice())?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(random.as_slice())))
}

impl Codes {
    pub(crate) fn new(peppers: &PepperRing, purpose: &str) -> Self {
        Self(peppers.subkeys(purpose))
    }

    /// What is kept of a new code.
    pub(crate) fn mac(&self, code: &[u8]) -> TicketMac {
        let current = self.0.pepper(self.0.current());
        // INVARIANT: a ring has its current pepper.
        TicketMac::from_bytes(current.map_or([0; 32], |pepper| bytes(pepper, code)))
    }

    /// What may be kept of a code, under each of the peppers; the newest first.
    pub(crate) fn macs(&self, code: &[u8]) -> Vec<TicketMac> {
        let versions = self.0.versions().into_iter().rev();
        let peppers = versions.filter_map(|version| self.0.pepper(version));
        let macs = peppers.map(|pepper| TicketMac::from_bytes(bytes(pepper, code)));
        macs.collect()
    }

    /// A seal on a message, as 43 characters of base64url.
    pub(crate) fn seal(&self, message: &[u8]) -> String {
        text(&self.mac(message))
    }

    /// Whether a text is the seal on a message, under any of the peppers.
    ///
    /// It takes the same time wherever the two differ.
    pub(crate) fn is_seal(&self, message: &[u8], seal: &str) -> bool {
        let Some(given) = read(seal) else {
            return false;
        };
        let given = Mac::from_bytes(given);
        let macs = self.macs(message);
        let found = macs.iter().map(|mac| Mac::from_bytes(*mac.as_bytes()));
        found.fold(false, |is_one, mac| is_one | (mac == given))
    }
}

/// A MAC as 43 characters of base64url.
pub(crate) fn text(mac: &TicketMac) -> String {
    URL_SAFE_NO_PAD.encode(mac.as_bytes())
}

/// 32 bytes of 43 characters of base64url.
pub(crate) fn read(text: &str) -> Option<[u8; 32]> {
    if text.len() != 43 {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn bytes(pepper: &Pepper, code: &[u8]) -> [u8; 32] {
    *pepper.mac_message(code).as_bytes()
}

#[cfg(test)]
mod tests {
    use portcullis_token::PepperVersion;

    use super::*;

    #[test]
    fn codes_of_one_purpose_are_none_of_another_and_survive_a_new_pepper() {
        let ring = PepperRing::generate().unwrap();
        let (one, other) = (Codes::new(&ring, "one"), Codes::new(&ring, "other"));
        assert_eq!(one.mac(b"code"), one.macs(b"code")[0]);
        assert_ne!(one.mac(b"code"), other.mac(b"code"));
        assert_ne!(one.mac(b"code"), one.mac(b"codf"));

        let second = PepperVersion::new(2).unwrap();
        let ring = ring.with(second, Pepper::generate().unwrap());
        let ring = ring.with_current(second).unwrap();
        let renewed = Codes::new(&ring, "one");
        assert_ne!(renewed.mac(b"code"), one.mac(b"code"));
        assert_eq!(
            renewed.macs(b"code"),
            [renewed.mac(b"code"), one.mac(b"code")]
        );
        assert!(renewed.is_seal(b"code", &one.seal(b"code")));
        let seal = renewed.seal(b"code");
        assert!(renewed.is_seal(b"code", &seal));
        for wrong in [
            "",
            seal.get(1..).unwrap(),
            &seal.to_ascii_lowercase(),
            &format!("{seal}A"),
        ] {
            assert!(!renewed.is_seal(b"code", wrong), "{wrong}");
        }
        assert!(!renewed.is_seal(b"codf", &seal));
    }

    #[test]
    fn a_drawn_code_has_43_characters_and_never_comes_again() {
        let (one, other) = (draw().unwrap(), draw().unwrap());
        assert_eq!(one.expose().len(), 43);
        assert!(read(one.expose()).is_some());
        assert_ne!(one.expose(), other.expose());
    }
}
