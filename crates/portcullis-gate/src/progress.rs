//! The answer of a check, now or later.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
};

use portcullis_core::BoxFuture;
use portcullis_error::Denial;

use crate::Pass;

/// The gate passes or denies.
pub type Verdict = Result<Pass, Denial>;

/// A check that is done, or the rest of it.
///
/// To await it in either case, `.await` it.
#[must_use = "a check that is dropped lets the request pass"]
#[derive(Debug)]
pub enum Progress {
    /// The verdict: everything was in memory.
    Done(Verdict),
    /// The continuation: the store has to be asked.
    Pending(Pending),
}

/// The rest of a check. Dropping it leaves nothing charged but the rate, if that was reached.
#[must_use = "futures do nothing unless polled"]
pub struct Pending(BoxFuture<'static, Verdict>);

impl Progress {
    pub(crate) fn pending(rest: impl Future<Output = Verdict> + Send + 'static) -> Self {
        Self::Pending(Pending(Box::pin(rest)))
    }
}

impl Future for Pending {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Verdict> {
        self.0.as_mut().poll(cx)
    }
}

impl IntoFuture for Progress {
    type Output = Verdict;
    type IntoFuture = Pending;

    fn into_future(self) -> Pending {
        match self {
            Self::Done(verdict) => Pending(Box::pin(std::future::ready(verdict))),
            Self::Pending(rest) => rest,
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}
