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
