//! New ids of users and organisations.

use portcullis_core::CredentialId;
use portcullis_registry::{Owner, ParseNameError, User};

/// The generator of the operating system failed.
#[derive(Debug, thiserror::Error)]
#[error("the random generator failed")]
pub struct RandomError {
    source: getrandom::Error,
}

/// Fills a buffer from the generator of the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(bytes).map_err(|source| RandomError { source })
}

/// `usr_` and 16 characters of base62.
pub(crate) fn new_user() -> Result<User, RandomError> {
    named("usr_", User::new)
}

/// `org_` and 16 characters of base62.
pub(crate) fn new_org() -> Result<Owner, RandomError> {
    named("org_", Owner::new)
}

fn named<T>(
    prefix: &str,
    name: impl Fn(&str) -> Result<T, ParseNameError>,
) -> Result<T, RandomError> {
    loop {
        let mut drawn = [0; 16];
        if let Some(random) = drawn.last_chunk_mut::<12>() {
            fill(random)?;
        }
        // 96 bits hold 1.7 times as many values as there are ids: those beyond are drawn again.
        let id = CredentialId::from_value(u128::from_be_bytes(drawn));
        // INVARIANT: a prefix and 16 characters are a name.
        if let Some(Ok(name)) = id.map(|id| name(&format!("{prefix}{id}"))) {
            return Ok(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_a_prefix_and_16_characters_and_never_the_same() {
        let (one, other) = (new_user().unwrap(), new_user().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 20);
        assert!(one.as_str().starts_with("usr_"));
        assert!(new_org().unwrap().as_str().starts_with("org_"));
    }
}
