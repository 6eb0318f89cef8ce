//! The one order of a check.

use std::{fmt, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Response, Uri, header, request::Parts};
use portcullis_core::{BoxFuture, RequestId, Secret};
use portcullis_error::{Cause, Denial, InvalidRequest};
use portcullis_registry::{Charge, Denied, Hot, Identity, Loaded, Reservation, ReserveError};
use portcullis_scope::{CompiledRequirement, ScopeSet};
use portcullis_token::{HeaderError, Presented, TokenKind};

use crate::{
    Access, Authentication, Gate, GuardError, Holder, Pass, Permit, Progress,
    credential::{Credential, OwnedCredential},
    decide::{Admitted, Refused, TRIES, UNAVAILABLE, UNAVAILABLE_FOR, refusal, unavailable},
    metrics::Kind,
    waiting::WaitsFor,
};

/// The check of one route: an [`Access`], compiled against the gate.
///
/// Cheap to clone. The order is always the same: read the credential (400, 401), verify it (401,
/// 403), holder and scope (403), rate (429), credits (402); the first refusal is the answer, and
/// nothing that comes after it has been charged. A CORS preflight passes untouched.
#[derive(Clone)]
pub struct Guard {
    /// One pointer, since every pass has a guard of its own.
    route: Arc<Route>,
}

/// How the target that the client sent is found in a request whose path a router has shortened.
pub type UriOf = fn(&Parts) -> Option<&Uri>;

