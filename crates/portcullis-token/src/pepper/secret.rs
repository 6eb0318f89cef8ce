//! One secret of the server.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac as _};
use portcullis_core::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Mac, hmac::HmacState};
use crate::{GeneratorError, mint::fill_from_system};

/// What the MACs of a pepper's own derivations begin with. None is made of base62 alone, so none
/// can be the MAC of a credential.
const FINGERPRINT_TAG: &[u8] = b"portcullis: fingerprint of a pepper";
const SUBKEY_TAG: &[u8] = b"portcullis: subkey of a pepper: ";
const IMPORTED_TAG: &str = "imported keys";

/// A secret of the server, which keys the MACs that are kept of credentials.
///
/// It belongs outside the data that it protects: a copy of the store is worth nothing without it.
/// The states of HMAC-SHA256 behind the key are kept, so that the MAC of a credential costs two
/// compressions. Clones share one memory, which is wiped when the last is dropped.
///
/// # Examples
/// ```
/// use portcullis_token::Pepper;
///
/// let pepper = Pepper::generate()?;
/// assert_eq!(pepper.fingerprint(), pepper.clone().fingerprint());
/// assert_ne!(pepper.fingerprint(), pepper.subkey("user codes").fingerprint());
/// assert_eq!(format!("{pepper:?}"), "Pepper(..)");
/// # Ok::<(), portcullis_token::GeneratorError>(())
/// ```
#[derive(Clone)]
pub struct Pepper(Arc<Inner>);

struct Inner {
    state: HmacState,
    imported: HmacState,
    key: Zeroizing<[u8; 32]>,
}

impl Pepper {
    /// The pepper of these bytes, which must come from a generator fit for secrets.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let key = Zeroizing::new(bytes);
        let imported = Zeroizing::new(hmac(&key, &[SUBKEY_TAG, IMPORTED_TAG.as_bytes()]));
        Self(Arc::new(Inner {
            state: HmacState::new(&key),
            imported: HmacState::new(&imported),
            key,
        }))
    }

    /// A new pepper, from the generator of the operating system.
    ///
    /// # Errors
    /// [`GeneratorError`] if the generator fails.
    pub fn generate() -> Result<Self, GeneratorError> {
        let mut key = Zeroizing::new([0; 32]);
        fill_from_system(key.as_mut_slice())?;
        Ok(Self::from_bytes(*key))
    }

    /// Eight bytes by which a store knows its pepper again, and which tell nothing of it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        let mac = hmac(&self.0.key, &[FINGERPRINT_TAG]);
        mac.first_chunk().copied().unwrap_or_default()
    }

    /// The pepper of one purpose. Those of different tags tell nothing of each other.
    ///
    /// The tag `imported keys` is taken by [`PepperRing::import`](crate::PepperRing::import).
    #[must_use]
    pub fn subkey(&self, tag: &str) -> Self {
        Self::from_bytes(hmac(&self.0.key, &[SUBKEY_TAG, tag.as_bytes()]))
    }

    /// The MAC of any message. Take a [`Pepper::subkey`] for each purpose.
    #[must_use]
    pub fn mac_message(&self, message: &[u8]) -> Mac {
        Mac::from_bytes(hmac(&self.0.key, &[message]))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0.key
    }

    /// The bytes in base64 (RFC 4648, section 4), as [`PepperRing`](crate::PepperRing) reads them.
    #[must_use]
    pub fn to_base64(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.expose()))
    }

    pub(super) fn state(&self) -> &HmacState {
        &self.0.state
    }

    /// The states of the subkey for imported keys.
    pub(crate) fn imported(&self) -> &HmacState {
        &self.0.imported
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// HMAC-SHA256 of a message in parts, of any length, off the hot path.
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // INVARIANT: HMAC takes a key of 32 bytes, padded to the block (RFC 2104, section 2).
    let mut block = Zeroizing::new([0; 64]);
    for (place, &byte) in block.iter_mut().zip(key) {
        *place = byte;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
