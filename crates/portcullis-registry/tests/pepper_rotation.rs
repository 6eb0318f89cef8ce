//! A change of pepper in two phases, over two nodes and under load, refuses nobody.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{WRITE, acme, ada, catalogue, format, verify};
use portcullis_core::{Clock, ManualClock, Secret};
use portcullis_registry::{
    Actor, Hot, ImportError, IssuedKey, Listing, MemoryStore, NewImport, NewKey, NewSession,
    OpenError, Options, PepperFile, PepperFileError, RefreshError, Registry, RetireError,
    Retirement, SessionTerms,
};
use portcullis_token::{ImportedScheme, Pepper, PepperRing, PepperVersion};

const FIRST: PepperVersion = PepperVersion::FIRST;

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    second: PepperVersion,
    /// The first alone.
    before: PepperRing,
    /// Both, of which the first is current: the first phase.
    accepting: PepperRing,
    /// Both, of which the second is current: the second phase.
    promoted: PepperRing,
    /// The second alone.
    after: PepperRing,
}

impl World {
    fn new() -> Self {
        let second = PepperVersion::new(2).unwrap();
        let before = PepperRing::generate().unwrap();
        let accepting = before.clone().with(second, Pepper::generate().unwrap());
        let promoted = accepting.clone().with_current(second).unwrap();
        let after = promoted.clone().without(FIRST).unwrap();
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: ManualClock::new(),
            second,
            before,
            accepting,
            promoted,
            after,
        }
    }

    /// A node that starts with these peppers.
    async fn node(&self, ring: &PepperRing) -> Registry {
        self.try_node(ring).await.unwrap()
    }

    async fn try_node(&self, ring: &PepperRing) -> Result<Registry, OpenError> {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let store = Arc::clone(&self.store);
        let opened =
            Registry::open_with_clock(store, format(), catalogue(), ring.clone(), clock).await;
        opened.map(|(registry, _driver)| registry)
    }
}

async fn keys(registry: &Registry, count: u32) -> Vec<String> {
    let mut keys = Vec::new();
    for number in 0..count {
        let new = NewKey::new(acme(), &format!("key {number}"), [WRITE]);
        let IssuedKey { token, .. } = registry.issue_key(&ada(), new).await.unwrap();
        keys.push(token.expose().to_owned());
    }
    keys
}

