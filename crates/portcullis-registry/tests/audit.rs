//! The audit log of a registry: who reads what, and what the driver removes.

#![cfg(test)]

use std::{sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock, Timestamp};
use portcullis_registry::{
    Actor, AuditErasure, AuditFilter, AuditHead, AuditQuery, ChangeError, MemoryStore, NewKey,
    Options, Owner, Registry,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};

const READ: Scope = Scope::from_static("notes:read");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Bed {
    registry: Registry,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    peppers: PepperRing,
    driver: portcullis_registry::Driver,
}

async fn bed(options: Options) -> Bed {
    let (store, clock) = (Arc::new(MemoryStore::new()), ManualClock::new());
    clock.set_now(Timestamp::from_unix_seconds(1_767_225_600));
    let peppers = PepperRing::generate().unwrap();
    started(store, clock, peppers, options).await
}

async fn started(
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    peppers: PepperRing,
    options: Options,
) -> Bed {
    let catalogue = Catalogue::builder().scope("notes:read", "Read").build();
    let options = options.with_clock(Arc::<ManualClock>::clone(&clock));
    let format = TokenFormat::new("nt", Environment::Live).unwrap();
    let opened = Registry::open_with(
        Arc::clone(&store),
        format,
        catalogue.unwrap(),
        peppers.clone(),
        options,
    );
    let (registry, driver) = opened.await.unwrap();
    Bed {
        registry,
        store,
        clock,
        peppers,
        driver,
    }
}

impl Bed {
    async fn issue(&self, owner: &str) {
        let new = NewKey::new(owner.parse().unwrap(), "laptop", [READ]);
        let actor = Actor::dangerous_system().with_ip([203, 0, 113, 9].into());
        self.registry.issue_key(&actor, new).await.unwrap();
    }
}

fn of(owner: &str) -> Actor {
    let owner: Owner = owner.parse().unwrap();
    Actor::user(
        owner,
        "ada".parse().unwrap(),
        portcullis_scope::ScopeSet::EMPTY,
    )
}

