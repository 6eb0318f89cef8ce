//! Keys of other systems: imported by their digests, and then keys as any other.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{sync::Arc, time::Duration};

use common::watched::Watched;
use common::{BRANDS, READ, WRITE, acme, ada, catalogue, format};
use portcullis_core::{Clock, ManualClock};
use portcullis_registry::{
    Actor, Batch, ChangeError, Hot, ImportError, Imports, KeyChange, Listing, NewImport, Options,
    Principal, Registry, Remac, Retirement,
};
use portcullis_scope::Grant;
use portcullis_token::{
    DigestEncoding, Environment, HashedPart, ImportedScheme, KeyDigest, Pepper, PepperRing,
    PepperVersion, TokenFormat,
};

/// A key of the old system, and what that system had of it. The digests are `sha256sum`'s.
const SOCIAL: &str = "sk-social-Zm9vYmFyMDEyMzQ1Njc4OQ";
const SOCIAL_WHOLE: &str = "2003117257382f09e805974e1e1ef58f882b077fdc57c68ddb8c727cf796d667";
const SOCIAL_BEHIND: &str = "13163852e54dd2da3b0e00a3aaef99c2b4cfd710585b426e5821bee9472e374e";
const OLD: &str = "old_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG";
const OLD_LAST: &str = "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37";

struct World {
    store: Arc<Watched>,
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

    async fn open(&self, schemes: &[ImportedScheme]) -> Registry {
        self.open_as(format(), schemes).await
    }

    async fn open_as(&self, format: TokenFormat, schemes: &[ImportedScheme]) -> Registry {
        let options = Options::new()
            .with_clock(Arc::<ManualClock>::clone(&self.clock))
            .with_imported(schemes.iter().cloned());
        let (store, peppers) = (Arc::clone(&self.store), self.peppers.clone());
        let opened = Registry::open_with(store, format, catalogue(), peppers, options).await;
        opened.unwrap().0
    }

    /// Adds a pepper, and makes it current.
    fn next_pepper(&mut self) -> PepperVersion {
        let next = PepperVersion::new(2).unwrap();
        let peppers = self.peppers.clone().with(next, Pepper::generate().unwrap());
        self.peppers = peppers.with_current(next).unwrap();
        next
    }
}

fn whole() -> ImportedScheme {
    ImportedScheme::new("sk-social-").unwrap()
}

fn behind() -> ImportedScheme {
    whole().with_part(HashedPart::AfterPrefix).unwrap()
}

fn last() -> ImportedScheme {
    let scheme = ImportedScheme::new("old_").unwrap();
    scheme.with_part(HashedPart::AfterLast(b'_')).unwrap()
}

fn hex(digest: &str) -> KeyDigest {
    KeyDigest::parse(digest, DigestEncoding::Hex).unwrap()
}

fn new(scheme: &ImportedScheme, digest: KeyDigest) -> NewImport {
    let grant = [READ].into_iter().collect();
    NewImport::new(scheme, digest, acme(), "from before", grant)
}

/// A made-up key of the first scheme.
fn text(number: u32) -> String {
    format!("sk-social-{number:032}")
}

fn numbered(number: u32) -> NewImport {
    new(&whole(), whole().digest(text(number).as_bytes()).unwrap())
}

async fn import(registry: &Registry, some: impl IntoIterator<Item = NewImport>) -> Imports {
    let imports = registry.import(&Actor::dangerous_system(), some).await;
    imports.unwrap()
}

const fn counts(imported: u64, already_there: u64, expired: u64) -> Imports {
    Imports {
        imported,
        already_there,
        expired,
    }
}

/// Verifies as a gate does.
async fn verify(registry: &Registry, text: &str) -> Option<Principal> {
    loop {
        let visited = registry.visit_imported(text.as_bytes(), None, |visit| {
            visit.note_passed();
            visit.principal()
        });
        match visited {
            Hot::Known(principal) => return Some(principal),
            Hot::Rejected | Hot::UnknownPepper => return None,
            Hot::Miss => {
                if !registry.load_imported(text.as_bytes()).await.unwrap() {
                    return None;
                }
            }
        }
    }
}

fn visit(registry: &Registry, text: &str) -> Hot<()> {
    registry.visit_imported(text.as_bytes(), None, |_| ())
}

