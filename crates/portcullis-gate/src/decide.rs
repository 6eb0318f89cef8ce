//! What is decided once a credential is verified: suspension, holder, scopes, rate.

use std::{sync::Arc, time::Duration};

use portcullis_error::{Cause, Denial, Rate};
use portcullis_limit::{Decision, Usage};
use portcullis_registry::{Identity, Principal, StoreError, Suspension, Visit};
use portcullis_scope::{CompiledRequirement, Coverage, Scope, ScopeSet};
use portcullis_token::TokenKind;

use crate::{Guard, Holder};

/// How often a record is read again that changes while it is being looked at.
pub(crate) const TRIES: usize = 4;

/// When a request may be tried again that found the store out of reach.
pub(crate) const UNAVAILABLE_FOR: Duration = Duration::from_secs(1);

pub(crate) const UNAVAILABLE: Cause = Cause::Unavailable {
    retry_after: Some(UNAVAILABLE_FOR),
};

/// What a decision lets pass.
pub(crate) struct Admitted {
    pub(crate) principal: Principal,
    pub(crate) rate: Option<Usage>,
}

impl Guard {
    /// Everything that is decided while the credential is held.
    pub(crate) fn decide(&self, visit: &mut Visit<'_>) -> Result<Admitted, Denial> {
        let default = self.gate().quota(visit.kind());
        if let Some(cause) = self.forbids(visit.is_suspended(), visit.kind(), visit.scopes()) {
            visit.note_denied();
            let cause = too_often(visit.check_denial(default)).unwrap_or(cause);
            return Err(self.told(Denial::new(cause), visit.peek_rate(default)));
        }
        let (retry_after, usage) = match visit.check_rate(default, self.access().cost()) {
            Some(Decision::Refuse { retry_after, usage }) => (Some(retry_after), Some(usage)),
            Some(Decision::NeverFits { .. }) => (None, visit.peek_rate(default)),
            admitted => {
                visit.note_passed();
                return Ok(Admitted {
                    principal: visit.principal(),
                    rate: admitted.and_then(|admitted| admitted.usage()),
                });
            }
        };
        visit.note_denied();
        Err(self.told(Denial::new(Cause::RateLimited { retry_after }), usage))
    }

    /// The same for a user of the application's own, who counts as a session.
    pub(crate) fn decide_external(
        &self,
        identity: Arc<Identity>,
        standing: Suspension,
    ) -> Result<Admitted, Denial> {
        let principal = Principal::external(identity, self.gate().verifier().catalogue());
        let windows = self.gate().externals();
        let is_suspended = standing == Suspension::Suspended;
        if let Some(cause) = self.forbids(is_suspended, TokenKind::Session, principal.scopes()) {
            let denied = windows.map(|windows| windows.check_denial(&principal));
            let cause = too_often(denied).unwrap_or(cause);
            let usage = windows.map(|windows| windows.peek(&principal));
            return Err(self.told(Denial::new(cause), usage));
        }
        let cost = self.access().cost();
        let (retry_after, usage) = match windows.map(|windows| windows.check(&principal, cost)) {
            Some(Decision::Refuse { retry_after, usage }) => (Some(retry_after), Some(usage)),
            Some(Decision::NeverFits { .. }) => {
                (None, windows.map(|windows| windows.peek(&principal)))
            }
            admitted => {
                let rate = admitted.and_then(|admitted| admitted.usage());
                return Ok(Admitted { principal, rate });
            }
        };
        Err(self.told(Denial::new(Cause::RateLimited { retry_after }), usage))
    }

    /// Why a verified credential may not call this route at all.
    pub(crate) fn forbids(
        &self,
        is_suspended: bool,
        kind: TokenKind,
        scopes: &ScopeSet,
    ) -> Option<Cause> {
        if is_suspended {
            return Some(Cause::BillingSuspended);
        }
        match (self.access().holder(), kind) {
            (Holder::Session, TokenKind::ApiKey) => return Some(Cause::SessionRequired),
            (Holder::Key, TokenKind::Session) => return Some(Cause::KeyRequired),
            _ => {}
        }
        let (requirement, required) = self.requirement()?;
        lacks(requirement, || Arc::clone(required), scopes)
    }

    /// A denial with the limit as it stands, if there is one.
    pub(crate) fn told(&self, denial: Denial, usage: Option<Usage>) -> Denial {
        match usage {
            Some(usage) => denial.with_rate(self.rate(&usage)),
            None => denial,
        }
    }

    pub(crate) fn rate(&self, usage: &Usage) -> Rate {
        let now = self.gate().verifier().clock().now();
        Rate::new(usage.limit, usage.remaining, now, usage.reset_after)
    }
}

/// What scopes lack of a requirement, whose names are `required`.
pub(crate) fn lacks(
    requirement: &CompiledRequirement,
    required: impl FnOnce() -> Arc<str>,
    scopes: &ScopeSet,
) -> Option<Cause> {
    if requirement.is_covered_by(scopes) {
        return None;
    }
    match requirement.covers(scopes) {
        Coverage::Covered => None,
        Coverage::Lacks {
            missing,
            sufficient,
        } => Some(Cause::insufficient_scope(
            required(),
            missing.iter().map(Scope::as_str),
            sufficient.iter().map(Scope::as_str),
        )),
    }
}

/// Refusals are free but not endless.
fn too_often(denied: Option<Decision>) -> Option<Cause> {
    match denied {
        Some(Decision::Refuse { retry_after, .. }) => Some(Cause::RateLimited {
            retry_after: Some(retry_after),
        }),
        _ => None,
    }
}

/// What a failure of the store is to the client. What went wrong inside goes to the log alone.
pub(crate) fn unavailable(error: &StoreError) -> Cause {
    let source = std::error::Error::source(error);
    tracing::error!(error = %error, source = ?source, "the store is out of reach");
    UNAVAILABLE
}
