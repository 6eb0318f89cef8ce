//! How many keys a second are issued durably.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use portcullis_core::{Clock, SystemClock};
use portcullis_registry::{Actor, NewKey, Registry};
use portcullis_sqlite::SqliteStore;
use tokio::task::JoinSet;

use crate::{
    Failure, disk,
    made::{Maker, NAME, READ},
    numbers::{median, or_dash, short},
    options::Size,
};

/// How many tasks issue at once, each a key after another.
const IN_FLIGHT: [u32; 4] = [1, 16, 64, 256];
/// Fewer than an owner may have.
const KEYS_PER_OWNER: u32 = 500;

/// Keys a second, for each number of tasks.
#[derive(Debug)]
pub(crate) struct Issuing {
    rates: [Option<f64>; IN_FLIGHT.len()],
    sync_micros: f64,
}

pub(crate) fn measure(size: Size) -> Result<Issuing, Failure> {
    let (rounds, millis) = size.pick((3, 5_000), (1, 200));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut runs = [const { Vec::new() }; IN_FLIGHT.len()];
    for _ in 0..rounds {
        for (tasks, runs) in IN_FLIGHT.iter().zip(&mut runs) {
            let each = Duration::from_millis(millis);
            runs.push(runtime.block_on(rate(*tasks, each))?);
        }
    }
    Ok(Issuing {
        rates: runs.map(median),
        sync_micros: disk::sync_micros(disk::folder()?.path())?,
    })
}

/// Into a store of its own.
async fn rate(tasks: u32, each: Duration) -> Result<f64, Failure> {
    let folder = disk::folder()?;
    let store = SqliteStore::open(folder.path().join("portcullis.db"))?;
    let registry = Maker::new()?.open(Arc::new(store), 1_000).await?;
    let (clock, issued) = (SystemClock::new(), Arc::new(AtomicU32::new(0)));
    let start = clock.tick();
    let mut all = JoinSet::new();
    for _ in 0..tasks {
        let (registry, issued) = (registry.clone(), Arc::clone(&issued));
        let clock = Arc::clone(&clock);
        all.spawn(async move {
            while clock.tick().saturating_since(start) < each {
                issue(&registry, issued.fetch_add(1, Ordering::Relaxed)).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = all.join_next().await {
        done??;
    }
    let passed = clock.tick().saturating_since(start);
    registry.close().await?;
    Ok(f64::from(issued.load(Ordering::Relaxed)) / passed.as_secs_f64())
}

async fn issue(registry: &Registry, number: u32) -> Result<(), Failure> {
    let owner = format!("org-{}", number / KEYS_PER_OWNER).parse()?;
    let new = NewKey::new(owner, NAME, [READ]);
    registry.issue_key(&Actor::dangerous_system(), new).await?;
    Ok(())
}

impl Issuing {
    /// The most that some number of tasks came to.
    pub(crate) fn best(&self) -> Option<f64> {
        self.rates.into_iter().flatten().reduce(f64::max)
    }

    /// As a table in Markdown.
    pub(crate) fn table(&self) -> Result<String, Failure> {
        let mut text = String::from("| tasks that issue at once | keys a second |\n|---|---|\n");
        for (tasks, rate) in IN_FLIGHT.iter().zip(self.rates) {
            writeln!(text, "| {tasks} | {} |", or_dash(rate))?;
        }
        let sync = short(self.sync_micros);
        write!(
            text,
            "\n`Registry::issue_key` over SQLite with `synchronous=FULL`: each key is read back \
             against its owner's cap, written with its row of the audit log, and on the disk when \
             the call returns. What arrives together shares a commit. The disk makes 4 KiB durable \
             in {sync} µs.\n"
        )?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_number_of_tasks_is_what_the_target_is_held_against() {
        let rates = [Some(500.0), Some(9_000.0), None, Some(8_000.0)];
        let issuing = Issuing {
            rates,
            sync_micros: 120.4,
        };
        assert_eq!(issuing.best(), Some(9_000.0));
        let table = issuing.table().unwrap();
        assert!(table.contains("| 16 | 9,000 |\n| 64 | – |\n"), "{table}");
        assert!(table.contains("in 120 µs"), "{table}");
    }
}
