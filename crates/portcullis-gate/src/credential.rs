//! What a request presents, once it is known for whose it is taken.

use std::net::IpAddr;

use portcullis_core::Secret;
use portcullis_registry::{Hot, Loaded, Registry, StoreError, Visit};
use portcullis_token::{AnyToken, OwnedToken, TokenKind};

/// A credential, borrowed from the header that it came in.
#[derive(Clone, Copy)]
pub(crate) enum Credential<'t> {
    /// A key or a session of ours.
    Token(AnyToken<'t>),
    /// A text that may be a key of another system.
    Imported(&'t [u8]),
}

/// A credential that outlives its header.
pub(crate) enum OwnedCredential {
    Token(OwnedToken),
    Imported(Secret<Vec<u8>>),
}

impl<'t> Credential<'t> {
    /// What a text is taken for: one of ours first. Nothing if it is ours and no credential.
    pub(crate) fn recognize(registry: &Registry, text: &'t [u8]) -> Option<Self> {
        match registry.format().recognize(text) {
            Ok(token) if is_a_credential(token.kind()) => Some(Self::Token(token)),
            Ok(token) if token.checksum_holds() => None,
            _ => Some(Self::Imported(text)),
        }
    }

    /// Whether it can be what it is taken for. Worth its time only when it is not in memory.
    pub(crate) fn is_well_formed(&self) -> bool {
        match self {
            Self::Token(token) => token.checksum_holds(),
            Self::Imported(_) => true,
        }
    }

    pub(crate) fn visit<R>(
        &self,
        registry: &Registry,
        ip: Option<IpAddr>,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        match self {
            Self::Token(token) => registry.visit(token, ip, f),
            Self::Imported(text) => registry.visit_imported(text, ip, f),
        }
    }

    pub(crate) fn to_owned(self) -> OwnedCredential {
        match self {
            Self::Token(token) => OwnedCredential::Token(token.to_owned()),
            Self::Imported(text) => OwnedCredential::Imported(Secret::new(text.to_vec())),
        }
    }
}

impl OwnedCredential {
    pub(crate) fn as_credential(&self) -> Credential<'_> {
        match self {
            Self::Token(token) => Credential::Token(token.as_token()),
            Self::Imported(text) => Credential::Imported(text.expose()),
        }
    }

    pub(crate) async fn load_if(
        &self,
        registry: &Registry,
        is_wanted: impl Fn() -> bool + Send + Sync,
    ) -> Result<Loaded, StoreError> {
        match self {
            Self::Token(token) => registry.load_if(token.id(), is_wanted).await,
            Self::Imported(text) => registry.load_imported_if(text.expose(), is_wanted).await,
        }
    }
}

const fn is_a_credential(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::ApiKey | TokenKind::Session)
}