#[derive(Clone)]
struct Route {
    gate: Gate,
    uri_of: UriOf,
    access: Access,
    requirement: Option<CompiledRequirement>,
    required: Arc<str>,
    price: Option<NonZeroU32>,
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
        if access.price() > 0 && gate.credits().is_none() {
            return Err(GuardError::PriceAtEdge);
        }
        let catalogue = gate.verifier().catalogue();
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
            gate,
            uri_of: |_| None,
            access,
            requirement,
            required,
            price,
        });
        Ok(Self { route })
    }

    /// Finds here what the client has called, so that the ledger and the list of denied requests
    /// say it: for a router that hands on a part of the path.
    #[must_use]
    pub fn with_uri_of(mut self, uri_of: UriOf) -> Self {
        Arc::make_mut(&mut self.route).uri_of = uri_of;
        self
    }

    /// The method and the path of a request, at most 200 characters of it and no credential. Queries
    /// are never kept.
    fn called(&self, parts: &Parts) -> String {
        let path = (self.route.uri_of)(parts).unwrap_or(&parts.uri).path();
        let path = self.route.gate.verifier().redacted(path.as_bytes());
        let path: String = path.chars().take(200).collect();
        format!("{} {path}", parts.method)
    }

    fn asked(&self, parts: &Parts) -> Asked {
        Asked {
            route: self.called(parts),
            agent: parts.headers.get(header::USER_AGENT).cloned(),
        }
    }

    /// What the route asks for.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.route.access
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.route.gate
    }

    /// Checks one request; `peer` is the address of the other end of the connection.
    ///
    /// With the credential in memory and no price to reserve, the answer is there at once
    /// ([`Progress::Done`]) and nothing is boxed. Otherwise [`Progress::Pending`] is the rest of
    /// the same check: nothing is checked or charged twice.
    pub fn check(&self, parts: &Parts, peer: Option<IpAddr>) -> Progress {
        if is_preflight(parts) {
            self.route.gate.metrics().count_preflight();
            return Progress::Done(Ok(Pass::untouched(self.clone())));
        }
        let ip = self.route.gate.client_ip(&parts.headers, peer);
        let mut request = Request {
            id: self.route.gate.next_request_id(),
            ip,
            kind: Kind::NONE,
        };
        let step = self.begin(parts, &mut request);
        match step {
            Step::Done(Ok(admitted)) => match self.route.price {
                None => Progress::Done(Ok(self.pass(admitted, request))),
                Some(price) => {
                    let (guard, asked) = (self.clone(), Arc::new(self.asked(parts)));
                    let told = Arc::clone(&asked);
                    self.later(WaitsFor::Credits, told, request, async move {
                        guard.reserve(admitted, price, &asked, request).await
                    })
                }
            },
            Step::Done(Err(refused)) => {
                Progress::Done(Err(self.tell(refused, || self.called(parts), request)))
            }
            Step::Later(rest) => {
                let (guard, asked) = (self.clone(), Arc::new(self.asked(parts)));
                let told = Arc::clone(&asked);
                self.later(rest.waits_for(), told, request, async move {
                    guard.go_on(rest, &asked, request).await
                })
            }
        }
    }

    /// As far as it goes without waiting.
    fn begin(&self, parts: &Parts, request: &mut Request) -> Step {
        let text = match self.route.gate.read(parts) {
            Presented::One(text, _) => text,
            Presented::None => return denied(Cause::Unauthenticated),
            Presented::Refused(error) => return denied(Cause::InvalidRequest(reason(error))),
        };
        let verifier = self.route.gate.verifier();
        let Some(mut credential) = Credential::recognize(verifier, text) else {
            return self.refused(*request);
        };
        let agent = agent(&parts.headers);
        let mut found = self.look(&credential, agent, *request);
        if matches!(found, Hot::Miss) && !credential.is_well_formed() {
            // No token of ours, but one of another system may look like one.
            credential = Credential::of_another(verifier, text);
            found = self.look(&credential, agent, *request);
        }
        request.kind = Kind::of(&credential);
        let request = *request;
        match (found, credential) {
            (Hot::Known(decision), _) => Step::Done(decision),
            (Hot::UnknownPepper, _) => denied(UNAVAILABLE),
            (_, Credential::Foreign(text)) => self.ask_from(0, text, request),
            (Hot::Rejected, credential) => Step::Done(Err(self.rejected(&credential, request))),
            (Hot::Miss, credential) => match self.waits(request) {
                Some(step) => step,
                None => Step::Later(Rest::Load(credential.to_owned())),
            },
        }
    }

    /// Asks the authenticators of the application, from one of them on.
    fn ask_from(&self, first: usize, text: &[u8], request: Request) -> Step {
        let authenticators = self.route.gate.authenticators();
        for (index, authenticator) in authenticators.iter().enumerate().skip(first) {
            match authenticator.authenticate(text) {
                Authentication::NotMine => {}
                Authentication::Accepted(identity) => return self.external(identity),
                Authentication::Rejected => return self.refused(request),
                Authentication::Unavailable { retry_after } => {
                    return denied(unavailable_for(retry_after));
                }
                Authentication::Later(answer) => {
                    let text = Secret::new(text.to_vec());
                    let next = index + 1;
                    return match self.waits(request) {
                        Some(step) => step,
                        None => Step::Later(Rest::Ask { answer, text, next }),
                    };
                }
            }
        }
        // Nobody's.
        self.refused(request)
    }

    /// Decides about a user of the application's own, unless it has to be read first whether the
    /// owner is suspended.
    fn external(&self, identity: Arc<Identity>) -> Step {
        match self.route.gate.verifier().owner_standing(identity.owner()) {
            Some(standing) => Step::Done(self.decide_external(identity, standing)),
            None => Step::Later(Rest::Standing(identity)),
        }
    }

    /// The answer to a denied request, in the form that it accepts.
    #[must_use]
    pub fn refuse(&self, denial: &Denial, request: &HeaderMap) -> Response<bytes::Bytes> {
        let mut lines = request
            .get_all(header::ACCEPT)
            .iter()
            .map(HeaderValue::as_bytes);
        let rendering = self.route.gate.rendering();
        match (lines.next(), lines.next()) {
            (accept, None) => rendering.response(denial, accept),
            // Lines of a list are one list (RFC 9110, section 5.3).
            (_, Some(_)) => {
                let lines = request
                    .get_all(header::ACCEPT)
                    .iter()
                    .map(HeaderValue::as_bytes);
                let joined = lines.collect::<Vec<_>>().join(&b", "[..]);
                rendering.response(denial, Some(&joined))
            }
        }
    }

    fn look(
        &self,
        credential: &Credential<'_>,
        agent: Option<&[u8]>,
        request: Request,
    ) -> Hot<Result<Admitted, Refused>> {
        let verifier = self.route.gate.verifier();
        credential.visit(verifier, request.ip, |visit| self.decide(visit, agent))
    }

    /// The rest of a check that has to wait.
    async fn go_on(
        &self,
        mut rest: Rest,
        asked: &Asked,
        request: Request,
    ) -> Result<Pass, Refused> {
        let admitted = loop {
            rest = match rest {
                Rest::Load(credential) => match self.load(&credential, asked, request).await? {
                    Some(admitted) => break admitted,
                    // No imported key after all.
                    None => {
                        let text = credential.foreign_text().unwrap_or_default();
                        match self.ask_from(0, text, request) {
                            Step::Done(decision) => break decision?,
                            Step::Later(rest) => rest,
                        }
                    }
                },
                Rest::Standing(identity) => {
                    let verifier = self.route.gate.verifier();
                    let standing = verifier.load_owner(identity.owner()).await;
                    let standing = standing.map_err(|error| unavailable(&error))?;
                    break self.decide_external(identity, standing)?;
                }
                Rest::Ask { answer, text, next } => {
                    let step = match answer.await {
                        Authentication::Accepted(identity) => self.external(identity),
                        Authentication::Rejected => self.refused(request),
                        Authentication::Unavailable { retry_after } => {
                            denied(unavailable_for(retry_after))
                        }
                        Authentication::Later(answer) => {
                            Step::Later(Rest::Ask { answer, text, next })
                        }
                        Authentication::NotMine => self.ask_from(next, text.expose(), request),
                    };
                    match step {
                        Step::Done(decision) => break decision?,
                        Step::Later(rest) => rest,
                    }
                }
            };
        };
        match self.route.price {
            Some(price) => self.reserve(admitted, price, asked, request).await,
            None => Ok(self.pass(admitted, request)),
        }
    }

    /// Reads a credential from the store, and decides; nothing of one that is another system's and
    /// was not imported.
    async fn load(
        &self,
        credential: &OwnedCredential,
        asked: &Asked,
        request: Request,
    ) -> Result<Option<Admitted>, Refused> {
        let verifier = self.route.gate.verifier();
        for _ in 0..TRIES {
            // Asked again when it is this one's turn to read: of many that came at once, those
            // that are still waiting when the client has failed too often read nothing.
            let is_wanted = || self.route.gate.failed_too_often(request.ip).is_none();
            match credential.load_if(verifier, is_wanted).await {
                Ok(Loaded::Kept) => {}
                Ok(Loaded::Unknown) if credential.foreign_text().is_some() => return Ok(None),
                Ok(Loaded::Unknown | Loaded::Elsewhere) => return Err(self.failed(request).into()),
                Ok(Loaded::Unwanted) => {
                    let wait = self.route.gate.failed_too_often(request.ip);
                    return Err(Cause::RateLimited {
                        retry_after: Some(wait.unwrap_or(UNAVAILABLE_FOR)),
                    }
                    .into());
                }
                Err(error) => return Err(unavailable(&error).into()),
            }
            let credential = credential.as_credential();
            match self.look(&credential, asked.agent(), request) {
                Hot::Known(decision) => return decision.map(Some),
                Hot::Rejected => return Err(self.rejected(&credential, request)),
                Hot::UnknownPepper => break,
                // It was changed in between: read it again.
                Hot::Miss => {}
            }
        }
        Err(UNAVAILABLE.into())
    }

    async fn reserve(
        &self,
        admitted: Admitted,
        price: NonZeroU32,
        asked: &Asked,
        request: Request,
    ) -> Result<Pass, Refused> {
        let Some(credits) = self.route.gate.credits() else {
            // INVARIANT: a guard with a price is not built without credits.
            return Err(UNAVAILABLE.into());
        };
        let charge = Charge {
            id: request.id,
            owner: admitted.principal.owner().clone(),
            amount: price,
            note: asked.route.clone(),
        };
        let cause = match Reservation::make(credits, charge).await {
            Ok(reservation) => {
                self.route.gate.verifier().note_passed(&admitted.principal);
                return Ok(self.pass(admitted, request).with_reservation(reservation));
            }
            Err(ReserveError::TooFew { .. }) => Cause::InsufficientCredits,
            Err(error @ ReserveError::Taken) => {
                tracing::error!(request_id = %request.id, error = %error, "credits were not reserved");
                UNAVAILABLE
            }
            Err(ReserveError::Store(error)) => unavailable(&error),
        };
        if let Some(refusal) = refusal(&cause) {
            self.route
                .gate
                .verifier()
                .note_refused(&admitted.principal, refusal);
        }
        let denial = self.told(Denial::new(cause), admitted.rate);
        Err(Refused::of(denial, admitted.principal))
    }

    /// Whether the client has failed too often for anything to be looked up for it.
    fn waits(&self, request: Request) -> Option<Step> {
        let wait = self.route.gate.failed_too_often(request.ip)?;
        Some(denied(Cause::RateLimited {
            retry_after: Some(wait),
        }))
    }

    fn refused(&self, request: Request) -> Step {
        Step::Done(Err(self.failed(request).into()))
    }

    /// As [`failed`](Self::failed), with what the client is not told.
    fn rejected(&self, credential: &Credential<'_>, request: Request) -> Refused {
        let explained = credential.explain(self.route.gate.verifier(), request.ip);
        Refused {
            denial: self.failed(request),
            of: explained.map(|(refusal, principal)| Box::new((principal, refusal))),
        }
    }

    /// 401, or 429 once the client's address has failed too often.
    fn failed(&self, request: Request) -> Denial {
        match self.route.gate.count_failure(request.ip) {
            Ok(()) => Cause::InvalidToken.into(),
            Err(wait) => Cause::RateLimited {
                retry_after: Some(wait),
            }
            .into(),
        }
    }

    fn pass(&self, admitted: Admitted, request: Request) -> Pass {
        let rate = admitted.rate.map(|usage| self.rate(&usage));
        self.route.gate.metrics().count_passed(&admitted.principal);
        let Request { id, ip, .. } = request;
        Pass::new(Permit::new(admitted.principal, self.clone(), ip, id), rate)
    }

    /// A denial with the id of its request, by which it is found in the log and among those that
    /// were denied lately.
    pub(crate) fn tell(
        &self,
        refused: Refused,
        route: impl FnOnce() -> String,
        request: Request,
    ) -> Denial {
        let Refused { denial, of } = refused;
        self.route
            .gate
            .metrics()
            .count_denied(request.kind, &denial);
        let (id, code) = (request.id, denial.code());
        match denial.cause {
            Cause::Unavailable { .. } => {
                tracing::warn!(request_id = %id, code, "a request could not be checked");
            }
            _ => tracing::debug!(request_id = %id, code, ip = ?request.ip, "a request was denied"),
        }
        if let Some(of) = of {
            let (principal, refusal) = *of;
            let verifier = self.route.gate.verifier();
            verifier.note_denied(Denied {
                request: id,
                at: verifier.clock().now(),
                owner: principal.owner().clone(),
                credential: principal.id(),
                refusal,
                message: denial.message().into_owned(),
                route: route(),
                ip: request.ip,
            });
        }
        denial.with_request_id(id)
    }

    pub(crate) fn has_price(&self) -> bool {
        self.route.price.is_some()
    }

    /// Which of these scopes a request to the route makes use of.
    pub(crate) fn used_of(&self, scopes: &ScopeSet) -> Option<&ScopeSet> {
        self.route.requirement.as_ref()?.used_of(scopes)
    }

    /// The scope part of the route, and its names.
    pub(crate) fn requirement(&self) -> Option<(&CompiledRequirement, &Arc<str>)> {
        let requirement = self.route.requirement.as_ref()?;
        Some((requirement, &self.route.required))
    }
}

