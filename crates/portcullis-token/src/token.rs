//! Credentials that have been read.

use std::{fmt, marker::PhantomData};

use portcullis_core::CredentialId;
use zeroize::Zeroize;

use crate::{Environment, Hint, Kind, TokenKind, base62, checksum};

/// The length of a credential behind its prefix: id, secret, version character and checksum.
pub(crate) const TAIL_LENGTH: usize = 55;
/// Where the version character stands in the tail.
pub(crate) const VERSION_AT: usize = 48;

/// A credential of any kind, borrowed from the text that it was read from.
///
/// Its shape and alphabet are right and its kind letter and version character agree; that its
/// checksum holds is promised by [`TokenFormat::parse`](crate::TokenFormat::parse) and
/// [`scan`](crate::scan), not by [`TokenFormat::recognize`](crate::TokenFormat::recognize).
/// `Debug`, `Display` and serde show the [`Hint`].
#[derive(Clone, Copy)]
pub struct AnyToken<'t> {
    // INVARIANT: a prefix and a tail, of `kind` and `environment`.
    text: &'t [u8],
    kind: TokenKind,
    environment: Environment,
}

impl<'t> AnyToken<'t> {
    /// A token of which the text was checked to be of this kind and environment.
    #[inline]
    pub(crate) const fn new(text: &'t [u8], kind: TokenKind, environment: Environment) -> Self {
        Self {
            text,
            kind,
            environment,
        }
    }

    /// What the credential is for.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Where it is valid.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// Its public half, decoded each time: keep it where it is needed more than once.
    #[must_use]
    #[inline]
    pub fn id(&self) -> CredentialId {
        id_of(self.text)
    }

    /// The last 55 characters, which are what [`PepperRing::mac`](crate::PepperRing::mac) takes.
    #[must_use]
    #[inline]
    pub fn tail(&self) -> &'t [u8; TAIL_LENGTH] {
        tail_of(self.text)
    }

    /// What may be shown of it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        hint_of(self.text)
    }

    /// Computes the checksum and compares it.
    ///
    /// Worth its time only when the id is not known: the MAC covers the checksum already.
    #[must_use]
    #[inline]
    pub fn checksum_holds(&self) -> bool {
        checksum::holds(self.text)
    }

    /// The same token with its kind as a type, if it is of that kind. The checksum isn't computed.
    #[must_use]
    pub fn typed<K: Kind>(self) -> Option<Token<'t, K>> {
        (self.kind == K::KIND).then_some(Token {
            any: self,
            kind: PhantomData,
        })
    }

    /// A copy that outlives the text, wiped when dropped. It allocates once.
    #[must_use]
    pub fn to_owned(&self) -> OwnedToken {
        OwnedToken {
            text: Box::from(self.text),
            kind: self.kind,
            environment: self.environment,
        }
    }
}

/// A credential of one kind, borrowed from the text that it was read from.
///
/// See [`Kind`] for why the kind is a type. `Debug`, `Display` and serde show the [`Hint`].
#[derive(Clone, Copy)]
pub struct Token<'t, K: Kind> {
    any: AnyToken<'t>,
    kind: PhantomData<K>,
}

impl<'t, K: Kind> Token<'t, K> {
    /// The same token with its kind as a value.
    #[must_use]
    pub const fn as_any(&self) -> AnyToken<'t> {
        self.any
    }

    /// What the credential is for.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        K::KIND
    }

    /// Where it is valid.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.any.environment
    }

    /// Its public half.
    #[must_use]
    #[inline]
    pub fn id(&self) -> CredentialId {
        self.any.id()
    }

    /// The last 55 characters, which are what [`PepperRing::mac`](crate::PepperRing::mac) takes.
    #[must_use]
    #[inline]
    pub fn tail(&self) -> &'t [u8; TAIL_LENGTH] {
        self.any.tail()
    }

    /// What may be shown of it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        self.any.hint()
    }

    /// Computes the checksum and compares it; it holds if the token came from `parse`.
    #[must_use]
    pub fn checksum_holds(&self) -> bool {
        self.any.checksum_holds()
    }

    /// A copy that outlives the text, wiped when dropped. It allocates once.
    #[must_use]
    pub fn to_owned(&self) -> OwnedToken {
        self.any.to_owned()
    }
}

/// A credential that outlives the text that it was read from. Wiped when dropped.
///
/// The secret is behind a pointer, so that a move leaves no copy of it. There is no `Clone`: each
/// copy of a secret is a decision. `Debug`, `Display` and serde show the [`Hint`].
pub struct OwnedToken {
    text: Box<[u8]>,
    kind: TokenKind,
    environment: Environment,
}

impl OwnedToken {
    /// The credential, borrowed.
    #[must_use]
    pub fn as_token(&self) -> AnyToken<'_> {
        AnyToken::new(&self.text, self.kind, self.environment)
    }

    /// What the credential is for.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Where it is valid.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// Its public half.
    #[must_use]
    #[inline]
    pub fn id(&self) -> CredentialId {
        id_of(&self.text)
    }

    /// The last 55 characters, which are what [`PepperRing::mac`](crate::PepperRing::mac) takes.
    #[must_use]
    pub fn tail(&self) -> &[u8; TAIL_LENGTH] {
        tail_of(&self.text)
    }

    /// What may be shown of it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        hint_of(&self.text)
    }
}

impl Drop for OwnedToken {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// The tail of the text of a token.
#[inline]
pub(crate) fn tail_of(text: &[u8]) -> &[u8; TAIL_LENGTH] {
    // INVARIANT: the text of a token is longer than its tail.
    text.last_chunk().unwrap_or(&[b'0'; TAIL_LENGTH])
}

/// The id in the text of a token.
#[inline]
fn id_of(text: &[u8]) -> CredentialId {
    // INVARIANT: 16 characters of base62 are a number below 62^16, so there always is an id.
    let value = tail_of(text).first_chunk().map(base62::decode_16);
    value.and_then(CredentialId::from_value).unwrap_or(FIRST_ID)
}

/// Stands where there always is an id, so that nothing panics.
const FIRST_ID: CredentialId = match CredentialId::from_value(0) {
    Some(id) => id,
    None => panic!("0 is below 62^16"),
};

/// What may be shown of the text of a token.
pub(crate) fn hint_of(text: &[u8]) -> Hint {
    let (prefix, tail) = text.split_at(text.len().saturating_sub(TAIL_LENGTH));
    Hint::new(prefix, tail.first_chunk().unwrap_or(&[b'0'; 16]))
}

impl fmt::Display for AnyToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.hint(), f)
    }
}

impl fmt::Debug for AnyToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyToken({})", self.hint())
    }
}

impl<K: Kind> fmt::Display for Token<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.hint(), f)
    }
}

impl<K: Kind> fmt::Debug for Token<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.hint())
    }
}

impl fmt::Display for OwnedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.hint(), f)
    }
}

impl fmt::Debug for OwnedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedToken({})", self.hint())
    }
}

#[cfg(feature = "serde")]
mod serialize {
    use serde::{Serialize, Serializer};

    use super::{AnyToken, Kind, OwnedToken, Token};

    impl Serialize for AnyToken<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.hint().serialize(serializer)
        }
    }

    impl<K: Kind> Serialize for Token<'_, K> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.hint().serialize(serializer)
        }
    }

    impl Serialize for OwnedToken {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.hint().serialize(serializer)
        }
    }
}
