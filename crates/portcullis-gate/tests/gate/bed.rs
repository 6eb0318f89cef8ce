//! A gate in front of a registry in memory, with the clock in the hands of the test.

use std::{net::IpAddr, sync::Arc};

use http::{Request, request::Parts};
use portcullis_core::ManualClock;
use portcullis_error::Denial;
use portcullis_gate::{Access, Gate, Guard, Pass, Progress, Verdict};
use portcullis_registry::{
    Actor, IssuedKey, IssuedSession, NewKey, NewSession, Owner, Registry, SessionTerms, Suspension,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};

use crate::store::WatchedStore;

pub(crate) const READ: Scope = Scope::from_static("posts:read");
pub(crate) const WRITE: Scope = Scope::from_static("posts:write");
pub(crate) const BRANDS: Scope = Scope::from_static("brands:read");

pub(crate) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "Read posts")
        .scope_implying("posts:write", ["posts:read"], "Write posts")
        .scope("brands:read", "Read brands")
        .build()
        .unwrap()
}

pub(crate) struct Bed {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<WatchedStore>,
}

pub(crate) async fn bed() -> Bed {
    bed_with(catalogue()).await
}

pub(crate) async fn bed_with(catalogue: Catalogue) -> Bed {
    let store = Arc::new(WatchedStore::default());
    let clock = ManualClock::new();
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let (registry, _driver) = Registry::open_with_clock(
        Arc::clone(&store),
        format,
        catalogue,
        PepperRing::generate().unwrap(),
        Arc::<ManualClock>::clone(&clock),
    )
    .await
    .unwrap();
    Bed {
        registry,
        clock,
        store,
    }
}

pub(crate) fn acme() -> Owner {
    "acme".parse().unwrap()
}

/// A user who may hand on every scope of the default catalogue.
pub(crate) fn ada() -> Actor {
    Actor::user(acme(), "ada".parse().unwrap(), catalogue().all())
}

impl Bed {
    /// A gate that admits 100 units a minute.
    pub(crate) fn gate(&self) -> Gate {
        Gate::new(self.registry.clone()).with_limit("100/60s".parse().unwrap())
    }

    pub(crate) fn guard(&self, access: impl Into<Access>) -> Guard {
        self.gate().guard(access).unwrap()
    }

    fn ada(&self) -> Actor {
        let all = self.registry.catalogue().all();
        Actor::user(acme(), "ada".parse().unwrap(), all)
    }

    pub(crate) async fn issue(&self, scopes: &[Scope]) -> IssuedKey {
        let new = NewKey::new(acme(), "key", scopes.iter().cloned());
        self.registry.issue_key(&self.ada(), new).await.unwrap()
    }

    pub(crate) async fn key(&self, scopes: &[Scope]) -> String {
        self.issue(scopes).await.token.expose().to_owned()
    }

    pub(crate) async fn start_session(&self, scopes: &[Scope]) -> IssuedSession {
        let new = NewSession::new(
            acme(),
            "ada".parse().unwrap(),
            scopes.iter().cloned().collect(),
            SessionTerms::default(),
        );
        self.registry.start_session(&self.ada(), new).await.unwrap()
    }

    pub(crate) async fn session(&self, scopes: &[Scope]) -> String {
        self.start_session(scopes).await.token.expose().to_owned()
    }

    pub(crate) async fn credits(&self, credits: u32) {
        self.registry.ensure_owner(&acme(), credits).await.unwrap();
    }

    pub(crate) async fn suspend(&self, suspension: Suspension) {
        let done = self
            .registry
            .set_suspended(&Actor::dangerous_system(), &acme(), suspension)
            .await;
        done.unwrap();
    }

    pub(crate) async fn balance(&self) -> i64 {
        self.registry.balance(&acme()).await.unwrap()
    }

    /// Has the credential in memory, without charging anything to it.
    pub(crate) async fn warm(&self, token: &str) {
        let token = self.registry.format().recognize(token.as_bytes()).unwrap();
        assert!(self.registry.load(token.id()).await.unwrap());
    }
}

/// `GET /posts` with these headers.
pub(crate) fn request(headers: &[(&str, &str)]) -> Parts {
    request_to("/posts", headers)
}

pub(crate) fn request_to(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

pub(crate) fn bearer(token: &str) -> Parts {
    request(&[("authorization", &format!("Bearer {token}"))])
}

/// The verdict on `GET /posts` with this token.
pub(crate) async fn check(guard: &Guard, token: &str) -> Verdict {
    guard.check(&bearer(token), Some(PEER)).await
}

pub(crate) async fn pass(guard: &Guard, token: &str) -> Pass {
    check(guard, token).await.unwrap()
}

pub(crate) async fn denial(guard: &Guard, token: &str) -> Denial {
    check(guard, token).await.unwrap_err()
}

/// A denial but for the id of its request, in which each differs.
pub(crate) fn unnamed(mut denial: Denial) -> Denial {
    assert!(denial.request_id.take().is_some());
    denial
}

pub(crate) async fn code(guard: &Guard, token: &str) -> &'static str {
    match check(guard, token).await {
        Ok(_) => "passed",
        Err(denial) => denial.code(),
    }
}

/// The verdict that is there at once.
pub(crate) fn at_once(progress: Progress) -> Verdict {
    match progress {
        Progress::Done(verdict) => verdict,
        Progress::Pending(_) => panic!("the check is not done"),
    }
}

/// The token with another last character: its checksum no longer holds.
pub(crate) fn mistyped(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}