async fn under(registry: &Registry) -> Vec<(u16, u64)> {
    let uses = registry.pepper_use().await.unwrap();
    let pairs = uses
        .iter()
        .map(|one| (one.version.number(), one.credentials));
    pairs.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_change_one_after_the_other_refuse_nobody() {
    const KEYS: u32 = 60;
    let world = World::new();
    let first_node = world.node(&world.before).await;
    let mut known = keys(&first_node, KEYS).await;
    drop(first_node);

    // Phase by phase, each node in turn; the other serves on with what it has.
    let phases = [
        (&world.accepting, &world.before),
        (&world.accepting, &world.accepting),
        (&world.promoted, &world.accepting),
        (&world.promoted, &world.promoted),
    ];
    for (started_again, still) in phases {
        // That one has been running; it would not start with less than the store knows.
        let still = world.node(still).await;
        let nodes = [world.node(started_again).await, still];
        // What one issues the other accepts, under whichever pepper.
        for node in &nodes {
            known.extend(keys(node, 3).await);
        }
        let all = Arc::new(known.clone());
        let done = Arc::new(AtomicBool::new(false));
        let load = nodes.clone().into_iter().enumerate().map(|(turn, node)| {
            let (all, done) = (Arc::clone(&all), Arc::clone(&done));
            tokio::spawn(async move {
                let mut refused = 0;
                let mut rounds = 0;
                while rounds < 3 || !done.load(Ordering::SeqCst) {
                    // The last key is nobody's.
                    for index in 0..all.len() {
                        let token = &all[(index * 5 + turn * 31) % all.len()];
                        if *token != all[KEYS as usize - 1] {
                            refused += u32::from(verify(&node, token).await.is_none());
                        }
                    }
                    rounds += 1;
                    tokio::task::yield_now().await;
                }
                refused
            })
        });
        let load: Vec<_> = load.collect();
        for _ in 0..20 {
            for node in &nodes {
                node.flush().await.unwrap();
            }
            tokio::task::yield_now().await;
        }
        done.store(true, Ordering::SeqCst);
        for load in load {
            assert_eq!(load.await.unwrap(), 0);
        }
        for node in nodes {
            node.close().await.unwrap();
        }
    }

    // All but the one that nobody used is under the second by now.
    let node = world.node(&world.promoted).await;
    let all = u64::try_from(known.len()).unwrap();
    assert_eq!(under(&node).await, [(1, 1), (2, all - 1)]);
    let system = Actor::dangerous_system();
    let refused = node
        .retire_pepper(&system, FIRST, Retirement::IfUnused)
        .await;
    assert!(matches!(
        refused,
        Err(RetireError::InUse { credentials: 1, .. })
    ));
    let dormant = &known[KEYS as usize - 1];
    assert!(verify(&node, dormant).await.is_some());
    // It is written before it is counted.
    node.retire_pepper(&system, FIRST, Retirement::IfUnused)
        .await
        .unwrap();
    drop(node);
    let node = world.node(&world.after).await;
    for token in &known {
        assert!(verify(&node, token).await.is_some());
    }
}

#[tokio::test]
async fn what_is_revoked_with_its_pepper_stays_so_also_if_the_pepper_comes_back() {
    let world = World::new();
    let node = world.node(&world.before).await;
    let dormant = keys(&node, 1).await.remove(0);
    drop(node);
    let node = world.node(&world.promoted).await;
    let current = keys(&node, 1).await.remove(0);
    let system = Actor::dangerous_system();
    let refused = node
        .retire_pepper(&system, world.second, Retirement::RevokeRest)
        .await;
    assert!(matches!(refused, Err(RetireError::Current { .. })));
    node.retire_pepper(&system, FIRST, Retirement::RevokeRest)
        .await
        .unwrap();
    assert!(verify(&node, &dormant).await.is_none());
    drop(node);
    for ring in [&world.after, &world.promoted] {
        let node = world.node(ring).await;
        assert!(verify(&node, &dormant).await.is_none());
        assert!(verify(&node, &current).await.is_some());
    }
}

#[tokio::test]
async fn a_node_that_was_not_given_a_pepper_refuses_to_start_and_if_it_runs_says_503() {
    let world = World::new();
    let old_node = world.node(&world.before).await;
    let new_node = world.node(&world.promoted).await;
    // Made under a pepper of which the old node has never heard: that is not "wrong".
    let token = keys(&new_node, 1).await.remove(0);
    let recognised = format();
    let recognised = recognised.recognize(token.as_bytes()).unwrap();
    old_node.load(recognised.id()).await.unwrap();
    let visited = old_node.visit(&recognised, None, |_| ());
    assert!(matches!(visited, Hot::UnknownPepper), "{visited:?}");
    drop(old_node);
    let refused = world.try_node(&world.before).await;
    assert!(
        matches!(refused, Err(OpenError::PepperMissing { version }) if version == world.second)
    );
    // One that bears the number of another is told as well.
    let other = PepperRing::generate().unwrap();
    let other = other.with(world.second, Pepper::generate().unwrap());
    let refused = world.try_node(&other).await;
    assert!(matches!(refused, Err(OpenError::PepperMismatch { .. })));
}

#[tokio::test]
async fn sessions_and_refresh_tokens_go_through_a_change_of_pepper() {
    let world = World::new();
    let node = world.node(&world.before).await;
    let user: portcullis_registry::User = "ada".parse().unwrap();
    let new = NewSession::new(
        acme(),
        user.clone(),
        "posts:*".parse().unwrap(),
        SessionTerms::default(),
    );
    let grant = new.grant.clone();
    let issued = node.start_session(&ada(), new).await.unwrap();
    drop(node);
    let node = world.node(&world.promoted).await;
    assert!(verify(&node, issued.token.expose()).await.is_some());
    let refresh = Secret::new(issued.refresh.expose().to_owned());
    let verified = node.verify_refresh(&ada(), &refresh).await.unwrap();
    let next = node
        .refresh(&ada(), verified, &grant, &SessionTerms::default())
        .await
        .unwrap();
    assert!(verify(&node, next.token.expose()).await.is_some());
    node.flush().await.unwrap();
    // Of the first pair the refresh token alone is left under the old pepper: used up, it keeps
    // no pepper alive.
    let uses = under(&node).await;
    assert_eq!(uses, [(1, 1), (2, 3)]);
    node.retire_pepper(&Actor::dangerous_system(), FIRST, Retirement::IfUnused)
        .await
        .unwrap();
    for session in [&issued.token, &next.token] {
        assert!(verify(&node, session.expose()).await.is_some());
    }
    // Presented again it is what it would have been: somebody else has it.
    let reused = node.verify_refresh(&ada(), &refresh).await;
    assert!(matches!(reused, Err(RefreshError::Rejected)));
    assert!(verify(&node, next.token.expose()).await.is_none());
}

#[tokio::test]
async fn what_ended_or_was_used_up_under_a_pepper_keeps_it_not_and_its_end_ends_nothing_else() {
    let world = World::new();
    let node = world.node(&world.before).await;
    let terms = SessionTerms::default();
    let new = NewSession::new(
        acme(),
        "ada".parse().unwrap(),
        [WRITE].into_iter().collect(),
        terms,
    );
    let mut last = node.start_session(&ada(), new.clone()).await.unwrap();
    let dormant = node.start_session(&ada(), new).await.unwrap();
    drop(node);
    let node = world.node(&world.promoted).await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(13 * 3_600));
        let token = Secret::new(last.refresh.expose().to_owned());
        let verified = node.verify_refresh(&ada(), &token).await.unwrap();
        let grant = [WRITE].into_iter().collect();
        last = node
            .refresh(&ada(), verified, &grant, &terms)
            .await
            .unwrap();
    }
    // The refresh token of the login that nobody went on with.
    let system = Actor::dangerous_system();
    let refused = node
        .retire_pepper(&system, FIRST, Retirement::IfUnused)
        .await;
    assert!(
        matches!(refused, Err(RetireError::InUse { credentials: 1, .. })),
        "{refused:?}"
    );
    node.retire_pepper(&system, FIRST, Retirement::RevokeRest)
        .await
        .unwrap();
    assert!(verify(&node, last.token.expose()).await.is_some());
    let token = Secret::new(dormant.refresh.expose().to_owned());
    let refused = node.verify_refresh(&ada(), &token).await;
    assert!(matches!(refused, Err(RefreshError::Rejected)));
}