#[tokio::test]
async fn a_key_is_accepted_whichever_part_of_it_was_hashed() {
    for (scheme, digest, text) in [
        (whole(), SOCIAL_WHOLE, SOCIAL),
        (behind(), SOCIAL_BEHIND, SOCIAL),
        (last(), OLD_LAST, OLD),
    ] {
        let world = World::new();
        let registry = world.open(std::slice::from_ref(&scheme)).await;
        assert!(verify(&registry, text).await.is_none());
        let imports = import(&registry, [new(&scheme, hex(digest))]).await;
        assert_eq!(imports, counts(1, 0, 0));
        // At once, though the store was just found not to have it.
        let principal = verify(&registry, text).await.unwrap();
        assert_eq!(principal.owner(), &acme());
        assert_eq!(principal.scopes(), &catalogue().set([READ]).unwrap());
        let (rest, _) = text.split_at(text.len() - 1);
        for wrong in [format!("{rest}x"), format!("{text}x"), rest.to_owned()] {
            assert!(verify(&registry, &wrong).await.is_none(), "{wrong}");
        }
    }
}

#[tokio::test]
async fn a_digest_of_one_scheme_is_no_key_of_another() {
    let world = World::new();
    let registry = world.open(&[whole(), behind(), last()]).await;
    // The digest of the whole, imported as that of the part behind the prefix.
    import(&registry, [new(&behind(), hex(SOCIAL_WHOLE))]).await;
    assert!(verify(&registry, SOCIAL).await.is_none());
}

#[tokio::test]
async fn of_schemes_that_match_one_text_each_is_tried() {
    let world = World::new();
    let wide = ImportedScheme::new("sk-").unwrap();
    let registry = world
        .open(&[wide.clone(), behind(), whole(), behind()])
        .await;
    let tried: Vec<_> = registry.imported_schemes().to_vec();
    assert_eq!(tried, [behind(), whole(), wide.clone()]);
    let some = [
        new(&behind(), behind().digest(text(1).as_bytes()).unwrap()),
        numbered(2),
        new(&wide, wide.digest(text(3).as_bytes()).unwrap()),
    ];
    assert_eq!(import(&registry, some).await, counts(3, 0, 0));
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(verify(&registry, &text(number)).await.unwrap().credential());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(verify(&registry, &text(4)).await.is_none());
}

#[tokio::test]
async fn a_hit_reads_nothing_and_an_unknown_key_is_read_for_once() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    import(&registry, [numbered(1)]).await;
    world.store.take_reads();

    // Many at once share one read, of what is there and of what is not.
    let asked = (0..20).map(|_| async { verify(&registry, &text(1)).await.is_some() });
    assert!(all(asked).await.into_iter().all(|accepted| accepted));
    assert_eq!(world.store.take_reads(), 1);
    let asked = (0..20).map(|_| async { verify(&registry, &text(2)).await.is_some() });
    assert!(all(asked).await.into_iter().all(|accepted| !accepted));
    assert_eq!(world.store.take_reads(), 1);

    for _ in 0..100 {
        assert_eq!(visit(&registry, &text(1)), Hot::Known(()));
        assert!(verify(&registry, &text(2)).await.is_none());
        assert_eq!(visit(&registry, "another-text"), Hot::Rejected);
    }
    assert_eq!(world.store.take_reads(), 0);
    world.clock.advance(Duration::from_secs(2));
    assert!(verify(&registry, &text(2)).await.is_none());
    assert_eq!(world.store.take_reads(), 1);
}

/// Runs futures side by side on this thread.
async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |cx| {
        futures.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut done))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn a_key_that_was_warmed_is_found_without_a_read() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    import(&registry, (0..10).map(numbered)).await;
    assert_eq!(registry.warm().await.unwrap(), 10);
    world.store.take_reads();
    for number in 0..10 {
        assert_eq!(visit(&registry, &text(number)), Hot::Known(()));
    }
    assert_eq!(world.store.take_reads(), 0);
}

