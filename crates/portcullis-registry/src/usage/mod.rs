//! How credentials are used: gathered in memory, written by the driver, read by whoever asks who
//! uses a key, from where, why it was refused, and what of it may be narrowed.

mod activity;
mod day;
mod delta;
mod denied;
mod details;
mod network;
mod recent;
mod redact;
mod refusal;
mod report;
mod review;

pub(crate) use activity::{Activity, Uses};
pub use day::{Day, DayUsage, ParseDayError};
pub use delta::UsageDelta;
pub use denied::{Denied, DeniedPage, DeniedQuery};
pub use details::{ParseUsageError, UsageDetails};
pub use network::{Network, ParseNetworkError};
pub(crate) use recent::RecentlyDenied;
pub use refusal::{Refusal, Refusals};
pub use report::{KeyUsage, OwnerUsage};
pub use review::{Finding, KeyReview, Review, ReviewTerms};