#[tokio::test]
async fn a_pepper_is_retired_by_the_application_alone_and_only_one_that_is_there() {
    let world = World::new();
    drop(world.node(&world.before).await);
    let node = world.node(&world.promoted).await;
    let refused = node
        .retire_pepper(&ada(), FIRST, Retirement::IfUnused)
        .await;
    assert!(matches!(refused, Err(RetireError::Reserved)));
    let ninth = PepperVersion::new(9).unwrap();
    let system = Actor::dangerous_system();
    let refused = node
        .retire_pepper(&system, ninth, Retirement::IfUnused)
        .await;
    assert!(matches!(refused, Err(RetireError::Unknown { version }) if version == ninth));
    node.retire_pepper(&system, FIRST, Retirement::IfUnused)
        .await
        .unwrap();
    drop(node);
    // A start with a file from which it has not been taken yet does not bring it back.
    drop(world.node(&world.promoted).await);
    let node = world.node(&world.after).await;
    assert_eq!(under(&node).await, [(2, 0)]);
}

#[tokio::test]
async fn an_import_after_a_retirement_is_an_explicit_choice() {
    let world = World::new();
    let scheme = ImportedScheme::new("old_").unwrap();
    let text = b"old_BRTRKFsL51FwqftsmMDHHbJAMEXXHCgG";
    let record = || {
        let digest = scheme.digest(text).unwrap();
        NewImport::new(&scheme, digest, acme(), "ci", [WRITE].into_iter().collect())
    };
    let open = async |ring: &PepperRing| {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&world.clock);
        let options = Options::new()
            .with_clock(clock)
            .with_imported([scheme.clone()]);
        let store = Arc::clone(&world.store);
        let opened = Registry::open_with(store, format(), catalogue(), ring.clone(), options);
        opened.await.unwrap().0
    };
    let system = Actor::dangerous_system();
    let node = open(&world.before).await;
    assert_eq!(node.import(&system, [record()]).await.unwrap().imported, 1);
    let keys = node
        .keys(&system, &acme(), Listing::default())
        .await
        .unwrap()
        .keys;
    let _revoked = node
        .revoke_key(&system, keys[0].credential())
        .await
        .unwrap();
    drop(node);
    let node = open(&world.promoted).await;
    // As long as the pepper is there, the record is told to be the revoked one.
    assert_eq!(
        node.import(&system, [record()])
            .await
            .unwrap()
            .already_there,
        1
    );
    node.retire_pepper(&system, FIRST, Retirement::IfUnused)
        .await
        .unwrap();
    drop(node);
    let node = open(&world.after).await;
    let refused = node.import(&system, [record()]).await;
    assert!(
        matches!(refused, Err(ImportError::Untold { keys: 1 })),
        "{refused:?}"
    );
    assert!(!node.load_imported(text).await.unwrap());
    let forced = node.dangerous_import_anew(&system, [record()]).await;
    assert_eq!(forced.unwrap().imported, 1);
    assert!(node.load_imported(text).await.unwrap());
}

#[tokio::test]
async fn a_file_is_made_for_a_store_without_peppers_and_never_for_one_that_lost_its_own() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let file = PepperFile::at(folder.path().join("peppers"));
    let made = file.read_or_create(&*world.store).await.unwrap();
    let again = file.read_or_create(&*world.store).await.unwrap();
    assert_eq!(made.fingerprint(FIRST), again.fingerprint(FIRST));
    drop(world.node(&made).await);
    std::fs::remove_file(file.path()).unwrap();
    let lost = file.read_or_create(&*world.store).await;
    assert!(matches!(lost, Err(PepperFileError::Lost(_))), "{lost:?}");
    assert!(!file.path().exists());
}
