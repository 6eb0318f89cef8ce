//! The service itself.

use crate::Login;

/// Signs people in to the pages of the service. Cheap to clone.
///
/// A page's session is a cookie of its own kind: no API accepts it, and no page accepts a token.
#[derive(Clone, Debug)]
pub struct Pages {
    pub(super) login: Login,
}

impl Pages {
    /// The pages for the people of a login.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self { login }
    }

    /// Who logs people in.
    #[must_use]
    pub const fn login(&self) -> &Login {
        &self.login
    }
}
