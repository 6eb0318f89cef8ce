//! Who takes credits: the store, or a service elsewhere.

use std::{fmt, num::NonZeroU32};

use portcullis_core::{BoxFuture, RequestId};

use crate::{Owner, StoreError};

/// What a request asks of its owner's credits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Charge {
    /// The id of the request, which makes the charge idempotent. The gate's own, never a client's.
    pub id: RequestId,
    /// Who pays.
    pub owner: Owner,
    /// The most that it may cost: the price of the route.
    pub amount: NonZeroU32,
    /// What for: the method and the path.
    pub note: String,
}

/// How a reservation ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It is charged.
    Settle {
        /// The request.
        id: RequestId,
        /// What it really cost; never more than was reserved is charged.
        amount: u32,
    },
    /// It is given back.
    Release {
        /// The request.
        id: RequestId,
    },
}

impl Ending {
    /// The request.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        match self {
            Self::Settle { id, .. } | Self::Release { id } => *id,
        }
    }
}

/// Takes credits: a [`Registry`](crate::Registry) takes them from its store; another
/// implementation may ask a billing service.
///
/// Object-safe and small on purpose. Whoever implements it may not assume that a future is polled
/// to its end, nor that a call comes once: a request is reserved, settled or released again when
/// the outcome was not known. So all goes by the id:
/// - Of the reservations of one id, however often it is repeated, at most one is charged, once.
///   One that is there, or was charged already, is not made again, and succeeds.
/// - What was settled or released, or was never reserved, is not charged or given back by another
///   ending.
/// - A reservation that nobody ends is given back by itself after a while. A settlement that comes
///   later than that charges nothing: its credits may have been spent by others.
///
/// # Examples
/// A billing service elsewhere. What can't be awaited goes to a queue, which a task of the
/// application works off until the service has said yes to each.
/// ```
/// use portcullis_core::{BoxFuture, RequestId};
/// use portcullis_registry::{Charge, Credits, Ending, ReserveError, StoreError};
/// use tokio::sync::mpsc;
///
/// #[derive(Debug)]
/// struct Billing {
///     client: Client,
///     left_behind: mpsc::UnboundedSender<Ending>,
/// }
///
/// impl Credits for Billing {
///     fn reserve(&self, charge: Charge) -> BoxFuture<'_, Result<(), ReserveError>> {
///         Box::pin(async move {
///             let Charge { id, owner, amount, note } = charge;
///             // The id goes along as the key that makes the call idempotent.
///             match self.client.hold(&id.to_string(), owner.as_str(), amount.get(), &note).await {
///                 Ok(Held::Yes) => Ok(()),
///                 Ok(Held::No { balance }) => Err(ReserveError::TooFew { balance }),
///                 Err(error) => Err(unreachable(error).into()),
///             }
///         })
///     }
///
///     fn settle(&self, id: RequestId, amount: u32) -> BoxFuture<'_, Result<(), StoreError>> {
///         Box::pin(async move {
///             self.client.capture(&id.to_string(), amount).await.map_err(unreachable)
///         })
///     }
///
///     fn release(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
///         Box::pin(async move { self.client.cancel(&id.to_string()).await.map_err(unreachable) })
///     }
///
///     fn leave(&self, ending: Ending) {
///         // At the end of the process nobody listens; the service lets the hold expire.
///         let _ = self.left_behind.send(ending);
///     }
/// }
///
/// fn unreachable(error: std::io::Error) -> StoreError {
///     StoreError::transient("could not ask the billing service", error)
/// }
/// # enum Held { Yes, No { balance: i64 } }
/// # #[derive(Debug)]
/// # struct Client;
/// # impl Client {
/// #     async fn hold(&self, _: &str, owner: &str, amount: u32, _: &str) -> std::io::Result<Held> {
/// #         Ok(if owner == "rich" && amount < 100 { Held::Yes } else { Held::No { balance: 0 } })
/// #     }
/// #     async fn capture(&self, _: &str, _: u32) -> std::io::Result<()> { Ok(()) }
/// #     async fn cancel(&self, _: &str) -> std::io::Result<()> { Ok(()) }
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use std::sync::Arc;
/// use portcullis_registry::Reservation;
///
/// let (left_behind, mut endings) = mpsc::unbounded_channel();
/// let credits: Arc<dyn Credits> = Arc::new(Billing { client: Client, left_behind });
/// let charge = |owner: &str| Charge {
///     id: RequestId::from_value(7),
///     owner: owner.parse().unwrap(),
///     amount: 5.try_into().unwrap(),
///     note: "POST /posts".into(),
/// };
/// let reserved = Reservation::make(&credits, charge("rich")).await?;
/// drop(reserved); // nobody awaits: it is left behind
/// assert_eq!(endings.recv().await, Some(Ending::Release { id: RequestId::from_value(7) }));
/// let refused = Reservation::make(&credits, charge("poor")).await;
/// assert!(matches!(refused, Err(ReserveError::TooFew { balance: 0 })));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub trait Credits: fmt::Debug + Send + Sync {
    /// Sets credits aside, durably.
    ///
    /// # Errors
    /// [`ReserveError::TooFew`] if the balance does not cover it, and [`ReserveError::Taken`] if the
    /// id is another owner's: nothing was set aside;
    /// [`ReserveError::Store`] if that could not be found out, and it may have been.
    fn reserve(&self, charge: Charge) -> BoxFuture<'_, Result<(), ReserveError>>;

    /// Charges what a request really cost, durably, and gives the rest back.
    ///
    /// # Errors
    /// [`StoreError`] if it may not have been written: the caller leaves it behind then.
    fn settle(&self, id: RequestId, amount: u32) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Gives everything back, durably.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    fn release(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Takes an ending that nobody will await, to be made a moment later.
    ///
    /// It is called while futures are dropped and threads panic: it must neither block nor panic.
    fn leave(&self, ending: Ending);
}

/// Why credits were not reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The balance does not cover the price. It is as it was.
    #[error("the balance of {balance} does not cover the price")]
    TooFew {
        /// What there is.
        balance: i64,
    },
    /// The id is that of another owner's request. Nothing was set aside.
    #[error("the id is that of another owner's request")]
    Taken,
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
