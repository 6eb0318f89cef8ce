//! How much work a password is.

use argon2::Params;

/// How much work argon2id is made to do for each password.
///
/// The default is 19 MiB, 2 passes and 1 lane: the second of the choices that OWASP's Password
/// Storage Cheat Sheet recommends, and the default of the crate `argon2`. It takes 15 to 30 ms of
/// one core.
///
/// # Examples
/// ```
/// use portcullis_login::{PasswordParams, PasswordParamsError};
///
/// let params = PasswordParams::new(46 * 1024, 1, 1)?;
/// assert_eq!(params.memory_kib(), 47_104);
/// assert_eq!(
///     PasswordParams::new(8 * 1024, 2, 1),
///     Err(PasswordParamsError::Cheap { least_kib: 19_456 }),
/// );
/// # Ok::<(), PasswordParamsError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PasswordParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why parameters for passwords are refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordParamsError {
    /// Less memory than is recommended for so many passes.
    #[error("so few passes need at least {least_kib} KiB")]
    Cheap {
        /// The least memory, in KiB.
        least_kib: u32,
    },
    /// No passes or lanes, less than 8 KiB for each lane, or over 1 GiB, 1,000 passes or 64 lanes.
    #[error("1 to 1,000 passes, 1 to 64 lanes, 8 KiB for each lane to 1 GiB")]
    Range,
}

impl PasswordParams {
    const MOST_KIB: u32 = 1 << 20;
    const MOST_PASSES: u32 = 1_000;
    const MOST_LANES: u32 = 64;

    /// So many KiB of memory, passes over it and lanes.
    ///
    /// # Errors
    /// [`PasswordParamsError::Range`], or [`PasswordParamsError::Cheap`] below what OWASP
    /// recommends: 46 MiB for 1 pass, 19 for 2, 12 for 3, 9 for 4, 7 for more.
    pub const fn new(
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    ) -> Result<Self, PasswordParamsError> {
        let least_kib = match passes {
            0 | 1 => 47_104,
            2 => 19_456,
            3 => 12_288,
            4 => 9_216,
            _ => 7_168,
        };
        if memory_kib < least_kib {
            return Err(PasswordParamsError::Cheap { least_kib });
        }
        Self::dangerous_new(memory_kib, passes, lanes)
    }

    /// As [`PasswordParams::new`], however little work that is: for tests.
    ///
    /// # Errors
    /// [`PasswordParamsError::Range`].
    pub const fn dangerous_new(
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    ) -> Result<Self, PasswordParamsError> {
        let is_within = 1 <= passes
            && passes <= Self::MOST_PASSES
            && 1 <= lanes
            && lanes <= Self::MOST_LANES
            && lanes * 8 <= memory_kib
            && memory_kib <= Self::MOST_KIB;
        if is_within {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(PasswordParamsError::Range)
        }
    }

    /// Memory, in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes, which this crate computes one after the other.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// The parameters of a stored hash, if they are within the range.
    pub(super) fn of(params: &Params) -> Result<Self, PasswordParamsError> {
        Self::dangerous_new(params.m_cost(), params.t_cost(), params.p_cost())
    }

    pub(super) const fn for_argon2(self, output_bytes: usize) -> argon2::Result<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(output_bytes))
    }
}

impl Default for PasswordParams {
    fn default() -> Self {
        Self {
            memory_kib: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
            lanes: Params::DEFAULT_P_COST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_the_recommendation_is_refused() {
        for (kib, passes) in [
            (47_104, 1),
            (19_456, 2),
            (12_288, 3),
            (9_216, 4),
            (7_168, 5),
        ] {
            assert!(PasswordParams::new(kib, passes, 1).is_ok());
            let cheap = PasswordParamsError::Cheap { least_kib: kib };
            assert_eq!(PasswordParams::new(kib - 1, passes, 1), Err(cheap));
        }
        let params = PasswordParams::default();
        let checked = PasswordParams::new(params.memory_kib, params.passes, params.lanes);
        assert_eq!(checked, Ok(params));
    }

    #[test]
    fn what_argon2_can_not_do_or_a_server_should_not_is_refused() {
        for (kib, passes, lanes) in [
            (7, 1, 1),
            (15, 1, 2),
            (8, 0, 1),
            (8, 1, 0),
            (1 << 21, 1, 1),
            (8, 1_001, 1),
            (1 << 20, 1, 65),
        ] {
            let refused = PasswordParams::dangerous_new(kib, passes, lanes);
            assert_eq!(refused, Err(PasswordParamsError::Range));
        }
        assert!(PasswordParams::dangerous_new(8, 1, 1).is_ok());
    }
}
