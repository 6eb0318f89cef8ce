//! Lists of keys.

use super::ApiKeyInfo;
use crate::{Actor, ChangeError, Cursor, Filter, Of, Owner, Query, Registry};

/// Which part of a list to read.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which to keep.
    pub filter: Filter,
    /// Only what comes after this place.
    pub after: Option<Cursor>,
    /// How many to pass over, after that.
    pub offset: u64,
    /// How many to return: 1 to 100, others are taken as the nearest.
    pub limit: usize,
}

impl Default for Listing {
    /// The newest 50.
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            after: None,
            offset: 0,
            limit: 50,
        }
    }
}

impl Listing {
    pub(crate) fn of(self, of: Of) -> Query {
        Query {
            of,
            filter: self.filter,
            after: self.after,
            offset: self.offset,
            limit: self.limit.clamp(1, 100),
        }
    }
}

/// A part of an owner's keys, newest first.
#[derive(Clone, Debug)]
pub struct KeyList {
    /// The keys.
    pub keys: Vec<ApiKeyInfo>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
    /// How many keys the owner has in all, as far as the filter keeps them.
    pub total: u64,
}

impl Registry {
    /// Lists the keys of an owner, newest first; disabled and expired ones too.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; [`ChangeError::Store`].
    pub async fn keys(
        &self,
        actor: &Actor,
        owner: &Owner,
        listing: Listing,
    ) -> Result<KeyList, ChangeError> {
        Self::authorise(actor, owner)?;
        let query = listing.of(Of::Keys(owner.clone()));
        let page = self.inner.store.list(query).await?;
        let keys = page
            .items
            .into_iter()
            .map(|(record, usage)| self.info(record, usage));
        Ok(KeyList {
            keys: keys.collect(),
            next: page.next,
            total: page.total,
        })
    }
}