#[tokio::test]
async fn a_revoked_key_is_refused_from_then_on_in_memory_and_out_of_it() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    import(&registry, (0..50).map(numbered)).await;
    for number in 0..50 {
        let text = text(number);
        let id = verify(&registry, &text).await.unwrap().credential();
        let _ = registry.revoke_key(&ada(), id.unwrap()).await.unwrap();
        assert_ne!(visit(&registry, &text), Hot::Known(()));
        assert!(verify(&registry, &text).await.is_none());
    }
    let another = world.open(&[whole()]).await;
    assert!(verify(&another, &text(0)).await.is_none());
    // And an import that is run again does not bring it back.
    assert_eq!(import(&another, [numbered(0)]).await, counts(0, 1, 0));
    assert!(verify(&another, &text(0)).await.is_none());
}

#[tokio::test]
async fn an_imported_key_lives_as_any_other() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    let before = world
        .clock
        .now()
        .saturating_sub(Duration::from_secs(86_400));
    let some = numbered(1).with_created_at(before);
    import(
        &registry,
        [some.with_networks("192.0.2.0/24".parse().unwrap())],
    )
    .await;
    let text = text(1);
    assert!(registry.load_imported(text.as_bytes()).await.unwrap());
    let from = |ip: &str| {
        let ip = Some(ip.parse().unwrap());
        registry.visit_imported(text.as_bytes(), ip, |visit| visit.note_passed())
    };
    assert_eq!(from("192.0.2.7"), Hot::Known(()));
    assert_eq!(from("198.51.100.7"), Hot::Rejected);

    let listed = registry.keys(&ada(), &acme(), Listing::default()).await;
    let listed = listed.unwrap().keys;
    let [key] = &listed[..] else {
        panic!("one key is listed");
    };
    assert_eq!(key.hint().as_str(), "sk-social-...");
    assert_eq!(key.imported(), Some("sk-social-"));
    // It is found by what is shown of it.
    for (wanted, found) in [("sk-social-...", 1), ("Sk-Social", 1), ("sk-other", 0)] {
        let mut listing = Listing::default();
        listing.filter.text = Some(wanted.into());
        let listed = registry.keys(&ada(), &acme(), listing).await.unwrap();
        assert_eq!(listed.keys.len(), found, "{wanted}");
    }
    assert_eq!((key.name(), key.created_at()), ("from before", before));
    let id = key.credential();

    registry.flush().await.unwrap();
    let used = registry.key(&ada(), id).await.unwrap();
    assert_eq!(used.usage().requests, 1);
    assert_eq!(used.usage().last_used_at, Some(world.clock.now()));

    for (change, is_accepted) in [
        (KeyChange::new().disable(), false),
        (KeyChange::new().enable(), true),
        (KeyChange::new().rename("renamed"), true),
    ] {
        registry.change_key(&ada(), id, change).await.unwrap();
        let _ = registry.load_imported(text.as_bytes()).await.unwrap();
        assert_eq!(from("192.0.2.7") == Hot::Known(()), is_accepted);
    }

    let issued = registry
        .rotate_key(&ada(), id, Duration::from_secs(60))
        .await
        .unwrap();
    let successor = issued.token.expose();
    assert!(successor.starts_with("ap_live_"));
    assert_eq!(
        (issued.key.imported(), issued.key.name()),
        (None, "renamed")
    );
    assert!(issued.key.hint().as_str().starts_with("ap_live_"));
    world.clock.advance(Duration::from_micros(59_999_999));
    let _ = registry.load_imported(text.as_bytes()).await.unwrap();
    assert_eq!(from("192.0.2.7"), Hot::Known(()));
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(from("192.0.2.7"), Hot::Rejected);
    let token = registry.format().recognize(successor.as_bytes()).unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    let ip = Some("192.0.2.7".parse().unwrap());
    assert_eq!(registry.visit(&token, ip, |_| ()), Hot::Known(()));
}

#[tokio::test]
async fn a_disabled_key_and_one_that_expires_stay_so_and_one_that_has_expired_is_passed_over() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    let now = world.clock.now();
    let some = [
        numbered(1).disabled(),
        numbered(2).with_expiry(now.saturating_add(Duration::from_secs(10))),
        numbered(3).with_expiry(now),
    ];
    assert_eq!(import(&registry, some).await, counts(2, 0, 1));
    for (number, is_accepted) in [(1, false), (2, true), (3, false)] {
        let principal = verify(&registry, &text(number)).await;
        assert_eq!(principal.is_some(), is_accepted, "{number}");
    }
    world.clock.advance(Duration::from_secs(10));
    assert!(verify(&registry, &text(2)).await.is_none());
}

