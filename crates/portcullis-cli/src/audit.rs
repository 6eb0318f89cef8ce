//! The audit log: verified, exported, trimmed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use portcullis_core::{Clock, SystemClock};
use portcullis_registry::{
    AuditChain, AuditErasure, AuditHead, AuditKept, AuditOrder, AuditPage, AuditQuery, AuditRecord,
    AuditUpkeep, AuditVerified,
};
use portcullis_sqlite::{SqliteStore, look_at_audit, verify_audit};

use crate::{
    Done, Failed,
    arguments::{Alone, AuditCommand, Before},
    store::check_exists,
};

/// How many rows are read at a time.
const AT_A_TIME: usize = 1_000;

pub(crate) fn run(command: AuditCommand) -> Done {
    match command {
        AuditCommand::Verify { store, witness } => verify(&store, witness),
        AuditCommand::Head { store } => head(&store),
        AuditCommand::Export { store } => export(&store),
        AuditCommand::Check { file, witness } => {
            let file = file.filter(|file| file.as_os_str() != "-");
            match file {
                Some(file) => {
                    let opened = File::open(&file).map_err(|error| {
                        Failed(format!("could not read `{}`: {error}", file.display()))
                    })?;
                    check(BufReader::new(opened), witness)
                }
                None => check(io::stdin().lock(), witness),
            }
        }
        AuditCommand::Prune { alone, before } => {
            let upkeep = |now: &SystemClock, upkeep: &mut AuditUpkeep| {
                upkeep.prune_before = Some(before.instant(now));
            };
            let kept = keep(&alone, upkeep)?;
            Ok(format!(
                "{} rows were removed, and the file was written anew; backups and exports from before \
                 have them still",
                kept.rows
            ))
        }
        AuditCommand::EraseIps {
            alone,
            before,
            owner,
        } => {
            let upkeep = |now: &SystemClock, upkeep: &mut AuditUpkeep| {
                let before = before.map(|before| before.instant(now));
                upkeep.erase = Some(AuditErasure { before, owner });
            };
            let kept = keep(&alone, upkeep)?;
            Ok(format!(
                "{} addresses were erased, and the file was written anew; backups and exports from \
                 before have them still",
                kept.ips
            ))
        }
    }
}

impl Before {
    fn instant(self, clock: &SystemClock) -> portcullis_core::Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(age) => clock.now().saturating_sub(age),
        }
    }
}

fn verify(store: &Path, witness: Option<AuditHead>) -> Done {
    check_exists(store)?;
    Ok(as_it_was(&verify_audit(store, witness)?))
}

fn as_it_was(verified: &AuditVerified) -> String {
    let AuditVerified { anchor, head, rows } = verified;
    let pruned = match anchor.number {
        0 => String::new(),
        number => format!("; the rows up to {number} were pruned"),
    };
    format!("{rows} rows are as they were written, up to {head}{pruned}")
}

fn head(store: &Path) -> Done {
    check_exists(store)?;
    let query = AuditQuery {
        limit: 1,
        counted: false,
        ..AuditQuery::default()
    };
    Ok(look_at_audit(store, &query)?.head.to_string())
}

fn export(store: &Path) -> Done {
    check_exists(store)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut after = None;
    loop {
        let query = AuditQuery {
            order: AuditOrder::OldestFirst,
            after,
            limit: AT_A_TIME,
            counted: false,
            ..AuditQuery::default()
        };
        let page: AuditPage = look_at_audit(store, &query)?;
        if let Some(after) = after.filter(|after| page.has_hole_after(*after)) {
            out.flush()?;
            return Err(Failed(format!(
                "rows after row {after} were removed meanwhile: export the log again"
            )));
        }
        for record in &page.records {
            writeln!(out, "{}", record.to_json_line())?;
        }
        after = page.next;
        if after.is_none() {
            out.flush()?;
            return Ok(String::new());
        }
    }
}

/// An export has no head and no anchor of its own: it begins after what its first row follows.
fn check(lines: impl BufRead, witness: Option<AuditHead>) -> Done {
    let mut chain: Option<AuditChain> = None;
    for (number, line) in (1_u64..).zip(lines.lines()) {
        let record = AuditRecord::from_json_line(&line?)
            .map_err(|error| Failed(format!("line {number}: {error}")))?;
        let chain = chain.get_or_insert_with(|| {
            let anchor = AuditHead {
                number: record.number.saturating_sub(1),
                hash: record.previous,
            };
            AuditChain::new(anchor, witness)
        });
        chain.see(&record)?;
    }
    let chain = chain.unwrap_or_else(|| AuditChain::new(AuditHead::START, witness));
    Ok(as_it_was(&chain.end(None)?))
}

/// Writes to a store that nothing else has open, and then the whole file anew: also if there is nothing
/// more to do, for the last time may not have come so far.
fn keep(
    alone: &Alone,
    wanted: impl FnOnce(&SystemClock, &mut AuditUpkeep),
) -> Result<AuditKept, Failed> {
    check_exists(&alone.store)?;
    let store = match &alone.journal {
        Some(journal) => SqliteStore::open_with_journal(&alone.store, journal)?,
        None => SqliteStore::open(&alone.store)?,
    };
    let clock = SystemClock::new();
    let mut upkeep = AuditUpkeep::new(clock.now());
    wanted(&clock, &mut upkeep);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let kept = runtime.block_on(upkeep.run(&store))?;
    drop(store);
    SqliteStore::rewrite(&alone.store)?;
    Ok(kept)
}
