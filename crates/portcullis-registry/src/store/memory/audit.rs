//! The audit log in memory.

use crate::{
    AuditEntry, AuditErasure, AuditHead, AuditKept, AuditOrder, AuditPage, AuditPrefix, AuditQuery,
    AuditRecord, AuditUpkeep, Batch, StoreError,
};

/// The rows that are kept, oldest first, and both ends.
#[derive(Debug, Default)]
pub(super) struct AuditLog {
    records: Vec<AuditRecord>,
    head: AuditHead,
    anchor: AuditHead,
}

/// What a batch will do to the log.
#[derive(Debug, Default)]
pub(super) struct Staged {
    records: Vec<AuditRecord>,
    pruned: Option<AuditPrefix>,
    erased: Option<(AuditErasure, usize)>,
}

impl AuditLog {
    pub(super) fn entries(&self) -> Vec<AuditEntry> {
        self.records.iter().map(AuditRecord::entry).collect()
    }

    pub(super) fn page(&self, query: &AuditQuery) -> AuditPage {
        let kept = || {
            let rows = self.records.iter();
            rows.filter(|record| query.filter.keeps(record))
        };
        let after = query.after;
        let wanted: Box<dyn Iterator<Item = &AuditRecord>> = match query.order {
            AuditOrder::OldestFirst => {
                Box::new(kept().filter(move |row| after.is_none_or(|after| row.number > after)))
            }
            AuditOrder::NewestFirst => {
                let newest = kept().rev();
                Box::new(newest.filter(move |row| after.is_none_or(|after| row.number < after)))
            }
        };
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let wanted = wanted.skip(offset).take(query.limit.saturating_add(1));
        AuditPage {
            total: query.counted.then(|| count(kept().count())),
            head: self.head,
            anchor: self.anchor,
            ..AuditPage::of(query, wanted.cloned().collect())
        }
    }

    pub(super) fn due(&self, upkeep: &AuditUpkeep) -> AuditKept {
        let prefix = prefix(upkeep, self.records.iter());
        let pruned = prefix.map_or(0, |prefix| prefix.through.number);
        let erasable = upkeep.erase.as_ref().map_or(0, |erasure| {
            let rows = self.records.iter().filter(|row| row.number > pruned);
            rows.filter(|row| erasure.is_of(row))
                .take(upkeep.most_ips())
                .count()
        });
        AuditKept {
            rows: prefix.map_or(0, |prefix| prefix.rows),
            ips: count(erasable),
        }
    }

    /// What a batch does, which from then on can't fail.
    pub(super) fn stage(&self, batch: &Batch) -> Result<Staged, StoreError> {
        let mut staged = Staged::default();
        let mut head = self.head;
        let mut seal = |staged: &mut Staged, entry: &AuditEntry| {
            let record = AuditRecord::seal(&head, entry)?;
            head = record.head();
            staged.records.push(record);
            Ok::<_, StoreError>(())
        };
        for entry in &batch.audit {
            seal(&mut staged, entry)?;
        }
        let Some(upkeep) = &batch.audit_upkeep else {
            return Ok(staged);
        };
        staged.pruned = prefix(upkeep, self.records.iter().chain(&staged.records));
        if let Some(prefix) = staged.pruned {
            seal(&mut staged, &upkeep.pruned(&prefix))?;
        }
        if let Some(erasure) = &upkeep.erase {
            let pruned = staged.pruned.map_or(0, |prefix| prefix.through.number);
            let rows = self.records.iter().chain(&staged.records);
            let rows = rows.filter(|row| row.number > pruned && erasure.is_of(row));
            let ips = rows.take(upkeep.most_ips()).count();
            if ips > 0 {
                let through = staged.records.last().map_or(self.head, AuditRecord::head);
                let line = upkeep.erased(erasure, through.number, count(ips));
                seal(&mut staged, &line)?;
                staged.erased = Some((erasure.clone(), upkeep.most_ips()));
            }
        }
        Ok(staged)
    }

    pub(super) fn take(&mut self, staged: Staged) {
        self.records.extend(staged.records);
        self.head = self.records.last().map_or(self.head, AuditRecord::head);
        if let Some(prefix) = staged.pruned {
            self.records
                .retain(|row| row.number > prefix.through.number);
            self.anchor = prefix.through;
        }
        if let Some((erasure, limit)) = staged.erased {
            let rows = self.records.iter_mut().filter(|row| erasure.is_of(row));
            rows.take(limit).for_each(AuditRecord::erase_ip);
        }
    }
}

fn prefix<'r>(
    upkeep: &AuditUpkeep,
    oldest: impl Iterator<Item = &'r AuditRecord>,
) -> Option<AuditPrefix> {
    upkeep.prefix(oldest.map(|row| (row.head(), row.at, row.action.as_str())))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