/// What is known of a request beside its credential.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    ip: Option<IpAddr>,
    /// What it was seen to present.
    kind: Kind,
}

/// What is kept of a request while its check waits.
pub(crate) struct Asked {
    pub(crate) route: String,
    agent: Option<HeaderValue>,
}

impl Asked {
    fn agent(&self) -> Option<&[u8]> {
        self.agent.as_ref().map(HeaderValue::as_bytes)
    }
}

/// By what program a request was made, as it says.
fn agent(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::USER_AGENT).map(HeaderValue::as_bytes)
}

/// How far a check has come.
enum Step {
    /// It is decided, but for credits.
    Done(Result<Admitted, Refused>),
    Later(Rest),
}

/// What a check waits for.
enum Rest {
    /// A credential to be read from the store.
    Load(OwnedCredential),
    /// Whether the owner of a user of the application's own is suspended.
    Standing(Arc<Identity>),
    /// The answer of an authenticator; if that is not its own, others are asked, from one on.
    Ask {
        answer: BoxFuture<'static, Authentication>,
        text: Secret<Vec<u8>>,
        next: usize,
    },
}

impl Rest {
    const fn waits_for(&self) -> WaitsFor {
        match self {
            Self::Load(_) => WaitsFor::Credential,
            Self::Standing(_) => WaitsFor::Owner,
            Self::Ask { .. } => WaitsFor::Authenticator,
        }
    }
}

/// Every 503 says when to try again.
fn unavailable_for(retry_after: Option<Duration>) -> Cause {
    Cause::Unavailable {
        retry_after: retry_after.or(Some(UNAVAILABLE_FOR)),
    }
}

fn denied(cause: Cause) -> Step {
    Step::Done(Err(cause.into()))
}

/// The Fetch standard's preflight: it carries no credential, and is answered by the app's CORS.
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ORIGIN)
        && parts
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
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
