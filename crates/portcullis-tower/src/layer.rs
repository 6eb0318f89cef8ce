//! The layer.

use std::net::IpAddr;

use http::request::Parts;
use portcullis_gate::{Guard, UriOf};
use tower_layer::Layer;

use crate::GateService;

/// How the address of the other end of the connection is found in a request.
pub type PeerOf = fn(&Parts) -> Option<IpAddr>;

/// The address of the other end of the connection: put it into the extensions of each request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PeerAddr(pub IpAddr);

/// Puts a [`Guard`] in front of a service. All state is the gate's; clones share it.
#[derive(Clone, Debug)]
pub struct GateLayer {
    guard: Guard,
    peer_of: PeerOf,
}

impl GateLayer {
    /// A layer that takes the client's address from the extension [`PeerAddr`].
    #[must_use]
    pub fn new(guard: Guard) -> Self {
        Self {
            guard,
            peer_of: |parts| parts.extensions.get().map(|PeerAddr(ip)| *ip),
        }
    }

    /// Takes the client's address from elsewhere.
    #[must_use]
    pub fn with_peer_of(mut self, peer_of: PeerOf) -> Self {
        self.peer_of = peer_of;
        self
    }

    /// Finds here what the client has called; as [`Guard::with_uri_of`].
    #[must_use]
    pub fn with_uri_of(mut self, uri_of: UriOf) -> Self {
        self.guard = self.guard.with_uri_of(uri_of);
        self
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = GateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService::new(inner, self.guard.clone(), self.peer_of)
    }
}
