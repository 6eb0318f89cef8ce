//! Credits: reserved before a handler runs, settled or released after it.

use std::{
    fmt,
    future::Future,
    num::NonZeroU32,
    pin::Pin,
    task::{Context, Poll, ready},
};

use portcullis_core::{BoxFuture, Timestamp};

use crate::{
    Batch, CommitError, CreditOp, Found, Key, Owner, Registry, ReservationId, Seq, StoreError,
};

/// Why credits were not reserved. The balance is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The balance does not cover the price.
    #[error("the balance of {balance} does not cover the price")]
    TooFew {
        /// What there is.
        balance: i64,
    },
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Credits that are set aside for one request.
///
/// [`settle`](Self::settle) charges them, [`release`](Self::release) gives them back; dropping it
/// gives them back too. A process that dies in between leaves the reservation to be given back an
/// hour later.
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    registry: Registry,
    id: ReservationId,
    amount: u32,
    open: bool,
}

impl Registry {
    /// What an owner may spend; nothing if it is not known.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn balance(&self, owner: &Owner) -> Result<i64, StoreError> {
        let snapshot = self.inner.store.get(Key::Owner(owner.clone())).await?;
        match snapshot.found {
            Found::Owner { balance, .. } => Ok(balance),
            _ => Ok(0),
        }
    }

    /// Sets credits aside, durably, never below a balance of zero.
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
        let mut name = [0; 16];
        getrandom::fill(&mut name)
            .map_err(|error| StoreError::permanent("no random name for a reservation", error))?;
        let id = ReservationId(u128::from_le_bytes(name));
        let op = CreditOp::Reserve {
            id,
            owner: owner.clone(),
            amount: amount.get(),
            at: self.inner.clock.now(),
            note: note.into(),
        };
        // Made before the commit, so that it is given back should this future be dropped.
        self.inner.errands.begin(id);
        let reservation = Reservation {
            registry: self.clone(),
            id,
            amount: amount.get(),
            open: true,
        };
        let batch = Batch {
            credits: vec![op],
            ..Batch::default()
        };
        match self.inner.store.commit(batch).await {
            Ok(_) => Ok(reservation),
            Err(CommitError::TooFewCredits { balance }) => {
                reservation.forget();
                Err(ReserveError::TooFew { balance })
            }
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(error @ CommitError::Conflict) => {
                Err(StoreError::permanent("the store refused a reservation", error).into())
            }
        }
    }

    /// Gives back everything that is reserved and not by this registry.
    ///
    /// For a store that this process alone uses, at its start: what is reserved then was left by one
    /// that died. Elsewhere it would take reservations from others; they are given back by themselves
    /// when they are an hour old.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    pub async fn release_orphans(&self) -> Result<(), StoreError> {
        self.release_reserved_before(Timestamp::from_unix_micros(i64::MAX))
            .await
    }
}

impl Reservation {
    /// How much is set aside.
    #[must_use]
    pub const fn amount(&self) -> u32 {
        self.amount
    }

    /// Charges `amount`, at most what is set aside; the rest goes back.
    #[expect(
        clippy::must_use_candidate,
        reason = "dropped, the settlement is the driver's"
    )]
    pub fn settle(mut self, amount: u32) -> Settlement {
        let at = self.registry.inner.clock.now();
        self.open = false;
        Settlement::new(
            &self.registry,
            CreditOp::Settle {
                id: self.id,
                amount: amount.min(self.amount),
                at,
            },
        )
    }

    /// Gives everything back.
    #[expect(
        clippy::must_use_candidate,
        reason = "dropped, the settlement is the driver's"
    )]
    pub fn release(mut self) -> Settlement {
        self.open = false;
        Settlement::new(&self.registry, CreditOp::Release { id: self.id })
    }

    fn forget(mut self) {
        self.open = false;
        self.registry.inner.errands.end(self.id);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            self.registry
                .inner
                .errands
                .leave(CreditOp::Release { id: self.id });
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// The end of a reservation: awaited, it is durable before the answer goes out; dropped, the driver
/// does it.
pub struct Settlement(Option<Open>);

struct Open {
    registry: Registry,
    op: CreditOp,
    commit: Option<BoxFuture<'static, Result<Seq, CommitError>>>,
}

impl Settlement {
    /// Nothing to settle.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    fn new(registry: &Registry, op: CreditOp) -> Self {
        Self(Some(Open {
            registry: registry.clone(),
            op,
            commit: None,
        }))
    }
}

impl Future for Settlement {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(open) = self.0.as_mut() else {
            return Poll::Ready(());
        };
        let Open {
            registry,
            op,
            commit,
        } = open;
        let commit = commit.get_or_insert_with(|| {
            let batch = Batch {
                credits: vec![op.clone()],
                ..Batch::default()
            };
            let store = std::sync::Arc::clone(&registry.inner.store);
            Box::pin(async move { store.commit(batch).await })
        });
        match ready!(commit.as_mut().poll(cx)) {
            Ok(_) => {
                registry.inner.errands.end_all(std::slice::from_ref(op));
                self.0 = None;
            }
            // Left for the driver, which tries until it is done.
            Err(_) => drop(std::mem::replace(&mut *self, Self(None))),
        }
        Poll::Ready(())
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(Open { registry, op, .. }) = self.0.take() {
            registry.inner.errands.leave(op);
        }
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settlement")
            .field(&self.0.as_ref().map(|open| &open.op))
            .finish()
    }
}
