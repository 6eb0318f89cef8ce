//! What is decided once a credential is verified: suspension, holder, scopes, rate.

use std::{sync::Arc, time::Duration};

use portcullis_error::{Cause, Denial, Rate};
use portcullis_limit::{Decision, Usage};
use portcullis_registry::{Identity, Principal, Refusal, StoreError, Suspension, Visit};
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

/// What a decision denies.
pub(crate) struct Refused {
    pub(crate) denial: Denial,
    /// Whom it was denied and why, if the bearer has shown the right secret.
    pub(crate) of: Option<Box<(Principal, Refusal)>>,
}

impl Refused {
    pub(crate) fn of(denial: Denial, principal: Principal) -> Self {
        let refusal = refusal(&denial.cause);
        Self {
            denial,
            of: refusal.map(|refusal| Box::new((principal, refusal))),
        }
    }
}

impl<D: Into<Denial>> From<D> for Refused {
    fn from(denial: D) -> Self {
        Self {
            denial: denial.into(),
            of: None,
        }
    }
}

/// What is counted of a cause; nothing of one that is not due to a verified credential.
pub(crate) const fn refusal(cause: &Cause) -> Option<Refusal> {
    Some(match cause {
        Cause::BillingSuspended => Refusal::Suspended,
        Cause::SessionRequired | Cause::KeyRequired => Refusal::Holder,
        Cause::InsufficientScope { .. } | Cause::ExcessScope { .. } => Refusal::Scope,
        Cause::RateLimited { .. } => Refusal::Rate,
        Cause::InsufficientCredits => Refusal::Credits,
        _ => return None,
    })
}

impl Guard {
    /// Everything that is decided while the credential is held.
    ///
    /// What passes here is counted, unless it has a price: then it is counted once that is there.
    pub(crate) fn decide(
        &self,
        visit: &mut Visit<'_>,
        agent: Option<&[u8]>,
    ) -> Result<Admitted, Refused> {
        visit.note_agent(agent.unwrap_or_default());
        let default = self.gate().quota(visit.kind());
        if let Some(cause) = self.forbids(visit.is_suspended(), visit.kind(), visit.scopes()) {
            let cause = too_often(visit.check_denial(default)).unwrap_or(cause);
            return Err(self.refused_at(visit, cause, visit.peek_rate(default)));
        }
        let (retry_after, usage) = match visit.check_rate(default, self.access().cost()) {
            Some(Decision::Refuse { retry_after, usage }) => (Some(retry_after), Some(usage)),
            Some(Decision::NeverFits { .. }) => (None, visit.peek_rate(default)),
            admitted => {
                if !self.has_price() {
                    visit.note_passed();
                }
                if let Some(used) = self.used_of(visit.scopes()) {
                    visit.note_used(used);
                }
                return Ok(Admitted {
                    principal: visit.principal(),
                    rate: admitted.and_then(|admitted| admitted.usage()),
                });
            }
        };
        Err(self.refused_at(visit, Cause::RateLimited { retry_after }, usage))
    }

    fn refused_at(&self, visit: &mut Visit<'_>, cause: Cause, usage: Option<Usage>) -> Refused {
        if let Some(refusal) = refusal(&cause) {
            visit.note_refused(refusal);
        }
        Refused::of(self.told(Denial::new(cause), usage), visit.principal())
    }

    /// The same for a user of the application's own, who counts as a session.
    pub(crate) fn decide_external(
        &self,
        identity: Arc<Identity>,
        standing: Suspension,
    ) -> Result<Admitted, Refused> {
        let principal = Principal::external(identity, self.gate().verifier().catalogue());
        let windows = self.gate().externals();
        let is_suspended = standing == Suspension::Suspended;
        if let Some(cause) = self.forbids(is_suspended, TokenKind::Session, principal.scopes()) {
            let denied = windows.map(|windows| windows.check_denial(&principal));
            let cause = too_often(denied).unwrap_or(cause);
            let usage = windows.map(|windows| windows.peek(&principal));
            return Err(Refused::of(self.told(Denial::new(cause), usage), principal));
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
        let denial = Denial::new(Cause::RateLimited { retry_after });
        Err(Refused::of(self.told(denial, usage), principal))
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
