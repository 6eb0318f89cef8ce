//! What is counted of logins, through the facade `metrics`; without the feature, nothing.

#[cfg(not(feature = "metrics"))]
mod inert;
#[cfg(feature = "metrics")]
mod live;

#[cfg(not(feature = "metrics"))]
pub(crate) use inert::Metrics;
#[cfg(feature = "metrics")]
pub(crate) use live::Metrics;

use crate::{LoginError, SignupError};

/// What somebody attempted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attempted {
    Login,
    Refresh,
    Signup,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    Ok,
    Refused,
    RateLimited,
    Unavailable,
}

impl<T> From<&Result<T, LoginError>> for Ended {
    fn from(outcome: &Result<T, LoginError>) -> Self {
        match outcome {
            Ok(_) => Self::Ok,
            Err(LoginError::RateLimited { .. }) => Self::RateLimited,
            Err(LoginError::Unavailable(_)) => Self::Unavailable,
            Err(_) => Self::Refused,
        }
    }
}

impl<T> From<&Result<T, SignupError>> for Ended {
    fn from(outcome: &Result<T, SignupError>) -> Self {
        match outcome {
            Ok(_) => Self::Ok,
            Err(SignupError::RateLimited { .. }) => Self::RateLimited,
            Err(SignupError::Unavailable(_)) => Self::Unavailable,
            Err(_) => Self::Refused,
        }
    }
}
