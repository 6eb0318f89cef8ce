//! Whom a credential belongs to, who holds it, and what its plan is called.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// Why a text can't be the name of an owner, a user or a plan.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseNameError {
    /// A control character.
    #[error("a control character at byte {at}")]
    Control {
        /// Its position, from 0.
        at: usize,
    },
    /// No characters at all.
    #[error("a name has at least one character")]
    Empty,
    /// More than 64 bytes.
    #[error("a name has at most 64 bytes")]
    TooLong,
}

fn validated(text: &str) -> Result<Arc<str>, ParseNameError> {
    if text.is_empty() {
        return Err(ParseNameError::Empty);
    }
    if text.len() > 64 {
        return Err(ParseNameError::TooLong);
    }
    match text
        .char_indices()
        .find(|(_, character)| character.is_control())
    {
        Some((at, _)) => Err(ParseNameError::Control { at }),
        None => Ok(text.into()),
    }
}

macro_rules! name {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        ///
        /// 1 to 64 bytes of UTF-8 without control characters; cheap to clone.
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a name.
            ///
            /// # Errors
            /// [`ParseNameError`] if it is empty, longer than 64 bytes, or has a control character.
            pub fn new(name: &str) -> Result<Self, ParseNameError> {
                validated(name).map(Self)
            }

            /// The name as given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
    };
}

name! {
    /// The application's own name for whom a credential belongs to: an organisation's id, say.
    Owner
}

name! {
    /// The application's own name for a person: a user's id, say.
    User
}

name! {
    /// The application's own name for a plan: `pro`, say.
    PlanName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_1_to_64_bytes_without_control_characters() {
        assert_eq!(
            Owner::new("acme").map(|owner| owner.to_string()),
            Ok("acme".into())
        );
        assert!(User::new(&"u".repeat(64)).is_ok());
        assert_eq!(Owner::new(""), Err(ParseNameError::Empty));
        assert_eq!(Owner::new(&"ü".repeat(33)), Err(ParseNameError::TooLong));
        assert_eq!(Owner::new("a\nb"), Err(ParseNameError::Control { at: 1 }));
    }
}
