//! Credits that are taken from the store.

use std::{num::NonZeroU32, sync::Arc};

use portcullis_core::{BoxFuture, RequestId, Timestamp};
use serde_json::json;

use super::{
    Account, Charge, CreditGrant, Credits, Ending, LedgerListing, LedgerPage, LedgerQuery,
    behind::movements,
};
use crate::{
    Actor, ChangeError, CommitError, CreditOp, Found, Key, Owner, Registry, Reservation,
    ReserveError, StoreError,
};

impl Registry {
    /// What an owner may spend; nothing if it is not known.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn balance(&self, owner: &Owner) -> Result<i64, StoreError> {
        Ok(self.credits(owner).await?.balance())
    }

    /// The credits of an owner: the balance, what is reserved, the allowance and when it is given
    /// anew. One that is due is shown as given.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn credits(&self, owner: &Owner) -> Result<Account, StoreError> {
        let snapshot = self.inner.store.get(Key::Account(owner.clone())).await?;
        let Found::Account(account) = snapshot.found else {
            return Ok(Account::default());
        };
        Ok(account.renewed(self.inner.clock.now()))
    }

    /// Adds credits that never lapse, or, if negative, takes some: below zero too.
    ///
    /// With [an id](CreditGrant::with_id) it is idempotent: if it failed, ask again; a second call
    /// adds nothing, writes nothing to the audit log, and succeeds as the first did. Without one,
    /// whether the credits were added is to be read from the ledger. The audit log has a row
    /// `owner.credits` with what was added and the balance after it.
    ///
    /// # Errors
    /// [`ChangeError::Reserved`] unless the application itself asks; [`ChangeError::IdTaken`] if
    /// credits were added to another owner under the id; [`ChangeError::Store`].
    pub async fn add_credits(
        &self,
        actor: &Actor,
        owner: &Owner,
        grant: CreditGrant,
    ) -> Result<(), ChangeError> {
        if !actor.is_system() {
            return Err(ChangeError::Reserved);
        }
        let details = json!({ "note": &grant.note, "id": grant.id.map(|id| id.to_string()) });
        let audit = self.audit_owner(actor, owner, "owner.credits", details);
        let add = CreditOp::Grant {
            owner: owner.clone(),
            at: audit.at,
            grant,
            audit: Box::new(audit),
        };
        match self.inner.store.commit(movements(vec![add])).await {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict) => Err(ChangeError::IdTaken),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(error) => Err(StoreError::permanent("the store refused a batch", error).into()),
        }
    }

    /// A part of an owner's ledger, newest first, with what it has to add up to in one snapshot.
    ///
    /// An allowance that is due is given before it is read. With a time `from`, only lines of that
    /// time and later are looked at, however many there are; with
    /// [`LedgerCheck::AddedUp`](crate::LedgerCheck::AddedUp) all are.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner than the actor's; [`ChangeError::Store`].
    pub async fn ledger(
        &self,
        actor: &Actor,
        owner: &Owner,
        listing: LedgerListing,
    ) -> Result<LedgerPage, ChangeError> {
        Self::authorise(actor, owner)?;
        let query = LedgerQuery {
            owner: owner.clone(),
            from: listing.from,
            until: listing.until,
            after: listing.after,
            limit: listing.limit.clamp(1, 1_000),
            check: listing.check,
        };
        let page = self.ledger_page(query.clone()).await?;
        let at = self.inner.clock.now();
        if !page.account.is_due(at) {
            return Ok(page);
        }
        let owner = owner.clone();
        self.write(movements(vec![CreditOp::Renew { owner, at }]))
            .await?;
        Ok(self.ledger_page(query).await?)
    }

    async fn ledger_page(&self, query: LedgerQuery) -> Result<LedgerPage, StoreError> {
        let snapshot = self.inner.store.get(Key::Ledger(query)).await?;
        Ok(match snapshot.found {
            Found::Ledger(page) => *page,
            _ => LedgerPage::default(),
        })
    }

    /// Sets credits aside for work that is no request, under an id of its own; for one that has an
    /// id, [`Reservation::make`].
    ///
    /// # Errors
    /// [`ReserveError`]; the balance is then as it was. Dropped in the middle, the reservation is
    /// given back.
    pub async fn reserve(
        &self,
        owner: &Owner,
        amount: NonZeroU32,
        note: &str,
    ) -> Result<Reservation, ReserveError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|error| StoreError::permanent("no random id for a reservation", error))?;
        let charge = Charge {
            id: RequestId::from_value(u128::from_le_bytes(id)),
            owner: owner.clone(),
            amount,
            note: note.into(),
        };
        let credits: Arc<dyn Credits> = Arc::new(self.clone());
        Reservation::make(&credits, charge).await
    }

    /// Gives back everything that is reserved and not by this registry.
    ///
    /// For a store that this process alone uses, at its start, before it serves requests: what is
    /// reserved then was left by one that died. Elsewhere it would take reservations from others; they
    /// are given back by themselves when they have expired
    /// ([`Options::with_reservation_ttl`](crate::Options::with_reservation_ttl)).
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    pub async fn release_orphans(&self) -> Result<(), StoreError> {
        self.release_reserved_before(Timestamp::from_unix_micros(i64::MAX))
            .await
    }

    /// Writes the end of a reservation, and notes that it was.
    async fn end(&self, op: CreditOp) -> Result<(), StoreError> {
        self.write(movements(vec![op.clone()])).await?;
        self.inner.errands.end_all(std::slice::from_ref(&op));
        Ok(())
    }

    fn ending(&self, ending: Ending) -> CreditOp {
        let at = self.inner.clock.now();
        match ending {
            Ending::Settle { id, amount } => CreditOp::Settle { id, amount, at },
            Ending::Release { id } => CreditOp::Release { id, at },
        }
    }
}

/// From the store of the registry.
///
/// What is under way in this process does not expire, however long it takes. What was left behind
/// is written by the driver, or by [`Registry::close`].
impl Credits for Registry {
    fn reserve(&self, charge: Charge) -> BoxFuture<'_, Result<(), ReserveError>> {
        Box::pin(async move {
            let id = charge.id;
            // Before the clock is read: whoever gives back what is old has seen this, or looks for
            // what is older, unless the clock is set back in that moment.
            let is_first = self.inner.errands.begin(id);
            let mut at = self.inner.clock.now();
            while self.inner.errands.is_held_up(at).await {
                at = self.inner.clock.now();
            }
            let op = CreditOp::Reserve {
                id,
                owner: charge.owner,
                amount: charge.amount.get(),
                at,
                note: charge.note,
            };
            let refused = match self.inner.store.commit(movements(vec![op])).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::TooFewCredits { balance }) => ReserveError::TooFew { balance },
                Err(CommitError::Conflict) => ReserveError::Taken,
            };
            // Another of that id may be under way.
            if is_first {
                self.inner.errands.end(id);
            }
            Err(refused)
        })
    }

    fn settle(&self, id: RequestId, amount: u32) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.end(self.ending(Ending::Settle { id, amount })))
    }

    fn release(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.end(self.ending(Ending::Release { id })))
    }

    fn leave(&self, ending: Ending) {
        self.inner.errands.leave(self.ending(ending));
    }
}
