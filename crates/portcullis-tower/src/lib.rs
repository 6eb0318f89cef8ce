#![doc = include_str!("../README.md")]

mod body;
mod future;
mod layer;
mod service;

pub use body::GateBody;
pub use future::GateFuture;
pub use layer::{GateLayer, PeerAddr, PeerOf};
pub use service::GateService;
