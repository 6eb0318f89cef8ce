//! The windows of those whose credentials are not ours.

use std::sync::Arc;

use portcullis_core::Clock;
use portcullis_limit::{Decision, Limiter, Quota, Usage};
use portcullis_registry::{Owner, Principal, User};

/// Who is counted apart: a user with an owner, whatever tokens the application has given out.
type Who = (Owner, Option<User>);

/// A window for requests and one for denials, for each user of the application's own.
#[derive(Debug)]
pub(crate) struct Externals {
    requests: Limiter<Who>,
    denials: Limiter<Who>,
}

impl Externals {
    pub(crate) fn new(quota: Quota, clock: &Arc<dyn Clock>) -> Self {
        Self {
            requests: Limiter::new(quota, Arc::clone(clock)),
            denials: Limiter::new(quota, Arc::clone(clock)),
        }
    }

    pub(crate) fn check(&self, who: &Principal, cost: u32) -> Decision {
        self.requests.check(&key(who), cost)
    }

    pub(crate) fn peek(&self, who: &Principal) -> Usage {
        self.requests.peek(&key(who))
    }

    pub(crate) fn check_denial(&self, who: &Principal) -> Decision {
        self.denials.check(&key(who), 1)
    }
}

fn key(who: &Principal) -> Who {
    (who.owner().clone(), who.user().cloned())
}
