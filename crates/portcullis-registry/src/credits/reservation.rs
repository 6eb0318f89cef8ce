//! Credits that are set aside for one request.

use std::{fmt, sync::Arc};

use portcullis_core::RequestId;

use super::{Charge, Credits, Ending, ReserveError, Settlement};

/// Credits that are set aside for one request.
///
/// [`settle`](Self::settle) charges them, [`release`](Self::release) gives them back; dropping it
/// gives them back too. A process that dies in between leaves the reservation to expire.
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    credits: Arc<dyn Credits>,
    id: RequestId,
    amount: u32,
    open: bool,
}

impl Reservation {
    /// Sets credits aside, durably.
    ///
    /// Two reservations of one id are one: the first to end says how.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing is set aside then, or it is given back. Dropped in the middle, it
    /// is given back too.
    pub async fn make(credits: &Arc<dyn Credits>, charge: Charge) -> Result<Self, ReserveError> {
        // Made before it is, so that it is given back should this future be dropped.
        let mut reservation = Self {
            credits: Arc::clone(credits),
            id: charge.id,
            amount: charge.amount.get(),
            open: true,
        };
        let made = credits.reserve(charge).await;
        if let Err(ReserveError::TooFew { .. } | ReserveError::Taken) = made {
            reservation.open = false;
        }
        made.map(|()| reservation)
    }

    /// The id of the request.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    /// How much is set aside.
    #[must_use]
    pub const fn amount(&self) -> u32 {
        self.amount
    }

    /// Charges `amount`, at most what is set aside; the rest goes back.
    #[expect(
        clippy::must_use_candidate,
        reason = "dropped, the settlement is left behind and made later"
    )]
    pub fn settle(self, amount: u32) -> Settlement {
        let (id, amount) = (self.id, amount.min(self.amount));
        self.end(Ending::Settle { id, amount })
    }

    /// Gives everything back.
    #[expect(
        clippy::must_use_candidate,
        reason = "dropped, the settlement is left behind and made later"
    )]
    pub fn release(self) -> Settlement {
        let id = self.id;
        self.end(Ending::Release { id })
    }

    fn end(mut self, ending: Ending) -> Settlement {
        self.open = false;
        Settlement::new(Arc::clone(&self.credits), ending)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            self.credits.leave(Ending::Release { id: self.id });
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("id", &self.id)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}
