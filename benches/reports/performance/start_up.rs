//! How soon a service with many keys verifies the first.

use std::{path::Path, sync::Arc, time::Duration};

use portcullis_core::{Clock, SystemClock, Timestamp};
use portcullis_gate::Guard;
use portcullis_registry::{AuditEntry, Batch, CredentialRecord, Registry, Store};
use portcullis_sqlite::SqliteStore;
use serde_json::json;

use crate::{
    Failure, disk,
    made::{Draw, Maker, READ, guard},
    numbers::{median, short},
    options::Size,
};

const OWNERS: u32 = 1_000;
/// How many keys a commit has: the more, the fewer pages of the indexes are written again.
const AT_ONCE: u32 = 50_000;

const FIRST_MADE: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

#[derive(Debug)]
pub(crate) struct StartUp {
    keys: u32,
    megabytes: f64,
    /// From opening to the first request that passed.
    pub(crate) seconds: f64,
    /// Of one key after another that isn't in memory: most of them, and 99 of 100.
    cold_micros: (f64, f64),
    warm_seconds: f64,
}

pub(crate) fn measure(size: Size) -> Result<StartUp, Failure> {
    let (keys, colds) = size.pick((1_000_000, 2_000), (20_000, 100));
    let (folder, maker) = (disk::folder()?, Maker::new()?);
    let path = folder.path().join("portcullis.db");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(fill(&path, &maker, keys))?;
    eprintln!("performance-report: {keys} keys are stored");
    let bytes = disk::forget_cached(folder.path())?;
    runtime.block_on(async {
        let clock = SystemClock::new();
        let start = clock.tick();
        let (registry, guard) = open(&path, &maker, keys).await?;
        let mut draw = Draw::new(11);
        pass(&guard, &maker, draw.below(keys)).await?;
        let seconds = clock.tick().saturating_since(start).as_secs_f64();

        let mut times = Vec::new();
        for _ in 0..colds {
            let start = clock.tick();
            pass(&guard, &maker, draw.below(keys)).await?;
            times.push(clock.tick().saturating_since(start).as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        let high = times.get(times.len() * 99 / 100).copied();

        let start = clock.tick();
        registry.warm().await?;
        let warm_seconds = clock.tick().saturating_since(start).as_secs_f64();
        if registry.cached() != usize::try_from(keys)? {
            return Err("not all keys were read into memory".into());
        }
        registry.close().await?;
        Ok(StartUp {
            keys,
            megabytes: bytes / 1e6,
            seconds,
            cold_micros: (median(times).zip(high)).ok_or("no key was cold")?,
            warm_seconds,
        })
    })
}

async fn open(path: &Path, maker: &Maker, keys: u32) -> Result<(Registry, Guard), Failure> {
    let store = SqliteStore::open(path)?;
    let registry = maker.open(Arc::new(store), keys).await?;
    let guard = guard(&registry, "600/60s")?;
    Ok((registry, guard))
}

async fn pass(guard: &Guard, maker: &Maker, number: u32) -> Result<(), Failure> {
    let checked = guard.check(&maker.request(number)?, None).await;
    checked
        .map(drop)
        .map_err(|denial| format!("a key was refused: {denial:?}").into())
}

/// As an application would have filled it, with a row of the audit log for each key.
async fn fill(path: &Path, maker: &Maker, keys: u32) -> Result<(), Failure> {
    // Notes the pepper.
    let (registry, _) = open(path, maker, keys).await?;
    registry.close().await?;
    drop(registry);
    let store = SqliteStore::open(path)?;
    for first in (0..keys).step_by(usize::try_from(AT_ONCE)?) {
        let records = (first..keys.min(first + AT_ONCE)).map(|number| {
            // No two at the same instant, as in life: lists are in its order.
            let at = FIRST_MADE.saturating_add(Duration::from_millis(number.into()));
            Ok(CredentialRecord {
                owner: format!("org-{}", number % OWNERS).parse()?,
                created_at: at,
                updated_at: at,
                ..maker.record(number)?
            })
        });
        let credentials = records.collect::<Result<Vec<_>, Failure>>()?;
        let batch = Batch {
            audit: credentials.iter().map(issued).collect(),
            credentials,
            ..Batch::default()
        };
        store.commit(batch).await?;
    }
    Ok(())
}

fn issued(record: &CredentialRecord) -> AuditEntry {
    AuditEntry {
        at: record.created_at,
        actor: "system".into(),
        action: "key.issued".into(),
        target: format!("key_{}", record.id),
        owner: Some(record.owner.clone()),
        ip: None,
        details: json!({"name": record.name, "scopes": [READ.to_string()], "expiresAt": null}),
    }
}

impl StartUp {
    /// As a table in Markdown.
    pub(crate) fn table(&self) -> Result<String, Failure> {
        let (keys, megabytes) = (short(self.keys.into()), short(self.megabytes));
        let (most, nearly_all) = self.cold_micros;
        Ok(format!(
            "| with {keys} keys in SQLite, {megabytes} MB | |\n|---|---|\n\
             | from `SqliteStore::open` to the first request that passed | {:.3} s |\n\
             | a key that is not in memory, one after another: median; p99 | {} µs; {} µs |\n\
             | `Registry::warm`, all the others into memory | {:.1} s |\n\n\
             No file of the store was in the system's cache at the start. Nothing is read but what \
             is asked for; `warm` is for a start with many callers waiting, and they are served \
             meanwhile.\n",
            self.seconds,
            short(most),
            short(nearly_all),
            self.warm_seconds,
        ))
    }
}
