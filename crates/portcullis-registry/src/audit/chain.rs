//! Verifying a chain, row by row.

use std::collections::BTreeMap;

use portcullis_core::Timestamp;

use super::{
    AuditFault, AuditHead, AuditPrefix, AuditRecord, AuditVerified,
    upkeep::{Erased, erased_by, pruned_by},
};

/// Verifies rows that it is shown from the oldest to the newest.
///
/// What it finds is what was done to rows without doing the rest anew. A chain has no key: whoever
/// may write the whole database can compute another chain, and only a witness that was kept
/// elsewhere shows that.
///
/// # Examples
/// ```
/// use portcullis_registry::{AuditChain, AuditEntry, AuditFault, AuditHead, AuditRecord};
/// # use portcullis_core::Timestamp;
///
/// let entry = |target: &str| AuditEntry {
///     at: Timestamp::UNIX_EPOCH,
///     actor: "system".into(),
///     action: "key.issued".into(),
///     target: target.into(),
///     owner: None,
///     ip: None,
///     details: serde_json::json!({}),
/// };
/// let first = AuditRecord::seal(&AuditHead::START, &entry("a"))?;
/// let mut second = AuditRecord::seal(&first.head(), &entry("b"))?;
///
/// let mut chain = AuditChain::new(AuditHead::START, None);
/// chain.see(&first)?;
/// chain.see(&second)?;
/// assert_eq!(chain.end(None)?.head, second.head());
///
/// second.target = "c".into();
/// let mut chain = AuditChain::new(AuditHead::START, None);
/// chain.see(&first)?;
/// chain.see(&second)?; // what is wrong with a row may depend on the next
/// assert_eq!(chain.end(None), Err(AuditFault::Changed { number: 2 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AuditChain {
    /// What the first row follows.
    start: AuditHead,
    /// The newest row that is as it was written.
    head: AuditHead,
    witness: Option<AuditHead>,
    /// Up to where the newest `audit.pruned` says that rows were removed.
    pruned: AuditHead,
    /// Rows whose IPs are gone and of which no row has said so yet, by owner.
    erased: BTreeMap<Option<String>, Gone>,
    /// A row without its hash: what was done to it may show by the next one.
    suspect: Option<Box<AuditRecord>>,
}

/// Rows of one owner whose IPs are gone: if the newest of them was to be erased, all were.
#[derive(Clone, Copy, Debug)]
struct Gone {
    newest: (Timestamp, u64),
    last: u64,
}