#[tokio::test]
async fn an_import_that_is_run_again_imports_nothing_twice() {
    let mut world = World::new();
    let registry = world.open(&[whole()]).await;
    // The run stopped in the middle, and some are in it twice.
    import(&registry, (0..5_500).map(numbered)).await;
    let again = (0..10_200).chain(5_000..5_600).map(numbered);
    assert_eq!(import(&registry, again).await, counts(4_700, 6_100, 0));
    let id = verify(&registry, &text(3)).await.unwrap().credential();

    // Nor is anything under the next pepper that is there under the one before.
    world.next_pepper();
    let next = world.open(&[whole()]).await;
    assert_eq!(verify(&next, &text(3)).await.unwrap().credential(), id);
    next.flush().await.unwrap();
    let again = (0..10_300).map(numbered);
    assert_eq!(import(&next, again).await, counts(100, 10_200, 0));
    assert_eq!(verify(&next, &text(3)).await.unwrap().credential(), id);
}

#[tokio::test]
async fn an_import_stops_at_what_is_refused_and_keeps_what_came_before() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    let system = Actor::dangerous_system();
    let mut some: Vec<_> = (0..5_003).map(numbered).collect();
    some.push(new(&last(), hex(OLD_LAST)));
    some.push(numbered(5_600));
    let error = registry.import(&system, some).await.unwrap_err();
    assert!(
        matches!(error, ImportError::Undeclared { at: 5_003 }),
        "{error}"
    );
    assert!(verify(&registry, &text(5_002)).await.is_some());
    assert!(verify(&registry, &text(5_600)).await.is_none());

    let digest = || whole().digest(b"sk-social-x").unwrap();
    let grant: Grant = "posts:unheard-of".parse().unwrap();
    let unknown = NewImport::new(&whole(), digest(), acme(), "key", grant);
    let nameless = NewImport::new(&whole(), digest(), acme(), " ", Grant::none());
    for refused in [unknown, nameless] {
        let error = registry.import(&system, [numbered(5_601), refused]).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, ImportError::Refused { at: 1, .. }),
            "{error}"
        );
    }
    assert!(verify(&registry, &text(5_601)).await.is_some());
}

