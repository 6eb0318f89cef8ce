//! What each role may do.

use portcullis::{
    login::{Role, Roles, RolesError},
    scope::Grant,
};

use crate::catalogue::Social;

/// Owners and admins may do everything, members use the product, auditors look on.
pub(crate) fn roles() -> Result<Roles, RolesError> {
    let managing = [
        Social::API_KEYS_READ,
        Social::API_KEYS_WRITE,
        Social::AUDIT_READ,
        Social::TOKENS_INTROSPECT,
    ];
    let catalogue = Social::catalogue();
    Roles::new(&catalogue, |role| match role {
        Role::Owner | Role::Admin => Grant::everything(),
        Role::Member => {
            let product = catalogue.scopes().map(|entry| entry.scope.clone());
            product
                .filter(|scope| !managing.contains(scope))
                .chain([Social::API_KEYS_READ])
                .collect()
        }
        Role::Auditor => [Social::AUDIT_READ, Social::API_KEYS_READ]
            .into_iter()
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_looked_up_by_those_who_manage_alone() {
        let roles = roles().unwrap();
        let looking_up = Social::catalogue()
            .set([Social::TOKENS_INTROSPECT])
            .unwrap();
        for (role, may) in [
            (Role::Owner, true),
            (Role::Admin, true),
            (Role::Member, false),
            (Role::Auditor, false),
        ] {
            let scopes = roles.scopes(role);
            assert_eq!(looking_up.is_subset_of(&scopes), may, "{role:?}");
        }
    }
}
