//! A registry in memory, with the clock in the hands of the test.

pub(crate) mod held;
pub(crate) mod stepped;
pub(crate) mod watched;

use std::sync::Arc;

use portcullis_core::ManualClock;
use portcullis_registry::{
    Actor, Driver, Hot, IssuedKey, MemoryStore, NewKey, Owner, Principal, Registry,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};

pub(crate) const READ: Scope = Scope::from_static("posts:read");
pub(crate) const WRITE: Scope = Scope::from_static("posts:write");
pub(crate) const BRANDS: Scope = Scope::from_static("brands:read");

pub(crate) struct Bed {
    pub(crate) registry: Registry,
    pub(crate) driver: Option<Driver>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) peppers: PepperRing,
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "Read posts")
        .scope_implying("posts:write", ["posts:read"], "Write posts")
        .scope("brands:read", "Read brands")
        .build()
        .unwrap()
}

pub(crate) fn format() -> TokenFormat {
    TokenFormat::new("ap", Environment::Live).unwrap()
}

pub(crate) async fn bed() -> Bed {
    let store = Arc::new(MemoryStore::new());
    let peppers = PepperRing::generate().unwrap();
    let clock = ManualClock::new();
    let (registry, driver) = Registry::open_with_clock(
        Arc::clone(&store),
        format(),
        catalogue(),
        peppers.clone(),
        Arc::<ManualClock>::clone(&clock),
    )
    .await
    .unwrap();
    Bed {
        registry,
        driver: Some(driver),
        clock,
        store,
        peppers,
    }
}

pub(crate) fn acme() -> Owner {
    "acme".parse().unwrap()
}

pub(crate) fn ada() -> Actor {
    Actor::user(acme(), "ada".parse().unwrap(), catalogue().all())
}

impl Bed {
    pub(crate) async fn key(&self, scopes: &[Scope]) -> IssuedKey {
        let new = NewKey::new(acme(), "key", scopes.iter().cloned());
        self.registry.issue_key(&ada(), new).await.unwrap()
    }

    pub(crate) async fn verify(&self, token: &str) -> Option<Principal> {
        verify(&self.registry, token).await
    }

    pub(crate) async fn actor(&self, key: &IssuedKey) -> Actor {
        Actor::from_principal(&self.verify(key.token.expose()).await.unwrap())
    }
}

/// Verifies as a gate does: from memory, else from the store.
pub(crate) async fn verify(registry: &Registry, token: &str) -> Option<Principal> {
    let token = registry.format().recognize(token.as_bytes()).unwrap();
    loop {
        match registry.visit(&token, None, |visit| {
            visit.note_passed();
            visit.principal()
        }) {
            Hot::Known(principal) => return Some(principal),
            Hot::Rejected | Hot::UnknownPepper => return None,
            Hot::Miss => {
                if !registry.load(token.id()).await.unwrap() {
                    return None;
                }
            }
        }
    }
}
