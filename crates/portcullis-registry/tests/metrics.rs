//! What is counted of the store, of credits and of the background work.

#![cfg(test)]
#![cfg(feature = "metrics")]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{num::NonZeroU32, sync::atomic::Ordering, time::Duration};

use common::{READ, acme, ada, bed, held::held};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use portcullis_core::CredentialId;
use portcullis_registry::KeyChange;

/// Everything that was counted, under `name{value,…}` with the values of the labels sorted.
struct Counted(Vec<(String, DebugValue)>);

impl Counted {
    fn now(snapshotter: &Snapshotter) -> Self {
        let all = snapshotter.snapshot().into_vec().into_iter();
        let all = all.map(|(key, _, _, value)| {
            let key = key.key();
            let mut labels: Vec<&str> = key.labels().map(metrics::Label::value).collect();
            labels.sort_unstable();
            (format!("{}{{{}}}", key.name(), labels.join(",")), value)
        });
        Self(all.collect())
    }

    fn of(&self, series: &str) -> f64 {
        let found = self.0.iter().find(|(name, _)| name == series);
        match &found
            .unwrap_or_else(|| panic!("no {series} in {:?}", self.0))
            .1
        {
            DebugValue::Counter(count) => f64::from(u32::try_from(*count).unwrap()),
            DebugValue::Gauge(level) => level.0,
            DebugValue::Histogram(values) => f64::from(u32::try_from(values.len()).unwrap()),
        }
    }

    fn assert(&self, expected: &[(&str, f64)]) {
        for (series, count) in expected {
            let found = self.of(series);
            assert!(
                (found - count).abs() < f64::EPSILON,
                "{series}: {found}, not {count}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_durable_is_counted_and_what_was_refused_is_not_charged() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    let five = NonZeroU32::new(5).unwrap();
    let owner = acme();
    let reserve = || bed.registry.reserve(&owner, five, "work");
    reserve().await.unwrap().settle(3).await;
    reserve().await.unwrap().release().await;
    // 7 are left: one more fits, and another does not.
    let held = reserve().await.unwrap();
    assert!(reserve().await.is_err());
    held.settle(9).await;

    let key = bed.key(&[READ]).await;
    let revoked = bed.registry.revoke_key(&ada(), key.key.credential()).await;
    let _everywhere = revoked.unwrap();

    Counted::now(&snapshotter).assert(&[
        ("portcullis_reservations_total{reserved}", 3.0),
        ("portcullis_reservations_total{settled}", 2.0),
        ("portcullis_reservations_total{released}", 1.0),
        ("portcullis_reservations_total{refused}", 1.0),
        ("portcullis_credits_reserved_total{}", 15.0),
        // More than was reserved is not charged.
        ("portcullis_credits_charged_total{}", 8.0),
        ("portcullis_changes_total{key.issued}", 1.0),
        ("portcullis_changes_total{key.revoked}", 1.0),
        // There from the start, so that the first is seen as a rise.
        ("portcullis_changes_total{refresh.reused}", 0.0),
        ("portcullis_store_calls_total{commit,too_few_credits}", 1.0),
        ("portcullis_store_calls_total{commit,conflict}", 0.0),
    ]);
}

#[tokio::test]
async fn a_store_that_fails_is_counted_with_what_it_says_of_it() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let (registry, store) = held().await;
    let before = Counted::now(&snapshotter);
    store.fails.store(true, Ordering::SeqCst);
    let id: CredentialId = "qBhy02hoi8ucTVyA".parse().unwrap();
    assert!(registry.load(id).await.is_err());
    store.fails.store(false, Ordering::SeqCst);
    assert!(!registry.load(id).await.unwrap());
    // The counters of a snapshot begin anew with each.
    assert!(before.of("portcullis_store_calls_total{get,ok}") >= 1.0);
    Counted::now(&snapshotter).assert(&[
        ("portcullis_store_calls_total{get,transient}", 1.0),
        ("portcullis_store_calls_total{get,permanent}", 0.0),
        ("portcullis_store_calls_total{get,ok}", 1.0),
        ("portcullis_store_call_seconds{get}", 2.0),
    ]);
}

#[tokio::test(start_paused = true)]
async fn the_driver_tells_that_it_lives_and_what_it_sees() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let mut bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    let key = bed.key(&[READ]).await;
    assert!(bed.registry.load(key.key.credential()).await.unwrap());
    let open = bed.registry.reserve(&acme(), NonZeroU32::MIN, "work").await;
    let open = open.unwrap();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    // The first round is begun at once, then one each half second; the 120th writes uses.
    tokio::time::sleep(Duration::from_millis(59_750)).await;
    let counted = Counted::now(&snapshotter);
    counted.assert(&[
        ("portcullis_driver_round_seconds{}", 120.0),
        ("portcullis_driver_jobs_total{changes,ok}", 120.0),
        ("portcullis_driver_jobs_total{changes,failed}", 0.0),
        ("portcullis_driver_jobs_total{ok,uses}", 1.0),
        ("portcullis_credentials_cached{}", 1.0),
        ("portcullis_reservations_open{}", 1.0),
        ("portcullis_settlements_waiting{}", 0.0),
        ("portcullis_cold_reads{}", 0.0),
    ]);
    open.release().await;
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test]
async fn events_that_a_listener_lost_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = bed().await;
    let mut events = bed.registry.events();
    let key = bed.key(&[READ]).await;
    let (ada, id) = (ada(), key.key.credential());
    for number in 0..1_030_u32 {
        let change = KeyChange::new().rename(&format!("key {number}"));
        let changed = bed.registry.change_key(&ada, id, change);
        changed.await.unwrap();
    }
    assert!(events.next().await.is_some());
    assert!(events.lost() > 0);
    let lost = f64::from(u32::try_from(events.lost()).unwrap());
    Counted::now(&snapshotter).assert(&[("portcullis_events_lost_total{}", lost)]);
}
