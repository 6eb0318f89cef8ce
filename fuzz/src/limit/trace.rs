//! What callers and the clock do, from bytes.

use std::time::Duration;

use portcullis_limit::Quota;

use super::{bytes::Bytes, log::Terms};

const DAY: u64 = 86_400_000_000_000;
/// How many partitions there are.
pub(super) const PARTITIONS: usize = 3;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The clock goes on by so many 1,024ths of a window.
    Go(u64),
    /// The clock goes on by so many nanoseconds, up to years.
    Idle(u64),
    /// The clock steps back by so many nanoseconds, up to days.
    Back(u64),
    /// The clock jumps to so long before the end of time.
    End(u64),
    Ask {
        partition: usize,
        cost: Cost,
        times: u8,
    },
    /// All partitions are asked as one.
    Joint([Cost; PARTITIONS]),
    /// One of the admissions is given back.
    Refund {
        partition: usize,
        which: u64,
    },
    Reset {
        partition: usize,
    },
    /// A partition gets another quota.
    Change {
        partition: usize,
        terms: Terms,
    },
}

/// A cost by the quota that there is when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cost {
    /// So many 256ths of the units, and at least 1.
    Part(u8),
    /// Any number, that may not fit.
    Number(u64),
}

impl Cost {
    pub(super) fn of(self, units: u32) -> u32 {
        let cost = match self {
            Self::Part(0) => 0,
            Self::Part(parts) => (u64::from(units) * u64::from(parts) / 256).max(1),
            Self::Number(number) => number,
        };
        u32::try_from(cost).unwrap_or(u32::MAX)
    }

    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.byte()? {
            255 => Self::Number(bytes.any_number()?),
            // Mostly small.
            part if part % 4 < 3 => Self::Part(part / 16),
            part => Self::Part(part),
        })
    }
}

/// The next thing that happens.
pub(super) fn step(bytes: &mut Bytes<'_>) -> Option<Step> {
    let code = bytes.byte()?;
    let partition = usize::from(code >> 4) % PARTITIONS;
    Some(match code % 16 {
        0 | 1 => Step::Go(u64::from(bytes.byte()?)),
        2 => Step::Go(bytes.number(2)? % 4_096),
        3 => Step::Idle(bytes.any_number()? % (5 * 365 * DAY)),
        4 => Step::Back(bytes.any_number()? % (2 * DAY)),
        5..=8 => Step::Ask {
            partition,
            cost: Cost::read(bytes)?,
            times: 1,
        },
        9 => {
            let times = bytes.byte()?;
            Step::Ask {
                partition,
                cost: Cost::Part(1),
                times,
            }
        }
        10 | 11 => Step::Joint([Cost::read(bytes)?, Cost::read(bytes)?, Cost::read(bytes)?]),
        12 => Step::Refund {
            partition,
            which: bytes.byte()?.into(),
        },
        13 => Step::Reset { partition },
        14 => Step::Change {
            partition,
            terms: terms(bytes)?,
        },
        _ if code == 0xff => Step::End(bytes.any_number()? % (20 * 365 * DAY)),
        _ => Step::Idle(bytes.byte()?.into()),
    })
}

/// The numbers of a quota that can be built.
pub(super) fn terms(bytes: &mut Bytes<'_>) -> Option<Terms> {
    let (kind, number) = (bytes.byte()?, bytes.byte()?);
    let some = u64::from(number) + 1;
    let units = match kind % 4 {
        0 => number.into(),
        1 => 100,
        2 => 65_530 + u32::from(number % 16),
        _ => u32::MAX - u32::from(number),
    };
    let nanos = match kind / 4 % 8 {
        0 => some,
        1 => bytes.number(2)?,
        2 => bytes.number(2)? * 1_000,
        3 => some * 1_000_000_000,
        4 => some * DAY,
        5 => Quota::MAX_WINDOW.as_secs() * 1_000_000_000 - u64::from(number),
        _ => 60_000_000_000,
    };
    let resolution = if kind < 128 { 32 } else { kind % 32 + 1 };
    Some(Terms {
        units: units.max(1),
        nanos: nanos.max(1),
        resolution,
    })
}

pub(super) fn quota(terms: Terms) -> Option<Quota> {
    let quota = Quota::new(terms.units, Duration::from_nanos(terms.nanos)).ok()?;
    quota.with_resolution(terms.resolution).ok()
}
