//! All that a route asks for.

use portcullis_scope::{Requirement, Scope};

/// Who may call a route.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Holder {
    /// The bearer of any credential.
    #[default]
    Any,
    /// A signed-in user alone: others get 403 `session_required`.
    Session,
    /// An API key alone: others get 403 `key_required`.
    Key,
}

/// All that a route asks for: who may call it, what they must be allowed, what it costs.
///
/// One value drives the check, the challenge and the documentation. A scope is an access by itself:
/// `Social::POSTS_READ.into()`.
///
/// # Examples
/// ```
/// use portcullis_gate::Access;
/// use portcullis_scope::Scope;
///
/// const POSTS_WRITE: Scope = Scope::from_static("posts:write");
///
/// let publish = Access::scope(POSTS_WRITE).with_price(1);
/// assert_eq!(publish.price(), 1);
/// assert_eq!(publish.cost(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Access {
    holder: Holder,
    requirement: Option<Requirement>,
    cost: u32,
    price: u32,
}

impl Access {
    const fn new(holder: Holder, requirement: Option<Requirement>) -> Self {
        Self {
            holder,
            requirement,
            cost: 1,
            price: 0,
        }
    }

    /// Any credential that verifies.
    #[must_use]
    pub const fn any() -> Self {
        Self::new(Holder::Any, None)
    }

    /// The session of a signed-in user.
    #[must_use]
    pub const fn session() -> Self {
        Self::new(Holder::Session, None)
    }

    /// A credential with this scope.
    #[must_use]
    pub const fn scope(scope: Scope) -> Self {
        Self::new(Holder::Any, Some(Requirement::scope(scope)))
    }

    /// A credential whose scopes cover this.
    #[must_use]
    pub const fn requirement(requirement: Requirement) -> Self {
        Self::new(Holder::Any, Some(requirement))
    }

    /// Who may call.
    #[must_use]
    pub const fn with_holder(mut self, holder: Holder) -> Self {
        self.holder = holder;
        self
    }

    /// Rate units of one request: 1 unless said otherwise. 0 is not counted.
    #[must_use]
    pub const fn with_cost(mut self, units: u32) -> Self {
        self.cost = units;
        self
    }

    /// Credits that one request takes from the owner's balance: none unless said otherwise.
    #[must_use]
    pub const fn with_price(mut self, credits: u32) -> Self {
        self.price = credits;
        self
    }

    /// Who may call.
    #[must_use]
    pub const fn holder(&self) -> Holder {
        self.holder
    }

    /// The scope part; nothing if any scopes will do.
    #[must_use]
    pub const fn scopes(&self) -> Option<&Requirement> {
        self.requirement.as_ref()
    }

    /// Rate units of one request.
    #[must_use]
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// Credits of one request.
    #[must_use]
    pub const fn price(&self) -> u32 {
        self.price
    }
}

impl From<Scope> for Access {
    fn from(scope: Scope) -> Self {
        Self::scope(scope)
    }
}

impl From<Requirement> for Access {
    fn from(requirement: Requirement) -> Self {
        Self::requirement(requirement)
    }
}
