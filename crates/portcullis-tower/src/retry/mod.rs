//! The client's side: when a request is sent again, and how long that waits.

mod answer;
mod policy;
mod repeat;
mod wait;

pub use policy::RetryPolicy;
pub use repeat::Repeat;
pub use wait::RetryWait;
