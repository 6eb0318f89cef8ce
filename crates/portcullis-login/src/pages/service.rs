//! The service itself.

use std::sync::Arc;

use crate::{Login, tickets::Codes};

/// Signs people in to the pages of the service. Cheap to clone.
///
/// A page's session is a cookie of its own kind: no API accepts it, and no page accepts a token.
#[derive(Clone, Debug)]
pub struct Pages {
    pub(super) login: Login,
    /// What cookies are kept as.
    pub(super) sessions: Arc<Codes>,
    /// What forms are sent back with.
    pub(super) forms: Arc<Codes>,
}

impl Pages {
    /// The pages for the people of a login.
    #[must_use]
    pub fn new(login: Login) -> Self {
        let peppers = login.registry().peppers();
        Self {
            sessions: Arc::new(Codes::new(peppers, "page sessions")),
            forms: Arc::new(Codes::new(peppers, "page forms")),
            login,
        }
    }

    /// Who logs people in.
    #[must_use]
    pub const fn login(&self) -> &Login {
        &self.login
    }
}
