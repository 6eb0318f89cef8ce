//! The policy.

use std::{fmt, sync::Arc, time::Duration};

use http::{Request, Response};
use portcullis_core::{Clock, SystemClock};
use portcullis_limit::Backoff;
use tokio::time::Instant;
use tower::retry::{
    Policy,
    budget::{Budget, TpsBudget},
};

use super::{
    RetryWait, answer,
    repeat::{Methods, When},
};

/// Sends requests again that failed for now, for `tower::retry::RetryLayer`.
///
/// # What is tried again
///
/// | the try ended with | idempotent requests | others |
/// |---|---|---|
/// | 429 | again | [if it is said that nothing was done](Self::with_any_method_on_429) |
/// | 502, 503, 504, or an error of the service | again | not |
/// | anything else, such as 401, 402, 403 or 500 | not | not |
///
/// Idempotent are the methods that RFC 9110, section 9.2.2, says are: `GET`, `HEAD`, `OPTIONS`,
/// `TRACE`, `PUT` and `DELETE`. A request counts as one of them if it has an `Idempotency-Key`
/// (exactly one, not empty: a server that doesn't know the header does the work twice, so send it
/// only to those that do), or the extension [`Repeat::Allow`](crate::Repeat). [`Repeat::Never`] in
/// its extensions keeps a request from being sent again.
///
/// An error is whatever the service fails with: a refused or broken connection, a time-out. Some
/// never get better, such as a URI without a host, and cost the tries that there are.
///
/// # How long it waits
///
/// As long as [`Backoff`] says, or as the answer's `Retry-After` (seconds, or a date; of several
/// the longest; what can't be read asks for nothing), whichever is longer, and a jitter on top. It
/// is never sent earlier than that. On a 429 without a `Retry-After`, `X-RateLimit-Reset` counts in
/// its place.
///
/// # When it gives up
///
/// The caller gets the last answer or error as it is: after [so many retries](Self::with_retries),
/// if [the wait](Self::with_longest_wait) or [all of it](Self::with_deadline) would be too long, or
/// if [the budget](Self::with_budget) is used up.
///
/// # Bodies
///
/// The request is cloned before it is sent, so the type of its body has to be `Clone`:
/// `Full<Bytes>`, not a stream. Headers and extensions are kept. A request that is never sent again
/// isn't cloned.
///
/// # Panics
///
/// The wait needs tokio's timer: outside a runtime with one, the first retry panics.
///
/// # Examples
///
/// ```
/// use std::{convert::Infallible, sync::atomic::{AtomicU32, Ordering}};
/// use http::{Request, Response};
/// use portcullis_tower::RetryPolicy;
/// use tower::{Layer, ServiceExt, retry::RetryLayer, service_fn};
///
/// static TRIES: AtomicU32 = AtomicU32::new(0);
///
/// /// Refuses the first request of each pair.
/// async fn serve(_: Request<String>) -> Result<Response<()>, Infallible> {
///     let mut response = Response::new(());
///     if TRIES.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
///         *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
///         response.headers_mut().insert("retry-after", 5.into());
///     }
///     Ok(response)
/// }
///
/// # let mut paused = tokio::runtime::Builder::new_current_thread();
/// # let paused = paused.enable_time().start_paused(true).build()?;
/// # paused.block_on(async {
/// let client = RetryLayer::new(RetryPolicy::new()).layer(service_fn(serve));
/// let read = Request::get("/notes").body(String::new())?;
/// assert_eq!(client.clone().oneshot(read).await?.status(), 200); // after five seconds
///
/// let write = Request::post("/notes").body(String::from("hello"))?;
/// assert_eq!(client.oneshot(write).await?.status(), 429); // not idempotent
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Repeat::Never`]: crate::Repeat::Never
#[derive(Clone)]
pub struct RetryPolicy {
    methods: Methods,
    methods_on_429: Methods,
    errors: Errors,
    retries: u32,
    longest_wait: Duration,
    deadline: Duration,
    budget: Arc<dyn Budget + Send + Sync>,
    clock: Arc<dyn Clock>,
    request: Tries,
}

/// How far one request has come; the policy is cloned for each.
#[derive(Clone, Debug)]
struct Tries {
    begun: Option<Instant>,
    /// Made for each request, so that no two wait alike.
    backoff: Option<Backoff>,
    retries: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Errors {
    Retried,
    Returned,
}

impl RetryPolicy {
    /// How often a request is sent again, unless set otherwise.
    pub const RETRIES: u32 = 3;
    /// The longest wait, before its jitter, unless set otherwise.
    pub const LONGEST_WAIT: Duration = Backoff::CAP;
    /// How long after the first try the last may begin, unless set otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(120);

    /// Idempotent requests only, with a budget of its own: as many retries as a fifth of the
    /// answers that were no failures, and ten a second.
    #[must_use]
    pub fn new() -> Self {
        Self {
            methods: Methods::Idempotent,
            methods_on_429: Methods::Idempotent,
            errors: Errors::Retried,
            retries: Self::RETRIES,
            longest_wait: Self::LONGEST_WAIT,
            deadline: Self::DEADLINE,
            budget: Arc::new(TpsBudget::default()),
            clock: SystemClock::new(),
            request: Tries {
                begun: None,
                backoff: None,
                retries: 0,
            },
        }
    }

    /// Sends a request again at most so often; 0 is never.
    #[must_use]
    pub const fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Doesn't wait longer than this at a time (a jitter of up to a quarter of the back-off comes
    /// on top): who is asked to wait longer gets the answer, not an early retry.
    #[must_use]
    pub const fn with_longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Begins no retry later than this after the first try was sent. A try that has begun is not
    /// cut short; that is for a time-out.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Draws on this budget, which other policies may share. Clones of a policy share theirs.
    ///
    /// A retry withdraws from it; an answer that is no failure deposits. So a server that is down
    /// is not stormed by those who had much to say.
    #[must_use]
    pub fn with_budget(mut self, budget: Arc<dyn Budget + Send + Sync>) -> Self {
        self.budget = budget;
        self
    }

    /// Reads dates in headers by another clock. Waits are tokio's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Returns errors of the service as they are.
    #[must_use]
    pub const fn without_errors(mut self) -> Self {
        self.errors = Errors::Returned;
        self
    }

    /// Sends a request of any method again after a 429.
    ///
    /// For servers that refuse before they begin, as this crate's `GateLayer` does: there a 429
    /// means that nothing was done and nothing charged. Others may have done half of it, and been
    /// refused by a server of their own; so this is not the default.
    #[must_use]
    pub const fn with_any_method_on_429(mut self) -> Self {
        self.methods_on_429 = Methods::Any;
        self
    }

    /// Sends a request of any method again, a `POST` too, after a 502 or a broken connection too.
    ///
    /// Danger: what was done although no answer came is done twice.
    #[must_use]
    pub const fn dangerous_with_any_method(mut self) -> Self {
        self.methods = Methods::Any;
        self
    }

    /// The wait before the next try, or nothing if there is to be none.
    fn next_wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let Tries {
            begun,
            backoff,
            retries,
        } = &mut self.request;
        let bare = Backoff::wait(*retries, asked, 0);
        if *retries >= self.retries || bare > self.longest_wait {
            return None;
        }
        let wait = backoff.get_or_insert_with(Backoff::new).after(asked);
        let elapsed = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        // The budget comes last: nothing is drawn for a retry that isn't made.
        if elapsed.saturating_add(wait) > self.deadline || !self.budget.withdraw() {
            return None;
        }
        *retries += 1;
        Some(wait)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Clone, R, E> Policy<Request<B>, Response<R>, E> for RetryPolicy {
    type Future = RetryWait;

    fn retry(
        &mut self,
        request: &mut Request<B>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<RetryWait> {
        let when = When::of(request, self.methods, self.methods_on_429);
        let asked = match result {
            Ok(response) if answer::is_failure(response.status()) => {
                if !answer::is_retried(response.status(), when) {
                    return None;
                }
                answer::asked(response.status(), response.headers(), self.clock.now())
            }
            Ok(_) => {
                self.budget.deposit();
                return None;
            }
            Err(_) if self.errors == Errors::Retried && when == When::MaybeDone => None,
            Err(_) => return None,
        };
        self.next_wait(asked).map(RetryWait::new)
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        // Called for the first try by the policy that is cloned for it, then by that clone.
        if self.request.retries == 0 {
            self.request.begun = Some(Instant::now());
        }
        let when = When::of(request, self.methods, self.methods_on_429);
        (when != When::Never).then(|| request.clone())
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("methods", &self.methods)
            .field("methods_on_429", &self.methods_on_429)
            .field("errors", &self.errors)
            .field("retries", &self.retries)
            .field("longest_wait", &self.longest_wait)
            .field("deadline", &self.deadline)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
