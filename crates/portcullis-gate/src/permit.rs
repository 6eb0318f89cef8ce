//! What a handler has of a request that passed.

use std::{net::IpAddr, ops::Deref};

use portcullis_core::RequestId;
use portcullis_error::{Cause, Denial};
use portcullis_registry::{Actor, Denied, Hot, Principal, Suspension};
use portcullis_scope::Requirement;
use portcullis_token::TokenKind;

use crate::{
    Guard,
    decide::{TRIES, UNAVAILABLE, lacks, refusal, unavailable},
};

/// Who was let through, and what more a handler may ask about them: found in the extensions of a
/// request that passed. Cheap to clone.
///
/// It is its [`Principal`], and knows the guard that let it through.
///
/// # Examples
/// ```
/// use portcullis_error::Denial;
/// use portcullis_gate::Permit;
/// # use portcullis_scope::Scope;
/// # const POSTS_ADMIN: Scope = Scope::from_static("posts:admin");
///
/// fn delete(permit: &Permit, author: &str) -> Result<(), Denial> {
///     // One's own posts, or anybody's with another scope.
///     if permit.user().is_none_or(|user| user.as_str() != author) {
///         permit.require(POSTS_ADMIN)?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Permit {
    principal: Principal,
    guard: Guard,
    ip: Option<IpAddr>,
    request_id: RequestId,
}

impl Permit {
    pub(crate) const fn new(
        principal: Principal,
        guard: Guard,
        ip: Option<IpAddr>,
        request_id: RequestId,
    ) -> Self {
        Self {
            principal,
            guard,
            ip,
            request_id,
        }
    }

    /// Who calls.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(crate) const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The id of the request.
    #[must_use]
    pub const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// From where the request came, as far as that is known.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The caller as one who changes credentials, from where the request came.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let actor = Actor::from_principal(&self.principal);
        match self.ip {
            Some(ip) => actor.with_ip(ip),
            None => actor,
        }
    }

    /// Asks for more than the route does, where that depends on the resource.
    ///
    /// The request has been charged already: what a handler refuses itself stays charged.
    ///
    /// # Errors
    /// A [`Denial`]: 403 `insufficient_scope`, naming what is asked here; or 503, which is logged,
    /// if the catalogue doesn't declare it.
    pub fn require(&self, scopes: impl Into<Requirement>) -> Result<(), Denial> {
        let catalogue = self.guard.gate().verifier().catalogue();
        let held = self.principal.scopes();
        let cause = match scopes.into().compile(catalogue) {
            Ok(requirement) => {
                if let Some(used) = requirement.used_of(held) {
                    self.guard.gate().verifier().note_used(self, used);
                }
                lacks(&requirement, || requirement.scope_text().into(), held)
            }
            Err(error) => {
                tracing::error!(error = %error, "a handler asks for what the catalogue can't tell");
                Some(UNAVAILABLE)
            }
        };
        let Some(cause) = cause else {
            return Ok(());
        };
        let denial = self.denial(cause);
        if let Some(refusal) = refusal(&denial.cause) {
            let verifier = self.guard.gate().verifier();
            verifier.note_denied(Denied {
                request: self.request_id,
                at: verifier.clock().now(),
                owner: self.principal.owner().clone(),
                credential: self.principal.id(),
                refusal,
                message: denial.message().into_owned(),
                route: String::new(),
                ip: self.ip,
            });
        }
        Err(denial)
    }

    /// Whether the caller would still be let through, as of now: for a stream that lasts.
    ///
    /// Nothing is charged, and it is no use of the credential. It is answered from memory as long
    /// as nothing has changed. Of a user of the application's own the expiry and the owner are
    /// looked at.
    ///
    /// # Errors
    /// The [`Denial`] that a new request would meet: 401 for a credential that has ended or is not
    /// accepted from there any more, 403 for a suspended owner or a scope that was taken away, 503
    /// if that can't be found out now.
    pub async fn recheck(&self) -> Result<(), Denial> {
        let cause = match self.principal.credential() {
            Some(id) => self.recheck_own(id).await,
            None => self.recheck_external().await,
        };
        cause.map_or(Ok(()), |cause| Err(self.denial(cause)))
    }

    async fn recheck_own(&self, id: portcullis_core::CredentialId) -> Option<Cause> {
        let verifier = self.guard.gate().verifier();
        for _ in 0..TRIES {
            let visited = verifier.visit_again(&self.principal, self.ip, |visit| {
                self.guard
                    .forbids(visit.is_suspended(), visit.kind(), visit.scopes())
            });
            match visited {
                Hot::Known(forbidden) => return forbidden,
                Hot::Rejected => return Some(Cause::InvalidToken),
                Hot::UnknownPepper => break,
                Hot::Miss => match verifier.load(id).await {
                    Ok(true) => {}
                    Ok(false) => return Some(Cause::InvalidToken),
                    Err(error) => return Some(unavailable(&error)),
                },
            }
        }
        Some(UNAVAILABLE)
    }

    async fn recheck_external(&self) -> Option<Cause> {
        let verifier = self.guard.gate().verifier();
        let now = verifier.clock().now();
        if self.principal.expires_at().is_some_and(|end| end <= now) {
            return Some(Cause::InvalidToken);
        }
        let owner = self.principal.owner();
        let standing = match verifier.owner_standing(owner) {
            Some(standing) => standing,
            None => match verifier.load_owner(owner).await {
                Ok(standing) => standing,
                Err(error) => return Some(unavailable(&error)),
            },
        };
        let is_suspended = standing == Suspension::Suspended;
        let scopes = self.principal.scopes();
        self.guard.forbids(is_suspended, TokenKind::Session, scopes)
    }

    fn denial(&self, cause: Cause) -> Denial {
        Denial::new(cause).with_request_id(self.request_id)
    }
}

impl Deref for Permit {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}
