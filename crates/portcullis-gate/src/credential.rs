//! What a request presents, once it is known for whose it is taken.

use std::net::IpAddr;

use portcullis_core::Secret;
use portcullis_registry::{Hot, Loaded, Principal, Refusal, StoreError, Verifier, Visit};
use portcullis_token::{AnyToken, OwnedToken, ParseTokenError, TokenKind};

/// A credential, borrowed from the header that it came in.
#[derive(Clone, Copy)]
pub(crate) enum Credential<'t> {
    /// A key or a session of ours.
    Token(AnyToken<'t>),
    /// A text that may be an imported key of another system.
    Imported(&'t [u8]),
    /// A text that is neither: for an authenticator of the application's own, if there is one.
    Foreign(&'t [u8]),
}

/// A credential that outlives its header.
pub(crate) enum OwnedCredential {
    Token(OwnedToken),
    Imported(Secret<Vec<u8>>),
}

impl<'t> Credential<'t> {
    /// What a text is taken for: one of ours first. Nothing if it is ours and no credential.
    pub(crate) fn recognize(verifier: &Verifier, text: &'t [u8]) -> Option<Self> {
        match verifier.format().recognize(text) {
            Ok(token) if is_a_credential(token.kind()) => Some(Self::Token(token)),
            Ok(token) if token.checksum_holds() => None,
            // Of an environment that is not served here: ours all the same, and nobody else's.
            Err(ParseTokenError::Environment { .. }) => None,
            _ => Some(Self::of_another(verifier, text)),
        }
    }

    /// What a text is that is none of our tokens.
    pub(crate) fn of_another(verifier: &Verifier, text: &'t [u8]) -> Self {
        let mut schemes = verifier.imported_schemes().iter();
        if schemes.any(|scheme| scheme.matches(text)) {
            Self::Imported(text)
        } else {
            Self::Foreign(text)
        }
    }

    /// Whether it can be what it is taken for. Worth its time only when it is not in memory.
    pub(crate) fn is_well_formed(&self) -> bool {
        match self {
            Self::Token(token) => token.checksum_holds(),
            Self::Imported(_) | Self::Foreign(_) => true,
        }
    }

    pub(crate) fn visit<R>(
        &self,
        verifier: &Verifier,
        ip: Option<IpAddr>,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        match self {
            Self::Token(token) => verifier.visit(token, ip, f),
            Self::Imported(text) => verifier.visit_imported(text, ip, f),
            Self::Foreign(_) => Hot::Rejected,
        }
    }

    /// Why it was rejected and whom it speaks for, if its secret is right.
    pub(crate) fn explain(
        &self,
        verifier: &Verifier,
        ip: Option<IpAddr>,
    ) -> Option<(Refusal, Principal)> {
        match self {
            Self::Token(token) => verifier.explain(token, ip),
            Self::Imported(text) => verifier.explain_imported(text, ip),
            Self::Foreign(_) => None,
        }
    }

    pub(crate) fn to_owned(self) -> OwnedCredential {
        match self {
            Self::Token(token) => OwnedCredential::Token(token.to_owned()),
            Self::Imported(text) | Self::Foreign(text) => {
                OwnedCredential::Imported(Secret::new(text.to_vec()))
            }
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

    /// The text of one that may be another system's after all.
    pub(crate) fn foreign_text(&self) -> Option<&[u8]> {
        match self {
            Self::Token(_) => None,
            Self::Imported(text) => Some(text.expose()),
        }
    }

    pub(crate) async fn load_if(
        &self,
        verifier: &Verifier,
        is_wanted: impl Fn() -> bool + Send + Sync,
    ) -> Result<Loaded, StoreError> {
        match self {
            Self::Token(token) => verifier.load_if(token.id(), is_wanted).await,
            Self::Imported(text) => verifier.load_imported_if(text.expose(), is_wanted).await,
        }
    }
}

const fn is_a_credential(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::ApiKey | TokenKind::Session)
}
