//! The number by which a record names its pepper.

use std::{fmt, num::NonZeroU16, str::FromStr};

/// The number by which a record names its pepper: 1 to 65,535.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct PepperVersion(NonZeroU16);

/// A text that is not a number from 1 to 65,535 in decimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the version of a pepper is a number from 1 to 65535")]
pub struct ParsePepperVersionError;

/// A version of which the ring has no pepper.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no pepper of version {version}")]
pub struct UnknownPepperVersion {
    /// The version that was asked for.
    pub version: PepperVersion,
}

impl PepperVersion {
    /// The first.
    pub const FIRST: Self = Self(NonZeroU16::MIN);

    /// The version of this number, unless it is 0.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, which is never 0.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for PepperVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for PepperVersion {
    type Err = ParsePepperVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().map_err(|_| ParsePepperVersionError)?;
        is_decimal
            .then_some(Self(number))
            .ok_or(ParsePepperVersionError)
    }
}
