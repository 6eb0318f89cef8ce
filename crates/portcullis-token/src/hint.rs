//! What may be shown of a credential.

use std::fmt;

use portcullis_core::CredentialId;

use crate::inline::InlineText;

/// What may be shown of a credential: its prefix and the ends of its id, `ap_live_qBhy...TVyA`.
///
/// No character of the secret is in it. It is made from parts that are public, so it can be shown
/// at any time; see [`TokenFormat::hint`](crate::TokenFormat::hint).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Hint(InlineText<34>);

impl Hint {
    /// The hint of what begins with a prefix and the characters of an id.
    pub(crate) fn new(prefix: &[u8], id: &[u8; CredentialId::LENGTH]) -> Self {
        let [a, b, c, d, .., w, x, y, z] = *id;
        let text = InlineText::EMPTY.push(prefix);
        Self(text.push(&[a, b, c, d, b'.', b'.', b'.', w, x, y, z]))
    }

    /// The hint of a key that another system issued: its prefix, `sk-social-...`.
    ///
    /// The id is no part of such a key, and all that is behind the prefix may be secret.
    #[must_use]
    pub fn of_imported(prefix: &str) -> Self {
        Self(InlineText::EMPTY.push(prefix.as_bytes()).push(b"..."))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl AsRef<str> for Hint {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hint({self})")
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Hint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