#[tokio::test]
async fn only_who_holds_every_scope_imports_and_only_for_the_own_owner() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    let user = |scopes| Actor::user(acme(), "ada".parse().unwrap(), scopes);
    let some = user(catalogue().set([READ, WRITE]).unwrap());
    let error = registry.import(&some, [numbered(1)]).await.unwrap_err();
    let ImportError::Refused {
        at: 0,
        why: ChangeError::Excess(excess),
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(excess, [BRANDS]);
    assert!(verify(&registry, &text(1)).await.is_none());

    let all = user(catalogue().all());
    let other = NewImport::new(
        &whole(),
        whole().digest(text(2).as_bytes()).unwrap(),
        "other".parse().unwrap(),
        "key",
        Grant::none(),
    );
    let quota = numbered(3).with_quota("1/60s".parse().unwrap());
    for refused in [other, quota] {
        let error = registry.import(&all, [refused]).await.unwrap_err();
        assert!(
            matches!(error, ImportError::Refused { at: 0, .. }),
            "{error}"
        );
    }
    assert_eq!(
        registry.import(&all, [numbered(1)]).await.unwrap(),
        counts(1, 0, 0)
    );
    assert!(verify(&registry, &text(1)).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_pepper_refuses_nobody() {
    const KEYS: u32 = 200;
    let mut world = World::new();
    let first = world.peppers.current();
    let registry = world.open(&[whole()]).await;
    import(&registry, (0..=KEYS).map(numbered)).await;
    drop(registry);

    world.next_pepper();
    let registry = world.open(&[whole()]).await;
    let load = (0..4).map(|turn| {
        let registry = registry.clone();
        tokio::spawn(async move {
            let mut refused = 0;
            for round in 0..2_000_u32 {
                let number = (round * 7 + turn * 50) % KEYS;
                if verify(&registry, &text(number)).await.is_none() {
                    refused += 1;
                }
            }
            refused
        })
    });
    let load: Vec<_> = load.collect();
    // Meanwhile MACs are written, and records go out of memory.
    let listing = Listing {
        limit: 100,
        ..Listing::default()
    };
    let keys = registry.keys(&ada(), &acme(), listing).await;
    for (index, key) in keys.unwrap().keys.iter().enumerate() {
        let change = KeyChange::new().rename(&format!("key {index}"));
        registry
            .change_key(&ada(), key.credential(), change)
            .await
            .unwrap();
        registry.flush().await.unwrap();
    }
    for load in load {
        assert_eq!(load.await.unwrap(), 0);
    }

    // The one that nobody used is all that is left under the first.
    registry.flush().await.unwrap();
    let uses = registry.pepper_use().await.unwrap();
    let left: Vec<_> = uses.iter().map(|pepper| pepper.credentials).collect();
    assert_eq!(left, [1, u64::from(KEYS)]);
    let system = Actor::dangerous_system();
    let retired = registry
        .retire_pepper(&system, first, Retirement::IfUnused)
        .await;
    assert!(retired.is_err());
    let retired = registry
        .retire_pepper(&system, first, Retirement::RevokeRest)
        .await;
    retired.unwrap();
    assert!(verify(&registry, &text(KEYS)).await.is_none());
    drop(registry);

    world.peppers = world.peppers.clone().without(first).unwrap();
    let registry = world.open(&[whole()]).await;
    for number in 0..KEYS {
        assert!(verify(&registry, &text(number)).await.is_some(), "{number}");
    }
    assert!(verify(&registry, &text(KEYS)).await.is_none());
}

#[tokio::test]
async fn a_key_that_comes_under_the_current_pepper_between_two_reads_is_found() {
    let mut world = World::new();
    let first = world.peppers.current();
    let registry = world.open(&[whole()]).await;
    import(&registry, [numbered(1)]).await;
    let id = verify(&registry, &text(1))
        .await
        .unwrap()
        .credential()
        .unwrap();
    let next = world.next_pepper();
    let registry = world.open(&[whole()]).await;
    let digest = whole().digest(text(1).as_bytes()).unwrap();
    let (_, mac) = world.peppers.import(&whole(), &digest);
    let remacs = vec![Remac {
        id,
        from: first,
        to: next,
        mac,
    }];
    let batch = Batch {
        remacs,
        ..Batch::default()
    };
    world.store.then.lock().unwrap().push_back(batch);
    assert!(verify(&registry, &text(1)).await.is_some());
    // Under the current one there was nothing yet, under the other nothing any more.
    assert_eq!(world.store.then.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_key_is_accepted_where_its_environment_is_served() {
    let world = World::new();
    let registry = world.open(&[whole()]).await;
    import(&registry, [numbered(1)]).await;
    let test = TokenFormat::new("ap", Environment::Test).unwrap();
    for (format, is_accepted) in [(test, false), (test.with_both_environments(), true)] {
        let registry = world.open_as(format, &[whole()]).await;
        assert_eq!(verify(&registry, &text(1)).await.is_some(), is_accepted);
        registry.warm().await.unwrap();
        assert_eq!(verify(&registry, &text(1)).await.is_some(), is_accepted);
    }
}

#[tokio::test]
async fn a_key_that_there_is_no_room_for_is_verified_all_the_same() {
    let world = World::new();
    let options = Options::new()
        .with_clock(Arc::<ManualClock>::clone(&world.clock))
        .with_capacity(10)
        .with_imported([whole()]);
    let (store, peppers) = (Arc::clone(&world.store), world.peppers.clone());
    let opened = Registry::open_with(store, format(), catalogue(), peppers, options).await;
    let registry = opened.unwrap().0;
    import(&registry, (0..100).map(numbered)).await;
    for number in (0..100).chain(0..100) {
        assert!(verify(&registry, &text(number)).await.is_some(), "{number}");
    }
    assert!(registry.cached() <= 11);
}

#[test]
fn nothing_of_a_digest_is_shown() {
    let import = format!("{:?}", new(&whole(), hex(SOCIAL_WHOLE)));
    assert!(import.contains("KeyDigest(..)"), "{import}");
}
