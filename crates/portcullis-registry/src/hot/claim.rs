//! A credential as it is presented.

use std::net::IpAddr;

use portcullis_core::CredentialId;
use portcullis_token::{AnyToken, Environment, Mac, PepperRing, PepperVersion, TokenKind};

/// A credential as it is presented: what the table has to know of it, however it came.
#[derive(Debug)]
pub(crate) struct Claim<M> {
    pub(crate) id: CredentialId,
    pub(crate) kind: TokenKind,
    /// Nothing if it doesn't say, as a key of another system doesn't.
    pub(crate) environment: Option<Environment>,
    /// From where it comes, if that is known.
    pub(crate) ip: Option<IpAddr>,
    /// Its MAC under the current pepper, made before a lock is taken.
    pub(crate) current: (PepperVersion, Mac),
    /// Makes its MAC under another pepper; nothing if there is no such pepper.
    pub(crate) mac_under: M,
}

/// The claim of a token of ours.
pub(crate) fn claim<'t>(
    token: &'t AnyToken<'_>,
    ip: Option<IpAddr>,
    peppers: &'t PepperRing,
) -> Claim<impl Fn(PepperVersion) -> Option<Mac> + 't> {
    Claim {
        id: token.id(),
        kind: token.kind(),
        environment: Some(token.environment()),
        ip,
        current: peppers.mac(token.tail()),
        mac_under: move |version| peppers.mac_with(version, token.tail()),
    }
}
