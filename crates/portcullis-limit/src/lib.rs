#![doc = include_str!("../README.md")]

mod asked;
mod backoff;
mod decision;
mod forwarded;
mod headers;
mod ietf;
mod ip;
mod joint;
mod limiter;
mod limits;
mod name;
mod quota;
mod shared;
mod table;
mod window;

pub use asked::asked_wait;
pub use backoff::Backoff;
pub use decision::{Decision, Usage};
pub use forwarded::{client_ip, client_ip_by_forwarded};
pub use headers::{Decimal, RateText, reset_seconds, retry_after_seconds};
pub use ietf::IetfDraft;
pub use ip::IpPartition;
pub use joint::{Joint, Mode, Part, Shadowed, check_all};
pub use limiter::Limiter;
pub use limits::{Charge, Limits, NamedQuota};
pub use name::{LimitName, LimitNameError};
pub use quota::{Quota, QuotaError};
pub use shared::{Outage, SharedCharge, SharedDecision, SharedLimitError, SharedLimiter, Source};
pub use window::Window;
