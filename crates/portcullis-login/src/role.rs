//! What a member of an organisation may do.

use std::{fmt, str::FromStr};

use portcullis_scope::{Catalogue, Grant, ScopeSet, UnknownScope};

/// What somebody is in an organisation. What that allows is for [`Roles`] to say.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Who made the organisation, or was made its owner.
    Owner,
    /// Who manages it.
    Admin,
    /// Who works in it.
    Member,
    /// Who looks only.
    Auditor,
}

/// A text that is none of `owner`, `admin`, `member` and `auditor`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a role is `owner`, `admin`, `member` or `auditor`")]
pub struct ParseRoleError;

impl Role {
    /// All of them, the most powerful first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Auditor];

    /// The role as it stands in APIs and stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Auditor => "auditor",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Owner => 0,
            Self::Admin => 1,
            Self::Member => 2,
            Self::Auditor => 3,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == text).ok_or(ParseRoleError)
    }
}

/// Which grant each role has: the one place that says so.
///
/// A grant's wildcards mean what the catalogue has when somebody logs in.
///
/// # Examples
/// ```
/// use portcullis_login::{Role, Roles};
/// use portcullis_scope::{Catalogue, Grant};
///
/// let catalogue = Catalogue::builder()
///     .scope("posts:read", "Read posts")
///     .scope_implying("posts:write", ["posts:read"], "Write posts")
///     .build()?;
/// let reading: Grant = "*:read".parse()?;
/// let roles = Roles::new(&catalogue, |role| match role {
///     Role::Owner | Role::Admin | Role::Member => Grant::everything(),
///     Role::Auditor => reading.clone(),
/// })?;
/// assert_eq!(roles.grant(Role::Auditor).to_string(), "posts:read");
///
/// let misspelt: Grant = "post:read".parse()?;
/// assert!(Roles::new(&catalogue, |_| misspelt.clone()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Roles {
    catalogue: Catalogue,
    sets: [ScopeSet; Role::ALL.len()],
}

/// A role's grant names a scope that the catalogue does not declare.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the role `{role}` has an unknown scope")]
pub struct RolesError {
    /// The role.
    pub role: Role,
    /// Which scope.
    pub source: UnknownScope,
}

impl Roles {
    /// Asks for the grant of each role.
    ///
    /// # Errors
    /// [`RolesError`] for the first role whose grant has a name that the catalogue does not
    /// declare, or a wildcard that matches nothing.
    pub fn new(
        catalogue: &Catalogue,
        grant_of: impl Fn(Role) -> Grant,
    ) -> Result<Self, RolesError> {
        let mut sets = [ScopeSet::EMPTY; Role::ALL.len()];
        for (role, set) in Role::ALL.into_iter().zip(&mut sets) {
            let grant = grant_of(role);
            let known = catalogue.check_known(&grant);
            known.map_err(|source| RolesError { role, source })?;
            *set = catalogue.resolve(&grant);
        }
        Ok(Self {
            catalogue: catalogue.clone(),
            sets,
        })
    }

    /// What a role may do.
    #[must_use]
    pub fn scopes(&self, role: Role) -> ScopeSet {
        self.sets.get(role.index()).copied().unwrap_or_default()
    }

    /// What a role may do, by name and without wildcards.
    #[must_use]
    pub fn grant(&self, role: Role) -> Grant {
        self.catalogue.grant(&self.scopes(role))
    }

    pub(crate) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_its_text() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(Role::ALL[role.index()], role);
        }
        for text in ["", "Owner", "owner ", "root"] {
            assert_eq!(text.parse::<Role>(), Err(ParseRoleError), "{text}");
        }
    }

    #[test]
    fn a_role_with_an_unknown_scope_is_named() {
        let catalogue = Catalogue::builder()
            .scope("a:read", "Read")
            .build()
            .unwrap();
        let refused = Roles::new(&catalogue, |role| match role {
            Role::Member => "a:write".parse().unwrap(),
            _ => Grant::everything(),
        });
        assert_eq!(refused.unwrap_err().role, Role::Member);
    }
}
