//! The lock-free parts of the table under every interleaving, as a model of the same steps.
//!
//! The orderings, and what is read and written under which lock, are those of `src/table/mod.rs`.
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p portcullis-limit --test loom --release`.

#![cfg(test)]

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

const WINDOW: u64 = 10;

/// A window of one unit: the newest admission, and the latest instant that it has seen.
#[derive(Clone, Copy, Default)]
struct Window {
    newest: Option<u64>,
    latest: u64,
}

impl Window {
    fn advance(&mut self, now: u64) {
        self.latest = self.latest.max(now);
        self.newest = self.newest.filter(|newest| self.latest - newest < WINDOW);
    }

    /// The instant of the admission.
    fn check(&mut self, now: u64) -> Option<u64> {
        self.advance(now);
        if self.newest.is_some() {
            return None;
        }
        self.newest = Some(self.latest);
        self.newest
    }
}

/// From when on an emptied window counts as fresh.
#[derive(Clone, Copy)]
enum Emptied {
    /// At once. This is what the table must not do.
    AtOnce,
    /// From the latest instant on that it has seen.
    FromLatest,
}

/// A shard for each of two partitions, and what they share.
struct Table {
    shards: [Mutex<Option<Window>>; 2],
    overflow: Mutex<Window>,
    overflow_fresh_from: AtomicU64,
    len: AtomicUsize,
    capacity: usize,
    clock: AtomicU64,
    emptied: Emptied,
}

impl Table {
    fn new(capacity: usize, emptied: Emptied) -> Self {
        Self {
            shards: [Mutex::new(None), Mutex::new(None)],
            overflow: Mutex::new(Window::default()),
            overflow_fresh_from: AtomicU64::new(0),
            len: AtomicUsize::new(0),
            capacity,
            clock: AtomicU64::new(100),
            emptied,
        }
    }

    fn reserve(&self) -> bool {
        let grown = |len| (len < self.capacity).then_some(len + 1);
        self.len
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .is_ok()
    }

    fn release(&self) {
        self.len.fetch_sub(1, Ordering::Relaxed);
    }

    fn note_overflow(&self, overflow: &Window) {
        let fresh_from = match (overflow.newest, self.emptied) {
            (Some(newest), _) => (newest + WINDOW).max(overflow.latest),
            (None, Emptied::FromLatest) => overflow.latest,
            (None, Emptied::AtOnce) => 0,
        };
        self.overflow_fresh_from
            .store(fresh_from, Ordering::Relaxed);
    }

    fn newcomer(&self, now: u64) -> Window {
        if now >= self.overflow_fresh_from.load(Ordering::Relaxed) {
            Window::default()
        } else {
            *self.overflow.lock().unwrap()
        }
    }

    /// A check of the partition of this shard; if it is refused elsewhere, it only tells the time.
    fn check(&self, shard: usize, is_refused_elsewhere: bool) -> Option<u64> {
        let mut own = self.shards[shard].lock().unwrap();
        let now = self.clock.load(Ordering::SeqCst);
        let decide = |window: &mut Window| {
            if is_refused_elsewhere {
                window.advance(now);
                None
            } else {
                window.check(now)
            }
        };
        if let Some(window) = &mut *own {
            return decide(window);
        }
        if self.reserve() {
            return decide(own.insert(self.newcomer(now)));
        }
        let mut overflow = self.overflow.lock().unwrap();
        let admitted = decide(&mut overflow);
        self.note_overflow(&overflow);
        admitted
    }
}

/// A partition is charged in the overflow window while the table is full. Then a window's length
/// passes, room is made, another partition uses the overflow window, and the first comes again: at
/// the same time, in any order.
fn comes_again(emptied: Emptied, is_refused_elsewhere: bool) {
    loom::model(move || {
        let table = Arc::new(Table::new(1, emptied));
        assert!(table.reserve());
        let first = table.check(0, false);
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.check(1, is_refused_elsewhere))
        };
        let time = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                table.clock.store(100 + WINDOW - 1, Ordering::SeqCst);
                table.release();
                table.clock.store(100 + WINDOW, Ordering::SeqCst);
            })
        };
        let second = table.check(0, false);
        if let (Some(first), Some(second)) = (first, second) {
            assert!(second >= first + WINDOW, "rule 1: {first} and {second}");
        }
        other.join().unwrap();
        time.join().unwrap();
    });
}

#[test]
fn rule_1_holds_while_others_are_charged_in_the_overflow_window() {
    comes_again(Emptied::FromLatest, false);
}

#[test]
fn rule_1_holds_while_a_check_that_is_refused_elsewhere_empties_the_overflow_window() {
    comes_again(Emptied::FromLatest, true);
}

#[test]
#[should_panic(expected = "rule 1")]
fn rule_1_would_break_if_an_emptied_overflow_window_were_fresh_at_once() {
    comes_again(Emptied::AtOnce, true);
}

#[test]
fn rule_7_the_count_never_exceeds_the_capacity() {
    loom::model(|| {
        let table = Arc::new(Table::new(2, Emptied::FromLatest));
        let work = |table: &Table| {
            let mut held = 0;
            for _ in 0..2 {
                held += usize::from(table.reserve());
                assert!(table.len.load(Ordering::Relaxed) <= 2);
            }
            if held > 0 {
                table.release();
                held -= 1;
            }
            held
        };
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || work(&table))
        };
        let held = work(&table) + other.join().unwrap();
        assert_eq!(table.len.load(Ordering::Relaxed), held);
    });
}