impl AuditChain {
    /// Begins after the newest row that retention has removed ([`AuditHead::START`] if it has
    /// removed none). With a witness, the log must have its row.
    #[must_use]
    pub const fn new(anchor: AuditHead, witness: Option<AuditHead>) -> Self {
        Self {
            start: anchor,
            head: anchor,
            witness,
            pruned: AuditHead::START,
            erased: BTreeMap::new(),
            suspect: None,
        }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// [`AuditFault`]: this row is wrong, or the one before.
    pub fn see(&mut self, record: &AuditRecord) -> Result<(), AuditFault> {
        if let Some(suspect) = self.suspect.take() {
            return Err(self.explain(&suspect, record));
        }
        let number = record.number;
        let next = self.head.number.saturating_add(1);
        if number < next {
            return Err(match self.head == self.start {
                true => AuditFault::Anchor { number },
                false => AuditFault::Moved { number },
            });
        }
        if number > next {
            let to = number.saturating_sub(1);
            return Err(AuditFault::Removed { from: next, to });
        }
        if record.hash_after(&self.head) != record.hash {
            self.suspect = Some(Box::new(record.clone()));
            return Ok(());
        }
        if !record.has_its_ip() {
            return Err(AuditFault::Ip { number });
        }
        if self
            .witness
            .is_some_and(|witness| witness.number == number && witness != record.head())
        {
            return Err(AuditFault::Witness { number });
        }
        // Of a store it is read from the row before; a line of an export says it itself.
        if record.previous != self.head.hash {
            return Err(AuditFault::Changed { number });
        }
        self.note(record)?;
        self.head = record.head();
        Ok(())
    }

    /// What the row says of other rows.
    fn note(&mut self, record: &AuditRecord) -> Result<(), AuditFault> {
        if record.is_erased() {
            let gone = self.erased.entry(record.owner.clone()).or_insert(Gone {
                newest: (record.at, record.number),
                last: record.number,
            });
            gone.last = record.number;
            gone.newest = gone.newest.max((record.at, record.number));
        }
        if let Some(AuditPrefix { through, rows }) = pruned_by(record) {
            let before = through.number.checked_sub(rows);
            // Where the first that is seen began, no row says any more.
            let follows = match self.pruned == AuditHead::START {
                true => before.is_some(),
                false => before == Some(self.pruned.number),
            };
            if !follows {
                let number = record.number;
                return Err(AuditFault::Miscounted { number });
            }
            self.pruned = through;
        }
        if let Some(Erased {
            through,
            before,
            owner,
        }) = erased_by(record)
        {
            self.erased.retain(|whose, gone| {
                let is_said = gone.last <= through
                    && before.is_none_or(|before| gone.newest.0 < before)
                    && (owner.is_none() || *whose == owner);
                !is_said
            });
        }
        Ok(())
    }

    /// What was done to a row that doesn't have its hash, by the one after it.
    fn explain(&self, suspect: &AuditRecord, next: &AuditRecord) -> AuditFault {
        let number = suspect.number;
        let here = AuditHead {
            number,
            hash: next.hash,
        };
        if next.hash_after(&self.head) != next.hash {
            return self.unexplained(suspect);
        }
        // The next row belongs here. If this one belongs after it, they have changed places.
        match suspect.hash_after(&here) == suspect.hash {
            true => AuditFault::Moved { number },
            false => AuditFault::Inserted { number },
        }
    }

    fn unexplained(&self, suspect: &AuditRecord) -> AuditFault {
        let number = suspect.number;
        match self.head == self.start && self.start != AuditHead::START {
            true => AuditFault::Anchor { number },
            false => AuditFault::Changed { number },
        }
    }

    /// That the rows that were seen end with this one.
    pub(super) fn reaches(&self, head: AuditHead) -> Result<(), AuditFault> {
        let suspect = self.suspect.as_ref();
        let last = suspect.map_or(self.head.number, |row| row.number);
        if head.number < last {
            let number = head.number.saturating_add(1);
            return Err(AuditFault::Inserted { number });
        }
        if let Some(suspect) = &self.suspect {
            return Err(self.unexplained(suspect));
        }
        if head.number > last {
            let from = last.saturating_add(1);
            let to = head.number;
            return Err(AuditFault::Removed { from, to });
        }
        if head != self.head {
            return Err(AuditFault::Head { number: last });
        }
        Ok(())
    }

    /// Ends after the newest row. `store` is what a store has beside its rows: its head, and up to
    /// where retention has removed rows; an export has neither.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn end(self, store: Option<(AuditHead, AuditHead)>) -> Result<AuditVerified, AuditFault> {
        let (head, anchor) = store.unwrap_or_else(|| {
            let suspect = self.suspect.as_ref();
            let head = suspect.map_or(self.head, |row| row.head());
            (head, self.start)
        });
        self.reaches(head)?;
        if anchor.number == 0 && anchor != AuditHead::START {
            return Err(AuditFault::Anchor { number: 1 });
        }
        if anchor != AuditHead::START && self.pruned != anchor {
            let through = anchor.number;
            return Err(AuditFault::Unannounced { through });
        }
        if let Some(number) = self.erased.values().map(|gone| gone.newest.1).min() {
            return Err(AuditFault::IpRemoved { number });
        }
        self.check_witness()?;
        Ok(AuditVerified {
            anchor,
            head: self.head,
            rows: self.head.number.saturating_sub(self.start.number),
        })
    }

    /// A row that was seen was compared when it was.
    fn check_witness(&self) -> Result<(), AuditFault> {
        let Some(witness) = self.witness else {
            return Ok(());
        };
        let number = witness.number;
        if number > self.head.number {
            let end = self.head.number;
            return Err(AuditFault::CutOff { end, number });
        }
        if number < self.start.number {
            return Err(AuditFault::OldWitness { number });
        }
        if number == self.start.number && witness != self.start {
            return Err(AuditFault::Witness { number });
        }
        Ok(())
    }
}
