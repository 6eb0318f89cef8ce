//! New credentials.

use std::{fmt, marker::PhantomData};

use portcullis_core::{CredentialId, Secret};
use zeroize::Zeroizing;

use crate::{
    Environment, Hint, Kind, TokenKind, base62,
    token::{TAIL_LENGTH, hint_of, tail_of},
};

/// A new credential, before its owner has been given it. Wiped when dropped.
///
/// The text is shown once and kept nowhere: what is kept is the MAC of [`Minted::tail`]. `Debug`,
/// `Display` and serde show the [`Hint`].
pub struct Minted<K: Kind> {
    // INVARIANT: a prefix and a tail, of this id, this environment and the kind `K`.
    text: Secret<String>,
    id: CredentialId,
    environment: Environment,
    kind: PhantomData<K>,
}

/// The generator of the operating system failed, or gave nothing but the same few values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the random generator failed")]
pub struct GeneratorError {
    source: Option<getrandom::Error>,
}

impl<K: Kind> Minted<K> {
    /// A credential of which the text is one of this id, this environment and the kind `K`.
    pub(crate) const fn new(
        text: Secret<String>,
        id: CredentialId,
        environment: Environment,
    ) -> Self {
        Self {
            text,
            id,
            environment,
            kind: PhantomData,
        }
    }

    /// The whole text, which is to be shown to its owner and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The whole text, in charge of the caller.
    #[must_use]
    pub fn into_secret(self) -> Secret<String> {
        self.text
    }

    /// What the credential is for.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        K::KIND
    }

    /// Where it is valid.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// Its public half.
    #[must_use]
    pub const fn id(&self) -> CredentialId {
        self.id
    }

    /// The last 55 characters, which are what [`PepperRing::mac`](crate::PepperRing::mac) takes.
    #[must_use]
    pub fn tail(&self) -> &[u8; TAIL_LENGTH] {
        tail_of(self.text.expose().as_bytes())
    }

    /// What may be shown of it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        hint_of(self.text.expose().as_bytes())
    }
}

impl<K: Kind> fmt::Display for Minted<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.hint(), f)
    }
}

impl<K: Kind> fmt::Debug for Minted<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Minted({})", self.hint())
    }
}

#[cfg(feature = "serde")]
impl<K: Kind> serde::Serialize for Minted<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.hint().serialize(serializer)
    }
}

impl GeneratorError {
    /// A generator that never gives a byte that can be used.
    pub(crate) const STUCK: Self = Self { source: None };
}

/// Fills a buffer from the generator of the operating system.
pub(crate) fn fill_from_system(buffer: &mut [u8]) -> Result<(), GeneratorError> {
    getrandom::fill(buffer).map_err(|error| GeneratorError {
        source: Some(error),
    })
}

/// Draws the 16 characters of an id and the 32 of a secret by rejection sampling.
///
/// 62 of 64 bytes are used on average, so one round nearly always suffices; that 64 rounds don't
/// is a generator that is stuck.
pub(crate) fn draw(
    mut fill: impl FnMut(&mut [u8]) -> Result<(), GeneratorError>,
) -> Result<Zeroizing<[u8; 48]>, GeneratorError> {
    let mut random = Zeroizing::new([0; 64]);
    let mut drawn = Zeroizing::new([0; 48]);
    let mut places = drawn.iter_mut();
    for _ in 0..64 {
        fill(random.as_mut_slice())?;
        for character in random.iter().filter_map(|&byte| base62::sample(byte)) {
            match places.next() {
                Some(place) => *place = character,
                None => return Ok(drawn),
            }
        }
        if places.len() == 0 {
            return Ok(drawn);
        }
    }
    Err(GeneratorError::STUCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_generator_is_an_error_and_not_an_endless_loop() {
        let stuck = draw(|buffer| {
            buffer.fill(0xff);
            Ok(())
        });
        assert_eq!(stuck.map(|_| ()), Err(GeneratorError::STUCK));
    }

    #[test]
    fn rejected_bytes_are_drawn_again_and_change_nothing_else() {
        let mut round = 0;
        let drawn = draw(|buffer| {
            round += 1;
            buffer.fill(255);
            buffer[..24].fill(if round == 1 { 61 } else { 247 });
            Ok(())
        });
        assert_eq!(drawn.unwrap().as_slice(), [b'z'; 48]);
        assert_eq!(round, 2);
    }
}