#[tokio::test]
async fn an_actor_with_an_owner_reads_the_rows_of_that_owner_alone() {
    let bed = bed(Options::new()).await;
    for owner in ["acme", "other", "acme"] {
        bed.issue(owner).await;
    }
    let read = async |actor: &Actor, owner: Option<&str>| {
        let query = AuditQuery {
            filter: AuditFilter {
                owner: owner.map(|owner| owner.parse().unwrap()),
                ..AuditFilter::default()
            },
            ..AuditQuery::default()
        };
        let page = bed.registry.audit_log(actor, query).await;
        page.map(|page| {
            page.records
                .iter()
                .map(|row| row.number)
                .collect::<Vec<_>>()
        })
    };
    let system = Actor::dangerous_system();
    assert_eq!(read(&system, None).await.unwrap(), [3, 2, 1]);
    assert_eq!(read(&system, Some("other")).await.unwrap(), [2]);
    assert_eq!(read(&of("acme"), None).await.unwrap(), [3, 1]);
    assert_eq!(read(&of("acme"), Some("acme")).await.unwrap(), [3, 1]);
    let refused = read(&of("acme"), Some("other")).await;
    assert!(matches!(refused, Err(ChangeError::NotFound)));
    assert!(read(&of("nobody"), None).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_the_application_itself_removes_and_a_row_says_so() {
    let bed = bed(Options::new()).await;
    bed.issue("acme").await;
    let head = bed.registry.audit_head().await.unwrap();
    let (ada, now) = (of("acme"), bed.clock.now());
    let refused = bed.registry.prune_audit(&ada, now).await;
    assert!(matches!(refused, Err(ChangeError::Reserved)));
    let erasure = AuditErasure {
        before: None,
        owner: "acme".parse().ok(),
    };
    let refused = bed.registry.erase_audit_ips(&ada, erasure.clone()).await;
    assert!(matches!(refused, Err(ChangeError::Reserved)));
    assert_eq!(bed.registry.audit_head().await.unwrap(), head);

    let system = Actor::dangerous_system();
    let kept = bed
        .registry
        .erase_audit_ips(&system, erasure)
        .await
        .unwrap();
    assert_eq!((kept.rows, kept.ips), (0, 1));
    bed.registry.verify_audit(Some(head)).await.unwrap();
    // Not yet old.
    let kept = bed.registry.prune_audit(&system, now).await.unwrap();
    assert_eq!((kept.rows, kept.ips), (0, 0));
    bed.clock.advance(DAY);
    let kept = bed.registry.prune_audit(&system, bed.clock.now()).await;
    assert_eq!(kept.unwrap().rows, 2);
    let verified = bed.registry.verify_audit(None).await.unwrap();
    assert_eq!((verified.anchor.number, verified.rows), (2, 1));
    assert_ne!(verified.anchor, AuditHead::START);
    let actions: Vec<_> = bed
        .store
        .audit()
        .into_iter()
        .map(|row| row.action)
        .collect();
    assert_eq!(actions, ["audit.pruned"]);
}

/// Lets the driver poll for a while; the clock of the runtime moves by itself.
async fn drive(driver: &mut portcullis_registry::Driver, time: Duration) {
    tokio::select! {
        () = driver => panic!("the driver has ended"),
        () = tokio::time::sleep(time) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_driver_removes_what_is_old_every_hour() {
    let options = Options::new()
        .with_audit_retention(30 * DAY)
        .with_ip_retention(7 * DAY);
    let mut bed = bed(options).await;
    let mut days = Vec::new();
    for day in 0..40 {
        bed.issue("acme").await;
        days.push(bed.clock.now());
        assert_eq!(bed.store.audit().len(), day + 1);
        bed.clock.advance(DAY);
    }
    // It is day 39 by the newest row: of days 0 to 8 nothing is kept, and IPs of days 32 to 39.
    drive(&mut bed.driver, Duration::from_secs(5)).await;
    let rows = bed.store.audit();
    let issued: Vec<_> = rows
        .iter()
        .filter(|row| row.action == "key.issued")
        .collect();
    let kept: Vec<_> = issued.iter().map(|row| row.at).collect();
    assert_eq!(kept, days[9..]);
    let with_ip: Vec<_> = issued.iter().filter(|row| row.ip.is_some()).collect();
    let with_ip: Vec<_> = with_ip.into_iter().map(|row| row.at).collect();
    assert_eq!(with_ip, days[32..]);
    bed.registry.verify_audit(None).await.unwrap();

    // Within the hour nothing is looked for, then it is. The clock has agreed with the time that passes
    // for a day, and says that it is day 41.
    bed.clock.advance(DAY);
    drive(&mut bed.driver, Duration::from_secs(50 * 60)).await;
    assert_eq!(bed.store.audit(), rows);
    drive(&mut bed.driver, Duration::from_secs(11 * 60)).await;
    let later = bed.store.audit();
    assert_eq!(later[0].at, days[11]);
    bed.registry.verify_audit(None).await.unwrap();
    // With nothing to do nothing is written.
    drive(&mut bed.driver, Duration::from_secs(3 * 60 * 60)).await;
    assert_eq!(bed.store.audit(), later);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_far_ahead_for_a_while_removes_no_more_than_the_right_one() {
    let options = Options::new()
        .with_audit_retention(30 * DAY)
        .with_ip_retention(7 * DAY);
    let mut bed = bed(options).await;
    let mut days = Vec::new();
    for _ in 0..40 {
        bed.issue("acme").await;
        days.push(bed.clock.now());
        bed.clock.advance(DAY);
    }
    let now = bed.clock.now();
    bed.clock.set_now(now.saturating_add(10_000 * DAY));
    // What retention itself has written meanwhile is no later than the rest.
    drive(&mut bed.driver, Duration::from_secs(5 * 60 * 60)).await;
    let issued = |rows: &[portcullis_registry::AuditEntry]| -> Vec<_> {
        let issued = rows.iter().filter(|row| row.action == "key.issued");
        issued.map(|row| row.at).collect()
    };
    let rows = bed.store.audit();
    assert_eq!(issued(&rows), days[9..]);
    assert!(rows.iter().all(|row| row.at <= now));
    let with_ip = rows.iter().filter(|row| row.ip.is_some());
    assert_eq!(with_ip.map(|row| row.at).collect::<Vec<_>>(), days[32..]);

    // Once it is right again, days without a row count too.
    bed.clock.set_now(now);
    bed.clock.advance(11 * DAY);
    drive(&mut bed.driver, Duration::from_secs(61 * 60)).await;
    assert_eq!(issued(&bed.store.audit()), days[20..]);
    bed.registry.verify_audit(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_log_is_erased_too_though_the_service_is_restarted() {
    let options = || Options::new().with_ip_retention(7 * DAY);
    let mut bed = bed(options()).await;
    bed.issue("acme").await;
    // Started anew each day, and nothing else happens.
    for day in 1..=8 {
        assert!(
            bed.store.audit().iter().any(|row| row.ip.is_some()),
            "{day}"
        );
        bed = started(bed.store, bed.clock, bed.peppers, options()).await;
        drive(&mut bed.driver, Duration::from_secs(1)).await;
        bed.clock.advance(DAY);
        drive(&mut bed.driver, Duration::from_secs(61 * 60)).await;
    }
    assert!(bed.store.audit().iter().all(|row| row.ip.is_none()));
}

/// An operator who says when knows when it is.
#[tokio::test]
async fn what_is_asked_for_is_removed_whatever_the_newest_row_says() {
    let bed = bed(Options::new()).await;
    bed.issue("acme").await;
    let later = bed.clock.now().saturating_add(10_000 * DAY);
    let system = Actor::dangerous_system();
    let kept = bed.registry.prune_audit(&system, later).await.unwrap();
    assert_eq!(kept.rows, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_retention_everything_is_kept() {
    let mut bed = bed(Options::new()).await;
    bed.issue("acme").await;
    bed.clock.advance(10_000 * DAY);
    drive(&mut bed.driver, Duration::from_secs(60 * 60)).await;
    let rows = bed.store.audit();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].ip.is_some());
}
