//! Which requests may be sent twice.

use http::{HeaderMap, HeaderName, Request};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Whether one request may be sent again: put it into the request's extensions.
///
/// It goes before everything else that says so: the policy, the header, and the method.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Repeat {
    /// It may, whatever its method: its effect is the same, done once or twice.
    Allow,
    /// It is sent once, a `GET` too.
    Never,
}

/// For which requests a policy sends again by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Methods {
    Idempotent,
    Any,
}

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum When {
    /// Also when it may have had its effect.
    MaybeDone,
    /// Only when it surely had none.
    NotDone,
    Never,
}

impl When {
    /// What holds for this request under a policy for these `methods`, `refused` being those that
    /// are sent again after a 429.
    pub(super) fn of<B>(request: &Request<B>, methods: Methods, refused: Methods) -> Self {
        match request.extensions().get() {
            Some(Repeat::Allow) => return Self::MaybeDone,
            Some(Repeat::Never) => return Self::Never,
            None => {}
        }
        if methods == Methods::Any
            || request.method().is_idempotent()
            || has_idempotency_key(request.headers())
        {
            Self::MaybeDone
        } else if refused == Methods::Any {
            Self::NotDone
        } else {
            Self::Never
        }
    }
}

/// One that is not empty; of two, nobody knows which one the server takes.
fn has_idempotency_key(headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let first = keys.next().map(|key| key.as_bytes().trim_ascii());
    first.is_some_and(|key| !key.is_empty()) && keys.next().is_none()
}
