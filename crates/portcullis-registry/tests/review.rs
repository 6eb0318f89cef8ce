//! What a review says of keys that came from elsewhere, or are used elsewhere.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{sync::Arc, time::Duration};

use common::{BRANDS, READ, WRITE, acme, ada, catalogue, format, verify};
use portcullis_core::{Clock, ManualClock};
use portcullis_registry::{
    Actor, Driver, EventKind, Events, Finding, Hot, KeyChange, KeyReview, Listing, MemoryStore,
    NewImport, NewKey, NewSession, Options, Registry, ReviewTerms, SessionTerms, Verifier,
};
use portcullis_token::{ImportedScheme, PepperRing};

const DAY: Duration = Duration::from_secs(86_400);
const OLD_KEY: &[u8] = b"sk-social-Zm9vYmFyMDEyMzQ1Njc4OQ";

struct World {
    store: Arc<MemoryStore>,
    peppers: PepperRing,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            peppers: PepperRing::generate().unwrap(),
            clock: ManualClock::new(),
        }
    }

    fn options(&self) -> Options {
        let clock = Arc::<ManualClock>::clone(&self.clock);
        Options::new().with_clock(clock).with_imported([scheme()])
    }

    async fn open(&self) -> (Registry, Driver) {
        let (store, peppers) = (Arc::clone(&self.store), self.peppers.clone());
        let opened = Registry::open_with(store, format(), catalogue(), peppers, self.options());
        opened.await.unwrap()
    }

    async fn edge(&self) -> Verifier {
        let (store, peppers) = (Arc::clone(&self.store), self.peppers.clone());
        let opened = Verifier::open_with(store, format(), catalogue(), peppers, self.options());
        opened.await.unwrap().0
    }
}

fn scheme() -> ImportedScheme {
    ImportedScheme::new("sk-social-").unwrap()
}

async fn review(registry: &Registry) -> Vec<KeyReview> {
    let (terms, listing) = (ReviewTerms::new(), Listing::default());
    let review = registry.review(&ada(), &acme(), terms, listing).await;
    review.unwrap().keys
}

/// Uses an imported key as a gate does for a route that needs a scope; whether it is accepted.
async fn use_imported(verifier: &Verifier, scope: &portcullis_scope::Scope) -> bool {
    let set = catalogue().set([scope.as_str()]).unwrap();
    loop {
        let visited = verifier.visit_imported(OLD_KEY, None, |visit| {
            visit.note_passed();
            visit.note_used(&set);
        });
        match visited {
            Hot::Known(()) => return true,
            Hot::Miss if verifier.load_imported(OLD_KEY).await.unwrap() => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn of_an_imported_key_what_it_used_is_suggested() {
    let world = World::new();
    let (registry, _driver) = world.open().await;
    let digest = scheme().digest(OLD_KEY).unwrap();
    let grant = [WRITE, BRANDS].into_iter().collect();
    let import = NewImport::new(&scheme(), digest, acme(), "from before", grant);
    let system = Actor::dangerous_system();
    registry.import(&system, [import]).await.unwrap();
    assert!(use_imported(&registry, &BRANDS).await);
    assert!(use_imported(&registry, &READ).await);
    registry.flush().await.unwrap();
    world.clock.advance(DAY * 30);
    let keys = review(&registry).await;
    let [found] = &*keys else {
        panic!("{keys:?}");
    };
    assert_eq!(found.findings, [Finding::UnusedScopes(vec![WRITE])]);
    let suggested = found.privilege.suggested.to_string();
    assert_eq!(suggested, "brands:read posts:read");
    // With it the key does what it did, and no more is found.
    let id = found.key.credential();
    let change = KeyChange::new().regrant(found.privilege.suggested.clone());
    registry.change_key(&ada(), id, change).await.unwrap();
    assert!(use_imported(&registry, &READ).await);
    world.clock.advance(DAY * 30);
    assert!(review(&registry).await.is_empty());
}

/// As the documentation of uses says: whoever asks has to know that an edge tells nothing.
#[tokio::test]
async fn what_is_used_at_an_edge_alone_is_not_known_and_nothing_is_suggested_of_it() {
    let world = World::new();
    let (registry, _driver) = world.open().await;
    let (mut keys, edge) = (Vec::new(), world.edge().await);
    for name in ["at the edge", "at both"] {
        let new = NewKey::new(acme(), name, [READ, BRANDS]);
        keys.push(registry.issue_key(&ada(), new).await.unwrap());
    }
    for key in &keys {
        let token = edge.format().recognize(key.token.expose().as_bytes());
        let token = token.unwrap();
        assert!(edge.load(token.id()).await.unwrap());
        let set = catalogue().set([READ.as_str()]).unwrap();
        let visited = edge.visit(&token, None, |visit| {
            visit.note_passed();
            visit.note_used(&set);
        });
        assert!(matches!(visited, Hot::Known(())));
    }
    verify(&registry, keys[1].token.expose()).await.unwrap();
    for verifier in [&*registry, &edge] {
        verifier.flush().await.unwrap();
    }
    world.clock.advance(DAY * 30);
    let found = review(&registry).await;
    let found: Vec<_> = found
        .iter()
        .map(|key| (key.key.name(), &*key.findings))
        .collect();
    let expected: [(_, &[Finding]); 2] = [
        ("at both", &[Finding::UnusedScopes(vec![READ, BRANDS])]),
        ("at the edge", &[Finding::NeverUsed]),
    ];
    assert_eq!(found, expected);
}

/// What was told, and of what.
async fn told(events: &mut Events) -> Vec<portcullis_registry::Event> {
    let mut all = Vec::new();
    loop {
        let event = tokio::select! {
            biased;
            event = events.next() => event.unwrap(),
            () = std::future::ready(()) => return all,
        };
        all.push(event);
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_are_nothing_to_be_reminded_of_however_many_there_are() {
    let world = World::new();
    let (registry, driver) = world.open().await;
    let month = DAY * 40;
    let terms = SessionTerms {
        ttl: month,
        idle_ttl: month,
        refresh_ttl: month,
    };
    for number in 0..300 {
        let user = format!("user-{number}").parse().unwrap();
        let grant = [READ].into_iter().collect();
        let new = NewSession::new(acme(), user, grant, terms);
        let system = Actor::dangerous_system();
        registry.start_session(&system, new).await.unwrap();
    }
    let new = NewKey::new(acme(), "the only key", [READ]);
    let key = registry.issue_key(&ada(), new).await.unwrap();
    let created_at = world.clock.now();
    let mut events = registry.events();
    let driver = tokio::spawn(driver);
    for _ in 0..3 {
        world.clock.advance(DAY * 13);
        tokio::time::sleep(Duration::from_secs(3_700)).await;
    }
    let told = told(&mut events).await;
    let told: Vec<_> = told
        .iter()
        .map(|event| (event.credential, &event.kind))
        .collect();
    let unused = EventKind::NeverUsed { created_at };
    assert_eq!(told, [(Some(key.key.id()), &unused)]);
    registry.close().await.unwrap();
    driver.await.unwrap();
}
