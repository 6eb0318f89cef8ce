//! The time until a request is sent again.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

pin_project! {
    /// Ends when the request may be sent again, never earlier.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryWait {
        #[pin]
        sleep: Sleep,
    }
}

impl RetryWait {
    pub(super) fn new(wait: Duration) -> Self {
        Self { sleep: sleep(wait) }
    }
}

impl Future for RetryWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().sleep.poll(cx)
    }
}
