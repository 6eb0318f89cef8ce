//! Users whom the application finds out itself.

use portcullis_core::Timestamp;
use portcullis_scope::Grant;

use crate::{Meta, Owner, User};

/// Who a credential of another system speaks for, such as a JWT of the application's own: a user,
/// for an owner, with a grant.
///
/// The name of the user is the other system's: it makes nobody one of our users of the same name.
/// The owner is taken at its word, so name only owners that the credential was issued for.
///
/// # Examples
/// ```
/// use portcullis_registry::Identity;
///
/// let grant = "posts:read posts:write".parse()?;
/// let ada = Identity::new("acme".parse()?, "ada".parse()?, grant);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    pub(crate) owner: Owner,
    pub(crate) user: User,
    pub(crate) grant: Grant,
    pub(crate) meta: Meta,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Identity {
    /// A user, speaking for an owner. Names in the grant that the catalogue doesn't know grant
    /// nothing.
    #[must_use]
    pub const fn new(owner: Owner, user: User, grant: Grant) -> Self {
        Self {
            owner,
            user,
            grant,
            meta: Meta::NONE,
            expires_at: None,
        }
    }

    /// For whom the user speaks.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Who it is.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The application's own data, which comes back in the principal.
    #[must_use]
    pub fn with_meta(mut self, meta: Meta) -> Self {
        self.meta = meta;
        self
    }

    /// From when it is no longer so: a long stream that checks again then ends.
    #[must_use]
    pub const fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}
