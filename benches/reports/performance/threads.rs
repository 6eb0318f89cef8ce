//! How many decisions a second threads make together.

use std::{
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use foldhash::fast::RandomState;
use governor::{RateLimiter, clock::DefaultClock, state::keyed::DashMapStateStore};
use http::request::Parts;
use portcullis_core::{Clock, CredentialId, SystemClock};
use portcullis_gate::{Guard, Progress};

use crate::{
    Failure,
    made::{Maker, guard, id, runtime},
    numbers::{float, median, or_dash},
    options::Size,
};

pub(crate) const THREADS: [u32; 3] = [1, 2, 4];
const KEYS_PER_THREAD: u32 = 1_000;
/// So much that nothing is refused, in slots of some thousand calls.
const QUOTA: &str = "60000/1ms";
const CALLS_BETWEEN_LOOKS: usize = 64;

/// Calls a second, for each number of threads.
#[derive(Debug)]
pub(crate) struct Threads(Vec<(&'static str, [Option<f64>; THREADS.len()])>);

#[derive(Clone, Copy)]
enum Keys {
    OwnEach,
    OneForAll,
}

type Limiter =
    RateLimiter<CredentialId, DashMapStateStore<CredentialId, RandomState>, DefaultClock>;

pub(crate) fn measure(size: Size) -> Result<Threads, Failure> {
    let (rounds, each) = size.pick((5, 2_000), (1, 50));
    let each = Duration::from_millis(each);
    let most = THREADS.iter().max().copied().unwrap_or(1) * KEYS_PER_THREAD;
    let maker = Maker::new()?;
    let guard = runtime()?.block_on(async {
        let guard = guard(&maker.registry(most).await?, QUOTA)?;
        for number in 0..most {
            let request = maker.request(number)?;
            if guard.check(&request, None).await.is_err() {
                return Err("a key was refused".into());
            }
        }
        Ok::<_, Failure>(guard)
    })?;
    let limiter = limiter()?;

    let ways = [
        ("ours, each thread its own 1,000 keys", true, Keys::OwnEach),
        (
            "governor, each thread its own 1,000 keys",
            false,
            Keys::OwnEach,
        ),
        ("ours, all threads one key", true, Keys::OneForAll),
        ("governor, all threads one key", false, Keys::OneForAll),
    ];
    let mut runs = vec![[const { Vec::new() }; THREADS.len()]; ways.len()];
    // One after another and then again, so that a slow minute of the machine is everybody's.
    for _ in 0..rounds {
        for ((_, is_ours, keys), runs) in ways.iter().zip(&mut runs) {
            for (threads, runs) in THREADS.iter().zip(runs) {
                runs.push(if *is_ours {
                    ours(&guard, &maker, *keys, *threads, each)?
                } else {
                    theirs(&limiter, *keys, *threads, each)?
                });
            }
        }
    }
    let middles = runs.into_iter().map(|runs| runs.map(median));
    Ok(Threads(
        ways.iter().map(|(name, ..)| *name).zip(middles).collect(),
    ))
}

fn limiter() -> Result<Limiter, Failure> {
    let quota = governor::Quota::with_period(Duration::from_nanos(1)).ok_or("no period")?;
    let quota = quota.allow_burst(1_000_000_000.try_into()?);
    let store = DashMapStateStore::with_hasher(RandomState::default());
    Ok(RateLimiter::new(quota, store, DefaultClock::default()))
}

/// The keys of a thread.
fn of(keys: Keys, thread: u32) -> std::ops::Range<u32> {
    match keys {
        Keys::OwnEach => thread * KEYS_PER_THREAD..(thread + 1) * KEYS_PER_THREAD,
        Keys::OneForAll => 0..1,
    }
}

fn ours(
    guard: &Guard,
    maker: &Maker,
    keys: Keys,
    threads: u32,
    each: Duration,
) -> Result<f64, Failure> {
    let of = |thread| {
        of(keys, thread)
            .map(|number| maker.request(number))
            .collect()
    };
    let check = |request: &Parts| matches!(guard.check(request, None), Progress::Done(Ok(_)));
    rate(threads, each, of, check)
}

fn theirs(limiter: &Limiter, keys: Keys, threads: u32, each: Duration) -> Result<f64, Failure> {
    let of = |thread| of(keys, thread).map(id).collect();
    rate(threads, each, of, |id| limiter.check_key(id).is_ok())
}

/// How many calls a second threads make, each with what is its own.
fn rate<T: Send>(
    threads: u32,
    each: Duration,
    of: impl Fn(u32) -> Result<Vec<T>, Failure>,
    call: impl Fn(&T) -> bool + Sync,
) -> Result<f64, Failure> {
    let owned: Vec<Vec<T>> = (0..threads).map(of).collect::<Result<_, _>>()?;
    let (clock, ends) = (SystemClock::new(), AtomicBool::new(false));
    let (clock, ends, call) = (&clock, &ends, &call);
    thread::scope(|scope| {
        let workers = owned.into_iter().map(|owned| {
            scope.spawn(move || {
                let (mut calls, start) = (0_u64, clock.tick());
                let mut turns = owned.iter().cycle();
                loop {
                    for one in turns.by_ref().take(CALLS_BETWEEN_LOOKS) {
                        if !call(one) {
                            return None;
                        }
                        calls += 1;
                    }
                    // Each thread has its turn, however late it was begun.
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                }
                let passed = clock.tick().saturating_since(start);
                Some(float(calls) / passed.as_secs_f64())
            })
        });
        let workers: Vec<_> = workers.collect();
        thread::sleep(each);
        ends.store(true, Ordering::Relaxed);
        let mut sum = 0.0;
        for worker in workers {
            let rate = worker.join().map_err(|_| "a thread has panicked")?;
            sum += rate.ok_or("a call was refused")?;
        }
        Ok(sum)
    })
}

impl Threads {
    /// As a table in Markdown.
    pub(crate) fn table(&self) -> Result<String, Failure> {
        let mut text = String::from("| millions a second |");
        for threads in THREADS {
            let plural = if threads == 1 { "" } else { "s" };
            write!(text, " {threads} thread{plural} |")?;
        }
        text.push_str("\n|---|---|---|---|\n");
        for (name, rates) in &self.0 {
            write!(text, "| {name} |")?;
            for rate in rates {
                write!(text, " {} |", or_dash(rate.map(|rate| rate / 1e6)))?;
            }
            text.push('\n');
        }
        Ok(text)
    }

    /// Millions a second by the number of threads.
    pub(crate) fn lines(&self) -> Vec<(String, Vec<(f64, f64)>)> {
        let line = |(name, rates): &(&str, [Option<f64>; THREADS.len()])| {
            let points = THREADS
                .iter()
                .zip(rates)
                .filter_map(|(threads, rate)| Some((f64::from(*threads), (*rate)? / 1e6)));
            ((*name).to_owned(), points.collect())
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_a_refusal_is_no_figure() {
        let each = Duration::from_millis(1);
        let own = |thread| Ok(vec![thread]);
        assert!(rate(2, each, own, |_| true).unwrap() > 0.0);
        assert!(rate(2, each, own, |thread| *thread == 0).is_err());
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_no_point() {
        let threads = Threads(vec![("ours", [Some(5e6), Some(9.5e6), None])]);
        let table = threads.table().unwrap();
        assert!(table.ends_with("| ours | 5.0 | 9.5 | – |\n"), "{table}");
        let expected = vec![("ours".to_owned(), vec![(1.0, 5.0), (2.0, 9.5)])];
        assert_eq!(threads.lines(), expected);
    }
}
