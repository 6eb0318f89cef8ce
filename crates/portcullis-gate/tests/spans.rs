//! The span of a check that waits. Apart from other tests: whether a span is wanted is remembered by
//! the whole process.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
#[path = "gate/bed.rs"]
mod bed;
#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
#[path = "gate/store.rs"]
mod store;

use std::{
    io,
    sync::{Arc, Mutex},
};

use bed::{READ, bed, denial};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn note(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.note(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_went_wrong_in_a_store_is_logged_with_the_id_of_the_request() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let bed = bed().await;
    let guard = bed.guard(READ);
    let key = bed.key(&[READ]).await;
    bed.store.break_down();
    let denied = denial(&guard, &key).await;
    let id = denied.request_id.unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("the store is out of reach"));
    let span = format!("check{{request_id={id} waits_for=\"credential\"}}");
    assert!(line.unwrap().contains(&span), "{text}");
    assert!(!text.contains(&key));
}
