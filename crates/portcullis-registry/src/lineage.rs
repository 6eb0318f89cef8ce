//! Who made whom: the keys above a key, and those below it.
//!
//! A key falls with the key that made it. What a rotated key made belongs to its successor, and the
//! rotation says so in the records; until it has said so of all, the rule is this: what lasts as
//! long as a rotated key is its successor's, what ends before it is its own. What it makes in its
//! overlap ends before it.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_token::TokenKind;

use crate::{CreatedBy, CredentialRecord, Filter, Of, Query, Registry, State, StoreError};

/// How many records are written at a time.
pub(crate) const AT_A_TIME: usize = 100;
/// How many records are listed at a time.
const LISTED_AT_A_TIME: usize = 1_000;
/// How many lists are read before the first of a family falls.
const FEW_READS: usize = 16;

/// How far below a key is looked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Far {
    AsFarAsItGoes,
    /// As few reads find.
    Near,
}

/// The first part of a list.
const fn beginning(of: Of, filter: Filter) -> Query {
    Query {
        of,
        filter,
        after: None,
        offset: 0,
        limit: LISTED_AT_A_TIME,
    }
}

/// A live credential below a key.
#[derive(Debug)]
pub(crate) struct Descendant {
    /// Its record, made by whom it belongs to now.
    pub(crate) record: CredentialRecord,
    /// Whether one between is revoked: then this one is to fall as well.
    pub(crate) is_orphan: bool,
}

impl CredentialRecord {
    /// The key whose place this one took.
    pub(crate) fn replaces(&self) -> Option<CredentialId> {
        (self.kind == TokenKind::ApiKey)
            .then_some(self.family)
            .flatten()
    }

    /// Whether another credential has taken the place of this key and of what it made.
    fn is_rotated(&self) -> bool {
        self.kind == TokenKind::ApiKey && self.successor.is_some()
    }

    /// Whether what a rotated key made is its successor's.
    fn is_left_by(&self, rotated: &Self) -> bool {
        !extends(self.expires_at, rotated.expires_at)
    }

    /// The latest end of what this makes: its own end, or just before it if it is rotated.
    pub(crate) fn latest_below(&self) -> Option<Timestamp> {
        let end = self.expires_at?;
        let before = end.saturating_sub(Duration::from_micros(1));
        Some(if self.is_rotated() { before } else { end })
    }
}

/// Whether an expiry is later than another.
pub(crate) fn extends(before: Option<Timestamp>, after: Option<Timestamp>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

impl Registry {
    /// The credentials that a key falls with, the one that made it first; revoked ones too.
    pub(crate) async fn makers(
        &self,
        record: &CredentialRecord,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut makers: Vec<CredentialRecord> = Vec::new();
        let mut seen = HashSet::from([record.id]);
        let mut next = self.maker(record).await?;
        while let Some(maker) = next.filter(|maker| seen.insert(maker.id)) {
            next = self.maker(&maker).await?;
            makers.push(maker);
        }
        Ok(makers)
    }

    async fn maker(
        &self,
        record: &CredentialRecord,
    ) -> Result<Option<CredentialRecord>, StoreError> {
        // A session is made by its refresh token, and falls with its family.
        let CreatedBy::Credential(maker) = record.created_by else {
            return Ok(None);
        };
        if record.kind != TokenKind::ApiKey {
            return Ok(None);
        }
        let mut maker = self.read(maker).await?.map(|(maker, _)| maker);
        while let Some(rotated) = &maker
            && rotated.is_rotated()
            && record.is_left_by(rotated)
            && let Some(successor) = rotated.successor
        {
            maker = self.read(successor).await?.map(|(maker, _)| maker);
        }
        Ok(maker)
    }

    /// The live credentials that were made by these, and by those, and so on, whether those are
    /// still live or not. What is above comes before what is below.
    pub(crate) async fn descendants(
        &self,
        roots: &[CredentialRecord],
    ) -> Result<Vec<Descendant>, StoreError> {
        self.walk(roots, Far::AsFarAsItGoes).await
    }

    /// Those of them that a few reads find: whoever holds a key decides how many there are below
    /// it, live and revoked, and so how long a longer walk is.
    pub(crate) async fn near_descendants(
        &self,
        roots: &[CredentialRecord],
    ) -> Result<Vec<Descendant>, StoreError> {
        self.walk(roots, Far::Near).await
    }

    async fn walk(
        &self,
        roots: &[CredentialRecord],
        far: Far,
    ) -> Result<Vec<Descendant>, StoreError> {
        let mut reads = 0;
        let mut found = Vec::new();
        let mut seen: HashSet<CredentialId> = roots.iter().map(|root| root.id).collect();
        let mut makers: VecDeque<(CredentialRecord, bool)> =
            roots.iter().map(|root| (root.clone(), false)).collect();
        while let Some((maker, is_orphan)) = makers.pop_front() {
            reads += 1;
            if far == Far::Near && reads > FEW_READS {
                break;
            }
            for record in self.made(&maker, far).await? {
                if !seen.insert(record.id) {
                    continue;
                }
                let is_revoked = record.state == State::Revoked;
                makers.push_back((record.clone(), is_orphan || is_revoked));
                if !is_revoked {
                    found.push(Descendant { record, is_orphan });
                }
            }
        }
        Ok(found)
    }

    /// What belongs to a credential as its maker, revoked ones too.
    async fn made(
        &self,
        maker: &CredentialRecord,
        far: Far,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut made = self.listed(Of::CreatedBy(maker.id), far).await?;
        if maker.is_rotated() {
            made.retain(|record| !record.is_left_by(maker));
        }
        made.append(&mut self.left_of(maker, far).await?);
        Ok(made)
    }

    /// What the key whose place this one took has made, and no commit has handed over yet.
    ///
    /// INVARIANT: nothing is left with the one before that: a key is not rotated before.
    pub(crate) async fn left_to(
        &self,
        key: &CredentialRecord,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        self.left_of(key, Far::AsFarAsItGoes).await
    }

    async fn left_of(
        &self,
        key: &CredentialRecord,
        far: Far,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        let Some(replaced) = key.replaces() else {
            return Ok(Vec::new());
        };
        let Some((replaced, _)) = self.read(replaced).await? else {
            return Ok(Vec::new());
        };
        let mut left = self.listed(Of::CreatedBy(replaced.id), far).await?;
        left.retain(|record| record.is_left_by(&replaced));
        for record in &mut left {
            record.created_by = CreatedBy::Credential(key.id);
        }
        Ok(left)
    }

    /// A list, or as much of it as one read gives.
    async fn listed(&self, of: Of, far: Far) -> Result<Vec<CredentialRecord>, StoreError> {
        match far {
            Far::AsFarAsItGoes => self.all(of).await,
            Far::Near => {
                let page = self.inner.store.list(beginning(of, Filter::default()));
                let items = page.await?.items.into_iter();
                Ok(items.map(|(record, _)| record).collect())
            }
        }
    }

    /// A whole list.
    pub(crate) async fn all(&self, of: Of) -> Result<Vec<CredentialRecord>, StoreError> {
        self.all_that(of, Filter::default()).await
    }

    /// A whole list, as far as a filter keeps it.
    pub(crate) async fn all_that(
        &self,
        of: Of,
        filter: Filter,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut query = beginning(of, filter);
        let mut records = Vec::new();
        loop {
            let page = self.inner.store.list(query.clone()).await?;
            records.extend(page.items.into_iter().map(|(record, _)| record));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(records),
            }
        }
    }
}
