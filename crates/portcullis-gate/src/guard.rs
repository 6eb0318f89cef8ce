//! The one order of a check.

use std::{fmt, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use http::{HeaderMap, Method, Response, header, request::Parts};
use portcullis_error::{Cause, Denial, InvalidRequest, Rate};
use portcullis_limit::{Decision, Usage};
use portcullis_registry::{Hot, Loaded, Principal, ReserveError, Visit};
use portcullis_scope::{CompiledRequirement, Coverage};
use portcullis_token::{HeaderError, Presented, TokenKind};

use crate::{
    Access, Gate, GuardError, Holder, Pass, Progress, Verdict,
    credential::{Credential, OwnedCredential},
};

/// When a request may be tried again that found the store out of reach.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(1);
/// How often a record is read again that changes while it is being checked.
const TRIES: usize = 4;

/// The check of one route: an [`Access`], compiled against the gate.
///
/// Cheap to clone. The order is always the same: read the credential (400, 401), verify it (401,
/// 403), holder and scope (403), rate (429), credits (402); the first refusal is the answer, and
/// nothing that comes after it has been charged. A CORS preflight passes untouched.
#[derive(Clone)]
pub struct Guard {
    gate: Gate,
    route: Arc<Route>,
}

struct Route {
    access: Access,
    requirement: Option<CompiledRequirement>,
    required: Arc<str>,
    price: Option<NonZeroU32>,
}

/// What the decision under the credential's lock lets pass.
struct Admitted {
    principal: Principal,
    rate: Option<Usage>,
}

impl Guard {
    pub(crate) fn compile(gate: Gate, access: Access) -> Result<Self, GuardError> {
        let kinds: &[TokenKind] = match access.holder() {
            Holder::Any => &[TokenKind::ApiKey, TokenKind::Session],
            Holder::Session => &[TokenKind::Session],
            Holder::Key => &[TokenKind::ApiKey],
        };
        for &kind in kinds {
            if let Some(quota) = gate.quota(kind)
                && access.cost() > quota.units()
            {
                return Err(GuardError::NeverFits {
                    cost: access.cost(),
                    limit: quota.units(),
                });
            }
        }
        let catalogue = gate.registry().catalogue();
        let requirement = access
            .scopes()
            .map(|scopes| scopes.compile(catalogue))
            .transpose()?;
        let required = requirement
            .as_ref()
            .map_or("", CompiledRequirement::scope_text)
            .into();
        let price = NonZeroU32::new(access.price());
        let route = Arc::new(Route {
            access,
            requirement,
            required,
            price,
        });
        Ok(Self { gate, route })
    }

    /// What the route asks for.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.route.access
    }

    /// The gate.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Checks one request; `peer` is the address of the other end of the connection.
    ///
    /// With the credential in memory and no price to reserve, the answer is there at once
    /// ([`Progress::Done`]) and nothing is boxed. Otherwise [`Progress::Pending`] is the rest of
    /// the same check: nothing is checked or charged twice.
    pub fn check(&self, parts: &Parts, peer: Option<IpAddr>) -> Progress {
        if is_preflight(parts) {
            return Progress::Done(Ok(Pass::untouched(self.gate.clone())));
        }
        let text = match self.gate.read(parts) {
            Presented::One(text, _) => text,
            Presented::None => return denied(Cause::Unauthenticated),
            Presented::Refused(error) => return denied(Cause::InvalidRequest(reason(error))),
        };
        let ip = self.gate.client_ip(&parts.headers, peer);
        let Some(mut credential) = Credential::recognize(self.gate.registry(), text) else {
            return Progress::Done(Err(self.failed(ip)));
        };
        let mut found = self.look(&credential, ip);
        if matches!(found, Hot::Miss) && !credential.is_well_formed() {
            // No token of ours, but the key of another system may look like one.
            credential = Credential::Imported(text);
            found = self.look(&credential, ip);
        }
        match found {
            Hot::Known(decision) => match (decision, self.route.price) {
                (Err(denial), _) => Progress::Done(Err(denial)),
                (Ok(admitted), None) => Progress::Done(Ok(self.pass(admitted))),
                (Ok(admitted), Some(price)) => {
                    let (guard, note) = (self.clone(), note(parts));
                    Progress::pending(async move { guard.reserve(admitted, price, &note).await })
                }
            },
            Hot::Rejected => Progress::Done(Err(self.failed(ip))),
            Hot::UnknownPepper => denied(UNAVAILABLE),
            Hot::Miss => match self.gate.failed_too_often(ip) {
                Some(wait) => denied(Cause::RateLimited {
                    retry_after: Some(wait),
                }),
                None => {
                    let (guard, credential) = (self.clone(), credential.to_owned());
                    let note = match guard.route.price {
                        Some(_) => note(parts),
                        None => String::new(),
                    };
                    Progress::pending(async move { guard.check_cold(credential, ip, note).await })
                }
            },
        }
    }

    /// The answer to a denied request, in the form that it accepts.
    #[must_use]
    pub fn refuse(&self, denial: &Denial, request: &HeaderMap) -> Response<bytes::Bytes> {
        let mut lines = request
            .get_all(header::ACCEPT)
            .iter()
            .map(http::HeaderValue::as_bytes);
        let rendering = self.gate.rendering();
        match (lines.next(), lines.next()) {
            (accept, None) => rendering.response(denial, accept),
            // Lines of a list are one list (RFC 9110, section 5.3).
            (_, Some(_)) => {
                let lines = request
                    .get_all(header::ACCEPT)
                    .iter()
                    .map(http::HeaderValue::as_bytes);
                let joined = lines.collect::<Vec<_>>().join(&b", "[..]);
                rendering.response(denial, Some(&joined))
            }
        }
    }

    fn look(
        &self,
        credential: &Credential<'_>,
        ip: Option<IpAddr>,
    ) -> Hot<Result<Admitted, Denial>> {
        let registry = self.gate.registry();
        credential.visit(registry, ip, |visit| self.decide(visit))
    }

    /// Everything that is decided while the credential is held: suspension, holder, scope, rate.
    fn decide(&self, visit: &mut Visit<'_>) -> Result<Admitted, Denial> {
        let default = self.gate.quota(visit.kind());
        if let Some(cause) = self.forbids(visit) {
            visit.note_denied();
            // Refusals are free but not endless.
            let cause = match visit.check_denial(default) {
                Some(Decision::Refuse { retry_after, .. }) => Cause::RateLimited {
                    retry_after: Some(retry_after),
                },
                _ => cause,
            };
            return Err(self.told(Denial::new(cause), visit.peek_rate(default)));
        }
        let (retry_after, usage) = match visit.check_rate(default, self.route.access.cost()) {
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

    /// Why a verified credential may not call this route at all.
    fn forbids(&self, visit: &Visit<'_>) -> Option<Cause> {
        if visit.is_suspended() {
            return Some(Cause::BillingSuspended);
        }
        match (self.route.access.holder(), visit.kind()) {
            (Holder::Session, TokenKind::ApiKey) => return Some(Cause::SessionRequired),
            (Holder::Key, TokenKind::Session) => return Some(Cause::KeyRequired),
            _ => {}
        }
        let requirement = self.route.requirement.as_ref()?;
        if requirement.is_covered_by(visit.scopes()) {
            return None;
        }
        match requirement.covers(visit.scopes()) {
            Coverage::Covered => None,
            Coverage::Lacks {
                missing,
                sufficient,
            } => Some(Cause::insufficient_scope(
                Arc::clone(&self.route.required),
                missing.iter().map(portcullis_scope::Scope::as_str),
                sufficient.iter().map(portcullis_scope::Scope::as_str),
            )),
        }
    }

    /// The rest of a check whose credential has to be read from the store.
    async fn check_cold(
        self,
        credential: OwnedCredential,
        ip: Option<IpAddr>,
        note: String,
    ) -> Verdict {
        let registry = self.gate.registry();
        for _ in 0..TRIES {
            // Asked again when it is this one's turn to read: of many that came at once, those
            // that are still waiting when the client has failed too often read nothing.
            let is_wanted = || self.gate.failed_too_often(ip).is_none();
            match credential.load_if(registry, is_wanted).await {
                Ok(Loaded::Kept) => {}
                Ok(Loaded::Unknown) => return Err(self.failed(ip)),
                Ok(Loaded::Unwanted) => {
                    let wait = self.gate.failed_too_often(ip).unwrap_or(UNAVAILABLE_FOR);
                    return Err(Cause::RateLimited {
                        retry_after: Some(wait),
                    }
                    .into());
                }
                Err(error) => return Err(unavailable(&error)),
            }
            match self.look(&credential.as_credential(), ip) {
                Hot::Known(decision) => {
                    let admitted = decision?;
                    return match self.route.price {
                        Some(price) => self.reserve(admitted, price, &note).await,
                        None => Ok(self.pass(admitted)),
                    };
                }
                Hot::Rejected => return Err(self.failed(ip)),
                Hot::UnknownPepper => break,
                // It was changed in between: read it again.
                Hot::Miss => {}
            }
        }
        Err(UNAVAILABLE.into())
    }

    async fn reserve(&self, admitted: Admitted, price: NonZeroU32, note: &str) -> Verdict {
        let registry = self.gate.registry();
        let denial = match registry
            .reserve(admitted.principal.owner(), price, note)
            .await
        {
            Ok(reservation) => return Ok(self.pass(admitted).with_reservation(reservation)),
            Err(ReserveError::TooFew { .. }) => Denial::new(Cause::InsufficientCredits),
            Err(ReserveError::Store(error)) => unavailable(&error),
        };
        Err(self.told(denial, admitted.rate))
    }

    /// 401, or 429 once the client's address has failed too often.
    fn failed(&self, ip: Option<IpAddr>) -> Denial {
        match self.gate.count_failure(ip) {
            Ok(()) => Cause::InvalidToken.into(),
            Err(wait) => Cause::RateLimited {
                retry_after: Some(wait),
            }
            .into(),
        }
    }

    fn pass(&self, admitted: Admitted) -> Pass {
        let rate = admitted.rate.map(|usage| self.rate(&usage));
        Pass::new(self.gate.clone(), admitted.principal, rate)
    }

    /// A denial with the limit as it stands, if there is one.
    fn told(&self, denial: Denial, usage: Option<Usage>) -> Denial {
        match usage {
            Some(usage) => denial.with_rate(self.rate(&usage)),
            None => denial,
        }
    }

    fn rate(&self, usage: &Usage) -> Rate {
        let now = self.gate.registry().clock().now();
        Rate::new(usage.limit, usage.remaining, now, usage.reset_after)
    }
}

const UNAVAILABLE: Cause = Cause::Unavailable {
    retry_after: Some(UNAVAILABLE_FOR),
};

fn unavailable(error: &portcullis_registry::StoreError) -> Denial {
    let source = std::error::Error::source(error);
    tracing::error!(error = %error, source = ?source, "the store is out of reach");
    UNAVAILABLE.into()
}

fn denied(cause: Cause) -> Progress {
    Progress::Done(Err(cause.into()))
}

/// The Fetch standard's preflight: it carries no credential, and is answered by the app's CORS.
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ORIGIN)
        && parts
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What the ledger says a charge was for. Queries are never kept.
fn note(parts: &Parts) -> String {
    let path: String = parts.uri.path().chars().take(200).collect();
    format!("{} {path}", parts.method)
}

const fn reason(error: HeaderError) -> InvalidRequest {
    match error {
        HeaderError::TwoAuthorization => InvalidRequest::TwoAuthorization,
        HeaderError::TwoApiKeys => InvalidRequest::TwoApiKeys,
        HeaderError::TooLong => InvalidRequest::TooLong,
        HeaderError::InQuery => InvalidRequest::InQuery,
        HeaderError::Grammar { at } | HeaderError::ApiKeyGrammar { at } => {
            InvalidRequest::Grammar { at }
        }
        _ => InvalidRequest::Disagree,
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("access", &self.route.access)
            .finish_non_exhaustive()
    }
}
