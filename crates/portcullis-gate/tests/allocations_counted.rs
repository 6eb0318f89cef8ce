//! A check allocates nothing for being counted.
//!
//! A file of its own, since what it counts is counted for the whole thread.

#![cfg(test)]
#![cfg(feature = "metrics")]

use http::Request;
use metrics_util::debugging::DebuggingRecorder;
use portcullis_gate::Progress;
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;

const READ: Scope = Scope::from_static("posts:read");

#[tokio::test]
async fn a_counted_check_of_a_credential_in_memory_allocates_nothing() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let catalogue = Catalogue::builder().scope("posts:read", "Read posts");
    let bed = TestBed::new(catalogue.build().unwrap()).await;
    let gate = bed.gate().with_limit("1000/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let key = bed.key([READ]).await;
    let request = Request::get("/posts").header("x-api-key", key);
    let (parts, ()) = request.body(()).unwrap().into_parts();

    assert!(guard.check(&parts, None).await.is_ok());
    let mut passed = 0;
    let allocations = allocation_counter::measure(|| {
        for _ in 0..100 {
            if let Progress::Done(Ok(pass)) = guard.check(&parts, None) {
                passed += 1;
                drop(pass);
            }
        }
    });
    assert_eq!((passed, allocations.count_total), (100, 0));
    let counted = snapshotter.snapshot().into_vec();
    let counted = counted.into_iter().filter(|(key, _, _, value)| {
        key.key().name() == "portcullis_requests_total"
            && *value == metrics_util::debugging::DebugValue::Counter(101)
    });
    assert_eq!(counted.count(), 1, "they were not counted");
}
