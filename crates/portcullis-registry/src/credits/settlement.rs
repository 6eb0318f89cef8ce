//! The end of a reservation.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use portcullis_core::BoxFuture;

use super::{Credits, Ending};
use crate::StoreError;

/// The end of a reservation: awaited, it is durable before the answer goes out; dropped, or if that
/// fails, it is left behind for later.
pub struct Settlement(Option<Open>);

struct Open {
    credits: Arc<dyn Credits>,
    ending: Ending,
    attempt: Option<BoxFuture<'static, Result<(), StoreError>>>,
}

impl Settlement {
    /// Nothing to settle.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    pub(super) fn new(credits: Arc<dyn Credits>, ending: Ending) -> Self {
        Self(Some(Open {
            credits,
            ending,
            attempt: None,
        }))
    }
}

impl Future for Settlement {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(open) = self.0.as_mut() else {
            return Poll::Ready(());
        };
        let attempt = open.attempt.get_or_insert_with(|| {
            let (credits, ending) = (Arc::clone(&open.credits), open.ending);
            Box::pin(async move {
                match ending {
                    Ending::Settle { id, amount } => credits.settle(id, amount).await,
                    Ending::Release { id } => credits.release(id).await,
                }
            })
        });
        match ready!(attempt.as_mut().poll(cx)) {
            Ok(()) => self.0 = None,
            // Left behind, where it is tried until it is done.
            Err(_) => drop(std::mem::replace(&mut *self, Self(None))),
        }
        Poll::Ready(())
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(Open {
            credits, ending, ..
        }) = self.0.take()
        {
            credits.leave(ending);
        }
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settlement")
            .field(&self.0.as_ref().map(|open| &open.ending))
            .finish()
    }
}
