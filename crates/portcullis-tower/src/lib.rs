#![doc = include_str!("../README.md")]

mod body;
mod future;
mod layer;
mod refusal;
#[cfg(feature = "retry")]
mod retry;
mod service;
mod span;

pub use body::GateBody;
pub use future::GateFuture;
pub use layer::{GateLayer, PeerAddr, PeerOf};
#[cfg(feature = "retry")]
pub use retry::{Repeat, RetryPolicy, RetryWait};
pub use service::GateService;
