//! Reading credentials into memory.

use portcullis_core::CredentialId;
use portcullis_token::TokenKind;
use tokio::sync::SemaphorePermit;

use crate::{
    CredentialRecord, Filter, Found, Key, Of, Owner, OwnerRecord, Query, Seq, StoreError,
    Suspension, Usage, Verifier,
    change::TRIES,
    hot::{Fill, Filling, Reader},
};

/// How many store reads for credentials that are not in memory may be under way at once.
pub(crate) const COLD_READS: usize = 64;
/// How many credentials are listed at a time.
const LISTED_AT_A_TIME: usize = 1_000;

/// What came of reading a credential into memory.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loaded {
    /// It is in memory now.
    Kept,
    /// The store has none of this id.
    Unknown,
    /// The store has it, and it is of an environment that is not served here.
    Elsewhere,
    /// When it was its turn it was no longer wanted, and nothing was read.
    Unwanted,
}

impl Verifier {
    /// Reads a credential from the store into memory, unless it is there.
    ///
    /// However many ask for one id at once, one of them reads; if that one is dropped, another
    /// does. At most 64 reads are under way at once; `is_wanted` is asked when it is this one's
    /// turn. A snapshot that a change has overtaken meanwhile is not kept but read again. That the
    /// store has none of an id is remembered for two seconds, or until one is made here.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read, or only in a state older than a change that
    /// it has committed; or if more than 16,384 ids are waited for.
    pub async fn load_if(
        &self,
        id: CredentialId,
        is_wanted: impl Fn() -> bool + Send,
    ) -> Result<Loaded, StoreError> {
        let (hot, fills) = (&self.inner.hot, &self.inner.fills);
        let is_unknown = || fills.is_unknown(&id, self.inner.clock.tick());
        if is_unknown() {
            return Ok(Loaded::Unknown);
        }
        let place = fills.join(id)?;
        let reader = place.reader().await?;
        // What the one before has found goes for all that waited.
        if hot.is_live(id) {
            return Ok(Loaded::Kept);
        }
        if is_unknown() {
            return Ok(Loaded::Unknown);
        }
        let loaded = self.read_into_memory(id, is_wanted, &reader).await;
        if let Err(error) = &loaded {
            reader.fail(error);
        }
        loaded
    }

    /// Reads a credential from the store into memory; `false` if the store has none of this id.
    ///
    /// # Errors
    /// As [`load_if`](Self::load_if).
    pub async fn load(&self, id: CredentialId) -> Result<bool, StoreError> {
        Ok(self.load_if(id, || true).await? == Loaded::Kept)
    }

    /// Whether an owner is suspended, from memory; nothing if it is not there: then
    /// [`load_owner`](Self::load_owner).
    ///
    /// For callers whose credentials are not ours. What is known of our own is known with them.
    #[must_use]
    pub fn owner_standing(&self, owner: &Owner) -> Option<Suspension> {
        self.inner.hot.standing(owner)
    }

    /// Whether an owner is suspended, read from the store into memory. One that was never noted is
    /// not.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read, or only in a state older than a change that
    /// it has committed.
    pub async fn load_owner(&self, owner: &Owner) -> Result<Suspension, StoreError> {
        for _ in 0..TRIES {
            let _permit = self.cold_read().await;
            let snapshot = self.inner.store.get(Key::Owner(owner.clone())).await?;
            let is_suspended = match &snapshot.found {
                Found::Owner { record, .. } => record.suspended,
                _ => false,
            };
            let standing = match is_suspended {
                true => Suspension::Suspended,
                false => Suspension::Lifted,
            };
            let hot = &self.inner.hot;
            if hot.fill_standing(snapshot.head, owner, standing) == Fill::Kept {
                return Ok(standing);
            }
        }
        Err(lags_behind())
    }

    /// Reads keys and sessions into memory until it is full, newest first; returns how many.
    ///
    /// For a start with many callers waiting. Checks go on meanwhile, and nothing is dropped for
    /// it.
    ///
    /// # Errors
    /// [`StoreError`]; what was read until then stays.
    pub async fn warm(&self) -> Result<usize, StoreError> {
        let hot = &self.inner.hot;
        let mut warmed = 0;
        let mut after = None;
        while !hot.is_full() {
            let query = Query {
                of: Of::All,
                filter: Filter::default(),
                after,
                offset: 0,
                limit: LISTED_AT_A_TIME,
            };
            let page = self.inner.store.list(query).await?;
            for (record, _) in &page.items {
                // Listed apart from its owner and the head, so it is read again.
                if self.is_worth_memory(record) && self.load(record.id).await? {
                    warmed += 1;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(warmed)
    }

    fn is_worth_memory(&self, record: &CredentialRecord) -> bool {
        let hot = &self.inner.hot;
        matches!(record.kind, TokenKind::ApiKey | TokenKind::Session)
            && !self.has_ended(record)
            && !hot.is_live(record.id)
            && hot.has_room(record.id)
    }

    async fn read_into_memory(
        &self,
        id: CredentialId,
        is_wanted: impl Fn() -> bool + Send,
        reader: &Reader<'_, CredentialId>,
    ) -> Result<Loaded, StoreError> {
        let clock = &*self.inner.clock;
        for _ in 0..TRIES {
            let (snapshot, tick) = {
                let _permit = self.cold_read().await;
                if !is_wanted() {
                    return Ok(Loaded::Unwanted);
                }
                reader.begin();
                let tick = clock.tick();
                (self.inner.store.get(Key::Credential(id)).await?, tick)
            };
            let Found::Credential {
                record,
                usage,
                owner,
            } = snapshot.found
            else {
                reader.note_unknown(tick);
                return Ok(Loaded::Unknown);
            };
            if self.keep(snapshot.head, *record, usage, owner) == Fill::Kept {
                return Ok(Loaded::Kept);
            }
        }
        Err(lags_behind())
    }

    /// Keeps in memory what a snapshot says of a credential, if it is new enough.
    pub(crate) fn keep(
        &self,
        head: Seq,
        record: CredentialRecord,
        usage: Usage,
        owner: Option<OwnerRecord>,
    ) -> Fill {
        let inner = &self.inner;
        let clock = &*inner.clock;
        let is_found_by_mac = record.imported.is_some()
            && record.pepper == inner.peppers.current()
            && inner.format.accepts(record.environment);
        let (id, mac) = (record.id, record.mac);
        let fill = inner.hot.fill(Filling {
            head,
            scopes: inner.catalogue.resolve(&record.grant),
            now: inner.deadlines.unstepped_now(&record, clock),
            tick: clock.tick(),
            record,
            usage,
            owner,
        });
        if fill == Fill::Kept && is_found_by_mac {
            inner.hot.note_imported(&mac, id);
        }
        fill
    }

    /// A turn to read for an id that somebody has presented and that may be any.
    pub(crate) async fn cold_read(&self) -> Option<SemaphorePermit<'_>> {
        // INVARIANT: the semaphore is never closed.
        self.inner.cold_reads.acquire().await.ok()
    }
}

/// A snapshot was again and again older than what was committed.
pub(crate) fn lags_behind() -> StoreError {
    let behind = "its reads lag behind its writes, or it was restored to an older state";
    StoreError::transient("the store is behind what it has committed", behind)
}
